//! `placements`: the durable queue of every instance, and what came of it.

use super::error::unknown_word;
use super::{Db, StoreError, TitleId};
use crate::clock::UnixMs;
use crate::model::{Arrival, EntryId, PlacementId, PlacementState};

/// That the pause of placement `p` is over at `?1`. One of more than two days was set by a clock that has since been put back, and
/// counts as over.
macro_rules! pause_is_over {
    () => {
        "(p.retry_at_ms <= ?1 OR p.retry_at_ms > ?1 + 2 * 86400000)"
    };
}

/// The placements whose turn it is at `?1`, as `p`: queued ones, and refused ones whose pause is over and whose entry has taken its
/// place in the quotas again. Entries that were closed meanwhile, and those of users who are not synced, are passed over.
macro_rules! due {
    () => {
        concat!(
            "placements p JOIN entries e ON e.id = p.entry_id JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE p.state IN ('queued', 'failed') AND e.closed_at_ms IS NULL AND (p.state = 'queued' OR (",
            pause_is_over!(),
            " AND EXISTS (SELECT 1 FROM quota_uses q WHERE q.entry_id = p.entry_id AND q.released_at_ms IS NULL)))"
        )
    };
}

/// That placement `p` is no longer to go to its instance: the last decision about its entry does not name it.
macro_rules! is_called_off {
    () => {
        "coalesce((\n\
             SELECT d.outcome <> 'route' OR NOT EXISTS (\n\
                 SELECT 1 FROM json_each(d.decision, '$.outcome.destinations') WHERE value ->> '$.instance' = p.instance)\n\
             FROM decisions d WHERE d.entry_id = p.entry_id ORDER BY d.id DESC LIMIT 1), 0)"
    };
}

/// That placement `p`, whose entry is to be decided anew, may have arrived by an attempt that never learned its answer. Somebody has
/// to look before anything is decided: what is there already, no decision takes away.
macro_rules! is_to_be_looked_for {
    () => {
        concat!(
            "p.state IN ('queued', 'failed') AND p.attempt_at_ms IS NOT NULL AND NOT ",
            crate::store::placements::is_called_off!()
        )
    };
}
pub(super) use {is_called_off, is_to_be_looked_for};

/// The placements in the instance `?2` whose turn it is at `?1`, without those that somebody has to look for first: those that were asked
/// about longest ago come first.
macro_rules! in_turn {
    () => {
        concat!(
            due!(),
            " AND p.instance = ?2 AND NOT (e.state = 'held' AND ",
            is_to_be_looked_for!(),
            ") ORDER BY CASE WHEN p.asked_at_ms <= ?1 THEN p.asked_at_ms ELSE 0 END, p.id",
        )
    };
}

/// The columns of [`QueuedPlacement`], of `placements p` and `entries e`.
macro_rules! queued_columns {
    () => {
        concat!(
            "p.id, p.entry_id, p.title_id, p.options, p.refusals, p.attempt_at_ms, e.state = 'held',\n\
                 p.attempt_at_ms IS NOT NULL AND ",
            is_called_off!(),
            ", e.user_id"
        )
    };
}

// Behind the conditions that they share.
mod failures;
mod outcome;
mod queue;
mod supposed;

pub use failures::{FailureFilter, FailureRow};
pub use queue::QueuedPlacement;

/// A placement, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacementRow {
    /// Our row.
    pub id: PlacementId,
    /// Into which instance.
    pub instance: String,
    /// Where it stands.
    pub state: PlacementState,
    /// When it was decided.
    pub queued_at_ms: UnixMs,
    /// How often the arr was asked to add it.
    pub attempts: u32,
    /// The body last sent, JSON.
    pub payload: Option<String>,
    /// What the arr said of where it stands.
    pub answer: Option<String>,
    /// When it is tried again.
    pub retry_at_ms: Option<UnixMs>,
    /// When it got where it stands.
    pub done_at_ms: Option<UnixMs>,
    /// How the arr first took it, of what was removed there since.
    pub taken: Option<Taken>,
    /// When the arr told that it found a release.
    pub grabbed_at_ms: Option<UnixMs>,
    /// When it told of the first import; of what was there with its file before anybody told, when we looked.
    pub available_at_ms: Option<UnixMs>,
}

/// How an arr first took a title that was removed there later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// When; unix milliseconds.
    pub at_ms: UnixMs,
    /// As what: added, or present.
    pub state: PlacementState,
    /// What the arr said.
    pub answer: Option<String>,
}

impl PlacementRow {
    /// How far the title has come, by what the arr has told.
    #[must_use]
    pub const fn arrival(&self) -> Arrival {
        match (self.grabbed_at_ms, self.available_at_ms) {
            (_, Some(_)) => Arrival::Available,
            (Some(_), None) => Arrival::Grabbed,
            (None, None) => Arrival::Awaited,
        }
    }
}

impl Db<'_> {
    /// Every placement of an entry, in the order in which they were queued.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn placements_of(self, entry: EntryId) -> Result<Vec<PlacementRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.of_entry\n\
             SELECT instance, state, queued_at_ms, attempts, payload, answer, retry_at_ms, done_at_ms, grabbed_at_ms,\n\
                 available_at_ms, id, taken_at_ms, taken_as, taken_answer\n\
             FROM placements WHERE entry_id = ?1 ORDER BY id",
        )?;
        let mut rows = query.query([entry.0])?;
        let mut placements = Vec::new();
        while let Some(row) = rows.next()? {
            let taken = match (row.get(11)?, row.get::<_, Option<String>>(12)?) {
                (Some(at_ms), Some(state)) => {
                    Some(Taken { at_ms, state: placement_state(&state)?, answer: row.get(13)? })
                }
                _ => None,
            };
            placements.push(PlacementRow {
                id: PlacementId(row.get(10)?),
                instance: row.get(0)?,
                state: placement_state(&row.get::<_, String>(1)?)?,
                queued_at_ms: row.get(2)?,
                attempts: row.get(3)?,
                payload: row.get(4)?,
                answer: row.get(5)?,
                retry_at_ms: row.get(6)?,
                done_at_ms: row.get(7)?,
                taken,
                grabbed_at_ms: row.get(8)?,
                available_at_ms: row.get(9)?,
            });
        }
        Ok(placements)
    }
}

pub(super) fn placement_state(word: &str) -> Result<PlacementState, StoreError> {
    PlacementState::from_word(word).ok_or_else(|| unknown_word("placements.state", word))
}
