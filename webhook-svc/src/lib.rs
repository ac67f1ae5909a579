//! `pulsarr-webhook-svc`: the small always-on service beside the sync job. A library, so that the image's one program can be both.

mod api;
mod app;
mod aside;
mod audit;
mod auth;
mod body;
mod command_line;
mod configuration;
mod connections;
mod database;
mod detached;
mod ending;
mod engine;
mod fast_lane;
mod fingerprint;
mod fragment;
mod health;
mod inbox_worker;
mod insights;
mod instance_watch;
mod metrics;
mod pages;
mod passwords;
mod patient_stream;
mod plex_health;
mod plex_server;
mod plex_way;
mod posters;
mod receiver;
mod reply;
mod request;
mod rest;
mod routes;
mod run_view;
mod server;
mod standing;
mod supervisor;
#[cfg(test)]
mod testing;
mod webhook_counts;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use app::App;
use configuration::Origin;
use fragment::fragment;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Config;
use pulsarr_shared::lock::{self, Acquired, Holder, LockGuard};
use pulsarr_shared::process;
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::StoreError;
use pulsarr_shared::telemetry::{self, Keep};
use server::Limits;
use supervisor::keep_alive;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// The whole program, as its command line wants it.
pub fn main() -> std::process::ExitCode {
    command_line::run(serve)
}

/// Serves until it is told to stop.
fn serve() -> anyhow::Result<()> {
    let origin = Origin { variables: process::variables().collect(), base_dir: ".".into() };
    let config = Config::load(origin.variables.iter().cloned(), &origin.base_dir)?;
    telemetry::hide_secrets_of(&config);
    telemetry::follow(&config.environment, telemetry::SERVICE);
    telemetry::start(&config.environment.log, config.environment.log_format, std::io::stderr, Keep::LastLines)
        .map_err(anyhow::Error::msg)?;
    supervisor::log_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let lived = runtime.block_on(live(config, origin));
    // Not dropped: that would wait for every thread that still asks a name server or reads a file.
    runtime.shutdown_background();
    telemetry::finish();
    lived
}

/// The service's whole life.
async fn live(config: Config, origin: Origin) -> anyhow::Result<()> {
    tracing::info!("Pulsarr v{} starting", env!("CARGO_PKG_VERSION"));
    let warnings = config.warnings.clone();
    let environment = &config.environment;
    let (port, metrics_port) = (environment.port, environment.metrics_port);
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let arrived = Arc::new(Notify::new());
    // Before the store: opening it migrates it, and the service that is at work may be an older one.
    let _alone = be_the_only_one(&environment.data_dir)?;
    let app = Arc::new(App::new(config, origin, Arc::new(SystemClock), stop.clone(), Arc::clone(&arrived))?);
    tracing::info!("Database initialized (SQLite)");
    let (listener, metrics_listener) = (listen(port).await?, listen(metrics_port).await?);
    let (port, metrics_port) = (listener.local_addr()?.port(), metrics_listener.local_addr()?.port());
    tracing::info!("Server listening on port {port}");
    // After the three lines that operators and scripts look for; whoever has connected already is answered after all of it.
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    app.configuration.announce(&app.database).await.map_err(|error| fragment(&error))?;
    connections::remember_passwords(&app).await.map_err(|error| fragment(&error))?;
    tracing::info!("metrics are at port {metrics_port}");
    auth::announce(&app).await.map_err(|error| fragment(&error))?;
    let work = move |app| inbox_worker::work(app, Arc::clone(&arrived));
    let worker = tokio::spawn(keep_alive(Arc::clone(&app), "the work on what comes in", work));
    let keeper = tokio::spawn(keep_alive(Arc::clone(&app), "the keeping of webhook connections", connections::keep));
    let plex = tokio::spawn(keep_alive(Arc::clone(&app), "the look after Plex", plex_health::watch));
    let instances = tokio::spawn(keep_alive(Arc::clone(&app), "the look after the instances", instance_watch::watch));
    let charts = tokio::spawn(keep_alive(Arc::clone(&app), "the counting for charts", insights::keep_ready));
    let (stopped, metrics_stopped) = (stop.clone(), stop.clone());
    let metrics = metrics::filter(Arc::clone(&app));
    let counted = Arc::clone(&app);
    let metrics = tokio::spawn(async move {
        let full = &counted.connections_full;
        server::serve(metrics_listener, metrics, Limits::default(), full, until(metrics_stopped)).await;
    });
    let lane = tokio::spawn(fast_lane::supervise(Arc::clone(&app)));
    tokio::spawn(keep_alive(Arc::clone(&app), "the giving back of memory", rest::keep));
    let counted = Arc::clone(&app);
    let mut server = tokio::spawn(async move {
        let full = &counted.connections_full;
        server::serve(listener, routes::all(&counted), Limits::default(), full, until(stopped)).await;
    });
    tokio::select! {
        biased;
        _ = stop.wait() => {}
        // It ends before the stop only when it dies, and then so does the service.
        ended = &mut server => return ended.context("failed to serve"),
    }
    // All of them have heard of the stop. Whatever was acknowledged is acted on, or waits in the store.
    let parts = vec![
        ("serving", server),
        ("acting on webhooks", worker),
        ("looking after connections", keeper),
        ("watching Plex", plex),
        ("watching the instances", instances),
        ("serving metrics", metrics),
        ("counting for charts", charts),
        ("the fast lane", lane),
    ];
    let ended = ending::of_parts(parts, ending::PARTS_WITHIN).await;
    // A run that is under way says in its row how it ended before the service goes.
    if tokio::time::timeout(ending::RUN_WITHIN, app.engine.idle()).await.is_err() {
        tracing::warn!("a run did not end in time; the next one takes up its work");
    }
    ended.context("failed to end a part of the service")?;
    tracing::info!("stopped");
    Ok(())
}

/// Until the service stops.
async fn until(stop: Stop) {
    stop.wait().await;
}

/// Bound before anything is served, so that a port that is taken ends the start.
async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}

/// Two services on one store would answer each other's webhooks and watch Plex twice.
fn be_the_only_one(folder: &Path) -> anyhow::Result<LockGuard> {
    // Where the lock is; with a new data folder nobody has made it yet.
    let run = folder.join("run");
    std::fs::create_dir_all(&run).map_err(|error| unusable(run, &error))?;
    let since_ms = SystemClock.now_ms();
    let holder = Holder { host: process::host_name(), pid: std::process::id(), run_id: "service".to_owned(), since_ms };
    match lock::try_acquire_service(folder, &holder).map_err(|error| fragment(&error))? {
        Acquired::Ours(guard) => Ok(guard),
        Acquired::Held(by) => {
            let by = by.map_or_else(|| "another process".to_owned(), |by| by.to_string());
            bail!("another service already works on {}: {by}. Stop that one first.", folder.display())
        }
    }
}

/// In the words of the store, whose folder it is.
fn unusable(path: PathBuf, error: &std::io::Error) -> anyhow::Error {
    let error = match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full,
        std::io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        _ => StoreError::Folder { path, detail: error.to_string() },
    };
    anyhow::anyhow!("failed to {error}. {}", error.advice())
}

/// Raises `stop` on SIGTERM and SIGINT.
fn stop_on_signals(stop: &Stop) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.request(StopReason::Terminated);
    });
    Ok(())
}
