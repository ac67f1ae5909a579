//! What a title is: its Plex id, its ids elsewhere, and the facts that rules look at.

use serde::{Deserialize, Serialize};

use super::KnownFacts;

super::words! {
    /// What kind of title this is. Plex's own lower-case words.
    MediaType {
        /// A film: Radarr's business.
        Movie = "movie",
        /// A series: Sonarr's business.
        Show = "show",
    }
}

/// A title's key in Plex's catalogue: the `ratingKey` of discover and the `id` of the community API, 24 hex characters. One
/// title has one id for every user, and it does not change when the title is renamed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlexId(String);

impl PlexId {
    /// The id, if `text` can be one: 1 to 64 ASCII letters and digits. Anything else could not be put into a path safely.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plausible = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plausible.then(|| Self(text.to_owned()))
    }

    /// The id as Plex writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PlexId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// A movie's or show's number at themoviedb.org; never 0. Radarr's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TmdbId(pub u32);

/// A show's number at thetvdb.com; never 0. Sonarr's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TvdbId(pub u32);

/// A title's id at imdb.com: `tt` and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImdbId(pub String);

/// The ids a title has elsewhere, as far as Plex (or an arr's lookup) told us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalIds {
    /// `imdb://tt…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imdb: Option<ImdbId>,
    /// `tmdb://…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmdb: Option<TmdbId>,
    /// `tvdb://…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tvdb: Option<TvdbId>,
}

impl ExternalIds {
    /// Reads Plex's `Guid` list: `imdb://tt90000002`, `tmdb://900002`, `tvdb://800001`. Unknown schemes, zeros and nonsense are
    /// passed over; of several ids with one scheme the first counts.
    pub fn from_guids<'a>(guids: impl IntoIterator<Item = &'a str>) -> Self {
        let mut ids = Self::default();
        for guid in guids {
            let Some((scheme, id)) = guid.split_once("://") else { continue };
            let number = id.parse::<u32>().ok().filter(|number| *number > 0);
            match scheme.to_ascii_lowercase().as_str() {
                "imdb" if ids.imdb.is_none() && is_imdb_id(id) => ids.imdb = Some(ImdbId(id.to_owned())),
                "tmdb" if ids.tmdb.is_none() => ids.tmdb = number.map(TmdbId),
                "tvdb" if ids.tvdb.is_none() => ids.tvdb = number.map(TvdbId),
                _ => {}
            }
        }
        ids
    }

    /// No id at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.imdb.is_none() && self.tmdb.is_none() && self.tvdb.is_none()
    }

    /// Fills what is missing here from `other`; what is known stays.
    pub fn fill_from(&mut self, other: &Self) {
        self.imdb = self.imdb.take().or_else(|| other.imdb.clone());
        self.tmdb = self.tmdb.or(other.tmdb);
        self.tvdb = self.tvdb.or(other.tvdb);
    }
}

impl std::fmt::Display for ExternalIds {
    /// `imdb tt90000002, tmdb 900002`, or `none`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut separator = "";
        if let Some(ImdbId(imdb)) = &self.imdb {
            write!(f, "imdb {imdb}")?;
            separator = ", ";
        }
        if let Some(TmdbId(tmdb)) = self.tmdb {
            write!(f, "{separator}tmdb {tmdb}")?;
            separator = ", ";
        }
        if let Some(TvdbId(tvdb)) = self.tvdb {
            write!(f, "{separator}tvdb {tvdb}")?;
        }
        Ok(())
    }
}

fn is_imdb_id(text: &str) -> bool {
    text.strip_prefix("tt").is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One title of Plex's catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Title {
    /// The key.
    pub plex_id: PlexId,
    /// Movie or show.
    pub media_type: MediaType,
    /// The name Plex shows; changes, and is never a key.
    pub title: String,
    /// Year of first release, when Plex told.
    pub year: Option<u16>,
    /// Ids elsewhere.
    pub ids: ExternalIds,
    /// What rules look at.
    pub facts: KnownFacts,
}

impl Title {
    /// `Salt Ledger (2025)`, or just the name when the year is unknown.
    #[must_use]
    pub fn label(&self) -> String {
        self.year.map_or_else(|| self.title.clone(), |year| format!("{} ({year})", self.title))
    }
}

/// A title as a watchlist names it: what one line of a list tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTitle {
    /// The key.
    pub plex_id: PlexId,
    /// Movie or show.
    pub media_type: MediaType,
    /// The name at the time of reading.
    pub title: String,
    /// Year of first release, when the list told.
    pub year: Option<u16>,
    /// `None`: this kind of list does not tell ids. `Some` of nothing: it does, and there were none.
    pub ids: Option<ExternalIds>,
    /// Where its poster is, when the list told.
    pub poster_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_become_ids_and_nonsense_is_passed_over() {
        let ids = ExternalIds::from_guids([
            "imdb://tt90000002",
            "tmdb://900002",
            "tvdb://0",
            "tvdb://x",
            "local://7",
            "plain",
        ]);
        assert_eq!(ids.imdb, Some(ImdbId("tt90000002".into())));
        assert_eq!(ids.tmdb, Some(TmdbId(900_002)));
        assert_eq!(ids.tvdb, None);
        assert_eq!(ids.to_string(), "imdb tt90000002, tmdb 900002");
        assert_eq!(ExternalIds::from_guids(["imdb://tt", "imdb://900"]).to_string(), "none");
    }

    #[test]
    fn a_plex_id_is_safe_in_a_path() {
        assert!(PlexId::parse("650c77e1aa10b4001f5d2e90").is_some());
        assert!(PlexId::parse("../user").is_none());
        assert!(PlexId::parse("").is_none());
    }
}
