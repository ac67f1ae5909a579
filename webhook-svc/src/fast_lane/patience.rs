//! Whose list is looked at less often because its looks lead to nothing. Pure.
//!
//! A mark may change while the list does not, say because Plex repainted a poster. A run that finds nothing is an exception; from the
//! second in a row on, the next look waits, up to five minutes, until a run finds something. The owner's waits less: an addition of
//! theirs is to arrive within half a minute, whatever Plex repaints.

use std::collections::BTreeMap;
use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, has_passed};

/// Runs in a row that may find nothing before looks pause.
const FOR_NOTHING: u32 = 2;

/// The first pause; each further run for nothing doubles it.
const FIRST: Duration = Duration::from_secs(40);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The longest pause for the owner's list: well below the usual 20 seconds between two looks, so that none of those is left out and
/// the next one 40 seconds away.
const LONGEST_OWN: Duration = Duration::from_secs(10);

/// What became of the runs that looks led to, by user.
#[derive(Debug, Default)]
pub struct Patience(BTreeMap<String, Vain>);

#[derive(Debug, Clone, Copy)]
struct Vain {
    runs: u32,
    last_ms: UnixMs,
}

impl Patience {
    /// Whether this user's list may be looked at; `own` when it is the owner's.
    pub fn allows(&self, user: &str, own: bool, now_ms: UnixMs) -> bool {
        self.0.get(user).is_none_or(|vain| {
            let doublings = vain.runs.checked_sub(FOR_NOTHING);
            let pause = doublings.map(|doublings| FIRST.saturating_mul(1 << doublings.min(16)).min(Self::longest(own)));
            pause.is_none_or(|pause| has_passed(vain.last_ms, pause, now_ms))
        })
    }

    /// The longest pause between two looks.
    pub const fn longest(own: bool) -> Duration {
        if own { LONGEST_OWN } else { LONGEST }
    }

    /// A look led to a run, and the run found the list as it was. Answers whether looks pause from now on, and did not before.
    pub fn for_nothing(&mut self, user: &str, now_ms: UnixMs) -> bool {
        let vain = self.0.entry(user.to_owned()).or_insert(Vain { runs: 0, last_ms: now_ms });
        *vain = Vain { runs: vain.runs.saturating_add(1), last_ms: now_ms };
        vain.runs == FOR_NOTHING
    }

    /// Users whose looks pause.
    pub fn paused(&self) -> u64 {
        self.0.values().filter(|vain| vain.runs >= FOR_NOTHING).count() as u64
    }

    /// A run found that the list has changed.
    pub fn news(&mut self, user: &str) {
        self.0.remove(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    /// Seconds until this user's list may be looked at.
    fn pause(patience: &Patience, own: bool) -> i64 {
        (0..1_000).find(|second| patience.allows("ada", own, NOON + second * 1_000)).unwrap()
    }

    #[test]
    fn pauses_grow_from_the_second_run_for_nothing_and_end_with_news() {
        let mut patience = Patience::default();
        let pauses = [0, 0, 40, 80, 160, 300, 300].map(|expected| {
            assert_eq!(pause(&patience, false), expected);
            patience.for_nothing("ada", NOON);
        });
        assert_eq!(pauses.len(), 7);
        assert!(patience.allows("bea", false, NOON));
        assert!(patience.allows("ada", false, NOON - 1), "a clock that was put back");
        patience.news("ada");
        assert_eq!(pause(&patience, false), 0);
        patience.for_nothing("ada", NOON);
        assert_eq!(pause(&patience, false), 0, "and the count begins again");
    }

    #[test]
    fn the_owners_list_pauses_for_10_seconds_at_most_however_often_it_was_for_nothing() {
        let mut patience = Patience::default();
        let begun = [0, 0, 10, 10, 10, 10].map(|expected| {
            assert_eq!(pause(&patience, true), expected);
            patience.for_nothing("ada", NOON)
        });
        assert_eq!(begun, [false, true, false, false, false, false], "told once");
        assert_eq!(patience.paused(), 1);
        patience.news("ada");
        assert_eq!(patience.paused(), 0);
    }
}
