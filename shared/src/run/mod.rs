//! What every part of a run needs at hand: the store, the settings, the time, the order to stop, and a way to say how far it is.

mod progress;

pub use progress::{Position, Progress, RunStage};

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
