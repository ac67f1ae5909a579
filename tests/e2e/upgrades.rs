//! A new version takes over while things go on: runs in other processes, and webhooks that come in just then.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::wait_until;
use pulsarr_tests::service::basic;
use rusqlite::Connection;

use crate::webhooks::{connected, inbox, outbox, password, state};
use crate::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};

#[test]
fn the_service_is_replaced_while_a_sync_waits_for_an_arr_and_both_end_well() {
    let mut household = wanting_two();
    // Only the sync adds here.
    household.set("PULSARR_FAST_LANE", "false");
    let old = connected(&mut household);
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).latency_ms(3_000));
    let sync = household.start(&["sync", "--report", "json"]);
    wait_until("the sync waits for Radarr", || adds(&household.radarr) == 1);

    old.running.terminate();
    let old = old.running.finish();
    assert_eq!(old.code, Some(0), "{}", old.stderr);
    let new = household.serve();
    let done = sync.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let run = &done.report()["run"];
    assert_eq!(run["result"], "ok");
    let database = Connection::open(household.database()).unwrap();
    let row = "SELECT result FROM runs WHERE id = ?1 AND ended_at_ms IS NOT NULL";
    let result: String = database.query_row(row, [run["id"].as_str().unwrap()], |row| row.get(0)).unwrap();
    assert_eq!(result, "ok");
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1));

    let address = format!(":{}/webhook/movies", new.port);
    wait_until("Radarr knows the new one", || {
        household.radarr.connections().iter().any(|it| it.url.contains(&address))
    });
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
    assert_eq!(outbox(&household), 1);
    new.running.terminate();
    assert_eq!(new.running.finish().code, Some(0));
}

/// Whether this request was answered with 200; whoever is about to end may not answer at all.
pub(super) fn is_taken(port: u16, request: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = Vec::new();
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    sent.is_ok() && answer.starts_with(b"HTTP/1.1 200 ")
}

#[test]
fn every_webhook_of_a_burst_that_was_answered_before_the_service_ended_is_acted_on() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let (port, authorization) = (service.port, basic(&password(&household, "movies")));
    let answered = AtomicU32::new(0);
    let taken: BTreeSet<u32> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (authorization, answered) = (&authorization, &answered);
                scope.spawn(move || {
                    let mut taken = Vec::new();
                    // Until nobody answers any more; the bound only ends a story that has gone wrong.
                    for movie in (0..100_000).map(|number| 1_000_000 + number * 8 + sender) {
                        let body = format!(
                            r#"{{"eventType": "Download", "isUpgrade": false, "movie": {{"id": 7, "tmdbId": {movie}}}}}"#
                        );
                        let request = format!(
                            "POST /webhook/movies HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
                             Authorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        if !is_taken(port, &request) {
                            break;
                        }
                        taken.push(movie);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    taken
                })
            })
            .collect();
        wait_until("the burst is under way", || answered.load(Ordering::Relaxed) >= 50);
        service.running.terminate();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let done = service.running.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);

    let _service = household.serve();
    wait_until("everything is acted on", || inbox(&household, "pending") == 0);
    let database = Connection::open(household.database()).unwrap();
    let mut query = database.prepare("SELECT external_id FROM imports WHERE instance = 'movies'").unwrap();
    let known: BTreeSet<u32> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(taken.len() >= 50);
    let lost: Vec<_> = taken.difference(&known).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
