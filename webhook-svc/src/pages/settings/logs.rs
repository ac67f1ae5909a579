//! How much is logged, how it looks, and the files that it goes to besides.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::telemetry;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::fields::{self, Field, SWITCH};
use super::group::{self, Group};
use super::variables::{self, Variable};
use crate::api::logs::{self, LogLevel};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown(HERE, |ask| Box::pin(show(ask))),
    Page::form(HERE, |ask| Box::pin(save(ask))),
    Page::form(FILES, |ask| Box::pin(save_files(ask))),
];

const HERE: &str = "/settings/logs";

/// Where the form of the files goes.
const FILES: &str = "/settings/logs/files";

const SECTION: &str = "logs";

const FIELDS: [Field; 3] = [
    Field::chosen("file", "Write lines to files as well", "off", SWITCH),
    Field::typed("size_limit_mb", "Megabytes after which the next file begins", "1 to 100.", "10"),
    Field::typed("rotate", "Older files that are kept of each program", "1 to 50.", "3"),
];

const VARIABLES: [(&str, &str); 3] = [
    ("PULSARR_LOG", "What is logged after a restart, and by the job."),
    ("PULSARR_LOG_FORMAT", "How lines look: auto, json or text."),
    ("PULSARR_TERMINATION_LOG", "Where a run leaves one line about its end."),
];

#[derive(Template)]
#[template(path = "settings/logs.html")]
struct Logs {
    frame: Frame,
    /// How much is logged.
    level: Form,
    /// The files.
    form: Form,
    now: LogLevel,
    variables: Vec<Variable>,
    here: String,
    group: Group,
    fields: &'static [Field],
    versions: Option<Versions>,
    file: Option<FileShown>,
}

/// The file of this service, for people.
struct FileShown {
    path: String,
    /// Why lines do not reach it, since when, and how many did not.
    trouble: Option<(String, String, u64)>,
}

impl FileShown {
    fn now() -> Option<Self> {
        let state = telemetry::file()?;
        let trouble = state.trouble.map(|(why, since_ms, lost)| (why, rfc3339(since_ms), lost));
        Some(Self { path: state.path.display().to_string(), trouble })
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, level(&ask), None, None).await
}

/// The form of the level as it is shown first.
fn level(ask: &Ask) -> Form {
    Form::with([("filter".to_owned(), logs::in_force(ask).filter)])
}

/// The page with the form of the level as `form`, and with that of the files as `files`; `None`: as they are kept.
async fn draw(
    ask: &Ask,
    status: StatusCode,
    level: Form,
    form: Option<Form>,
    versions: Option<Versions>,
) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let here = format!("{}{HERE}", frame.base_path);
    let variables = variables::of(ask, &VARIABLES);
    let group = Group::of(ask, SECTION).await?;
    let form = form.unwrap_or_else(|| fields::shown(&group, &FIELDS));
    let (now, file) = (logs::in_force(ask), FileShown::now());
    html(ask, status, &Logs { frame, level, form, now, variables, here, group, fields: &FIELDS, versions, file })
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let filter = form.value("filter").trim().to_owned();
    match logs::set_level(ask.with_body(&json!({"filter": filter}))).await {
        Ok(_) => Ok(see_other(&ask, HERE, Some(Notice::ok(format!("Logged from now on: {filter}."))))),
        Err(error) => draw(&ask, error.status(), form.refused(&error), None, None).await,
    }
}

async fn save_files(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let wanted = fields::wanted(&Group::of(&ask, SECTION).await?, &form, &FIELDS);
    match group::keep(&ask, SECTION, &form, wanted.clone()).await {
        Ok(()) => Ok(see_other(
            &ask,
            HERE,
            Some(Notice::ok("Saved: it holds from the next line on, and for the job from its next run on.")),
        )),
        Err(error) => {
            let versions = group::versions(&ask, SECTION, &error, &wanted.into(), group::lines).await?;
            draw(&ask, error.status(), level(&ask), Some(form.refused(&error)), versions).await
        }
    }
}
