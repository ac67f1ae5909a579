//! When people are told of imported episodes: at once, or gathered by season. Pure.

use std::collections::BTreeMap;

use super::TrackingSettings;
use crate::clock::UnixMs;
use crate::model::{ArrEpisode, EpisodeNumber};
use crate::store::{BatchRow, DownloadProgress};

/// How the episodes of one import are told of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telling {
    /// In one message, now; ascending.
    pub at_once: Vec<EpisodeNumber>,
    /// With others of their season.
    pub gathered: BTreeMap<u32, Vec<u32>>,
}

/// How to tell of `news`, imported at `at_ms`. What was first shown lately, or is not due to be shown yet, people wait for; but what
/// comes with others in one download is told with them, and that is soon enough.
#[must_use]
pub fn telling(news: &[ArrEpisode], at_ms: UnixMs, of_pack: bool, settings: TrackingSettings) -> Telling {
    let recent_ms = i64::from(settings.recent_episode_h) * 3_600_000;
    let mut telling = Telling::default();
    for ArrEpisode { number, aired_at_ms } in news {
        let is_recent = aired_at_ms.is_some_and(|aired| aired >= at_ms.saturating_sub(recent_ms));
        if is_recent && !of_pack {
            telling.at_once.push(*number);
        } else {
            telling.gathered.entry(number.season).or_default().push(number.episode);
        }
    }
    telling.at_once.sort_unstable();
    telling
}

/// Whether a download is one of several episodes.
#[must_use]
pub const fn is_pack(progress: DownloadProgress) -> bool {
    progress.expected > 1
}

/// Whether a download of several episodes has brought them all. One of a single episode says nothing about its season: the next one
/// may be a minute away.
#[must_use]
pub const fn is_complete_pack(progress: DownloadProgress) -> bool {
    is_pack(progress) && progress.imported >= progress.expected
}

/// The batch of a season once `episodes` have come at `at_ms`: the open one with them, or a new one. The window counts from the first
/// event, so that a season that trickles in is told of all the same.
#[must_use]
pub fn gathered(
    open: Option<BatchRow>,
    instance: &str,
    external_id: u32,
    season: u32,
    episodes: &[u32],
    at_ms: UnixMs,
    settings: TrackingSettings,
) -> BatchRow {
    let mut batch = open.unwrap_or_else(|| BatchRow {
        instance: instance.to_owned(),
        external_id,
        season,
        opened_at_ms: at_ms,
        due_at_ms: at_ms.saturating_add(i64::from(settings.season_window_s) * 1_000),
        episodes: Vec::new(),
    });
    batch.episodes.extend_from_slice(episodes);
    batch.episodes.sort_unstable();
    batch.episodes.dedup();
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;
    const HOUR: i64 = 3_600_000;
    const SETTINGS: TrackingSettings = TrackingSettings { season_window_s: 120, recent_episode_h: 48 };

    fn aired(episode: u32, aired_at_ms: Option<UnixMs>) -> ArrEpisode {
        ArrEpisode { number: EpisodeNumber { season: 2, episode }, aired_at_ms }
    }

    #[test]
    fn only_recent_episodes_outside_of_packs_are_told_at_once() {
        let cases = [
            (Some(NOON - HOUR), false, true),
            (Some(NOON - 48 * HOUR), false, true),
            (Some(NOON - 48 * HOUR - 1), false, false),
            (Some(NOON + HOUR), false, true),
            (None, false, false),
            (Some(NOON - HOUR), true, false),
        ];
        for (aired_at, of_pack, at_once) in cases {
            let told = telling(&[aired(1, aired_at)], NOON, of_pack, SETTINGS);
            assert_eq!(
                (!told.at_once.is_empty(), told.gathered.is_empty()),
                (at_once, at_once),
                "{aired_at:?} {of_pack}"
            );
        }
    }

    #[test]
    fn a_window_counts_from_the_first_event() {
        let first = gathered(None, "shows", 7, 2, &[3], NOON, SETTINGS);
        let second = gathered(Some(first.clone()), "shows", 7, 2, &[1, 3], NOON + 60_000, SETTINGS);
        assert_eq!((second.opened_at_ms, second.due_at_ms), (NOON, NOON + 120_000));
        assert_eq!(second.episodes, [1, 3]);
    }

    #[test]
    fn a_single_episode_completes_nothing() {
        let progress = |expected, imported| DownloadProgress { expected, imported };
        assert!(!is_complete_pack(progress(0, 0)) && !is_complete_pack(progress(1, 1)));
        assert!(!is_complete_pack(progress(10, 9)) && is_complete_pack(progress(10, 10)));
    }
}
