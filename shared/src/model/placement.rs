//! One entry's way into one instance.

use super::EntryState;

/// A placement's row number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlacementId(pub i64);

super::words! {
    /// Where a placement stands.
    PlacementState {
        /// Decided, not done: the durable queue.
        Queued = "queued",
        /// We added it.
        Added = "added",
        /// It was there before we came.
        Present = "present",
        /// It is on the instance's import-exclusion list.
        Excluded = "excluded",
        /// The instance refused it; tried again later while attempts are left.
        Failed = "failed",
        /// Was there once, is there no more.
        Removed = "removed",
    }
}

/// How far a title has come in an instance, by what the arr has told. Ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arrival {
    /// Nothing was told yet.
    Awaited,
    /// A release was found.
    Grabbed,
    /// There is something to watch.
    Available,
}

/// Where an entry stands whose placements stand like this. `None` for an entry without placements. What can be watched anywhere is
/// available, and stays so whatever else is open; short of that a refusal is told before a release that was found.
#[must_use]
pub fn entry_state(placements: &[(PlacementState, Arrival)]) -> Option<EntryState> {
    let farthest = placements.iter().map(|(_, arrival)| *arrival).max()?;
    let any = |wanted| placements.iter().any(|(state, _)| *state == wanted);
    Some(if farthest == Arrival::Available {
        EntryState::Available
    } else if any(PlacementState::Failed) {
        EntryState::Failed
    } else if farthest == Arrival::Grabbed {
        EntryState::Grabbed
    } else if placements.iter().all(|(state, _)| *state == PlacementState::Excluded) {
        EntryState::Excluded
    } else {
        EntryState::Requested
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_makes_an_entry_failed_and_only_exclusion_everywhere_makes_it_excluded() {
        use PlacementState::{Added, Excluded, Failed, Present, Queued};
        let cases: [(&[PlacementState], _); 6] = [
            (&[], None),
            (&[Queued], Some(EntryState::Requested)),
            (&[Added, Present], Some(EntryState::Requested)),
            (&[Added, Failed], Some(EntryState::Failed)),
            (&[Excluded], Some(EntryState::Excluded)),
            (&[Excluded, Added], Some(EntryState::Requested)),
        ];
        for (placements, expected) in cases {
            let placements: Vec<_> = placements.iter().map(|state| (*state, Arrival::Awaited)).collect();
            assert_eq!(entry_state(&placements), expected, "{placements:?}");
        }
    }

    #[test]
    fn what_arrived_anywhere_counts_for_the_entry() {
        use Arrival::{Available, Awaited, Grabbed};
        use PlacementState::{Added, Failed, Queued, Removed};
        let cases: [(&[_], _); 5] = [
            (&[(Added, Grabbed), (Queued, Awaited)], EntryState::Grabbed),
            (&[(Added, Available), (Queued, Awaited)], EntryState::Available),
            (&[(Added, Available), (Failed, Awaited)], EntryState::Available),
            (&[(Added, Grabbed), (Failed, Awaited)], EntryState::Failed),
            (&[(Removed, Available)], EntryState::Available),
        ];
        for (placements, expected) in cases {
            assert_eq!(entry_state(placements), Some(expected), "{placements:?}");
        }
    }
}
