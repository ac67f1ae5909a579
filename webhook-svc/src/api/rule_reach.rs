//! How many entries each rule decides now. Told from the last decision about every open entry, which is a walk through all of them: so it
//! is counted once and kept until something was decided, an entry came or went, or the rules changed. Nobody waits for a long walk: it
//! is made aside, and whoever asks meanwhile is told what was counted before.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulsarr_shared::config::Config;
use pulsarr_shared::routing::{Decided, Rule};
use pulsarr_shared::store::{Db, Store, StoreError};

use crate::app::App;
use crate::app::rule_reach::{Counted, Entries, Mark};

/// So many open entries are counted while somebody waits: some milliseconds.
const COUNTED_AT_ONCE: u32 = 1_000;

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

/// How many open entries stand as they do by each rule.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn entries_by_rule(app: &Arc<App>) -> Result<Reach, StoreError> {
    let (config, kept) = (app.config(), Arc::clone(app));
    app.database.read(move |db| told(&kept, db, config)).await
}

/// What is decided and open now, to tell whether anything has changed since.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn mark(app: &App) -> Result<Mark, StoreError> {
    app.database.read(|db| db.standing_mark()).await
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
        return Ok(Reach::Now(count(app, db, mark, config)?));
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
            count(&app, store.read(), mark, Arc::clone(&config))
        });
        if let Err(error) = counted {
            tracing::warn!("what each rule decides could not be counted: failed to {error}");
        }
        app.rule_reach.counting.store(false, Ordering::Release);
    });
}

fn count(app: &App, db: Db<'_>, mark: Mark, config: Arc<Config>) -> Result<Entries, StoreError> {
    let entries = Arc::new(counts(db, &config.settings.rules)?);
    app.rule_reach.keep(Some(Counted { mark, config, entries: Arc::clone(&entries) }));
    Ok(entries)
}

fn counts(db: Db<'_>, rules: &[Rule]) -> Result<HashMap<String, u32>, StoreError> {
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
        service.app.rule_reach.keep(None);
        assert_eq!(told().await, Reach::Unknown);
    }
}
