//! What every part of the service has at hand.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::stop::Stop;

use crate::auth::Auth;
use crate::database::Database;

/// The service.
pub struct App {
    /// Environment and settings.
    pub config: Arc<Config>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The store, for everything but incoming webhooks.
    pub database: Database,
    /// Who may.
    pub auth: Auth,
    /// The way to the network.
    pub transport: Transport,
    /// The order to stop.
    pub stop: Stop,
    /// When the service began; unix milliseconds.
    pub started_at_ms: UnixMs,
    /// What was counted since then.
    pub counters: Counters,
}

/// What the service counts while it lives.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that were answered.
    pub requests: AtomicU64,
}

impl App {
    /// What stands in front of every path: empty, or `/pulsarr`.
    pub fn base_path(&self) -> &str {
        &self.config.environment.base_path
    }

    /// Now; unix milliseconds.
    pub fn now_ms(&self) -> UnixMs {
        self.clock.now_ms()
    }
}
