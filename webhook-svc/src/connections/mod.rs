//! Our webhook connection in every instance: made, mended, and taken away again.
//!
//! Everything that is done to one is done under two locks, that of the instance's name and that of its host, always in this order.
//! Webhooks come in meanwhile and take neither.

mod history;
mod keeper;
mod missed;
#[cfg(test)]
mod missed_tests;
mod password;
mod schedule;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub use history::is_refusal;
pub use keeper::keep;
use password::{Given, host_key};
use pulsarr_shared::callback::{self, Wanted};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{Connection, ConnectionStatus, Instance, Section};
use pulsarr_shared::process;
use pulsarr_shared::store::{ConnectionRow, Store, StoreError};
use pulsarr_shared::upstreams::Upstreams;
use pulsarr_shared::vault::VaultError;
pub use schedule::is_reached_alike;
use secrecy::SecretString;

use crate::app::App;
pub use crate::app::connections::host_of;

/// How long an instance that is being removed is asked to give our connection up, waiting for others who ask it included.
const TAKE_AWAY_WITHIN: Duration = Duration::from_secs(20);

/// Why nothing is known about what is left.
const SILENT: &str = "it did not answer in time";

/// Whoever has it sees to the removal of an instance, and the keeper does not.
pub struct Claim {
    app: Arc<App>,
    name: String,
}

impl Claim {
    /// On the instance of this name.
    pub fn on(app: &Arc<App>, name: &str) -> Self {
        app.connections.claim(name);
        Self { app: Arc::clone(app), name: name.to_owned() }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.app.connections.unclaim(&self.name);
    }
}

/// Somebody has saved the instance of this name: its connection is looked at at once, whether or not anything changed.
pub fn was_saved(app: &App, before: &Config, name: &str) {
    let now = app.config();
    let of = |config: &Config| config.settings.instances.iter().find(|it| it.name == name).cloned();
    // One that is reached in another way from now on is looked at because of that.
    if of(before).zip(of(&now)).is_some_and(|(before, now)| is_reached_alike(&before, &now)) {
        app.connections.note_saved(name);
    }
}

/// Gives every instance its password, so that webhooks of earlier lives are let in from the first moment on, seals what is kept in clear,
/// and forgets the connections of those that are in the settings no more.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn remember_passwords(app: &App) -> Result<(), StoreError> {
    let config = app.config();
    let mut was_in_clear = false;
    for instance in &config.settings.instances {
        let given = remember(app, instance).await?;
        was_in_clear |= given.was_in_clear;
        if let Some(why) = &given.lost {
            tracing::warn!(instance.name = %instance.name, "{}", made_anew(instance, why));
        }
    }
    if was_in_clear && !app.database.write(|store| store.empty_log()).await? {
        tracing::warn!(
            "passwords of webhooks that were kept in clear are sealed now, and still in the log of the store until it ends"
        );
    }
    let names = config.settings.instances.iter().map(|it| it.name.clone());
    // One that cannot be read now is there again once it is mended.
    let names: HashSet<String> = names.chain(broken_in(&config)).collect();
    let forgotten = app.database.write(move |store| {
        let mut forgotten = Vec::new();
        for row in store.read().all_connections()?.into_iter().filter(|row| !names.contains(&row.instance)) {
            store.write(|db| db.forget_connection(&row.instance))?;
            let host = store.read().setting(&host_key(&row.instance))?;
            forgotten.push((row, host));
        }
        Ok((forgotten, callback::installation(store)?))
    });
    let (forgotten, installation) = forgotten.await?;
    for (row, host) in forgotten {
        // In one that was never asked there is nothing.
        if row.checked_at_ms.is_some() {
            tracing::warn!(instance.name = %row.instance, "{}", farewell(&row, host.as_deref(), &installation));
        }
    }
    Ok(())
}

/// Lets nobody in any more for the instance of this name, which was removed from the settings and could not be read before. Answers
/// what may be left behind, as a sentence.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn let_go(app: &App, name: &str) -> Result<Option<String>, StoreError> {
    let _alone = app.connections.alone_with_name(name).await;
    let now = app.config();
    if place_in(&now, name).is_some() || broken_in(&now).any(|it| it == name) {
        return Ok(None);
    }
    let wanted = name.to_owned();
    let found = app.database.write(move |store| {
        let row = store.read().all_connections()?.into_iter().find(|row| row.instance == wanted);
        Ok((row, store.read().setting(&host_key(&wanted))?, callback::installation(store)?))
    });
    let (row, host, installation) = found.await?;
    forget(app, name).await?;
    let row = row.filter(|row| row.checked_at_ms.is_some());
    Ok(row.map(|row| farewell(&row, host.as_deref(), &installation)))
}

/// The names of the instances that are kept and cannot be read.
fn broken_in(config: &Config) -> impl Iterator<Item = String> {
    let instances = config.broken.iter().map(|it| &it.declaration).filter(|it| it.section == Section::Instances);
    instances.map(|it| it.name.clone())
}

/// What is said about a connection whose instance went with its address and key.
fn farewell(row: &ConnectionRow, host: Option<&str>, installation: &str) -> String {
    let (name, host) = (&row.instance, host.map(|host| format!(" at {host}")).unwrap_or_default());
    let address = row.url.as_deref().unwrap_or_default().split('?').next().unwrap_or_default();
    let leads = if address.is_empty() { String::new() } else { format!(", which leads to {address}") };
    format!(
        "`{name}`{host} is in the settings no more, and its key went with it: pulsarr's webhook connection, `pulsarr ({installation})` \
         unless somebody renamed it{leads}, may be left behind there. Remove it under Settings → Connect; what it still sends is refused."
    )
}

/// What is said about a password that cannot be read: nobody has to do anything.
fn made_anew(instance: &Instance, why: &VaultError) -> String {
    format!(
        "the password of the webhook of `{}` was made anew: failed to {why}. Its connection in {} is told by itself; webhooks that show the \
         former one are refused until then, and what they would have told is in its history.",
        instance.name,
        instance.kind().app_name()
    )
}

/// Lets webhooks of `instance` in that show its password.
async fn remember(app: &App, instance: &Instance) -> Result<Given, StoreError> {
    let (name, host) = (instance.name.clone(), host_of(&instance.url));
    let (vault, spare) = (app.configuration.vault.clone(), app.connections.spares.of(&name, &host));
    let given = app.database.write(move |store| password::given(store, &vault, &name, &host, spare)).await?;
    app.passwords.set(&instance.name, &given.password);
    Ok(given)
}

/// Makes or mends the connection in the instance of this name and stores how it was found. `None`: there is no such instance (any more).
///
/// # Errors
/// [`StoreError`] when the store fails; what the instance says is in the answer.
pub async fn fix(app: &App, name: &str) -> Result<Option<Connection>, StoreError> {
    let _alone = app.connections.alone_with_name(name).await;
    loop {
        let config = impatient(Config::clone(&app.config()));
        let Some(instance) = config.settings.instances.iter().find(|it| it.name == name) else { return Ok(None) };
        let _at_host = app.connections.alone_at_host(instance).await;
        let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
        let Some(arr) = upstreams.arr(name) else { return Ok(None) };
        let secret = remember(app, instance).await?.password;
        let wanted = wanted(app, &config, instance, secret).await?;
        // The instance calls us while this is open, and is let in.
        let newest = || {
            let name = name.to_owned();
            async move { app.database.read(move |db| db.newest_webhook(&name)).await.ok() }
        };
        let found = callback::fix(arr, &wanted, newest).await;
        match place_in(&app.config(), name) {
            Some(host) if host == host_of(&instance.url) => {}
            // It went or moved while it was being told where to report to: what was just made there is nobody's.
            now => {
                if now.is_none() {
                    forget(app, name).await?;
                }
                match tokio::time::timeout(TAKE_AWAY_WITHIN, callback::remove(arr, &wanted)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => drop(left_behind(instance, &error.to_string())),
                    Err(_) => drop(left_behind(instance, SILENT)),
                }
                continue;
            }
        }
        if app.stop.reason().is_some() && found.status == ConnectionStatus::Unknown {
            // We broke off; that says nothing about the connection.
            return Ok(Some(found));
        }
        app.connections.tell(instance, &found);
        let (looked, now_ms) = (history::Look::of(app, &config, instance, found.clone()), app.now_ms());
        let note = move |store: &Store| {
            store.write(|db| {
                db.set_connection_status(&looked.instance, &looked.found, now_ms)?;
                looked.note(db, now_ms)
            })
        };
        app.database.write(note).await?;
        return Ok(Some(found));
    }
}

/// Takes our connection out of `instance`, which was in the settings `before` and no longer is, or at another host, and lets nobody in
/// for one that is gone. Answers how many connections there were, or what may be left behind, as a sentence.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn take_away(app: &App, before: &Config, instance: &Instance) -> Result<Result<usize, String>, StoreError> {
    let why = match tokio::time::timeout(TAKE_AWAY_WITHIN, take_out(app, before, instance)).await {
        Ok(Ok(Ok(count))) => return Ok(Ok(count)),
        Ok(Ok(Err(why))) => why,
        Ok(Err(error)) => return Err(error),
        Err(_) => SILENT.to_owned(),
    };
    Ok(Err(left_behind(instance, &why)))
}

async fn take_out(app: &App, before: &Config, instance: &Instance) -> Result<Result<usize, String>, StoreError> {
    let name = &instance.name;
    let _alone = app.connections.alone_with_name(name).await;
    let now = app.config();
    match place_in(&now, name) {
        None => forget(app, name).await?,
        // Somebody put it back.
        Some(host) if host == host_of(&instance.url) => return Ok(Ok(0)),
        Some(_) => {}
    }
    let _at_host = app.connections.alone_at_host(instance).await;
    let config = impatient(before.clone());
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let Some(arr) = upstreams.arr(name) else { return Ok(Ok(0)) };
    // No connection is made, so the password is nobody's.
    let mut wanted = wanted(app, before, instance, process::random_hex(16).into()).await?;
    // What came since may be the same arr under another name, and has a connection of its own there.
    let others = app.config();
    wanted.others.extend(others.settings.instances.iter().filter(|it| it.name != *name).map(|it| it.name.clone()));
    Ok(callback::remove(arr, &wanted).await.map_err(|error| error.to_string()))
}

/// Says that a connection of ours may still be in `instance`, and answers what it said.
fn left_behind(instance: &Instance, why: &str) -> String {
    let (label, app_name, host) = (instance.label(), instance.kind().app_name(), host_of(&instance.url));
    let sentence = format!(
        "pulsarr's webhook connection may be left behind in {label}: {} ({host}). Remove it there, under Settings → Connect in \
         {app_name}; what it still sends is refused.",
        why.trim_end_matches('.')
    );
    tracing::warn!(instance.name = %instance.name, "{sentence}");
    sentence
}

/// `config` for asking while somebody waits for the answer, or asks again soon anyway: without pauses between tries.
pub fn impatient(mut config: Config) -> Config {
    config.environment.retry_base_ms = 0;
    config
}

/// The host of the instance of this name.
fn place_in(config: &Config, name: &str) -> Option<String> {
    config.settings.instances.iter().find(|it| it.name == name).map(|it| host_of(&it.url))
}

/// Nobody is let in for this instance any more.
async fn forget(app: &App, name: &str) -> Result<(), StoreError> {
    app.passwords.forget(name);
    app.connections.forget(name);
    let name = name.to_owned();
    app.database.write(move |store| store.write(|db| db.forget_connection(&name))).await
}

async fn wanted(app: &App, config: &Config, instance: &Instance, secret: SecretString) -> Result<Wanted, StoreError> {
    let installation = app.database.write(callback::installation).await?;
    let base_url = config.environment.callback_url();
    Ok(Wanted::new(instance, &config.settings.instances, base_url.as_deref(), &installation, secret))
}
