//! How often somebody asked for something.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often somebody asked for something: people and arrs, not those who only want to know whether we live.
#[derive(Default)]
pub struct Asked(AtomicU64);

impl Asked {
    /// Somebody asks.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often, since the service began.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
