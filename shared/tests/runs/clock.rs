//! Wall clocks that jump. Nothing is lost, nothing is stuck, and nothing is closed too early.

use pulsarr_shared::model::{EntryState, ReadOutcome};
use pulsarr_tests::fakes::{Known, Title};

use crate::world::{NOON, OWNER, SALT_LEDGER, Story, harbour_nine, hours, list, minutes, salt_ledger};

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

#[tokio::test]
async fn a_clock_put_back_by_a_year_keeps_no_list_from_being_read_whole() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.clock.jump_to(NOON - YEAR_MS);
    assert_eq!(list(&story.sync().await, OWNER).read, ReadOutcome::Complete);
    assert_eq!(list(&story.sync().await, OWNER).read, ReadOutcome::NotModified, "once is enough");
    story.clock.advance(hours(6));
    assert_eq!(list(&story.sync().await, OWNER).read, ReadOutcome::Complete);
}

#[tokio::test]
async fn a_clock_put_back_by_a_year_confirms_nothing_early_and_nothing_never() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.owner_wants(harbour_nine());
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.plex.unwatch(&owner, salt_ledger());
    story.sync().await;

    story.clock.jump_to(NOON - YEAR_MS);
    assert_eq!(list(&story.sync().await, OWNER).gone, 0, "the mark from the future starts anew");
    story.clock.advance(minutes(9));
    assert_eq!(list(&story.sync().await, OWNER).gone, 0);
    story.clock.advance(minutes(1));
    assert_eq!(list(&story.sync().await, OWNER).gone, 1);
    assert_eq!(story.state("Salt Ledger"), EntryState::Closed);
}

#[tokio::test]
async fn a_clock_put_back_by_a_year_keeps_no_refused_title_from_being_tried() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.radarr.unknown_id(SALT_LEDGER);
    story.sync().await;
    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger"));
    story.clock.jump_to(NOON - YEAR_MS);
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_clock_put_back_by_a_year_keeps_no_title_from_being_looked_at() {
    let story = Story::new();
    let title = salt_ledger().ids_after(5);
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, &title);
    for _ in 0..5 {
        story.sync().await;
        story.clock.advance(hours(3));
    }
    assert_eq!(story.state("Salt Ledger"), EntryState::Unresolvable);
    story.clock.jump_to(NOON - YEAR_MS);
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_clock_put_back_by_a_year_lets_the_account_be_asked_about_again() {
    let story = Story::new();
    story.sync().await;
    story.clock.jump_to(NOON - YEAR_MS);
    story.sync().await;
    assert_eq!(story.plex.requests_to("/api/v2/user"), 2);
    story.sync().await;
    assert_eq!(story.plex.requests_to("/api/v2/user"), 2);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_by_a_day_closes_nothing_on_one_complete_read() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.owner_wants(harbour_nine());
    story.owner_wants(Title::show("Quiet Orchard").tvdb(800_002));
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.plex.unwatch(&owner, salt_ledger());
    story.clock.advance(hours(24));
    let report = story.sync().await;
    assert_eq!((list(&report, OWNER).read, list(&report, OWNER).gone), (ReadOutcome::Complete, 0));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
}

#[tokio::test]
async fn the_last_run_is_the_last_one_whatever_the_clock_said() {
    let story = Story::new();
    story.sync().await;
    story.clock.jump_to(NOON - YEAR_MS);
    story.sync().await;
    let runs = story.store().read().last_runs(2).unwrap();
    assert_eq!(runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["run-2", "run-1"]);
}
