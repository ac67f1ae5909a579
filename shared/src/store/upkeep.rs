//! What is past its time, counted and taken away, a portion at a time; and tidying the file itself. What an open entry is explained by,
//! entries, requests, quotas and the audit log are never touched.

use std::time::Duration;

use rusqlite::params;

use super::turns::BUSY_TIMEOUT;
use super::{Store, StoreError};
use crate::clock::UnixMs;

/// Rows that go in one transaction, so that a webhook never waits for more than this.
const PORTION: u32 = 200;

/// Pages that are given back to the volume in one step: 1 MiB.
const PAGES_AT_ONCE: u32 = 256;

/// Free pages that stay for tomorrow's rows: 1 MiB.
const PAGES_KEPT: u32 = 256;

/// How long others are waited for before the write-ahead log is emptied. Nobody can write meanwhile.
const EMPTY_LOG_WITHIN: Duration = Duration::from_millis(200);

/// How much is looked at for the figures by which SQLite plans its queries.
const ANALYSIS_LIMIT: u32 = 400;

/// Rows that have a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// Runs that have ended; the last 300 stay, however old.
    Runs,
    /// Webhooks that were acted on, or say nothing to us. Those that were given up stay.
    Webhooks,
    /// Messages that were delivered, or cannot be.
    Messages,
    /// Decisions about entries that are closed, but for the last one about each.
    Decisions,
    /// Times that an instance was not well, and is again.
    Outages,
}

impl Past {
    /// Those before `?1`, in the words of SQL.
    const fn rows(self) -> &'static str {
        match self {
            Self::Runs => {
                "FROM runs WHERE started_at_ms < ?1 AND result <> 'running' AND rowid <= (SELECT max(rowid) FROM runs) - 300"
            }
            Self::Webhooks => "FROM inbox WHERE received_at_ms < ?1 AND state IN ('done', 'ignored')",
            Self::Messages => "FROM outbox WHERE made_at_ms < ?1 AND state <> 'pending'",
            Self::Outages => "FROM outages WHERE ended_at_ms < ?1",
            Self::Decisions => {
                "FROM decisions WHERE entry_id IN (SELECT id FROM entries WHERE closed_at_ms < ?1)\n\
                     AND id < (SELECT max(last.id) FROM decisions last WHERE last.entry_id = decisions.entry_id)"
            }
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Webhooks => "inbox",
            Self::Messages => "outbox",
            Self::Decisions => "decisions",
            Self::Outages => "outages",
        }
    }
}

impl Store {
    /// How many of these are from before `before_ms` and would go.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn count_past(&self, what: Past, before_ms: UnixMs) -> Result<u64, StoreError> {
        let query = format!("-- upkeep.count\nSELECT count(*) {}", what.rows());
        let count: i64 = self.connection.query_row(&query, [before_ms], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Takes away the oldest of these from before `before_ms`, in a transaction of their own. Answers how many there were, and whether there
    /// may be more. Looking for them keeps nobody from writing, and what is past its time stays so.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn drop_past(&self, what: Past, before_ms: UnixMs) -> Result<(u64, bool), StoreError> {
        let query = format!("-- upkeep.find\nSELECT rowid {} ORDER BY rowid LIMIT ?2", what.rows());
        let mut query = self.connection.prepare_cached(&query)?;
        let found = query.query_map(params![before_ms, PORTION], |row| row.get::<_, i64>(0))?;
        let found = found.collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() {
            return Ok((0, false));
        }
        let gone = self.write(|db| {
            let mut query = db
                .connection
                .prepare_cached(&format!("-- upkeep.drop\nDELETE FROM {} WHERE rowid = ?1", what.table()))?;
            let mut gone = 0;
            for row in &found {
                gone += query.execute([row])?;
            }
            Ok(gone)
        })?;
        Ok((gone as u64, found.len() == PORTION as usize))
    }

    /// Gives free pages back to the volume, a portion in a transaction of its own. Answers how many, and whether there are more than are
    /// kept for what comes. Of a file that was made before this was thought of, none can be given back; they are used again.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn give_back_pages(&self) -> Result<(u64, bool), StoreError> {
        let free = || -> Result<u32, StoreError> {
            Ok(self.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?)
        };
        let before = free()?;
        let spare = before.saturating_sub(PAGES_KEPT);
        if spare == 0 {
            return Ok((0, false));
        }
        let mut query = self.connection.prepare(&format!("PRAGMA incremental_vacuum({})", spare.min(PAGES_AT_ONCE)))?;
        let mut rows = query.query([])?;
        while rows.next()?.is_some() {}
        drop(rows);
        let given = before.saturating_sub(free()?);
        Ok((given.into(), given > 0 && spare > PAGES_AT_ONCE))
    }

    /// Brings the figures up to date by which SQLite plans its queries, where it thinks that worth while.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn optimize(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(&format!("PRAGMA analysis_limit={ANALYSIS_LIMIT}; PRAGMA optimize"))?)
    }

    /// Merges the write-ahead log into the database and empties its file, so that nothing that was overwritten is left in it, unless
    /// somebody is reading or writing for too long. Answers whether that worked.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn empty_log(&self) -> Result<bool, StoreError> {
        // Whoever waits here keeps others from writing.
        self.connection.busy_timeout(EMPTY_LOG_WITHIN)?;
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        // With SQLite's own pauses from here on, which do for whoever has little left to write.
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        match busy.map_err(StoreError::from) {
            Ok(busy) => Ok(!busy),
            Err(StoreError::Busy) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        (folder, store)
    }

    fn count(store: &Store, what: &str) -> u32 {
        store.connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }

    /// Takes away all that there is to take away, a portion at a time, and answers how much that was.
    fn drop_all(store: &Store, what: Past, before_ms: UnixMs) -> u64 {
        let expected = store.count_past(what, before_ms).unwrap();
        let mut gone = 0;
        loop {
            let (some, more) = store.drop_past(what, before_ms).unwrap();
            assert!(some <= PORTION.into());
            gone += some;
            if !more {
                break;
            }
        }
        assert_eq!((gone, store.count_past(what, before_ms).unwrap()), (expected, 0), "what was counted is what went");
        gone
    }

    #[test]
    fn runs_go_by_their_time_but_the_last_ones_and_the_running_one_stay() {
        let (_folder, store) = store();
        let runs = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)\n\
             INSERT INTO runs (id, trigger, holder, started_at_ms, result)\n\
             SELECT 'r' || i, 'cli', '', i, iif(i = 5, 'running', 'ok') FROM n";
        store.connection.execute_batch(runs).unwrap();
        assert_eq!(drop_all(&store, Past::Runs, 501), 499);
        assert_eq!((count(&store, "runs"), count(&store, "runs WHERE result = 'running'")), (501, 1));
        assert_eq!(drop_all(&store, Past::Runs, 10_000), 200, "the last 300, and the one that says that it runs");
    }

    #[test]
    fn webhooks_and_messages_that_wait_stay_however_old() {
        let (_folder, store) = store();
        let rows = "INSERT INTO inbox (instance, received_at_ms, event, body, state, done_at_ms) VALUES\n\
                 ('m', 1, 'Grab', '', 'pending', NULL), ('m', 1, 'Grab', '', 'done', 1), ('m', 1, 'Grab', '', 'ignored', 1),\n\
                 ('m', 1, 'Grab', '', 'given_up', 1), ('m', 9, 'Grab', '', 'done', 9);\n\
             INSERT INTO outbox (kind, dedupe, made_at_ms, payload, state) VALUES\n\
                 ('available', 'a', 1, '{}', 'pending'), ('available', 'b', 1, '{}', 'sent'), ('available', 'c', 9, '{}', 'sent')";
        store.connection.execute_batch(rows).unwrap();
        assert_eq!((drop_all(&store, Past::Webhooks, 5), drop_all(&store, Past::Messages, 5)), (2, 1));
        assert_eq!((count(&store, "inbox"), count(&store, "outbox")), (3, 2));
    }

    #[test]
    fn outages_go_by_their_end_and_those_that_go_on_stay_however_old() {
        let (_folder, store) = store();
        let rows = "INSERT INTO outages (instance, reason, detail, began_at_ms, seen_at_ms, ended_at_ms) VALUES\n\
                 ('m', 'unfit', '', 1, 1, 4), ('m', 'refused', '', 1, 1, 9), ('m', 'webhook', '', 1, 1, NULL)";
        store.connection.execute_batch(rows).unwrap();
        assert_eq!(drop_all(&store, Past::Outages, 5), 1);
        assert_eq!((count(&store, "outages"), count(&store, "outages WHERE reason = 'unfit'")), (2, 0));
    }

    #[test]
    fn an_open_entry_keeps_every_decision_and_a_closed_one_its_last() {
        let (_folder, store) = store();
        let rows = "INSERT INTO users (id, uuid, username, display_name, relation, first_seen_at_ms) VALUES (1, 'u', 'u', 'u', 'owner', 1);\n\
             INSERT INTO titles (id, plex_id, media_type, title) VALUES (1, 'a', 'movie', 'A'), (2, 'b', 'movie', 'B'), (3, 'c', 'movie', 'C');\n\
             INSERT INTO entries (id, user_id, title_id, appeared_at_ms, state, state_at_ms, closed_at_ms) VALUES\n\
                 (1, 1, 1, 1, 'requested', 1, NULL), (2, 1, 2, 1, 'closed', 1, 2), (3, 1, 3, 1, 'closed', 1, 9);\n\
             INSERT INTO decisions (entry_id, run_id, decided_at_ms, outcome, decision)\n\
                 SELECT e.id, 'r', n.value, 'hold', 'number ' || n.value FROM entries e, json_each('[1, 2, 3]') n";
        store.connection.execute_batch(rows).unwrap();
        assert_eq!(drop_all(&store, Past::Decisions, 5), 2);
        assert_eq!(count(&store, "decisions WHERE entry_id = 1"), 3);
        assert_eq!(count(&store, "decisions WHERE entry_id = 2 AND decision = 'number 3'"), 1);
        assert_eq!(count(&store, "decisions WHERE entry_id = 3"), 3, "closed too lately");
        assert_eq!(count(&store, "entries"), 3);
    }

    #[test]
    fn free_pages_are_given_back_and_the_log_is_emptied_unless_somebody_reads() {
        let (folder, store) = store();
        let size = |name: &str| std::fs::metadata(folder.path().join("db").join(name)).map_or(0, |file| file.len());
        store.write(|db| db.set_setting("ballast", &"x".repeat(8 << 20))).unwrap();
        store.write(|db| db.unset_setting("ballast")).unwrap();
        let reader = rusqlite::Connection::open(Store::path(folder.path())).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM settings").unwrap();
        reader.query_row("SELECT count(*) FROM settings", [], |_| Ok(())).unwrap();
        store.write(|db| db.set_setting("colour", "green")).unwrap();
        assert!(!store.empty_log().unwrap(), "somebody reads what was there before");
        reader.execute_batch("COMMIT").unwrap();
        assert!(store.empty_log().unwrap());
        assert!(size("pulsarr.db") > 8 << 20);
        let mut steps = 0;
        while store.give_back_pages().unwrap().1 {
            steps += 1;
        }
        assert!(steps >= 6, "{steps} steps");
        store.optimize().unwrap();
        assert!(store.empty_log().unwrap());
        assert_eq!(size("pulsarr.db-wal"), 0);
        assert!(size("pulsarr.db") < 2 << 20, "{}", size("pulsarr.db"));
        assert_eq!(store.give_back_pages().unwrap(), (0, false), "a mebibyte stays for what comes");
    }
}
