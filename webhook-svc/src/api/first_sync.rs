//! The first sync, which waits while somebody goes through the setup. No endpoint: whoever sets up by the API starts runs as they like.

use pulsarr_shared::store::Store;
use pulsarr_shared::sync;
use serde_json::json;

use super::runs::{self, RunView};
use super::runs_start;
use crate::app::App;
use crate::audit::{self, By};
use crate::request::{ApiError, Ask};

/// Lets runs only read until [`start`], unless everything is set up already, or a run has done its work.
///
/// # Errors
/// When the store fails.
pub async fn hold(app: &App) -> Result<(), ApiError> {
    let config = app.config();
    if config.settings.plex.token.is_some() && !config.settings.instances.is_empty() {
        return Ok(());
    }
    Ok(app.database.write(|store| store.write(sync::hold_first_sync)).await?)
}

/// Whether the first sync waits for somebody to start it.
///
/// # Errors
/// When the store cannot be read.
pub async fn waits(app: &App) -> Result<bool, ApiError> {
    Ok(app.database.read(sync::first_sync_waits).await?)
}

/// The run that is going on; none: nobody is at work.
///
/// # Errors
/// When the store cannot be read.
pub async fn under_way(ask: &Ask) -> Result<Option<RunView>, ApiError> {
    let last = runs::page(&ask.with_query(&[("limit", "1")])).await?;
    Ok(last.runs.into_iter().next().filter(|run| run.result == "running"))
}

/// Begins to read the lists, while the first sync waits. One that is going on already does as well.
///
/// # Errors
/// When the store fails, or no run can begin.
pub async fn read_lists(ask: &Ask) -> Result<(), ApiError> {
    if !waits(&ask.app).await? || under_way(ask).await?.is_some() {
        return Ok(());
    }
    match runs_start::started(ask.with_body(&json!({}))).await {
        Err(error) if error.status() != warp::http::StatusCode::CONFLICT => Err(error),
        _ => Ok(()),
    }
}

/// Lets the first sync begin; answers the id of its run. None: it begins by itself as soon as whoever is at work is done.
///
/// # Errors
/// When the store fails.
pub async fn start(ask: &Ask) -> Result<Option<String>, ApiError> {
    let by = By::of(ask);
    let release = move |store: &Store| {
        store.write(|db| {
            if sync::first_sync_waits(db)? {
                sync::release_first_sync(db)?;
                audit::record(db, &by, "setup.finished", "", &json!({}))?;
            }
            Ok(())
        })
    };
    ask.app.database.write(release).await?;
    let begun = runs_start::started(ask.with_body(&json!({}))).await;
    Ok(begun
        .inspect_err(|error| tracing::warn!("the first sync waits for the next run: {}", error.message()))
        .ok()
        .map(|it| it.run_id))
}
