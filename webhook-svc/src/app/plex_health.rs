//! What is known about the Plex token and the household's Plex server.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pulsarr_shared::clients::plex::ServerIdentity;
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::link::{TokenHealth, TokenState};

/// What was found the last time.
#[derive(Default)]
pub struct PlexHealth(Mutex<Found>);

#[derive(Default)]
struct Found {
    token: Option<TokenHealth>,
    server: Option<ServerSeen>,
}

/// How the Plex server was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSeen {
    /// Where it was asked.
    pub url: String,
    /// Who answered; or what is wrong and what to do.
    pub outcome: Result<ServerIdentity, String>,
    /// What its owner calls it; none where Plex did not tell.
    pub name: Option<String>,
    /// When; unix milliseconds.
    pub checked_at_ms: UnixMs,
}

impl PlexHealth {
    /// Whether Plex takes the token; none before the first look, and without a token.
    pub fn token(&self) -> Option<TokenState> {
        self.found().token.as_ref().map(|health| health.state)
    }

    /// How the server was found; none before the first look, and without an address.
    pub fn server(&self) -> Option<ServerSeen> {
        self.found().server.clone()
    }

    /// Notes what was found about the token; answers whether the state is another one than before.
    pub fn note_token(&self, health: Option<TokenHealth>) -> bool {
        let mut found = self.found();
        let before = std::mem::replace(&mut found.token, health);
        before.map(|health| health.state) != found.token.as_ref().map(|health| health.state)
    }

    /// Notes how the server was found; answers whether it is otherwise than before.
    pub fn note_server(&self, seen: Option<ServerSeen>) -> bool {
        let mut found = self.found();
        let before = std::mem::replace(&mut found.server, seen);
        let well = |seen: &Option<ServerSeen>| seen.as_ref().map(|seen| (seen.url.clone(), seen.outcome.is_ok()));
        well(&before) != well(&found.server)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
