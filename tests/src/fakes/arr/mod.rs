//! What Sonarr and Radarr have in common: transport, authentication, error shapes, tags, folders, exclusions, the library.
//!
//! Owns: the shared handle [`FakeArr`]. Refuses: what differs in kind, which [`FakeSonarr`](super::FakeSonarr) and
//! [`FakeRadarr`](super::FakeRadarr) hold: how a title is rendered.

mod bind;
mod errors;
pub(crate) mod events;
mod known;
mod library;
mod notifications;
mod resources;
mod route;
mod state;
mod validate;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;

pub(crate) use bind::Draft;
pub use known::Known;
pub use notifications::ConnectionSeen;
pub(crate) use state::{Core, Stored};
pub use state::{Exclusion, LibraryItem, SearchAsked};

use super::exchange::{Reply, Request};
use super::server::{FakeServer, World};
use super::webhook::Delivered;

/// The key every fake arr accepts: 32 hex characters.
const API_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Which of the two a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum App {
    Sonarr,
    Radarr,
}

impl App {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sonarr => "Sonarr",
            Self::Radarr => "Radarr",
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Sonarr => "4.0.19.2979",
            Self::Radarr => "6.0.3.10276",
        }
    }

    /// `series` or `movie`, as in the paths and sentences.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Sonarr => "series",
            Self::Radarr => "movie",
        }
    }

    /// The JSON name of the id the outside world knows a title by.
    pub(crate) fn external(self) -> &'static str {
        match self {
            Self::Sonarr => "tvdbId",
            Self::Radarr => "tmdbId",
        }
    }

    pub(crate) fn external_pascal(self) -> &'static str {
        match self {
            Self::Sonarr => "TvdbId",
            Self::Radarr => "TmdbId",
        }
    }
}

/// A running Sonarr or Radarr. Also a [`FakeServer`]: journal and faults are there.
///
/// An add is followed by its refresh before the answer leaves, so that what a test reads afterwards does not depend on
/// timing; [`hold_refresh`](Self::hold_refresh) keeps the moment between the two open.
pub struct FakeArr {
    server: FakeServer,
    world: Arc<ArrWorld>,
}

struct ArrWorld {
    core: Mutex<Core>,
}

impl FakeArr {
    pub(crate) fn start(app: App, url_base: &str) -> Self {
        let world = Arc::new(ArrWorld { core: Mutex::new(Core::new(app, url_base, API_KEY)) });
        let name = if app == App::Sonarr { "fake-sonarr" } else { "fake-radarr" };
        let server = FakeServer::start(name, Arc::clone(&world) as Arc<dyn World>);
        Self { server, world }
    }

    /// Base URL, url base included, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin(), self.core().url_base)
    }

    /// The API key it accepts.
    #[must_use]
    pub fn api_key(&self) -> String {
        API_KEY.to_owned()
    }

    /// Adds a quality profile. From the start there are 1 `Any`, 4 `HD-1080p` and 6 `Ultra-HD`.
    pub fn add_profile(&self, id: i64, name: &str) {
        self.core().profiles.push((id, name.to_owned()));
    }

    /// Adds a root folder that can be read; `free_bytes` is none where the disk does not say.
    pub fn add_root_folder(&self, path: &str, free_bytes: Option<i64>) {
        self.core().add_root(path, free_bytes);
    }

    /// Whether a root folder can be read, as after a lost mount.
    ///
    /// # Panics
    /// For a path that is no root folder.
    pub fn set_accessible(&self, path: &str, accessible: bool) {
        let mut core = self.core();
        let root = core.roots.iter_mut().find(|root| root.path == path);
        root.unwrap_or_else(|| panic!("no root folder `{path}`")).accessible = accessible;
    }

    /// How much room there is in a root folder; none where the disk does not say.
    ///
    /// # Panics
    /// For a path that is no root folder.
    pub fn set_free_space(&self, path: &str, free_bytes: Option<i64>) {
        let mut core = self.core();
        let root = core.roots.iter_mut().find(|root| root.path == path);
        root.unwrap_or_else(|| panic!("no root folder `{path}`")).free_bytes = free_bytes;
    }

    /// Takes a root folder out of the settings.
    pub fn remove_root_folder(&self, path: &str) {
        self.core().roots.retain(|root| root.path != path);
    }

    /// Adds a tag, lower-cased as the arrs do, or finds it; returns its id.
    pub fn add_tag(&self, label: &str) -> i64 {
        self.core().tag(&label.to_lowercase())
    }

    /// All tag labels, in order.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let mut labels: Vec<String> = self.core().tags.iter().map(|(_, label)| label.clone()).collect();
        labels.sort();
        labels
    }

    /// Puts an external id (TVDb or TMDb) on the import list exclusions.
    pub fn exclude(&self, external_id: i64, title: &str) {
        self.core().exclude(external_id, title);
    }

    /// The exclusions, oldest first.
    #[must_use]
    pub fn exclusions(&self) -> Vec<Exclusion> {
        self.core().exclusions.clone()
    }

    /// The metadata service has never heard of this external id. It knows every other.
    pub fn unknown_id(&self, external_id: i64) {
        self.core().unknown.insert(external_id);
    }

    /// Tells the metadata service about a title, so that it is found by any of its ids and by its name.
    pub fn know(&self, title: Known) {
        let mut core = self.core();
        core.unknown.remove(&title.id);
        core.known.insert(title.id, title);
    }

    /// Whether the metadata service can be reached: without it a lookup is 503 and an add is 500.
    pub fn set_metadata_down(&self, down: bool) {
        self.core().metadata_down = down;
    }

    /// Puts `count` titles with external ids from `first` on into the library, each of 4 to 8 KB.
    pub fn fill_library_from(&self, first: i64, count: i64) {
        self.core().fill(first, count);
    }

    /// [`fill_library_from`](Self::fill_library_from) 5,000,001, which no other helper uses.
    pub fn fill_library(&self, count: i64) {
        self.fill_library_from(5_000_001, count);
    }

    /// What is in the library, oldest first.
    #[must_use]
    pub fn library(&self) -> Vec<LibraryItem> {
        self.core().items()
    }

    /// The library's title with this external id.
    #[must_use]
    pub fn item(&self, external_id: i64) -> Option<LibraryItem> {
        let core = self.core();
        let id = *core.by_external.get(&external_id)?;
        Some(core.item(core.library.get(&id)?))
    }

    /// A title's whole JSON, as `GET` by id gives it.
    #[must_use]
    pub fn resource(&self, id: i64) -> Option<Value> {
        self.core().library.get(&id).map(Stored::resource)
    }

    /// Takes a title out of the library by its id there.
    pub fn remove(&self, id: i64) {
        self.core().remove(id);
    }

    /// Whether it is still starting: everything answers 503.
    pub fn set_starting_up(&self, starting: bool) {
        self.core().starting = starting;
    }

    /// The next valid add loses a race: somebody else adds the same title first, and ours is answered 409.
    pub fn race_once(&self) {
        self.core().race = true;
    }

    /// Whether added titles wait for [`refresh_all`](Self::refresh_all) before `addOptions` take effect and disappear.
    pub fn hold_refresh(&self, hold: bool) {
        self.core().hold_refresh = hold;
    }

    /// Refreshes what was added while the refresh was held. The webhooks of these are not sent.
    pub fn refresh_all(&self) {
        let mut core = self.core();
        let waiting: Vec<i64> = core.library.keys().copied().collect();
        for id in waiting {
            core.refresh(id);
        }
    }

    /// The searches asked for, by `addOptions` or by command.
    #[must_use]
    pub fn searches(&self) -> Vec<SearchAsked> {
        self.core().searches.clone()
    }

    /// Adds a webhook connection to this `http://` URL.
    pub fn set_webhook(&self, url: &str) {
        self.core().webhooks.push((url.to_owned(), Vec::new()));
    }

    /// [`set_webhook`](Self::set_webhook) with extra headers, such as a secret.
    pub fn set_webhook_with(&self, url: &str, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.core().webhooks.push((url.to_owned(), headers.collect()));
    }

    /// Takes all webhook connections away.
    pub fn clear_webhooks(&self) {
        self.core().webhooks.clear();
    }

    /// The connections that were created through the API, or by [`connect`](Self::connect), oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionSeen> {
        let core = self.core();
        core.connections.iter().map(|one| one.seen()).collect()
    }

    /// Somebody deletes every connection in the settings.
    pub fn forget_connections(&self) {
        self.core().connections.clear();
    }

    /// Creates a connection the way a person does in the settings, without trying it: the body of a `POST /notification`. Returns
    /// its id.
    ///
    /// # Panics
    /// For a body that the API would refuse.
    pub fn connect(&self, body: &Value) -> i64 {
        notifications::put_there(&mut self.core(), body)
    }

    /// Changes a connection the way a person does in the settings: top-level properties, and settings by the name of their field.
    ///
    /// # Panics
    /// For an id that is no connection's.
    pub fn reconnect(&self, id: i64, change: &Value) {
        notifications::change(&mut self.core(), id, change);
    }

    /// Whether connections have failed too often of late, so that what happens is not reported.
    pub fn set_backed_off(&self, backed_off: bool) {
        self.core().backed_off = backed_off;
    }

    /// The date that events and history get from now on: `2026-11-01T10:00:00Z`, as it is from the start.
    pub fn set_date(&self, date: &str) {
        self.core().now = date.to_owned();
    }

    /// Something was found and handed to the download client: a movie, or the first season of a show as a pack. In the history, and
    /// reported. What this and the others below answer is what was sent.
    ///
    /// # Panics
    /// For a title that is not in the library.
    pub fn grab(&self, external_id: i64) -> Vec<Delivered> {
        let events = events::grabbed(&mut self.core(), external_id);
        self.report(events)
    }

    /// A title is gone from the library, with its files or without.
    ///
    /// # Panics
    /// For a title that is not in the library.
    pub fn delete_from_library(&self, external_id: i64, with_files: bool) -> Vec<Delivered> {
        let payload = {
            let mut core = self.core();
            let id = events::library_id(&core, external_id);
            let payload = events::deleted(&core, id, with_files);
            core.remove(id);
            payload
        };
        self.report(payload.into_iter().collect())
    }

    /// Reports this, whatever it is, to every connection that takes events of its `eventType`, and of unknown ones to all.
    pub fn deliver_raw(&self, event: &Value) -> Vec<Delivered> {
        self.report(vec![event.clone()])
    }

    /// The history, oldest first, as `GET /history/since` lists it.
    #[must_use]
    pub fn history(&self) -> Vec<Value> {
        self.core().history.clone()
    }

    /// Sends events one after the other, as the arrs do; nobody holds the state meanwhile, for a receiver may ask back.
    pub(crate) fn report(&self, events: Vec<Value>) -> Vec<Delivered> {
        let mut sent = Vec::new();
        for event in events {
            let deliveries = events::deliveries(&self.core(), &event);
            for delivery in deliveries {
                let outcome = super::webhook::deliver(delivery);
                self.core().deliveries.push(outcome.clone());
                sent.push(outcome);
            }
        }
        sent
    }

    /// The webhooks sent so far, with the receiver's answer.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.core().deliveries.clone()
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.world.core()
    }
}

impl Deref for FakeArr {
    type Target = FakeServer;

    fn deref(&self) -> &FakeServer {
        &self.server
    }
}

impl ArrWorld {
    fn core(&self) -> MutexGuard<'_, Core> {
        // A test may have panicked over a wrong path while holding the lock; the state is whole all the same.
        self.core.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl World for ArrWorld {
    fn answer(&self, request: &Request) -> Reply {
        route::answer(&mut self.core(), request)
    }

    fn failure(&self, _request: &Request, status: u16) -> Reply {
        errors::by_status(self.core().app, status)
    }

    fn tried(&self, request: &Request, outcome: &Delivered) -> Reply {
        notifications::tried(&mut self.core(), request, outcome)
    }

    fn delivered(&self, outcome: Delivered) {
        self.core().deliveries.push(outcome);
    }
}
