use pulsarr_shared::model::{ListedTitle, MediaType, PlexId, Relation, UserUuid};

use crate::pages::testing::Visitor;

const ANA: &str = "5be07c1d2a94f036";
const BEN: &str = "aaaaaaaaaaaaaaa2";
const CEM: &str = "aaaaaaaaaaaaaaa3";

/// Cem stands in the settings file.
const SETTINGS: &str = "users:\n  overrides:\n  - {plex: cem, sync: false, quotas: []}\n";

async fn household(settings: &str) -> Visitor {
    let visitor = Visitor::set_up(settings).await;
    for (uuid, name, relation) in
        [(ANA, "ana", Relation::Owner), (BEN, "ben", Relation::Friend), (CEM, "cem", Relation::Friend)]
    {
        call(&visitor, uuid, name, relation);
    }
    visitor
}

fn call(visitor: &Visitor, uuid: &str, name: &str, relation: Relation) {
    visitor.write(|db| db.upsert_user(&UserUuid::parse(uuid).unwrap(), name, name, relation, 1));
}

/// What is different for `user`, as the API tells it.
async fn settings(visitor: &Visitor, user: &str) -> serde_json::Value {
    visitor.api("GET", &format!("/users/{user}/settings")).await.json["settings"].clone()
}

/// The value of the hidden field `version`.
fn version(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn everybody_stands_in_the_list_and_a_filter_leaves_some_out() {
    let visitor = household(SETTINGS).await;
    let page = visitor.get("/users").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("3 people, 2 synced."), "{}", page.text);
    for user in [ANA, BEN, CEM] {
        assert!(page.text.contains(&format!("href=\"/users/{user}\"")), "{user}: {}", page.text);
    }
    assert!(!page.text.contains(&format!("value=\"{CEM}\"")), "whom the file has cannot be selected: {}", page.text);
    let left_alone = visitor.get("/users?show=declared").await.text;
    assert!(left_alone.contains(CEM) && !left_alone.contains(BEN), "{left_alone}");
    let found = visitor.get("/users?text=BE").await.text;
    assert!(found.contains(BEN) && !found.contains(CEM), "{found}");
    assert!(visitor.get("/users?text=zoe").await.text.contains("Nobody fits"));
    assert!(Visitor::set_up("").await.get("/users").await.text.contains("Nobody yet"));
}

#[tokio::test]
async fn what_is_different_is_saved_and_shown_and_quotas_are_counted() {
    let visitor = household("").await;
    let mine = format!("/users/{BEN}");
    let seen = version(&visitor.get(&mine).await.text);
    let fields = [
        ("version", seen.as_str()),
        ("alias", "Benny"),
        ("sync", ""),
        ("require_approval", "true"),
        ("bypass_quota", "false"),
        ("quotas", "own"),
        ("quota_type", "movie"),
        ("quota_limit", "5"),
        ("quota_period", "weekly"),
        ("quota_days", "7"),
        ("quota_reset_day", "1"),
        ("quota_short_month", "last_day"),
        ("quota_when_exceeded", "wait"),
    ];
    let led = visitor.post(&mine, &fields).await;
    assert_eq!((led.status, led.header("location")), (303, mine.as_str()), "{}", led.text);
    let quota = serde_json::json!({"type": "movie", "period": "weekly", "limit": 5, "when_exceeded": "wait"});
    let expected =
        serde_json::json!({"alias": "Benny", "require_approval": true, "bypass_quota": false, "quotas": [quota]});
    assert_eq!(settings(&visitor, BEN).await, expected);
    let page = visitor.get(&mine).await.text;
    assert!(page.contains("0 of 5 this week, resets Monday") && page.contains("value=\"Benny\""), "{page}");
    let taken = visitor.post(&format!("{mine}/forget"), &[("version", &version(&page))]).await;
    assert_eq!((taken.status, settings(&visitor, BEN).await), (303, serde_json::json!({})));
}

#[tokio::test]
async fn rows_come_and_go_by_buttons_that_keep_the_form_and_store_nothing() {
    let visitor = household("").await;
    let mine = format!("/users/{BEN}");
    let typed = [("alias", "<Benny>"), ("quotas", "own"), ("quota_type", "show"), ("quota_limit", "x9")];
    let added = visitor.post(&mine, &[typed.as_slice(), &[("rows", "add")]].concat()).await;
    assert_eq!(added.status, 200);
    assert!(added.text.contains("Quota 2") && added.text.contains("value=\"x9\""), "{}", added.text);
    assert!(added.text.contains("value=\"&#60;Benny&#62;\""), "{}", added.text);
    let removed = visitor.post(&mine, &[typed.as_slice(), &[("rows", "remove-0")]].concat()).await;
    assert!(!removed.text.contains("Quota 1") && removed.text.contains("&#60;Benny&#62;"), "{}", removed.text);
    assert_eq!(settings(&visitor, BEN).await, serde_json::json!({}));
}

#[tokio::test]
async fn a_mistake_is_marked_at_its_field_and_nothing_is_stored() {
    let visitor = household("").await;
    let row = |limit| {
        [
            ("alias", "Benny"),
            ("quotas", "own"),
            ("quota_type", "show"),
            ("quota_limit", limit),
            ("quota_period", "rolling"),
            ("quota_days", "7"),
            ("quota_when_exceeded", "wait"),
        ]
    };
    for limit in ["", "0", "many", "-3", "1001", "9999999999999999999"] {
        let refused = visitor.post(&format!("/users/{BEN}"), &row(limit)).await;
        assert_eq!(refused.status, 422, "{limit}: {}", refused.text);
        assert!(refused.text.contains("id=\"quota-0-limit-error\""), "{limit}: {}", refused.text);
        assert!(refused.text.contains("aria-invalid=\"true\"") && refused.text.contains("Benny"), "{limit}");
    }
    let twice: Vec<_> = row("3").into_iter().chain(row("4").into_iter().skip(2)).collect();
    let refused = visitor.post(&format!("/users/{BEN}"), &twice).await;
    assert!(refused.text.contains("id=\"quota-1-error\""), "the same time twice: {}", refused.text);
    let taken = visitor.post(&format!("/users/{BEN}"), &[("alias", "cem")]).await;
    assert_eq!(taken.status, 422, "somebody else is called like that");
    assert!(taken.text.contains("id=\"alias-error\"") && taken.text.contains("value=\"cem\""), "{}", taken.text);
    assert_eq!(settings(&visitor, BEN).await, serde_json::json!({}));
}

#[tokio::test]
async fn a_stale_edit_shows_both_versions_and_saves_neither_of_them_over_the_other() {
    let visitor = household("").await;
    let mine = format!("/users/{BEN}");
    assert_eq!(visitor.post(&mine, &[("alias", "Benny")]).await.status, 303);
    let seen = version(&visitor.get(&mine).await.text);
    assert_eq!(visitor.post(&mine, &[("version", &seen), ("alias", "Benjamin")]).await.status, 303);
    let refused = visitor.post(&mine, &[("version", &seen), ("alias", "Bee")]).await;
    assert_eq!(refused.status, 412);
    assert!(refused.text.contains("<ins>alias: Bee</ins>"), "{}", refused.text);
    assert!(refused.text.contains("<del>alias: Benjamin</del>") && refused.text.contains("value=\"Bee\""));
    assert_eq!(settings(&visitor, BEN).await["alias"], "Benjamin");
    // The page that was shown knows what is there now.
    let again = [("version", version(&refused.text)), ("alias", "Bee".to_owned())];
    let again = again.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(visitor.post(&mine, &again).await.status, 303);
    assert_eq!(settings(&visitor, BEN).await["alias"], "Bee");
}

#[tokio::test]
async fn several_are_changed_at_once_and_nobody_without_a_selection() {
    let visitor = household(SETTINGS).await;
    let seen = version(&visitor.get("/users").await.text);
    let both = [("version", seen.as_str()), ("user", ANA), ("user", BEN)];
    let led = visitor.post("/users?show=synced", &[both.as_slice(), &[("change", "sync-false")]].concat()).await;
    assert_eq!((led.status, led.header("location")), (303, "/users?show=synced"), "{}", led.text);
    for user in [ANA, BEN] {
        assert_eq!(settings(&visitor, user).await, serde_json::json!({"sync": false}));
    }
    let stale = visitor.post("/users", &[both.as_slice(), &[("change", "sync-true")]].concat()).await;
    assert_eq!(stale.status, 412);
    assert!(stale.text.contains("<ins>ben: sync: on</ins>") && stale.text.contains("<del>ben: sync: off</del>"));
    assert!(stale.text.contains(&format!("value=\"{BEN}\" data-counted aria-label=\"Select ben\" checked")));
    for (fields, why) in [
        (vec![("change", "sync-true")], "nobody is selected"),
        (vec![("user", BEN)], "say what is to be changed"),
        (vec![("user", BEN), ("change", "quotas-own")], "no quota stands below"),
    ] {
        let refused = visitor.post("/users", &fields).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains(why), "{why}: {}", refused.text);
    }
    let declared = visitor.post("/users", &[("user", BEN), ("user", CEM), ("change", "sync-true")]).await;
    assert_eq!(declared.status, 409);
    assert_eq!(settings(&visitor, BEN).await, serde_json::json!({"sync": false}), "for all of them or for none");
    let quota = [
        ("user", BEN),
        ("change", "quotas-own"),
        ("quota_type", "movie"),
        ("quota_limit", "2"),
        ("quota_period", "daily"),
        ("quota_when_exceeded", "skip"),
    ];
    assert_eq!(visitor.post("/users", &quota).await.status, 303);
    assert_eq!(settings(&visitor, BEN).await["quotas"][0]["limit"], 2);
}

#[tokio::test]
async fn what_the_settings_file_says_is_shown_and_cannot_be_changed() {
    let visitor = household(SETTINGS).await;
    let page = visitor.get(&format!("/users/{CEM}")).await.text;
    assert!(page.contains("declared in file") && page.contains("pulsarr.yaml:3"), "{page}");
    assert!(page.contains("<select id=\"sync\" name=\"sync\" aria-describedby=\"sync-error\" disabled>"), "{page}");
    let refused = visitor.post(&format!("/users/{CEM}"), &[("sync", "true")]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("pulsarr.yaml:3"), "{}", refused.text);
}

#[tokio::test]
async fn what_holds_for_everybody_is_saved_and_what_the_file_has_stays() {
    let visitor = household("users:\n  defaults: {require_approval: true}\n").await;
    let page = visitor.get("/users/defaults").await.text;
    assert!(page.contains("name=\"require_approval\" value=\"true\" checked disabled"), "{page}");
    let fields = [
        ("version", version(&page)),
        ("bypass_quota", "true".into()),
        ("quota_type", "movie".into()),
        ("quota_limit", "3".into()),
        ("quota_period", "monthly".into()),
        ("quota_reset_day", "31".into()),
        ("quota_short_month", "skip".into()),
        ("quota_when_exceeded", "approval".into()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let led = visitor.post("/users/defaults", &fields).await;
    assert_eq!(led.status, 303, "{}", led.text);
    let kept = visitor.api("GET", "/settings/users.defaults").await.json["stored"].clone();
    let quota = serde_json::json!({"type": "movie", "period": "monthly", "limit": 3, "reset_day": 31,
        "short_month": "skip", "when_exceeded": "approval"});
    assert_eq!(kept, serde_json::json!({"sync": false, "bypass_quota": true, "quotas": [quota]}));
    let stale = visitor.post("/users/defaults", &fields).await;
    assert_eq!(stale.status, 412);
    let now = version(&stale.text);
    let wrong =
        visitor.post("/users/defaults", &[("version", &now), ("quota_type", "movie"), ("quota_limit", "x")]).await;
    assert_eq!(wrong.status, 422);
    for key in ["period", "limit"] {
        assert!(wrong.text.contains(&format!("id=\"quota-0-{key}-error\"")), "{key}: {}", wrong.text);
    }
}

#[tokio::test]
async fn names_and_titles_of_others_are_text() {
    let visitor = household("").await;
    let hostile = format!("<script>alert(1)</script>\u{202e}{}", "x".repeat(10_000));
    call(&visitor, BEN, &hostile, Relation::Friend);
    visitor.write(|db| {
        let user = db.users()?.into_iter().find(|user| user.uuid.as_str() == BEN).unwrap();
        let title = db.upsert_listed_title(&ListedTitle {
            plex_id: PlexId::parse(&format!("{:024x}", 7)).unwrap(),
            media_type: MediaType::Movie,
            title: "<img src=x onerror=alert(2)>\u{1f3ac}".into(),
            year: Some(2025),
            ids: None,
            poster_url: None,
        })?;
        db.open_entry(user.id, title, 5)
    });
    for path in ["/users".to_owned(), format!("/users/{BEN}")] {
        let page = visitor.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("&#60;script&#62;alert(1)"), "{path}");
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{path}");
    }
    let page = visitor.get(&format!("/users/{BEN}")).await.text;
    let heading = page.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0;
    assert!(!heading.contains('\u{202e}') && heading.len() < 300, "{heading}");
    assert!(page.contains(&format!("href=\"/watchlist?user={BEN}\"")), "{page}");
}

#[tokio::test]
async fn whoever_may_not_is_kept_out() {
    let visitor = household("").await;
    for path in ["/users", "/users/defaults", &format!("/users/{BEN}"), &format!("/users/{BEN}/forget")] {
        assert_eq!(visitor.post_as(path, "guessed", &[("alias", "x")]).await.status, 403, "{path}");
    }
    assert_eq!(settings(&visitor, BEN).await, serde_json::json!({}));
    assert_eq!(visitor.get("/users/nobody-at-all").await.status, 404);
    assert_eq!(visitor.post("/users/nobody-at-all", &[]).await.status, 404);
    let visitor = visitor.signed_out();
    assert_eq!(visitor.get("/users?show=synced").await.header("location"), "/login?next=/users%3Fshow%3Dsynced");
}
