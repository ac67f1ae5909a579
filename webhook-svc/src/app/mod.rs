//! What every part of the service has at hand: the lowest floor. A file here is what one part remembers; what the part does stands in
//! a room of its own that imports this one, never the other way round.

mod answers;
mod asked;
pub mod auth;
pub mod connections;
pub mod data_folder;
mod friend_requests;
pub mod insights;
mod instance_health;
pub mod judged_tests;
pub mod lane_health;
mod plex_health;
mod plex_link;
mod posters;
pub mod rule_reach;
pub mod run_watch;

pub use answers::{Answer, Answers};
pub use friend_requests::FriendRequestsSeen;
pub use instance_health::{InstanceSeen, Turn};
pub use plex_health::ServerSeen;
pub use plex_link::{CodeShown, LinkStood, LinkTurn, LinkedView, Linking, PlexLink};

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::InstanceKind;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{Reader, Store, StoreError};
use pulsarr_shared::telemetry;
use tokio::sync::{Mutex, Notify, Semaphore};

use self::asked::Asked;
use self::auth::Auth;
use self::connections::Connections;
use self::data_folder::LastLook;
use self::insights::Insights;
use self::instance_health::InstanceHealth;
use self::judged_tests::JudgedTests;
use self::lane_health::LaneHealth;
use self::plex_health::PlexHealth;
use self::posters::Posters;
use self::rule_reach::RuleReach;
use self::run_watch::RunWatch;
use crate::body::{self, Rooms};
use crate::configuration::{Configuration, Origin};
use crate::database::Database;
use crate::engine::Engine;
use crate::fragment::fragment;
use crate::passwords::Passwords;
use crate::receiver::Receiver;
use crate::webhook_counts::{RefusedWebhooks, WebhookCounts};

/// Streams of events that are open at once: each holds a connection and some memory.
pub const MOST_STREAMS: usize = 32;

/// The service.
pub struct App {
    /// Environment and settings; [`App::config`] gives them as they are now.
    pub configuration: Arc<Configuration>,
    base_path: String,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The store, for everything but incoming webhooks.
    pub database: Database,
    /// Starts runs in this process.
    pub engine: Engine,
    /// How the watching of lists between runs is doing.
    pub fast_lane: LaneHealth,
    /// Who may.
    pub auth: Auth,
    /// The linking of a Plex account that is under way, or ended last.
    pub plex_link: Linking,
    /// What others answered to questions of pages.
    pub answers: Answers,
    /// What is known about the token and the Plex server.
    pub plex_health: PlexHealth,
    /// What is known about how the instances answer.
    pub instance_health: InstanceHealth,
    /// The posters that pages show.
    pub posters: Posters,
    /// The friend requests of the Plex account, as they were asked for last.
    pub friend_requests: Mutex<Option<FriendRequestsSeen>>,
    /// The way to the network.
    pub transport: Transport,
    /// The order to stop.
    pub stop: Stop,
    /// When the service began; unix milliseconds.
    pub started_at_ms: UnixMs,
    /// Takes webhooks in.
    pub receiver: Receiver,
    /// What webhooks have to show.
    pub passwords: Passwords,
    /// Who works on which of our connections in the arrs.
    pub connections: Connections,
    /// How often somebody asked for something.
    pub asked: Asked,
    /// How long the body of a request may take to arrive.
    pub body_patience: Duration,
    /// The room for bodies.
    pub rooms: Rooms,
    /// How many webhooks came.
    pub webhook_counts: WebhookCounts,
    /// Webhooks with a wrong password, until they are noted in the history of their instance.
    pub refused_webhooks: RefusedWebhooks,
    /// How often a connection had to wait because as many were open as may be.
    pub connections_full: AtomicU64,
    /// How often a part of the service died and was started again; the fast lane counts its own.
    pub part_restarts: AtomicU64,
    /// The places for streams of events.
    pub event_streams: Arc<Semaphore>,
    /// What charts show, as it was counted last.
    pub insights: Insights,
    /// The last look whether the data folder can be written to.
    pub last_look: LastLook,
    /// How many entries each rule decides, as it was counted last.
    pub rule_reach: RuleReach,
    /// What came of the tests of the rules.
    pub judged_tests: JudgedTests,
    /// The look at runs for all who listen.
    pub run_watch: RunWatch,
}

impl App {
    /// A service as `config`, read from `origin`, describes it, on its store. `arrived` is told of every webhook that is stored.
    ///
    /// # Errors
    /// What is wrong with the configuration, the store or the machine, as a sentence.
    pub fn new(
        config: Config,
        origin: Origin,
        clock: Arc<dyn Clock>,
        stop: Stop,
        arrived: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let environment = &config.environment;
        let auth = Auth::new(environment).map_err(|error| fragment(&error))?;
        let transport = Transport::trusting(environment.ca_file.as_deref()).map_err(|error| fragment(&error))?;
        let refused = |error: StoreError| anyhow::anyhow!("failed to {error}. {}", error.advice());
        let open = || Store::open(&environment.data_dir, environment.allow_network_fs).map_err(refused);
        let store = open()?;
        let reader = Reader::open(&environment.data_dir, environment.allow_network_fs).map_err(refused)?;
        let receiver = Receiver::start(open()?, arrived)?;
        let configuration = Arc::new(Configuration::new(config, origin, &store)?);
        telemetry::hide_secrets_of(&configuration.now());
        telemetry::follow(&configuration.now().environment, telemetry::SERVICE);
        let database = Database::start(store, reader)?;
        Ok(Self {
            engine: Engine::new(Arc::clone(&configuration), Arc::clone(&clock), stop.clone()),
            fast_lane: LaneHealth::default(),
            started_at_ms: clock.now_ms(),
            plex_link: Linking::default(),
            answers: Answers::default(),
            plex_health: PlexHealth::default(),
            instance_health: InstanceHealth::default(),
            posters: Posters::default(),
            friend_requests: Mutex::default(),
            passwords: Passwords::default(),
            connections: Connections::default(),
            asked: Asked::default(),
            webhook_counts: WebhookCounts::default(),
            refused_webhooks: RefusedWebhooks::default(),
            connections_full: AtomicU64::new(0),
            part_restarts: AtomicU64::new(0),
            event_streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            rule_reach: RuleReach::default(),
            judged_tests: JudgedTests::default(),
            run_watch: RunWatch::default(),
            insights: Insights::default(),
            last_look: LastLook::default(),
            base_path: configuration.now().environment.base_path.clone(),
            configuration,
            body_patience: body::PATIENCE,
            rooms: Rooms::new(body::MOST_AT_ONCE),
            clock,
            database,
            auth,
            transport,
            stop,
            receiver,
        })
    }

    /// What stands in front of every path: empty, or `/pulsarr`.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Environment and settings as they are now. Whoever holds them keeps working with these when somebody changes them.
    pub fn config(&self) -> Arc<Config> {
        self.configuration.now()
    }

    /// What the instance of this name is; `None` when there is none.
    pub fn kind_of(&self, instance: &str) -> Option<InstanceKind> {
        let config = self.config();
        config.settings.instances.iter().find(|it| it.name == instance).map(|it| it.options.kind())
    }

    /// Now; unix milliseconds.
    pub fn now_ms(&self) -> UnixMs {
        self.clock.now_ms()
    }
}
