//! Account, own watchlist and metadata.

use serde_json::Value;

use super::{Answer, Call};
use crate::fakes::{FakePlex, Title};

fn get(plex: &FakePlex, url: &str) -> Call {
    Call::new("GET", url)
        .header("X-Plex-Token", &plex.owner_token())
        .header("X-Plex-Client-Identifier", "router-3f1c9a52")
        .header("Accept", "application/json")
}

fn list(plex: &FakePlex, query: &str) -> Call {
    get(plex, &format!("{}/library/sections/watchlist/all{query}", plex.discover_url()))
}

fn container(answer: &Answer) -> Value {
    answer.json()["MediaContainer"].clone()
}

#[test]
fn the_account_is_told_to_its_token_only() {
    let plex = FakePlex::start();
    let url = format!("{}/api/v2/user", plex.plex_tv_url());
    let user = get(&plex, &url).send();
    assert_eq!((user.status, &user.json()["uuid"]), (200, &Value::from(plex.owner_uuid())));
    assert_eq!(user.json()["subscription"]["active"], true);

    plex.revoke_token();
    let refused = get(&plex, &url).send();
    let error =
        serde_json::json!({"errors": [{"code": 1001, "message": "User could not be authenticated", "status": 401}]});
    assert_eq!((refused.status, refused.json()), (401, error));
    plex.restore_token();
    assert_eq!(get(&plex, &url).send().status, 200);
}

#[test]
fn plex_tv_wants_a_client_identifier_before_a_token() {
    let plex = FakePlex::start();
    let call = Call::new("GET", &format!("{}/api/v2/user", plex.clients_url())).header("Accept", "application/json");
    let answer = call.send();
    assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (400, &Value::from(1000)));
}

#[test]
fn plex_answers_xml_unless_json_is_asked_for_by_name() {
    let plex = FakePlex::start();
    plex.watch(&plex.owner_uuid(), Title::show("Harbour Nine"));
    for url in [
        format!("{}/api/v2/ping", plex.plex_tv_url()),
        format!("{}/library/sections/watchlist/all", plex.discover_url()),
    ] {
        let call = Call::new("GET", &url)
            .header("X-Plex-Token", &plex.owner_token())
            .header("X-Plex-Client-Identifier", "c")
            .header("Accept", "*/*");
        let answer = call.send();
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with("<?xml"), "{}", answer.body);
        assert!(answer.header("content-type").unwrap().contains("xml"));
    }
    let ping = get(&plex, &format!("{}/api/v2/ping", plex.plex_tv_url())).send();
    assert_eq!(ping.body, r#"{"pong":true}"#);
}

#[test]
fn pages_hold_20_by_default_and_100_at_most() {
    let plex = FakePlex::start();
    plex.fill_watchlist(&plex.owner_uuid(), 1, 130);
    let sizes = [
        ("", 20),
        ("?X-Plex-Container-Size=300", 100),
        ("?X-Plex-Container-Size=7", 7),
        ("?X-Plex-Container-Start=120", 10),
    ];
    for (query, expected) in sizes {
        let page = container(&list(&plex, query).send());
        assert_eq!(page["Metadata"].as_array().unwrap().len(), expected, "{query}");
        assert_eq!((&page["size"], &page["totalSize"]), (&expected.into(), &130.into()), "{query}");
    }
    let by_header =
        list(&plex, "").header("X-Plex-Container-Start", "100").header("X-Plex-Container-Size", "100").send();
    assert_eq!(container(&by_header)["Metadata"].as_array().unwrap().len(), 30);
}

#[test]
fn an_empty_page_has_no_metadata_key() {
    let plex = FakePlex::start();
    let check = |query: &str, total: i64| {
        let page = container(&list(&plex, query).send());
        assert!(page.get("Metadata").is_none(), "{page}");
        assert_eq!((&page["size"], &page["totalSize"]), (&0.into(), &total.into()));
    };
    check("", 0);
    plex.watch(&plex.owner_uuid(), Title::movie("Salt Ledger"));
    check("?X-Plex-Container-Start=300", 1);
}

#[test]
fn list_items_are_newest_first_and_carry_ids_only_when_asked() {
    let plex = FakePlex::start();
    let owner = plex.owner_uuid();
    let film = Title::movie("Salt Ledger").year(2025).tmdb(900_002).imdb("tt90000002");
    plex.watch(&owner, &film);
    plex.watch(&owner, Title::show("Harbour Nine").tvdb(800_001));

    let plain = container(&list(&plex, "?sort=watchlistedAt:desc").send())["Metadata"].clone();
    assert_eq!((&plain[0]["title"], &plain[1]["title"]), (&"Harbour Nine".into(), &"Salt Ledger".into()));
    assert!(plain[0]["key"].as_str().unwrap().ends_with("/children"));
    assert_eq!(plain[1]["guid"], format!("plex://movie/{}", film.rating_key()));
    for absent in ["Guid", "summary", "Genre"] {
        assert!(plain[1].get(absent).is_none(), "{absent}");
    }
    let with_ids = container(&list(&plex, "?includeGuids=1&type=1").send());
    assert_eq!(with_ids["totalSize"], 1);
    assert_eq!(
        with_ids["Metadata"][0]["Guid"],
        serde_json::json!([{"id": "imdb://tt90000002"}, {"id": "tmdb://900002"}])
    );
}

#[test]
fn an_unchanged_page_is_304_and_a_changed_one_is_not() {
    let plex = FakePlex::start();
    let owner = plex.owner_uuid();
    plex.fill_watchlist(&owner, 1, 30);
    let first = list(&plex, "").send();
    let etag = first.header("etag").unwrap().to_owned();
    let again = list(&plex, "").header("If-None-Match", &etag).send();
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(etag.as_str())));
    assert_eq!(plex.journal().last().unwrap().if_none_match.as_deref(), Some(etag.as_str()));

    // Another window of the same list has another tag.
    assert_eq!(list(&plex, "?X-Plex-Container-Size=21").header("If-None-Match", &etag).send().status, 200);
    // What goes beyond the window leaves the tag alone: conditional reads do not see it.
    let oldest = plex.watchlist(&owner).pop().unwrap();
    plex.unwatch(&owner, oldest);
    assert_eq!(list(&plex, "").header("If-None-Match", &etag).send().status, 304);
    plex.watch(&owner, Title::movie("Salt Ledger"));
    assert_eq!(list(&plex, "").header("If-None-Match", &etag).send().status, 200);
}

#[test]
fn the_metadata_host_has_no_watchlist() {
    let plex = FakePlex::start();
    let answer = get(&plex, &format!("{}/library/sections/watchlist/all", plex.metadata_url())).send();
    assert_eq!((answer.status, &answer.json()["Error"]["message"]), (404, &"Section 'watchlist' not found!".into()));
}

#[test]
fn a_bad_token_gets_discovers_own_error_shape() {
    let plex = FakePlex::start();
    plex.revoke_token();
    let answer = list(&plex, "").send();
    assert_eq!((answer.status, &answer.json()["Error"]["statusCode"]), (401, &401.into()));
    assert_eq!(plex.journal()[0].status, 401);
}

#[test]
fn ids_appear_after_the_ordered_number_of_metadata_calls() {
    let plex = FakePlex::start();
    let fresh = Title::movie("Brand New").tmdb(900_777).ids_after(2);
    plex.watch(&plex.owner_uuid(), &fresh);
    let inline = || container(&list(&plex, "?includeGuids=1").send())["Metadata"][0].get("Guid").cloned();
    let metadata = |base: String| {
        let answer = get(&plex, &format!("{base}/library/metadata/{}", fresh.rating_key())).send();
        container(&answer)["Metadata"][0]["Guid"].as_array().unwrap().len()
    };
    assert_eq!(inline(), None);
    assert_eq!(metadata(plex.discover_url()), 0);
    assert_eq!(metadata(plex.metadata_url()), 0);
    assert_eq!(metadata(plex.discover_url()), 1);
    assert_eq!(inline(), Some(serde_json::json!([{"id": "tmdb://900777"}])));
}

#[test]
fn a_title_gone_from_the_catalogue_is_404_yet_stays_on_the_list() {
    let plex = FakePlex::start();
    let gone = Title::movie("Lost Reel").missing_from_catalogue();
    plex.watch(&plex.owner_uuid(), &gone);
    let answer = get(&plex, &format!("{}/library/metadata/{}", plex.discover_url(), gone.rating_key())).send();
    assert_eq!((answer.status, &answer.json()["Error"]["error"]), (404, &"Not Found".into()));
    assert_eq!(container(&list(&plex, "").send())["size"], 1);
}

#[test]
fn feeds_are_dead_and_creating_one_needs_plex_pass() {
    let plex = FakePlex::start();
    let create = || {
        let call = get(&plex, &format!("{}/rss?format=json", plex.discover_url()));
        Call { method: "POST".to_owned(), ..call }.json_body(&serde_json::json!({"feedType": "watchlist"})).send()
    };
    let url = create().json()["RSSInfo"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(get(&plex, &url).send().status, 404);
    assert_eq!(Call::new("GET", &url).send().status, 401);
    plex.set_plex_pass(false);
    assert_eq!(create().status, 401);
}

#[test]
fn the_logical_clock_only_moves_forward() {
    let plex = FakePlex::start();
    let owner = plex.owner_uuid();
    let (first, second) = (Title::movie("One"), Title::movie("Two"));
    plex.watch(&owner, &first);
    plex.watch(&owner, &second);
    assert!(plex.watched_at_ms(&owner, &first).unwrap() < plex.watched_at_ms(&owner, &second).unwrap());
    plex.watch(&owner, &first);
    assert_eq!(plex.watchlist(&owner), [second.rating_key(), first.rating_key()], "watching twice changes nothing");
}

#[test]
fn the_households_own_server_knows_its_titles_by_guid() {
    let plex = FakePlex::start();
    let title = Title::movie("Salt Ledger");
    plex.own(&title);
    let ask = |key: &str, token: &str| {
        let url = format!("{}/library/all?guid=plex%3A%2F%2Fmovie%2F{key}", plex.server_url());
        Call::new("GET", &url).header("X-Plex-Token", token).header("Accept", "application/json").send()
    };
    let found = ask(&title.rating_key(), &plex.owner_token());
    assert_eq!(found.json()["MediaContainer"]["Metadata"][0]["guid"], format!("plex://movie/{}", title.rating_key()));
    let nothing = ask("650c77e1aa10b4001f5d2e90", &plex.owner_token()).json();
    assert!(nothing["MediaContainer"].get("Metadata").is_none());
    assert_eq!(ask(&title.rating_key(), "another").status, 401);
}

#[test]
fn a_pin_shows_only_to_the_client_that_made_it_until_it_expires() {
    let plex = FakePlex::start();
    let pins = format!("{}/api/v2/pins", plex.plex_tv_url());
    let call = |method: &str, url: &str, client: &str| {
        let call = Call::new(method, url).header("Accept", "application/json").header("X-Plex-Product", "Example");
        call.header("X-Plex-Client-Identifier", client).send()
    };
    let made = call("POST", &pins, "one");
    assert_eq!((made.status, &made.json()["expiresIn"], &made.json()["authToken"]), (201, &900.into(), &Value::Null));
    let url = format!("{pins}/{}", made.json()["id"]);
    assert_eq!(call("GET", &url, "one").json()["authToken"], Value::Null);
    assert_eq!((call("GET", &url, "two").status, call("GET", &format!("{pins}/1"), "one").status), (404, 404));
    plex.claim_pin(made.json()["code"].as_str().unwrap());
    assert_eq!(call("GET", &url, "one").json()["authToken"], plex.owner_token());
    plex.expire_pin(made.json()["code"].as_str().unwrap());
    let gone = call("GET", &url, "one");
    assert_eq!((gone.status, &gone.json()["errors"][0]["code"]), (404, &1020.into()));
}

#[test]
fn the_storage_of_feeds_refuses_a_caller_with_a_token() {
    let plex = FakePlex::start();
    let create = get(&plex, &format!("{}/rss?format=json", plex.discover_url()));
    let create = Call { method: "POST".to_owned(), ..create };
    let id =
        create.json_body(&serde_json::json!({"feedType": "watchlist"})).send().json()["RSSInfo"][0]["uuid"].clone();
    let moved = get(&plex, &format!("{}/rss/{}", plex.discover_url(), id.as_str().unwrap())).send();
    assert_eq!(moved.status, 302);
    let target = moved.header("location").unwrap();
    let plain = Call::new("GET", target).send();
    assert!(plain.status == 200 && plain.body.starts_with("<?xml"), "{plain:?}");
    assert_eq!(get(&plex, target).send().status, 403);
    assert_eq!(Call::new("GET", target.split_once('?').unwrap().0).send().status, 403, "the signature is wanted");
}
