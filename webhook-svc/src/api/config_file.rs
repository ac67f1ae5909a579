//! All settings as one file: to take away, and to put in the place of what the service keeps.

use pulsarr_shared::config::{Config, Given, Taken, TakenItem};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::store::Db;
use pulsarr_shared::upstreams::{SealedServerToken, forget_server_token};
use pulsarr_shared::vault::Vault;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::http::{HeaderValue, Method, header};
use warp::reply::Response;

use super::editing::{Standing, alike, all_unchanged, expected_version, find};
use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::instances::known;
use super::people::{People, alias_in};
use crate::app::App;
use crate::audit::By;
use crate::configuration::Note;
use crate::connections::host_of;
use crate::plex_server::{Stranger, belongs, look_at_server};
use crate::plex_way::PlexWay;
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/config/export",
        tag: "settings",
        summary: "Everything that holds, of the settings file and of the service, as one pulsarr.yaml; secrets are variables.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Text("text/yaml"),
        handle: |ask| Box::pin(export(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/config/import",
        tag: "settings",
        summary: "Puts a settings file (YAML or JSON) in the place of everything that the service keeps and can read, with at most 2000 items a list. What pulsarr's own settings file says alike is left out; `${NAME}` and a secret that is left out mean the one that is kept. Takes the `If-Match` of GET /settings.",
        access: Access::Write,
        query: &[Parameter { name: "dry_run", about: "`true`: only tells what would change" }],
        body: Some(shape::<Map<String, Value>>),
        answer: Answer::Json(shape::<ImportView>),
        handle: |ask| Box::pin(import(ask)),
    },
];

/// What an import changes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportView {
    /// Nothing was stored.
    pub dry_run: bool,
    /// Kept from now on: `instances movies`, `plex`.
    pub added: Vec<String>,
    /// Kept before, and different now.
    pub changed: Vec<String>,
    /// Kept before, and no more.
    pub removed: Vec<String>,
    /// What the settings file says already, so that it is not kept a second time.
    pub in_file: Vec<String>,
    /// What is not kept at all, as sentences.
    pub passed_over: Vec<String>,
}

/// Everything that holds, as a file to take away.
///
/// # Errors
/// 409 when the settings file cannot be read any more.
pub async fn export(ask: Ask) -> Result<Response, ApiError> {
    let export = ask.app.configuration.export().await?;
    let mut response = Response::new(export.text.into());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/yaml; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"pulsarr.yaml\""),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

async fn import(ask: Ask) -> Result<Response, ApiError> {
    answer(&take(&ask).await?)
}

/// Puts the file in the body in the place of everything that the service keeps, or only tells what would change.
///
/// # Errors
/// 412 for what was changed meanwhile, 422 with every mistake and its line; nothing is changed then.
pub async fn take(ask: &Ask) -> Result<ImportView, ApiError> {
    let dry_run = match ask.parameter("dry_run") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::input("`dry_run` is true or false")),
    };
    let configuration = &ask.app.configuration;
    let before = configuration.declarations(&ask.app.database).await?;
    all_unchanged(&before, expected_version(ask)?)?;
    let (body, file, kept) = (ask.body.clone(), configuration.declared_by_file().await?, before.clone());
    let planned = configuration.aside(move |this| Planned::of(&body, &this.now(), &file, &kept, &this.vault)).await?;
    let Planned { taken, after, in_file, changes, mut problems } = planned;
    let mut server = Server::AsItWas;
    match configuration.read_aside(after.clone()).await? {
        Err(error) => {
            problems.extend(error.problems.into_iter().map(|problem| Misplaced::found_in(&taken.items, problem)));
        }
        Ok(candidate) => {
            let held = configuration.read_aside(before.clone()).await?.ok();
            problems.extend(led_elsewhere(&taken.items, held.as_ref(), &candidate));
            let people = ask.app.database.read(|db| Ok(People(db.users()?))).await?;
            problems.extend(called_like_others(&taken.items, &people, &before, &after));
            if problems.is_empty() {
                match server_of(&ask.app, &taken.items, held.as_ref(), &candidate).await? {
                    Ok(found) => server = found,
                    Err(strange) => problems.push(strange),
                }
            }
        }
    }
    if !problems.is_empty() {
        problems.sort_by_key(|it| it.line);
        return Err(ApiError::fields(problems.into_iter().map(Misplaced::field).collect()));
    }
    let Changes { added, changed, removed } = changes;
    let view = ImportView { dry_run, added, changed, removed, in_file, passed_over: taken.passed_over };
    if dry_run {
        return Ok(view);
    }
    let note = Note {
        by: By::of(ask),
        action: "settings.imported",
        target: "settings".to_owned(),
        detail: json!({"added": view.added, "changed": view.changed, "removed": view.removed}),
    };
    let edit = |current: &mut Vec<Declaration>| {
        if *current != before {
            return Err(ApiError::conflict(
                "the settings were changed by somebody else at the same moment: look again",
            ));
        }
        *current = after;
        Ok(())
    };
    let also = move |db: Db<'_>| match server {
        Server::AsItWas => Ok(()),
        Server::None => forget_server_token(db),
        Server::Other(token) => token.keep(db),
    };
    configuration.change_with(&ask.app.database, (Section::Plex, ""), note, edit, also).await?;
    Ok(view)
}

/// What becomes of what is kept, by name: `rules anime`, `plex`.
struct Changes {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Changes {
    fn between(before: &[Declaration], after: &[Declaration]) -> Self {
        let names = |all: &[Declaration], wanted: &dyn Fn(&Declaration) -> bool| -> Vec<String> {
            all.iter().filter(|it| wanted(it)).map(|it| called(it.section, &it.name)).collect()
        };
        let was = |it: &Declaration| find(before, it.section, &it.name);
        Self {
            added: names(after, &|it| was(it).is_none()),
            changed: names(after, &|it| was(it).is_some_and(|was| was.body != it.body)),
            removed: names(before, &|it| find(after, it.section, &it.name).is_none()),
        }
    }
}

/// A file that was sent, taken apart and compared with what there is.
struct Planned {
    taken: Taken,
    /// What is to be kept.
    after: Vec<Declaration>,
    in_file: Vec<String>,
    changes: Changes,
    problems: Vec<Misplaced>,
}

impl Planned {
    fn of(bytes: &[u8], config: &Config, file: &Value, before: &[Declaration], vault: &Vault) -> Self {
        let mut taken = Taken::apart(bytes);
        let mut problems: Vec<Misplaced> = taken.problems.drain(..).map(Misplaced::of).collect();
        let plan = Plan { config, file, before, vault };
        let (mut after, mut in_file) = (Vec::new(), Vec::new());
        for item in &taken.items {
            match plan.declaration(item, &after) {
                Ok(Some(declaration)) => after.push(declaration),
                Ok(None) => in_file.push(called(item.section, &item.name)),
                Err(Refused { found, instead }) => {
                    problems.extend(found);
                    after.extend(instead);
                }
            }
        }
        // No export has them: only what is sent under their name takes their place.
        for broken in config.broken.iter().map(|it| &it.declaration) {
            let sent = taken.items.iter().any(|it| it.section == broken.section && it.name == broken.name);
            if let Some(kept) = find(before, broken.section, &broken.name).filter(|it| !sent && it.body == broken.body)
            {
                let sentence = "cannot be read, and stays as it is: mend it, or remove it by itself";
                taken.passed_over.push(format!("`{}` {sentence}", called(kept.section, &kept.name)));
                after.push(kept.clone());
            }
        }
        Self { changes: Changes::between(before, &after), taken, after, in_file, problems }
    }
}

/// Aliases by which somebody else could be meant. What is as it was is nobody's mistake now.
fn called_like_others(
    items: &[TakenItem],
    people: &People,
    before: &[Declaration],
    after: &[Declaration],
) -> Vec<Misplaced> {
    let body = |all: &[Declaration], it: &TakenItem| find(all, it.section, &it.name).map(|it| it.body.clone());
    let is_new = |it: &&TakenItem| body(after, it).is_some_and(|new| body(before, it) != Some(new));
    let misplaced = |it: &TakenItem| {
        let message = people.taken(&alias_in(it.body.as_object()?)?, people.named(&it.name))?;
        Some(Misplaced { line: Some(it.line_of("alias")), path: format!("{}.alias", it.path), message })
    };
    let users = items.iter().filter(|it| it.section == Section::Users);
    users.filter(is_new).filter_map(misplaced).collect()
}

/// Kept keys of instances that would go to another host than now.
fn led_elsewhere(items: &[TakenItem], held: Option<&Config>, candidate: &Config) -> Vec<Misplaced> {
    let host = |config: &Config, name: &str| known(config, name).ok().map(|instance| host_of(&instance.url));
    let keeps_key = |it: &&TakenItem| it.section == Section::Instances && !matches!(it.secret, Given::Secret(_));
    let elsewhere = |it: &&TakenItem| {
        let after = host(candidate, &it.name);
        after.is_some() && held.and_then(|held| host(held, &it.name)) != after
    };
    let misplaced = |it: &TakenItem| Misplaced {
        line: Some(it.line_of("url")),
        path: format!("{}.api_key", it.path),
        message: "is needed again, because the url leads to another host or port: send the key".to_owned(),
    };
    items.iter().filter(keeps_key).filter(elsewhere).map(misplaced).collect()
}

/// What an import makes of the Plex server that people chose.
enum Server {
    /// It stays, with its token.
    AsItWas,
    /// There is none any more.
    None,
    /// Another one, which takes this token.
    Other(SealedServerToken),
}

/// The Plex server from now on; the inner error is one that is none of the account's.
///
/// # Errors
/// 503 when nobody can tell.
async fn server_of(
    app: &App,
    items: &[TakenItem],
    held: Option<&Config>,
    candidate: &Config,
) -> Result<Result<Server, Misplaced>, ApiError> {
    let kept = |config: &Config| config.settings.plex.server_url.clone().filter(|_| config.keeps_plex_server());
    let Some(wanted) = kept(candidate) else { return Ok(Ok(Server::None)) };
    let item = items.iter().find(|it| it.section == Section::Plex);
    let Some(item) = item.filter(|_| held.and_then(kept).as_ref() != Some(&wanted)) else {
        return Ok(Ok(Server::AsItWas));
    };
    let way = PlexWay::open(app).await?;
    let token = candidate.settings.plex.token.clone();
    let plex = token.map(|token| way.plex_with(token, way.client_identifier.clone()));
    let seen = look_at_server(app, &way, wanted).await;
    let token = belongs(app, plex.as_ref(), &seen, &way).await;
    way.close().await?;
    match token {
        Ok(token) => Ok(Ok(Server::Other(token))),
        Err(Stranger::Refused(message)) => {
            let (line, path) = (Some(item.line_of("server_url")), format!("{}.server_url", item.path));
            Ok(Err(Misplaced { line, path, message }))
        }
        Err(Stranger::Unknown(error)) => Err(error),
    }
}

/// `instances movies`, `plex`
fn called(section: Section, name: &str) -> String {
    format!("{} {name}", section.word()).trim_end().to_owned()
}

/// A mistake with its place in what was sent.
struct Misplaced {
    line: Option<usize>,
    path: String,
    message: String,
}

impl Misplaced {
    fn of(problem: pulsarr_shared::config::Problem) -> Self {
        Self { line: problem.line, path: problem.path, message: problem.message }
    }

    /// A mistake that the reader found, at the place where somebody wrote it.
    fn found_in(items: &[TakenItem], problem: pulsarr_shared::config::Problem) -> Self {
        let item = problem.stored.as_ref().and_then(|at| {
            let item = items.iter().find(|item| item.section == at.section && item.name == at.name)?;
            let dot = if at.path.is_empty() || at.path.starts_with('[') { "" } else { "." };
            Some((item.line_of(&at.path), format!("{}{dot}{}", item.path, at.path)))
        });
        match item {
            Some((line, path)) => Self { line: Some(line), path, message: problem.message },
            // Of the settings file of this installation, whose lines are not those of what was sent.
            None => {
                let place = problem.line.map(|line| format!("line {line} of the settings file here: "));
                let message = format!("{}{}", place.unwrap_or_default(), problem.message);
                Self { line: None, path: problem.path, message }
            }
        }
    }

    fn field(self) -> FieldProblem {
        // Line 0 is that of JSON in one of its own spellings, which has none.
        let line = self.line.filter(|line| *line > 0).map(|line| format!("line {line}: ")).unwrap_or_default();
        FieldProblem { path: self.path, message: format!("{line}{}", self.message) }
    }
}

/// What cannot be kept as it was sent, and what takes its place while the rest is looked at.
struct Refused {
    found: Vec<Misplaced>,
    instead: Option<Declaration>,
}

/// What an import is compared with.
struct Plan<'a> {
    config: &'a Config,
    /// What the settings file says.
    file: &'a Value,
    /// What is kept now.
    before: &'a [Declaration],
    vault: &'a Vault,
}

impl Plan<'_> {
    /// What is to be kept of `item`, behind `others`; `None`: the settings file says it.
    fn declaration(&self, item: &TakenItem, others: &[Declaration]) -> Result<Option<Declaration>, Refused> {
        let mut found = Vec::new();
        let mut body = item.body.clone();
        let mut secret_in_file = false;
        if let Some(declared) = self.declared(item) {
            let secret_key = item.section.secret_key();
            secret_in_file = secret_key.is_some_and(|key| declared.get(key).is_some_and(|it| !it.is_null()));
            let mut differing: Vec<String> = Vec::new();
            if secret_in_file
                && let Given::Secret(given) = &item.secret
                && self.secret_in_force(item).is_none_or(|it| it.expose_secret() != given.expose_secret())
            {
                differing.extend(secret_key.map(str::to_owned));
            }
            let alike_whole = alike(&body, declared);
            match (body.as_object_mut(), declared.as_object()) {
                (Some(keys), Some(declared)) if !item.section.is_list() => {
                    for (key, declared) in declared.iter().filter(|(_, value)| !value.is_null()) {
                        if let Some(given) = keys.remove(key)
                            && !alike(&given, declared)
                        {
                            differing.push(key.clone());
                        }
                    }
                }
                (Some(keys), Some(declared)) => {
                    let all = keys.keys().chain(declared.keys().filter(|key| Some(key.as_str()) != secret_key));
                    let mut all: Vec<&String> = all.filter(|key| keys.get(*key) != declared.get(*key)).collect();
                    all.sort();
                    all.dedup();
                    let null = Value::Null;
                    let value = |of: &Map<String, Value>, key: &str| of.get(key).unwrap_or(&null).clone();
                    differing.extend(
                        all.into_iter().filter(|key| !alike(&value(keys, key), &value(declared, key))).cloned(),
                    );
                }
                _ if alike_whole => {}
                _ => differing.push(String::new()),
            }
            let refuse = |key: String| {
                let dot = if key.is_empty() { "" } else { "." };
                let message = format!(
                    "is declared otherwise in the settings file{}: change it there, or leave it out here",
                    self.source(item)
                );
                Misplaced { line: Some(item.line_of(&key)), path: format!("{}{dot}{key}", item.path), message }
            };
            found.extend(differing.into_iter().map(refuse));
            let nothing_left =
                body.as_object().is_none_or(Map::is_empty) && (secret_in_file || matches!(item.secret, Given::Nothing));
            if item.section.is_list() || nothing_left {
                return if found.is_empty() { Ok(None) } else { Err(Refused { found, instead: None }) };
            }
        }
        if !secret_in_file && let Err(refused) = self.put_secret(item, &mut body) {
            found.push(refused);
        }
        let position = others.iter().filter(|it| it.section == item.section).count();
        let (section, name, position) = (item.section, item.name.clone(), i64::try_from(position).unwrap_or(i64::MAX));
        let declaration = Declaration { section, name, position, body, version: 0 };
        let declaration = match find(self.before, section, &item.name) {
            // What is as it was keeps its version.
            Some(old) if old.body == declaration.body => Declaration { version: old.version, ..declaration },
            _ => declaration,
        };
        if found.is_empty() { Ok(Some(declaration)) } else { Err(Refused { found, instead: Some(declaration) }) }
    }

    /// What the settings file says about the same.
    fn declared(&self, item: &TakenItem) -> Option<&Value> {
        let at = item.section.path().iter().try_fold(self.file, |at, key| at.get(key))?;
        if !item.section.is_list() {
            return Some(at).filter(|at| !at.is_null());
        }
        let key = item.section.name_key();
        let name = |it: &Value| it.get(key).map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned));
        at.as_array()?.iter().find(|it| name(it).is_some_and(|name| item.section.folded(&name) == item.name))
    }

    /// ` (pulsarr.yaml:12)`; empty where nobody can tell.
    fn source(&self, item: &TakenItem) -> String {
        let key = item.section.name_key();
        let name = item.body.get(key).and_then(Value::as_str).unwrap_or_default();
        let list = item.section.path().join(".");
        let standing = Standing::of_item(self.config, &list, key, name);
        if standing.source.is_empty() { String::new() } else { format!(" ({})", standing.source) }
    }

    fn secret_in_force(&self, item: &TakenItem) -> Option<&SecretString> {
        let settings = &self.config.settings;
        match item.section {
            Section::Plex => settings.plex.token.as_ref(),
            Section::Tmdb => settings.tmdb.api_key.as_ref(),
            _ => settings.instances.iter().find(|it| it.name == item.name).map(|it| &it.api_key),
        }
    }

    /// Puts the secret into `body`: the one that was sent, sealed, or the one that is kept.
    fn put_secret(&self, item: &TakenItem, body: &mut Value) -> Result<(), Misplaced> {
        let Some((key, keys)) = item.section.secret_key().zip(body.as_object_mut()) else { return Ok(()) };
        let kept =
            find(self.before, item.section, &item.name).and_then(|it| it.body.get(key)).filter(|it| it.is_string());
        let opened = || self.vault.unseal(kept?.as_str()?).ok();
        let mut refuse = |message: String| {
            // One mistake is enough for it.
            keys.insert(key.to_owned(), "not-there".into());
            Misplaced { line: Some(item.line_of(key)), path: format!("{}.{key}", item.path), message }
        };
        let secret = match (&item.secret, kept) {
            // Given once more, it is not sealed once more: nothing has changed.
            (Given::Secret(given), Some(kept))
                if opened().is_some_and(|it| it.expose_secret() == given.expose_secret()) =>
            {
                kept.clone()
            }
            (Given::Secret(given), _) => match self.vault.seal(given) {
                Ok(sealed) => sealed.into(),
                Err(error) => return Err(refuse(format!("failed to {error}"))),
            },
            (Given::Reference | Given::Nothing, Some(kept)) => kept.clone(),
            // Plex and TMDB may go without; an instance may not.
            (Given::Nothing, None) if item.section != Section::Instances => return Ok(()),
            (Given::Reference | Given::Nothing, None) => {
                let message =
                    format!("no {key} of {} is kept here: send the secret itself", called(item.section, &item.name));
                return Err(refuse(message));
            }
        };
        keys.insert(key.to_owned(), secret);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
