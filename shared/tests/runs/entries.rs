//! An entry is acted on once. Taking a title off and adding it again makes another entry.

use pulsarr_shared::model::{EntryState, PlacementState};

use crate::world::{HARBOUR_NINE, SALT_LEDGER, Story, harbour_nine, hours, list, minutes, salt_ledger};

#[tokio::test]
async fn what_a_person_deletes_in_radarr_stays_deleted() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.radarr.remove(story.radarr.item(SALT_LEDGER).unwrap().id);

    for _ in 0..4 {
        story.sync().await;
        story.full_sync().await;
        story.clock.advance(hours(25));
    }
    assert!(story.radarr.item(SALT_LEDGER).is_none());
    assert_eq!(story.adds(), 1);
}

#[tokio::test]
async fn taking_a_title_off_and_adding_it_again_asks_again() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.owner_wants(harbour_nine());
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.radarr.remove(story.radarr.item(SALT_LEDGER).unwrap().id);
    story.plex.unwatch(&owner, salt_ledger());
    story.sync().await;
    story.clock.advance(minutes(10));
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Closed);
    assert!(story.radarr.item(SALT_LEDGER).is_none());

    story.owner_wants(salt_ledger());
    let report = story.sync().await;
    assert_eq!((report.decisions.routed, report.placements.added), (1, 1));
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    let states: Vec<EntryState> = story.entries("Salt Ledger").iter().map(|entry| entry.state).collect();
    assert_eq!(states, [EntryState::Requested, EntryState::Closed]);
}

#[tokio::test]
async fn two_users_who_want_the_same_title_make_one_add() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    for title in [salt_ledger(), harbour_nine()] {
        story.owner_wants(title.clone());
        story.plex.watch(&friend, title);
    }
    let report = story.sync().await;

    assert_eq!(story.adds(), 2);
    assert_eq!((report.placements.added, report.placements.present), (2, 2));
    assert_eq!((report.decisions.routed, report.decisions.already_there), (2, 2));
    assert!(story.entries("Salt Ledger").iter().all(|entry| entry.state == EntryState::Requested));
}

#[tokio::test]
async fn who_adds_a_title_later_finds_it_present() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.plex.watch(&friend, salt_ledger());
    let report = story.sync().await;

    assert_eq!((report.placements.added, report.placements.present), (0, 1));
    let store = story.store();
    let theirs = story.entries("Salt Ledger").into_iter().find(|entry| entry.user == story.user(&friend).id).unwrap();
    let placement = &store.read().placements_of(theirs.id).unwrap()[0];
    assert_eq!(placement.state, PlacementState::Present);
    assert_eq!(placement.answer.as_deref(), Some("already in Radarr `movies`"));
    assert_eq!(story.adds(), 1);
}

#[tokio::test]
async fn an_entry_that_was_closed_while_its_title_waited_is_not_added() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.radarr.set_starting_up(true);
    story.owner_wants(harbour_nine());
    story.owner_wants(salt_ledger());
    let report = story.sync().await;
    assert_eq!(report.placements.waiting, 1);

    story.plex.unwatch(&owner, salt_ledger());
    story.sync().await;
    story.clock.advance(minutes(10));
    let report = story.sync().await;
    assert_eq!(report.users[0].gone, 1);
    assert_eq!(report.placements.waiting, 0);

    story.radarr.set_starting_up(false);
    let report = story.sync().await;
    assert_eq!(report.placements.added, 0);
    assert!(story.radarr.library().is_empty());
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());
}

#[tokio::test]
async fn an_unchanged_list_makes_no_entry_twice() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 12);
    story.sync().await;
    for _ in 0..3 {
        let report = story.full_sync().await;
        assert_eq!((list(&report, "tomas.r").entries, list(&report, "tomas.r").new), (12, 0));
        story.clock.advance(hours(7));
    }
    assert_eq!(story.adds(), 12);
}
