//! Every Sonarr and Radarr: how it is, and how it is reached.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
