//! The friend requests of the Plex account.

use pulsarr_shared::clients::plex::FriendRequests;
use pulsarr_shared::clock::UnixMs;

/// The friend requests as Plex told them.
pub struct FriendRequestsSeen {
    /// When it was asked; unix milliseconds.
    pub at_ms: UnixMs,
    /// Of whose token.
    pub token_mark: String,
    /// What Plex told; or that it did not and what to do, as a sentence.
    pub requests: Result<FriendRequests, String>,
}
