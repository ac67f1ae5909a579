//! Tells whether the lane hangs: its loop lives and none of its turns ends. Pure.

use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, millis};

/// How often to ask.
pub const ASK_EVERY: Duration = Duration::from_secs(10);

/// How long no turn may end.
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Watches a count of turns.
#[derive(Debug, Clone, Copy)]
pub struct Watchdog {
    turns: u64,
    asked_at_ms: UnixMs,
    silent_ms: i64,
}

impl Watchdog {
    /// Begins to watch at `now_ms`, with so many turns done.
    pub const fn new(turns: u64, now_ms: UnixMs) -> Self {
        Self { turns, asked_at_ms: now_ms, silent_ms: 0 }
    }

    /// Whether the count has stood still for [`PATIENCE`]. Time counts from question to question and never as more than twice the
    /// usual: a clock that jumps is nobody's silence.
    pub fn hangs(&mut self, turns: u64, now_ms: UnixMs) -> bool {
        let passed = now_ms.saturating_sub(self.asked_at_ms).clamp(0, 2 * millis(ASK_EVERY));
        let silent_ms = if turns == self.turns { self.silent_ms.saturating_add(passed) } else { 0 };
        *self = Self { turns, asked_at_ms: now_ms, silent_ms };
        silent_ms >= millis(PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    #[test]
    fn five_minutes_without_a_turn_are_a_hang() {
        let mut watchdog = Watchdog::new(0, NOON);
        for asked in 1..30 {
            assert!(!watchdog.hangs(0, NOON + asked * 10_000), "{asked}");
        }
        assert!(watchdog.hangs(0, NOON + 300_000));
        assert!(!watchdog.hangs(1, NOON + 310_000));
        assert!(!watchdog.hangs(1, NOON + 320_000));
    }

    #[test]
    fn a_clock_that_jumps_is_no_hang() {
        let mut watchdog = Watchdog::new(0, NOON);
        for at_ms in [NOON + 86_400_000, NOON - 86_400_000, NOON, NOON + 10_000] {
            assert!(!watchdog.hangs(0, at_ms));
        }
    }
}
