//! The list: what each rule comes to, its order, and its pages.

use super::*;

#[tokio::test]
async fn the_list_says_how_many_entries_each_rule_decides() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let none = visitor.get("/rules").await.text;
    assert!(none.contains("decides 0 entries now"), "{none}");
    let household = Household::of(&visitor.service);
    let decided = |name: &str| {
        let config = visitor.service.app.config();
        let because = format!("{} Radarr `uhd`", config.settings.rules[0].sends());
        let options = config.settings.instances[1].options.clone();
        let mut trace = Trace::new();
        trace.step(Stage::Rule, name, Verdict::Matched, "it is old");
        let destinations = vec![Destination { instance: "uhd".into(), options, because }];
        let outcome = Outcome::Route { destinations, granted: Granted::Room, auto_approved: None };
        Decision { outcome, labels: Vec::new(), trace }
    };
    household.wish(2);
    household.settle_all("run-1", &decided("old films"));
    household.wish(1);
    household.settle_all("run-2", &decided("another"));
    let two = visitor.get("/rules").await.text;
    assert!(two.contains("decides 2 entries now"), "{two}");
    household.write(|db| db.close_entry(EntryId(1), NOON));
    let one = visitor.get("/rules").await.text;
    assert!(one.contains("decides 1 entry now"), "{one}");
}

#[tokio::test]
async fn rules_of_the_file_are_shown_and_copied_and_not_changed() {
    let visitor = Visitor::set_up(SETTINGS).await;
    wish(&visitor, 2, "Salt Ledger 1");
    let list = visitor.get("/rules").await.text;
    for expected in ["old films", "declared in file", "pulsarr.yaml:7", "When year &#60; 1960: goes to uhd."] {
        assert!(list.contains(expected), "{expected} is missing in {list}");
    }
    assert!(!list.contains("value=\"off"), "{list}");
    assert!(list.contains("no default Sonarr"), "{list}");
    let tests = visitor.get("/rules/tests").await.text;
    for expected in ["Laura is old", "it goes to uhd", "expected route uhd, got movies"] {
        assert!(tests.contains(expected), "{expected} is missing in {tests}");
    }
    let page = visitor.get("/rules/old%20films").await.text;
    assert!(page.contains("<fieldset disabled>") && !page.contains("value=\"save\""), "{page}");
    let looked = visitor.post("/rules/old%20films", &[("do", "preview")]).await;
    assert!(looked.text.contains("Matches 0 of 2 entries."), "{}", looked.text);
    let refused =
        visitor.post("/rules/old%20films", &[("do", "save"), ("name", "old films"), ("exclude", "true")]).await;
    assert!(refused.status == 409 && refused.text.contains("change it there"), "{}", refused.text);
    assert_eq!(visitor.post("/rules", &[("do", "remove - old films")]).await.status, 409);
    let mut copy = Builder::open(&visitor, "/rules/new?from=old%20films").await;
    assert_eq!(copy.press("save", &[("name", "new")]).await.status, 303);
    assert_eq!(kept(&visitor)[0].1["route"], json!([{"to": "uhd"}]));
    assert!(visitor.get("/rules").await.text.contains("/rules/New\""), "it can be reached");
    assert_eq!(Builder::open(&visitor, "/rules/New").await.value("name"), ["new"]);
}

#[tokio::test]
async fn rules_are_moved_switched_and_removed_from_the_list() {
    let visitor = Visitor::set_up(SETTINGS).await;
    let make = async |name: &str| {
        let saved =
            visitor.post("/rules/new", &[("do", "save"), ("enabled", "true"), ("name", name), ("label", "x")]).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
    };
    for name in ["a", "b", "c"] {
        make(name).await;
    }
    let order = || kept(&visitor).into_iter().map(|(name, _)| name).collect::<String>();
    let state = async || {
        let list = visitor.get("/rules").await.text;
        let rest = list.split_once("name=\"state\" value=\"").unwrap().1;
        rest[..rest.find('"').unwrap()].to_owned()
    };
    let seen = state().await;
    let moved = visitor.post("/rules", &[("do", "up - c"), ("state", &seen)]).await;
    assert_eq!((moved.status, moved.header("location"), order()), (303, "/rules", "acb".to_owned()), "{}", moved.text);
    let stale = visitor.post("/rules", &[("do", "down - a"), ("state", &seen)]).await;
    assert_eq!((stale.status, order()), (412, "acb".to_owned()));
    assert!(
        stale.text.contains("The order you wanted") && stale.text.contains("<pre>c\na\nb\n</pre>"),
        "{}",
        stale.text
    );
    assert!(stale.text.contains("<pre>a\nc\nb\n</pre>"), "{}", stale.text);
    let dragged = [("state", &*state().await), ("names", "b"), ("names", "c"), ("names", "a")];
    assert_eq!(visitor.post("/rules", &dragged).await.status, 303);
    assert_eq!(order(), "bca");
    let fixed = visitor.post("/rules", &[("state", &state().await), ("names", "old films"), ("names", "a")]).await;
    assert!(fixed.status == 422 && fixed.text.contains("has its place in the settings file"), "{}", fixed.text);
    assert_eq!(order(), "bca");

    let button = async |what: &str, name: &str| {
        let list = visitor.get("/rules").await.text;
        let start = list.find(&format!("value=\"{what} ")).unwrap();
        let rest = &list[start + 7..];
        let value = rest.split('"').find(|value| value.ends_with(&format!(" {name}")) && value.starts_with(what));
        value.unwrap().to_owned()
    };
    let off = button("off", "c").await;
    assert_eq!(visitor.post("/rules", &[("do", &off)]).await.status, 303);
    assert_eq!(kept(&visitor)[1].1, json!({"name": "c", "label": "x", "enabled": false}));
    let stale = visitor.post("/rules", &[("do", &off)]).await;
    assert!(stale.status == 412 && stale.text.contains("so nothing was done"), "{}", stale.text);
    let on = button("on", "c").await;
    assert_eq!(visitor.post("/rules", &[("do", &on)]).await.status, 303);
    assert_eq!(kept(&visitor)[1].1, json!({"name": "c", "label": "x"}));
    let remove = button("remove", "c").await;
    assert_eq!(visitor.post("/rules", &[("do", &remove)]).await.status, 303);
    assert_eq!(order(), "ba");
    assert_eq!(visitor.post("/rules", &[("do", &remove)]).await.status, 404);
    assert_eq!(visitor.post_as("/rules", "guessed", &[("do", "up - a")]).await.status, 403);
    assert_eq!(order(), "ba");
}

#[tokio::test]
async fn a_long_list_has_pages_and_moves_go_across_them() {
    let visitor = Visitor::set_up(SETTINGS).await;
    for number in 10..40 {
        let name = format!("r{number}");
        let fields = [("do", "save"), ("enabled", "true"), ("name", &*name), ("label", "x")];
        assert_eq!(visitor.post("/rules/new", &fields).await.status, 303);
    }
    let first = visitor.get("/rules").await.text;
    assert!(first.contains("page 1 of 2, 31 rules") && first.contains(">r33<") && !first.contains(">r34<"), "{first}");
    let second = visitor.get("/rules?page=2").await.text;
    assert!(second.contains(">r34<") && second.contains("value=\"up - r34\"") && !second.contains(">r33<"), "{second}");
    let moved = visitor.post("/rules?page=2", &[("do", "up - r34")]).await;
    assert_eq!((moved.status, moved.header("location")), (303, "/rules?page=2"));
    let order: Vec<String> = kept(&visitor).into_iter().map(|(name, _)| name).collect();
    assert_eq!(order[23..25], ["r34", "r33"]);
    assert_eq!(visitor.get("/rules?page=x").await.status, 400);
    assert!(visitor.get("/rules?page=900").await.text.contains("page 2 of 2"));
}
