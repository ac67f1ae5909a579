//! Between two jobs the service watches the lists: what is added arrives without anybody asking.

use pulsarr_tests::household::wait_until;

use serde_json::Value;

use super::{HARBOUR_NINE, SALT_LEDGER, library, movie, show};
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::Household;

/// A household that one job has seen, with nothing on any list.
fn watched() -> Household {
    watch(Household::new())
}

fn watch(mut household: Household) -> Household {
    household.set("PULSARR_PORT", "0");
    household.set("PULSARR_FAST_LANE_OWN_S", "5");
    household.sync_well();
    household.clear_journals();
    household
}

#[test]
fn an_addition_arrives_without_a_job_and_the_service_ends_well_on_sigterm() {
    let household = watched();
    let service = household.start_service();
    wait_until("the service watches", || household.plex.requests_to("/watchlist/all") > 0);
    household.plex.watch(&household.plex.owner_uuid(), movie());
    wait_until("the movie is added", || library(&household.radarr) == [SALT_LEDGER]);
    wait_until("the run is on record", || household.status().contains("(fast_lane)"));

    service.terminate();
    let done = service.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

#[test]
fn a_service_that_is_told_to_end_during_a_run_says_so_in_its_row_and_the_job_goes_on() {
    let household = watched();
    let service = household.start_service();
    wait_until("the service watches", || household.plex.requests_to("/watchlist/all") > 0);
    household.sonarr.inject(Fault::on("ANY", "").never());
    household.plex.watch(&household.plex.owner_uuid(), show());
    let store = rusqlite::Connection::open(household.database()).unwrap();
    let runs = || -> i64 {
        let query = "SELECT count(*) FROM runs WHERE trigger = 'fast_lane' AND result = 'running'";
        store.query_row(query, [], |row| row.get(0)).unwrap()
    };
    wait_until("a run is under way", || runs() > 0);
    wait_until("it waits for Sonarr", || household.sonarr.requests_to("") > 0);

    service.terminate();
    let done = service.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(household.status().contains("interrupted"), "{}", household.status());

    household.sonarr.clear_faults();
    household.sync_well();
    assert_eq!(library(&household.sonarr), [HARBOUR_NINE]);
}

#[test]
fn a_job_under_way_makes_way_for_what_the_owner_adds_and_the_service_goes_on_with_it() {
    let household = Household::new();
    let friend = household.plex.add_friend("tomas.r");
    let household = watch(household);
    let service = household.start_service();
    wait_until("the service watches", || household.plex.requests_to("/watchlist/all") > 0);
    // The first question about what the friend adds is never answered.
    let metadata = format!("/library/metadata/{}", show().rating_key());
    household.plex.inject(Fault::on("GET", &metadata).times(1).never());
    household.plex.watch(&friend, show());
    let job = household.start(&["sync", "--report", "json"]);
    wait_until("the job waits for Plex", || household.plex.requests_to(&metadata) > 0);

    household.plex.watch(&household.plex.owner_uuid(), movie());
    wait_until("the movie is added", || library(&household.radarr) == [SALT_LEDGER]);
    let done = job.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["run"]["result"], "partial", "{report}");
    assert!(report["run"]["detail"].as_str().unwrap().contains("gave way to the owner's list"), "{report}");

    wait_until("what the job left is added", || library(&household.sonarr) == [HARBOUR_NINE]);
    service.terminate();
    assert_eq!(service.finish().code, Some(0));
}
