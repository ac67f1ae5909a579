//! The lane beside a Plex that refuses the token, or does not answer.

use std::time::Duration;

use pulsarr_shared::link::TokenState;
use pulsarr_shared::model::{EntryState, RunResult};
use pulsarr_shared::store::Store;
use pulsarr_tests::fakes::Fault;

use super::Failure;
use super::tests::{Story, salt_ledger};
use crate::plex_health;

fn failed(story: &Story) -> Vec<(&'static str, u64)> {
    let of = |why: Failure| (why.word(), story.app.fast_lane.failed.of(why));
    Failure::ALL.into_iter().map(of).filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn a_token_that_plex_refuses_is_asked_with_no_more_until_plex_takes_it_again() {
    let mut story = Story::new(&["ada", "bea"]).await;
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.household.plex.revoke_token();
    story.seconds(3_600).await;
    assert_eq!(story.household.plex.requests_to(""), 2, "a look, and the question whether the token is dead");
    assert_eq!((failed(&story), story.app.plex_health.token()), (vec![("refused", 1)], Some(TokenState::Dead)));

    // Whoever looks after the token asks every quarter of an hour.
    story.household.plex.restore_token();
    plex_health::look(&story.app, false).await.unwrap();
    assert_eq!(story.app.plex_health.token(), Some(TokenState::Alive));
    assert!(story.until_added(1).await <= 30);
}

#[tokio::test]
async fn users_who_wait_for_a_run_wait_on_while_the_token_is_dead() {
    let mut story = Story::new(&["ada"]).await;
    story.household.plex.revoke_token();
    plex_health::confirm_token(&story.app).await.unwrap();
    story.app.engine.want(&story.friends[0], false);
    story.seconds(60).await;
    assert_eq!(story.runs().len(), 1);
    story.household.plex.restore_token();
    plex_health::confirm_token(&story.app).await.unwrap();
    story.seconds(6).await;
    assert_eq!(story.runs().len(), 2);
}

#[tokio::test]
async fn a_refusal_by_which_plex_does_not_stand_is_asked_about_every_quarter_of_an_hour() {
    let mut story = Story::new(&["ada"]).await;
    story.household.plex.inject(Fault::on("GET", "/watchlist/all").status(401));
    story.seconds(1_000).await;
    assert_eq!(story.household.plex.requests_to("/api/v2/user"), 2);
    assert!(story.heads(&story.friends[0]) >= 7, "friends are looked at as ever");
    assert_eq!(failed(&story), [("refused", 50)]);
}

#[tokio::test]
async fn looks_that_fail_are_counted_by_reason() {
    let mut story = Story::new(&[]).await;
    for (status, count) in [(503, 2), (404, 1)] {
        story.household.plex.inject(Fault::on("GET", "/watchlist/all").times(count).status(status));
        story.seconds(60).await;
        story.household.plex.clear_faults();
    }
    assert_eq!(failed(&story), [("unreachable", 2), ("not_understood", 1)]);
}

#[tokio::test]
async fn an_hour_of_429_silences_lane_and_runs_closes_nothing_and_then_all_goes_on() {
    let mut story = Story::before(&["ada", "bea"], &[]);
    let ada = story.friends[0].clone();
    story.household.plex.watch(&ada, salt_ledger());
    assert_eq!(story.run().await.run.result, RunResult::Ok);
    story.household.clear_journals();
    story.household.plex.inject(Fault::on("ANY", "").times(1).status(429).retry_after("3600"));
    while story.household.plex.requests_to("") == 0 {
        story.second().await;
    }
    assert_eq!(failed(&story), [("slow_down", 1)]);
    let owner = story.household.plex.owner_uuid();
    story.household.plex.watch(&owner, salt_ledger());
    story.household.plex.unwatch(&ada, salt_ledger());
    // As the job's schedule would have it.
    for _ in 0..11 {
        story.seconds(300).await;
        assert_eq!(story.run().await.run.result, RunResult::Partial);
    }
    story.seconds(297).await;
    assert_eq!(story.household.plex.requests_to(""), 1);
    let store = Store::open(&story.household.data_dir(), false).unwrap();
    let entries = store.read().find_entries("Salt Ledger").unwrap();
    assert_eq!(entries.len(), 1);
    assert!(entries.iter().all(|it| it.state != EntryState::Closed && it.missing_since_ms.is_none()), "{entries:#?}");

    story.seconds(33).await;
    assert_eq!(store.read().find_entries("Salt Ledger").unwrap().len(), 2, "the owner's is seen");
    story.clock.advance(Duration::from_secs(1));
    assert_eq!(story.run().await.run.result, RunResult::Ok);
}
