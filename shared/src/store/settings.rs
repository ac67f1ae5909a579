//! `settings`: small facts about this installation, such as its client identifier.

use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};

impl Db<'_> {
    /// The value stored under `key`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn setting(self, key: &str) -> Result<Option<String>, StoreError> {
        let mut query = self.connection.prepare_cached("-- settings.one\nSELECT value FROM settings WHERE key = ?1")?;
        Ok(query.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Stores `value` under `key`, over whatever was there.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_setting(self, key: &str, value: &str) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- settings.set\n\
             INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?;
        query.execute(params![key, value])?;
        Ok(())
    }

    /// Forgets what is stored under `key`, should there be anything.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn unset_setting(self, key: &str) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached("-- settings.unset\nDELETE FROM settings WHERE key = ?1")?;
        query.execute([key])?;
        Ok(())
    }
}
