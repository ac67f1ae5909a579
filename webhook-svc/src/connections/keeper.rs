//! Looks after the connections while the service lives: asks every instance on its own, and follows the settings when they change.

use std::sync::Arc;

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{ConnectionStatus, Instance};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::schedule::Schedule;
use super::{fix, missed, remember, take_away};
use crate::app::App;

/// What a task came to.
pub(super) enum Done {
    /// An instance was looked at, and is well or not.
    Looked { name: String, well: bool },
    /// Our connection was taken out of the place where an instance was before.
    Departed { name: String },
}

/// Works until the service stops.
pub async fn keep(app: Arc<App>) {
    let began = Instant::now();
    let mut before = app.config();
    let mut schedule = Schedule::default();
    let mut tasks = JoinSet::new();
    while app.stop.reason().is_none() {
        // Before looking at the settings, so that no change is missed.
        let changed = app.configuration.changed.notified();
        let config = app.config();
        let left = schedule.meet(&config.settings.instances, began.elapsed());
        for instance in &left.moved {
            // Whoever is at the old place is let in no more from here on, however long it takes to tell it.
            let now = config.settings.instances.iter().find(|it| it.name == instance.name);
            if let Some(now) = now
                && let Err(error) = remember(&app, now).await
            {
                tracing::error!("the webhook of {} keeps its password: failed to {error}", instance.name);
            }
        }
        for instance in left.gone.into_iter().chain(left.moved) {
            tasks.spawn(depart(Arc::clone(&app), Arc::clone(&before), instance));
        }
        before = config;
        for name in schedule.begin(began.elapsed()) {
            tasks.spawn(look(Arc::clone(&app), name));
        }
        let next = schedule.next().map(|due| began + due);
        tokio::select! {
            () = changed => {}
            Some(done) = tasks.join_next(), if !tasks.is_empty() => match done {
                Ok(Done::Looked { name, well }) => schedule.looked(&name, well, began.elapsed()),
                Ok(Done::Departed { name }) => schedule.departed(&name),
                Err(error) => tracing::error!("a webhook connection was given up: {error}"),
            },
            () = tokio::time::sleep_until(next.unwrap_or(began)), if next.is_some() => {}
            _ = app.stop.wait() => {}
        }
    }
    // They have heard of the stop too, and what an arr is being told is told to its end.
    while tasks.join_next().await.is_some() {}
}

pub(super) async fn look(app: Arc<App>, name: String) -> Done {
    let well = match fix(&app, &name).await {
        // Without an address of our own there is nothing that trying again could mend.
        Ok(Some(found)) => found.status == ConnectionStatus::Ok || app.config().environment.base_url.is_none(),
        // It is in the settings no more.
        Ok(None) => true,
        Err(error) => {
            tracing::error!("the webhook of {name} could not be looked at: failed to {error}");
            false
        }
    };
    missed::take_in(&app, &name).await;
    Done::Looked { name, well }
}

async fn depart(app: Arc<App>, before: Arc<Config>, instance: Instance) -> Done {
    if !app.connections.is_claimed(&instance.name)
        && let Err(error) = take_away(&app, &before, &instance).await
    {
        tracing::error!("the webhook of {} could not be forgotten: failed to {error}", instance.name);
    }
    Done::Departed { name: instance.name }
}
