//! What can become of a question to TMDB.

use crate::clients::FetchError;

/// Why TMDB did not tell. Fits "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TmdbError {
    /// The key is of the old kind, which would have to be put into addresses. Nothing was asked.
    #[error("ask TMDB: `tmdb.api_key` is a key of the old kind")]
    OldKey,
    /// No usable answer.
    #[error("ask TMDB about a title: {0}")]
    Fetch(FetchError),
}

impl TmdbError {
    /// Whether the answer says something about the title and not about TMDB: a status that no repeat changes, or a shape that nobody
    /// knows.
    #[must_use]
    pub const fn is_about_the_thing(&self) -> bool {
        matches!(
            self,
            Self::Fetch(
                FetchError::NotFound
                    | FetchError::Rejected { .. }
                    | FetchError::Malformed { .. }
                    | FetchError::TooLarge { .. }
            )
        )
    }

    /// Whether the token is at fault.
    #[must_use]
    pub const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Fetch(FetchError::Unauthorized))
    }

    /// Whether nothing is wrong but that the run's time or its requests are used up.
    #[must_use]
    pub const fn is_out_of_time(&self) -> bool {
        matches!(self, Self::Fetch(FetchError::Stopped | FetchError::BudgetSpent))
    }
}
