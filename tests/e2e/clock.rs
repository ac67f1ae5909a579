//! Time that passes, and clocks that jump. The programs keep the machine's time; what moves here is what is on record.

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::Household;

use super::{SALT_LEDGER, adds, library, movie, user, wanting_two};

const YEAR: i64 = 365 * 24 * 60;

/// A household whose owner has five movies on the list and in Radarr, [`movie`] the newest.
fn with_five() -> Household {
    let household = Household::new();
    let owner = household.plex.owner_uuid();
    for n in 0..4 {
        household.plex.watch(&owner, Title::numbered_movie(n));
    }
    household.plex.watch(&owner, movie());
    household.sync_well();
    household
}

#[test]
fn what_is_gone_in_two_complete_looks_is_closed_and_asking_again_asks_again() {
    let household = with_five();
    let Household { plex, radarr, .. } = &household;
    let owner = plex.owner_uuid();
    plex.unwatch(&owner, movie());

    // Twice within ten minutes counts once.
    for _ in 0..2 {
        let done = household.pulsarr(&["sync", "--full", "--report", "json"]);
        assert_eq!(user(&done.report(), &owner)["gone"], 0);
    }
    household.let_pass(11);
    let report = household.sync_well();
    assert_eq!((&user(&report, &owner)["gone"], &user(&report, &owner)["entries"]), (&1.into(), &4.into()));
    assert!(household.explain("Salt Ledger").contains(": closed"));
    assert!(radarr.item(SALT_LEDGER).is_some(), "nothing is deleted anywhere");

    // Somebody deletes it in Radarr; only a new wish brings it back.
    radarr.remove(radarr.item(SALT_LEDGER).unwrap().id);
    household.sync_well();
    assert!(radarr.item(SALT_LEDGER).is_none());
    plex.watch(&owner, movie());
    let report = household.sync_well();
    assert_eq!((&user(&report, &owner)["new"], &report["placements"]["added"]), (&1.into(), &1.into()));
    assert!(radarr.item(SALT_LEDGER).is_some());
    assert_eq!(household.explain("Salt Ledger").matches("a movie on the watchlist").count(), 2, "two entries");
}

#[test]
fn a_failed_look_in_between_confirms_nothing() {
    let household = with_five();
    let plex = &household.plex;
    let owner = plex.owner_uuid();
    plex.unwatch(&owner, movie());
    household.sync_well();
    household.let_pass(60);
    plex.inject(Fault::on("GET", "/watchlist/all").status(500));
    assert_eq!(household.sync().code, Some(69));
    assert!(!household.explain("Salt Ledger").contains("closed ("), "still open");

    plex.clear_faults();
    plex.watch(&owner, movie());
    let report = household.sync_well();
    assert_eq!((&user(&report, &owner)["gone"], &user(&report, &owner)["new"]), (&0.into(), &0.into()));
    assert_eq!(adds(&household.radarr), 5);
}

#[test]
fn an_empty_list_is_believed_after_a_day() {
    let household = with_five();
    let plex = &household.plex;
    let owner = plex.owner_uuid();
    plex.clear_watchlist(&owner);
    household.sync_well();
    household.let_pass(60);
    let done = household.pulsarr(&["sync", "--full", "--report", "json"]);
    assert_eq!(user(&done.report(), &owner)["gone"], 0, "an hour is not enough");
    household.let_pass(24 * 60);
    let report = household.sync_well();
    assert_eq!((&user(&report, &owner)["gone"], &user(&report, &owner)["entries"]), (&5.into(), &0.into()));
    assert_eq!(library(&household.radarr).len(), 5);
}

#[test]
fn every_list_is_read_whole_again_after_some_hours() {
    let household = with_five();
    let owner = household.plex.owner_uuid();
    assert_eq!(user(&household.sync_well(), &owner)["read"], "not_modified");
    household.let_pass(7 * 60);
    assert_eq!(user(&household.sync_well(), &owner)["read"], "complete");
}

#[test]
fn a_clock_that_was_a_year_ahead_and_is_put_back_delays_nothing() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    let owner = plex.owner_uuid();
    plex.watch(&owner, Title::movie("A Film Nobody Knows").tmdb(900_404));
    plex.watch(&owner, Title::movie("Untitled Lighthouse Project").without_ids());
    radarr.unknown_id(900_404);
    // Four looks: the fifth one of the lighthouse would have to wait.
    for _ in 0..4 {
        household.sync_well();
    }
    household.let_pass(-YEAR);
    radarr.know(pulsarr_tests::fakes::Known::new(900_404, "A Film Nobody Knows"));
    plex.add_title(Title::movie("Untitled Lighthouse Project").tmdb(900_077));
    household.clear_journals();

    let report = household.sync_well();

    assert_eq!(user(&report, &owner)["gone"], 0);
    let mut there = library(radarr);
    there.sort_unstable();
    assert_eq!(there, [SALT_LEDGER, 900_077, 900_404], "neither pause lasts until next year");
    assert_eq!(plex.requests_to("/api/v2/user"), 1, "a confirmation from the future is none");
    assert_eq!(user(&report, &owner)["read"], "complete", "nor is a complete look");
}

#[test]
fn a_clock_that_jumps_ahead_closes_nothing_that_is_on_the_list() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    household.sync_well();
    household.let_pass(YEAR);
    let report = household.sync_well();
    let read = user(&report, &plex.owner_uuid());
    assert_eq!((&read["read"], &read["new"], &read["gone"]), (&"complete".into(), &0.into(), &0.into()));
    assert_eq!((adds(radarr), adds(sonarr)), (1, 1));
}

#[test]
fn a_clock_put_back_starts_the_wait_for_a_missing_entry_anew() {
    let household = with_five();
    let plex = &household.plex;
    let owner = plex.owner_uuid();
    plex.unwatch(&owner, movie());
    household.sync_well();
    household.let_pass(-YEAR);
    assert_eq!(user(&household.sync_well(), &owner)["gone"], 0);
    household.let_pass(11);
    assert_eq!(user(&household.sync_well(), &owner)["gone"], 1, "ten minutes by the corrected clock");
}
