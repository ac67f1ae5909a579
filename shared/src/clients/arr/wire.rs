//! The JSON of both applications, as far as we read it: camelCase, nulls left out, `id` left out of what is not in the library.

use serde::Deserialize;
use serde_json::Value;

use super::{Found, LibraryTitle, facts};
use crate::clients::{FetchError, lenient};
use crate::model::{ExternalIds, ImdbId, InstanceKind, TmdbId, TvdbId};

/// `system/status`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) app_name: Option<String>,
    pub(super) version: Option<String>,
}

/// `qualityprofile`.
#[derive(Deserialize)]
pub(super) struct QualityProfile {
    id: i64,
    #[serde(default)]
    name: String,
}

impl From<QualityProfile> for super::QualityProfile {
    fn from(QualityProfile { id, name }: QualityProfile) -> Self {
        Self { id, name }
    }
}

/// `rootfolder`. Its list of unmapped folders is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RootFolder {
    path: String,
    accessible: Option<bool>,
    free_space: Option<i64>,
}

impl From<RootFolder> for super::RootFolder {
    fn from(RootFolder { path, accessible, free_space }: RootFolder) -> Self {
        let free_space = free_space.and_then(|bytes| u64::try_from(bytes).ok());
        // Very old versions do not tell; a folder that is configured is presumed to work.
        Self { path, accessible: accessible.unwrap_or(true), free_space }
    }
}

/// `tag`.
#[derive(Deserialize)]
pub(super) struct Tag {
    id: i64,
    label: Option<String>,
}

impl From<Tag> for super::Tag {
    fn from(Tag { id, label }: Tag) -> Self {
        Self { id, label: label.unwrap_or_default() }
    }
}

/// What a POST answers, as far as it matters.
#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) id: i64,
}

/// `SeriesResource` and `MovieResource` in a lookup.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    tvdb_id: Option<i64>,
    tmdb_id: Option<i64>,
    imdb_id: Option<String>,
    #[serde(flatten)]
    rest: Value,
}

impl Resource {
    /// The title; `None` when it lacks the id that this kind of instance adds by.
    pub(super) fn into_found(self, kind: InstanceKind) -> Option<Found> {
        let (tvdb, tmdb) = (positive(self.tvdb_id), positive(self.tmdb_id));
        match kind {
            InstanceKind::Radarr => tmdb?,
            InstanceKind::Sonarr => tvdb?,
        };
        let imdb = self.imdb_id.filter(|id| id.starts_with("tt"));
        Some(Found {
            ids: ExternalIds { imdb: imdb.map(ImdbId), tmdb: tmdb.map(TmdbId), tvdb: tvdb.map(TvdbId) },
            facts: facts::facts(&self.rest, kind),
            seasons: facts::seasons(&self.rest),
        })
    }
}

/// The external id of an element of an exclusion list; `None` where it is missing or 0.
///
/// # Errors
/// `Malformed` when the element is no object, or its id no number.
pub(super) fn external_id(element: &[u8], kind: InstanceKind) -> Result<Option<u32>, FetchError> {
    #[derive(Deserialize)]
    struct Movie {
        #[serde(rename = "tmdbId")]
        id: Option<i64>,
    }
    #[derive(Deserialize)]
    struct Series {
        #[serde(rename = "tvdbId")]
        id: Option<i64>,
    }
    let id = match kind {
        InstanceKind::Radarr => serde_json::from_slice::<Movie>(element).map(|movie| movie.id),
        InstanceKind::Sonarr => serde_json::from_slice::<Series>(element).map(|series| series.id),
    };
    Ok(positive(id.map_err(|error| FetchError::malformed(error.to_string()))?))
}

/// The external id of an element of a library, and whether there is a file of it; `None` where the id is missing or 0. What is said of
/// files in no way we know is as good as no file: it only keeps us waiting.
///
/// # Errors
/// `Malformed` when the element is no object, or its id no number.
pub(super) fn shelved(element: &[u8], kind: InstanceKind) -> Result<Option<(u32, bool)>, FetchError> {
    #[derive(Deserialize)]
    struct Movie {
        #[serde(rename = "tmdbId")]
        id: Option<i64>,
        #[serde(rename = "hasFile", default)]
        has_file: Value,
    }
    #[derive(Deserialize)]
    struct Series {
        #[serde(rename = "tvdbId")]
        id: Option<i64>,
        #[serde(default)]
        statistics: Value,
    }
    let read = match kind {
        InstanceKind::Radarr => {
            serde_json::from_slice::<Movie>(element).map(|movie| (movie.id, movie.has_file == Value::Bool(true)))
        }
        InstanceKind::Sonarr => serde_json::from_slice::<Series>(element).map(|series| {
            let files = lenient::count(&series.statistics, "episodeFileCount");
            (series.id, files.is_some_and(|files| files > 0))
        }),
    };
    let (id, with_file) = read.map_err(|error| FetchError::malformed(error.to_string()))?;
    Ok(positive(id).map(|id| (id, with_file)))
}

fn positive(id: Option<i64>) -> Option<u32> {
    u32::try_from(id?).ok().filter(|id| *id > 0)
}

/// An element of a library; `None` where it lacks the id that this kind of instance adds by.
///
/// # Errors
/// `Malformed` when the element is no object, or a part of it of another type than it should be.
pub(super) fn library_title(element: &[u8], kind: InstanceKind) -> Result<Option<LibraryTitle>, FetchError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Element {
        title: Option<String>,
        year: Option<i64>,
        tvdb_id: Option<i64>,
        tmdb_id: Option<i64>,
        series_type: Option<String>,
        genres: Option<Vec<String>>,
    }
    let element: Element = serde_json::from_slice(element).map_err(|error| FetchError::malformed(error.to_string()))?;
    let id = match kind {
        InstanceKind::Radarr => element.tmdb_id,
        InstanceKind::Sonarr => element.tvdb_id,
    };
    let is_anime = |word: &String| word.eq_ignore_ascii_case("anime");
    Ok(positive(id).map(|external_id| LibraryTitle {
        external_id,
        anime: element.series_type.iter().chain(element.genres.iter().flatten()).any(is_anime),
        title: element.title.unwrap_or_default(),
        year: element.year.and_then(|year| u16::try_from(year).ok()).filter(|year| *year > 0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn an_element_without_its_id_is_passed_over() {
        let sonarr = |json: &str| external_id(json.as_bytes(), InstanceKind::Sonarr);
        assert_eq!(sonarr(r#"{"id":1,"tvdbId":81189,"tmdbId":5,"seasons":[{"tvdbId":7}]}"#), Ok(Some(81_189)));
        assert_eq!(sonarr(r#"{"id":1,"tvdbId":0}"#), Ok(None));
        assert_eq!(sonarr(r#"{"id":1}"#), Ok(None));
        assert!(sonarr("7").is_err());
        assert_eq!(external_id(br#"{"tmdbId":603,"movieTitle":"X"}"#, InstanceKind::Radarr), Ok(Some(603)));
    }

    #[test]
    fn a_movie_is_there_with_its_file_when_radarr_says_so() {
        let radarr = |json: &str| shelved(json.as_bytes(), InstanceKind::Radarr);
        assert_eq!(radarr(r#"{"tmdbId":603,"hasFile":true,"movieFile":{"hasFile":false}}"#), Ok(Some((603, true))));
        for without in ["", r#","hasFile":false"#, r#","hasFile":null"#, r#","hasFile":"yes""#, r#","movieFileId":7"#] {
            assert_eq!(radarr(&format!(r#"{{"tmdbId":603{without}}}"#)), Ok(Some((603, false))), "{without}");
        }
        assert_eq!(radarr(r#"{"tmdbId":0,"hasFile":true}"#), Ok(None));
        assert!(radarr("7").is_err() && radarr(r#"{"tmdbId":"x"}"#).is_err());
    }

    #[test]
    fn a_show_is_there_with_files_from_its_first_episode_on() {
        let sonarr = |json: &str| shelved(json.as_bytes(), InstanceKind::Sonarr);
        let told = |statistics: &str| sonarr(&format!(r#"{{"id":1,"tvdbId":81189,"statistics":{statistics}}}"#));
        assert_eq!(
            told(r#"{"episodeFileCount":1,"episodeCount":8,"percentOfEpisodes":12.5}"#),
            Ok(Some((81_189, true)))
        );
        for without in [r#"{"episodeFileCount":0,"episodeCount":8}"#, "{}", "null", "7", r#"{"episodeFileCount":-1}"#] {
            assert_eq!(told(without), Ok(Some((81_189, false))), "{without}");
        }
        // Of a season, and of a file that Radarr knows: neither is the show's.
        let others = r#"{"tvdbId":81189,"hasFile":true,"seasons":[{"statistics":{"episodeFileCount":3}}]}"#;
        assert_eq!(sonarr(others), Ok(Some((81_189, false))));
        assert_eq!(sonarr(r#"{"tmdbId":5,"statistics":{"episodeFileCount":1}}"#), Ok(None));
    }

    #[test]
    fn a_title_of_a_library_is_anime_by_its_numbering_or_its_genre() {
        let sonarr = |json: &str| library_title(json.as_bytes(), InstanceKind::Sonarr).unwrap();
        let title = |anime| LibraryTitle { external_id: 7, title: "X".into(), year: Some(2024), anime };
        let json = r#"{"title":"X","year":2024,"tvdbId":7,"seriesType":"anime"}"#;
        assert_eq!(sonarr(json), Some(title(true)));
        let json = r#"{"title":"X","year":2024,"tvdbId":7,"seriesType":"standard","genres":["Drama"]}"#;
        assert_eq!(sonarr(json), Some(title(false)));
        assert_eq!(sonarr(r#"{"title":"X","tmdbId":7}"#), None);
        assert!(library_title(b"7", InstanceKind::Sonarr).is_err());
    }

    #[test]
    fn a_lookup_result_needs_the_id_of_its_kind() {
        let json =
            r#"{"title":"Example Show","year":0,"tvdbId":81189,"tmdbId":0,"imdbId":"tt0903747","genres":["Drama"]}"#;
        let resource = || serde_json::from_str::<Resource>(json).unwrap();
        let found = resource().into_found(InstanceKind::Sonarr).unwrap();
        assert_eq!((found.facts.year, found.facts.genres), (None, Some(vec!["Drama".to_owned()])));
        assert_eq!(found.ids.to_string(), "imdb tt0903747, tvdb 81189");
        assert_eq!(resource().into_found(InstanceKind::Radarr), None);
    }
}
