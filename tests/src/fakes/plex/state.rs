//! The state of the pretended Plex: accounts, friendships, watchlists and the catalogue.
//!
//! Owns: the data and the questions asked of it. Refuses: HTTP.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::feeds::{FeedEntry, FeedMode};
use super::payload;
use super::pins::Pin;
use super::resources::PlexResource;
use super::title::Title;
use crate::fakes::exchange::fnv;

/// The owner's account, fixed so that fixtures and tests can name it.
pub(crate) const OWNER_UUID: &str = "9c1e5ab0472d63f8";
pub(crate) const OWNER_NAME: &str = "mirela_q";
pub(crate) const OWNER_TOKEN: &str = "tok-owner-0000000001";

/// The logical clock's first reading, in milliseconds since the epoch (2025-11-04), and its step per event.
const CLOCK_START_MS: i64 = 1_762_250_000_000;
const CLOCK_STEP_MS: i64 = 61_007;

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) uuid: String,
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) display_name: String,
    pub(crate) token: String,
    pub(crate) private: bool,
    pub(crate) friend: bool,
    pub(crate) friends_since: String,
    /// Oldest first, by the time of watching.
    pub(crate) watchlist: Vec<Wish>,
}

#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) key: String,
    pub(crate) at_ms: i64,
}

/// A catalogue entry with its renderings: a page of 100 would otherwise build 100 KB of JSON from nothing, every time.
pub(crate) struct Entry {
    pub(crate) title: Title,
    pub(crate) metadata_calls: usize,
    plain: Arc<str>,
    with_guids: Arc<str>,
}

impl Entry {
    fn new(title: Title) -> Self {
        let plain = payload::list_item(&title, false).to_string().into();
        let with_guids = payload::list_item(&title, true).to_string().into();
        Self { title, metadata_calls: 0, plain, with_guids }
    }

    pub(crate) fn ids_known(&self) -> bool {
        self.metadata_calls >= self.title.ids_after
    }

    pub(crate) fn list_item(&self, guids: bool) -> &str {
        if guids && self.ids_known() { &self.with_guids } else { &self.plain }
    }
}

pub(crate) struct State {
    pub(crate) accounts: HashMap<String, Account>,
    /// Friends and former friends, in the order they were first added.
    pub(crate) order: Vec<String>,
    pub(crate) catalogue: HashMap<String, Entry>,
    pub(crate) token_revoked: bool,
    /// Lists do not tell how many entries they have.
    pub(crate) uncounted: bool,
    pub(crate) plex_pass: bool,
    pub(crate) pins: Vec<Pin>,
    pub(crate) resources: Vec<PlexResource>,
    pub(crate) feed_mode: FeedMode,
    /// How often the feeds were made anew.
    pub(crate) feed_generation: u32,
    /// The own feed and the friends' as they were when they went stale.
    pub(crate) stale_feeds: Option<(Vec<FeedEntry>, Vec<FeedEntry>)>,
    /// Friendships that one side has asked for: the other's uuid, and whether it was the owner who asked.
    pub(crate) requests: Vec<(String, bool)>,
    /// The guids of what the household's own server has.
    pub(crate) owned: HashSet<String>,
    clock_ms: i64,
}

impl State {
    pub(crate) fn new() -> Self {
        let mut state = Self {
            accounts: HashMap::new(),
            order: Vec::new(),
            catalogue: HashMap::new(),
            token_revoked: false,
            uncounted: false,
            plex_pass: true,
            pins: Vec::new(),
            resources: Vec::new(),
            feed_mode: FeedMode::default(),
            feed_generation: 2,
            stale_feeds: None,
            requests: Vec::new(),
            owned: HashSet::new(),
            clock_ms: CLOCK_START_MS,
        };
        let owner = Account {
            uuid: OWNER_UUID.to_owned(),
            id: 41_007_733,
            username: OWNER_NAME.to_owned(),
            display_name: "Mirela".to_owned(),
            token: OWNER_TOKEN.to_owned(),
            private: false,
            friend: false,
            friends_since: String::new(),
            watchlist: Vec::new(),
        };
        state.accounts.insert(owner.uuid.clone(), owner);
        state
    }

    pub(crate) fn befriend(&mut self, username: &str) -> String {
        let seed = fnv(username.as_bytes());
        let uuid = format!("{seed:016x}");
        let since = format!("2024-11-02T18:{:02}:{:02}.000Z", self.order.len() / 60 % 60, self.order.len() % 60);
        if !self.accounts.contains_key(&uuid) {
            self.order.push(uuid.clone());
        }
        let account = self.accounts.entry(uuid.clone()).or_insert_with(|| Account {
            uuid: uuid.clone(),
            id: 41_000_000 + (seed % 900_000) as i64,
            username: username.to_owned(),
            display_name: display_name(username),
            token: format!("tok-friend-{:010}", seed % 10_000_000_000),
            private: false,
            friend: true,
            friends_since: since,
            watchlist: Vec::new(),
        });
        account.friend = true;
        self.requests.retain(|(asked, _)| *asked != uuid);
        uuid
    }

    /// An account that is no friend, with a request on its way to or from it.
    pub(crate) fn ask(&mut self, username: &str, sent: bool) -> String {
        let uuid = self.befriend(username);
        self.account_mut(&uuid).friend = false;
        self.requests.push((uuid.clone(), sent));
        uuid
    }

    /// With whom `uuid` would be friends if the one who was asked agreed; `sent` by `uuid`, or received.
    pub(crate) fn requests_of(&self, uuid: &str, sent: bool) -> Vec<&Account> {
        if uuid == OWNER_UUID {
            let asked = self.requests.iter().filter(|(_, by_owner)| *by_owner == sent);
            return asked.map(|(other, _)| self.account(other)).collect();
        }
        let between = self.requests.iter().any(|(other, by_owner)| other == uuid && *by_owner != sent);
        self.accounts.get(OWNER_UUID).filter(|_| between).into_iter().collect()
    }

    pub(crate) fn rename(&mut self, uuid: &str, username: &str) {
        let account = self.account_mut(uuid);
        account.username = username.to_owned();
        account.display_name = display_name(username);
    }

    /// # Panics
    /// For a uuid that no account has: the test means another one.
    pub(crate) fn account_mut(&mut self, uuid: &str) -> &mut Account {
        self.accounts.get_mut(uuid).unwrap_or_else(|| panic!("no Plex account has the uuid `{uuid}`"))
    }

    /// # Panics
    /// As [`account_mut`](Self::account_mut).
    pub(crate) fn account(&self, uuid: &str) -> &Account {
        self.accounts.get(uuid).unwrap_or_else(|| panic!("no Plex account has the uuid `{uuid}`"))
    }

    pub(crate) fn by_token(&self, token: Option<&str>) -> Option<&Account> {
        let token = token.filter(|token| !token.is_empty())?;
        if token == OWNER_TOKEN {
            return self.accounts.get(OWNER_UUID).filter(|_| !self.token_revoked);
        }
        self.accounts.values().find(|account| account.token == token)
    }

    /// Whether `reader` sees the watchlist of `uuid`: one's own always, else that of a friend who shares it.
    pub(crate) fn readable(&self, reader: &str, uuid: &str) -> Option<&Account> {
        let account = self.accounts.get(uuid)?;
        let friends = if reader == OWNER_UUID {
            account.friend
        } else {
            uuid == OWNER_UUID && self.accounts.get(reader).is_some_and(|reader| reader.friend)
        };
        let shared = reader == uuid || (friends && !account.private);
        shared.then_some(account)
    }

    pub(crate) fn friends_of(&self, uuid: &str) -> Vec<&Account> {
        if uuid == OWNER_UUID {
            let all = self.order.iter().filter_map(|uuid| self.accounts.get(uuid));
            return all.filter(|account| account.friend).collect();
        }
        let is_friend = self.accounts.get(uuid).is_some_and(|account| account.friend);
        self.accounts.get(OWNER_UUID).filter(|_| is_friend).into_iter().collect()
    }

    pub(crate) fn add_title(&mut self, title: Title) -> String {
        let key = title.rating_key();
        self.catalogue.insert(key.clone(), Entry::new(title));
        key
    }

    /// Puts the title on top; one that is there already stays where it is.
    pub(crate) fn watch(&mut self, uuid: &str, key: &str) {
        assert!(self.catalogue.contains_key(key), "no title has the rating key `{key}`: add it first");
        let at_ms = self.tick();
        let account = self.account_mut(uuid);
        if !account.watchlist.iter().any(|wish| wish.key == key) {
            account.watchlist.push(Wish { key: key.to_owned(), at_ms });
        }
    }

    /// As many [`watch`](Self::watch)es as there are titles, none of which may be on the list yet.
    pub(crate) fn watch_new(&mut self, uuid: &str, titles: impl Iterator<Item = Title>) {
        for title in titles {
            let key = self.add_title(title);
            let at_ms = self.tick();
            self.account_mut(uuid).watchlist.push(Wish { key, at_ms });
        }
    }

    pub(crate) fn tick(&mut self) -> i64 {
        self.clock_ms += CLOCK_STEP_MS;
        self.clock_ms
    }
}

/// What people see: never the same text as the user name.
fn display_name(username: &str) -> String {
    let words = username.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let capitalised = words.map(|word| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        format!("{}{rest}", first.to_uppercase())
    });
    let name = capitalised.collect::<Vec<_>>().join(" ");
    if name == username || name.is_empty() { format!("{name} Q.").trim().to_owned() } else { name }
}
