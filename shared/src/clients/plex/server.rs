//! The household's own Plex server: whether it has a title already.

use secrecy::SecretString;

use super::{PlexError, dressed, wire};
use crate::clients::Http;
use crate::clients::request::Request;
use crate::model::{MediaType, PlexId};

/// A Plex server, asked as its owner.
#[derive(Clone)]
pub struct PlexServer {
    http: Http,
    url: String,
    token: SecretString,
    client_identifier: String,
}

impl PlexServer {
    /// The server at `url`, without a trailing slash. The token is the owner's; `client_identifier` the one that Plex knows us by.
    #[must_use]
    pub const fn new(http: Http, url: String, token: SecretString, client_identifier: String) -> Self {
        Self { http, url, token, client_identifier }
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
