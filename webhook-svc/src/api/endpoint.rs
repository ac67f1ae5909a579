//! What the API can be asked, as data. The same table routes requests, says who may ask, and becomes the OpenAPI document.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::request::{Access, ApiError, Handler, Variables, json, variables};

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

/// The shape of `T`, for [`Endpoint::body`] and [`Answer::Json`].
pub fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

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
