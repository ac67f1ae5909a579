//! Who is synced, what they may have, and what they have.

mod defaults;
mod list;
mod one;
mod quota_rows;
mod settings_in_words;
#[cfg(test)]
mod tests;

use pulsarr_shared::clock::rfc3339;

use super::Page;
use crate::api::readability::Requests;
use crate::aside::Known;

pub(super) fn pages() -> [&'static [Page]; 3] {
    // Before whatever takes a name in the same place.
    [list::PAGES, defaults::PAGES, one::PAGES]
}

/// What there is to say about the friend requests.
pub(super) struct RequestsShown {
    /// Plex is being asked.
    pub(super) asking: bool,
    /// When it told what is shown; empty: it has not told yet.
    pub(super) as_of: String,
    /// Why it did not tell the last time, with what to do; empty: it did, or is being asked.
    pub(super) failure: String,
}

impl RequestsShown {
    pub(super) fn of(known: Known<Requests>) -> Self {
        let last = known.answer.map(|(_, last)| last);
        let told = last.as_ref().and_then(|last| last.told.as_ref());
        Self {
            asking: known.asking,
            as_of: told.map_or_else(String::new, |(at_ms, _)| rfc3339(*at_ms)),
            failure: last.filter(|_| !known.asking).map_or_else(String::new, |last| last.failure.clone()),
        }
    }

    /// Whether what is shown may be otherwise by now.
    pub(super) fn is_old(&self) -> bool {
        self.asking || !self.failure.is_empty()
    }
}

/// How a badge about somebody's list looks, and what it says.
fn reading(state: &str) -> (&'static str, &'static str) {
    match state {
        "readable" => ("ok", "readable"),
        "empty" => ("idle", "empty"),
        "not_a_friend" => ("bad", "not a friend"),
        "pending" => ("pending", "request pending"),
        "private" => ("bad", "private"),
        "rate_limited" => ("warn", "rate limited"),
        _ => ("unknown", "not known yet"),
    }
}

/// How somebody stands to whoever has linked the account.
fn relation(word: &str) -> &'static str {
    match word {
        "owner" => "owner",
        "friend" => "friend",
        _ => "no longer a friend",
    }
}
