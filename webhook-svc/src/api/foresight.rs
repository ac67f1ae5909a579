//! What another rule would do with everything on the lists, beside what the rules as they are do with it.

use std::sync::Arc;

use pulsarr_shared::clock::Clock;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::EntryId;
use pulsarr_shared::routing::Rule;
use pulsarr_shared::simulate::{Beside, Comparison, MissingOf, What};

use super::rule_tests::{TestView, tests_of};
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
    /// How many wishes can be told one by one: those that would change, and behind them those that it would apply to all the same.
    pub listed: usize,
    /// Of the listed: the place of the first that is told, from 0. A multiple of what is told at most.
    pub from: usize,
    /// Of the listed: those from there on.
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

/// Which wishes are told one by one: a page of them.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Which page, from 1; beyond the last, it is the last.
    pub page: usize,
    /// Wishes on a page; 0: none is told.
    pub most: usize,
}

impl Told {
    /// No single wish: only how many there are.
    pub const NONE: Self = Self { page: 1, most: 0 };
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

/// What the rule `name` of `candidate` would do. One at a time, because each decides everything twice in memory.
///
/// # Errors
/// 404 when there is no such rule in it; when the store cannot be read.
pub async fn compare(app: &Arc<App>, candidate: Config, name: String, told: Told) -> Result<Foreseen, ApiError> {
    let (config, clock) = (app.config(), Arc::clone(&app.clock));
    in_turn(&TURN, move || compared(&config, &candidate, &*clock, named(&candidate, &name)?, told)).await?
}

fn compared(
    config: &Config,
    candidate: &Config,
    clock: &dyn Clock,
    rule: &Rule,
    told: Told,
) -> Result<Foreseen, ApiError> {
    let mut seen = Foreseen::default();
    // Where a wish comes is clear when all are known, so until then they are numbers: a long list of titles would take much room.
    let (mut changes, mut others): (Vec<EntryId>, Vec<EntryId>) = (Vec::new(), Vec::new());
    // Not against what stands: that may have been decided by other facts, and this is about the rule.
    let comparison = Comparison::of(config, candidate, rule, clock)?;
    let totals = comparison.each(|entry, Beside { changed, applies, outlook, .. }| {
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
        if changed {
            changes.push(entry);
        } else if applies {
            others.push(entry);
        }
    })?;
    changes.append(&mut others);
    seen.listed = changes.len();
    let last = changes.len().saturating_sub(1).checked_div(told.most).unwrap_or(0);
    seen.from = last.min(told.page.saturating_sub(1)) * told.most;
    for entry in changes.into_iter().skip(seen.from).take(told.most) {
        let Beside { now, changed, applies, outlook } = comparison.wish(entry)?;
        seen.wishes.push(ForeseenWish {
            entry: entry.0,
            matches: applies,
            changed,
            now,
            then: outlook.then.in_short(),
            title: outlook.title,
            user: outlook.user,
        });
    }
    let looked_at = rule.when.fields();
    seen.missing = totals.missing.into_iter().filter(|it| looked_at.has(it.missing.field)).collect();
    let about_it = format!("(`{}`)", rule.name);
    seen.warnings = candidate.warnings.iter().filter(|it| it.contains(&about_it)).cloned().collect();
    let tests = tests_of(candidate);
    seen.tests = tests.len();
    seen.failing = tests.into_iter().filter(|test| !test.passed).collect();
    Ok(seen)
}
