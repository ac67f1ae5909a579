//! Transport, errors and shows.

use serde_json::{Value, json};

use super::{Answer, Call, until};
use crate::fakes::{FakeArr, FakeSonarr, Known};

fn call(arr: &FakeArr, method: &str, path: &str) -> Call {
    Call::new(method, &format!("{}{path}", arr.url())).header("X-Api-Key", &arr.api_key())
}

fn body(tvdb: i64) -> Value {
    json!({
        "title": "Harbour Nine", "tvdbId": tvdb, "qualityProfileId": 4, "rootFolderPath": "/tv", "monitored": true,
        "seasonFolder": true, "seriesType": "standard", "monitorNewItems": "all", "tags": [],
        "addOptions": { "monitor": "all", "searchForMissingEpisodes": true, "searchForCutoffUnmetEpisodes": false },
    })
}

fn add(sonarr: &FakeSonarr, body: &Value) -> Answer {
    call(sonarr, "POST", "/api/v3/series").json_body(body).send()
}

/// The failures of an answer as `(propertyName, errorMessage, errorCode)`.
fn failures(answer: &Answer) -> Vec<(String, String, String)> {
    assert_eq!(answer.status, 400, "{}", answer.body);
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let list = answer.json();
    let list = list.as_array().expect("validation failures are an array").iter();
    list.map(|one| (text(one, "propertyName"), text(one, "errorMessage"), text(one, "errorCode"))).collect()
}

#[test]
fn the_first_place_with_a_key_decides() {
    let sonarr = FakeSonarr::start();
    let url = format!("{}/api/v3/system/status", sonarr.url());
    let status = |call: Call| call.send().status;
    let key = sonarr.api_key();
    assert_eq!(status(Call::new("GET", &format!("{url}?apikey={key}"))), 200);
    assert_eq!(status(Call::new("GET", &url).header("X-Api-Key", &key)), 200);
    assert_eq!(status(Call::new("GET", &url).header("Authorization", &format!("Bearer {key}"))), 200);
    assert_eq!(status(Call::new("GET", &format!("{url}?apikey=")).header("X-Api-Key", &key)), 401);
    let refused = Call::new("GET", &url).header("X-Api-Key", "wrong").send();
    assert_eq!((refused.status, refused.body.as_str(), refused.header("x-application-version")), (401, "", None));
    let unknown = call(&sonarr, "GET", "/api/v3/nonsense").send();
    assert_eq!((unknown.status, unknown.body.as_str()), (404, ""));
    assert_eq!(unknown.header("X-Application-Version"), Some("4.0.19.2979"));
}

#[test]
fn below_an_url_base_the_rest_redirects_once_the_key_is_right() {
    let sonarr = FakeSonarr::start_with_base("/sonarr");
    assert!(sonarr.url().ends_with("/sonarr"));
    let outside = Call::new("GET", &format!("{}/api/v3/tag?x=1", sonarr.origin()));
    assert_eq!(outside.clone().send().status, 401);
    let moved = outside.header("X-Api-Key", &sonarr.api_key()).send();
    assert_eq!((moved.status, moved.header("location")), (307, Some("/sonarr/api/v3/tag?x=1")));
    let status = call(&sonarr, "GET", "/api/v3/system/status").send().json();
    assert_eq!((&status["urlBase"], &status["appName"]), (&json!("/sonarr"), &json!("Sonarr")));
    assert_eq!(Call::new("GET", &format!("{}/ping", sonarr.url())).send().json(), json!({ "status": "OK" }));
}

#[test]
fn while_starting_everything_is_503() {
    let sonarr = FakeSonarr::start();
    sonarr.set_starting_up(true);
    let answer = call(&sonarr, "GET", "/api/v3/series").send();
    assert_eq!(
        (answer.status, answer.json()),
        (503, json!({ "errorMessage": "Sonarr is starting up, please try again later" }))
    );
    sonarr.set_starting_up(false);
    assert_eq!(call(&sonarr, "GET", "/api/v3/series").send().body, "[]");
}

#[test]
fn the_four_error_bodies_differ() {
    let sonarr = FakeSonarr::start();
    let mut wrong = body(800_001);
    wrong["qualityProfileId"] = json!("x");
    wrong["addOptions"]["monitor"] = json!("everything");
    let problem = add(&sonarr, &wrong);
    assert_eq!(problem.status, 400);
    let errors = problem.json()["errors"].clone();
    assert_eq!(errors.as_object().unwrap().keys().collect::<Vec<_>>(), ["$.addOptions.monitor", "$.qualityProfileId"]);
    assert!(problem.header("content-type").unwrap().starts_with("application/problem+json"));

    let empty = call(&sonarr, "POST", "/api/v3/series").header("Content-Type", "application/json").send();
    assert_eq!((empty.status, &empty.json()["content"]), (400, &json!("Request body can't be empty")));
    assert!(add(&sonarr, &json!({})).json().is_array());
    assert_eq!(call(&sonarr, "GET", "/api/v3/series/9").send().json()["title"], "Not Found");
    assert_eq!(call(&sonarr, "GET", "/api/v3/series/0").send().json()["message"], "BadRequest: 0 is not a valid ID");
    assert_eq!(call(&sonarr, "DELETE", "/api/v3/series/9").send().status, 500);
    let text =
        Call { body: "x".to_owned(), ..call(&sonarr, "POST", "/api/v3/series").header("Content-Type", "text/plain") };
    assert_eq!(text.send().status, 415);
}

#[test]
fn all_failing_rules_report_together() {
    let sonarr = FakeSonarr::start();
    let found = failures(&add(&sonarr, &json!({})));
    let expected = [
        ("QualityProfileId", "'Quality Profile Id' must be greater than '0'.", "GreaterThanValidator"),
        ("Path", "'Path' must not be empty.", "NotEmptyValidator"),
        ("RootFolderPath", "'Root Folder Path' must not be empty.", "NotEmptyValidator"),
        ("Title", "'Title' must not be empty.", "NotEmptyValidator"),
        ("TvdbId", "'Tvdb Id' must be greater than '0'.", "GreaterThanValidator"),
    ];
    let expected = expected.map(|(property, message, code)| (property.to_owned(), message.to_owned(), code.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn each_rule_has_its_message() {
    let sonarr = FakeSonarr::start();
    sonarr.add_root_folder("/media/Harbour Nine", None);
    sonarr.add_series(800_100, "Paper Tide");
    sonarr.unknown_id(800_999);
    let check = |change: Value, expected: (&str, &str, &str)| {
        let mut body = body(800_001);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let found = failures(&add(&sonarr, &body));
        assert_eq!(found, [(expected.0.to_owned(), expected.1.to_owned(), expected.2.to_owned())]);
    };
    check(
        json!({ "qualityProfileId": 9 }),
        ("QualityProfileId", "Quality Profile does not exist", "QualityProfileExistsValidator"),
    );
    check(
        json!({ "rootFolderPath": "/nope" }),
        ("RootFolderPath", "Root folder '/nope' does not exist", "RootFolderExistsValidator"),
    );
    check(
        json!({ "rootFolderPath": "/media/Harbour Nine/" }),
        (
            "RootFolderPath",
            "Root folder path '/media/Harbour Nine/' contains series folder 'Harbour Nine'",
            "SeriesFolderAsRootFolderValidator",
        ),
    );
    check(json!({ "tvdbId": 800_100 }), ("TvdbId", "This series has already been added", "SeriesExistsValidator"));
    check(
        json!({ "path": "/tv" }),
        ("Path", "Path '/tv' is already configured as a root folder", "RootFolderValidator"),
    );
    check(
        json!({ "path": "/tv/Paper Tide" }),
        ("Path", "Path '/tv/Paper Tide' is already configured for another series", "SeriesPathValidator"),
    );
    check(json!({ "tvdbId": 800_999 }), ("TvdbId", "A series with this ID was not found. Path: /tv/Harbour Nine", ""));
    sonarr.know(Known::new(800_101, "Paper: Tide"));
    check(
        json!({ "tvdbId": 800_101, "path": "/tv/elsewhere" }),
        (
            "TitleSlug",
            "Title slug 'paper-tide' is in use by series 'Paper Tide'. Check the FAQ for more information",
            "SeriesTitleSlugValidator",
        ),
    );
    assert_eq!(sonarr.library().len(), 1);
}

#[test]
fn an_add_answers_201_with_options_that_the_refresh_consumes() {
    let sonarr = FakeSonarr::start();
    let tag = sonarr.add_tag("plex-Tomas");
    sonarr.know(Known::new(800_001, "Harbour Nine").imdb("tt90000001").seasons(3));
    sonarr.hold_refresh(true);
    let mut wanted = body(800_001);
    wanted["tags"] = json!([tag]);
    wanted["rootFolderPath"] = json!("/tv/");
    let added = add(&sonarr, &wanted);
    assert_eq!((added.status, added.header("location")), (201, Some("/api/v3/series/1")));
    let resource = added.json();
    assert_eq!((&resource["id"], &resource["path"]), (&json!(1), &json!("/tv/Harbour Nine")));
    assert_eq!(resource["addOptions"]["monitor"], "all");
    assert_eq!(call(&sonarr, "GET", "/api/v3/series/1").send().json()["addOptions"]["monitor"], "all");
    assert!(sonarr.searches().is_empty());

    sonarr.refresh_all();
    assert!(call(&sonarr, "GET", "/api/v3/series/1").send().json().get("addOptions").is_none());
    assert_eq!((sonarr.searches()[0].name.as_str(), &sonarr.searches()[0].ids), ("MissingEpisodeSearch", &vec![1]));
    let item = sonarr.item(800_001).unwrap();
    assert_eq!((item.quality_profile_id, item.root_folder_path.as_str(), item.monitored), (4, "/tv", true));
    assert_eq!((item.tags, item.raw), (vec!["plex-tomas".to_owned()], wanted));
}

#[test]
fn monitor_decides_the_seasons_unless_it_is_skip() {
    let check = |monitor: &str, seasons: Value, expected: &[i64], series: bool| {
        let sonarr = FakeSonarr::start();
        sonarr.know(Known::new(800_001, "Harbour Nine").seasons(3));
        let mut wanted = body(800_001);
        wanted["addOptions"]["monitor"] = json!(monitor);
        wanted["seasons"] = seasons;
        let id = add(&sonarr, &wanted).json()["id"].as_i64().unwrap();
        assert_eq!(sonarr.monitored_seasons(id), expected, "{monitor}");
        assert_eq!(sonarr.item(800_001).unwrap().monitored, series, "{monitor}");
    };
    let second = json!([0, 1, 2, 3].map(|number| json!({ "seasonNumber": number, "monitored": number == 2 })));
    check("all", second.clone(), &[1, 2, 3], true);
    check("skip", second, &[2], true);
    check("skip", json!([{ "seasonNumber": 1, "monitored": false }]), &[2, 3], true);
    check("FirstSeason", json!([]), &[1], true);
    check("lastSeason", json!([]), &[3], true);
    check("pilot", json!([]), &[], true);
    check("none", json!([]), &[], false);
}

#[test]
fn a_lost_race_is_409_and_the_title_is_there() {
    let sonarr = FakeSonarr::start();
    sonarr.race_once();
    let lost = add(&sonarr, &body(800_001));
    assert_eq!(lost.status, 409);
    assert!(lost.json()["message"].as_str().unwrap().starts_with("constraint failed"));
    assert_eq!(sonarr.item(800_001).unwrap().raw, Value::Null);
    assert_eq!(failures(&add(&sonarr, &body(800_001)))[0].2, "SeriesExistsValidator");
}

#[test]
fn lookups_resolve_each_prefix_and_mark_what_is_owned() {
    let sonarr = FakeSonarr::start();
    sonarr.know(
        Known::new(800_001, "Harbour Nine").imdb("tt90000001").tmdb(900_001).genres(&["Anime"]).series_type("anime"),
    );
    sonarr.unknown_id(13);
    let lookup = |term: &str| call(&sonarr, "GET", &format!("/api/v3/series/lookup?term={term}")).send().json();
    for term in ["tvdb:800001", "TVDBID:%20800001", "imdb:tt90000001", "tmdb:900001", "harbour+nine"] {
        let found = lookup(term);
        assert_eq!((found.as_array().unwrap().len(), &found[0]["tvdbId"]), (1, &json!(800_001)), "{term}");
        assert!(found[0].get("id").is_none() && found[0].get("path").is_none());
        assert_eq!((&found[0]["folder"], &found[0]["seriesType"]), (&json!("Harbour Nine"), &json!("anime")));
    }
    for nothing in ["tvdb:13", "tvdb:0", "tvdb:abc", "imdb:tt404"] {
        assert_eq!(lookup(nothing), json!([]), "{nothing}");
    }
    assert_eq!(lookup("tvdb:42")[0]["tvdbId"], 42, "any other id is known");
    let id = sonarr.add_series(800_001, "Harbour Nine");
    assert_eq!(
        (&lookup("tvdb:800001")[0]["id"], &lookup("imdb:tt90000001")[0]["path"]),
        (&json!(id), &json!("/tv/Harbour Nine"))
    );
    let missing = call(&sonarr, "GET", "/api/v3/series/lookup").send();
    assert_eq!(missing.status, 503);
    sonarr.set_metadata_down(true);
    let down = call(&sonarr, "GET", "/api/v3/series/lookup?term=tvdb:5").send();
    assert_eq!(down.status, 503);
    assert!(down.json()["message"].as_str().unwrap().contains("Unable to communicate with SkyHook"));
    assert_eq!(add(&sonarr, &body(5)).status, 500);
}

#[test]
fn tags_are_lower_case_and_another_casing_conflicts() {
    let sonarr = FakeSonarr::start();
    let post = |label: &str| call(&sonarr, "POST", "/api/v3/tag").json_body(&json!({ "label": label })).send();
    let first = post("Plex-Tomas");
    assert_eq!((first.status, first.json()), (201, json!({ "id": 1, "label": "plex-tomas" })));
    assert_eq!((post("plex-tomas").status, post("plex-tomas").json()["id"].clone()), (201, json!(1)));
    assert_eq!(post("PLEX-tomas").status, 409);
    assert_eq!(post("a b.ü").status, 201, "Sonarr v4 takes any label");
    let all = call(&sonarr, "GET", "/api/v3/tag").send().json();
    assert_eq!(all, json!([{ "id": 2, "label": "a b.ü" }, { "id": 1, "label": "plex-tomas" }]));
}

#[test]
fn exclusions_come_paged_and_deprecated_and_do_not_stop_an_add() {
    let sonarr = FakeSonarr::start();
    for id in 1..=12 {
        sonarr.exclude(800_000 + id, "Excluded");
    }
    let all = call(&sonarr, "GET", "/api/v3/importlistexclusion").send();
    assert_eq!((all.json().as_array().unwrap().len(), all.header("deprecation")), (12, Some("true")));
    let page = call(&sonarr, "GET", "/api/v3/importlistexclusion/paged?page=2&pageSize=10").send().json();
    assert_eq!((&page["totalRecords"], page["records"].as_array().unwrap().len()), (&json!(12), 2));
    assert_eq!(page["records"][0], json!({ "id": 11, "tvdbId": 800_011, "title": "Excluded" }));
    assert_eq!(add(&sonarr, &body(800_001)).status, 201);
}

#[test]
fn deleting_excludes_only_under_sonarrs_own_parameter_name() {
    let sonarr = FakeSonarr::start();
    let (first, second) = (sonarr.add_series(800_001, "One"), sonarr.add_series(800_002, "Two"));
    let delete =
        |id: i64, parameter: &str| call(&sonarr, "DELETE", &format!("/api/v3/series/{id}?{parameter}=true")).send();
    assert_eq!((delete(first, "addImportExclusion").status, sonarr.exclusions().len()), (200, 0));
    delete(second, "addImportListExclusion");
    assert_eq!(sonarr.exclusions()[0].external_id, 800_002);
    assert!(sonarr.library().is_empty());
}

#[test]
fn series_add_follows_the_answer() {
    let sonarr = FakeSonarr::start();
    let receiver = FakeSonarr::start();
    sonarr.set_webhook_with(&format!("{}/hooks", receiver.origin()), &[("X-Hook-Token", "s3cret")]);
    let mut silent = body(800_002);
    silent["addOptions"] = Value::Null;
    assert_eq!(add(&sonarr, &silent).status, 201);
    assert_eq!(add(&sonarr, &body(800_001)).status, 201);
    until("the webhook", || sonarr.deliveries().len() == 1);
    let sent: Value = serde_json::from_str(&sonarr.deliveries()[0].body).unwrap();
    assert_eq!((&sent["eventType"], &sent["series"]["tvdbId"]), (&json!("SeriesAdd"), &json!(800_001)));
    assert_eq!((receiver.requests("POST", "/hooks"), sonarr.deliveries()[0].status), (1, 401));
}

#[test]
fn omitted_tags_are_a_null_dereference() {
    let sonarr = FakeSonarr::start();
    let mut wanted = body(800_001);
    wanted.as_object_mut().unwrap().remove("tags");
    assert_eq!(add(&sonarr, &wanted).status, 500);
    assert!(sonarr.library().is_empty());
}
