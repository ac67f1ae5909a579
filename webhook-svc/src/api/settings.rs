//! Every setting with its source, and what there is only one of: looked at and changed group by group.

use std::collections::BTreeMap;

use pulsarr_shared::config::{Config, Source, variables_of};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::store::Db;
use pulsarr_shared::upstreams::forget_server_token;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::http::Method;
use warp::reply::Response;

use super::editing::{
    alike, body_of, expected_version, find, kept, masked, problems_of, seal, state_now, unchanged, with_version,
};
use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::audit::By;
use crate::configuration::Note;
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/settings",
        tag: "settings",
        summary: "Every setting with its source, as `pulsarr check` lists them; of secrets only the length. Its ETag is the state of everything that the service keeps.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<SettingList>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/settings/{section}",
        tag: "settings",
        summary: "One group, in the words of the settings file: plex, tmdb, default, time_zone, approvals, intervals, logs or users.defaults.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<GroupView>),
        handle: |ask| Box::pin(show(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/settings/{section}",
        tag: "settings",
        summary: "Replaces what the service keeps of a group; for default and time_zone `{\"value\": …}`. Keys that the settings file has are changed there. A secret that is left out stays. Plex's token and server have addresses of their own: PUT /plex/token, POST /plex/server.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Map<String, Value>>),
        answer: Answer::Json(shape::<GroupView>),
        handle: |ask| Box::pin(put(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/settings/{section}",
        tag: "settings",
        summary: "Forgets what the service keeps of a group, its secret too; what the settings file says of it stays.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<GroupView>),
        handle: |ask| Box::pin(forget(ask)),
    },
];

/// Settings.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingList {
    /// Variables first, then the file's in the order of its sections.
    pub settings: Vec<SettingView>,
    /// What works but should be looked at, as sentences.
    pub warnings: Vec<String>,
    /// What the service keeps and cannot read, so that nothing of it holds; no run decides anything until it is mended or removed.
    pub broken: Vec<BrokenView>,
}

/// A part of what the service keeps that cannot be read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokenView {
    /// `instances`, `rules`, `plex`
    pub section: &'static str,
    /// Which item; empty for what there is only one of.
    pub name: String,
    /// What is wrong and what to do, as sentences without a full stop.
    pub problems: Vec<String>,
}

/// One setting as it came out.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingView {
    /// `PULSARR_PORT` or `instances[0].tags`
    pub name: String,
    /// In plain words: `(set, 20 characters)` for a secret, `(not set)` for what is absent.
    pub value: String,
    /// `default`, `environment PULSARR_PORT`, `pulsarr.yaml:12`
    pub source: String,
}

/// A group of settings.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GroupView {
    /// `plex`
    pub section: &'static str,
    /// What file and service say together, in the words of the settings file; `{"value": …}` for default and time_zone. A secret is
    /// `{"set": true}`. What nobody wrote is left out.
    pub settings: Value,
    /// What the service keeps of it, which is what can be changed here.
    pub stored: Value,
    /// Keys that the settings file or the environment has, so that they are changed there; `value` for default and time_zone.
    pub read_only: Vec<ReadOnlyKey>,
    /// Why what the service keeps of it cannot be read, as sentences; then none of it holds. Empty: it is well.
    pub broken: Vec<String>,
}

/// A key that is changed in the settings file, or in the environment.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReadOnlyKey {
    /// `friends`
    pub key: String,
    /// `pulsarr.yaml:3`, `environment PULSARR_FAST_LANE_OWN_S`
    pub source: String,
}

/// The key under which a word is sent that is a whole section.
const VALUE: &str = "value";

/// A group as the settings file has it, with `{"value": …}` for a single word.
struct Group {
    section: Section,
    /// What is changed elsewhere: what the file has, and over it what the environment has.
    file: Map<String, Value>,
    /// Where the environment has a key: `environment PULSARR_FAST_LANE_OWN_S`.
    environment: BTreeMap<&'static str, String>,
}

impl Group {
    /// The group that is asked for.
    async fn of(ask: &Ask) -> Result<Self, ApiError> {
        let word = ask.variable("section");
        let section = Section::from_word(word).filter(|section| !section.is_list());
        let section =
            section.ok_or_else(|| ApiError::not_found(format!("there is no group of settings called `{word}`")))?;
        let declared = ask.app.configuration.declared_by_file().await?;
        let found = section.path().iter().try_fold(&declared, |at, key| at.get(key));
        let mut group = Self { section, file: as_keys(found.unwrap_or(&Value::Null)), environment: BTreeMap::new() };
        group.take_variables(&ask.app.config());
        Ok(group)
    }

    /// Notes which keys the environment has: a variable that is set wins over the file and over what is kept.
    fn take_variables(&mut self, config: &Config) {
        for (key, variable) in variables_of(self.section) {
            let set = |source: &Source| matches!(source, Source::Environment { .. });
            let found = config.values.iter().find(|it| it.name == variable && set(&it.source));
            let Some(found) = found else { continue };
            // `true` and `20` as the flag and the number that they are.
            let value = serde_json::from_str(&found.value).unwrap_or_else(|_| found.value.clone().into());
            self.file.insert(key.to_owned(), value);
            self.environment.insert(key, found.source.to_string());
        }
    }

    fn stored<'d>(&self, declarations: &'d [Declaration]) -> Option<&'d Declaration> {
        find(declarations, self.section, "")
    }

    /// What the service keeps of it, whether it can be read or not.
    fn kept<'c>(&self, config: &'c Config) -> Option<&'c Declaration> {
        kept(config).find(|it| it.section == self.section)
    }

    /// Where a key of it stands in the settings file.
    fn source(&self, config: &Config, key: &str) -> String {
        if let Some(variable) = self.environment.get(key) {
            return variable.clone();
        }
        let group = self.section.path().join(".");
        let name = if is_word(self.section) { group } else { format!("{group}.{key}") };
        let within =
            |full: &str| full.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let mut found = config.values.iter().filter(|it| within(&it.name));
        let found = found.find(|it| matches!(it.source, Source::File { .. }));
        found.map_or_else(|| "the settings file".to_owned(), |it| it.source.to_string())
    }

    fn view(&self, config: &Config) -> GroupView {
        let stored = self.kept(config).map_or_else(Map::new, |it| as_keys(&masked(self.section, &it.body)));
        let broken = config.broken.iter().find(|it| it.declaration.section == self.section);
        let mut settings = self.file.clone();
        for (key, value) in &stored {
            settings.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let read_only = self.file.keys().map(|key| ReadOnlyKey { key: key.clone(), source: self.source(config, key) });
        GroupView {
            section: self.section.word(),
            read_only: read_only.collect(),
            settings: settings.into(),
            stored: stored.into(),
            broken: broken.map(problems_of).unwrap_or_default(),
        }
    }

    /// The version of what is kept of it; 0: nothing is.
    fn version(&self, config: &Config) -> i64 {
        self.kept(config).map_or(0, |it| it.version)
    }

    fn answer(&self, config: &Config) -> Result<Response, ApiError> {
        Ok(with_version(answer(&self.view(config))?, Some(self.version(config))))
    }

    /// Takes out of `body` what the file says already.
    fn without_file_keys(&self, config: &Config, body: &mut Map<String, Value>) -> Result<(), ApiError> {
        for (key, declared) in &self.file {
            let Some(given) = body.remove(key) else { continue };
            let same = match &given {
                Value::String(given) if self.section.secret_key() == Some(key.as_str()) => {
                    secret_of(config, self.section).is_some_and(|secret| secret.expose_secret() == given.trim())
                }
                given => alike(given, declared),
            };
            if !same {
                let what = if is_word(self.section) { self.section.word() } else { key };
                let source = self.source(config, key);
                if self.environment.contains_key(key.as_str()) {
                    let message = format!("`{what}` is set by the environment ({source}): change it there");
                    return Err(ApiError::conflict(message));
                }
                let message = format!("`{what}` is declared in the settings file ({source}): change it there");
                return Err(ApiError::conflict(message));
            }
        }
        Ok(())
    }
}

/// Whether a section is a single word.
const fn is_word(section: Section) -> bool {
    matches!(section, Section::Default | Section::TimeZone)
}

fn as_keys(value: &Value) -> Map<String, Value> {
    match value {
        Value::Object(keys) => keys.clone().into_iter().filter(|(_, value)| !value.is_null()).collect(),
        Value::Null => Map::new(),
        word => Map::from_iter([(VALUE.to_owned(), word.clone())]),
    }
}

/// The secret of a group as it is in force.
fn secret_of(config: &Config, section: Section) -> Option<&SecretString> {
    match section {
        Section::Plex => config.settings.plex.token.as_ref(),
        Section::Tmdb => config.settings.tmdb.api_key.as_ref(),
        _ => None,
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    Group::of(&ask).await?.answer(&ask.app.config())
}

/// The group in the path, and the version of what is kept of it; 0: nothing is.
///
/// # Errors
/// 404 when there is no such group, 409 when the settings file cannot be read any more.
pub async fn group(ask: &Ask) -> Result<(GroupView, i64), ApiError> {
    let (group, config) = (Group::of(ask).await?, ask.app.config());
    Ok((group.view(&config), group.version(&config)))
}

/// Replaces what is kept of the group in the path by the body.
///
/// # Errors
/// 409 for what the settings file has, 412 for what was changed meanwhile, 422 for what cannot be.
pub async fn put(ask: Ask) -> Result<Response, ApiError> {
    let body = body_of(&ask)?;
    if body.is_empty() {
        return Err(ApiError::input("the body says nothing: DELETE forgets the group"));
    }
    change(ask, body).await
}

/// Forgets what is kept of the group in the path.
///
/// # Errors
/// As [`put`].
pub async fn forget(ask: Ask) -> Result<Response, ApiError> {
    change(ask, Map::new()).await
}

/// Keeps `body` of a group; nothing of it when it is empty.
async fn change(ask: Ask, mut body: Map<String, Value>) -> Result<Response, ApiError> {
    let (group, expected) = (Group::of(&ask).await?, expected_version(&ask)?);
    let (section, forgets) = (group.section, body.is_empty());
    let configuration = &ask.app.configuration;
    if is_word(section)
        && let Some(key) = body.keys().find(|key| *key != VALUE)
    {
        return Err(ApiError::input(format!("`{key}` is nothing that can be set here: send {{\"value\": …}}")));
    }
    group.without_file_keys(&configuration.now(), &mut body)?;
    let before = configuration.declarations(&ask.app.database).await?;
    let found = group.stored(&before);
    match found {
        Some(found) => unchanged(found, expected)?,
        None if expected.is_some_and(|version| version != 0) => {
            return Err(ApiError::changed("somebody has forgotten it since you looked"));
        }
        None => {}
    }
    let old = found.map(|found| &found.body);
    if section == Section::Plex && !forgets {
        keep_asked_for(&mut body, old)?;
    }
    let secret_given =
        section.secret_key().and_then(|key| body.get(key)).is_some_and(|it| it.is_string() || it.is_null());
    // A secret that the file has is not kept a second time.
    if !forgets && section.secret_key().is_none_or(|key| !group.file.contains_key(key)) {
        seal(section, &mut body, old, &configuration.vault)?;
    }
    body.retain(|_, value| !value.is_null());
    let word = if is_word(section) { body.remove(VALUE) } else { None };
    let kept = word.or_else(|| (!body.is_empty()).then_some(Value::Object(body)));
    let note = Note {
        by: By::of(&ask),
        action: if kept.is_some() { "settings.changed" } else { "settings.forgotten" },
        target: section.word().to_owned(),
        detail: told(section, old, kept.as_ref(), secret_given),
    };
    let edit = |current: &mut Vec<Declaration>| {
        if *current != before {
            return Err(ApiError::conflict(
                "the settings were changed by somebody else at the same moment: look again",
            ));
        }
        current.retain(|it| it.section != section);
        current.extend(kept.map(|body| Declaration { section, name: String::new(), position: 0, body, version: 0 }));
        Ok(())
    };
    // With the group goes the Plex server that was chosen.
    let forgets_server = section == Section::Plex && forgets;
    let also = move |db: Db<'_>| if forgets_server { forget_server_token(db) } else { Ok(()) };
    let config = configuration.change_with(&ask.app.database, (section, ""), note, edit, also).await?;
    group.answer(&config)
}

/// Leaves in `body` what Plex is asked about before it is kept: token and server have addresses of their own, where that is done.
///
/// # Errors
/// 422 for another one.
fn keep_asked_for(body: &mut Map<String, Value>, old: Option<&Value>) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    for (key, advice) in [
        ("token", "is not taken here, because Plex is asked first whose it is: use PUT /plex/token, or DELETE /plex"),
        ("server_url", "is not taken here, because its server is asked first who it is: use POST /plex/server"),
    ] {
        let kept = old.and_then(|old| old.get(key));
        match (body.remove(key), kept) {
            (None, _) => {}
            (Some(Value::Object(shown)), _) if key == "token" && shown.contains_key("set") => {}
            (Some(given), Some(kept)) if given == *kept && key != "token" => {}
            (Some(_), _) => problems.push(FieldProblem { path: key.to_owned(), message: advice.to_owned() }),
        }
        if let Some(kept) = kept.filter(|_| key != "token") {
            body.insert(key.to_owned(), kept.clone());
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

/// For the audit log: which keys are other than they were, and from what to what; of a secret, that it was changed.
fn told(section: Section, before: Option<&Value>, after: Option<&Value>, secret_given: bool) -> Value {
    let keys = |value: Option<&Value>| value.map_or_else(Map::new, as_keys);
    let (before, after) = (keys(before), keys(after));
    let all: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut told = Map::new();
    for key in all {
        let (old, new) = (before.get(key), after.get(key));
        if section.secret_key() == Some(key.as_str()) {
            match new {
                None => _ = told.insert(key.clone(), json!("removed")),
                Some(_) if secret_given => _ = told.insert(key.clone(), json!("changed")),
                Some(_) => {}
            }
        } else if old != new {
            told.insert(key.clone(), json!({"before": old, "after": new}));
        }
    }
    told.into()
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let (list, state) = all(&ask);
    Ok(with_version(answer(&list)?, Some(state)))
}

/// Every setting, and the state of everything that is kept.
pub fn all(ask: &Ask) -> (SettingList, i64) {
    let config = &ask.app.config();
    let settings = config.values.iter().map(|value| SettingView {
        name: value.name.clone(),
        value: value.value.clone(),
        source: value.source.to_string(),
    });
    let broken = config.broken.iter().map(|it| BrokenView {
        section: it.declaration.section.word(),
        name: it.declaration.name.clone(),
        problems: problems_of(it),
    });
    let list =
        SettingList { settings: settings.collect(), warnings: config.warnings.clone(), broken: broken.collect() };
    (list, state_now(config))
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;
    use crate::testing::app;

    const HERE: &str = "127.0.0.1";

    #[tokio::test]
    async fn settings_name_their_sources_and_hide_secrets() {
        let household = Household::new(SETTINGS);
        let list = household.get(ENDPOINTS, "/settings", "").await.unwrap();
        let found = |name: &str| {
            let all = list["settings"].as_array().unwrap().iter();
            all.clone().find(|setting| setting["name"] == name).cloned().unwrap_or_default()
        };
        assert_eq!(found("instances[0].api_key")["value"], "(set, 32 characters)");
        assert_eq!(found("instances[1].name")["source"], "pulsarr.yaml:8");
        assert!(!list.to_string().contains("0123456789abcdef"), "{list}");
    }

    #[tokio::test]
    async fn a_group_is_changed_under_its_version_and_its_secret_is_never_told() {
        let service = app(&[("PULSARR_AUTH", "disabled")]);
        let put = |body: Value, version: &'static str| {
            let service = &service;
            async move { service.ask(HERE, "PUT", "/settings/tmdb", &[("If-Match", version)], Some(body)).await }
        };
        let first = put(json!({"api_key": "hunter2-hunter2", "region": "DE"}), "\"0\"").await;
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!(first.json["stored"], json!({"api_key": {"set": true}, "region": "DE"}));
        let settings = &service.app.config().settings;
        assert_eq!(settings.tmdb.region, "DE");
        assert_eq!(settings.tmdb.api_key.as_ref().unwrap().expose_secret(), "hunter2-hunter2");
        // Somebody who has not looked since changes nothing.
        assert_eq!(put(json!({"region": "AT"}), "\"0\"").await.status, 412);
        let second = put(json!({"region": "AT"}), "*").await;
        assert_eq!(second.status, 200, "{}", second.text);
        assert_ne!(second.headers["etag"], first.headers["etag"]);
        let settings = &service.app.config().settings;
        assert!(settings.tmdb.region == "AT" && settings.tmdb.api_key.is_some(), "a secret that is left out stays");
        let wrong = put(json!({"regoin": "AT"}), "*").await;
        assert_eq!((wrong.status, &wrong.json["error"]["problems"][0]["path"]), (422, &json!("regoin")));
        let audit = service.ask(HERE, "GET", "/audit", &[], None).await;
        assert!(audit.text.contains("settings.changed") && audit.text.contains("changed"), "{}", audit.text);
        let all = service.ask(HERE, "GET", "/settings", &[], None).await;
        let gone = service.ask(HERE, "DELETE", "/settings/tmdb", &[], None).await;
        assert_eq!((gone.status, &gone.json["stored"]), (200, &json!({})));
        assert!(service.app.config().settings.tmdb.api_key.is_none());
        for told in [first, second, audit, all] {
            assert!(!told.text.contains("hunter2"), "{}", told.text);
        }
    }

    #[tokio::test]
    async fn what_plex_is_asked_about_is_not_taken_unasked() {
        let household = Household::new("");
        let send = async |body: &Value| household.send(Method::PUT, "/settings/plex", None, body).await;
        for (key, address) in [("token", "PUT /plex/token"), ("server_url", "POST /plex/server")] {
            let refused = send(&json!({"friends": false, key: "http://127.0.0.1:9"})).await;
            assert_eq!((refused.status, &refused.json["error"]["problems"][0]["path"]), (422, &json!(key)));
            assert!(refused.json.to_string().contains(address), "{}", refused.json);
        }
        assert_eq!(household.db().declarations().unwrap(), []);
        let token = household.app.configuration.vault.seal(&"hunter2".into()).unwrap();
        let body = json!({"token": token, "server_url": "http://attic:32400"});
        let kept = Declaration { section: Section::Plex, name: String::new(), position: 0, body, version: 0 };
        household.write(|db| db.replace_declarations(&[], &[kept], 1));
        // Sent back as they are shown, or left out, they stay.
        for body in [
            json!({"friends": false}),
            json!({"friends": false, "token": {"set": true}, "server_url": "http://attic:32400"}),
        ] {
            assert_eq!(send(&body).await.status, 200);
            let settings = &household.app.config().settings.plex;
            assert!(!settings.friends && settings.token.is_some());
            assert_eq!(settings.server_url.as_deref(), Some("http://attic:32400"));
        }
    }

    #[tokio::test]
    async fn intervals_are_changed_within_their_bounds_and_what_the_environment_has_is_changed_there() {
        let service = app(&[("PULSARR_AUTH", "disabled"), ("PULSARR_FAST_LANE_FRIENDS_S", "300")]);
        let put = async |version: &str, body: Value| {
            service.ask(HERE, "PUT", "/settings/intervals", &[("If-Match", version)], Some(body)).await
        };
        let first = put("\"0\"", json!({"own_s": 40, "friends_s": 300})).await;
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!(first.json["stored"], json!({"own_s": 40}));
        assert_eq!(first.json["settings"], json!({"own_s": 40, "friends_s": 300}));
        let fixed = json!([{"key": "friends_s", "source": "environment PULSARR_FAST_LANE_FRIENDS_S"}]);
        assert_eq!(first.json["read_only"], fixed);
        let seconds = || {
            let config = service.app.config();
            (config.environment.fast_lane_own_s, config.environment.fast_lane_friends_s)
        };
        assert_eq!(seconds(), (40, 300));
        let refused = put("*", json!({"own_s": 40, "friends_s": 60})).await;
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("`friends_s` is set by the environment"), "{}", refused.text);
        let wrong = put("*", json!({"own_s": 4, "feeds": "on"})).await;
        let problems = &wrong.json["error"]["problems"];
        assert_eq!((wrong.status, &problems[0]["path"], &problems[1]["path"]), (422, &json!("own_s"), &json!("feeds")));
        assert_eq!(put("\"0\"", json!({"own_s": 50})).await.status, 412);
        assert_eq!(seconds(), (40, 300), "what was refused changes nothing");
        let audit = service.ask(HERE, "GET", "/audit", &[], None).await;
        assert!(audit.text.contains("settings.changed") && audit.text.contains("own_s"), "{}", audit.text);
        let gone = service.ask(HERE, "DELETE", "/settings/intervals", &[], None).await;
        assert_eq!((gone.status, seconds()), (200, (20, 300)));
    }

    #[tokio::test]
    async fn what_the_file_has_is_changed_there() {
        let household = Household::new(SETTINGS);
        let put = |section: &'static str, body: &'static str| {
            household.ask(ENDPOINTS, (Method::PUT, "/settings/{section}"), section, "", body)
        };
        let refused = put("users.defaults", "{\"sync\": false, \"quotas\": []}").await.unwrap_err();
        assert_eq!(refused.status(), 409);
        assert!(
            format!("{refused:?}").contains("`quotas` is declared in the settings file (pulsarr.yaml:15)"),
            "{refused:?}"
        );
        assert_eq!(put("plex", "{\"token\": \"other\"}").await.unwrap_err().status(), 409);
        // The same as there is no change.
        put("plex", "{\"token\": {\"set\": true}, \"friends\": false}").await.unwrap();
        put(
            "users.defaults",
            "{\"sync\": false, \"quotas\": [{\"type\": \"movie\", \"period\": \"daily\", \"limit\": 4}]}",
        )
        .await
        .unwrap();
        let group = household.get_one(ENDPOINTS, "/settings/{section}", "users.defaults").await.unwrap();
        assert_eq!(group["stored"], json!({"sync": false}));
        assert_eq!(group["read_only"][0]["key"], "quotas");
        let settings = &household.app.config().settings;
        assert!(!settings.plex.friends && !settings.users.default_sync && settings.plex.token.is_some());
        put("default", "{\"value\": \"none\"}").await.unwrap();
        let group = household.get_one(ENDPOINTS, "/settings/{section}", "default").await.unwrap();
        assert_eq!(group["settings"], json!({"value": "none"}));
        assert_eq!(put("default", "{\"value\": \"nowhere\"}").await.unwrap_err().status(), 422);
        assert_eq!(put("rules", "{\"value\": 1}").await.unwrap_err().status(), 404);
    }

    #[tokio::test]
    async fn a_group_that_cannot_be_read_is_shown_as_it_is_kept_and_changed_under_that_version() {
        let service = app(&[("PULSARR_AUTH", "disabled")]);
        // As a later version may leave it behind.
        let name = String::new();
        let body = json!({"regoin": "AT", "api_key": service.app.configuration.vault.seal(&"hunter2".into()).unwrap()});
        let kept = Declaration { section: Section::Tmdb, name, position: 0, body, version: 0 };
        let stored =
            service.app.database.write(move |store| store.write(|db| db.replace_declarations(&[], &[kept], 7)));
        assert!(stored.await.unwrap());
        let again = service.started_again();
        let shown = again.ask(HERE, "GET", "/settings/tmdb", &[], None).await;
        assert_eq!(shown.json["stored"], json!({"regoin": "AT", "api_key": {"set": true}}), "{}", shown.text);
        assert!(shown.json["broken"][0].as_str().unwrap().contains("regoin"), "{}", shown.text);
        assert_eq!(shown.headers["etag"], "\"7\"");
        let put = async |version: &str, body: Value| {
            again.ask(HERE, "PUT", "/settings/tmdb", &[("If-Match", version)], Some(body)).await
        };
        assert_eq!(put("\"0\"", json!({"region": "AT"})).await.status, 412, "it is not empty");
        let mended = put("\"7\"", json!({"region": "AT"})).await;
        assert_eq!((mended.status, &mended.json["broken"]), (200, &json!([])), "{}", mended.text);
        assert_eq!(mended.json["stored"], json!({"region": "AT", "api_key": {"set": true}}));
    }
}
