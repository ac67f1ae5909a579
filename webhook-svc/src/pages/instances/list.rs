//! All instances, how each is, and whether it tells us what it does.

use askama::Template;
use pulsarr_shared::sync;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{Line, back, lines};
use crate::api::webhooks;
use crate::pages::trouble::encoded;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/instances", |ask| Box::pin(show(ask))),
    Page::form("/instances/{name}/fix", |ask| Box::pin(fix(ask))),
];

#[derive(Template)]
#[template(path = "instances/list.html")]
struct List {
    frame: Frame,
    lines: Vec<Line>,
    /// Nothing is added before somebody has finished the setup.
    waits: bool,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "instances", "Instances").await?;
    let waits = ask.app.database.read(sync::first_sync_waits).await?;
    html(&ask, StatusCode::OK, &List { frame, lines: lines(&ask.app).await?, waits })
}

async fn fix(ask: Ask) -> Result<Response, ApiError> {
    let (form, name) = (Form::of(&ask), ask.variable("name").to_owned());
    let place = format!("/instances/{}", encoded(&name));
    let fixed = webhooks::fixed(&ask.about("instance", &name)).await?;
    let notice = match (fixed.status, fixed.advice) {
        ("ok", said) => Notice::ok(said.unwrap_or_else(|| format!("The webhook of {name} works."))),
        (_, said) => Notice::bad(said.unwrap_or_else(|| format!("The webhook of {name} could not be mended."))),
    };
    Ok(see_other(&ask, back(&form, &place), Some(notice)))
}
