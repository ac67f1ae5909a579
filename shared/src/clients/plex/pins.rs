//! Signing in without a password: a PIN of four characters that a person types at plex.tv/link.
//!
//! Owns the asking for a PIN and what became of it. Refuses to wait: whoever asks decides when to ask again.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;

use super::{PlexError, introduced};
use crate::clients::request::Request;
use crate::clients::{FetchError, Http};
use crate::clock::UnixMs;

/// The life of a short PIN in seconds, when Plex does not say.
const LIFETIME_S: u32 = 900;

/// plex.tv, asked by somebody who has no token yet.
#[derive(Clone)]
pub struct PlexSignIn {
    http: Http,
    plex_tv: String,
}

/// A PIN that Plex has given out. Whoever knows its number and its client identifier gets the token, so `Debug` tells neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    /// Plex's number for it.
    pub id: u64,
    /// What the person types: four letters and digits.
    pub code: String,
    /// From here on it is of no use; unix milliseconds by our clock.
    pub expires_at_ms: UnixMs,
    /// The one that it was made with, and that the token will belong to.
    pub client_identifier: String,
}

/// What became of a [`Pin`].
#[derive(Debug, Clone)]
pub enum PinState {
    /// Nobody has typed it yet.
    Waiting,
    /// Somebody has; this is the account's token.
    Linked(SecretString),
    /// Its time is over, or Plex knows no such PIN.
    Expired,
}

#[derive(Deserialize)]
struct Created {
    id: u64,
    code: String,
    #[serde(rename = "expiresIn")]
    expires_in_s: Option<u32>,
}

#[derive(Deserialize)]
struct Polled {
    #[serde(rename = "authToken")]
    auth_token: Option<String>,
}

impl PlexSignIn {
    /// plex.tv at the address `plex_tv`, without a trailing slash.
    #[must_use]
    pub const fn new(http: Http, plex_tv: String) -> Self {
        Self { http, plex_tv }
    }

    /// A new PIN: `POST plex.tv/api/v2/pins`. `client_identifier` should be a fresh one: Plex takes a known one for a known device, and
    /// a token of old that was revoked may come back with it. The life of the PIN is counted from `now_ms`, so that the clocks need
    /// not agree.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when there is none.
    pub async fn create_pin(&self, client_identifier: &str, now_ms: UnixMs) -> Result<Pin, PlexError> {
        let answer = async {
            let request = introduced(Request::post_empty(&self.plex_tv, "/api/v2/pins")?, client_identifier)?;
            self.http.json::<Created>(&request).await
        };
        let created = answer.await.map_err(|error| PlexError::fetch("ask Plex for a PIN", error))?;
        let life_ms = i64::from(created.expires_in_s.unwrap_or(LIFETIME_S)) * 1000;
        Ok(Pin {
            id: created.id,
            code: created.code,
            expires_at_ms: now_ms.saturating_add(life_ms),
            client_identifier: client_identifier.to_owned(),
        })
    }

    /// What became of `pin`: `GET plex.tv/api/v2/pins/{id}`. A 404 is [`PinState::Expired`].
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when Plex does not tell; the PIN may well be good.
    pub async fn poll_pin(&self, pin: &Pin) -> Result<PinState, PlexError> {
        let answer = async {
            let path = format!("/api/v2/pins/{}", pin.id);
            let request = introduced(Request::get(&self.plex_tv, &path, &[])?, &pin.client_identifier)?;
            self.http.json::<Polled>(&request).await
        };
        match answer.await {
            Ok(Polled { auth_token }) => {
                let token = auth_token.filter(|token| !token.is_empty());
                Ok(token.map_or(PinState::Waiting, |token| PinState::Linked(token.into())))
            }
            Err(FetchError::NotFound) => Ok(PinState::Expired),
            Err(error) => Err(PlexError::fetch("ask Plex about a PIN", error)),
        }
    }
}

impl fmt::Debug for PlexSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlexSignIn").field("plex_tv", &self.plex_tv).finish_non_exhaustive()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").field("expires_at_ms", &self.expires_at_ms).finish_non_exhaustive()
    }
}
