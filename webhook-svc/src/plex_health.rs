//! Looks after the Plex token and the household's Plex server: whether the one is taken and the other answers. What is found is told
//! and never stops anything.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::plex::{Plex, PlexError};
use pulsarr_shared::link::{TokenHealth, TokenState};
use pulsarr_shared::store::StoreError;
use pulsarr_shared::upstreams::{plex_problem, server_token};

use crate::app::{App, ServerSeen};
use crate::plex_server::{Stranger, belongs, look_at_server};
use crate::plex_way::PlexWay;
use crate::standing::Standing;

/// How often there is a look. A token that works is believed for a day, so that most looks are one question to the household's own
/// machine.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

/// Works until the service stops: looks at the start, whatever is known, then every quarter of an hour, and when settings change.
pub async fn watch(app: Arc<App>) {
    let look = |first| {
        let app = Arc::clone(&app);
        async move {
            if let Err(error) = look(&app, first).await {
                tracing::error!("Plex could not be looked after: failed to {error}. {}", error.advice());
            }
        }
    };
    watch_with(&app, look).await;
}

async fn watch_with<R: Future<Output = ()>>(app: &App, look: impl Fn(bool) -> R) {
    let mut first = true;
    loop {
        // Made before the look: a change during it is not missed.
        let changed = app.configuration.changed.notified();
        look(first).await;
        first = false;
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = changed => {}
            _ = app.stop.wait() => return,
        }
    }
}

/// Looks at the token, unless what is known is fresh enough and `force` is not set, and at the server.
///
/// # Errors
/// [`StoreError`] when the store fails. What Plex and the server say is noted.
pub async fn look(app: &App, force: bool) -> Result<(), StoreError> {
    let way = PlexWay::open(app).await?;
    let plex = way.plex();
    match &plex {
        None => drop(app.plex_health.note_token(None)),
        Some(plex) => look_at_token(app, &way, plex, force).await?,
    }
    let seen = match way.config.settings.plex.server_url.clone() {
        None => None,
        Some(url) => Some(look_at_server(app, &way, url).await),
    };
    if let Some(seen) = seen.as_ref().filter(|_| way.config.keeps_plex_server()) {
        fetch_server_token(app, &way, seen).await?;
    }
    let told = seen.clone();
    if Arc::ptr_eq(&way.config, &app.config()) && app.plex_health.note_server(seen) {
        match told.map(|seen| seen.outcome) {
            Some(Ok(_)) => tracing::info!("the Plex server answers"),
            Some(Err(advice)) => tracing::warn!("{advice}"),
            None => {}
        }
    }
    way.close().await
}

/// Asks Plex whether it takes the token, because somebody there has refused it, and notes what it says.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn confirm_token(app: &App) -> Result<(), StoreError> {
    let way = PlexWay::open(app).await?;
    if let Some(plex) = way.plex() {
        look_at_token(app, &way, &plex, true).await?;
    }
    way.close().await
}

/// Fetches the token for the server that people chose, where none is kept for the account that is linked now.
async fn fetch_server_token(app: &App, way: &PlexWay<'_>, seen: &ServerSeen) -> Result<(), StoreError> {
    let Some(plex) = way.plex().filter(|_| seen.outcome.is_ok() && way.cool_until_ms.is_none()) else { return Ok(()) };
    let (url, asked, vault) = (seen.url.clone(), plex.clone(), app.configuration.vault.clone());
    let kept = app.database.read(move |db| server_token(&url, &asked, &vault, db));
    if kept.await?.is_some() {
        return Ok(());
    }
    match belongs(app, Some(&plex), seen, way).await {
        // It counts only for the address and the account that it is for, whatever holds by now.
        Ok(token) => app.database.write(move |store| store.write(|db| token.keep(db))).await,
        Err(Stranger::Refused(message)) => {
            tracing::warn!("the Plex server is not asked what it has: {message}");
            Ok(())
        }
        Err(Stranger::Unknown(error)) => {
            tracing::debug!("no token for the Plex server yet: {error:?}");
            Ok(())
        }
    }
}

async fn look_at_token(app: &App, way: &PlexWay<'_>, plex: &Plex, force: bool) -> Result<(), StoreError> {
    let token_mark = plex.token_mark();
    let before = app.database.read(move |db| TokenHealth::remembered(&token_mark, db)).await?;
    if way.cool_until_ms.is_some() {
        app.plex_health.note_token(before);
        return Ok(());
    }
    let health = TokenHealth::look(plex, before.clone(), app.now_ms(), force).await;
    // Whoever has linked another account meanwhile knows better.
    if !Arc::ptr_eq(&way.config, &app.config()) {
        return Ok(());
    }
    if before.as_ref() != Some(&health) {
        let health = health.clone();
        app.database.write(move |store| health.remember(store)).await?;
    }
    let state = health.state;
    if app.plex_health.note_token(Some(health)) {
        match state {
            TokenState::Alive => tracing::info!("Plex takes the token"),
            TokenState::Dead if Standing::of_value(&way.config, "plex.token").read_only => {
                tracing::warn!("{}", plex_problem(&PlexError::unauthorized()).message);
            }
            TokenState::Dead => {
                tracing::warn!("Plex refuses the token. Link the Plex account again; nothing stored is lost.");
            }
            TokenState::Unknown => {
                tracing::warn!("Plex cannot be asked whether it takes the token. Wait: it is asked again soon.")
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use pulsarr_shared::stop::StopReason;

    use super::*;
    use crate::testing;

    #[tokio::test(start_paused = true)]
    async fn plex_is_looked_after_at_the_start_and_every_quarter_of_an_hour_until_the_end() {
        let service = testing::app(&[]);
        let (app, looks) = (&service.app, RefCell::new(Vec::new()));
        let watching = watch_with(app, |first| {
            looks.borrow_mut().push(first);
            std::future::ready(())
        });
        let story = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(*looks.borrow(), [true], "at the start, whatever is known");
            tokio::time::sleep(LOOK_EVERY).await;
            assert_eq!(*looks.borrow(), [true, false]);
            app.configuration.changed.notify_waiters();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(looks.borrow().len(), 3, "at once when settings change");
            tokio::time::sleep(24 * LOOK_EVERY).await;
            assert_eq!(looks.borrow().len(), 27);
            app.stop.request(StopReason::Terminated);
        };
        tokio::join!(watching, story);
    }
}
