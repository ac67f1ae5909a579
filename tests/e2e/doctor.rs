//! `pulsarr doctor`: worlds with something broken in them, and what it says. It changes nothing in any of them.

use std::fs;

use pulsarr_tests::fakes::{FakeTmdb, Fault};
use pulsarr_tests::household::{Done, Household, SETTINGS};
use rusqlite::Connection;
use serde_json::Value;

use super::backup::{backed_up, folder, names};
use super::volume::Volume;
use super::webhooks::connected;
use super::{NOBODY, wanting_two};

fn doctor(household: &Household) -> Done {
    household.pulsarr(&["doctor", "--report", "json"])
}

/// Its findings of this level, a line each: `area: sentence`.
fn findings(report: &Value, level: &str) -> Vec<String> {
    let all = report["findings"].as_array().unwrap_or_else(|| panic!("no findings in {report:#}"));
    let of_level = all.iter().filter(|finding| finding["level"] == level);
    of_level.map(|it| format!("{}: {}", it["area"].as_str().unwrap(), it["sentence"].as_str().unwrap())).collect()
}

/// Ends with `code`, and says that this, and nothing else, does not work.
fn assert_ill(done: &Done, code: i32, expected: &[&str]) {
    let report = done.report();
    let ill = findings(&report, "ill");
    assert_eq!(done.code, Some(code), "{ill:#?}\n{}", done.stderr);
    assert_eq!((&report["exit_code"], ill.len()), (&code.into(), expected.len()), "{ill:#?}");
    for (said, words) in ill.iter().zip(expected) {
        assert!(said.contains(words), "{said} lacks {words}");
    }
}

#[test]
fn in_a_household_where_all_is_well_it_says_so_and_changes_nothing() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    backed_up(&household);
    let before = names(&household.data_dir());

    let done = doctor(&household);

    assert_ill(&done, 0, &[]);
    let report = done.report();
    let well = findings(&report, "well").join("\n");
    for words in [
        "versions: pulsarr ",
        "with SQLite 3.",
        "configuration: it has no mistakes; the settings file is ",
        "can be written to by user ",
        "are free",
        &format!("(process {}) since ", service.running.id()),
        "locks: no sync is running",
        "store: it is sound; it has ",
        "this program's own",
        "store: its write-ahead log has ",
        "backups: the newest of 1 is sound and ",
        "clock: it is as late here as at ",
        "upstreams: plex.tv can be reached (HTTP ",
        "upstreams: Plex's own lists can be reached (HTTP ",
        "upstreams: Plex's friends can be reached (HTTP ",
        "upstreams: Plex's catalogue can be reached (HTTP ",
        "upstreams: Plex's feeds can be reached (HTTP ",
        "upstreams: plex: the token belongs to mirela_q",
        "upstreams: movies: Radarr ",
        "upstreams: shows: Sonarr ",
        "webhooks: Radarr `movies` reaches pulsarr at http://127.0.0.1:",
        "webhooks: Sonarr `shows` reaches pulsarr at ",
    ] {
        assert!(well.contains(words), "{words} is not in\n{well}");
    }
    assert_eq!(names(&household.data_dir()), before);
    let text = household.pulsarr(&["doctor"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    assert!(text.stdout.contains("\nStore\n  ✓ it is sound; it has "), "{}", text.stdout);
    assert!(!text.stdout.contains('✗'), "{}", text.stdout);
    let termination = household.folder().join("termination-log");
    fs::write(&termination, "the service's own").unwrap();
    assert_eq!(doctor(&household).code, Some(0));
    assert_eq!(
        fs::read_to_string(&termination).unwrap(),
        "the service's own",
        "it is mostly started beside the service"
    );
    assert!(household.plex.journal().iter().all(|seen| seen.method != "PUT" && seen.method != "DELETE"));
}

#[test]
fn tmdb_and_the_plex_server_are_reached_and_asked_where_they_are_set_up() {
    let (mut household, tmdb) = (wanting_two(), FakeTmdb::start());
    household.set("PULSARR_TMDB_URL", &tmdb.url());
    household.set("TMDB_KEY", &tmdb.token());
    let server = household.plex.server_url();
    let settings = SETTINGS.replacen("plex:\n", &format!("plex:\n  server_url: {server}\n"), 1);
    household.write_settings(&format!("{settings}tmdb: {{api_key: \"${{TMDB_KEY}}\"}}\n"));
    household.sync_well();
    let well = findings(&doctor(&household).report(), "well").join("\n");
    for words in ["the Plex server can be reached (HTTP ", "TMDB can be reached (HTTP ", "tmdb: it takes the key"] {
        assert!(well.contains(words), "{words} is not in\n{well}");
    }
    household.set("PULSARR_TMDB_URL", NOBODY);
    let ill = findings(&doctor(&household).report(), "ill");
    assert!(ill.len() == 1 && ill[0].contains("TMDB"), "{ill:#?}");
}

#[test]
fn before_anything_is_there_it_says_what_is_to_be_done_and_makes_nothing() {
    let mut household = Household::new();
    household.write_settings("");
    household.vars.remove("PLEX_TOKEN");
    let done = doctor(&household);
    assert_ill(&done, 0, &[]);
    let attention = findings(&done.report(), "attention").join("\n");
    for words in ["is not there yet", "Plex is not linked", "no instance is set up"] {
        assert!(attention.contains(words), "{words} is not in\n{attention}");
    }
    assert!(!household.data_dir().exists());
}

#[test]
fn an_instance_that_is_not_there_is_told_apart_from_a_name_that_is_not_known() {
    let household = wanting_two();
    household.sync_well();
    household.write_settings(&SETTINGS.replace("${RADARR_URL}", NOBODY));
    let done = doctor(&household);
    assert_ill(&done, 69, &["upstreams: Radarr `movies`: nobody takes a connection at 127.0.0.1:1 ("]);
    let well = findings(&done.report(), "well").join("\n");
    assert!(well.contains("shows: Sonarr ") && well.contains("the token belongs to"), "{well}");

    household.write_settings(&SETTINGS.replace("${SONARR_URL}", "http://sonarr.invalid:8989"));
    assert_ill(&doctor(&household), 69, &["upstreams: Sonarr `shows`: no address is known for sonarr.invalid ("]);

    household.write_settings(SETTINGS);
    household.radarr.inject(Fault::on("ANY", "").reset().before_effect());
    assert_ill(&doctor(&household), 69, &["Radarr `movies`: somebody takes connections at 127.0.0.1:"]);
}

#[test]
fn a_key_and_a_token_that_are_refused_are_told_with_where_the_right_ones_are() {
    let mut household = wanting_two();
    household.sync_well();
    household.set("RADARR_API_KEY", "ffffffffffffffffffffffffffffffff");
    assert_ill(
        &doctor(&household),
        77,
        &["upstreams: movies: Radarr `movies` refuses the API key. Copy the key again"],
    );
    household.set("PLEX_TOKEN", "tok-nobody-knows");
    let expected =
        ["upstreams: plex: Plex refuses the token. Put a new one where", "upstreams: movies: Radarr `movies` refuses"];
    assert_ill(&doctor(&household), 77, &expected);
}

#[test]
fn plex_is_left_alone_while_it_wants_to_be() {
    let household = wanting_two();
    household.sync_well();
    // As a run notes that was answered with `Retry-After: 600`.
    let store = Connection::open(household.database()).unwrap();
    let noted = "INSERT INTO settings (key, value) VALUES ('plex.cool_until_ms', (unixepoch() + 600) * 1000)";
    store.execute(noted, []).unwrap();
    drop(store);
    household.clear_journals();
    let done = doctor(&household);
    assert_ill(&done, 0, &[]);
    let attention = findings(&done.report(), "attention").join("\n");
    assert!(attention.contains("Plex was not asked: it wants to be left alone until 20"), "{attention}");
    assert!(household.plex.journal().is_empty());
}

#[test]
fn an_instance_that_cannot_call_the_service_is_told_in_its_own_words() {
    let mut household = wanting_two();
    let _service = connected(&mut household);
    // As after a change of the settings that the service has not seen: the doctor and Radarr go by another address.
    let made = household.radarr.connections();
    let id = made[0].url.split("?from=").nth(1).unwrap().to_owned();
    household.set("PULSARR_BASE_URL", NOBODY);
    let url = format!("{NOBODY}/webhook/movies?from={id}");
    household.radarr.reconnect(made[0].id, &serde_json::json!({"url": url}));
    let done = doctor(&household);
    let expected = [
        "webhooks: Radarr `movies` was given the address http://127.0.0.1:1/webhook/movies and says `",
        "webhooks: Sonarr `shows` was given the address http://127.0.0.1:",
    ];
    assert_ill(&done, 78, &expected);
    assert_eq!(household.radarr.connections()[0].url, url, "nothing was mended");
}

#[test]
fn a_damaged_store_is_found_and_a_newer_one_is_not_for_us() {
    let household = wanting_two();
    household.sync_well();
    let sound = fs::read(household.database()).unwrap();
    let mut damaged = sound.clone();
    let middle = sound.len() / 2 / 4096 * 4096;
    damaged[middle..].fill(0xa5);
    fs::write(household.database(), &damaged).unwrap();
    let done = doctor(&household);
    assert_ill(&done, 78, &["store: failed to read the database: it is damaged"]);
    assert!(fs::read(household.database()).unwrap() == damaged);

    fs::write(household.database(), &sound).unwrap();
    let store = Connection::open(household.database()).unwrap();
    store.pragma_update(None, "user_version", 99).unwrap();
    store.execute("UPDATE settings SET value = '99' WHERE key = 'schema.readable_from'", []).unwrap();
    drop(store);
    assert_ill(&doctor(&household), 78, &["store: its schema is 99, and this program knows "]);
}

#[test]
fn whoever_holds_the_lock_for_too_long_is_named() {
    let household = wanting_two();
    household.sync_well();
    let lock = household.data_dir().join("run/sync.lock");
    let holder = r#"{"host":"pulsarr-sync-x7","pid":1,"run_id":"r-old","since_ms":1700000000000}"#;
    fs::write(&lock, holder).unwrap();
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let done = doctor(&household);
    assert_ill(&done, 0, &[]);
    let attention = findings(&done.report(), "attention").join("\n");
    let words = "a sync is running: run r-old on pulsarr-sync-x7 (process 1) since 2023-11-14T22:13:20.000Z, for ";
    assert!(attention.contains(words) && attention.contains("the service is not running"), "{attention}");
}

#[test]
fn a_clock_that_differs_from_everybodys_is_told() {
    let household = wanting_two();
    household.sync_well();
    // They are years behind, so we are ahead of them.
    let late = || Fault::on("HEAD", "").date("Mon, 23 Nov 2020 12:00:00 GMT");
    household.plex.inject(late());
    household.radarr.inject(late());
    let done = doctor(&household);
    assert_ill(&done, 0, &[]);
    let attention = findings(&done.report(), "attention").join("\n");
    assert!(
        attention.contains("clock: by the clock of Radarr `movies` we are ")
            && attention.contains(" days ahead, and others agree"),
        "{attention}"
    );
    household.sonarr.inject(late());
    let done = doctor(&household);
    assert_ill(&done, 1, &["clock: this machine's clock is "]);
}

#[test]
fn a_volume_that_is_read_only_or_full_is_told() {
    let household = wanting_two();
    let Some(volume) = Volume::mount(&household, 16_384) else { return };
    household.sync_well();
    volume.fill(100);
    assert_ill(&doctor(&household), 1, &["volume: the volume is full: "]);
    volume.free();
    volume.remount("ro");
    assert_ill(&doctor(&household), 78, &["lies on a file system that is read-only"]);
    volume.remount("rw");
}

#[test]
fn a_data_folder_that_is_a_file_is_told() {
    let household = wanting_two();
    fs::write(household.data_dir(), "not a folder").unwrap();
    assert_ill(&doctor(&household), 78, &["is no folder"]);
}

#[test]
fn mistakes_in_the_settings_are_told_and_the_rest_is_looked_at_all_the_same() {
    let household = wanting_two();
    household.sync_well();
    household.write_settings("plex:\n  friend: true\n");
    let done = doctor(&household);
    let report = done.report();
    assert_eq!(done.code, Some(78), "{report:#}");
    let ill = findings(&report, "ill").join("\n");
    assert!(ill.contains("plex.friend: unknown key `friend`"), "{ill}");
    assert!(findings(&report, "well").join("\n").contains("store: it is sound"), "{report:#}");
}

#[test]
fn a_backup_that_is_damaged_is_found() {
    let household = wanting_two();
    household.sync_well();
    backed_up(&household);
    let newest = backed_up(&household);
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..].fill(0xa5);
    fs::write(&newest, bytes).unwrap();
    let report = doctor(&household).report();
    let attention = findings(&report, "attention").join("\n");
    assert!(attention.contains("backups: the newest backup is not sound"), "{attention}");
    assert!(findings(&report, "well").join("\n").contains("backups: the newest of 2 is sound"), "{report:#}");
    assert_eq!(names(&folder(&household)).len(), 2);

    let older = names(&folder(&household)).remove(0);
    let file = folder(&household).join(older);
    assert_eq!(household.pulsarr(&["restore", file.to_str().unwrap()]).code, Some(0));
    let attention = findings(&doctor(&household).report(), "attention").join("\n");
    assert!(attention.contains(" that was replaced by a restore is in the folder db-before-20"), "{attention}");
}
