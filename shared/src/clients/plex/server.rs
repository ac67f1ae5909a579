//! The household's own Plex server: who it is, and whether it has a title already.

use std::time::Duration;

use secrecy::SecretString;

use super::{PlexError, dressed, introduced, wire};
use crate::clients::Http;
use crate::clients::request::Request;
use crate::model::{MediaType, PlexId};

/// The largest answer to "who are you?", in bytes.
const IDENTITY_LIMIT: usize = 64 * 1024;
/// How long that answer may take: an address that leads nowhere must not keep anybody waiting.
const IDENTITY_TIME: Duration = Duration::from_secs(5);

/// Who answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerIdentity {
    /// The server's key in Plex, the same as in [`PlexServerListing`](super::PlexServerListing).
    pub machine_identifier: String,
    /// `1.43.0.10467-2b1ba6e69`; empty when it does not say.
    pub version: String,
}

/// A Plex server, asked as its owner.
#[derive(Clone)]
pub struct PlexServer {
    http: Http,
    url: String,
    token: SecretString,
    client_identifier: String,
}

impl PlexServer {
    /// The server at `url`, without a trailing slash. The token is one that it takes: the owner's, or its own for the account;
    /// `client_identifier` the one that Plex knows us by.
    #[must_use]
    pub const fn new(http: Http, url: String, token: SecretString, client_identifier: String) -> Self {
        Self { http, url, token, client_identifier }
    }

    /// Who answers at this address: `GET /identity`, which needs no token. None is sent, because it might be anybody.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when nobody answers within five seconds, or it is no Plex server.
    pub async fn identity(&self) -> Result<ServerIdentity, PlexError> {
        let answer = async {
            let request = Request::get(&self.url, "/identity", &[])?;
            let request = introduced(request, &self.client_identifier)?;
            let request = request.with_limits(IDENTITY_LIMIT, IDENTITY_TIME, IDENTITY_TIME);
            self.http.json::<wire::IdentityEnvelope>(&request).await
        };
        let wire::IdentityEnvelope { container } =
            answer.await.map_err(|error| PlexError::fetch("ask a Plex server who it is", error))?;
        Ok(ServerIdentity { machine_identifier: container.machine_identifier, version: container.version })
    }

    /// Whether any of its libraries has the title: `GET /library/all?guid=plex://movie/{id}`. The catalogue's id is the guid of what
    /// Plex's present agents have matched; a library of an older agent has other guids, and its titles are not found.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when it does not answer, or answers something else.
    pub async fn has(&self, media_type: MediaType, plex_id: &PlexId) -> Result<bool, PlexError> {
        let answer = async {
            let guid = format!("plex://{media_type}/{plex_id}");
            let request = Request::get(&self.url, "/library/all", &[("guid", &guid)])?;
            let request = dressed(request, &self.token, &self.client_identifier)?;
            Ok(self.http.json::<wire::Envelope>(&request).await?.has_items())
        };
        answer.await.map_err(|error| PlexError::fetch("ask the Plex server whether it has a title", error))
    }
}

impl std::fmt::Debug for PlexServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlexServer").field("url", &self.url).finish_non_exhaustive()
    }
}
