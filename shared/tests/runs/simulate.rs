//! What-if: what it foretells is what a run then does, and looking changes nothing.

use std::collections::BTreeMap;

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{MediaType, Outcome, Period, Quota, WhenExceeded};
use pulsarr_shared::routing::{Comparison, Condition, Field, Operator, Overrides, RouteTo, Rule, Written};
use pulsarr_shared::simulate::{self, Filter, Outlook, SimulateError, What, WhatIf};
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::SETTINGS;

use crate::world::{Story, harbour_nine, salt_ledger};

/// Settings without any default, and with a second Radarr (at the address of the first).
fn without_defaults() -> String {
    with_two_radarrs().replace("    default: true\n", "")
}

fn with_two_radarrs() -> String {
    format!(
        "{SETTINGS}  - name: old-movies\n    kind: radarr\n    url: ${{RADARR_URL}}\n    api_key: ${{RADARR_API_KEY}}\n"
    )
}

fn is(field: Field, operator: Operator, value: &str) -> Condition {
    Condition::Compare(Comparison::new(field, operator, &Written::One(value.into())).unwrap())
}

/// Old movies elsewhere, very old ones nowhere, and a question about everything that one friend wants.
fn rules() -> Vec<Rule> {
    let to = |name: &str| RouteTo { to: name.into(), overrides: Overrides::default() };
    vec![
        Rule { exclude: true, ..Rule::new("too old", 300, is(Field::Year, Operator::Less, "1950")) },
        Rule {
            require_approval: Some("ask his mother".into()),
            ..Rule::new("ask", 200, is(Field::User, Operator::Equals, "tomas.r"))
        },
        Rule { route: vec![to("old-movies")], ..Rule::new("old", 100, is(Field::Year, Operator::Less, "2000")) },
    ]
}

fn everything(story: &Story) -> WhatIf {
    simulate::everything(&story.config(), &*story.clock, &Filter::default()).unwrap()
}

fn one<'a>(what_if: &'a WhatIf, title: &str, user: &str) -> &'a Outlook {
    let found = what_if.entries.iter().find(|entry| entry.title.starts_with(title) && entry.user == user);
    found.unwrap_or_else(|| panic!("no {title} of {user} in {what_if:#?}"))
}

/// What was last decided about each wish.
fn decided(story: &Story) -> BTreeMap<(String, String), Outcome> {
    let store = story.store();
    let db = store.read();
    let users = db.users().unwrap();
    let entries = db.find_entries("").unwrap().into_iter();
    entries
        .map(|entry| {
            let user = users.iter().find(|user| user.id == entry.user).unwrap().username.clone();
            ((entry.title.label(), user), db.last_decision(entry.id).unwrap().unwrap().outcome)
        })
        .collect()
}

fn foretold(what_if: &WhatIf) -> BTreeMap<(String, String), Outcome> {
    let entries = what_if.entries.iter();
    entries.map(|entry| ((entry.title.clone(), entry.user.clone()), entry.decision.outcome.clone())).collect()
}

/// Everything waits, because nothing is a default; now there are defaults and rules.
async fn with_new_rules() -> Story {
    let mut story = Story::new();
    let tomas = story.plex.add_friend("tomas.r");
    story.write_settings(&without_defaults());
    for (n, year) in (0..).zip([1931, 1949, 1950, 1999, 2000, 2024]) {
        let title = Title::movie(&format!("Film of {year}")).year(year).tmdb(910_000 + n);
        story.plex.watch(&story.plex.owner_uuid(), title);
    }
    story.owner_wants(harbour_nine());
    // A friend's list tells neither ids nor years, but these two are on the owner's as well.
    story.plex.watch(&tomas, Title::movie("Film of 1999").year(1999).tmdb(910_003));
    story.plex.watch(&tomas, harbour_nine());
    assert_eq!(story.sync().await.decisions.held, 9);
    story.write_settings(&with_two_radarrs());
    story.adjust = Box::new(|config: &mut Config| config.settings.rules = rules());
    story
}

#[tokio::test]
async fn what_is_foretold_is_what_the_next_run_decides() {
    let story = with_new_rules().await;
    let what_if = everything(&story);
    assert_eq!((what_if.totals.entries, what_if.totals.changed), (9, 9));
    assert_eq!(
        what_if.totals.instances,
        BTreeMap::from([("movies".into(), 2), ("old-movies".into(), 2), ("shows".into(), 1)])
    );
    assert_eq!(what_if.totals.places, BTreeMap::from([("approval", 2), ("exclude", 2), ("route", 5)]));
    assert_eq!(one(&what_if, "Film of 1999", "tomas.r").then.to, ["old-movies"]);
    story.sync().await;
    assert_eq!(decided(&story), foretold(&what_if));
}

#[tokio::test]
async fn looking_changes_nothing_and_asks_nobody() {
    let story = with_new_rules().await;
    story.clear_journals();
    let before = std::fs::read(story.database()).unwrap();
    let first = everything(&story);
    let second = everything(&story);
    assert_eq!(foretold(&first), foretold(&second));
    assert!(std::fs::read(story.database()).unwrap() == before);
    assert_eq!((story.plex.requests_to(""), story.arr_requests()), (0, 0));
}

#[tokio::test]
async fn what_was_acted_on_is_told_with_the_place_the_rules_would_give_it_and_stays() {
    let mut story = Story::new();
    story.write_settings(&with_two_radarrs());
    story.owner_wants(salt_ledger());
    story.owner_wants(Title::movie("The Loud Duke").year(1971).tmdb(900_066));
    story.sync().await;
    let before = decided(&story);
    story.adjust = Box::new(|config: &mut Config| config.settings.rules = rules());
    let what_if = everything(&story);
    let old = one(&what_if, "The Loud Duke", "mirela_q");
    assert!(old.settled && old.changed);
    assert_eq!((old.today.as_ref().unwrap().in_short(), old.then.in_short()), ("movies".into(), "old-movies".into()));
    let new = one(&what_if, "Salt Ledger", "mirela_q");
    assert!(new.settled && !new.changed);
    story.sync().await;
    assert_eq!(decided(&story), before);
}

#[tokio::test]
async fn one_user_or_one_title_is_picked_from_the_same_foresight() {
    let story = with_new_rules().await;
    let of = |user: Option<&str>, title: Option<&str>| {
        let filter = Filter { user: user.map(str::to_owned), title: title.map(str::to_owned) };
        let what_if = simulate::everything(&story.config(), &*story.clock, &filter)?;
        Ok::<_, SimulateError>(what_if.entries.into_iter().map(|entry| (entry.title, entry.user)).collect::<Vec<_>>())
    };
    let both = [("Film of 1999 (1999)", "tomas.r"), ("Harbour Nine (2024)", "tomas.r")];
    assert_eq!(of(Some("Tomas.R"), None).unwrap(), both.map(|(title, user)| (title.to_owned(), user.to_owned())));
    assert_eq!(of(None, Some("harbour")).unwrap().len(), 2);
    assert_eq!(of(None, Some("nothing like it")).unwrap(), []);
    let error = of(Some("nobody"), None).unwrap_err();
    assert_eq!(error.to_string(), "find a watchlist of `nobody`; known are: mirela_q, tomas.r");
}

#[tokio::test]
async fn facts_that_nobody_has_told_are_counted_with_who_would_be_asked() {
    let mut story = Story::new();
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    story.sync().await;
    story.adjust = Box::new(|config: &mut Config| {
        let rule = |name: &str, when| Rule { exclude: true, ..Rule::new(name, 1, when) };
        config.settings.rules = vec![
            rule("streamed", is(Field::StreamingService, Operator::Contains, "Netflix")),
            rule("ended", is(Field::SeriesStatus, Operator::Equals, "ended")),
        ];
    });
    let what_if = everything(&story);
    let told: Vec<_> = what_if.totals.missing.iter().map(|it| (it.missing.in_words(), it.titles)).collect();
    let expected = [
        ("streaming_service, from tmdb, which needs `tmdb.api_key`".to_owned(), 2),
        ("series_status, from arr lookup".to_owned(), 1),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn places_in_a_quota_are_taken_one_after_the_other() {
    let mut story = Story::new();
    story.write_settings(&without_defaults());
    for n in 0..3 {
        story.owner_wants(Title::movie(&format!("Film {n}")).year(2020).tmdb(910_000 + n));
    }
    story.sync().await;
    story.write_settings(SETTINGS);
    story.adjust = Box::new(|config: &mut Config| {
        config.settings.users.default_standing.quotas = vec![Quota {
            media_type: MediaType::Movie,
            period: Period::Daily,
            limit: 2,
            when_exceeded: WhenExceeded::Wait,
        }];
    });
    let what_if = everything(&story);
    let places: Vec<What> = what_if.entries.iter().map(|entry| entry.then.what).collect();
    assert_eq!(places, [What::Route, What::Route, What::Quota]);
    story.sync().await;
    assert_eq!(decided(&story), foretold(&what_if));
}
