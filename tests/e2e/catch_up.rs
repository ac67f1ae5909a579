//! What happened in the arrs while nobody listened, or while they had given us up: their history tells.

use pulsarr_tests::household::{Household, wait_until};
use rusqlite::Connection;

use crate::webhooks::{connected, inbox, outbox, state};
use crate::{HARBOUR_NINE, SALT_LEDGER, wanting_two};

const HISTORY: &str = "/api/v3/history/since";

/// Both arrs date what happens with the time it is.
pub(super) fn dated_now(household: &Household) {
    let now = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')";
    let now: String = Connection::open_in_memory().unwrap().query_row(now, [], |row| row.get(0)).unwrap();
    household.radarr.set_date(&now);
    household.sonarr.set_date(&now);
}

/// Both titles were added, and then the service ended and the movie was found and imported.
pub(super) fn away() -> Household {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));
    dated_now(&household);
    household.radarr.set_backed_off(true);
    assert!(household.radarr.grab(SALT_LEDGER).is_empty(), "nobody is told");
    assert!(household.radarr.import(SALT_LEDGER, false).is_empty());
    household.radarr.set_backed_off(false);
    household.clear_journals();
    household
}

#[test]
fn a_movie_that_arrived_while_the_service_was_down_is_available_after_the_next_sync() {
    let household = away();
    household.sync_well();
    assert_eq!((state(&household, "Salt Ledger").as_str(), outbox(&household)), ("available", 1));
    assert_eq!(household.radarr.requests_to(""), 1, "{:?}", household.radarr.journal());

    household.clear_journals();
    household.sync_well();
    assert_eq!(household.radarr.requests_to(""), 0, "nothing is waited for any more");
    assert_eq!((household.sonarr.requests_to(""), household.sonarr.requests_to(HISTORY)), (1, 1), "but here");
}

#[test]
fn a_movie_that_arrived_while_the_service_was_down_is_available_after_its_start_and_told_once() {
    let mut household = away();
    let _service = connected(&mut household);
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
    assert_eq!(outbox(&household), 1);

    // And now its webhook comes as well.
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("everything is acted on", || inbox(&household, "pending") == 0);
    household.sync_well();
    assert_eq!(outbox(&household), 1);
    assert_eq!(household.radarr.requests_to(HISTORY), 1);
}

#[test]
fn a_season_pack_that_sonarr_told_nobody_of_makes_one_message_also_when_the_webhooks_come_late() {
    let mut household = wanting_two();
    let _service = connected(&mut household);
    household.sync_well();
    dated_now(&household);
    household.sonarr.set_backed_off(true);
    household.sonarr.grab(HARBOUR_NINE);
    let pack: Vec<(i64, i64)> = (1..=household.sonarr.history().len() as i64).map(|episode| (1, episode)).collect();
    assert!(pack.len() > 1);
    household.sonarr.import(HARBOUR_NINE, &pack, false);
    household.sonarr.set_backed_off(false);

    household.sync_well();
    assert_eq!((state(&household, "Harbour Nine").as_str(), outbox(&household)), ("available", 1));

    let sent = household.sonarr.import(HARBOUR_NINE, &pack, false);
    assert!(sent.len() > pack.len() && sent.iter().all(|sent| sent.status == 200));
    wait_until("everything is acted on", || inbox(&household, "pending") == 0);
    let batches = Connection::open(household.database()).unwrap();
    let gathered: u32 = batches.query_row("SELECT count(*) FROM batches", [], |row| row.get(0)).unwrap();
    assert_eq!((gathered, outbox(&household)), (0, 1));
}

/// The first half is told by webhooks, and the service is replaced while the other half comes.
#[test]
fn a_season_pack_that_comes_in_part_while_the_service_is_away_is_told_of_whole() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    dated_now(&household);
    household.sonarr.grab(HARBOUR_NINE);
    let pack = household.sonarr.history().len() as i64;
    let (before, away) = (1..=pack / 2, pack / 2 + 1..=pack);
    for episode in before {
        assert!(household.sonarr.import(HARBOUR_NINE, &[(1, episode)], false).iter().all(|sent| sent.status == 200));
    }
    wait_until("everything is acted on", || inbox(&household, "pending") == 0);
    assert_eq!((state(&household, "Harbour Nine").as_str(), outbox(&household)), ("available", 0));
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));
    household.sonarr.set_backed_off(true);
    for episode in away {
        assert!(household.sonarr.import(HARBOUR_NINE, &[(1, episode)], false).is_empty(), "nobody is told");
    }
    household.sonarr.set_backed_off(false);

    let _service = connected(&mut household);
    let told = || -> Option<String> {
        let database = Connection::open(household.database()).unwrap();
        database.query_row("SELECT max(payload) FROM outbox", [], |row| row.get(0)).unwrap()
    };
    wait_until("it is told of", || told().is_some());
    assert_eq!((told().unwrap().matches("\"episode\":").count() as i64, outbox(&household)), (pack, 1));
}
