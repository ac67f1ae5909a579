//! Plex and every configured instance, ready to be asked: each with its own pace, request budget and counters.

mod problem;

pub use problem::{arr_problem, plex_problem, settings_problem};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::clients::arr::Arr;
use crate::clients::plex::{Plex, PlexUrls};
use crate::clients::{Counters, Http, HttpSettings, LimiterSettings, Transport};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::model::Instance;
use crate::report::UpstreamCounts;
use crate::retry::Retry;
use crate::stop::Stop;

/// The upstreams of one run.
pub struct Upstreams<'a> {
    config: &'a Config,
    plex: Http,
    /// Every instance of the settings, in their order.
    pub instances: Vec<(&'a Instance, Arr)>,
    instance_https: Vec<Http>,
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
            limiter: LimiterSettings::plex(Duration::from_millis(environment.plex_page_pause_ms)),
        });
        // An instance is the household's own machine: no budget beyond what the run's time allows.
        let arr = HttpSettings { budget: u32::MAX, retry, limiter: LimiterSettings::arr() };
        let instances = &config.settings.instances;
        let instance_https: Vec<Http> = instances.iter().map(|_| http(arr)).collect();
        let arrs = instances.iter().zip(&instance_https).map(|(it, http)| (it, Arr::new(it, http.clone()))).collect();
        Self { config, plex, instances: arrs, instance_https }
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

    /// Requests so far, by upstream: `plex` and the instances' names.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, UpstreamCounts> {
        let counts =
            |Counters { requests, not_modified, throttled }| UpstreamCounts { requests, not_modified, throttled };
        let names = self.instances.iter().map(|(instance, _)| instance.name.clone());
        let mut all: BTreeMap<_, _> =
            names.zip(&self.instance_https).map(|(name, http)| (name, counts(http.counters()))).collect();
        all.insert("plex".to_owned(), counts(self.plex.counters()));
        all
    }
}

fn plex_urls(environment: &Environment) -> PlexUrls {
    PlexUrls {
        plex_tv: environment.plex_tv_url.clone(),
        discover: environment.plex_discover_url.clone(),
        community: environment.plex_community_url.clone(),
    }
}
