//! Between two jobs the service watches the lists: what is added arrives without anybody asking.

use pulsarr_tests::household::wait_until;

use super::{HARBOUR_NINE, SALT_LEDGER, library, movie, show};
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::Household;

/// A household that one job has seen, with nothing on any list.
fn watched() -> Household {
    let mut household = Household::new();
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
    wait_until("a run waits for Sonarr", || household.sonarr.requests_to("") > 0);

    service.terminate();
    let done = service.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(household.status().contains("interrupted"), "{}", household.status());

    household.sonarr.clear_faults();
    household.sync_well();
    assert_eq!(library(&household.sonarr), [HARBOUR_NINE]);
}
