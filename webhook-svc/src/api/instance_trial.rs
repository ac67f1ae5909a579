//! Asking an instance: does everything fit, and what does it offer. Stores nothing.

use pulsarr_shared::check::{self, Finding};
use pulsarr_shared::clients::arr::{Arr, ArrError, QualityProfile, RootFolder, Tag};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::Section;
use pulsarr_shared::upstreams::Upstreams;
use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use super::answer;
use super::editing::{Standing, body_of};
use super::instances::{known, put, take_name, wanted};
use crate::connections::impatient;
use crate::request::{ApiError, Ask};

/// What came of asking an instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Trial {
    /// Whether everything is well.
    ok: bool,
    /// At least one, unless the service is about to stop.
    findings: Vec<FindingView>,
}

/// What was found about one thing.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingView {
    /// The instance.
    about: String,
    /// Whether it is well.
    ok: bool,
    /// What is well, or what is wrong and what to do.
    message: String,
}

/// What an instance offers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Choices {
    /// In its own order, of which the first is the one that is taken when none is chosen.
    quality_profiles: Vec<ProfileChoice>,
    /// The same.
    root_folders: Vec<FolderChoice>,
    /// Those that it has; others are made when they are needed.
    tags: Vec<TagChoice>,
}

/// A quality profile.
#[derive(Debug, Serialize, JsonSchema)]
struct ProfileChoice {
    /// The instance's number for it.
    id: i64,
    /// The name people see.
    name: String,
}

/// A root folder.
#[derive(Debug, Serialize, JsonSchema)]
struct FolderChoice {
    /// As the instance writes it, without a trailing slash.
    path: String,
    /// In bytes; `null` when the disk does not tell.
    free_space: Option<u64>,
    /// Whether the instance can read it at the moment.
    accessible: bool,
}

/// A tag.
#[derive(Debug, Serialize, JsonSchema)]
struct TagChoice {
    /// The instance's number for it.
    id: i64,
    /// Lower case.
    label: String,
}

pub(super) async fn test(ask: Ask) -> Result<Response, ApiError> {
    let mut body = body_of(&ask)?;
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
    let found = match upstreams.arr(&name) {
        Some(arr) => check::instance(instance, arr, &config.settings.rules).await,
        None => Vec::new(),
    };
    let findings: Vec<FindingView> = found.into_iter().map(FindingView::from).collect();
    answer(&Trial { ok: !findings.is_empty() && findings.iter().all(|finding| finding.ok), findings })
}

pub(super) async fn choices(ask: Ask) -> Result<Response, ApiError> {
    let (app, name) = (&ask.app, ask.variable("name"));
    let config = impatient(Config::clone(&app.config()));
    let instance = known(&config, name)?;
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let arr = upstreams.arr(name).ok_or_else(|| ApiError::unavailable("the instance cannot be asked now"))?;
    let offered = offered_by(arr).await;
    answer(&offered.map_err(|error| ApiError::unavailable(error.advice(&instance.label())))?)
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
