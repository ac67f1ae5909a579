//! Runs that are told to stop. Whatever was done is stored, and the next run does the rest.

use pulsarr_shared::model::{EntryState, RunResult};
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_tests::fakes::{Fault, Title};

use crate::world::{SALT_LEDGER, Story, salt_ledger, until};

/// Twelve movies, none of them there.
fn a_dozen() -> Story {
    let story = Story::new();
    for number in 0..12 {
        story.owner_wants(Title::numbered_movie(number));
    }
    story
}

/// One run that is told to stop once `moment` has come.
async fn stopped(story: &Story, reason: StopReason, moment: impl Fn() -> bool) -> pulsarr_shared::report::Report {
    let stop = Stop::default();
    let ordered = async {
        until(moment).await;
        stop.request(reason);
    };
    let (report, ()) = tokio::join!(story.run_until(&stop, |_| {}), ordered);
    report.unwrap()
}

#[tokio::test]
async fn a_run_terminated_between_two_adds_is_completed_by_the_next() {
    let story = a_dozen();
    let report = stopped(&story, StopReason::Terminated, || story.adds() >= 3).await;
    assert_eq!(report.run.result, RunResult::Interrupted);
    let added = story.radarr.library().len();
    assert!(added < 12);
    assert_eq!(report.placements.added as usize, added, "an add that was under way was waited for");
    assert_eq!(report.placements.waiting as usize, 12 - added);

    let report = story.sync().await;
    assert_eq!((report.run.result, report.placements.added as usize), (RunResult::Ok, 12 - added));
    assert_eq!((story.adds(), story.radarr.library().len()), (12, 12));
}

#[tokio::test]
async fn a_run_out_of_time_is_partial_and_no_failure_of_anybody() {
    let story = a_dozen();
    let report = stopped(&story, StopReason::TimeLimit, || story.adds() >= 3).await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    story.sync().await;
    assert_eq!((story.adds(), story.radarr.library().len()), (12, 12));
}

#[tokio::test]
async fn a_run_terminated_while_it_reads_lists_stores_what_it_has_read() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.owner_wants(salt_ledger());
    story.plex.inject(Fault::on("POST", "/community/api").containing(&friend).never());
    let watched = || story.plex.journal_of("/community").iter().any(|seen| seen.body.contains(&friend));
    let report = stopped(&story, StopReason::Terminated, watched).await;
    assert_eq!(report.run.result, RunResult::Interrupted);
    assert!(report.problems.is_empty(), "{:?}", report.problems);

    story.plex.clear_faults();
    assert_eq!(story.sync().await.run.result, RunResult::Ok);
    assert!(story.radarr.item(SALT_LEDGER).is_some());
}

#[tokio::test]
async fn a_run_terminated_before_it_asked_anything_is_interrupted_and_blames_nobody() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    let report = stopped(&story, StopReason::Terminated, || true).await;
    assert_eq!(report.run.result, RunResult::Interrupted);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_run_terminated_while_plexs_catalogue_is_asked_leaves_the_titles_new() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger());
    story.plex.inject(Fault::on("GET", "/library/metadata").never());
    let report = stopped(&story, StopReason::Terminated, || story.metadata_requests(&salt_ledger()) > 0).await;
    assert_eq!(report.run.result, RunResult::Interrupted);
    assert_eq!(story.state("Salt Ledger"), EntryState::New);

    story.plex.clear_faults();
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_run_that_died_is_noted_as_crashed_and_its_work_is_taken_up() {
    let story = a_dozen();
    {
        // The future is dropped in the middle: nothing after that moment is stored, as after kill -9.
        let run = story.run(|_| {});
        tokio::select! {
            biased;
            _ = run => panic!("it was to die before its end"),
            () = until(|| story.adds() >= 5) => {}
        }
    }
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!(story.radarr.library().len(), 12);
    let runs = story.store().read().last_runs(5).unwrap();
    assert_eq!(runs.iter().map(|run| run.result).collect::<Vec<_>>(), [RunResult::Ok, RunResult::Crashed]);
    let posts = story.radarr.journal_of("/api/v3/movie");
    let refused = posts.iter().filter(|seen| seen.method == "POST" && seen.status >= 400).count();
    assert_eq!(refused, 0, "nothing was asked for that was there already");
}
