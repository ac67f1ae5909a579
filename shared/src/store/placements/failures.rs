//! What instances refused, and what people say to it.

use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{EntryId, EntryState, PlacementId, UserId};

/// Which of the titles that instances refused are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureFilter {
    /// Only what this instance refused.
    pub instance: Option<String>,
    /// Only what is on this user's list.
    pub user: Option<UserId>,
}

/// A title that an instance refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    /// The placement.
    pub id: PlacementId,
    /// For which entry.
    pub entry: EntryId,
    /// Whose list it is on.
    pub user: UserId,
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// Which instance.
    pub instance: String,
    /// The arr's own words.
    pub answer: String,
    /// How often the arr was asked to add it.
    pub attempts: u32,
    /// What is said of the entry, as a sentence.
    pub reason: Option<String>,
    /// When it is tried again; `None`: not by itself.
    pub retry_at_ms: Option<UnixMs>,
}

/// Every page asks this.
const FAILURE_COUNT: &str = "-- placements.failure_count\n\
    SELECT count(*) FROM placements p CROSS JOIN entries e ON e.id = p.entry_id\n\
    WHERE p.state = 'failed' AND e.closed_at_ms IS NULL";

impl Db<'_> {
    /// The open entries that an instance refused, in the order in which they were queued.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn failures(self) -> Result<Vec<FailureRow>, StoreError> {
        self.failure_page(&FailureFilter::default(), None, u32::MAX)
    }

    /// How many open entries an instance refused.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn failure_count(self) -> Result<u32, StoreError> {
        let mut query = self.connection.prepare_cached(FAILURE_COUNT)?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// A page of the [`Db::failures`] that `filter` lets through: at most `limit`, and only those that were queued after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn failure_page(
        self,
        filter: &FailureFilter,
        after: Option<PlacementId>,
        limit: u32,
    ) -> Result<Vec<FailureRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.failures\n\
             SELECT p.id, p.entry_id, e.user_id, t.title || coalesce(' (' || t.year || ')', ''), p.instance,\n\
                 coalesce(p.answer, ''), p.attempts, e.reason, p.retry_at_ms\n\
             FROM placements p CROSS JOIN entries e ON e.id = p.entry_id CROSS JOIN titles t ON t.id = p.title_id\n\
             WHERE p.state = 'failed' AND e.closed_at_ms IS NULL AND p.id > ?1\n\
                 AND (?3 IS NULL OR p.instance = ?3) AND (?4 IS NULL OR e.user_id = ?4) ORDER BY p.id LIMIT ?2",
        )?;
        let FailureFilter { instance, user } = filter;
        let after = after.map_or(i64::MIN, |after| after.0);
        let rows = query.query_map(params![after, limit, instance, user.map(|user| user.0)], |row| {
            Ok(FailureRow {
                id: PlacementId(row.get(0)?),
                entry: EntryId(row.get(1)?),
                user: UserId(row.get(2)?),
                title: row.get(3)?,
                instance: row.get(4)?,
                answer: row.get(5)?,
                attempts: row.get(6)?,
                reason: row.get(7)?,
                retry_at_ms: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Those of `ids` that are no refused placement of an open entry.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn not_failed(self, ids: &[PlacementId]) -> Result<Vec<PlacementId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.is_failed\n\
             SELECT 1 FROM placements p JOIN entries e ON e.id = p.entry_id\n\
             WHERE p.id = ?1 AND p.state = 'failed' AND e.closed_at_ms IS NULL",
        )?;
        let mut others = Vec::new();
        for id in ids {
            if !query.exists([id.0])? {
                others.push(*id);
            }
        }
        Ok(others)
    }

    /// Lets the next run try a refused placement again. What the arr said stays until it says something else.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn retry_now(self, id: PlacementId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.retry_now\nUPDATE placements SET retry_at_ms = ?2 WHERE id = ?1 AND state = 'failed'",
        )?;
        query.execute(params![id.0, now_ms])?;
        Ok(())
    }

    /// Never tries a refused placement again by itself; the entry says because of whom.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn dismiss(self, id: PlacementId, by: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.dismiss\n\
             UPDATE placements SET retry_at_ms = NULL WHERE id = ?1 AND state = 'failed' RETURNING entry_id, instance",
        )?;
        let dismissed = query.query_row([id.0], |row| Ok((EntryId(row.get(0)?), row.get::<_, String>(1)?)));
        let Some((entry, instance)) = dismissed.optional()? else { return Ok(()) };
        let reason = format!("`{instance}` refused it, and {by} dismissed that: it is not tried again by itself");
        self.set_entry_state(entry, EntryState::Failed, Some(&reason), now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_was_refused_is_counted_without_looking_at_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let steps = store.query_plan(FAILURE_COUNT, []);
        assert!(steps[0].contains("COVERING INDEX placements_failed"), "{steps:?}");
    }
}
