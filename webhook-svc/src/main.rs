//! `pulsarr-webhook-svc`: the small always-on service beside the sync job.

mod api;
mod app;
mod auth;
mod body;
mod database;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use anyhow::{Context, bail};
use app::{App, Counters, Declared};
use database::Database;
use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Config;
use pulsarr_shared::lock::{self, Acquired, Holder, LockGuard};
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::Store;
use pulsarr_shared::vault::Vault;
use pulsarr_shared::{process, telemetry};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> anyhow::Result<()> {
    let config = Config::load(process::variables(), Path::new("."))?;
    telemetry::start(&config.environment.log, config.environment.log_format, std::io::stderr)
        .map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(live(config))
}

/// The service's whole life.
async fn live(config: Config) -> anyhow::Result<()> {
    tracing::info!("Pulsarr v{} starting", env!("CARGO_PKG_VERSION"));
    let store = open(&config)?;
    let _alone = be_the_only_one(&config)?;
    let declared = Declared {
        vault: Vault::open(&config.environment.data_dir).map_err(|error| fragment(&error))?,
        variables: process::variables().collect(),
        base_dir: PathBuf::from("."),
        editing: tokio::sync::Mutex::default(),
    };
    let stored =
        store.read().declarations().map_err(|error| anyhow::anyhow!("failed to {error}. {}", error.advice()))?;
    let config =
        config.with_stored(&stored, &declared.vault, declared.variables.iter().cloned(), &declared.base_dir)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let environment = &config.environment;
    tracing::info!("Database initialized (SQLite)");
    // Bound here, because warp would panic on a port that is taken.
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, environment.port));
    let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    let port = listener.local_addr()?.port();
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let app = Arc::new(App {
        transport: Transport::trusting(environment.ca_file.as_deref()).map_err(|error| fragment(&error))?,
        database: Database::start("store", store)?,
        clock: Arc::new(SystemClock),
        stop: stop.clone(),
        started_at_ms: SystemClock.now_ms(),
        counters: Counters::default(),
        declared,
        config: RwLock::new(Arc::new(config)),
    });
    tracing::info!("Server listening on port {port}");
    warp::serve(routes::all(&app))
        .incoming(listener)
        .graceful(async move {
            stop.wait().await;
        })
        .run()
        .await;
    tracing::info!("stopped");
    Ok(())
}

fn open(config: &Config) -> anyhow::Result<Store> {
    let environment = &config.environment;
    Store::open(&environment.data_dir, environment.allow_network_fs)
        .map_err(|error| anyhow::anyhow!("failed to {error}. {}", error.advice()))
}

/// Two services on one store would answer each other's webhooks and watch Plex twice.
fn be_the_only_one(config: &Config) -> anyhow::Result<LockGuard> {
    let since_ms = SystemClock.now_ms();
    let holder = Holder { host: process::host_name(), pid: std::process::id(), run_id: "service".to_owned(), since_ms };
    let folder = &config.environment.data_dir;
    match lock::try_acquire_service(folder, &holder).map_err(|error| fragment(&error))? {
        Acquired::Ours(guard) => Ok(guard),
        Acquired::Held(by) => {
            let by = by.map_or_else(|| "another process".to_owned(), |by| by.to_string());
            bail!("another service already works on {}: {by}. Stop that one first.", folder.display())
        }
    }
}

/// Our libraries' errors are fragments that fit "failed to".
fn fragment(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
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
