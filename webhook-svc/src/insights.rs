//! What a year of requests comes to, for charts. Counting walks through all of it, so it is done on a connection and a thread of its
//! own, before anybody asks, and kept for a while: whoever asks is told what was counted last, and has it counted anew for the next.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::stats::Days;
use pulsarr_shared::store::{Store, StoreError};
use pulsarr_shared::tally::{PERIODS, Period, Tally};

use crate::app::App;
use crate::app::insights::{Kept, Periods};

/// So long nothing is counted anew.
const FRESH_MS: UnixMs = 60_000;
/// So long what was counted is told while it is counted anew.
const USABLE_MS: UnixMs = 15 * 60_000;
/// So often it is counted although nobody asks, so that nobody who does has to wait for it.
const KEPT_READY_EVERY: Duration = Duration::from_secs(10 * 60);
const _: () = assert!(KEPT_READY_EVERY.as_millis() < USABLE_MS as u128, "or whoever asks waits");

/// Counts now and then, until the service stops.
pub async fn keep_ready(app: Arc<App>) {
    loop {
        if let Err(error) = count(&app).await {
            tracing::warn!("the charts could not be counted: failed to {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(KEPT_READY_EVERY) => {}
            _ = app.stop.wait() => return,
        }
    }
}

/// What happened in each of [`PERIODS`], at most a quarter of an hour old.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn periods(app: &Arc<App>) -> Result<Periods, StoreError> {
    let now_ms = app.now_ms();
    if let Some(periods) = app.insights.within(FRESH_MS, now_ms) {
        return Ok(periods);
    }
    let Some(periods) = app.insights.within(USABLE_MS, now_ms) else { return count(app).await };
    if app.insights.counting.try_lock().is_err() {
        return Ok(periods);
    }
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(error) = count(&app).await {
            tracing::warn!("the charts could not be counted anew: failed to {error}");
        }
    });
    Ok(periods)
}

/// Counts, unless somebody has just done so.
async fn count(app: &App) -> Result<Periods, StoreError> {
    let _alone = app.insights.counting.lock().await;
    let now_ms = app.now_ms();
    if let Some(periods) = app.insights.within(FRESH_MS, now_ms) {
        return Ok(periods);
    }
    let config = app.config();
    let counted = tokio::task::spawn_blocking(move || look(&config, now_ms)).await;
    let periods = Arc::new(counted.unwrap_or(Err(StoreError::Busy))?);
    app.insights.keep(Kept { at_ms: now_ms, periods: Arc::clone(&periods) });
    Ok(periods)
}

fn look(config: &Config, now_ms: UnixMs) -> Result<[Period; PERIODS.len()], StoreError> {
    let environment = &config.environment;
    let store = Store::open(&environment.data_dir, environment.allow_network_fs)?;
    let longest = PERIODS.into_iter().max().unwrap_or(0);
    let days = Days::new(longest, &config.zone, now_ms);
    let (since_ms, mut tally) = (days.begin_ms(0), Tally::new(days));
    let db = store.read();
    db.wishes(since_ms, |wish| tally.wish(wish.appeared_at_ms, wish.state, wish.user, wish.genres))?;
    db.additions(since_ms, |instance, at_ms| tally.addition(instance, at_ms))?;
    for (at_ms, took_ms) in db.times_to_available(since_ms)? {
        tally.arrival(at_ms, took_ms);
    }
    Ok(tally.ended())
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::stop::StopReason;

    use super::*;
    use crate::api::household::{Household, SETTINGS};
    use crate::testing;

    #[tokio::test]
    async fn it_is_counted_before_anybody_asks() {
        let service = testing::app_with_settings(&[], SETTINGS);
        let household = Household::of(&service);
        household.wish(2);
        let kept = tokio::spawn(keep_ready(Arc::clone(&service.app)));
        while service.app.insights.kept().is_none() {
            tokio::task::yield_now().await;
        }
        // What comes after is not in what is told at once.
        household.wish(1);
        let told = periods(&service.app).await.unwrap();
        assert_eq!(told[1].outcomes().iter().sum::<u32>(), 2);
        service.app.stop.request(StopReason::Terminated);
        kept.await.unwrap();
    }

    #[tokio::test]
    async fn what_was_counted_is_kept_for_a_while_and_then_counted_anew() {
        let service = testing::app_with_settings(&[], SETTINGS);
        let household = Household::of(&service);
        let requested = async || periods(&service.app).await.unwrap()[1].outcomes().iter().sum::<u32>();
        household.wish(2);
        assert_eq!(requested().await, 2);
        household.wish(1);
        assert_eq!(requested().await, 2);
        service.clock.advance(Duration::from_millis(USABLE_MS.unsigned_abs()));
        assert_eq!(requested().await, 3);
        // Told at once, and counted anew for the next.
        household.wish(1);
        service.clock.advance(Duration::from_millis(FRESH_MS.unsigned_abs()));
        assert_eq!(requested().await, 3);
        while requested().await == 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(requested().await, 4);
    }
}
