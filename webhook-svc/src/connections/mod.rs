//! Keeps our webhook connection in every instance well: makes it at start, mends it, and looks again now and then.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::callback::{self, Wanted};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{Connection, ConnectionStatus, Instance};
use pulsarr_shared::process;
use pulsarr_shared::store::StoreError;
use pulsarr_shared::upstreams::Upstreams;

use crate::app::App;

/// How soon one that is not well is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How often one that is well is looked at.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an instance that is being removed is asked to give our connection up.
const TAKE_AWAY_WITHIN: Duration = Duration::from_secs(20);

/// Gives every instance its password, so that webhooks of earlier lives are let in from the first moment on.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn remember_passwords(app: &App) -> Result<(), StoreError> {
    let config = app.config();
    for instance in &config.settings.instances {
        let name = instance.name.clone();
        let fresh = process::secret_hex(16);
        let secret = app
            .database
            .run(move |store| match store.read().connection_secret(&name)? {
                Some(secret) => Ok(secret),
                None => store.write(|db| db.ensure_connection_secret(&name, &fresh)),
            })
            .await?;
        app.passwords.set(&instance.name, &secret);
    }
    Ok(())
}

/// Works until the service stops.
pub async fn keep(app: Arc<App>) {
    loop {
        let mut all_well = true;
        // Before looking at the settings, so that no change is missed while instances are asked.
        let changed = app.configuration.changed.notified();
        let config = app.config();
        for instance in &config.settings.instances {
            if app.stop.reason().is_some() {
                return;
            }
            match fix(&app, instance).await {
                Ok(found) => all_well &= is_settled(found.status),
                Err(error) => {
                    all_well = false;
                    tracing::error!("the webhook of {} could not be looked at: failed to {error}", instance.name);
                }
            }
        }
        let pause = if all_well { LOOK_AGAIN_AFTER } else { TRY_AGAIN_AFTER };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed => {}
            _ = app.stop.wait() => return,
        }
    }
}

/// Well, or nothing that trying again could mend: without `PULSARR_BASE_URL` there is no address to give.
const fn is_settled(status: ConnectionStatus) -> bool {
    matches!(status, ConnectionStatus::Ok | ConnectionStatus::Unknown)
}

/// Makes or mends the connection in `instance` and stores how it was found.
///
/// # Errors
/// [`StoreError`] when the store fails; what the instance says is in the answer.
pub async fn fix(app: &App, instance: &Instance) -> Result<Connection, StoreError> {
    let config = app.config();
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    // First: one that was removed meanwhile gets no password any more.
    let Some(arr) = upstreams.arr(&instance.name) else { return Err(StoreError::Busy) };
    let wanted = wanted(app, instance).await?;
    // The instance calls us while this is open, so nothing may be held meanwhile.
    let found = callback::fix(arr, &wanted).await;
    tell(instance, &found);
    let (name, stored, now_ms) = (instance.name.clone(), found.clone(), app.now_ms());
    app.database.run(move |store| store.write(|db| db.set_connection_status(&name, &stored, now_ms))).await?;
    Ok(found)
}

/// Takes our connection out of `instance`, which was in the settings `before` and no longer is, and lets nobody in for it. Answers how
/// many connections there were, or what may be left behind, as a sentence.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn take_away(app: &App, before: &Config, instance: &Instance) -> Result<Result<usize, String>, StoreError> {
    let name = instance.name.clone();
    let forget = app.database.run(move |store| {
        store.write(|db| db.forget_connection(&name))?;
        callback::installation(store)
    });
    let installation = forget.await?;
    app.passwords.forget(&instance.name);
    let config = impatient(before.clone());
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let Some(arr) = upstreams.arr(&instance.name) else { return Ok(Ok(0)) };
    // No connection is made, so the password is nobody's.
    let secret = process::secret_hex(16).into();
    let base_url = config.environment.base_url.as_deref();
    let wanted = Wanted::new(instance, &config.settings.instances, base_url, &installation, secret);
    let why = match tokio::time::timeout(TAKE_AWAY_WITHIN, callback::remove(arr, &wanted)).await {
        Ok(Ok(count)) => return Ok(Ok(count)),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it did not answer in time".to_owned(),
    };
    let (label, app_name) = (instance.label(), instance.kind().app_name());
    let sentence = format!(
        "pulsarr's webhook connection may be left behind in {label}: {}. Remove it there, under Settings → Connect in {app_name}; what \
         it still sends is refused.",
        why.trim_end_matches('.')
    );
    tracing::warn!(instance.name = %instance.name, "{sentence}");
    Ok(Err(sentence))
}

/// `config` for asking while somebody waits for the answer: without pauses between tries.
pub fn impatient(mut config: Config) -> Config {
    config.environment.retry_base_ms = 0;
    config
}

async fn wanted(app: &App, instance: &Instance) -> Result<Wanted, StoreError> {
    let name = instance.name.clone();
    let fresh = process::secret_hex(16);
    let (installation, secret) = app
        .database
        .run(move |store| {
            Ok((callback::installation(store)?, store.write(|db| db.ensure_connection_secret(&name, &fresh))?))
        })
        .await?;
    app.passwords.set(&instance.name, &secret);
    let config = app.config();
    let base_url = config.environment.base_url.as_deref();
    Ok(Wanted::new(instance, &config.settings.instances, base_url, &installation, secret))
}

fn tell(instance: &Instance, found: &Connection) {
    match found.status {
        ConnectionStatus::Ok => tracing::info!(instance.name = %instance.name, "{}", found.advice),
        _ => tracing::warn!(instance.name = %instance.name, "{}", found.advice),
    }
}
