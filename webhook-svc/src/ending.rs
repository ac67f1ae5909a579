//! The end of the service: every part has its time to finish what it is at, and none may keep the others from being done with.

use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

/// How long the parts have once the service stops, all at once.
pub const PARTS_WITHIN: Duration = Duration::from_secs(10);

/// How long what was acknowledged is acted on once the service stops; the rest waits in the inbox for the next life.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(8);

/// How long a run has after the parts.
pub const RUN_WITHIN: Duration = Duration::from_secs(8);

/// Kubernetes kills what has not ended by then (`terminationGracePeriodSeconds`).
const KILLED_AFTER: Duration = Duration::from_secs(20);

const _: () = assert!(DRAIN_WITHIN.as_secs() < PARTS_WITHIN.as_secs(), "whoever drains ends by itself");
const _: () =
    assert!(PARTS_WITHIN.as_secs() + RUN_WITHIN.as_secs() < KILLED_AFTER.as_secs(), "and so does the service");

/// Waits for the end of `parts`, which have heard of the stop, so long at most. One that does not end is named in a warning and left
/// behind: whatever was acknowledged waits in the store.
///
/// # Errors
/// The first part that died, once the others have had their time too.
pub async fn of_parts(parts: Vec<(&'static str, JoinHandle<()>)>, within: Duration) -> Result<(), JoinError> {
    let endings = parts.into_iter().map(|(name, part)| async move {
        timeout(within, part).await.unwrap_or_else(|_| {
            tracing::warn!("{name} did not end within {} s and is left behind", within.as_secs());
            Ok(())
        })
    });
    futures_util::future::join_all(endings).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test(start_paused = true)]
    async fn parts_that_hang_are_left_behind_together_while_the_others_end() {
        let ended = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&ended);
        let well = tokio::spawn(async move {
            tokio::time::sleep(PARTS_WITHIN / 2).await;
            said.store(true, Ordering::Relaxed);
        });
        let hung = || tokio::spawn(std::future::pending());
        let began = tokio::time::Instant::now();
        of_parts(vec![("one", hung()), ("two", well), ("three", hung())], PARTS_WITHIN).await.unwrap();
        assert!(ended.load(Ordering::Relaxed));
        // The clock is paused, so that this is no matter of speed; the timer counts whole milliseconds.
        assert!(began.elapsed() < PARTS_WITHIN * 3 / 2, "not one after the other");
    }

    #[tokio::test]
    async fn a_part_that_died_is_told_of() {
        let died = tokio::spawn(async { panic!("died") });
        let well = tokio::spawn(async {});
        assert!(of_parts(vec![("one", died), ("two", well)], PARTS_WITHIN).await.unwrap_err().is_panic());
    }
}
