//! Plex asks to be left alone: whoever hears it tells all others, and nobody asks before the time is over.

use pulsarr_shared::clock::Clock;
use pulsarr_shared::model::{EntryState, RunResult};
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::sync::cool_until;
use pulsarr_tests::fakes::Fault;

use crate::world::{NOON, Story, harbour_nine, minutes, salt_ledger, until};

#[tokio::test]
async fn a_run_that_is_asked_to_slow_down_tells_everybody_while_it_still_waits() {
    let story = Story::new();
    story.plex.inject(Fault::on("GET", "/watchlist/all").times(1).status(429).retry_after("3600"));
    let (store, stop) = (story.store(), Stop::default());
    let told = || cool_until(store.read(), NOON).unwrap().is_some_and(|at| at > NOON + 3_500_000);
    let meanwhile = async {
        until(told).await;
        assert!(story.store().read().last_runs(1).unwrap()[0].ended_at_ms.is_none(), "the run goes on");
        stop.request(StopReason::TimeLimit);
    };
    let (report, ()) = tokio::join!(story.run_until(&stop, |_| {}), meanwhile);
    assert_eq!(report.unwrap().run.result, RunResult::Partial);
}

#[tokio::test]
async fn an_hour_of_429_costs_runs_one_question_closes_nothing_and_then_all_goes_on() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.owner_wants(salt_ledger());
    story.plex.watch(&friend, salt_ledger());
    story.sync().await;
    story.plex.inject(Fault::on("ANY", "").times(1).status(429).retry_after("3600"));
    story.clear_journals();
    let stop = Stop::default();
    let meanwhile = async {
        let store = story.store();
        until(|| cool_until(store.read(), NOON).unwrap().is_some()).await;
        stop.request(StopReason::TimeLimit);
    };
    let (report, ()) = tokio::join!(story.run_until(&stop, |_| {}), meanwhile);
    assert_eq!(report.unwrap().run.result, RunResult::Partial);
    // Both lists change meanwhile.
    story.owner_wants(harbour_nine());
    story.plex.unwatch(&friend, salt_ledger());
    for _ in 0..11 {
        story.clock.advance(minutes(5));
        assert_eq!(story.full_sync().await.run.result, RunResult::Partial);
    }
    assert_eq!(story.plex.requests_to(""), 1);
    let open = |story: &Story| story.entries("Salt Ledger").iter().filter(|it| it.state != EntryState::Closed).count();
    assert_eq!(open(&story), 2);
    assert!(story.entries("Salt Ledger").iter().all(|entry| entry.missing_since_ms.is_none()));

    story.clock.advance(minutes(5));
    assert_eq!(story.clock.now_ms(), NOON + 3_600_000);
    let report = story.full_sync().await;
    assert_eq!(report.run.result, RunResult::Ok, "{:?}", report.problems);
    assert_eq!(story.state("Harbour Nine"), EntryState::Requested);
    assert_eq!(open(&story), 2, "and one look alone closes nothing");
}
