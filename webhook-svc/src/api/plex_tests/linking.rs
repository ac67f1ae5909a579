//! The account: linked by a code or a token, linked anew, unlinked; and who of its friends can be read.

use std::time::Duration;

use pulsarr_shared::model::RunResult;
use pulsarr_shared::store::{ApiKeyScope, NewApiKey};
use pulsarr_tests::fakes::{Fault, PlexResource, Title};
use serde_json::{Value, json};

use super::{LINKLESS, Story};
use crate::testing::NOW;

#[tokio::test]
async fn a_code_becomes_a_token_that_the_next_run_uses_under_its_own_client_identifier() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    assert_eq!(story.run().await.run.result, RunResult::NotSetUp);
    let before = story.get("/plex").await;
    assert_eq!(
        (&before["linked"], &before["source"], &before["read_only"]),
        (&json!(false), &json!("none"), &json!(false))
    );
    assert_eq!(story.get("/plex/link").await, json!({"state": "none"}));

    let begun = story.ask("POST", "/plex/link", None).await.json;
    assert_eq!((&begun["address"], &begun["expires_at_ms"]), (&json!("https://plex.tv/link"), &json!(NOW + 900_000)));
    assert!(begun["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let waiting = story.get("/plex/link").await;
    assert_eq!((&waiting["state"], &waiting["code"]), (&json!("waiting"), &begun["code"]));
    plex.claim_pin(begun["code"].as_str().unwrap());
    story.service.clock.advance(Duration::from_secs(2));
    let linked = story.get("/plex/link").await;
    assert_eq!((&linked["state"], &linked["linked"]["is"]), (&json!("linked"), &json!("mirela_q")), "{linked}");
    assert_eq!(linked["linked"]["another_account"], false);
    assert_eq!(story.get("/plex/link").await["state"], "linked", "another page may look too");

    let now = story.get("/plex").await;
    assert_eq!((&now["linked"], &now["source"], &now["plex_pass"]), (&json!(true), &json!("stored"), &json!(true)));
    assert_eq!((&now["account"]["username"], &now["token"]["state"]), (&json!("mirela_q"), &json!("alive")));

    let made_for = story.seen_below("/plex.tv/api/v2/pins")[0].client_identifier.clone().unwrap();
    plex.watch(&plex.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    plex.clear_journal();
    story.run().await;
    let seen = story.seen_below("/discover");
    assert!(!seen.is_empty());
    for seen in seen {
        let expected = (Some(plex.owner_token()), Some(made_for.clone()));
        assert_eq!((seen.token, seen.client_identifier), expected, "{}", seen.route);
    }
    let audit = story.get("/audit").await;
    let entry = &audit["entries"][0];
    assert_eq!((&entry["action"], &entry["detail"]["username"]), (&json!("plex.linked"), &json!("mirela_q")));
    story.get("/settings").await;
    story.assert_unseen(&plex.owner_token());
}

#[tokio::test]
async fn a_code_is_replaced_called_off_or_too_late() {
    let story = Story::with(LINKLESS);
    let first = story.ask("POST", "/plex/link", None).await.json["code"].clone();
    let second = story.ask("POST", "/plex/link", None).await.json["code"].clone();
    assert_ne!(first, second);
    story.household.plex.claim_pin(first.as_str().unwrap());
    let look = story.get("/plex/link").await;
    assert_eq!((&look["state"], &look["code"]), (&json!("waiting"), &second), "the first counts no more");
    assert_eq!(story.ask("DELETE", "/plex/link", None).await.status, 204);
    assert_eq!(story.get("/plex/link").await["state"], "none");

    let code = story.ask("POST", "/plex/link", None).await.json["code"].clone();
    story.household.plex.expire_pin(code.as_str().unwrap());
    assert_eq!(story.get("/plex/link").await["state"], "expired");
    story.ask("POST", "/plex/link", None).await;
    story.service.clock.advance(Duration::from_secs(900));
    let late = story.get("/plex/link").await;
    assert_eq!((&late["state"], &late["detail"]), (&json!("expired"), &json!("The code's time is over: begin again.")));
    assert_eq!(story.get("/plex").await["linked"], false);
}

#[tokio::test]
async fn a_pasted_token_that_plex_refuses_or_cannot_judge_keeps_the_old_one() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    let good = plex.owner_token();
    let pasted = story.paste(&format!(" {good}\n")).await;
    assert_eq!((pasted.status, &pasted.json["is"]), (200, &json!("mirela_q")), "{}", pasted.text);

    let refused = story.paste("tok-nobody-knows").await;
    assert_eq!((refused.status, &refused.json["error"]["problems"][0]["path"]), (422, &json!("token")));
    plex.inject(Fault::on("GET", "/api/v2/user").status(503));
    assert_eq!(story.paste(&good).await.status, 503);
    plex.clear_faults();
    assert_eq!(story.ask("PUT", "/plex/token", Some(json!({"token": 5}))).await.status, 400);

    plex.clear_journal();
    assert_eq!(story.run().await.run.result, RunResult::Ok);
    let seen = story.seen_below("/discover");
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.token.as_deref() == Some(&*good)));
    let audit = story.get("/audit").await;
    let linked = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "plex.linked");
    assert_eq!(linked.count(), 1);
    story.assert_unseen(&good);
    story.assert_unseen("tok-nobody-knows");
}

#[tokio::test]
async fn unlinking_and_linking_again_loses_nothing() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    plex.watch(&plex.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    story.link().await;
    let url = plex.server_url();
    plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).local(&url)]);
    assert_eq!(story.ask("POST", "/plex/server", Some(json!({"url": url}))).await.status, 200);
    story.run().await;
    let before = story.get("/watchlist").await;
    assert_eq!(before["entries"].as_array().map(Vec::len), Some(1), "{before}");

    assert_eq!(story.ask("DELETE", "/plex", None).await.status, 204);
    assert_eq!(story.ask("DELETE", "/plex", None).await.status, 404);
    let apart = story.get("/plex").await;
    assert_eq!((&apart["linked"], &apart["server"]["url"]), (&json!(false), &json!(url)), "its address stays");
    assert_eq!(story.run().await.run.result, RunResult::NotSetUp);
    assert_eq!(story.get("/watchlist").await, before);

    assert_eq!(story.link().await["linked"]["another_account"], false);
    story.run().await;
    assert_eq!(story.get("/watchlist").await, before);
    assert_eq!(story.household.radarr.library().len(), 1);
}

#[tokio::test]
async fn a_token_whose_key_is_lost_can_be_forgotten_and_until_then_no_code_is_asked_for() {
    let linked = Story::with(LINKLESS);
    linked.link().await;
    std::fs::remove_file(linked.household.data_dir().join("key/vault.key")).unwrap();
    let service = linked.service.started_again();
    let story = Story { service, ..linked };
    assert_eq!(story.service.app.config().broken.len(), 1);
    story.household.plex.clear_journal();
    for (method, path, body) in
        [("POST", "/plex/link", None), ("PUT", "/plex/token", Some(json!({"token": "tok-nobody-knows"})))]
    {
        let refused = story.ask(method, path, body).await;
        assert_eq!(refused.status, 503, "{path}: {}", refused.text);
        assert!(refused.text.contains("vault.key") && refused.text.contains("put it back"), "{}", refused.text);
    }
    assert_eq!(story.household.plex.journal().len(), 0, "nothing is asked that could not be kept");

    assert_eq!(story.ask("DELETE", "/plex", None).await.status, 204);
    assert!(story.service.app.config().broken.is_empty());
    assert_eq!(story.ask("DELETE", "/plex", None).await.status, 404);
    let audit = story.get("/audit").await;
    assert_eq!(audit["entries"][0]["action"], "plex.unlinked");
    let service = story.service.started_again();
    let story = Story { service, ..story };
    assert_eq!(story.link().await["state"], "linked", "with nothing sealed there is a new key");
}

#[tokio::test]
async fn a_link_goes_on_when_somebody_else_was_at_the_store() {
    let story = Story::with(LINKLESS);
    let code = story.ask("POST", "/plex/link", None).await.json["code"].as_str().unwrap().to_owned();
    story.household.plex.claim_pin(&code);
    story.service.clock.advance(Duration::from_secs(2));
    let waiting = story.beside_a_writer(story.get("/plex/link")).await;
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert!(waiting["detail"].as_str().unwrap().contains("is tried again"), "{waiting}");
    story.service.clock.advance(Duration::from_secs(2));
    let linked = story.get("/plex/link").await;
    assert_eq!((&linked["state"], &linked["linked"]["is"]), (&json!("linked"), &json!("mirela_q")), "{linked}");
}

#[tokio::test]
async fn a_link_whose_token_cannot_be_stored_ends_and_says_why() {
    let story = Story::with(LINKLESS);
    let code = story.ask("POST", "/plex/link", None).await.json["code"].as_str().unwrap().to_owned();
    story.household.write_settings("rules: [\n");
    story.household.plex.claim_pin(&code);
    story.service.clock.advance(Duration::from_secs(2));
    let ended = story.get("/plex/link").await;
    assert_eq!(ended["state"], "expired", "{ended}");
    let detail = ended["detail"].as_str().unwrap();
    assert!(detail.contains("could not be stored") && detail.contains("begin again"), "{detail}");
    story.household.plex.clear_journal();
    assert_eq!(story.get("/plex/link").await, ended);
    assert_eq!(story.household.plex.journal().len(), 0, "nobody waits any more");
    story.household.write_settings(LINKLESS);
    assert_eq!(story.get("/plex").await["linked"], false);
    assert_eq!(story.link().await["state"], "linked");
}

#[tokio::test]
async fn an_account_is_taken_once_although_whoever_looked_went_away_meanwhile() {
    let story = Story::with(LINKLESS);
    let code = story.ask("POST", "/plex/link", None).await.json["code"].as_str().unwrap().to_owned();
    story.household.plex.claim_pin(&code);
    story.service.clock.advance(Duration::from_secs(2));
    let stored = story.service.app.configuration.changed.notified();
    tokio::select! {
        biased;
        () = stored => {}
        _ = story.ask("GET", "/plex/link", None) => panic!("it is stored before anybody is told"),
    }
    story.service.clock.advance(Duration::from_secs(2));
    let (one, other) = tokio::join!(story.get("/plex/link"), story.get("/plex/link"));
    assert_eq!((&one["state"], &other["state"]), (&json!("linked"), &json!("linked")));
    let audit = story.get("/audit").await;
    let linked = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "plex.linked");
    assert_eq!(linked.count(), 1, "{audit}");
}

#[tokio::test]
async fn another_account_is_named_and_the_titles_of_the_first_stay() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    plex.watch(&plex.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    story.link().await;
    story.run().await;
    let tomas = plex.token_of(&plex.add_friend("tomas"));
    let pasted = story.paste(&tomas).await.json;
    let told = (&pasted["another_account"], &pasted["was"], &pasted["is"]);
    assert_eq!(told, (&json!(true), &json!("mirela_q"), &json!("tomas")));
    story.run().await;
    assert_eq!(story.get("/watchlist").await["entries"].as_array().map(Vec::len), Some(1));
    let back = story.link().await;
    assert_eq!(back["linked"]["was"], "tomas");
    story.assert_unseen(&tomas);
}

#[tokio::test]
async fn a_token_of_the_settings_file_is_changed_there_only() {
    let story = Story::linked_by_file();
    let view = story.get("/plex").await;
    assert_eq!((&view["source"], &view["read_only"], &view["linked"]), (&json!("file"), &json!(true), &json!(true)));
    let token = story.household.plex.owner_token();
    for (method, path, body) in [
        ("POST", "/plex/link", None),
        ("PUT", "/plex/token", Some(json!({"token": token}))),
        ("DELETE", "/plex", None),
        ("POST", "/plex/server", Some(json!({"url": story.household.plex.server_url()}))),
    ] {
        let answered = story.ask(method, path, body).await;
        assert_eq!(answered.status, 409, "{method} {path}: {}", answered.text);
        assert!(answered.text.contains("pulsarr.yaml:1"), "{}", answered.text);
    }
    assert_eq!(story.household.plex.requests("POST", "/api/v2/pins"), 0);
    story.assert_unseen(&token);
}

#[tokio::test]
async fn a_dead_token_is_seen_and_told_and_so_is_its_return() {
    let story = Story::linked_by_file();
    let plex = &story.household.plex;
    story.look_after(true).await;
    assert_eq!(story.health().await["plex_token"], "alive");
    assert!(story.metrics().await.contains("pulsarr_plex_token_alive 1\n"));
    plex.revoke_token();
    story.look_after(false).await;
    assert_eq!(story.health().await["plex_token"], "alive", "a token that worked is believed for a day");
    story.service.clock.advance(Duration::from_secs(24 * 60 * 60));
    story.look_after(false).await;
    let health = story.health().await;
    assert_eq!((&health["status"], &health["plex_token"]), (&json!("attention"), &json!("dead")));
    assert!(story.metrics().await.contains("pulsarr_plex_token_alive 0\n"));
    let view = story.get("/plex").await;
    assert_eq!((&view["token"]["state"], &view["account"]["username"]), (&json!("dead"), &json!("mirela_q")));
    plex.restore_token();
    story.service.clock.advance(Duration::from_secs(15 * 60));
    story.look_after(false).await;
    assert_eq!(story.health().await["status"], "ok");
}

#[tokio::test]
async fn while_plex_wants_to_be_left_alone_nobody_asks_it() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    plex.inject(Fault::on("POST", "/api/v2/pins").status(429).retry_after("600").times(1));
    assert_eq!(story.ask("POST", "/plex/link", None).await.status, 503);
    plex.clear_journal();
    assert_eq!(story.ask("POST", "/plex/link", None).await.status, 503);
    assert_eq!(story.paste(&plex.owner_token()).await.status, 503);
    story.look_after(true).await;
    assert_eq!(plex.journal().len(), 0);
    assert!(story.get("/plex").await["cool_until_ms"].as_i64().unwrap() > NOW);
    story.service.clock.advance(Duration::from_secs(700));
    assert_eq!(story.ask("POST", "/plex/link", None).await.status, 200);
}

/// Lets this much time pass for whoever waits, and hands them the processor; what they ask the network takes no time of it.
async fn pass(time: Duration) {
    // Whoever was just started begins to wait.
    tokio::task::yield_now().await;
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_code_is_asked_about_every_five_seconds_also_when_nobody_looks() {
    let story = Story::with(LINKLESS);
    let plex = &story.household.plex;
    let code = story.ask("POST", "/plex/link", None).await.json["code"].as_str().unwrap().to_owned();
    let asked = || plex.requests("GET", "/api/v2/pins/");
    // Answered once Plex has been asked so often, and what came of it is stored.
    let asked_times = async |times: usize| {
        let heard = async {
            while asked() < times {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), heard).await.expect("Plex is asked");
        drop(story.service.app.plex_link.lock().await);
    };
    pass(Duration::from_millis(4_900)).await;
    assert_eq!(asked(), 0);
    story.service.clock.advance(Duration::from_secs(5));
    pass(Duration::from_millis(200)).await;
    asked_times(1).await;
    assert_eq!(story.get("/plex").await["linked"], false);
    plex.claim_pin(&code);
    story.service.clock.advance(Duration::from_secs(5));
    pass(Duration::from_millis(5_100)).await;
    asked_times(2).await;
    assert_eq!(story.get("/plex").await["linked"], true);
    // It is done, and nobody asks any more.
    story.service.clock.advance(Duration::from_secs(5));
    pass(Duration::from_millis(5_100)).await;
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_key_that_may_only_read_only_looks_at_the_code() {
    let story = Story::with(LINKLESS);
    let (app, plex) = (&story.service.app, &story.household.plex);
    let made = app.database.write(|store| {
        store.write(|db| {
            let key_hash = crate::auth::hash("pulsarr_wall");
            let (name, prefix, scope) = ("wall", "pulsarr_wall", ApiKeyScope::Read);
            db.make_api_key(NewApiKey { name, prefix, key_hash: &key_hash, scope, created_by: "ana" }, NOW)
        })
    });
    assert!(made.await.unwrap().is_some());
    let code = story.ask("POST", "/plex/link", None).await.json["code"].as_str().unwrap().to_owned();
    plex.claim_pin(&code);
    story.service.clock.advance(Duration::from_secs(2));
    let by_key = [("X-Api-Key", "pulsarr_wall")];
    let seen = story.service.ask("192.168.1.9", "GET", "/plex/link", &by_key, None).await;
    assert_eq!((seen.status, &seen.json["state"]), (200, &json!("waiting")), "{}", seen.text);
    assert_eq!(plex.requests("GET", "/api/v2/pins/"), 0, "what comes of it would be stored");
    assert_eq!(story.service.ask("192.168.1.9", "DELETE", "/plex/link", &by_key, None).await.status, 403);
    assert_eq!(story.get("/plex/link").await["state"], "linked");
    let seen = story.service.ask("192.168.1.9", "GET", "/plex/link", &by_key, None).await;
    assert_eq!(seen.json["state"], "linked");
}

#[tokio::test]
async fn linking_is_noted_from_its_beginning() {
    let story = Story::with(LINKLESS);
    story.ask("POST", "/plex/link", None).await;
    story.ask("DELETE", "/plex/link", None).await;
    let audit = story.get("/audit").await;
    let actions: Vec<&Value> = audit["entries"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["plex.link_called_off", "plex.link_begun"]);
}

#[tokio::test]
async fn everybody_on_record_or_in_a_request_is_told_with_advice_and_plex_is_asked_once_a_minute() {
    let story = Story::linked_by_file();
    let plex = &story.household.plex;
    let (ana, ben) = (plex.add_friend("ana"), plex.add_friend("ben"));
    plex.watch(&ana, Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    plex.set_private(&ben, true);
    story.run().await;
    let (sent, received) = (plex.send_friend_request("cleo"), plex.receive_friend_request("dino"));
    let list = story.get("/users/readability").await;
    assert_eq!(list["friend_requests_known"], true);
    let of = |uuid: &str| {
        let all = list["users"].as_array().unwrap().iter();
        let found = all.clone().find(|user| user["uuid"] == uuid).unwrap();
        assert!(found["advice"].as_str().unwrap().ends_with('.'));
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((of(&ana).as_str(), of(&ben).as_str()), ("readable", "private"));
    assert_eq!((of(&sent).as_str(), of(&received).as_str()), ("pending", "pending"));
    let asked = || plex.journal().iter().filter(|seen| seen.body.contains("friendRequests")).count();
    story.get("/users/readability").await;
    assert_eq!(asked(), 1);
    story.service.clock.advance(Duration::from_secs(60));
    plex.inject(Fault::on("POST", "/community/api").status(503));
    let unsure = story.get("/users/readability").await;
    assert_eq!((asked(), &unsure["friend_requests_known"]), (2, &json!(false)));
}
