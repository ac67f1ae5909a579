//! Whose token it is, and whether it is dead.

use pulsarr_shared::model::{EntryState, ReadOutcome, Relation, RunResult};
use pulsarr_shared::report::ProblemKind;
use pulsarr_tests::fakes::Fault;

use crate::world::{OWNER, SALT_LEDGER, Story, harbour_nine, hours, list, salt_ledger};

async fn settled() -> Story {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.sync().await;
    story
}

#[tokio::test]
async fn plex_is_asked_about_a_token_once_a_day() {
    let story = settled().await;
    for _ in 0..23 {
        story.clock.advance(hours(1));
        story.sync().await;
    }
    assert_eq!(story.plex.requests_to("/api/v2/user"), 1);
    story.clock.advance(hours(1));
    story.sync().await;
    assert_eq!(story.plex.requests_to("/api/v2/user"), 2);
}

/// Only 401 takes back what Plex said of a token; anything else means that nobody can tell.
#[tokio::test]
async fn lists_are_read_although_plex_cannot_say_today_whose_token_it_is() {
    let story = settled().await;
    story.clock.advance(hours(30));
    story.plex.inject(Fault::on("GET", "/api/v2/user").status(500));
    story.owner_wants(harbour_nine());
    let report = story.sync().await;
    assert_eq!(list(&report, OWNER).new, 1);
    assert_eq!(report.placements.added, 1);
}

#[tokio::test]
async fn a_token_that_was_never_confirmed_needs_an_answer() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.plex.inject(Fault::on("GET", "/api/v2/user").status(500));
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Failed);
    assert!(report.has(ProblemKind::Down) && !report.has(ProblemKind::Credentials));
    story.plex.clear_faults();
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn another_accounts_token_makes_another_owner_and_keeps_the_old_ones_entries() {
    let mut story = settled().await;
    let old = story.plex.owner_uuid();
    let new = story.plex.add_friend("tomas.r");
    story.plex.set_private(&old, true);
    story.plex.watch(&new, harbour_nine());
    let token = story.plex.token_of(&new);
    story.set("PLEX_TOKEN", &token);
    let report = story.sync().await;

    assert_eq!(story.user(&new).relation, Relation::Owner);
    assert_ne!(story.user(&old).relation, Relation::Owner);
    assert_eq!((list(&report, "tomas.r").new, report.placements.added), (1, 1));
    assert_eq!((story.open_entries(&old), story.state("Salt Ledger")), (1, EntryState::Requested));

    let token = story.plex.owner_token();
    story.set("PLEX_TOKEN", &token);
    story.clock.advance(hours(30));
    let report = story.sync().await;
    assert_eq!(story.user(&old).relation, Relation::Owner);
    assert_eq!((list(&report, OWNER).read, list(&report, OWNER).new), (ReadOutcome::Complete, 0));
    assert_eq!(story.adds(), 2);
}

#[tokio::test]
async fn a_refusal_by_a_list_alone_says_nothing_about_the_token() {
    let story = Story::new();
    for friend in ["ada", "bea", "cyd", "dan"] {
        story.plex.add_friend(friend);
    }
    story.sync().await;
    story.plex.clear_journal();
    story.plex.inject(Fault::on("POST", "/community/api").status(401));
    let report = story.sync().await;
    assert!(!report.has(ProblemKind::Credentials), "{:?}", report.problems);
    assert_eq!(report.run.result, RunResult::Partial);
    assert_eq!(list(&report, OWNER).read, ReadOutcome::NotModified);
    assert_eq!(story.plex.requests_to("/api/v2/user"), 1, "one question settles it for all lists");
}

#[tokio::test]
async fn a_dead_token_is_named_and_nothing_is_lost() {
    let story = settled().await;
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, harbour_nine());
    story.sync().await;
    story.plex.revoke_token();
    for _ in 0..3 {
        story.plex.clear_journal();
        let report = story.full_sync().await;
        assert!(report.has(ProblemKind::Credentials));
        assert!(report.problems.iter().any(|problem| problem.message.contains("nothing stored is lost")));
        assert!(story.plex.requests_to("") <= 3, "{:?}", story.plex.journal());
        story.clock.advance(hours(30));
    }
    assert_eq!(
        (story.state("Salt Ledger"), story.state("Harbour Nine")),
        (EntryState::Requested, EntryState::Requested)
    );
    assert_eq!(story.user(&friend).relation, Relation::Friend);

    story.plex.restore_token();
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!((list(&report, OWNER).new, list(&report, "tomas.r").new), (0, 0));
}

#[tokio::test]
async fn a_dead_token_keeps_nobody_from_adding_what_is_decided() {
    let story = Story::new();
    story.radarr.set_starting_up(true);
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.plex.revoke_token();
    story.radarr.set_starting_up(false);
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(story.radarr.item(SALT_LEDGER).is_some());
}

#[tokio::test]
async fn a_dead_token_is_not_tried_on_every_title_that_waits_for_an_answer() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 30);
    story.plex.inject(Fault::on("GET", "/library/metadata").status(500));
    story.sync().await;
    story.plex.clear_faults();
    story.plex.revoke_token();
    story.plex.clear_journal();
    let report = story.sync().await;
    assert!(report.has(ProblemKind::Credentials));
    assert_eq!(story.plex.requests_to("/library/metadata"), 0);
}
