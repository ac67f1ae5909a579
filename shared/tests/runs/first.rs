//! The first run, and the one after it.

use pulsarr_shared::model::{EntryState, ReadOutcome, RunResult};
use pulsarr_shared::sync;
use pulsarr_tests::fakes::Title;

use crate::world::Story;

#[tokio::test]
async fn a_movie_on_the_own_watchlist_reaches_the_default_radarr_once() {
    let story = Story::new();
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, Title::movie("Salt Ledger").year(2025).tmdb(900_002));

    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!((report.decisions.routed, report.placements.added), (1, 1));
    assert!(story.household.radarr.item(900_002).is_some());
    assert_eq!(story.entry("Salt Ledger").state, EntryState::Requested);

    let again = story.sync().await;
    assert_eq!(again.users[0].read, ReadOutcome::NotModified);
    assert_eq!((again.decisions.routed, again.placements.added), (0, 0));
    assert_eq!(story.household.radarr.requests("POST", "/api/v3/movie"), 1);
}

#[tokio::test]
async fn while_somebody_is_setting_up_lists_are_read_and_nothing_is_decided_or_added() {
    let story = Story::new();
    story.owner_wants(Title::movie("Salt Ledger").year(2025).tmdb(900_002));
    story.store().write(sync::hold_first_sync).unwrap();

    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::NotSetUp);
    assert!(report.run.detail.unwrap().contains("/setup"));
    assert_eq!((report.users[0].read, report.decisions.routed), (ReadOutcome::Complete, 0));
    assert_eq!((story.entry("Salt Ledger").state, story.adds()), (EntryState::New, 0));
    assert_eq!(story.dry_run().await.changes[0].what, "would_add", "a dry run says what would come of it");

    story.store().write(sync::release_first_sync).unwrap();
    assert_eq!((story.sync().await.placements.added, story.adds()), (1, 1));
    // What has done its work once is never held again.
    story.store().write(sync::hold_first_sync).unwrap();
    assert!(!sync::first_sync_waits(story.store().read()).unwrap());
}
