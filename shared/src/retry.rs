//! How long to wait before trying again: seconds for an HTTP request, hours for a title that an arr refused or a webhook that could not
//! be acted on.
//!
//! The only module that uses the crate `backoff`, which nobody maintains any more (RUSTSEC-2025-0012). Nothing of it shows in
//! these signatures, so replacing it is a change to this file. It refuses to wait, and to know what is tried.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The longest wait between two tries of one HTTP request.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// How far a delay may differ from its nominal value, either way.
const JITTER: f64 = 0.2;
/// The rest of a title after the first refusal.
const FIRST_PLACEMENT_PAUSE: Duration = Duration::from_secs(10 * 60);
/// The longest rest of a title.
const LONGEST_PLACEMENT_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// The rest of a webhook after it could not be acted on for the first time.
const FIRST_WEBHOOK_PAUSE: Duration = Duration::from_secs(30);
/// The longest rest of a webhook.
pub const LONGEST_WEBHOOK_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);
/// Failures after which a rest has long stopped growing.
const GROWING_STEPS: u32 = 16;

/// How often one HTTP request is tried, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The nominal wait before the second try; each later one doubles, up to ten seconds. Zero: nobody waits at all.
    pub first: Duration,
    /// Tries in all, the first included; 0 and 1 both mean "once".
    pub max_attempts: u32,
}

impl Default for Retry {
    /// One try and three repeats, after about 1, 2 and 4 seconds.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max_attempts: 4 }
    }
}

impl Retry {
    /// The wait before each repeat, in order: `max_attempts - 1` of them, each up to a fifth longer or shorter than nominal so
    /// that callers who failed together do not come back together.
    pub fn delays(self) -> impl Iterator<Item = Duration> + Send + use<> {
        let mut growing = doubling(self.first, LONGEST_DELAY, JITTER);
        (1..self.max_attempts).map(move |_| {
            if self.first.is_zero() { Duration::ZERO } else { growing.next_backoff().unwrap_or(LONGEST_DELAY) }
        })
    }
}

/// How long a title rests that an arr has refused `attempts` times: ten minutes after the first refusal, doubling up to a day.
/// The same number gives the same rest, in whole seconds; 0 counts as 1.
#[must_use]
pub fn placement_pause(attempts: u32) -> Duration {
    nth_pause(attempts, FIRST_PLACEMENT_PAUSE, LONGEST_PLACEMENT_PAUSE)
}

/// How long a webhook rests that could not be acted on `attempts` times: half a minute after the first time, doubling up to six hours.
/// The same number gives the same rest, in whole seconds; 0 counts as 1.
#[must_use]
pub fn webhook_pause(attempts: u32) -> Duration {
    nth_pause(attempts, FIRST_WEBHOOK_PAUSE, LONGEST_WEBHOOK_PAUSE)
}

fn nth_pause(attempts: u32, first: Duration, longest: Duration) -> Duration {
    let mut growing = doubling(first, longest, 0.0);
    let mut pause = first;
    for _ in 0..attempts.clamp(1, GROWING_STEPS) {
        pause = growing.next_backoff().unwrap_or(longest);
    }
    // Even without jitter the crate adds a fraction of a nanosecond at random.
    Duration::from_secs(pause.as_secs())
}

fn doubling(first: Duration, longest: Duration, jitter: f64) -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(first)
        .with_multiplier(2.0)
        .with_max_interval(longest)
        .with_randomization_factor(jitter)
        .with_max_elapsed_time(None)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_within_their_jitter_up_to_ten_seconds() {
        let delays: Vec<_> = Retry { first: Duration::from_secs(1), max_attempts: 7 }.delays().collect();
        assert_eq!(delays.len(), 6);
        for (delay, nominal_ms) in delays.iter().zip([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
            let allowed = nominal_ms * 8 / 10..=nominal_ms * 12 / 10;
            assert!(allowed.contains(&delay.as_millis()), "{delay:?} for {nominal_ms} ms");
        }
    }

    #[test]
    fn without_a_first_delay_nobody_waits() {
        let delays: Vec<_> = Retry { first: Duration::ZERO, max_attempts: 4 }.delays().collect();
        assert_eq!(delays, [Duration::ZERO; 3]);
        assert_eq!(Retry { max_attempts: 1, ..Retry::default() }.delays().count(), 0);
        assert_eq!(Retry { max_attempts: 0, ..Retry::default() }.delays().count(), 0);
    }

    #[test]
    fn a_refused_title_rests_ten_minutes_and_then_ever_longer_up_to_a_day() {
        let minutes: Vec<_> = (0..12).map(|attempts| placement_pause(attempts).as_secs() / 60).collect();
        assert_eq!(minutes, [10, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]);
        assert_eq!(placement_pause(u32::MAX), Duration::from_secs(24 * 60 * 60));
    }

    #[test]
    fn a_webhook_rests_half_a_minute_and_then_ever_longer_up_to_six_hours() {
        let seconds: Vec<_> = (0..13).map(|attempts| webhook_pause(attempts).as_secs()).collect();
        assert_eq!(seconds, [30, 30, 60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360, 21_600, 21_600]);
        assert_eq!(webhook_pause(u32::MAX), LONGEST_WEBHOOK_PAUSE);
    }
}
