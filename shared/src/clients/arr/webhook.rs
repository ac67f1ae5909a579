//! The webhooks of both applications. Nothing in a body is relied on but its `eventType`: versions add fields and events, and leave
//! out what is null.

use serde_json::Value;

use crate::clients::lenient::{count, text};
use crate::model::{ArrEpisode, ArrEvent, EpisodeNumber, InstanceKind};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// As sent; `Grab`, `Download`, …
    pub event_type: String,
    /// What it means.
    pub event: ArrEvent,
}

/// The body is no webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the webhook: {detail}")]
pub struct MalformedWebhook {
    /// What is wrong with it; holds nothing of the body.
    pub detail: String,
}

/// Reads a webhook of an instance of this kind: a JSON object in UTF-8 with a text `eventType`. What else is missing, or of another
/// type than it should be, is passed over. Source: `NzbDrone.Core/Notifications/Webhook` of Sonarr 4.0.19 and Radarr 6.0.3.
///
/// # Errors
/// [`MalformedWebhook`] for anything else, and for brackets more than 127 deep.
pub fn read_webhook(kind: InstanceKind, body: &[u8]) -> Result<Webhook, MalformedWebhook> {
    let malformed = |detail: String| MalformedWebhook { detail };
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("it is not JSON (line {}, column {})", error.line(), error.column())))?;
    if !body.is_object() {
        return Err(malformed("it is not an object".to_owned()));
    }
    let event_type = text(&body, "eventType").ok_or_else(|| malformed("it has no eventType".to_owned()))?;
    Ok(Webhook { event: event(kind, &event_type, &body), event_type })
}

fn event(kind: InstanceKind, event_type: &str, body: &Value) -> ArrEvent {
    let message = || text(body, "message").unwrap_or_default();
    let untitled = || ArrEvent::Untitled { event_type: event_type.to_owned() };
    let external_id = external_id(kind, body);
    let titled = |event: &dyn Fn(u32) -> ArrEvent| external_id.map_or_else(untitled, event);
    let download_id = || text(body, "downloadId");
    // A replaced file is told of as its own event too, where that is switched on.
    let for_upgrade = text(body, "deleteReason").is_some_and(|reason| reason.eq_ignore_ascii_case("upgrade"));
    match event_type.to_ascii_lowercase().as_str() {
        "test" => ArrEvent::Test,
        "grab" => titled(&|external_id| ArrEvent::Grabbed {
            external_id,
            episodes: episodes(body),
            download_id: download_id(),
        }),
        "download" => titled(&|external_id| ArrEvent::Imported {
            external_id,
            episodes: episodes(body),
            download_id: download_id(),
            upgrade: is_true(body, "isUpgrade"),
            // Sonarr tells of a finished download under the same name as of each of its files.
            whole_download: body.get("episodeFile").is_none()
                && (body.get("episodeFiles").is_some() || body.get("fileCount").is_some()),
        }),
        "movieadded" | "seriesadd" => titled(&|external_id| ArrEvent::Added { external_id }),
        // Here `deletedFiles` is a yes or no; in a Download it lists files.
        "moviedelete" | "seriesdelete" => {
            titled(&|external_id| ArrEvent::Deleted { external_id, files: is_true(body, "deletedFiles") })
        }
        "moviefiledelete" | "episodefiledelete" => {
            titled(&|external_id| ArrEvent::FileDeleted { external_id, episodes: episodes(body), for_upgrade })
        }
        "rename" => ArrEvent::Renamed,
        "health" => ArrEvent::Health { message: message() },
        "healthrestored" => ArrEvent::HealthRestored { message: message() },
        "applicationupdate" => ArrEvent::ApplicationUpdate { message: message() },
        "manualinteractionrequired" => ArrEvent::ManualInteractionRequired { external_id },
        _ => ArrEvent::Unknown { event_type: event_type.to_owned() },
    }
}

fn is_true(body: &Value, key: &str) -> bool {
    body.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The number by which this kind of instance knows the title; 0 is none.
fn external_id(kind: InstanceKind, body: &Value) -> Option<u32> {
    let id = |object: &str, key: &str| count(body.get(object)?, key).filter(|id| *id > 0);
    match kind {
        InstanceKind::Radarr => id("movie", "tmdbId").or_else(|| id("remoteMovie", "tmdbId")),
        InstanceKind::Sonarr => id("series", "tvdbId"),
    }
}

fn episodes(body: &Value) -> Vec<ArrEpisode> {
    body.get("episodes").and_then(Value::as_array).into_iter().flatten().filter_map(episode).collect()
}

/// An `EpisodeResource`, or a webhook's episode; `None` without its numbers.
pub(super) fn episode(value: &Value) -> Option<ArrEpisode> {
    let number = EpisodeNumber { season: count(value, "seasonNumber")?, episode: count(value, "episodeNumber")? };
    Some(ArrEpisode { number, aired_at_ms: time(value, "airDateUtc") })
}

/// The time under `key`, unix milliseconds.
pub(super) fn time(value: &Value, key: &str) -> Option<i64> {
    Some(text(value, key)?.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}
