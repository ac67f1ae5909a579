//! How much of a list is read, and when.

use pulsarr_shared::clock::Clock as _;
use pulsarr_shared::model::ReadOutcome;
use pulsarr_tests::fakes::{Seen, Title};

use crate::world::{OWNER, Story, harbour_nine, hours, list, minutes, salt_ledger};

/// A friend with `count` titles, all of them in the libraries already.
async fn friend_with(count: i64) -> (Story, String) {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, count);
    story.radarr.fill_library_from(2_000_001, count);
    story.sonarr.fill_library_from(3_000_001, count);
    story.sync().await;
    story.household.clear_journals();
    (story, friend)
}

/// The requests that ask for a whole page of somebody's list.
fn pages(story: &Story) -> Vec<Seen> {
    let of_a_list =
        |seen: &Seen| seen.route.ends_with("/watchlist/all") || seen.body.contains("query FriendWatchlist(");
    story.plex.journal().into_iter().filter(of_a_list).collect()
}

#[tokio::test]
async fn an_unchanged_friend_costs_exactly_one_small_request() {
    let (story, friend) = friend_with(250).await;
    let report = story.sync().await;
    assert_eq!(list(&report, "tomas.r").read, ReadOutcome::NotModified);
    let journal = story.plex.journal();
    let theirs: Vec<&Seen> = journal.iter().filter(|seen| seen.body.contains(&friend)).collect();
    assert_eq!(theirs.len(), 1);
    assert!(theirs[0].body.contains("\"first\":2"), "{}", theirs[0].body);
    assert_eq!(journal.len(), 3, "the owner's page, the list of friends, and the friend: {journal:#?}");
}

#[tokio::test]
async fn a_long_list_that_has_grown_is_read_down_to_what_is_on_record() {
    let (story, friend) = friend_with(1_000).await;
    story.plex.watch(&friend, salt_ledger());
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").read, list(&report, "tomas.r").new), (ReadOutcome::Newest, 1));
    let friends_pages = pages(&story).into_iter().filter(|seen| seen.route.contains("community")).count();
    assert_eq!(friends_pages, 1);
}

#[tokio::test]
async fn many_additions_at_once_are_all_seen_although_they_span_pages() {
    let (story, friend) = friend_with(120).await;
    story.plex.fill_watchlist(&friend, 1_001, 230);
    story.radarr.fill_library_from(2_001_001, 230);
    story.sonarr.fill_library_from(3_001_001, 230);
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").new, list(&report, "tomas.r").entries), (230, 350));
}

#[tokio::test]
async fn every_page_asks_for_a_hundred() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    let owner = story.plex.owner_uuid();
    story.plex.fill_watchlist(&friend, 1, 201);
    story.plex.fill_watchlist(&owner, 1, 201);
    story.radarr.fill_library_from(2_000_001, 201);
    story.sonarr.fill_library_from(3_000_001, 201);
    story.sync().await;
    let pages = pages(&story);
    assert_eq!(pages.len(), 6);
    for page in pages {
        let by_offset = page.container.1.as_deref() == Some("100");
        assert!(by_offset || page.body.contains("\"first\":100"), "{page:?}");
    }
}

#[tokio::test]
async fn every_list_is_read_whole_once_in_a_while_and_whenever_it_is_asked_for() {
    let (mut story, _) = friend_with(120).await;
    let outcomes = |report: &pulsarr_shared::report::Report| (list(report, OWNER).read, list(report, "tomas.r").read);
    let unchanged = (ReadOutcome::NotModified, ReadOutcome::NotModified);
    let whole = (ReadOutcome::Complete, ReadOutcome::Complete);

    story.clock.advance(minutes(5 * 60 + 59));
    assert_eq!(outcomes(&story.sync().await), unchanged);
    story.clock.advance(minutes(1));
    assert_eq!(outcomes(&story.sync().await), whole);
    assert_eq!(outcomes(&story.sync().await), unchanged);
    assert_eq!(outcomes(&story.full_sync().await), whole);

    story.set("PULSARR_FULL_READ_EVERY_S", "3600");
    story.clock.advance(minutes(59));
    assert_eq!(outcomes(&story.sync().await), unchanged);
    story.clock.advance(minutes(1));
    assert_eq!(outcomes(&story.sync().await), whole);
}

#[tokio::test]
async fn a_removal_deep_in_a_list_is_seen_by_the_regular_whole_read() {
    let (story, friend) = friend_with(150).await;
    story.plex.unwatch(&friend, Title::numbered_show(1));
    let report = story.sync().await;
    assert_eq!(list(&report, "tomas.r").read, ReadOutcome::NotModified, "the head is what it was");
    story.clock.advance(hours(6));
    story.sync().await;
    story.clock.advance(minutes(10));
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").entries, list(&report, "tomas.r").gone), (149, 1));
}

#[tokio::test]
async fn an_entry_of_the_newest_page_is_added_while_a_removal_waits_for_its_confirmation() {
    let (story, friend) = friend_with(150).await;
    story.plex.unwatch(&friend, Title::numbered_show(1));
    story.full_sync().await;
    story.plex.watch(&friend, harbour_nine());
    story.clock.advance(minutes(5));
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").read, list(&report, "tomas.r").new), (ReadOutcome::Newest, 1));
    assert_eq!(list(&report, "tomas.r").gone, 0);
    story.clock.advance(minutes(5));
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").read, list(&report, "tomas.r").gone), (ReadOutcome::Complete, 1));
}

#[tokio::test]
async fn newest_looks_alone_never_confirm_a_removal() {
    let (story, friend) = friend_with(150).await;
    story.plex.unwatch(&friend, Title::numbered_show(1));
    story.full_sync().await;
    for number in 0..3 {
        story.clock.advance(minutes(3));
        story.plex.watch(&friend, Title::movie(&format!("Addition {number}")));
        let report = story.sync().await;
        assert_eq!((list(&report, "tomas.r").read, list(&report, "tomas.r").gone), (ReadOutcome::Newest, 0));
    }
}

#[tokio::test]
async fn only_the_named_users_list_is_read() {
    let (story, _) = friend_with(3).await;
    let report = story.run(|request| request.user = Some("TOMAS.R".into())).await.unwrap();
    assert_eq!(report.users.len(), 1);
    assert_eq!(report.users[0].name, "tomas.r");
    assert!(story.run(|request| request.user = Some("nobody".into())).await.is_err());
}

#[tokio::test]
async fn only_a_run_of_every_list_counts_as_one() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 2);
    let noon = story.clock.now_ms();
    story.sync().await;
    assert_eq!(story.store().read().last_whole_sync().unwrap(), Some(noon));
    story.clock.advance(std::time::Duration::from_secs(300));
    story.run(|request| request.user = Some("tomas.r".to_owned())).await.unwrap();
    assert_eq!(story.store().read().last_whole_sync().unwrap(), Some(noon));
    story.sync().await;
    assert_eq!(story.store().read().last_whole_sync().unwrap(), Some(noon + 300_000));
}
