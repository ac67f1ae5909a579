//! The friend requests of the Plex account.

use pulsarr_shared::clients::plex::FriendRequests;
use pulsarr_shared::clock::UnixMs;

/// The friend requests as Plex told them.
pub struct FriendRequestsSeen {
    /// When it was asked; unix milliseconds.
    pub at_ms: UnixMs,
    /// Of whose token.
    pub token_mark: String,
    /// None: Plex did not tell.
    pub requests: Option<FriendRequests>,
}
