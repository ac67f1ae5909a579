//! Two syncs at once: one works, the other waits or goes away.

use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::{Household, Running, wait_until};

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};

/// A sync that Plex keeps waiting, and that therefore holds the lock.
fn held_up(household: &Household) -> Running {
    let plex = &household.plex;
    plex.clear_journal();
    plex.inject(Fault::on("GET", "/watchlist/all").times(1).never());
    let running = household.start(&["sync", "--report", "json"]);
    wait_until("the first sync waits for Plex", || plex.requests_to("/watchlist/all") == 1);
    running
}

fn holder(household: &Household) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(household.data_dir().join("run/sync.lock")).unwrap()).unwrap()
}

#[test]
fn the_second_sync_names_the_first_and_does_nothing() {
    let household = wanting_two();
    let first = held_up(&household);

    let second = household.pulsarr(&["sync", "--lock-wait", "0s", "--report", "json"]);

    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let report = second.report();
    assert_eq!(report["run"]["result"], "busy");
    let holder = holder(&household);
    let detail = report["run"]["detail"].as_str().unwrap();
    for part in [&holder["run_id"], &holder["host"]] {
        assert!(detail.contains(part.as_str().unwrap()), "{detail} lacks {part}");
    }
    assert!(detail.contains(&format!("process {}", holder["pid"])), "{detail}");
    assert_eq!((household.plex.requests_to("/watchlist/all"), adds(&household.radarr)), (1, 0));

    let strict = household.pulsarr(&["sync", "--lock-wait", "0s", "--fail-if-busy", "--report", "json"]);
    assert_eq!((strict.code, &strict.report()["run"]["result"]), (Some(75), &"busy".into()));
    let text = household.pulsarr(&["sync", "--lock-wait", "0s"]);
    assert!(text.stdout.starts_with("another sync is running: run "), "{}", text.stdout);

    // Meanwhile anybody may look.
    let status = household.status();
    assert!(status.contains("running"), "{status}");
    assert_eq!(household.pulsarr(&["sync", "--dry-run"]).code, Some(0), "a dry run needs no lock");
    first.kill();
}

#[test]
fn a_sync_that_waits_goes_on_as_soon_as_the_first_is_gone_however_it_went() {
    let household = wanting_two();
    let first = held_up(&household);
    let second = household.start(&["sync", "--lock-wait", "60s", "--report", "json"]);
    wait_until("the second sync waits for the lock", || second.stderr().contains("another sync is running"));
    assert_eq!(household.plex.requests_to("/watchlist/all"), 1);

    first.kill();
    let done = second.finish();

    assert_eq!((done.code, &done.report()["run"]["result"]), (Some(0), &"ok".into()), "{}", done.stderr);
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
    let status = household.status();
    assert!(status.contains("crashed"), "the first one's row says how it ended: {status}");
}

#[test]
fn ten_syncs_at_once_add_everything_once() {
    let household = wanting_two();
    let all: Vec<Running> = (0..10).map(|_| household.start(&["sync", "--report", "json"])).collect();
    for running in all {
        let done = running.finish();
        assert_eq!((done.code, &done.report()["run"]["result"]), (Some(0), &"ok".into()), "{}", done.stderr);
    }
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1));
    assert!(household.plex.max_in_flight() <= 2, "they took turns");
}

#[test]
fn a_lock_file_with_nonsense_in_it_is_only_a_missing_name() {
    let household = wanting_two();
    household.sync_well();
    let path = household.data_dir().join("run/sync.lock");
    std::fs::write(&path, "nonsense").unwrap();
    // The lock itself is the kernel's: whoever wrote that is gone.
    household.sync_well();

    let held = std::fs::File::open(&path).unwrap();
    held.lock().unwrap();
    std::fs::write(&path, "nonsense").unwrap();
    let done = household.pulsarr(&["sync", "--lock-wait", "0s", "--report", "json"]);
    assert_eq!((done.code, &done.report()["run"]["detail"]), (Some(0), &"another sync is running".into()));
}
