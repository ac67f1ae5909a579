//! TMDB: what neither Plex nor an arr tells, above all where a title can be streamed.
//!
//! Owns version 3 of TMDB's API as far as single titles go. Refuses keys of the old kind: they only work as part of the address,
//! where secrets do not belong.

mod error;
mod facts;
mod language;

pub use error::TmdbError;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::limiter::Pace;
use super::request::Request;
use super::{FetchError, Http};
use crate::model::{ExternalIds, Facts, ImdbId, MediaType, TmdbId, TvdbId};

/// The country whose streaming services count when the settings name none.
const DEFAULT_REGION: &str = "US";

/// TMDB, asked with one token.
#[derive(Clone)]
pub struct Tmdb {
    http: Http,
    url: String,
    token: SecretString,
    region: String,
}

/// Whether this is a key of the old kind (v3): 32 hex characters. The token of the new kind is long and has dots in it.
#[must_use]
pub fn is_old_key(key: &SecretString) -> bool {
    let key = key.expose_secret().trim();
    key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Tmdb {
    /// TMDB at `url`, without a trailing slash. `region` is a country by ISO 3166-1, such as `US`.
    #[must_use]
    pub fn new(http: Http, url: String, token: SecretString, region: &str) -> Self {
        let region = if region.is_empty() { DEFAULT_REGION.to_owned() } else { region.to_ascii_uppercase() };
        Self { http, url, token, region }
    }

    /// What TMDB knows about the title with one of these ids, in one request, or two where its own id has to be found first. Told
    /// nothing, when it knows none of them.
    ///
    /// # Errors
    /// [`TmdbError::OldKey`] without asking; otherwise what became of the request.
    pub async fn facts(&self, media_type: MediaType, ids: &ExternalIds) -> Result<Facts, TmdbError> {
        if is_old_key(&self.token) {
            return Err(TmdbError::OldKey);
        }
        match self.details(media_type, ids).await {
            Ok(details) => Ok(details.map(|details| facts::facts(&details, &self.region)).unwrap_or_default()),
            Err(FetchError::NotFound) => Ok(Facts::default()),
            Err(error) => Err(TmdbError::Fetch(error)),
        }
    }

    /// `GET /3/movie/{id}` or `/3/tv/{id}`, streaming services and keywords included.
    async fn details(&self, media_type: MediaType, ids: &ExternalIds) -> Result<Option<Value>, FetchError> {
        let Some(TmdbId(id)) = self.own_id(media_type, ids).await? else { return Ok(None) };
        let path = format!("/3/{}/{id}", noun(media_type));
        let details: Value = self.ask(&path, &[("append_to_response", "watch/providers,keywords")]).await?;
        if details.is_object() { Ok(Some(details)) } else { Err(FetchError::malformed("details that are no object")) }
    }

    /// TMDB's own id: given, or found by another one.
    async fn own_id(&self, media_type: MediaType, ids: &ExternalIds) -> Result<Option<TmdbId>, FetchError> {
        if ids.tmdb.is_some() {
            return Ok(ids.tmdb);
        }
        let tvdb = ids.tvdb.filter(|_| media_type == MediaType::Show).map(|TvdbId(id)| (id.to_string(), "tvdb_id"));
        let imdb = ids.imdb.clone().map(|ImdbId(id)| (id, "imdb_id"));
        for (id, source) in tvdb.into_iter().chain(imdb) {
            let found: Value = self.ask(&format!("/3/find/{id}"), &[("external_source", source)]).await?;
            let results = found.get(format!("{}_results", noun(media_type))).and_then(Value::as_array);
            let own = results.into_iter().flatten().find_map(|result| u32::try_from(result.get("id")?.as_u64()?).ok());
            if let Some(own) = own.filter(|own| *own > 0) {
                return Ok(Some(TmdbId(own)));
            }
        }
        Ok(None)
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, FetchError> {
        let request = Request::get(&self.url, path, query)?.with_bearer(&self.token)?.with_pace(Pace::Item);
        self.http.json(&request).await
    }
}

/// TMDB's word for the type, in paths and in answers.
const fn noun(media_type: MediaType) -> &'static str {
    match media_type {
        MediaType::Movie => "movie",
        MediaType::Show => "tv",
    }
}

impl std::fmt::Debug for Tmdb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tmdb").field("url", &self.url).field("region", &self.region).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
