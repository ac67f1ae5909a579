//! What an arr tells of itself, in a webhook or in its history, and what people are told because of it.

use serde::{Deserialize, Serialize};

use super::{EntryId, MediaType, UserId};

/// An episode of a show by its numbers; season 0 holds the specials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EpisodeNumber {
    /// The season.
    pub season: u32,
    /// Its place in the season.
    pub episode: u32,
}

impl EpisodeNumber {
    /// What stands in an episode's place for a movie.
    pub const MOVIE: Self = Self { season: 0, episode: 0 };
}

/// An episode as an arr tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrEpisode {
    /// Which one.
    pub number: EpisodeNumber,
    /// When it was, or will be, first shown; unix milliseconds. `None` where the arr does not know.
    pub aired_at_ms: Option<i64>,
}

/// Something that happened in an arr. `external_id` is TMDB's number in Radarr and TVDB's in Sonarr, never 0; `episodes` is empty
/// for a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrEvent {
    /// Somebody pressed Test.
    Test,
    /// A release was found and sent to a download client.
    Grabbed {
        /// The title.
        external_id: u32,
        /// What the release holds; a season pack holds several.
        episodes: Vec<ArrEpisode>,
        /// The download client's id.
        download_id: Option<String>,
    },
    /// A file is in the library.
    Imported {
        /// The title.
        external_id: u32,
        /// What the file, or the whole download, holds.
        episodes: Vec<ArrEpisode>,
        /// The download client's id.
        download_id: Option<String>,
        /// It replaces a file that was there.
        upgrade: bool,
        /// Everything of a download is imported: told once, besides each file.
        whole_download: bool,
    },
    /// A title was added to the library, by us or by anybody.
    Added {
        /// The title.
        external_id: u32,
    },
    /// A title was taken out of the library.
    Deleted {
        /// The title.
        external_id: u32,
        /// Its files were deleted as well.
        files: bool,
    },
    /// A file was deleted, and its title is still in the library.
    FileDeleted {
        /// The title.
        external_id: u32,
        /// What it held.
        episodes: Vec<ArrEpisode>,
        /// A better one takes its place.
        for_upgrade: bool,
    },
    /// Files have other names.
    Renamed,
    /// The arr has found something wrong with itself.
    Health {
        /// Its own words.
        message: String,
    },
    /// What was wrong is so no longer.
    HealthRestored {
        /// Its own words.
        message: String,
    },
    /// The arr has updated itself.
    ApplicationUpdate {
        /// Its own words.
        message: String,
    },
    /// A download waits for a person.
    ManualInteractionRequired {
        /// The title, where the arr knows it.
        external_id: Option<u32>,
    },
    /// It does not say which title it is about.
    Untitled {
        /// The event as sent.
        event_type: String,
    },
    /// A later version's event.
    Unknown {
        /// The event as sent.
        event_type: String,
    },
}

impl ArrEvent {
    /// The title it is about, where it says so.
    #[must_use]
    pub const fn external_id(&self) -> Option<u32> {
        match self {
            Self::Grabbed { external_id, .. }
            | Self::Imported { external_id, .. }
            | Self::Added { external_id }
            | Self::Deleted { external_id, .. }
            | Self::FileDeleted { external_id, .. } => Some(*external_id),
            Self::ManualInteractionRequired { external_id } => *external_id,
            Self::Test
            | Self::Renamed
            | Self::Health { .. }
            | Self::HealthRestored { .. }
            | Self::ApplicationUpdate { .. }
            | Self::Untitled { .. }
            | Self::Unknown { .. } => None,
        }
    }
}

/// Something can be watched: the payload of an `available` message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// Where it was imported.
    pub instance: String,
    /// Movie or show.
    pub media_type: MediaType,
    /// TMDB's number of a movie, TVDB's of a show.
    pub external_id: u32,
    /// The title's name.
    pub title: String,
    /// The year of its first release.
    pub year: Option<u16>,
    /// A show's episodes, ascending, all of one season where they were gathered; empty for a movie.
    pub episodes: Vec<EpisodeNumber>,
    /// Whom it concerns.
    pub wanted_by: Vec<WantedBy>,
    /// When the first of it was imported; unix milliseconds.
    pub imported_at_ms: i64,
}

/// Somebody's wish for a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedBy {
    /// Whose.
    pub user: UserId,
    /// The open entry.
    pub entry: EntryId,
}
