//! No page waits for anybody: it shows what is known, and what was asked meanwhile as soon as it is answered.

use std::sync::mpsc;
use std::time::Duration;

use pulsarr_tests::fakes::{FakeServer, Fault, PlexResource, Title};
use pulsarr_tests::household::{Household, SETTINGS};
use warp::http::Method;

use crate::pages::pages;
use crate::pages::testing::{Visitor, among_stand_ins};

/// Whatever takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A household that has synced once, with a server of its own.
async fn settled() -> (Household, Visitor) {
    let rule = "rules:\n- {name: no westerns, when: {genre: {contains: Western}}, exclude: true}\n";
    let (household, visitor) = among_stand_ins(&format!("{SETTINGS}{rule}"));
    let plex = &household.plex;
    plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).local(&plex.server_url())]);
    let friend = plex.add_friend("tomas.r");
    plex.watch(&plex.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    plex.watch(&friend, Title::movie("Untitled Lighthouse Film").year(2027).without_ids());
    let visitor = Visitor::signed_in(visitor.service).await;
    assert_eq!(visitor.post("/setup/preview", &[]).await.status, 303);
    visitor.service.app.engine.idle().await;
    assert_eq!(household.radarr.library().len(), 1);
    household.clear_journals();
    (household, visitor)
}

fn hold(server: &FakeServer) {
    server.inject(Fault::on("ANY", "").held());
}

/// Waits until `server` has been asked something, which it holds, as all that came before.
async fn is_asked(server: &FakeServer) {
    let asked = async {
        while server.journal().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it is asked");
    let journal = server.journal();
    assert!(journal.iter().all(|seen| seen.status == 0), "it answers nothing");
    assert!(server.in_flight() >= journal.len(), "whoever asked waits still");
}

#[tokio::test]
async fn no_page_waits_for_plex_for_an_arr_or_for_whoever_writes() {
    let (household, visitor) = settled().await;
    let (plex, radarr, sonarr) = (&household.plex, &household.radarr, &household.sonarr);
    for server in [plex as &FakeServer, radarr, sonarr] {
        hold(server);
    }
    let (release, released) = mpsc::channel::<()>();
    // Something waits for its turn at the store, until the sender is gone, and everything behind it waits too.
    visitor.service.app.database.write_later(move |_| {
        let _ = released.recv();
    });
    let owner = plex.owner_uuid();
    let run = visitor.service.app.database.read(|db| Ok(db.last_runs(1)?.remove(0).id)).await.unwrap();
    let told = |path: &str| match path {
        "/instances/{name}" => path.replace("{name}", "movies"),
        "/rules/{name}" => path.replace("{name}", "no%20westerns"),
        "/users/{user}" => path.replace("{user}", &owner),
        "/runs/{id}" => path.replace("{id}", &run),
        _ => path.replace("{id}", "1"),
    };
    // Pictures are fetched for the page that shows them already.
    let shown = pages().filter(|page| page.method == Method::GET && !page.path.starts_with("/posters/"));
    let also = ["/settings/plex?servers=1", "/setup/plex?by=token", "/instances/shows", "/users?show=unreadable"];
    for path in shown.map(|page| told(page.path)).chain(also.map(str::to_owned)) {
        let answered = tokio::time::timeout(PATIENCE, visitor.get(&path)).await;
        let answered = answered.unwrap_or_else(|_| panic!("{path} waits for whoever writes"));
        assert!(matches!(answered.status, 200 | 303) || path == "/approvals/1", "{path}: {}", answered.text);
    }
    for server in [plex as &FakeServer, radarr, sonarr] {
        is_asked(server).await;
    }
    drop(release);
}

#[tokio::test]
async fn an_instance_is_shown_at_once_and_what_it_offers_as_soon_as_it_tells() {
    let (household, visitor) = settled().await;
    let (radarr, path) = (&household.radarr, "/instances/movies");
    hold(radarr);
    let waiting = visitor.get(path).await.text;
    assert!(waiting.contains("Radarr is being asked what it offers"), "{waiting}");
    assert!(waiting.contains("data-again=") && waiting.contains("<input id=\"quality_profile\""), "{waiting}");
    assert!(waiting.contains("<a href=\"/instances/movies\">Look again</a>"), "{waiting}");
    is_asked(radarr).await;
    let asked = radarr.journal().len();
    visitor.get(path).await;
    assert_eq!(radarr.journal().len(), asked, "nobody asks twice");
    radarr.release();
    let told = visitor.until(path, |page| page.contains("<select id=\"quality_profile\"")).await.text;
    assert!(told.contains("Ultra-HD") && !told.contains("data-again"), "{told}");

    // What it offered is shown while it is asked anew, and when it does not answer any more.
    visitor.service.clock.advance(Duration::from_secs(60));
    radarr.inject(Fault::on("ANY", "/api/v3/").status(503));
    let old = visitor.get(path).await.text;
    assert!(old.contains("It is being asked anew") && old.contains("<select id=\"quality_profile\""), "{old}");
    let failed = visitor.until(path, |page| page.contains("What it offers is not known anew")).await.text;
    assert!(failed.contains("<select id=\"quality_profile\"") && failed.contains("what it offered <time"), "{failed}");
    let advice = failed.split_once("not known anew.</b> ").unwrap().1;
    assert!(advice.starts_with("Radarr"), "{failed}");
    radarr.clear_faults();
    visitor.service.clock.advance(Duration::from_secs(10));
    visitor.until(path, |page| !page.contains("data-again") && !page.contains("not known")).await;
}

#[tokio::test]
async fn people_are_shown_at_once_and_friend_requests_as_soon_as_plex_tells() {
    let (household, visitor) = settled().await;
    let plex = &household.plex;
    let asked = plex.send_friend_request("wren.iversen");
    hold(plex);
    let mine = format!("/users/{}", plex.owner_uuid());
    for path in ["/users", "/setup/users", &mine] {
        let waiting = visitor.get(path).await;
        assert_eq!(waiting.status, 200, "{path}");
        assert!(waiting.text.contains("Plex is being asked about friend requests"), "{path}: {}", waiting.text);
        assert!(waiting.text.contains("data-again=") && waiting.text.contains(">Look again</a>"), "{path}");
    }
    is_asked(plex).await;
    assert_eq!(plex.journal().len(), 1, "nobody asks twice");
    plex.release();
    for path in ["/users", "/setup/users"] {
        let told = visitor.until(path, |page| page.contains("pending")).await.text;
        assert!(!told.contains("data-again") && !told.contains("Look again"), "{path}: {told}");
    }
    assert!(visitor.get("/users").await.text.contains(&asked));

    visitor.service.clock.advance(Duration::from_secs(60));
    plex.inject(Fault::on("ANY", "").status(503));
    let failed = visitor.until("/users", |page| page.contains("Plex has not told the friend requests")).await.text;
    assert!(failed.contains("Look again in a moment.") && failed.contains("What it told <time"), "{failed}");
    assert!(failed.contains(&asked), "what it told before stays");
}

#[tokio::test]
async fn a_code_is_shown_while_plex_is_asked_what_became_of_it() {
    let (household, visitor) = among_stand_ins("");
    let (plex, visitor) = (&household.plex, Visitor::signed_in(visitor.service).await);
    assert_eq!(visitor.post("/setup/plex", &[("do", "begin")]).await.status, 303);
    let page = visitor.get("/setup/plex").await.text;
    let code = page.split_once("big-code\">").unwrap().1.split('<').next().unwrap().to_owned();
    visitor.service.clock.advance(Duration::from_secs(2));
    plex.clear_journal();
    hold(plex);
    plex.claim_pin(&code);
    for _ in 0..2 {
        let waiting = visitor.get("/setup/plex").await;
        assert!(waiting.status == 200 && waiting.text.contains(&code), "{}", waiting.text);
        is_asked(plex).await;
    }
    assert_eq!(plex.journal().len(), 1, "nobody asks twice");
    plex.release();
    visitor.until("/setup/plex", |page| page.contains("Plex is linked")).await;
}

#[tokio::test]
async fn the_servers_of_the_account_come_when_they_are_found() {
    let (household, visitor) = settled().await;
    let (plex, path) = (&household.plex, "/settings/plex?servers=1");
    hold(plex);
    let waiting = visitor.get(path).await.text;
    assert!(waiting.contains("servers are being looked for") && waiting.contains("data-again="), "{waiting}");
    is_asked(plex).await;
    plex.release();
    let found = visitor.until(path, |page| page.contains("Attic")).await.text;
    assert!(found.contains("As of <time") && !found.contains("data-again"), "{found}");
    assert!(!visitor.get("/settings/plex").await.text.contains("Attic"), "only for whoever asks");
}

#[tokio::test]
async fn a_preview_is_worked_out_aside_and_kept() {
    let (_household, visitor) = settled().await;
    let path = "/setup/preview";
    let waiting = visitor.get(path).await.text;
    assert!(waiting.contains("is being worked out") && waiting.contains("http-equiv=\"refresh\""), "{waiting}");
    assert!(waiting.contains("data-again=") && waiting.contains("Sync now"), "{waiting}");
    let seen = visitor.until(path, |page| page.contains("Untitled Lighthouse Film")).await.text;
    assert!(seen.contains("As of <time") && !seen.contains("data-again"), "{seen}");
    assert!(!visitor.get(path).await.text.contains("data-again"), "it is known");
    visitor.service.clock.advance(Duration::from_secs(60));
    let anew = visitor.get(path).await.text;
    assert!(anew.contains("It is being worked out anew") && anew.contains("Untitled Lighthouse Film"), "{anew}");
    // By other settings it would be something else: nothing of the former is shown.
    visitor.until(path, |page| !page.contains("data-again")).await;
    let changed = visitor.api_with("PUT", "/settings/default", Some(serde_json::json!({"value": "none"}))).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let other = visitor.get(path).await.text;
    assert!(other.contains("is being worked out.") && !other.contains("Lighthouse"), "{other}");
}
