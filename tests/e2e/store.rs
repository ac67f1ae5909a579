//! A database that cannot be used is refused and left as it is, never reset.

use std::path::Path;

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Done, Household};
use pulsarr_tests::programs::program;

use super::{SALT_LEDGER, adds, library, wanting_two};

/// Every command that needs the store ends with 78 and a sentence, and not a byte changes.
fn assert_refused(household: &Household, sentences: &[&str]) {
    let before = std::fs::read(household.database()).unwrap();
    household.clear_journals();
    for arguments in [&["sync"][..], &["sync", "--dry-run"], &["check"], &["status"], &["explain", "x"]] {
        let done = household.pulsarr(arguments);
        assert_eq!(done.code, Some(78), "{arguments:?}\n{}\n{}", done.stdout, done.stderr);
        for sentence in sentences {
            assert!(done.stderr.contains(sentence), "{arguments:?} lacks `{sentence}`:\n{}", done.stderr);
        }
        assert!(std::fs::read(household.database()).unwrap() == before, "{arguments:?} changed the file");
    }
    let Household { plex, radarr, sonarr, .. } = household;
    assert_eq!((plex.journal().len(), radarr.journal().len(), sonarr.journal().len()), (0, 0, 0));
}

#[test]
fn a_database_that_only_a_newer_version_can_read_is_refused_and_left_alone() {
    let household = wanting_two();
    household.sync_well();
    let store = rusqlite::Connection::open(household.database()).unwrap();
    let version: u32 = store.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    store.pragma_update(None, "user_version", 99).unwrap();
    store.execute("UPDATE settings SET value = '99' WHERE key = 'schema.readable_from'", []).unwrap();
    drop(store);

    assert_refused(
        &household,
        &[
            &format!("it has schema 99, and this program knows up to {version}"),
            "Run the newer version of pulsarr again, or restore a backup from before the upgrade.",
        ],
    );

    rusqlite::Connection::open(household.database()).unwrap().pragma_update(None, "user_version", version).unwrap();
    household.sync_well();
    assert_eq!((library(&household.radarr), adds(&household.radarr)), (vec![SALT_LEDGER], 0), "nothing was lost");
}

#[test]
fn a_damaged_database_is_refused_and_left_alone() {
    let household = wanting_two();
    household.sync_well();
    let sound = std::fs::read(household.database()).unwrap();
    let sentences = ["it is damaged", "Nothing was changed. Keep a copy of the file and restore the latest backup."];

    let mut overwritten = sound.clone();
    overwritten[..4096].fill(b'#');
    std::fs::write(household.database(), &overwritten).unwrap();
    assert_refused(&household, &sentences);

    let mut cut = sound.clone();
    cut.truncate(sound.len() / 2 + 100);
    std::fs::write(household.database(), &cut).unwrap();
    let checked = household.pulsarr(&["check"]);
    assert_eq!(checked.code, Some(78), "{}", checked.stderr);
    assert!(checked.stderr.contains(sentences[0]) && checked.stderr.contains(sentences[1]), "{}", checked.stderr);

    std::fs::write(household.database(), &sound).unwrap();
    household.sync_well();
    assert_eq!(adds(&household.radarr), 0, "with the backup back in place, all is known again");
}

#[test]
fn a_page_that_holds_nonsense_is_found_by_check() {
    let household = wanting_two();
    household.sync_well();
    let store = rusqlite::Connection::open(household.database()).unwrap();
    let root: u32 =
        store.query_row("SELECT rootpage FROM sqlite_master WHERE name = 'entries'", [], |row| row.get(0)).unwrap();
    drop(store);
    let root = root as usize;
    let mut bytes = std::fs::read(household.database()).unwrap();
    bytes[(root - 1) * 4096..root * 4096].fill(0xa5);
    std::fs::write(household.database(), &bytes).unwrap();

    let checked = household.pulsarr(&["check"]);
    assert_eq!(checked.code, Some(78), "{}\n{}", checked.stdout, checked.stderr);
    assert!(checked.stderr.contains("it is damaged"), "{}", checked.stderr);
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    let done = household.sync();
    assert_eq!(done.code, Some(78), "{}", done.stderr);
    assert!(done.stderr.contains("restore the latest backup"), "{}", done.stderr);
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1), "a run that cannot remember adds nothing");
}

#[test]
fn a_run_whose_log_cannot_be_merged_into_the_database_is_a_good_run_with_a_warning() {
    let household = wanting_two();
    household.sync_well();
    let store = rusqlite::Connection::open(household.database()).unwrap();
    store.execute("INSERT INTO settings (key, value) VALUES ('ballast', ?1)", ["x".repeat(6 << 20)]).unwrap();
    drop(store);
    let owner = household.plex.owner_uuid();
    (0..60).for_each(|n| household.plex.watch(&owner, Title::numbered_movie(n)));

    // No file may grow beyond three megabytes: the write-ahead log stays below that, and the end of the database is above.
    let limited = "trap '' XFSZ; ulimit -f 6144; exec \"$0\" sync --report json";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited]).arg(program("pulsarr")).env_clear().envs(&household.vars);
    let done = Done::from(command.current_dir(household.folder()).output().unwrap());

    assert_eq!((done.code, &done.report()["run"]["result"]), (Some(0), &"ok".into()), "{}", done.stderr);
    assert_eq!(done.report()["placements"]["added"], 60);
    assert!(
        done.stderr.contains("the run is done, but tidying up after it failed to use the database"),
        "{}",
        done.stderr
    );

    household.sync_well();
    assert_eq!((adds(&household.radarr), library(&household.radarr).len()), (61, 61), "and nothing was forgotten");
}

#[test]
fn a_data_folder_that_is_a_file_is_named() {
    let household = wanting_two();
    std::fs::write(household.data_dir(), "not a folder").unwrap();
    let done = household.sync();
    assert_eq!(done.code, Some(78));
    assert!(done.stderr.contains("failed to use the data folder"), "{}", done.stderr);
    assert!(done.stderr.contains("Check that PULSARR_DATA_DIR names a folder"), "{}", done.stderr);
    assert_eq!(std::fs::read(household.data_dir()).unwrap(), b"not a folder");
}

#[test]
fn the_same_folder_under_another_name_is_the_same_store() {
    let mut household = wanting_two();
    household.sync_well();
    let moved = household.folder().join("moved");
    std::fs::rename(household.data_dir(), &moved).unwrap();
    household.set("PULSARR_DATA_DIR", path(&moved));
    household.sync_well();
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1));
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
