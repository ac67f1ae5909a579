//! What the API can be asked, as data. The same table routes requests, says who may ask, and becomes the OpenAPI document.

use serde::Serialize;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::request::{Access, ApiError, Handler, Variables, json, variables};

/// A query parameter; all of them are optional.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "what only the document tells is read by the test that makes it"))]
pub struct Parameter {
    /// `state`
    pub name: &'static str,
    /// What it does, with its values.
    pub about: &'static str,
}

/// What comes back.
#[derive(Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "what only the document tells is read by the test that makes it"))]
pub enum Answer {
    /// JSON of this shape.
    Json(Shape),
    /// `201`: what was made, as JSON of this shape.
    Created(Shape),
    /// `202`: what has begun, as JSON of this shape.
    Accepted(Shape),
    /// `204`: nothing.
    Nothing,
    /// Text of this media type.
    Text(&'static str),
    /// Server-sent events.
    Events,
}

/// One thing that the API can be asked.
#[cfg_attr(not(test), expect(dead_code, reason = "what only the document tells is read by the test that makes it"))]
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
    pub body: Option<Shape>,
    /// What comes back.
    pub answer: Answer,
    /// Does it.
    pub handle: Handler,
}

/// How a shape is told to the document. That is written by a test, so that the program has the document and nothing of what makes it.
#[cfg(test)]
pub type Shape = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

/// The shape of `T`, for [`Endpoint::body`] and [`Answer::Json`].
#[cfg(test)]
pub fn shape<T: schemars::JsonSchema>(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<T>()
}

/// What the program has of a shape: nothing.
#[cfg(not(test))]
pub type Shape = fn();

/// See [`Shape`].
#[cfg(not(test))]
pub const fn shape<T>() {}

/// `200` with `value`.
pub fn answer(value: &impl Serialize) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, value))
}

impl Endpoint {
    /// What varies in `path` (below `/api/v1`), when this endpoint is meant.
    pub fn variables(&self, path: &[String]) -> Option<Variables> {
        variables(self.path, path)
    }
}
