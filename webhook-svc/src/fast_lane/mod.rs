//! Between two runs of the job: looks cheaply at the lists, one or two small questions at a time, and starts a run for just the user
//! whose list has changed. Reads no list itself and adds nothing; a change that it misses is the next regular run's.
//!
//! Everything here obeys the cool-down that runs keep, and is off with `PULSARR_FAST_LANE=false`.

mod failures;
mod feed_diff;
#[cfg(test)]
mod feed_tests;
mod feed_trust;
mod feeds;
mod patience;
#[cfg(test)]
mod refusal_tests;
mod schedule;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod urgency_tests;
mod watchdog;
mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pulsarr_shared::clients::plex::{Plex, PlexError};
use pulsarr_shared::clock::{UnixMs, has_passed, millis};
use pulsarr_shared::config::{Environment, FeedUse};
use pulsarr_shared::link::TokenState;
use pulsarr_shared::model::{ReadOutcome, RunResult};
use pulsarr_shared::report::{Report, UserReport};
use pulsarr_shared::store::StoreError;
use pulsarr_shared::sync::{self, GaveWay};
use pulsarr_shared::watch::{self, Watched, Watching};
use tokio::sync::oneshot::error::RecvError;

use self::failures::Streaks;
use self::feeds::{Feeds, LeaveAlone};
use self::patience::Patience;
use self::schedule::{Intervals, Schedule};
pub use self::watchdog::PATIENCE as HANGS_AFTER;
use self::watchdog::Watchdog;
use self::way::Way;

use crate::app::App;
use crate::app::lane_health::Failure;
use crate::engine::{NextWanted, NotBegun, RunError, WantedRun, Wish};
use crate::plex_health;
use crate::supervisor::RESTART_PAUSE;

/// The longest and the shortest the lane sleeps: clocks jump, and nothing may spin.
const LONGEST_SLEEP_MS: i64 = 5_000;
const SHORTEST_SLEEP_MS: i64 = 50;

/// When a run that found the lock held is tried again.
const ASK_AGAIN_MS: i64 = 1_000;

/// When a store that failed is asked again.
const STORE_AGAIN_MS: i64 = 10_000;

/// When a lane that rests, because Plex refuses the token, looks whether it still has to.
const REST_AGAIN_MS: i64 = 5_000;

/// How long a refusal by which Plex does not stand is not asked about again.
const RUMOUR_FOR: Duration = Duration::from_secs(15 * 60);

/// How long Plex is left alone after a refusal that names no time: what only watches has no hurry.
const OWN_COOL_DOWN: Duration = Duration::from_secs(60);

/// The lane.
pub struct FastLane {
    app: Arc<App>,
    /// What schedule and feeds were made for.
    pace: Pace,
    schedule: Schedule,
    feeds: Feeds,
    patience: Patience,
    /// Users for whom a look has led to a run that has not ended yet, and whether it is the owner.
    seen: BTreeMap<String, bool>,
    failing: Streaks,
    /// When a refusal turned out to be none of the token.
    rumour_at_ms: Option<UnixMs>,
    run: Option<UnderWay>,
    way: Way,
    /// When something is due next; 0 before the first look.
    next_ms: UnixMs,
}

/// What people decide about the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    on: bool,
    intervals: Intervals,
    feeds: FeedUse,
    feeds_s: u64,
}

impl Pace {
    fn of(environment: &Environment) -> Self {
        let millis_of = |seconds| millis(Duration::from_secs(seconds));
        let intervals = Intervals {
            own_ms: millis_of(environment.fast_lane_own_s),
            friends_ms: millis_of(environment.fast_lane_friends_s),
        };
        Self {
            on: environment.fast_lane,
            intervals,
            feeds: environment.fast_lane_feeds,
            feeds_s: environment.fast_lane_feeds_s,
        }
    }
}

/// A run of the lane.
struct UnderWay {
    run: WantedRun,
    /// What the last look at the list had left when it began.
    mark: Option<String>,
}

impl UnderWay {
    /// Whether the run has yet to read this list: until then, what is new on it is what the run is there for.
    fn is_about_to_read(&self, list: &Watched) -> bool {
        self.run.user == list.uuid.as_str() && self.mark.as_ref() == Some(&list.mark)
    }
}

/// What the store says before anybody is asked.
struct Known {
    cool_until_ms: Option<UnixMs>,
    lists: Vec<Watched>,
    client_identifier: String,
    /// What gave way to the owner's list and is to go on.
    gave_way: Option<GaveWay>,
}

impl FastLane {
    /// A lane that has looked at nothing yet.
    pub fn new(app: Arc<App>) -> Self {
        let environment = &app.config().environment;
        let pace = Pace::of(environment);
        let feeds = Feeds::new(environment);
        feeds.report(&app);
        Self {
            pace,
            schedule: Schedule::new(pace.intervals),
            feeds,
            patience: Patience::default(),
            seen: BTreeMap::new(),
            failing: Streaks::default(),
            rumour_at_ms: None,
            run: None,
            way: Way::default(),
            next_ms: 0,
            app,
        }
    }

    /// Does what is due at `now_ms`, and answers when to be called again. Asks at most two questions about
    /// lists and one about a feed, one after the other.
    pub async fn tick(&mut self, now_ms: UnixMs) -> UnixMs {
        let next_ms = self.turn(now_ms).await;
        self.app.fast_lane.turns.fetch_add(1, Ordering::Relaxed);
        next_ms
    }

    async fn turn(&mut self, now_ms: UnixMs) -> UnixMs {
        let put_back = self.app.fast_lane.last_tick_at_ms.swap(now_ms, Ordering::Relaxed) > now_ms;
        self.take_end(now_ms);
        self.keep_pace(now_ms);
        let waits = match self.app.engine.next_wanted(now_ms) {
            // One run at a time: whoever waits has a turn when it has ended.
            _ if self.run.is_some() => now_ms + ASK_AGAIN_MS,
            NextWanted::Now(_) => return self.work(now_ms).await,
            NextWanted::At(at_ms) => at_ms,
            NextWanted::Nobody => UnixMs::MAX,
        };
        // By a clock that was put back, what is due next could be years away.
        if now_ms < self.next_ms && !put_back {
            return self.next_ms.min(waits);
        }
        self.work(now_ms).await.min(waits)
    }

    /// Goes on as people want it now: intervals may have been changed since the last turn.
    fn keep_pace(&mut self, now_ms: UnixMs) {
        let config = self.app.config();
        let pace = Pace::of(&config.environment);
        if pace == self.pace {
            return;
        }
        // A cool-down is no interval: the work that is due now looks at it first.
        self.next_ms = now_ms;
        self.schedule.follow(pace.intervals);
        if pace != (Pace { on: pace.on, ..self.pace }) {
            // What a feed has told is not remembered: it is found and read anew.
            self.feeds.leave(&self.app);
            self.feeds = Feeds::new(&config.environment);
            self.feeds.report(&self.app);
        }
        self.pace = pace;
    }

    /// Waits until the run that is under way has ended; for ever when there is none.
    pub async fn run_ends(&mut self) {
        let Some(run) = &mut self.run else { return std::future::pending().await };
        let end = (&mut run.run.begun.end).await;
        self.note_end(end, self.app.now_ms());
    }

    async fn work(&mut self, now_ms: UnixMs) -> UnixMs {
        if self.app.plex_health.token() == Some(TokenState::Dead) {
            // Nobody is asked anything. Whoever looks after the token says when Plex takes it again, or another one.
            self.next_ms = now_ms + REST_AGAIN_MS;
            return self.next_ms;
        }
        let known = match self.known(now_ms).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!("the fast lane pauses: failed to {error}. {}", error.advice());
                self.next_ms = now_ms + STORE_AGAIN_MS;
                return self.next_ms;
            }
        };
        if let Some(until_ms) = known.cool_until_ms {
            self.next_ms = until_ms;
            return until_ms;
        }
        self.next_ms = now_ms + STORE_AGAIN_MS;
        if self.app.config().environment.fast_lane && !self.look(&known, now_ms).await {
            return self.next_ms;
        }
        if let Some(under_way) = &self.run {
            if !under_way.run.own {
                self.ask_for_way(now_ms).await;
            }
            return self.next_ms.min(now_ms + ASK_AGAIN_MS);
        }
        if let Some(left) = known.gave_way.clone().filter(|_| !self.app.engine.owner_waits(now_ms)) {
            return self.go_on(left, now_ms);
        }
        match self.app.engine.next_wanted(now_ms) {
            NextWanted::Now(user) => self.start(&user, &known, now_ms).await,
            NextWanted::At(at_ms) => self.next_ms.min(at_ms),
            NextWanted::Nobody => self.next_ms,
        }
    }

    async fn known(&self, now_ms: UnixMs) -> Result<Known, StoreError> {
        let config = self.app.config();
        let read = move |store: &pulsarr_shared::store::Store| {
            let db = store.read();
            Ok(Known {
                cool_until_ms: sync::cool_until(db, now_ms)?,
                lists: watch::watched(db, &config)?,
                client_identifier: sync::client_identifier(store)?,
                gave_way: sync::gave_way(db)?,
            })
        };
        self.app.database.write(read).await
    }

    /// Looks at the lists and feeds that are due. Answers false once Plex wants to be left alone.
    async fn look(&mut self, known: &Known, now_ms: UnixMs) -> bool {
        let own = known.lists.iter().find(|list| list.own);
        let friends: Vec<&Watched> = known.lists.iter().filter(|list| !list.own).collect();
        let names: Vec<&str> = friends.iter().map(|list| list.uuid.as_str()).collect();
        self.failing.keep(|user| known.lists.iter().any(|list| list.uuid.as_str() == user));
        self.schedule.stretch(self.feeds.tell_of_friends());
        let jitter = fastrand::f64() * 2.0 - 1.0;
        let due = self.schedule.due(now_ms, own.is_some(), &names, jitter);
        self.next_ms = due.next_ms.min(self.feeds.next_ms(&known.lists));
        let friend = due.friend.and_then(|position| friends.get(position).copied());
        let lists: Vec<&Watched> = own.filter(|_| due.own).into_iter().chain(friend).collect();
        let app = Arc::clone(&self.app);
        let feeds_due = self.feeds.is_due(&known.lists, now_ms);
        if lists.is_empty() && !feeds_due {
            return true;
        }
        let identifier = known.client_identifier.clone();
        let Some(plex) = watch::plex(&app.config(), &app.transport, &app.clock, &app.stop, identifier) else {
            return true;
        };
        for list in lists {
            // Its run will see whatever there is.
            let is_read = self.run.as_ref().is_some_and(|it| it.is_about_to_read(list));
            if is_read
                || app.engine.is_wanted(list.uuid.as_str())
                || !self.patience.allows(list.uuid.as_str(), list.own, now_ms)
            {
                continue;
            }
            if let Err(LeaveAlone(asked)) = self.ask(&plex, list).await {
                self.next_ms = self.leave_alone(asked, now_ms).await;
                return false;
            }
        }
        if feeds_due {
            match self.feeds.ask(&plex, &known.lists, &app, now_ms).await {
                // Who waits for a run is no longer one whom only a look has found.
                Ok(told) => self.seen.retain(|user, _| !told.contains(user)),
                Err(LeaveAlone(asked)) => {
                    self.next_ms = self.leave_alone(asked, now_ms).await;
                    return false;
                }
            }
            self.next_ms = due.next_ms.min(self.feeds.next_ms(&known.lists));
        }
        true
    }

    /// Asks about one list.
    async fn ask(&mut self, plex: &Plex, list: &Watched) -> Result<(), LeaveAlone> {
        let app = Arc::clone(&self.app);
        app.fast_lane.checks.fetch_add(1, Ordering::Relaxed);
        let (user, name) = (list.uuid.as_str(), &list.username);
        let watching = watch::has_changed(plex, list).await;
        if matches!(watching, Watching::Unchanged | Watching::Changed) && self.failing.answered(user) {
            tracing::info!(user.name = %name, "looks at the list of {name} are answered again");
        }
        match watching {
            Watching::Unchanged => {}
            Watching::Changed => {
                app.fast_lane.changes.fetch_add(1, Ordering::Relaxed);
                tracing::info!(user.name = %name, "the list of {name} has changed");
                self.seen.insert(user.to_owned(), list.own);
                app.engine.want(user, list.own);
            }
            Watching::Unknown(error) => self.failed(list, &error).await,
            Watching::LeaveAlone(asked) => {
                app.fast_lane.failed.count(Failure::SlowDown);
                return Err(LeaveAlone(asked));
            }
        }
        Ok(())
    }

    /// A look brought no answer: counted each time, and told once per streak.
    async fn failed(&mut self, list: &Watched, error: &PlexError) {
        self.app.fast_lane.failed.count(Failure::of(error));
        let name = &list.username;
        if self.failing.failed(list.uuid.as_str()) {
            tracing::warn!(
                user.name = %name,
                "a look at the list of {name} failed to {error}. Looks go on, and it is told when one is answered."
            );
        }
        if error.is_unauthorized() {
            self.ask_about_token().await;
        }
    }

    /// Somebody at Plex refused the token: asks the only judge, unless it has just said that the token is alive.
    async fn ask_about_token(&mut self) {
        let now_ms = self.app.now_ms();
        if self.rumour_at_ms.is_some_and(|at| !has_passed(at, RUMOUR_FOR, now_ms)) {
            return;
        }
        self.rumour_at_ms = Some(now_ms);
        if let Err(error) = plex_health::confirm_token(&self.app).await {
            tracing::warn!("nobody knows whether Plex takes the token: failed to {error}. {}", error.advice());
        }
    }

    /// Plex has asked to be left alone. Answers until when everybody leaves it alone.
    async fn leave_alone(&self, asked: Option<Duration>, now_ms: UnixMs) -> UnixMs {
        let wait = asked.unwrap_or(OWN_COOL_DOWN).clamp(OWN_COOL_DOWN, sync::LONGEST_COOL_DOWN);
        tracing::warn!("Plex asks us to slow down: the fast lane and all runs wait {} s", wait.as_secs());
        if let Err(error) = self.app.database.write(move |store| sync::leave_alone(store, wait, now_ms)).await {
            tracing::warn!("failed to {error}. {}", error.advice());
        }
        now_ms.saturating_add(millis(wait))
    }

    /// Asks whoever runs, in whichever process, to make way when the owner waits: additions of the owner are to arrive within half a
    /// minute, however long a list a friend has just filled, and while the first run of all lists goes on.
    async fn ask_for_way(&mut self, now_ms: UnixMs) {
        if !self.app.engine.owner_waits(now_ms) || !self.way.may_be_asked_for(now_ms) {
            return;
        }
        self.way.asked(now_ms);
        if let Err(error) = self.app.database.write(move |store| sync::ask_for_way(store, now_ms)).await {
            tracing::warn!("the owner's list waits for the end of the run: failed to {error}. {}", error.advice());
        }
    }

    /// Starts what gave way to the owner's list once more, and answers when to look again.
    fn go_on(&mut self, left: GaveWay, now_ms: UnixMs) -> UnixMs {
        match self.app.engine.begin(Wish::from(left)) {
            Ok(begun) => tracing::info!(run.id = %begun.run_id, "what gave way to the owner's list goes on"),
            Err(NotBegun::Busy { .. } | NotBegun::Stopping) => {}
            Err(error) => tracing::warn!("failed to {error}"),
        }
        self.next_ms.min(now_ms + ASK_AGAIN_MS)
    }

    /// Starts the run that `user` waits for, and answers when to look again.
    async fn start(&mut self, user: &str, known: &Known, now_ms: UnixMs) -> UnixMs {
        let list = known.lists.iter().find(|list| list.uuid.as_str() == user);
        match self.app.engine.begin_wanted(user) {
            Ok(run) => {
                self.run = Some(UnderWay { run, mark: list.map(|list| list.mark.clone()) });
                now_ms + ASK_AGAIN_MS
            }
            Err(error @ NotBegun::Busy { .. }) => {
                tracing::debug!("{error}; asking again");
                self.ask_for_way(now_ms).await;
                (now_ms + ASK_AGAIN_MS).min(self.next_ms)
            }
            Err(NotBegun::Stopping) => self.next_ms,
            Err(error) => {
                tracing::warn!("failed to {error}");
                self.app.engine.want_again(user, list.is_some_and(|list| list.own), 0, now_ms);
                self.next_ms
            }
        }
    }

    /// Takes note of the run's end, if it has ended.
    fn take_end(&mut self, now_ms: UnixMs) {
        let Some(run) = &mut self.run else { return };
        match run.run.begun.end.try_recv() {
            Ok(end) => self.note_end(Ok(end), now_ms),
            Err(tokio::sync::oneshot::error::TryRecvError::Empty) => {}
            Err(tokio::sync::oneshot::error::TryRecvError::Closed) => self.lost(now_ms),
        }
    }

    fn note_end(&mut self, end: Result<Result<Report, RunError>, RecvError>, now_ms: UnixMs) {
        let Ok(end) = end else { return self.lost(now_ms) };
        let Some(UnderWay { run: WantedRun { user, own, failures, begun }, .. }) = self.run.take() else { return };
        let (mut cut_short, mut news) = (false, false);
        let done = match end {
            Ok(report) => {
                cut_short = begun.gives_way() && report.run.result != RunResult::Ok;
                news = looks_at(&report, &user).any(|list| list.new > 0 || list.gone > 0);
                let read = was_read(&report, &user);
                if read {
                    self.judge(&report, &user, now_ms);
                }
                read
            }
            // Nobody of this name: no run will ever find them.
            Err(RunError::Sync(sync::SyncError::UnknownUser { .. })) => true,
            Err(_) => false,
        };
        if own {
            self.way.came_to(news);
            // Whoever made way is not kept waiting.
            self.next_ms = now_ms;
        }
        if cut_short {
            self.app.engine.want(&user, own);
        } else if !done {
            self.app.engine.want_again(&user, own, failures, now_ms);
        }
    }

    /// What a run for this user says about what led to it.
    fn judge(&mut self, report: &Report, user: &str, now_ms: UnixMs) {
        let seen = self.seen.remove(user);
        let (new, gone) = looks_at(report, user).fold((0, 0), |(new, gone), it| (new + it.new, gone + it.gone));
        if new > 0 || gone > 0 {
            self.patience.news(user);
        } else if let Some(own) = seen
            && self.patience.for_nothing(user, now_ms)
        {
            let pause = Patience::longest(own).as_secs();
            tracing::info!(
                "runs for {user} find nothing although Plex says that the list has changed: until one does, looks at it pause for up to \
                 {pause} s"
            );
        }
        self.app.fast_lane.paused.store(self.patience.paused(), Ordering::Relaxed);
        if let Some(own) = seen {
            self.feeds.expect(own, user, new, now_ms);
        }
    }

    /// The run's thread died.
    fn lost(&mut self, now_ms: UnixMs) {
        if let Some(UnderWay { run: WantedRun { user, own, failures, .. }, .. }) = self.run.take() {
            self.app.engine.want_again(&user, own, failures, now_ms);
        }
    }
}

/// Whether the run has seen this user's list, or had nothing to see. What it has to add and could not, every run tries again.
fn was_read(report: &Report, user: &str) -> bool {
    let read = looks_at(report, user).any(|list| list.read != ReadOutcome::Unknown);
    read || (looks_at(report, user).next().is_none() && report.problems.is_empty())
}

/// The run's looks at the list of this user (a uuid or a name).
fn looks_at<'a>(report: &'a Report, user: &'a str) -> impl Iterator<Item = &'a UserReport> {
    report.users.iter().filter(move |list| list.uuid == user || list.name.eq_ignore_ascii_case(user))
}

/// Keeps the lane alive until the service stops: one that died or hangs is started again after a pause.
pub async fn supervise(app: Arc<App>) {
    keep_alive(app, live).await;
}

async fn keep_alive<L>(app: Arc<App>, live: impl Fn(Arc<App>) -> L)
where
    L: Future<Output = ()> + Send + 'static,
{
    loop {
        let mut life = tokio::spawn(live(Arc::clone(&app)));
        let end = tokio::select! {
            ended = &mut life => match ended {
                Ok(()) => return,
                Err(died) => format!("died ({died})"),
            },
            () = hangs(&app) => {
                // Not waited for: what hangs may not even notice. A run of its goes on, on a thread of its own.
                life.abort();
                format!("has done nothing for {} s", watchdog::PATIENCE.as_secs())
            }
        };
        app.fast_lane.restarts.fetch_add(1, Ordering::Relaxed);
        tracing::error!("the fast lane {end}; it is started again in {} s", RESTART_PAUSE.as_secs());
        tokio::select! {
            () = tokio::time::sleep(RESTART_PAUSE) => {}
            _ = app.stop.wait() => return,
        }
    }
}

/// Waits until the lane hangs.
async fn hangs(app: &App) {
    let turns = || app.fast_lane.turns.load(Ordering::Relaxed);
    let mut watchdog = Watchdog::new(turns(), app.now_ms());
    loop {
        tokio::time::sleep(watchdog::ASK_EVERY).await;
        if watchdog.hangs(turns(), app.now_ms()) {
            return;
        }
    }
}

/// Ticks until the service stops.
async fn live(app: Arc<App>) {
    let mut lane = FastLane::new(Arc::clone(&app));
    while app.stop.reason().is_none() {
        let now_ms = app.now_ms();
        let next_ms = lane.tick(now_ms).await;
        let pause = next_ms.saturating_sub(now_ms).clamp(SHORTEST_SLEEP_MS, LONGEST_SLEEP_MS);
        tokio::select! {
            _ = app.stop.wait() => {}
            () = lane.run_ends() => {}
            () = app.engine.woken() => {}
            () = tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())) => {}
        }
    }
}
