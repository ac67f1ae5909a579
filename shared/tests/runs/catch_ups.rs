//! What an arr told nobody: its history tells, where something is waited for.

use pulsarr_shared::clock::{UnixMs, rfc3339};
use pulsarr_shared::model::EntryState;
use pulsarr_shared::store::NewWebhook;
use pulsarr_tests::fakes::{FakeRadarr, Fault, Title};

use crate::world::{HARBOUR_NINE, NOON, SALT_LEDGER, Story, harbour_nine, hours, minutes, salt_ledger, until};

const HISTORY: &str = "/api/v3/history/since";
const LIBRARY: &str = "/api/v3/movie";

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

fn seconds(count: u64) -> std::time::Duration {
    std::time::Duration::from_secs(count)
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
async fn an_instance_that_has_no_history_for_us_is_told_of_and_asked_again_for_all_of_it() {
    let story = waiting().await;
    imported_at(&story, 60_000);
    story.radarr.inject(Fault::on("GET", HISTORY).status(404));
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    for pause in [minutes(0), minutes(5), minutes(54), minutes(1)] {
        story.clock.advance(pause);
        story.clear_journals();
        let report = story.sync().await;
        asked.push(story.radarr.requests_to(HISTORY));
        told.push(
            report.problems.iter().filter(|it| it.upstream == "movies" && it.message.contains("history")).count(),
        );
    }
    assert_eq!((asked, told), (vec![1, 0, 0, 1], vec![1, 0, 0, 1]));

    story.radarr.clear_faults();
    story.clock.advance(hours(1));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
}

#[tokio::test]
async fn an_instance_that_refuses_to_tell_its_history_is_in_the_report_until_it_tells_all_of_it() {
    let story = waiting().await;
    imported_at(&story, 60_000);
    for status in [400, 401] {
        story.radarr.inject(Fault::on("GET", HISTORY).times(1).status(status));
        story.clock.advance(minutes(5));
        let report = story.sync().await;
        let upstreams: Vec<_> = report.problems.iter().map(|it| it.upstream.as_str()).collect();
        assert_eq!((upstreams, story.state("Salt Ledger")), (vec!["movies"], EntryState::Requested), "{status}");
    }
    story.clock.advance(minutes(5));
    let report = story.sync().await;
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
}

#[tokio::test]
async fn another_instance_of_the_same_name_is_asked_from_the_oldest_wish_on() {
    let mut story = waiting().await;
    story.radarr.set_date(&rfc3339(NOON + 3_600_000));
    story.radarr.grab(SALT_LEDGER);
    story.clock.advance(hours(2));
    story.sync().await;
    let (moved, was_at) = (FakeRadarr::start(), story.radarr.url());
    let url = moved.url();
    story.readjust(move |settings| {
        let movies = settings.instances.iter_mut().find(|it| it.url == was_at).unwrap();
        movies.url.clone_from(&url);
        movies.api_key = "0123456789abcdef0123456789abcdef".into();
    });
    story.sync().await;
    let asked = moved.journal_of(HISTORY);
    assert_eq!(asked[0].query_value("date"), Some(rfc3339(NOON - 600_000).as_str()), "{asked:#?}");
}

#[tokio::test]
async fn a_file_that_nobody_told_of_is_seen_after_a_day_and_told_to_nobody() {
    let story = waiting().await;
    story.radarr.put_file(SALT_LEDGER);
    story.clock.advance(hours(23));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), story.radarr.requests_to(LIBRARY)), (EntryState::Requested, 0));
    story.clock.advance(hours(1));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 0));
    assert_eq!(story.radarr.requests_to(LIBRARY), 1);

    story.clear_journals();
    story.clock.advance(hours(25));
    story.sync().await;
    assert_eq!(story.arr_requests(), 0, "nothing is waited for any more");
}

#[tokio::test]
async fn however_much_is_waited_for_a_day_costs_one_look() {
    let story = Story::new();
    for number in 1..=30_u32 {
        story.owner_wants(Title::movie(&format!("Tide {number:02}")).year(2025).tmdb(910_000 + i64::from(number)));
    }
    story.sync().await;
    story.radarr.put_file(910_007);
    story.clear_journals();
    for _ in 0..3 {
        story.clock.advance(hours(24));
        story.sync().await;
        story.clock.advance(hours(1));
        story.sync().await;
    }
    assert_eq!(story.radarr.requests_to(LIBRARY), 3);
    assert_eq!((story.state("Tide 07"), story.state("Tide 08")), (EntryState::Available, EntryState::Requested));
    assert_eq!(messages(&story), 0);
}

#[tokio::test]
async fn what_the_history_tells_is_told_to_people_also_when_its_file_is_seen_in_the_same_run() {
    let story = waiting().await;
    imported_at(&story, 60_000);
    story.clock.advance(hours(24));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
}

#[tokio::test]
async fn a_file_is_not_taken_for_untold_while_its_history_cannot_be_read() {
    let story = waiting().await;
    imported_at(&story, 60_000);
    story.radarr.inject(Fault::on("GET", HISTORY).times(1).status(400));
    story.clock.advance(hours(24));
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    story.clock.advance(minutes(5));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
}

#[tokio::test]
async fn a_dry_run_asks_no_history() {
    let story = waiting().await;
    story.dry_run().await;
    assert_eq!(story.arr_requests(), 0);
}

#[tokio::test]
async fn a_run_for_one_user_asks_too_but_an_instance_that_was_asked_within_a_minute_is_left_alone() {
    let story = waiting().await;
    let run_for_owner = async || {
        let owner = story.plex.owner_uuid();
        story.run(|request| request.user = Some(owner)).await.unwrap();
        (story.radarr.requests_to(HISTORY), story.sonarr.requests_to(HISTORY))
    };
    assert_eq!(run_for_owner().await, (1, 0), "nothing is waited for in Sonarr");
    imported_at(&story, 30_000);
    story.clock.advance(seconds(59));
    assert_eq!(run_for_owner().await, (1, 0));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    story.clock.advance(seconds(1));
    assert_eq!(run_for_owner().await, (2, 0));
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
    story.clock.advance(minutes(5));
    assert_eq!(run_for_owner().await, (2, 0), "nothing is waited for any more");
}

#[tokio::test]
async fn a_run_for_one_user_leaves_the_look_at_the_disk_to_the_runs_of_all_lists() {
    let story = waiting().await;
    story.radarr.put_file(SALT_LEDGER);
    story.clock.advance(hours(25));
    let owner = story.plex.owner_uuid();
    story.run(|request| request.user = Some(owner)).await.unwrap();
    assert_eq!((story.state("Salt Ledger"), story.radarr.requests_to(LIBRARY)), (EntryState::Requested, 0));
}

#[tokio::test]
async fn a_look_at_the_disk_waits_for_a_history_that_does_not_answer_and_for_nothing_else() {
    let story = waiting().await;
    story.radarr.put_file(SALT_LEDGER);
    story.radarr.inject(Fault::on("GET", HISTORY).times(3).status(400));
    story.clock.advance(hours(24));
    for _ in 0..3 {
        story.sync().await;
        story.clock.advance(minutes(5));
    }
    assert_eq!((story.state("Salt Ledger"), story.radarr.requests_to(LIBRARY)), (EntryState::Requested, 0));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 0));
}

#[tokio::test]
async fn a_file_is_seen_also_where_there_is_no_history() {
    let story = waiting().await;
    story.radarr.put_file(SALT_LEDGER);
    story.radarr.inject(Fault::on("GET", HISTORY).status(404));
    // At whichever time of its rest the history is when the look is due.
    for _ in 0..24 {
        story.sync().await;
        story.clock.advance(hours(1));
    }
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 0));
    assert_eq!(story.radarr.requests_to(LIBRARY), 1);
}

#[tokio::test]
async fn what_is_imported_during_the_look_at_the_disk_is_told_to_people() {
    let story = waiting().await;
    story.radarr.inject(Fault::on("GET", LIBRARY).times(1).latency_ms(500));
    story.clock.advance(hours(24));
    let meanwhile = async {
        until(|| story.radarr.requests_to(LIBRARY) == 1).await;
        imported_at(&story, 24 * 3_600_000);
    };
    story.sync_and(false, meanwhile).await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
}

#[tokio::test]
async fn an_event_that_cannot_be_acted_on_keeps_no_other_title_waiting() {
    let story = waiting().await;
    let tide = Title::movie("Tide").year(2025).tmdb(910_001);
    story.owner_wants(tide);
    story.sync().await;
    assert_eq!(story.state("Tide"), EntryState::Requested);
    imported_at(&story, 60_000);
    story.store_year(SALT_LEDGER, 99_999);
    story.radarr.put_file(910_001);
    story.clock.advance(hours(25));
    story.sync().await;
    assert_eq!(story.state("Tide"), EntryState::Available, "the scan's file is seen although an event was left");
    story.store_year(SALT_LEDGER, 2025);
    story.clock.advance(minutes(5));
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
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

/// Its first season has come and nothing is waited for; then the second one begins while nobody listens.
#[tokio::test]
async fn more_of_a_show_that_is_available_is_told_of_by_the_next_run_although_no_webhook_came() {
    let story = Story::new();
    story.owner_wants(harbour_nine());
    story.sync().await;
    story.sonarr.set_date(&rfc3339(NOON + 60_000));
    story.sonarr.grab(HARBOUR_NINE);
    let first: Vec<(i64, i64)> = (1..=story.sonarr.history().len() as i64).map(|episode| (1, episode)).collect();
    story.sonarr.import(HARBOUR_NINE, &first, false);
    story.clock.advance(minutes(5));
    story.sync().await;
    assert_eq!((story.state("Harbour Nine"), messages(&story)), (EntryState::Available, 1));

    story.sonarr.set_date(&rfc3339(NOON + 6 * 60_000));
    story.sonarr.import(HARBOUR_NINE, &[(2, 1)], false);
    story.clear_journals();
    // Two runs: what is new is gathered first.
    for run in 1..=2 {
        story.clock.advance(minutes(5));
        story.sync().await;
        assert_eq!((story.sonarr.requests_to(HISTORY), story.radarr.requests_to(HISTORY)), (run, 0));
    }
    assert_eq!(messages(&story), 2);
}
