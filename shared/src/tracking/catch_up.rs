//! Webhooks that never came: an arr drops them while we are away. Its history tells the same, and is asked at most once an hour, and
//! only by an instance that has something to tell which we wait for.

use std::time::Duration;

use tracing::{debug, info};

use super::{Processed, TrackingSettings, apply_events};
use crate::clients::arr::Arr;
use crate::clock::{UnixMs, has_passed, millis};
use crate::model::Instance;
use crate::run::Run;
use crate::store::StoreError;
use crate::upstreams::Upstreams;

/// Between two looks at the history of an instance.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How long an instance that has no such thing is not asked again.
const WITHOUT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Each look begins so much before the last one: the clocks of two machines differ, and an event that comes twice does no harm.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// The longest look back.
const FARTHEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Asks every instance that owes an arrival what it has done since it was last asked. A failure is no failure of the run: the next
/// look goes back as far.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn catch_up(run: &Run<'_>, upstreams: &Upstreams<'_>) -> Result<(), StoreError> {
    for (instance, arr) in &upstreams.instances {
        if run.stop.reason().is_some() {
            return Ok(());
        }
        if let Some(since_ms) = due(run, instance)? {
            ask(run, instance, arr, since_ms).await?;
        }
    }
    Ok(())
}

fn stored(run: &Run<'_>, key: &str) -> Result<Option<UnixMs>, StoreError> {
    Ok(run.store.read().setting(key)?.and_then(|at| at.parse().ok()))
}

/// From when on the history of an instance is to be asked for now.
fn due(run: &Run<'_>, instance: &Instance) -> Result<Option<UnixMs>, StoreError> {
    let (name, now_ms) = (&instance.name, run.clock.now_ms());
    if !run.store.read().awaits_arrivals(name)? {
        return Ok(None);
    }
    let Some(since_ms) = stored(run, &since_key(name))? else {
        // What was added just now has not come to anything yet.
        run.store.write(|db| {
            db.set_setting(&since_key(name), &now_ms.to_string())?;
            db.set_setting(&asked_key(name), &now_ms.to_string())
        })?;
        return Ok(None);
    };
    let over = |at: Option<UnixMs>, pause| at.is_none_or(|at| has_passed(at, pause, now_ms));
    let is_due = over(stored(run, &asked_key(name))?, EVERY) && over(stored(run, &without_key(name))?, WITHOUT_FOR);
    let farthest_ms = now_ms.saturating_sub(millis(FARTHEST));
    Ok(is_due.then(|| since_ms.min(now_ms).saturating_sub(millis(OVERLAP)).max(farthest_ms)))
}

async fn ask(run: &Run<'_>, instance: &Instance, arr: &Arr, since_ms: UnixMs) -> Result<(), StoreError> {
    let (name, asked_at_ms) = (&instance.name, run.clock.now_ms());
    run.store.write(|db| db.set_setting(&asked_key(name), &asked_at_ms.to_string()))?;
    match arr.history_since(since_ms).await {
        Ok(Some(history)) => {
            let events: Vec<_> = history.into_iter().map(|it| (it.at_ms, it.event)).collect();
            let settings = TrackingSettings::of(&run.config.environment);
            let processed = apply_events(run.store, name, instance.kind(), &events, settings, run.clock.now_ms())?;
            run.store.write(|db| db.set_setting(&since_key(name), &asked_at_ms.to_string()))?;
            say(instance, &events, processed);
        }
        Ok(None) => {
            debug!(instance.name = %name, "{} has no history to ask for", instance.label());
            run.store.write(|db| db.set_setting(&without_key(name), &asked_at_ms.to_string()))?;
        }
        // Who is down has been told of where it matters.
        Err(error) => debug!(instance.name = %name, "failed to read the history of {}: {error}", instance.label()),
    }
    Ok(())
}

fn say<T>(instance: &Instance, events: &[T], processed: Processed) {
    if processed.announced > 0 {
        info!(
            instance.name = %instance.name,
            "{} messages from the history of {}, which told of {} events",
            processed.announced,
            instance.label(),
            events.len()
        );
    }
}

fn since_key(instance: &str) -> String {
    format!("history.since.{instance}")
}

fn asked_key(instance: &str) -> String {
    format!("history.asked_at_ms.{instance}")
}

fn without_key(instance: &str) -> String {
    format!("history.without_at_ms.{instance}")
}
