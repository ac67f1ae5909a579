//! Plex, every configured instance, and where they are set up TMDB and the Plex server, ready to be asked: each with its own pace,
//! request budget and counters.

mod problem;
mod server_token;

pub use problem::{
    arr_problem, plex_problem, plex_server_problem, plex_server_token_problem, settings_problem, tmdb_problem,
};
pub use server_token::{SealedServerToken, forget_server_token, server_token};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::clients::arr::Arr;
use crate::clients::plex::{Plex, PlexServer, PlexUrls};
use crate::clients::tmdb::Tmdb;
use crate::clients::{Counters, Http, HttpSettings, LimiterSettings, THROTTLED_REPEATS, Transport};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::model::Instance;
use crate::report::UpstreamCounts;
use crate::retry::Retry;
use crate::stop::Stop;
use crate::store::{Db, StoreError};

/// How texts and reports name the household's own Plex server.
pub const PLEX_SERVER: &str = "plex server";

/// How reports name TMDB.
pub const TMDB: &str = "tmdb";

/// TMDB is larger than Plex and allows more: its pauses are those of Plex divided by this.
const PART_OF_PLEX_PAUSE: u32 = 10;

/// Whether the household's Plex server can be asked.
#[derive(Debug)]
pub enum ServerAccess {
    /// Its address is not set.
    NotSet,
    /// No token is kept for it, or one for another address or account: see [`plex_server_token_problem`].
    NoToken,
    /// It can.
    Open(PlexServer),
}

/// The upstreams of one run.
pub struct Upstreams<'a> {
    config: &'a Config,
    plex: Http,
    /// Every instance of the settings, in their order.
    pub instances: Vec<(&'a Instance, Arr)>,
    instance_https: Vec<Http>,
    /// TMDB, where there is a key.
    pub tmdb: Option<Tmdb>,
    tmdb_http: Http,
    plex_server_http: Http,
}

impl<'a> Upstreams<'a> {
    /// The upstreams as `config` describes them.
    #[must_use]
    pub fn new(config: &'a Config, transport: &Transport, clock: &Arc<dyn Clock>, stop: &Stop) -> Self {
        let environment = &config.environment;
        let http = |settings| Http::new(transport.clone(), settings, Arc::clone(clock), stop.clone());
        let retry = Retry { first: Duration::from_millis(environment.retry_base_ms), ..Retry::default() };
        let plex = http(HttpSettings {
            budget: environment.plex_request_budget,
            retry,
            throttled_repeats: THROTTLED_REPEATS,
            limiter: LimiterSettings::plex(Duration::from_millis(environment.plex_page_pause_ms)),
        });
        // An instance is the household's own machine: no budget beyond what the run's time allows.
        let arr = HttpSettings {
            budget: u32::MAX,
            retry,
            throttled_repeats: THROTTLED_REPEATS,
            limiter: LimiterSettings::arr(),
        };
        let instances = &config.settings.instances;
        let instance_https: Vec<Http> = instances.iter().map(|_| http(arr)).collect();
        let arrs = instances.iter().zip(&instance_https).map(|(it, http)| (it, Arr::new(it, http.clone()))).collect();
        let page_pause = Duration::from_millis(environment.plex_page_pause_ms);
        let tmdb_http = http(HttpSettings {
            budget: u32::MAX,
            retry,
            throttled_repeats: THROTTLED_REPEATS,
            limiter: LimiterSettings::tmdb(page_pause / PART_OF_PLEX_PAUSE),
        });
        let access = &config.settings.tmdb;
        let tmdb = access
            .api_key
            .as_ref()
            .map(|key| Tmdb::new(tmdb_http.clone(), environment.tmdb_url.clone(), key.clone(), &access.region));
        // The household's own machine, as an instance is.
        let plex_server_http = http(arr);
        Self { config, plex, instances: arrs, instance_https, tmdb, tmdb_http, plex_server_http }
    }

    /// The household's Plex server, asked as the account of `plex`: with the account's own token where the settings file declares the
    /// address, and else with the one that is kept for that server.
    ///
    /// # Errors
    /// [`StoreError`] when what is kept in `db` cannot be read.
    pub fn plex_server(&self, plex: &Plex, db: Db<'_>) -> Result<ServerAccess, StoreError> {
        let Some(url) = self.config.settings.plex.server_url.clone() else { return Ok(ServerAccess::NotSet) };
        let http = self.plex_server_http.clone();
        if !self.config.keeps_plex_server() {
            return Ok(ServerAccess::Open(plex.server(http, url)));
        }
        let token = match &self.config.stored {
            Some(stored) => server_token(&url, plex, &stored.vault, db)?,
            None => None,
        };
        Ok(token.map_or(ServerAccess::NoToken, |token| ServerAccess::Open(plex.server_by(http, url, token))))
    }

    /// Plex, asked with `token` by the installation called `client_identifier`.
    #[must_use]
    pub fn plex(&self, token: &SecretString, client_identifier: String) -> Plex {
        Plex::new(self.plex.clone(), plex_urls(&self.config.environment), token.clone(), client_identifier)
    }

    /// The instance of this name.
    #[must_use]
    pub fn arr(&self, name: &str) -> Option<&Arr> {
        self.instances.iter().find(|(instance, _)| instance.name == name).map(|(_, arr)| arr)
    }

    /// Requests so far, by upstream: `plex`, the instances' names, and what is set up besides.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, UpstreamCounts> {
        let counts =
            |Counters { requests, not_modified, throttled }| UpstreamCounts { requests, not_modified, throttled };
        let names = self.instances.iter().map(|(instance, _)| instance.name.clone());
        let mut all: BTreeMap<_, _> =
            names.zip(&self.instance_https).map(|(name, http)| (name, counts(http.counters()))).collect();
        all.insert("plex".to_owned(), counts(self.plex.counters()));
        if self.tmdb.is_some() {
            all.insert(TMDB.to_owned(), counts(self.tmdb_http.counters()));
        }
        if self.config.settings.plex.server_url.is_some() {
            all.insert(PLEX_SERVER.to_owned(), counts(self.plex_server_http.counters()));
        }
        all
    }
}

/// A way to Plex or to one of its servers for questions that are sent at once, once, and never repeated: somebody waits for the answer,
/// or asks again soon anyway.
#[must_use]
pub fn small_questions(transport: &Transport, clock: &Arc<dyn Clock>, stop: &Stop) -> Http {
    let settings = HttpSettings {
        budget: u32::MAX,
        retry: Retry { first: Duration::ZERO, max_attempts: 1 },
        throttled_repeats: 0,
        limiter: LimiterSettings::plex(Duration::ZERO),
    };
    Http::new(transport.clone(), settings, Arc::clone(clock), stop.clone())
}

/// Where Plex's services are, as the environment says.
#[must_use]
pub fn plex_urls(environment: &Environment) -> PlexUrls {
    PlexUrls {
        plex_tv: environment.plex_tv_url.clone(),
        discover: environment.plex_discover_url.clone(),
        community: environment.plex_community_url.clone(),
    }
}
