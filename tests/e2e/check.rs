//! `pulsarr check`: where each value comes from, and who can be reached.

use pulsarr_tests::fakes::{FakeTmdb, PlexResource};
use pulsarr_tests::household::{Done, Household, SETTINGS};

use super::{NOBODY, wanting_two};

fn check(household: &Household, code: i32) -> String {
    let Done { code: ended, stdout, stderr } = household.pulsarr(&["check"]);
    assert_eq!(ended, Some(code), "{stdout}\n{stderr}");
    stdout
}

/// The line of one value, and the source in brackets behind it.
fn assert_value(told: &str, name: &str, value: &str, source: &str) {
    let line = told.lines().find(|line| line.split_whitespace().next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {told}"));
    assert!(line.contains(value) && line.contains(source), "{line}");
}

#[test]
fn each_value_is_shown_with_its_source() {
    let mut household = wanting_two();
    std::fs::write(household.folder().join(".env"), "PULSARR_METRICS_PORT=9191\n").unwrap();
    // The process's own variables would win over both.
    household.vars.retain(|name, _| name != "PULSARR_PORT" && name != "PULSARR_METRICS_PORT");
    household.set("listenPort", "3999");
    let told = check(&household, 0);
    assert_value(&told, "PULSARR_PORT", "3999", "(environment listenPort)");
    assert_value(&told, "PULSARR_METRICS_PORT", "9191", "(environment PULSARR_METRICS_PORT (.env))");
    assert_value(&told, "PULSARR_RUN_LIMIT_S", "200", "(default)");
    assert_value(&told, "plex.token", "(set, 20 characters)", "/pulsarr.yaml:2)");
    assert_value(&told, "instances[0].quality_profile", "HD-1080p", "/pulsarr.yaml:9)");
    assert_value(&told, "instances[1].season_folder", "true", "(default)");
    assert_value(&told, "users.defaults.sync", "true", "(default)");
}

#[test]
fn all_is_well_and_nothing_was_changed() {
    let household = wanting_two();
    household.plex.add_friend("tomas.r");
    let told = check(&household, 0);
    for sentence in [
        "the database is sound",
        "ok  plex: the token belongs to mirela_q",
        "ok  plex: the own watchlist has 2 entries",
        "ok  plex: friends on Plex: tomas.r",
        "ok  movies: Radarr 6.0.3.10276 answers",
        "ok  shows: Sonarr 4.0.19.2979 answers",
    ] {
        assert!(told.contains(sentence), "{sentence}\n{told}");
    }
    assert!(!told.contains("!!"), "{told}");
    let writes = |method: &str| household.radarr.requests(method, "") + household.sonarr.requests(method, "");
    assert_eq!(writes("POST") + writes("PUT") + writes("DELETE"), 0);
    assert!(household.status().contains("No run yet"));
}

#[test]
fn a_refused_token_goes_before_what_is_only_down() {
    let mut household = wanting_two();
    household.set("PLEX_TOKEN", "tok-mistyped-000000");
    household.radarr.set_starting_up(true);
    let told = check(&household, 77);
    assert!(told.contains("!!  plex: Plex refuses the token. Put a new one where"), "{told}");
    assert!(told.contains("!!  movies: Radarr `movies` could not be reached"), "{told}");
    assert!(told.contains("ok  shows"), "{told}");
}

#[test]
fn plex_out_of_reach_is_told_with_69() {
    let mut household = wanting_two();
    household.set("PULSARR_PLEX_TV_URL", NOBODY);
    let told = check(&household, 69);
    assert!(told.contains("!!  plex: Plex: failed to"), "{told}");
    assert!(told.contains("ok  movies") && told.contains("ok  shows"), "{told}");
}

#[test]
fn a_root_folder_that_lost_its_mount_is_told() {
    let household = wanting_two();
    household.radarr.set_accessible("/movies", false);
    let told = check(&household, 69);
    assert!(told.contains("Radarr `movies` cannot read its root folder /movies. Check its mounts."), "{told}");
}

#[test]
fn what_a_rule_names_and_an_instance_lacks_is_told() {
    let household = wanting_two();
    let rules = "rules:\n  - {name: small, route: {to: movies, quality_profile: Tiny, root_folder_path: /nowhere}}\n";
    household.write_settings(&format!("{SETTINGS}{rules}"));
    let told = check(&household, 78);
    assert!(told.contains("!!  movies: Radarr `movies`: for rule `small`, it has no quality profile `Tiny`"), "{told}");
    assert!(told.contains("!!  movies: Radarr `movies`: for rule `small`, it has no root folder `/nowhere`"), "{told}");
}

#[test]
fn tmdb_and_the_plex_server_are_asked_where_they_are_set_up() {
    let (mut household, tmdb) = (wanting_two(), FakeTmdb::start());
    household.set("PULSARR_TMDB_URL", &tmdb.url());
    household.set("TMDB_KEY", &tmdb.token());
    let server = household.plex.server_url();
    let settings = SETTINGS.replacen("plex:\n", &format!("plex:\n  server_url: {server}\n"), 1);
    household.write_settings(&format!("{settings}tmdb: {{api_key: \"${{TMDB_KEY}}\"}}\n"));
    let told = check(&household, 0);
    assert!(told.contains("ok  plex server: it answers") && told.contains("ok  tmdb: it takes the key"), "{told}");

    household.set("TMDB_KEY", "0123456789abcdef0123456789abcdef");
    let told = check(&household, 78);
    assert!(told.contains("!!  tmdb: TMDB: the key is of the old kind, which is not used. Put the API read"), "{told}");
}

#[test]
fn a_plex_server_that_was_chosen_in_the_service_is_shown_its_own_token_by_the_job_too() {
    let mut household = wanting_two();
    household.set("PULSARR_AUTH", "disabled");
    let service = household.serve();
    let (url, machine) = (household.plex.server_url(), household.plex.machine_identifier());
    household.plex.set_resources([PlexResource::new("Attic", &machine).local(&url)]);
    let chosen = service.ask("POST", "/api/v1/plex/server", &[], format!("{{\"url\": \"{url}\"}}").as_bytes());
    assert_eq!(chosen.status, 200, "{chosen:?}");
    service.running.terminate();
    drop(service.running.finish());
    household.plex.clear_journal();
    let told = check(&household, 0);
    assert!(told.contains("ok  plex server: it answers"), "{told}");
    let seen = household.plex.journal().into_iter().filter(|seen| seen.route.starts_with("/server"));
    let shown: Vec<_> = seen.filter_map(|seen| seen.token).collect();
    assert_eq!(shown, [format!("tok-server-{machine}")]);

    // Without the key nobody can open it, and the account's own token is still shown to nobody there.
    std::fs::remove_file(household.data_dir().join("key/vault.key")).unwrap();
    household.plex.clear_journal();
    let told = check(&household, 78);
    assert!(told.contains("!!  plex server: The Plex server is not asked"), "{told}");
    assert!(household.plex.journal().iter().all(|seen| !seen.route.starts_with("/server")));
}

#[test]
fn offline_asks_nobody_and_makes_nothing() {
    let household = wanting_two();
    let done = household.pulsarr(&["check", "--offline"]);
    assert_eq!(done.code, Some(0));
    assert_value(&done.stdout, "instances[0].name", "movies", "/pulsarr.yaml:4)");
    let Household { plex, radarr, sonarr, .. } = &household;
    assert_eq!((plex.journal().len(), radarr.journal().len(), sonarr.journal().len()), (0, 0, 0));
    assert!(!household.data_dir().exists());
}

#[test]
fn what_only_looks_like_ours_is_warned_about() {
    let mut household = wanting_two();
    household.set("PULSARR_PORT", "tcp://10.43.0.17:3003");
    household.set("PULSARR_PAGE_PAUSE_MS", "5");
    let told = check(&household, 0);
    assert!(told.contains("! PULSARR_PORT=`tcp://10.43.0.17:3003` is ignored"), "{told}");
    assert!(told.contains("PULSARR_PAGE_PAUSE_MS"), "{told}");
}
