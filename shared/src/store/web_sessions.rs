//! `web_sessions`: browsers that are signed in. A session is known by the hash of its token.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::{AdminId, Db, StoreError};
use crate::clock::{UnixMs, millis};

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// After the last request.
    pub idle: Duration,
    /// After signing in.
    pub whole: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long sessions of this service live.
pub const SESSION_LIMITS: SessionLimits = SessionLimits { idle: DAY.saturating_mul(7), whole: DAY.saturating_mul(30) };

/// Those that are over, in the words of SQL: from before `?1`, or silent since `?2`.
macro_rules! past_sessions {
    () => {
        "FROM web_sessions WHERE created_at_ms <= ?1 OR seen_at_ms <= ?2"
    };
}

/// A session that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose it is.
    pub admin: AdminId,
    /// Their name.
    pub username: String,
    /// The last request that was noted.
    pub seen_at_ms: UnixMs,
}

/// A session that is alive, for its owner to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    /// The hash of its token.
    pub token_hash: [u8; 32],
    /// When somebody signed in.
    pub created_at_ms: UnixMs,
    /// The last request that was noted.
    pub seen_at_ms: UnixMs,
    /// From where somebody signed in, as far as it could be told.
    pub address: Option<String>,
}

/// Sessions that one admin may have; beyond that, those that were silent for longest end.
const MOST: u32 = 50;
/// How far the clock may be set back without ending sessions: a time further in the future was stored by a clock that was wrong.
const SET_BACK: i64 = 24 * 60 * 60 * 1000;

impl Db<'_> {
    /// Starts a session, and clears away those that are over.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn start_session(
        self,
        token_hash: &[u8; 32],
        admin: AdminId,
        address: Option<&str>,
        limits: SessionLimits,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- web_sessions.start\n\
             INSERT INTO web_sessions (token_hash, admin_id, created_at_ms, seen_at_ms, address) VALUES (?1, ?2, ?3, ?3, ?4)",
        )?;
        query.execute(params![token_hash.as_slice(), admin.0, now_ms, address])?;
        let mut query = self.connection.prepare_cached(
            "-- web_sessions.prune\n\
             DELETE FROM web_sessions WHERE created_at_ms <= ?1 OR seen_at_ms <= ?2 OR rowid IN (\n\
                 SELECT rowid FROM web_sessions WHERE admin_id = ?3 AND token_hash <> ?5\n\
                 ORDER BY seen_at_ms DESC, rowid DESC LIMIT -1 OFFSET ?4)",
        )?;
        let (whole, idle) = (now_ms - millis(limits.whole), now_ms - millis(limits.idle));
        query.execute(params![whole, idle, admin.0, MOST - 1, token_hash.as_slice()])?;
        Ok(())
    }

    /// How many sessions are over.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn past_sessions(self, limits: SessionLimits, now_ms: UnixMs) -> Result<u64, StoreError> {
        let query = concat!("-- web_sessions.count_past\nSELECT count(*) ", past_sessions!());
        let (whole, idle) = (now_ms - millis(limits.whole), now_ms - millis(limits.idle));
        let count: i64 = self.connection.query_row(query, [whole, idle], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Clears away the sessions that are over. Answers how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn drop_past_sessions(self, limits: SessionLimits, now_ms: UnixMs) -> Result<u64, StoreError> {
        let query = concat!("-- web_sessions.drop_past\nDELETE ", past_sessions!());
        let (whole, idle) = (now_ms - millis(limits.whole), now_ms - millis(limits.idle));
        Ok(self.connection.execute(query, [whole, idle])? as u64)
    }

    /// The session with this token, if it is alive.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn session(
        self,
        token_hash: &[u8; 32],
        limits: SessionLimits,
        now_ms: UnixMs,
    ) -> Result<Option<SessionRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- web_sessions.alive\n\
             SELECT s.admin_id, a.username, s.seen_at_ms FROM web_sessions s JOIN admins a ON a.id = s.admin_id\n\
             WHERE s.token_hash = ?1 AND s.created_at_ms > ?2 AND s.seen_at_ms > ?3\n\
                 AND s.created_at_ms < ?4 AND s.seen_at_ms < ?4",
        )?;
        let (whole, idle) = (now_ms - millis(limits.whole), now_ms - millis(limits.idle));
        let found = query.query_row(params![token_hash.as_slice(), whole, idle, now_ms + SET_BACK], |row| {
            Ok(SessionRow { admin: AdminId(row.get(0)?), username: row.get(1)?, seen_at_ms: row.get(2)? })
        });
        Ok(found.optional()?)
    }

    /// The sessions of an admin that are alive, the one that was used last first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn sessions_of(
        self,
        admin: AdminId,
        limits: SessionLimits,
        now_ms: UnixMs,
    ) -> Result<Vec<SessionLine>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- web_sessions.of_admin\n\
             SELECT token_hash, created_at_ms, seen_at_ms, address FROM web_sessions\n\
             WHERE admin_id = ?1 AND created_at_ms > ?2 AND seen_at_ms > ?3 AND created_at_ms < ?4 AND seen_at_ms < ?4\n\
             ORDER BY seen_at_ms DESC, rowid DESC",
        )?;
        let (whole, idle) = (now_ms - millis(limits.whole), now_ms - millis(limits.idle));
        let rows = query.query_map(params![admin.0, whole, idle, now_ms + SET_BACK], |row| {
            Ok(SessionLine {
                token_hash: row.get(0)?,
                created_at_ms: row.get(1)?,
                seen_at_ms: row.get(2)?,
                address: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn touch_session(self, token_hash: &[u8; 32], now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- web_sessions.touch\nUPDATE web_sessions SET seen_at_ms = ?2 WHERE token_hash = ?1")?;
        query.execute(params![token_hash.as_slice(), now_ms])?;
        Ok(())
    }

    /// Ends a session. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_session(self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        let mut query =
            self.connection.prepare_cached("-- web_sessions.end\nDELETE FROM web_sessions WHERE token_hash = ?1")?;
        Ok(query.execute([token_hash.as_slice()])? > 0)
    }

    /// Ends all sessions of an admin but this one. Answers how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_other_sessions(self, admin: AdminId, token_hash: &[u8; 32]) -> Result<usize, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- web_sessions.end_others\nDELETE FROM web_sessions WHERE admin_id = ?1 AND token_hash <> ?2",
        )?;
        Ok(query.execute(params![admin.0, token_hash.as_slice()])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const LIMITS: SessionLimits = SessionLimits { idle: Duration::from_millis(100), whole: Duration::from_millis(300) };

    #[test]
    fn a_session_ends_when_it_is_silent_or_old_and_survives_a_clock_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let admin = store.write(|db| db.make_first_admin("ada", "hash", 0)).unwrap().unwrap();
        let token = [7; 32];
        store.write(|db| db.start_session(&token, admin, None, LIMITS, 1_000)).unwrap();
        let alive = |now_ms| store.read().session(&token, LIMITS, now_ms).unwrap().is_some();
        assert!(alive(990) && alive(1_099) && !alive(1_100));
        for at in [1_090, 1_180, 1_270] {
            store.write(|db| db.touch_session(&token, at)).unwrap();
        }
        assert!(alive(1_299) && !alive(1_300), "used all the time, and over all the same");
        let listed = |now_ms| store.read().sessions_of(admin, LIMITS, now_ms).unwrap();
        assert_eq!(listed(1_299).iter().map(|it| (it.token_hash, it.seen_at_ms)).collect::<Vec<_>>(), [(token, 1_270)]);
        assert_eq!(listed(1_300), []);
        assert!(!alive(1_270 - SET_BACK), "a clock that is a day wrong");
    }

    #[test]
    fn there_are_never_more_sessions_than_the_most_and_the_newest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let admin = store.write(|db| db.make_first_admin("ada", "hash", 0)).unwrap().unwrap();
        for n in 0..60_u8 {
            store.write(|db| db.start_session(&[n; 32], admin, None, LIMITS, 1_000)).unwrap();
        }
        let alive = |n: u8| store.read().session(&[n; 32], LIMITS, 1_000).unwrap().is_some();
        assert_eq!((0..60).filter(|n| alive(*n)).count(), 50);
        assert!(alive(59) && !alive(0));
    }
}
