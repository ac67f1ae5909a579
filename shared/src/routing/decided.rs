//! Which rules a stored decision is owed to. Reads of it only what tells that: a household has thousands of them.

use std::borrow::Cow;

use serde::Deserialize;

use super::Rule;
use crate::model::{Stage, Verdict};

/// What a stored [`Decision`](crate::model::Decision) says about the rules that made it.
#[derive(Debug, Deserialize)]
pub struct Decided<'a> {
    #[serde(borrow)]
    outcome: Outcome<'a>,
    #[serde(borrow)]
    trace: Trace<'a>,
}

#[derive(Debug, Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
    #[serde(borrow, default)]
    destinations: Vec<Destination<'a>>,
}

#[derive(Debug, Deserialize)]
struct Destination<'a> {
    #[serde(borrow)]
    because: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct Trace<'a> {
    #[serde(borrow)]
    steps: Vec<Step<'a>>,
}

#[derive(Debug, Deserialize)]
struct Step<'a> {
    stage: Stage,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    verdict: Verdict,
}

impl<'a> Decided<'a> {
    /// The decision as it is stored; `None` for what is none.
    #[must_use]
    pub fn read(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The names of the rules whose condition held.
    pub fn matched(&self) -> impl Iterator<Item = &str> {
        let held = |step: &&Step<'_>| step.stage == Stage::Rule && step.verdict == Verdict::Matched;
        self.trace.steps.iter().filter(held).map(|step| &*step.subject)
    }

    /// Whether it is owed to `rule`, one of those that [`matched`](Self::matched): it sends the title somewhere, keeps it out, or says
    /// something else about it and names no instance. A rule all of whose instances others have taken decides nothing, and what is kept
    /// out is decided by the one that does it.
    #[must_use]
    pub fn is_by(&self, rule: &Rule) -> bool {
        if self.outcome.outcome == "exclude" {
            return rule.exclude && self.outcome.reason == rule.excludes();
        }
        if rule.route.is_empty() {
            return !rule.exclude;
        }
        let sends = rule.sends();
        self.outcome.destinations.iter().any(|to| to.because.starts_with(&sends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AddOptions, ArrOptions, Decision, Destination, ExcludedBy, Granted, MinimumAvailability, MovieMonitor, Outcome,
        Trace, WaitsFor,
    };
    use crate::routing::{Condition, Overrides, RouteTo};

    fn rule(name: &str, to: &[&str]) -> Rule {
        let route = to.iter().map(|to| RouteTo { to: (*to).to_owned(), overrides: Overrides::default() });
        Rule { route: route.collect(), ..Rule::new(name, 0, Condition::always()) }
    }

    fn stored(outcome: Outcome, matched: &[&str]) -> String {
        let mut trace = Trace::new();
        trace.fact("genre", Some("\"Anime\"".to_owned()), "plex metadata");
        trace.step(Stage::Rule, "never", Verdict::NotMatched, "it is no anime");
        for name in matched {
            trace.step(Stage::Rule, *name, Verdict::Matched, "genre is Anime; \u{201c}quoted\u{201d}");
        }
        serde_json::to_string(&Decision { outcome, labels: Vec::new(), trace }).unwrap()
    }

    fn sent(by: &str) -> Outcome {
        let options = AddOptions {
            quality_profile: None,
            root_folder_path: None,
            tags: Vec::new(),
            search_on_add: true,
            arr: ArrOptions::Radarr {
                minimum_availability: MinimumAvailability::Released,
                monitor: MovieMonitor::MovieOnly,
            },
        };
        let because = rule(by, &[]).sends() + " Radarr `movies`";
        let destinations = vec![Destination { instance: "movies".into(), options, because }];
        Outcome::Route { destinations, granted: Granted::Room, auto_approved: None }
    }

    fn check(json: &str, expected: &[&str], rules: &[Rule]) {
        let decided = Decided::read(json).unwrap();
        let by = decided.matched().filter(|name| rules.iter().any(|rule| rule.name == *name && decided.is_by(rule)));
        let by: Vec<&str> = by.collect();
        assert_eq!(by, expected, "{json}");
    }

    #[test]
    fn a_decision_is_owed_to_the_rules_that_had_a_say_in_it() {
        let out = |name| Rule { exclude: true, ..rule(name, &[]) };
        let rules =
            [rule("first", &["movies"]), rule("late", &["movies"]), rule("asks", &[]), out("out"), rule("never", &[])];
        check(&stored(sent("first"), &["first", "late", "asks"]), &["first", "asks"], &rules);
        check(&stored(sent("somebody"), &[]), &[], &rules);
        let excluded = Outcome::Exclude { reason: out("out").excludes(), by: ExcludedBy::Rule };
        check(&stored(excluded, &["first", "out"]), &["out"], &rules);
        let held =
            Outcome::Hold { reason: "no Radarr".into(), waits_for: WaitsFor::Settings, destinations: Vec::new() };
        check(&stored(held, &["asks", "out"]), &["asks"], &rules);
        assert!(Decided::read("{}").is_none());
    }
}
