//! `pulsarr restore`: a backup in the place of the store, whole, or nothing at all; and what works afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, wait_until};
use pulsarr_tests::session::Session;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::backup::{backed_up, count, damaged, names, sound};
use super::tampered::{CHANGES, can_tamper, killed_at_every, tampered};
use super::volume::Volume;
use super::webhooks::connected;
use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};

/// A backup of a household with two titles, moved out of the data folder; since then a third title was added.
fn with_a_backup() -> (Household, PathBuf) {
    let household = wanting_two();
    household.sync_well();
    let backup = household.folder().join("kept.db");
    fs::rename(backed_up(&household), &backup).unwrap();
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    household.sync_well();
    (household, backup)
}

fn restore(household: &Household, file: &Path, more: &[&str]) -> pulsarr_tests::household::Done {
    let mut arguments = vec!["restore", "--report", "json", file.to_str().unwrap()];
    arguments.extend(more);
    household.pulsarr(&arguments)
}

fn restored(household: &Household, file: &Path) -> Value {
    let done = restore(household, file, &[]);
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    done.report()
}

/// How many entries the store at `path` has; it has to be sound.
fn entries_at(path: &Path) -> u32 {
    count(&sound(path), "entries")
}

/// What lies in the data folder, but for the locks.
fn at_rest(household: &Household) -> Vec<String> {
    names(&household.data_dir()).into_iter().filter(|name| name != "run").collect()
}

#[test]
fn a_backup_takes_the_place_of_the_store_and_the_old_one_is_kept_and_can_be_restored_in_turn() {
    let (household, backup) = with_a_backup();
    let report = restored(&household, &backup);

    assert_eq!((&report["result"], &report["counts"]["entries"]), (&"ok".into(), &2.into()), "{report:#}");
    assert_eq!((&report["secrets_lost"], &report["dry_run"]), (&json!([]), &json!(false)));
    assert_eq!(entries_at(&household.database()), 2);
    let replaced = PathBuf::from(report["replaced"].as_str().unwrap());
    assert_eq!(entries_at(&replaced.join("pulsarr.db")), 3);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&household.database()), 0o600, "it is nobody else's to read");

    // What was forgotten is found in Radarr and not added again; what was known is still known.
    assert!(household.explain("Salt Ledger").contains("`movies`: added"));
    household.sync_well();
    assert_eq!((library(&household.radarr), adds(&household.radarr)), (vec![SALT_LEDGER, 900_066], 2));
    assert!(household.explain("The Loud Duke").contains("`movies`: present"));

    let report = restored(&household, &replaced.join("pulsarr.db"));
    assert_eq!(report["counts"]["entries"], 3);
    assert!(household.explain("The Loud Duke").contains("`movies`: added"), "as it was told at first");
    household.sync_well();
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (2, 1));
}

#[test]
fn a_dry_run_tells_what_would_come_of_it_and_changes_nothing() {
    let (mut household, backup) = with_a_backup();
    let (before, files) = (fs::read(household.database()).unwrap(), names(household.folder()));
    let done = restore(&household, &backup, &["--dry-run"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = done.report();
    assert_eq!((&report["dry_run"], &report["counts"]["entries"]), (&json!(true), &json!(2)), "{report:#}");
    assert!(report["replaced"].as_str().unwrap().contains("/db-before-"), "{report:#}");
    assert!(fs::read(household.database()).unwrap() == before);
    assert!(!at_rest(&household).iter().any(|name| name.starts_with("db-")), "{:?}", at_rest(&household));
    assert_eq!(names(household.folder()), files, "nor is anything left beside the backup");

    let absent = household.folder().join("absent");
    household.set("PULSARR_DATA_DIR", absent.to_str().unwrap());
    let done = household.pulsarr(&["restore", "--dry-run", backup.to_str().unwrap()]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("would be restored") && done.stdout.contains("there was no store"), "{}", done.stdout);
    assert!(!absent.exists());
}

#[test]
fn the_service_keeps_its_store_and_is_named() {
    let (mut household, backup) = with_a_backup();
    let service = connected(&mut household);
    let done = restore(&household, &backup, &["--lock-wait", "0s"]);
    assert_eq!((done.code, &done.report()["result"]), (Some(75), &"busy".into()), "{}", done.stderr);
    let summary = done.report()["summary"].as_str().unwrap().to_owned();
    for part in ["the service holds the store", &format!("process {}", service.running.id()), "Stop it first"] {
        assert!(summary.contains(part), "{summary} lacks {part}");
    }
    assert_eq!(service.get("/readyz").status, 200);
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));
    assert_eq!(entries_at(&household.database()), 3);
    restored(&household, &backup);
    assert_eq!(entries_at(&household.database()), 2);
    let service = household.serve();
    assert_eq!(service.get("/readyz").status, 200);
}

#[test]
fn a_sync_keeps_its_store_and_is_named_and_so_is_anybody_else_who_has_it_open() {
    let (household, backup) = with_a_backup();
    let lock = household.data_dir().join("run/sync.lock");
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let holder: Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
    let done = restore(&household, &backup, &["--lock-wait", "0s"]);
    assert_eq!((done.code, &done.report()["result"]), (Some(75), &"busy".into()), "{}", done.stderr);
    let summary = done.report()["summary"].as_str().unwrap().to_owned();
    assert!(summary.starts_with("Nothing was restored: another sync is running: run "), "{summary}");
    assert!(summary.contains(holder["run_id"].as_str().unwrap()), "{summary}");
    drop(held);

    // Without a lock, but with the store: such as a `status` that hangs.
    let open = Connection::open(household.database()).unwrap();
    open.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, u32>(0)).unwrap();
    let done = restore(&household, &backup, &[]);
    assert_eq!(done.code, Some(75), "{}", done.stderr);
    assert!(done.stderr.contains("another process has the store open. Nothing was changed."), "{}", done.stderr);
    drop(open);
    assert_eq!(entries_at(&household.database()), 3);
    assert!(!at_rest(&household).iter().any(|name| name.starts_with("db-")), "{:?}", at_rest(&household));
}

#[test]
fn told_to_end_while_it_waits_for_a_sync_it_ends_and_changes_nothing() {
    let (household, backup) = with_a_backup();
    let held = fs::File::open(household.data_dir().join("run/sync.lock")).unwrap();
    held.lock().unwrap();
    let waiting = household.start(&["restore", backup.to_str().unwrap(), "--lock-wait", "10m", "--report", "json"]);
    wait_until("it waits", || waiting.stderr().contains("another sync is running"));
    waiting.terminate();
    let done = waiting.finish();
    assert_eq!((done.code, &done.report()["result"]), (Some(143), &"interrupted".into()), "{}", done.stderr);
    assert_eq!(entries_at(&household.database()), 3);
    assert!(!at_rest(&household).iter().any(|name| name.starts_with("db-")), "{:?}", at_rest(&household));
}

#[test]
fn what_is_no_sound_backup_of_ours_is_refused_by_name_and_nothing_changes() {
    let (household, backup) = with_a_backup();
    let whole = fs::read(&backup).unwrap();
    let at = |name: &str| household.folder().join(name);
    let written = |name: &str, bytes: &[u8]| {
        fs::write(at(name), bytes).unwrap();
        at(name)
    };
    let newer = written("newer.db", &whole);
    let database = Connection::open(&newer).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    database.execute("UPDATE settings SET value = '99' WHERE key = 'schema.readable_from'", []).unwrap();
    drop(database);
    let other = Connection::open(at("other.db")).unwrap();
    other.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(other);
    fs::create_dir(at("folder.db")).unwrap();
    let before = fs::read(household.database()).unwrap();
    for (file, code, sentence) in [
        (at("missing.db"), 64, "failed to read the backup"),
        (at("folder.db"), 64, "it is not a file"),
        (written("empty.db", b""), 64, "it is no SQLite database"),
        (written("text.db", b"a letter to a friend"), 64, "it is no SQLite database"),
        (at("other.db"), 64, "it is a database, but not one of pulsarr"),
        (written("damaged.db", &damaged(whole.clone())), 78, "it is damaged"),
        (written("half.db", &whole[..whole.len() / 2]), 78, "it is damaged"),
        (newer, 78, "it has schema 99"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let done = restore(&household, &file, more);
            let what = format!("{} {more:?}: {}", file.display(), done.stderr);
            assert_eq!(done.code, Some(code), "{what}");
            assert!(done.stderr.contains(sentence) && done.stderr.contains("Nothing was changed."), "{what}");
            assert_eq!(done.report()["result"], "failed", "{what}");
            assert!(fs::read(household.database()).unwrap() == before, "{what}");
            assert!(!at_rest(&household).iter().any(|name| name.starts_with("db-")), "{what}");
        }
    }
    let told = || restore(&household, &at("missing.db"), &[]).stderr;
    assert!(told().contains("/backup there is: no backup."), "{}", told());
    let another = backed_up(&household);
    let (folder, name) = (another.parent().unwrap(), another.file_name().unwrap().to_str().unwrap());
    assert!(told().contains(&format!("In {} there is: {name}.", folder.display())), "{}", told());
    household.sync_well();
    assert_eq!(adds(&household.radarr), 2);
}

/// A household that is set up in the service alone: Plex, Radarr and Sonarr with their secrets, all of them sealed in the store.
fn set_up_by_hand() -> (Household, PathBuf) {
    let mut household = wanting_two();
    household.write_settings("");
    let secrets = ["PLEX_TOKEN", "RADARR_API_KEY", "SONARR_API_KEY"].map(|name| household.vars.remove(name).unwrap());
    household.set("PULSARR_FAST_LANE", "false");
    let service = household.serve();
    let mirela = Session::first(&service);
    let set = |method: &str, path: &str, body: Value| {
        let answer = mirela.ask(&service, method, path, &body);
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    };
    let [token, radarr_key, sonarr_key] = &secrets;
    set("PUT", "/plex/token", json!({"token": token}));
    let instance = |name: &str, kind: &str, url: String, key: &str| json!({"name": name, "kind": kind, "url": url, "api_key": key, "default": true});
    set("POST", "/instances", instance("movies", "radarr", household.radarr.url(), radarr_key));
    set("POST", "/instances", instance("shows", "sonarr", household.sonarr.url(), sonarr_key));
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));
    household.sync_well();
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
    let backup = household.folder().join("kept.db");
    fs::rename(backed_up(&household), &backup).unwrap();
    let bytes = fs::read(&backup).unwrap();
    for secret in secrets {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "a secret is in the backup");
    }
    (household, backup)
}

#[test]
fn in_a_fresh_folder_with_the_key_everything_is_there_and_works() {
    let (mut household, backup) = set_up_by_hand();
    let (old, fresh) = (household.data_dir(), household.folder().join("fresh"));
    let (story, told) = (household.explain("Salt Ledger"), |it: &Household| it.pulsarr(&["check", "--offline"]).stdout);
    let values = told(&household);
    fs::create_dir_all(fresh.join("key")).unwrap();
    fs::copy(old.join("key/vault.key"), fresh.join("key/vault.key")).unwrap();
    fs::remove_dir_all(&old).unwrap();
    household.set("PULSARR_DATA_DIR", fresh.to_str().unwrap());

    let report = restored(&household, &backup);

    assert_eq!((&report["replaced"], &report["secrets_lost"]), (&Value::Null, &json!([])), "{report:#}");
    assert_eq!(household.explain("Salt Ledger"), story, "entry, facts, decision and placement");
    assert_eq!(told(&household).replace("/fresh", "/data"), values, "and every setting");
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    household.sync_well();
    assert_eq!((library(&household.radarr), adds(&household.radarr)), (vec![SALT_LEDGER, 900_066], 2));
    assert_eq!(adds(&household.sonarr), 1);
}

#[test]
fn without_the_key_it_is_told_what_is_lost_nothing_is_decided_and_the_key_put_back_opens_all_of_it() {
    let (mut household, backup) = set_up_by_hand();
    let (old, fresh) = (household.data_dir(), household.folder().join("fresh"));
    household.set("PULSARR_DATA_DIR", fresh.to_str().unwrap());

    let lost = json!(["the api_key of instance `movies`", "the api_key of instance `shows`", "the token of plex"]);
    let dry = restore(&household, &backup, &["--dry-run"]).report();
    assert_eq!(dry["secrets_lost"], lost, "{dry:#}");
    assert!(!fresh.exists());
    let done = household.pulsarr(&["restore", backup.to_str().unwrap()]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("The key beside the store (key/vault.key) does not open these"), "{}", done.stdout);
    assert!(done.stdout.contains("    the api_key of instance `movies`"), "{}", done.stdout);

    household.clear_journals();
    let sync = household.sync();
    assert_eq!(sync.code, Some(78), "{}", sync.stdout);
    assert!(sync.stdout.contains("key/vault.key"), "{}", sync.stdout);
    assert!(household.explain("Salt Ledger").contains("`movies`: added"), "what was known is known");
    let service = household.serve();
    assert_eq!(service.get("/healthz").status, 200, "it starts, so that it can be mended");
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));
    assert!(!fresh.join("key/vault.key").exists(), "a lost key is not replaced");

    fs::create_dir_all(fresh.join("key")).unwrap();
    fs::copy(old.join("key/vault.key"), fresh.join("key/vault.key")).unwrap();
    household.sync_well();
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (0, 0), "nothing was added twice");
}

#[test]
fn whoever_was_signed_in_signs_in_again_and_the_webhooks_go_on() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    let mirela = Session::first(&service);
    assert_eq!(mirela.page(&service, "/").status, 200);
    let backup = backed_up(&household);
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));

    let report = restored(&household, &backup);

    assert_eq!(report["carried"]["sessions_ended"], 1, "{report:#}");
    let service = household.serve();
    let address = format!(":{}/webhook/movies", service.port);
    wait_until("Radarr knows where it is now", || {
        household.radarr.connections().iter().any(|it| it.url.contains(&address))
    });
    assert_eq!(mirela.ask(&service, "GET", "/watchlist", &Value::Null).status, 401);
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || super::webhooks::state(&household, "Salt Ledger") == "available");
}

#[test]
fn killed_at_any_step_there_is_the_old_store_or_the_new_one() {
    let (household, backup) = with_a_backup();
    if !can_tamper() {
        return;
    }
    let old = household.folder().join("old.db");
    fs::rename(backed_up(&household), &old).unwrap();
    let (arguments, put_back) = (["restore", backup.to_str().unwrap()], ["restore", old.to_str().unwrap()]);
    let (mut killed, mut new) = (0, 0);
    for call in CHANGES {
        killed += killed_at_every(
            &household,
            call,
            &arguments,
            || {
                let done = household.pulsarr(&put_back);
                assert_eq!(done.code, Some(0), "{call}: {}", done.stderr);
                assert!(!household.data_dir().join("db-restoring").exists(), "what one left that was killed is gone");
                for name in at_rest(&household).iter().filter(|name| name.starts_with("db-before-")) {
                    fs::remove_dir_all(household.data_dir().join(name)).unwrap();
                }
            },
            |when| {
                let found = entries_at(&household.database());
                assert!([2, 3].contains(&found), "{when}: {found} entries");
                new += usize::from(found == 2);
                assert_eq!(household.pulsarr(&["status"]).code, Some(0), "{when}, it can be worked with");
            },
        );
    }
    assert!(killed > 30 && new > 0, "killed {killed} times, {new} of them after the exchange");
    household.sync_well();
    assert_eq!(adds(&household.radarr), 2);
}

/// A store as the version with this many migrations left it, with one entry of the owner's.
fn of_an_older_version(household: &Household, migrations: u32) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/migrations");
    let path = household.folder().join(format!("older-{migrations}.db"));
    let store = Connection::open(&path).unwrap();
    for name in names(&folder).iter().take(migrations as usize) {
        store.execute_batch(&fs::read_to_string(folder.join(name)).unwrap()).unwrap();
    }
    let rows = "INSERT INTO users (id, uuid, username, display_name, relation, first_seen_at_ms) VALUES (1, ?1, 'mirela_q', 'M', 'owner', 1)";
    store.execute(rows, [household.plex.owner_uuid()]).unwrap();
    store
        .execute_batch(
            "INSERT INTO titles (id, plex_id, media_type, title, tmdb_id) VALUES (1, '5d776d1847dd6e001f6f002f', 'movie', 'Old Wish', 42);
             INSERT INTO entries (user_id, title_id, appeared_at_ms, state, state_at_ms) VALUES (1, 1, 1, 'requested', 1)",
        )
        .unwrap();
    store.pragma_update(None, "user_version", migrations).unwrap();
    path
}

#[test]
fn a_backup_of_an_older_version_is_brought_to_this_ones_schema() {
    for migrations in [1_u32, 4, 8, 13] {
        let household = wanting_two();
        household.sync_well();
        let backup = of_an_older_version(&household, migrations);
        let before = fs::read(&backup).unwrap();
        let dry = restore(&household, &backup, &["--dry-run"]);
        assert_eq!(dry.code, Some(0), "{migrations}: {}", dry.stderr);

        let report = restored(&household, &backup);

        let schema = report["schema"].as_u64().unwrap();
        assert_eq!((&report["schema_of_backup"], &dry.report()["schema"]), (&migrations.into(), &schema.into()));
        assert!(schema > u64::from(migrations) && report["counts"]["entries"] == 1, "{report:#}");
        assert_eq!(report["carried"], Value::Null, "it is another installation's, as far as it tells");
        assert!(household.explain("Old Wish").contains("requested"), "{}", household.explain("Old Wish"));
        assert!(fs::read(&backup).unwrap() == before, "the backup is as it was");
    }
}

#[test]
fn what_a_restore_has_left_that_was_killed_is_in_nobodys_way() {
    let (household, backup) = with_a_backup();
    let making = household.data_dir().join("db-restoring");
    fs::create_dir(&making).unwrap();
    fs::write(making.join("pulsarr.db"), "half of someth").unwrap();
    fs::write(making.join("pulsarr.db-wal"), "x").unwrap();
    household.sync_well();
    assert_eq!(entries_at(&household.database()), 3);
    restored(&household, &backup);
    assert_eq!(entries_at(&household.database()), 2);
    assert!(!making.exists());
}

#[test]
fn a_full_volume_is_told_and_the_store_is_as_it_was() {
    let household = wanting_two();
    let Some(volume) = Volume::mount(&household, 16_384) else { return };
    household.sync_well();
    let backup = household.folder().join("kept.db");
    fs::copy(backed_up(&household), &backup).unwrap();
    for left_kib in [0, 40, 200] {
        volume.fill(left_kib);
        let done = restore(&household, &backup, &[]);
        assert_eq!(done.code, Some(1), "{left_kib} KiB left: {}", done.stderr);
        assert!(done.stderr.contains("Nothing was changed. Free some space on the volume"), "{}", done.stderr);
        volume.free();
        assert_eq!(entries_at(&household.database()), 2);
    }
    restored(&household, &backup);
}

#[test]
fn a_volume_that_becomes_full_meanwhile_is_told_as_such() {
    let (household, backup) = with_a_backup();
    if !can_tamper() {
        return;
    }
    let file = backup.to_str().unwrap();
    for (call, from) in [("copy_file_range", 1), ("pwrite64", 1), ("pwrite64", 40), ("fsync", 1), ("mkdir", 1)] {
        let done = tampered(&household, call, &format!("error=ENOSPC:when={from}+"), &["restore", file]);
        let told = format!("{call} from number {from} on: {:?} {}", done.code, done.stderr);
        assert_eq!(done.code, Some(1), "{told}");
        // When it is SQLite that cannot sync, it says no more than that.
        let full = done.stderr.contains("no space is left on its volume. Free some space");
        assert!(full || call == "fsync" && done.stderr.contains("disk I/O error"), "{told}");
        assert_eq!(entries_at(&household.database()), 3, "{told}");
        assert!(!at_rest(&household).iter().any(|name| name.starts_with("db-")), "{told}");
    }
}
