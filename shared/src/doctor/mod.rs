//! What an operator would otherwise look for with a shell: configuration, volume, locks, store, backups, clock, the ways to upstreams,
//! and the way back from them.
//!
//! Each part looks first and judges in a pure function. Nothing is made, migrated, locked or written; only the instances are asked to try
//! their webhook connection, which the service notes as it does every webhook.

mod backups;
mod clock;
mod finding;
mod locks;
mod store;
mod upstreams;
mod volume;
mod webhooks;

use std::path::Path;
use std::sync::Arc;

pub use finding::{Area, Finding, Level, exit_code};
pub use upstreams::Heard;
pub use webhooks::Callback;

use crate::callback;
use crate::clients::Transport;
use crate::clock::{Clock, UnixMs};
use crate::config::{Config, ConfigError};
use crate::lock::Standing;
use crate::report::ProblemKind;
use crate::stop::Stop;
use crate::store::{Db, Store, StoreError, StoreFile, sqlite_version};
use crate::sync::{PASSING_IDENTIFIER, cool_until, kept_client_identifier};
use crate::upstreams::{ServerAccess, Upstreams};

/// What everybody who asks upstreams needs.
pub struct World<'a> {
    /// With what people set up through the service, as far as it can be read.
    pub config: &'a Config,
    /// Connections.
    pub transport: &'a Transport,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Never raised: every question has its own end.
    pub stop: Stop,
}

/// Where to look on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// The data folder.
    pub data_dir: &'a Path,
    /// See `PULSARR_ALLOW_NETWORK_FS`.
    pub allow_network_fs: bool,
    /// See `PULSARR_RUN_LIMIT_S`.
    pub run_limit_s: u64,
    /// Now.
    pub now_ms: UnixMs,
}

/// What the store keeps that asking upstreams needs.
#[derive(Debug, Default)]
pub struct Kept {
    /// By which Plex knows this installation; `None`: it knows none.
    pub client_identifier: Option<String>,
    /// Whether the household's Plex server can be asked; `None` where the store does not tell.
    pub plex_server: Option<ServerAccess>,
    /// Until when Plex wants to be left alone.
    pub plex_rests_until_ms: Option<UnixMs>,
    /// For being called.
    pub callback: Callback,
}

impl Kept {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn of(db: Db<'_>, world: &World<'_>) -> Result<Self, StoreError> {
        let client_identifier = kept_client_identifier(db)?;
        let settings = &world.config.settings;
        let mut callback = Callback { installation: callback::kept_installation(db)?, ..Callback::default() };
        for instance in &settings.instances {
            if let Some(secret) = db.connection_secret(&instance.name)? {
                callback.secrets.insert(instance.name.clone(), secret);
            }
        }
        let upstreams = Upstreams::new(world.config, world.transport, &world.clock, &world.stop);
        let plex_server = match &settings.plex.token {
            Some(token) => {
                let identifier = client_identifier.as_deref().unwrap_or(PASSING_IDENTIFIER);
                Some(upstreams.plex_server(&upstreams.plex(token, identifier.to_owned()), db)?)
            }
            None => None,
        };
        let plex_rests_until_ms = cool_until(db, world.clock.now_ms())?;
        Ok(Self { client_identifier, plex_server, plex_rests_until_ms, callback })
    }
}

/// The store as it lies in the data folder, for a look; `None` where there is none or it cannot be opened, which [`look_here`] tells of.
#[must_use]
pub fn open_store(data_dir: &Path) -> Option<StoreFile> {
    let path = Store::path(data_dir);
    let takes_writes = volume::Volume::of(data_dir).takes_writes();
    (takes_writes && path.exists()).then(|| StoreFile::look(&path).ok()).flatten()
}

/// Whether the service is at work.
#[must_use]
pub fn is_served(data_dir: &Path) -> bool {
    crate::lock::standing(data_dir, crate::lock::Duty::Service).is_ok_and(|standing| standing != Standing::Free)
}

/// Looks at everything on this machine: the volume, who is at work, the store, and the backups. Takes some seconds for a large store.
#[must_use]
pub fn look_here(machine: &Machine<'_>) -> Vec<Finding> {
    let Machine { data_dir, allow_network_fs, run_limit_s, now_ms } = *machine;
    let (path, backup_folder) = (Store::path(data_dir), crate::backup::folder_of(data_dir));
    let volume = volume::Volume::of(data_dir);
    let store_bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    let mut findings = volume::judge(&volume, store_bytes, allow_network_fs);
    if !matches!(volume.there, Ok(volume::There::Folder(_))) {
        return findings;
    }
    findings.extend(match locks::Locks::of(data_dir) {
        Ok(locks) => locks::judge(&locks, run_limit_s, now_ms),
        Err(error) => {
            let advice = "Check the folder `run` in the data folder, and whether its file system knows locks.";
            vec![Finding::ill(Area::Locks, ProblemKind::Configuration, format!("failed to {error}"), advice)]
        }
    });
    if !path.exists() {
        findings.push(Finding::attention(
            Area::Store,
            "there is no store yet",
            "The first run or the service makes it.",
        ));
        findings.extend(backups::named(&backup_folder));
        return findings;
    }
    if !volume.takes_writes() {
        let advice = "What is said about the volume comes first: SQLite has to write to look.";
        findings.push(Finding::attention(Area::Store, "it was not looked at", advice));
        findings.extend(backups::named(&backup_folder));
        return findings;
    }
    findings.extend(store::judge(&store::look(&path)));
    findings.extend(backups::of_replaced(&crate::restore::replaced_in(data_dir).unwrap_or_default()));
    findings.extend(match backups::Backups::of(&backup_folder) {
        Ok(backups) => backups::judge(&backups, now_ms),
        Err(error) => {
            let advice = "Check the folder `backup` in the data folder.";
            vec![Finding::attention(Area::Backups, format!("backups cannot be looked at: {error}"), advice)]
        }
    });
    findings
}

/// Asks everybody out there, and compares clocks.
pub async fn look_around(world: &World<'_>, kept: &Kept) -> Vec<Finding> {
    let Heard { mut findings, clocks } = upstreams::ask(world, kept, &kept.callback).await;
    findings.extend(clock::judge(&clocks));
    findings
}

/// What is to be said about a configuration that could be read.
#[must_use]
pub fn of_config(config: &Config) -> Vec<Finding> {
    let read = match &config.settings_file {
        Some(path) => format!("it has no mistakes; the settings file is {}", path.display()),
        None => "it has no mistakes; there is no settings file".to_owned(),
    };
    let mut findings = vec![Finding::well(Area::Configuration, read)];
    findings.extend(config.warnings.iter().map(|warning| Finding {
        advice: None,
        ..Finding::attention(Area::Configuration, warning.trim_end_matches('.'), "")
    }));
    findings.extend(config.broken.iter().map(|broken| {
        let sentence = broken.sentence();
        let sentence = sentence.trim_end_matches('.');
        Finding { advice: None, ..Finding::ill(Area::Configuration, ProblemKind::Configuration, sentence, "") }
    }));
    findings
}

/// What is to be said about one that could not.
#[must_use]
pub fn of_mistakes(error: &ConfigError) -> Vec<Finding> {
    let advice = "`pulsarr check --offline` tells where each value comes from.";
    let mistakes = error.to_string();
    let lines = mistakes.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| Finding::ill(Area::Configuration, ProblemKind::Configuration, line, advice)).collect()
}

/// What runs here, and by which calendar.
#[must_use]
pub fn versions(config: Option<&Config>, now_ms: UnixMs) -> Vec<Finding> {
    let program = format!(
        "pulsarr {}, which makes stores of schema {}, with SQLite {}",
        env!("CARGO_PKG_VERSION"),
        Store::known_schema(),
        sqlite_version()
    );
    let mut findings = vec![Finding::well(Area::Versions, program)];
    if let Some(config) = config {
        let name = config.zone.iana_name().unwrap_or("a zone of its own");
        let now = jiff::Timestamp::from_millisecond(now_ms).map(|now| config.zone.to_datetime(now));
        let now =
            now.map_or_else(|_| String::new(), |now| format!(", where it is {}", now.strftime("%Y-%m-%d %H:%M:%S")));
        findings.push(Finding::well(Area::Versions, format!("days begin as in {name}{now}")));
    }
    findings
}
