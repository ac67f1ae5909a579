//! The Plex account: linked by a code that somebody types on another screen, or by a token that is pasted.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::steps::{Progress, Shown, Step, frame};
use crate::api::first_sync;
use crate::api::plex::{self, PlexView};
use crate::api::plex_link::{self, Begun};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

const PATH: &str = "/setup/plex";

pub(super) const PAGES: &[Page] =
    &[Page::shown(PATH, |ask| Box::pin(show(ask))), Page::form(PATH, |ask| Box::pin(act(ask)))];

#[derive(Template)]
#[template(path = "setup/plex.html")]
struct Plex {
    frame: Frame,
    steps: Vec<Shown>,
    plex: PlexView,
    /// The code that waits, unless somebody rather pastes a token.
    waiting: Option<Waiting>,
    /// A code waits while the other way is shown.
    code_waits: bool,
    /// What else there is to say about the code.
    said: String,
    form: Form,
    /// The field for a token is open.
    by_token: bool,
}

/// A code on the screen.
struct Waiting {
    begun: Begun,
    qr: String,
    until: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default(), ask.parameter("by") == Some("token")).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form, by_token: bool) -> Result<Response, ApiError> {
    // Plex is asked meanwhile, so that a page which only is loaded again goes on by itself.
    let link = plex_link::stood(ask);
    let begun = link.waiting.map(Begun::of);
    let code_waits = begun.is_some();
    let page = Plex {
        frame: frame(ask, "Link your Plex account").await?,
        steps: Progress::of(ask).await?.steps(Step::Plex),
        plex: plex::standing(&ask.app).await?,
        waiting: begun.filter(|_| !by_token).map(Waiting::of),
        code_waits,
        said: link.detail.unwrap_or_default(),
        form,
        by_token,
    };
    html(ask, status, &page)
}

impl Waiting {
    fn of(begun: Begun) -> Self {
        let named = "<svg class=\"qr\" role=\"img\" aria-label=\"QR code of the address\"";
        let qr = begun.qr_svg.replacen("<svg", named, 1);
        Self { qr, until: rfc3339(begun.expires_at_ms), begun }
    }
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let by_token = form.value("do") == "paste";
    first_sync::hold(&ask.app).await?;
    let done = match form.value("do") {
        "paste" => plex_link::paste(ask.with_body(&json!({"token": form.value("token").trim()}))).await,
        "cancel" => plex_link::cancel(ask.clone()).await,
        _ => plex_link::begin(ask.clone()).await,
    };
    match done {
        Ok(_) => {
            let notice = by_token.then(|| Notice::ok("The Plex account is linked."));
            Ok(see_other(&ask, PATH, notice))
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error), by_token).await,
    }
}
