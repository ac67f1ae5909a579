//! The Plex server: found, chosen, and shown no token but its own.

use pulsarr_shared::model::RunResult;
use pulsarr_shared::store::Store;
use pulsarr_tests::fakes::{PlexResource, Title};
use serde_json::{Value, json};

use super::{LINKLESS, Story};
use crate::testing::NOW;

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_warning_with_advice_and_nothing_more() {
    let story = Story::linked_by_file();
    story.look_after(true).await;
    let view = story.get("/plex").await;
    assert_eq!((&view["server"]["reachable"], &view["token"]["state"]), (&json!(false), &json!("alive")));
    assert!(view["server"]["advice"].as_str().unwrap().contains("Check that it runs"), "{view}");
    let health = story.health().await;
    assert_eq!((&health["status"], &health["plex_server_reachable"]), (&json!("ok"), &json!(false)));
    assert!(story.metrics().await.contains("pulsarr_plex_server_reachable 0\n"));
}

#[tokio::test]
async fn the_server_is_found_among_its_addresses_and_taken_when_it_answers() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    assert_eq!(story.ask("GET", "/plex/servers", None).await.status, 409, "nobody is linked yet");
    story.link().await;
    let attic = PlexResource::new("Attic", &plex.machine_identifier());
    // Nobody listens on the discard port of the loopback.
    plex.set_resources([
        PlexResource::new("Elsewhere", "bb22").shared().remote("https://127.0.0.1:9"),
        attic.local("http://127.0.0.1:9").local(&plex.server_url()),
    ]);
    plex.clear_journal();
    let list = story.get("/plex/servers").await;
    let (own, other) = (&list["servers"][0], &list["servers"][1]);
    assert_eq!((&own["name"], &own["owned"], &own["url"]), (&json!("Attic"), &json!(true), &json!(plex.server_url())));
    assert_eq!((&other["name"], &other["url"]), (&json!("Elsewhere"), &Value::Null));
    assert!(other["connections"][0]["detail"].as_str().is_some_and(|detail| !detail.is_empty()));

    let nobody = story.ask("POST", "/plex/server", Some(json!({"url": "http://127.0.0.1:9"}))).await;
    assert_eq!((nobody.status, &nobody.json["error"]["problems"][0]["path"]), (422, &json!("url")));
    assert_eq!(story.ask("POST", "/plex/server", Some(json!({"url": "attic"}))).await.status, 422);
    assert_eq!(story.get("/plex").await["server"], Value::Null);
    let taken = story.ask("POST", "/plex/server", Some(json!({"url": format!("{}/", plex.server_url())}))).await.json;
    assert_eq!((&taken["reachable"], &taken["name"]), (&json!(true), &json!("Attic")));
    story.look_after(true).await;
    assert_eq!(story.get("/plex").await["server"]["url"], json!(plex.server_url()));
    assert!(story.metrics().await.contains("pulsarr_plex_server_reachable 1\n"));
    let asked = story.seen_below("/server/identity");
    assert!(!asked.is_empty() && asked.iter().all(|seen| seen.token.is_none()), "whoever answers is shown no token");

    assert_eq!(story.ask("POST", "/plex/server", Some(json!({"url": null}))).await.status, 200);
    let view = story.get("/plex").await;
    assert_eq!((&view["server"], &view["linked"]), (&Value::Null, &json!(true)));
    story.assert_unseen(&plex.owner_token());
}

#[tokio::test]
async fn the_token_is_shown_to_no_server_that_is_none_of_the_accounts() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    let url = json!({"url": plex.server_url()});
    let unlinked = story.ask("POST", "/plex/server", Some(url.clone())).await;
    assert_eq!(unlinked.status, 422, "{}", unlinked.text);
    assert!(unlinked.text.contains("link one first"), "{}", unlinked.text);
    story.link().await;
    plex.set_resources([PlexResource::new("Elsewhere", "bb22").local(&plex.server_url())]);
    let import = json!({"plex": {"server_url": plex.server_url()}});
    let refused = [
        story.ask("POST", "/plex/server", Some(url.clone())).await,
        story.ask("POST", "/config/import", Some(import.clone())).await,
        story.ask("POST", "/config/import?dry_run=true", Some(import.clone())).await,
        story.ask("PUT", "/settings/plex", Some(import["plex"].clone())).await,
    ];
    for refused in refused {
        assert_eq!(refused.status, 422, "{}", refused.text);
    }
    assert_eq!(story.get("/plex").await["server"], Value::Null);
    story.run().await;
    let own = plex.owner_token();
    let seen = story.seen_below("/server");
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.token.as_deref() != Some(&*own)), "{seen:?}");
    // Shared with the account, it may be asked.
    plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).shared().local(&plex.server_url())]);
    let taken = story.ask("POST", "/config/import", Some(import)).await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    assert_eq!(story.get("/plex").await["server"]["url"], json!(plex.server_url()));
}

impl Story {
    /// One that is linked, whose rule asks the server, and a film that somebody wants; `import`: the server came by a file.
    async fn asking_the_server(import: bool) -> Self {
        let story = Self::with(LINKLESS);
        story.link().await;
        let plex = &story.household.plex;
        let url = plex.server_url();
        plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).local(&url)]);
        let (path, body) = match import {
            true => ("/config/import", json!({"plex": {"server_url": url, "token": plex.owner_token()}})),
            false => ("/plex/server", json!({"url": url})),
        };
        let taken = story.ask("POST", path, Some(body)).await;
        assert_eq!(taken.status, 200, "{}", taken.text);
        let rule = json!({"name": "here already", "when": {"in_plex": true}, "exclude": true});
        let added = story.ask("POST", "/rules", Some(rule)).await;
        assert_eq!(added.status, 201, "{}", added.text);
        story.wants("Salt Ledger", 900_002);
        story
    }

    fn wants(&self, title: &str, tmdb: i64) {
        let plex = &self.household.plex;
        plex.watch(&plex.owner_uuid(), Title::movie(title).year(2025).tmdb(tmdb));
    }

    /// The tokens that the server was shown, each once.
    fn shown_to_server(&self) -> Vec<String> {
        let mut shown: Vec<String> = self.seen_below("/server").into_iter().filter_map(|seen| seen.token).collect();
        shown.sort();
        shown.dedup();
        shown
    }
}

#[tokio::test]
async fn the_chosen_server_is_shown_its_own_token_and_never_the_accounts() {
    for import in [false, true] {
        let story = Story::asking_the_server(import).await;
        let plex = &story.household.plex;
        let own = format!("tok-server-{}", plex.machine_identifier());
        assert_eq!(story.shown_to_server(), [""; 0], "nobody is shown anything before a run");
        let report = story.run().await;
        assert_eq!((report.run.result, report.placements.added), (RunResult::Ok, 1), "{:?}", report.problems);
        assert_eq!(story.shown_to_server(), std::slice::from_ref(&own));
        story.assert_unseen(&own);
        story.assert_unseen(&plex.owner_token());
    }
}

#[tokio::test]
async fn with_the_account_goes_the_servers_token_and_comes_again_with_the_next_look() {
    let story = Story::asking_the_server(false).await;
    let own = [format!("tok-server-{}", story.household.plex.machine_identifier())];
    let kept = || {
        let store = Store::open(&story.household.data_dir(), false).unwrap();
        store.read().setting("plex.server_token").unwrap()
    };
    assert!(kept().is_some_and(|sealed| sealed.starts_with("sealed:")));
    assert_eq!(story.ask("DELETE", "/plex", None).await.status, 204);
    assert_eq!(kept(), None);
    story.link().await;
    let report = story.run().await;
    assert_eq!(
        (report.placements.added, story.shown_to_server().len()),
        (0, 0),
        "it waits, and nobody is shown anything"
    );
    let said = report.problems.iter().map(|problem| problem.message.as_str()).collect::<String>();
    assert!(said.contains("no token for it yet"), "{said}");
    story.look_after(false).await;
    assert_eq!(story.run().await.placements.added, 1);
    assert_eq!(story.shown_to_server(), own);

    // One for another address counts for nothing, whoever put that address there.
    story.wants("Paper Tide", 900_003);
    story.household.plex.clear_journal();
    let before = story.service.app.configuration.declarations(&story.service.app.database).await.unwrap();
    let mut after = before.clone();
    let at = after.iter_mut().find(|it| it.body.get("server_url").is_some()).unwrap();
    at.body["server_url"] = json!(format!("{}/", story.household.plex.server_url().replace("127.0.0.1", "localhost")));
    let store = Store::open(&story.household.data_dir(), false).unwrap();
    assert!(store.write(|db| db.replace_declarations(&before, &after, NOW)).unwrap());
    assert_eq!(story.ask("PUT", "/settings/default", Some(json!({"value": "instance"}))).await.status, 200);
    assert_eq!(story.run().await.placements.added, 0);
    assert_eq!(story.shown_to_server(), [""; 0]);
    assert_eq!(story.ask("POST", "/plex/server", Some(json!({"url": null}))).await.status, 200);
    assert_eq!(kept(), None);
}

#[tokio::test]
async fn a_server_is_chosen_only_while_nobody_has_changed_anything_since() {
    let story = Story::with(LINKLESS);
    story.link().await;
    let plex = &story.household.plex;
    let url = plex.server_url();
    plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).local(&url)]);
    let seen = story.ask("GET", "/settings", None).await.headers["etag"].to_str().unwrap().to_owned();
    let choose = async |state: &str| {
        let body = Some(json!({"url": url}));
        story.service.ask("192.168.1.9", "POST", "/plex/server", &[("If-Match", state)], body).await.status
    };
    assert_eq!(story.ask("PUT", "/settings/default", Some(json!({"value": "none"}))).await.status, 200);
    assert_eq!(choose(&seen).await, 412);
    assert_eq!(story.get("/plex").await["server"], Value::Null);
    let seen = story.ask("GET", "/settings", None).await.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!((choose(&seen).await, choose(&seen).await), (200, 412));
}
