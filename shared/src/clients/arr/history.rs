//! What an instance has done lately: the events of webhooks that were missed.

use serde_json::Value;

use super::webhook::{episode, time};
use super::{Arr, ArrError, LIBRARY_IDLE, LIBRARY_LIMIT, LIBRARY_TOTAL, error};
use crate::clients::FetchError;
use crate::clients::lenient::{count, text};
use crate::clock::{UnixMs, rfc3339};
use crate::model::{ArrEpisode, ArrEvent, InstanceKind};

const PATH: &str = "/api/v3/history/since";

/// How long the better file may take to its place once the old one is gone, in milliseconds: it is copied, often across disks.
const UPGRADE_TAKES_MS: i64 = 60 * 60 * 1_000;

/// How much earlier than the end of the old file its import may be written down, in milliseconds.
const UPGRADE_BEFORE_MS: i64 = 60 * 1_000;

/// One line of an instance's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    /// When it happened, by the instance's clock; unix milliseconds.
    pub at_ms: UnixMs,
    /// What happened: a grab, an import or the end of a file.
    pub event: ArrEvent,
}

impl Arr {
    /// What was grabbed, imported and deleted since `at_ms`, oldest first: `GET /api/v3/history/since`, read as a stream. `None` when
    /// the instance has no such thing (404).
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn history_since(&self, at_ms: UnixMs) -> Result<Option<Vec<HistoryEvent>>, ArrError> {
        let date = rfc3339(at_ms);
        let query: &[(&str, &str)] = match self.kind {
            InstanceKind::Radarr => &[("date", &date), ("includeMovie", "true")],
            InstanceKind::Sonarr => &[("date", &date), ("includeSeries", "true"), ("includeEpisode", "true")],
        };
        let (mut events, kind) = (Vec::new(), self.kind);
        let request = self.request(PATH, query).map(|it| it.with_limits(LIBRARY_LIMIT, LIBRARY_IDLE, LIBRARY_TOTAL));
        let outcome = match &request {
            Ok(request) => {
                let each = |element: &[u8]| {
                    events.extend(record(kind, element)?);
                    Ok(())
                };
                self.http.array(request, each).await
            }
            Err(error) => Err(error.clone()),
        };
        match outcome {
            Ok(_) => {}
            Err(FetchError::NotFound) => return Ok(None),
            Err(failure) => return Err(error::from_fetch(failure, PATH, false)),
        }
        events.sort_by_key(|event: &HistoryEvent| event.at_ms);
        pair_upgrades(&mut events);
        Ok(Some(events))
    }
}

/// Marks the imports that took the place of a worse file. Their records do not say so, but that file's end is a record of its own: each
/// is the upgrade of the import of the same movie or episode that is closest to it in time. `events` are oldest first.
fn pair_upgrades(events: &mut [HistoryEvent]) {
    for end in 0..events.len() {
        let HistoryEvent { at_ms: ended_at, event: ArrEvent::FileDeleted { for_upgrade: true, .. } } = &events[end]
        else {
            continue;
        };
        let distance = |at_ms: UnixMs| at_ms.abs_diff(*ended_at);
        let is_near = |it: &HistoryEvent| {
            (ended_at - UPGRADE_BEFORE_MS..=ended_at + UPGRADE_TAKES_MS).contains(&it.at_ms)
                && matches!(it.event, ArrEvent::Imported { upgrade: false, .. })
                && same_file(&it.event, &events[end].event)
        };
        let from = events.partition_point(|it| it.at_ms < ended_at - UPGRADE_BEFORE_MS);
        let candidates =
            events.iter().enumerate().skip(from).take_while(|(_, it)| it.at_ms <= ended_at + UPGRADE_TAKES_MS);
        let closest =
            candidates.filter(|(_, it)| is_near(it)).min_by_key(|(_, it)| distance(it.at_ms)).map(|(at, _)| at);
        let Some(at) = closest else { continue };
        if let ArrEvent::Imported { upgrade, .. } = &mut events[at].event {
            *upgrade = true;
        }
    }
}

/// Whether an import and the end of a file are of the same movie or episode. A record names at most one episode.
fn same_file(import: &ArrEvent, end: &ArrEvent) -> bool {
    let (
        ArrEvent::Imported { external_id, episodes, .. },
        ArrEvent::FileDeleted { external_id: of_end, episodes: ended, .. },
    ) = (import, end)
    else {
        return false;
    };
    let first = |episodes: &[ArrEpisode]| episodes.first().map(|episode| episode.number);
    external_id == of_end && first(episodes) == first(ended)
}

/// A `HistoryResource`; `None` for what is of no interest, and for what does not say which title it is about.
fn record(kind: InstanceKind, element: &[u8]) -> Result<Option<HistoryEvent>, FetchError> {
    let record: Value = serde_json::from_slice(element).map_err(|error| FetchError::malformed(error.to_string()))?;
    let title = match kind {
        InstanceKind::Radarr => record.get("movie").and_then(|movie| count(movie, "tmdbId")),
        InstanceKind::Sonarr => record.get("series").and_then(|series| count(series, "tvdbId")),
    };
    let (Some(external_id), Some(at_ms), Some(event_type)) =
        (title.filter(|id| *id > 0), time(&record, "date"), text(&record, "eventType"))
    else {
        return Ok(None);
    };
    let episodes = || record.get("episode").and_then(episode).into_iter().collect();
    let download_id = || text(&record, "downloadId");
    let reason = || record.get("data").and_then(|data| text(data, "reason"));
    let event = match event_type.as_str() {
        "grabbed" => ArrEvent::Grabbed { external_id, episodes: episodes(), download_id: download_id() },
        "downloadFolderImported" | "seriesFolderImported" | "movieFolderImported" => ArrEvent::Imported {
            external_id,
            episodes: episodes(),
            download_id: download_id(),
            // The record does not tell; see `pair_upgrades`.
            upgrade: false,
            whole_download: false,
        },
        "episodeFileDeleted" | "movieFileDeleted" => ArrEvent::FileDeleted {
            external_id,
            episodes: episodes(),
            for_upgrade: reason().is_some_and(|reason| reason.eq_ignore_ascii_case("upgrade")),
        },
        _ => return Ok(None),
    };
    Ok(Some(HistoryEvent { at_ms, event }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EpisodeNumber;

    #[test]
    fn a_record_is_the_event_that_a_webhook_would_have_told() {
        let json = r#"{"id":9,"episodeId":501,"seriesId":12,"sourceTitle":"x","date":"2026-11-01T10:00:00Z","downloadId":"ABC",
            "eventType":"downloadFolderImported","data":{"reason":"x"},"series":{"id":12,"tvdbId":81189},
            "episode":{"seasonNumber":1,"episodeNumber":2,"airDateUtc":"2026-01-06T02:00:00Z"}}"#;
        let number = EpisodeNumber { season: 1, episode: 2 };
        let expected = HistoryEvent {
            at_ms: 1_793_527_200_000,
            event: ArrEvent::Imported {
                external_id: 81_189,
                episodes: vec![ArrEpisode { number, aired_at_ms: Some(1_767_664_800_000) }],
                download_id: Some("ABC".to_owned()),
                upgrade: false,
                whole_download: false,
            },
        };
        assert_eq!(record(InstanceKind::Sonarr, json.as_bytes()), Ok(Some(expected)));
    }

    #[test]
    fn a_file_that_made_room_for_a_better_one_is_told_apart() {
        let json = |reason: &str| {
            format!(
                r#"{{"date":"2026-11-01T10:00:00Z","eventType":"movieFileDeleted","movie":{{"tmdbId":603}},"data":{{"reason":"{reason}"}}}}"#
            )
        };
        for (reason, for_upgrade) in [("Upgrade", true), ("Manual", false)] {
            let told = record(InstanceKind::Radarr, json(reason).as_bytes()).unwrap().unwrap();
            assert_eq!(told.event, ArrEvent::FileDeleted { external_id: 603, episodes: vec![], for_upgrade });
        }
    }

    #[test]
    fn an_import_that_took_the_place_of_a_worse_file_is_an_upgrade_and_no_other_is() {
        let record = |kind, minute: u32, event_type: &str, title: &str| {
            let date = format!("2026-11-01T10:{minute:02}:00Z");
            let json = format!(
                r#"{{"date":"{date}","eventType":"{event_type}","data":{{"reason":"Upgrade"}},{title},"sourceTitle":"x"}}"#
            );
            record(kind, json.as_bytes()).unwrap().unwrap()
        };
        let upgrades = |events: &mut [HistoryEvent]| -> Vec<bool> {
            pair_upgrades(events);
            let upgrade = |it: &HistoryEvent| match it.event {
                ArrEvent::Imported { upgrade, .. } => Some(upgrade),
                _ => None,
            };
            events.iter().filter_map(upgrade).collect()
        };
        let movie = |id: u32| format!(r#""movie":{{"tmdbId":{id}}}"#);
        let film = |minute, event: &str, id| record(InstanceKind::Radarr, minute, event, &movie(id));
        let (import, end) = ("downloadFolderImported", "movieFileDeleted");
        let mut first_and_better = [
            film(0, import, 603),
            film(20, end, 603),
            film(21, import, 604),
            film(25, import, 603),
            film(50, import, 603),
        ];
        assert_eq!(upgrades(&mut first_and_better), [false, false, true, false]);
        assert_eq!(upgrades(&mut [film(20, import, 603), film(20, end, 603)]), [true], "in whichever order");

        let series = |episode: u32| {
            format!(r#""series":{{"tvdbId":7}},"episode":{{"seasonNumber":1,"episodeNumber":{episode}}}"#)
        };
        let show = |minute, event: &str, episode| record(InstanceKind::Sonarr, minute, event, &series(episode));
        let mut pack = [show(1, "episodeFileDeleted", 2), show(2, import, 1), show(3, import, 2), show(4, import, 3)];
        assert_eq!(upgrades(&mut pack), [false, true, false]);
    }

    #[test]
    fn what_says_nothing_to_us_is_passed_over() {
        for json in [
            "{}",
            r#"{"date":"2026-11-01T10:00:00Z","eventType":"grabbed"}"#,
            r#"{"date":"x","eventType":"grabbed","movie":{"tmdbId":603}}"#,
            r#"{"date":"2026-11-01T10:00:00Z","eventType":"downloadFailed","movie":{"tmdbId":603}}"#,
        ] {
            assert_eq!(record(InstanceKind::Radarr, json.as_bytes()), Ok(None), "{json}");
        }
        assert!(record(InstanceKind::Radarr, b"{").is_err());
    }
}
