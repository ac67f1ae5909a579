//! `admins`: who signs in to the service with a password.

use rusqlite::{OptionalExtension, params};

use super::letters::folded;
use super::{Db, StoreError};
use crate::clock::UnixMs;

/// An admin's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminId(pub i64);

/// Somebody who signs in with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminRow {
    /// Their row.
    pub id: AdminId,
    /// As they wrote it when they were made; found in any case.
    pub username: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
}

impl Db<'_> {
    /// Whether somebody can sign in with a password.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn has_admin(self) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached("-- admins.any\nSELECT EXISTS (SELECT 1 FROM admins)")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Makes the first admin. `None` when there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn make_first_admin(
        self,
        username: &str,
        password_hash: &str,
        now_ms: UnixMs,
    ) -> Result<Option<AdminId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- admins.make_first\n\
             INSERT INTO admins (username, password_hash, created_at_ms, password_set_at_ms)\n\
             SELECT ?1, ?2, ?3, ?3 WHERE NOT EXISTS (SELECT 1 FROM admins) RETURNING id",
        )?;
        let made = query.query_row(params![username, password_hash, now_ms], |row| Ok(AdminId(row.get(0)?)));
        Ok(made.optional()?)
    }

    /// The admin of this name, in any case and script: SQLite's own comparison knows the letters of ASCII alone, so the few there are
    /// are looked through.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn admin_named(self, username: &str) -> Result<Option<AdminRow>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- admins.named\nSELECT id, username, password_hash FROM admins ORDER BY id")?;
        let rows = query.query_map([], |row| {
            Ok(AdminRow { id: AdminId(row.get(0)?), username: row.get(1)?, password_hash: row.get(2)? })
        })?;
        let admins = rows.collect::<Result<Vec<_>, _>>()?;
        let wanted = folded(username);
        Ok(admins.into_iter().find(|admin| folded(&admin.username) == wanted))
    }

    /// Replaces a password, if it still is the one that was checked: `false` when somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_password(
        self,
        admin: AdminId,
        checked_hash: &str,
        new_hash: &str,
        now_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- admins.set_password\n\
             UPDATE admins SET password_hash = ?3, password_set_at_ms = ?4 WHERE id = ?1 AND password_hash = ?2",
        )?;
        Ok(query.execute(params![admin.0, checked_hash, new_hash, now_ms])? == 1)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::Store;

    #[test]
    fn only_the_first_admin_is_made_and_found_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        assert!(!store.read().has_admin().unwrap());
        let first = store.write(|db| db.make_first_admin("Ada", "hash", 1)).unwrap();
        assert!(first.is_some());
        assert_eq!(store.write(|db| db.make_first_admin("Eve", "hash", 2)).unwrap(), None);
        assert_eq!(store.read().admin_named("ADA").unwrap().map(|admin| admin.id), first);
        assert_eq!(store.read().admin_named("Eve").unwrap(), None);
    }

    #[test]
    fn an_admin_is_found_in_any_case_of_any_script() {
        for (name, other) in [("Ärmel", "äRMEL"), ("ΟΔΟΣ", "οδος"), ("οδός", "ΟΔΌΣ"), ("Жанна", "жАННА")]
        {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), false).unwrap();
            store.write(|db| db.make_first_admin(name, "hash", 1)).unwrap();
            let found = |name: &str| store.read().admin_named(name).unwrap().map(|admin| admin.username);
            assert_eq!((found(other).as_deref(), found(name).as_deref()), (Some(name), Some(name)));
            assert_eq!(found("Armel"), None);
        }
    }

    #[test]
    fn of_two_who_replace_the_same_password_the_second_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let admin = store.write(|db| db.make_first_admin("ada", "old", 1)).unwrap().unwrap();
        assert!(store.write(|db| db.set_password(admin, "old", "new", 2)).unwrap());
        assert!(!store.write(|db| db.set_password(admin, "old", "newer", 3)).unwrap());
        assert_eq!(store.read().admin_named("ada").unwrap().unwrap().password_hash, "new");
    }
}
