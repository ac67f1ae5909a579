//! Rule tests: a described title, decided by the rules alone. Quotas and people's standing have no say in it.

use crate::model::{ArrOptions, Decision, Destination, ExcludedBy, Outcome, Stage, Standing, Verdict, WaitsFor};
use crate::plan::{self, Question};

use super::policy::{Disks, Policy};
use super::rule::{Described, Expectation, RuleTest};

/// How an empty option is told.
const NOTHING: &str = "none";

/// What became of a rule test: `Ok` with a sentence when it came out as expected.
///
/// # Errors
/// What came out instead, and below it, a line each, what every rule said.
pub fn outcome_of_test(test: &RuleTest, policy: &Policy<'_>) -> Result<String, String> {
    let decision = decide(&test.given, policy);
    let mismatches = mismatches(&test.expect, &decision);
    if mismatches.is_empty() {
        return Ok(in_words(&decision.outcome));
    }
    let mut text = format!("{}; {}", mismatches.join("; "), in_words(&decision.outcome));
    let told = |stage| matches!(stage, Stage::Rule | Stage::DefaultRouting);
    for step in decision.trace.steps.iter().filter(|step| told(step.stage)) {
        let subject = match step.stage {
            Stage::Rule => format!("rule `{}`", step.subject),
            _ => "by default".to_owned(),
        };
        let verdict = match step.verdict {
            Verdict::Matched => "matched",
            Verdict::NotMatched => "did not match",
            Verdict::Unknown => "could not tell",
            Verdict::NotAsked => "not asked",
        };
        text.push_str(&format!("\n{subject}: {verdict}: {}", step.because));
    }
    Err(text)
}

/// What the rules do with a described title, as a test would expect it, in the words of the settings file:
/// `{"route": ["anime"], "approval": false, "options": {"anime": {"series_type": "anime", ..}}}`. Whatever a later change makes of it
/// otherwise, the test fails: so it says too that nobody is asked, and every option, also those that are the instance's own.
#[must_use]
pub fn expected_by_rules(given: &Described, policy: &Policy<'_>) -> serde_json::Value {
    let outcome = decide(given, policy).outcome;
    if is_excluded(&outcome) {
        return serde_json::json!({"exclude": true});
    }
    let destinations = destinations(&outcome);
    let route: Vec<&str> = destinations.iter().map(|to| to.instance.as_str()).collect();
    let mut expected = serde_json::json!({"route": route, "approval": is_asked_about(&outcome)});
    if destinations.is_empty() {
        expected["exclude"] = false.into();
    } else {
        expected["options"] = destinations.iter().map(|to| (to.instance.clone(), all_options(to))).collect();
    }
    expected
}

/// Every option of a destination by its key in the settings file; those that it leaves to the arr as [`NOTHING`].
fn all_options(to: &Destination) -> serde_json::Value {
    let mut options = serde_json::to_value(&to.options).unwrap_or_default();
    if let serde_json::Value::Object(options) = &mut options {
        options.remove("kind");
        let left_out = ["quality_profile", "root_folder_path"];
        let seasons = matches!(to.options.arr, ArrOptions::Sonarr { .. }).then_some("seasons");
        for key in left_out.into_iter().chain(seasons) {
            options.entry(key).or_insert_with(|| NOTHING.into());
        }
    }
    options
}

fn is_excluded(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Exclude { by: ExcludedBy::Rule, .. })
}

fn is_asked_about(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Hold { waits_for: WaitsFor::Approval(_), .. })
}

fn decide(given: &Described, policy: &Policy<'_>) -> Decision {
    let question = Question {
        sheet: given.sheet(),
        disks: &Disks::all(given.free_space),
        standing: &Standing::default(),
        approval: None,
        asked_by: None,
        place: None,
        uses: &[],
        now_ms: 0,
    };
    plan::decide(&question, policy)
}

fn mismatches(expect: &Expectation, decision: &Decision) -> Vec<String> {
    let outcome = &decision.outcome;
    let destinations = destinations(outcome);
    let mut mismatches = Vec::new();
    let listed = |names: &[&str]| if names.is_empty() { "nowhere".to_owned() } else { names.join(", ") };
    if let Some(expected) = &expect.route {
        let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        expected.sort_unstable();
        expected.dedup();
        let mut found: Vec<&str> = destinations.iter().map(|to| to.instance.as_str()).collect();
        found.sort_unstable();
        if expected != found {
            mismatches.push(format!("expected route {}, got {}", listed(&expected), listed(&found)));
        }
    }
    let excluded = is_excluded(outcome);
    if expect.exclude.is_some_and(|expected| expected != excluded) {
        mismatches.push(
            if excluded { "expected no exclusion, got one" } else { "expected an exclusion, got none" }.to_owned(),
        );
    }
    let asked = is_asked_about(outcome);
    if expect.approval.is_some_and(|expected| expected != asked) {
        mismatches.push(
            if asked { "expected that nobody is asked" } else { "expected that approval is asked for" }.to_owned(),
        );
    }
    for (instance, key, expected) in &expect.options {
        let expected = if expected.is_empty() { NOTHING } else { expected };
        match destinations.iter().find(|to| to.instance == *instance) {
            None => mismatches.push(format!("expected {instance} with {key} {expected}, and it does not go there")),
            Some(to) => {
                let found = option_in_words(to, key);
                if !same(&found, expected) {
                    mismatches.push(format!("expected {instance} with {key} {expected}, got {found}"));
                }
            }
        }
    }
    mismatches
}

/// Where it goes, or would go once somebody says yes.
fn destinations(outcome: &Outcome) -> &[Destination] {
    match outcome {
        Outcome::Route { destinations, .. } | Outcome::Hold { destinations, .. } => destinations,
        Outcome::Exclude { .. } | Outcome::Unresolvable { .. } => &[],
    }
}

/// One option by its key in the settings file; lists with commas.
fn option_in_words(to: &Destination, key: &str) -> String {
    use serde_json::Value;
    fn words(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
            Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
            Value::Null => NOTHING.to_owned(),
            other => other.to_string(),
        }
    }
    let options = serde_json::to_value(&to.options).unwrap_or_default();
    words(options.get(key).unwrap_or(&Value::Null))
}

/// The same options; lists in any order.
fn same(found: &str, expected: &str) -> bool {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split(", ").map(str::to_owned).collect();
        parts.sort_unstable();
        parts
    };
    found == expected || parts(found) == parts(expected)
}

fn in_words(outcome: &Outcome) -> String {
    let names = |destinations: &[Destination]| {
        destinations.iter().map(|to| to.instance.as_str()).collect::<Vec<_>>().join(", ")
    };
    match outcome {
        Outcome::Route { destinations, .. } => format!("it goes to {}", names(destinations)),
        Outcome::Hold { reason, destinations, .. } if destinations.is_empty() => format!("it waits: {reason}"),
        Outcome::Hold { reason, destinations, .. } => format!("it waits, for {}: {reason}", names(destinations)),
        Outcome::Exclude { reason, .. } => format!("it goes nowhere: {reason}"),
        Outcome::Unresolvable { reason } => format!("it cannot be told apart: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use secrecy::SecretString;

    use super::*;
    use crate::model::{
        AddOptions, ApprovalSettings, ArrOptions, ExternalIds, Facts, Instance, KnownFacts, MediaType, MonitorNewItems,
        PlexId, Relation, SeriesMonitor, SeriesTypeChoice, Title, TvdbId, User, UserId, UserUuid,
    };
    use crate::routing::{
        ArrOverrides, Available, Comparison, Condition, DefaultRouting, Field, Operator, Overrides, RouteTo, Rule,
        Written,
    };

    fn sonarr(name: &str, default: bool) -> Instance {
        let arr = ArrOptions::Sonarr {
            monitor: SeriesMonitor::All,
            monitor_new_items: MonitorNewItems::All,
            series_type: SeriesTypeChoice::Standard,
            season_folder: true,
            seasons: vec![1, 2],
        };
        Instance {
            name: name.into(),
            url: "http://s".into(),
            api_key: SecretString::from("k"),
            default,
            copy_of: None,
            respect_exclusions: true,
            options: AddOptions {
                quality_profile: None,
                root_folder_path: None,
                tags: vec!["a".into(), "b".into()],
                search_on_add: true,
                arr,
            },
        }
    }

    fn is(field: Field, operator: Operator, written: &str) -> Condition {
        Condition::Compare(Comparison::new(field, operator, &Written::One(written.into())).unwrap())
    }

    fn rule(name: &str, when: Condition, act: impl FnOnce(&mut Rule)) -> Rule {
        let mut rule = Rule::new(name, 0, when);
        act(&mut rule);
        rule
    }

    /// What became of an anime for somebody, on a disk with 500 GB, under these rules.
    fn outcome(rules: &[Rule], default_routing: DefaultRouting, expect: Expectation) -> Result<String, String> {
        let facts = Facts { genres: Some(vec!["Anime".into()]), ..Facts::default() };
        let test = RuleTest {
            name: "a".into(),
            given: Described {
                title: Title {
                    plex_id: PlexId::parse("described").unwrap(),
                    media_type: MediaType::Show,
                    title: "Frieren".into(),
                    year: None,
                    ids: ExternalIds { tvdb: Some(TvdbId(1)), ..ExternalIds::default() },
                    facts: KnownFacts { given: Some(facts), ..KnownFacts::default() },
                },
                user: User {
                    id: UserId(0),
                    uuid: UserUuid::parse("aa").unwrap(),
                    username: "living-room".into(),
                    display_name: "living-room".into(),
                    alias: None,
                    relation: Relation::Friend,
                    synced: true,
                },
                wanted_by: 2,
                free_space: Some(500_000_000_000),
            },
            expect,
        };
        let policy = Policy {
            instances: &[sonarr("shows", true), sonarr("anime", false)],
            rules,
            default_routing,
            approvals: &ApprovalSettings::default(),
            zone: &TimeZone::UTC,
            available: Available::default(),
        };
        outcome_of_test(&test, &policy)
    }

    fn route(names: &[&str]) -> Expectation {
        Expectation { route: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Expectation::default() }
    }

    fn to_anime() -> Rule {
        rule("anime", is(Field::Genre, Operator::Contains, "anime"), |rule| {
            let arr = ArrOverrides::Sonarr {
                monitor: None,
                monitor_new_items: None,
                series_type: Some(SeriesTypeChoice::Anime),
                season_folder: None,
                seasons: None,
            };
            let overrides = Overrides { arr: Some(arr), ..Overrides::default() };
            rule.route = vec![RouteTo { to: "anime".into(), overrides }];
        })
    }

    use DefaultRouting::{Instance as ToDefault, None as Nowhere};

    #[test]
    fn what_is_expected_is_told_in_a_sentence() {
        let ok = |rules: &[Rule], default, expect, told: &str| {
            assert_eq!(outcome(rules, default, expect).as_deref(), Ok(told))
        };
        ok(&[to_anime()], ToDefault, route(&["anime"]), "it goes to anime");
        ok(&[], ToDefault, route(&["shows"]), "it goes to shows");
        ok(
            &[],
            Nowhere,
            route(&[]),
            "it goes nowhere: no rule sends it anywhere, and the settings say `default: none`",
        );
        let veto = rule("veto", Condition::always(), |rule| rule.exclude = true);
        let excluded = Expectation { exclude: Some(true), ..route(&[]) };
        ok(&[to_anime(), veto], ToDefault, excluded, "it goes nowhere: rule `veto` excludes it");
        let asks = rule("asks", is(Field::FreeSpace, Operator::Less, "600"), |rule| {
            rule.require_approval = Some("no room".into())
        });
        let asked = Expectation { approval: Some(true), ..route(&["anime"]) };
        ok(&[to_anime(), asks], ToDefault, asked, "it waits, for anime: rule `asks` asks for approval: no room");
        let option = |key: &str, value: &str| ("anime".to_owned(), key.to_owned(), value.to_owned());
        let options = vec![
            option("series_type", "anime"),
            option("tags", "b, a"),
            option("seasons", "1, 2"),
            option("search_on_add", "true"),
        ];
        ok(&[to_anime()], ToDefault, Expectation { options, ..Expectation::default() }, "it goes to anime");
    }

    #[test]
    fn no_tags_at_all_are_told_as_none() {
        let expecting_none =
            || Expectation { options: vec![("anime".into(), "tags".into(), String::new())], ..Expectation::default() };
        let told = outcome(&[to_anime()], ToDefault, expecting_none()).unwrap_err();
        assert!(told.starts_with("expected anime with tags none, got a, b; it goes to anime"), "{told}");
        let mut untagged = to_anime();
        untagged.route[0].overrides.tags = Some(Vec::new());
        assert!(outcome(&[untagged], ToDefault, expecting_none()).is_ok());
    }

    #[test]
    fn what_is_not_expected_comes_with_every_rule() {
        let few = rule("few", is(Field::WantedBy, Operator::More, "2"), |rule| rule.exclude = true);
        let year = rule("old", is(Field::Year, Operator::Less, "1990"), |rule| rule.exclude = true);
        let mut expect = route(&["shows", "anime"]);
        expect.exclude = Some(true);
        expect.approval = Some(true);
        expect.options = vec![
            ("anime".into(), "quality_profile".into(), "4".into()),
            ("shows".into(), "monitor".into(), "all".into()),
        ];
        assert_eq!(
            outcome(&[few, to_anime(), year], ToDefault, expect).unwrap_err(),
            "expected route anime, shows, got anime; expected an exclusion, got none; expected that approval is asked for; \
             expected anime with quality_profile 4, got none; expected shows with monitor all, and it does not go there; it \
             goes to anime\n\
             rule `few`: did not match: wanted_by > 2: it is 2 people\n\
             rule `anime`: matched: genre contains anime: it is Anime; sends it to `anime`\n\
             rule `old`: could not tell: year < 1990: unknown: the description does not tell it\n\
             by default: not asked: rules say where it goes"
        );
    }
}
