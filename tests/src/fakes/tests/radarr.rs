//! Movies, and what Radarr does differently.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::fakes::{FakeRadarr, Known};

fn call(radarr: &FakeRadarr, method: &str, path: &str) -> Call {
    Call::new(method, &format!("{}{path}", radarr.url())).header("X-Api-Key", &radarr.api_key())
}

fn body(tmdb: i64) -> Value {
    json!({
        "title": "Salt Ledger", "tmdbId": tmdb, "qualityProfileId": 4, "rootFolderPath": "/movies", "monitored": true,
        "minimumAvailability": "released", "tags": [],
        "addOptions": { "monitor": "movieOnly", "searchForMovie": true, "addMethod": "manual" },
    })
}

fn add(radarr: &FakeRadarr, body: &Value) -> Answer {
    call(radarr, "POST", "/api/v3/movie").json_body(body).send()
}

#[test]
fn a_movie_gets_its_year_into_the_folder_and_is_searched_for() {
    let radarr = FakeRadarr::start();
    radarr.know(Known::new(900_002, "Salt: Ledger").year(2025).imdb("tt90000002"));
    let added = add(&radarr, &body(900_002));
    assert_eq!((added.status, &added.json()["path"]), (201, &json!("/movies/Salt Ledger (2025)")));
    assert_eq!(added.json()["addOptions"]["addMethod"], "manual");
    assert_eq!(radarr.searches()[0].name, "MoviesSearch");
    let stored = call(&radarr, "GET", "/api/v3/movie?tmdbId=900002").send().json();
    assert!(stored[0].get("addOptions").is_none());
    assert_eq!(call(&radarr, "GET", "/api/v3/movie?tmdbId=1").send().json(), json!([]));
    let again = add(&radarr, &body(900_002)).json();
    assert_eq!(
        (&again[0]["errorMessage"], &again[0]["errorCode"]),
        (&json!("This movie has already been added"), &json!("MovieExistsValidator"))
    );
    assert_eq!((&again[0]["propertyName"], &again[0]["attemptedValue"]), (&json!("TmdbId"), &json!(900_002)));
}

#[test]
fn monitor_none_leaves_the_movie_monitored_and_monitored_defaults_to_true() {
    let radarr = FakeRadarr::start();
    let mut wanted = body(900_002);
    wanted["addOptions"]["monitor"] = json!("none");
    wanted.as_object_mut().unwrap().remove("monitored");
    assert_eq!(add(&radarr, &wanted).json()["monitored"], true);
    wanted["minimumAvailability"] = json!("preDB");
    assert!(add(&radarr, &wanted).json()["errors"]["$.minimumAvailability"].is_array());
}

#[test]
fn movie_added_arrives_while_the_add_is_still_open() {
    let radarr = Arc::new(FakeRadarr::start());
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    radarr.set_webhook(&format!("http://{}/hooks/radarr", receiver.local_addr().unwrap()));
    let (answered, answer) = mpsc::channel();
    let caller = Arc::clone(&radarr);
    std::thread::spawn(move || answered.send(add(&caller, &body(900_002)).status));

    let (mut stream, _) = receiver.accept().unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("\"MovieAdded\"") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the webhook ended early: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(text.starts_with("POST /hooks/radarr HTTP/1.1\r\n") && text.contains("User-Agent: Radarr/6.0.3.10276"));
    assert!(answer.try_recv().is_err(), "the add waits for its webhook");
    assert!(radarr.item(900_002).is_some(), "the movie is in the library by then");
    assert_eq!(call(&radarr, "GET", "/api/v3/movie/1").send().status, 200, "Radarr serves others meanwhile");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(answer.recv().unwrap(), 201);
    assert_eq!((radarr.deliveries()[0].event.as_str(), radarr.deliveries()[0].status), ("MovieAdded", 200));
}

#[test]
fn without_add_options_the_event_is_lost() {
    let radarr = FakeRadarr::start();
    let receiver = FakeRadarr::start();
    radarr.set_webhook(&format!("{}/hooks", receiver.origin()));
    let mut wanted = body(900_002);
    wanted.as_object_mut().unwrap().remove("addOptions");
    assert_eq!(add(&radarr, &wanted).status, 201);
    assert_eq!((receiver.requests_to("/hooks"), radarr.deliveries().len()), (0, 0));
}

#[test]
fn labels_are_checked_here() {
    let radarr = FakeRadarr::start();
    let post = |label: &str| call(&radarr, "POST", "/api/v3/tag").json_body(&json!({ "label": label })).send();
    let refused = post("tomas.r");
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()[0]["errorMessage"], "Allowed characters a-z, 0-9 and -");
    assert_eq!(
        (&refused.json()[0]["propertyName"], &refused.json()[0]["errorCode"]),
        (&json!("Label"), &json!("RegularExpressionValidator"))
    );
    assert_eq!(post("").json()[0]["errorCode"], "NotEmptyValidator");
    assert_eq!(post("tomas-r").status, 201);
}

#[test]
fn lookups_say_when_a_movie_is_excluded() {
    let radarr = FakeRadarr::start();
    radarr.exclude(900_002, "Salt Ledger");
    radarr.unknown_id(13);
    let lookup = |term: &str| call(&radarr, "GET", &format!("/api/v3/movie/lookup{term}")).send();
    assert_eq!(lookup("?term=tmdb:900002").json()[0]["isExcluded"], true);
    assert!(lookup("?term=tmdb:900003").json()[0].get("isExcluded").is_none());
    assert_eq!(lookup("?term=tmdb:13").body, "[]");
    assert_eq!(lookup("/tmdb?tmdbId=13").status, 500);
    assert!(lookup("/tmdb?tmdbId=900002").json().is_object());
    let page = call(&radarr, "GET", "/api/v3/exclusions/paged").send().json();
    assert_eq!(page["records"][0], json!({ "id": 1, "tmdbId": 900_002, "movieTitle": "Salt Ledger", "movieYear": 0 }));
}

#[test]
fn a_filled_library_weighs_what_a_real_one_does() {
    let radarr = FakeRadarr::start();
    radarr.fill_library(500);
    let mine = radarr.add_movie(900_002, "Salt Ledger");
    let whole = call(&radarr, "GET", "/api/v3/movie").send();
    let weight = whole.body.len() / 501;
    assert!((4_000..8_000).contains(&weight), "{weight} bytes a movie");
    let movies = whole.json();
    assert_eq!(movies.as_array().unwrap().len(), 501);
    let first = &movies[0];
    let item = radarr.item(5_000_001).unwrap();
    assert_eq!(
        (&first["id"], &first["tmdbId"], &first["title"]),
        (&json!(item.id), &json!(5_000_001), &json!(item.title))
    );
    assert_eq!(call(&radarr, "GET", &format!("/api/v3/movie/{}", item.id)).send().json()["tmdbId"], 5_000_001);
    radarr.remove(mine);
    assert_eq!(call(&radarr, "GET", "/api/v3/movie").send().json().as_array().unwrap().len(), 500);
}

#[test]
fn root_folders_and_profiles_are_listed_as_set() {
    let radarr = FakeRadarr::start();
    radarr.add_root_folder("/movies4k/", None);
    radarr.add_profile(9, "Custom");
    radarr.set_accessible("/movies", false);
    let folders = call(&radarr, "GET", "/api/v3/rootfolder").send().json();
    assert_eq!((&folders[0]["accessible"], folders[0].get("freeSpace")), (&json!(false), None));
    assert_eq!((&folders[1]["path"], folders[1].get("freeSpace")), (&json!("/movies4k"), None));
    let profiles = call(&radarr, "GET", "/api/v3/qualityprofile").send().json();
    let names: Vec<&str> = profiles.as_array().unwrap().iter().filter_map(|profile| profile["name"].as_str()).collect();
    assert_eq!(names, ["Any", "HD-1080p", "Ultra-HD", "Custom"]);
}

#[test]
fn a_lookup_tells_what_was_said_about_the_movie() {
    let radarr = FakeRadarr::start();
    let known =
        Known::new(603, "Salt Ledger").language("Japanese").status("inCinemas").certification("R").runtime_min(99);
    radarr.know(known.made_by("Tidal").keywords(&["storm"]).imdb_rating(8.1, 7).tmdb_rating(7.5).critics(91));
    let found = call(&radarr, "GET", "/api/v3/movie/lookup?term=tmdb:603").send().json();
    let found = &found[0];
    assert_eq!((&found["originalLanguage"]["name"], &found["status"]), (&json!("Japanese"), &json!("inCinemas")));
    assert_eq!(
        (&found["certification"], &found["runtime"], &found["studio"]),
        (&json!("R"), &json!(99), &json!("Tidal"))
    );
    assert_eq!((&found["keywords"], &found["ratings"]["imdb"]["votes"]), (&json!(["storm"]), &json!(7)));
    assert_eq!(
        (&found["ratings"]["tmdb"]["value"], &found["ratings"]["rottenTomatoes"]["value"]),
        (&json!(7.5), &json!(91))
    );
}
