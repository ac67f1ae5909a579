//! The service's own way to Plex and its servers: small questions, each sent once, that obey the cool-down which runs keep.

use std::sync::Arc;

use pulsarr_shared::clients::Http;
use pulsarr_shared::clients::plex::{Plex, PlexServer};
use pulsarr_shared::clock::{UnixMs, rfc3339};
use pulsarr_shared::config::Config;
use pulsarr_shared::link::Linking;
use pulsarr_shared::store::StoreError;
use pulsarr_shared::sync;
use pulsarr_shared::upstreams::{plex_urls, small_questions};
use secrecy::SecretString;

use crate::app::App;
use crate::reply::ApiError;

/// Plex and its servers, for as long as one thing is done with them.
pub struct PlexWay<'a> {
    app: &'a App,
    http: Http,
    /// The configuration that holds meanwhile.
    pub config: Arc<Config>,
    /// What Plex knows us by now.
    pub client_identifier: String,
    /// Until when Plex wants to be left alone; unix milliseconds.
    pub cool_until_ms: Option<UnixMs>,
}

impl<'a> PlexWay<'a> {
    /// The way as it is now.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn open(app: &'a App) -> Result<Self, StoreError> {
        let now_ms = app.now_ms();
        let known = app.database.read(move |db| Ok((sync::kept_client_identifier(db)?, sync::cool_until(db, now_ms)?)));
        let (client_identifier, cool_until_ms) = known.await?;
        // Only the first way of all waits for its turn at the store.
        let client_identifier = match client_identifier {
            Some(known) => known,
            None => app.database.write(sync::client_identifier).await?,
        };
        let http = small_questions(&app.transport, &app.clock, &app.stop);
        Ok(Self { app, http, config: app.config(), client_identifier, cool_until_ms })
    }

    /// Whether Plex may be asked anything now.
    ///
    /// # Errors
    /// 503 that says when.
    pub fn may_ask(&self) -> Result<(), ApiError> {
        self.cool_until_ms.map_or(Ok(()), |at_ms| Err(ApiError::unavailable(left_alone(at_ms))))
    }

    /// Plex, asked with the token that holds; none without one.
    pub fn plex(&self) -> Option<Plex> {
        let token = self.config.settings.plex.token.clone()?;
        Some(self.plex_with(token, self.client_identifier.clone()))
    }

    /// Plex, asked with this token.
    pub fn plex_with(&self, token: SecretString, client_identifier: String) -> Plex {
        Plex::new(self.http.clone(), plex_urls(&self.config.environment), token, client_identifier)
    }

    /// Plex, for linking an account.
    pub fn linking(&self) -> Linking {
        Linking::new(self.http.clone(), plex_urls(&self.config.environment))
    }

    /// Whatever is at `url`, to be asked who it is: it is shown no token. Each has a way of its own, so that none waits for another.
    pub fn server(&self, url: String) -> PlexServer {
        let http = small_questions(&self.app.transport, &self.app.clock, &self.app.stop);
        PlexServer::new(http, url, SecretString::default(), self.client_identifier.clone())
    }

    /// Notes for everybody that Plex wants to be left alone, should it have said so meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        let Some(left) = self.http.cooling_for() else { return Ok(()) };
        let now_ms = self.app.now_ms();
        self.app.database.write(move |store| sync::leave_alone(store, left, now_ms)).await
    }
}

/// What people are told while Plex is left alone.
pub fn left_alone(until_ms: UnixMs) -> String {
    format!("Plex asked to be left alone until {}: try again after that", rfc3339(until_ms))
}
