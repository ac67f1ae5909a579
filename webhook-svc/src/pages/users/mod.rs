//! Who is synced, what they may have, and what they have.

mod defaults;
mod list;
mod one;
mod quota_rows;
mod settings_in_words;
#[cfg(test)]
mod tests;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 3] {
    // Before whatever takes a name in the same place.
    [list::PAGES, defaults::PAGES, one::PAGES]
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
