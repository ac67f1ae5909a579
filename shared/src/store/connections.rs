//! `connections`: the password of each instance's webhook, and how its connection was found the last time.

use rusqlite::{OptionalExtension, params};
use secrecy::SecretString;

use super::error::unknown_word;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{Connection, ConnectionStatus};

/// One instance's connection, for people: without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRow {
    /// The instance's name in the settings.
    pub instance: String,
    /// The address last given to the instance.
    pub url: Option<String>,
    /// The instance's number for the connection.
    pub arr_id: Option<i64>,
    /// How it was found.
    pub status: ConnectionStatus,
    /// A sentence that ends with what to do.
    pub detail: Option<String>,
    /// When it was found like that; `None`: never looked at.
    pub checked_at_ms: Option<UnixMs>,
}

impl Db<'_> {
    /// The password that this instance has to show as it is kept: a text that only the vault opens, or, from before passwords were sealed,
    /// 32 hex characters in clear. `None` for an instance that was never given one.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn connection_secret(self, instance: &str) -> Result<Option<SecretString>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- connections.secret\nSELECT secret FROM connections WHERE instance = ?1")?;
        let secret = query.query_row([instance], |row| row.get::<_, String>(0)).optional()?;
        Ok(secret.map(SecretString::from))
    }

    /// Keeps `sealed`, a text of the vault, as the password that this instance has to show. What was in its place is overwritten and not
    /// only given free: it may be a password in clear.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_connection_secret(self, instance: &str, sealed: &str) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- connections.seal\n\
             INSERT INTO connections (instance, secret) VALUES (?1, ?2)\n\
             ON CONFLICT (instance) DO UPDATE SET secret = excluded.secret",
        )?;
        self.connection.execute_batch("PRAGMA secure_delete=ON")?;
        let done = query.execute(params![instance, sealed]);
        self.connection.execute_batch("PRAGMA secure_delete=OFF")?;
        done?;
        Ok(())
    }

    /// Every connection, by the name of its instance.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn all_connections(self) -> Result<Vec<ConnectionRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- connections.all\n\
             SELECT instance, url, arr_id, status, detail, checked_at_ms FROM connections ORDER BY instance",
        )?;
        let mut rows = query.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let status: String = row.get(3)?;
            all.push(ConnectionRow {
                instance: row.get(0)?,
                url: row.get(1)?,
                arr_id: row.get(2)?,
                status: ConnectionStatus::from_word(&status)
                    .ok_or_else(|| unknown_word("connections.status", &status))?,
                detail: row.get(4)?,
                checked_at_ms: row.get(5)?,
            });
        }
        Ok(all)
    }

    /// Notes how the connection of an instance was found. Nothing happens for an instance without a password.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_connection_status(self, instance: &str, found: &Connection, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- connections.found\n\
             UPDATE connections SET url = coalesce(?2, url), arr_id = ?3, status = ?4, detail = ?5, checked_at_ms = ?6\n\
             WHERE instance = ?1",
        )?;
        query.execute(params![instance, found.url, found.arr_id, found.status.word(), found.advice, now_ms])?;
        Ok(())
    }

    /// Forgets the connection of an instance, its password and its history included: what still shows it is refused from now on.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn forget_connection(self, instance: &str) -> Result<(), StoreError> {
        self.connection.execute("-- connections.forget\nDELETE FROM connections WHERE instance = ?1", [instance])?;
        self.forget_outages(instance)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::store::Store;

    const SEALED: &str = "sealed:b25l";
    const AGAIN: &str = "sealed:YW5vdGhlcg==";

    #[test]
    fn a_password_is_kept_until_it_is_replaced_or_forgotten_and_never_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let kept =
            |store: &Store| store.read().connection_secret("movies").unwrap().map(|it| it.expose_secret().to_owned());
        assert_eq!(kept(&store), None);
        store.write(|db| db.set_connection_secret("movies", SEALED)).unwrap();
        assert_eq!(kept(&store).as_deref(), Some(SEALED));
        drop(store);
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.set_connection_secret("movies", AGAIN)).unwrap();
        assert_eq!(kept(&store).as_deref(), Some(AGAIN));
        assert!(store.write(|db| db.set_connection_secret("movies", "hunter2")).is_err(), "it is not sealed");
        store.write(|db| db.forget_connection("movies")).unwrap();
        assert_eq!(kept(&store), None);
    }

    #[test]
    fn what_was_found_is_told_and_an_address_once_known_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let found = |status, url: Option<&str>| Connection {
            status,
            advice: "words".to_owned(),
            arr_id: Some(7),
            url: url.map(str::to_owned),
        };
        store
            .write(|db| {
                db.set_connection_secret("movies", SEALED)?;
                db.set_connection_status("nobody", &found(ConnectionStatus::Ok, None), 5)
            })
            .unwrap();
        let fresh = ConnectionRow {
            instance: "movies".to_owned(),
            url: None,
            arr_id: None,
            status: ConnectionStatus::Unknown,
            detail: None,
            checked_at_ms: None,
        };
        assert_eq!(store.read().all_connections().unwrap(), [fresh]);
        for status in ConnectionStatus::ALL {
            store.write(|db| db.set_connection_status("movies", &found(*status, None), 5)).unwrap();
            assert_eq!(store.read().all_connections().unwrap()[0].status, *status);
        }
        store
            .write(|db| db.set_connection_status("movies", &found(ConnectionStatus::Ok, Some("http://p")), 6))
            .unwrap();
        store.write(|db| db.set_connection_status("movies", &found(ConnectionStatus::Unknown, None), 7)).unwrap();
        let row = store.read().all_connections().unwrap().remove(0);
        assert_eq!((row.url.as_deref(), row.arr_id, row.checked_at_ms), (Some("http://p"), Some(7), Some(7)));
        assert_eq!((row.status, row.detail.as_deref()), (ConnectionStatus::Unknown, Some("words")));
    }
}
