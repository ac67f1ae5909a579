//! Plex: whose token this is, who the friends are, what stands on each watchlist, and what a title is.
//!
//! Owns the paths, queries and headers of plex.tv, discover and the community API, and how their failures are told apart.
//! Refuses to take a failure, a 404 or a missing field for an empty list: what is not known to be empty is an error.

mod community;
mod discover;
mod error;
mod facts;
mod feed_item;
mod feed_xml;
mod feeds;
mod graphql;
mod pins;
mod requests;
mod resources;
mod server;
mod wire;

pub use error::PlexError;
pub use feed_item::FeedItem;
pub use feeds::{Feed, FeedAnswer, FeedCreated};
pub use pins::{Pin, PinState, PlexSignIn};
pub use requests::FriendRequests;
pub use resources::{Connection, PlexServerListing};
pub use server::{PlexServer, ServerIdentity};

use secrecy::{ExposeSecret, SecretString};

use super::limiter::Pace;
use super::request::Request;
use super::{FetchError, Http};
use crate::model::{ExternalIds, Facts, ListedTitle, UserUuid};

/// Entries asked for per page. Plex lowered its maximum from 300 to 100 in December 2025.
const PAGE_SIZE: u32 = 100;

/// Where Plex's services are; without trailing slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlexUrls {
    /// Accounts.
    pub plex_tv: String,
    /// Own watchlist, titles by id.
    pub discover: String,
    /// GraphQL, at `/api` below this.
    pub community: String,
}

/// Plex, asked with one token.
#[derive(Clone)]
pub struct Plex {
    http: Http,
    urls: PlexUrls,
    token: SecretString,
    client_identifier: String,
}

/// The account behind the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The key.
    pub uuid: UserUuid,
    /// May change.
    pub username: String,
    /// May change; the user name when there is no other.
    pub display_name: String,
    /// Whether a Plex Pass is active (`subscription.active`); feeds and a server's webhooks need one.
    pub plex_pass: bool,
}

/// An accepted friend of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    /// The key.
    pub uuid: UserUuid,
    /// May change.
    pub username: String,
    /// May change; the user name when there is no other.
    pub display_name: String,
}

/// The accepted friends of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friends {
    /// Those that could be read, in Plex's order.
    pub friends: Vec<Friend>,
    /// How many could not: with any of these, nobody may be taken for a former friend.
    pub skipped: usize,
}

/// The answer to a question for a page of the own list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnPage {
    /// The page is what it was when its ETag was given.
    NotModified,
    /// The page.
    Page(OwnWatchlistPage),
}

/// A page of the own list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnWatchlistPage {
    /// What could be read.
    pub items: Vec<ListedTitle>,
    /// Entries on the page as Plex counts them: `items.len() + skipped`. The next page starts this much further down.
    pub received: u32,
    /// Entries that could not be read.
    pub skipped: u32,
    /// Entries of the whole list, when Plex told. May change from page to page.
    pub total: Option<u32>,
    /// Belongs to exactly this page: changes beyond it leave it alone.
    pub etag: Option<String>,
}

/// A page of a friend's list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FriendPage {
    /// What could be read.
    pub items: Vec<ListedTitle>,
    /// Entries on the page as Plex counts them: `items.len() + skipped`.
    pub received: u32,
    /// Entries that could not be read.
    pub skipped: u32,
    /// Where the next page begins; opaque. `None` for an empty list.
    pub end_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_next_page: bool,
}

/// What Plex's catalogue knows about a title.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The name Plex shows.
    pub title: String,
    /// Year of first release.
    pub year: Option<u16>,
    /// Ids elsewhere; a title that is new to Plex has none for a while.
    pub ids: ExternalIds,
    /// Lists are `Some` of nothing for a title without any: Plex leaves empty lists out.
    pub facts: Facts,
    /// Where its poster is.
    pub poster_url: Option<String>,
}

impl Plex {
    /// Plex as the account that `token` belongs to. `client_identifier` is opaque and stays the same for ever: Plex lists it
    /// among the account's authorised devices.
    #[must_use]
    pub const fn new(http: Http, urls: PlexUrls, token: SecretString, client_identifier: String) -> Self {
        Self { http, urls, token, client_identifier }
    }

    /// Requests sent so far, and how they were answered.
    #[must_use]
    pub fn counters(&self) -> super::Counters {
        self.http.counters()
    }

    /// How much longer Plex wants to be left alone.
    #[must_use]
    pub fn cooling_for(&self) -> Option<std::time::Duration> {
        self.http.cooling_for()
    }

    /// Waits until Plex asks us to slow down (429), unless it has done so since this was asked last.
    pub async fn refused(&self) {
        self.http.refused().await;
    }

    /// Leaves Plex alone for so long from now on, because somebody else was told to.
    pub fn leave_alone(&self, wait: std::time::Duration) {
        self.http.leave_alone(wait);
    }

    /// [`token_mark`] of this token.
    #[must_use]
    pub fn token_mark(&self) -> String {
        token_mark(&self.token)
    }

    /// Whose token this is: `GET plex.tv/api/v2/user`. The only question whose refusal says that the token is dead; a 401 from
    /// anywhere else may have other reasons.
    ///
    /// # Errors
    /// [`PlexError::unauthorized`] for 401, for 498 (an expired token of the newer kind) and for 422 with `Invalid token`, which
    /// some older endpoints answer.
    pub async fn account(&self) -> Result<Account, PlexError> {
        let doing = "check the Plex token";
        let answer = async {
            let request = self.dressed(Request::get(&self.urls.plex_tv, "/api/v2/user", &[])?)?.with_pace(Pace::None);
            self.http.json::<wire::User>(&request).await
        };
        let user = answer.await.map_err(|error| PlexError::fetch(doing, as_refusal(error)))?;
        user.into_account().ok_or_else(|| PlexError::fetch(doing, FetchError::malformed("an account without a uuid")))
    }

    /// Keeps the token alive: `GET plex.tv/api/v2/ping`. Plex lets tokens expire that nobody uses for long; once a day is enough.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] without a `pong`. A refusal here is a rumour: ask [`Plex::account`].
    pub async fn ping(&self) -> Result<(), PlexError> {
        let doing = "keep the Plex token alive";
        let answer = async {
            let request = self.dressed(Request::get(&self.urls.plex_tv, "/api/v2/ping", &[])?)?;
            self.http.json::<wire::Ping>(&request).await
        };
        match answer.await {
            Ok(wire::Ping { pong: true }) => Ok(()),
            Ok(_) => Err(PlexError::fetch(doing, FetchError::malformed("a ping without a pong"))),
            Err(error) => Err(PlexError::fetch(doing, error)),
        }
    }

    /// The household's own server at `url`, asked over `http` with the same token: only for an address that the settings file declares.
    #[must_use]
    pub fn server(&self, http: Http, url: String) -> PlexServer {
        PlexServer::new(http, url, self.token.clone(), self.client_identifier.clone())
    }

    /// The server at `url`, asked over `http` with `token`, which is for that server alone.
    #[must_use]
    pub fn server_by(&self, http: Http, url: String, token: SecretString) -> PlexServer {
        PlexServer::new(http, url, token, self.client_identifier.clone())
    }

    /// `request` with the headers that every one of Plex's services wants.
    fn dressed(&self, request: Request) -> Result<Request, FetchError> {
        dressed(request, &self.token, &self.client_identifier)
    }
}

/// `request` with the headers that everything of Plex's wants.
fn dressed(request: Request, token: &SecretString, client_identifier: &str) -> Result<Request, FetchError> {
    introduced(request.with_secret("x-plex-token", token)?, client_identifier)
}

/// Tells `token` from another without giving it away: 16 hex characters of its SHA-256.
#[must_use]
pub fn token_mark(token: &SecretString) -> String {
    let sha256 =
        rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().map(|suite| suite.common.hash_provider);
    let digest = sha256.map(|sha256| sha256.hash(token.expose_secret().as_bytes()));
    digest.iter().flat_map(|digest| digest.as_ref().iter().take(8)).map(|byte| format!("{byte:02x}")).collect()
}

/// `request` with what we are called, and without a token.
fn introduced(request: Request, client_identifier: &str) -> Result<Request, FetchError> {
    request
        .with_header("x-plex-client-identifier", client_identifier)?
        .with_header("x-plex-product", "Pulsarr")?
        .with_header("x-plex-version", env!("CARGO_PKG_VERSION"))
}

impl std::fmt::Debug for Plex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plex").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// The other ways in which plex.tv turns a token down.
fn as_refusal(error: FetchError) -> FetchError {
    match error {
        FetchError::Rejected { status: 498, .. } => FetchError::Unauthorized,
        FetchError::Rejected { status: 422, body } if body.to_ascii_lowercase().contains("invalid token") => {
            FetchError::Unauthorized
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
