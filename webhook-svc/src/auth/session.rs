//! The cookie, and the session behind it. The store knows the token's hash only.

use std::net::IpAddr;

use pulsarr_shared::store::{SESSION_LIMITS, SessionLimits, SessionRow};
use warp::http::{HeaderMap, HeaderValue, header};

use super::is_due;
use crate::app::App;
use crate::app::auth::{Origin, Used, csrf_token, hash};
use crate::request::ApiError;

/// The cookie's name.
const COOKIE: &str = "pulsarr_session";

/// How long a session lives.
pub const LIMITS: SessionLimits = SESSION_LIMITS;

/// A session that is alive.
pub struct Session {
    /// The hash of its token.
    pub token_hash: [u8; 32],
    /// Whose it is.
    pub row: SessionRow,
    token: String,
}

impl Session {
    /// What `X-CSRF-Token` has to be.
    pub fn csrf_token(&self) -> String {
        csrf_token(&self.token)
    }
}

/// The session whose cookie came along, if it is alive.
///
/// # Errors
/// When the store cannot be read.
pub async fn session(app: &App, headers: &HeaderMap) -> Result<Option<Session>, ApiError> {
    let Some(token) = cookie_named(COOKIE, headers) else { return Ok(None) };
    let (token_hash, now_ms) = (hash(&token), app.now_ms());
    let found = app.database.read(move |db| db.session(&token_hash, LIMITS, now_ms)).await?;
    if found.as_ref().is_some_and(|row| is_due(row.seen_at_ms, now_ms)) {
        app.auth.uses.note(&app.database, Used::Session(token_hash), now_ms);
    }
    Ok(found.map(|row| Session { token_hash, row, token }))
}

/// What the cookie of this name says.
pub fn cookie_named(wanted: &str, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, token)| token.to_owned())
}

/// `Set-Cookie` for a new session.
pub fn start_cookie(app: &App, origin: Origin, headers: &HeaderMap, token: &str) -> HeaderValue {
    cookie(app, origin, headers, (COOKIE, token), LIMITS.whole.as_secs())
}

/// `Set-Cookie` that makes the browser forget it.
pub fn end_cookie(app: &App, origin: Origin, headers: &HeaderMap) -> HeaderValue {
    cookie(app, origin, headers, (COOKIE, ""), 0)
}

/// `Set-Cookie` for what a page has to remember for so many seconds.
pub fn page_cookie(
    app: &App,
    remote: Option<IpAddr>,
    headers: &HeaderMap,
    pair: (&str, &str),
    seconds: u64,
) -> HeaderValue {
    cookie(app, app.auth.origin(remote, headers), headers, pair, seconds)
}

/// `Set-Cookie` for `name=value`, which no script and no other site may use, for so many seconds.
pub(super) fn cookie(
    app: &App,
    origin: Origin,
    headers: &HeaderMap,
    (name, value): (&str, &str),
    seconds: u64,
) -> HeaderValue {
    let path = if app.base_path().is_empty() { "/" } else { app.base_path() };
    let secure = app.config().environment.cookie_secure.unwrap_or_else(|| is_https(origin, headers));
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    // Cannot fail: tokens and base paths are plain ASCII.
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether the client came by HTTPS, as a trusted proxy says. We ourselves speak HTTP only.
fn is_https(origin: Origin, headers: &HeaderMap) -> bool {
    let said = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = said.split(',').next().unwrap_or_default().trim();
    origin.by_proxy && first.eq_ignore_ascii_case("https")
}
