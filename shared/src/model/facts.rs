//! What is known about a title beyond its ids, kept apart by who told it.

use serde::{Deserialize, Serialize};

/// What one source has told about a title. `None` is "it did not tell", never "has none".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Year of first release, where it is not the watchlist's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Genre names: `Drama`, `Anime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genres: Option<Vec<String>>,
    /// `R`, `TV-14`, `gb/15`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certification: Option<String>,
    /// By its English name: `Japanese`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_language: Option<String>,
    /// Seasons without the specials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season_count: Option<u32>,
    /// Of the film, or of one episode; whole minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_min: Option<u32>,
    /// Studios of a film; networks and studios of a show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub studios: Option<Vec<String>>,
    /// By their English names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countries: Option<Vec<String>>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<String>>,
    /// 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imdb_rating: Option<f64>,
    /// How many people that rating comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imdb_votes: Option<u32>,
    /// Rotten Tomatoes, the critics, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rt_critic: Option<f64>,
    /// Rotten Tomatoes, the audience, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rt_audience: Option<f64>,
    /// 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmdb_rating: Option<f64>,
    /// Where it can be streamed: names, and TMDB's numbers for them as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streaming_services: Option<Vec<String>>,
    /// Radarr's status in `snake_case`: `tba`, `announced`, `in_cinemas`, `released`, `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movie_status: Option<String>,
    /// Sonarr's status: `continuing`, `ended`, `upcoming`, `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_status: Option<String>,
    /// Said by somebody who describes a title; nobody else tells it as such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anime: Option<bool>,
}

/// What every source has told. `None`: it was not asked yet, or has not answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownFacts {
    /// Plex's catalogue.
    pub plex: Option<Facts>,
    /// A Sonarr's or Radarr's lookup.
    pub arr: Option<Facts>,
    /// TMDB.
    pub tmdb: Option<Facts>,
    /// Whether the household's Plex server has the title.
    pub in_plex: Option<bool>,
    /// A description in a rule test or a what-if; when there is one, nobody else counts.
    pub given: Option<Facts>,
}
