//! Webhooks that never came: an arr drops them while we are away, or while it believes that we are. Its history tells the same, and is
//! asked at every look, in one request, but only of an instance that has taken something we still wait for.
//!
//! A look begins where the history that was read before ended, by the instance's own clock. A webhook moves nothing: it does not tell
//! whether those before it came, and the first one after an absence, such as the answer to our own question whether the connection
//! works, would hide the whole absence. [`due`], the question itself ([`Arr::history_since`]) and [`take_in`] are apart, so that
//! nobody has to hold the store while an instance thinks.

use std::time::Duration;

use tracing::{debug, info};

use super::{TrackingSettings, apply_events};
use crate::clients::arr::{Arr, ArrError, HistoryEvent};
use crate::clock::{Clock, UnixMs, has_passed, millis};
use crate::model::Instance;
use crate::store::{Store, StoreError};

/// How long an instance that has no such thing is not asked again.
const WITHOUT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Each look begins so much before the end of the last one: what happens at the same time may be written down later, and an event that
/// comes twice does no harm.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// The longest look back.
const FARTHEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What an instance answers: see [`Arr::history_since`].
pub type Answer = Result<Option<Vec<HistoryEvent>>, ArrError>;

/// From when on the history of the instance called `name` is to be asked for, unix milliseconds; `None` when nothing is waited for
/// that it has taken, or when it is known to have no history.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn due(store: &Store, name: &str, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
    let Some(wanted_at_ms) = store.read().oldest_awaited(name)? else { return Ok(None) };
    if stored(store, &without_key(name))?.is_some_and(|at| !has_passed(at, WITHOUT_FOR, now_ms)) {
        return Ok(None);
    }
    // Where no history was read yet, nothing is owed from before the oldest wish.
    let since_ms = stored(store, &since_key(name))?.unwrap_or(wanted_at_ms);
    let farthest_ms = now_ms.saturating_sub(millis(FARTHEST));
    Ok(Some(since_ms.min(now_ms).saturating_sub(millis(OVERLAP)).max(farthest_ms)))
}

/// Asks `instance` what it has done since `since_ms`, which [`due`] has told, and does what follows from it. That it does not answer is
/// no failure: the next look goes back as far.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn catch_up(
    store: &Store,
    clock: &dyn Clock,
    instance: &Instance,
    arr: &Arr,
    since_ms: UnixMs,
    settings: TrackingSettings,
) -> Result<(), StoreError> {
    let answer = arr.history_since(since_ms).await;
    take_in(store, instance, &answer, settings, clock.now_ms())
}

/// Does what follows from the answer of `instance`. Events that are known already change nothing.
///
/// # Errors
/// [`StoreError`] when the store fails; then the next look goes back as far.
pub fn take_in(
    store: &Store,
    instance: &Instance,
    answer: &Answer,
    settings: TrackingSettings,
    now_ms: UnixMs,
) -> Result<(), StoreError> {
    let name = &instance.name;
    match answer {
        Ok(Some(history)) => {
            let events: Vec<_> = history.iter().map(|it| (it.at_ms, it.event.clone())).collect();
            let processed = apply_events(store, name, instance.kind(), &events, settings, now_ms)?;
            if processed.announced > 0 {
                info!(
                    instance.name = %name,
                    "{} messages from the history of {}, which told of {} events",
                    processed.announced,
                    instance.label(),
                    events.len()
                );
            }
            // A clock that was ahead for a while does not blind us later.
            match history.iter().map(|it| it.at_ms.min(now_ms)).max() {
                Some(last_ms) if stored(store, &since_key(name))? != Some(last_ms) => {
                    store.write(|db| db.set_setting(&since_key(name), &last_ms.to_string()))
                }
                _ => Ok(()),
            }
        }
        Ok(None) => {
            debug!(instance.name = %name, "{} has no history to ask for", instance.label());
            store.write(|db| db.set_setting(&without_key(name), &now_ms.to_string()))
        }
        // Who is down has been told of where it matters.
        Err(error) => {
            debug!(instance.name = %name, "failed to read the history of {}: {error}", instance.label());
            Ok(())
        }
    }
}

fn stored(store: &Store, key: &str) -> Result<Option<UnixMs>, StoreError> {
    Ok(store.read().setting(key)?.and_then(|at| at.parse().ok()))
}

fn since_key(instance: &str) -> String {
    format!("history.since.{instance}")
}

fn without_key(instance: &str) -> String {
    format!("history.without_at_ms.{instance}")
}
