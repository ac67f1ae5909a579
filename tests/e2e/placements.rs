//! Adding one title: lost races, refusals in the arr's own words, and the webhook that comes while we still wait.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use pulsarr_tests::fakes::{FakeArr, Fault, Title};
use pulsarr_tests::household::{Household, wait_until};

use super::{SALT_LEDGER, adds, library, movie, wanting_two};

/// The status of every answer to an add, in order; 0 while there is none. What else is asked at this address, such as whether the
/// title is there now, is the run's own affair.
fn answers_to_adds(arr: &FakeArr) -> Vec<u16> {
    arr.journal_of("/api/v3/movie").iter().filter(|seen| seen.method == "POST").map(|seen| seen.status).collect()
}

#[test]
fn a_lost_race_answered_with_a_conflict_is_as_good_as_success() {
    let household = wanting_two();
    household.radarr.race_once();

    let report = household.sync_well();

    assert_eq!((library(&household.radarr), adds(&household.radarr)), (vec![SALT_LEDGER], 1));
    assert_eq!((&report["placements"]["present"], &report["placements"]["failed"]), (&1.into(), &0.into()));
    assert!(household.explain("Salt Ledger").contains("added by somebody else just before"));
    household.sync_well();
    assert_eq!(adds(&household.radarr), 1);
}

#[test]
fn a_lost_race_answered_with_a_validation_error_is_as_good_as_success() {
    let household = wanting_two();
    let radarr = &household.radarr;
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).latency_ms(2_000).before_effect());

    let run = household.start(&["sync", "--report", "json"]);
    wait_until("the add is on its way", || adds(radarr) == 1);
    radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    let done = run.finish();

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(answers_to_adds(radarr), [400]);
    assert_eq!((library(radarr), &done.report()["placements"]["present"]), (vec![SALT_LEDGER], &1.into()));
}

#[test]
fn a_refusal_is_kept_in_the_arrs_own_words_and_tried_again_after_a_pause() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    plex.watch(&plex.owner_uuid(), Title::movie("A Film Nobody Knows").year(2026).tmdb(900_404));
    radarr.unknown_id(900_404);

    let report = household.sync_well();

    assert_eq!((&report["placements"]["failed"], library(radarr)), (&1.into(), vec![SALT_LEDGER]));
    let words = "A movie with this ID was not found. Path: /movies/A Film Nobody Knows (2026)";
    let refused = report["changes"].as_array().unwrap().iter().find(|change| change["what"] == "failed").unwrap();
    assert_eq!((&refused["why"], &refused["instance"]), (&words.into(), &"movies".into()));
    let (story, status) = (household.explain("nobody knows"), household.status());
    assert!(story.contains(": failed") && story.contains(&format!("answer: {words}")), "{story}");
    assert!(story.contains("next: tried again by the first run after"), "{story}");
    assert!(
        status.contains(&format!("A Film Nobody Knows (2026) by `movies`: {words}; tried again after")),
        "{status}"
    );

    household.clear_journals();
    household.sync_well();
    assert_eq!(adds(radarr), 0, "not before its pause is over");

    household.let_pass(11);
    household.sync_well();
    assert_eq!(adds(radarr), 1, "asked again, and refused again");

    radarr.know(pulsarr_tests::fakes::Known::new(900_404, "A Film Nobody Knows"));
    household.let_pass(21);
    household.sync_well();
    assert_eq!(library(radarr), [SALT_LEDGER, 900_404]);
    assert!(!household.status().contains("Refused"));
}

#[test]
fn a_refusal_of_one_title_does_not_hold_up_the_next() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    plex.watch(&plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    // The application itself fails over the first one, as with a locked database.
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).status(500));

    let report = household.sync_well();

    assert_eq!((&report["placements"]["failed"], library(radarr).len()), (&1.into(), 1));
    assert!(household.status().contains("database is locked"), "in Radarr's own words");
}

#[test]
fn a_webhook_sent_while_our_own_add_is_open_finds_the_store_free() {
    let household = Household::new();
    // Nothing for Sonarr: its own work may write at the same moment.
    household.plex.watch(&household.plex.owner_uuid(), movie());
    let radarr = &household.radarr;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    radarr.set_webhook(&format!("http://{}/webhooks/radarr", listener.local_addr().unwrap()));

    let run = household.start(&["sync", "--report", "json"]);
    let (mut caller, _) = listener.accept().unwrap();
    let event = read_request(&mut caller);
    assert!(event.starts_with("POST /webhooks/radarr") && event.contains("\"eventType\":\"MovieAdded\""), "{event}");
    assert_eq!(answers_to_adds(radarr), [0], "our add is still open");
    // What a receiver does before it answers: it stores the event, without waiting for anybody.
    let store = rusqlite::Connection::open(household.database()).unwrap();
    store.busy_timeout(std::time::Duration::ZERO).unwrap();
    store.execute_batch("BEGIN IMMEDIATE; UPDATE settings SET value = value; COMMIT").unwrap();
    drop(store);
    caller.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    drop(caller);
    let done = run.finish();

    assert_eq!((done.code, library(radarr)), (Some(0), vec![SALT_LEDGER]), "{}", done.stderr);
    let delivered = radarr.deliveries();
    assert_eq!((delivered.len(), delivered[0].event.as_str(), delivered[0].status), (1, "MovieAdded", 200));
}

/// A request to its last byte: a receiver that closes before that resets the connection.
fn read_request(caller: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = caller.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return text.into_owned();
        }
    }
}

#[test]
fn what_a_person_deletes_in_the_arr_stays_deleted() {
    let household = wanting_two();
    let radarr = &household.radarr;
    household.sync_well();
    radarr.remove(radarr.item(SALT_LEDGER).unwrap().id);
    for arguments in [&["sync"][..], &["sync", "--full"]] {
        assert_eq!(household.pulsarr(arguments).code, Some(0));
        assert!(radarr.library().is_empty());
    }
    assert_eq!(adds(radarr), 1);
}
