//! All settings as one file: to take away, and to put in the place of what the service keeps.

use pulsarr_shared::config::{Config, Given, Taken, TakenItem};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::store::Db;
use pulsarr_shared::upstreams::{SealedServerToken, forget_server_token};
use pulsarr_shared::vault::Vault;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::http::{HeaderValue, Method, header};
use warp::reply::Response;

use super::editing::{Standing, alike, all_unchanged, expected_version, find};
use super::instances::known;
use super::people::{People, alias_in};
use super::plex::{Stranger, belongs};
use super::{Answer, Endpoint, Parameter, answer, shape};
use crate::app::App;
use crate::audit::By;
use crate::configuration::Note;
use crate::connections::host_of;
use crate::plex_health::look_at_server;
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
#[derive(Debug, Serialize, JsonSchema)]
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
            let people = ask.app.database.run(|store| Ok(People(store.read().users()?))).await?;
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
mod tests {
    use super::super::household::{Household, SETTINGS, body_of};
    use super::*;
    use crate::testing::app;
    use pulsarr_shared::store::Store;

    const IMPORT: &str = "/config/import";

    /// `SETTINGS` with what the service has on top: a rule, a group, and an instance with a key of its own.
    const WHOLE: &str = "\
plex: {token: plex-hunter2, friends: false}
tmdb: {api_key: tmdb-hunter2, region: DE}
default: none
time_zone: Europe/Berlin
approvals: {expire_after_h: 72}
instances:
- {name: movies, kind: radarr, url: 'http://127.0.0.1:7878', api_key: movies-hunter2, default: true, tags: [watchlist]}
- {name: shows, kind: sonarr, url: 'http://127.0.0.1:8989', api_key: shows-hunter2}
users:
  defaults: {sync: true, quotas: [{type: movie, period: rolling, days: 7, limit: 4}]}
  overrides:
  - {plex: Tomas, alias: t, sync: false}
rules:
- {name: Old, when: {year: {\"<\": 1960}}, route: [{to: movies, tags: [old]}]}
- {name: Rest, when: {all: [{type: show}, {rt_critic: {\">\": 7.5}}]}, route: shows}
";

    async fn import(household: &Household, query: &str, body: &str) -> Result<Value, ApiError> {
        let response = household.ask(ENDPOINTS, (Method::POST, IMPORT), "", query, body).await?;
        Ok(serde_json::from_slice(&body_of(response).await).unwrap())
    }

    async fn exported(household: &Household) -> String {
        let response = household.ask(ENDPOINTS, (Method::GET, "/config/export"), "", "", "").await.unwrap();
        String::from_utf8(body_of(response).await.to_vec()).unwrap()
    }

    fn told(household: &Household) -> String {
        let settings = &household.app.config().settings;
        let keys: Vec<&str> = settings.instances.iter().map(|it| it.api_key.expose_secret()).collect();
        let tokens = [&settings.plex.token, &settings.tmdb.api_key].map(|it| it.as_ref().map(|it| it.expose_secret()));
        format!("{settings:?} {keys:?} {tokens:?}")
    }

    #[tokio::test]
    async fn an_export_with_its_secrets_makes_an_empty_installation_the_same() {
        let (one, file, other) = (Household::new(""), Household::new(WHOLE), Household::new(""));
        let came = import(&one, "", WHOLE).await.unwrap();
        assert_eq!(came["added"].as_array().unwrap().len(), 11, "{came}");
        assert_eq!(told(&one), told(&file));
        for from in [one, file] {
            let mut text = exported(&from).await;
            assert!(!text.contains("hunter2") && !text.contains("sealed:"), "{text}");
            for (name, secret) in [
                ("PLEX_TOKEN", "plex"),
                ("TMDB_API_KEY", "tmdb"),
                ("MOVIES_API_KEY", "movies"),
                ("SHOWS_API_KEY", "shows"),
            ] {
                text = text.replace(&format!("${{PULSARR_{name}}}"), &format!("{secret}-hunter2"));
            }
            import(&other, "", &text).await.unwrap();
            assert_eq!(told(&other), told(&from));
        }
        // Sent once more, with names in the place of secrets, it changes nothing.
        let before = other.db().declarations().unwrap();
        let again = import(&other, "", &exported(&other).await).await.unwrap();
        assert_eq!((&again["added"], &again["changed"], &again["removed"]), (&json!([]), &json!([]), &json!([])));
        assert_eq!(other.db().declarations().unwrap(), before);
    }

    #[tokio::test]
    async fn an_import_replaces_what_is_kept_and_is_noted_without_secrets() {
        let household = Household::new("");
        import(&household, "", WHOLE).await.unwrap();
        let body = json!({"plex": {"friends": true}, "instances": [{"name": "movies", "kind": "radarr", "url": "http://127.0.0.1:7878/radarr"}]});
        let before = household.db().declarations().unwrap();
        let dry = import(&household, "dry_run=true", &body.to_string()).await.unwrap();
        assert_eq!((&dry["changed"], &dry["dry_run"]), (&json!(["instances movies", "plex"]), &json!(true)));
        assert_eq!(household.db().declarations().unwrap(), before);
        let done = import(&household, "", &body.to_string()).await.unwrap();
        assert_eq!((&done["changed"], &done["removed"]), (&dry["changed"], &dry["removed"]));
        let config = household.app.config();
        assert_eq!(config.settings.plex.token.as_ref().unwrap().expose_secret(), "plex-hunter2");
        assert_eq!(config.settings.instances[0].api_key.expose_secret(), "movies-hunter2");
        assert!(config.settings.rules.is_empty());
        let audit = household.get(super::super::audit::ENDPOINTS, "/audit", "").await.unwrap().to_string();
        assert!(audit.contains("settings.imported") && !audit.contains("hunter2"), "{audit}");
    }

    #[tokio::test]
    async fn a_kept_key_goes_to_no_other_host() {
        let household = Household::new("");
        import(&household, "", WHOLE).await.unwrap();
        let before = household.db().declarations().unwrap();
        for (url, key) in
            [("http://a:1", ""), ("http://127.0.0.1:7879", ", api_key: '${X}'"), ("https://127.0.0.1:7878", "")]
        {
            let body = format!("instances:\n- {{name: movies, kind: radarr, url: '{url}'{key}}}\n");
            let refused = import(&household, "", &body).await.unwrap_err();
            let text = format!("{refused:?}");
            assert_eq!(refused.status(), 422, "{text}");
            assert!(text.contains("\"instances[0].api_key\", message: \"line 2: is needed again"), "{text}");
        }
        assert_eq!(household.db().declarations().unwrap(), before);
        let body = "instances:\n- {name: movies, kind: radarr, url: 'http://a:1', api_key: other-hunter2}\n";
        import(&household, "", body).await.unwrap();
        assert_eq!(household.app.config().settings.instances[0].url, "http://a:1");
        // Nobody replaces what they have not seen.
        let seen = household.send(Method::GET, "/settings", None, &Value::Null).await.etag.unwrap();
        let replace =
            async |state: &str| household.send(Method::POST, IMPORT, Some(state), &json!({"default": "none"})).await;
        assert_eq!(replace(&seen).await.status, 200);
        assert_eq!(replace(&seen).await.status, 412);
    }

    #[tokio::test]
    async fn an_import_with_mistakes_tells_all_of_them_with_lines_and_stores_nothing() {
        let household = Household::new("");
        let body = "plex: {token: file:/etc/passwd}\nrulez: []\ninstances:\n- name: movies\n  kind: radarr\n  url: http://a:1\n\
                    \x20 api_key: ${X}\nrules:\n- name: a\n  when:\n    genr: x\n  route: movies\n";
        let refused = import(&household, "", body).await.unwrap_err();
        assert_eq!(refused.status(), 422);
        let text = format!("{refused:?}");
        for part in [
            "\"plex.token\", message: \"line 1: files are not read",
            "\"rulez\", message: \"line 2: unknown key `rulez`",
            "\"instances[0].api_key\", message: \"line 7: no api_key of instances movies is kept here",
            "\"rules[0].when.genr\", message: \"line 11: unknown field `genr`",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(text.matches("FieldProblem").count(), 4, "{text}");
        assert_eq!(household.db().declarations().unwrap(), []);
    }

    #[tokio::test]
    async fn an_import_of_an_export_leaves_what_cannot_be_read() {
        let service = app(&[("PULSARR_AUTH", "disabled")]);
        let kept =
            |section, name: &str, body| Declaration { section, name: name.to_owned(), position: 0, body, version: 0 };
        let all = [
            kept(Section::Tmdb, "", json!({"regoin": "AT"})),
            kept(Section::Rules, "a", json!({"name": "A", "route": "gone"})),
            kept(Section::Rules, "b", json!({"name": "b", "label": "x"})),
        ];
        let store = Store::open(service.folder.path(), false).unwrap();
        assert!(store.write(|db| db.replace_declarations(&[], &all, 7)).unwrap());
        let before = store.read().declarations().unwrap();
        let again = service.started_again();
        let export = again.ask("::1", "GET", "/config/export", &[], None).await.text;
        assert!(export.contains("rules \"a\"") && export.contains("tmdb"), "{export}");
        let import = async |text: &str| {
            let household = Household::of(&again);
            import(&household, "", text).await
        };
        let told = import(&export).await.unwrap();
        assert_eq!((&told["changed"], &told["removed"]), (&json!([]), &json!([])), "{told}");
        let passed_over = told["passed_over"].to_string();
        assert!(passed_over.contains("rules a") && passed_over.contains("tmdb"), "{told}");
        assert_eq!(store.read().declarations().unwrap(), before);
        // What is sent takes its place, and what can be read and is not sent goes.
        let told = import("rules:\n- {name: A, label: y}\n").await.unwrap();
        assert_eq!((&told["changed"], &told["removed"]), (&json!(["rules a"]), &json!(["rules b"])), "{told}");
        let after = store.read().declarations().unwrap();
        let names: Vec<_> = after.iter().map(|it| (it.section, it.name.as_str())).collect();
        assert_eq!(names, [(Section::Rules, "a"), (Section::Tmdb, "")]);
    }

    #[tokio::test]
    async fn the_file_wins_and_what_it_says_alike_is_left_out() {
        let household = Household::new(SETTINGS);
        let same = import(&household, "", &exported(&household).await).await.unwrap();
        assert_eq!(same["added"], json!([]), "{same}");
        assert_eq!(same["in_file"].as_array().unwrap().len(), 5);
        let body =
            "plex: {token: other, friends: false}\ninstances:\n- {name: movies, kind: radarr, url: http://b:1}\n";
        let text = format!("{:?}", import(&household, "", body).await.unwrap_err());
        assert!(
            text.contains("\"plex.token\", message: \"line 1: is declared otherwise in the settings file"),
            "{text}"
        );
        assert!(
            text.contains(
                "\"instances[0].url\", message: \"line 3: is declared otherwise in the settings file (pulsarr.yaml:3)"
            ),
            "{text}"
        );
        assert_eq!(household.db().declarations().unwrap(), []);
        import(&household, "", "plex: {token: '${X}', friends: false}\n").await.unwrap();
        let config = household.app.config();
        assert!(!config.settings.plex.friends);
        assert_eq!(config.settings.plex.token.as_ref().unwrap().expose_secret(), "xxxxxxxxxxxxxxxxxxxx");
    }
}
