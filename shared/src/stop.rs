//! Telling a run to stop: SIGTERM, or the run's own time limit. Work looks at [`Stop`] between steps and races its waiting
//! against [`Stop::wait`]; what was not finished is left for the next run.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a run was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// SIGTERM or SIGINT.
    Terminated,
    /// The run's own wall-clock limit.
    TimeLimit,
    /// Somebody waits for a run that is more urgent.
    GivesWay,
}

/// A flag that is raised once, can be asked at any time, and wakes everybody who waits for it. Clones share the flag.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<Option<StopReason>>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Stop {
    /// Raises the flag. The first reason stays.
    pub fn request(&self, reason: StopReason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    /// The reason, once the flag is up.
    #[must_use]
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until the flag is up.
    pub async fn wait(&self) -> StopReason {
        let mut receiver = self.0.subscribe();
        // The sender lives in `self`, so the channel cannot close while we wait.
        match receiver.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(StopReason::Terminated),
            Err(_) => StopReason::Terminated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays_and_wakes_those_who_wait() {
        let stop = Stop::default();
        assert_eq!(stop.reason(), None);
        let waiting = stop.clone();
        let waiter = tokio::spawn(async move { waiting.wait().await });
        tokio::task::yield_now().await;
        stop.request(StopReason::TimeLimit);
        stop.request(StopReason::Terminated);
        assert_eq!(waiter.await.unwrap(), StopReason::TimeLimit);
        assert_eq!(stop.reason(), Some(StopReason::TimeLimit));
    }
}
