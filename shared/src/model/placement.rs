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

/// Where an entry stands whose placements stand like this. `None` for an entry without placements.
#[must_use]
pub fn entry_state(placements: &[PlacementState]) -> Option<EntryState> {
    let any = |state| placements.contains(&state);
    if placements.is_empty() {
        None
    } else if any(PlacementState::Failed) {
        Some(EntryState::Failed)
    } else if placements.iter().all(|state| *state == PlacementState::Excluded) {
        Some(EntryState::Excluded)
    } else {
        Some(EntryState::Requested)
    }
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
            assert_eq!(entry_state(placements), expected, "{placements:?}");
        }
    }
}
