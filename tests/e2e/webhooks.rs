//! Sonarr and Radarr tell the service what happens: the connection it makes in them, what it takes and refuses, and what follows.

use std::io::Write as _;

use pulsarr_tests::fakes::{FakeRadarr, Title};
use pulsarr_tests::household::{Household, SETTINGS, wait_until};
use pulsarr_tests::service::{Service, basic, send};
use rusqlite::Connection;
use serde_json::json;

use crate::catch_up::dated_now;
use crate::{HARBOUR_NINE, SALT_LEDGER, wanting_two};

/// The password that the webhook of an instance has to show, as the arr was told it.
pub(super) fn password(household: &Household, instance: &str) -> String {
    let address = format!("/webhook/{instance}?");
    let told = household.radarr.connections().into_iter().chain(household.sonarr.connections());
    told.into_iter().find(|one| one.url.contains(&address)).expect("the arr has our connection").password
}

/// How many webhooks are in the inbox, in this state.
pub(super) fn inbox(household: &Household, state: &str) -> u32 {
    let database = Connection::open(household.database()).unwrap();
    database.query_row("SELECT count(*) FROM inbox WHERE state = ?1", [state], |row| row.get(0)).unwrap()
}

/// How many webhooks are in the inbox, acted on or not.
pub(super) fn taken(household: &Household) -> u32 {
    taken_by(&Connection::open(household.database()).unwrap())
}

fn taken_by(database: &Connection) -> u32 {
    database.query_row("SELECT count(*) FROM inbox", [], |row| row.get(0)).unwrap()
}

/// Where the only entry of this title stands.
pub(super) fn state(household: &Household, title: &str) -> String {
    let database = Connection::open(household.database()).unwrap();
    let query = "SELECT e.state FROM entries e JOIN titles t ON t.id = e.title_id WHERE t.title = ?1";
    database.query_row(query, [title], |row| row.get(0)).unwrap()
}

/// The messages that wait to be told to people.
pub(super) fn outbox(household: &Household) -> u32 {
    let database = Connection::open(household.database()).unwrap();
    database.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap()
}

/// A service whose connections in both arrs are made.
pub(super) fn connected(household: &mut Household) -> Service {
    let service = household.serve();
    wait_until("both arrs have a connection that works", || {
        let database = Connection::open(household.database()).unwrap();
        let query = "SELECT count(*) FROM connections WHERE status = 'ok'";
        database.query_row(query, [], |row| row.get::<_, u32>(0)).unwrap() == 2
    });
    service
}

pub(super) fn post(service: &Service, instance: &str, password: &str, body: &[u8]) -> u16 {
    let authorization = basic(password);
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    service.ask("POST", &format!("/webhook/{instance}"), &headers, body).status
}

#[test]
fn the_service_connects_itself_and_titles_become_available_as_the_arrs_tell() {
    let mut household = wanting_two();
    let _service = connected(&mut household);
    household.sync_well();
    assert_eq!(state(&household, "Salt Ledger"), "requested");

    assert!(household.radarr.grab(SALT_LEDGER).iter().all(|sent| sent.status == 200));
    wait_until("it is grabbed", || state(&household, "Salt Ledger") == "grabbed");
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
    assert_eq!(outbox(&household), 1);

    // A better file is no news.
    household.radarr.import(SALT_LEDGER, true);
    wait_until("everything is acted on", || inbox(&household, "pending") == 0);
    assert_eq!((state(&household, "Salt Ledger").as_str(), outbox(&household)), ("available", 1));
    assert!(household.explain("Salt Ledger").contains("available"), "{}", household.explain("Salt Ledger"));
}

#[test]
fn under_a_base_path_the_arrs_are_told_an_address_below_it_and_reach_the_service_there() {
    let mut household = wanting_two();
    household.set("PULSARR_BASE_PATH", "/media/pulsarr");
    let service = connected(&mut household);
    let made = household.radarr.connections();
    let below = format!("http://127.0.0.1:{}/media/pulsarr/webhook/movies?from=", service.port);
    assert!(made.len() == 1 && made[0].url.starts_with(&below), "{made:?}");
    assert_ne!(post(&service, "movies", &password(&household, "movies"), br#"{"eventType": "Test"}"#), 200);

    household.sync_well();
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
}

#[test]
fn an_arr_below_a_path_of_its_own_is_given_its_connection_there_and_its_history_is_read_there() {
    let mut household = wanting_two();
    household.radarr = FakeRadarr::start_with_base("/radarr");
    let key = household.radarr.api_key();
    household.set("RADARR_API_KEY", &key);
    household.write_settings(SETTINGS);
    let service = connected(&mut household);
    household.sync_well();
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));

    household.plex.watch(&household.plex.owner_uuid(), Title::movie("Windward").year(2026).tmdb(900_304));
    household.sync_well();
    dated_now(&household);
    household.radarr.import(900_304, false);
    let _service = household.serve();
    wait_until("its history has told", || state(&household, "Windward") == "available");
}

#[test]
fn how_long_a_season_is_gathered_is_a_setting_of_the_service() {
    let mut household = wanting_two();
    // Two minutes where nobody sets otherwise, and longer than anybody waits here.
    household.set("PULSARR_SEASON_WINDOW_S", "1");
    let _service = connected(&mut household);
    household.sync_well();
    let told = household.sonarr.import(HARBOUR_NINE, &[(1, 1)], false);
    assert!(!told.is_empty() && told.iter().all(|sent| sent.status == 200));
    wait_until("it is told of", || outbox(&household) == 1);
}

#[test]
fn a_connection_that_somebody_broke_is_mended_by_the_next_start() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let made = household.radarr.connections();
    assert_eq!(made.len(), 1, "{made:?}");
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));

    household.radarr.reconnect(made[0].id, &json!({"url": "http://127.0.0.1:1/elsewhere"}));
    let _service = connected(&mut household);
    wait_until("the connection leads to us again", || {
        household.radarr.connections().iter().any(|one| one.url.contains("/webhook/movies"))
    });
}

#[test]
fn what_is_not_from_the_arr_is_refused_and_what_is_strange_is_kept() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let before = taken(&household);

    assert_eq!(post(&service, "movies", "wrong", br#"{"eventType": "Test"}"#), 401);
    assert_eq!(post(&service, "movies", "", br#"{"eventType": "Test"}"#), 401);
    // Another instance's password is as wrong.
    assert_eq!(post(&service, "movies", &password(&household, "shows"), br#"{"eventType": "Test"}"#), 401);
    assert_eq!(post(&service, "nobody", &secret, br#"{"eventType": "Test"}"#), 404);
    assert_eq!(post(&service, "movies", &secret, b"{"), 400);
    assert_eq!(post(&service, "movies", &secret, b"\xff\xfe"), 400);
    assert_eq!(post(&service, "movies", &secret, b"[]"), 400);
    assert_eq!(post(&service, "movies", &secret, "[".repeat(100_000).as_bytes()), 400);
    assert_eq!(post(&service, "movies", &secret, &vec![b' '; 1024 * 1024 + 1]), 413);
    let head = format!(
        "POST /webhook/movies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        basic(&secret)
    );
    let mut chunks = Vec::new();
    for _ in 0..20 {
        chunks.extend_from_slice(b"10000\r\n");
        chunks.extend_from_slice(&vec![b' '; 0x10000]);
        chunks.extend_from_slice(b"\r\n");
    }
    assert_eq!(send(service.port, head.as_bytes(), &chunks).status, 413);
    let small = b"15\r\n{\"eventType\": \"Test\"}\r\n0\r\n\r\n";
    assert_eq!(send(service.port, head.as_bytes(), small).status, 200);
    assert_eq!(taken(&household), before + 1, "only the last of them is kept");

    for strange in [r#"{"eventType": "FromTheFuture", "movie": 7}"#, "{}", r#"{"eventType": 7}"#] {
        assert_eq!(post(&service, "movies", &secret, strange.as_bytes()), 200, "{strange}");
    }
    wait_until("they are kept", || inbox(&household, "ignored") >= 3 && inbox(&household, "pending") == 0);
    assert_eq!(taken(&household), before + 4);
    let metrics = service.metrics();
    let line = "pulsarr_webhook_events_total{source=\"radarr\",event=\"unknown\",outcome=\"malformed\"} 4\n";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("event=\"other\",outcome=\"stored\"} 3\n"), "{metrics}");
}

#[test]
fn size_is_judged_before_the_password_and_the_password_before_the_body() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let answer = |password: &str, announced: usize, sent: &[u8]| {
        let head = format!(
            "POST /webhook/movies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nContent-Length: {announced}\r\n\r\n",
            basic(password)
        );
        send(service.port, head.as_bytes(), sent).status
    };
    // Nothing of these bodies is ever sent, so whoever waits for one does not answer.
    assert_eq!(answer("wrong", 1024 * 1024 + 1, b""), 413);
    assert_eq!(answer(&secret, 1024 * 1024 + 1, b""), 413);
    assert_eq!(answer("wrong", 1024, b""), 401);
    assert_eq!(post(&service, "nobody", "wrong", &vec![b' '; 1024 * 1024 + 1]), 404, "the path comes first");
}

#[test]
fn an_address_that_only_redirects_or_is_somebody_elses_is_told_everywhere() {
    let mut household = wanting_two();
    // As an ingress that sends everybody to https: Radarr holds that for a success, and does not follow.
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    household.set("PULSARR_BASE_URL", &format!("http://{}", elsewhere.local_addr().unwrap()));
    household.set("PULSARR_AUTH", "disabled");
    std::thread::spawn(move || {
        for stream in elsewhere.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.write_all(
                b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://x/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
            // Until whoever called has read it and goes.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let service = Service::of(household.start_service());
    let told = || service.get("/api/v1/webhooks").json()["webhooks"].as_array().cloned().unwrap_or_default();
    wait_until("both are found not to work", || {
        let all = told();
        all.len() == 2 && all.iter().all(|one| one["status"] == "not_working")
    });
    assert!(told()[0]["advice"].as_str().unwrap().contains("redirects"), "{:?}", told());
    let health = service.get("/health").json();
    assert_eq!((&health["status"], &health["webhooks_not_working"]), (&json!("attention"), &json!(2)), "{health:#}");
    for instance in ["movies", "shows"] {
        let line = format!("pulsarr_webhook_connection_working{{instance=\"{instance}\"}} 0\n");
        assert!(service.metrics().contains(&line), "{line}");
    }
    let doctor = household.pulsarr(&["doctor"]);
    assert!(doctor.stdout.matches("but nothing came here").count() == 2, "{}", doctor.stdout);
}

#[test]
fn what_was_acknowledged_is_acted_on_after_a_death() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    wait_until("what our own additions made is acted on", || inbox(&household, "pending") == 0);
    let secret = password(&household, "movies");
    let database = Connection::open(household.database()).unwrap();
    let imported = |number: u32| format!(r#"{{"eventType": "Download", "movie": {{"tmdbId": {number}}}}}"#);
    // The store is locked as soon as a webhook is in it. Where the service was quicker, it was acted on before: then the next one.
    let number = (700_000..700_500).find(|number| {
        let before = taken(&household);
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| post(&service, "movies", &secret, imported(*number).as_bytes()));
            while taken_by(&database) == before && !answer.is_finished() {}
            database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
            database.execute_batch("BEGIN IMMEDIATE").unwrap();
            assert_eq!(answer.join().unwrap(), 200, "it is acknowledged");
            let waits = inbox(&household, "pending") == 1;
            if !waits {
                database.execute_batch("COMMIT").unwrap();
            }
            waits
        })
    });
    let number = number.expect("one of them still waits when it is acknowledged");
    service.running.kill();
    database.execute_batch("COMMIT").unwrap();
    assert_eq!(inbox(&household, "pending"), 1, "nothing was done about it before the death");
    assert_eq!(imports_of(&database, number), 0);

    let _service = household.serve();
    wait_until("it is acted on", || inbox(&household, "pending") == 0);
    assert_eq!(imports_of(&database, number), 1);
}

/// How many imports of the title of this number are known.
pub(super) fn imports_of(database: &Connection, number: u32) -> u32 {
    let query = "SELECT count(*) FROM imports WHERE external_id = ?1";
    database.query_row(query, [number], |row| row.get(0)).unwrap()
}

#[test]
fn a_store_that_is_locked_delays_the_answer_and_loses_nothing() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let before = taken(&household);
    let database = Connection::open(household.database()).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let answers: Vec<_> =
            (0..5).map(|_| scope.spawn(|| post(&service, "movies", &secret, br#"{"eventType": "Test"}"#))).collect();
        // Alive all the same, and answering what needs no writing.
        assert_eq!(service.get("/healthz").status, 200);
        assert!(answers.iter().all(|answer| !answer.is_finished()));
        database.execute_batch("COMMIT").unwrap();
        assert!(answers.into_iter().all(|answer| answer.join().unwrap() == 200));
    });
    wait_until("all are acted on", || inbox(&household, "pending") == 0);
    assert_eq!(taken(&household), before + 5);
}

#[test]
fn five_hundred_imports_in_a_burst_make_one_message_and_the_arr_calling_back_during_our_own_call_is_answered() {
    let mut household = wanting_two();
    let _service = connected(&mut household);
    // Radarr reports MovieAdded before it answers our own request: were anything held meanwhile, neither would end.
    household.sync_well();
    assert!(household.radarr.deliveries().iter().all(|sent| sent.status == 200), "{:?}", household.radarr.deliveries());

    let episodes: Vec<(i64, i64)> = (1..=500).map(|episode| (1, episode)).collect();
    let sent = household.sonarr.import(HARBOUR_NINE, &episodes, false);
    assert!(sent.len() >= 500 && sent.iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Harbour Nine") == "available");
    wait_until("all are acted on", || inbox(&household, "pending") == 0);
    wait_until("people are told once", || outbox(&household) == 1);
}
