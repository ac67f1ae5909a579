//! What a year of requests comes to, for charts.

use std::sync::{Arc, Mutex, PoisonError};

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::tally::{PERIODS, Period};

/// What was counted last.
#[derive(Default)]
pub struct Insights {
    kept: Mutex<Option<Kept>>,
    /// Held while somebody counts.
    pub counting: tokio::sync::Mutex<()>,
}

/// What happened in each of [`PERIODS`].
pub type Periods = Arc<[Period; PERIODS.len()]>;

/// A count.
#[derive(Clone)]
pub struct Kept {
    /// When it was made; unix milliseconds.
    pub at_ms: UnixMs,
    /// What it came to.
    pub periods: Periods,
}

impl Insights {
    /// What was counted last, if anything was.
    pub fn kept(&self) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was counted at most so long ago.
    pub fn within(&self, age_ms: UnixMs, now_ms: UnixMs) -> Option<Periods> {
        // One of the future was counted by a clock that has since been put back.
        self.kept().filter(|kept| (0..age_ms).contains(&now_ms.saturating_sub(kept.at_ms))).map(|kept| kept.periods)
    }

    /// What is told from now on.
    pub fn keep(&self, kept: Kept) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}
