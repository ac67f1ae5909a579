//! When sessions and API keys were used last. Whoever asks does not wait until that is noted: the note waits for its turn at the store.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::{ApiKeyId, Db, StoreError};

use crate::database::Database;

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Used {
    /// The session with this hash of a token.
    Session([u8; 32]),
    /// The API key.
    Key(ApiKeyId),
}

type Waiting = HashMap<Used, UnixMs>;

/// The uses that are not noted yet, each with its last time.
#[derive(Default)]
pub struct Uses(Arc<Mutex<Waiting>>);

impl Uses {
    /// Notes that `used` was used, before long: together with whatever else is used until the store has its turn for it, so that one note
    /// at most waits for a store that is locked.
    pub fn note(&self, database: &Database, used: Used, now_ms: UnixMs) {
        let mut waiting = lock(&self.0);
        let is_on_its_way = !waiting.is_empty();
        waiting.insert(used, now_ms);
        if is_on_its_way {
            return;
        }
        let uses = Arc::clone(&self.0);
        database.write_later(move |store| {
            let noted = store.write(|db| {
                let uses = mem::take(&mut *lock(&uses));
                uses.into_iter().try_for_each(|(used, at_ms)| write(db, used, at_ms))
            });
            if let Err(error) = noted {
                // They are used again. Nothing may stay, because it would be taken for being on its way.
                lock(&uses).clear();
                tracing::warn!("failed to {error}. {}", error.advice());
            }
        });
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(db: Db<'_>, used: Used, at_ms: UnixMs) -> Result<(), StoreError> {
    match used {
        Used::Session(token_hash) => db.touch_session(&token_hash, at_ms),
        Used::Key(id) => db.touch_api_key(id, at_ms),
    }
}
