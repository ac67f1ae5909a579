//! Acts on what came in: at once when a webhook arrives, at start on what an earlier life left, and when a batch of episodes is due.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::StoreError;
use pulsarr_shared::tracking::{self, TrackingSettings};
use tokio::sync::Notify;

use crate::app::App;
use crate::ending::DRAIN_WITHIN;

/// After a failure of the store, and at the latest when nothing happens: what the job put into the inbox, nobody here is told of.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Works until the service stops; what is acknowledged by then is done, or waits in the store for the next life. The last of it has
/// its time ([`DRAIN_WITHIN`]), also when the stop comes in the middle of a long step.
pub async fn work(app: Arc<App>, arrived: Arc<Notify>) {
    let too_late = async {
        app.stop.wait().await;
        tokio::time::sleep(DRAIN_WITHIN).await;
    };
    tokio::select! {
        () = work_to_the_end(&app, &arrived) => {}
        () = too_late => tracing::warn!("some of what came in was not acted on in time; the next start goes on with it"),
    }
}

async fn work_to_the_end(app: &Arc<App>, arrived: &Notify) {
    loop {
        let pause = step(app).await;
        tokio::select! {
            () = arrived.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = app.stop.wait() => break,
        }
    }
    step(app).await;
}

/// Works off what there is, a batch at a time: in between, whoever else wants the store has its turn. Answers how long there will be
/// nothing to do unless something arrives.
async fn step(app: &Arc<App>) -> Duration {
    match work_off(app).await {
        Ok(next_due_ms) => {
            let left = next_due_ms.map(|due| u64::try_from(due.saturating_sub(app.now_ms())).unwrap_or(0));
            left.map_or(LOOK_AGAIN_AFTER, Duration::from_millis).min(LOOK_AGAIN_AFTER)
        }
        Err(error) => {
            tracing::error!("what came in could not be acted on, and is kept: failed to {error}. {}", error.advice());
            LOOK_AGAIN_AFTER
        }
    }
}

/// Answers when the next batch of episodes is due.
async fn work_off(app: &Arc<App>) -> Result<Option<UnixMs>, StoreError> {
    let mut after = 0;
    while let Some(last) = one_batch(app, after).await? {
        after = last;
    }
    let now_ms = app.now_ms();
    let next_due_ms = app.database.write(move |store| {
        tracking::flush_due_batches(store, now_ms)?;
        tracking::next_batch_due(store, now_ms)
    });
    let next_due_ms = next_due_ms.await?;
    while app.database.write(move |store| tracking::tidy(store, now_ms)).await? {}
    Ok(next_due_ms)
}

/// Works off the webhooks behind row `after`. Answers the last one; `None` when there was none.
async fn one_batch(app: &Arc<App>, after: i64) -> Result<Option<i64>, StoreError> {
    let (worker, now_ms) = (Arc::clone(app), app.now_ms());
    let worked = app.database.write(move |store| {
        let settings = TrackingSettings::of(&worker.config().environment);
        tracking::process_batch(store, after, &|instance| worker.kind_of(instance), settings, now_ms)
    });
    Ok(worked.await?.map(|(last, _)| last))
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::stop::StopReason;
    use pulsarr_shared::store::{NewWebhook, Store};

    use super::*;
    use crate::ending::PARTS_WITHIN;
    use crate::testing;

    fn a_test(received_at_ms: UnixMs) -> NewWebhook {
        NewWebhook { instance: "gone".to_owned(), event: "Test".to_owned(), body: "{}".to_owned(), received_at_ms }
    }

    #[tokio::test]
    async fn others_have_their_turn_at_the_store_between_two_batches() {
        let service = testing::app(&[("PULSARR_AUTH", "disabled")]);
        let (app, webhooks) = (&service.app, vec![a_test(testing::NOW - 2 * 86_400_000); 250]);
        app.database.write(move |store| store.write(|db| db.add_to_inbox(&webhooks))).await.unwrap();
        // Both ask one after the other, on one thread: were the inbox worked off in one piece, nothing would be left to count.
        let work = step(app);
        let others = async {
            let mut left = Vec::new();
            for _ in 0..4 {
                left.push(app.database.write(|store| store.read().pending_webhook_count()).await.unwrap());
            }
            left
        };
        let (_, left) = tokio::join!(work, others);
        assert_eq!(left[0], 150, "after the first batch: {left:?}");
        assert_eq!(app.database.read(|db| db.pending_webhook_count()).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_was_acknowledged_before_the_stop_is_acted_on() {
        let service = testing::app(&[("PULSARR_AUTH", "disabled")]);
        let other = Store::open(service.folder.path(), false).unwrap();
        other.write(|db| db.add_to_inbox(&vec![a_test(testing::NOW - 2 * 86_400_000); 250])).unwrap();
        service.app.stop.request(StopReason::Terminated);
        work(Arc::clone(&service.app), Arc::default()).await;
        assert_eq!(other.read().pending_webhook_count().unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_keeps_nobody_from_ending_and_loses_nothing() {
        let service = testing::app(&[("PULSARR_AUTH", "disabled")]);
        let app = &service.app;
        let other = Store::open(service.folder.path(), false).unwrap();
        other.write(|db| db.add_to_inbox(&[a_test(testing::NOW - 2 * 86_400_000)])).unwrap();
        let (busy, until) = std::sync::mpsc::channel::<()>();
        let mut blocked = Box::pin(app.database.write(move |_| {
            // Ends when the sender is gone.
            let _ = until.recv();
            Ok(())
        }));
        assert!(futures_util::FutureExt::now_or_never(blocked.as_mut()).is_none());
        let working = tokio::spawn(work(Arc::clone(app), Arc::default()));
        tokio::task::yield_now().await;
        app.stop.request(StopReason::Terminated);
        tokio::time::timeout(PARTS_WITHIN, working).await.expect("it ends by itself").unwrap();
        assert_eq!(other.read().pending_webhook_count().unwrap(), 1);
        drop(busy);
        blocked.await.unwrap();
    }
}
