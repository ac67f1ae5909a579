//! A list of which only the beginning could be read: what was seen is acted on, the rest is seen later.

use pulsarr_shared::model::{ReadOutcome, RunResult};
use pulsarr_tests::fakes::Fault;

use crate::world::{OWNER, Story, list};

#[tokio::test]
async fn the_pages_before_a_failure_are_acted_on_and_the_next_run_sees_the_rest() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 250);
    // Two pages pass, the third fails.
    let third = Fault::on("POST", "/community/api").containing(&friend).containing("\"after\":\"").skip(1);
    story.plex.inject(third.status(502));
    let cut = story.sync().await;
    assert_eq!(cut.run.result, RunResult::Partial);
    assert_eq!((list(&cut, "tomas.r").read, list(&cut, "tomas.r").new), (ReadOutcome::Unknown, 200));
    assert_eq!(cut.placements.added, 200);

    story.plex.clear_faults();
    let whole = story.sync().await;
    assert_eq!((list(&whole, "tomas.r").read, list(&whole, "tomas.r").new), (ReadOutcome::Complete, 50));
    assert_eq!(whole.placements.added, 50);
    assert_eq!(story.adds(), 250);
}

#[tokio::test]
async fn an_own_list_cut_after_its_first_page_is_read_whole_by_the_next_run() {
    let story = Story::new();
    story.plex.fill_watchlist(&story.plex.owner_uuid(), 1, 130);
    story.radarr.fill_library_from(2_000_001, 130);
    story.sonarr.fill_library_from(3_000_001, 130);
    let second = Fault::on("GET", "/library/sections/watchlist/all").containing("X-Plex-Container-Start=100");
    story.plex.inject(second.reset());
    assert_eq!(list(&story.sync().await, OWNER).new, 100);

    story.plex.clear_faults();
    let report = story.sync().await;
    assert_eq!((list(&report, OWNER).read, list(&report, OWNER).entries), (ReadOutcome::Complete, 130));
}

/// The cut look put the newest page on record. Had the next look stopped there, the additions below would never be seen.
#[tokio::test]
async fn additions_below_a_cut_are_seen_although_those_above_are_on_record() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 40);
    story.radarr.fill_library_from(2_000_001, 500);
    story.sonarr.fill_library_from(3_000_001, 500);
    story.sync().await;

    story.plex.fill_watchlist(&friend, 101, 150);
    story.plex.inject(Fault::on("POST", "/community/api").containing(&friend).containing("\"after\":\"").status(500));
    assert_eq!(list(&story.sync().await, "tomas.r").new, 100);
    story.plex.clear_faults();
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").new, list(&report, "tomas.r").entries), (50, 190));
}

#[tokio::test]
async fn one_failing_list_does_not_keep_the_others_from_being_read() {
    let story = Story::new();
    let (broken, fine) = (story.plex.add_friend("tomas.r"), story.plex.add_friend("ines"));
    story.plex.fill_watchlist(&broken, 1, 2);
    story.plex.fill_watchlist(&fine, 3, 2);
    story.plex.fill_watchlist(&story.plex.owner_uuid(), 5, 2);
    story.plex.inject(Fault::on("POST", "/community/api").containing(&broken).status(500));
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert_eq!(list(&report, "tomas.r").read, ReadOutcome::Unknown);
    assert_eq!(report.placements.added, 4);
}
