//! The setup as somebody goes through it without scripts: beside stand-ins for Plex, Radarr and Sonarr, with real runs.

use std::time::Duration;

use pulsarr_shared::model::{Relation, UserUuid};
use pulsarr_tests::fakes::Title;
use secrecy::ExposeSecret as _;

use crate::pages::testing::{Shown, Visitor, among_stand_ins};

const TOKEN: (&str, &str) = ("token", "first-visit");
const LINKED: &str = "plex: {token: \"${PLEX_TOKEN}\"}\n";

async fn as_admin(visitor: Visitor) -> Visitor {
    let made = visitor.post("/setup", &[TOKEN, ("username", "ada"), ("password", Visitor::PASSWORD)]).await;
    assert_eq!((made.status, made.header("location")), (303, "/setup"), "{}", made.text);
    visitor.with_session_of(&made).await
}

fn shows(shown: &Shown, expected: &[&str]) {
    assert_eq!(shown.status, 200, "{}", shown.text);
    for expected in expected {
        assert!(shown.text.contains(expected), "{expected} is missing in {}", shown.text);
    }
}

/// Where the way goes on.
async fn next(visitor: &Visitor) -> String {
    visitor.get("/setup").await.header("location").to_owned()
}

async fn add(visitor: &Visitor, kind: &str, url: &str, key: &str) -> Shown {
    let fields = [
        ("kind", kind),
        ("name", kind),
        ("url", url),
        ("api_key", key),
        ("has", "default"),
        ("default", "true"),
        ("do", "add"),
    ];
    visitor.post(&format!("/setup/instances?kind={kind}"), &fields).await
}

#[tokio::test]
async fn from_nothing_to_the_first_sync_without_scripts() {
    let (household, visitor) = among_stand_ins("");
    let (plex, radarr, sonarr) = (&household.plex, &household.radarr, &household.sonarr);
    let (owner, tomas, jo) = (plex.owner_uuid(), plex.add_friend("tomas.r"), plex.add_friend("jo.marsh"));
    plex.set_private(&jo, true);
    plex.watch(&owner, Title::movie("<b>Salt</b> Ledger").year(2025).tmdb(900_002));
    plex.watch(&tomas, Title::show("Harbour Nine").year(2024).tvdb(800_001));
    plex.watch(&tomas, Title::movie("Untitled Lighthouse Film").year(2027).without_ids());

    for path in ["/", "/instances", "/setup/plex", "/setup/users", "/activity"] {
        let led = visitor.get(path).await;
        if led.status != 404 {
            assert_eq!((led.status, led.header("location")), (303, "/setup"), "{path}");
        }
    }
    let visitor = as_admin(visitor).await;
    assert_eq!(next(&visitor).await, "/setup/plex");

    // Plex, by a code.
    shows(&visitor.get("/setup/plex").await, &["Get a code", "aria-current=\"step\""]);
    assert_eq!(visitor.post("/setup/plex", &[("do", "begin")]).await.header("location"), "/setup/plex");
    let waiting = visitor.get("/setup/plex").await;
    shows(&waiting, &["class=\"qr\"", "https://plex.tv/link", "http-equiv=\"refresh\"", "goes on by itself"]);
    let code = waiting.text.split("big-code\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(code.len(), 4);
    let other = visitor.get("/setup/plex?by=token").await;
    shows(&other, &["Back to the code", "name=\"token\""]);
    assert!(!other.text.contains("http-equiv"), "whoever types is not disturbed");
    plex.claim_pin(&code);
    visitor.service.clock.advance(Duration::from_secs(2));
    let linked = visitor.until("/setup/plex", |page| page.contains("Plex is linked")).await;
    shows(&linked, &["mirela_q", "href=\"/setup/instances\""]);
    assert_eq!(next(&visitor).await, "/setup/instances");

    // Radarr and Sonarr. A test keeps what was typed.
    let url = radarr.url();
    let key = radarr.api_key();
    let typed =
        [("kind", "radarr"), ("name", "movies"), ("url", url.as_str()), ("api_key", key.as_str()), ("do", "test")];
    let tested = visitor.post("/setup/instances?kind=radarr", &typed).await;
    shows(&tested, &["Radarr 6.", "<select id=\"quality_profile\"", "value=\"movies\"", "as typed"]);
    assert!(!tested.text.contains(&key));
    assert!(visitor.service.app.config().settings.instances.is_empty());
    let added = add(&visitor, "radarr", &radarr.url(), &radarr.api_key()).await;
    assert_eq!((added.status, added.header("location")), (303, "/setup/instances"), "{}", added.text);
    shows(&visitor.get("/setup/instances").await, &["Add a Sonarr", "not looked at yet", "Fix"]);
    assert_eq!(add(&visitor, "sonarr", &sonarr.url(), &sonarr.api_key()).await.status, 303);

    // Whose lists: a run reads them, and adds nothing.
    assert_eq!(next(&visitor).await, "/setup/users");
    assert_eq!(visitor.post("/setup/instances", &[("do", "continue")]).await.header("location"), "/setup/users");
    visitor.service.app.engine.idle().await;
    let people = visitor.get("/setup/users").await;
    shows(&people, &["mirela_q", "tomas.r", "jo.marsh", "private", "readable"]);
    assert!(radarr.library().is_empty() && sonarr.library().is_empty(), "nothing is added before the start");
    shows(&visitor.get("/activity/runs").await, &["not set up"]);
    let uuids = [&owner, &tomas, &jo].map(|uuid| [("person", uuid.as_str()), ("was", uuid)]).concat();
    let saved =
        visitor.post("/setup/users", &[&uuids[..], &[("on", &owner), ("on", &tomas), ("do", "save")]].concat()).await;
    assert_eq!(saved.header("location"), "/setup/preview");
    let settings = &visitor.service.app.config().settings;
    assert_eq!(
        settings.users.overrides.iter().map(|it| (it.plex.as_str(), it.sync)).collect::<Vec<_>>(),
        [(jo.to_lowercase().as_str(), Some(false))]
    );

    // What would come of it.
    assert_eq!(next(&visitor).await, "/setup/preview");
    let preview = visitor.until("/setup/preview", |page| page.contains("Would be added")).await;
    shows(
        &preview,
        &[
            "&#60;b&#62;Salt",
            "Harbour Nine",
            "/posters/",
            "unresolvable",
            "Untitled Lighthouse Film",
            "Start the first sync",
        ],
    );
    assert!(!preview.text.contains("<b>Salt"));
    assert!(radarr.library().is_empty());

    // The start.
    let started = visitor.post("/setup/preview", &[]).await;
    assert!(
        started.status == 303 && started.header("location").starts_with("/runs/"),
        "{}",
        started.header("location")
    );
    visitor.service.app.engine.idle().await;
    assert_eq!((radarr.library().len(), sonarr.library().len()), (1, 1));
    assert_eq!(next(&visitor).await, "/");
    shows(&visitor.get("/setup/preview").await, &["The setup is done", "Sync now"]);
    let audit = visitor.service.ask("192.168.1.9", "GET", "/audit", &visitor.headers(), None).await;
    assert!(audit.text.contains("setup.finished"), "{}", audit.text);
}

#[tokio::test]
async fn without_the_setup_token_nothing_is_told_and_guesses_are_counted() {
    let (household, visitor) = among_stand_ins(LINKED);
    let welcome = visitor.get("/setup").await;
    shows(&welcome, &["Setup token", "name=\"username\""]);
    for told in ["mirela", "movies", household.plex.owner_uuid().as_str()] {
        assert!(!welcome.text.contains(told), "{told}");
    }
    let wrong = [("token", "guess\"ed"), ("username", "ada\u{202e}<i>"), ("password", "long enough")];
    let refused = visitor.post("/setup", &wrong).await;
    assert_eq!(refused.status, 403);
    for expected in ["this is not the setup token", "guess&#34;ed", "ada\u{202e}&#60;i&#62;"] {
        assert!(refused.text.contains(expected), "{expected} is missing in {}", refused.text);
    }
    assert!(!refused.text.contains("long enough"));
    let short = visitor.post("/setup", &[TOKEN, ("username", ""), ("password", "short")]).await;
    assert_eq!(short.status, 422);
    assert!(
        short.text.contains("id=\"username-error\"") && short.text.contains("id=\"password-error\""),
        "{}",
        short.text
    );
    let mut last = refused;
    for _ in 0..30 {
        last = visitor.post("/setup", &wrong).await;
    }
    assert_eq!(last.status, 429);
    assert!(last.text.contains("too many attempts") && !last.header("retry-after").is_empty(), "{}", last.text);
    let good = visitor.post("/setup", &[TOKEN, ("username", "ada"), ("password", Visitor::PASSWORD)]).await;
    assert_eq!(good.status, 429, "also the right token waits");
}

#[tokio::test]
async fn after_the_first_admin_the_setup_needs_a_session_and_its_forms_their_token() {
    let (_household, visitor) = among_stand_ins("");
    let visitor = as_admin(visitor).await;
    for path in ["/setup/plex", "/setup/instances", "/setup/users", "/setup/preview"] {
        assert_eq!(visitor.post_as(path, "guessed", &[("do", "begin")]).await.status, 403, "{path}");
    }
    let visitor = visitor.signed_out();
    for path in ["/setup", "/setup/plex", "/setup/instances", "/setup/users", "/setup/preview"] {
        let led = visitor.get(path).await;
        assert_eq!((led.status, led.header("location")), (303, format!("/login?next={path}").as_str()));
    }
    let again = visitor.post("/setup", &[TOKEN, ("username", "eve"), ("password", Visitor::PASSWORD)]).await;
    assert_eq!((again.status, again.header("location")), (303, "/login"));
}

#[tokio::test]
async fn a_token_is_pasted_and_a_wrong_one_is_told_at_its_field() {
    let (household, visitor) = among_stand_ins("");
    let visitor = as_admin(visitor).await;
    let refused = visitor.post("/setup/plex", &[("do", "paste"), ("token", "not-a-token-of-plex")]).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("id=\"token-error\"") && refused.text.contains("<details class=\"more\" open>"),
        "{}",
        refused.text
    );
    assert!(!refused.text.contains("not-a-token-of-plex"));
    let token = household.plex.owner_token();
    let linked = visitor.post("/setup/plex", &[("do", "paste"), ("token", &format!(" {token}\n"))]).await;
    assert_eq!((linked.status, linked.header("location")), (303, "/setup/plex"), "{}", linked.text);
    let page = visitor.get("/setup/plex").await;
    shows(&page, &["mirela_q"]);
    assert!(!page.text.contains(&token));
}

#[tokio::test]
async fn what_the_settings_file_declares_is_done_and_marked() {
    let (household, visitor) = among_stand_ins(pulsarr_tests::household::SETTINGS);
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    let visitor = as_admin(visitor).await;
    assert_eq!(next(&visitor).await, "/");
    shows(&visitor.get("/setup/plex").await, &["Plex is linked", "declared in file"]);
    let instances = visitor.get("/setup/instances").await;
    shows(&instances, &["movies", "shows", "declared in file", "Continue"]);
    assert!(!instances.text.contains("Add a Radarr"));
    assert_eq!(visitor.post("/setup/plex", &[("do", "begin")]).await.status, 409);
    assert!(visitor.service.app.config().settings.plex.token.as_ref().unwrap().expose_secret().len() > 5);
    // Everything is there, so nothing waits for the end of the setup.
    shows(&visitor.get("/setup/users").await, &["The next run reads the lists"]);
    let started = visitor.post("/setup/preview", &[]).await;
    assert!(started.header("location").starts_with("/runs/"), "{}", started.header("location"));
    visitor.service.app.engine.idle().await;
    assert_eq!(household.radarr.library().len(), 1);
}

#[tokio::test]
async fn what_is_missing_is_said_and_the_start_leads_back_to_it() {
    let (_household, visitor) = among_stand_ins("");
    let visitor = as_admin(visitor).await;
    shows(&visitor.get("/setup/users").await, &["Something is missing", "href=\"/setup/plex\""]);
    shows(&visitor.get("/setup/preview").await, &["Something is missing"]);
    assert_eq!(visitor.post("/setup/preview", &[]).await.header("location"), "/setup");
    let wrong = add(&visitor, "sonarr", "sonarr:8989", "0123456789abcdef0123456789abcdef").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"url-error\"") && wrong.text.contains("value=\"sonarr:8989\""), "{}", wrong.text);
    let unknown = visitor.post("/setup/users", &[("person", "nobody"), ("on", "nobody")]).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text.contains("there is no user"), "{}", unknown.text);
}

#[tokio::test]
async fn hundreds_of_friends_come_a_page_at_a_time_and_what_is_chosen_is_kept_when_the_page_is_turned() {
    let visitor = Visitor::set_up("").await;
    let uuid = |number: usize| format!("{number:016x}");
    visitor.write(|db| {
        for number in 0..120 {
            let (name, relation) = (format!("friend {number:03}"), Relation::Friend);
            db.upsert_user(&UserUuid::parse(&uuid(number)).unwrap(), &name, &name, relation, 1)?;
        }
        Ok(())
    });
    let first = visitor.get("/setup/users").await;
    shows(&first, &["friend 000", "friend 049", "1–50 of 120", "value=\"page 2\""]);
    assert!(!first.text.contains("friend 050") && !first.text.contains("value=\"page 0\""), "{}", first.text);
    shows(&visitor.get("/setup/users?page=3").await, &["friend 119", "101–120 of 120", "value=\"page 2\""]);
    shows(&visitor.get("/setup/users?page=99").await, &["101–120 of 120"]);

    // Of the second page only one is left alone; the page is turned, and then the last one saves.
    let second: Vec<String> = (50..100).map(uuid).collect();
    let people = second.iter().flat_map(|uuid| [("person", uuid.as_str()), ("was", uuid)]);
    let on = second.iter().skip(1).map(|uuid| ("on", uuid.as_str()));
    let sent: Vec<_> = people.chain(on).chain([("do", "page 3")]).collect();
    let turned = visitor.post("/setup/users?page=2", &sent).await;
    assert_eq!((turned.status, turned.header("location")), (303, "/setup/users?page=3"), "{}", turned.text);
    let left_alone = || {
        let settings = &visitor.service.app.config().settings;
        settings.users.overrides.iter().map(|it| (it.plex.clone(), it.sync)).collect::<Vec<_>>()
    };
    assert_eq!(left_alone(), [(uuid(50), Some(false))]);
    let last: Vec<String> = (100..120).map(uuid).collect();
    let sent: Vec<_> = last.iter().flat_map(|uuid| [("person", uuid.as_str()), ("was", uuid), ("on", uuid)]).collect();
    let saved = visitor.post("/setup/users?page=3", &[&sent[..], &[("do", "save")]].concat()).await;
    assert_eq!(saved.header("location"), "/setup/preview");
    assert_eq!(left_alone(), [(uuid(50), Some(false))]);
    let refused = visitor.post("/setup/users?page=2", &[("person", "nobody"), ("on", "nobody")]).await;
    assert!(refused.status == 404 && refused.text.contains("51–100 of 120"), "{}", refused.text);
}

#[tokio::test]
async fn somebody_whose_switch_is_not_touched_stays_as_others_have_set_them_meanwhile() {
    let visitor = Visitor::set_up("").await;
    let uuids = [1, 2].map(|number| format!("{number:016x}"));
    visitor.write(|db| {
        for uuid in &uuids {
            db.upsert_user(&UserUuid::parse(uuid).unwrap(), uuid, uuid, Relation::Friend, 1)?;
        }
        Ok(())
    });
    let page = visitor.get("/setup/users").await;
    shows(&page, &[&format!("name=\"was\" value=\"{}\"", uuids[0])]);
    // Elsewhere one is switched off, while this page still shows both switched on.
    let [one, other] = uuids.each_ref().map(|uuid| [("person", uuid.as_str()), ("was", uuid), ("on", uuid)]);
    visitor.post("/setup/users", &[&one[..2], &other[..]].concat()).await;
    let left_alone = || {
        let settings = &visitor.service.app.config().settings;
        settings.users.overrides.iter().map(|it| (it.plex.clone(), it.sync)).collect::<Vec<_>>()
    };
    assert_eq!(left_alone(), [(uuids[0].clone(), Some(false))]);
    let saved = visitor.post("/setup/users", &[&one[..], &other[..2]].concat()).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(left_alone(), uuids.clone().map(|uuid| (uuid, Some(false))));
    let page = visitor.get("/setup/users").await.text;
    assert!(!page.contains("name=\"was\""), "{page}");
    // What was refused still knows what was seen.
    let refused = visitor.post("/setup/users", &[&one[..], &[("person", "nobody"), ("on", "nobody")]].concat()).await;
    assert_eq!((refused.status, refused.text.matches("name=\"was\"").count()), (404, 1), "{}", refused.text);
}

#[tokio::test]
async fn all_of_what_would_be_added_is_seen_page_by_page() {
    let settings = "plex: {token: xxxxxxxxxxxxxxxxxxxx}\ninstances:\n- {name: movies, kind: radarr, url: 'http://127.0.0.1:9', \
                    api_key: 0123456789abcdef0123456789abcdef, default: true}\n";
    let visitor = Visitor::set_up(settings).await;
    crate::api::household::Household::of(&visitor.service).wish(60);
    let first = visitor.until("/setup/preview", |page| page.contains("Would be added")).await;
    shows(&first, &["page 1 of 2", "href=\"/setup/preview?page=2\""]);
    assert_eq!(first.text.matches("poster-card").count(), 48);
    let second = visitor.get("/setup/preview?page=2").await;
    shows(&second, &["page 2 of 2", "href=\"/setup/preview?page=1\""]);
    assert_eq!(second.text.matches("poster-card").count(), 12);
    shows(&visitor.get("/setup/preview?page=77").await, &["page 2 of 2"]);
}
