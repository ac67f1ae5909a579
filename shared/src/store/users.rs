//! `users`: whose lists we read, and what the last look told.

use rusqlite::{OptionalExtension, params};

use super::error::unknown_word;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{EntryId, ReadOutcome, Relation, User, UserId, UserUuid};

/// What is on record about the looks at one list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadRecord {
    /// The last look, whatever came of it.
    pub read_at_ms: Option<UnixMs>,
    /// What came of it.
    pub outcome: Option<ReadOutcome>,
    /// In plain words, when there is something to say.
    pub detail: Option<String>,
    /// The last look that saw every page.
    pub complete_at_ms: Option<UnixMs>,
    /// The mark of the list at the last look that was stored: an ETag or a fingerprint.
    pub list_mark: Option<String>,
    /// Where the next look goes on, when the last one ran out of time.
    pub resume: Option<String>,
    /// The last whole look did not fit into one run, so looking again soon would not confirm anything.
    pub too_long: bool,
    /// When a complete look may confirm that missing entries are gone.
    pub confirm_at_ms: Option<UnixMs>,
}

impl Db<'_> {
    /// Stores a user under its uuid, or brings its names and relation up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn upsert_user(
        self,
        uuid: &UserUuid,
        username: &str,
        display_name: &str,
        relation: Relation,
        now_ms: UnixMs,
    ) -> Result<UserId, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- users.upsert\n\
             INSERT INTO users (uuid, username, display_name, relation, first_seen_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)\n\
             ON CONFLICT (uuid) DO UPDATE SET username = excluded.username, display_name = excluded.display_name,\n\
                 relation = excluded.relation\n\
             RETURNING id",
        )?;
        let id = query
            .query_row(params![uuid.as_str(), username, display_name, relation.word(), now_ms], |row| row.get(0))?;
        Ok(UserId(id))
    }

    /// Makes former friends of all friends that are not in `friends`. Their entries stay.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn keep_friends(self, friends: &[UserUuid]) -> Result<(), StoreError> {
        for user in self.users()? {
            if user.relation == Relation::Friend && !friends.contains(&user.uuid) {
                self.connection.execute(
                    "-- users.leave\nUPDATE users SET relation = 'former_friend' WHERE id = ?1",
                    [user.id.0],
                )?;
            }
        }
        Ok(())
    }

    /// Every user ever seen, the owner first, then by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn users(self) -> Result<Vec<User>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- users.all\n\
             SELECT id, uuid, username, display_name, relation, synced FROM users ORDER BY relation <> 'owner', username, id",
        )?;
        let mut rows = query.query([])?;
        let mut users = Vec::new();
        while let Some(row) = rows.next()? {
            let (uuid, relation): (String, String) = (row.get(1)?, row.get(4)?);
            users.push(User {
                id: UserId(row.get(0)?),
                uuid: UserUuid::parse(&uuid).ok_or_else(|| unknown_word("users.uuid", &uuid))?,
                username: row.get(2)?,
                display_name: row.get(3)?,
                alias: None,
                relation: Relation::from_word(&relation).ok_or_else(|| unknown_word("users.relation", &relation))?,
                synced: row.get(5)?,
            });
        }
        Ok(users)
    }

    /// Notes whether this user's list is read; while it is not, nothing on it is decided or added either. What is stored stays.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_synced(self, user: UserId, synced: bool) -> Result<(), StoreError> {
        self.connection
            .execute("-- users.set_synced\nUPDATE users SET synced = ?2 WHERE id = ?1", params![user.0, synced])?;
        Ok(())
    }

    /// The user name of the user on whose list this entry is.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read; also when there is no such entry.
    pub fn user_of(self, entry: EntryId) -> Result<String, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- users.of_entry\nSELECT u.username FROM entries e JOIN users u ON u.id = e.user_id WHERE e.id = ?1",
        )?;
        Ok(query.query_row([entry.0], |row| row.get(0))?)
    }

    /// What is on record about the looks at this user's list.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn read_record(self, user: UserId) -> Result<ReadRecord, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- users.read_record\n\
             SELECT read_at_ms, read_outcome, read_detail, complete_at_ms, list_mark, confirm_at_ms, resume,\n\
                 too_long FROM users WHERE id = ?1",
        )?;
        let record = query.query_row([user.0], |row| {
            Ok(ReadRecord {
                read_at_ms: row.get(0)?,
                outcome: row.get::<_, Option<String>>(1)?.as_deref().and_then(ReadOutcome::from_word),
                detail: row.get(2)?,
                complete_at_ms: row.get(3)?,
                list_mark: row.get(4)?,
                confirm_at_ms: row.get(5)?,
                resume: row.get(6)?,
                too_long: row.get(7)?,
            })
        });
        Ok(record.optional()?.unwrap_or_default())
    }

    /// Replaces what is on record about the looks at this user's list.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_read_record(self, user: UserId, record: &ReadRecord) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- users.set_read_record\n\
             UPDATE users SET read_at_ms = ?2, read_outcome = ?3, read_detail = ?4, complete_at_ms = ?5, list_mark = ?6,\n\
                 confirm_at_ms = ?7, resume = ?8, too_long = ?9 WHERE id = ?1",
        )?;
        query.execute(params![
            user.0,
            record.read_at_ms,
            record.outcome.map(ReadOutcome::word),
            record.detail,
            record.complete_at_ms,
            record.list_mark,
            record.confirm_at_ms,
            record.resume,
            record.too_long,
        ])?;
        Ok(())
    }
}
