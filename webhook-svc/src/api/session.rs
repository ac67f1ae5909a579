//! The first admin, signing in and out, and the password.

use pulsarr_shared::store::{Db, StoreError};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::{Method, StatusCode, header};
use warp::reply::{Reply, Response};

use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::audit::{self, By};
use crate::auth::{self, Browser, Whose};
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/setup",
        tag: "session",
        summary: "Whether the first admin has still to be made.",
        access: Access::Open,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Setup>),
        handle: |ask| Box::pin(setup(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/setup",
        tag: "session",
        summary: "Makes the first admin with the setup token from the log, and signs in.",
        access: Access::Open,
        query: &[],
        body: Some(shape::<FirstAdmin>),
        answer: Answer::Json(shape::<SignedIn>),
        handle: |ask| Box::pin(make_first_admin(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/session",
        tag: "session",
        summary: "Signs in: sets the session's cookie. Everything but GET then needs `csrf_token` in the header X-CSRF-Token.",
        access: Access::Open,
        query: &[],
        body: Some(shape::<Credentials>),
        answer: Answer::Json(shape::<SignedIn>),
        handle: |ask| Box::pin(sign_in(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/session",
        tag: "session",
        summary: "Who asks.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<SignedIn>),
        handle: |ask| Box::pin(signed_in(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/session",
        tag: "session",
        summary: "Signs out.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(sign_out(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/session/password",
        tag: "session",
        summary: "Changes the password of whoever is signed in, and ends their other sessions.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<NewPassword>),
        answer: Answer::Nothing,
        handle: |ask| Box::pin(change_password(ask)),
    },
];

/// The action of every failure to sign in; the store keeps only so many of these.
const REFUSED: &str = "session.refused";

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Setup {
    /// Whether the first admin has still to be made.
    needed: bool,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct FirstAdmin {
    /// From the log of the service, or what `PULSARR_SETUP_TOKEN` says.
    token: String,
    /// 1 to 64 characters.
    username: String,
    /// 8 to 1024 bytes.
    password: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password until now.
    current: String,
    /// 8 to 1024 bytes.
    new: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignedIn {
    /// As the audit log names whoever asks.
    username: String,
    /// For the header X-CSRF-Token; null for whoever asks without a session.
    csrf_token: Option<String>,
}

async fn setup(ask: Ask) -> Result<Response, ApiError> {
    let made = ask.app.database.read(|db| db.has_admin()).await?;
    answer(&Setup { needed: !made })
}

pub async fn make_first_admin(ask: Ask) -> Result<Response, ApiError> {
    let FirstAdmin { token, username, password } = ask.json()?;
    let username = username.trim().to_owned();
    let problems = [username_problem(&username), password_problem("password", &password)];
    let problems: Vec<FieldProblem> = problems.into_iter().flatten().collect();
    if !problems.is_empty() {
        return Err(ApiError::fields(problems));
    }
    if ask.app.database.read(|db| db.has_admin()).await? {
        return Err(made_already());
    }
    let tries = Tries::take(&ask).await?;
    if !auth::same(token.trim(), ask.app.auth.setup_token.expose_secret().trim()) {
        refused(&ask, "", "wrong setup token").await?;
        return Err(ApiError::forbidden("this is not the setup token: the service's log has it"));
    }
    let password_hash = ask.app.auth.passwords.hash(password).await?;
    let (by, session) = (By::of(&ask).named(&username), NewSession::new(&tries)?);
    let browser = session.browser.clone();
    let csrf_token = session.csrf_token();
    let (name, started) = (username.clone(), session.token_hash());
    let made = ask.app.database.write(move |store| {
        store.write(|db| {
            let Some(admin) = db.make_first_admin(&name, &password_hash, by.at_ms)? else { return Ok(false) };
            db.start_session(&started, admin, by.address.as_deref(), auth::LIMITS, by.at_ms)?;
            browser.remember(db, by.at_ms)?;
            audit::record(db, &by, "admin.made", &name, &json!({}))?;
            audit::record(db, &by, "session.started", "", &json!({}))?;
            Ok(true)
        })
    });
    if !made.await? {
        return Err(made_already());
    }
    tries.forgive(&ask);
    session.answer(&ask, SignedIn { username, csrf_token: Some(csrf_token) })
}

fn made_already() -> ApiError {
    ApiError::conflict("the first admin is made already: sign in")
}

pub async fn sign_in(ask: Ask) -> Result<Response, ApiError> {
    let Credentials { username, password } = ask.json()?;
    let tries = Tries::take(&ask).await?;
    let name = username.trim().to_owned();
    let admin = ask.app.database.read(move |db| db.admin_named(&name)).await?;
    let known = admin.as_ref().map(|admin| admin.password_hash.clone());
    let good = ask.app.auth.passwords.check(password, known).await?;
    let Some(admin) = admin.as_ref().filter(|_| good) else {
        // People type their password where the name belongs: what is no name stays out of the log.
        let target = admin.map_or_else(String::new, |admin| admin.username);
        refused(&ask, &target, "wrong user name or password").await?;
        return Err(ApiError::unauthorized("the user name or the password is wrong"));
    };
    let before = auth::session(&ask.app, &ask.headers).await?.map(|session| session.token_hash);
    let (by, session) = (By::of(&ask).named(&admin.username), NewSession::new(&tries)?);
    let browser = session.browser.clone();
    let csrf_token = session.csrf_token();
    let (started, checked) = (session.token_hash(), admin.clone());
    let signed_in = ask.app.database.write(move |store| {
        store.write(|db| {
            // The password may have been changed while it was checked.
            if db.admin_named(&checked.username)?.as_ref() != Some(&checked) {
                return Ok(false);
            }
            if let Some(before) = before {
                db.end_session(&before)?;
            }
            db.start_session(&started, checked.id, by.address.as_deref(), auth::LIMITS, by.at_ms)?;
            browser.remember(db, by.at_ms)?;
            audit::record(db, &by, "session.started", "", &json!({}))?;
            Ok(true)
        })
    });
    if !signed_in.await? {
        return Err(ApiError::unauthorized("the user name or the password is wrong"));
    }
    tries.forgive(&ask);
    session.answer(&ask, SignedIn { username: admin.username.clone(), csrf_token: Some(csrf_token) })
}

async fn signed_in(ask: Ask) -> Result<Response, ApiError> {
    let by_key = ask.headers.contains_key(auth::API_KEY);
    let session = if by_key { None } else { auth::session(&ask.app, &ask.headers).await? };
    let csrf_token = session.map(|session| session.csrf_token());
    answer(&SignedIn { username: ask.who.name, csrf_token })
}

pub async fn sign_out(ask: Ask) -> Result<Response, ApiError> {
    if let Some(session) = auth::session(&ask.app, &ask.headers).await? {
        let by = By::of(&ask);
        let ended = ask.app.database.write(move |store| {
            store.write(|db| {
                db.end_session(&session.token_hash)?;
                audit::record(db, &by, "session.ended", "", &json!({}))
            })
        });
        ended.await?;
    }
    let mut response = done();
    let origin = ask.app.auth.origin(ask.remote, &ask.headers);
    response.headers_mut().insert(header::SET_COOKIE, auth::end_cookie(&ask.app, origin, &ask.headers));
    Ok(response)
}

pub async fn change_password(ask: Ask) -> Result<Response, ApiError> {
    let NewPassword { current, new } = ask.json()?;
    if let Some(problem) = password_problem("new", &new) {
        return Err(ApiError::fields(vec![problem]));
    }
    let by_key = ask.headers.contains_key(auth::API_KEY);
    let session = if by_key { None } else { auth::session(&ask.app, &ask.headers).await? };
    let Some(session) = session else {
        return Err(ApiError::conflict("only who has signed in with a password can change it"));
    };
    let tries = Tries::take(&ask).await?;
    let name = session.row.username.clone();
    let admin = ask.app.database.read(move |db| db.admin_named(&name)).await?;
    let known = admin.map(|admin| admin.password_hash);
    if !ask.app.auth.passwords.check(current, known.clone()).await? {
        refused(&ask, &session.row.username, "wrong current password").await?;
        return Err(ApiError::forbidden("the current password is wrong"));
    }
    let (checked, new) = (known.unwrap_or_default(), ask.app.auth.passwords.hash(new).await?);
    let by = By::of(&ask);
    let changed = ask.app.database.write(move |store| {
        store.write(|db| {
            let changed = db.set_password(session.row.admin, &checked, &new, by.at_ms)?;
            if changed {
                let ended = db.end_other_sessions(session.row.admin, &session.token_hash)?;
                audit::record(db, &by, "password.changed", &session.row.username, &json!({"sessions_ended": ended}))?;
            }
            Ok(changed)
        })
    });
    if !changed.await? {
        return Err(ApiError::changed("the password was changed meanwhile: sign in again"));
    }
    tries.forgive(&ask);
    Ok(done())
}

/// A session that is about to be.
struct NewSession {
    token: String,
    browser: Browser,
}

impl NewSession {
    fn new(tries: &Tries) -> Result<Self, ApiError> {
        let browser = match &tries.browser {
            Some(known) => known.clone(),
            None => Browser::new().map_err(|error| ApiError::unavailable(format!("failed to {error}")))?,
        };
        Ok(Self { token: new_secret()?, browser })
    }

    fn token_hash(&self) -> [u8; 32] {
        auth::hash(&self.token)
    }

    fn csrf_token(&self) -> String {
        auth::csrf_token(&self.token)
    }

    fn answer(&self, ask: &Ask, signed_in: SignedIn) -> Result<Response, ApiError> {
        let mut response = answer(&signed_in)?;
        let origin = ask.app.auth.origin(ask.remote, &ask.headers);
        let cookie = auth::start_cookie(&ask.app, origin, &ask.headers, &self.token);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        response.headers_mut().append(header::SET_COOKIE, self.browser.cookie(&ask.app, origin, &ask.headers));
        Ok(response)
    }
}

/// A random secret.
pub(super) fn new_secret() -> Result<String, ApiError> {
    auth::random().map_err(|error| ApiError::unavailable(format!("failed to {error}")))
}

/// `204`
pub(super) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Somebody who tries a password or the setup token.
struct Tries {
    whose: Whose,
    /// With this browser, if somebody has signed in with it before.
    browser: Option<Browser>,
}

impl Tries {
    /// Takes an attempt, before it is known what comes of it.
    async fn take(ask: &Ask) -> Result<Self, ApiError> {
        let browser = Browser::known(&ask.app, &ask.headers).await?;
        let whose = match &browser {
            Some(browser) => Whose::Browser(browser.token_hash()),
            None => Whose::Address(ask.app.auth.origin(ask.remote, &ask.headers).client),
        };
        let taken = ask.app.auth.attempts.take(whose, ask.app.now_ms());
        taken.map_err(|seconds| {
            ApiError::too_often(format!("too many attempts: try again in {seconds} seconds"), seconds)
        })?;
        Ok(Self { whose, browser })
    }

    /// The attempt was a good one.
    fn forgive(&self, ask: &Ask) {
        ask.app.auth.attempts.forgive(self.whose);
    }
}

/// Notes a failure to sign in.
async fn refused(ask: &Ask, target: &str, why: &'static str) -> Result<(), StoreError> {
    let (by, target) = (By::of(ask), target.to_owned());
    tracing::warn!(address = by.address, "somebody was not signed in: {why}");
    let note = move |db: Db<'_>| audit::record(db, &by, REFUSED, &target, &json!({"why": why}));
    ask.app.database.write(move |store| store.write(note)).await
}

fn username_problem(username: &str) -> Option<FieldProblem> {
    let good = (1..=64).contains(&username.chars().count()) && !username.chars().any(char::is_control);
    let message = "a user name has 1 to 64 characters".to_owned();
    (!good).then(|| FieldProblem { path: "username".to_owned(), message })
}

fn password_problem(path: &str, password: &str) -> Option<FieldProblem> {
    let message = if password.chars().count() < 8 {
        "a password has at least 8 characters"
    } else if password.len() > 1024 {
        "a password has at most 1024 bytes"
    } else {
        return None;
    };
    Some(FieldProblem { path: path.to_owned(), message: message.to_owned() })
}
