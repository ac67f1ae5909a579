//! `pulsarr-webhook-svc`: the small always-on service beside the sync job.

mod api;
mod app;
mod audit;
mod auth;
mod body;
mod configuration;
mod connections;
mod database;
mod ending;
mod engine;
mod fast_lane;
mod inbox_worker;
mod metrics;
mod passwords;
mod plex_health;
mod plex_way;
mod receiver;
mod request_id;
mod rests;
mod routes;
mod server;
#[cfg(test)]
mod testing;
mod webhook_counts;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use app::{App, fragment};
use configuration::Origin;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Config;
use pulsarr_shared::lock::{self, Acquired, Holder, LockGuard};
use pulsarr_shared::process;
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::telemetry::{self, Keep};
use server::Limits;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

fn main() -> anyhow::Result<()> {
    let origin = Origin { variables: process::variables().collect(), base_dir: ".".into() };
    let config = Config::load(origin.variables.iter().cloned(), &origin.base_dir)?;
    telemetry::hide_secrets_of(&config);
    telemetry::start(&config.environment.log, config.environment.log_format, std::io::stderr, Keep::LastLines)
        .map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(live(config, origin))
}

/// The service's whole life.
async fn live(config: Config, origin: Origin) -> anyhow::Result<()> {
    tracing::info!("Pulsarr v{} starting", env!("CARGO_PKG_VERSION"));
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let environment = &config.environment;
    let (port, metrics_port) = (environment.port, environment.metrics_port);
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let arrived = Arc::new(Notify::new());
    let folder = environment.data_dir.clone();
    let app = Arc::new(App::new(config, origin, Arc::new(SystemClock), stop.clone(), Arc::clone(&arrived))?);
    let _alone = be_the_only_one(&folder)?;
    tracing::info!("Database initialized (SQLite)");
    let (listener, metrics_listener) = (listen(port).await?, listen(metrics_port).await?);
    let (port, metrics_port) = (listener.local_addr()?.port(), metrics_listener.local_addr()?.port());
    connections::remember_passwords(&app).await.map_err(|error| fragment(&error))?;
    tracing::info!("Server listening on port {port}");
    tracing::info!("metrics are at port {metrics_port}");
    auth::announce(&app).await.map_err(|error| fragment(&error))?;
    let worker = tokio::spawn(inbox_worker::work(Arc::clone(&app), arrived));
    let keeper = tokio::spawn(connections::keep(Arc::clone(&app)));
    let plex = tokio::spawn(plex_health::watch(Arc::clone(&app)));
    let (stopped, metrics_stopped) = (stop.clone(), stop.clone());
    let metrics = metrics::filter(Arc::clone(&app));
    let metrics = tokio::spawn(server::serve(metrics_listener, metrics, Limits::default(), until(metrics_stopped)));
    let lane = tokio::spawn(fast_lane::supervise(Arc::clone(&app)));
    let mut server = tokio::spawn(server::serve(listener, routes::all(&app), Limits::default(), until(stopped)));
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
        ("serving metrics", metrics),
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
