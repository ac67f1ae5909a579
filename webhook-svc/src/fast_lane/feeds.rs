//! Feeds of watchlists beside the looks at lists: finding them, reading them, and starting a run for whoever has added something.
//! Only a hint: no list is ever known from a feed. A feed's address is a secret and is kept in memory only.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pulsarr_shared::clients::FetchError;
use pulsarr_shared::clients::plex::{Feed, FeedAnswer, FeedCreated, FeedItem, Plex, PlexError};
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::{Environment, FeedUse};
use pulsarr_shared::watch::Watched;
use secrecy::SecretString;

use super::feed_diff::{Memory, News};
use super::feed_trust::{Step, Trust};
use crate::app::App;
use crate::app::lane_health::{FeedHealth, Stand};

/// Both feeds; none when they are switched off.
pub struct Feeds(Vec<Watcher>);

struct Watcher {
    feed: Feed,
    trust: Trust,
    memory: Memory,
    url: Option<SecretString>,
    /// Whether the last reading said of every wish whose it is.
    attributed: bool,
    has_complained: bool,
}

/// Plex, or whoever keeps feeds for it, wants to be left alone, for so long if it said how long.
pub struct LeaveAlone(pub Option<Duration>);

impl Feeds {
    /// Feeds of which nothing is known yet, as `environment` wants them.
    pub fn new(environment: &Environment) -> Self {
        if environment.fast_lane_feeds == FeedUse::Off {
            return Self(Vec::new());
        }
        let every = Duration::from_secs(environment.fast_lane_feeds_s);
        let watcher = |feed, round_s: u64| {
            // Looks come a little earlier or later than planned.
            let trust = Trust::new(every, Duration::from_secs(round_s + round_s / 4));
            Watcher { feed, trust, memory: Memory::default(), url: None, attributed: false, has_complained: false }
        };
        Self(vec![
            watcher(Feed::Own, environment.fast_lane_own_s),
            watcher(Feed::Friends, environment.fast_lane_friends_s),
        ])
    }

    /// Whether the friends' feed tells what is new, so that their lists need fewer looks.
    pub fn tell_of_friends(&self) -> bool {
        let mut friends = self.0.iter().filter(|it| it.feed == Feed::Friends);
        friends.any(|it| it.trust.stand() == Stand::Working && it.attributed)
    }

    /// When something is due for the feeds of these lists; a time in the past when it is.
    pub fn next_ms(&self, lists: &[Watched]) -> UnixMs {
        self.0.iter().filter(|it| it.is_of(lists)).map(|it| it.trust.next_ms()).min().unwrap_or(UnixMs::MAX)
    }

    /// Whether anything is due for the feeds of these lists.
    pub fn is_due(&self, lists: &[Watched], now_ms: UnixMs) -> bool {
        self.0.iter().any(|it| it.is_of(lists) && it.trust.due(now_ms).is_some())
    }

    /// Does the one thing that is due first: finds a feed, or reads one and wants runs for whom it tells something new of. Answers
    /// whom it has told of.
    ///
    /// # Errors
    /// [`LeaveAlone`] for a 429. That feed is off for an hour.
    pub async fn ask(
        &mut self,
        plex: &Plex,
        lists: &[Watched],
        app: &App,
        now_ms: UnixMs,
    ) -> Result<BTreeSet<String>, LeaveAlone> {
        let due = self.0.iter_mut().filter(|it| it.is_of(lists)).find_map(|it| Some((it.trust.due(now_ms)?, it)));
        let Some((step, watcher)) = due else { return Ok(BTreeSet::new()) };
        let health = watcher.health(app);
        health.questions.fetch_add(1, Ordering::Relaxed);
        let end = match (step, watcher.url.clone()) {
            (Step::Read, Some(url)) => watcher.read(plex, &url, lists, app, now_ms).await,
            _ => watcher.find(plex, now_ms).await,
        };
        health.set_stand(watcher.trust.stand());
        match end {
            End::Told(told) => return Ok(told),
            End::LeaveAlone(asked) => return Err(LeaveAlone(asked)),
            // It is the account that has none, so nobody needs to ask about the other feed.
            End::NoPass => {
                for watcher in &mut self.0 {
                    watcher.is_gone(now_ms);
                    watcher.health(app).set_stand(Stand::Off);
                }
            }
        }
        Ok(BTreeSet::new())
    }

    /// A look at this user's list, and the run that followed it, found so many new wishes.
    pub fn expect(&mut self, own: bool, user: &str, count: u32, now_ms: UnixMs) {
        let feed = if own { Feed::Own } else { Feed::Friends };
        for watcher in self.0.iter_mut().filter(|it| it.feed == feed) {
            watcher.trust.expect(user, count, now_ms);
        }
    }

    /// Tells the metrics that none of these is read any more.
    pub fn leave(&self, app: &App) {
        self.0.iter().for_each(|watcher| watcher.health(app).set_stand(Stand::Off));
    }

    /// Tells the metrics where the feeds stand.
    pub fn report(&self, app: &App) {
        for watcher in &self.0 {
            watcher.health(app).set_stand(watcher.trust.stand());
        }
    }
}

/// What follows from an answer beyond its own feed.
enum End {
    /// It has told of these people.
    Told(BTreeSet<String>),
    NoPass,
    LeaveAlone(Option<Duration>),
}

impl End {
    const fn nothing() -> Self {
        Self::Told(BTreeSet::new())
    }
}

impl Watcher {
    fn health<'a>(&self, app: &'a App) -> &'a FeedHealth {
        match self.feed {
            Feed::Own => &app.fast_lane.own_feed,
            Feed::Friends => &app.fast_lane.friends_feed,
        }
    }

    const fn name(&self) -> &'static str {
        match self.feed {
            Feed::Own => "your own watchlist's feed",
            Feed::Friends => "the friends' feed",
        }
    }

    /// Whether any of these lists is in this feed.
    fn is_of(&self, lists: &[Watched]) -> bool {
        lists.iter().any(|list| list.own == (self.feed == Feed::Own))
    }

    fn is_gone(&mut self, now_ms: UnixMs) {
        self.trust.is_gone(now_ms);
        self.forget();
    }

    fn forget(&mut self) {
        self.url = None;
        self.memory = Memory::default();
        self.attributed = false;
    }

    async fn find(&mut self, plex: &Plex, now_ms: UnixMs) -> End {
        match plex.create_feed(self.feed).await {
            Ok(FeedCreated::Url(url)) => {
                self.url = Some(url);
                self.trust.was_found(now_ms);
                End::nothing()
            }
            Ok(FeedCreated::NoPass) => self.no_pass(),
            Err(error) => self.failed(error, now_ms, |this| this.trust.was_not_found(now_ms)),
        }
    }

    async fn read(&mut self, plex: &Plex, url: &SecretString, lists: &[Watched], app: &App, now_ms: UnixMs) -> End {
        match plex.read_feed(url).await {
            Ok(FeedAnswer::Items(items)) => {
                self.health(app).last_reading_at_ms.store(now_ms, Ordering::Relaxed);
                End::Told(self.take(items, lists, app, now_ms))
            }
            Ok(FeedAnswer::NoPass) => self.no_pass(),
            Ok(answer @ (FeedAnswer::Gone | FeedAnswer::Unreadable)) => {
                let what = if answer == FeedAnswer::Gone { "is gone" } else { "cannot be understood" };
                tracing::info!(
                    "{} {what}; lists are looked at as without it, and it is tried again in an hour",
                    self.name()
                );
                self.is_gone(now_ms);
                End::nothing()
            }
            Err(error) => self.failed(error, now_ms, |this| {
                if this.trust.was_not_read(now_ms) {
                    tracing::info!("{} does not answer; it is tried again in an hour", this.name());
                }
            }),
        }
    }

    fn no_pass(&self) -> End {
        tracing::debug!("{} is not to be had: it needs a Plex Pass", self.name());
        End::NoPass
    }

    fn failed(&mut self, error: PlexError, now_ms: UnixMs, note: impl FnOnce(&mut Self)) -> End {
        tracing::debug!("failed to {error}");
        let throttled = match error {
            PlexError::Fetch { source: FetchError::RateLimited { retry_after_s }, .. } => Some(retry_after_s),
            _ => None,
        };
        // A feed must never cost us the lists.
        match throttled {
            Some(_) => self.trust.is_gone(now_ms),
            None => note(self),
        }
        if self.trust.stand() == Stand::Off {
            self.forget();
        }
        throttled.map_or_else(End::nothing, |after_s| End::LeaveAlone(after_s.map(Duration::from_secs)))
    }

    /// Judges a reading, and wants runs. Answers whom it tells of.
    fn take(&mut self, mut items: Vec<FeedItem>, lists: &[Watched], app: &App, now_ms: UnixMs) -> BTreeSet<String> {
        if self.feed == Feed::Own {
            let owner = lists.iter().find(|list| list.own).map(|list| &list.uuid);
            for item in &mut items {
                item.author = owner.cloned();
            }
        }
        self.attributed = items.iter().all(|item| item.author.is_some());
        let news = self.memory.read(items, now_ms);
        self.complain(&news);
        let verdict = self.trust.was_read(&news, now_ms);
        let list_of = |user: &str| lists.iter().find(|list| list.uuid.as_str() == user);
        for list in verdict.want.iter().filter_map(|user| list_of(user)) {
            app.fast_lane.changes.fetch_add(1, Ordering::Relaxed);
            tracing::info!(user.name = %list.username, "a feed tells that {} has added something", list.username);
            app.engine.want(list.uuid.as_str(), list.own);
        }
        if let Some(user) = verdict.stale_for {
            self.health(app).alarms.fetch_add(1, Ordering::Relaxed);
            let name = list_of(&user).map_or(user.as_str(), |list| list.username.as_str());
            tracing::warn!(
                "{} has not told within 5 minutes what {name} added: lists are looked at as without it for 6 hours",
                self.name()
            );
            self.forget();
        }
        news.new.into_keys().chain(news.again).collect()
    }

    fn complain(&mut self, news: &News) {
        if news.unattributed > 0 && !self.has_complained {
            self.has_complained = true;
            tracing::info!(
                "{} does not say whose wishes it tells: they are found by looking at the lists",
                self.name()
            );
        }
    }
}
