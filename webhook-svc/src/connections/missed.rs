//! Asks each instance once, after the start, for what it told nobody while we were away.

use pulsarr_shared::store::StoreError;
use pulsarr_shared::tracking::TrackingSettings;
use pulsarr_shared::tracking::catch_up::{self, Due, Left, Occasion, PORTION};
use pulsarr_shared::upstreams::Upstreams;

use crate::app::App;

/// What became of it.
enum Look {
    /// There is nothing more to ask.
    Done,
    /// It has no history for us at present, which is no reason to hurry.
    Later,
    /// It did not tell.
    Again,
}

/// Takes in what `name` did while nobody listened, unless that is done already. Comes after the connection was looked at: what happens
/// from then on, webhooks tell. Answers false when it did not succeed: then it is to be tried again soon, and every run does too.
pub async fn take_in(app: &App, name: &str) -> bool {
    if app.connections.has_caught_up(name) {
        return true;
    }
    match ask(app, name).await {
        Ok(Look::Done) => {
            app.connections.caught_up(name);
            true
        }
        Ok(Look::Later) => true,
        Ok(Look::Again) => false,
        Err(error) => {
            tracing::error!(
                "what {name} did while nobody listened could not be taken in: failed to {error}. {}",
                error.advice()
            );
            false
        }
    }
}

async fn ask(app: &App, name: &str) -> Result<Look, StoreError> {
    let config = app.config();
    let Some(instance) = config.settings.instances.iter().find(|it| it.name == name).cloned() else {
        return Ok(Look::Done);
    };
    let (of, now_ms) = (instance.clone(), app.now_ms());
    let due = move |store: &_| catch_up::due(store, &of, Occasion::Start, now_ms);
    let since_ms = match app.database.write(due).await? {
        Due::Nothing => return Ok(Look::Done),
        Due::Resting => return Ok(Look::Later),
        Due::Since(since_ms) => since_ms,
    };
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let Some(arr) = upstreams.arr(name) else { return Ok(Look::Done) };
    let answer = arr.history_since(since_ms).await;
    let (of, now_ms) = (instance.clone(), app.now_ms());
    app.database.write(move |store| catch_up::note_asked(store, &of, now_ms)).await?;
    // What people should know is in the log, and in the report of every run that asks.
    drop(catch_up::tell(&instance, &answer));
    let settings = TrackingSettings::of(&config.environment);
    match answer {
        Ok(Some(mut history)) => {
            let mut left = Left::default();
            while !history.is_empty() {
                let rest = history.split_off(history.len().min(PORTION));
                let portion = std::mem::replace(&mut history, rest);
                let (of, before, now_ms) = (instance.clone(), left, app.now_ms());
                let work = move |store: &_| catch_up::take_in(store, &of, &portion, before, settings, now_ms);
                left = app.database.write(work).await?;
            }
            // What could not be acted on concerns its own title alone, and every run tries it again.
            Ok(Look::Done)
        }
        Ok(None) => {
            let now_ms = app.now_ms();
            app.database.write(move |store| catch_up::note_without(store, &instance, now_ms)).await?;
            Ok(Look::Later)
        }
        Err(_) => Ok(Look::Again),
    }
}
