//! The first run, and the one after it.

use pulsarr_shared::model::{EntryState, ReadOutcome, RunResult};
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
