//! Plex, all surfaces in one server, told apart by a path prefix.
//!
//! | prefix | stands for |
//! |---|---|
//! | `/plex.tv`, `/clients` | account, ping, PINs, servers |
//! | `/discover` | own watchlist, metadata, matches, watchlist actions, feeds |
//! | `/metadata` | metadata only: the watchlist section is gone there and answers 404 |
//! | `/community/api` | GraphQL: friends and their watchlists |
//! | `/rss` | feed content: see [`FeedMode`] |
//! | `/s3` | the storage that feeds redirect to, which wants no token |
//! | `/pictures` | posters, wherever they are in the world |
//! | `/server` | the household's own Plex server: what its libraries have |
//!
//! Owns: the handle tests use. Refuses: to know the client's settings beyond the names of its environment variables.

mod account;
mod feeds;
mod graphql;
mod payload;
mod pictures;
mod pins;
mod query;
mod resources;
mod rest;
mod server;
mod state;
mod title;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

pub use feeds::{FeedEntry, FeedMode};
pub(crate) use graphql::base64;
pub use resources::PlexResource;
pub use title::{KeyOf, Title};

use super::exchange::{Reply, Request};
use super::server::{FakeServer, World};
use state::{OWNER_TOKEN, OWNER_UUID, State};

/// A running Plex. Also a [`FakeServer`]: journal and faults are there.
pub struct FakePlex {
    server: FakeServer,
    world: Arc<PlexWorld>,
}

pub(crate) struct PlexWorld {
    state: Mutex<State>,
}

impl FakePlex {
    /// Starts with one account, the owner: user name `mirela_q`, Plex Pass, an empty watchlist, no friends.
    #[must_use]
    pub fn start() -> Self {
        let world = Arc::new(PlexWorld { state: Mutex::new(State::new()) });
        let server = FakeServer::start("fake-plex", Arc::clone(&world) as Arc<dyn World>);
        Self { server, world }
    }

    /// Base URL of `plex.tv`, without a trailing slash (as all of these).
    #[must_use]
    pub fn plex_tv_url(&self) -> String {
        format!("{}/plex.tv", self.origin())
    }

    /// Base URL of `clients.plex.tv`.
    #[must_use]
    pub fn clients_url(&self) -> String {
        format!("{}/clients", self.origin())
    }

    /// Base URL of `discover.provider.plex.tv`.
    #[must_use]
    pub fn discover_url(&self) -> String {
        format!("{}/discover", self.origin())
    }

    /// Base URL of `metadata.provider.plex.tv`.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}/metadata", self.origin())
    }

    /// Base URL of `community.plex.tv`; GraphQL is at `/api` below it.
    #[must_use]
    pub fn community_url(&self) -> String {
        format!("{}/community", self.origin())
    }

    /// Base URL of `rss.plex.tv`.
    #[must_use]
    pub fn rss_url(&self) -> String {
        format!("{}/rss", self.origin())
    }

    /// Base URL of the household's own Plex server.
    #[must_use]
    pub fn server_url(&self) -> String {
        format!("{}/server", self.origin())
    }

    /// Puts a title into a library of the Plex server.
    pub fn own(&self, title: &Title) {
        self.state().owned.insert(payload::plex_guid(title));
    }

    /// The variables that point the programs at this server.
    #[must_use]
    pub fn envs(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PULSARR_PLEX_TV_URL", self.plex_tv_url()),
            ("PULSARR_PLEX_DISCOVER_URL", self.discover_url()),
            ("PULSARR_PLEX_METADATA_URL", self.metadata_url()),
            ("PULSARR_PLEX_COMMUNITY_URL", self.community_url()),
            ("PULSARR_PLEX_RSS_URL", self.rss_url()),
        ]
    }

    /// The owner's uuid, 16 hex characters.
    #[must_use]
    pub fn owner_uuid(&self) -> String {
        OWNER_UUID.to_owned()
    }

    /// The owner's token.
    #[must_use]
    pub fn owner_token(&self) -> String {
        OWNER_TOKEN.to_owned()
    }

    /// The token of any account: theirs reads their own watchlist.
    #[must_use]
    pub fn token_of(&self, uuid: &str) -> String {
        self.state().account(uuid).token.clone()
    }

    /// Befriends the owner and `username`, who shares the watchlist; returns the uuid, which depends on the name only.
    /// A former friend comes back with the watchlist of old.
    pub fn add_friend(&self, username: &str) -> String {
        self.state().befriend(username)
    }

    /// Gives the account another user name and display name; the uuid stays.
    pub fn rename_friend(&self, uuid: &str, username: &str) {
        self.state().rename(uuid, username);
    }

    /// Ends the friendship; the account goes on existing, unreadable.
    pub fn remove_friend(&self, uuid: &str) {
        self.state().account_mut(uuid).friend = false;
    }

    /// Whether the account hides its watchlist from friends.
    pub fn set_private(&self, uuid: &str, private: bool) {
        self.state().account_mut(uuid).private = private;
    }

    /// Whether the owner has Plex Pass (feeds need it).
    pub fn set_plex_pass(&self, pass: bool) {
        self.state().plex_pass = pass;
    }

    /// The person at `plex.tv/link` types this code and agrees: the owner's token is there for whoever asks about the PIN.
    ///
    /// # Panics
    /// For a code that no PIN has.
    pub fn claim_pin(&self, code: &str) {
        self.with_pin(code, |pin| pin.token = Some(OWNER_TOKEN.to_owned()));
    }

    /// The PIN's fifteen minutes are over.
    ///
    /// # Panics
    /// As [`claim_pin`](Self::claim_pin).
    pub fn expire_pin(&self, code: &str) {
        self.with_pin(code, |pin| pin.expired = true);
    }

    fn with_pin(&self, code: &str, change: impl FnOnce(&mut pins::Pin)) {
        let mut state = self.state();
        let pin = state.pins.iter_mut().find(|pin| pin.code == code);
        change(pin.unwrap_or_else(|| panic!("no PIN has the code `{code}`")));
    }

    /// The servers that the account can reach, in Plex's order.
    pub fn set_resources(&self, resources: impl IntoIterator<Item = PlexResource>) {
        self.state().resources = resources.into_iter().collect();
    }

    /// The `machineIdentifier` of the household's own Plex server.
    #[must_use]
    pub fn machine_identifier(&self) -> String {
        server::MACHINE.to_owned()
    }

    /// The owner asks `username`, no friend, to be one; returns the uuid. [`add_friend`](Self::add_friend) accepts.
    pub fn send_friend_request(&self, username: &str) -> String {
        self.state().ask(username, true)
    }

    /// `username`, no friend, asks the owner to be one; returns the uuid. [`add_friend`](Self::add_friend) accepts.
    pub fn receive_friend_request(&self, username: &str) -> String {
        self.state().ask(username, false)
    }

    /// How the feeds behave from now on.
    pub fn set_feed_mode(&self, mode: FeedMode) {
        let mut state = self.state();
        let as_now = (feeds::newest(&state, false), feeds::newest(&state, true));
        state.stale_feeds = (mode == FeedMode::Stale).then_some(as_now);
        state.feed_mode = mode;
    }

    /// The owner makes the feeds anew in Plex's settings: their former addresses lead nowhere.
    pub fn regenerate_feeds(&self) {
        self.state().feed_generation += 1;
    }

    /// What a feed with nothing between would tell: the newest 50 of the own list, or of all friends' lists; newest first.
    #[must_use]
    pub fn feed(&self, friends: bool) -> Vec<FeedEntry> {
        feeds::newest(&self.state(), friends)
    }

    /// Puts a title into the catalogue, or replaces the one with that rating key; returns the key.
    pub fn add_title(&self, title: Title) -> String {
        self.state().add_title(title)
    }

    /// Puts a title on top of a watchlist at the next instant of the logical clock. A [`Title`] not in the catalogue yet is
    /// added to it; a title already on the list stays in its place.
    ///
    /// # Panics
    /// For an unknown uuid or rating key.
    pub fn watch(&self, uuid: &str, title: impl KeyOf) {
        let mut state = self.state();
        let key = title.rating_key_of();
        if let Some(title) = title.title_of().filter(|_| !state.catalogue.contains_key(&key)) {
            state.add_title(title.clone());
        }
        state.watch(uuid, &key);
    }

    /// Puts `count` numbered titles (movies and shows in turn, starting at number `first`) on a watchlist that has none of them.
    pub fn fill_watchlist(&self, uuid: &str, first: i64, count: i64) {
        let numbered = |n: i64| if n % 2 == 0 { Title::numbered_movie(n) } else { Title::numbered_show(n) };
        self.state().watch_new(uuid, (first..first + count).map(numbered));
    }

    /// Takes a title off a watchlist; one that is not on it changes nothing.
    pub fn unwatch(&self, uuid: &str, title: impl KeyOf) {
        let key = title.rating_key_of();
        self.state().account_mut(uuid).watchlist.retain(|wish| wish.key != key);
    }

    /// Empties a watchlist.
    pub fn clear_watchlist(&self, uuid: &str) {
        self.state().account_mut(uuid).watchlist.clear();
    }

    /// The rating keys on a watchlist, newest first.
    #[must_use]
    pub fn watchlist(&self, uuid: &str) -> Vec<String> {
        self.state().account(uuid).watchlist.iter().rev().map(|wish| wish.key.clone()).collect()
    }

    /// When the title was put on the watchlist, in milliseconds since the epoch by the logical clock.
    #[must_use]
    pub fn watched_at_ms(&self, uuid: &str, title: impl KeyOf) -> Option<i64> {
        let key = title.rating_key_of();
        self.state().account(uuid).watchlist.iter().find(|wish| wish.key == key).map(|wish| wish.at_ms)
    }

    /// The owner's token stops working everywhere.
    pub fn revoke_token(&self) {
        self.state().token_revoked = true;
    }

    /// Pages of the own watchlist stop telling its `totalSize`, as no client may rely on it.
    pub fn stop_counting(&self) {
        self.state().uncounted = true;
    }

    /// The owner's token works again.
    pub fn restore_token(&self) {
        self.state().token_revoked = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.world.state()
    }
}

impl Deref for FakePlex {
    type Target = FakeServer;

    fn deref(&self) -> &FakeServer {
        &self.server
    }
}

impl PlexWorld {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that names an unknown account panics with the lock held; the other threads' state is still whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The surfaces, which differ in error bodies as much as in paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    PlexTv,
    Discover,
    Metadata,
    Community,
    Rss,
    S3,
    Pictures,
    Server,
}

impl Surface {
    /// The surface of a path, and what is left of the path.
    fn of(path: &str) -> Option<(Self, &str)> {
        let mounted = [
            ("/plex.tv", Self::PlexTv),
            ("/clients", Self::PlexTv),
            ("/discover", Self::Discover),
            ("/metadata", Self::Metadata),
            ("/community", Self::Community),
            ("/rss", Self::Rss),
            ("/s3", Self::S3),
            ("/pictures", Self::Pictures),
            ("/server", Self::Server),
        ];
        let found = mounted.into_iter().find_map(|(prefix, surface)| Some((surface, path.strip_prefix(prefix)?)));
        found.filter(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
    }
}

impl World for PlexWorld {
    fn answer(&self, request: &Request) -> Reply {
        let Some((surface, path)) = Surface::of(&request.path) else { return Reply::html(404) };
        let mut state = self.state();
        match surface {
            Surface::PlexTv => account::answer(&mut state, request, path),
            Surface::Discover | Surface::Metadata => {
                pictures::kept_here(rest::answer(&mut state, request, surface, path), request)
            }
            Surface::Pictures => pictures::answer(path),
            Surface::Rss => feeds::at_rss(&state, request, path),
            Surface::S3 => feeds::at_s3(&state, request, path),
            Surface::Community => graphql::answer(&state, request, path),
            Surface::Server => server::answer(&state, request, path),
        }
    }

    fn failure(&self, request: &Request, status: u16) -> Reply {
        match Surface::of(&request.path).map(|(surface, _)| surface) {
            Some(Surface::PlexTv) => account::error(request, status, 1000 + i64::from(status), account::reason(status)),
            Some(Surface::Discover | Surface::Metadata | Surface::Rss) => {
                rest::error(request, status, account::reason(status))
            }
            Some(Surface::Community) => graphql::failure(status),
            Some(Surface::Server | Surface::S3 | Surface::Pictures) => Reply::html(status),
            None => Reply::html(status),
        }
    }
}
