//! `inbox`: webhooks as they came, and what came of them.

use rusqlite::params;

use super::{Db, StoreError};
use crate::clock::UnixMs;

/// Webhooks that are kept once nothing is left to do about them, so that people can see what came.
pub const KEPT_WEBHOOKS: u32 = 2_000;

/// Of those, the ones whose bodies are kept too: one may be a mebibyte long.
pub const KEPT_BODIES: u32 = 50;

/// A webhook that has just come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Whose address it came to.
    pub instance: String,
    /// Its `eventType` as sent.
    pub event: String,
    /// JSON as received.
    pub body: String,
    /// When.
    pub received_at_ms: UnixMs,
}

/// A webhook that nothing was done about yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingWebhook {
    /// Its row.
    pub id: i64,
    /// Whose address it came to.
    pub instance: String,
    /// JSON as received.
    pub body: String,
    /// When.
    pub received_at_ms: UnixMs,
}

crate::model::words! {
    /// What came of a webhook.
    WebhookState {
        /// Nothing yet.
        Pending = "pending",
        /// It was understood, and what follows from it is done.
        Done = "done",
        /// It says nothing to us.
        Ignored = "ignored",
    }
}

/// A webhook, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its row.
    pub id: i64,
    /// Whose address it came to.
    pub instance: String,
    /// Its `eventType` as sent.
    pub event: String,
    /// When it came.
    pub received_at_ms: UnixMs,
    /// `pending`, `done` or `ignored`.
    pub state: String,
    /// What came of it, as a sentence.
    pub detail: Option<String>,
}

impl Db<'_> {
    /// Stores webhooks in the order given, pending.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn add_to_inbox(self, webhooks: &[NewWebhook]) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.add\nINSERT INTO inbox (instance, received_at_ms, event, body) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for NewWebhook { instance, event, body, received_at_ms } in webhooks {
            query.execute(params![instance, received_at_ms, event, body])?;
        }
        Ok(())
    }

    /// The webhooks behind row `after` that nothing was done about yet, in the order in which they came: at most `limit`, and the
    /// first ones whose bodies are no more than `bytes` together, but one at least.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_webhooks(self, after: i64, limit: u32, bytes: usize) -> Result<Vec<PendingWebhook>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.pending\n\
             SELECT id, instance, body, received_at_ms FROM inbox WHERE state = 'pending' AND id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = query.query(params![after, limit])?;
        let (mut pending, mut taken) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let body: String = row.get(2)?;
            taken += body.len();
            if taken > bytes && !pending.is_empty() {
                break;
            }
            pending.push(PendingWebhook { id: row.get(0)?, instance: row.get(1)?, body, received_at_ms: row.get(3)? });
        }
        Ok(pending)
    }

    /// The latest time up to `now_ms` at which one of the last 500 webhooks before row `id` came; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn latest_arrival_before(self, id: i64, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.latest_arrival\n\
             SELECT max(received_at_ms) FROM inbox WHERE id >= ?1 - 500 AND id < ?1 AND received_at_ms <= ?2",
        )?;
        Ok(query.query_row([id, now_ms], |row| row.get(0))?)
    }

    /// How many webhooks nothing was done about yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_webhook_count(self) -> Result<u32, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- inbox.pending_count\nSELECT count(*) FROM inbox WHERE state = 'pending'")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Notes what came of a webhook.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_webhook(self, id: i64, state: WebhookState, detail: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.end\nUPDATE inbox SET state = ?2, detail = ?3, done_at_ms = ?4 WHERE id = ?1 AND state = 'pending'",
        )?;
        query.execute(params![id, state.word(), detail, now_ms])?;
        Ok(())
    }

    /// The last `limit` webhooks, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_webhooks(self, limit: u32) -> Result<Vec<WebhookRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.last\n\
             SELECT id, instance, event, received_at_ms, state, detail FROM inbox ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = query.query_map([limit], |row| {
            Ok(WebhookRow {
                id: row.get(0)?,
                instance: row.get(1)?,
                event: row.get(2)?,
                received_at_ms: row.get(3)?,
                state: row.get(4)?,
                detail: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets webhooks that are done with, but for those among the last `kept`; and the bodies of these, but for those among the
    /// last `bodies`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn prune_inbox(self, kept: u32, bodies: u32) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.prune\n\
             DELETE FROM inbox WHERE id <= (SELECT coalesce(max(id), 0) FROM inbox) - ?1 AND state <> 'pending'",
        )?;
        query.execute([kept])?;
        let mut query = self.connection.prepare_cached(
            "-- inbox.prune_bodies\n\
             UPDATE inbox SET body = '' WHERE id <= (SELECT coalesce(max(id), 0) FROM inbox) - ?1 AND state <> 'pending'\n\
                 AND body <> ''",
        )?;
        query.execute([bodies])?;
        Ok(())
    }
}
