//! How the programs are told what to do: variables for the process, one file for what people set up, both read once at
//! the start. `pulsarr check` prints the outcome with the source of every value.
//!
//! Everything that is wrong is reported together, and a configuration with any mistake is refused whole. This module
//! reads files, and nothing else of the outside world: it is handed the variables, it opens no connection, and it does
//! not look into the store. Secrets leave it as [`secrecy::SecretString`] only; messages and listed values never hold
//! one.

mod address;
mod approvals;
mod conditions;
mod environment;
mod export;
mod finding;
mod import;
mod instances;
mod known;
mod nearest;
mod overrides;
mod quotas;
mod reader;
mod routes;
mod rule_tests;
mod rules;
mod secret;
mod settings;
mod stored;
#[cfg(test)]
mod tests;
mod users;
mod variable_keys;
mod variables;
mod what_if;
mod yaml;
mod zone;

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

pub use environment::{AuthMode, Environment, FeedUse, LogFormat, TERMINATION_LOG, is_log_filter};
pub use export::{Export, rule_text};
pub use finding::{ConfigError, Problem, Source, StoredAt, Value};
pub use import::{Given, MOST_ITEMS, Taken, TakenItem};
pub use overrides::{Overrides, UserOverride};
pub use quotas::PERIODS as QUOTA_PERIODS;
pub use routes::ROUTE_OPTIONS;
pub use rule_tests::SOMEBODY;
pub use settings::{PlexSettings, Settings, TmdbSettings};
pub use stored::{Broken, Stored};
pub use users::UserSettings;
pub use variable_keys::variables_of;

use jiff::tz::TimeZone;

use crate::model::{Declaration, Relation, User};
use crate::routing::{Available, Policy};

use finding::{Findings, quoted};
use secret::Secrets;
use variables::Variables;

/// The name a settings file has unless `PULSARR_CONFIG` says otherwise.
pub const SETTINGS_FILE: &str = "pulsarr.yaml";

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The process's own settings.
    pub environment: Environment,
    /// What people set up; the default when there is no file.
    pub settings: Settings,
    /// The zone in which days begin: the settings file's, the process's, or UTC.
    pub zone: TimeZone,
    /// The file that was read.
    pub settings_file: Option<PathBuf>,
    /// Every setting with its source: variables first, then the file's in the order of its sections.
    pub values: Vec<Value>,
    /// What works but should be looked at, as sentences.
    pub warnings: Vec<String>,
    /// What was read besides the file; `None`: nothing.
    pub stored: Option<Stored>,
    /// What is kept in the store and cannot be read as it is, so that nothing of it holds. No run decides anything meanwhile: what it
    /// says may be that something is not wanted.
    pub broken: Vec<Broken>,
}

/// How a configuration is read.
struct Loading<'a> {
    /// A secret that cannot be found is taken for set.
    lenient: bool,
    /// What is read besides the file.
    stored: Option<&'a Stored>,
}

impl Config {
    /// Reads `vars`, `<base_dir>/.env`, and the settings file: the one `PULSARR_CONFIG` names, else
    /// `<base_dir>/pulsarr.yaml`, else `<data_dir>/pulsarr.yaml`, else none. Relative paths start at `base_dir`, the
    /// process's working directory.
    ///
    /// # Errors
    /// Every problem of the environment and the file at once. Nothing is half applied.
    pub fn load(vars: impl IntoIterator<Item = (String, String)>, base_dir: &Path) -> Result<Self, ConfigError> {
        Self::load_with(vars, base_dir, &Loading { lenient: false, stored: None })
    }

    /// The same for looking at the rules alone, where nobody is asked anything: a secret that cannot be found is taken for set, so
    /// that rules can be tested where no secrets are.
    ///
    /// # Errors
    /// Every other problem at once.
    pub fn load_without_secrets(
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<Self, ConfigError> {
        Self::load_with(vars, base_dir, &Loading { lenient: true, stored: None })
    }

    fn load_with(
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
        loading: &Loading<'_>,
    ) -> Result<Self, ConfigError> {
        let mut findings = Findings::default();
        let variables = Variables::read(vars, base_dir, &mut findings);
        let plain = Secrets::new(&variables, base_dir);
        let secrets = if loading.lenient { Secrets::taken_for_set(&variables, base_dir) } else { plain };
        let secrets = secrets.with_vault(loading.stored.map(|stored| &stored.vault));
        let stored: Vec<&Declaration> = loading.stored.iter().flat_map(|stored| &stored.declarations).collect();
        let mut environment = Environment::read(&variables, &secrets, base_dir, &mut findings);
        let file = find_settings(&environment, base_dir).unwrap_or_else(|problem| {
            findings.problem(problem);
            None
        });
        let shown = file.as_ref().map(|(path, _)| path.strip_prefix(base_dir).unwrap_or(path).to_owned());
        let (settings, read) = match (&file, &shown) {
            (Some((_, bytes)), Some(shown)) => settings::read(bytes, &shown.display().to_string(), &secrets, &stored),
            _ => settings::defaults(&secrets, &stored),
        };
        findings.problems.extend(read.problems);
        findings.warnings.extend(read.warnings);
        findings.values.extend(read.values);
        variable_keys::apply(&settings.for_variables, &mut environment, &mut findings);
        known::warn_unknown(&variables, &secrets.into_asked(), &mut findings);
        let zone = settings.time_zone.clone().unwrap_or_else(|| environment.zone(&mut findings));
        if !findings.problems.is_empty() {
            return Err(ConfigError { problems: findings.problems, file: shown });
        }
        Ok(Self {
            environment,
            zone,
            settings,
            settings_file: file.map(|(path, _)| path),
            values: findings.values,
            warnings: findings.warnings,
            stored: None,
            broken: Vec::new(),
        })
    }
}

impl Config {
    /// What decisions are made by.
    #[must_use]
    pub fn policy(&self) -> Policy<'_> {
        let settings = &self.settings;
        Policy {
            instances: &settings.instances,
            rules: &settings.rules,
            default_routing: settings.default_routing,
            approvals: &settings.approvals,
            zone: &self.zone,
            available: Available {
                tmdb: settings.tmdb.api_key.is_some(),
                plex_server: settings.plex.server_url.is_some(),
            },
        }
    }
}

impl Config {
    /// Whether the address of the household's Plex server is one that people chose in the service, and not the settings file's.
    #[must_use]
    pub fn keeps_plex_server(&self) -> bool {
        self.values.iter().any(|value| value.name == "plex.server_url" && value.source == Source::Stored)
    }
}

impl Settings {
    /// Whether this user's list is read, decided and acted on: of the owner and of friends, unless they are switched off.
    #[must_use]
    pub fn reads(&self, user: &User) -> bool {
        let readable = match user.relation {
            Relation::Owner => true,
            Relation::Friend => self.plex.friends,
            Relation::FormerFriend => false,
        };
        readable && self.users.syncs(user)
    }
}

/// The settings file with its content.
fn find_settings(environment: &Environment, base_dir: &Path) -> Result<Option<(PathBuf, Vec<u8>)>, Problem> {
    if let Some(path) = &environment.config {
        let shown = quoted(&path.display().to_string());
        return match read_file(path) {
            Ok(Some(bytes)) => Ok(Some((path.clone(), bytes))),
            Ok(None) => Err(Problem::outside(
                "PULSARR_CONFIG",
                format!("there is no file {shown}: create it, or unset the variable"),
            )),
            Err(error) => Err(unreadable("PULSARR_CONFIG", &shown, &error)),
        };
    }
    for folder in [base_dir, &environment.data_dir] {
        let path = folder.join(SETTINGS_FILE);
        match read_file(&path) {
            Ok(Some(bytes)) => return Ok(Some((path, bytes))),
            Ok(None) => {}
            Err(error) => return Err(unreadable("settings", &quoted(&path.display().to_string()), &error)),
        }
    }
    Ok(None)
}

fn unreadable(path: &str, shown: &str, error: &std::io::Error) -> Problem {
    Problem::outside(path, format!("the file {shown} cannot be read ({error}): check what it is and who may read it"))
}

/// A file's bytes, at most one more than a settings file may have; `None` when there is none.
fn read_file(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(yaml::FILE_LIMIT as u64 + 1).read_to_end(&mut bytes).map(|_| Some(bytes)),
        // The second: a data folder that is a file. The store explains that better.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
