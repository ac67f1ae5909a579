//! Who may.

use std::net::IpAddr;

use warp::http::{HeaderMap, Method};

use crate::api::{Access, ApiError, Who};
use crate::app::App;

/// Lets a request in that may ask for something of `access`, and says who asks.
///
/// # Errors
/// 401 when nobody knows who asks, 403 when they may not.
pub async fn let_in(
    _app: &App,
    access: Access,
    _method: &Method,
    _headers: &HeaderMap,
    _remote: Option<IpAddr>,
) -> Result<Who, ApiError> {
    match access {
        Access::Open => Ok(Who { name: "nobody in particular".to_owned(), may_write: false }),
        Access::Read | Access::Write => Err(ApiError::unauthorized("sign in first")),
    }
}
