//! What an arr told nobody: its history tells, where something is waited for.

use pulsarr_shared::clock::{UnixMs, rfc3339};
use pulsarr_shared::model::EntryState;
use pulsarr_shared::store::NewWebhook;
use pulsarr_tests::fakes::Fault;

use crate::world::{HARBOUR_NINE, NOON, SALT_LEDGER, Story, harbour_nine, hours, minutes, salt_ledger};

const HISTORY: &str = "/api/v3/history/since";

/// At noon a movie was added to Radarr, which reports nothing to us.
async fn waiting() -> Story {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.radarr.requests_to(HISTORY), 0, "what was added just now has not come to anything yet");
    story.clear_journals();
    story
}

/// Radarr finds the movie and imports it, so many milliseconds after noon.
fn imported_at(story: &Story, after_noon_ms: UnixMs) {
    story.radarr.set_date(&rfc3339(NOON + after_noon_ms));
    story.radarr.grab(SALT_LEDGER);
    story.radarr.import(SALT_LEDGER, false);
}

/// The messages that wait to be told to people.
fn messages(story: &Story) -> u32 {
    story.store().read().pending_message_count().unwrap()
}

#[tokio::test]
async fn an_import_nobody_told_of_is_found_by_the_next_run_and_then_nobody_is_asked_any_more() {
    let story = waiting().await;
    imported_at(&story, 60_000);
    story.clock.advance(minutes(5));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
    assert_eq!((story.arr_requests(), story.radarr.requests_to(HISTORY)), (1, 1));

    story.clear_journals();
    story.clock.advance(minutes(5));
    story.sync().await;
    assert_eq!((story.arr_requests(), messages(&story)), (0, 1));
}

#[tokio::test]
async fn a_webhook_after_an_absence_hides_nothing_of_it() {
    let story = waiting().await;
    imported_at(&story, 60_000);
    // Two hours later we are back, and the first thing that comes is a test of the connection.
    story.clock.advance(hours(2));
    let test = NewWebhook {
        instance: "movies".into(),
        event: "Test".into(),
        body: r#"{"eventType": "Test"}"#.into(),
        received_at_ms: NOON + 7_200_000,
    };
    story.store().write(|db| db.add_to_inbox(&[test])).unwrap();
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Available);
}

#[tokio::test]
async fn a_look_begins_a_little_before_the_end_of_the_last_one_that_was_answered() {
    let story = waiting().await;
    let asked_since = |story: &Story| {
        let seen = story.radarr.journal_of(HISTORY);
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen[0].query_value("date").unwrap().to_owned()
    };
    story.sync().await;
    assert_eq!(asked_since(&story), rfc3339(NOON - 600_000), "the oldest wish is from noon");

    // A grab is not the end of waiting.
    story.radarr.set_date(&rfc3339(NOON + 3_600_000));
    story.radarr.grab(SALT_LEDGER);
    story.clock.advance(hours(2));
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Grabbed);

    story.clear_journals();
    story.radarr.inject(Fault::on("GET", HISTORY).status(400));
    story.sync().await;
    assert_eq!(asked_since(&story), rfc3339(NOON + 3_000_000));

    story.radarr.clear_faults();
    story.clear_journals();
    story.clock.advance(hours(9));
    story.sync().await;
    assert_eq!(asked_since(&story), rfc3339(NOON + 3_000_000), "what was not answered is asked again");
}

#[tokio::test]
async fn an_instance_without_a_history_is_left_alone_for_a_day() {
    let story = waiting().await;
    story.radarr.inject(Fault::on("GET", HISTORY).status(404));
    let mut asked = Vec::new();
    for pause in [minutes(0), minutes(5), hours(23), hours(1)] {
        story.clock.advance(pause);
        story.clear_journals();
        let report = story.sync().await;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        asked.push(story.radarr.requests_to(HISTORY));
    }
    assert_eq!(asked, [1, 0, 0, 1]);
}

#[tokio::test]
async fn a_run_for_one_user_asks_no_history_and_neither_does_a_dry_run() {
    let story = waiting().await;
    let owner = story.plex.owner_uuid();
    story.run(|request| request.user = Some(owner)).await.unwrap();
    story.dry_run().await;
    assert_eq!(story.arr_requests(), 0);
}

#[tokio::test]
async fn a_season_pack_in_the_history_makes_one_message() {
    let story = Story::new();
    story.owner_wants(harbour_nine());
    story.sync().await;
    story.sonarr.set_date(&rfc3339(NOON + 60_000));
    story.sonarr.grab(HARBOUR_NINE);
    let grabbed: Vec<_> = story.sonarr.history();
    let pack: Vec<(i64, i64)> = (1..=grabbed.len() as i64).map(|episode| (1, episode)).collect();
    assert!(pack.len() > 1);
    story.sonarr.import(HARBOUR_NINE, &pack, false);
    for _ in 0..2 {
        story.clock.advance(minutes(5));
        story.sync().await;
        assert_eq!((story.state("Harbour Nine"), messages(&story)), (EntryState::Available, 1));
    }
}
