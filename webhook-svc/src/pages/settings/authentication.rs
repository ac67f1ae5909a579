//! Who must sign in, one's own password, and where else one is signed in.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::variables::{self, Variable};
use crate::api::session;
use crate::api::sessions::{self, SessionView};
use crate::pages::{Form, Frame, Notice, Page, html, see_other, see_other_with};
use crate::request::{ApiError, Ask, FieldProblem};

pub(super) const PAGES: &[Page] = &[
    Page::shown(HERE, |ask| Box::pin(show(ask))),
    Page::form("/settings/authentication/password", |ask| Box::pin(change_password(ask))),
    Page::form("/settings/authentication/sign-out", |ask| Box::pin(sign_out(ask))),
];

const HERE: &str = "/settings/authentication";

const VARIABLES: [(&str, &str); 5] = [
    ("PULSARR_AUTH", "Who must sign in: required, required_except_local or disabled."),
    ("PULSARR_TRUSTED_PROXIES", "Proxies whose word about the client's address counts."),
    ("PULSARR_PROXY_USER_HEADER", "The header in which those proxies name who has signed in with them."),
    ("PULSARR_COOKIE_SECURE", "Whether session cookies are for HTTPS only; not set: as each request came."),
    ("PULSARR_SETUP_TOKEN", "Presets the token that the first visit asks for."),
];

#[derive(Template)]
#[template(path = "settings/authentication.html")]
struct Authentication {
    frame: Frame,
    form: Form,
    /// `required`
    mode: &'static str,
    /// When each began and when it was used last.
    sessions: Vec<(String, String, SessionView)>,
    variables: Vec<Variable>,
    here: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let sessions = sessions::all(ask).await?.sessions.into_iter();
    let sessions = sessions.map(|it| (rfc3339(it.started_at_ms), rfc3339(it.seen_at_ms), it)).collect();
    let (mode, here) = (ask.app.config().environment.auth.word(), format!("{}{HERE}", frame.base_path));
    html(ask, status, &Authentication { frame, form, mode, sessions, variables: variables::of(ask, &VARIABLES), here })
}

async fn change_password(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let changed = if form.value("new") == form.value("again") {
        let body = json!({"current": form.value("current"), "new": form.value("new")});
        session::change_password(ask.with_body(&body)).await
    } else {
        let message = "is not the same: type the new password once more".to_owned();
        Err(ApiError::fields(vec![FieldProblem { path: "again".to_owned(), message }]))
    };
    match changed {
        Ok(_) => {
            let said =
                "The password is changed, and everything else that was signed in with the old one is signed out.";
            Ok(see_other(&ask, HERE, Some(Notice::ok(said))))
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

async fn sign_out(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    if let Some(id) = form.value("do").strip_prefix("one ") {
        let ended = sessions::end(&ask.about("id", id)).await;
        return match ended {
            Ok(()) => Ok(see_other(&ask, HERE, Some(Notice::ok("Signed out at that place.")))),
            Err(error) => draw(&ask, error.status(), Form::default().refused(&error)).await,
        };
    }
    let everywhere = form.value("do") == "everywhere";
    match sessions::end_others(&ask).await {
        Ok(_) if everywhere => {
            let signed_out = session::sign_out(ask.clone()).await?;
            Ok(see_other_with(&ask, "/login", Some(Notice::ok("You are signed out everywhere.")), signed_out))
        }
        Ok(done) => {
            let said = match done.ended {
                0 => "You were signed in nowhere else.".to_owned(),
                1 => "Signed out at one other place.".to_owned(),
                more => format!("Signed out at {more} other places."),
            };
            Ok(see_other(&ask, HERE, Some(Notice::ok(said))))
        }
        Err(error) => draw(&ask, error.status(), Form::default().refused(&error)).await,
    }
}
