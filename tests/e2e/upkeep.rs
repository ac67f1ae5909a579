//! `pulsarr upkeep`: what is past its time goes, beside everybody who is at work, and nothing that somebody still needs.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pulsarr_tests::household::{Household, wait_until};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::tampered::{can_tamper, killed_at_every};
use super::webhooks::{connected, password, post};
use super::{backup, wanting_two};

/// What a household leaves behind in years, dated 2001.
const OLD: &str = "\
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)\n\
    INSERT INTO runs (id, trigger, holder, started_at_ms, ended_at_ms, result) SELECT 'old' || i, 'cli', '', 1e12 + i, 1e12 + i, 'ok' FROM n;\n\
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)\n\
    INSERT INTO inbox (instance, received_at_ms, event, body, state, done_at_ms)\n\
        SELECT 'movies', 1000000000000, 'Grab', printf('%.4000c', 'x'), 'done', 1000000000000 FROM n;\n\
    INSERT INTO inbox (instance, received_at_ms, event, body, state, done_at_ms) VALUES ('movies', 1000000000000, 'Grab', '{}', 'given_up', 1000000000000);\n\
    INSERT INTO outbox (kind, dedupe, made_at_ms, payload, state) VALUES ('available', 'old sent', 1000000000000, '{}', 'sent'),\n\
        ('available', 'old waiting', 1000000000000, '{}', 'pending');\n\
    INSERT INTO decisions (entry_id, run_id, decided_at_ms, outcome, decision)\n\
        SELECT entry_id, 'old1', 1000000000000, outcome, decision FROM decisions;";

fn upkeep(household: &Household, more: &[&str]) -> Value {
    let mut arguments = vec!["upkeep", "--report", "json"];
    arguments.extend(more);
    let done = household.pulsarr(&arguments);
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    let report = done.report();
    assert_eq!((&report["command"], &report["result"]), (&"upkeep".into(), &"ok".into()), "{report:#}");
    report
}

fn count(household: &Household, what: &str) -> u32 {
    backup::count(&Connection::open(household.database()).unwrap(), what)
}

/// A household with what years leave behind, in which one of two entries was closed long ago.
fn old() -> Household {
    let household = wanting_two();
    household.sync_well();
    let store = Connection::open(household.database()).unwrap();
    store.execute_batch(&OLD.replace("1e12", "1000000000000")).unwrap();
    let closed = "UPDATE entries SET state = 'closed', closed_at_ms = 1000000000000 WHERE id = (SELECT e.id FROM entries e JOIN titles t ON t.id = e.title_id WHERE t.title = 'Harbour Nine')";
    assert_eq!(store.execute(closed, []).unwrap(), 1);
    household
}

const EXPECTED: [(&str, u32); 6] =
    [("runs", 900), ("webhooks", 1_200), ("messages", 1), ("decisions", 1), ("sessions", 0), ("posters", 0)];

#[test]
fn what_is_past_its_time_goes_once_and_a_dry_run_says_so_before() {
    let household = old();
    // All there is to be told about what is still on a list; the closed one loses what another decision followed.
    let story = household.explain("Salt Ledger");
    let before = fs::metadata(household.database()).unwrap().len();
    let dry = upkeep(&household, &["--dry-run"]);
    let said = |report: &Value| EXPECTED.map(|(what, _)| (what, report["removed"][what].as_u64().unwrap() as u32));
    assert_eq!((said(&dry), &dry["dry_run"]), (EXPECTED, &json!(true)), "{dry:#}");
    assert_eq!((count(&household, "runs"), count(&household, "inbox")), (1_201, 1_201), "nothing went");

    let done = upkeep(&household, &[]);

    assert_eq!((said(&done), &done["dry_run"]), (EXPECTED, &json!(false)), "{done:#}");
    assert_eq!((count(&household, "runs"), count(&household, "inbox WHERE state = 'given_up'")), (301, 1));
    assert_eq!((count(&household, "outbox"), count(&household, "entries"), count(&household, "decisions")), (1, 2, 3));
    assert_eq!(household.explain("Salt Ledger"), story);
    assert!(household.explain("Harbour Nine").contains("send to `shows`"), "{}", household.explain("Harbour Nine"));
    let after = fs::metadata(household.database()).unwrap().len();
    assert!(after + (2 << 20) < before, "{before} bytes, and then {after}");
    assert_eq!(done["log_bytes"], 0);

    let again = upkeep(&household, &[]);
    assert!(EXPECTED.iter().all(|(what, _)| again["removed"][what] == 0), "{again:#}");
    let text = household.pulsarr(&["upkeep"]);
    assert!(text.stdout.starts_with("Nothing is past its time.\nThe store has "), "{}", text.stdout);
    household.sync_well();
}

#[test]
fn the_time_for_each_is_a_setting() {
    let mut household = wanting_two();
    household.sync_well();
    let store = Connection::open(household.database()).unwrap();
    let webhooks = "INSERT INTO inbox (instance, received_at_ms, event, body, state, done_at_ms)\n\
        SELECT 'movies', (unixepoch() - days.value * 86400) * 1000, 'Grab', '', 'done', 1 FROM json_each('[1, 3, 29, 31]') days";
    store.execute(webhooks, []).unwrap();
    drop(store);
    assert_eq!(upkeep(&household, &[])["removed"]["webhooks"], 1);
    household.set("PULSARR_KEEP_WEBHOOKS_DAYS", "2");
    assert_eq!(upkeep(&household, &[])["removed"]["webhooks"], 2);
    household.set("PULSARR_KEEP_WEBHOOKS_DAYS", "0");
    let refused = household.pulsarr(&["upkeep"]);
    assert_eq!(refused.code, Some(78), "{}", refused.stderr);
    assert!(refused.stderr.contains("PULSARR_KEEP_WEBHOOKS_DAYS: expected days, from 1 to 3650"), "{}", refused.stderr);
}

#[test]
fn it_keeps_no_webhook_and_no_sync_waiting() {
    let mut household = old();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let (taken, over) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                assert_eq!(post(&service, "movies", &secret, br#"{"eventType": "Test"}"#), 200);
                taken.fetch_add(1, Ordering::SeqCst);
            }
        });
        wait_until("webhooks come in", || taken.load(Ordering::SeqCst) >= 5 || sender.is_finished());
        let before = taken.load(Ordering::SeqCst);
        let sync = household.start(&["sync", "--full", "--report", "json"]);
        let done = upkeep(&household, &[]);
        assert!(done["removed"]["webhooks"].as_u64().unwrap() >= 1_200, "{done:#}");
        assert!(taken.load(Ordering::SeqCst) > before, "webhooks were taken meanwhile");
        assert_eq!(sync.finish().code, Some(0));
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn before_the_first_run_there_is_nothing_to_tidy_and_nothing_is_made() {
    let household = Household::new();
    let done = household.pulsarr(&["upkeep", "--report", "json"]);
    assert_eq!((done.code, &done.report()["result"]), (Some(0), &"nothing".into()), "{}", done.stderr);
    assert!(!household.data_dir().exists());
}

#[test]
fn posters_beyond_the_bound_go_the_oldest_first() {
    let household = wanting_two();
    household.sync_well();
    let posters = household.data_dir().join("posters");
    fs::create_dir(&posters).unwrap();
    for (name, since) in [("older", 1_000), ("newer", 2_000)] {
        let file = fs::File::create(posters.join(name)).unwrap();
        // A hole: it takes no room here.
        file.set_len(40 << 20).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(since)).unwrap();
    }
    assert_eq!(upkeep(&household, &["--dry-run"])["removed"]["posters"], 1);
    assert_eq!(backup::names(&posters), ["newer", "older"]);
    assert_eq!(upkeep(&household, &[])["removed"]["posters"], 1);
    assert_eq!(backup::names(&posters), ["newer"]);
}

#[test]
fn killed_at_any_step_it_has_lost_nothing_and_the_next_one_goes_on() {
    let household = old();
    if !can_tamper() {
        return;
    }
    let mut killed = 0;
    for call in ["pwrite64", "fsync", "ftruncate"] {
        killed += killed_at_every(
            &household,
            call,
            &["upkeep"],
            || {},
            |when| {
                assert_eq!(backup::count(&backup::sound(&household.database()), "entries"), 2, "{when}");
            },
        );
    }
    assert!(killed > 10, "it was killed only {killed} times");
    assert_eq!((count(&household, "runs"), count(&household, "outbox")), (301, 1), "in the end all of it is done");
}
