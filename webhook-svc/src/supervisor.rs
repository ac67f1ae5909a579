//! Keeps the service's parts alive: one that panics is started again after a pause, and everything else goes on meanwhile.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::App;

/// The pause before a part that died is started again.
pub const RESTART_PAUSE: Duration = Duration::from_secs(10);

/// Lives `live` until it ends by itself, and anew whenever it panicked, until the service stops. `part` is how the log calls it.
pub async fn keep_alive<L>(app: Arc<App>, part: &str, live: impl Fn(Arc<App>) -> L)
where
    L: Future<Output = ()> + Send + 'static,
{
    loop {
        let Err(died) = tokio::spawn(live(Arc::clone(&app))).await else { return };
        app.part_restarts.fetch_add(1, Ordering::Relaxed);
        tracing::error!("{part} died ({died}); it is started again in {} s", RESTART_PAUSE.as_secs());
        tokio::select! {
            () = tokio::time::sleep(RESTART_PAUSE) => {}
            _ = app.stop.wait() => return,
        }
    }
}

/// From now on a panic is an error in the log, where it happened included, and not lines of another form between its lines.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| tracing::error!("a mistake of ours: {panic}")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use pulsarr_shared::stop::StopReason;
    use std::sync::atomic::AtomicU32;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_dies_lives_again_until_it_ends_by_itself() {
        let service = testing::app(&[]);
        let lives = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&lives);
        let live = move |_| {
            let lives = Arc::clone(&counted);
            async move { assert_eq!(lives.fetch_add(1, Ordering::Relaxed), 2, "a mistake") }
        };
        keep_alive(Arc::clone(&service.app), "the test", live).await;
        assert_eq!(lives.load(Ordering::Relaxed), 3);
        assert_eq!(service.app.part_restarts.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_started_again_after_the_stop() {
        let service = testing::app(&[]);
        service.app.stop.request(StopReason::Terminated);
        keep_alive(Arc::clone(&service.app), "the test", |_| async { panic!("a mistake") }).await;
        assert_eq!(service.app.part_restarts.load(Ordering::Relaxed), 1);
    }
}
