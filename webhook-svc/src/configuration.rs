//! The configuration as it is now, and the one way to change what of it is kept in the store: the whole configuration is read with the
//! change in it, by the reader of the settings file, and only what has no mistake is stored and holds from then on.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use pulsarr_shared::config::{Config, ConfigError, Export, Problem};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::store::{Db, Store, StoreError};
use pulsarr_shared::telemetry;
use pulsarr_shared::vault::Vault;
use serde_json::Value;
use tokio::sync::{Mutex, Notify};

use crate::api::{ApiError, FieldProblem};
use crate::audit::{self, By};
use crate::database::Database;

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
    origin: Origin,
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
        let vault = Vault::open(&config.environment.data_dir).map_err(|error| crate::app::fragment(&error))?;
        let stored =
            store.read().declarations().map_err(|error| anyhow::anyhow!("failed to {error}. {}", error.advice()))?;
        let config = config.with_stored(&stored, &vault, origin.variables.iter().cloned(), &origin.base_dir)?;
        let now = RwLock::new(Arc::new(config));
        Ok(Self { now, vault, origin, editing: Arc::default(), changed: Notify::new() })
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
        database.run(|store| store.read().declarations()).await
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
        let alone = Arc::clone(&self.editing).lock_owned().await;
        let before = self.declarations(database).await?;
        let mut after = before.clone();
        edit(&mut after)?;
        let config = Arc::new(self.check(&after, about)?);
        let (this, database) = (Arc::clone(self), database.clone());
        // On its own feet: whoever asked may go away, and what is stored has to hold all the same.
        let work = tokio::spawn(async move {
            let _alone = alone;
            let stored = database.run(move |store| {
                store.write(|db| {
                    let stored = db.replace_declarations(&before, &after, note.by.at_ms)?;
                    if stored {
                        audit::record(db, &note.by, note.action, &note.target, &note.detail)?;
                        also(db)?;
                    }
                    Ok(stored)
                })
            });
            if !stored.await? {
                let message = "the settings were changed by somebody else at the same moment: look again";
                return Err(ApiError::conflict(message));
            }
            // Read once more, so that what holds is what was stored, with its versions.
            let stored = this.declarations(&database).await?;
            let config = this.read_with(&stored).map_or(config, Arc::new);
            telemetry::hide_secrets_of(&config);
            *this.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
            this.changed.notify_waiters();
            Ok(config)
        });
        work.await.unwrap_or_else(|_| Err(ApiError::unavailable("the change broke off: look whether it was made")))
    }

    /// Whether everything would be well with these in the store: for looking before changing.
    ///
    /// # Errors
    /// 422 with every mistake.
    pub fn check(&self, declarations: &[Declaration], about: (Section, &str)) -> Result<Config, ApiError> {
        self.read_with(declarations).map_err(|error| as_fields(error, about))
    }

    /// Everything that holds, as one settings file without secrets.
    ///
    /// # Errors
    /// What is wrong with the file, when it was changed since.
    pub fn export(&self) -> Result<Export, ApiError> {
        self.now().export(&self.origin.base_dir).map_err(|error| broken(&error))
    }

    /// What the settings file alone says, in its own words, as [`Config::declared_by_file`] tells it.
    ///
    /// # Errors
    /// What is wrong with the file, when it was changed since.
    pub fn declared_by_file(&self) -> Result<Value, ApiError> {
        self.now().declared_by_file(&self.origin.base_dir).map_err(|error| broken(&error))
    }

    /// The configuration that there would be with these in the store.
    ///
    /// # Errors
    /// Every mistake, with its place in what is stored.
    pub fn read_with(&self, declarations: &[Declaration]) -> Result<Config, ConfigError> {
        self.now().with_stored(declarations, &self.vault, self.origin.variables.iter().cloned(), &self.origin.base_dir)
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
