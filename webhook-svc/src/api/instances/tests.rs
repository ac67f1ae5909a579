//! Instances as people edit them: every test asks the whole service, beside stand-ins that really answer.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use pulsarr_tests::fakes::{FakeRadarr, FakeSonarr};
use secrecy::ExposeSecret as _;
use tracing::field::{Field, Visit};
use tracing::span;

use super::*;
use crate::testing::{Answered, Testing};

const HOME: &str = "192.168.1.9";
/// What the stand-ins accept.
const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn service() -> Testing {
    crate::testing::app(&[("PULSARR_AUTH", "disabled"), ("PULSARR_BASE_URL", &nobody())])
}

/// A service whose settings file says `yaml`, and the folder that it is in.
fn service_with(yaml: &str) -> (Testing, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pulsarr.yaml");
    std::fs::write(&file, yaml).unwrap();
    let vars = [("PULSARR_AUTH", "disabled"), ("PULSARR_CONFIG", file.to_str().unwrap())];
    (crate::testing::app(&vars), folder)
}

async fn ask(service: &Testing, method: &str, path: &str, body: Value) -> Answered {
    service.ask(HOME, method, path, &[], Some(body)).await
}

async fn get(service: &Testing, path: &str) -> Answered {
    service.ask(HOME, "GET", path, &[], None).await
}

fn radarr(name: &str, url: &str) -> Value {
    json!({"name": name, "kind": "radarr", "url": url, "api_key": KEY})
}

/// Adds a Radarr called `movies` and answers its ETag.
async fn with_movies(service: &Testing, url: &str) -> String {
    let added = ask(service, "POST", "/instances", radarr("movies", url)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    added.headers["etag"].to_str().unwrap().to_owned()
}

/// The first field that is wrong, and why.
fn first_problem(answered: &Answered) -> (String, String) {
    assert_eq!(answered.status, 422, "{}", answered.text);
    let problem = &answered.json["error"]["problems"][0];
    (problem["path"].as_str().unwrap().to_owned(), problem["message"].as_str().unwrap().to_owned())
}

/// Every byte that is in the data folder.
fn kept(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() { all.extend(kept(&path)) } else { all.extend(std::fs::read(path).unwrap()) }
    }
    all
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn what_is_added_holds_at_once_is_told_without_its_key_and_is_kept_sealed() {
    let service = service();
    let mut body = radarr("movies", "http://radarr:7878/");
    body["tags"] = json!(["watchlist"]);
    let added = ask(&service, "POST", "/instances", body).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(added.headers["location"], "/api/v1/instances/movies");
    assert_eq!(added.json["settings"]["api_key"], json!({"set": true}));

    let config = service.app.config();
    let instance = &config.settings.instances[0];
    assert_eq!((instance.url.as_str(), instance.api_key.expose_secret()), ("http://radarr:7878", KEY));
    assert_eq!(instance.options.tags, ["watchlist"]);

    let list = get(&service, "/instances").await;
    let shown = &list.json["instances"][0];
    assert_eq!((&shown["name"], &shown["read_only"]), (&json!("movies"), &json!(false)));
    assert_eq!(shown["source"], "settings made in the service");
    let one = get(&service, "/instances/movies").await;
    assert_eq!(one.headers["etag"].to_str().unwrap(), format!("\"{}\"", shown["version"]));
    assert_eq!(one.headers["etag"], added.headers["etag"]);

    let kept = kept(service.folder.path());
    assert!(contains(&kept, "sealed:") && !contains(&kept, KEY));
    let again = ask(&service, "POST", "/instances", radarr("movies", "http://elsewhere:1")).await;
    assert_eq!(again.status, 409, "{}", again.text);
}

#[tokio::test]
async fn what_is_shown_can_be_sent_back_as_it_is() {
    let service = service();
    with_movies(&service, "http://radarr:7878").await;
    let one = get(&service, "/instances/movies").await;
    let back = ask(&service, "PUT", "/instances/movies", one.json["settings"].clone()).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert_eq!(back.headers["etag"], one.headers["etag"], "nothing has changed");
    assert_eq!(service.app.config().settings.instances[0].api_key.expose_secret(), KEY);
}

#[tokio::test]
async fn mistakes_are_told_by_their_fields() {
    let service = service();
    let problem = async |key: &str, value: Value| {
        let mut body = radarr("movies", "http://radarr:7878");
        body[key] = value;
        first_problem(&ask(&service, "POST", "/instances", body).await)
    };
    let (path, message) = problem("qualityprofile", json!("HD")).await;
    assert_eq!(path, "qualityprofile");
    assert!(message.contains("quality_profile"), "{message}");
    assert_eq!(problem("minimum_availability", json!("soon")).await.0, "minimum_availability");
    assert_eq!(problem("tags", json!(["ok", "not ok"])).await.0, "tags[1]");
    assert_eq!(problem("season_folder", json!(true)).await.0, "season_folder");
    assert_eq!(problem("url", json!("radarr:7878")).await.0, "url");
    assert_eq!(problem("api_key", Value::Null).await.0, "api_key");
    assert_eq!(problem("name", json!("Movies!")).await.0, "name");
    assert_eq!(problem("name", Value::Null).await.0, "name");
    assert!(service.app.config().settings.instances.is_empty());
}

#[tokio::test]
async fn who_has_looked_at_something_older_is_shown_what_is_there_now() {
    let service = service();
    let first = with_movies(&service, "http://radarr:7878").await;
    let edit = async |tag: &str, version: &str| {
        let body = json!({"kind": "radarr", "url": "http://radarr:7878", "tags": [tag]});
        service.ask(HOME, "PUT", "/instances/movies", &[("If-Match", version)], Some(body)).await
    };
    assert_eq!(edit("one", &first).await.status, 200);
    let stale = edit("two", &first).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let message = stale.json["error"]["message"].as_str().unwrap();
    assert!(message.contains(r#""tags":["one"]"#) && message.contains(r#""api_key":{"set":true}"#), "{message}");
    let removed = service.ask(HOME, "DELETE", "/instances/movies", &[("If-Match", &first)], None).await;
    assert_eq!(removed.status, 412, "{}", removed.text);

    // Two at once: one of them wins.
    let now = get(&service, "/instances/movies").await.headers["etag"].to_str().unwrap().to_owned();
    let (one, other) = tokio::join!(edit("three", &now), edit("four", &now));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let expected = if one.status == 200 { "three" } else { "four" };
    assert_eq!(service.app.config().settings.instances[0].options.tags, [expected]);
}

#[tokio::test]
async fn a_key_goes_to_no_other_host_than_the_one_it_was_given_for() {
    let service = service();
    with_movies(&service, "http://radarr:7878").await;
    let moved = |url: &str| json!({"name": "movies", "kind": "radarr", "url": url});
    for url in ["http://elsewhere:7878", "http://radarr:7879", "https://radarr:7878", "http://radarr.evil:7878/"] {
        for (method, endpoint) in [("PUT", "/instances/movies"), ("POST", "/instances/test")] {
            let (path, message) = first_problem(&ask(&service, method, endpoint, moved(url)).await);
            assert_eq!(path, "api_key", "{method} {url}: {message}");
            let mut shown = moved(url);
            shown["api_key"] = json!({"set": true});
            assert_eq!(first_problem(&ask(&service, method, endpoint, shown).await).0, "api_key");
        }
    }
    assert_eq!(service.app.config().settings.instances[0].url, "http://radarr:7878");
    // Below another base path it is the same machine.
    let same = ask(&service, "PUT", "/instances/movies", moved("http://RADARR:7878/radarr/")).await;
    assert_eq!((same.status, &same.json["url"]), (200, &json!("http://radarr:7878/radarr")), "{}", same.text);
    let mut with_key = moved("http://elsewhere:1");
    with_key["api_key"] = OTHER_KEY.into();
    assert_eq!(ask(&service, "PUT", "/instances/movies", with_key).await.status, 200);
    let config = service.app.config();
    assert_eq!(config.settings.instances[0].api_key.expose_secret(), OTHER_KEY);
}

#[tokio::test]
async fn what_the_settings_file_declares_is_changed_there() {
    let yaml = format!("instances:\n- name: movies\n  kind: radarr\n  url: http://radarr:7878\n  api_key: {KEY}\n");
    let (service, _file) = service_with(&yaml);
    let one = get(&service, "/instances/movies").await;
    assert_eq!((&one.json["read_only"], &one.json["version"]), (&json!(true), &Value::Null));
    assert!(one.json["source"].as_str().unwrap().ends_with("pulsarr.yaml:2"), "{}", one.text);
    assert_eq!(one.json["settings"]["minimum_availability"], "released");
    assert!(!one.text.contains(KEY), "{}", one.text);
    let body = radarr("movies", "http://elsewhere:7878");
    let asked = [("POST", "/instances"), ("PUT", "/instances/movies"), ("DELETE", "/instances/movies")];
    for (method, path) in asked.into_iter().chain([("POST", "/instances/test")]) {
        let refused = ask(&service, method, path, body.clone()).await;
        assert_eq!(refused.status, 409, "{method} {path}: {}", refused.text);
        assert!(refused.text.contains("pulsarr.yaml:2"), "{}", refused.text);
    }
}

#[tokio::test]
async fn what_is_not_there_is_neither_changed_nor_removed_nor_asked() {
    let service = service();
    let body = json!({"kind": "radarr", "url": "http://radarr:7878", "api_key": KEY});
    assert_eq!(ask(&service, "PUT", "/instances/movies", body).await.status, 404);
    assert_eq!(service.ask(HOME, "DELETE", "/instances/movies", &[], None).await.status, 404);
    assert_eq!(get(&service, "/instances/movies").await.status, 404);
    assert_eq!(get(&service, "/instances/movies/choices").await.status, 404);
    assert_eq!(ask(&service, "POST", "/instances/test", json!({"name": "movies"})).await.status, 404);
    with_movies(&service, "http://radarr:7878").await;
    let renamed = ask(&service, "PUT", "/instances/movies", radarr("films", "http://radarr:7878")).await;
    assert_eq!(first_problem(&renamed).0, "name");
}

#[tokio::test]
async fn removing_takes_our_webhook_out_of_the_instance_and_leaves_others() {
    let (service, fake) = (service(), FakeRadarr::start());
    fake.connect(&json!({
        "name": "somebody else's", "implementation": "Webhook", "configContract": "WebhookSettings", "onGrab": true,
        "fields": [{ "name": "url", "value": "http://other.example/hook" }, { "name": "method", "value": 1 }],
    }));
    with_movies(&service, &fake.url()).await;
    connections::fix(&service.app, "movies").await.unwrap();
    assert_eq!(fake.connections().len(), 2);
    let password = fake.connections().into_iter().find(|it| !it.password.is_empty()).unwrap().password;
    assert!(service.app.passwords.accept("movies", password.as_bytes()));

    let removed = service.ask(HOME, "DELETE", "/instances/movies", &[], None).await;
    assert_eq!(removed.status, 200, "{}", removed.text);
    assert_eq!(removed.json, json!({"name": "movies", "webhooks_removed": 1, "left_behind": null}));
    let left: Vec<String> = fake.connections().into_iter().map(|connection| connection.name).collect();
    assert_eq!(left, ["somebody else's"]);
    assert!(service.app.config().settings.instances.is_empty());
    assert!(!service.app.passwords.accept("movies", password.as_bytes()));
    assert_eq!(get(&service, "/webhooks").await.json, json!({"webhooks": []}));
}

#[tokio::test]
async fn one_that_does_not_answer_is_removed_all_the_same_and_what_is_left_is_said() {
    let service = service();
    with_movies(&service, &nobody()).await;
    let removed = service.ask(HOME, "DELETE", "/instances/movies", &[], None).await;
    assert_eq!(removed.status, 200, "{}", removed.text);
    let left = removed.json["left_behind"].as_str().unwrap();
    assert!(left.contains("Radarr `movies`: it could not be reached") && left.contains("Settings → Connect"), "{left}");
    assert!(service.app.config().settings.instances.is_empty());
}

#[tokio::test]
async fn one_that_a_rule_needs_stays_and_keeps_its_webhook() {
    let rule = "rules:\n- name: old films\n  when: {year: {\"<\": 1960}}\n  route: [{to: movies}]\n";
    let fake = FakeRadarr::start();
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("pulsarr.yaml");
    std::fs::write(&path, "plex: {friends: false}\n").unwrap();
    let vars =
        [("PULSARR_AUTH", "disabled"), ("PULSARR_BASE_URL", &nobody()), ("PULSARR_CONFIG", path.to_str().unwrap())];
    let service = crate::testing::app(&vars);
    with_movies(&service, &fake.url()).await;
    connections::fix(&service.app, "movies").await.unwrap();
    // The file is read anew with every change.
    std::fs::write(&path, rule).unwrap();
    let refused = service.ask(HOME, "DELETE", "/instances/movies", &[], None).await;
    let (path, message) = first_problem(&refused);
    assert_eq!(path, "rules[0].route[0].to", "{message}");
    assert_eq!(fake.connections().len(), 1);
    assert_eq!(service.app.config().settings.instances.len(), 1);
}

#[tokio::test]
async fn a_test_tells_what_exactly_is_wrong_and_stores_nothing() {
    let (service, fake, sonarr) = (service(), FakeRadarr::start_with_base("/radarr"), FakeSonarr::start());
    let tried = async |body: Value| {
        let tried = ask(&service, "POST", "/instances/test", body).await;
        assert_eq!(tried.status, 200, "{}", tried.text);
        let findings = tried.json["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["about"] == "movies"), "{}", tried.text);
        let wrong = findings.iter().find(|finding| finding["ok"] == false);
        assert_eq!(tried.json["ok"], wrong.is_none(), "{}", tried.text);
        wrong.unwrap_or(&findings[0])["message"].as_str().unwrap().to_owned()
    };
    let with = |key: &str, value: &str| {
        let mut body = radarr("movies", &fake.url());
        body[key] = value.into();
        body
    };
    fake.add_root_folder("/uhd", Some(1));
    assert_eq!(tried(radarr("movies", &fake.url())).await, "Radarr 6.0.3.10276 answers");
    assert!(tried(with("api_key", OTHER_KEY)).await.contains("refuses the API key"));
    assert!(tried(with("url", &sonarr.url())).await.contains("is answered by Sonarr"));
    let told = tried(with("url", fake.url().trim_end_matches("/radarr"))).await;
    assert!(told.contains(&format!("Set its url to {}", fake.url())), "{told}");
    assert!(tried(with("quality_profile", "4K")).await.contains("HD-1080p"));
    assert!(tried(with("url", &nobody())).await.contains("could not be reached"));
    fake.set_accessible("/uhd", false);
    assert!(tried(radarr("movies", &fake.url())).await.contains("cannot read its root folder /uhd"));
    assert!(service.app.config().settings.instances.is_empty());

    fake.set_accessible("/uhd", true);
    with_movies(&service, &fake.url()).await;
    assert_eq!(tried(json!({"name": "movies"})).await, "Radarr 6.0.3.10276 answers");
    // With another option and the key that is kept.
    let body = json!({"name": "movies", "kind": "radarr", "url": fake.url(), "quality_profile": "4K"});
    assert!(tried(body).await.contains("HD-1080p"));
    assert_eq!(service.app.config().settings.instances[0].options.quality_profile, None);
}

#[tokio::test]
async fn an_instance_tells_what_it_offers() {
    let (service, fake) = (service(), FakeRadarr::start());
    fake.add_root_folder("/uhd", Some(5_000));
    fake.add_root_folder("/gone", None);
    fake.set_accessible("/gone", false);
    fake.add_tag("watchlist");
    with_movies(&service, &fake.url()).await;
    let told = get(&service, "/instances/movies/choices").await;
    assert_eq!(told.json["quality_profiles"][1], json!({"id": 4, "name": "HD-1080p"}), "{}", told.text);
    assert_eq!(told.json["root_folders"][1], json!({"path": "/uhd", "free_space": 5_000, "accessible": true}));
    assert_eq!(told.json["root_folders"][2], json!({"path": "/gone", "free_space": null, "accessible": false}));
    assert_eq!(told.json["tags"][0]["label"], "watchlist");
    drop(fake);
    let told = get(&service, "/instances/movies/choices").await;
    assert_eq!(told.status, 503, "{}", told.text);
    assert!(told.text.contains("Check that Radarr runs"), "{}", told.text);
}

/// Every event of the logs, whatever its level.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<String>>);

impl Visit for Logs {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Logs {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_key_is_in_no_answer_no_log_and_no_audit_and_who_did_what_is() {
    let logs = Logs::default();
    let _listening = tracing::subscriber::set_default(logs.clone());
    let (service, fake) = (service(), FakeRadarr::start());
    let mut told = String::new();
    let mut keep = |answered: Answered| told.push_str(&answered.text);
    keep(ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await);
    keep(ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await);
    let change = json!({"kind": "radarr", "url": fake.url(), "api_key": KEY, "search_on_add": false});
    keep(ask(&service, "PUT", "/instances/movies", change.clone()).await);
    let stale = [("If-Match", "\"1\"")];
    keep(service.ask(HOME, "PUT", "/instances/movies", &stale, Some(change)).await);
    let mut wrong = radarr("movies", &fake.url());
    wrong["apikey"] = KEY.into();
    keep(ask(&service, "PUT", "/instances/movies", wrong).await);
    keep(ask(&service, "POST", "/instances/test", radarr("movies", &fake.url())).await);
    keep(ask(&service, "POST", "/instances/test", radarr("movies", &nobody())).await);
    for path in ["/instances", "/instances/movies", "/instances/movies/choices", "/settings"] {
        keep(get(&service, path).await);
    }
    drop(fake);
    keep(service.ask(HOME, "DELETE", "/instances/movies", &[], None).await);
    let audit = get(&service, "/audit").await;
    keep(get(&service, "/audit").await);
    let logged = logs.0.lock().unwrap().clone();
    assert!(logged.contains("may be left behind"), "the logs are listened to: {logged}");
    assert!(told.contains("movies") && !told.contains(KEY), "{told}");
    assert!(!logged.contains(KEY), "{logged}");

    let entries = audit.json["entries"].as_array().unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["instance.removed", "instance.tested", "instance.changed", "instance.added"]);
    assert_eq!(entries[2]["detail"], json!({"keys": ["api_key", "search_on_add"]}));
    assert!(entries.iter().all(|entry| entry["target"] == "movies"));
}
