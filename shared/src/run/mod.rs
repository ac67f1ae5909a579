//! What every part of a run needs at hand: the store, the settings, the time, the order to stop, and a way to say how far it is.

mod progress;

pub use progress::{Position, Progress, RunStage};

use std::time::Duration;

use crate::clock::{Clock, Stopwatch};
use crate::config::Config;
use crate::model::{EntryId, UserId};
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

/// Whose titles alone a run decides about and adds.
#[derive(Debug, Clone, Copy)]
pub struct Only {
    /// Whose.
    pub user: UserId,
    /// No more than so many, those that appeared last; the rest is another run's.
    pub newest: Option<usize>,
}

impl Only {
    /// Takes everything else out of `waiting`, of which there is at most one per entry. Its order stays.
    pub fn keep<T>(self, waiting: &mut Vec<T>, of: impl Fn(&T) -> (UserId, EntryId)) {
        waiting.retain(|it| of(it).0 == self.user);
        let Some(before) = self.newest.and_then(|newest| waiting.len().checked_sub(newest)) else { return };
        let mut entries: Vec<EntryId> = waiting.iter().map(|it| of(it).1).collect();
        entries.sort_unstable();
        waiting.retain(|it| entries.get(before).is_some_and(|first| of(it).1 >= *first));
    }
}

impl Run<'_> {
    /// How much time there is until this share of the run's whole time is over.
    #[must_use]
    pub fn time_until(&self, share: f64) -> Duration {
        let whole = Duration::from_secs(self.config.environment.run_limit_s);
        whole.mul_f64(share).saturating_sub(self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_of_one_user_are_kept_and_in_their_order() {
        let check = |newest: Option<usize>, expected: &[i64]| {
            let mut waiting = vec![(7, 3), (8, 9), (7, 1), (7, 4), (7, 2)];
            Only { user: UserId(7), newest }.keep(&mut waiting, |(user, entry)| (UserId(*user), EntryId(*entry)));
            assert_eq!(waiting.iter().map(|(_, entry)| *entry).collect::<Vec<_>>(), expected, "{newest:?}");
        };
        check(None, &[3, 1, 4, 2]);
        check(Some(5), &[3, 1, 4, 2]);
        check(Some(4), &[3, 1, 4, 2]);
        check(Some(2), &[3, 4]);
        check(Some(0), &[]);
    }
}
