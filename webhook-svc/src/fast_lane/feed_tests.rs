//! The lane beside a household whose feeds work, or do not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pulsarr_tests::fakes::{Fault, FeedMode, Title};

use super::tests::{NOON, Story, salt_ledger};
use crate::app::lane_health::Stand;
use pulsarr_shared::clock::Clock;

fn harbour_nine() -> Title {
    Title::movie("Harbour Nine").year(2024).tmdb(900_009)
}

/// A story with these friends, under this mode from the start.
async fn story(friends: &[&str], mode: FeedMode) -> Story {
    let story = Story::with(friends, &[("PULSARR_FAST_LANE_FEEDS", "auto")]).await;
    story.household.plex.set_feed_mode(mode);
    story
}

/// The same after ten minutes, in which both feeds have come to work.
async fn working(friends: &[&str], mode: FeedMode) -> Story {
    let mut story = story(friends, mode).await;
    story.seconds(600).await;
    // Nobody asks for a feed of no lists.
    let of_friends = if friends.is_empty() { Stand::Off } else { Stand::Working };
    assert_eq!(stands(&story), (Stand::Working, of_friends), "{mode:?}");
    story.household.clear_journals();
    story
}

fn stands(story: &Story) -> (Stand, Stand) {
    let health = &story.app.fast_lane;
    (health.own_feed.stand(), health.friends_feed.stand())
}

/// The owner adds something, and a look finds it.
async fn the_owner_adds(story: &mut Story) {
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    let passed = story.until_added(1).await;
    assert!(passed <= 21, "{passed} s");
}

fn alarms(story: &Story) -> (u64, u64) {
    let health = &story.app.fast_lane;
    (health.own_feed.alarms.load(Ordering::Relaxed), health.friends_feed.alarms.load(Ordering::Relaxed))
}

/// How often feeds were asked for their address, and their contents for.
fn feed_requests(story: &Story) -> (usize, usize) {
    let plex = &story.household.plex;
    (plex.requests("POST", "/discover/rss"), plex.requests("GET", "rss"))
}

fn all_heads(story: &Story) -> usize {
    story.friends.iter().map(|friend| story.heads(friend)).sum()
}

#[tokio::test]
async fn what_a_friend_adds_arrives_by_the_feed_within_65_s_however_feeds_are_served() {
    for mode in [FeedMode::OkJson, FeedMode::RedirectToS3, FeedMode::DeadJuly2026] {
        let mut story = working(&["ada", "bea", "cyd", "dan", "eve"], mode).await;
        story.seconds(7).await;
        let eve = story.friends[4].clone();
        story.household.plex.watch(&eve, salt_ledger());
        let passed = story.until_added(1).await;
        assert!(passed <= 65, "{mode:?}: {passed} s");
        assert!(
            story.friends[..4].iter().all(|friend| story.pages(friend) == 0),
            "{mode:?}: nobody else's list is read"
        );
        let runs = story.runs().len();
        story.seconds(900).await;
        assert_eq!((story.runs().len(), alarms(&story)), (runs, (0, 0)), "{mode:?}: and then all is quiet");
    }
}

#[tokio::test]
async fn two_friends_with_one_title_are_two_pieces_of_news() {
    let mut story = working(&["ada", "bea"], FeedMode::OkJson).await;
    for friend in story.friends.clone() {
        story.household.plex.watch(&friend, salt_ledger());
        story.seconds(62).await;
        assert_eq!(story.pages(&friend), 1);
    }
}

#[tokio::test]
async fn while_the_feed_works_friends_are_looked_at_a_fifth_as_often_and_the_owner_as_ever() {
    let mut story = working(&["ada", "bea", "cyd"], FeedMode::OkJson).await;
    story.seconds(1_800).await;
    let heads = all_heads(&story);
    assert!((8..=10).contains(&heads), "{heads}");
    assert_eq!(story.own_looks(), 90);
    let (found, read) = feed_requests(&story);
    assert_eq!((found, read), (0, 60));
    assert_eq!(story.household.plex.requests_to(""), 90 + heads + read);
}

#[tokio::test]
async fn a_stale_feed_of_friends_is_noticed_and_looks_take_over_for_six_hours() {
    let mut story = working(&["ada", "bea"], FeedMode::OkJson).await;
    story.household.plex.set_feed_mode(FeedMode::Stale);
    let ada = story.friends[0].clone();
    story.household.plex.watch(&ada, salt_ledger());
    let mut passed = 0;
    while stands(&story).1 == Stand::Working {
        story.second().await;
        passed += 1;
        assert!(passed < 1_200);
    }
    assert_eq!((stands(&story), alarms(&story)), ((Stand::Working, Stand::Distrusted), (0, 1)));
    assert_eq!(story.household.radarr.library().len(), 1, "a look has found it");

    story.household.clear_journals();
    story.household.plex.watch(&ada, harbour_nine());
    let passed = story.until_added(2).await;
    assert!(passed <= 190, "{passed} s");
    story.household.clear_journals();
    story.seconds(600).await;
    assert!((9..=10).contains(&all_heads(&story)), "{}", all_heads(&story));
    assert_eq!(feed_requests(&story), (0, 10), "the own feed's");

    story.household.plex.set_feed_mode(FeedMode::OkJson);
    story.clock.advance(Duration::from_secs(6 * 3_600));
    story.seconds(300).await;
    assert_eq!((stands(&story), alarms(&story)), ((Stand::Working, Stand::Working), (0, 1)), "another chance");
}

#[tokio::test]
async fn a_stale_feed_of_ones_own_is_noticed() {
    let mut story = working(&[], FeedMode::Stale).await;
    the_owner_adds(&mut story).await;
    story.seconds(360).await;
    assert_eq!((stands(&story).0, alarms(&story).0), (Stand::Distrusted, 1));
}

#[tokio::test]
async fn a_feed_that_tells_what_looks_have_found_first_is_trusted_and_costs_no_second_run() {
    let mut story = working(&[], FeedMode::OkJson).await;
    the_owner_adds(&mut story).await;
    story.seconds(900).await;
    assert_eq!((stands(&story).0, alarms(&story).0), (Stand::Working, 0));
    assert_eq!(story.runs().len(), 2);
}

#[tokio::test]
async fn a_list_that_shrinks_makes_no_feed_stale() {
    let mut story = working(&["ada"], FeedMode::OkJson).await;
    let ada = story.friends[0].clone();
    let plex = &story.household.plex;
    let (first, second) = (plex.add_title(salt_ledger()), plex.add_title(harbour_nine()));
    plex.watch(&ada, first.as_str());
    plex.watch(&ada, second.as_str());
    story.until_added(2).await;
    let runs = story.runs().len();
    story.household.plex.unwatch(&ada, &second);
    story.seconds(60).await;
    assert_eq!(story.runs().len(), runs, "what is gone is no news");
    story.seconds(1_500).await;
    assert_eq!((stands(&story).1, alarms(&story).1), (Stand::Working, 0));
}

#[tokio::test]
async fn without_a_plex_pass_feeds_cost_one_request_an_hour() {
    let mut story = story(&["ada"], FeedMode::NoPass).await;
    story.seconds(3_700).await;
    assert_eq!(feed_requests(&story), (2, 0));
    assert_eq!(stands(&story), (Stand::Off, Stand::Off));
    assert!((30..=31).contains(&story.heads(&story.friends[0])), "looks go on as ever");
}

#[tokio::test]
async fn a_feed_that_cannot_be_understood_is_tried_again_hourly_and_used_once_it_can() {
    let mut story = story(&["ada"], FeedMode::InvalidJson).await;
    story.seconds(3_000).await;
    assert_eq!(feed_requests(&story), (2, 2));
    assert_eq!(stands(&story), (Stand::Off, Stand::Off));
    story.household.plex.set_feed_mode(FeedMode::OkJson);
    story.seconds(900).await;
    assert_eq!(stands(&story), (Stand::Working, Stand::Working));
}

#[tokio::test]
async fn a_feed_whose_address_was_made_anew_is_found_again_within_the_hour() {
    let mut story = working(&["ada"], FeedMode::OkJson).await;
    story.household.plex.regenerate_feeds();
    story.seconds(130).await;
    assert_eq!(stands(&story), (Stand::Off, Stand::Off));
    story.seconds(3_900).await;
    assert_eq!(stands(&story), (Stand::Working, Stand::Working));
}

#[tokio::test]
async fn a_429_for_a_feed_silences_everything_once_and_the_feed_for_an_hour() {
    let mut story = working(&["ada"], FeedMode::OkJson).await;
    story.household.plex.inject(Fault::on("GET", "rss").status(429));
    while feed_requests(&story).1 == 0 {
        story.second().await;
    }
    story.household.clear_journals();
    story.seconds(59).await;
    assert_eq!(story.household.plex.requests_to(""), 0);
    story.seconds(600).await;
    assert_eq!(feed_requests(&story).1, 1, "the other feed's");
    assert_eq!(stands(&story), (Stand::Off, Stand::Off));
    let looks = story.own_looks();
    assert!((25..=30).contains(&looks), "{looks}");
}

#[tokio::test]
async fn feeds_that_are_switched_off_are_never_asked_for() {
    let mut story = Story::with(&["ada"], &[("PULSARR_FAST_LANE_FEEDS", "off")]).await;
    story.seconds(600).await;
    assert_eq!(feed_requests(&story), (0, 0));
    assert_eq!(story.clock.now_ms(), NOON + 600_000);
}
