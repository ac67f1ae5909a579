//! What the first page tells at a glance: how everything stands, what happened today, and what waits.

use std::sync::atomic::Ordering;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{ConnectionStatus, Section};
use pulsarr_shared::report::{Problem, Report};
use pulsarr_shared::stats::Days;
use pulsarr_shared::store::{Db, Lately, StoreError};

use super::instance_health::{self, AllSeen, Health, Judged};
use super::runs::RunView;
use crate::app::App;
use crate::app::data_folder::NotWritable;
use crate::health;
use crate::metrics;
use crate::request::{ApiError, Ask};

/// How everything stands.
pub struct Overview {
    /// As probes see it.
    pub health: health::Health,
    /// Now; unix milliseconds.
    pub now_ms: UnixMs,
    /// What is wrong with the Plex server and what to do; `None`: nothing, as far as is known.
    pub server_advice: Option<String>,
    /// Whether the settings name a Plex server.
    pub has_server: bool,
    /// The Sonarrs and Radarrs, in the order of the settings.
    pub instances: Vec<InstanceState>,
    /// Those whose stored settings cannot be read.
    pub broken: Vec<String>,
    /// The run that began last.
    pub last_run: Option<RunView>,
    /// What the last run that ended says went wrong.
    pub problems: Vec<Problem>,
    /// How the watching of lists is doing.
    pub lane: Lane,
    /// Whether the data folder can be written to; or why not.
    pub disk: Result<(), NotWritable>,
    /// The database with its log; bytes.
    pub stored_bytes: u64,
    /// What happened today, in the household's zone.
    pub today: Lately,
    /// Entries that wait for something other than a run.
    pub held: u32,
}

/// How one instance stands.
pub struct InstanceState {
    /// Its name in the settings.
    pub name: String,
    /// `Sonarr` or `Radarr`.
    pub app_name: &'static str,
    /// Whether it can be worked with.
    pub health: Health,
    /// What is wrong with it and what to do; empty when nothing is.
    pub advice: String,
    /// How its webhook was found, and what to do about that; `None`: nobody has looked yet.
    pub webhook: Option<(ConnectionStatus, Option<String>)>,
    /// When it answered last, as far as anybody knows; unix milliseconds.
    pub answered_at_ms: Option<UnixMs>,
}

/// How the watching of lists is doing.
pub struct Lane {
    /// Whether it is wanted.
    pub wanted: bool,
    /// Its last sign of life; unix milliseconds, 0 before the first.
    pub last_tick_at_ms: UnixMs,
    /// How often it was started again.
    pub restarts: u64,
    /// Seconds between two looks at the owner's list.
    pub every_s: u64,
}

/// What the store knows.
struct Stored {
    last_run: Option<RunView>,
    problems: Vec<Problem>,
    instances: Vec<InstanceState>,
    today: Lately,
    held: u32,
}

/// How everything stands now.
///
/// # Errors
/// When the store cannot be read.
pub async fn look(ask: &Ask) -> Result<Overview, ApiError> {
    let app = &ask.app;
    let (config, now_ms) = (app.config(), app.now_ms());
    let asked = std::sync::Arc::clone(&config);
    let seen = instance_health::seen(app, &config);
    let stored = app.database.read(move |db| read(db, &asked, seen, now_ms)).await?;
    let disk = health::is_writable_in_time(app).await;
    let sizes = metrics::sizes(app).await;
    let broken = config.broken.iter().filter(|it| it.declaration.section == Section::Instances);
    Ok(Overview {
        health: health::look(app).await?,
        now_ms,
        server_advice: app.plex_health.server().and_then(|seen| seen.outcome.err()),
        has_server: config.settings.plex.server_url.is_some(),
        instances: stored.instances,
        broken: broken.map(|it| it.declaration.name.clone()).collect(),
        last_run: stored.last_run,
        problems: stored.problems,
        lane: lane(app, &config),
        disk,
        stored_bytes: sizes.database.saturating_add(sizes.log),
        today: stored.today,
        held: stored.held,
    })
}

fn read(db: Db<'_>, config: &Config, seen: AllSeen, now_ms: UnixMs) -> Result<Stored, StoreError> {
    let report = db.last_ended_run(false)?.and_then(|run| run.report);
    let report = report.and_then(|report| serde_json::from_str::<Report>(&report).ok());
    let (connections, judged) = (db.all_connections()?, instance_health::judged(db, config, seen)?);
    let instances = config.settings.instances.iter().zip(judged).map(|(instance, judged)| {
        let found = connections.iter().find(|row| row.instance == instance.name && row.checked_at_ms.is_some());
        let Judged { health, advice, well_at_ms, .. } = judged;
        InstanceState {
            name: instance.name.clone(),
            app_name: instance.kind().app_name(),
            webhook: found.map(|row| (row.status, row.detail.clone())),
            health,
            advice,
            answered_at_ms: well_at_ms,
        }
    });
    Ok(Stored {
        last_run: db.last_runs_in_short(1)?.pop().map(|row| RunView::of(db, row)).transpose()?,
        problems: report.map(|report| report.problems).unwrap_or_default(),
        instances: instances.collect(),
        today: db.lately(Days::new(1, &config.zone, now_ms).begin_ms(0))?,
        held: db.held_count()?,
    })
}

fn lane(app: &App, config: &Config) -> Lane {
    let (lane, environment) = (&app.fast_lane, &config.environment);
    Lane {
        wanted: environment.fast_lane,
        last_tick_at_ms: lane.last_tick_at_ms.load(Ordering::Relaxed),
        restarts: lane.restarts.load(Ordering::Relaxed),
        every_s: environment.fast_lane_own_s,
    }
}
