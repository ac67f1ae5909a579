//! Asks each instance once, after the start, for what it told nobody while we were away.

use pulsarr_shared::store::StoreError;
use pulsarr_shared::tracking::{TrackingSettings, catch_up};
use pulsarr_shared::upstreams::Upstreams;

use crate::app::App;

/// Takes in what `name` did while nobody listened, unless that is done already. Comes after the connection was looked at: what happens
/// from then on, webhooks tell. What does not succeed is tried again by the next look, and by every run.
pub async fn take_in(app: &App, name: &str) {
    if app.connections.has_caught_up(name) {
        return;
    }
    match ask(app, name).await {
        Ok(true) => app.connections.caught_up(name),
        Ok(false) => {}
        Err(error) => tracing::error!(
            "what {name} did while nobody listened could not be taken in: failed to {error}. {}",
            error.advice()
        ),
    }
}

/// Answers whether that is done with.
async fn ask(app: &App, name: &str) -> Result<bool, StoreError> {
    let config = app.config();
    let Some(instance) = config.settings.instances.iter().find(|it| it.name == name).cloned() else { return Ok(true) };
    let (of, now_ms) = (name.to_owned(), app.now_ms());
    let since_ms = app.database.run(move |store| catch_up::due(store, &of, now_ms)).await?;
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let (Some(since_ms), Some(arr)) = (since_ms, upstreams.arr(name)) else { return Ok(true) };
    let answer = arr.history_since(since_ms).await;
    let (answered, now_ms) = (answer.is_ok(), app.now_ms());
    let settings = TrackingSettings::of(&config.environment);
    app.database.run(move |store| catch_up::take_in(store, &instance, &answer, settings, now_ms)).await?;
    Ok(answered)
}
