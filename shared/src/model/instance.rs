//! A Sonarr or Radarr, and how titles are added to it.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::MediaType;

super::words! {
    /// Which application an instance is.
    InstanceKind {
        /// Movies.
        Radarr = "radarr",
        /// Shows.
        Sonarr = "sonarr",
    }
}

impl InstanceKind {
    /// The kind of instance that takes titles of this type.
    #[must_use]
    pub const fn taking(media_type: MediaType) -> Self {
        match media_type {
            MediaType::Movie => Self::Radarr,
            MediaType::Show => Self::Sonarr,
        }
    }

    /// The application's own name, as `system/status` reports it in `appName`.
    #[must_use]
    pub const fn app_name(self) -> &'static str {
        match self {
            Self::Radarr => "Radarr",
            Self::Sonarr => "Sonarr",
        }
    }
}

/// One configured instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The name people gave it: unique, lower case, 1 to 64 of `a-z 0-9 - _`.
    pub name: String,
    /// Scheme, host, port and base path, without a trailing slash.
    pub url: String,
    /// 32 hex characters; never printed.
    pub api_key: SecretString,
    /// Takes every title of its kind that no rule sends elsewhere. At most one per kind.
    pub default: bool,
    /// Takes, with its own options, what default routing sends to this instance, which is the default of its kind.
    pub copy_of: Option<String>,
    /// Titles on the instance's import-exclusion list are left alone.
    pub respect_exclusions: bool,
    /// How titles are added unless a rule says otherwise.
    pub options: AddOptions,
}

impl Instance {
    /// Sonarr or Radarr.
    #[must_use]
    pub const fn kind(&self) -> InstanceKind {
        self.options.kind()
    }

    /// ``Radarr `movies` ``: how texts for people name it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} `{}`", self.kind().app_name(), self.name)
    }
}

/// How a title is added: names, not numbers, because numbers differ between instances and names are what people wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddOptions {
    /// A quality profile's name or id; absent: the first one the arr lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_profile: Option<String>,
    /// A configured root folder; absent: the first one the arr lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_folder_path: Option<String>,
    /// Tag labels, lower case; created in the arr when missing.
    pub tags: Vec<String>,
    /// Whether the arr looks for releases at once.
    pub search_on_add: bool,
    /// What only one of the two applications knows.
    #[serde(flatten)]
    pub arr: ArrOptions,
}

impl AddOptions {
    /// Sonarr or Radarr.
    #[must_use]
    pub const fn kind(&self) -> InstanceKind {
        match self.arr {
            ArrOptions::Radarr { .. } => InstanceKind::Radarr,
            ArrOptions::Sonarr { .. } => InstanceKind::Sonarr,
        }
    }
}

/// The options that only Radarr or only Sonarr has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ArrOptions {
    /// Radarr's.
    Radarr {
        /// When Radarr regards the film as obtainable.
        minimum_availability: MinimumAvailability,
        /// The film alone, its collection too, or nothing.
        monitor: MovieMonitor,
    },
    /// Sonarr's.
    Sonarr {
        /// Which episodes Sonarr looks for.
        monitor: SeriesMonitor,
        /// What happens with seasons that appear later.
        monitor_new_items: MonitorNewItems,
        /// How episodes are numbered.
        series_type: SeriesTypeChoice,
        /// A folder per season.
        season_folder: bool,
        /// Only these seasons are monitored, by number; 0 is the specials. Empty: as `monitor` says.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seasons: Vec<u32>,
    },
}

super::words! {
    /// Radarr's `minimumAvailability`.
    MinimumAvailability {
        /// At once.
        Tba = "tba",
        /// Once announced.
        Announced = "announced",
        /// Once in cinemas.
        InCinemas = "in_cinemas",
        /// Once released on disc or online.
        Released = "released",
    }
}

super::words! {
    /// Radarr's `addOptions.monitor`.
    MovieMonitor {
        /// The film.
        MovieOnly = "movie_only",
        /// The film and the rest of its TMDB collection.
        MovieAndCollection = "movie_and_collection",
        /// Nothing: added, but not looked for.
        None = "none",
    }
}

super::words! {
    /// Sonarr v4's `addOptions.monitor`, every choice by its own name in `snake_case`.
    SeriesMonitor {
        /// Every season but the specials.
        All = "all",
        /// Episodes that have not aired.
        Future = "future",
        /// Episodes without a file.
        Missing = "missing",
        /// Episodes with a file.
        Existing = "existing",
        /// The first season.
        FirstSeason = "first_season",
        /// The last season.
        LastSeason = "last_season",
        /// Sonarr's older name for the last season.
        LatestSeason = "latest_season",
        /// The first episode.
        Pilot = "pilot",
        /// The last 90 days and what is to come.
        Recent = "recent",
        /// Adds the specials.
        MonitorSpecials = "monitor_specials",
        /// Leaves the specials out.
        UnmonitorSpecials = "unmonitor_specials",
        /// Nothing: added, but not looked for.
        None = "none",
        /// Leaves every season as it is.
        Skip = "skip",
    }
}

super::words! {
    /// Sonarr's `monitorNewItems`.
    MonitorNewItems {
        /// New seasons are monitored.
        All = "all",
        /// They are not.
        None = "none",
    }
}

super::words! {
    /// What the settings say about a show's numbering.
    SeriesTypeChoice {
        /// `anime` when the genre says so, `standard` otherwise.
        Auto = "auto",
        /// Season and episode.
        Standard = "standard",
        /// By date.
        Daily = "daily",
        /// Absolute numbers.
        Anime = "anime",
    }
}

super::words! {
    /// Sonarr's `seriesType`.
    SeriesType {
        /// Season and episode.
        Standard = "standard",
        /// By date.
        Daily = "daily",
        /// Absolute numbers.
        Anime = "anime",
    }
}
