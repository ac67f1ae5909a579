//! `quota_uses`: the place that an entry takes in its user's quotas, from the decision that sends it until it turns out to cost
//! nothing.

use rusqlite::{OptionalExtension, params};

use super::error::unknown_word;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{EntryId, Granted, MediaType, QuotaUse, UserId};

/// A place as it is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceRow {
    /// On what grounds it was taken.
    pub granted: Granted,
    /// When.
    pub used_at_ms: UnixMs,
    /// When it was given back; `None`: it counts.
    pub released_at_ms: Option<UnixMs>,
}

impl PlaceRow {
    /// Whether it counts.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        self.released_at_ms.is_none()
    }
}

/// The places of one user's titles of one type from a time on, from indexes alone.
const USES_SINCE: &str = "-- quotas.uses_since\n\
    SELECT q.entry_id, q.used_at_ms,\n\
        EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = q.entry_id AND p.state IN ('added', 'removed'))\n\
    FROM quota_uses q WHERE q.user_id = ?1 AND q.media_type = ?2 AND q.released_at_ms IS NULL AND q.used_at_ms >= ?3\n\
    ORDER BY q.used_at_ms, q.entry_id";

/// Those of entries that are open.
const OPEN_USES: &str = "-- quotas.uses_of_open\n\
    SELECT q.entry_id, q.used_at_ms,\n\
        EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = q.entry_id AND p.state IN ('added', 'removed'))\n\
    FROM quota_uses q JOIN entries e ON e.id = q.entry_id\n\
    WHERE q.user_id = ?1 AND q.media_type = ?2 AND q.released_at_ms IS NULL AND q.used_at_ms >= ?3 AND e.closed_at_ms IS NULL\n\
    ORDER BY q.used_at_ms, q.entry_id";

impl Db<'_> {
    /// The places that this user's titles of one type have taken, without that of `except`: those that any quota can look at, which
    /// are the ones of the last 400 days and of entries that are still open.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn quota_uses(
        self,
        user: UserId,
        media_type: MediaType,
        except: Option<EntryId>,
        now_ms: UnixMs,
    ) -> Result<Vec<QuotaUse>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- quotas.uses\n\
             SELECT q.entry_id, q.used_at_ms, e.closed_at_ms IS NULL,\n\
                 EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = q.entry_id AND p.state IN ('added', 'removed'))\n\
             FROM quota_uses q JOIN entries e ON e.id = q.entry_id\n\
             WHERE q.user_id = ?1 AND q.media_type = ?2 AND q.released_at_ms IS NULL AND q.entry_id IS NOT ?3\n\
                 AND (q.used_at_ms > ?4 - 400 * 86400000 OR e.closed_at_ms IS NULL)\n\
             ORDER BY q.used_at_ms, q.entry_id",
        )?;
        let rows = query.query_map(params![user.0, media_type.word(), except.map(|entry| entry.0), now_ms], |row| {
            Ok(QuotaUse { entry: EntryId(row.get(0)?), used_at_ms: row.get(1)?, open: row.get(2)?, spent: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The place that one entry has taken, as [`Db::quota_uses`] tells it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub(crate) fn quota_use(self, entry: EntryId) -> Result<Option<QuotaUse>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- quotas.use\n\
             SELECT q.entry_id, q.used_at_ms, e.closed_at_ms IS NULL,\n\
                 EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = q.entry_id AND p.state IN ('added', 'removed'))\n\
             FROM quota_uses q JOIN entries e ON e.id = q.entry_id WHERE q.entry_id = ?1 AND q.released_at_ms IS NULL",
        )?;
        let found = query.query_row([entry.0], |row| {
            Ok(QuotaUse { entry: EntryId(row.get(0)?), used_at_ms: row.get(1)?, open: row.get(2)?, spent: row.get(3)? })
        });
        Ok(found.optional()?)
    }

    /// Of the places that this user's titles of one type have taken, those from `since_ms` on; `None`: those of entries that are still
    /// open. What one quota looks at, and no more: where a time counts, all are told as open.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn quota_uses_since(
        self,
        user: UserId,
        media_type: MediaType,
        since_ms: Option<UnixMs>,
    ) -> Result<Vec<QuotaUse>, StoreError> {
        let mut query = self.connection.prepare_cached(if since_ms.is_some() { USES_SINCE } else { OPEN_USES })?;
        let since_ms = since_ms.unwrap_or(UnixMs::MIN);
        let rows = query.query_map(params![user.0, media_type.word(), since_ms], |row| {
            Ok(QuotaUse { entry: EntryId(row.get(0)?), used_at_ms: row.get(1)?, spent: row.get(2)?, open: true })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The place of an entry, given back or not.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn place_of(self, entry: EntryId) -> Result<Option<PlaceRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- quotas.place_of\nSELECT granted, used_at_ms, released_at_ms FROM quota_uses WHERE entry_id = ?1",
        )?;
        let row = query.query_row([entry.0], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)));
        row.optional()?
            .map(|(granted, used_at_ms, released_at_ms)| {
                let granted =
                    Granted::from_word(&granted).ok_or_else(|| unknown_word("quota_uses.granted", &granted))?;
                Ok(PlaceRow { granted, used_at_ms, released_at_ms })
            })
            .transpose()
    }

    /// Takes a place for an entry, from now on; one it has already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub(crate) fn take_place(self, entry: EntryId, granted: Granted, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- quotas.take\n\
             INSERT INTO quota_uses (entry_id, user_id, media_type, used_at_ms, granted)\n\
             SELECT e.id, e.user_id, t.media_type, ?3, ?2 FROM entries e JOIN titles t ON t.id = e.title_id WHERE e.id = ?1\n\
             ON CONFLICT (entry_id) DO UPDATE SET used_at_ms = excluded.used_at_ms, granted = excluded.granted,\n\
                 released_at_ms = NULL WHERE released_at_ms IS NOT NULL",
        )?;
        query.execute(params![entry.0, granted.word(), now_ms])?;
        Ok(())
    }

    /// Gives the place of an entry back that costs nothing: no arr has taken it, and it is not on its way to one, or its entry was
    /// closed on the way. Where an attempt's fate is unknown, the place is kept until somebody has looked.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub(super) fn follow_place(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- quotas.follow\n\
             UPDATE quota_uses SET released_at_ms = ?2 WHERE entry_id = ?1 AND released_at_ms IS NULL AND NOT EXISTS (\n\
                 SELECT 1 FROM placements p JOIN entries e ON e.id = p.entry_id WHERE p.entry_id = ?1 AND (\n\
                     p.state IN ('added', 'removed') OR p.attempt_at_ms IS NOT NULL\n\
                     OR (p.state = 'queued' AND e.closed_at_ms IS NULL)))",
        )?;
        query.execute(params![entry.0, now_ms])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_counts_in_a_quota_is_found_by_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        for query in [USES_SINCE, OPEN_USES] {
            let steps = store.query_plan(query, params![1, "movie", 0]);
            assert!(steps[0].contains("quota_uses_taken (user_id=? AND media_type=? AND used_at_ms>?)"), "{steps:?}");
            assert!(steps.iter().any(|step| step.contains("COVERING INDEX placements_spent")), "{steps:?}");
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:?}");
        }
    }
}
