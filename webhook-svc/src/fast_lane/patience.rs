//! Whose list is looked at less often because its looks lead to nothing. Pure.
//!
//! A mark may change while the list does not, say because Plex repainted a poster. A run that finds nothing is an exception; from the
//! second in a row on, the next look waits, up to five minutes, until a run finds something.

use std::collections::BTreeMap;
use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, has_passed};

/// Runs in a row that may find nothing before looks pause.
const FOR_NOTHING: u32 = 2;

/// The first pause; each further run for nothing doubles it.
const FIRST: Duration = Duration::from_secs(40);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// What became of the runs that looks led to, by user.
#[derive(Debug, Default)]
pub struct Patience(BTreeMap<String, Vain>);

#[derive(Debug, Clone, Copy)]
struct Vain {
    runs: u32,
    last_ms: UnixMs,
}

impl Patience {
    /// Whether this user's list may be looked at.
    pub fn allows(&self, user: &str, now_ms: UnixMs) -> bool {
        self.0.get(user).is_none_or(|vain| {
            let doublings = vain.runs.checked_sub(FOR_NOTHING);
            let pause = doublings.map(|doublings| FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST));
            pause.is_none_or(|pause| has_passed(vain.last_ms, pause, now_ms))
        })
    }

    /// A look led to a run, and the run found the list as it was.
    pub fn for_nothing(&mut self, user: &str, now_ms: UnixMs) {
        let vain = self.0.entry(user.to_owned()).or_insert(Vain { runs: 0, last_ms: now_ms });
        *vain = Vain { runs: vain.runs.saturating_add(1), last_ms: now_ms };
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
    fn pause(patience: &Patience) -> i64 {
        (0..1_000).find(|second| patience.allows("ada", NOON + second * 1_000)).unwrap()
    }

    #[test]
    fn pauses_grow_from_the_second_run_for_nothing_and_end_with_news() {
        let mut patience = Patience::default();
        let pauses = [0, 0, 40, 80, 160, 300, 300].map(|expected| {
            assert_eq!(pause(&patience), expected);
            patience.for_nothing("ada", NOON);
        });
        assert_eq!(pauses.len(), 7);
        assert!(patience.allows("bea", NOON));
        assert!(patience.allows("ada", NOON - 1), "a clock that was put back");
        patience.news("ada");
        assert_eq!(pause(&patience), 0);
        patience.for_nothing("ada", NOON);
        assert_eq!(pause(&patience), 0, "and the count begins again");
    }
}
