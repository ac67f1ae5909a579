//! Is it alive, is it ready, is all well? Answered without a session, because probes have none.

use std::path::Path;
use std::sync::Arc;

use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::link::TokenState;
use pulsarr_shared::store::{Store, StoreError};
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use crate::api::{ApiError, json};
use crate::app::App;

/// The file whose writing shows that the volume can be written to. A volume that turned read-only under a running pod is mended by
/// a new pod, so this is for the liveness probe.
const PROBE: &str = "run/alive";

/// `/healthz`, `/readyz`, `/health` below `base`.
pub fn filter(base: BoxedFilter<()>, app: Arc<App>) -> BoxedFilter<(Response,)> {
    let (alive, ready) = (Arc::clone(&app), Arc::clone(&app));
    let healthz = base.clone().and(warp::path!("healthz")).then(move || answer_alive(Arc::clone(&alive)));
    let readyz = base.clone().and(warp::path!("readyz")).then(move || answer_ready(Arc::clone(&ready)));
    let health = base.and(warp::path!("health")).then(move || answer_health(Arc::clone(&app)));
    warp::get().or(warp::head()).unify().and(healthz.or(readyz).unify().or(health).unify()).boxed()
}

/// Alive, and able to write to the data folder. Whether Plex or an arr answers is none of a probe's business.
async fn answer_alive(app: Arc<App>) -> Response {
    let folder = app.config().environment.data_dir.clone();
    let written = tokio::task::spawn_blocking(move || touch(&folder)).await;
    match written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!("the data folder cannot be written to: {error}");
            let text = format!("the data folder cannot be written to: {error}\n");
            warp::reply::with_status(text, StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
    }
}

fn touch(folder: &Path) -> std::io::Result<()> {
    // Beside the last one and then in its place: on a full volume a file can be written over where no new one can be made.
    let (probe, fresh) = (folder.join(PROBE), folder.join(PROBE).with_extension("new"));
    std::fs::write(&fresh, b"alive\n")?;
    std::fs::rename(fresh, probe)
}

/// The store can be read, and its schema is one we know.
async fn answer_ready(app: Arc<App>) -> Response {
    match app.database.run(Store::check_schema).await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            let text = format!("failed to {error}. {}\n", error.advice());
            warp::reply::with_status(text, StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
    }
}

#[derive(Serialize)]
struct Health {
    /// `ok`, or `attention` when somebody should look.
    status: &'static str,
    version: &'static str,
    started_at: String,
    set_up: bool,
    /// Whether Plex takes the token: `alive`, `dead`, `unknown`; `null` without one, and before the first look.
    plex_token: Option<&'static str>,
    /// Whether the household's Plex server answers; `null` when none is set, and before the first look.
    plex_server_reachable: Option<bool>,
    last_run: Option<LastRun>,
    pending_approvals: u32,
    webhooks_waiting: u32,
}

#[derive(Serialize)]
struct LastRun {
    id: String,
    result: &'static str,
    started_at: String,
    ended_at: Option<String>,
}

async fn answer_health(app: Arc<App>) -> Response {
    let found = app.database.run(summary).await;
    let (last_run, pending_approvals, webhooks_waiting) = match found {
        Ok(found) => found,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let settings = &app.config().settings;
    let well = last_run.as_ref().is_none_or(|run| !matches!(run.result, "failed" | "crashed"));
    let token = app.plex_health.token();
    let well = well && token != Some(TokenState::Dead);
    let health = Health {
        status: if well { "ok" } else { "attention" },
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(app.started_at_ms),
        set_up: settings.plex.token.is_some() && !settings.instances.is_empty(),
        plex_token: token.map(TokenState::word),
        plex_server_reachable: app.plex_health.server().map(|seen| seen.outcome.is_ok()),
        last_run,
        pending_approvals,
        webhooks_waiting,
    };
    json(StatusCode::OK, &health)
}

fn summary(store: &Store) -> Result<(Option<LastRun>, u32, u32), StoreError> {
    let db = store.read();
    let last_run = db.last_runs(1)?.pop().map(|run| LastRun {
        id: run.id,
        result: run.result.word(),
        started_at: rfc3339(run.started_at_ms),
        ended_at: run.ended_at_ms.map(rfc3339),
    });
    Ok((last_run, db.pending_approvals()?, db.pending_webhook_count()?))
}
