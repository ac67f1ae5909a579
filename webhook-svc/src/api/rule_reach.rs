//! How many entries each rule decides now. Told from the last decision about every open entry, which is a walk through all of them: so it
//! is counted once and kept until something was decided, an entry came or went, or the rules changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pulsarr_shared::config::Config;
use pulsarr_shared::routing::{Decided, Rule};
use pulsarr_shared::store::{Store, StoreError};

use crate::app::App;

/// What was counted last.
#[derive(Default)]
pub struct RuleReach(Mutex<Option<Counted>>);

/// Open entries by the name of the rule that decides them; rules without any are left out.
pub type Entries = Arc<HashMap<String, u32>>;

struct Counted {
    mark: (i64, u32),
    config: Arc<Config>,
    entries: Entries,
}

/// How many open entries stand as they do by each rule.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn entries_by_rule(app: &Arc<App>) -> Result<Entries, StoreError> {
    let (config, kept) = (app.config(), Arc::clone(app));
    app.database.run(move |store| kept.rule_reach.now(store, config)).await
}

impl RuleReach {
    fn now(&self, store: &Store, config: Arc<Config>) -> Result<Entries, StoreError> {
        let mark = store.read().standing_mark()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = &*kept
            && counted.mark == mark
            && Arc::ptr_eq(&counted.config, &config)
        {
            return Ok(Arc::clone(&counted.entries));
        }
        let entries = Arc::new(count(store, &config.settings.rules)?);
        *kept = Some(Counted { mark, config, entries: Arc::clone(&entries) });
        Ok(entries)
    }
}

fn count(store: &Store, rules: &[Rule]) -> Result<HashMap<String, u32>, StoreError> {
    let rules: HashMap<&str, &Rule> = rules.iter().map(|rule| (rule.name.as_str(), rule)).collect();
    let mut counts: HashMap<String, u32> = HashMap::new();
    store.read().standing_decisions(|json| {
        // One of a later version says nothing to us.
        let Some(decided) = Decided::read(json) else { return };
        let owed = decided.matched().filter(|name| rules.get(name).is_some_and(|rule| decided.is_by(rule)));
        for name in owed {
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(name.to_owned(), 1);
                }
            }
        }
    })?;
    Ok(counts)
}
