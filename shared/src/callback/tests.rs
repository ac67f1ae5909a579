//! Connections in stand-ins that really call, and a receiver on the loopback that takes one password.

use std::future::ready;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use pulsarr_tests::fakes::{FakeArr, FakeRadarr, FakeSonarr, Fault};
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::clients::arr::Arr;
use crate::clients::{Http, HttpSettings, LimiterSettings, Transport};
use crate::clock::ManualClock;
use crate::model::{
    AddOptions, ArrOptions, Connection, ConnectionStatus, Instance, MinimumAvailability, MonitorNewItems, MovieMonitor,
    SeriesMonitor, SeriesTypeChoice,
};
use crate::retry::Retry;
use crate::stop::Stop;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// `pulsarr` and the above, as basic auth writes them.
const BASIC: &str = "Basic cHVsc2FycjowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";

/// [`super::check`] where nobody can tell what has come.
async fn check(arr: &Arr, wanted: &Wanted) -> Connection {
    super::check(arr, wanted, || ready(None)).await
}

/// [`super::fix`], the same way.
async fn fix(arr: &Arr, wanted: &Wanted) -> Connection {
    super::fix(arr, wanted, || ready(None)).await
}

/// Where instances call: 401 for the wrong password, 404 for another path than `/webhook/…`, else 200.
struct Receiver {
    address: SocketAddr,
    events: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let events = Arc::<Mutex<Vec<String>>>::default();
        let record = Arc::clone(&events);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (head, body) = read(&mut stream);
                let status = if !head.starts_with("POST /webhook/") && !head.starts_with("PUT /webhook/") {
                    "404 Not Found"
                } else if !head.contains(&format!("Authorization: {BASIC}\r\n")) {
                    "401 Unauthorized"
                } else {
                    "200 OK"
                };
                let event = serde_json::from_str::<serde_json::Value>(&body).unwrap()["eventType"].clone();
                record.lock().unwrap().push(format!("{} {}", event.as_str().unwrap(), &status[..3]));
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
            }
        });
        Self { address, events }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came since the last time, with the answer.
    fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}

/// Head and body of a request.
fn read(stream: &mut impl Read) -> (String, String) {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0_usize);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8_lossy(&body).into_owned())
}

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn arr(fake: &FakeArr, options: ArrOptions) -> Arr {
    let settings = HttpSettings {
        budget: 1_000,
        retry: Retry { first: std::time::Duration::ZERO, max_attempts: 2 },
        limiter: LimiterSettings::arr(),
        throttled_repeats: 3,
    };
    let transport = Transport::trusting(None).unwrap();
    let http = Http::new(transport, settings, Arc::new(ManualClock::at(0)), Stop::default());
    let options = AddOptions {
        quality_profile: None,
        root_folder_path: None,
        tags: Vec::new(),
        search_on_add: true,
        arr: options,
    };
    let instance = Instance {
        name: "main".to_owned(),
        url: fake.url(),
        api_key: SecretString::from(fake.api_key()),
        default: true,
        copy_of: None,
        respect_exclusions: true,
        options,
    };
    Arr::new(&instance, http)
}

fn radarr(fake: &FakeRadarr) -> Arr {
    let minimum_availability = MinimumAvailability::Released;
    arr(fake, ArrOptions::Radarr { minimum_availability, monitor: MovieMonitor::MovieOnly })
}

fn sonarr(fake: &FakeSonarr) -> Arr {
    let options = ArrOptions::Sonarr {
        monitor: SeriesMonitor::All,
        monitor_new_items: MonitorNewItems::All,
        series_type: SeriesTypeChoice::Auto,
        season_folder: true,
        seasons: Vec::new(),
    };
    arr(fake, options)
}

fn wanted(base_url: &str) -> Wanted {
    Wanted {
        instance: "main".to_owned(),
        label: "Radarr `main`".to_owned(),
        others: Vec::new(),
        base_url: Some(base_url.to_owned()),
        installation: "0a1b2c3d".to_owned(),
        secret: SecretString::from(SECRET),
    }
}

/// A connection of somebody else, or of an older us.
fn a_connection(fake: &FakeArr, name: &str, url: &str) -> i64 {
    fake.connect(&json!({
        "name": name, "implementation": "Webhook", "configContract": "WebhookSettings", "onGrab": true,
        "fields": [{ "name": "url", "value": url }, { "name": "method", "value": 1 }],
    }))
}

#[tokio::test]
async fn a_connection_is_created_reports_everything_and_is_found_in_order() {
    let (fake, receiver) = (FakeSonarr::start(), Receiver::start());
    let (arr, wanted) = (sonarr(&fake), wanted(&receiver.url()));
    let before = check(&arr, &wanted).await;
    assert_eq!((before.status, before.arr_id), (ConnectionStatus::Missing, None));
    assert!(before.advice.ends_with("have pulsarr create it."), "{}", before.advice);
    let fixed = fix(&arr, &wanted).await;
    assert_eq!((fixed.status, fixed.arr_id), (ConnectionStatus::Ok, Some(1)), "{}", fixed.advice);
    assert_eq!(fixed.url.as_deref(), Some(&*format!("{}/webhook/main?from=0a1b2c3d", receiver.url())));
    let stored = fake.connections().remove(0);
    assert_eq!((stored.name.as_str(), Some(stored.url)), ("pulsarr (0a1b2c3d)", fixed.url));
    assert_eq!((stored.username.as_str(), stored.password.as_str()), ("pulsarr", SECRET));
    assert_eq!(stored.events.len(), 12, "all that Sonarr has but onEpisodeFileDeleteForUpgrade: {:?}", stored.events);
    assert_eq!(receiver.events(), ["Test 200"]);
    assert_eq!(check(&arr, &wanted).await.status, ConnectionStatus::Ok);
    fake.add_series(800_001, "Harbour Nine");
    fake.grab(800_001);
    assert_eq!(receiver.events(), ["Test 200", "Grab 200"]);
}

#[tokio::test]
async fn a_second_look_changes_nothing_in_the_instance() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    fix(&arr, &wanted).await;
    let stored = fake.connections();
    fake.clear_journal();
    for status in [fix(&arr, &wanted).await.status, check(&arr, &wanted).await.status] {
        assert_eq!(status, ConnectionStatus::Ok);
    }
    let written: Vec<String> =
        fake.journal().into_iter().filter(|seen| seen.method != "GET").map(|seen| seen.route).collect();
    assert_eq!(written, ["/api/v3/notification/test", "/api/v3/notification/test"]);
    assert_eq!(fake.connections(), stored);
}

#[tokio::test]
async fn a_moved_pulsarr_is_noticed_and_its_connection_repaired_in_place() {
    let (fake, old, new) = (FakeRadarr::start(), Receiver::start(), Receiver::start());
    let arr = radarr(&fake);
    fix(&arr, &wanted(&old.url())).await;
    let looked = check(&arr, &wanted(&new.url())).await;
    assert_eq!(looked.status, ConnectionStatus::WrongAddress);
    for part in [&*format!("{}/webhook/main", old.url()), &format!("{}/webhook/main", new.url()), "PULSARR_BASE_URL"] {
        assert!(looked.advice.contains(part), "{}", looked.advice);
    }
    let fixed = fix(&arr, &wanted(&new.url())).await;
    assert_eq!((fixed.status, fixed.arr_id), (ConnectionStatus::Ok, Some(1)));
    let stored = fake.connections();
    assert_eq!((stored.len(), stored[0].url.starts_with(&new.url())), (1, true));
    assert_eq!(new.events(), ["Test 200"]);
}

#[tokio::test]
async fn a_connection_that_reports_by_put_works_and_is_said_to() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    let made = fix(&arr, &wanted).await;
    fake.reconnect(made.arr_id.unwrap(), &json!({"method": 2}));
    let looked = check(&arr, &wanted).await;
    assert_eq!(looked.status, ConnectionStatus::Ok, "{}", looked.advice);
}

#[tokio::test]
async fn a_renamed_connection_is_ours_and_keeps_its_name() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    fix(&arr, &wanted).await;
    fake.reconnect(1, &json!({ "name": "The one to pulsarr", "onGrab": false }));
    let looked = check(&arr, &wanted).await;
    assert_eq!(looked.status, ConnectionStatus::NotWorking);
    assert!(looked.advice.contains("onGrab is off"), "{}", looked.advice);
    assert_eq!(fix(&arr, &wanted).await.status, ConnectionStatus::Ok);
    let stored = fake.connections();
    assert_eq!((stored.len(), stored[0].name.as_str()), (1, "The one to pulsarr"));
    assert!(stored[0].events.contains(&"onGrab".to_owned()));
    assert_eq!(stored[0].password, SECRET);
}

#[tokio::test]
async fn a_wrong_password_is_seen_by_looking_and_mended_by_fixing() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    fix(&arr, &wanted).await;
    fake.reconnect(1, &json!({ "password": "another" }));
    receiver.events();
    let looked = check(&arr, &wanted).await;
    assert_eq!(looked.status, ConnectionStatus::WrongSecret);
    assert!(looked.advice.ends_with("have pulsarr repair the connection."), "{}", looked.advice);
    assert_eq!((receiver.events(), fake.connections()[0].password.as_str()), (vec!["Test 401".to_owned()], "another"));
    assert_eq!(fix(&arr, &wanted).await.status, ConnectionStatus::Ok);
    assert_eq!(receiver.events(), ["Test 401", "Test 200"]);
    assert_eq!(fake.connections()[0].password, SECRET);
}

#[tokio::test]
async fn a_password_that_is_refused_right_after_it_was_stored_is_blamed_on_the_address() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let mut wanted = wanted(&receiver.url());
    wanted.secret = SecretString::from("not what the receiver takes");
    let fixed = fix(&radarr(&fake), &wanted).await;
    assert_eq!(fixed.status, ConnectionStatus::WrongSecret);
    assert!(fixed.advice.contains("PULSARR_BASE_URL"), "{}", fixed.advice);
    assert!(!fixed.advice.contains("not what the receiver takes"));
}

#[tokio::test]
async fn a_connection_is_stored_although_nobody_listens_and_the_advice_names_address_and_answer() {
    let fake = FakeRadarr::start();
    let (arr, base_url) = (radarr(&fake), nobody());
    let fixed = fix(&arr, &wanted(&base_url)).await;
    assert_eq!((fixed.status, fixed.arr_id), (ConnectionStatus::WrongAddress, Some(1)));
    let authority = base_url.trim_start_matches("http://");
    assert_eq!(
        fixed.advice,
        format!(
            "Radarr `main` was given the address {base_url}/webhook/main and says `Connection refused ({authority})`: set \
             PULSARR_BASE_URL to an address at which Radarr reaches pulsarr."
        )
    );
    assert!(!fake.connections()[0].events.is_empty());
    assert_eq!(check(&arr, &wanted(&base_url)).await, fixed);
    // Once somebody listens there, nothing more is needed.
    let _receiver = Receiver::on(TcpListener::bind(authority).unwrap());
    assert_eq!(check(&arr, &wanted(&base_url)).await.status, ConnectionStatus::Ok);
}

#[tokio::test]
async fn another_server_at_the_address_is_not_working_and_quoted() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let elsewhere = format!("{}/not-pulsarr", receiver.url());
    let fixed = fix(&radarr(&fake), &wanted(&elsewhere)).await;
    assert_eq!(fixed.status, ConnectionStatus::NotWorking);
    assert!(fixed.advice.contains("[404:NotFound]") && fixed.advice.contains("PULSARR_BASE_URL"), "{}", fixed.advice);
}

#[tokio::test]
async fn what_is_answered_and_never_comes_is_not_working() {
    let fake = FakeRadarr::start();
    let arr = radarr(&fake);
    // Somebody who says yes to everything, and a redirect to https, as ingresses make them.
    for answer in ["200 OK", "301 Moved Permanently"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let elsewhere = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                read(&mut stream);
                let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            }
        });
        let wanted = wanted(&elsewhere);
        for found in
            [super::fix(&arr, &wanted, || ready(Some(7))).await, super::check(&arr, &wanted, || ready(Some(7))).await]
        {
            assert_eq!(found.status, ConnectionStatus::NotWorking, "{answer}: {}", found.advice);
            assert!(found.advice.contains(&elsewhere) && found.advice.contains("PULSARR_BASE_URL"), "{}", found.advice);
        }
    }
    let receiver = Receiver::start();
    let wanted = wanted(&receiver.url());
    let newest = || ready(Some(receiver.events.lock().unwrap().len() as i64));
    assert_eq!(super::fix(&arr, &wanted, newest).await.status, ConnectionStatus::Ok);
    assert_eq!(super::check(&arr, &wanted, newest).await.status, ConnectionStatus::Ok);
}

#[tokio::test]
async fn other_connections_and_other_installations_are_left_alone_and_only_ours_is_removed() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, ours) = (radarr(&fake), wanted(&receiver.url()));
    let theirs = Wanted { installation: "ffffffff".to_owned(), ..ours.clone() };
    let same_arr = Wanted { instance: "uhd".to_owned(), others: vec!["main".to_owned()], ..wanted(&receiver.url()) };
    let ours = Wanted { others: vec!["uhd".to_owned()], ..ours };
    a_connection(&fake, "pulsarr (0a1b2c3d)", "http://elsewhere.invalid/hook");
    for one in [&ours, &theirs, &same_arr] {
        assert_eq!(fix(&arr, one).await.status, ConnectionStatus::Ok);
    }
    let names = || fake.connections().into_iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names(), ["pulsarr (0a1b2c3d)", "pulsarr (0a1b2c3d) 2", "pulsarr (ffffffff)", "pulsarr (0a1b2c3d) 3"]);
    assert_eq!(remove(&arr, &ours).await, Ok(1));
    assert_eq!(names(), ["pulsarr (0a1b2c3d)", "pulsarr (ffffffff)", "pulsarr (0a1b2c3d) 3"]);
    assert_eq!(remove(&arr, &ours).await, Ok(0));
    assert_eq!(check(&arr, &theirs).await.status, ConnectionStatus::Ok);
}

#[tokio::test]
async fn more_than_one_of_ours_become_one() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    a_connection(&fake, "old", "http://old.invalid/webhook/name-it-had?from=0a1b2c3d");
    a_connection(&fake, "older", "http://older.invalid/webhook/main?from=0a1b2c3d");
    assert_eq!(fix(&arr, &wanted).await.arr_id, Some(1));
    let stored = fake.connections();
    assert_eq!((stored.len(), stored[0].name.as_str()), (1, "old"));
    assert_eq!(Some(stored[0].url.clone()), wanted.url());
}

#[tokio::test]
async fn without_an_address_of_our_own_nothing_is_asked() {
    let fake = FakeRadarr::start();
    let (arr, wanted) = (radarr(&fake), Wanted { base_url: None, ..wanted("x") });
    for found in [check(&arr, &wanted).await, fix(&arr, &wanted).await] {
        assert_eq!(found.status, ConnectionStatus::Unknown);
        assert!(
            found.advice.ends_with("set PULSARR_BASE_URL to an address at which Radarr reaches it."),
            "{}",
            found.advice
        );
    }
    assert!(fake.journal().is_empty());
}

#[tokio::test]
async fn an_instance_in_trouble_says_nothing_about_the_connection() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    fix(&arr, &wanted).await;
    fake.inject(Fault::on("POST", "/notification/test").times(1).status(500));
    let found = check(&arr, &wanted).await;
    assert_eq!(found.status, ConnectionStatus::Unknown);
    assert!(found.advice.contains("database is locked"), "{}", found.advice);
    fake.set_starting_up(true);
    assert_eq!(check(&arr, &wanted).await.status, ConnectionStatus::Unknown);
}

#[tokio::test]
async fn a_creation_that_was_cut_off_is_completed_by_the_next() {
    let (fake, receiver) = (FakeRadarr::start(), Receiver::start());
    let (arr, wanted) = (radarr(&fake), wanted(&receiver.url()));
    fake.inject(Fault::on("POST", "/api/v3/notification").times(1).reset().after_effect());
    assert_eq!(fix(&arr, &wanted).await.status, ConnectionStatus::Unknown);
    assert!(fake.connections()[0].events.is_empty());
    assert_eq!(fix(&arr, &wanted).await.status, ConnectionStatus::Ok);
    assert_eq!((fake.connections().len(), fake.connections()[0].events.len()), (1, 11));
}

#[test]
fn an_installation_keeps_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), false).unwrap();
    let id = installation(&store).unwrap();
    assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    drop(store);
    assert_eq!(installation(&Store::open(folder.path(), false).unwrap()).unwrap(), id);
}
