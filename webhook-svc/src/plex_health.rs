//! Looks after the Plex token and the household's Plex server: whether the one is taken and the other answers. What is found is told
//! and never stops anything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulsarr_shared::clients::plex::{Plex, PlexError, ServerIdentity};
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::link::{TokenHealth, TokenState};
use pulsarr_shared::store::StoreError;
use pulsarr_shared::upstreams::{plex_problem, plex_server_problem, server_token};

use crate::api::{Standing, Stranger, belongs};
use crate::app::App;
use crate::plex_way::PlexWay;

/// How often there is a look. A token that works is believed for a day, so that most looks are one question to the household's own
/// machine.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

/// What was found the last time.
#[derive(Default)]
pub struct PlexHealth(Mutex<Found>);

#[derive(Default)]
struct Found {
    token: Option<TokenHealth>,
    server: Option<ServerSeen>,
}

/// How the Plex server was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSeen {
    /// Where it was asked.
    pub url: String,
    /// Who answered; or what is wrong and what to do.
    pub outcome: Result<ServerIdentity, String>,
    /// What its owner calls it; none where Plex did not tell.
    pub name: Option<String>,
    /// When; unix milliseconds.
    pub checked_at_ms: UnixMs,
}

impl PlexHealth {
    /// Whether Plex takes the token; none before the first look, and without a token.
    pub fn token(&self) -> Option<TokenState> {
        self.found().token.as_ref().map(|health| health.state)
    }

    /// How the server was found; none before the first look, and without an address.
    pub fn server(&self) -> Option<ServerSeen> {
        self.found().server.clone()
    }

    /// Notes what was found about the token; answers whether the state is another one than before.
    pub fn note_token(&self, health: Option<TokenHealth>) -> bool {
        let mut found = self.found();
        let before = std::mem::replace(&mut found.token, health);
        before.map(|health| health.state) != found.token.as_ref().map(|health| health.state)
    }

    /// Notes how the server was found; answers whether it is otherwise than before.
    pub fn note_server(&self, seen: Option<ServerSeen>) -> bool {
        let mut found = self.found();
        let before = std::mem::replace(&mut found.server, seen);
        let well = |seen: &Option<ServerSeen>| seen.as_ref().map(|seen| (seen.url.clone(), seen.outcome.is_ok()));
        well(&before) != well(&found.server)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works until the service stops.
pub async fn watch(app: Arc<App>) {
    let mut first = true;
    loop {
        // Made before the look: a change during it is not missed.
        let changed = app.configuration.changed.notified();
        if let Err(error) = look(&app, first).await {
            tracing::error!("Plex could not be looked after: failed to {error}. {}", error.advice());
        }
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
    let same = plex.clone();
    let before = app.database.read(move |db| TokenHealth::remembered(&same, db)).await?;
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

/// Asks who is at `url`, and, once for every server that is new there, Plex what it is called.
pub async fn look_at_server(app: &App, way: &PlexWay<'_>, url: String) -> ServerSeen {
    let checked_at_ms = app.now_ms();
    let before = app.plex_health.server();
    let identity = match way.server(url.clone()).identity().await {
        Ok(identity) => identity,
        Err(error) => {
            let name = before.filter(|seen| seen.url == url).and_then(|seen| seen.name);
            return ServerSeen { url, outcome: Err(unreachable(&error)), name, checked_at_ms };
        }
    };
    let known = before.filter(|seen| seen.outcome.as_ref().is_ok_and(|was| is_same(was, &identity)));
    let name = match (known, way.plex().filter(|_| way.cool_until_ms.is_none())) {
        (Some(seen), _) => seen.name,
        (None, Some(plex)) => name_of(&plex, &identity).await,
        (None, None) => None,
    };
    ServerSeen { url, outcome: Ok(identity), name, checked_at_ms }
}

fn is_same(one: &ServerIdentity, other: &ServerIdentity) -> bool {
    one.machine_identifier == other.machine_identifier
}

async fn name_of(plex: &Plex, identity: &ServerIdentity) -> Option<String> {
    let servers = plex.servers().await.ok()?;
    let found = servers.into_iter().find(|server| server.machine_identifier == identity.machine_identifier);
    found.map(|server| server.name)
}

/// What is wrong with a server that does not answer, and what to do.
pub fn unreachable(error: &PlexError) -> String {
    plex_server_problem(error)
        .map_or_else(|| "The Plex server was not asked: the service is stopping.".to_owned(), |problem| problem.message)
}
