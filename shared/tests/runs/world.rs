//! A household and the engine in one process, with a clock that the story moves.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, ManualClock, UnixMs};
use pulsarr_shared::config::{Config, Settings};
use pulsarr_shared::lock::{self, Acquired, Holder};
use pulsarr_shared::model::{EntryState, Trigger, User};
use pulsarr_shared::report::{Report, UserReport};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{EntryRow, PlacementRow, Store, StoredDecision};
use pulsarr_shared::sync::{self, Mode, Request, SyncError, World};
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::Household;

/// Noon on a day in November 2026.
pub const NOON: UnixMs = 1_795_435_200_000;

/// The owner's user name.
pub const OWNER: &str = "mirela_q";

/// A movie with its ids.
pub fn salt_ledger() -> Title {
    Title::movie("Salt Ledger").year(2025).tmdb(900_002)
}

/// The number by which Radarr knows [`salt_ledger`].
pub const SALT_LEDGER: i64 = 900_002;

/// A show with its ids.
pub fn harbour_nine() -> Title {
    Title::show("Harbour Nine").year(2024).tvdb(800_001)
}

/// The number by which Sonarr knows [`harbour_nine`].
pub const HARBOUR_NINE: i64 = 800_001;

/// So many minutes.
pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// So many hours.
pub fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// Lets everything else go on until `condition` holds, which it has to within 20 seconds.
pub async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
}

/// What a report says about one list.
pub fn list<'a>(report: &'a Report, username: &str) -> &'a UserReport {
    let found = report.users.iter().find(|user| user.name == username);
    found.unwrap_or_else(|| panic!("no list of {username} in {report:#?}"))
}

/// A household, a clock, and runs of the engine against them. Also the [`Household`] itself.
pub struct Story {
    /// The stand-ins and the settings.
    pub household: Household,
    /// The clock of every run.
    pub clock: Arc<ManualClock>,
    /// Settings that a story makes in code, on top of the file's.
    pub adjust: Box<dyn Fn(&mut Config)>,
    runs: Cell<u32>,
}

impl Story {
    /// The owner alone, at noon.
    pub fn new() -> Self {
        Self {
            household: Household::new(),
            clock: Arc::new(ManualClock::at(NOON)),
            adjust: Box::new(|_| {}),
            runs: Cell::new(0),
        }
    }

    /// A story with these settings on top of the file's.
    pub fn adjusted(adjust: impl Fn(&mut Settings) + 'static) -> Self {
        let mut story = Self::new();
        story.readjust(adjust);
        story
    }

    /// Replaces what the settings say on top of the file's.
    pub fn readjust(&mut self, adjust: impl Fn(&mut Settings) + 'static) {
        self.adjust = Box::new(move |config| adjust(&mut config.settings));
    }

    /// The configuration as the programs would read it.
    pub fn config(&self) -> Config {
        let mut config = Config::load(self.household.vars.clone(), self.household.folder()).unwrap();
        (self.adjust)(&mut config);
        config
    }

    /// The store, as another process would open it.
    pub fn store(&self) -> Store {
        Store::open(&self.household.data_dir(), false).unwrap()
    }

    /// One run under the lock.
    pub async fn sync(&self) -> Report {
        self.run(|_| {}).await.unwrap()
    }

    /// One run under the lock that reads every list whole.
    pub async fn full_sync(&self) -> Report {
        self.run(|request| request.full = true).await.unwrap()
    }

    /// One run under the lock, as asked.
    pub async fn run(&self, ask: impl FnOnce(&mut Request)) -> Result<Report, SyncError> {
        let stop = Stop::default();
        self.run_until(&stop, ask).await
    }

    /// One run under the lock that `stop` may end.
    pub async fn run_until(&self, stop: &Stop, ask: impl FnOnce(&mut Request)) -> Result<Report, SyncError> {
        self.runs.set(self.runs.get() + 1);
        let (config, store) = (self.config(), self.store());
        let mut request =
            Request { run_id: format!("run-{}", self.runs.get()), trigger: Trigger::Cli, user: None, full: false };
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

    /// What one run would do.
    pub async fn dry_run(&self) -> Report {
        let (config, store) = (self.config(), Store::copy_in_memory(&self.household.data_dir(), false).unwrap());
        let request = Request { run_id: "dry".into(), trigger: Trigger::Cli, user: None, full: false };
        let world = World {
            store: &store,
            config: &config,
            clock: self.clock.clone(),
            stop: Stop::default(),
            transport: Transport::trusting(None).unwrap(),
            show: &|_| {},
        };
        sync::run(&world, &request, Mode::DryRun).await.unwrap()
    }

    /// One run, and `meanwhile` beside it.
    pub async fn sync_and<T>(&self, full: bool, meanwhile: impl Future<Output = T>) -> (Report, T) {
        let (report, value) = tokio::join!(self.run(|request| request.full = full), meanwhile);
        (report.unwrap(), value)
    }

    /// The only entry whose title contains `title`.
    pub fn entry(&self, title: &str) -> EntryRow {
        let entries = self.entries(title);
        assert_eq!(entries.len(), 1, "{entries:#?}");
        entries.into_iter().next().unwrap()
    }

    /// Where the only entry whose title contains `title` stands.
    pub fn state(&self, title: &str) -> EntryState {
        self.entry(title).state
    }

    /// The only placement of the only entry whose title contains `title`.
    pub fn placement(&self, title: &str) -> PlacementRow {
        let placements = self.store().read().placements_of(self.entry(title).id).unwrap();
        assert_eq!(placements.len(), 1, "{placements:#?}");
        placements.into_iter().next().unwrap()
    }

    /// Every decision about the only entry whose title contains `title`, oldest first.
    pub fn decisions(&self, title: &str) -> Vec<StoredDecision> {
        self.store().read().decisions_of(self.entry(title).id).unwrap()
    }

    /// The user with this uuid.
    pub fn user(&self, uuid: &str) -> User {
        let users = self.store().read().users().unwrap();
        users.into_iter().find(|user| user.uuid.as_str() == uuid).unwrap()
    }

    /// Whether any run has heard of this user.
    pub fn knows(&self, uuid: &str) -> bool {
        self.store().read().users().unwrap().iter().any(|user| user.uuid.as_str() == uuid)
    }

    /// How many entries of this user are open.
    pub fn open_entries(&self, uuid: &str) -> u32 {
        self.store().read().open_entry_count(self.user(uuid).id).unwrap()
    }

    /// Puts a title on the owner's list.
    pub fn owner_wants(&self, title: Title) {
        self.plex.watch(&self.plex.owner_uuid(), title);
    }

    /// Sets a variable of the programs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), value.to_owned());
    }

    /// How often Plex's catalogue was asked about this title since the journal was last cleared.
    pub fn metadata_requests(&self, title: &Title) -> usize {
        self.plex.requests_to(&format!("/library/metadata/{}", title.rating_key()))
    }

    /// How often the two arrs were asked to add something since the journals were last cleared.
    pub fn adds(&self) -> usize {
        self.radarr.requests("POST", "/api/v3/movie") + self.sonarr.requests("POST", "/api/v3/series")
    }

    /// How many requests the two arrs got since the journals were last cleared.
    pub fn arr_requests(&self) -> usize {
        self.radarr.requests_to("") + self.sonarr.requests_to("")
    }

    /// Every entry whose title contains `title`, newest first.
    pub fn entries(&self, title: &str) -> Vec<EntryRow> {
        self.store().read().find_entries(title).unwrap()
    }
}

impl Deref for Story {
    type Target = Household;

    fn deref(&self) -> &Household {
        &self.household
    }
}

impl DerefMut for Story {
    fn deref_mut(&mut self) -> &mut Household {
        &mut self.household
    }
}
