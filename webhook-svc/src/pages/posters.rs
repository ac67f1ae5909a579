//! Posters as pages show them.

use pulsarr_shared::model::PlexId;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply as _, Response};

use super::Page;
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/posters/{plex_id}", |ask| Box::pin(show(ask)))];

/// A picture, or 404 without a word: the page has the title's initials where it would be.
async fn show(ask: Ask) -> Result<Response, ApiError> {
    let found = match PlexId::parse(ask.variable("plex_id")) {
        Some(plex_id) => crate::posters::of(&ask.app, &plex_id).await?,
        None => None,
    };
    let (mut response, media_type, keep) = match found {
        Some(poster) => (Response::new(poster.bytes.into()), poster.media_type, "private, max-age=604800"),
        None => (StatusCode::NOT_FOUND.into_response(), "text/plain", "private, max-age=600"),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    Ok(response)
}
