//! One page: where it is, who may see it, and what answers; and the answers there are.

use askama::Template;
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::{Reply as _, Response};

use super::Notice;
use super::frame::forget_notice;
use crate::request::{Access, ApiError, Ask, Handler, Variables, variables};

/// Only what comes from here: no script, style or picture of anybody else, and nothing that stands in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page, or what a form on one does.
pub struct Page {
    /// `GET` shows, `POST` does what a form asks for and leads to a page.
    pub method: Method,
    /// Below the base path, with `{name}` for what varies: `/watchlist/{id}`.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Answers.
    pub handle: Handler,
}

impl Page {
    /// What is at `path`, for whoever may look.
    pub const fn shown(path: &'static str, handle: Handler) -> Self {
        Self { method: Method::GET, path, access: Access::Read, handle }
    }

    /// What a form does that is sent to `path`, for whoever may change things.
    pub const fn form(path: &'static str, handle: Handler) -> Self {
        Self { method: Method::POST, path, access: Access::Write, handle }
    }

    /// What varies in `path`, when this page is meant.
    pub fn variables(&self, path: &[String]) -> Option<Variables> {
        variables(self.path, path)
    }
}

/// A page, drawn.
///
/// # Errors
/// 500 when it cannot be drawn, which only a mistake in a template can bring about.
pub fn html(ask: &Ask, status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    let text = page.render().map_err(|error| {
        tracing::error!("failed to draw a page: {error}");
        ApiError::internal("the page could not be drawn: the log says why")
    })?;
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Some(cookie) = forget_notice(ask) {
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `path` if a browser that is led there stays here, or else the first page. Whatever a request names as a place to go on at comes through
/// here, also what only becomes the address of a link or a form.
pub fn ours(path: &str) -> &str {
    if is_ours(path) { path } else { "/" }
}

/// Whether a browser that is led to `path` stays here: `//host` is another host's, `\` is a slash to browsers, and they drop control
/// characters such as tabs wherever they stand in an address (<https://url.spec.whatwg.org/#concept-basic-url-parser>). `path` is taken
/// as it will be sent: what is written with `%` in it stays so.
fn is_ours(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && !path.contains(|it: char| it == '\\' || it.is_control())
}

/// Leads to the page at `path` (below the base path), where `notice` is shown once. What is no place of ours leads to the first page.
pub fn see_other(ask: &Ask, path: &str, notice: Option<Notice>) -> Response {
    see_other_with(ask, path, notice, StatusCode::OK.into_response())
}

/// The same, with the cookies of `response`: what the API answered to whoever signs in or out.
pub fn see_other_with(ask: &Ask, path: &str, notice: Option<Notice>, response: Response) -> Response {
    let mut led = StatusCode::SEE_OTHER.into_response();
    let place = format!("{}{}", ask.app.base_path(), ours(path));
    let headers = led.headers_mut();
    // Nothing in it is a control character.
    let place = HeaderValue::try_from(place).unwrap_or_else(|_| HeaderValue::from_static("/"));
    headers.insert(header::LOCATION, place);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        headers.append(header::SET_COOKIE, cookie.clone());
    }
    if let Some(notice) = notice {
        headers.append(header::SET_COOKIE, notice.cookie(ask));
    }
    led
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_of_ours_is_gone_on_to() {
        for (next, expected) in [
            ("/watchlist?state=held", "/watchlist?state=held"),
            ("", "/"),
            ("https://elsewhere.example/", "/"),
            ("//elsewhere.example", "/"),
            ("/\\elsewhere.example", "/"),
            // Browsers drop tabs and ends of lines wherever they stand in an address.
            ("/\t/elsewhere.example", "/"),
            ("/\n/elsewhere.example", "/"),
            ("/\r/elsewhere.example", "/"),
            ("/\0/elsewhere.example", "/"),
            ("\t//elsewhere.example", "/"),
            ("/settings\t", "/"),
            // Written with `%`, it is part of a path of ours and nothing else.
            ("/%09/elsewhere.example", "/%09/elsewhere.example"),
        ] {
            assert_eq!(ours(next), expected, "{next}");
        }
    }
}
