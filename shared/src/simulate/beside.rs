//! What becomes of every wish by two settings.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::foresight::{Foresight, Seen};
use super::tally::Tally;
use super::{Filter, Outlook, Place, SimulateError, Totals, What, destinations};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{EntryId, Outcome, User, UserId};
use crate::routing::{Field, Policy, Rule, Truth};
use crate::store::StoreError;

/// A wish by two settings.
#[derive(Debug)]
pub struct Beside {
    /// Where it goes by those of now, in a few words: `movies`, `approval (anime)`.
    pub now: String,
    /// Whether something else becomes of it by the others.
    pub changed: bool,
    /// Whether what the rule asks for holds for it.
    pub applies: bool,
    /// What becomes of it by the others; nothing is said of how it stands today.
    pub outlook: Outlook,
}

/// What would become of every wish by other settings, beside what would become of it by those of now. Everything is decided; what becomes
/// of a single wish is told when it is asked for, so that nobody has to hold all of them.
pub struct Comparison<'a> {
    before: Fates<'a>,
    foresight: Foresight<'a>,
    rule: &'a Rule,
}

impl<'a> Comparison<'a> {
    /// Decides about everything by `now` and by `then`, of which `rule` is one.
    ///
    /// # Errors
    /// [`SimulateError::Store`] when the store cannot be read.
    pub fn of(now: &'a Config, then: &'a Config, rule: &'a Rule, clock: &dyn Clock) -> Result<Self, SimulateError> {
        let before = Fates::of(now, clock)?;
        let mut foresight = Foresight::of(then, clock, &Filter::default())?;
        foresight.counts_wishes |= before.policy.fields().has(Field::WantedBy);
        Ok(Self { before, foresight, rule })
    }

    /// Tells `tell` one wish after the other, by title. Answers what all of them together come to by the other settings.
    ///
    /// # Errors
    /// [`SimulateError::Store`] when the store cannot be read.
    pub fn each(&self, mut tell: impl FnMut(EntryId, Beside)) -> Result<Totals, SimulateError> {
        let mut tally = Tally::default();
        for entry in &self.foresight.told {
            let wish = self.wish(*entry)?;
            tally.add(&wish.outlook);
            tell(*entry, wish);
        }
        Ok(tally.totals())
    }

    /// One of the wishes that [`Self::each`] tells of.
    ///
    /// # Errors
    /// [`SimulateError::Store`] when the store cannot be read.
    pub fn wish(&self, entry: EntryId) -> Result<Beside, SimulateError> {
        let (foresight, rule) = (&self.foresight, self.rule);
        let seen = foresight.seen(entry)?;
        let outlook = foresight.outlook(&seen, false)?;
        let applies = rule.enabled && rule.when.judge(&seen.sheet(&foresight.users)?) == Truth::True;
        let now = self.before.of_entry(foresight, &seen)?;
        let then = Fate::of(&outlook.then, &outlook.decision.outcome);
        Ok(Beside { changed: !now.is(&then), now: now.in_short.clone(), applies, outlook })
    }
}

/// What becomes of a wish, whoever decides it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Fate {
    what: What,
    /// Into which instances, and how: JSON.
    destinations: String,
    in_short: String,
}

impl Fate {
    fn of(then: &Place, outcome: &Outcome) -> Self {
        let to: Vec<_> = destinations(outcome).iter().map(|to| (&to.instance, &to.options)).collect();
        let destinations = serde_json::to_string(&to).unwrap_or_default();
        Self { what: then.what, destinations, in_short: then.in_short() }
    }

    /// Whether it comes to the same, however it is said.
    fn is(&self, other: &Self) -> bool {
        self.what == other.what && self.destinations == other.destinations
    }
}

/// What becomes of every wish. Of most, the rules alone tell; what becomes of the others is kept, and many share it.
struct Fates<'a> {
    policy: Policy<'a>,
    users: HashMap<UserId, User>,
    kept: HashMap<EntryId, Rc<Fate>>,
}

impl<'a> Fates<'a> {
    fn of(config: &'a Config, clock: &dyn Clock) -> Result<Self, SimulateError> {
        let foresight = Foresight::of(config, clock, &Filter::default())?;
        let refused = foresight.refused()?;
        let (mut kept, mut shared) = (HashMap::new(), HashSet::<Rc<Fate>>::new());
        for entry in &foresight.told {
            if !foresight.decided.contains(entry) && !refused.contains(entry) {
                continue;
            }
            let outlook = foresight.outlook(&foresight.seen(*entry)?, false)?;
            let fate = Rc::new(Fate::of(&outlook.then, &outlook.decision.outcome));
            let fate = shared.get(&fate).cloned().unwrap_or(fate);
            shared.insert(Rc::clone(&fate));
            kept.insert(*entry, fate);
        }
        Ok(Self { policy: config.policy(), users: foresight.users, kept })
    }

    /// What becomes of an entry that is seen elsewhere.
    fn of_entry(&self, elsewhere: &Foresight<'_>, seen: &Seen) -> Result<Rc<Fate>, StoreError> {
        if let Some(fate) = self.kept.get(&seen.entry.id) {
            return Ok(Rc::clone(fate));
        }
        let outcome = elsewhere.by_rules_alone(seen, seen.sheet(&self.users)?, &self.policy)?.outcome;
        Ok(Rc::new(Fate::of(&Place::of(&outcome), &outcome)))
    }
}
