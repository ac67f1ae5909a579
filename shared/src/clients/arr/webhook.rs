//! The webhooks of both applications. Nothing in a body is relied on: versions add fields and events, and leave out what is null.

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

/// How deep brackets may be nested: what `serde_json` reads. The arrs nest theirs four deep. Reading any depth would take a stack that
/// grows with what somebody sends, or a second reader of JSON, for what nobody sends.
const DEEPEST: usize = 127;

/// What an event is called that has no name, or one that is no text.
const NO_EVENT_TYPE: &str = "(no eventType)";

/// Reads a webhook of an instance of this kind: a JSON object in UTF-8. What is missing, or of another type than it should be, is passed
/// over; without a text `eventType` it is an unknown event. Source: `NzbDrone.Core/Notifications/Webhook` of Sonarr 4.0.19 and Radarr
/// 6.0.3.
///
/// # Errors
/// [`MalformedWebhook`] for anything else, and for brackets more than 127 deep.
pub fn read_webhook(kind: InstanceKind, body: &[u8]) -> Result<Webhook, MalformedWebhook> {
    let body: Value = serde_json::from_slice(body).map_err(|error| MalformedWebhook { detail: no_json(&error) })?;
    if !body.is_object() {
        return Err(MalformedWebhook { detail: "it is not an object".to_owned() });
    }
    let event_type = text(&body, "eventType").unwrap_or_else(|| NO_EVENT_TYPE.to_owned());
    Ok(Webhook { event: event(kind, &event_type, &body), event_type })
}

/// Why a body cannot be read as JSON. What is only too deep is told so, because nothing is wrong with it where it was sent.
fn no_json(error: &serde_json::Error) -> String {
    // The crate has no other word for it: its kind is that of any mistake.
    if error.to_string().starts_with("recursion limit exceeded") {
        return format!("it is nested deeper than {DEEPEST} levels");
    }
    format!("it is not JSON (line {}, column {})", error.line(), error.column())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SONARR_TEST: &str = r#"{"series":{"id":1,"title":"Test Title","path":"C:\\testpath","tvdbId":1234,"tvMazeId":0,"tmdbId":0,"type":"standard","year":0,"tags":["test-tag"]},
 "episodes":[{"id":123,"episodeNumber":1,"seasonNumber":1,"title":"Test title","seriesId":0,"tvdbId":0}],
 "eventType":"Test","instanceName":"Sonarr","applicationUrl":""}"#;
    const RADARR_TEST: &str = r#"{"movie":{"id":1,"title":"Test Title","year":1970,"releaseDate":"1970-01-01","folderPath":"C:\\testpath","tmdbId":0,"tags":["test-tag"]},
 "remoteMovie":{"tmdbId":1234,"imdbId":"5678","title":"Test title","year":1970},
 "release":{"quality":"Test Quality","qualityVersion":1,"releaseGroup":"Test Group","releaseTitle":"Test Title","indexer":"Test Indexer","size":9999999,"customFormatScore":0},
 "eventType":"Test","instanceName":"Radarr","applicationUrl":""}"#;
    const SONARR_UPGRADE: &str = r#"{"series":{"id":12,"title":"Example Show","titleSlug":"example-show","path":"/tv/Example Show","tvdbId":81189,"tvMazeId":169,"tmdbId":1396,"imdbId":"tt0903747","type":"standard","year":2026,"genres":["Drama"],"images":[{"coverType":"poster","url":"/MediaCover/12/poster.jpg","remoteUrl":"https://img.example/p.jpg"}],"tags":["plex-alice"],"originalLanguage":{"id":1,"name":"English"}},
 "episodes":[{"id":501,"episodeNumber":1,"seasonNumber":1,"title":"Pilot","airDate":"2026-01-05","airDateUtc":"2026-01-06T02:00:00Z","seriesId":12,"tvdbId":349232}],
 "episodeFile":{"id":77,"relativePath":"Season 1/Example Show - S01E01.mkv","path":"/tv/Example Show/Season 1/Example Show - S01E01.mkv","quality":"WEBDL-1080p","qualityVersion":1,"releaseGroup":"GRP","sceneName":"Example.Show.S01E01.1080p.WEB-GRP","size":2147483648,"dateAdded":"2026-11-01T10:00:00.1234567Z","languages":[{"id":1,"name":"English"}],"sourcePath":"/dl/Example.Show.S01E01.mkv"},
 "isUpgrade":true,"downloadClient":"qBittorrent","downloadClientType":"qBittorrent","downloadId":"ABCDEF0123456789",
 "deletedFiles":[{"id":60,"relativePath":"Season 1/old.mkv","path":"/tv/Example Show/Season 1/old.mkv","quality":"HDTV-720p","qualityVersion":1,"size":900,"dateAdded":"2026-10-01T10:00:00Z","languages":[{"id":1,"name":"English"}],"recycleBinPath":"/bin/old.mkv"}],
 "customFormatInfo":{"customFormats":[],"customFormatScore":0},
 "release":{"releaseTitle":"Example.Show.S01E01.1080p.WEB-GRP","indexer":"Idx","size":2147483648,"releaseType":"singleEpisode"},
 "eventType":"Download","instanceName":"Sonarr","applicationUrl":""}"#;

    fn read(kind: InstanceKind, body: &str) -> ArrEvent {
        read_webhook(kind, body.as_bytes()).unwrap().event
    }

    fn sonarr(body: &Value) -> ArrEvent {
        read(InstanceKind::Sonarr, &body.to_string())
    }

    fn radarr(body: &Value) -> ArrEvent {
        read(InstanceKind::Radarr, &body.to_string())
    }

    #[test]
    fn both_applications_test_bodies_are_tests() {
        assert_eq!(read(InstanceKind::Sonarr, SONARR_TEST), ArrEvent::Test);
        assert_eq!(read(InstanceKind::Radarr, RADARR_TEST), ArrEvent::Test);
    }

    #[test]
    fn an_upgrade_of_an_episode_is_read_with_its_deleted_files() {
        let webhook = read_webhook(InstanceKind::Sonarr, SONARR_UPGRADE.as_bytes()).unwrap();
        let number = EpisodeNumber { season: 1, episode: 1 };
        let event = ArrEvent::Imported {
            external_id: 81_189,
            episodes: vec![ArrEpisode { number, aired_at_ms: Some(1_767_664_800_000) }],
            download_id: Some("ABCDEF0123456789".to_owned()),
            upgrade: true,
            whole_download: false,
        };
        assert_eq!(webhook, Webhook { event_type: "Download".to_owned(), event });
    }

    #[test]
    fn a_finished_download_is_told_apart_from_a_file() {
        let finished = json!({
            "eventType": "Download", "series": { "tvdbId": 7 }, "episodes": [], "episodeFiles": [], "fileCount": 2,
        });
        assert!(matches!(sonarr(&finished), ArrEvent::Imported { whole_download: true, upgrade: false, .. }));
        let film = json!({ "eventType": "Download", "movie": { "tmdbId": 7 }, "movieFile": {}, "isUpgrade": true });
        let expected = ArrEvent::Imported {
            external_id: 7,
            episodes: vec![],
            download_id: None,
            upgrade: true,
            whole_download: false,
        };
        assert_eq!(radarr(&film), expected);
    }

    #[test]
    fn deleted_files_are_a_yes_or_no_where_a_title_is_deleted() {
        let deleted = |event: &str, title: &str, files: Value| json!({ "eventType": event, title: { "tvdbId": 7, "tmdbId": 7 }, "deletedFiles": files });
        let expected = |files| ArrEvent::Deleted { external_id: 7, files };
        assert_eq!(sonarr(&deleted("SeriesDelete", "series", true.into())), expected(true));
        assert_eq!(radarr(&deleted("MovieDelete", "movie", false.into())), expected(false));
        assert_eq!(radarr(&deleted("MovieDelete", "movie", json!([{}]))), expected(false));
    }

    #[test]
    fn a_file_that_makes_room_for_a_better_one_is_told_apart() {
        for (reason, for_upgrade) in [("upgrade", true), ("manual", false), ("missingFromDisk", false)] {
            let body = json!({ "eventType": "MovieFileDelete", "movie": { "tmdbId": 7 }, "deleteReason": reason });
            assert_eq!(radarr(&body), ArrEvent::FileDeleted { external_id: 7, episodes: vec![], for_upgrade });
        }
    }

    #[test]
    fn the_other_events_are_known_by_name() {
        let told = |event: &str| json!({ "eventType": event, "message": "words" });
        assert_eq!(sonarr(&told("Rename")), ArrEvent::Renamed);
        assert_eq!(sonarr(&told("Health")), ArrEvent::Health { message: "words".to_owned() });
        assert_eq!(sonarr(&told("HealthRestored")), ArrEvent::HealthRestored { message: "words".to_owned() });
        assert_eq!(sonarr(&told("ApplicationUpdate")), ArrEvent::ApplicationUpdate { message: "words".to_owned() });
        let waits = sonarr(&told("ManualInteractionRequired"));
        assert_eq!(waits, ArrEvent::ManualInteractionRequired { external_id: None });
        let added = json!({ "eventType": "SeriesAdd", "series": { "tvdbId": 7 } });
        assert_eq!(sonarr(&added), ArrEvent::Added { external_id: 7 });
        assert_eq!(sonarr(&told("Teleport")), ArrEvent::Unknown { event_type: "Teleport".to_owned() });
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_passed_over() {
        let untitled = ArrEvent::Untitled { event_type: "Grab".to_owned() };
        for series in [json!(null), json!([]), json!("x"), json!({}), json!({ "tvdbId": 0 }), json!({ "tvdbId": -4 })] {
            assert_eq!(sonarr(&json!({ "eventType": "Grab", "series": series })), untitled);
        }
        let odd = json!({
            "eventType": "Grab", "series": { "tvdbId": 7 }, "downloadId": 5, "future": { "a": [1] },
            "episodes": [7, null, { "seasonNumber": 1 }, { "seasonNumber": 1, "episodeNumber": 2, "airDateUtc": "soon" }],
        });
        let number = EpisodeNumber { season: 1, episode: 2 };
        let episodes = vec![ArrEpisode { number, aired_at_ms: None }];
        assert_eq!(sonarr(&odd), ArrEvent::Grabbed { external_id: 7, episodes, download_id: None });
    }

    #[test]
    fn only_a_json_object_is_a_webhook() {
        let bodies: [&[u8]; 5] = [b"", b"{", b"[]", b"\"Test\"", b"{\"eventType\":\"Te\xffst\"}"];
        for body in bodies {
            let error = read_webhook(InstanceKind::Sonarr, body).unwrap_err();
            assert!(error.to_string().starts_with("read the webhook: it is no"), "{error}");
        }
    }

    #[test]
    fn an_object_that_names_no_event_is_a_webhook_of_a_later_version() {
        let unknown = ArrEvent::Unknown { event_type: "(no eventType)".to_owned() };
        for body in [json!({}), json!({ "eventType": 7 }), json!({ "eventType": " " }), json!({ "event": "Grab" })] {
            let webhook = read_webhook(InstanceKind::Radarr, body.to_string().as_bytes()).unwrap();
            assert_eq!(webhook, Webhook { event_type: "(no eventType)".to_owned(), event: unknown.clone() });
        }
    }

    #[test]
    fn brackets_may_be_127_deep_and_deeper_ones_are_refused_by_their_depth() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(read_webhook(InstanceKind::Sonarr, nested(127).as_bytes()).is_ok());
        for depth in [128, 500_000] {
            let error = read_webhook(InstanceKind::Sonarr, nested(depth).as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "read the webhook: it is nested deeper than 127 levels");
        }
    }

    #[test]
    fn no_text_is_kept_longer_than_anybody_writes() {
        let long = "\u{fc}".repeat(200_000);
        let webhook = |body: Value| read_webhook(InstanceKind::Sonarr, body.to_string().as_bytes()).unwrap();
        let unknown = webhook(json!({ "eventType": long }));
        assert_eq!(unknown.event_type.chars().count(), 500);
        assert_eq!(unknown.event, ArrEvent::Unknown { event_type: unknown.event_type });
        let health = webhook(json!({ "eventType": "Health", "message": long })).event;
        assert!(matches!(health, ArrEvent::Health { message } if message.chars().count() == 500));
        let grab = webhook(json!({ "eventType": "Grab", "series": { "tvdbId": 7 }, "downloadId": long })).event;
        assert!(matches!(grab, ArrEvent::Grabbed { download_id: Some(id), .. } if id.chars().count() == 500));
    }
}
