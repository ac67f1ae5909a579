//! Compares what a watchlist shows with what is on record. Pure: no I/O, no clock.
//!
//! The rules, each of them a promise:
//! * Only a look that saw everything can say that something is missing.
//! * Missing is not gone: an entry is closed when two such looks in a row, at least [`CONFIRM_AFTER`] apart, did not see it.
//! * A list that has lost more than half of its entries is more likely a fault of Plex than a change of mind: what goes missing
//!   then, and what only such a look confirms, has to stay missing for [`CONFIRM_MASS_AFTER`]. The empty list is the plainest
//!   case.

use std::collections::HashSet;
use std::time::Duration;

use crate::clock::{UnixMs, millis};
use crate::model::{EntryId, OpenEntry, PlexId};

/// How long an entry must have been missing before a look may confirm that it is gone.
pub const CONFIRM_AFTER: Duration = Duration::from_secs(10 * 60);

/// The same when more than half of the list is missing.
pub const CONFIRM_MASS_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How much of a list a look has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every entry, first to last.
    Everything,
    /// Some of it; the rest is unknown.
    Part,
}

/// What a look at one list changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ListDiff {
    /// Positions in `seen` of titles that have no open entry, oldest addition first.
    pub appeared: Vec<usize>,
    /// Entries that had been missing and are back.
    pub returned: Vec<EntryId>,
    /// Entries that are missing for the first time, since now.
    pub missing: Vec<Missing>,
    /// Entries that are gone.
    pub closed: Vec<EntryId>,
    /// When the next complete look may confirm that missing entries are gone.
    pub confirm_at_ms: Option<UnixMs>,
    /// Open entries that the look did not see, whatever that means.
    pub absent: usize,
    /// More than half of the list is missing.
    pub mass: bool,
}

/// An entry that a complete look did not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The entry.
    pub id: EntryId,
    /// From when on another complete look confirms that it is gone.
    pub gone_after_ms: UnixMs,
}

/// What seeing `seen` (newest first, as Plex lists it) means for a list whose open entries are `open`.
#[must_use]
pub fn diff(open: &[OpenEntry], seen: &[&PlexId], coverage: Coverage, now_ms: UnixMs) -> ListDiff {
    let mut result = ListDiff::default();
    let on_record: HashSet<&PlexId> = open.iter().map(|entry| &entry.plex_id).collect();
    let mut on_list: HashSet<&PlexId> = HashSet::with_capacity(seen.len());
    for (position, plex_id) in seen.iter().enumerate() {
        if on_list.insert(plex_id) && !on_record.contains(plex_id) {
            result.appeared.push(position);
        }
    }
    // Oldest first, so that the queue serves what was wanted first.
    result.appeared.reverse();

    let (present, absent): (Vec<&OpenEntry>, Vec<&OpenEntry>) =
        open.iter().partition(|entry| on_list.contains(&entry.plex_id));
    result.returned = present.iter().filter(|entry| entry.missing_since_ms.is_some()).map(|entry| entry.id).collect();

    result.absent = absent.len();
    let whole = coverage == Coverage::Everything;
    result.mass = whole && absent.len() * 2 > open.len();
    let confirm_after = if result.mass { CONFIRM_MASS_AFTER } else { CONFIRM_AFTER };
    for entry in absent {
        // A mark from the future was made by a clock that has since been set back: it starts anew.
        let since = entry.missing_since_ms.filter(|since| *since <= now_ms);
        let gone_after_ms = match since {
            None if !whole => continue,
            None => {
                let gone_after_ms = now_ms.saturating_add(millis(confirm_after));
                result.missing.push(Missing { id: entry.id, gone_after_ms });
                gone_after_ms
            }
            Some(since) => {
                let marked = entry.gone_after_ms.unwrap_or_else(|| since.saturating_add(millis(CONFIRM_AFTER)));
                if result.mass { marked.max(since.saturating_add(millis(CONFIRM_MASS_AFTER))) } else { marked }
            }
        };
        if whole && gone_after_ms <= now_ms {
            result.closed.push(entry.id);
        } else {
            let earliest = result.confirm_at_ms.map_or(gone_after_ms, |earliest| earliest.min(gone_after_ms));
            result.confirm_at_ms = Some(earliest);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = 1_800_000_000_000;
    const MINUTE: UnixMs = 60_000;

    fn id(name: &str) -> PlexId {
        PlexId::parse(name).unwrap()
    }

    /// `a b? c` is a list of entries 1, 2, 3 of which `b` went missing `missing_for` minutes ago, when the rest was there; `b!`
    /// went missing together with most of the list.
    fn entries(text: &str, missing_for: UnixMs) -> Vec<OpenEntry> {
        text.split_whitespace()
            .enumerate()
            .map(|(index, name)| OpenEntry {
                id: EntryId(i64::try_from(index).unwrap() + 1),
                plex_id: id(name.trim_end_matches(['?', '!'])),
                missing_since_ms: name.ends_with(['?', '!']).then_some(NOW - missing_for * MINUTE),
                gone_after_ms: match name.chars().last() {
                    Some('?') => Some(NOW + (10 - missing_for) * MINUTE),
                    Some('!') => Some(NOW + (24 * 60 - missing_for) * MINUTE),
                    _ => None,
                },
            })
            .collect()
    }

    fn look(open: &str, missing_for: UnixMs, seen: &str, coverage: Coverage) -> ListDiff {
        let seen: Vec<PlexId> = seen.split_whitespace().map(id).collect();
        diff(&entries(open, missing_for), &seen.iter().collect::<Vec<_>>(), coverage, NOW)
    }

    fn missing(diff: &ListDiff) -> Vec<EntryId> {
        diff.missing.iter().map(|missing| missing.id).collect()
    }

    fn ids(numbers: &[i64]) -> Vec<EntryId> {
        numbers.iter().copied().map(EntryId).collect()
    }

    #[test]
    fn what_is_not_on_record_has_appeared_oldest_first_and_once() {
        let diff = look("a", 0, "z y a y", Coverage::Everything);
        assert_eq!(diff.appeared, [1, 0]);
        assert_eq!(diff.closed, []);
        assert_eq!(diff.missing, []);
    }

    #[test]
    fn the_first_complete_look_without_it_only_marks_it() {
        let diff = look("a b c", 0, "a c", Coverage::Everything);
        assert_eq!((missing(&diff), diff.closed), (ids(&[2]), ids(&[])));
        assert_eq!(diff.confirm_at_ms, Some(NOW + 10 * MINUTE));
    }

    #[test]
    fn the_second_complete_look_closes_it_when_ten_minutes_have_passed() {
        assert_eq!(look("a b? c", 9, "a c", Coverage::Everything).closed, ids(&[]));
        assert_eq!(look("a b? c", 10, "a c", Coverage::Everything).closed, ids(&[2]));
    }

    #[test]
    fn a_partial_look_never_marks_and_never_closes() {
        let diff = look("a b? c", 10_000, "a", Coverage::Part);
        assert_eq!((missing(&diff), diff.closed), (ids(&[]), ids(&[])));
        assert_eq!(diff.confirm_at_ms, Some(NOW - 10_000 * MINUTE + 10 * MINUTE), "a complete look is due");
    }

    #[test]
    fn what_is_seen_again_is_back_also_in_a_partial_look() {
        for coverage in [Coverage::Everything, Coverage::Part] {
            let diff = look("a b?", 500, "b a", coverage);
            assert_eq!((diff.returned, diff.closed, diff.confirm_at_ms), (ids(&[2]), ids(&[]), None));
        }
    }

    #[test]
    fn a_list_that_comes_back_empty_waits_for_a_day() {
        let first = look("a b c", 0, "", Coverage::Everything);
        assert!(first.mass);
        assert_eq!((missing(&first), &first.closed), (ids(&[1, 2, 3]), &ids(&[])));
        assert_eq!(first.confirm_at_ms, Some(NOW + 24 * 60 * MINUTE));
        assert_eq!(look("a! b! c!", 23 * 60, "", Coverage::Everything).closed, ids(&[]));
        assert_eq!(look("a! b! c!", 24 * 60, "", Coverage::Everything).closed, ids(&[1, 2, 3]));
    }

    #[test]
    fn what_went_missing_with_most_of_the_list_waits_for_its_day_even_when_the_list_grows_again() {
        assert_eq!(look("a! b! c! d e f g", 60, "g f e d", Coverage::Everything).closed, ids(&[]));
        assert_eq!(look("a! b! c! d e f g", 24 * 60, "g f e d", Coverage::Everything).closed, ids(&[1, 2, 3]));
    }

    #[test]
    fn an_empty_list_confirms_nothing_that_went_missing_before_it() {
        let diff = look("a? b c", 30, "", Coverage::Everything);
        assert_eq!((missing(&diff), diff.closed), (ids(&[2, 3]), ids(&[])));
    }

    #[test]
    fn half_of_a_list_is_a_change_of_mind_and_more_than_half_is_a_fault() {
        assert!(!look("a b", 0, "a", Coverage::Everything).mass);
        assert!(look("a b c", 0, "a", Coverage::Everything).mass);
    }

    #[test]
    fn a_mark_from_the_future_starts_again_from_now() {
        let diff = look("a b c?", -60, "a b", Coverage::Everything);
        assert_eq!((missing(&diff), diff.closed), (ids(&[3]), ids(&[])));
        assert_eq!(diff.confirm_at_ms, Some(NOW + 10 * MINUTE));
    }

    /// Whatever sequence of looks comes: nothing is closed that a look has seen within the confirmation time, and a second
    /// identical complete look right after the first changes nothing.
    #[test]
    fn random_looks_never_close_what_was_just_seen() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let names: Vec<PlexId> = (0..12).map(|n| id(&format!("t{n}"))).collect();
            let mut open: Vec<OpenEntry> = Vec::new();
            let mut last_seen = vec![UnixMs::MIN; names.len()];
            let (mut now, mut next_id) = (NOW, 0);
            for _ in 0..12 {
                now += random.i64(0..30 * MINUTE);
                let seen: Vec<&PlexId> = names.iter().filter(|_| random.bool()).collect();
                let coverage = if random.bool() { Coverage::Everything } else { Coverage::Part };
                for (position, name) in names.iter().enumerate() {
                    if seen.contains(&name) {
                        last_seen[position] = now;
                    }
                }
                let change = diff(&open, &seen, coverage, now);
                for closed in &change.closed {
                    let entry = open.iter().find(|entry| entry.id == *closed).unwrap();
                    let position = names.iter().position(|name| *name == entry.plex_id).unwrap();
                    assert!(now - last_seen[position] >= 10 * MINUTE);
                    assert_eq!(coverage, Coverage::Everything);
                }
                apply(&mut open, &change, &seen, now, &mut next_id);
                let again = diff(&open, &seen, coverage, now);
                assert_eq!(
                    (again.appeared, again.missing, again.returned),
                    (vec![], vec![], vec![]),
                    "the second plan after applying the first is empty"
                );
                // Closing changes how much of the list is missing, so only a look that was no mass look settles everything.
                assert!(change.mass || again.closed.is_empty());
            }
        }
    }

    fn apply(open: &mut Vec<OpenEntry>, change: &ListDiff, seen: &[&PlexId], now: UnixMs, next_id: &mut i64) {
        open.retain(|entry| !change.closed.contains(&entry.id));
        for entry in open.iter_mut() {
            if let Some(missing) = change.missing.iter().find(|missing| missing.id == entry.id) {
                entry.missing_since_ms = Some(now);
                entry.gone_after_ms = Some(missing.gone_after_ms);
            }
            if change.returned.contains(&entry.id) {
                entry.missing_since_ms = None;
                entry.gone_after_ms = None;
            }
        }
        for position in &change.appeared {
            *next_id += 1;
            open.push(OpenEntry {
                id: EntryId(*next_id),
                plex_id: seen[*position].clone(),
                missing_since_ms: None,
                gone_after_ms: None,
            });
        }
    }
}
