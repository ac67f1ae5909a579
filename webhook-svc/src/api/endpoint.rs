//! What the API can be asked, as data. The same table routes requests, says who may ask, and becomes the OpenAPI document.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;

use super::ApiError;
use crate::app::App;

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

/// A query parameter; all of them are optional.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// `state`
    pub name: &'static str,
    /// What it does, with its values.
    pub about: &'static str,
}

/// What comes back.
#[derive(Clone, Copy)]
pub enum Answer {
    /// JSON of this shape.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// `201`: what was made, as JSON of this shape.
    Created(fn(&mut SchemaGenerator) -> Schema),
    /// `202`: what has begun, as JSON of this shape.
    Accepted(fn(&mut SchemaGenerator) -> Schema),
    /// `204`: nothing.
    Nothing,
    /// Text of this media type.
    Text(&'static str),
    /// Server-sent events.
    Events,
}

/// Does what an endpoint is for.
pub type Handler = fn(Ask) -> Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// One thing that the API can be asked.
pub struct Endpoint {
    /// `GET`
    pub method: Method,
    /// Below `/api/v1`, with `{name}` for what varies: `/rules/{name}`.
    pub path: &'static str,
    /// The section it belongs to: `rules`.
    pub tag: &'static str,
    /// What it does, as a sentence.
    pub summary: &'static str,
    /// Who may ask.
    pub access: Access,
    /// What may stand in the query.
    pub query: &'static [Parameter],
    /// What the body has to be.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// What comes back.
    pub answer: Answer,
    /// Does it.
    pub handle: Handler,
}

/// What varies in a path: names and values, decoded.
pub type Variables = Vec<(&'static str, String)>;

/// The shape of `T`, for [`Endpoint::body`] and [`Answer::Json`].
pub fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Endpoint {
    /// What varies in `path` (below `/api/v1`), when this endpoint is meant.
    pub fn variables(&self, path: &[String]) -> Option<Variables> {
        let mut given = path.iter();
        let mut variables = Vec::new();
        for part in self.path.split('/').skip(1) {
            let value = given.next()?;
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) if !value.is_empty() => variables.push((name, value.clone())),
                _ if part == value => {}
                _ => return None,
            }
        }
        given.next().is_none().then_some(variables)
    }
}

/// A request that has been let in.
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
}
