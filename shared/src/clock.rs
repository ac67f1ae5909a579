//! Where time comes from. Everything that needs to know "now" takes a [`Clock`], so that tests own the calendar.
//!
//! Wall time (unix milliseconds) is what the store keeps. It may jump, forwards or backwards: nothing here assumes that it
//! grows, and every comparison of stored times goes through [`has_passed`]. How long something took is measured with
//! [`Stopwatch`], which is monotonic.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Unix time in milliseconds, UTC. Signed, because SQLite's integers are.
pub type UnixMs = i64;

/// The source of wall time.
pub trait Clock: Send + Sync {
    /// Now, in unix milliseconds. Two calls may go backwards.
    fn now_ms(&self) -> UnixMs;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    fn now_ms(&self) -> UnixMs {
        // A clock before 1970 is as good as 1970: stored times stay ordered after it.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now_ms`.
    pub const fn at(now_ms: UnixMs) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets the clock to any time, also an earlier one: real clocks do that when NTP catches up.
    pub fn jump_to(&self, now_ms: UnixMs) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> UnixMs {
        self.0.load(Ordering::SeqCst)
    }
}

/// Measures how long something takes, whatever the wall clock does meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts counting.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a monotonic start point never leaves this module")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start; never negative.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Whole milliseconds of `duration`, saturating.
#[must_use]
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whether `wait` has passed since the stored time `since_ms`. A stored time that lies in the future was written by a clock that
/// has since been set back: waiting for it could take years, so it counts as passed.
#[must_use]
pub fn has_passed(since_ms: UnixMs, wait: Duration, now_ms: UnixMs) -> bool {
    since_ms > now_ms || now_ms.saturating_sub(since_ms) >= millis(wait)
}

/// `at_ms` as RFC 3339 in UTC with milliseconds, `2026-11-23T12:00:00.000Z`.
#[must_use]
pub fn rfc3339(at_ms: UnixMs) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| "out of range".to_owned(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_time_from_the_future_counts_as_passed() {
        assert!(has_passed(5_000, Duration::from_secs(60), 4_000));
        assert!(!has_passed(5_000, Duration::from_secs(60), 5_000));
        assert!(has_passed(5_000, Duration::from_secs(60), 65_000));
    }

    #[test]
    fn times_are_printed_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(1_795_435_200_123), "2026-11-23T12:00:00.123Z");
    }
}
