//! What every part of the service has at hand.

use std::sync::Arc;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::InstanceKind;
use pulsarr_shared::stop::Stop;

use crate::database::Database;
use crate::engine::Engine;
use crate::fast_lane::LaneHealth;
use crate::passwords::Passwords;
use crate::receiver::Receiver;
use crate::webhook_counts::WebhookCounts;

/// The service.
pub struct App {
    /// Environment and settings.
    pub config: Arc<Config>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The store, for everything but incoming webhooks.
    pub database: Database,
    /// Starts runs in this process.
    pub engine: Engine,
    /// How the watching of lists between runs is doing.
    pub fast_lane: LaneHealth,
    /// The way to the network.
    pub transport: Transport,
    /// The order to stop.
    pub stop: Stop,
    /// When the service began; unix milliseconds.
    pub started_at_ms: UnixMs,
    /// Takes webhooks in.
    pub receiver: Receiver,
    /// What webhooks have to show.
    pub passwords: Passwords,
    /// How many webhooks came.
    pub webhook_counts: WebhookCounts,
}

impl App {
    /// What stands in front of every path: empty, or `/pulsarr`.
    pub fn base_path(&self) -> &str {
        &self.config.environment.base_path
    }

    /// What the instance of this name is; `None` when there is none.
    pub fn kind_of(&self, instance: &str) -> Option<InstanceKind> {
        let instances = &self.config.settings.instances;
        instances.iter().find(|it| it.name == instance).map(|it| it.options.kind())
    }

    /// Now; unix milliseconds.
    pub fn now_ms(&self) -> UnixMs {
        self.clock.now_ms()
    }
}
