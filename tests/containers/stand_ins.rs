//! Plex, Radarr and Sonarr for stories in containers.

fn main() {
    pulsarr_tests::stand_ins::serve();
}
