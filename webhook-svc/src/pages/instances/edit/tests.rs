//! Instances as people see and edit them: every request passes the whole service, beside stand-ins that really answer.

use std::time::Duration;

use pulsarr_shared::model::{
    AddOptions, Connection, ConnectionStatus, Decision, Destination, ExternalIds, Granted, ListedTitle, MediaType,
    Outcome, PlexId, Relation, TmdbId, Trace, UserUuid,
};
use pulsarr_shared::store::NewlyDecided;
use pulsarr_tests::fakes::{FakeRadarr, FakeSonarr};
use secrecy::ExposeSecret as _;

use crate::pages::testing::Visitor;
use crate::testing::NOW;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn declared(url: &str) -> String {
    format!("instances:\n- {{name: movies, kind: radarr, url: \"{url}\", api_key: {KEY}, default: true}}\n")
}

/// Adds a Radarr called `films` at `url` by its page.
async fn with_films(url: &str) -> Visitor {
    let visitor = Visitor::set_up("").await;
    let fields = [
        ("kind", "radarr"),
        ("name", "films"),
        ("url", url),
        ("api_key", KEY),
        ("has", "default"),
        ("default", "true"),
    ];
    let added = visitor.post("/instances/new", &fields).await;
    assert_eq!((added.status, added.header("location")), (303, "/instances/films"), "{}", added.text);
    visitor
}

/// What stands in the hidden field.
fn hidden(text: &str, name: &str) -> String {
    let start = text.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let value = &text[start + name.len() + 15..];
    value[..value.find('"').unwrap()].to_owned()
}

/// Puts `count` titles of this name into the queue of `instance`.
fn queue(visitor: &Visitor, instance: &str, title: &str, count: u32) {
    let options: AddOptions = visitor.service.app.config().settings.instances[0].options.clone();
    visitor.write(|db| {
        let user = db.upsert_user(
            &UserUuid::parse("5be07c1d2a94f036").unwrap(),
            "<i>Ana</i>\u{202e}",
            "Ana",
            Relation::Owner,
            1,
        )?;
        for number in 1..=count {
            let id = db.upsert_listed_title(&ListedTitle {
                plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                media_type: MediaType::Movie,
                title: format!("{title} {number}"),
                year: Some(2025),
                ids: Some(ExternalIds { tmdb: Some(TmdbId(number)), ..ExternalIds::default() }),
                poster_url: None,
            })?;
            db.open_entry(user, id, NOW)?;
        }
        let destination = Destination { instance: instance.to_owned(), options, because: "it takes films".to_owned() };
        let outcome = Outcome::Route { destinations: vec![destination], granted: Granted::Room, auto_approved: None };
        let decision = Decision { outcome, labels: Vec::new(), trace: Trace::new() };
        for undecided in db.undecided(NOW)? {
            db.settle(&NewlyDecided { undecided, decision: &decision, run_id: "r" }, NOW)?;
        }
        Ok(())
    });
}

#[tokio::test]
async fn an_instance_is_added_by_its_kind_and_its_key_is_never_shown() {
    let radarr = FakeRadarr::start();
    let visitor = Visitor::set_up("").await;
    assert!(visitor.get("/instances").await.text.contains("No instance yet"));
    let kinds = visitor.get("/instances/new").await.text;
    assert!(kinds.contains("/instances/new?kind=radarr") && kinds.contains("/instances/new?kind=sonarr"));
    let form = visitor.get("/instances/new?kind=radarr").await.text;
    assert!(
        form.contains("value=\"radarr\"") && form.contains("minimum_availability") && !form.contains("series_type")
    );

    let url = radarr.url();
    let typed =
        [("kind", "radarr"), ("name", "films"), ("url", url.as_str()), ("tags", "watchlist, kids"), ("api_key", KEY)];
    let tested = visitor.post("/instances/new", &[&typed[..], &[("do", "test")]].concat()).await;
    assert_eq!(tested.status, 200);
    assert!(tested.text.contains("Radarr 6.") && tested.text.contains("is-ok"), "{}", tested.text);
    assert!(
        tested.text.contains("<select id=\"quality_profile\"") && tested.text.contains("HD-1080p"),
        "{}",
        tested.text
    );
    assert!(tested.text.contains("value=\"watchlist, kids\""), "what was typed is kept");
    assert!(!tested.text.contains(KEY), "the key is not shown");
    assert!(visitor.service.app.config().settings.instances.is_empty(), "a test stores nothing");

    // The key that was typed is not typed again.
    let sealed = hidden(&tested.text, "typed_key");
    let further =
        [&typed[..4], &[("typed_key", sealed.as_str()), ("quality_profile", "HD-1080p"), ("do", "add")]].concat();
    let stolen = visitor.post_as("/instances/new", "guessed", &further).await;
    assert_eq!(stolen.status, 403);
    let added = visitor.post("/instances/new", &further).await;
    assert_eq!((added.status, added.header("location")), (303, "/instances/films"), "{}", added.text);
    let config = visitor.service.app.config();
    let instance = &config.settings.instances[0];
    assert_eq!((instance.url.as_str(), instance.api_key.expose_secret()), (url.as_str(), KEY));
    assert_eq!(instance.options.tags, ["watchlist", "kids"]);
    assert_eq!(instance.options.quality_profile.as_deref(), Some("HD-1080p"));
    let page = visitor.until("/instances/films", |page| page.contains("<select id=\"root_folder_path\"")).await.text;
    assert!(page.contains("stored; empty keeps it") && !page.contains(KEY));
}

#[tokio::test]
async fn each_field_is_told_what_is_wrong_with_it_and_nothing_is_saved() {
    let visitor = Visitor::set_up(&declared(&nobody())).await;
    let wrong = [
        ("kind", "sonarr"),
        ("name", "Not A Name!"),
        ("url", "radarr:7878"),
        ("api_key", "two words"),
        ("tags", "a,b"),
    ];
    let refused = visitor.post("/instances/new", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("id=\"api_key-error\"") && refused.text.contains("value=\"a,b\""),
        "{}",
        refused.text
    );
    let wrong = [&wrong[..3], &[("api_key", KEY)]].concat();
    let refused = visitor.post("/instances/new", &wrong).await;
    assert_eq!(refused.status, 422);
    for expected in ["id=\"name-error\"", "id=\"url-error\"", "value=\"Not A Name!\"", "value=\"radarr:7878\""] {
        assert!(refused.text.contains(expected), "{expected} is missing in {}", refused.text);
    }
    let second = [
        ("kind", "radarr"),
        ("name", "uhd"),
        ("url", "http://a:1"),
        ("api_key", KEY),
        ("has", "default"),
        ("default", "true"),
    ];
    let refused = visitor.post("/instances/new", &second).await;
    assert!(refused.text.contains("id=\"default-error\""), "{}", refused.text);
    let taken = [("kind", "radarr"), ("name", "movies"), ("url", "http://a:1"), ("api_key", KEY)];
    assert_eq!(visitor.post("/instances/new", &taken).await.status, 409);
    let here = [("kind", "radarr"), ("name", "new"), ("url", "http://a:1"), ("api_key", KEY)];
    assert!(visitor.post("/instances/new", &here).await.text.contains("cannot be `new`"));
    assert_eq!(visitor.service.app.config().settings.instances.len(), 1);
}

#[tokio::test]
async fn a_test_says_why_it_fails_and_keeps_what_was_typed() {
    let sonarr = FakeSonarr::start();
    let visitor = with_films(&nobody()).await;
    let page = visitor.get("/instances/films").await.text;
    let version = hidden(&page, "version");
    let gone = nobody();
    let typed = [
        ("kind", "radarr"),
        ("url", gone.as_str()),
        ("api_key", KEY),
        ("root_folder_path", "/films"),
        ("do", "test"),
        ("version", &version),
    ];
    let silent = visitor.post("/instances/films", &typed).await;
    assert!(
        silent.text.contains("could not be reached") && silent.text.contains("value=\"/films\""),
        "{}",
        silent.text
    );
    let other = sonarr.url();
    let typed = [("kind", "radarr"), ("url", other.as_str()), ("api_key", KEY), ("do", "test")];
    let other = visitor.post("/instances/films", &typed).await;
    assert!(other.text.contains("is answered by Sonarr"), "{}", other.text);
    let radarr = FakeRadarr::start();
    let url = radarr.url();
    let typed = [("kind", "radarr"), ("url", url.as_str()), ("api_key", OTHER_KEY), ("do", "test")];
    let refused = visitor.post("/instances/films", &typed).await;
    assert!(refused.text.contains("refuses the API key") && !refused.text.contains(OTHER_KEY), "{}", refused.text);
    // A key that is stored does not follow an instance to another host unseen.
    let moved = [("kind", "radarr"), ("url", url.as_str()), ("do", "save"), ("version", &version)];
    let moved = visitor.post("/instances/films", &moved).await;
    assert_eq!(moved.status, 422);
    assert!(moved.text.contains("is needed again"), "{}", moved.text);
}

#[tokio::test]
async fn what_is_changed_holds_and_a_version_that_is_old_shows_both() {
    let radarr = FakeRadarr::start();
    let visitor = with_films(&radarr.url()).await;
    let page = visitor.get("/instances/films").await.text;
    let (version, url) = (hidden(&page, "version"), radarr.url());
    let mine = [
        ("kind", "radarr"),
        ("url", url.as_str()),
        ("tags", "mine"),
        ("has", "search_on_add"),
        ("version", version.as_str()),
    ];
    let saved = visitor.post("/instances/films", &mine).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/instances/films"), "{}", saved.text);
    let options = visitor.service.app.config().settings.instances[0].options.clone();
    assert_eq!((options.tags.as_slice(), options.search_on_add), (&["mine".to_owned()][..], false));
    assert_eq!(
        visitor.service.app.config().settings.instances[0].api_key.expose_secret(),
        KEY,
        "an empty key keeps it"
    );

    let late = [("kind", "radarr"), ("url", url.as_str()), ("tags", "late"), ("version", version.as_str())];
    let stale = visitor.post("/instances/films", &late).await;
    assert_eq!(stale.status, 412);
    for expected in ["<ins>tags: late</ins>", "<del>tags: mine</del>", "value=\"late\""] {
        assert!(stale.text.contains(expected), "{expected} is missing in {}", stale.text);
    }
    assert_eq!(visitor.service.app.config().settings.instances[0].options.tags, ["mine"]);
    let now = hidden(&stale.text, "version");
    let again = [("kind", "radarr"), ("url", url.as_str()), ("tags", "late"), ("version", now.as_str())];
    assert_eq!(visitor.post("/instances/films", &again).await.status, 303);
    assert_eq!(visitor.service.app.config().settings.instances[0].options.tags, ["late"]);
}

#[tokio::test]
async fn what_the_settings_file_declares_is_only_tested_and_mended() {
    let radarr = FakeRadarr::start();
    let visitor = Visitor::set_up(&declared(&radarr.url())).await;
    let page = visitor.get("/instances/movies").await.text;
    for expected in ["declared in file", "<fieldset disabled>", "pulsarr.yaml:"] {
        assert!(page.contains(expected), "{expected} is missing in {page}");
    }
    assert!(!page.contains("value=\"save\"") && !page.contains("/remove"), "{page}");
    let tested = visitor.post("/instances/movies", &[("do", "test")]).await;
    assert!(tested.status == 200 && tested.text.contains("Radarr 6."), "{}", tested.text);
    let fixed = visitor.post("/instances/movies/fix", &[("back", "/instances")]).await;
    assert_eq!((fixed.status, fixed.header("location")), (303, "/instances"));
    let elsewhere = visitor.post("/instances/movies/fix", &[("back", "https://evil.example")]).await;
    assert_eq!(elsewhere.header("location"), "/instances/movies");
    let url = radarr.url();
    assert_eq!(visitor.post("/instances/movies", &[("url", url.as_str()), ("kind", "radarr")]).await.status, 409);
    assert_eq!(visitor.post("/instances/movies/remove", &[]).await.status, 409);
}

#[tokio::test]
async fn the_list_tells_health_webhook_and_queue() {
    let visitor = Visitor::set_up(&declared(&nobody())).await;
    let list = visitor.get("/instances").await.text;
    assert!(list.contains("not asked yet") && list.contains("not looked at yet"), "{list}");
    visitor.write(|db| {
        db.set_connection_secret("movies", "sealed:AAAA")?;
        let found = Connection {
            status: ConnectionStatus::WrongAddress,
            advice: "Radarr reaches nobody there: set PULSARR_BASE_URL.".to_owned(),
            arr_id: None,
            url: Some("http://pulsarr:3003/webhook/movies".to_owned()),
        };
        db.set_connection_status("movies", &found, NOW)
    });
    queue(&visitor, "movies", "Salt Ledger", 3);
    let list = visitor.get("/instances").await.text;
    for expected in ["wrong address", "Radarr reaches nobody there", ">Fix</button>", "#queue\">3</a>", "is-ok"] {
        assert!(list.contains(expected), "{expected} is missing in {list}");
    }
    let page = visitor.get("/instances/movies").await.text;
    assert!(page.contains("http://pulsarr:3003/webhook/movies") && page.contains("Salt Ledger 2 (2025)"), "{page}");
    let entry = visitor.service.app.database.read(|db| db.find_entries("Salt Ledger 2")).await.unwrap();
    assert!(page.contains(&format!("/watchlist/{}\"", entry[0].id.0)), "{page}");
}

#[tokio::test]
async fn hostile_titles_are_text_and_a_long_queue_is_told_in_part() {
    let visitor = Visitor::set_up(&declared(&nobody())).await;
    let long = "<script>alert(1)</script>\u{202e}😀".to_owned() + &"x".repeat(120);
    queue(&visitor, "movies", &long, 60);
    let page = visitor.get("/instances/movies").await.text;
    assert!(page.contains("&#60;script&#62;") && !page.contains("<script>alert"), "{page}");
    assert!(page.contains("&#60;i&#62;Ana") && !page.contains("<i>Ana"));
    assert_eq!(page.matches("data-label=\"Since\"").count(), 15);
    assert!(page.contains("More in the watchlist"));
    assert!(page.len() < 30_000, "{} bytes", page.len());
}

#[tokio::test]
async fn an_instance_is_removed_unless_other_settings_name_it() {
    let visitor = with_films(&nobody()).await;
    let page = visitor.get("/instances/films").await.text;
    assert!(page.contains("keeps its library") && page.contains("data-confirm"));
    let old = visitor.post("/instances/films/remove", &[("version", "1")]).await;
    assert_eq!(old.status, 412);
    let rule = serde_json::json!({"name": "all", "when": {"year": {">": 1990}}, "route": [{"to": "films"}]});
    let made = visitor.service.ask("192.168.1.9", "POST", "/rules", &visitor.headers(), Some(rule)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let named = visitor.post("/instances/films/remove", &[]).await;
    assert!(named.status == 422 && named.text.contains("was not removed"), "{} {}", named.status, named.text);
    let gone = visitor.service.ask("192.168.1.9", "DELETE", "/rules/all", &visitor.headers(), None).await;
    assert!(gone.status < 300, "{}", gone.text);
    let removed =
        tokio::time::timeout(Duration::from_secs(60), visitor.post("/instances/films/remove", &[])).await.unwrap();
    assert_eq!((removed.status, removed.header("location")), (303, "/instances"), "{}", removed.text);
    assert!(visitor.service.app.config().settings.instances.is_empty());
    assert_eq!(visitor.get("/instances/films").await.status, 404);
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_login_and_guesses_are_refused() {
    let visitor = with_films(&nobody()).await;
    assert_eq!(visitor.post_as("/instances/films/remove", "guessed", &[]).await.status, 403);
    assert_eq!(visitor.post_as("/instances/films/fix", "guessed", &[]).await.status, 403);
    let visitor = visitor.signed_out();
    for path in ["/instances", "/instances/new", "/instances/films"] {
        let led = visitor.get(path).await;
        assert_eq!((led.status, led.header("location")), (303, format!("/login?next={path}").as_str()));
    }
}
