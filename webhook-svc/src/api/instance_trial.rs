//! Asking an instance: does everything fit, and what does it offer. Stores nothing but how the webhook of one that is there was found.

use std::sync::Arc;

use pulsarr_shared::check::{self, Finding};
use pulsarr_shared::clients::arr::{Arr, ArrError, QualityProfile, RootFolder, Tag};
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{OutageReason, Section};
use pulsarr_shared::outages;
use pulsarr_shared::store::{FoundBy, Store};
use pulsarr_shared::upstreams::{Upstreams, arr_problem};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::json;
use warp::http::Method;
use warp::reply::Response;

use super::editing::{Standing, body_of};
use super::endpoint::{Answer, Endpoint, answer, shape};
use super::instances::{InstanceBody, known, put, take_name, wanted};
use super::webhooks::{ConnectionView, looked_at};
use crate::app::App;
use crate::aside::{self, FAILED_FOR_MS, FRESH_FOR_MS, Known};
use crate::audit::{self, By};
use crate::auth;
use crate::connections::{impatient, is_reached_alike};
use crate::instance_watch::note;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::POST,
        path: "/instances/test",
        tag: "instances",
        summary: "Asks an instance whether everything fits, and stores nothing: one as it would be added or changed, or by its \
                  name alone one that is there, whose webhook is looked at, too.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<InstanceBody>),
        answer: Answer::Json(shape::<Trial>),
        handle: |ask| Box::pin(test(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/instances/{name}/choices",
        tag: "instances",
        summary: "What the instance offers to choose from: quality profiles, root folders, tags. Asks the instance.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Choices>),
        handle: |ask| Box::pin(choices(ask)),
    },
];

/// What came of asking an instance.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Trial {
    /// Whether all findings are well. The webhook has a state of its own.
    pub ok: bool,
    /// At least one, unless the service is about to stop.
    pub findings: Vec<FindingView>,
    /// How its webhook stands, once it was made or mended where that was needed; `null` for an instance that is not saved like this, or
    /// that does not answer.
    pub webhook: Option<ConnectionView>,
}

/// What was found about one thing.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FindingView {
    /// The instance.
    pub about: String,
    /// Whether it is well.
    pub ok: bool,
    /// What is well, or what is wrong and what to do.
    pub message: String,
}

/// What an instance offers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Choices {
    /// In its own order, of which the first is the one that is taken when none is chosen.
    pub quality_profiles: Vec<ProfileChoice>,
    /// The same.
    pub root_folders: Vec<FolderChoice>,
    /// Those that it has; others are made when they are needed.
    pub tags: Vec<TagChoice>,
}

/// A quality profile.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProfileChoice {
    /// The instance's number for it.
    pub id: i64,
    /// The name people see.
    pub name: String,
}

/// A root folder.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FolderChoice {
    /// As the instance writes it, without a trailing slash.
    pub path: String,
    /// In bytes; `null` when the disk does not tell.
    pub free_space: Option<u64>,
    /// Whether the instance can read it at the moment.
    pub accessible: bool,
}

/// A tag.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TagChoice {
    /// The instance's number for it.
    pub id: i64,
    /// Lower case.
    pub label: String,
}

pub(super) async fn test(ask: Ask) -> Result<Response, ApiError> {
    answer(&tried(&ask).await?.0)
}

/// Asks the instance of the body, as it would be, or by its name alone as it is; and what it offers, if it answers.
///
/// # Errors
/// 404, 409 and 422 as for adding or changing it.
pub async fn tried(ask: &Ask) -> Result<(Trial, Option<Choices>), ApiError> {
    let mut body = body_of(ask)?;
    let name = take_name(&mut body)?;
    let app = &ask.app;
    let config = if body.len() == 1 {
        Config::clone(&app.config())
    } else {
        Standing::of_item(&app.config(), "instances", "name", &name).changeable(&format!("`{name}`"))?;
        let mut all = app.configuration.declarations(&app.database).await?;
        let wanted = wanted(app, &all, &name, body).await?;
        put(&mut all, wanted);
        app.configuration.check_aside(all, (Section::Instances, &name)).await?
    };
    let config = impatient(config);
    let instance = known(&config, &name)?;
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let Some(arr) = upstreams.arr(&name) else {
        return Ok((Trial { ok: false, findings: Vec::new(), webhook: None }, None));
    };
    let found = check::instance(instance, arr, &config.settings.rules).await;
    // One that does not answer at all is not asked once more.
    let answers = found.iter().any(|finding| finding.outcome.is_ok());
    let offered = if answers { offered_by(arr).await.ok() } else { None };
    // What is made for one that is not saved yet would be left behind there.
    let is_saved = app.config().settings.instances.iter().any(|it| it.name == name && is_reached_alike(it, instance));
    if is_saved && let Some(first) = found.first() {
        // What the settings name and it lacks is told beside; it answered all the same.
        let problem = if answers { None } else { first.outcome.as_ref().err().cloned() };
        note(app, instance, problem);
        if answers {
            note_fitness(app, &name, &found).await?;
        }
    }
    let webhook = if answers && is_saved {
        note_tested(ask, &name).await?;
        Some(looked_at(ask, &name).await?)
    } else {
        None
    };
    let findings: Vec<FindingView> = found.into_iter().map(FindingView::from).collect();
    let ok = !findings.is_empty() && findings.iter().all(|finding| finding.ok);
    Ok((Trial { ok, findings, webhook }, offered))
}

/// Notes in the audit log who has had an instance tested that is saved and answers.
async fn note_tested(ask: &Ask, name: &str) -> Result<(), ApiError> {
    let (by, target) = (By::of(ask), name.to_owned());
    let note = move |store: &Store| store.write(|db| audit::record(db, &by, "instance.tested", &target, &json!({})));
    Ok(ask.app.database.write(note).await?)
}

/// Notes in the history of an instance that answers whether it has what the settings name.
async fn note_fitness(app: &App, name: &str, found: &[Finding]) -> Result<(), ApiError> {
    let problem = found.iter().find_map(|finding| finding.outcome.as_ref().err()).cloned();
    let (name, now_ms) = (name.to_owned(), app.now_ms());
    let note = move |store: &Store| {
        let found = problem.as_ref().map_or(Ok(()), Err);
        store.write(|db| outages::note(db, &name, found, FoundBy::Look, OutageReason::OF_INSTANCE, now_ms))
    };
    Ok(app.database.write(note).await?)
}

pub(super) async fn choices(ask: Ask) -> Result<Response, ApiError> {
    answer(&offered(&ask.app, ask.variable("name")).await?)
}

/// What an instance offers, as far as it has told.
#[derive(Default)]
pub struct Offered {
    /// What it told last, and when; unix milliseconds. None: it has not answered yet.
    pub told: Option<(UnixMs, Arc<Choices>)>,
    /// What it said instead the last time, as a sentence of advice; empty: it told.
    pub failure: String,
}

/// What is known about what the instance of this name offers. It is asked meanwhile where that is old.
///
/// # Errors
/// 404.
pub fn offered_last(app: &Arc<App>, name: &str) -> Result<Known<Offered>, ApiError> {
    let config = app.config();
    let instance = known(&config, name)?;
    // Another place, or another key, may offer something else.
    let key = instance.api_key.expose_secret();
    let of = auth::hash(&format!("{} {} {key}", instance.kind().word(), instance.url));
    let of: String = of.iter().map(|byte| format!("{byte:02x}")).collect();
    let is_fresh = |it: &Offered, age_ms| age_ms < if it.failure.is_empty() { FRESH_FOR_MS } else { FAILED_FOR_MS };
    let (asking, asked) = (Arc::clone(app), name.to_owned());
    let ask = |last: Option<Arc<Offered>>| -> aside::Question<Offered> {
        Box::pin(async move {
            match offered(&asking, &asked).await {
                Ok(choices) => Offered { told: Some((asking.now_ms(), Arc::new(choices))), failure: String::new() },
                Err(error) => {
                    Offered { told: last.and_then(|it| it.told.clone()), failure: error.message().to_owned() }
                }
            }
        })
    };
    Ok(aside::look(app, &format!("what {name} offers"), &of, is_fresh, ask))
}

/// What the instance of this name offers.
///
/// # Errors
/// 404; 503 when it does not answer.
pub async fn offered(app: &App, name: &str) -> Result<Choices, ApiError> {
    let config = impatient(Config::clone(&app.config()));
    let instance = known(&config, name)?;
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let arr = upstreams.arr(name).ok_or_else(|| ApiError::unavailable("the instance cannot be asked now"))?;
    let offered = offered_by(arr).await;
    match &offered {
        Ok(_) => note(app, instance, None),
        Err(error) => {
            if let Some(problem) = arr_problem(instance, error) {
                note(app, instance, Some(problem));
            }
        }
    }
    offered.map_err(|error| ApiError::unavailable(error.advice(&instance.label())))
}

async fn offered_by(arr: &Arr) -> Result<Choices, ArrError> {
    // First, whether it is the right application: another one's numbers would be of no use.
    arr.status().await?;
    let (profiles, folders, tags) = tokio::try_join!(arr.quality_profiles(), arr.root_folders(), arr.tags())?;
    let profile = |QualityProfile { id, name }| ProfileChoice { id, name };
    let folder = |RootFolder { path, accessible, free_space }| FolderChoice { path, free_space, accessible };
    let tag = |Tag { id, label }| TagChoice { id, label };
    Ok(Choices {
        quality_profiles: profiles.into_iter().map(profile).collect(),
        root_folders: folders.into_iter().map(folder).collect(),
        tags: tags.into_iter().map(tag).collect(),
    })
}

impl From<Finding> for FindingView {
    fn from(Finding { about, outcome }: Finding) -> Self {
        let ok = outcome.is_ok();
        Self { about, ok, message: outcome.unwrap_or_else(|problem| problem.message) }
    }
}
