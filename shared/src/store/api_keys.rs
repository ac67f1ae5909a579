//! `api_keys`: programs that may ask the service. A key is known by its hash, and cannot be read again.

use rusqlite::{OptionalExtension, Row, params};

use super::error::unknown_word;
use super::{Db, StoreError};
use crate::clock::UnixMs;

crate::model::words! {
    /// What a key may do.
    ApiKeyScope {
        /// Look.
        Read = "read",
        /// Look, and change things.
        Write = "write",
    }
}

/// A key's row, and its number for people. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiKeyId(pub i64);

/// A key, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its number.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// What it may do.
    pub scope: ApiKeyScope,
    /// When it was made.
    pub created_at_ms: UnixMs,
    /// Who made it.
    pub created_by: String,
    /// The last request with it, to the minute.
    pub used_at_ms: Option<UnixMs>,
}

/// A key that is about to be.
#[derive(Debug, Clone, Copy)]
pub struct NewApiKey<'a> {
    /// What people call it.
    pub name: &'a str,
    /// How it begins.
    pub prefix: &'a str,
    /// SHA-256 of the whole key.
    pub key_hash: &'a [u8; 32],
    /// What it may do.
    pub scope: ApiKeyScope,
    /// Who makes it.
    pub created_by: &'a str,
}

impl Db<'_> {
    /// Makes a key. `None` when there is one of this name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn make_api_key(self, key: NewApiKey<'_>, now_ms: UnixMs) -> Result<Option<ApiKeyId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- api_keys.make\n\
             INSERT INTO api_keys (name, prefix, key_hash, scope, created_at_ms, created_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)\n\
             ON CONFLICT (name) DO NOTHING RETURNING id",
        )?;
        let hash = key.key_hash.as_slice();
        let values = params![key.name, key.prefix, hash, key.scope.word(), now_ms, key.created_by];
        Ok(query.query_row(values, |row| Ok(ApiKeyId(row.get(0)?))).optional()?)
    }

    /// Every key, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn api_keys(self) -> Result<Vec<ApiKeyRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- api_keys.all\n\
             SELECT id, name, prefix, scope, created_at_ms, created_by, used_at_ms FROM api_keys ORDER BY id",
        )?;
        let mut rows = query.query([])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            keys.push(read(row)?);
        }
        Ok(keys)
    }

    /// The key with this hash.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn api_key(self, key_hash: &[u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- api_keys.by_hash\n\
             SELECT id, name, prefix, scope, created_at_ms, created_by, used_at_ms FROM api_keys WHERE key_hash = ?1",
        )?;
        let mut rows = query.query([key_hash.as_slice()])?;
        rows.next()?.map(read).transpose()
    }

    /// Notes that a key was used.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn touch_api_key(self, id: ApiKeyId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query =
            self.connection.prepare_cached("-- api_keys.touch\nUPDATE api_keys SET used_at_ms = ?2 WHERE id = ?1")?;
        query.execute(params![id.0, now_ms])?;
        Ok(())
    }

    /// Revokes a key for ever, and answers what it was called; `None` when there is no such key.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn revoke_api_key(self, id: ApiKeyId) -> Result<Option<String>, StoreError> {
        let mut query =
            self.connection.prepare_cached("-- api_keys.revoke\nDELETE FROM api_keys WHERE id = ?1 RETURNING name")?;
        Ok(query.query_row([id.0], |row| row.get(0)).optional()?)
    }
}

fn read(row: &Row<'_>) -> Result<ApiKeyRow, StoreError> {
    let scope: String = row.get(3)?;
    Ok(ApiKeyRow {
        id: ApiKeyId(row.get(0)?),
        name: row.get(1)?,
        prefix: row.get(2)?,
        scope: ApiKeyScope::from_word(&scope).ok_or_else(|| unknown_word("api_keys.scope", &scope))?,
        created_at_ms: row.get(4)?,
        created_by: row.get(5)?,
        used_at_ms: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_revoked_key_is_gone_and_its_number_is_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let key = NewApiKey {
            name: "backup",
            prefix: "pulsarr_ab",
            key_hash: &[1; 32],
            scope: ApiKeyScope::Read,
            created_by: "ada",
        };
        let id = store.write(|db| db.make_api_key(key, 5)).unwrap().unwrap();
        let twice = NewApiKey { key_hash: &[2; 32], ..key };
        assert_eq!(store.write(|db| db.make_api_key(twice, 6)).unwrap(), None, "the name is taken");
        assert_eq!(store.read().api_key(&[1; 32]).unwrap().map(|key| key.id), Some(id));
        assert_eq!(store.write(|db| db.revoke_api_key(id)).unwrap().as_deref(), Some("backup"));
        assert_eq!(store.write(|db| db.revoke_api_key(id)).unwrap(), None);
        assert_eq!(store.read().api_key(&[1; 32]).unwrap(), None);
        assert_ne!(store.write(|db| db.make_api_key(twice, 7)).unwrap(), Some(id));
        assert_eq!(store.read().api_keys().unwrap().len(), 1);
    }
}
