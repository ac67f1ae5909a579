//! Radarr and Sonarr: those that are there, and a short form for the next one.

use askama::Template;
use warp::http::StatusCode;
use warp::reply::Response;

use super::steps::{Progress, Shown, Step, frame};
use crate::api::first_sync;
use crate::api::instance_health::Health;
use crate::pages::instances::form::{self, InstanceForm};
use crate::pages::instances::new::{Sent, first, sent};
use crate::pages::instances::{Line, lines};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

const PATH: &str = "/setup/instances";

pub(super) const PAGES: &[Page] =
    &[Page::shown(PATH, |ask| Box::pin(show(ask))), Page::form(PATH, |ask| Box::pin(act(ask)))];

#[derive(Template)]
#[template(path = "setup/instances.html")]
struct Instances {
    frame: Frame,
    steps: Vec<Shown>,
    lines: Vec<Line>,
    /// The form that is open; its kind is empty when none is.
    it: InstanceForm,
    /// How they are; empty when all is well. Until then the page looks again.
    state: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, None).await
}

async fn draw(ask: &Ask, status: StatusCode, sent: Option<InstanceForm>) -> Result<Response, ApiError> {
    let lines = lines(&ask.app).await?;
    let has = |kind: &str| lines.iter().any(|line| line.it.kind == kind);
    let asked = form::kind(ask.parameter("kind").unwrap_or_default());
    let next = asked.or_else(|| ["radarr", "sonarr"].into_iter().find(|kind| !has(kind)));
    let it = match (sent, next) {
        (Some(it), _) => it,
        (None, Some(kind)) => InstanceForm { short: true, ..first(&ask.app, kind) },
        (None, None) => InstanceForm::default(),
    };
    let is_well = |line: &Line| line.webhook == "ok" && line.standing.health == Health::Ok;
    let state = match lines.iter().all(is_well) {
        true => Vec::new(),
        false => lines.iter().map(|line| format!("{} {}", line.webhook, line.standing.health.word())).collect(),
    };
    let page = Instances {
        frame: frame(ask, "Add Radarr and Sonarr").await?,
        steps: Progress::of(ask).await?.steps(Step::Instances),
        state: state.join(", "),
        lines,
        it,
    };
    html(ask, status, &page)
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    if Form::of(&ask).value("do") == "continue" {
        first_sync::read_lists(&ask).await?;
        return Ok(see_other(&ask, "/setup/users", None));
    }
    first_sync::hold(&ask.app).await?;
    match sent(&ask, true).await {
        Sent::Added(added) => {
            let notice = Notice::ok(format!("{} is added. Its webhook is made now.", added.instance.name));
            Ok(see_other(&ask, PATH, Some(notice)))
        }
        Sent::Again(status, it) => draw(&ask, status, Some(*it)).await,
    }
}
