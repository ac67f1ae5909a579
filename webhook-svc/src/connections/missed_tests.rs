//! What is asked of an instance's history beside a household whose Radarr has a movie that is waited for.

use pulsarr_shared::clock::{Clock, ManualClock, UnixMs, rfc3339};
use pulsarr_shared::model::{EntryState, Trigger};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::Store;
use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::Household;

use super::*;
use crate::configuration::Origin;
use crate::engine::Wish;

const NOON: UnixMs = 1_795_435_200_000;
const HISTORY: &str = "/api/v3/history/since";
const SALT_LEDGER: i64 = 900_002;

struct Story {
    household: Household,
    clock: Arc<ManualClock>,
    app: Arc<App>,
}

impl Story {
    /// At noon the movie was added to Radarr, which reports nothing to us.
    async fn waiting() -> Self {
        let household = Household::new();
        household.plex.watch(&household.plex.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(SALT_LEDGER));
        let origin =
            Origin { variables: household.vars.clone().into_iter().collect(), base_dir: household.folder().to_owned() };
        let config = Config::load(household.vars.clone(), household.folder()).unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let app = App::new(config, origin, clock.clone(), Stop::default(), Arc::default()).unwrap();
        let story = Self { household, clock, app: Arc::new(app) };
        let wish = Wish { trigger: Trigger::Schedule, user: None, full: false };
        story.app.engine.begin(wish).unwrap().end.await.unwrap().unwrap();
        assert_eq!(story.state(), EntryState::Requested);
        story.household.clear_journals();
        story
    }

    /// Radarr imports the movie, so many milliseconds after noon.
    fn imported_at(&self, after_noon_ms: UnixMs) {
        self.household.radarr.set_date(&rfc3339(NOON + after_noon_ms));
        self.household.radarr.import(SALT_LEDGER, false);
        self.clock.jump_to(self.clock.now_ms().max(NOON + after_noon_ms));
    }

    async fn look(&self) -> bool {
        keeper::look(Arc::clone(&self.app), "movies".to_owned()).await
    }

    fn state(&self) -> EntryState {
        let store = Store::open(&self.household.data_dir(), false).unwrap();
        store.read().find_entries("Salt Ledger").unwrap()[0].state
    }

    fn asked(&self) -> usize {
        self.household.radarr.requests_to(HISTORY)
    }
}

#[tokio::test]
async fn a_history_that_was_not_told_is_asked_for_again_soon() {
    let story = Story::waiting().await;
    story.imported_at(60_000);
    story.household.radarr.inject(Fault::on("GET", HISTORY).times(1).status(400));
    assert!(!story.look().await, "it is looked at again soon");
    assert!(story.look().await);
    assert_eq!((story.state(), story.asked()), (EntryState::Available, 2));
    assert!(story.look().await);
    assert_eq!(story.asked(), 2, "that is done with");
}

#[tokio::test]
async fn an_event_that_cannot_be_acted_on_is_left_to_the_runs() {
    let story = Story::waiting().await;
    story.imported_at(60_000);
    story.household.store_year(SALT_LEDGER, 99_999);
    assert!(story.look().await, "trying its connection again soon mends nothing");
    assert!(story.look().await);
    assert_eq!(story.asked(), 1);
    story.household.store_year(SALT_LEDGER, 2025);
    story.clock.advance(Duration::from_secs(5 * 60));
    let wish = Wish { trigger: Trigger::Schedule, user: None, full: false };
    story.app.engine.begin(wish).unwrap().end.await.unwrap().unwrap();
    assert_eq!(story.state(), EntryState::Available);
}

#[tokio::test]
async fn an_instance_without_a_history_has_not_been_caught_up_with() {
    let story = Story::waiting().await;
    story.imported_at(60_000);
    story.household.radarr.inject(Fault::on("GET", HISTORY).times(1).status(404));
    for _ in 0..2 {
        assert!(story.look().await, "there is no hurry");
    }
    assert_eq!((story.state(), story.asked()), (EntryState::Requested, 1));
    story.clock.advance(Duration::from_secs(60 * 60));
    assert!(story.look().await);
    assert_eq!((story.state(), story.asked()), (EntryState::Available, 2));
}

#[tokio::test]
async fn others_have_their_turn_at_the_store_within_a_long_history() {
    let story = Story::waiting().await;
    for second in 1..=2_500 {
        story.household.radarr.set_date(&rfc3339(NOON + second * 1_000));
        story.household.radarr.grab(SALT_LEDGER);
    }
    let last = (NOON + 2_500_000).to_string();
    story.clock.jump_to(NOON + 3_000_000);
    let others = async {
        let mut marks: Vec<String> = Vec::new();
        while marks.last() != Some(&last) {
            let mark = story.app.database.read(|db| db.setting("history.since.movies")).await.unwrap();
            marks.extend(mark.filter(|mark| marks.last() != Some(mark)));
        }
        marks
    };
    let (_, marks) = tokio::join!(missed::take_in(&story.app, "movies"), others);
    assert_eq!(marks, [1_000, 2_000, 2_500].map(|second| (NOON + second * 1_000).to_string()));
}
