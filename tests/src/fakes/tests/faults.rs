//! Every kind of accident, on the surfaces where it matters.

use std::io::{ErrorKind, Read};

use serde_json::json;

use super::{Call, until};
use crate::fakes::{FakePlex, FakeRadarr, Fault, Title};

fn list(plex: &FakePlex) -> Call {
    Call::new("GET", &format!("{}/library/sections/watchlist/all", plex.discover_url()))
        .header("X-Plex-Token", &plex.owner_token())
        .header("Accept", "application/json")
}

fn add(radarr: &FakeRadarr, tmdb: i64) -> Call {
    Call::new("POST", &format!("{}/api/v3/movie", radarr.url())).header("X-Api-Key", &radarr.api_key()).json_body(
        &json!({
            "title": "Salt Ledger", "tmdbId": tmdb, "qualityProfileId": 4, "rootFolderPath": "/movies", "tags": [],
            "addOptions": { "monitor": "movieOnly", "searchForMovie": false, "addMethod": "manual" },
        }),
    )
}

#[test]
fn statuses_come_with_the_body_of_their_surface() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("ANY", "").status(429).retry_after("7"));
    let discover = list(&plex).send();
    assert_eq!((discover.status, discover.header("retry-after")), (429, Some("7")));
    assert_eq!(discover.json()["Error"]["statusCode"], 429);
    let community = Call::new("POST", &format!("{}/api", plex.community_url())).send();
    assert_eq!((community.status, community.body.as_str()), (429, "Rate limit exceeded!"));
    let account =
        Call::new("GET", &format!("{}/api/v2/user", plex.plex_tv_url())).header("Accept", "application/json").send();
    assert_eq!(account.json()["errors"][0]["status"], 429);
    plex.clear_faults();
    assert_eq!(list(&plex).send().status, 200);

    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("POST", "/api/v3/movie").status(500));
    assert!(add(&radarr, 603).send().json()["description"].is_string());
    assert!(radarr.library().is_empty());
}

#[test]
fn skip_times_and_containing_choose_the_requests() {
    let plex = FakePlex::start();
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    plex.inject(Fault::on("GET", "/watchlist/").skip(1).times(2).status(503).retry_after(date));
    let statuses: Vec<u16> = (0..5).map(|_| list(&plex).send().status).collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200]);

    plex.inject(Fault::on("GET", "").containing("x-plex-container-start: 100").times(1).status(500));
    assert_eq!(list(&plex).send().status, 200);
    assert_eq!(list(&plex).header("X-Plex-Container-Start", "100").send().status, 500);
    let statuses: Vec<u16> = plex.journal().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200, 200, 500]);
}

#[test]
fn html_comes_with_any_status() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "").times(1).html());
    plex.inject(Fault::on("GET", "").times(1).html_status(502));
    for status in [200, 502] {
        let answer = list(&plex).send();
        assert_eq!(answer.status, status);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        assert!(answer.body.contains("<html>"));
    }
}

#[test]
fn a_truncated_answer_promises_more_than_it_sends() {
    let plex = FakePlex::start();
    plex.watch(&plex.owner_uuid(), Title::movie("Salt Ledger"));
    let whole = list(&plex).send();
    plex.inject(Fault::on("GET", "").truncated());
    let cut = list(&plex).send();
    assert_eq!((cut.status, cut.missing), (200, whole.body.len() - cut.body.len()));
    assert!(!cut.body.is_empty() && cut.missing > 0);
    assert!(whole.body.starts_with(&cut.body));
    assert_eq!(plex.journal().last().unwrap().status, 0);
}

#[test]
fn a_reset_is_a_reset() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "").times(1).reset());
    assert_eq!(list(&plex).try_send().unwrap_err(), ErrorKind::ConnectionReset);
    assert_eq!(plex.journal()[0].status, 0);
    assert_eq!(list(&plex).send().status, 200);
}

#[test]
fn never_holds_the_request_until_the_caller_leaves() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "").times(1).never());
    let mut held = list(&plex).open();
    until("the request's arrival", || plex.requests_to("/watchlist/") == 1);
    assert_eq!(list(&plex).send().status, 200, "others are served meanwhile");
    assert_eq!((plex.max_in_flight(), plex.journal()[1].in_flight), (2, 2));
    held.set_nonblocking(true).unwrap();
    assert_eq!(held.read(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock, "nothing was ever said");
    drop(held);
    until("the end of the held request", || {
        plex.clear_journal();
        plex.max_in_flight() == 0
    });
}

#[test]
fn what_is_held_is_answered_once_it_is_released() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "").held());
    let mut held = list(&plex).open();
    until("the request's arrival", || plex.in_flight() == 1);
    assert_eq!(plex.journal()[0].status, 0, "not answered yet");
    plex.release();
    let mut begin = [0; 12];
    held.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    assert_eq!(list(&plex).send().status, 200, "nothing is held any more");
}

#[test]
fn latency_is_an_ordinary_answer_later() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "").times(1).latency_ms(600_000));
    let slow = list(&plex).open();
    until("the slow request's arrival", || plex.requests_to("/watchlist/") == 1);
    assert_eq!(plex.journal()[0].status, 0, "not answered yet");
    drop(slow);
    plex.inject(Fault::on("GET", "").times(1).latency_ms(1));
    assert_eq!(list(&plex).send().status, 200);
}

#[test]
fn a_write_can_be_lost_before_or_after_its_effect() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().before_effect());
    add(&radarr, 601).try_send().unwrap_err();
    assert!(radarr.item(601).is_none());

    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect());
    add(&radarr, 602).try_send().unwrap_err();
    assert!(radarr.item(602).is_some());

    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).status(500).after_effect());
    assert_eq!(add(&radarr, 603).send().status, 500);
    assert!(radarr.item(603).is_some());

    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).never().after_effect());
    let held = add(&radarr, 604).open();
    until("the effect of the held add", || radarr.item(604).is_some());
    drop(held);
}

#[test]
fn the_journal_keeps_what_tests_ask_for() {
    let plex = FakePlex::start();
    let call = Call::new("GET", &format!("{}/api/v2/user?x=a%20b", plex.plex_tv_url()))
        .header("X-Plex-Token", "tok-wrong")
        .header("X-Plex-Client-Identifier", "router-1")
        .header("User-Agent", "pulsarr/0.1")
        .header("Accept", "application/json");
    call.send();
    let seen = &plex.journal()[0];
    assert_eq!((seen.method.as_str(), seen.route.as_str(), seen.status), ("GET", "/plex.tv/api/v2/user", 401));
    assert_eq!((seen.token.as_deref(), seen.client_identifier.as_deref()), (Some("tok-wrong"), Some("router-1")));
    assert_eq!((seen.user_agent.as_deref(), seen.query_value("x")), (Some("pulsarr/0.1"), Some("a b")));
    assert!(seen.at_ms > 1_600_000_000_000);

    let body = json!({ "query": "x".repeat(40_000) });
    let post = Call::new("POST", &format!("{}/api", plex.community_url())).json_body(&body);
    post.send();
    assert_eq!(plex.journal()[1].body.len(), 16 * 1024);
    plex.set_journal_bodies(false);
    post.send();
    assert_eq!(plex.journal()[2].body, "");
    assert_eq!((plex.requests_to("/community"), plex.requests("POST", "/community/api")), (2, 2));
    plex.clear_journal();
    assert!(plex.journal().is_empty());
}

#[test]
fn a_dropped_fake_ends_its_open_connections() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "").never());
    let mut held = list(&plex).open();
    until("the request's arrival", || plex.requests_to("/watchlist/") == 1);
    drop(plex);
    let ended = held.read(&mut [0; 16]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}
