//! The owner's additions arrive within half a minute, also while a run is under way, with the pauses that Plex is shown by default.

use std::time::Duration;

use pulsarr_shared::clock::{Clock, Stopwatch};
use pulsarr_shared::model::{RunResult, Trigger};
use pulsarr_shared::report::Report;
use pulsarr_tests::fakes::{Fault, Title};

use super::tests::{Story, salt_ledger};
use crate::engine::{NextWanted, Wish};

fn harbour_nine() -> Title {
    Title::movie("Harbour Nine").year(2024).tmdb(900_009)
}

/// What a friend adds, of which Plex has to be asked for the id by which Radarr knows it. It never answers.
fn a_friend_adds_what_takes_for_ever(story: &Story, friend: &str) {
    let metadata = format!("/library/metadata/{}", harbour_nine().rating_key());
    story.household.plex.inject(Fault::on("GET", &metadata).never());
    story.household.plex.watch(friend, harbour_nine());
}

impl Story {
    /// The same with the pauses and tries that hold where nobody sets others.
    async fn polite(friends: &[&str]) -> Self {
        let polite = [("PULSARR_PLEX_PAGE_PAUSE_MS", "5000"), ("PULSARR_RETRY_BASE_MS", "1000")];
        Self::with(friends, &polite).await
    }

    /// A second passes, whether or not a run is under way. One that was asked to make way, and the owner's, is waited for, and the
    /// clock moves on by what that takes.
    async fn second_beside_runs(&mut self) {
        let now_ms = self.clock.now_ms();
        self.lane.tick(now_ms).await;
        let waiting = Stopwatch::start();
        let is_asked = self.app.engine.owner_waits(now_ms) && !self.lane.way.may_be_asked_for(now_ms);
        let ends = async {
            match &self.lane.run {
                Some(under_way) if is_asked || under_way.run.own => self.lane.run_ends().await,
                None if is_asked => self.app.engine.idle().await,
                _ => {}
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ends).await.expect("the run makes way");
        self.clock.advance(waiting.elapsed() + Duration::from_secs(1));
    }

    /// A run of all lists, as the job or somebody in the browser would start it, that waits for Plex for as long as that does not
    /// answer.
    async fn a_run_of_all_lists_hangs(&self, trigger: Trigger) {
        let begun = self.app.engine.begin(Wish { trigger, user: None, full: false }).unwrap();
        self.until_plex_is_asked_for_a_title().await;
        drop(begun);
    }

    async fn until_plex_is_asked_for_a_title(&self) {
        let hangs = async {
            while self.household.plex.requests_to("/library/metadata/") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), hangs).await.unwrap();
    }

    /// Until a run for this friend waits for Plex.
    async fn until_a_run_hangs(&mut self, friend: &str) {
        for _ in 0..600 {
            if self.lane.run.as_ref().is_some_and(|under_way| under_way.run.user == friend) {
                return self.until_plex_is_asked_for_a_title().await;
            }
            self.second_beside_runs().await;
        }
        panic!("no run for {friend} has begun");
    }

    /// What passes on the clock until Radarr has `count` movies.
    async fn time_until_added(&mut self, count: usize) -> Duration {
        let began_ms = self.clock.now_ms();
        for _ in 0..600 {
            if self.household.radarr.library().len() == count {
                return Duration::from_millis((self.clock.now_ms() - began_ms).unsigned_abs());
            }
            self.second_beside_runs().await;
        }
        panic!("it was never added");
    }
}

#[tokio::test]
async fn what_the_owner_adds_is_in_radarr_within_30_s_with_the_usual_pauses() {
    let mut story = Story::polite(&["ada"]).await;
    story.seconds(61).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    let passed = story.time_until_added(1).await;
    assert!(passed <= Duration::from_secs(30), "{passed:?}");
    assert_eq!(story.runs()[0].trigger, Trigger::FastLane);
}

#[tokio::test]
async fn and_also_while_the_run_for_a_friend_takes_for_ever_which_goes_on_after_it() {
    let mut story = Story::polite(&["ada"]).await;
    let (owner, ada) = (story.household.plex.owner_uuid(), story.friends[0].clone());
    a_friend_adds_what_takes_for_ever(&story, &ada);
    story.until_a_run_hangs(&ada).await;

    story.household.plex.watch(&owner, salt_ledger());
    let passed = story.time_until_added(1).await;
    assert!(passed <= Duration::from_secs(30), "{passed:?}");
    let runs = story.runs();
    assert_eq!(runs[1].result, RunResult::Partial, "{runs:#?}");
    assert!(runs[1].ended_at_ms <= Some(runs[0].started_at_ms), "one at a time: {runs:#?}");

    story.household.plex.clear_faults();
    story.seconds(2).await;
    assert_eq!(story.household.radarr.library().len(), 2, "what the friend's run has left is taken up at once");
}

#[tokio::test]
async fn lists_are_looked_at_while_a_run_is_under_way_and_what_is_found_waits_for_its_end() {
    let mut story = Story::new(&["ada", "bea"]).await;
    let (owner, ada, bea) = (story.household.plex.owner_uuid(), story.friends[0].clone(), story.friends[1].clone());
    a_friend_adds_what_takes_for_ever(&story, &ada);
    story.until_a_run_hangs(&ada).await;
    story.household.clear_journals();

    story.household.plex.watch(&bea, Title::numbered_movie(7));
    for _ in 0..130 {
        story.second_beside_runs().await;
    }
    assert!((6..=7).contains(&story.own_looks()), "{}", story.own_looks());
    assert!(story.app.engine.is_wanted(&bea));
    assert!(story.heads(&ada) >= 1, "also at the list that the run has read");
    assert!(!story.app.engine.is_wanted(&ada), "and it has not changed since");
    assert_eq!((story.runs().len(), story.pages(&bea)), (2, 0), "one run at a time");

    story.household.plex.clear_faults();
    story.household.plex.watch(&owner, salt_ledger());
    assert!(story.time_until_added(1).await <= Duration::from_secs(30));
    assert_eq!(story.pages(&bea), 0, "the owner comes first, however long a friend has waited");
    story.seconds(3).await;
    assert_eq!(story.household.radarr.library().len(), 3);
}

#[tokio::test]
async fn a_run_of_all_lists_makes_way_for_what_the_owner_adds_says_so_and_goes_on_after_it() {
    for trigger in [Trigger::Schedule, Trigger::Api] {
        let mut story = Story::polite(&["ada"]).await;
        let (owner, ada) = (story.household.plex.owner_uuid(), story.friends[0].clone());
        a_friend_adds_what_takes_for_ever(&story, &ada);
        story.a_run_of_all_lists_hangs(trigger).await;

        story.household.plex.watch(&owner, salt_ledger());
        let passed = story.time_until_added(1).await;
        assert!(passed <= Duration::from_secs(30), "{passed:?}");
        story.household.plex.clear_faults();
        story.second_beside_runs().await;
        story.app.engine.idle().await;

        let runs = story.runs();
        let seen: Vec<_> = runs.iter().map(|run| (run.trigger, run.result)).take(3).collect();
        let expected = [(trigger, RunResult::Ok), (Trigger::FastLane, RunResult::Ok), (trigger, RunResult::Partial)];
        assert_eq!(seen, expected, "{runs:#?}");
        let report: Report = serde_json::from_str(runs[2].report.as_deref().unwrap()).unwrap();
        assert!(
            report.run.detail.as_ref().is_some_and(|why| why.contains("gave way to the owner's list")),
            "{report:#?}"
        );
        assert_eq!(story.household.radarr.library().len(), 2, "nothing of it was left");
        for _ in 0..60 {
            story.second_beside_runs().await;
        }
        assert_eq!(story.runs().len(), runs.len(), "it goes on once");
    }
}

#[tokio::test]
async fn what_the_owner_adds_does_not_wait_for_a_hundred_titles_that_the_owner_had_before() {
    let mut story = Story::before(&[], &[]);
    let owner = story.household.plex.owner_uuid();
    for number in 0..100 {
        story.household.plex.watch(&owner, Title::numbered_movie(number));
    }
    // The first run has decided about all of them, and gets no further.
    story.household.radarr.inject(Fault::on("GET", "/api/v3/movie").never());
    let begun = story.app.engine.begin(Wish { trigger: Trigger::Schedule, user: None, full: false }).unwrap();
    let hangs = async {
        while story.household.radarr.requests_to("/api/v3/movie") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), hangs).await.unwrap();
    drop(begun);

    story.household.plex.watch(&owner, salt_ledger());
    while story.lane.way.may_be_asked_for(story.clock.now_ms()) {
        story.second_beside_runs().await;
    }
    story.household.radarr.clear_faults();
    story.household.clear_journals();
    let passed = story.time_until_added(10).await;
    assert!(passed <= Duration::from_secs(10), "{passed:?} after the way was free");
    assert!(story.household.radarr.item(900_002).is_some(), "the newest is among the first");

    story.second_beside_runs().await;
    story.app.engine.idle().await;
    assert_eq!(story.household.radarr.library().len(), 101);
    let asked = story.household.radarr.requests("GET", "/api/v3/movie");
    assert!(asked <= 20, "the library is read whole all the same: {asked} questions");
}

#[tokio::test]
async fn the_owner_is_first_among_those_who_are_due_and_nobody_waits_for_a_pause_of_theirs() {
    let story = Story::alone();
    let (engine, now_ms) = (&story.app.engine, story.clock.now_ms());
    engine.want("aaaa", false);
    engine.want("owner", true);
    assert_eq!(engine.next_wanted(now_ms), NextWanted::Now("owner".to_owned()));
    assert!(engine.owner_waits(now_ms));
    // A run for them has failed, and the next one comes later.
    engine.want_again("owner", true, 0, now_ms);
    assert_eq!(engine.next_wanted(now_ms), NextWanted::Now("aaaa".to_owned()));
    assert!(!engine.owner_waits(now_ms));
    engine.want_again("aaaa", false, 1, now_ms);
    assert_eq!(engine.next_wanted(now_ms), NextWanted::At(now_ms + 30_000));
    assert_eq!(engine.next_wanted(now_ms + 60_000), NextWanted::Now("owner".to_owned()));
}
