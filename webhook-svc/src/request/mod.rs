//! What every request has, whoever answers it: its id, whoever asks and what for, and the refusal that it may end with.

mod ask;
mod error;
pub mod id;
mod text;

pub use ask::{Access, Ask, Handler, Variables, Who, variables};
pub use error::{ApiError, FieldProblem};
#[cfg(test)]
pub use text::decoded;
pub use text::{pairs, path_parts};

use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

/// `value` as a JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(body.into());
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
