//! What came of a placement, and what follows for its entry.

use rusqlite::params;

use super::{Db, PlacementRow, QueuedPlacement, StoreError, TitleId};
use crate::clock::UnixMs;
use crate::model::{EntryId, EntryState, PlacementState, UserId, entry_state};
use crate::store::Undecided;

impl Db<'_> {
    /// Notes that the arr has not taken the last attempt, without saying why not: it waits for the next run. The entry follows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn postpone(self, placement: &QueuedPlacement, answer: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.postpone\n\
             UPDATE placements SET state = 'queued', attempt_at_ms = NULL, retry_at_ms = NULL, answer = ?2 WHERE id = ?1",
        )?;
        query.execute(params![placement.id.0, answer])?;
        self.follow_placements(placement.entry, None, now_ms)
    }

    /// Notes that the instance lacks what the options name. The placement keeps its place and the entry becomes `held`, so that
    /// every run decides anew: with other settings, other options come out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn hold_placement(self, placement: &QueuedPlacement, reason: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached(
                "-- placements.hold\n\
                 UPDATE placements SET state = 'queued', attempt_at_ms = NULL, retry_at_ms = NULL, answer = ?2 WHERE id = ?1",
            )?;
        query.execute(params![placement.id.0, reason])?;
        self.set_entry_state(placement.entry, EntryState::Held, Some(reason), now_ms)
    }

    /// Notes the arr's refusal in its own words, and when to ask again (`None`: not by itself). The entry follows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn refuse(
        self,
        placement: &QueuedPlacement,
        answer: &str,
        retry_at_ms: Option<UnixMs>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.refuse\n\
             UPDATE placements SET state = 'failed', refusals = refusals + 1, attempt_at_ms = NULL, answer = ?2, retry_at_ms = ?3\n\
             WHERE id = ?1",
        )?;
        query.execute(params![placement.id.0, answer, retry_at_ms])?;
        self.follow_placements(placement.entry, Some(answer), now_ms)
    }

    /// Takes a placement that was called off out of the queue, now that its attempt is known to have come to nothing. The entry stays
    /// where the decision put it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn drop_called_off(self, placement: &QueuedPlacement, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query =
            self.connection.prepare_cached("-- placements.drop_called_off\nDELETE FROM placements WHERE id = ?1")?;
        query.execute([placement.id.0])?;
        self.follow_place(placement.entry, now_ms)
    }

    /// Notes that a placement has reached its end. What the arr has told of the title meanwhile is taken over, and the entry follows. Of
    /// a title that is there with something to watch, see [`finish_with_file`](Self::finish_with_file).
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn finish(
        self,
        placement: &QueuedPlacement,
        state: PlacementState,
        answer: &str,
        arr_id: Option<i64>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        if matches!(state, PlacementState::Added | PlacementState::Present) {
            self.take_over_arrivals(placement.id, state == PlacementState::Added, false)?;
        }
        let mut query = self.connection.prepare_cached(
            "-- placements.finish\n\
             UPDATE placements SET state = ?2, attempt_at_ms = NULL, retry_at_ms = NULL, answer = ?3, arr_id = ?4,\n\
                 done_at_ms = ?5 WHERE id = ?1",
        )?;
        query.execute(params![placement.id.0, state.word(), answer, arr_id, now_ms])?;
        let reason = (state == PlacementState::Excluded).then_some(answer);
        self.follow_placements(placement.entry, reason, now_ms)
    }

    /// [`finish`](Self::finish) as present of a title that is there with something to watch. Where the arr has told of an import, that
    /// was when it became available; else it was by now. Nobody is told: it was there before.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn finish_with_file(self, placement: &QueuedPlacement, answer: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.take_over_arrivals(placement.id, false, true)?;
        self.finish(placement, PlacementState::Present, answer, None, now_ms)?;
        self.set_there(placement.id, placement.entry, now_ms)
    }

    /// Brings an entry up to date none of whose placements is queued any more; of queued ones more will be heard in this run.
    pub(in crate::store) fn follow_settled_placements(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        let placements = self.placements_of(entry)?;
        if placements.iter().any(|placement| placement.state == PlacementState::Queued) {
            return Ok(());
        }
        let telling = |it: &&PlacementRow| matches!(it.state, PlacementState::Failed | PlacementState::Excluded);
        let reason = placements.iter().find(telling).and_then(|placement| placement.answer.as_deref());
        self.follow_placements(entry, reason, now_ms)
    }

    pub(super) fn follow_placements(
        self,
        entry: EntryId,
        reason: Option<&str>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let placements = self.placements_of(entry)?;
        let standing: Vec<_> = placements.iter().map(|placement| (placement.state, placement.arrival())).collect();
        if let Some(state) = entry_state(&standing) {
            // A refusal is no reason for being available.
            let reason = reason.filter(|_| !matches!(state, EntryState::Grabbed | EntryState::Available));
            self.set_entry_state(entry, state, reason, now_ms)?;
        }
        self.follow_place(entry, now_ms)
    }

    /// Entries that an instance refused and whose pause is over, but that gave their place in the quotas back: oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn refused_without_place(self, now_ms: UnixMs) -> Result<Vec<Undecided>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.refused_without_place\n\
             SELECT DISTINCT e.id, e.user_id, e.title_id FROM placements p JOIN entries e ON e.id = p.entry_id\n\
                 JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE p.state = 'failed' AND e.closed_at_ms IS NULL AND e.state IN ('failed', 'available') AND ",
            pause_is_over!(),
            " AND NOT EXISTS (SELECT 1 FROM quota_uses q WHERE q.entry_id = e.id AND q.released_at_ms IS NULL) ORDER BY e.id",
        ))?;
        let rows = query.query_map([now_ms], |row| {
            Ok(Undecided { entry: EntryId(row.get(0)?), user: UserId(row.get(1)?), title: TitleId(row.get(2)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets a refused entry rest until `retry_at_ms` for another reason than the arr's. What the arr said stays.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn put_off(self, entry: EntryId, reason: &str, retry_at_ms: UnixMs, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.put_off\n\
             UPDATE placements SET retry_at_ms = ?2 WHERE entry_id = ?1 AND state = 'failed' AND retry_at_ms IS NOT NULL",
        )?;
        query.execute(params![entry.0, retry_at_ms])?;
        if self.is_available(entry)? {
            return Ok(());
        }
        self.set_entry_state(entry, EntryState::Failed, Some(reason), now_ms)
    }
}
