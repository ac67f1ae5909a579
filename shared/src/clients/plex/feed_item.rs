//! One wish in a feed, whichever form the feed came in.

use crate::clock::UnixMs;
use crate::model::{MediaType, UserUuid};

/// A wish as a feed tells it. There is no id of Plex's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedItem {
    /// Whose wish it is; feeds of friends tell it since December 2025.
    pub author: Option<UserUuid>,
    /// Movie or show: the same TMDB id may be both.
    pub media_type: Option<MediaType>,
    /// `imdb://tt90000002`, in lower case and sorted, so that the same title gives the same list; empty for a title new to Plex. As
    /// XML a feed tells no more than one.
    pub guids: Vec<String>,
    /// With the year: `Salt Ledger (2025)`.
    pub title: String,
    /// When it was wished for, as far as anybody knows; unix milliseconds.
    pub pub_date_ms: Option<UnixMs>,
}

impl FeedItem {
    /// An item from its texts, whichever form they came in; none without a title and without ids.
    pub(super) fn of<'a>(
        title: &str,
        author: Option<&str>,
        category: Option<&str>,
        pub_date: Option<&str>,
        guids: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut guids: Vec<_> = guids.map(|guid| guid.trim().to_lowercase()).filter(|guid| !guid.is_empty()).collect();
        guids.sort();
        guids.dedup();
        if title.is_empty() && guids.is_empty() {
            return None;
        }
        let pub_date_ms = pub_date
            .and_then(|date| jiff::fmt::rfc2822::parse(date.trim()).ok())
            .map(|date| date.timestamp().as_millisecond());
        Some(Self {
            author: author.and_then(|author| UserUuid::parse(author.trim())),
            media_type: category.and_then(|word| MediaType::from_word(word.trim())),
            guids,
            title: title.to_owned(),
            pub_date_ms,
        })
    }
}
