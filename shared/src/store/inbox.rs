//! `inbox`: webhooks as they came, and what came of them.

use rusqlite::{OptionalExtension, params};

use super::{Counted, Db, PageFrom, Paged, StoreError};
use crate::clock::{UnixMs, millis};
use crate::retry::LONGEST_WEBHOOK_PAUSE;

/// Webhooks that are kept once nothing is left to do about them, so that people can see what came.
pub const KEPT_WEBHOOKS: u32 = 2_000;

/// Of those, the ones whose bodies are kept too: one may be a mebibyte long.
pub const KEPT_BODIES: u32 = 50;

/// Webhooks that were given up and are kept however many came after them, so that what they told is not missed unseen.
pub const KEPT_GIVEN_UP: u32 = 200;

/// Counts webhooks that came to their end, per state and instance: `inbox.ended.done.movies`.
const ENDED: &str = "inbox.ended.";

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
    /// Its `eventType` as sent.
    pub event: String,
    /// JSON as received.
    pub body: String,
    /// When.
    pub received_at_ms: UnixMs,
    /// How often it could not be acted on.
    pub attempts: u32,
}

/// How much waits in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxLoad {
    /// Webhooks.
    pub webhooks: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
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
        /// It could not be acted on for so long that nobody tries any more.
        GivenUp = "given_up",
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
    /// A word of [`WebhookState`], or of a later version.
    pub state: String,
    /// What came of it, or why nothing has yet, as a sentence.
    pub detail: Option<String>,
}

/// The columns of [`WebhookRow`], of at most `?2` rows.
macro_rules! webhooks {
    ($name:literal, $which:literal) => {
        concat!($name, "SELECT id, instance, event, received_at_ms, state, detail FROM inbox\n", $which, " LIMIT ?2")
    };
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

    /// The webhooks behind row `after` that something is to be done about now, in the order in which they came: at most `limit`, and the
    /// first ones whose bodies are no more than `bytes` together, but one at least. A time further away than any rest was written by a
    /// clock that has been put back since, and is over.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_webhooks(
        self,
        after: i64,
        limit: u32,
        bytes: usize,
        now_ms: UnixMs,
    ) -> Result<Vec<PendingWebhook>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.pending\n\
             SELECT id, instance, event, body, received_at_ms, attempts FROM inbox\n\
             WHERE state = 'pending' AND id > ?1 AND (retry_at_ms IS NULL OR retry_at_ms <= ?3 OR retry_at_ms > ?4)\n\
             ORDER BY id LIMIT ?2",
        )?;
        let mut rows =
            query.query(params![after, limit, now_ms, now_ms.saturating_add(millis(LONGEST_WEBHOOK_PAUSE))])?;
        let (mut pending, mut taken) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let body: String = row.get(3)?;
            taken += body.len();
            if taken > bytes && !pending.is_empty() {
                break;
            }
            pending.push(PendingWebhook {
                id: row.get(0)?,
                instance: row.get(1)?,
                event: row.get(2)?,
                body,
                received_at_ms: row.get(4)?,
                attempts: row.get(5)?,
            });
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

    /// How much waits in the inbox. Looks at every webhook that waits, though not at its body.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn inbox_load(self) -> Result<InboxLoad, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.load\nSELECT count(*), coalesce(sum(octet_length(body)), 0) FROM inbox WHERE state = 'pending'",
        )?;
        let (webhooks, bytes): (i64, i64) = query.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(InboxLoad { webhooks: webhooks.unsigned_abs(), bytes: bytes.unsigned_abs() })
    }

    /// Lets a webhook rest until `retry_at_ms` that could not be acted on, for the `attempts`-th time; `detail` says why.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn put_webhook_off(self, id: i64, attempts: u32, retry_at_ms: UnixMs, detail: &str) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.put_off\nUPDATE inbox SET attempts = ?2, retry_at_ms = ?3, detail = ?4 WHERE id = ?1 AND state = 'pending'",
        )?;
        query.execute(params![id, attempts, retry_at_ms, detail])?;
        Ok(())
    }

    /// Notes what came of a webhook, and counts it; nothing when that has been done. So a webhook that was ever stored is pending or
    /// counted, however long ago its row was forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_webhook(self, id: i64, state: WebhookState, detail: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.end\n\
             UPDATE inbox SET state = ?2, detail = ?3, done_at_ms = ?4 WHERE id = ?1 AND state = 'pending' RETURNING instance",
        )?;
        let ended = query.query_row(params![id, state.word(), detail, now_ms], |row| row.get::<_, String>(0));
        let Some(instance) = ended.optional()? else { return Ok(()) };
        let mut query = self.connection.prepare_cached(
            "-- settings.count_ended_webhook\n\
             INSERT INTO settings (key, value) VALUES (?1, '1')\n\
             ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
        )?;
        query.execute([format!("{ENDED}{}.{instance}", state.word())])?;
        Ok(())
    }

    /// How many webhooks came to their end, by instance and, as the kind, a word of [`WebhookState`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn ended_webhook_totals(self) -> Result<Vec<Counted>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- settings.ended_webhooks\n\
             SELECT substr(key, length(?1) + 1), CAST(value AS INTEGER) FROM settings\n\
             WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
        )?;
        let rows = query.query_map([ENDED], |row| {
            let (of, count): (String, i64) = (row.get(0)?, row.get(1)?);
            // A state has no dot; the name of an instance may have.
            let (state, instance) = of.split_once('.').unwrap_or((&of, ""));
            Ok(Counted { of: instance.to_owned(), kind: state.to_owned(), count: count.unsigned_abs() })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many webhooks were ever given up.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn given_up_webhooks_total(self) -> Result<u64, StoreError> {
        let totals = self.ended_webhook_totals()?;
        Ok(totals.iter().filter(|total| total.kind == WebhookState::GivenUp.word()).map(|total| total.count).sum())
    }

    /// The last `limit` webhooks, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_webhooks(self, limit: u32) -> Result<Vec<WebhookRow>, StoreError> {
        Ok(self.webhooks(&PageFrom::Newest, limit)?.rows)
    }

    /// A page of at most `limit` webhooks. `from` is a row.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn webhooks(self, from: &PageFrom<i64>, limit: u32) -> Result<Paged<WebhookRow>, StoreError> {
        let (older, newer) = (
            webhooks!("-- inbox.older\n", "WHERE id < ?1 ORDER BY id DESC"),
            webhooks!("-- inbox.newer\n", "WHERE id > ?1 ORDER BY id"),
        );
        self.page_of_webhooks(older, newer, from, limit)
    }

    /// A page of at most `limit` webhooks that were given up. `from` is a row.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn webhooks_given_up(self, from: &PageFrom<i64>, limit: u32) -> Result<Paged<WebhookRow>, StoreError> {
        let (older, newer) = (
            webhooks!("-- inbox.older_given_up\n", "WHERE state = 'given_up' AND id < ?1 ORDER BY id DESC"),
            webhooks!("-- inbox.newer_given_up\n", "WHERE state = 'given_up' AND id > ?1 ORDER BY id"),
        );
        self.page_of_webhooks(older, newer, from, limit)
    }

    fn page_of_webhooks(
        self,
        older: &str,
        newer: &str,
        from: &PageFrom<i64>,
        limit: u32,
    ) -> Result<Paged<WebhookRow>, StoreError> {
        let (sql, id) = match *from {
            PageFrom::Newest => (older, i64::MAX),
            PageFrom::Before(id) => (older, id),
            PageFrom::After(id) => (newer, id),
        };
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map(params![id, limit.saturating_add(1)], |row| {
            Ok(WebhookRow {
                id: row.get(0)?,
                instance: row.get(1)?,
                event: row.get(2)?,
                received_at_ms: row.get(3)?,
                state: row.get(4)?,
                detail: row.get(5)?,
            })
        })?;
        Ok(Paged::found(rows.collect::<Result<_, _>>()?, from, limit))
    }

    /// Forgets webhooks that nothing is left to do about, but for those among the last `kept` and the last [`KEPT_GIVEN_UP`] that were
    /// given up; and the bodies of these, but for those among the last `bodies`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn prune_inbox(self, kept: u32, bodies: u32) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- inbox.prune\n\
             DELETE FROM inbox WHERE id <= (SELECT coalesce(max(id), 0) FROM inbox) - ?1 AND state <> 'pending'\n\
                 AND (state <> 'given_up' OR id <=\n\
                     (SELECT id FROM inbox WHERE state = 'given_up' ORDER BY id DESC LIMIT 1 OFFSET ?2))",
        )?;
        query.execute([kept, KEPT_GIVEN_UP])?;
        let mut query = self.connection.prepare_cached(
            "-- inbox.prune_bodies\n\
             UPDATE inbox SET body = '' WHERE id <= (SELECT coalesce(max(id), 0) FROM inbox) - ?1 AND state <> 'pending'\n\
                 AND body <> ''",
        )?;
        query.execute([bodies])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn webhooks_are_paged_both_ways_and_so_are_those_that_were_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let webhook = |event: &str| NewWebhook {
            instance: "movies".to_owned(),
            event: event.to_owned(),
            body: "{}".to_owned(),
            received_at_ms: 1,
        };
        store.write(|db| db.add_to_inbox(&["Test", "Grab", "Download", "Rename", "Grab"].map(webhook))).unwrap();
        store.write(|db| db.end_webhook(2, WebhookState::GivenUp, "given up", 2)).unwrap();
        store.write(|db| db.end_webhook(4, WebhookState::GivenUp, "given up", 2)).unwrap();
        let told = |page: Paged<WebhookRow>| {
            (page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), page.has_newer, page.has_older)
        };
        let all = |from| told(store.read().webhooks(&from, 2).unwrap());
        assert_eq!(all(PageFrom::Newest), (vec![5, 4], false, true));
        assert_eq!(all(PageFrom::Before(4)), (vec![3, 2], true, true));
        assert_eq!(all(PageFrom::Before(2)), (vec![1], true, false));
        assert_eq!(all(PageFrom::After(1)), (vec![3, 2], true, true));
        assert_eq!(all(PageFrom::After(3)), (vec![5, 4], false, true));
        let given_up = |from| told(store.read().webhooks_given_up(&from, 1).unwrap());
        assert_eq!(given_up(PageFrom::Newest), (vec![4], false, true));
        assert_eq!(given_up(PageFrom::Before(4)), (vec![2], true, false));
        assert_eq!(given_up(PageFrom::After(2)), (vec![4], false, true));
    }
}
