//! When runs are asked to make way for the owner's list. Pure.
//!
//! A run that gives way begins anew afterwards, so it is not to be asked so often that it never gets on. An owner who adds one title
//! after the other looks every 20 seconds like somebody who waits, and is not kept waiting; a list that Plex merely repaints is.

use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, has_passed};

/// Between two times, when the owner's last run has found something.
const AFTER_NEWS: Duration = Duration::from_secs(20);

/// Between two times, when it has not.
const AFTER_NOTHING: Duration = Duration::from_secs(60);

/// When others were asked last, and what it was good for.
#[derive(Debug, Default)]
pub struct Way {
    asked_at_ms: Option<UnixMs>,
    for_nothing: bool,
}

impl Way {
    /// Whether others may be asked to make way now.
    pub fn may_be_asked_for(&self, now_ms: UnixMs) -> bool {
        let pause = if self.for_nothing { AFTER_NOTHING } else { AFTER_NEWS };
        self.asked_at_ms.is_none_or(|at| has_passed(at, pause, now_ms))
    }

    /// They are asked.
    pub const fn asked(&mut self, now_ms: UnixMs) {
        self.asked_at_ms = Some(now_ms);
    }

    /// A run for the owner's list has ended; `news` when it has found the list changed.
    pub const fn came_to(&mut self, news: bool) {
        self.for_nothing = !news;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    /// Seconds from each time that others make way to the next, while the owner always waits and each run comes to this.
    fn gaps(news: bool, seconds: i64) -> Vec<i64> {
        let (mut way, mut asked_at) = (Way::default(), Vec::new());
        for second in 0..seconds {
            let now_ms = NOON + second * 1_000;
            if way.may_be_asked_for(now_ms) {
                way.asked(now_ms);
                way.came_to(news);
                asked_at.push(second);
            }
        }
        asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn whoever_adds_on_and_on_waits_20_s_at_most_and_a_repainted_list_stops_others_once_a_minute() {
        assert_eq!(gaps(true, 101), [20; 5]);
        assert_eq!(gaps(false, 301), [60; 5]);
    }

    #[test]
    fn a_clock_that_is_put_back_keeps_nobody_waiting() {
        let mut way = Way::default();
        way.asked(NOON);
        assert!(!way.may_be_asked_for(NOON + 1_000));
        assert!(way.may_be_asked_for(NOON - 365 * 86_400_000));
    }
}
