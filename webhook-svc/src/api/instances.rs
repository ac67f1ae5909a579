//! Where titles go: the Sonarrs and Radarrs, those of the settings file and those that people add here.

use pulsarr_shared::config::{Broken, Config, Source};
use pulsarr_shared::model::{Declaration, Instance, InstanceKind, Section};
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::Response;

use super::editing::{
    Standing, body_of, expected_version, find, kept, masked, problems_of, seal, unchanged, with_version,
};
use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::app::App;
use crate::audit::By;
use crate::configuration::Note;
use crate::connections::{self, Claim, host_of};
use crate::detached::on_its_own;
use crate::request::{Access, ApiError, Ask, FieldProblem, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/instances",
        tag: "instances",
        summary: "The Sonarrs and Radarrs of the settings, without their keys.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<InstanceList>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/instances",
        tag: "instances",
        summary: "Adds an instance, in the words of the settings file. Answers 201; its webhook is made soon after.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<InstanceBody>),
        answer: Answer::Created(shape::<InstanceDetail>),
        handle: |ask| Box::pin(add(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/instances/{name}",
        tag: "instances",
        summary: "An instance with its settings as they can be sent back. Its version is the ETag.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<InstanceDetail>),
        handle: |ask| Box::pin(one(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/instances/{name}",
        tag: "instances",
        summary: "Replaces the settings of an instance, and has its webhook looked at. A key that is left out stays, unless the url leads to another host. With \
                  `If-Match` only what was looked at is replaced.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<InstanceBody>),
        answer: Answer::Json(shape::<InstanceDetail>),
        handle: |ask| Box::pin(replace(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/instances/{name}",
        tag: "instances",
        summary: "Removes an instance from the settings and our webhook from the instance, which keeps its library. Takes \
                  `If-Match`.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Removed>),
        handle: |ask| Box::pin(remove(ask)),
    },
];

/// Instances.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InstanceList {
    /// In the order of the settings, and behind them those that cannot be read.
    pub instances: Vec<InstanceView>,
}

/// A Sonarr or Radarr. Its key is never told.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InstanceView {
    /// `movies`
    pub name: String,
    /// `radarr` or `sonarr`; empty for a broken one that does not say.
    pub kind: &'static str,
    /// Its address.
    pub url: String,
    /// Takes what no rule sends elsewhere.
    pub default: bool,
    /// Takes what default routing sends to this instance, too.
    pub copy_of: Option<String>,
    /// Leaves titles on its import-exclusion list alone.
    pub respect_exclusions: bool,
    /// How titles are added unless a rule says otherwise, in the words of the settings; `null` for a broken one.
    pub options: Value,
    /// Where it is written down: `pulsarr.yaml:12`, `settings made in the service`.
    pub source: String,
    /// The settings file declares it, and it is changed there.
    pub read_only: bool,
    /// Every change gives another number: for `If-Match`, in quotes. `null` for what the settings file declares.
    pub version: Option<i64>,
    /// What is wrong with one that is kept and cannot be read, so that it does not hold and no run decides anything; empty: nothing.
    /// PUT mends it, DELETE removes it.
    pub broken: Vec<String>,
}

/// A Sonarr or Radarr with its settings.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InstanceDetail {
    #[serde(flatten)]
    pub instance: InstanceView,
    /// As they were given, in the words of the settings file, and fit to be sent back; `api_key` only says that it is set.
    pub settings: Value,
}

/// An instance in the words of the settings file, whose sample explains every key. Keys that it does not know are refused.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(deny_unknown_fields))]
#[expect(dead_code, reason = "describes the body, which the reader of the settings file reads as it is")]
pub(super) struct InstanceBody {
    /// 1 to 64 of a-z, 0-9, `-` and `_`. Where the address has it already it may be left out.
    name: Option<String>,
    /// `radarr` or `sonarr`.
    kind: Option<String>,
    /// Scheme, host, port and base path: `http://radarr:7878`.
    url: Option<String>,
    /// From Settings → General of the instance, as it is. Left out, or as it is shown, it stays what it was.
    api_key: Option<Value>,
    /// Takes every title of its kind that no rule sends elsewhere.
    default: Option<bool>,
    /// The default instance of its kind, whose titles it takes too.
    copy_of: Option<String>,
    /// Name or id.
    quality_profile: Option<Value>,
    /// One of the instance's own.
    root_folder_path: Option<String>,
    /// Radarr's: `tba`, `announced`, `in_cinemas`, `released`.
    minimum_availability: Option<String>,
    /// What is looked for; the words differ between Radarr and Sonarr.
    monitor: Option<String>,
    /// Looks for releases at once.
    search_on_add: Option<bool>,
    /// Labels; made where they are missing.
    tags: Option<Vec<String>>,
    /// Leaves titles on its import-exclusion list alone.
    respect_exclusions: Option<bool>,
    /// Sonarr's: `all` or `none`.
    monitor_new_items: Option<String>,
    /// Sonarr's: `auto`, `standard`, `daily`, `anime`.
    series_type: Option<String>,
    /// Sonarr's: a folder per season.
    season_folder: Option<bool>,
}

/// What became of an instance.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Removed {
    /// Who it was.
    pub name: String,
    /// How many webhook connections of ours were taken out of it.
    pub webhooks_removed: usize,
    /// What may still be in it and what to do about that, as a sentence; `null`: nothing.
    pub left_behind: Option<String>,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&all(&ask.app.config()))
}

/// Every instance.
pub fn all(config: &Config) -> InstanceList {
    let instances = config.settings.instances.iter().map(|instance| InstanceView::of(config, instance));
    InstanceList { instances: instances.chain(broken(config).map(InstanceView::broken)).collect() }
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    answer_with(detail(&ask.app.config(), ask.variable("name"))?, StatusCode::OK)
}

async fn add(ask: Ask) -> Result<Response, ApiError> {
    let added = added(&ask).await?;
    let location = format!("{}/api/v1/instances/{}", ask.app.base_path(), added.instance.name);
    let mut response = answer_with(added, StatusCode::CREATED)?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Adds the instance of the body.
///
/// # Errors
/// 409 for a name that is taken, 422 with every mistake.
pub async fn added(ask: &Ask) -> Result<InstanceDetail, ApiError> {
    let mut body = body_of(ask)?;
    let name = take_name(&mut body)?;
    let app = &ask.app;
    let config = app.config();
    if config.settings.instances.iter().any(|instance| instance.name == name) {
        let source = Standing::of_item(&config, "instances", "name", &name).source;
        return Err(ApiError::conflict(format!("there is an instance `{name}` already ({source})")));
    }
    let note = Note {
        by: By::of(ask),
        action: "instance.added",
        target: name.clone(),
        detail: json!({"kind": body.get("kind"), "url": body.get("url")}),
    };
    let wanted = wanted(app, &[], &name, body).await?;
    let edit = |all: &mut Vec<Declaration>| {
        if find(all, Section::Instances, &name).is_some() {
            return Err(ApiError::conflict(format!("there is an instance `{name}` already")));
        }
        put(all, wanted);
        Ok(())
    };
    let config = app.configuration.change(&app.database, (Section::Instances, &name), note, edit).await?;
    detail(&config, &name)
}

async fn replace(ask: Ask) -> Result<Response, ApiError> {
    answer_with(replaced(&ask).await?, StatusCode::OK)
}

/// Replaces the settings of the instance that `{name}` stands for by those of the body.
///
/// # Errors
/// 404, 409 for one of the settings file, 412 when somebody has changed it, 422 with every mistake.
pub async fn replaced(ask: &Ask) -> Result<InstanceDetail, ApiError> {
    let name = ask.variable("name").to_owned();
    let app = &ask.app;
    let config = app.config();
    Standing::of_item(&config, "instances", "name", &name).changeable(&format!("`{name}`"))?;
    let expected = expected_version(ask)?;
    let mut body = body_of(ask)?;
    if body.contains_key("name") && take_name(&mut body)? != name {
        return Err(wrong("name", format!("has to be `{name}`: an instance keeps its name, so add another one")));
    }
    body.insert("name".to_owned(), name.clone().into());
    let note = Note {
        by: By::of(ask),
        action: "instance.changed",
        target: name.clone(),
        detail: json!({"keys": changed_keys(&config, &name, &body)}),
    };
    let seen = app.configuration.declarations(&app.database).await?;
    let found = find(&seen, Section::Instances, &name).ok_or_else(|| unknown(&name))?;
    unchanged(found, expected)?;
    let version = found.version;
    let wanted = wanted(app, &seen, &name, body).await?;
    let edit = |all: &mut Vec<Declaration>| {
        // What was compared with is what is replaced.
        unchanged(find(all, Section::Instances, &name).ok_or_else(|| unknown(&name))?, Some(version))?;
        put(all, wanted);
        Ok(())
    };
    let before = config;
    let config = app.configuration.change(&app.database, (Section::Instances, &name), note, edit).await?;
    connections::was_saved(app, &before, &name);
    detail(&config, &name)
}

async fn remove(ask: Ask) -> Result<Response, ApiError> {
    answer(&removed(ask).await?)
}

/// Removes the instance that `{name}` stands for.
///
/// # Errors
/// 404, 409 for one of the settings file, 412 when somebody has changed it, 422 for one that other settings name.
pub async fn removed(ask: Ask) -> Result<Removed, ApiError> {
    // On its own feet: once it is out of the settings, our webhook has to come out of it also when whoever asked goes away.
    let work = on_its_own(remove_all(ask));
    work.await.unwrap_or_else(|_| Err(ApiError::unavailable("the removal broke off: look whether it was made")))
}

async fn remove_all(ask: Ask) -> Result<Removed, ApiError> {
    let name = ask.variable("name").to_owned();
    let _claim = Claim::on(&ask.app, &name);
    let app = &ask.app;
    let before = app.config();
    // Where the file declares one of this name too, the stored one does not count, and can go.
    if stored(&before, &name).is_none() {
        Standing::of_item(&before, "instances", "name", &name).changeable(&format!("`{name}`"))?;
    }
    let expected = expected_version(&ask)?;
    let instance = before.settings.instances.iter().find(|instance| instance.name == name);
    let note = Note {
        by: By::of(&ask),
        action: "instance.removed",
        target: name.clone(),
        detail: json!({"url": stored(&before, &name).map(|it| &it.body["url"])}),
    };
    let edit = |all: &mut Vec<Declaration>| {
        unchanged(find(all, Section::Instances, &name).ok_or_else(|| unknown(&name))?, expected)?;
        all.retain(|it| it.section != Section::Instances || it.name != name);
        Ok(())
    };
    let after = app.configuration.change(&app.database, (Section::Instances, &name), note, edit).await?;
    // Only now: a removal that is refused costs no connection, and nobody mends the connection of what is not there.
    let gone = !after.settings.instances.iter().any(|instance| instance.name == name);
    let (webhooks_removed, left_behind) = match instance.filter(|_| gone) {
        Some(instance) => match connections::take_away(app, &before, instance).await? {
            Ok(count) => (count, None),
            Err(sentence) => (0, Some(sentence)),
        },
        // Of one that could not be read nobody knows the key.
        None => (0, connections::let_go(app, &name).await?),
    };
    Ok(Removed { name, webhooks_removed, left_behind })
}

/// The instance of this name.
///
/// # Errors
/// 404.
pub(super) fn known<'c>(config: &'c Config, name: &str) -> Result<&'c Instance, ApiError> {
    config.settings.instances.iter().find(|instance| instance.name == name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no instance called `{name}`"))
}

fn wrong(path: &str, message: impl Into<String>) -> ApiError {
    ApiError::fields(vec![FieldProblem { path: path.to_owned(), message: message.into() }])
}

/// The name in `body`, which has it without spaces around it from now on.
///
/// # Errors
/// 422 without one.
pub(super) fn take_name(body: &mut Map<String, Value>) -> Result<String, ApiError> {
    match body.get_mut("name") {
        Some(Value::String(name)) => {
            *name = Section::Instances.folded(name);
            Ok(name.clone())
        }
        Some(Value::Null) | None => Err(wrong("name", "is missing: add `name: …`")),
        Some(_) => Err(wrong("name", "has to be a text")),
    }
}

/// The instance that `body` describes, as it is to be kept: with the key of the one of that name among `all` where it has none.
///
/// # Errors
/// 422 for a key that is none, every mistake of what comes out, and a kept key that would go to another host.
pub(super) async fn wanted(
    app: &App,
    all: &[Declaration],
    name: &str,
    mut body: Map<String, Value>,
) -> Result<Declaration, ApiError> {
    let section = Section::Instances;
    let brings_key = body.get("api_key").is_some_and(Value::is_string);
    let before = find(all, section, name);
    seal(section, &mut body, before.map(|it| &it.body), &app.configuration.vault)?;
    let wanted = Declaration { section, name: name.to_owned(), position: 0, body: Value::Object(body), version: 0 };
    let Some(before) = before.filter(|_| !brings_key) else { return Ok(wanted) };
    // Compared as they were read: there is one way to understand an address, and it is the one by which requests go out. The rest of
    // what is kept may be what cannot be read.
    let mut as_before = wanted.clone();
    if let Some(url) = as_before.body.get_mut("url") {
        *url = before.body["url"].clone();
    }
    let after = host_in(app, all, wanted.clone()).await?;
    if host_in(app, all, as_before).await.ok() != Some(after) {
        return Err(wrong("api_key", "is needed again, because the url leads to another host or port: enter the key"));
    }
    Ok(wanted)
}

/// The host that `it` would have among `all`.
async fn host_in(app: &App, all: &[Declaration], it: Declaration) -> Result<String, ApiError> {
    let name = it.name.clone();
    let mut all = all.to_vec();
    put(&mut all, it);
    let config = app.configuration.check_aside(all, (Section::Instances, &name)).await?;
    known(&config, &name).map(|instance| host_of(&instance.url))
}

/// Puts an instance among `all`, in the place of one of that name, or behind the others.
pub(super) fn put(all: &mut Vec<Declaration>, wanted: Declaration) {
    let section = Section::Instances;
    if let Some(found) = all.iter_mut().find(|it| it.section == section && it.name == wanted.name) {
        found.body = wanted.body;
        return;
    }
    let position = all.iter().filter(|it| it.section == section).map(|it| it.position + 1).max().unwrap_or(0);
    all.push(Declaration { position, ..wanted });
}

/// The instances that are kept in the store and cannot be read.
fn broken(config: &Config) -> impl Iterator<Item = &Broken> {
    config.broken.iter().filter(|it| it.declaration.section == Section::Instances)
}

/// What people have set up under this name, readable or not.
fn stored<'c>(config: &'c Config, name: &str) -> Option<&'c Declaration> {
    kept(config).find(|it| it.section == Section::Instances && it.name == Section::Instances.folded(name))
}

/// The keys in which `body` differs from what there is.
fn changed_keys(config: &Config, name: &str, body: &Map<String, Value>) -> Vec<String> {
    let before = stored(config, name).and_then(|it| it.body.as_object()).cloned().unwrap_or_default();
    let differs = |key: &&String| match key.as_str() {
        "api_key" => body.get("api_key").is_some_and(Value::is_string),
        key => before.get(key) != body.get(key),
    };
    let fresh = body.keys().filter(|key| !before.contains_key(*key));
    before.keys().chain(fresh).filter(differs).cloned().collect()
}

/// The instance of this name with its settings.
///
/// # Errors
/// 404.
pub fn detail(config: &Config, name: &str) -> Result<InstanceDetail, ApiError> {
    let (view, written) = match (known(config, name), broken(config).find(|it| it.declaration.name == name)) {
        (Ok(instance), _) => (InstanceView::of(config, instance), written(instance)),
        (Err(_), Some(broken)) => (InstanceView::broken(broken), Value::Null),
        (Err(unknown), None) => return Err(unknown),
    };
    let declared = stored(config, name).filter(|_| !view.read_only);
    let settings = declared.map_or(written, |it| masked(it.section, &it.body));
    Ok(InstanceDetail { instance: view, settings })
}

fn answer_with(detail: InstanceDetail, status: StatusCode) -> Result<Response, ApiError> {
    let version = detail.instance.version;
    Ok(with_version(json(status, &detail), version))
}

/// What the settings file says about an instance, in its words.
fn written(instance: &Instance) -> Value {
    let Instance { name, url, api_key: _, default, copy_of, respect_exclusions, options } = instance;
    let mut settings = json!({"name": name, "url": url, "api_key": {"set": true}, "default": default});
    settings["respect_exclusions"] = (*respect_exclusions).into();
    if let Some(original) = copy_of {
        settings["copy_of"] = original.as_str().into();
    }
    if let (Some(settings), Ok(Value::Object(options))) = (settings.as_object_mut(), serde_json::to_value(options)) {
        settings.extend(options);
    }
    settings
}

impl InstanceView {
    fn of(config: &Config, instance: &Instance) -> Self {
        let standing = Standing::of_item(config, "instances", "name", &instance.name);
        let declared = stored(config, &instance.name).filter(|_| !standing.read_only);
        Self {
            name: instance.name.clone(),
            kind: instance.kind().word(),
            url: instance.url.clone(),
            default: instance.default,
            copy_of: instance.copy_of.clone(),
            respect_exclusions: instance.respect_exclusions,
            options: serde_json::to_value(&instance.options).unwrap_or_default(),
            source: standing.source,
            read_only: standing.read_only,
            version: declared.map(|it| it.version),
            broken: Vec::new(),
        }
    }

    fn broken(it: &Broken) -> Self {
        let Declaration { name, body, version, .. } = &it.declaration;
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let kind = InstanceKind::ALL.iter().map(|kind| kind.word()).find(|word| body["kind"].as_str() == Some(word));
        Self {
            name: name.clone(),
            kind: kind.unwrap_or_default(),
            url: text("url").unwrap_or_default(),
            default: body["default"] == true,
            copy_of: text("copy_of"),
            respect_exclusions: body["respect_exclusions"] != false,
            options: Value::Null,
            source: Source::Stored.to_string(),
            read_only: false,
            version: Some(*version),
            broken: problems_of(it),
        }
    }
}

#[cfg(test)]
mod tests;
