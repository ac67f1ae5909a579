//! What another rule would do with everything on the lists, beside what the rules as they are do with it.

use std::sync::Arc;

use pulsarr_shared::clock::Clock;
use pulsarr_shared::config::Config;
use pulsarr_shared::routing::{Rule, outcome_of_test};
use pulsarr_shared::simulate::{self, Beside, MissingOf, What};

use super::rules::named;
use super::simulate::{TURN, in_turn};
use crate::app::App;
use crate::request::ApiError;

/// What would come of a rule.
#[derive(Debug, Default)]
pub struct Foreseen {
    /// To how many open wishes it would apply; none while it is switched off.
    pub matches: usize,
    /// Of how many open wishes.
    pub of: usize,
    /// How many open wishes would go elsewhere, be added otherwise, or wait for something else than by the rules as they are now.
    pub changed: usize,
    /// Of the changed: how many would be added, to other instances or in another way.
    pub elsewhere: usize,
    /// Of the changed: how many would wait for somebody or something.
    pub held: usize,
    /// Of the changed: how many would go nowhere.
    pub excluded: usize,
    /// The first of what would change, and behind them the first of what it would apply to all the same.
    pub wishes: Vec<ForeseenWish>,
    /// What the rule looks at and nobody has told yet, and of how many titles: for these it does not match before somebody is asked.
    pub missing: Vec<MissingOf>,
    /// What works and should be looked at, as sentences.
    pub warnings: Vec<String>,
    /// How many tests of the rules there are.
    pub tests: usize,
    /// Those that would not come out as expected.
    pub failing: Vec<TestView>,
}

/// One wish, by the rules as they are and as they would be.
#[derive(Debug)]
pub struct ForeseenWish {
    /// Its entry.
    pub entry: i64,
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// What people call who wants it.
    pub user: String,
    /// Whether the rule would apply to it.
    pub matches: bool,
    /// Whether something else becomes of it.
    pub changed: bool,
    /// Where it goes now, in a few words: `movies`, `approval (anime)`, `nowhere`.
    pub now: String,
    /// Where it would go.
    pub then: String,
}

/// A test of the rules, and what came of it.
#[derive(Debug)]
pub struct TestView {
    /// The test's name, or the described title's.
    pub name: String,
    /// Whether it came out as expected.
    pub passed: bool,
    /// What came out, as a sentence; below it, where that was not expected, a line for every rule.
    pub because: String,
}

/// What the rule `name` of `candidate` would do, of which `most` wishes are told one by one. One at a time, because each decides
/// everything twice in memory.
///
/// # Errors
/// 404 when there is no such rule in it; when the store cannot be read.
pub async fn compare(app: &Arc<App>, candidate: Config, name: String, most: usize) -> Result<Foreseen, ApiError> {
    let (config, clock) = (app.config(), Arc::clone(&app.clock));
    in_turn(&TURN, move || compared(&config, &candidate, &*clock, named(&candidate, &name)?, most)).await?
}

fn compared(
    config: &Config,
    candidate: &Config,
    clock: &dyn Clock,
    rule: &Rule,
    most: usize,
) -> Result<Foreseen, ApiError> {
    let mut seen = Foreseen::default();
    let (mut changes, mut others) = (Vec::new(), Vec::new());
    // Not against what stands: that may have been decided by other facts, and this is about the rule.
    let totals = simulate::compare(config, candidate, rule, clock, |Beside { now, changed, applies, outlook }| {
        seen.of += 1;
        seen.matches += usize::from(applies);
        if changed {
            seen.changed += 1;
            match outlook.then.what {
                What::Route => seen.elsewhere += 1,
                What::Exclude | What::Rejected => seen.excluded += 1,
                _ => seen.held += 1,
            }
        }
        let list = if changed { &mut changes } else { &mut others };
        if (changed || applies) && list.len() < most {
            list.push(ForeseenWish {
                entry: outlook.entry.map_or(0, |entry| entry.0),
                matches: applies,
                changed,
                now,
                then: outlook.then.in_short(),
                title: outlook.title,
                user: outlook.user,
            });
        }
    })?;
    let looked_at = rule.when.fields();
    seen.missing = totals.missing.into_iter().filter(|it| looked_at.has(it.missing.field)).collect();
    let about_it = format!("(`{}`)", rule.name);
    seen.warnings = candidate.warnings.iter().filter(|it| it.contains(&about_it)).cloned().collect();
    seen.wishes = changes.into_iter().chain(others).take(most).collect();
    let tests = tests_of(candidate);
    seen.tests = tests.len();
    seen.failing = tests.into_iter().filter(|test| !test.passed).collect();
    Ok(seen)
}

/// The tests of the rules that the settings file has, judged by the rules of `config`. Asks nobody.
pub fn tests_of(config: &Config) -> Vec<TestView> {
    let policy = config.policy();
    let judged = config.settings.tests.iter().map(|test| {
        let outcome = outcome_of_test(test, &policy);
        TestView {
            name: test.name.clone(),
            passed: outcome.is_ok(),
            because: outcome.unwrap_or_else(|instead| instead),
        }
    });
    judged.collect()
}
