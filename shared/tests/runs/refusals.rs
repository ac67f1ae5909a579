//! A title that an arr refuses: kept with the arr's own words, and tried again with growing pauses.

use pulsarr_shared::model::{EntryState, PlacementState, RunResult};
use pulsarr_tests::fakes::{Fault, Known, Title};
use pulsarr_tests::household::SETTINGS;

use crate::world::{NOON, SALT_LEDGER, Story, hours, minutes, salt_ledger};

/// A movie that Radarr's metadata service has never heard of.
fn unknown_to_radarr() -> Story {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.radarr.unknown_id(SALT_LEDGER);
    story
}

#[tokio::test]
async fn a_refused_title_is_failed_with_the_arrs_own_words() {
    let story = unknown_to_radarr();
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok, "nothing is wrong with the upstream");
    assert_eq!((report.placements.failed, report.placements.waiting), (1, 0));
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Failed);
    assert!(entry.reason.unwrap().contains("A movie with this ID was not found"));
    let failure = &story.store().read().failures().unwrap()[0];
    assert!(failure.answer.contains("A movie with this ID was not found"), "{failure:?}");
    assert_eq!(failure.retry_at_ms, Some(NOON + 10 * 60_000));
}

#[tokio::test]
async fn a_refused_title_is_tried_again_after_pauses_that_grow() {
    let story = unknown_to_radarr();
    story.sync().await;
    for (attempts, pause) in [(2, minutes(10)), (3, minutes(20)), (4, minutes(40)), (5, minutes(80))] {
        story.clock.advance(pause - minutes(1));
        story.sync().await;
        assert_eq!(story.adds(), attempts - 1);
        story.clock.advance(minutes(1));
        story.sync().await;
        assert_eq!(story.adds(), attempts);
        assert_eq!(story.placement("Salt Ledger").attempts as usize, attempts);
    }
}

#[tokio::test]
async fn a_title_that_is_taken_after_a_refusal_is_requested() {
    let story = unknown_to_radarr();
    story.sync().await;
    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger"));
    story.clock.advance(minutes(10));
    assert_eq!(story.sync().await.placements.added, 1);
    let entry = story.entry("Salt Ledger");
    assert_eq!((entry.state, entry.reason), (EntryState::Requested, None));
    assert!(story.store().read().failures().unwrap().is_empty());
}

#[tokio::test]
async fn a_title_that_is_always_refused_rests_for_good_in_the_end() {
    let story = unknown_to_radarr();
    for _ in 0..30 {
        story.sync().await;
        story.clock.advance(hours(25));
    }
    assert_eq!(story.adds(), 12);
    assert_eq!(story.placement("Salt Ledger").retry_at_ms, None);
    assert_eq!(story.state("Salt Ledger"), EntryState::Failed);
}

#[tokio::test]
async fn a_refused_title_does_not_keep_those_behind_it_from_being_added() {
    let story = unknown_to_radarr();
    story.owner_wants(Title::movie("Second").tmdb(900_003));
    let report = story.sync().await;
    assert_eq!((report.placements.failed, report.placements.added), (1, 1));
    assert!(story.radarr.item(900_003).is_some());
}

#[tokio::test]
async fn an_error_of_the_arr_itself_concerns_only_the_title_it_was_about() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.owner_wants(Title::movie("Second").tmdb(900_003));
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).status(500));
    let report = story.sync().await;
    assert_eq!((report.placements.failed, report.placements.added), (1, 1));
}

/// Back-off is for titles that were refused; an instance that cannot be reached uses up nothing.
#[tokio::test]
async fn attempts_that_never_got_an_answer_are_no_refusals() {
    let story = unknown_to_radarr();
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").status(503));
    for _ in 0..15 {
        let report = story.sync().await;
        assert_eq!((report.placements.failed, report.placements.waiting), (0, 1));
    }
    story.radarr.clear_faults();
    story.sync().await;
    let placement = story.placement("Salt Ledger");
    assert_eq!(placement.state, PlacementState::Failed);
    assert_eq!(placement.retry_at_ms, Some(NOON + 10 * 60_000), "it is the first refusal");
}

#[tokio::test]
async fn a_refused_title_whose_instance_goes_away_waits_for_it() {
    let story = unknown_to_radarr();
    story.sync().await;
    story.clock.advance(minutes(10));
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).status(503));
    let report = story.sync().await;
    assert_eq!(report.placements.waiting, 1);
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested, "it is in the queue");

    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger"));
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_title_that_several_want_is_refused_once_a_run() {
    let story = unknown_to_radarr();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger());
    let report = story.sync().await;
    assert_eq!((report.placements.failed, story.adds()), (2, 1));
    for entry in story.entries("Salt Ledger") {
        assert!(entry.reason.unwrap().contains("A movie with this ID was not found"));
    }
}

#[tokio::test]
async fn a_refused_title_is_asked_for_anew_as_soon_as_the_settings_change() {
    let story = unknown_to_radarr();
    story.sync().await;
    story.write_settings(&SETTINGS.replace("HD-1080p", "Ultra-HD"));
    story.sync().await;
    assert_eq!(story.adds(), 2);
    // Unchanged settings leave the refusal and its words as they are.
    story.sync().await;
    assert_eq!((story.adds(), story.state("Salt Ledger")), (2, EntryState::Failed));
    assert!(story.entry("Salt Ledger").reason.unwrap().contains("A movie with this ID was not found"));
}
