//! The owner waits for a run: whoever runs makes way, and somebody goes on with what that leaves.

use std::time::Duration;

use pulsarr_shared::clock::Clock;
use pulsarr_shared::model::{RunResult, Trigger};
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::Store;
use pulsarr_shared::sync::{GaveWay, ask_for_way, gave_way};
use pulsarr_tests::fakes::Fault;

use crate::world::{NOON, OWNER, Story, harbour_nine, salt_ledger, until};

fn left(story: &Story) -> Option<GaveWay> {
    gave_way(story.store().read()).unwrap()
}

fn ask(store: &Store) {
    ask_for_way(store, NOON).unwrap();
}

/// A friend wants something that Plex never tells about.
fn what_takes_for_ever() -> Story {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.owner_wants(salt_ledger());
    story.plex.watch(&friend, harbour_nine());
    let metadata = format!("/library/metadata/{}", harbour_nine().rating_key());
    story.plex.inject(Fault::on("GET", &metadata).never());
    story
}

#[tokio::test]
async fn a_run_under_way_ends_when_the_owner_waits_says_so_and_leaves_word_of_what_was_asked_of_it() {
    let story = what_takes_for_ever();
    let meanwhile = async {
        until(|| story.metadata_requests(&harbour_nine()) > 0).await;
        ask(&story.store());
    };
    let (report, ()) = tokio::join!(story.run(|request| request.full = true), meanwhile);
    let report = report.unwrap();
    assert_eq!(report.run.result, RunResult::Partial);
    assert!(report.run.detail.as_ref().is_some_and(|why| why.contains("gave way to the owner's list")), "{report:#?}");
    assert!(report.problems.is_empty(), "nobody is to blame: {report:#?}");
    assert_eq!(left(&story), Some(GaveWay { trigger: Trigger::Cli, user: None, full: true }));
    let kept = story.store().read().last_runs(1).unwrap().pop().unwrap().report.unwrap();
    assert!(kept.contains("gave way to the owner's list"), "{kept}");

    // The owner's run makes way for nobody, and leaves what others have to do.
    let owners = story.run(|request| (request.trigger, request.user) = (Trigger::FastLane, Some(OWNER.to_owned())));
    let report = owners.await.unwrap();
    assert_eq!((report.run.result, report.run.detail), (RunResult::Ok, None));
    assert!(left(&story).is_some());

    // Whatever reads all lists next has gone on with it, and nobody waits any more.
    story.plex.clear_faults();
    let report = story.sync().await;
    assert_eq!((report.run.result, left(&story)), (RunResult::Ok, None));
    assert_eq!((story.radarr.library().len(), story.sonarr.library().len()), (1, 1));
}

#[tokio::test]
async fn whoever_asked_for_way_and_came_not_stops_others_for_a_minute_at_most() {
    let story = what_takes_for_ever();
    ask(&story.store());
    story.clock.advance(Duration::from_secs(59));
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert!(report.run.detail.is_some_and(|why| why.contains("gave way")), "one that begins meanwhile makes way, too");

    story.clock.advance(Duration::from_secs(1));
    let stop = Stop::default();
    let meanwhile = async {
        until(|| story.metadata_requests(&harbour_nine()) > 0).await;
        stop.request(StopReason::TimeLimit);
    };
    let (report, ()) = tokio::join!(story.run_until(&stop, |_| {}), meanwhile);
    assert_eq!(report.unwrap().run.detail, None);
    assert_eq!((story.clock.now_ms(), left(&story)), (NOON + 60_000, None));
}
