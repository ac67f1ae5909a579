//! What a look at an instance's webhook says about the instance, for its history.

use pulsarr_shared::clients::arr::ArrError;
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{Connection, ConnectionStatus, Instance, OutageReason};
use pulsarr_shared::store::{Db, FoundBy, StoreError, Unwell};

use crate::app::App;

/// A look, and what came of it.
pub struct Look {
    /// The instance's name.
    pub instance: String,
    /// What was found.
    pub found: Connection,
    /// Whether it was asked at all: without an address of ours there is nothing to ask it.
    asked: bool,
    /// Whether it does not take the key.
    refuses_us: bool,
    /// Webhooks that were refused since the last look, and when the first of them came.
    refused: Option<(u32, UnixMs)>,
}

/// Whether this advice says that `instance` does not take its key.
pub fn is_refusal(instance: &Instance, advice: &str) -> bool {
    advice == ArrError::Unauthorized.advice(&instance.label())
}

impl Look {
    /// At `instance`, by the settings of `config`. Webhooks that were refused count from now on again.
    pub fn of(app: &App, config: &Config, instance: &Instance, found: Connection) -> Self {
        Self {
            instance: instance.name.clone(),
            asked: config.environment.base_url.is_some(),
            refuses_us: is_refusal(instance, &found.advice),
            refused: app.refused_webhooks.take(&instance.name),
            found,
        }
    }

    /// Notes it in the history.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note(&self, db: Db<'_>, now_ms: UnixMs) -> Result<(), StoreError> {
        let (refused_webhooks, first_ms) = self.refused.unwrap_or((0, now_ms));
        let unwell =
            |reason, detail| Unwell { instance: &self.instance, reason, detail, by: FoundBy::Look, refused_webhooks };
        match self.found.status {
            ConnectionStatus::Unknown if !self.asked => Ok(()),
            ConnectionStatus::Unknown => {
                let reason = if self.refuses_us { OutageReason::Refused } else { OutageReason::Unreachable };
                db.note_unwell(&unwell(reason, &self.found.advice), now_ms)
            }
            ConnectionStatus::Ok => {
                db.end_outages(&self.instance, OutageReason::WHILE_SILENT, now_ms)?;
                if refused_webhooks > 0 {
                    let detail = "webhooks came with a wrong password, or with none. The connection was looked at since, and is well";
                    db.note_unwell(&unwell(OutageReason::Webhook, detail), first_ms)?;
                }
                db.end_outages(&self.instance, &[OutageReason::Webhook], now_ms)
            }
            _ => {
                db.end_outages(&self.instance, OutageReason::WHILE_SILENT, now_ms)?;
                db.note_unwell(&unwell(OutageReason::Webhook, &self.found.advice), now_ms)
            }
        }
    }
}
