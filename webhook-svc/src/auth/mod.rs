//! Who may. Everything that is asked of the API passes [`let_in`]; how somebody comes to be signed in is in `api::session`.

mod browsers;
mod session;
#[cfg(test)]
mod tests;

pub use browsers::Browser;
pub use session::cookie_named;
pub use session::{LIMITS, Session, end_cookie, page_cookie, session, start_cookie};

pub use crate::app::auth::{Whose, csrf_token, hash, random, same};

use std::net::IpAddr;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::AuthMode;
use pulsarr_shared::store::{ApiKeyScope, StoreError};
use pulsarr_shared::telemetry;
use secrecy::ExposeSecret as _;
use warp::http::{HeaderMap, Method};

use crate::app::App;
use crate::app::auth::{Origin, Used, is_foreign};
use crate::request::{Access, ApiError, Who};

/// Where programs put their key.
pub const API_KEY: &str = "x-api-key";
/// Where scripts put the session's CSRF token; forms have a field for it.
pub const CSRF: &str = "x-csrf-token";
/// What is said of a token that is not the session's: the page was opened in another one.
pub const OTHER_SESSION: &str = "this page was opened before you signed in the last time, so nothing was changed: load it anew \
                                 (the header X-CSRF-Token, or the form's token, is not that of this session)";
/// Whoever asks where sign-in is disabled.
const SOMEBODY: &str = "somebody (sign-in is disabled)";
/// Whoever asks from home where only others have to sign in.
const SOMEBODY_LOCAL: &str = "somebody local";
/// Uses of keys and sessions are noted to the minute.
const NOTED_EVERY_MS: i64 = 60_000;

/// Whether `ask` comes from a person with a name: signed in here, or named by a trusted proxy.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_somebody(app: &App, headers: &HeaderMap, remote: Option<IpAddr>) -> Result<bool, ApiError> {
    let named = app.auth.named_by_proxy(app.auth.origin(remote, headers), headers).is_some();
    Ok(!headers.contains_key(API_KEY) && (named || session(app, headers).await?.is_some()))
}

/// Tells the log what whoever runs the service has to know: the setup token while it is needed, and that nobody has to sign in.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub async fn announce(app: &App) -> Result<(), StoreError> {
    let environment = &app.config().environment;
    if app.auth.user_header.is_some() && app.auth.proxies.is_empty() {
        tracing::warn!("PULSARR_PROXY_USER_HEADER has no effect: PULSARR_TRUSTED_PROXIES names no proxy to believe");
    }
    if environment.auth == AuthMode::Disabled {
        tracing::warn!(
            "SIGN-IN IS DISABLED: whoever reaches this port may change everything. PULSARR_AUTH=required turns it on"
        );
        return Ok(());
    }
    if app.database.read(|db| db.has_admin()).await? {
        return Ok(());
    }
    if environment.setup_token.is_some() {
        tracing::info!("no admin yet: the first visit asks for the setup token that PULSARR_SETUP_TOKEN has");
    } else {
        // For whoever may read the output; the API shows the same line without it.
        telemetry::hide_from_recent(&app.auth.setup_token);
        let token = app.auth.setup_token.expose_secret();
        tracing::info!("no admin yet: the first visit asks for this setup token: {token}");
    }
    Ok(())
}

/// Lets a request in that may ask for something of `access`, and says who asks.
///
/// # Errors
/// 401 when nobody knows who asks, 403 when they may not.
pub async fn let_in(
    app: &App,
    access: Access,
    method: &Method,
    headers: &HeaderMap,
    remote: Option<IpAddr>,
) -> Result<Who, ApiError> {
    let request = Request { app, headers, origin: app.auth.origin(remote, headers), changes: changes(method) };
    if access == Access::Open {
        // A foreign page must not sign anybody in either.
        request.refuse_foreign()?;
        return Ok(Who { name: "nobody in particular".to_owned(), may_write: false });
    }
    let who = if headers.contains_key(API_KEY) { request.program().await? } else { request.person().await? };
    if access == Access::Write && !who.may_write {
        return Err(ApiError::forbidden("this API key may only read: use one with the scope `write`"));
    }
    Ok(who)
}

fn changes(method: &Method) -> bool {
    method != Method::GET && method != Method::HEAD
}

/// A request that wants in.
struct Request<'a> {
    app: &'a App,
    headers: &'a HeaderMap,
    origin: Origin,
    changes: bool,
}

impl Request<'_> {
    fn refuse_foreign(&self) -> Result<(), ApiError> {
        if self.changes && is_foreign(self.headers, self.origin.by_proxy) {
            return Err(ApiError::forbidden("another site must not change anything here"));
        }
        Ok(())
    }

    /// Whoever has this API key. Browsers never send one by themselves, so nobody can be made to.
    async fn program(&self) -> Result<Who, ApiError> {
        let mut keys = self.headers.get_all(API_KEY).iter();
        let (Some(key), None) = (keys.next().and_then(|key| key.to_str().ok()), keys.next()) else {
            return Err(unknown_key());
        };
        let (hash, now_ms) = (hash(key.trim()), self.app.now_ms());
        let found = self.app.database.read(move |db| db.api_key(&hash)).await?;
        let key = found.ok_or_else(unknown_key)?;
        if key.used_at_ms.is_none_or(|at_ms| is_due(at_ms, now_ms)) {
            self.app.auth.uses.note(&self.app.database, Used::Key(key.id), now_ms);
        }
        Ok(Who { name: format!("api key {}", key.name), may_write: key.scope == ApiKeyScope::Write })
    }

    /// Whoever sits at a browser: signed in here, signed in with a proxy, or where nobody has to.
    async fn person(&self) -> Result<Who, ApiError> {
        if let Some(session) = session(self.app, self.headers).await? {
            self.refuse_foreign()?;
            let token = self.headers.get(CSRF).and_then(|token| token.to_str().ok()).unwrap_or_default();
            if self.changes && !same(token, &session.csrf_token()) {
                return Err(ApiError::forbidden(OTHER_SESSION));
            }
            return Ok(Who { name: session.row.username, may_write: true });
        }
        let mode = self.app.config().environment.auth;
        let name = match self.app.auth.named_by_proxy(self.origin, self.headers) {
            Some(name) => name,
            None if mode == AuthMode::Disabled && self.origin.by_own_name => SOMEBODY.to_owned(),
            None if mode == AuthMode::Disabled => {
                return Err(ApiError::unauthorized(
                    "without sign-in only a name of home or an address is answered, because the owner of any other name could \
                     point it here: name your proxy in PULSARR_TRUSTED_PROXIES, or sign in",
                ));
            }
            None if mode == AuthMode::RequiredExceptLocal && self.origin.local => SOMEBODY_LOCAL.to_owned(),
            None => return Err(ApiError::unauthorized("sign in first")),
        };
        self.refuse_foreign()?;
        Ok(Who { name, may_write: true })
    }
}

fn unknown_key() -> ApiError {
    ApiError::unauthorized("there is no such API key: it may have been revoked")
}

/// Whether a use has to be noted again.
fn is_due(noted_at_ms: UnixMs, now_ms: UnixMs) -> bool {
    noted_at_ms > now_ms || now_ms - noted_at_ms >= NOTED_EVERY_MS
}
