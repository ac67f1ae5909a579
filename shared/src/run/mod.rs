//! What every part of a run needs at hand: the store, the settings, the time, the order to stop, and a way to say how far it is.

mod progress;

pub use progress::{Position, Progress, RunStage};

use std::time::Duration;

use crate::clock::{Clock, Stopwatch};
use crate::config::Config;
use crate::stop::Stop;
use crate::store::Store;

/// One run's surroundings.
pub struct Run<'a> {
    /// Its id, as in the store, the log and the report.
    pub id: &'a str,
    /// The database; in a dry run a copy of it in memory.
    pub store: &'a Store,
    /// Environment and settings.
    pub config: &'a Config,
    /// Wall time.
    pub clock: &'a dyn Clock,
    /// The order to stop.
    pub stop: &'a Stop,
    /// How far it is.
    pub progress: Progress<'a>,
    /// Since it began.
    pub started: Stopwatch,
}

impl Run<'_> {
    /// How much time there is until this share of the run's whole time is over.
    #[must_use]
    pub fn time_until(&self, share: f64) -> Duration {
        let whole = Duration::from_secs(self.config.environment.run_limit_s);
        whole.mul_f64(share).saturating_sub(self.started.elapsed())
    }
}
