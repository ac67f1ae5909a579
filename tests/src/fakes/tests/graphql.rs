//! Friends and their watchlists.

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::fakes::{FakePlex, Title};

const FRIENDS: &str = "query Friends { allFriendsV2 { user { id username displayName avatar } createdAt } }";
const CURRENT: &str = "query FriendWatchlist($user: UserInput!, $first: PaginationInt!, $after: String) {
    userV2(user: $user) { ... on User { watchlist(first: $first, after: $after) {
      nodes { id title type } pageInfo { hasNextPage endCursor } } } } }";
const OLDER: &str = "query Old($uuid: ID = \"\", $first: PaginationInt!, $after: String) {
    user(id: $uuid) { watchlist(first: $first, after: $after) { nodes { id title type } pageInfo { hasNextPage endCursor } } } }";

fn ask(plex: &FakePlex, query: &str, variables: Value) -> Answer {
    Call::new("POST", &format!("{}/api", plex.community_url()))
        .header("X-Plex-Token", &plex.owner_token())
        .json_body(&json!({ "query": query, "variables": variables }))
        .send()
}

fn page(plex: &FakePlex, uuid: &str, first: i64, after: Option<&str>) -> Answer {
    ask(plex, CURRENT, json!({ "user": { "id": uuid }, "first": first, "after": after }))
}

#[test]
fn friends_are_listed_by_uuid_with_two_names() {
    let plex = FakePlex::start();
    assert_eq!(ask(&plex, FRIENDS, json!({})).json(), json!({ "data": { "allFriendsV2": [] } }));
    let uuid = plex.add_friend("tomas.r");
    plex.add_friend("zoe");
    let friends = ask(&plex, FRIENDS, json!({})).json()["data"]["allFriendsV2"].clone();
    assert_eq!(friends.as_array().unwrap().len(), 2);
    assert_eq!((&friends[0]["user"]["id"], &friends[0]["user"]["username"]), (&json!(uuid), &json!("tomas.r")));
    assert_ne!(friends[0]["user"]["username"], friends[0]["user"]["displayName"]);
    plex.rename_friend(&uuid, "tomas.new");
    let renamed = ask(&plex, FRIENDS, json!({})).json()["data"]["allFriendsV2"][0]["user"].clone();
    assert_eq!((&renamed["id"], &renamed["username"]), (&json!(uuid), &json!("tomas.new")));
    plex.remove_friend(&uuid);
    assert_eq!(ask(&plex, FRIENDS, json!({})).json()["data"]["allFriendsV2"].as_array().unwrap().len(), 1);
}

#[test]
fn both_query_forms_read_the_same_list_in_upper_case_types() {
    let plex = FakePlex::start();
    let uuid = plex.add_friend("tomas.r");
    plex.watch(&uuid, Title::show("Harbour Nine"));
    let film = Title::movie("Salt Ledger");
    plex.watch(&uuid, &film);
    let current = page(&plex, &uuid, 100, None).json()["data"]["userV2"]["watchlist"].clone();
    let older = ask(&plex, OLDER, json!({ "uuid": uuid, "first": 100 })).json()["data"]["user"]["watchlist"].clone();
    assert_eq!(current, older);
    assert_eq!(current["nodes"][0], json!({ "id": film.rating_key(), "title": "Salt Ledger", "type": "MOVIE" }));
    assert_eq!(current["nodes"][1]["type"], "SHOW");
}

#[test]
fn pages_are_at_most_100_and_follow_an_opaque_cursor() {
    let plex = FakePlex::start();
    let uuid = plex.add_friend("tomas.r");
    plex.fill_watchlist(&uuid, 1, 230);
    let (mut ids, mut after, mut sizes) = (Vec::new(), None::<String>, Vec::new());
    loop {
        let list = page(&plex, &uuid, 500, after.as_deref()).json()["data"]["userV2"]["watchlist"].clone();
        let nodes = list["nodes"].as_array().unwrap();
        sizes.push(nodes.len());
        ids.extend(nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        if list["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = Some(list["pageInfo"]["endCursor"].as_str().unwrap().to_owned());
    }
    assert_eq!(sizes, [100, 100, 30]);
    assert_eq!(ids, plex.watchlist(&uuid));
}

#[test]
fn an_empty_list_has_a_null_cursor() {
    let plex = FakePlex::start();
    let uuid = plex.add_friend("tomas.r");
    let list = page(&plex, &uuid, 100, None).json()["data"]["userV2"]["watchlist"].clone();
    assert_eq!(list, json!({ "nodes": [], "pageInfo": { "hasNextPage": false, "endCursor": null } }));
}

#[test]
fn unreadable_lists_are_user_not_found_with_200() {
    let plex = FakePlex::start();
    let (private, former) = (plex.add_friend("tomas.r"), plex.add_friend("zoe"));
    plex.set_private(&private, true);
    plex.remove_friend(&former);
    for uuid in [private.as_str(), former.as_str(), "00000000deadbeef"] {
        let answer = page(&plex, uuid, 100, None);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["errors"][0]["message"], format!("User not found: {uuid}"));
        assert_eq!(answer.json()["data"]["userV2"], Value::Null);
    }
    plex.set_private(&private, false);
    assert!(page(&plex, &private, 100, None).json().get("errors").is_none());
    // One's own list is readable however private.
    plex.set_private(&plex.owner_uuid(), true);
    assert!(page(&plex, &plex.owner_uuid(), 100, None).json().get("errors").is_none());
}

#[test]
fn what_the_schema_lacks_is_400_for_the_whole_query() {
    let plex = FakePlex::start();
    let uuid = plex.add_friend("tomas.r");
    let variables = json!({ "user": { "id": uuid }, "first": 1 });
    let wrong = [
        CURRENT.replace("title type", "title type tmdbId"),
        CURRENT.replace("hasNextPage", "totalCount"),
        CURRENT.replace("... on User {", "").replacen('}', "", 1),
        "query { __schema { types { name } } }".to_owned(),
        "query { allFriendsV2 }".to_owned(),
        "query { allFriendsV2 { user { id }".to_owned(),
    ];
    for query in wrong {
        let answer = ask(&plex, &query, variables.clone());
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["errors"][0]["message"].is_string());
    }
    assert_eq!(ask(&plex, CURRENT, json!({ "user": { "id": uuid } })).status, 400, "`first` is required");
    let only_ids = CURRENT.replace("id title type", "id");
    plex.watch(&uuid, Title::movie("Salt Ledger"));
    let list = ask(&plex, &only_ids, variables).json()["data"]["userV2"]["watchlist"]["nodes"][0].clone();
    assert_eq!(list.as_object().unwrap().len(), 1);
}

#[test]
fn replies_have_an_etag_that_is_never_honoured() {
    let plex = FakePlex::start();
    let answer = ask(&plex, FRIENDS, json!({}));
    let etag = answer.header("etag").unwrap().to_owned();
    let again = Call::new("POST", &format!("{}/api", plex.community_url()))
        .header("X-Plex-Token", &plex.owner_token())
        .header("If-None-Match", &etag)
        .json_body(&json!({ "query": FRIENDS }))
        .send();
    assert_eq!((again.status, again.header("etag")), (200, Some(etag.as_str())));
}

#[test]
fn a_dead_token_is_401_here_too() {
    let plex = FakePlex::start();
    plex.revoke_token();
    assert_eq!(ask(&plex, FRIENDS, json!({})).status, 401);
}
