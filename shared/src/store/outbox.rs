//! `outbox`: messages to deliver. They are stored in the transaction of what they tell of; delivery follows, and may repeat.

use rusqlite::params;

use super::error::bad_json;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::Availability;

/// Messages that are kept, delivered or not: nobody wants to hear of what came thousands of messages ago.
pub const KEPT_MESSAGES: u32 = 10_000;

/// A message that was not delivered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its row.
    pub id: i64,
    /// `available`.
    pub kind: String,
    /// When it was made.
    pub made_at_ms: UnixMs,
    /// JSON; for `available` an [`Availability`].
    pub payload: String,
}

impl Db<'_> {
    /// Stores a message that something can be watched. `dedupe` names what it tells of: the same is told once. Answers whether it
    /// was news. What is older than the last 10,000 goes.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn tell_available(self, dedupe: &str, availability: &Availability, now_ms: UnixMs) -> Result<bool, StoreError> {
        let payload = serde_json::to_string(availability).map_err(|error| bad_json("outbox.payload", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- outbox.tell_available\n\
             INSERT INTO outbox (kind, dedupe, made_at_ms, payload) VALUES ('available', ?1, ?2, ?3)\n\
             ON CONFLICT (dedupe) DO NOTHING",
        )?;
        let news = query.execute(params![dedupe, now_ms, payload])? > 0;
        if news {
            self.prune_outbox(KEPT_MESSAGES)?;
        }
        Ok(news)
    }

    /// Forgets all messages but the last `kept`.
    fn prune_outbox(self, kept: u32) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- outbox.prune\nDELETE FROM outbox WHERE id <= (SELECT coalesce(max(id), 0) FROM outbox) - ?1",
        )?;
        query.execute([kept])?;
        Ok(())
    }

    /// The oldest `limit` messages that were not delivered yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_messages(self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- outbox.pending\n\
             SELECT id, kind, made_at_ms, payload FROM outbox WHERE state = 'pending' ORDER BY id LIMIT ?1",
        )?;
        let rows = query.query_map([limit], |row| {
            Ok(OutboxRow { id: row.get(0)?, kind: row.get(1)?, made_at_ms: row.get(2)?, payload: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many messages were not delivered yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_message_count(self) -> Result<u32, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- outbox.pending_count\nSELECT count(*) FROM outbox WHERE state = 'pending'")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn the_outbox_keeps_the_newest_while_nobody_fetches_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let availability = Availability {
            instance: "movies".to_owned(),
            media_type: crate::model::MediaType::Movie,
            external_id: 603,
            title: "Salt Ledger".to_owned(),
            year: None,
            episodes: vec![],
            wanted_by: vec![],
            imported_at_ms: 1,
        };
        let tell = |db: Db<'_>, from: u32, to: u32| {
            (from..to).try_for_each(|number| db.tell_available(&number.to_string(), &availability, 1).map(drop))
        };
        store.write(|db| tell(db, 0, KEPT_MESSAGES + 3)).unwrap();
        assert_eq!(store.read().pending_message_count().unwrap(), KEPT_MESSAGES);
        assert_eq!(store.read().pending_messages(1).unwrap()[0].id, 4, "the oldest went");
    }
}
