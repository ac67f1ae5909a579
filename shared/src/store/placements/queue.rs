//! What waits for an instance, and whose turn it is.

use rusqlite::{Row, params};

use super::{Db, PlacementRow, StoreError, TitleId};
use crate::clock::UnixMs;
use crate::model::{AddOptions, Destination, EntryId, EntryState, Outcome, PlacementId, PlacementState, UserId};
use crate::store::error::bad_json;

/// A placement whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedPlacement {
    /// The placement.
    pub id: PlacementId,
    /// For which entry.
    pub entry: EntryId,
    /// Whose.
    pub user: UserId,
    /// What is to be added.
    pub title: TitleId,
    /// How.
    pub options: AddOptions,
    /// How often the arr has refused it already.
    pub refusals: u32,
    /// Set when an earlier attempt never learned the arr's answer.
    pub attempt_at_ms: Option<UnixMs>,
    /// The instance lacked what the options name, when it was last asked.
    pub held: bool,
    /// It is no longer to go there: all that is open is what became of an attempt.
    pub called_off: bool,
}

impl Db<'_> {
    /// Queues a title for an instance. One that waits there already, or was refused, starts anew with these options.
    pub(in crate::store) fn queue_placement(
        self,
        entry: EntryId,
        title: TitleId,
        instance: &str,
        options: &AddOptions,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let options = serde_json::to_string(options).map_err(|error| bad_json("placements.options", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- placements.queue\n\
             INSERT INTO placements (entry_id, title_id, instance, state, options, queued_at_ms)\n\
             VALUES (?1, ?2, ?3, 'queued', ?4, ?5)\n\
             ON CONFLICT (entry_id, instance) DO UPDATE SET options = excluded.options, state = 'queued', refusals = 0,\n\
                 retry_at_ms = NULL WHERE state IN ('queued', 'failed')",
        )?;
        query.execute(params![entry.0, title.0, instance, options, now_ms])?;
        Ok(())
    }

    /// Takes an entry out of the queues that a new outcome no longer names. A placement of which an attempt's fate is unknown stays:
    /// somebody has to look.
    pub(in crate::store) fn drop_waiting_placements(self, entry: EntryId, outcome: &Outcome) -> Result<(), StoreError> {
        let named: &[Destination] = match outcome {
            Outcome::Route { destinations, .. } => destinations,
            _ => &[],
        };
        for placement in self.placements_of(entry)? {
            if !named.iter().any(|destination| destination.instance == placement.instance) {
                let mut query = self.connection.prepare_cached(
                    "-- placements.drop_waiting\n\
                     DELETE FROM placements WHERE entry_id = ?1 AND instance = ?2 AND state IN ('queued', 'failed')\n\
                         AND attempt_at_ms IS NULL",
                )?;
                query.execute(params![entry.0, placement.instance])?;
            }
        }
        Ok(())
    }

    /// The placements of `instance` whose turn it is, without those that somebody has to look for first. Those that were asked about longest ago come first, so that one the instance
    /// cannot cope with never keeps others waiting.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn due_placements(self, instance: &str, now_ms: UnixMs) -> Result<Vec<QueuedPlacement>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.due\nSELECT ",
            queued_columns!(),
            " FROM ",
            in_turn!(),
        ))?;
        let mut rows = query.query(params![now_ms, instance])?;
        let mut placements = Vec::new();
        while let Some(row) = rows.next()? {
            placements.push(queued(row)?);
        }
        Ok(placements)
    }

    /// The placements in `instance` of entries that are to be decided anew, of which somebody has to look first whether they arrived
    /// by an attempt that never learned its answer.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn attempts_to_look_for(self, instance: &str) -> Result<Vec<QueuedPlacement>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.to_look_for\nSELECT ",
            queued_columns!(),
            " FROM placements p JOIN entries e ON e.id = p.entry_id JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE e.state = 'held' AND p.instance = ?1 AND ",
            is_to_be_looked_for!(),
            " ORDER BY p.asked_at_ms, p.id",
        ))?;
        let mut rows = query.query([instance])?;
        let mut placements = Vec::new();
        while let Some(row) = rows.next()? {
            placements.push(queued(row)?);
        }
        Ok(placements)
    }

    /// Notes that the last attempt has come to nothing. The entry stays as it is: it is decided anew.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn attempt_came_to_nothing(self, id: PlacementId) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.came_to_nothing\nUPDATE placements SET attempt_at_ms = NULL WHERE id = ?1",
        )?;
        query.execute([id.0])?;
        Ok(())
    }

    /// Notes that an attempt has arrived, of an entry that is to be decided anew. Where the entry waits for other instances, it still is.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn attempt_arrived(self, placement: &QueuedPlacement, answer: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.finish(placement, PlacementState::Present, answer, None, now_ms)?;
        let waits = |it: &PlacementRow| matches!(it.state, PlacementState::Queued | PlacementState::Failed);
        if self.placements_of(placement.entry)?.iter().any(waits) {
            self.set_entry_state(placement.entry, EntryState::Held, Some("the settings have changed"), now_ms)?;
        }
        Ok(())
    }

    /// How many placements of each instance wait for their turn now, instances by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn queue_lengths(self, now_ms: UnixMs) -> Result<Vec<(String, u32)>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.queue_lengths\nSELECT p.instance, count(*) FROM ",
            due!(),
            " GROUP BY p.instance ORDER BY p.instance",
        ))?;
        let rows = query.query_map([now_ms], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes, before the arr is asked, that it is about to be asked and with what body.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn begin_attempt(self, id: PlacementId, payload: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.begin_attempt\n\
             UPDATE placements SET attempts = attempts + 1, attempt_at_ms = ?2, asked_at_ms = ?2, payload = ?3 WHERE id = ?1",
        )?;
        query.execute(params![id.0, now_ms, payload])?;
        Ok(())
    }

    /// Notes that the instance was asked about a title and did not answer: the others have their turn first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_asked(self, id: PlacementId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- placements.note_asked\nUPDATE placements SET asked_at_ms = ?2 WHERE id = ?1")?;
        query.execute(params![id.0, now_ms])?;
        Ok(())
    }
}

/// Reads the [`queued_columns`].
fn queued(row: &Row<'_>) -> Result<QueuedPlacement, StoreError> {
    let options: String = row.get(3)?;
    Ok(QueuedPlacement {
        id: PlacementId(row.get(0)?),
        entry: EntryId(row.get(1)?),
        title: TitleId(row.get(2)?),
        options: serde_json::from_str(&options).map_err(|error| bad_json("placements.options", &error))?,
        refusals: row.get(4)?,
        attempt_at_ms: row.get(5)?,
        held: row.get(6)?,
        called_off: row.get(7)?,
        user: UserId(row.get(8)?),
    })
}
