//! `pulsarr backup`: one sound file more, whatever goes on meanwhile; or none, and those that were there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pulsarr_tests::household::{Household, wait_until};
use rusqlite::Connection;

use super::tampered::{CHANGES, can_tamper, killed_at_every, start_tampered, tampered};
use super::volume::Volume;
use super::wanting_two;
use super::webhooks::{connected, password, post};

const BACKUP: [&str; 3] = ["backup", "--report", "json"];

/// Where backups lie that were not sent elsewhere.
pub(super) fn folder(household: &Household) -> PathBuf {
    household.data_dir().join("backup")
}

/// What lies in a folder, in order.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// A backup that is made without a complaint.
pub(super) fn backed_up(household: &Household) -> PathBuf {
    let done = household.pulsarr(&BACKUP);
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    let report = done.report();
    assert_eq!((&report["command"], &report["result"]), (&"backup".into(), &"ok".into()), "{report:#}");
    PathBuf::from(report["file"].as_str().unwrap())
}

/// The store at `path`, which has to be sound.
pub(super) fn sound(path: &Path) -> Connection {
    let store = Connection::open(path).unwrap();
    let verdict: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok", "{}", path.display());
    store
}

/// How many rows `what` has: a table, with a condition or without.
pub(super) fn count(store: &Connection, what: &str) -> u32 {
    store.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
}

/// The same in the file by itself, somewhere else: it is sound, and nothing is missing beside it.
fn count_elsewhere(file: &Path, what: &str) -> u32 {
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("alone.db");
    fs::copy(file, &copy).unwrap();
    count(&sound(&copy), what)
}

/// A store of which the disk has lost all behind the middle.
pub(super) fn damaged(mut store: Vec<u8>) -> Vec<u8> {
    let middle = store.len() / 2 / 4096 * 4096;
    store[middle..].fill(0xa5);
    store
}

/// A backup that is there already, while another one is tried.
struct Good {
    file: PathBuf,
    bytes: Vec<u8>,
}

impl Good {
    fn of(household: &Household) -> Self {
        let file = backed_up(household);
        Self { bytes: fs::read(&file).unwrap(), file }
    }

    fn is_unchanged(&self, told: &str) {
        assert!(fs::read(&self.file).unwrap() == self.bytes, "{told}: the older one changed");
    }

    /// Unchanged, and nothing lies beside it, not even half of another one.
    fn is_alone(&self, told: &str) {
        self.is_unchanged(told);
        assert_eq!(names(self.file.parent().unwrap()), [self.file.file_name().unwrap().to_str().unwrap()], "{told}");
    }
}

/// A household after its first run, that can be tampered with, and its first backup.
fn with_a_good_one() -> Option<(Household, Good)> {
    let household = wanting_two();
    household.sync_well();
    let good = Good::of(&household);
    can_tamper().then_some((household, good))
}

#[test]
fn backups_are_made_while_webhooks_come_in_and_hold_all_that_was_acknowledged_before() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    let secret = password(&household, "movies");
    let (acknowledged, over) = (AtomicU32::new(0), AtomicBool::new(false));
    let made = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            // Fewer than the rows that are kept of webhooks that were acted on.
            for movie in 5_000_000..5_001_500 {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let body = format!(
                    r#"{{"eventType": "Download", "isUpgrade": false, "movie": {{"id": 7, "tmdbId": {movie}}}}}"#
                );
                assert_eq!(post(&service, "movies", &secret, body.as_bytes()), 200);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        });
        wait_until("webhooks come in", || acknowledged.load(Ordering::SeqCst) >= 20 || sender.is_finished());
        let made: Vec<(u32, PathBuf)> =
            (0..3).map(|_| (acknowledged.load(Ordering::SeqCst), backed_up(&household))).collect();
        over.store(true, Ordering::SeqCst);
        sender.join().unwrap();
        made
    });
    assert!(acknowledged.load(Ordering::SeqCst) > made[2].0, "webhooks were taken while the last one was made");
    assert_eq!(names(&folder(&household)).len(), 3, "and nothing beside them: {:?}", names(&folder(&household)));
    for (before, file) in made {
        // By their rows: of those that were acted on, only the last 50 keep their body.
        let stored = count_elsewhere(&file, "inbox WHERE event = 'Download'");
        assert!(stored >= before, "{before} were acknowledged before, and {stored} are in it");
        assert_eq!(count_elsewhere(&file, "entries"), 2);
    }
}

#[test]
fn a_week_of_backups_is_kept_and_what_others_put_there_stays() {
    let household = wanting_two();
    household.sync_well();
    let first = backed_up(&household);
    fs::write(folder(&household).join("by-hand.db"), "mine").unwrap();
    let last: Vec<PathBuf> = (0..7).map(|_| backed_up(&household)).collect();
    let left = names(&folder(&household));
    assert_eq!((left.len(), left[0].as_str()), (8, "by-hand.db"), "{left:?}");
    assert!(!first.exists() && last.iter().all(|file| file.exists()));

    let elsewhere = household.folder().join("elsewhere");
    let to = elsewhere.to_str().unwrap();
    fs::write(household.folder().join("termination-log"), "").unwrap();
    for _ in 0..3 {
        let done = household.pulsarr(&["backup", "--keep", "2", "--to", to]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.contains("looked at as a whole, and sound"), "{}", done.stdout);
    }
    assert_eq!((names(&elsewhere).len(), names(&folder(&household)).len()), (2, 8));
    let termination = fs::read_to_string(household.folder().join("termination-log")).unwrap();
    assert!(termination.contains("\"command\":\"backup\"") && termination.contains(to), "{termination}");
}

#[test]
fn before_the_first_run_there_is_nothing_to_back_up_and_nothing_is_made() {
    let household = Household::new();
    let done = household.pulsarr(&BACKUP);
    assert_eq!((done.code, &done.report()["result"]), (Some(0), &"nothing".into()), "{}", done.stderr);
    assert!(!household.data_dir().exists());
}

#[test]
fn a_second_backup_at_the_same_time_is_told_who_makes_the_first() {
    let household = wanting_two();
    household.sync_well();
    backed_up(&household);
    let held = fs::File::open(household.data_dir().join("run/backup.lock")).unwrap();
    held.lock().unwrap();
    let done = household.pulsarr(&BACKUP);
    assert_eq!((done.code, &done.report()["result"]), (Some(75), &"busy".into()), "{}", done.stderr);
    let summary = done.report()["summary"].as_str().unwrap().to_owned();
    assert!(summary.starts_with("Another backup is being made: run backup on "), "{summary}");
    assert_eq!(names(&folder(&household)).len(), 1);
}

#[test]
fn a_damaged_store_makes_no_backup_and_takes_none_away() {
    let household = wanting_two();
    household.sync_well();
    let good = Good::of(&household);
    fs::write(household.database(), damaged(fs::read(household.database()).unwrap())).unwrap();
    let done = household.pulsarr(&["backup", "--keep", "1"]);
    assert!(matches!(done.code, Some(1 | 78)), "{:?}\n{}", done.code, done.stderr);
    assert!(done.stderr.contains("damaged") || done.stderr.contains("malformed"), "{}", done.stderr);
    good.is_alone("of a damaged store");
}

#[test]
fn a_full_volume_is_told_before_anything_is_written() {
    let household = wanting_two();
    let Some(volume) = Volume::mount(&household, 16_384) else { return };
    household.sync_well();
    let good = Good::of(&household);
    for left_kib in [0, 40, 200] {
        volume.fill(left_kib);
        let done = household.pulsarr(&["backup", "--keep", "1"]);
        assert_eq!(done.code, Some(1), "{left_kib} KiB left: {}", done.stderr);
        // With nothing left at all, the store cannot even be opened.
        assert!(done.stderr.contains(" are free") || left_kib == 0, "{left_kib} KiB left: {}", done.stderr);
        assert!(done.stderr.contains("Free some space"), "{left_kib} KiB left: {}", done.stderr);
        volume.free();
        good.is_alone(&format!("{left_kib} KiB left"));
    }
    backed_up(&household);
}

#[test]
fn a_volume_that_becomes_full_meanwhile_leaves_nothing_half_made() {
    let Some((household, good)) = with_a_good_one() else { return };
    const FULL: &str = "no space is left on its volume";
    for (call, from, words) in
        [("pwrite64", 1, FULL), ("pwrite64", 9, FULL), ("pwrite64", 60, FULL), ("fsync", 1, "disk I/O error")]
    {
        let done = tampered(&household, call, &format!("error=ENOSPC:when={from}+"), &["backup", "--keep", "1"]);
        let told = format!("{call} from number {from} on: {}", done.stderr);
        assert!(done.code == Some(1) && done.stderr.contains(words), "{:?} {told}", done.code);
        good.is_alone(&told);
    }
}

#[test]
fn killed_at_any_step_it_leaves_no_half_file_under_a_name_of_a_backup_and_the_next_one_tidies_up() {
    let Some((household, good)) = with_a_good_one() else { return };
    let mut killed = 0;
    for call in CHANGES {
        killed += killed_at_every(
            &household,
            call,
            &["backup"],
            || {},
            |when| {
                good.is_unchanged(when);
                for name in names(&folder(&household)).iter().filter(|name| name.ends_with(".db")) {
                    let file = folder(&household).join(name);
                    assert_eq!(count_elsewhere(&file, "entries"), 2, "{when}: {name}");
                    // One that was finished before its maker was killed; the older one is to stay among the seven.
                    if file != good.file {
                        fs::remove_file(file).unwrap();
                    }
                }
            },
        );
        let left = names(&folder(&household));
        assert!(left.iter().all(|name| name.ends_with(".db")), "the one that was not killed tidies up: {left:?}");
    }
    assert!(killed > 20, "it was killed only {killed} times");
}

#[test]
fn told_to_stop_it_stops_and_leaves_nothing() {
    let household = wanting_two();
    household.sync_well();
    if !can_tamper() {
        return;
    }
    // Every page takes a tenth of a second.
    let running = start_tampered(&household, "pwrite64", "delay_enter=100000", &BACKUP);
    wait_until("it writes", || names(&folder(&household)).iter().any(|name| name.ends_with(".tmp")));
    running.terminate();
    let done = running.finish();
    assert_eq!(done.code, Some(143), "{}", done.stderr);
    assert!(done.report()["summary"].as_str().unwrap().contains("it was told to stop"), "{}", done.stdout);
    assert_eq!(names(&folder(&household)), [""; 0]);
}

#[test]
fn a_mistake_in_the_settings_keeps_nobody_from_a_backup_and_its_return_and_from_upkeep() {
    let household = wanting_two();
    household.sync_well();
    household.write_settings("nonsense: true\n");
    assert_eq!(household.sync().code, Some(78));
    let file = backed_up(&household);
    let done = household.pulsarr(&["upkeep"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let done = household.pulsarr(&["restore", file.to_str().unwrap()]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}
