//! What a store that was restored takes from the one that it replaces, and what it forgets: backups are of the past, and some of it must
//! not be done a second time or be true again.

use std::path::Path;

use serde::Serialize;

use super::{Store, StoreError};

/// What became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// Messages that were delivered since, or are yet to be: nobody is told a second time, and nothing is kept from anybody.
    pub messages: usize,
    /// API keys that were revoked since: they stay so.
    pub api_keys_revoked: usize,
    /// Sign-ins of browsers that ended: everybody signs in again.
    pub sessions_ended: usize,
}

impl Store {
    /// Ends all sessions of browsers: one that was ended since must not be open again.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_all_sessions(&self) -> Result<usize, StoreError> {
        Ok(self.connection.execute("-- carry.sessions\nDELETE FROM web_sessions", [])?)
    }

    /// Takes over what `replaced`, a store of the same installation that nobody works on any more, knows of what has been done since: all of
    /// it or nothing. Its schema may be older or newer.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn carry_over_from(&self, replaced: &Path) -> Result<Carried, StoreError> {
        let path = replaced.to_string_lossy();
        self.connection.execute("-- carry.attach\nATTACH DATABASE ?1 AS replaced", [&*path])?;
        let carried = self.write(|db| {
            let messages = db.connection.execute(
                "-- carry.outbox\n\
                 INSERT INTO outbox (kind, dedupe, made_at_ms, payload, state)\n\
                 SELECT kind, dedupe, made_at_ms, payload, state FROM replaced.outbox WHERE true ORDER BY id\n\
                 ON CONFLICT (dedupe) DO UPDATE SET state = excluded.state WHERE state <> excluded.state",
                [],
            )?;
            let api_keys_revoked = db.connection.execute(
                "-- carry.api_keys\nDELETE FROM api_keys WHERE key_hash NOT IN (SELECT key_hash FROM replaced.api_keys)",
                [],
            )?;
            Ok(Carried { messages, api_keys_revoked, sessions_ended: 0 })
        });
        self.connection.execute_batch("-- carry.detach\nDETACH DATABASE replaced")?;
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Availability, MediaType};
    use crate::store::{ApiKeyScope, NewApiKey};

    fn tell(store: &Store, dedupe: &str) {
        let availability = Availability {
            instance: "movies".to_owned(),
            media_type: MediaType::Movie,
            external_id: 603,
            title: "Salt Ledger".to_owned(),
            year: None,
            episodes: vec![],
            wanted_by: vec![],
            imported_at_ms: 1,
        };
        store.write(|db| db.tell_available(dedupe, &availability, 1)).unwrap();
    }

    fn add_key(store: &Store, name: &str, byte: u8) {
        let key = NewApiKey { name, prefix: "pk", key_hash: &[byte; 32], scope: ApiKeyScope::Read, created_by: "me" };
        store.write(|db| db.make_api_key(key, 1)).unwrap();
    }

    #[test]
    fn what_was_told_since_is_not_told_again_and_what_was_revoked_stays_revoked() {
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (backup, current) = (Store::open(before.path(), false).unwrap(), Store::open(after.path(), false).unwrap());
        for store in [&backup, &current] {
            tell(store, "told since");
            add_key(store, "kept", 1);
        }
        add_key(&backup, "revoked since", 2);
        add_key(&current, "made since", 3);
        tell(&current, "new and told");
        tell(&current, "new and waiting");
        current.connection.execute("UPDATE outbox SET state = 'sent' WHERE dedupe <> 'new and waiting'", []).unwrap();
        drop(current);

        let carried = backup.carry_over_from(&Store::path(after.path())).unwrap();

        assert_eq!(carried, Carried { messages: 3, api_keys_revoked: 1, sessions_ended: 0 });
        assert_eq!(backup.read().pending_message_count().unwrap(), 1, "the one that nobody heard of yet");
        tell(&backup, "new and told");
        assert_eq!(
            backup.read().pending_message_count().unwrap(),
            1,
            "the history tells of it again, and nobody else does"
        );
        let names: Vec<String> = backup.read().api_keys().unwrap().into_iter().map(|key| key.name).collect();
        assert_eq!(names, ["kept"]);
    }
}
