//! `placements`, as people look at them instance by instance: what waits for one, and how much there is of it.

use rusqlite::{OptionalExtension as _, params};

use super::error::unknown_word;
use super::placements::placement_state;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{EntryId, MediaType, PlacementId, PlacementState, PlexId, UserId};

/// A title that waits for an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its place in the queue.
    pub id: PlacementId,
    /// Whose wish it is.
    pub entry: EntryId,
    /// On whose list.
    pub user: UserId,
    /// Plex's id of the title.
    pub plex_id: PlexId,
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// Movie or show.
    pub media_type: MediaType,
    /// Queued, or refused and tried again.
    pub state: PlacementState,
    /// Since when it waits.
    pub queued_at_ms: UnixMs,
    /// What the arr said last.
    pub answer: Option<String>,
    /// Refused: when it is tried again; `None`: not by itself.
    pub retry_at_ms: Option<UnixMs>,
}

/// How much an instance has to do with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Titles that wait for their turn, up to [`QueueCounts::MOST`].
    pub queued: u32,
    /// Titles that it refused and that are still wanted, up to the same.
    pub refused: u32,
    /// Titles that were ever meant for it.
    pub titles: u32,
    /// The webhook that came last: its event, and when.
    pub last_event: Option<(String, UnixMs)>,
}

impl QueueCounts {
    /// Further than this nobody counts: a page is to be there at once.
    pub const MOST: u32 = 1_000;
}

impl Db<'_> {
    /// What waits for `instance`, in the order of the queue: at most `limit`, and only what was queued after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn queue_page(
        self,
        instance: &str,
        after: Option<PlacementId>,
        limit: u32,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.queue_page\n\
             SELECT p.id, p.entry_id, e.user_id, t.plex_id, t.title || coalesce(' (' || t.year || ')', ''), t.media_type,\n\
                 p.state, p.queued_at_ms, p.answer, p.retry_at_ms\n\
             FROM placements p JOIN titles t ON t.id = p.title_id JOIN entries e ON e.id = p.entry_id\n\
             WHERE p.instance = ?1 AND p.state IN ('queued', 'failed') AND e.closed_at_ms IS NULL AND p.id > ?2\n\
             ORDER BY p.id LIMIT ?3",
        )?;
        let mut rows = query.query(params![instance, after.map_or(i64::MIN, |after| after.0), limit])?;
        let mut waiting = Vec::new();
        while let Some(row) = rows.next()? {
            let (plex_id, media_type): (String, String) = (row.get(3)?, row.get(5)?);
            waiting.push(WaitingRow {
                id: PlacementId(row.get(0)?),
                entry: EntryId(row.get(1)?),
                user: UserId(row.get(2)?),
                plex_id: PlexId::parse(&plex_id).ok_or_else(|| unknown_word("titles.plex_id", &plex_id))?,
                title: row.get(4)?,
                media_type: MediaType::from_word(&media_type)
                    .ok_or_else(|| unknown_word("titles.media_type", &media_type))?,
                state: placement_state(&row.get::<_, String>(6)?)?,
                queued_at_ms: row.get(7)?,
                answer: row.get(8)?,
                retry_at_ms: row.get(9)?,
            });
        }
        Ok(waiting)
    }

    /// How much there is for `instance`. Costs no more than [`QueueCounts::MOST`] rows of each, and a walk through one index.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn queue_counts(self, instance: &str) -> Result<QueueCounts, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.queue_counts\n\
             SELECT count(*) FROM (\n\
                 SELECT 1 FROM placements p CROSS JOIN entries e ON e.id = p.entry_id\n\
                 WHERE p.instance = ?1 AND p.state = ?2 AND e.closed_at_ms IS NULL LIMIT ?3)",
        )?;
        let mut count = |state: PlacementState| {
            query.query_row(params![instance, state.word(), QueueCounts::MOST], |row| row.get(0))
        };
        let (queued, refused) = (count(PlacementState::Queued)?, count(PlacementState::Failed)?);
        let mut query = self
            .connection
            .prepare_cached("-- placements.of_instance\nSELECT count(*) FROM placements WHERE instance = ?1")?;
        let titles = query.query_row([instance], |row| row.get(0))?;
        Ok(QueueCounts { queued, refused, titles, last_event: self.last_webhook(instance)? })
    }

    /// The webhook of this instance that came last: its event, and when it came in unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_webhook(self, instance: &str) -> Result<Option<(String, UnixMs)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.last_of\nSELECT event, received_at_ms FROM inbox WHERE instance = ?1 ORDER BY id DESC LIMIT 1",
        )?;
        Ok(query.query_row([instance], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// The number of the last webhook that came to `instance`, which grows with each; 0 before any.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn newest_webhook(self, instance: &str) -> Result<i64, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- inbox.newest_of\nSELECT id FROM inbox WHERE instance = ?1 ORDER BY id DESC LIMIT 1")?;
        Ok(query.query_row([instance], |row| row.get(0)).optional()?.unwrap_or(0))
    }
}
