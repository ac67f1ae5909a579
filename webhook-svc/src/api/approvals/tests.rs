use pulsarr_shared::model::{ListedTitle, MediaType, PlexId, Relation, UserUuid};

use super::super::household::{Household, SETTINGS};
use super::*;

#[tokio::test]
async fn several_are_decided_at_once_by_whoever_asks() {
    let household = Household::new(SETTINGS);
    household.wish(3);
    household.hold_all("run-1");
    let body = r#"{"ids": [1, 3], "verdict": "approve", "note": "fine"}"#;
    let decided = household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap();
    assert_eq!(decided["approvals"][1]["id"], 3);
    assert_eq!(decided["approvals"][1]["decided_by"], "ana");
    let pending = household.get(ENDPOINTS, "/approvals", "state=pending").await.unwrap();
    assert_eq!((pending["approvals"].as_array().unwrap().len(), &pending["approvals"][0]["id"]), (1, &2.into()));
    let story = household.get_one(ENDPOINTS, "/approvals/{id}", "3").await.unwrap();
    let events: Vec<_> = story["events"].as_array().unwrap().iter().map(|event| &event["what"]).collect();
    assert_eq!(events, ["asked", "approved"]);
}

#[tokio::test]
async fn nothing_is_decided_when_one_of_them_cannot_be_and_each_of_those_is_named() {
    let household = Household::new(SETTINGS);
    household.wish(2);
    household.hold_all("run-1");
    let refused = |body: &'static str| {
        let household = &household;
        async move { household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap_err() }
    };
    let error = refused(r#"{"ids": [1, 8, 9], "verdict": "reject"}"#).await;
    let text = format!("{error:?}");
    assert!(error.status() == 409 && text.contains("request 8") && text.contains("request 9"), "{text}");
    let error = refused(r#"{"ids": [1, 2], "verdict": "approve", "to": ["nowhere"]}"#).await;
    let text = format!("{error:?}");
    assert!(error.status() == 422 && text.contains("request 1") && text.contains("request 2"), "{text}");
    assert_eq!(refused(r#"{"ids": [], "verdict": "approve"}"#).await.status(), 400);
    assert_eq!(household.db().pending_approvals().unwrap(), 2);
}

#[tokio::test]
async fn a_note_has_at_most_a_thousand_characters() {
    let household = Household::new(SETTINGS);
    household.wish(1);
    household.hold_all("run-1");
    let decide = async |length: usize| {
        let body = json!({"ids": [1], "verdict": "reject", "note": "ä".repeat(length)});
        household.send(Method::POST, "/approvals/decide", None, &body).await
    };
    let refused = decide(1_001).await;
    assert_eq!((refused.status, &refused.json["error"]["problems"][0]["path"]), (422, &json!("note")));
    assert_eq!(household.db().pending_approvals().unwrap(), 1);
    assert_eq!(decide(1_000).await.status, 200);
}

#[tokio::test]
async fn requests_come_page_by_page_without_repeats_and_gaps() {
    let household = Household::new(SETTINGS);
    household.wish(5);
    household.hold_all("run-1");
    let (mut seen, mut after) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = household.get(ENDPOINTS, "/approvals", &format!("limit=2{after}")).await.unwrap();
        seen.extend(page["approvals"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()));
        after = page["next"].as_i64().map(|next| format!("&after={next}")).unwrap_or_default();
    }
    assert_eq!((seen, after.as_str()), (vec![1, 2, 3, 4, 5], ""));
    assert_eq!(household.get(ENDPOINTS, "/approvals", "limit=501").await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn a_note_and_the_changes_have_to_fit() {
    let household = Household::new(SETTINGS);
    household.wish(1);
    household.hold_all("run-1");
    let long = format!(r#"{{"ids": [1], "verdict": "reject", "note": "{}"}}"#, "ä".repeat(1_001));
    let error = household.post(ENDPOINTS, "/approvals/decide", "", &long).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.problems()[0].path.as_str()), (422, "note"));
    let body = r#"{"ids": [1], "verdict": "reject", "quality_profile": "HD"}"#;
    assert_eq!(household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap_err().status(), 400);
    let body = r#"{"ids": [1], "verdict": "approve", "quality_profile": "HD", "tags": ["By-Hand"]}"#;
    let decided = household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap();
    let options = &decided["approvals"][0]["edited"][0]["options"];
    assert_eq!((&options["quality_profile"], &options["tags"]), (&"HD".into(), &json!(["by-hand"])));
}

#[tokio::test]
async fn what_was_not_seen_is_not_approved() {
    let household = Household::new(SETTINGS);
    household.wish(2);
    household.hold_all("run-1");
    let seen = household.get(ENDPOINTS, "/approvals", "").await.unwrap()["approvals"].clone();
    household.hold_all_for("run-2", &["uhd"]);
    let decide = async |verdict: &str, versions: &serde_json::Value| {
        let body = json!({"ids": [1, 2], "verdict": verdict, "versions": versions});
        household.send(Method::POST, "/approvals/decide", None, &body).await
    };
    let versions = json!({"1": seen[0]["version"], "2": seen[1]["version"]});
    let late = decide("approve", &versions).await;
    assert!(late.status == 409 && late.json.to_string().contains("for request 1 since"), "{}", late.json);
    assert_eq!(household.db().pending_approvals().unwrap(), 2);
    let now = household.get(ENDPOINTS, "/approvals", "").await.unwrap()["approvals"].clone();
    assert_eq!(now[0]["proposed"][0]["instance"], "uhd");
    assert_eq!(decide("approve", &json!({"1": now[0]["version"]})).await.status, 200);
    assert_eq!(household.db().pending_approvals().unwrap(), 0);

    household.wish(1);
    household.hold_all("run-3");
    let others = json!({"ids": [3], "verdict": "approve", "versions": {"1": "of no request that is meant"}});
    let approved = household.send(Method::POST, "/approvals/decide", None, &others).await;
    assert_eq!(approved.status, 200, "{}", approved.json);
    household.wish(1);
    household.hold_all("run-4");
    let rejected = json!({"ids": [4], "verdict": "reject", "versions": {"4": "another"}});
    let rejected = household.send(Method::POST, "/approvals/decide", None, &rejected).await;
    assert_eq!(rejected.status, 200, "a no is about the title, wherever it would go");
}

#[tokio::test]
async fn one_that_follows_goes_where_the_other_goes_whatever_was_seen_of_it() {
    let household = Household::new(SETTINGS);
    household.wish(1);
    household.hold_all("run-1");
    household.write(|db| {
        let uuid = UserUuid::parse("6be07c1d2a94f037").unwrap();
        let user = db.upsert_user(&uuid, "mirela", "Mirela", Relation::Friend, 1)?;
        let title = db.upsert_listed_title(&ListedTitle {
            plex_id: PlexId::parse(&format!("{:024x}", 1)).unwrap(),
            media_type: MediaType::Movie,
            title: "Salt Ledger 1".to_owned(),
            year: Some(2025),
            ids: None,
            poster_url: None,
        })?;
        db.open_entry(user, title, 1)
    });
    household.hold_all("run-2");
    let seen = household.get(ENDPOINTS, "/approvals", "").await.unwrap()["approvals"].clone();
    assert_eq!(seen[1]["follows"], 1, "{seen}");
    let decide = async |leader: &serde_json::Value| {
        let body = json!({"ids": [2, 1], "verdict": "approve", "versions": {"1": leader, "2": "another"}});
        household.send(Method::POST, "/approvals/decide", None, &body).await
    };
    assert_eq!(decide(&json!("another")).await.status, 409);
    assert_eq!(household.db().pending_approvals().unwrap(), 2);
    assert_eq!(decide(&seen[0]["version"]).await.status, 200);
    assert_eq!(household.db().pending_approvals().unwrap(), 0);
}

#[tokio::test]
async fn an_approval_may_name_other_instances() {
    let household = Household::new(SETTINGS);
    household.wish(1);
    household.hold_all("run-1");
    let body = r#"{"ids": [1], "verdict": "approve", "to": ["uhd"]}"#;
    let decided = household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap();
    assert_eq!(decided["approvals"][0]["edited"][0]["instance"], "uhd");
}
