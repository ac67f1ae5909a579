//! One file per command.

pub mod approvals;
pub mod backup;
pub mod check;
mod chore;
pub mod copy;
pub mod doctor;
pub mod explain;
mod progress;
pub mod restore;
pub mod simulate;
pub mod status;
pub mod sync;
mod text_report;
pub mod upkeep;

use std::io::Write;
use std::path::Path;

use pulsarr_shared::config::{Config, ConfigError, Environment};
use pulsarr_shared::model::Declaration;
use pulsarr_shared::printable::printable;
use pulsarr_shared::process;
use pulsarr_shared::store::Store;
use pulsarr_shared::telemetry::{self, Keep};
use pulsarr_shared::vault::Vault;
use serde::Serialize;

use crate::failure::Failure;

/// Prints on standard output. A reader that went away is no failure: what was to be done is done.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// The configuration of this process: its environment, a `.env` beside it, and the settings file.
fn load_config() -> Result<Config, ConfigError> {
    Config::load(process::variables(), Path::new("."))
}

/// The same with what people set up through the service, if there is a store; looking makes none.
fn load_whole_config() -> Result<Config, Failure> {
    let config = load_config()?;
    match open_store_if_any(&config)? {
        Some(store) => with_readable(&config, &store),
        None => Ok(config),
    }
}

/// `config` with what people set up through the service, all of which has to be right.
fn with_stored(config: &Config, store: &Store) -> Result<Config, Failure> {
    let config = config.with_stored(&kept(store)?, &vault(config)?, process::variables(), Path::new("."))?;
    telemetry::hide_secrets_of(&config);
    telemetry::follow(&config.environment, telemetry::JOB);
    Ok(config)
}

/// The same without what cannot be read, which is logged; a run tells it in its report and decides nothing.
fn with_readable(config: &Config, store: &Store) -> Result<Config, Failure> {
    let config = config.with_readable(&kept(store)?, &vault(config)?, process::variables(), Path::new("."))?;
    telemetry::hide_secrets_of(&config);
    telemetry::follow(&config.environment, telemetry::JOB);
    Ok(config)
}

/// What people set up through the service.
fn kept(store: &Store) -> Result<Vec<Declaration>, Failure> {
    for section in store.read().unknown_sections()? {
        tracing::warn!("settings of a newer version are passed over: {section}");
    }
    Ok(store.read().declarations()?)
}

fn vault(config: &Config) -> Result<Vault, Failure> {
    Vault::of_existing(&config.environment.data_dir).map_err(|error| Failure {
        code: crate::exit_code::ExitCode::Configuration,
        text: format!("pulsarr: failed to {error}"),
    })
}

/// The same for looking at the rules alone, which needs no secrets.
fn load_config_without_secrets() -> Result<Config, ConfigError> {
    Config::load_without_secrets(process::variables(), Path::new("."))
}

/// Writes a report as one JSON object on one line.
fn say_json(report: &impl Serialize) -> Result<(), Failure> {
    let json =
        serde_json::to_string(report).map_err(|error| Failure::unexpected(format!("write the report: {error}")))?;
    say(&format!("{json}\n"));
    Ok(())
}

/// The command line asks for what there is not; `sentence` is a fragment that fits "failed to".
fn usage(sentence: impl std::fmt::Display) -> Failure {
    // Names come from Plex and from people, and a line break in one of them is none of ours.
    let text = printable(&format!("pulsarr: failed to {sentence}")).into_owned();
    Failure { code: crate::exit_code::ExitCode::Usage, text }
}

/// The configuration, with logging started as it says.
fn load_config_and_log() -> Result<Config, Failure> {
    let config = load_config()?;
    telemetry::hide_secrets_of(&config);
    start_log(&config.environment)?;
    Ok(config)
}

/// What the environment says, for whatever the settings file is none of its business: with logging started as it says.
fn load_environment_and_log() -> Result<Environment, Failure> {
    let (environment, warnings) = Environment::from_vars(process::variables(), Path::new("."))?;
    start_log(&environment)?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    Ok(environment)
}

fn start_log(environment: &Environment) -> Result<(), Failure> {
    telemetry::follow(environment, telemetry::JOB);
    telemetry::start(&environment.log, environment.log_format, progress::AroundBar::default, Keep::Nothing)
        .map_err(|text| Failure { code: crate::exit_code::ExitCode::Configuration, text: format!("pulsarr: {text}") })
}

/// Logs what should be looked at.
fn warn_of(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for broken in &config.broken {
        tracing::warn!("{}", broken.sentence());
    }
}

/// The store of this configuration for a command that only looks, or `None` before the first run: looking makes no files. One of
/// an older version is upgraded, as by a run.
fn open_store_if_any(config: &Config) -> Result<Option<Store>, Failure> {
    Store::exists(&config.environment.data_dir).then(|| open_store(&config.environment)).transpose()
}

/// The store of this configuration.
fn open_store(environment: &Environment) -> Result<Store, Failure> {
    Ok(Store::open(&environment.data_dir, environment.allow_network_fs)?)
}
