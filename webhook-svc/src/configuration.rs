//! The configuration as it is now, and the one way to change what of it is kept in the store: the whole configuration is read with the
//! change in it, by the reader of the settings file, and only what has no mistake is stored and holds from then on.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use pulsarr_shared::config::{Broken, Config, ConfigError, Export, Problem};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::store::{Db, Store, StoreError};
use pulsarr_shared::telemetry;
use pulsarr_shared::vault::Vault;
use serde_json::Value;
use tokio::sync::{Mutex, Notify};

use crate::audit::{self, By};
use crate::database::Database;
use crate::detached::on_its_own;
use crate::fragment::fragment;
use crate::reply::{ApiError, FieldProblem};

/// What a configuration is read from.
#[derive(Clone)]
pub struct Origin {
    /// The process's variables.
    pub variables: Vec<(String, String)>,
    /// Where relative paths start.
    pub base_dir: PathBuf,
}

/// Environment and settings of the service.
pub struct Configuration {
    now: RwLock<Arc<Config>>,
    /// Seals the secrets that people give.
    pub vault: Vault,
    /// For reading everything anew.
    pub origin: Origin,
    /// Held while somebody changes something: what was found well together is stored together.
    editing: Arc<Mutex<()>>,
    /// Told of every change.
    pub changed: Notify,
}

/// A change, for the audit log.
pub struct Note {
    /// Who makes it.
    pub by: By,
    /// `rule.changed`
    pub action: &'static str,
    /// What is changed.
    pub target: String,
    /// More about it; no secrets.
    pub detail: Value,
}

impl Configuration {
    /// `config`, as it was read from `origin`, with what is kept in `store`.
    ///
    /// # Errors
    /// What is wrong with the key, the store, or what is kept there, as a sentence.
    pub fn new(config: Config, origin: Origin, store: &Store) -> anyhow::Result<Self> {
        let refused = |error: StoreError| anyhow::anyhow!("failed to {error}. {}", error.advice());
        let stored = store.read().declarations().map_err(refused)?;
        let is_sealed = |it: &Declaration| it.section.secret_key().is_some_and(|key| it.body[key].is_string());
        let vault = Vault::open_beside(&config.environment.data_dir, stored.iter().any(is_sealed));
        let vault = vault.map_err(|error| fragment(&error))?;
        let config = config.with_readable(&stored, &vault, origin.variables.iter().cloned(), &origin.base_dir)?;
        let now = RwLock::new(Arc::new(config));
        Ok(Self { now, vault, origin, editing: Arc::default(), changed: Notify::new() })
    }

    /// Tells the log what of what is kept in the store does not count.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn announce(&self, database: &Database) -> Result<(), StoreError> {
        for section in database.read(|db| db.unknown_sections()).await? {
            tracing::warn!("settings of a newer version are passed over: {section}");
        }
        for broken in &self.now().broken {
            tracing::error!("{}. No run decides anything until it is mended or removed.", broken.sentence());
        }
        Ok(())
    }

    /// As it is now. Whoever holds it keeps working with it when somebody changes it.
    pub fn now(&self) -> Arc<Config> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is kept in the store.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn declarations(&self, database: &Database) -> Result<Vec<Declaration>, StoreError> {
        database.read(|db| db.declarations()).await
    }

    /// Changes what is kept in the store: `edit` is given everything and changes it. Answers the configuration that holds from now on.
    /// One change at a time; all of it or nothing.
    ///
    /// # Errors
    /// Whatever `edit` says; 422 with every mistake that the change would make, where `about` is the item whose fields are named by
    /// themselves; 409 when somebody else changed the store meanwhile.
    pub async fn change(
        self: &Arc<Self>,
        database: &Database,
        about: (Section, &str),
        note: Note,
        edit: impl FnOnce(&mut Vec<Declaration>) -> Result<(), ApiError>,
    ) -> Result<Arc<Config>, ApiError> {
        self.change_with(database, about, note, edit, |_| Ok(())).await
    }

    /// As [`Self::change`], with `also` written in the same transaction.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub async fn change_with(
        self: &Arc<Self>,
        database: &Database,
        about: (Section, &str),
        note: Note,
        edit: impl FnOnce(&mut Vec<Declaration>) -> Result<(), ApiError>,
        also: impl FnOnce(Db<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Arc<Config>, ApiError> {
        self.change_if(database, about, note, edit, |_, _| Ok(Ok(())), also).await
    }

    /// As [`Self::change_with`], if `may` agrees: it is asked in the same transaction, with the configuration that there would be.
    ///
    /// # Errors
    /// As [`Self::change`], and what `may` says.
    pub async fn change_if(
        self: &Arc<Self>,
        database: &Database,
        about: (Section, &str),
        note: Note,
        edit: impl FnOnce(&mut Vec<Declaration>) -> Result<(), ApiError>,
        may: impl FnOnce(Db<'_>, &Config) -> Result<Result<(), ApiError>, StoreError> + Send + 'static,
        also: impl FnOnce(Db<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Arc<Config>, ApiError> {
        let alone = Arc::clone(&self.editing).lock_owned().await;
        let before = self.declarations(database).await?;
        let mut after = before.clone();
        edit(&mut after)?;
        let config = Arc::new(self.check_aside(after.clone(), about).await?);
        let (this, database, candidate) = (Arc::clone(self), database.clone(), Arc::clone(&config));
        // On its own feet: whoever asked may go away, and what is stored has to hold all the same.
        let work = on_its_own(async move {
            let _alone = alone;
            let stored = database.write(move |store| {
                store.write(|db| {
                    if let Err(refusal) = may(db, &candidate)? {
                        return Ok(Err(refusal));
                    }
                    let stored = db.replace_declarations(&before, &after, note.by.at_ms)?;
                    if stored {
                        audit::record(db, &note.by, note.action, &note.target, &note.detail)?;
                        also(db)?;
                    }
                    Ok(Ok(stored))
                })
            });
            if !stored.await?? {
                let message = "the settings were changed by somebody else at the same moment: look again";
                return Err(ApiError::conflict(message).passing());
            }
            // Read once more, so that what holds is what was stored, with its versions. It is stored: whatever goes wrong from now on,
            // it has to hold, and whoever asked is told so.
            let config = match this.declarations(&database).await {
                Ok(stored) => this.read_aside(stored).await.ok().and_then(Result::ok).map_or(config, Arc::new),
                Err(error) => {
                    tracing::warn!("what was stored holds, and could not be looked at again: failed to {error}");
                    config
                }
            };
            telemetry::hide_secrets_of(&config);
            telemetry::follow(&config.environment, telemetry::SERVICE);
            *this.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
            this.changed.notify_waiters();
            Ok(config)
        });
        work.await.unwrap_or_else(|_| Err(ApiError::unavailable("the change broke off: look whether it was made")))
    }

    /// Whether somebody waits for whoever [holds](Self::hold) it.
    #[cfg(test)]
    pub fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.editing) > 2
    }

    /// Keeps everybody from changing anything.
    #[cfg(test)]
    pub async fn hold(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.editing).lock_owned().await
    }

    /// Whether everything would be well with these in the store, for looking before changing: found beside whatever else there is to
    /// do, because reading takes a while.
    ///
    /// # Errors
    /// 422 with every mistake.
    pub async fn check_aside(
        self: &Arc<Self>,
        declarations: Vec<Declaration>,
        about: (Section, &str),
    ) -> Result<Config, ApiError> {
        self.read_aside(declarations).await?.map_err(|error| as_fields(error, about))
    }

    /// As [`Self::read_with`], beside whatever else there is to do.
    ///
    /// # Errors
    /// 503 when reading broke off; the inner ones are those of [`Self::read_with`].
    pub async fn read_aside(
        self: &Arc<Self>,
        declarations: Vec<Declaration>,
    ) -> Result<Result<Config, ConfigError>, ApiError> {
        self.aside(move |this| this.read_with(&declarations)).await
    }

    /// What `read` makes of the settings, away from the threads that serve requests: it reads and parses files.
    ///
    /// # Errors
    /// 503 when reading broke off.
    pub async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || read(&this)).await;
        read.map_err(|_| ApiError::unavailable("reading the settings broke off: try again"))
    }

    /// Everything that holds, as one settings file without secrets.
    ///
    /// # Errors
    /// What is wrong with the file, when it was changed since.
    pub async fn export(self: &Arc<Self>) -> Result<Export, ApiError> {
        let export = self.aside(|this| this.now().export(&this.origin.base_dir)).await?;
        export.map_err(|error| broken(&error))
    }

    /// What the settings file alone says, in its own words, as [`Config::declared_by_file`] tells it.
    ///
    /// # Errors
    /// What is wrong with the file, when it was changed since.
    pub async fn declared_by_file(self: &Arc<Self>) -> Result<Value, ApiError> {
        let declared = self.aside(|this| this.now().declared_by_file(&this.origin.base_dir)).await?;
        declared.map_err(|error| broken(&error))
    }

    /// The configuration that there would be with these in the store. What is broken already, and is as it was, stays so: it keeps
    /// nobody from mending the rest.
    ///
    /// # Errors
    /// Every other mistake, with its place in what is stored.
    pub fn read_with(&self, declarations: &[Declaration]) -> Result<Config, ConfigError> {
        let (now, variables) = (self.now(), || self.origin.variables.iter().cloned());
        let error = match now.with_stored(declarations, &self.vault, variables(), &self.origin.base_dir) {
            Ok(config) => return Ok(Config { broken: Vec::new(), ..config }),
            Err(error) => error,
        };
        let body = |section: Section, name: &str| {
            declarations.iter().find(|it| it.section == section && it.name == name).map(|it| &it.body)
        };
        let is_old = |problem: &Problem| {
            let Some(at) = &problem.stored else { return !now.broken.is_empty() };
            now.broken.iter().map(|it| &it.declaration).any(|was| {
                was.section == at.section && was.name == at.name && body(was.section, &was.name) == Some(&was.body)
            })
        };
        if !error.problems.iter().all(is_old) {
            let problems = error.problems.iter().filter(|problem| !is_old(problem)).cloned().collect();
            return Err(ConfigError { problems, file: error.file });
        }
        let config = now.with_readable(declarations, &self.vault, variables(), &self.origin.base_dir)?;
        let was_so = |it: &Broken| {
            let is = &it.declaration;
            now.broken
                .iter()
                .map(|was| &was.declaration)
                .any(|was| was.section == is.section && was.name == is.name && was.body == is.body)
        };
        let fresh = config.broken.iter().filter(|it| !was_so(it)).flat_map(|it| &it.problems);
        // One that belongs to nobody stands beside each.
        let mut problems: Vec<Problem> = Vec::new();
        for problem in fresh {
            if !problems.contains(problem) {
                problems.push(problem.clone());
            }
        }
        if problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError { problems, file: config.settings_file })
    }
}

/// Mistakes as the fields of a body: those of the item itself by their own paths, others by where they stand.
fn as_fields(error: ConfigError, (section, name): (Section, &str)) -> ApiError {
    let field = |problem: Problem| {
        let path = match problem.stored {
            Some(at) if at.section == section && at.name == name => at.path,
            Some(at) if at.name.is_empty() => join(at.section.word(), &at.path),
            Some(at) => join(&format!("{} `{}`", at.section.word(), at.name), &at.path),
            None => problem.path,
        };
        FieldProblem { path, message: problem.message }
    };
    ApiError::fields(error.problems.into_iter().map(field).collect())
}

/// The file was changed since it was read, and is none any more.
fn broken(error: &ConfigError) -> ApiError {
    ApiError::conflict(format!("the settings file cannot be read as it is now: {error}"))
}

fn join(place: &str, path: &str) -> String {
    if path.is_empty() { place.to_owned() } else { format!("{place}: {path}") }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::clock::ManualClock;
    use pulsarr_shared::model::{RunResult, Trigger};
    use pulsarr_shared::report::ProblemKind;
    use pulsarr_shared::stop::Stop;
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;
    use crate::app::App;
    use crate::connections;
    use crate::engine::Wish;
    use crate::testing::{NOW, Testing};

    const FILE: &str = "\
plex: {token: xxxxxxxxxxxxxxxxxxxx}
instances:
- {name: movies, kind: radarr, url: 'http://127.0.0.1:9', api_key: 0123456789abcdef0123456789abcdef, default: true}
rules:
- {name: hidden, route: movies}
";

    /// A service that starts beside these.
    fn beside(stored: &[(Section, &str, Value)]) -> Testing {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pulsarr.yaml"), FILE).unwrap();
        let vars = [("PULSARR_DATA_DIR", folder.path().to_str().unwrap()), ("PULSARR_AUTH", "disabled")];
        let variables = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let stored: Vec<Declaration> = (0..)
            .zip(stored)
            .map(|(position, (section, name, body))| Declaration {
                section: *section,
                name: (*name).to_owned(),
                position,
                body: body.clone(),
                version: 0,
            })
            .collect();
        let store = Store::open(folder.path(), false).unwrap();
        assert!(store.write(|db| db.replace_declarations(&[], &stored, 1)).unwrap());
        let config = Config::load(variables.clone(), folder.path()).unwrap();
        let origin = Origin { variables, base_dir: folder.path().to_owned() };
        let clock = Arc::new(ManualClock::at(NOW));
        let app = App::new(config, origin, clock.clone(), Stop::default(), Arc::default()).unwrap();
        Testing { app: Arc::new(app), clock, folder }
    }

    #[tokio::test]
    async fn a_rule_that_cannot_be_read_stops_runs_and_not_the_service_where_it_is_mended() {
        let rule = |name: &str, to: &str| (Section::Rules, name.to_owned(), json!({"name": name, "route": to}));
        let rules = [rule("a", "gone"), rule("b", "movies")];
        let service = beside(&rules.each_ref().map(|(section, name, body)| (*section, name.as_str(), body.clone())));
        let ask = async |method: &str, path: &str, body: Option<Value>| {
            service.ask("192.168.1.9", method, path, &[], body).await
        };
        let settings = ask("GET", "/settings", None).await.json;
        assert_eq!((&settings["broken"][0]["section"], &settings["broken"][0]["name"]), (&json!("rules"), &json!("a")));
        let shown = ask("GET", "/rules/a", None).await.json;
        assert!(shown["broken"][0].as_str().unwrap().contains("`gone`"), "{shown}");
        assert_eq!(ask("GET", "/rules/b", None).await.json["broken"], json!([]));
        let run = async || {
            let wish = Wish { trigger: Trigger::Schedule, user: None, full: false };
            service.app.engine.begin(wish).unwrap().end.await.unwrap().unwrap()
        };
        let report = run().await;
        assert_eq!((report.run.result, report.problems[0].kind), (RunResult::Failed, ProblemKind::Configuration));
        assert!(report.problems[0].message.contains("rules a, as it was set up"), "{:?}", report.problems);

        // What has nothing to do with it can be changed; it cannot be made wrong in another way.
        assert_eq!(ask("PUT", "/settings/default", Some(json!({"value": "none"}))).await.status, 200);
        let other = ask("PUT", "/rules/a", Some(json!({"route": "nowhere"}))).await;
        assert_eq!(
            (other.status, &other.json["error"]["problems"][0]["path"]),
            (422, &json!("route")),
            "{}",
            other.text
        );
        let mended = ask("PUT", "/rules/a", Some(json!({"route": "movies"}))).await;
        assert_eq!((mended.status, &mended.json["broken"]), (200, &json!([])), "{}", mended.text);
        assert!(service.app.config().broken.is_empty());
        assert_eq!(service.app.config().settings.rules.len(), 3);
    }

    #[tokio::test]
    async fn what_cannot_be_read_and_what_the_file_hides_can_be_removed() {
        let body = json!({"name": "hidden", "route": "movies"});
        let broken = json!({"name": "a", "route": "gone"});
        let service = beside(&[(Section::Rules, "a", broken), (Section::Rules, "hidden", body)]);
        let ask = async |method: &str, path: &str| service.ask("192.168.1.9", method, path, &[], None).await;
        assert_eq!(ask("GET", "/rules/hidden").await.json["hides_another"], true);
        assert_eq!(ask("DELETE", "/rules/hidden").await.status, 204);
        assert_eq!(ask("GET", "/rules/hidden").await.json["hides_another"], false);
        assert_eq!(ask("DELETE", "/rules/hidden").await.status, 409);
        assert_eq!(ask("DELETE", "/rules/a").await.status, 204);
        let config = service.app.config();
        assert!(config.broken.is_empty() && config.stored.is_none());
    }

    #[tokio::test]
    async fn what_is_stored_holds_also_when_it_cannot_be_read_once_more() {
        let service = beside(&[]);
        let (app, file) = (&service.app, service.folder.path().join("pulsarr.yaml"));
        let by = By { who: "ana".to_owned(), address: None, at_ms: NOW };
        let note = Note { by, action: "rule.added", target: "late".to_owned(), detail: json!({}) };
        let edit = |all: &mut Vec<Declaration>| {
            let body = json!({"name": "late", "route": "movies"});
            all.push(Declaration { section: Section::Rules, name: "late".to_owned(), position: 0, body, version: 0 });
            Ok(())
        };
        // Between the look at the candidate and the look at what was stored somebody spoils the file.
        let also = move |_: Db<'_>| {
            std::fs::write(&file, "rules: [\n").unwrap();
            Ok(())
        };
        let about = (Section::Rules, "late");
        let changed = app.configuration.change_with(&app.database, about, note, edit, also).await.unwrap();
        let names = |config: &Config| config.settings.rules.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&changed), ["hidden", "late"]);
        assert_eq!(names(&app.config()), ["hidden", "late"]);
        let kept = app.configuration.declarations(&app.database).await.unwrap();
        assert_eq!(kept.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["late"]);
    }

    #[tokio::test]
    async fn an_instance_that_cannot_be_read_is_told_mended_and_removed() {
        let shows = json!({"name": "shows", "kind": "sonarr", "url": "http://127.0.0.1:9/tv", "season_folders": true});
        let gone = json!({"name": "gone", "kind": "sonar", "url": 5});
        let service = beside(&[(Section::Instances, "shows", shows.clone()), (Section::Instances, "gone", gone)]);
        let ask = async |method: &str, path: &str, body: Option<Value>| {
            service.ask("192.168.1.9", method, path, &[], body).await
        };
        let list = ask("GET", "/instances", None).await.json;
        let told: Vec<(&Value, usize)> = list["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (&it["name"], it["broken"].as_array().unwrap().len()))
            .collect();
        assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["movies", "shows", "gone"], "{list}");
        assert!(told[0].1 == 0 && told[1].1 > 0 && told[2].1 > 0, "{list}");
        let one = ask("GET", "/instances/shows", None).await;
        assert_eq!((one.status, &one.json["kind"], &one.json["read_only"]), (200, &json!("sonarr"), &json!(false)));
        assert_eq!(one.json["settings"], shows, "as it is kept");
        assert!(one.json["broken"].to_string().contains("season_folder"), "{}", one.text);
        let seen = one.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(ask("POST", "/instances", Some(shows.clone())).await.status, 409, "the name is taken");

        // A key that was given for this place goes to no other one.
        let body = |url: &str| json!({"kind": "sonarr", "url": url, "season_folder": true});
        let with = |url: &str, key: &str| {
            let mut body = body(url);
            body["api_key"] = key.into();
            body
        };
        const KEY: &str = "fedcba9876543210fedcba9876543210";
        assert_eq!(
            ask("PUT", "/instances/shows", Some(body("http://127.0.0.1:9/tv"))).await.status,
            422,
            "it has no key"
        );
        let stale = [("If-Match", "\"7\"")];
        let put = Some(with("http://127.0.0.1:9/tv", KEY));
        assert_eq!(service.ask("192.168.1.9", "PUT", "/instances/shows", &stale, put.clone()).await.status, 412);
        let mended = service.ask("192.168.1.9", "PUT", "/instances/shows", &[("If-Match", &seen)], put).await;
        assert_eq!((mended.status, &mended.json["broken"]), (200, &json!([])), "{}", mended.text);
        assert_eq!(service.app.config().settings.instances.len(), 2);
        let removed = ask("DELETE", "/instances/gone", None).await;
        assert_eq!(removed.status, 200, "{}", removed.text);
        assert_eq!(ask("GET", "/instances/gone", None).await.status, 404);
        assert!(service.app.config().broken.is_empty());
    }

    #[tokio::test]
    async fn a_broken_instance_keeps_its_key_and_its_webhooks_password_for_its_own_place() {
        let sound =
            json!({"name": "shows", "kind": "sonarr", "url": "http://127.0.0.1:9", "api_key": "0123456789abcdef"});
        let service = beside(&[]);
        let ask = async |method: &str, path: &str, body: Option<Value>| {
            service.ask("192.168.1.9", method, path, &[], body).await
        };
        assert_eq!(ask("POST", "/instances", Some(sound)).await.status, 201);
        connections::remember_passwords(&service.app).await.unwrap();
        let password = || {
            let store = Store::open(service.folder.path(), false).unwrap();
            store.read().connection_secret("shows").unwrap().map(|it| it.expose_secret().to_owned())
        };
        let given = password();
        assert!(given.is_some());
        // As a later version may leave it behind.
        let store = Store::open(service.folder.path(), false).unwrap();
        let before = store.read().declarations().unwrap();
        let mut after = before.clone();
        after[0].body["season_folders"] = true.into();
        assert!(store.write(|db| db.replace_declarations(&before, &after, NOW)).unwrap());
        let started = service.started_again();
        let again = &started.app;
        connections::remember_passwords(again).await.unwrap();
        assert_eq!((again.config().broken.len(), password()), (1, given.clone()));
        let shown = started.ask("192.168.1.9", "GET", "/instances/shows", &[], None).await;
        assert_eq!(shown.json["settings"]["api_key"], json!({"set": true}));
        assert!(!shown.text.contains("sealed:"), "{}", shown.text);
        let put = async |url: &str| {
            let body = json!({"kind": "sonarr", "url": url});
            started.ask("192.168.1.9", "PUT", "/instances/shows", &[], Some(body)).await
        };
        let moved = put("http://127.0.0.1:8").await;
        assert_eq!(
            (moved.status, &moved.json["error"]["problems"][0]["path"]),
            (422, &json!("api_key")),
            "{}",
            moved.text
        );
        let mended = put("http://127.0.0.1:9").await;
        assert_eq!(mended.status, 200, "{}", mended.text);
        let key = again.config().settings.instances.iter().find(|it| it.name == "shows").unwrap().api_key.clone();
        assert_eq!((key.expose_secret(), password()), ("0123456789abcdef", given));
    }

    #[tokio::test]
    async fn a_lost_key_is_not_replaced_while_something_is_sealed_with_it() {
        let sealed = Vault::open(tempfile::tempdir().unwrap().path()).unwrap().seal(&"hunter2".into()).unwrap();
        let body = json!({"name": "shows", "kind": "sonarr", "url": "http://127.0.0.1:9", "api_key": sealed});
        let service = beside(&[(Section::Instances, "shows", body)]);
        assert!(!service.folder.path().join("key").exists());
        let config = service.app.config();
        assert_eq!((config.broken.len(), config.settings.instances.len()), (1, 1));
        assert!(config.broken[0].sentence().contains("put it back"), "{:?}", config.broken);
        assert_eq!(service.ask("192.168.1.9", "DELETE", "/instances/shows", &[], None).await.status, 200);
        assert!(service.app.config().broken.is_empty());
    }
}
