//! What it takes for an entry to be closed, and what never suffices.

use pulsarr_shared::model::{EntryState, ReadOutcome};
use pulsarr_tests::fakes::{Fault, Title};

use crate::world::{OWNER, SALT_LEDGER, Story, harbour_nine, hours, list, minutes, salt_ledger, until};

/// The owner wants two shows and a movie, all of it settled; then the movie leaves the list.
async fn movie_taken_off() -> Story {
    let story = Story::new();
    story.owner_wants(harbour_nine());
    story.owner_wants(Title::show("Quiet Orchard").tvdb(800_002));
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.plex.unwatch(&story.plex.owner_uuid(), salt_ledger());
    story
}

fn is_marked(story: &Story, title: &str) -> bool {
    story.entry(title).missing_since_ms.is_some()
}

#[tokio::test]
async fn an_entry_is_closed_by_the_second_complete_read_ten_minutes_after_the_first() {
    let story = movie_taken_off().await;

    let first = story.sync().await;
    assert_eq!((list(&first, OWNER).read, list(&first, OWNER).gone), (ReadOutcome::Complete, 0));
    assert!(is_marked(&story, "Salt Ledger"));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);

    story.clock.advance(minutes(10));
    let second = story.sync().await;
    assert_eq!((list(&second, OWNER).gone, list(&second, OWNER).entries), (1, 2));
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Closed);
    assert_eq!(entry.reason.as_deref(), Some("no longer on the watchlist; before that: requested"));
}

#[tokio::test]
async fn what_was_added_for_a_closed_entry_stays_and_nothing_is_ever_deleted() {
    let story = movie_taken_off().await;
    story.sync().await;
    story.clock.advance(minutes(10));
    story.sync().await;

    assert_eq!(story.state("Salt Ledger"), EntryState::Closed);
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    for seen in story.radarr.journal().iter().chain(&story.sonarr.journal()) {
        assert!(matches!(seen.method.as_str(), "GET" | "POST"), "{seen:?}");
    }
}

#[tokio::test]
async fn two_complete_reads_less_than_ten_minutes_apart_close_nothing() {
    let story = movie_taken_off().await;
    for _ in 0..3 {
        story.full_sync().await;
        story.clock.advance(minutes(3));
    }
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert!(is_marked(&story, "Salt Ledger"));
}

#[tokio::test]
async fn the_read_that_confirms_comes_by_itself_although_the_list_is_unchanged() {
    let story = movie_taken_off().await;
    story.sync().await;

    story.clock.advance(minutes(5));
    let between = story.sync().await;
    assert_eq!(list(&between, OWNER).read, ReadOutcome::NotModified);
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);

    story.clock.advance(minutes(5));
    let confirming = story.sync().await;
    assert_eq!((list(&confirming, OWNER).read, list(&confirming, OWNER).gone), (ReadOutcome::Complete, 1));

    let after = story.sync().await;
    assert_eq!(list(&after, OWNER).read, ReadOutcome::NotModified, "and it comes once");
}

#[tokio::test]
async fn an_entry_that_is_back_in_the_second_read_loses_its_mark() {
    let story = movie_taken_off().await;
    story.sync().await;
    story.owner_wants(salt_ledger());
    story.clock.advance(minutes(10));
    let report = story.sync().await;

    assert_eq!((list(&report, OWNER).new, list(&report, OWNER).gone), (0, 0));
    assert!(!is_marked(&story, "Salt Ledger"));
    story.clock.advance(hours(7));
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.adds(), 3, "it is the same entry, so it is not asked for again");
}

#[tokio::test]
async fn an_entry_that_is_back_must_go_missing_twice_again() {
    let story = movie_taken_off().await;
    story.sync().await;
    story.owner_wants(salt_ledger());
    story.clock.advance(minutes(10));
    story.sync().await;
    story.plex.unwatch(&story.plex.owner_uuid(), salt_ledger());
    story.clock.advance(minutes(10));
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert!(is_marked(&story, "Salt Ledger"));
}

#[tokio::test]
async fn an_empty_list_after_a_full_one_closes_nothing_for_a_day() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.plex.fill_watchlist(&owner, 1, 6);
    story.sync().await;
    story.plex.clear_watchlist(&owner);

    for _ in 0..23 {
        let report = story.full_sync().await;
        assert_eq!((list(&report, OWNER).entries, list(&report, OWNER).gone), (6, 0));
        assert!(list(&report, OWNER).detail.as_ref().unwrap().contains("6 of 6 entries are missing at once"));
        story.clock.advance(hours(1));
    }
    story.clock.advance(hours(1));
    let report = story.sync().await;
    assert_eq!((list(&report, OWNER).entries, list(&report, OWNER).gone), (0, 6));
}

#[tokio::test]
async fn a_list_that_is_whole_again_after_an_empty_answer_has_lost_nothing() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 6);
    story.sync().await;
    story.plex.clear_watchlist(&friend);
    story.full_sync().await;
    story.plex.fill_watchlist(&friend, 1, 6);
    story.clock.advance(hours(25));
    let report = story.sync().await;
    assert_eq!(
        (list(&report, "tomas.r").entries, list(&report, "tomas.r").new, list(&report, "tomas.r").gone),
        (6, 0, 0)
    );
    assert_eq!(story.adds(), 6);
}

/// A friend's list of three pages, of which the oldest entry is gone for good; and an accident that meets some look at it.
async fn friend_with_a_gap(accident: impl Fn(&str) -> Fault) -> Story {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 210);
    story.radarr.fill_library_from(2_000_001, 210);
    story.sonarr.fill_library_from(3_000_001, 210);
    story.sync().await;
    story.plex.unwatch(&friend, Title::numbered_show(1));
    story.plex.inject(accident(&friend));
    story
}

/// Whatever goes wrong with a read, at any page, for however long: nothing is marked and nothing is closed.
async fn nothing_is_gone_after(accident: impl Fn(&str) -> Fault) {
    let story = friend_with_a_gap(accident).await;
    for _ in 0..3 {
        let report = story.full_sync().await;
        assert_ne!(list(&report, "tomas.r").read, ReadOutcome::Complete);
        assert_eq!((list(&report, "tomas.r").entries, list(&report, "tomas.r").gone), (210, 0));
        story.clock.advance(hours(30));
    }
    for number in [1, 3, 209] {
        let entries = story.entries(&format!("Harbour Watch {number}"));
        assert!(entries.iter().all(|entry| entry.missing_since_ms.is_none() && entry.closed_at_ms.is_none()));
    }
}

/// The friend's head is asked first, then the pages one by one.
fn on_look(nth: usize) -> impl Fn(&str) -> Fault {
    move |friend| {
        let requests = ["FriendWatchlistHead", "\"after\":null", "\"after\":\"", "\"after\":\""];
        let fault = Fault::on("POST", "/community/api").containing(friend).containing(requests[nth]);
        if nth == 3 { fault.skip(1) } else { fault }
    }
}

#[tokio::test]
async fn a_read_that_fails_at_any_page_marks_and_closes_nothing() {
    for nth in 0..4 {
        nothing_is_gone_after(|friend| on_look(nth)(friend).status(503)).await;
    }
}

#[tokio::test]
async fn a_page_that_is_missing_cut_short_reset_or_html_marks_and_closes_nothing() {
    nothing_is_gone_after(|friend| on_look(2)(friend).status(404)).await;
    nothing_is_gone_after(|friend| on_look(2)(friend).truncated()).await;
    nothing_is_gone_after(|friend| on_look(2)(friend).reset()).await;
    nothing_is_gone_after(|friend| on_look(2)(friend).html()).await;
    nothing_is_gone_after(|friend| on_look(2)(friend).status(401)).await;
}

#[tokio::test]
async fn an_own_list_that_answers_404_html_or_nonsense_marks_and_closes_nothing() {
    let list_request = || Fault::on("GET", "/library/sections/watchlist/all");
    for accident in [list_request().status(404), list_request().html(), list_request().truncated()] {
        let story = movie_taken_off().await;
        story.plex.inject(accident);
        for _ in 0..3 {
            let report = story.full_sync().await;
            assert_eq!((list(&report, OWNER).read, list(&report, OWNER).entries), (ReadOutcome::Unknown, 3));
            story.clock.advance(hours(30));
        }
        assert!(!is_marked(&story, "Salt Ledger"));
    }
}

#[tokio::test]
async fn a_list_made_private_keeps_its_entries_and_is_picked_up_where_it_was() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger());
    story.sync().await;
    story.plex.set_private(&friend, true);
    for _ in 0..3 {
        let report = story.full_sync().await;
        assert_eq!((list(&report, "tomas.r").read, list(&report, "tomas.r").entries), (ReadOutcome::NotShared, 1));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        story.clock.advance(hours(30));
    }
    story.plex.set_private(&friend, false);
    let report = story.sync().await;
    assert_eq!((list(&report, "tomas.r").entries, list(&report, "tomas.r").new), (1, 0));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.adds(), 1);
}

#[tokio::test]
async fn a_failed_read_between_two_complete_ones_confirms_nothing_and_hinders_nothing() {
    let story = movie_taken_off().await;
    story.sync().await;
    story.clock.advance(minutes(10));
    story.plex.inject(Fault::on("GET", "/library/sections/watchlist/all").status(500));
    let failed = story.sync().await;
    assert_eq!((list(&failed, OWNER).read, list(&failed, OWNER).gone), (ReadOutcome::Unknown, 0));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    story.plex.clear_faults();
    let report = story.sync().await;
    assert_eq!(list(&report, OWNER).gone, 1);
}

/// A kind of title that Plex invents next year: it cannot be read, and while it is on the list nothing may be taken as removed.
#[tokio::test]
async fn an_unreadable_entry_on_a_page_keeps_everything_open() {
    let story = movie_taken_off().await;
    // The stand-in takes any key; ours has no place for one like this.
    let unreadable = Title::movie("Unreadable").key("no/such key").tmdb(900_009);
    story.owner_wants(unreadable.clone());
    for _ in 0..3 {
        let report = story.full_sync().await;
        assert_eq!((list(&report, OWNER).read, list(&report, OWNER).gone), (ReadOutcome::Newest, 0));
        assert!(list(&report, OWNER).detail.as_ref().unwrap().contains("not every entry could be read"));
        story.clock.advance(minutes(30));
    }
    assert!(!is_marked(&story, "Salt Ledger"));
    assert!(story.entries("Unreadable").is_empty());

    story.plex.unwatch(&story.plex.owner_uuid(), unreadable);
    story.sync().await;
    story.clock.advance(minutes(10));
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Closed);
}

/// An entry that cannot be read would otherwise make every run read the whole list in the hope of confirming the mark.
#[tokio::test]
async fn a_mark_that_cannot_be_confirmed_does_not_make_every_run_read_the_whole_list() {
    let story = movie_taken_off().await;
    story.sync().await;
    assert!(is_marked(&story, "Salt Ledger"));
    story.owner_wants(Title::movie("Unreadable").key("no/such key").tmdb(900_009));
    story.clock.advance(minutes(10));
    story.sync().await;
    story.clock.advance(minutes(5));
    let report = story.sync().await;
    assert_eq!(list(&report, OWNER).read, ReadOutcome::NotModified);
}

/// By offsets, an entry slips past between two pages when a newer one is taken off meanwhile.
#[tokio::test]
async fn a_list_that_shrinks_while_it_is_read_closes_nothing() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.plex.fill_watchlist(&owner, 1, 150);
    story.radarr.fill_library_from(2_000_001, 150);
    story.sonarr.fill_library_from(3_000_001, 150);
    story.sync().await;
    story.plex.clear_journal();

    // The second page is under way for so long that the newest entry can be taken off before it is answered.
    let second = Fault::on("GET", "/library/sections/watchlist/all").containing("X-Plex-Container-Start=100");
    story.plex.inject(second.latency_ms(300).times(1));
    let shrink = async {
        until(|| story.plex.journal().iter().any(|seen| seen.container.0.as_deref() == Some("100"))).await;
        story.plex.unwatch(&owner, Title::numbered_movie(150));
    };
    story.sync_and(true, shrink).await;
    assert!(story.entry("Ledger of Salt 50").closed_at_ms.is_none());

    story.clock.advance(minutes(10));
    let report = story.full_sync().await;
    assert_eq!((list(&report, OWNER).entries, list(&report, OWNER).gone), (150, 0));
    assert!(!is_marked(&story, "Ledger of Salt 50"));
}
