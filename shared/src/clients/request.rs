//! One request before it is sent: where to, with what, how large and how late the answer may be.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};

use super::FetchError;
use super::limiter::Pace;

/// The largest answer that is read unless a request says otherwise: 8 MiB.
const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;
/// How long an answer may take, from the first byte sent to the last received.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// In front of a token in `Authorization`.
const BEARER: &str = "Bearer ";

/// A request that can be sent any number of times.
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    /// The largest answer, in bytes.
    pub(super) limit: usize,
    /// The longest time without a byte.
    pub(super) idle: Duration,
    /// The longest time for everything.
    pub(super) total: Duration,
    pub(super) pace: Pace,
    /// It changes the upstream, so it is never sent twice without looking.
    pub(super) write: bool,
    /// The answer may be markup, or a redirect that the caller wants to see.
    pub(super) document: bool,
}

impl Request {
    /// `GET {base}{path}?{query}`. `base` may have a path of its own; `path` starts with a slash.
    ///
    /// # Errors
    /// `base` is no URL. It is not quoted, for it may hold a password.
    pub(super) fn get(base: &str, path: &str, query: &[(&str, &str)]) -> Result<Self, FetchError> {
        let invalid = |_| FetchError::unreachable("its configured address is no valid URL");
        let mut url = Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(invalid)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Self {
            url,
            method: Method::GET,
            headers,
            body: None,
            limit: DEFAULT_LIMIT,
            idle: DEFAULT_TIMEOUT,
            total: DEFAULT_TIMEOUT,
            pace: Pace::None,
            write: false,
            document: false,
        })
    }

    /// `POST {base}{path}` with a JSON body, as a question: it may be repeated. See [`Self::into_write`].
    pub(super) fn post(base: &str, path: &str, body: &serde_json::Value) -> Result<Self, FetchError> {
        Ok(Self::get(base, path, &[])?.with_method(Method::POST, Some(body)))
    }

    /// The same with another method, and with a JSON body where there is one.
    pub(super) fn with_method(mut self, method: Method, body: Option<&serde_json::Value>) -> Self {
        self.method = method;
        if let Some(body) = body {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            self.body = Some(body.to_string().into_bytes());
        }
        self
    }

    /// `POST {base}{path}` with nothing in it, as a question.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(super) fn post_empty(base: &str, path: &str) -> Result<Self, FetchError> {
        Ok(Self { method: Method::POST, ..Self::get(base, path, &[])? })
    }

    /// Says that the answer may be of any form, and that a redirect is an answer. See [`Http::document`](super::Http::document).
    pub(super) fn into_document(mut self) -> Self {
        self.document = true;
        self
    }

    /// Says that this request changes the upstream: it is sent once, and gets time to finish when the run stops.
    pub(super) fn into_write(mut self) -> Self {
        self.write = true;
        self
    }

    pub(super) fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Accepts answers of up to `limit` bytes that arrive within `total`, with pauses of up to `idle` in between.
    pub(super) fn with_limits(mut self, limit: usize, idle: Duration, total: Duration) -> Self {
        (self.limit, self.idle, self.total) = (limit, idle, total);
        self
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Result<Self, FetchError> {
        let unfit = |_| FetchError::unreachable(format!("the value of the header {name} cannot be sent"));
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).map_err(unfit)?);
        Ok(self)
    }

    /// A header that is left out of every `Debug` output and blanked out of everything the upstream says.
    ///
    /// # Errors
    /// `Unauthorized` when the secret cannot be put into a header: no upstream has issued such a one.
    pub(super) fn with_secret(mut self, name: &'static str, secret: &SecretString) -> Result<Self, FetchError> {
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| FetchError::Unauthorized)?;
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// The same for `Authorization`, with `token` as a bearer's.
    ///
    /// # Errors
    /// As [`Self::with_secret`].
    pub(super) fn with_bearer(self, token: &SecretString) -> Result<Self, FetchError> {
        self.with_secret("authorization", &SecretString::from(format!("{BEARER}{}", token.expose_secret())))
    }

    /// What must not appear in any text: the sensitive headers' values and a password in the address.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let sensitive = self.headers.values().filter(|value| value.is_sensitive());
        let texts = sensitive.filter_map(|value| value.to_str().ok());
        texts.map(|text| text.strip_prefix(BEARER).unwrap_or(text)).chain(self.url.password()).collect()
    }

    pub(super) fn to_reqwest(&self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = self.body.clone().map(Into::into);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_stays_and_the_query_is_encoded() {
        let request =
            Request::get("http://arr:8989/sonarr/", "/api/v3/series/lookup", &[("term", "imdb:tt1 &x")]).unwrap();
        assert_eq!(request.url.as_str(), "http://arr:8989/sonarr/api/v3/series/lookup?term=imdb%3Att1+%26x");
    }

    #[test]
    fn a_bad_address_is_not_quoted() {
        let error = Request::get("no url user:hunter22@", "/x", &[]).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter22"));
    }

    #[test]
    fn a_secret_is_kept_out_of_debug_and_known_to_the_cleaner() {
        let secret = SecretString::from("tok-secret-1");
        let request =
            Request::get("http://u:pass-word@h", "/", &[]).unwrap().with_secret("x-plex-token", &secret).unwrap();
        assert!(!format!("{:?}", request.headers).contains("tok-secret-1"));
        assert_eq!(request.secrets(), ["tok-secret-1", "pass-word"]);
        let broken = Request::get("http://h", "/", &[]).unwrap().with_secret("x-api-key", &SecretString::from("a\nb"));
        assert_eq!(broken.err(), Some(FetchError::Unauthorized));
    }
}
