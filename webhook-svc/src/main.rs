//! `pulsarr-webhook-svc`: the small always-on service beside the sync job. Today it only says that it is alive.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use pulsarr_shared::config::Config;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use warp::Filter;

fn main() -> anyhow::Result<()> {
    let config = Config::load(pulsarr_shared::process::variables(), std::path::Path::new("."))?;
    pulsarr_shared::telemetry::start(&config.environment.log, config.environment.log_format, std::io::stderr)
        .map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.environment.port))))
}

async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    tracing::info!("Pulsarr v{} starting", env!("CARGO_PKG_VERSION"));
    // Bound here, because warp would panic on a port that is taken.
    let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    let port = listener.local_addr()?.port();
    let mut terminate = signal(SignalKind::terminate())?;
    let healthz = warp::path!("healthz").and(warp::get()).map(|| "ok\n");
    tracing::info!("Server listening on port {port}");
    warp::serve(healthz)
        .incoming(listener)
        .graceful(async move {
            terminate.recv().await;
        })
        .run()
        .await;
    tracing::info!("stopped");
    Ok(())
}
