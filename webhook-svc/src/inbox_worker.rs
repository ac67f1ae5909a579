//! Acts on what came in: at once when a webhook arrives, at start on what an earlier life left, and when a batch of episodes is due.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::{Store, StoreError};
use pulsarr_shared::tracking::{self, TrackingSettings};
use tokio::sync::Notify;

use crate::app::App;

/// After a failure of the store, and at the latest when nothing happens: what the job put into the inbox, nobody here is told of.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Works until the service stops; what is acknowledged by then is done, or waits in the store for the next life.
pub async fn work(app: Arc<App>, arrived: Arc<Notify>) {
    loop {
        let pause = step(&app).await;
        tokio::select! {
            () = arrived.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = app.stop.wait() => break,
        }
    }
    step(&app).await;
}

/// Works off what there is. Answers how long there will be nothing to do unless something arrives.
async fn step(app: &Arc<App>) -> Duration {
    let now_ms = app.now_ms();
    let worker = Arc::clone(app);
    let worked = app.database.run(move |store| work_off(store, &worker, now_ms)).await;
    match worked {
        Ok(next_due_ms) => {
            let left = next_due_ms.map(|due| u64::try_from(due.saturating_sub(now_ms)).unwrap_or(0));
            left.map_or(LOOK_AGAIN_AFTER, Duration::from_millis).min(LOOK_AGAIN_AFTER)
        }
        Err(error) => {
            tracing::error!("what came in could not be acted on, and is kept: failed to {error}. {}", error.advice());
            LOOK_AGAIN_AFTER
        }
    }
}

/// Answers when the next batch is due.
fn work_off(store: &Store, app: &App, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
    let settings = TrackingSettings::of(&app.config().environment);
    tracking::process_inbox(store, &|instance| app.kind_of(instance), settings, now_ms)?;
    tracking::flush_due_batches(store, now_ms)?;
    tracking::next_batch_due(store)
}
