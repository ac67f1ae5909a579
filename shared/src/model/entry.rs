//! One title on one user's watchlist, from the moment it appeared until it is gone.

use serde::{Deserialize, Serialize};

use super::PlexId;

/// An entry's row number: (user, title, time it appeared). Taking a title off the list and adding it again makes a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryId(pub i64);

super::words! {
    /// Where an entry stands.
    EntryState {
        /// Seen on a list, not decided yet.
        New = "new",
        /// Plex gave no id that the arr could use; looked at again later.
        Unresolvable = "unresolvable",
        /// Decided to wait: for an approval, a quota, an instance to send it to, or settings that fit the instance. Decided anew by
        /// every run.
        Held = "held",
        /// A person said no.
        Rejected = "rejected",
        /// A rule or an arr's import-exclusion list says no.
        Excluded = "excluded",
        /// Sent, or on its way, to every instance the decision named.
        Requested = "requested",
        /// The arr has found a release.
        Grabbed = "grabbed",
        /// It can be watched.
        Available = "available",
        /// An arr refused it; tried again with growing pauses.
        Failed = "failed",
        /// No longer on the list.
        Closed = "closed",
    }
}

/// An open entry as the diff needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEntry {
    /// Our row.
    pub id: EntryId,
    /// Which title.
    pub plex_id: PlexId,
    /// When a complete look first did not see it; unix milliseconds.
    pub missing_since_ms: Option<i64>,
    /// From when on another complete look confirms that it is gone; unix milliseconds.
    pub gone_after_ms: Option<i64>,
}
