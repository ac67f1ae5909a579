//! The posters that pages show.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use pulsarr_shared::clients::Http;
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::model::PlexId;
use tokio::sync::Mutex as AsyncMutex;

/// How long a poster that did not come is not asked for again.
const MISSING_FOR_MS: UnixMs = 60 * 60 * 1000;
/// How many of those are remembered.
const MOST_MISSING: usize = 2_000;

/// The posters that were fetched, and those that did not come.
#[derive(Default)]
pub struct Posters {
    /// The way to where they are.
    pub http: OnceLock<Http>,
    /// By plex id: until when.
    missing: Mutex<HashMap<String, UnixMs>>,
    /// What the folder holds, in bytes; unknown until something is put there. Held while something is.
    pub held: AsyncMutex<Option<u64>>,
}

impl Posters {
    /// Whether the poster of this title did not come when it was asked for a while ago.
    pub fn is_missing(&self, plex_id: &PlexId, now_ms: UnixMs) -> bool {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.get(plex_id.as_str()).is_some_and(|until_ms| now_ms < *until_ms)
    }

    /// It did not come.
    pub fn note_missing(&self, plex_id: &PlexId, now_ms: UnixMs) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.len() >= MOST_MISSING {
            missing.clear();
        }
        missing.insert(plex_id.as_str().to_owned(), now_ms.saturating_add(MISSING_FOR_MS));
    }
}
