//! Reads watchlists. Answers what was seen and how much of the list that was; draws no conclusions and stores nothing.

mod friend;
mod own;

pub use friend::look_at_friend;
pub use own::look_at_own;

use crate::clients::plex::PlexError;
use crate::model::{ListedTitle, PlexId};

/// Pages of one list that a look reads at most: 20,000 entries.
const MAX_PAGES: u32 = 200;

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
    /// The newest pages; all that was not read is older than something on record.
    Newest {
        /// Newest first.
        items: Vec<ListedTitle>,
        /// What to compare with next time.
        mark: Option<String>,
    },
    /// Some pages, then a failure. No pages: nothing is known.
    Cut {
        /// What was read before it.
        items: Vec<ListedTitle>,
        /// The failure.
        error: PlexError,
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
    /// What a failure at any point of a look means.
    fn failed(items: Vec<ListedTitle>, error: PlexError) -> Self {
        match error {
            PlexError::NotShared { detail } => Self::NotShared { detail },
            error => Self::Cut { items, error },
        }
    }
}

/// Whether everything after this page is older than something on record, so that reading on would show nothing new.
fn rest_is_on_record(page: &[ListedTitle], on_record: &impl Fn(&PlexId) -> bool) -> bool {
    page.last().is_some_and(|oldest| on_record(&oldest.plex_id))
}
