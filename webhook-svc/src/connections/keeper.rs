//! Looks after the connections while the service lives: asks every instance on its own, and follows the settings when they change.

use std::collections::HashMap;
use std::sync::Arc;

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{ConnectionStatus, Instance};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::schedule::Schedule;
use super::{fix, missed, remember, take_away};
use crate::app::App;

/// What a task is about, by the name of its instance: known also of one that died.
enum Task {
    /// The instance is looked at.
    Look(String),
    /// Our connection is taken out of the place where the instance was before.
    Depart(String),
}

/// Works until the service stops.
pub async fn keep(app: Arc<App>) {
    keep_each(app, look).await;
}

/// [`keep`] with another way to look at an instance, which answers whether it is well.
pub(super) async fn keep_each<L>(app: Arc<App>, look: impl Fn(Arc<App>, String) -> L)
where
    L: Future<Output = bool> + Send + 'static,
{
    let began = Instant::now();
    let mut before = app.config();
    let mut schedule = Schedule::default();
    let mut tasks = JoinSet::new();
    let mut under_way = HashMap::new();
    while app.stop.reason().is_none() {
        // Before looking at the settings, so that no change is missed.
        let changed = app.configuration.changed.notified();
        let config = app.config();
        let left = schedule.meet(&config.settings.instances, began.elapsed());
        for instance in &left.moved {
            app.connections.forget(&instance.name);
            // Whoever is at the old place is let in no more from here on, however long it takes to tell it.
            let now = config.settings.instances.iter().find(|it| it.name == instance.name);
            if let Some(now) = now
                && let Err(error) = remember(&app, now).await
            {
                tracing::error!("the webhook of {} keeps its password: failed to {error}", instance.name);
            }
        }
        for instance in left.gone.into_iter().chain(left.moved) {
            let task = Task::Depart(instance.name.clone());
            let spawned = tasks.spawn(depart(Arc::clone(&app), Arc::clone(&before), instance));
            under_way.insert(spawned.id(), task);
        }
        before = config;
        for name in app.connections.take_saved() {
            schedule.hurry(&name, began.elapsed());
        }
        for name in schedule.begin(began.elapsed()) {
            let spawned = tasks.spawn(look(Arc::clone(&app), name.clone()));
            under_way.insert(spawned.id(), Task::Look(name));
        }
        let next = schedule.next().map(|due| began + due);
        tokio::select! {
            () = changed => {}
            () = app.connections.somebody_saved.notified() => {}
            Some(done) = tasks.join_next_with_id(), if !tasks.is_empty() => {
                // One that died says nothing about its instance: it is tried again like one that is not well.
                let (id, well) = done.unwrap_or_else(|died| {
                    tracing::error!("the work on a webhook connection died ({died}); it is tried again");
                    (died.id(), false)
                });
                match under_way.remove(&id) {
                    Some(Task::Look(name)) => schedule.looked(&name, well, began.elapsed()),
                    Some(Task::Depart(name)) => schedule.departed(&name),
                    None => {}
                }
            }
            () = tokio::time::sleep_until(next.unwrap_or(began)), if next.is_some() => {}
            _ = app.stop.wait() => {}
        }
    }
    // They have heard of the stop too, and what an arr is being told is told to its end.
    while tasks.join_next().await.is_some() {}
}

/// Looks at the instance of this name. Answers whether it is well, and has told what it did while nobody listened.
pub(super) async fn look(app: Arc<App>, name: String) -> bool {
    let well = match fix(&app, &name, None).await {
        // Without an address of our own there is nothing that trying again could mend.
        Ok(Some(found)) => found.status == ConnectionStatus::Ok || app.config().environment.base_url.is_none(),
        // It is in the settings no more.
        Ok(None) => true,
        Err(error) => {
            tracing::error!("the webhook of {name} could not be looked at: failed to {error}");
            false
        }
    };
    missed::take_in(&app, &name).await && well
}

/// Takes our connection out of the place where `instance` was `before`. Answers whether nothing failed.
async fn depart(app: Arc<App>, before: Arc<Config>, instance: Instance) -> bool {
    if !app.connections.is_claimed(&instance.name)
        && let Err(error) = take_away(&app, &before, &instance).await
    {
        tracing::error!("the webhook of {} could not be forgotten: failed to {error}", instance.name);
        return false;
    }
    true
}
