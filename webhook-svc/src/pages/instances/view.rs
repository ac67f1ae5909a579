//! An instance as lists show it: how it is, its webhook, and what waits.

use pulsarr_shared::clock::rfc3339;

use crate::api::instance_health::{self, InstanceStanding};
use crate::api::instances::{self, InstanceView};
use crate::app::App;
use crate::pages::trouble::encoded;
use crate::request::ApiError;

/// One instance.
pub struct Line {
    /// The instance.
    pub it: InstanceView,
    /// Its page, below the base path.
    pub path: String,
    /// How it stands.
    pub standing: InstanceStanding,
    /// When it was asked last; empty: never.
    pub asked: String,
    /// When it answered last; empty: never, as far as is known.
    pub well: String,
    /// Its webhook in one word.
    pub webhook: &'static str,
    /// How that looks.
    pub webhook_tone: &'static str,
    /// When the webhook was looked at; empty: never.
    pub checked: String,
    /// The event that came last, and when; empty: none yet.
    pub event: (String, String),
}

impl Line {
    /// The instance as it stands.
    pub fn of(it: InstanceView, standing: InstanceStanding) -> Self {
        let moment = |at_ms: Option<i64>| at_ms.map_or_else(String::new, rfc3339);
        let webhook = standing.webhook.as_ref();
        let (word, tone) = webhook.map_or(("not looked at yet", "idle"), |webhook| match webhook.status {
            "ok" => ("ok", "ok"),
            "not_working" => ("not working", "bad"),
            "wrong_address" => ("wrong address", "bad"),
            "wrong_secret" => ("wrong secret", "bad"),
            "missing" => ("missing", "bad"),
            _ if webhook.checked_at_ms.is_none() => ("not looked at yet", "idle"),
            _ => ("unknown", "warn"),
        });
        let event = standing.counts.last_event.clone();
        Self {
            path: format!("/instances/{}", encoded(&it.name)),
            asked: moment(standing.asked_at_ms),
            well: moment(standing.well_at_ms),
            webhook: word,
            webhook_tone: tone,
            checked: moment(webhook.and_then(|webhook| webhook.checked_at_ms)),
            event: event.map_or_else(Default::default, |(event, at_ms)| (event, rfc3339(at_ms))),
            it,
            standing,
        }
    }

    /// The sentence of advice about the webhook; empty when it is well, or when the same is said about the instance.
    pub fn advice(&self) -> &str {
        let advice = self.standing.webhook.as_ref().filter(|it| it.status != "ok").and_then(|it| it.advice.as_deref());
        advice.filter(|advice| *advice != self.standing.advice).unwrap_or_default()
    }

    /// The address that the instance was given for its webhook; empty: none yet.
    pub fn given(&self) -> &str {
        self.standing.webhook.as_ref().and_then(|webhook| webhook.url.as_deref()).unwrap_or_default()
    }

    /// The application's name.
    pub fn app(&self) -> &'static str {
        super::form::app_name(self.it.kind)
    }

    /// How many titles wait, as people say it.
    pub fn waiting(&self) -> String {
        some(self.standing.counts.queued)
    }

    /// How many were refused.
    pub fn refused(&self) -> String {
        some(self.standing.counts.refused)
    }
}

/// A number that was counted no further than so far.
fn some(count: u32) -> String {
    let most = pulsarr_shared::store::QueueCounts::MOST;
    if count >= most { format!("{most}+") } else { count.to_string() }
}

/// Every instance, in the order of the settings.
///
/// # Errors
/// When the store cannot be read.
pub async fn lines(app: &App) -> Result<Vec<Line>, ApiError> {
    let all = instances::all(&app.config()).instances;
    let names = all.iter().map(|it| it.name.clone()).collect();
    let standings = instance_health::standings(app, names).await?;
    Ok(all.into_iter().zip(standings).map(|(it, standing)| Line::of(it, standing)).collect())
}
