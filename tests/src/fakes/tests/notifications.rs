//! Connections: which calls try the receiver, what is answered, and who is told of what.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Answer, Call, DEADLINE};
use crate::fakes::{FakeArr, FakeRadarr, FakeSonarr};

/// Answers everybody with one status, and remembers what it was sent.
struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (status, seen) = (Arc::new(AtomicU16::new(status)), Arc::<Mutex<Vec<String>>>::default());
        let (answer, record) = (Arc::clone(&status), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                let (mut text, mut buffer) = (Vec::new(), [0; 8192]);
                loop {
                    let so_far = String::from_utf8_lossy(&text).into_owned();
                    let length = so_far.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
                    let body = so_far.split_once("\r\n\r\n").map(|(_, body)| body.len());
                    if body.zip(length).is_some_and(|(have, all): (usize, usize)| have >= all) {
                        break;
                    }
                    match stream.read(&mut buffer).unwrap() {
                        0 => break,
                        read => text.extend_from_slice(&buffer[..read]),
                    }
                }
                record.lock().unwrap().push(String::from_utf8_lossy(&text).into_owned());
                let head = format!("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", answer.load(Ordering::SeqCst));
                let _ = stream.write_all(head.as_bytes());
            }
        });
        Self { address, status, seen }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The `eventType`s since the last time, in order.
    fn events(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let event = |text: &String| {
            let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
            body["eventType"].as_str().unwrap().to_owned()
        };
        seen.iter().map(event).collect()
    }
}

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/hook", listener.local_addr().unwrap())
}

fn call(arr: &FakeArr, method: &str, path: &str, body: &Value) -> Answer {
    let call = Call::new(method, &format!("{}/api/v3/notification{path}", arr.url()));
    let call = call.header("X-Api-Key", &arr.api_key());
    if body.is_null() { call.send() } else { call.json_body(body).send() }
}

fn webhook(name: &str, url: &str, events: &[&str]) -> Value {
    let mut body = json!({
        "name": name, "implementation": "Webhook", "configContract": "WebhookSettings",
        "fields": [{ "name": "url", "value": url }, { "name": "method", "value": 1 }],
    });
    for event in events {
        body[*event] = json!(true);
    }
    body
}

#[test]
fn a_connection_is_tried_before_it_is_created_also_with_force_save() {
    let (sonarr, receiver) = (FakeSonarr::start(), Receiver::start(200));
    let created =
        call(&sonarr, "POST", "?forceSave=true", &webhook("one", &receiver.url(), &["onGrab", "onMovieAdded"]));
    assert_eq!((created.status, created.header("location")), (201, Some("/api/v3/notification/1")));
    assert_eq!((&created.json()["onGrab"], created.json().get("onMovieAdded")), (&json!(true), None));
    assert_eq!(receiver.events(), ["Test"]);
    receiver.status.store(404, Ordering::SeqCst);
    let refused = call(&sonarr, "POST", "?forceSave=true", &webhook("two", &receiver.url(), &["onGrab"]));
    let words = refused.json()[0]["errorMessage"].as_str().unwrap().to_owned();
    assert_eq!((refused.status, &refused.json()[0]["propertyName"]), (400, &json!("Url")));
    let expected = format!("HTTP request failed: [404:NotFound] [POST] at [{}]", receiver.url());
    assert!(words.ends_with(&expected), "{words}");
    assert_eq!(sonarr.connections().len(), 1);
}

#[test]
fn one_that_reports_nothing_is_neither_tried_nor_checked() {
    let radarr = FakeRadarr::start();
    assert_eq!(call(&radarr, "POST", "", &webhook("one", "no address", &[])).status, 201);
    let switched_on = call(&radarr, "PUT", "/1?forceSave=true", &webhook("one", "no address", &["onGrab"]));
    assert_eq!(
        (switched_on.status, &switched_on.json()[0]["errorMessage"]),
        (400, &json!("Invalid Url: 'no address'"))
    );
    let stored = call(&radarr, "PUT", "/1?forceSave=true", &webhook("one", &nobody(), &["onGrab"]));
    assert_eq!((stored.status, radarr.connections()[0].events.clone()), (202, vec!["onGrab".to_owned()]));
    assert!(radarr.deliveries().is_empty());
}

#[test]
fn a_change_is_tried_unless_it_is_none_or_is_forced() {
    let (radarr, receiver) = (FakeRadarr::start(), Receiver::start(200));
    radarr.connect(&webhook("one", &receiver.url(), &["onGrab"]));
    let put = |path: &str, body: &Value| call(&radarr, "PUT", path, body).status;
    let read = call(&radarr, "GET", "/1", &Value::Null).json();
    assert_eq!((put("/1", &read), receiver.events()), (202, vec![]));
    assert_eq!(
        (put("/1", &webhook("two", &receiver.url(), &["onGrab"])), receiver.events()),
        (202, vec!["Test".into()])
    );
    assert_eq!((put("/1", &webhook("three", &receiver.url(), &[])), receiver.events()), (202, vec![]));
    receiver.status.store(500, Ordering::SeqCst);
    assert_eq!(put("/1", &webhook("four", &receiver.url(), &["onGrab"])), 400);
    assert_eq!(radarr.connections()[0].name, "three");
    assert_eq!(put("/1?forceSave=true", &webhook("four", &receiver.url(), &["onGrab"])), 202);
    assert_eq!(put("/9", &webhook("five", &receiver.url(), &["onGrab"])), 404);
}

#[test]
fn a_test_says_how_the_receiver_was_reached() {
    let (sonarr, receiver) = (FakeSonarr::start(), Receiver::start(200));
    let test = |url: &str| call(&sonarr, "POST", "/test", &webhook("x", url, &[]));
    assert_eq!((test(&receiver.url()).status, test(&receiver.url()).body.as_str()), (200, "{}"));
    receiver.status.store(302, Ordering::SeqCst);
    assert_eq!(test(&receiver.url()).status, 200, "a redirect counts as a success");
    receiver.status.store(401, Ordering::SeqCst);
    assert!(test(&receiver.url()).body.contains("[401:Unauthorized]"));
    let nobody = nobody();
    let unreachable = test(&nobody);
    let authority = nobody.trim_start_matches("http://").trim_end_matches("/hook");
    assert_eq!(
        (unreachable.status, &unreachable.json()["message"]),
        (500, &json!(format!("Connection refused ({authority})")))
    );
    assert_eq!(test("no address").json()[0]["errorMessage"], "Invalid Url: 'no address'");
    assert!(sonarr.connections().is_empty());
}

#[test]
fn names_are_unique_but_for_case_and_what_is_missing_is_said() {
    let sonarr = FakeSonarr::start();
    let post = |body: &Value| call(&sonarr, "POST", "", body);
    assert_eq!(post(&webhook("Mine", &nobody(), &[])).status, 201);
    let again = post(&webhook("mINE", &nobody(), &[])).json();
    assert_eq!(
        (&again[0]["propertyName"], &again[0]["errorMessage"], &again[0]["errorCode"]),
        (&json!("Name"), &json!("Should be unique"), &json!("PredicateValidator"))
    );
    let properties = |body: &Value| -> Vec<String> {
        let failures = post(body).json();
        failures.as_array().unwrap().iter().map(|one| one["propertyName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(properties(&json!({})), ["Name", "Implementation", "ConfigContract", "Fields"]);
    let mut unknown = webhook("x", &nobody(), &[]);
    unknown["configContract"] = json!("Other");
    assert_eq!(post(&unknown).status, 500);
    let refused = post(&json!({ "name": "x", "onGrab": "yes" }));
    assert!(refused.status == 400 && refused.json()["errors"]["$.onGrab"].is_array(), "{}", refused.body);
}

#[test]
fn a_password_reads_as_stars_and_stars_keep_it() {
    let (radarr, receiver) = (FakeRadarr::start(), Receiver::start(200));
    let mut body = webhook("one", &receiver.url(), &["onGrab"]);
    body["fields"]
        .as_array_mut()
        .unwrap()
        .extend([json!({ "name": "username", "value": "u" }), json!({ "name": "password", "value": "p" })]);
    radarr.connect(&body);
    let mut read = call(&radarr, "GET", "", &Value::Null).json()[0].clone();
    assert_eq!((&read["fields"][3]["name"], &read["fields"][3]["value"]), (&json!("password"), &json!("********")));
    read["name"] = json!("renamed");
    assert_eq!(call(&radarr, "PUT", "/1", &read).status, 202);
    assert_eq!((radarr.connections()[0].password.as_str(), radarr.connections()[0].name.as_str()), ("p", "renamed"));
    assert!(receiver.seen.lock().unwrap()[0].contains("Authorization: Basic dTpw\r\n"));
    receiver.events();
    assert_eq!(call(&radarr, "POST", "/test", &read).status, 200);
    assert!(receiver.seen.lock().unwrap()[0].contains("Authorization: Basic dTpw\r\n"));
    assert_eq!(call(&radarr, "DELETE", "/1", &Value::Null).body, "{}");
    assert!(radarr.connections().is_empty());
    assert_eq!(call(&radarr, "GET", "/1", &Value::Null).status, 404);
}

#[test]
fn null_headers_are_stored_and_then_nothing_is_ever_sent() {
    let (radarr, receiver) = (FakeRadarr::start(), Receiver::start(200));
    radarr.add_movie(900_002, "Salt Ledger");
    let mut body = webhook("one", &receiver.url(), &["onGrab"]);
    body["fields"].as_array_mut().unwrap().push(json!({ "name": "headers", "value": null }));
    radarr.connect(&body);
    assert!(radarr.grab(900_002).is_empty());
    assert_eq!(call(&radarr, "POST", "/test", &body).status, 400, "the name is taken by itself, without its id");
    body["id"] = json!(1);
    assert_eq!(call(&radarr, "POST", "/test", &body).status, 500);
}

#[test]
fn a_schema_has_the_events_of_the_application() {
    let schema = |arr: &FakeArr| call(arr, "GET", "/schema", &Value::Null).json()[0].clone();
    let (sonarr, radarr) = (schema(&FakeSonarr::start()), schema(&FakeRadarr::start()));
    assert_eq!((sonarr.get("onSeriesAdd"), sonarr.get("onMovieAdded")), (Some(&json!(false)), None));
    assert_eq!((radarr.get("onSeriesAdd"), radarr.get("supportsOnMovieAdded")), (None, Some(&json!(true))));
}

#[test]
fn each_connection_is_told_what_it_asked_for() {
    let (radarr, all, some) = (FakeRadarr::start(), Receiver::start(200), Receiver::start(200));
    let tag = radarr.add_tag("kids");
    radarr.add_movie(900_002, "Salt Ledger");
    radarr.connect(&webhook("all", &all.url(), &["onGrab", "onDownload", "onUpgrade", "onMovieDelete"]));
    radarr.connect(&webhook("some", &some.url(), &["onDownload"]));
    let mut tagged = webhook("tagged", &some.url(), &["onGrab", "onHealthIssue"]);
    tagged["tags"] = json!([tag]);
    radarr.connect(&tagged);
    radarr.grab(900_002);
    radarr.import(900_002, false);
    radarr.import(900_002, true);
    radarr.deliver_raw(&json!({ "eventType": "Health", "level": "error", "message": "x" }));
    radarr.deliver_raw(&json!({ "eventType": "SomethingNew" }));
    radarr.set_backed_off(true);
    assert!(radarr.deliver_raw(&json!({ "eventType": "Grab" })).is_empty());
    radarr.set_backed_off(false);
    assert_eq!(radarr.delete_from_library(900_002, true)[0].status, 200);
    assert_eq!(all.events(), ["Grab", "Download", "Download", "SomethingNew", "MovieDelete"]);
    assert_eq!(some.events(), ["Download", "Health", "SomethingNew", "SomethingNew"]);
    assert!(radarr.item(900_002).is_none());
}

#[test]
fn a_show_is_grabbed_as_a_pack_and_arrives_file_by_file_and_once_more_as_a_whole() {
    let (sonarr, receiver) = (FakeSonarr::start(), Receiver::start(200));
    let id = sonarr.add_series(800_001, "Harbour Nine");
    sonarr.connect(&webhook("all", &receiver.url(), &["onGrab", "onDownload", "onImportComplete", "onSeriesDelete"]));
    let body = |sent: &[crate::fakes::Delivered], at: usize| -> Value { serde_json::from_str(&sent[at].body).unwrap() };
    let grab = sonarr.grab(800_001);
    assert_eq!((grab.len(), body(&grab, 0)["episodes"].as_array().unwrap().len()), (1, 8));
    let arrived = sonarr.import(800_001, &[(1, 1), (1, 2)], false);
    assert_eq!(arrived.len(), 3);
    let (first, whole) = (body(&arrived, 0), body(&arrived, 2));
    assert_eq!((&first["isUpgrade"], first.get("episodeFiles")), (&json!(false), None));
    assert_eq!(
        (&whole["fileCount"], whole.get("episodeFile"), &whole["eventType"]),
        (&json!(2), None, &json!("Download"))
    );
    let statistics = sonarr.resource(id).unwrap()["seasons"][1]["statistics"].clone();
    assert_eq!(statistics["episodeFileCount"], 2);
    // Without onUpgrade, files that replace others are not told of; the whole is.
    let better = sonarr.import(800_001, &[(1, 1)], true);
    assert_eq!((better.len(), body(&better, 0).get("fileCount")), (1, Some(&json!(1))));
    let gone = Call::new("DELETE", &format!("{}/api/v3/series/{id}?deleteFiles=true", sonarr.url()));
    assert_eq!(gone.header("X-Api-Key", &sonarr.api_key()).send().status, 200);
    assert_eq!(body(&sonarr.deliveries(), 5)["deletedFiles"], true);
}

#[test]
fn history_since_a_date_tells_what_happened_and_to_what() {
    let (sonarr, radarr) = (FakeSonarr::start(), FakeRadarr::start());
    let movie = radarr.add_movie(900_002, "Salt Ledger");
    sonarr.add_series(800_001, "Harbour Nine");
    let since = |arr: &FakeArr, query: &str| {
        let call = Call::new("GET", &format!("{}/api/v3/history/since?{query}", arr.url()));
        call.header("X-Api-Key", &arr.api_key()).send()
    };
    radarr.grab(900_002);
    radarr.set_date("2026-11-02T08:00:00Z");
    radarr.import(900_002, false);
    let later = since(&radarr, "date=2026-11-02T08:00:00.000Z&includeMovie=true").json();
    assert_eq!((later.as_array().unwrap().len(), &later[0]["eventType"]), (1, &json!("downloadFolderImported")));
    assert_eq!((&later[0]["movieId"], &later[0]["movie"]["tmdbId"]), (&json!(movie), &json!(900_002)));
    let all = since(&radarr, "date=2026-11-01T00:00:00Z").json();
    assert_eq!(
        (all.as_array().unwrap().len(), all[0].get("movie"), &all[0]["date"]),
        (2, None, &json!("2026-11-01T10:00:00Z"))
    );
    assert_eq!(since(&radarr, "date=2026-11-01T00:00:00Z&eventType=grabbed").json().as_array().unwrap().len(), 1);
    assert_eq!(since(&radarr, "eventType=grabbed").status, 400);
    sonarr.import(800_001, &[(2, 7)], false);
    let shows = since(&sonarr, "date=2026-01-01T00:00:00Z&includeSeries=true&includeEpisode=true").json();
    assert_eq!((&shows[0]["series"]["tvdbId"], &shows[0]["episode"]["seasonNumber"]), (&json!(800_001), &json!(2)));
    assert_eq!(shows[0]["episode"]["episodeNumber"], 7);
}
