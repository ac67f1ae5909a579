//! How many entries each rule decides now. Told from the last decision about every open entry, which is a walk through all of them: so it
//! is counted once and kept until something was decided, an entry came or went, or the rules changed. Nobody waits for a long walk: it
//! is made aside, and whoever asks meanwhile is told what was counted before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pulsarr_shared::config::Config;
use pulsarr_shared::routing::{Decided, Rule};
use pulsarr_shared::store::{Db, Store, StoreError};

use crate::app::App;

/// So many open entries are counted while somebody waits: some milliseconds.
const COUNTED_AT_ONCE: u32 = 1_000;

/// What was counted last.
#[derive(Default)]
pub struct RuleReach {
    last: Mutex<Option<Counted>>,
    /// Somebody counts aside.
    counting: AtomicBool,
}

/// Open entries by the name of the rule that decides them; rules without any are left out.
pub type Entries = Arc<HashMap<String, u32>>;

/// What can be told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// As it is now.
    Now(Entries),
    /// As it was before the last decisions. It is being counted anew.
    Before(Entries),
    /// It is being counted for the first time with these rules.
    Unknown,
}

#[derive(Clone)]
struct Counted {
    mark: Mark,
    config: Arc<Config>,
    entries: Entries,
}

/// The newest decision and the number of open entries.
type Mark = (i64, u32);

/// How many open entries stand as they do by each rule.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn entries_by_rule(app: &Arc<App>) -> Result<Reach, StoreError> {
    let (config, kept) = (app.config(), Arc::clone(app));
    app.database.read(move |db| told(&kept, db, config)).await
}

fn told(app: &Arc<App>, db: Db<'_>, config: Arc<Config>) -> Result<Reach, StoreError> {
    let mark = db.standing_mark()?;
    let last = app.rule_reach.last().filter(|counted| Arc::ptr_eq(&counted.config, &config));
    if let Some(counted) = &last
        && counted.mark == mark
    {
        return Ok(Reach::Now(Arc::clone(&counted.entries)));
    }
    if mark.1 <= COUNTED_AT_ONCE {
        return Ok(Reach::Now(app.rule_reach.count(db, mark, config)?));
    }
    count_aside(Arc::clone(app), config);
    Ok(last.map_or(Reach::Unknown, |counted| Reach::Before(counted.entries)))
}

/// Counts on a thread and a connection of its own, unless somebody does.
fn count_aside(app: Arc<App>, config: Arc<Config>) {
    if app.rule_reach.counting.swap(true, Ordering::AcqRel) {
        return;
    }
    // Detached: when the service ends, nobody is left to be told.
    std::thread::spawn(move || {
        let environment = &config.environment;
        let counted = Store::open(&environment.data_dir, environment.allow_network_fs).and_then(|store| {
            let mark = store.read().standing_mark()?;
            app.rule_reach.count(store.read(), mark, Arc::clone(&config))
        });
        if let Err(error) = counted {
            tracing::warn!("what each rule decides could not be counted: failed to {error}");
        }
        app.rule_reach.counting.store(false, Ordering::Release);
    });
}

impl RuleReach {
    fn last(&self) -> Option<Counted> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, db: Db<'_>, mark: Mark, config: Arc<Config>) -> Result<Entries, StoreError> {
        let entries = Arc::new(count(db, &config.settings.rules)?);
        let counted = Counted { mark, config, entries: Arc::clone(&entries) };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(entries)
    }
}

fn count(db: Db<'_>, rules: &[Rule]) -> Result<HashMap<String, u32>, StoreError> {
    let rules: HashMap<&str, &Rule> = rules.iter().map(|rule| (rule.name.as_str(), rule)).collect();
    let mut counts: HashMap<String, u32> = HashMap::new();
    db.standing_decisions(|json| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::household::{Household, SETTINGS};
    use crate::testing;

    #[tokio::test]
    async fn nobody_waits_for_a_long_walk_and_what_was_counted_before_is_told_meanwhile() {
        let service = testing::app_with_settings(&[], SETTINGS);
        let household = Household::of(&service);
        let told = async || entries_by_rule(&service.app).await.unwrap();
        let none = Entries::default();
        household.wish(COUNTED_AT_ONCE);
        assert_eq!(told().await, Reach::Now(Arc::clone(&none)));
        household.wish(1);
        assert_eq!(told().await, Reach::Before(Arc::clone(&none)));
        while told().await != Reach::Now(Arc::clone(&none)) {
            tokio::task::yield_now().await;
        }
        // With other rules it says nothing.
        *service.app.rule_reach.last.lock().unwrap() = None;
        assert_eq!(told().await, Reach::Unknown);
    }
}
