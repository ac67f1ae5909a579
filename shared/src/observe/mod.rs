//! Reads watchlists. Answers what was seen and how much of the list that was; draws no conclusions and stores nothing.

mod friend;
mod own;

pub use friend::look_at_friend;
pub use own::look_at_own;

use tokio::time::{Instant, timeout_at};

use crate::clients::plex::PlexError;
use crate::model::{ListedTitle, PlexId};

/// Pages of one list that a look reads at most: 20,000 entries.
const MAX_PAGES: u32 = 200;

/// What a look starts from.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// How thorough it is to be.
    pub thoroughness: Thoroughness,
    /// The list's mark at the last look.
    pub mark: Option<&'a str>,
    /// Where an earlier look ran out of time: this one goes on there, so that no list is too long to be read.
    pub resume: Option<&'a str>,
    /// When this look has to end with what it has.
    pub until: Instant,
}

/// How thorough a look is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// Every page, whatever is on record: the only look that sees removals deep in a list.
    Whole,
    /// Nothing when the list's mark is unchanged, else the newest pages up to what is on record.
    Newest,
}

/// What one look at one list saw.
#[derive(Debug)]
pub enum Look {
    /// Every page, first to last.
    Whole {
        /// Newest first.
        items: Vec<ListedTitle>,
        /// What to compare with next time.
        mark: Option<String>,
        /// Entries that Plex counted but that could not be read: with any of these, nothing may be taken as missing.
        unreadable: u32,
    },
    /// The newest pages, or the rest of a list whose look was cut: nothing may be taken as missing.
    Newest {
        /// Newest first.
        items: Vec<ListedTitle>,
        /// What to compare with next time.
        mark: Option<String>,
    },
    /// Some pages, then a failure, or no time for more. No pages: nothing is known.
    Cut {
        /// What was read before it.
        items: Vec<ListedTitle>,
        /// The failure.
        error: PlexError,
        /// Where the next look may go on, when there was only no time for more.
        resume: Option<String>,
    },
    /// The list's mark is unchanged.
    NotModified,
    /// Plex says we may not see it.
    NotShared {
        /// In plain words.
        detail: String,
    },
}

impl Look {
    /// What a failure at any point of a look means; `page` is where the page that failed begins, unless it is the first.
    fn failed(items: Vec<ListedTitle>, error: PlexError, page: Option<String>) -> Self {
        match error {
            PlexError::NotShared { detail } => Self::NotShared { detail },
            error => {
                let resume = page.filter(|_| error.is_out_of_time());
                Self::Cut { items, error, resume }
            }
        }
    }
}

/// The answer to `question`, unless the time is over first.
async fn before<T>(until: Instant, question: impl Future<Output = Result<T, PlexError>>) -> Result<T, PlexError> {
    timeout_at(until, question).await.unwrap_or_else(|_| Err(PlexError::out_of_time()))
}

/// Whether everything after this page is older than something on record, so that reading on would show nothing new.
fn rest_is_on_record(page: &[ListedTitle], on_record: &impl Fn(&PlexId) -> bool) -> bool {
    page.last().is_some_and(|oldest| on_record(&oldest.plex_id))
}
