//! What can become of a question to Plex.

use std::fmt;

use crate::clients::FetchError;

/// Why Plex did not tell. Fits "failed to …" and names nobody: the caller knows whose list it asked for.
///
/// The texts hold the whole reason and there is no `source`, so that printing one line prints everything once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlexError {
    /// No usable answer. Nothing is known; what is stored stays.
    Fetch {
        /// What was being asked: `read a friend's watchlist`.
        doing: &'static str,
        /// What became of it.
        source: FetchError,
    },
    /// Plex says that this list is not for us to read. It stays so until its owner changes something.
    NotShared {
        /// In plain words.
        detail: String,
    },
    /// Plex no longer understands our query, or answers it in another way: a newer version of this program is needed.
    SchemaChanged {
        /// What was being asked.
        doing: &'static str,
        /// In Plex's words or ours.
        detail: String,
    },
}

impl PlexError {
    /// A refusal of the token by the one service that decides about tokens.
    #[must_use]
    pub const fn unauthorized() -> Self {
        Self::Fetch { doing: "check the Plex token", source: FetchError::Unauthorized }
    }

    /// The time for reading lists was over before the answer came.
    #[must_use]
    pub const fn out_of_time() -> Self {
        Self::Fetch { doing: "read on in this run", source: FetchError::Stopped }
    }

    /// Whether the answer says something about the thing that was asked for and not about the service: a status that no repeat
    /// changes, or a shape that nobody knows.
    #[must_use]
    pub const fn is_about_the_thing(&self) -> bool {
        let Self::Fetch { source, .. } = self else { return false };
        matches!(
            source,
            FetchError::NotFound
                | FetchError::Rejected { .. }
                | FetchError::Malformed { .. }
                | FetchError::TooLarge { .. }
        )
    }

    /// Whether this was a 401. Only [`Plex::account`](super::Plex::account)'s is the last word about a token.
    #[must_use]
    pub const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Fetch { source: FetchError::Unauthorized, .. })
    }

    /// Whether nothing is wrong but that the run's time or its requests are used up.
    #[must_use]
    pub const fn is_out_of_time(&self) -> bool {
        matches!(self, Self::Fetch { source: FetchError::Stopped | FetchError::BudgetSpent, .. })
    }

    pub(super) const fn fetch(doing: &'static str, source: FetchError) -> Self {
        Self::Fetch { doing, source }
    }
}

impl fmt::Display for PlexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch { doing, source } => write!(f, "{doing}: {source}"),
            Self::NotShared { detail } => write!(f, "read a watchlist that is not shared with us: {detail}"),
            Self::SchemaChanged { doing, detail } => write!(f, "{doing}: Plex has changed its interface: {detail}"),
        }
    }
}

impl std::error::Error for PlexError {}
