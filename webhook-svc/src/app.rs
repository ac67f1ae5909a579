//! What every part of the service has at hand.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::vault::Vault;

use crate::database::Database;

/// The service.
pub struct App {
    /// Environment and settings as they are now; [`App::config`] gives them.
    pub config: RwLock<Arc<Config>>,
    /// What changing the settings needs.
    pub declared: Declared,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The store, for everything but incoming webhooks.
    pub database: Database,
    /// The way to the network.
    pub transport: Transport,
    /// The order to stop.
    pub stop: Stop,
    /// When the service began; unix milliseconds.
    pub started_at_ms: UnixMs,
    /// What was counted since then.
    pub counters: Counters,
}

/// What changing the settings needs.
pub struct Declared {
    /// Seals the secrets that people give.
    pub vault: Vault,
    /// The process's variables, for reading the settings anew.
    pub variables: Vec<(String, String)>,
    /// Where relative paths start.
    pub base_dir: PathBuf,
    /// Held while somebody changes the settings: what was found in order together is stored together.
    pub editing: tokio::sync::Mutex<()>,
}

/// What the service counts while it lives.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that were answered.
    pub requests: AtomicU64,
}

impl App {
    /// What stands in front of every path: empty, or `/pulsarr`.
    pub fn base_path(&self) -> String {
        self.config().environment.base_path.clone()
    }

    /// Environment and settings as they are now. Whoever holds them keeps working with these when somebody changes them.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Now; unix milliseconds.
    pub fn now_ms(&self) -> UnixMs {
        self.clock.now_ms()
    }
}
