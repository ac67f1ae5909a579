//! What a run would do, supposed to be done. Only where nothing lasts.

use std::collections::HashSet;

use rusqlite::params;

use super::{Db, StoreError, TitleId};
use crate::clock::UnixMs;
use crate::model::{EntryId, PlacementId, PlacementState};

impl Db<'_> {
    /// Takes every attempt that somebody would have to look for as come to nothing. Only where nothing lasts.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub(crate) fn suppose_attempts_failed(self) -> Result<(), StoreError> {
        self.connection.execute(
            concat!(
                "-- placements.suppose_attempts_failed\n\
                 UPDATE placements SET attempt_at_ms = NULL WHERE id IN (\n\
                     SELECT p.id FROM placements p JOIN entries e ON e.id = p.entry_id WHERE e.state = 'held' AND ",
                is_to_be_looked_for!(),
                ")",
            ),
            [],
        )?;
        Ok(())
    }

    /// Takes everything whose turn it is for added, as a run would find it if every arr took it; where an instance has a title for
    /// another wish, for already there. Only where nothing lasts.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written.
    pub(crate) fn suppose_added(self, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut suppose = self.connection.prepare_cached(
            "-- placements.suppose_added\n\
             UPDATE placements SET state = ?2, attempt_at_ms = NULL, retry_at_ms = NULL, answer = 'supposed', done_at_ms = ?3\n\
             WHERE id = ?1",
        )?;
        for (instance, _) in self.queue_lengths(now_ms)? {
            let mut there = self.titles_in(&instance)?;
            for (placement, entry, title) in self.due_in_short(&instance, now_ms)? {
                let state = if there.insert(title) { PlacementState::Added } else { PlacementState::Present };
                suppose.execute(params![placement.0, state.word(), now_ms])?;
                self.follow_placements(entry, None, now_ms)?;
            }
        }
        Ok(())
    }

    /// What [`Db::due_placements`] tells, as far as it takes no reading.
    fn due_in_short(self, instance: &str, now_ms: UnixMs) -> Result<Vec<(PlacementId, EntryId, TitleId)>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.due_in_short\nSELECT p.id, p.entry_id, p.title_id FROM ",
            in_turn!(),
        ))?;
        let rows = query.query_map(params![now_ms, instance], |row| {
            Ok((PlacementId(row.get(0)?), EntryId(row.get(1)?), TitleId(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The titles that an instance has, as far as anybody has found out.
    fn titles_in(self, instance: &str) -> Result<HashSet<TitleId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.titles_in\n\
             SELECT title_id FROM placements WHERE instance = ?1 AND state IN ('added', 'present')",
        )?;
        let rows = query.query_map([instance], |row| Ok(TitleId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
