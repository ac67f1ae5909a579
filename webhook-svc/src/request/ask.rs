//! A request as whatever answers it sees it: who asks, from where, what varies in its path, its query and its body.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use warp::http::{HeaderMap, HeaderValue, header};
use warp::reply::Response;

use super::ApiError;
use crate::app::App;
use crate::audit::By;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever is signed in, or has an API key.
    Read,
    /// Whoever is signed in, or has an API key that may write.
    Write,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// As the audit names them: a user name, `api key backup`, `nobody in particular`.
    pub name: String,
    /// Whether they may change things.
    pub may_write: bool,
}

/// Answers a request that has been let in.
pub type Handler = fn(Ask) -> Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// What varies in a path: names and values, decoded.
pub type Variables = Vec<(&'static str, String)>;

/// What varies in `path`, when `pattern` (`/rules/{name}`) is meant. The parts of a path are decoded.
pub fn variables(pattern: &'static str, path: &[String]) -> Option<Variables> {
    let mut given = path.iter();
    let mut variables = Vec::new();
    for part in pattern.split('/').skip(1) {
        let value = given.next()?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !value.is_empty() => variables.push((name, value.clone())),
            _ if part == value => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(variables)
}

/// A request that has been let in.
#[derive(Clone)]
pub struct Ask {
    /// Everything there is.
    pub app: Arc<App>,
    /// Who asks; nobody in particular where everybody may.
    pub who: Who,
    /// Where the connection comes from: the socket's own address.
    pub remote: Option<IpAddr>,
    /// As they came.
    pub headers: HeaderMap,
    /// What varies in the path.
    pub variables: Variables,
    /// The query, decoded, in its order.
    pub query: Vec<(String, String)>,
    /// The body; empty where none was sent.
    pub body: Bytes,
}

impl Ask {
    /// What stands in the path for `{name}`.
    pub fn variable(&self, name: &str) -> &str {
        self.variables.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The number that stands in the path for `{name}`.
    ///
    /// # Errors
    /// 404: nothing has a number that is none.
    pub fn number(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.variable(name);
        text.parse().map_err(|_| ApiError::not_found(format!("there is nothing with the number `{text}`")))
    }

    /// The query parameter, unless it is absent or empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The query parameter as a whole number from `least` to `most`; `usual` when it is absent.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn count(&self, name: &str, usual: u32, least: u32, most: u32) -> Result<u32, ApiError> {
        let Some(text) = self.parameter(name) else { return Ok(usual) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| ApiError::input(format!("`{name}` is a number from {least} to {most}")))
    }

    /// The body, a JSON object, as a `T`; `{}` where none was sent.
    ///
    /// # Errors
    /// 400 with what serde says about it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        // Where every key may be left out, a list would do as well.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::input("the body has to be a JSON object"));
        }
        serde_json::from_slice(body)
            .map_err(|error| ApiError::input(format!("the body is not what is expected: {error}")))
    }

    /// The same with `body`, as pages ask what the API answers.
    pub fn with_body(&self, body: &Value) -> Self {
        Self { body: body.to_string().into(), ..self.clone() }
    }

    /// The same with a query of these pairs; empty values are left out.
    pub fn with_query(&self, query: &[(&str, &str)]) -> Self {
        let query = query.iter().filter(|(_, value)| !value.is_empty());
        let query = query.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { query, ..self.clone() }
    }

    /// The same about what has this `value` for `{name}`.
    pub fn about(&self, name: &'static str, value: &str) -> Self {
        Self { variables: vec![(name, value.to_owned())], ..self.clone() }
    }

    /// The same for whoever looked at `version`; anything else is no version, and matches whatever is there.
    pub fn if_match(mut self, version: &str) -> Self {
        self.headers.remove(header::IF_MATCH);
        if let Ok(version) = version.parse::<i64>()
            && let Ok(tag) = HeaderValue::try_from(format!("\"{version}\""))
        {
            self.headers.insert(header::IF_MATCH, tag);
        }
        self
    }
}

impl By {
    /// Whoever asks, now.
    pub fn of(ask: &Ask) -> Self {
        let client = ask.app.auth.origin(ask.remote, &ask.headers).client;
        let address = client.map(|address| address.to_string());
        Self { who: ask.who.name.clone(), address, at_ms: ask.app.now_ms() }
    }
}
