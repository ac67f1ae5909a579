//! Several rules at once: the order of those that compete decides, the order of others does not.

use super::*;
use crate::model::{ApprovalTrigger, Granted, WaitsFor};

fn always(name: &str, priority: i32) -> Rule {
    rule(name, priority, Condition::always())
}

fn profile<'a>(decision: &'a Decision, instance: &str) -> Option<&'a str> {
    let Outcome::Route { destinations, .. } = &decision.outcome else { panic!("{decision:?}") };
    destinations.iter().find(|to| to.instance == instance).unwrap().options.quality_profile.as_deref()
}

fn with_profile(mut rule: Rule, profile: &str) -> Rule {
    for route in &mut rule.route {
        route.overrides.quality_profile = Some(profile.to_owned());
    }
    rule
}

#[test]
fn per_instance_the_first_match_wins_and_different_instances_all_get_it() {
    let rules = [
        with_profile(always("first", 90).to(&["movies"]), "A"),
        with_profile(always("second", 80).to(&["movies", "4k"]), "B"),
        with_profile(always("third", 70).to(&["4k"]), "C"),
    ];
    let decision = decide(&movie(Facts::default()), &household(), &rules);
    assert_eq!(routed_to(&decision), ["4k", "movies"], "in the order of the settings");
    assert_eq!((profile(&decision, "movies"), profile(&decision, "4k")), (Some("A"), Some("B")));
}

#[test]
fn an_exclusion_beats_everything_wherever_it_stands() {
    for priority in [-5, 500] {
        let mut rules = vec![
            always("send", 90).to(&["movies"]),
            always("no", priority).excluding(),
            always("more", 10).to(&["4k"]),
        ];
        rules.sort_by_key(|rule| -rule.priority);
        let decision = decide(&movie(Facts::default()), &household(), &rules);
        assert_eq!(decision.outcome.word(), "exclude");
    }
}

#[test]
fn a_rule_that_is_unknown_does_not_match_and_neither_does_its_opposite() {
    let japanese = compare(Field::OriginalLanguage, "equals", "Japanese");
    let rules = [always_to("yes", japanese.clone()), always_to("no", not(japanese))];
    let decision = decide(&movie(Facts::default()), &household(), &rules);
    assert_eq!(routed_to(&decision), ["movies"], "the default instance");
}

fn always_to(name: &str, when: Condition) -> Rule {
    rule(name, 10, when).to(&["4k"])
}

#[test]
fn a_rule_for_the_other_type_of_title_leaves_default_routing_alone() {
    let rules = [always("shows only", 10).to(&["anime"])];
    assert_eq!(routed_to(&decide(&movie(Facts::default()), &household(), &rules)), ["movies"]);
    assert_eq!(routed_to(&decide(&show(Facts::default()), &household(), &rules)), ["anime"]);
}

#[test]
fn a_rule_that_is_switched_off_is_as_good_as_none() {
    let mut off = always("off", 10).excluding();
    off.enabled = false;
    assert_eq!(routed_to(&decide(&movie(Facts::default()), &household(), &[off])), ["movies"]);
}

#[test]
fn approval_is_for_the_whole_decision_whichever_rule_asks() {
    let rules = [always("hd", 90).to(&["movies"]), always("uhd", 10).to(&["4k"]).asking("4K is large")];
    let decision = decide(&movie(Facts::default()), &household(), &rules);
    let Outcome::Hold { waits_for, reason, .. } = &decision.outcome else { panic!("{decision:?}") };
    assert_eq!(*waits_for, WaitsFor::Approval(ApprovalTrigger::Rule));
    assert_eq!(reason, "rule `uhd` asks for approval: 4K is large");
    assert_eq!(routed_to(&decision), ["4k", "movies"], "every destination is proposed");
}

#[test]
fn a_rule_whose_instances_are_all_served_by_others_asks_for_nothing() {
    let rules = [always("first", 90).to(&["movies"]), always("late", 10).to(&["movies"]).asking("never reached")];
    let decision = decide(&movie(Facts::default()), &household(), &rules);
    assert_eq!(decision.outcome.word(), "route");
}

#[test]
fn the_higher_of_two_rules_that_speak_about_approval_decides() {
    let mut free = always("trusted", 90);
    free.auto_approve = true;
    let asks = always("ask", 50).asking("why not");
    let approved = decide(&movie(Facts::default()), &household(), &[free.clone(), asks.clone()]);
    let Outcome::Route { auto_approved, granted, .. } = &approved.outcome else { panic!("{approved:?}") };
    assert_eq!(*granted, Granted::Room);
    assert_eq!(auto_approved.as_ref().unwrap().reason, "rule `trusted` approves it without asking");
    free.priority = 10;
    assert_eq!(decide(&movie(Facts::default()), &household(), &[asks, free]).outcome.word(), "hold");
}

#[test]
fn a_users_standing_asks_and_a_rule_may_waive_it() {
    let standing = Standing { require_approval: true, ..Standing::default() };
    let by = |rules: &[Rule]| {
        decide_with(&movie(Facts::default()), &household(), rules, DefaultRouting::Instance, &standing).outcome
    };
    let Outcome::Hold { waits_for, .. } = by(&[]) else { panic!() };
    assert_eq!(waits_for, WaitsFor::Approval(ApprovalTrigger::User));
    let mut free = always("trusted", 90);
    free.auto_approve = true;
    let Outcome::Route { auto_approved, .. } = by(&[free]) else { panic!() };
    assert_eq!(auto_approved.unwrap().trigger, ApprovalTrigger::User);
}

#[test]
fn tags_and_labels_name_who_wants_it() {
    let mut tagging = always("who", 5);
    tagging.tag_requester = true;
    tagging.label = Some("for {user}".into());
    let decision = decide(&movie(Facts::default()), &household(), &[tagging]);
    let Outcome::Route { destinations, .. } = &decision.outcome else { panic!("{decision:?}") };
    assert_eq!(destinations[0].options.tags, ["user-living-room"]);
    assert_eq!(decision.labels, ["for living-room"]);
}

fn some_rules(rng: &mut fastrand::Rng) -> Vec<Rule> {
    let instances = ["4k", "movies"];
    let condition = |rng: &mut fastrand::Rng| match rng.u8(0..4) {
        0 => Condition::always(),
        1 => compare(Field::Genre, "contains", "anime"),
        2 => not(compare(Field::OriginalLanguage, "equals", "Japanese")),
        _ => compare(Field::Year, ">", &rng.u16(2015..2030).to_string()),
    };
    let count = rng.usize(0..8);
    let make = |index: usize, rng: &mut fastrand::Rng| {
        let mut rule = rule(&format!("r{index}"), 100 - i32::try_from(index).unwrap(), condition(rng));
        rule = with_profile(rule.to(&[instances[rng.usize(0..2)]]), &format!("P{index}"));
        rule.exclude = rng.u8(0..12) == 0;
        rule.enabled = rng.u8(0..6) != 0;
        if rng.u8(0..5) == 0 { rule.asking("so it is") } else { rule }
    };
    (0..count).map(|index| make(index, rng)).collect()
}

/// Rules that name different instances do not compete: they may stand in any order. The order of rules for one instance counts.
#[test]
fn the_order_of_unrelated_rules_decides_nothing() {
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..2_000 {
        let rules = some_rules(&mut rng);
        let title = movie(genres(if rng.bool() { &["Anime"] } else { &["Drama"] }));
        let before = decide(&title, &household(), &rules);
        // The rules of one instance after those of the other, each in its own order.
        let of = |name: &str| rules.iter().filter(|rule| rule.route[0].to == name).cloned().collect::<Vec<_>>();
        let (mut apart, movies) = (of("4k"), of("movies"));
        apart.extend(movies);
        let after = decide(&title, &household(), &apart);
        assert_eq!(before.outcome.word(), after.outcome.word());
        if before.outcome.word() == "route" {
            assert_eq!(before.outcome, after.outcome, "{rules:#?}");
        }
    }
}

/// The highest rule for an instance that matches is the one whose options are used, by a second way of looking for it.
#[test]
fn the_order_of_competing_rules_decides() {
    let mut rng = fastrand::Rng::with_seed(5);
    let user = user();
    for _ in 0..2_000 {
        let rules = some_rules(&mut rng);
        let title = movie(genres(&["Anime"]));
        let sheet = Sheet { title: &title, user: &user, wanted_by: Some(1), free_space: None };
        let matching: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.enabled && rule.when.judge(&sheet) == crate::routing::Truth::True)
            .collect();
        let decision = decide(&title, &household(), &rules);
        if matching.iter().any(|rule| rule.exclude) {
            assert_eq!(decision.outcome.word(), "exclude");
            continue;
        }
        let (Outcome::Route { destinations, .. } | Outcome::Hold { destinations, .. }) = &decision.outcome else {
            panic!("{decision:?}")
        };
        for to in destinations {
            let first = matching.iter().find(|rule| rule.route[0].to == to.instance);
            let expected = first.and_then(|rule| rule.route[0].overrides.quality_profile.as_deref());
            assert_eq!(to.options.quality_profile.as_deref(), expected, "{rules:#?}");
        }
        let named = |rule: &&Rule| destinations.iter().any(|to| to.instance == rule.route[0].to);
        assert!(matching.iter().all(named), "every instance that a matching rule names gets it");
    }
}

/// Whether reasons are kept makes no difference to what is decided, and every rule is in them.
#[test]
fn a_trace_mentions_every_rule_and_changes_nothing() {
    let mut rng = fastrand::Rng::with_seed(9);
    for _ in 0..500 {
        let rules = some_rules(&mut rng);
        let decision = decide(&movie(genres(&["Drama"])), &household(), &rules);
        let mentioned: Vec<&str> = decision
            .trace
            .steps
            .iter()
            .filter(|step| step.stage == crate::model::Stage::Rule)
            .map(|step| step.subject.as_str())
            .collect();
        let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(mentioned, names);
        assert!(decision.trace.steps.iter().all(|step| !step.because.is_empty()));
    }
}
