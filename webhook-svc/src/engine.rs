//! Runs inside the service: the same run as the job's, under the same lock, on a thread of its own, because a run keeps its store
//! and waits for disks. Who wants a run is told at once whether it has begun, or who is at work. Also keeps the users for whom
//! somebody wants a run of their own, each once, however often it is asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, Stopwatch, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::lock::{self, Acquired, Holder, LockGuard};
use pulsarr_shared::model::Trigger;
use pulsarr_shared::process;
use pulsarr_shared::report::Report;
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::Store;
use pulsarr_shared::sync::{self, GaveWay, Mode, Request, SyncError, World};
use tokio::sync::{Notify, oneshot, watch};

use crate::configuration::Configuration;

/// How often a lock that is held is asked for again.
const ASK_LOCK_EVERY: Duration = Duration::from_millis(250);

/// The pause after the first run that failed for a user; it doubles with each further one.
const FIRST_PAUSE_MS: i64 = 30_000;

/// The longest pause between two runs for the same user.
const LONGEST_PAUSE_MS: i64 = 10 * 60_000;

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Who asks.
    pub trigger: Trigger,
    /// Only this user's list: a uuid or a name.
    pub user: Option<String>,
    /// Every list whole, whatever is on record.
    pub full: bool,
}

impl From<GaveWay> for Wish {
    fn from(GaveWay { trigger, user, full }: GaveWay) -> Self {
        Self { trigger, user, full }
    }
}

/// A run that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Its id, as in the store and the log.
    pub run_id: String,
    /// What comes of it. An error of the channel itself: the run died.
    pub end: oneshot::Receiver<Result<Report, RunError>>,
    stop: Stop,
}

impl Begun {
    /// Whether the run ends before its time, because the owner's is more urgent.
    pub fn gives_way(&self) -> bool {
        self.stop.reason() == Some(StopReason::GivesWay)
    }
}

/// Why no run has begun.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// Another run is going on, in this process or another one.
    #[error("start a run: another sync is running{}", by.as_ref().map_or_else(String::new, |by| format!(": {by}")))]
    Busy {
        /// Who is at work, if the lock tells.
        by: Option<Holder>,
    },
    /// The service is about to end.
    #[error("start a run: the service is stopping")]
    Stopping,
    /// The lock or the thread could not be had.
    #[error("start a run: {detail}")]
    Failed {
        /// In the operating system's words.
        detail: String,
    },
}

/// Why a run that had begun brought no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run itself.
    #[error("{0}")]
    Sync(#[from] SyncError),
    /// It had nothing to work with.
    #[error("{0}")]
    Setup(String),
}

/// Starts runs. All of them end before the service does: see [`Engine::idle`].
pub struct Engine {
    config: Arc<Configuration>,
    clock: Arc<dyn Clock>,
    stop: Stop,
    under_way: Arc<watch::Sender<usize>>,
    wanted: Mutex<BTreeMap<String, Wanted>>,
    woken: Notify,
}

/// When a user may have a run.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    /// Whether it is the owner.
    own: bool,
    not_before_ms: UnixMs,
    failures: u32,
}

impl Wanted {
    fn is_due(self, now_ms: UnixMs) -> bool {
        let wait = self.not_before_ms.saturating_sub(now_ms);
        // A pause longer than any we make was begun by a clock that has since been put back.
        wait <= 0 || wait > LONGEST_PAUSE_MS
    }
}

impl Engine {
    /// An engine that works as `config` says, by `clock`, until `stop` is raised.
    pub fn new(config: Arc<Configuration>, clock: Arc<dyn Clock>, stop: Stop) -> Self {
        Self {
            config,
            clock,
            stop,
            under_way: Arc::new(watch::Sender::new(0)),
            wanted: Mutex::default(),
            woken: Notify::new(),
        }
    }

    /// Starts a run, unless another one is going on.
    ///
    /// # Errors
    /// [`NotBegun`].
    pub fn begin(&self, wish: Wish) -> Result<Begun, NotBegun> {
        if self.stop.reason().is_some() {
            return Err(NotBegun::Stopping);
        }
        let failed = |error: &dyn std::fmt::Display| NotBegun::Failed { detail: error.to_string() };
        let (config, now_ms) = (self.config.now(), self.clock.now_ms());
        let run_id = sync::new_run_id(now_ms);
        let holder =
            Holder { host: process::host_name(), pid: std::process::id(), run_id: run_id.clone(), since_ms: now_ms };
        // On the caller's thread, also where that serves requests: a lock that does not wait and a few bytes into a file that is
        // never synced stay in memory, and whoever asks is told at once who is at work.
        let guard = match lock::try_acquire(&config.environment.data_dir, &holder) {
            Ok(Acquired::Ours(guard)) => guard,
            Ok(Acquired::Held(by)) => return Err(NotBegun::Busy { by }),
            Err(error) => return Err(failed(&error)),
        };
        let (answer, end) = oneshot::channel();
        let request = Request { run_id: run_id.clone(), trigger: wish.trigger, user: wish.user, full: wish.full };
        let stop = Stop::default();
        let work = Work { config, clock: Arc::clone(&self.clock), stop: self.stop.clone(), of_run: stop.clone() };
        let counted = Counted::new(&self.under_way);
        let spawned = thread::Builder::new().name("run".to_owned()).spawn(move || {
            let ended = work.carry_out(&request, guard);
            drop(counted);
            // Whoever asked may have gone away.
            let _ = answer.send(ended);
        });
        spawned.map_err(|error| failed(&error))?;
        Ok(Begun { run_id, end, stop })
    }

    /// Starts a run, waiting so long for one that is going on.
    ///
    /// # Errors
    /// [`NotBegun`]; `Busy` once the time is over.
    pub async fn begin_within(&self, wish: Wish, patience: Duration) -> Result<Begun, NotBegun> {
        let waiting = Stopwatch::start();
        loop {
            match self.begin(wish.clone()) {
                Err(NotBegun::Busy { .. }) if waiting.elapsed() < patience => {}
                outcome => return outcome,
            }
            let pause = ASK_LOCK_EVERY.min(patience.saturating_sub(waiting.elapsed()));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stop.wait() => return Err(NotBegun::Stopping),
            }
        }
    }

    /// Waits until no run of this process is under way. Once `stop` is raised, none begins.
    pub async fn idle(&self) {
        let mut under_way = self.under_way.subscribe();
        // The sender lives in `self`, so the channel cannot close while we wait.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// Notes that this user (a uuid or a name) is to have a run soon; `own` when it is the owner, who comes first. Asking twice is
    /// asking once.
    pub fn want(&self, user: &str, own: bool) {
        self.wanted().entry(user.to_owned()).or_default().own = own;
        self.woken.notify_one();
    }

    /// Whether a run for this user is waited for.
    pub fn is_wanted(&self, user: &str) -> bool {
        self.wanted().contains_key(user)
    }

    /// Whether the owner's run is due.
    pub fn owner_waits(&self, now_ms: UnixMs) -> bool {
        self.wanted().values().any(|wanted| wanted.own && wanted.is_due(now_ms))
    }

    /// Waits until somebody asks with [`Engine::want`].
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// The user whose run is due, and when the next one is if none is now.
    pub fn next_wanted(&self, now_ms: UnixMs) -> NextWanted {
        let wanted = self.wanted();
        let due = wanted.iter().filter(|(_, wanted)| wanted.is_due(now_ms));
        if let Some((user, _)) = due.min_by_key(|(_, wanted)| (!wanted.own, wanted.not_before_ms)) {
            return NextWanted::Now(user.clone());
        }
        wanted.values().map(|wanted| wanted.not_before_ms).min().map_or(NextWanted::Nobody, NextWanted::At)
    }

    /// Starts the run that `user` waits for. Who asks for the same user from now on asks for another run.
    ///
    /// # Errors
    /// [`NotBegun`]: the user waits on.
    pub fn begin_wanted(&self, user: &str) -> Result<WantedRun, NotBegun> {
        let wish = Wish { trigger: Trigger::FastLane, user: Some(user.to_owned()), full: false };
        let begun = self.begin(wish)?;
        let Wanted { own, failures, .. } = self.wanted().remove(user).unwrap_or_default();
        Ok(WantedRun { user: user.to_owned(), own, failures, begun })
    }

    /// Lets this user wait for another run after one that failed, each time longer.
    pub fn want_again(&self, user: &str, own: bool, failures: u32, now_ms: UnixMs) {
        let failures = failures.saturating_add(1);
        let pause = FIRST_PAUSE_MS.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_PAUSE_MS);
        self.wanted().insert(user.to_owned(), Wanted { own, not_before_ms: now_ms.saturating_add(pause), failures });
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeMap<String, Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is next.
#[derive(Debug, PartialEq, Eq)]
pub enum NextWanted {
    /// This user, now.
    Now(String),
    /// Somebody, at this time.
    At(UnixMs),
    /// Nobody waits.
    Nobody,
}

/// A run for a user who waited for it.
#[derive(Debug)]
pub struct WantedRun {
    /// The uuid or name, as it was asked for.
    pub user: String,
    /// Whether it is the owner.
    pub own: bool,
    /// Runs that failed before this one.
    pub failures: u32,
    /// The run.
    pub begun: Begun,
}

/// What a run takes along to its thread.
struct Work {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    /// The service's.
    stop: Stop,
    /// The run's own.
    of_run: Stop,
}

impl Work {
    /// The whole run. The lock is free again when it answers.
    fn carry_out(self, request: &Request, guard: LockGuard) -> Result<Report, RunError> {
        let setup = |error: &dyn std::fmt::Display| RunError::Setup(error.to_string());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| setup(&error))?;
        let ended = runtime.block_on(self.run(request, &guard));
        drop(guard);
        if let Err(error) = &ended {
            tracing::error!(run.id = %request.run_id, "failed to {error}");
        }
        ended
    }

    async fn run(&self, request: &Request, guard: &LockGuard) -> Result<Report, RunError> {
        let environment = &self.config.environment;
        let store = Store::open(&environment.data_dir, environment.allow_network_fs).map_err(SyncError::from)?;
        // Connections belong to the runtime that made them, and this one lives as long as its run.
        let transport = Transport::trusting(environment.ca_file.as_deref());
        let transport = transport.map_err(|error| RunError::Setup(error.to_string()))?;
        let stop = self.of_run.clone();
        let world = World {
            store: &store,
            config: &self.config,
            clock: Arc::clone(&self.clock),
            stop: stop.clone(),
            transport,
            show: &|_| {},
        };
        let limit = async {
            let reason = tokio::select! {
                reason = self.stop.wait() => reason,
                () = tokio::time::sleep(Duration::from_secs(environment.run_limit_s)) => StopReason::TimeLimit,
            };
            stop.request(reason);
            std::future::pending::<std::convert::Infallible>().await
        };
        let ran = tokio::select! {
            biased;
            ran = sync::run(&world, request, Mode::Real(guard)) => ran,
            never = limit => match never {},
        };
        if let Err(error) = store.checkpoint() {
            // Housekeeping: everything is stored, and the next run tidies up.
            tracing::warn!(run.id = %request.run_id, "the run is done, but tidying up after it failed to {error}");
        }
        Ok(ran?)
    }
}

/// Counts a run as under way for as long as it lives, however it ends.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(under_way: &Arc<watch::Sender<usize>>) -> Self {
        under_way.send_modify(|count| *count += 1);
        Self(Arc::clone(under_way))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
