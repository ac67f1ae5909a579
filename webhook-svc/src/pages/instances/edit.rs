//! One instance: its settings, its webhook, and what waits for it.

use std::sync::Arc;

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::model::{OutageReason, PlacementState};
use serde_json::{Map, Value};
use warp::http::StatusCode;
use warp::reply::Response;

use super::form::{self, InstanceForm};
use super::{Line, ROWS};
use crate::api::instance_health::{self, InstanceStanding, Waiting};
use crate::api::instance_history::{self, OutageView};
use crate::api::instance_trial::{self, Choices, Trial};
use crate::api::instances;
use crate::app::App;
use crate::pages::trouble::encoded;
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/instances/{name}", |ask| Box::pin(show(ask))),
    Page::form("/instances/{name}", |ask| Box::pin(act(ask))),
    Page::form("/instances/{name}/remove", |ask| Box::pin(remove(ask))),
];

/// How many times that it was not well are shown.
const OUTAGES: u32 = 20;

#[derive(Template)]
#[template(path = "instances/edit.html")]
struct Edit {
    frame: Frame,
    line: Line,
    it: InstanceForm,
    /// What the form was filled from.
    version: i64,
    queue: Vec<Queued>,
    /// There is more in the queue.
    more: bool,
    versions: Option<Versions>,
    outages: Vec<Outage>,
    here: String,
    offers: Offers,
}

/// What there is to say about what it offers.
#[derive(Default)]
struct Offers {
    /// It is being asked. Until it answers, what it told last can be chosen, or there are fields to type into.
    asking: bool,
    /// When it told what can be chosen, where that is not just now.
    as_of: String,
    /// Why it did not tell the last time, with what to do; empty: it did, or is being asked.
    failure: String,
}

/// A time that it was not well.
struct Outage {
    it: OutageView,
    began: String,
    /// Empty: it goes on.
    ended: String,
    why: String,
}

impl From<OutageView> for Outage {
    fn from(it: OutageView) -> Self {
        let why = match OutageReason::from_word(&it.reason) {
            Some(OutageReason::Unreachable) => "did not answer",
            Some(OutageReason::Refused) => "refused its key",
            Some(OutageReason::Unfit) => "did not fit",
            Some(OutageReason::Webhook) => "its webhook",
            None => it.reason.as_str(),
        };
        let ended = it.ended_at_ms.map_or_else(String::new, rfc3339);
        Self { began: rfc3339(it.began_at_ms), ended, why: why.to_owned(), it }
    }
}

impl Outage {
    /// Who met it, as people say it: `3 runs, 1 look, 2 webhooks refused`.
    fn met_by(&self) -> String {
        let OutageView { runs, looks, refused_webhooks, .. } = self.it;
        let met = [(runs, "run", ""), (looks, "look", ""), (refused_webhooks, "webhook", " refused")];
        let met = met.into_iter().filter(|(count, ..)| *count > 0);
        let met = met.map(|(count, what, how)| format!("{count} {what}{}{how}", if count == 1 { "" } else { "s" }));
        met.collect::<Vec<_>>().join(", ")
    }
}

/// A title that waits.
struct Queued {
    it: Waiting,
    poster: String,
    since: String,
    again: String,
    refused: bool,
}

/// What is shown of an instance besides what is stored.
#[derive(Default)]
struct Shown {
    status: StatusCode,
    /// What was typed; none: what is stored.
    form: Option<Form>,
    error: Option<ApiError>,
    trial: Option<Trial>,
    choices: Option<Arc<Choices>>,
    versions: Option<Versions>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let name = ask.variable("name").to_owned();
    draw(&ask, &name, Shown::default()).await
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let (app, form, name) = (&ask.app, Form::of(&ask), ask.variable("name").to_owned());
    let detail = instances::detail(&app.config(), &name)?;
    let test = form.value("do") == "test";
    let body = if detail.instance.read_only { Ok(Map::new()) } else { form::body(app, &form, false) };
    let mut body = match body {
        Ok(body) => body,
        Err(error) => return refused(&ask, &name, form, error).await,
    };
    body.insert("name".to_owned(), name.as_str().into());
    let body = Value::Object(body);
    if test {
        return match instance_trial::tried(&ask.with_body(&body)).await {
            Ok((trial, choices)) => {
                let form = Some(form).filter(|_| !detail.instance.read_only);
                let choices = choices.map(Arc::new);
                draw(&ask, &name, Shown { form, trial: Some(trial), choices, ..Shown::default() }).await
            }
            Err(error) => refused(&ask, &name, form, error).await,
        };
    }
    let sent = ask.with_body(&body).if_match(form.value("version"));
    match instances::replaced(&sent).await {
        Ok(_) => {
            let notice = Notice::ok(format!("{name} is saved, and holds from now on."));
            Ok(see_other(&ask, &format!("/instances/{}", encoded(&name)), Some(notice)))
        }
        Err(error) if error.status() == StatusCode::PRECONDITION_FAILED => {
            let now = instances::detail(&app.config(), &name)?;
            let now = form::of_settings(&now.settings, &now.instance.options);
            let versions = Some(Versions::of(form::lines(&form, &form), form::lines(&now, &form)));
            let shown = Shown { status: error.status(), form: Some(form), versions, ..Shown::default() };
            draw(&ask, &name, shown).await
        }
        Err(error) => refused(&ask, &name, form, error).await,
    }
}

async fn refused(ask: &Ask, name: &str, form: Form, error: ApiError) -> Result<Response, ApiError> {
    let (status, error) = (error.status(), Some(error));
    draw(ask, name, Shown { status, form: Some(form), error, ..Shown::default() }).await
}

async fn draw(ask: &Ask, name: &str, shown: Shown) -> Result<Response, ApiError> {
    let app = &ask.app;
    let detail = instances::detail(&app.config(), name)?;
    let all = instances::all(&app.config()).instances;
    let standing = standing(app, name).await?;
    let (choices, offers) = match shown.choices {
        None if shown.trial.is_none() && detail.instance.broken.is_empty() => offered(app, name)?,
        choices => (choices, Offers::default()),
    };
    let mut waiting = instance_health::queue(app, name, ROWS + 1).await?;
    let history = instance_history::history(app, name, OUTAGES).await?;
    let more = waiting.len() > ROWS as usize;
    waiting.truncate(ROWS as usize);
    let kind = detail.instance.kind;
    let mut it = InstanceForm {
        form: shown.form.unwrap_or_else(|| form::of_settings(&detail.settings, &detail.instance.options)),
        kind,
        read_only: detail.instance.read_only,
        has_key: detail.settings["api_key"]["set"] == true,
        choices,
        originals: form::originals(&all, kind, name),
        trial: shown.trial,
        ..InstanceForm::default()
    };
    if let Some(error) = &shown.error {
        it = it.refused(error);
    }
    let frame = Frame::of(ask, "instances", name).await?.with_scripts(&["again.js"]);
    let version = detail.instance.version.unwrap_or_default();
    let line = Line::of(detail.instance, standing);
    let page = Edit {
        here: format!("{}{}", frame.base_path, line.path),
        frame,
        version,
        line,
        offers,
        it: it.kept(app),
        queue: waiting.into_iter().map(|it| Queued::of(app.base_path(), it)).collect(),
        more,
        versions: shown.versions,
        outages: history.outages.into_iter().map(Outage::from).collect(),
    };
    html(ask, shown.status, &page)
}

/// How the instance stands.
async fn standing(app: &App, name: &str) -> Result<InstanceStanding, ApiError> {
    let standing = instance_health::standings(app, vec![name.to_owned()]).await?.pop();
    standing.ok_or_else(|| ApiError::not_found(format!("there is no instance called `{name}`")))
}

/// What the instance offers, as far as that is known, and what there is to say about it. Nobody waits for it here.
fn offered(app: &Arc<App>, name: &str) -> Result<(Option<Arc<Choices>>, Offers), ApiError> {
    let known = instance_trial::offered_last(app, name)?;
    let Some((_, offered)) = known.answer else { return Ok((None, Offers { asking: true, ..Offers::default() })) };
    let (told_at, choices) = offered.told.clone().unzip();
    let failure = if known.asking { String::new() } else { offered.failure.clone() };
    let is_old = known.asking || !failure.is_empty();
    let as_of = told_at.filter(|_| is_old).map_or_else(String::new, rfc3339);
    Ok((choices, Offers { asking: known.asking, as_of, failure }))
}

async fn remove(ask: Ask) -> Result<Response, ApiError> {
    let (form, name) = (Form::of(&ask), ask.variable("name").to_owned());
    match instances::removed(ask.clone().if_match(form.value("version"))).await {
        Ok(removed) => {
            let notice = match removed.left_behind {
                Some(sentence) => Notice { kind: "warn".to_owned(), text: format!("{name} is removed. {sentence}") },
                None => Notice::ok(format!("{name} is removed. It keeps its library.")),
            };
            Ok(see_other(&ask, "/instances", Some(notice)))
        }
        Err(error) if error.status() == StatusCode::NOT_FOUND => Err(error),
        Err(error) => {
            let status = error.status();
            let told = match status {
                StatusCode::PRECONDITION_FAILED => {
                    ApiError::changed("somebody has changed it since you looked: look again")
                }
                _ => ApiError::conflict(format!("{name} was not removed: {}", said(&error))),
            };
            draw(&ask, &name, Shown { status, error: Some(told), ..Shown::default() }).await
        }
    }
}

/// What an error says, with what it is about.
fn said(error: &ApiError) -> String {
    let problems = error.problems().iter().map(|it| format!("{}: {}", it.path, it.message)).collect::<Vec<_>>();
    if problems.is_empty() { error.message().to_owned() } else { problems.join(". ") }
}

impl Queued {
    fn of(base_path: &str, it: Waiting) -> Self {
        let refused = it.row.state == PlacementState::Failed;
        let again = it.row.retry_at_ms.map_or_else(String::new, rfc3339);
        let poster = format!("{base_path}/posters/{}", it.row.plex_id);
        Self { poster, since: rfc3339(it.row.queued_at_ms), again, refused, it }
    }
}

#[cfg(test)]
mod tests;
