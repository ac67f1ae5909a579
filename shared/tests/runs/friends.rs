//! Friends who come, go, and change their names.

use pulsarr_shared::model::{EntryState, ReadOutcome, Relation};
use pulsarr_shared::report::ProblemKind;
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::SETTINGS;

use crate::world::{SALT_LEDGER, Story, harbour_nine, hours, list, salt_ledger};

/// A friend who wants a movie and got it.
async fn friend_with_a_movie() -> (Story, String) {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger());
    story.sync().await;
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    (story, friend)
}

#[tokio::test]
async fn a_former_friend_keeps_every_entry_and_is_no_longer_read() {
    let (story, friend) = friend_with_a_movie().await;
    story.plex.remove_friend(&friend);
    for _ in 0..3 {
        let report = story.full_sync().await;
        assert!(!report.users.iter().any(|user| user.name == "tomas.r"));
        assert!(report.problems.is_empty());
        story.clock.advance(hours(30));
    }
    assert_eq!(story.user(&friend).relation, Relation::FormerFriend);
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert!(story.entry("Salt Ledger").missing_since_ms.is_none());
}

#[tokio::test]
async fn a_friend_who_comes_back_finds_the_entries_of_old() {
    let (story, friend) = friend_with_a_movie().await;
    let before = story.entry("Salt Ledger");
    story.plex.remove_friend(&friend);
    story.sync().await;
    story.plex.add_friend("tomas.r");
    story.clock.advance(hours(30));
    let report = story.sync().await;

    assert_eq!(story.user(&friend).relation, Relation::Friend);
    assert_eq!((list(&report, "tomas.r").entries, list(&report, "tomas.r").new), (1, 0));
    assert_eq!(story.entry("Salt Ledger").id, before.id);
    assert_eq!(story.adds(), 1);
}

#[tokio::test]
async fn a_new_name_is_the_same_friend_with_the_same_entries() {
    let (story, friend) = friend_with_a_movie().await;
    story.plex.rename_friend(&friend, "tomas.the.great");
    let report = story.full_sync().await;
    assert_eq!((list(&report, "tomas.the.great").entries, list(&report, "tomas.the.great").new), (1, 0));
    assert_eq!(story.user(&friend).username, "tomas.the.great");
    assert_eq!(story.adds(), 1);
}

#[tokio::test]
async fn two_friends_of_the_same_name_are_two_people() {
    let (story, first) = friend_with_a_movie().await;
    let second = story.plex.add_friend("ines");
    story.plex.watch(&second, harbour_nine());
    story.plex.rename_friend(&second, "tomas.r");
    story.sync().await;
    assert_eq!((story.open_entries(&first), story.open_entries(&second)), (1, 1));
}

#[tokio::test]
async fn known_friends_are_read_although_the_list_of_friends_fails() {
    let (story, friend) = friend_with_a_movie().await;
    story.plex.inject(Fault::on("POST", "/community/api").containing("allFriendsV2").status(500));
    story.plex.watch(&friend, harbour_nine());
    let report = story.sync().await;

    assert!(report.has(ProblemKind::Down));
    assert_eq!(list(&report, "tomas.r").new, 1);
    assert!(story.sonarr.item(800_001).is_some());
    assert_eq!(story.user(&friend).relation, Relation::Friend);
}

#[tokio::test]
async fn a_list_of_friends_in_an_unknown_shape_makes_nobody_a_former_friend() {
    let (story, friend) = friend_with_a_movie().await;
    for accident in [
        Fault::on("POST", "/community/api").containing("allFriendsV2").status(400),
        Fault::on("POST", "/community/api").containing("allFriendsV2").html(),
        Fault::on("POST", "/community/api").containing("allFriendsV2").truncated(),
    ] {
        story.plex.clear_faults();
        story.plex.inject(accident);
        story.sync().await;
        assert_eq!(story.user(&friend).relation, Relation::Friend);
    }
}

#[tokio::test]
async fn one_private_friend_does_not_keep_the_others_from_being_read() {
    let (story, private) = friend_with_a_movie().await;
    let open = story.plex.add_friend("ines");
    story.plex.set_private(&private, true);
    story.plex.watch(&open, harbour_nine());
    let report = story.sync().await;
    assert_eq!(list(&report, "tomas.r").read, ReadOutcome::NotShared);
    assert_eq!((list(&report, "ines").read, list(&report, "ines").new), (ReadOutcome::Complete, 1));
}

#[tokio::test]
async fn a_friend_who_is_switched_off_is_not_read_and_loses_nothing() {
    let (story, friend) = friend_with_a_movie().await;
    let settings = format!("{}users:\n  overrides:\n    - {{plex: tomas.r, sync: false}}\n", SETTINGS);
    story.write_settings(&settings);
    story.plex.clear_journal();
    story.clock.advance(hours(30));
    let report = story.full_sync().await;
    assert_eq!(report.switched_off, ["tomas.r"]);
    assert!(!story.plex.journal_of("/community/api").iter().any(|seen| seen.body.contains(&friend)));
    assert_eq!(story.open_entries(&friend), 1);
}

/// Switched off, or no longer a friend: what was decided before waits, and goes on when they are back.
#[tokio::test]
async fn nothing_is_added_for_somebody_who_is_not_synced_any_more() {
    let story = Story::new();
    let tomas = story.plex.add_friend("tomas.r");
    story.plex.watch(&tomas, salt_ledger());
    story.radarr.set_starting_up(true);
    story.sync().await;
    story.radarr.set_starting_up(false);

    let off = format!("{SETTINGS}users:\n  overrides:\n    - {{plex: tomas.r, sync: false}}\n");
    story.write_settings(&off);
    assert_eq!(story.sync().await.placements.added, 0);
    story.write_settings(SETTINGS);
    story.plex.remove_friend(&tomas);
    assert_eq!(story.sync().await.placements.added, 0);
    assert_eq!(story.adds(), 0);

    let again = story.plex.add_friend("tomas.r");
    assert_eq!(again, tomas, "the same person");
    assert_eq!(story.sync().await.placements.added, 1);
}
