//! What is shown when a page cannot be: the way to sign in, or what happened and what to do.

use askama::Template;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::{Frame, Page, html, see_other};
use crate::request::{Access, ApiError, Ask};

/// Where there is nothing.
pub(super) static NOWHERE: Page = Page {
    method: Method::GET,
    path: "",
    access: Access::Open,
    handle: |_| {
        Box::pin(async { Err(ApiError::not_found("there is no such page: the address is old or was mistyped")) })
    },
};

#[derive(Template)]
#[template(path = "trouble.html")]
struct Trouble<'a> {
    frame: Frame,
    status: u16,
    message: &'a str,
}

/// The page for `error`, or the way to where it can be mended. `place` is where whoever has to sign in goes on afterwards.
pub(super) async fn answer(ask: &Ask, place: &str, error: &ApiError) -> Response {
    if error.status() == StatusCode::UNAUTHORIZED {
        let made = ask.app.database.read(|db| db.has_admin()).await;
        return match made {
            Ok(false) => see_other(ask, "/setup", None),
            _ => see_other(ask, &format!("/login?next={}", encoded(place)), None),
        };
    }
    let title = error.status().canonical_reason().unwrap_or("Something went wrong");
    let page = Trouble { frame: Frame::bare(ask, title), status: error.status().as_u16(), message: error.message() };
    let mut response = html(ask, error.status(), &page).unwrap_or_else(warp::Reply::into_response);
    if let Some(seconds) = error.retry_after_s() {
        response.headers_mut().insert(warp::http::header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The query of these names and values, fit to be gone on with: `user=ana&state=held&`. Empty values are left out.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| format!("{name}={}&", encoded(value))).collect()
}

/// `text` as the value of a query.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
