//! How much is logged, and how it looks.

use askama::Template;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::variables::{self, Variable};
use crate::api::logs::{self, LogLevel};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown(HERE, |ask| Box::pin(show(ask))), Page::form(HERE, |ask| Box::pin(save(ask)))];

const HERE: &str = "/settings/logs";

const VARIABLES: [(&str, &str); 3] = [
    ("PULSARR_LOG", "What is logged after a restart, and by the job."),
    ("PULSARR_LOG_FORMAT", "How lines look: auto, json or text."),
    ("PULSARR_TERMINATION_LOG", "Where a run leaves one line about its end."),
];

#[derive(Template)]
#[template(path = "settings/logs.html")]
struct Logs {
    frame: Frame,
    form: Form,
    now: LogLevel,
    variables: Vec<Variable>,
    here: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::with([("filter".to_owned(), logs::in_force(&ask).filter)])).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let here = format!("{}{HERE}", frame.base_path);
    let variables = variables::of(ask, &VARIABLES);
    html(ask, status, &Logs { frame, form, now: logs::in_force(ask), variables, here })
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let filter = form.value("filter").trim().to_owned();
    match logs::set_level(ask.with_body(&json!({"filter": filter}))).await {
        Ok(_) => Ok(see_other(&ask, HERE, Some(Notice::ok(format!("Logged from now on: {filter}."))))),
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}
