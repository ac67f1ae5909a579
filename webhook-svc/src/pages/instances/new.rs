//! Another Sonarr or Radarr.

use std::sync::Arc;

use askama::Template;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::form::{self, InstanceForm};
use crate::api::instance_trial;
use crate::api::instances::{self, InstanceDetail};
use crate::app::App;
use crate::pages::trouble::encoded;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask, FieldProblem};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/instances/new", |ask| Box::pin(show(ask))), Page::form("/instances/new", |ask| Box::pin(act(ask)))];

#[derive(Template)]
#[template(path = "instances/new.html")]
struct New {
    frame: Frame,
    it: InstanceForm,
}

/// A form was sent: what came of it.
pub enum Sent {
    /// It is there now.
    Added(Box<InstanceDetail>),
    /// The form is shown again, with this status.
    Again(StatusCode, Box<InstanceForm>),
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let it = form::kind(ask.parameter("kind").unwrap_or_default())
        .map_or_else(InstanceForm::default, |kind| first(&ask.app, kind));
    draw(&ask, StatusCode::OK, it).await
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    match sent(&ask, false).await {
        Sent::Added(added) => {
            let notice = Notice::ok(format!("{} is added. Its webhook is made now.", added.instance.name));
            Ok(see_other(&ask, &format!("/instances/{}", encoded(&added.instance.name)), Some(notice)))
        }
        Sent::Again(status, it) => draw(&ask, status, *it).await,
    }
}

async fn draw(ask: &Ask, status: StatusCode, it: InstanceForm) -> Result<Response, ApiError> {
    let title = if it.kind.is_empty() { "Add an instance".to_owned() } else { format!("Add a {}", it.app()) };
    html(ask, status, &New { frame: Frame::of(ask, "instances", title).await?, it })
}

/// The form for a first or further instance of this kind, as it is shown before anything is typed.
pub fn first(app: &App, kind: &'static str) -> InstanceForm {
    let all = instances::all(&app.config()).instances;
    let is_first = !all.iter().any(|it| it.kind == kind && it.default);
    let name = if all.iter().any(|it| it.name == kind) { "" } else { kind };
    let settings = json!({"name": name, "default": is_first});
    let usual = match kind {
        "sonarr" => json!({"monitor": "all", "monitor_new_items": "all", "series_type": "auto"}),
        _ => json!({"monitor": "movie_only", "minimum_availability": "announced"}),
    };
    InstanceForm {
        form: form::of_settings(&settings, &usual),
        kind,
        is_new: true,
        originals: form::originals(&all, kind, ""),
        ..InstanceForm::default()
    }
}

/// Tests or adds what the form describes. With `short` it is one with the most important fields alone.
pub async fn sent(ask: &Ask, short: bool) -> Sent {
    let (app, form) = (&ask.app, Form::of(ask));
    let kind = form::kind(form.value("kind")).unwrap_or_default();
    let all = instances::all(&app.config()).instances;
    let originals = form::originals(&all, kind, "");
    let it = InstanceForm { form, kind, is_new: true, short, originals, ..InstanceForm::default() };
    let again = |error: &ApiError, it: InstanceForm| Sent::Again(error.status(), Box::new(it.refused(error).kept(app)));
    let body = match form::body(app, &it.form, true).and_then(reachable) {
        Ok(body) => Value::Object(body),
        Err(error) => return again(&error, it),
    };
    let ask = ask.with_body(&body);
    if it.form.value("do") == "test" {
        return match instance_trial::tried(&ask).await {
            Ok((trial, choices)) => {
                let choices = choices.map(Arc::new);
                Sent::Again(StatusCode::OK, Box::new(InstanceForm { trial: Some(trial), choices, ..it }.kept(app)))
            }
            Err(error) => again(&error, it),
        };
    }
    match instances::added(&ask).await {
        Ok(added) => Sent::Added(Box::new(added)),
        Err(error) => again(&error, it),
    }
}

/// Refuses the one name whose page would be this one.
fn reachable(body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.eq_ignore_ascii_case("new") {
        let message = "cannot be `new`: choose another name".to_owned();
        return Err(ApiError::fields(vec![FieldProblem { path: "name".to_owned(), message }]));
    }
    Ok(body)
}
