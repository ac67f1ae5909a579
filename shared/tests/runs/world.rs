//! A household and the engine in one process, with a clock that the story moves.

use std::sync::Arc;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, ManualClock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::lock::{self, Acquired, Holder};
use pulsarr_shared::model::Trigger;
use pulsarr_shared::report::Report;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{EntryRow, Store};
use pulsarr_shared::sync::{self, Mode, Request, SyncError, World};
use pulsarr_tests::household::Household;

/// Noon on a day in November 2026.
pub const NOON: UnixMs = 1_795_435_200_000;

/// A household, a clock, and runs of the engine against them.
pub struct Story {
    /// The stand-ins and the settings.
    pub household: Household,
    /// The clock of every run.
    pub clock: Arc<ManualClock>,
    runs: u32,
}

impl Story {
    /// The owner alone, at noon.
    pub fn new() -> Self {
        Self { household: Household::new(), clock: Arc::new(ManualClock::at(NOON)), runs: 0 }
    }

    /// The configuration as the programs would read it.
    pub fn config(&self) -> Config {
        Config::load(self.household.vars.clone(), self.household.folder()).unwrap()
    }

    /// The store, as another process would open it.
    pub fn store(&self) -> Store {
        Store::open(&self.household.data_dir(), false).unwrap()
    }

    /// One run under the lock.
    pub async fn sync(&mut self) -> Report {
        self.run(|_| {}).await.unwrap()
    }

    /// One run under the lock that reads every list whole.
    pub async fn full_sync(&mut self) -> Report {
        self.run(|request| request.full = true).await.unwrap()
    }

    /// One run under the lock, as asked.
    pub async fn run(&mut self, ask: impl FnOnce(&mut Request)) -> Result<Report, SyncError> {
        let stop = Stop::default();
        self.run_until(&stop, ask).await
    }

    /// One run under the lock that `stop` may end.
    pub async fn run_until(&mut self, stop: &Stop, ask: impl FnOnce(&mut Request)) -> Result<Report, SyncError> {
        self.runs += 1;
        let (config, store) = (self.config(), self.store());
        let mut request = Request { run_id: format!("run-{}", self.runs), trigger: Trigger::Cli, user: None, full: false };
        ask(&mut request);
        let holder =
            Holder { host: "test".into(), pid: 1, run_id: request.run_id.clone(), since_ms: self.clock.now_ms() };
        let Acquired::Ours(guard) = lock::try_acquire(&self.household.data_dir(), &holder).unwrap() else {
            panic!("the lock is free")
        };
        let world = World {
            store: &store,
            config: &config,
            clock: self.clock.clone(),
            stop: stop.clone(),
            transport: Transport::trusting(None).unwrap(),
            show: &|_| {},
        };
        sync::run(&world, &request, Mode::Real(&guard)).await
    }

    /// The only entry whose title contains `title`.
    pub fn entry(&self, title: &str) -> EntryRow {
        let entries = self.entries(title);
        assert_eq!(entries.len(), 1, "{entries:#?}");
        entries.into_iter().next().unwrap()
    }

    /// Every entry whose title contains `title`, newest first.
    pub fn entries(&self, title: &str) -> Vec<EntryRow> {
        self.store().read().find_entries(title).unwrap()
    }
}
