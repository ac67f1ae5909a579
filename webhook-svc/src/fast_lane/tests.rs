//! The lane beside a household, with a clock that the story moves second by second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pulsarr_shared::clock::{Clock, ManualClock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::lock::{self, Acquired, Holder};
use pulsarr_shared::model::{Declaration, RunResult, Section, Trigger};
use pulsarr_shared::report::Report;
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::{RunRow, Store};
use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::Household;
use serde_json::json;
use warp::http::{HeaderMap, Method, StatusCode};

use super::FastLane;
use crate::api::endpoints;
use crate::app::App;
use crate::audit::By;
use crate::configuration::{Note, Origin};
use crate::engine::{NotBegun, Wish};
use crate::request::{Ask, Who};

pub(super) const NOON: UnixMs = 1_795_435_200_000;

const SALT_LEDGER: i64 = 900_002;

pub(super) fn salt_ledger() -> Title {
    Title::movie("Salt Ledger").year(2025).tmdb(SALT_LEDGER)
}

/// A household that a run has seen, and the service beside it; without feeds unless the variables say so.
pub(super) struct Story {
    pub(super) household: Household,
    pub(super) clock: Arc<ManualClock>,
    pub(super) app: Arc<App>,
    pub(super) lane: FastLane,
    pub(super) friends: Vec<String>,
}

impl Story {
    pub(super) async fn new(friends: &[&str]) -> Self {
        Self::with(friends, &[]).await
    }

    pub(super) async fn with(friends: &[&str], vars: &[(&str, &str)]) -> Self {
        let story = Self::before(friends, vars);
        assert_eq!(story.run().await.run.result, RunResult::Ok);
        story.household.clear_journals();
        story
    }

    /// The owner alone, and no run yet.
    pub(super) fn alone() -> Self {
        Self::before(&[], &[])
    }

    pub(super) fn before(friends: &[&str], vars: &[(&str, &str)]) -> Self {
        let mut household = Household::new();
        // What feeds add has stories of its own.
        household.set("PULSARR_FAST_LANE_FEEDS", "off");
        for (name, value) in vars {
            household.set(name, value);
        }
        let friends = friends.iter().map(|name| household.plex.add_friend(name)).collect();
        let variables = household.vars.clone().into_iter().collect();
        let origin = Origin { variables, base_dir: household.folder().to_owned() };
        let config = Config::load(household.vars.clone(), household.folder()).unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let app = App::new(config, origin, clock.clone(), Stop::default(), Arc::default()).unwrap();
        let app = Arc::new(app);
        let lane = FastLane::new(Arc::clone(&app));
        Self { household, clock, app, lane, friends }
    }

    /// A run of everything, as the job's schedule would start it.
    pub(super) async fn run(&self) -> Report {
        let wish = Wish { trigger: Trigger::Schedule, user: None, full: false };
        self.app.engine.begin(wish).unwrap().end.await.unwrap().unwrap()
    }

    /// One second passes; what the lane starts in it is finished in it.
    pub(super) async fn second(&mut self) {
        self.lane.tick(self.clock.now_ms()).await;
        if self.lane.run.is_some() {
            self.lane.run_ends().await;
        }
        self.clock.advance(Duration::from_secs(1));
    }

    pub(super) async fn seconds(&mut self, count: u32) {
        for _ in 0..count {
            self.second().await;
        }
    }

    /// Until somebody asks Plex something.
    async fn until_asked(&mut self) {
        for _ in 0..60 {
            if self.household.plex.requests_to("") > 0 {
                return;
            }
            self.second().await;
        }
        panic!("nobody asked");
    }

    /// Seconds until Radarr has `count` movies.
    pub(super) async fn until_added(&mut self, count: usize) -> u32 {
        for passed in 0..600 {
            if self.household.radarr.library().len() == count {
                return passed;
            }
            self.second().await;
        }
        panic!("it was never added");
    }

    /// How often the head of this friend's list was asked for.
    pub(super) fn heads(&self, friend: &str) -> usize {
        self.queries(friend, "FriendWatchlistHead")
    }

    /// How often pages of this friend's list were.
    pub(super) fn pages(&self, friend: &str) -> usize {
        self.queries(friend, "query FriendWatchlist(")
    }

    pub(super) fn queries(&self, friend: &str, query: &str) -> usize {
        let seen = self.household.plex.journal_of("/community/api");
        seen.iter().filter(|seen| seen.body.contains(query) && seen.body.contains(friend)).count()
    }

    pub(super) fn own_looks(&self) -> usize {
        self.household.plex.requests_to("/watchlist/all")
    }

    pub(super) fn runs(&self) -> Vec<RunRow> {
        Store::open(&self.household.data_dir(), false).unwrap().read().last_runs(50).unwrap()
    }

    pub(super) fn ask(&self, body: &'static str) -> Ask {
        Ask {
            app: Arc::clone(&self.app),
            who: Who { name: "mirela".into(), may_write: true },
            remote: None,
            headers: HeaderMap::new(),
            variables: Vec::new(),
            query: Vec::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    pub(super) async fn post(&self, body: &'static str) -> Result<StatusCode, StatusCode> {
        let mut all = endpoints();
        let endpoint = all.find(|it| it.method == Method::POST && it.path == "/runs").unwrap();
        let answer = (endpoint.handle)(self.ask(body)).await;
        answer.map(|response| response.status()).map_err(|error| error.status())
    }
}

#[tokio::test]
async fn ten_quiet_minutes_cost_one_conditional_question_every_20_s_and_one_per_friend_every_2_min() {
    let mut story = Story::new(&["ada", "bea", "cyd"]).await;
    story.seconds(600).await;
    assert_eq!(story.own_looks(), 30);
    let own = story.household.plex.journal_of("/watchlist/all");
    assert!(own.iter().all(|seen| seen.if_none_match.is_some() && seen.status == 304));
    let heads: Vec<_> = story.friends.iter().map(|friend| story.heads(friend)).collect();
    assert!(heads.iter().all(|count| (4..=5).contains(count)), "{heads:?}");
    // The first slot of the first round is a pause.
    assert!((14..=15).contains(&heads.iter().sum::<usize>()), "{heads:?}");
    assert_eq!(story.household.plex.requests_to(""), 30 + heads.iter().sum::<usize>());
    assert_eq!(story.runs().len(), 1, "only the run before");
    let checks = story.app.fast_lane.checks.load(Ordering::Relaxed);
    assert_eq!(checks, 30 + heads.iter().sum::<usize>() as u64);
}

#[tokio::test]
async fn what_the_owner_adds_is_in_radarr_within_30_s() {
    let mut story = Story::new(&["ada"]).await;
    story.seconds(61).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.household.clear_journals();
    let passed = story.until_added(1).await;
    assert!(passed <= 30, "{passed} s");
    assert_eq!(story.runs()[0].trigger, Trigger::FastLane);
    assert_eq!(story.household.plex.requests("POST", "/community/api"), story.heads(&story.friends[0]));

    story.household.clear_journals();
    story.seconds(60).await;
    assert_eq!((story.own_looks(), story.runs().len()), (3, 2), "and then all is quiet again");
}

#[tokio::test]
async fn what_a_friend_adds_takes_about_two_minutes_and_nobody_elses_list_is_read() {
    let mut story = Story::new(&["ada", "bea", "cyd"]).await;
    story.seconds(45).await;
    let bea = story.friends[1].clone();
    story.household.plex.watch(&bea, salt_ledger());
    story.household.clear_journals();
    let passed = story.until_added(1).await;
    assert!(passed <= 140, "{passed} s");
    assert_eq!(story.pages(&bea), 1);
    for other in [&story.friends[0], &story.friends[2]] {
        assert_eq!(story.pages(other), 0);
    }
    let journal = story.household.plex.journal_of("/community/api");
    assert!(!journal.iter().any(|seen| seen.body.contains("allFriendsV2")), "who the friends are is known");
    let own = story.household.plex.journal_of("/watchlist/all");
    assert!(own.iter().all(|seen| seen.status == 304));
}

#[tokio::test]
async fn a_429_silences_everything_until_the_cool_down_is_over() {
    let mut story = Story::new(&["ada", "bea"]).await;
    story.seconds(30).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.household.plex.inject(Fault::on("ANY", "").times(1).status(429).retry_after("300"));
    story.household.clear_journals();
    story.until_asked().await;
    story.seconds(298).await;
    assert_eq!(story.household.plex.requests_to(""), 1);
    let report = story.run().await;
    assert_eq!((report.run.result, story.household.plex.requests_to("")), (RunResult::Partial, 1), "runs obey it too");
    assert!(story.until_added(1).await <= 30);
}

#[tokio::test]
async fn an_hour_of_429_that_plex_announces_costs_one_question() {
    let mut story = Story::new(&["ada", "bea"]).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.household.plex.inject(Fault::on("ANY", "").times(1).status(429).retry_after("3600"));
    story.household.clear_journals();
    story.until_asked().await;
    story.seconds(3_598).await;
    assert_eq!(story.household.plex.requests_to(""), 1);
    assert!(story.until_added(1).await <= 30);
}

#[tokio::test]
async fn whatever_plex_asks_for_it_is_left_alone_for_a_day_and_no_longer() {
    for asked in ["18446744073709551615", "172800"] {
        let mut story = Story::new(&[]).await;
        story.household.plex.inject(Fault::on("ANY", "").times(1).status(429).retry_after(asked));
        story.until_asked().await;
        story.household.clear_journals();
        story.clock.advance(Duration::from_secs(86_390));
        story.seconds(5).await;
        assert_eq!(story.household.plex.requests_to(""), 0, "{asked}");
        assert_eq!(story.run().await.run.result, RunResult::Partial, "runs obey it too: {asked}");
        assert_eq!(story.household.plex.requests_to(""), 0, "{asked}");
        story.seconds(30).await;
        assert!(story.household.plex.requests_to("") > 0, "{asked}");
    }
}

#[tokio::test]
async fn an_hour_of_429_that_plex_does_not_announce_costs_a_question_a_minute() {
    let mut story = Story::new(&["ada", "bea"]).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.household.plex.inject(Fault::on("ANY", "").status(429));
    story.household.clear_journals();
    story.seconds(3_600).await;
    let asked = story.household.plex.requests_to("");
    assert!((30..=60).contains(&asked), "{asked}");
    assert!(story.household.radarr.library().is_empty());
    story.household.plex.clear_faults();
    assert!(story.until_added(1).await <= 90);
}

#[tokio::test]
async fn a_cool_down_that_a_run_has_met_is_obeyed() {
    let mut story = Story::new(&["ada"]).await;
    let wait = Duration::from_secs(90);
    story.app.database.write(move |store| pulsarr_shared::sync::leave_alone(store, wait, NOON)).await.unwrap();
    story.seconds(90).await;
    assert_eq!(story.household.plex.requests_to(""), 0);
    story.seconds(2).await;
    assert_eq!(story.own_looks(), 1);
}

#[tokio::test]
async fn switched_off_it_sends_nothing() {
    let mut story = Story::with(&["ada"], &[("PULSARR_FAST_LANE", "false")]).await;
    story.household.plex.watch(&story.friends[0], salt_ledger());
    story.seconds(600).await;
    assert_eq!(story.household.plex.requests_to(""), 0);
    assert_eq!(story.runs().len(), 1);
}

#[tokio::test]
async fn whose_list_is_not_read_is_not_watched() {
    let story = Story::new(&["ada", "bea"]).await;
    let Story { household, friends, .. } = &story;
    let settings = pulsarr_tests::household::SETTINGS;
    household.write_settings(&format!("{settings}users:\n  overrides:\n    - {{plex: ada, sync: false}}\n"));
    let config = Config::load(household.vars.clone(), household.folder()).unwrap();
    let store = Store::open(&household.data_dir(), false).unwrap();
    let watched = pulsarr_shared::watch::watched(store.read(), &config).unwrap();
    let uuids: Vec<_> = watched.iter().map(|list| list.uuid.as_str()).collect();
    assert_eq!(uuids, [household.plex.owner_uuid().as_str(), friends[1].as_str()]);
}

#[tokio::test]
async fn a_user_waits_while_another_process_has_the_lock_and_has_a_turn_once_it_is_free() {
    let mut story = Story::new(&[]).await;
    let holder = Holder { host: "attic".into(), pid: 7, run_id: "other".into(), since_ms: NOON };
    let Acquired::Ours(held) = lock::try_acquire(&story.household.data_dir(), &holder).unwrap() else {
        panic!("the lock is free")
    };
    story.seconds(1).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.seconds(60).await;
    assert!(story.app.engine.is_wanted(&owner));
    assert_eq!(story.own_looks(), 2, "what is known to have changed is not asked about");
    assert_eq!(story.household.radarr.library().len(), 0);
    let busy = story.app.engine.begin(Wish { trigger: Trigger::Api, user: None, full: false }).unwrap_err();
    assert!(busy.to_string().contains("run other on attic"), "{busy}");

    drop(held);
    assert!(story.until_added(1).await <= 2);
    assert!(!story.app.engine.is_wanted(&owner));
}

#[tokio::test]
async fn a_list_whose_run_failed_is_tried_again() {
    let mut story = Story::new(&[]).await;
    story.seconds(1).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    // The look sees the change; then Plex fails for the whole run.
    story.household.plex.inject(Fault::on("GET", "/watchlist/all").skip(1).times(4).status(503));
    let passed = story.until_added(1).await;
    assert!((30..=60).contains(&passed), "{passed} s");
    assert_eq!(story.runs().len(), 3);
}

#[tokio::test]
async fn a_stop_interrupts_the_run_and_its_row_says_so() {
    let story = Story::new(&[]).await;
    story.household.plex.inject(Fault::on("GET", "/watchlist/all").never());
    let begun = story.app.engine.begin(Wish { trigger: Trigger::Api, user: None, full: false }).unwrap();
    while story.own_looks() == 0 {
        tokio::task::yield_now().await;
    }
    story.app.stop.request(StopReason::Terminated);
    story.app.engine.idle().await;
    assert_eq!((story.runs()[0].id.clone(), story.runs()[0].result), (begun.run_id, RunResult::Interrupted));
    let refused = story.app.engine.begin(Wish { trigger: Trigger::Api, user: None, full: false });
    assert!(matches!(refused, Err(NotBegun::Stopping)));
}

#[tokio::test]
async fn a_run_can_be_asked_for_by_hand() {
    let story = Story::new(&["ada"]).await;
    assert_eq!(story.post(r#"{"user": "nobody"}"#).await, Err(StatusCode::NOT_FOUND));
    assert_eq!(story.post(r#"{"users": "ada"}"#).await, Err(StatusCode::BAD_REQUEST));
    assert_eq!(story.post(r#"{"user": "Ada", "full": true}"#).await, Ok(StatusCode::ACCEPTED));
    story.app.engine.idle().await;
    assert_eq!((story.runs()[0].trigger, story.runs()[0].result), (Trigger::Api, RunResult::Ok));
    assert_eq!((story.pages(&story.friends[0]), story.own_looks()), (1, 0));

    let holder = Holder { host: "attic".into(), pid: 7, run_id: "other".into(), since_ms: NOON };
    let _held = lock::try_acquire(&story.household.data_dir(), &holder).unwrap();
    assert_eq!(story.post("").await, Err(StatusCode::CONFLICT));
}

#[tokio::test]
async fn asking_for_a_user_again_and_again_makes_one_run() {
    let mut story = Story::new(&["ada"]).await;
    for _ in 0..5 {
        story.app.engine.want(&story.friends[0], false);
    }
    story.seconds(10).await;
    assert_eq!(story.runs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_died_is_started_again_and_counted() {
    let story = Story::alone();
    let lives = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&lives);
    super::keep_alive(Arc::clone(&story.app), move |_| {
        let life = counted.fetch_add(1, Ordering::Relaxed);
        async move { assert!(life == 2, "died") }
    })
    .await;
    assert_eq!(lives.load(Ordering::Relaxed), 3);
    assert_eq!(story.app.fast_lane.restarts.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_hangs_is_started_again_after_five_minutes() {
    let story = Story::alone();
    let clock = Arc::clone(&story.clock);
    let time = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(Duration::from_secs(1));
        }
    });
    let (lives, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(()));
    let (counted, held) = (Arc::clone(&lives), Arc::clone(&ended));
    super::keep_alive(Arc::clone(&story.app), move |app| {
        let (life, held) = (counted.fetch_add(1, Ordering::Relaxed), Arc::clone(&held));
        async move {
            for _ in 0..400 {
                app.fast_lane.turns.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            if life == 0 {
                std::future::pending::<()>().await;
            }
            drop(held);
        }
    })
    .await;
    time.abort();
    assert_eq!(lives.load(Ordering::Relaxed), 2, "a lane that goes round is left alone, for longer than five minutes");
    assert_eq!(story.app.fast_lane.restarts.load(Ordering::Relaxed), 1);
    assert_eq!(Arc::strong_count(&ended), 1, "the one that hung is gone");
    let passed_s = (story.clock.now_ms() - NOON) / 1_000;
    assert!((4_305..=4_340).contains(&passed_s), "{passed_s} s");
}

#[tokio::test]
async fn an_addition_of_the_owner_arrives_in_time_also_when_the_list_has_only_looked_different_for_long() {
    let mut story = Story::new(&[]).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.until_added(1).await;
    story.seconds(61).await;
    let before = story.runs().len();
    // Somebody rates the film every second; the list stays what it is.
    for votes in 0..1_200 {
        story.household.plex.add_title(salt_ledger().imdb_rating(7.1, 50_000 + votes));
        story.second().await;
    }
    let runs = story.runs().len() - before;
    assert!((40..=61).contains(&runs), "{runs} runs");
    assert_eq!(story.app.fast_lane.paused.load(Ordering::Relaxed), 1);

    story.household.plex.add_title(Title::movie("Harbour Nine").year(2024).tmdb(900_009));
    story.household.plex.watch(&owner, Title::movie("Harbour Nine").year(2024).tmdb(900_009));
    let passed = story.until_added(2).await;
    assert!(passed <= 30, "{passed} s");
    assert_eq!(story.app.fast_lane.paused.load(Ordering::Relaxed), 0);
    story.household.clear_journals();
    story.seconds(60).await;
    assert_eq!(story.own_looks(), 3);
}

#[tokio::test]
async fn nothing_is_watched_before_the_first_run() {
    let mut story = Story::alone();
    story.seconds(60).await;
    assert_eq!(story.household.plex.requests_to(""), 0);
    assert_eq!(story.app.fast_lane.last_tick_at_ms.load(Ordering::Relaxed), NOON + 59_000);
}

/// How long the lane has given no sign of life, by the metrics and the clock; seconds.
async fn age_s(story: &Story) -> i64 {
    let answer = warp::test::request().path("/metrics").reply(&crate::metrics::filter(Arc::clone(&story.app))).await;
    let page = String::from_utf8(answer.body().to_vec()).unwrap();
    let name = "pulsarr_fast_lane_last_sign_of_life_timestamp_seconds ";
    let alive_s: i64 = page.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap();
    story.clock.now_ms() / 1_000 - alive_s
}

#[tokio::test]
async fn the_age_of_the_watcher_grows_while_it_does_nothing_and_begins_anew_with_its_next_turn() {
    let mut story = Story::alone();
    assert_eq!(age_s(&story).await, NOON / 1_000, "none before it began");
    story.seconds(3).await;
    assert_eq!(age_s(&story).await, 1);
    story.clock.advance(Duration::from_secs(240));
    assert_eq!(age_s(&story).await, 241);
    story.second().await;
    assert_eq!(age_s(&story).await, 1);
}

#[tokio::test]
async fn an_interval_that_is_changed_counts_from_the_next_turn_on() {
    let mut story = Story::new(&[]).await;
    story.seconds(60).await;
    assert_eq!(story.own_looks(), 3);
    for (body, looks) in [(json!({"own_s": 5}), 12), (json!({"fast_lane": false}), 0), (json!({"own_s": 30}), 2)] {
        let by = By { who: "ana".to_owned(), address: None, at_ms: NOON };
        let note = Note { by, action: "settings.changed", target: "intervals".to_owned(), detail: json!({}) };
        let edit = |all: &mut Vec<Declaration>| {
            all.retain(|it| it.section != Section::Intervals);
            let name = String::new();
            all.push(Declaration { section: Section::Intervals, name, position: 0, body: body.clone(), version: 0 });
            Ok(())
        };
        let app = &story.app;
        app.configuration.change(&app.database, (Section::Intervals, ""), note, edit).await.unwrap();
        story.household.clear_journals();
        story.seconds(60).await;
        assert_eq!(story.own_looks(), looks, "{body}");
    }
}
