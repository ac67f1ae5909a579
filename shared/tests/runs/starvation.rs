//! What cannot be finished keeps nobody else waiting: promise four, where it is about time and turns.

use std::collections::BTreeSet;

use pulsarr_shared::model::{EntryState, ReadOutcome, RunResult, Trigger};
use pulsarr_shared::report::ProblemKind;
use pulsarr_tests::fakes::{Fault, Known, Title};
use pulsarr_tests::household::SETTINGS;

use crate::world::{NOON, OWNER, SALT_LEDGER, Story, harbour_nine, hours, list, minutes, salt_ledger};

/// Nothing is sent anywhere, so that runs are about reading lists alone.
fn without_defaults() -> Story {
    let story = Story::new();
    story.write_settings(&SETTINGS.replace("    default: true\n", ""));
    story
}

/// Runs until `done`, at most so many times; answers how many runs it took.
async fn runs_until(story: &Story, at_most: usize, done: impl Fn() -> bool) -> usize {
    for run in 1..=at_most {
        story.sync().await;
        if done() {
            return run;
        }
    }
    panic!("not done after {at_most} runs");
}

#[tokio::test]
async fn a_sonarr_that_cannot_translate_ids_keeps_no_movie_waiting() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    for n in 0..6 {
        story.plex.watch(&friend, Title::show(&format!("Known elsewhere {n}")).imdb(&format!("tt9100000{n}")));
    }
    story.plex.watch(&friend, salt_ledger());
    story.sonarr.inject(Fault::on("GET", "/api/v3/series/lookup").status(503));
    let report = story.sync().await;
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    let problem = report.problems.iter().find(|problem| problem.upstream == "shows").unwrap();
    assert_eq!((problem.kind, report.run.result), (ProblemKind::Down, RunResult::Partial));
    let journal = story.sonarr.journal();
    let terms: BTreeSet<&str> = journal.iter().filter_map(|seen| seen.query_value("term")).collect();
    assert_eq!(terms.len(), 3, "a few questions, not one for each: {terms:?}");
}

#[tokio::test]
async fn titles_whose_metadata_never_comes_keep_no_other_title_waiting() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    let good = salt_ledger();
    story.plex.watch(&friend, good.clone());
    let poison: Vec<Title> = (0..30).map(|n| Title::movie(&format!("Poison {n}")).tmdb(910_000 + n)).collect();
    for title in poison {
        story.plex.inject(Fault::on("GET", &format!("/library/metadata/{}", title.rating_key())).status(500));
        story.plex.watch(&friend, title);
    }
    // The good one was added first to the list, so it is last to be asked about when all are new.
    runs_until(&story, 8, || story.radarr.item(SALT_LEDGER).is_some()).await;
    story.plex.clear_journal();
    story.sync().await;
    let asked = story.plex.requests_to("/library/metadata/");
    assert!(asked <= 4 * 8, "a catalogue that answers nothing is left alone after a few questions: {asked}");
}

#[tokio::test]
async fn a_title_that_plex_refuses_to_tell_is_unresolvable_and_no_fault_of_the_run() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger());
    story.plex.inject(Fault::on("GET", "/library/metadata/").status(451));
    let report = story.sync().await;
    assert_eq!((report.run.result, report.decisions.unresolvable), (RunResult::Ok, 1));
    assert_eq!(story.state("Salt Ledger"), EntryState::Unresolvable);
    story.plex.clear_faults();
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
}

#[tokio::test]
async fn a_title_an_instance_chokes_on_keeps_no_other_title_waiting() {
    for fault in [
        Fault::on("POST", "/api/v3/movie").html_status(500),
        Fault::on("POST", "/api/v3/movie").status(403),
        Fault::on("POST", "/api/v3/movie").html(),
        Fault::on("POST", "/api/v3/movie").reset(),
    ] {
        let story = Story::new();
        story.owner_wants(salt_ledger());
        story.owner_wants(Title::movie("Behind it").tmdb(900_003));
        story.radarr.inject(fault.containing("\"tmdbId\":900002"));
        runs_until(&story, 2, || story.radarr.item(900_003).is_some()).await;
        assert_eq!(story.radarr.library().len(), 1);
        let report = story.sync().await;
        assert!(report.has(ProblemKind::Down), "and it is not silent: {report:#?}");
    }
}

/// The budget ends a look the same way as the clock does.
#[tokio::test]
async fn a_list_that_does_not_fit_into_one_run_is_read_in_several() {
    let mut story = without_defaults();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 450);
    story.set("PULSARR_PLEX_REQUEST_BUDGET", "5");
    let runs = runs_until(&story, 8, || story.knows(&friend) && story.open_entries(&friend) == 450).await;
    assert!(runs > 1, "it did not fit into one");
    // Read to its end, if not in one go: the next look costs one small query again.
    story.sync().await;
    story.plex.clear_journal();
    let report = story.sync().await;
    assert_eq!(list(&report, "tomas.r").read, ReadOutcome::NotModified);
    assert_eq!(story.plex.requests_to(""), 3, "the friends, the own list, and the head of this one");
}

#[tokio::test]
async fn a_slow_list_gives_way_to_the_others_and_goes_on_where_it_was_left() {
    let mut story = without_defaults();
    story.set("PULSARR_RUN_LIMIT_S", "1");
    let slow = [story.plex.add_friend("ada"), story.plex.add_friend("bea")];
    for (n, uuid) in (0..).zip(&slow) {
        story.plex.fill_watchlist(uuid, 1 + n * 10_000, 1_500);
        story.plex.inject(Fault::on("POST", "/community/api").containing(uuid).latency_ms(60));
    }
    let quick = story.plex.add_friend("cyd");
    story.plex.watch(&quick, salt_ledger());
    let all = || slow.iter().all(|uuid| story.knows(uuid) && story.open_entries(uuid) == 1_500);
    runs_until(&story, 30, || all() && story.knows(&quick) && story.open_entries(&quick) == 1).await;
}

#[tokio::test]
async fn a_list_without_a_count_is_read_to_its_end_and_never_taken_for_complete() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    story.plex.fill_watchlist(&owner, 1, 150);
    story.sync().await;
    story.plex.stop_counting();
    story.owner_wants(salt_ledger());
    let report = story.full_sync().await;
    assert_eq!((list(&report, OWNER).read, list(&report, OWNER).entries), (ReadOutcome::Newest, 151));

    story.plex.unwatch(&owner, salt_ledger());
    for _ in 0..3 {
        story.clock.advance(minutes(30));
        assert_eq!(list(&story.full_sync().await, OWNER).gone, 0);
    }
    assert_eq!(story.open_entries(&owner), 151);
}

/// A death in the middle of an add, and then another name for the instance: the entry is settled where it is decided now.
#[tokio::test]
async fn an_attempt_at_an_instance_that_is_gone_is_forgotten() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect());
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").skip(1).status(500));
    story.sync().await;
    assert!(story.placement("Salt Ledger").attempts == 1);
    story.radarr.clear_faults();
    story.write_settings(&SETTINGS.replace("name: movies", "name: films"));
    for _ in 0..2 {
        story.sync().await;
        assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
        assert_eq!(story.placement("Salt Ledger").instance, "films");
        assert_eq!(story.store().read().queue_lengths(NOON).unwrap(), []);
    }
    assert_eq!(story.radarr.library().len(), 1);
}

#[tokio::test]
async fn titles_held_for_a_mistake_in_the_settings_cost_three_small_questions_a_run() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    for n in 0..30 {
        story.plex.watch(&owner, Title::movie(&format!("Movie {n}")).tmdb(920_000 + n));
    }
    story.owner_wants(harbour_nine());
    story.write_settings(&SETTINGS.replace("HD-1080p", "4K"));
    story.sync().await;
    story.radarr.clear_journal();
    let report = story.sync().await;
    assert_eq!(report.placements.waiting, 30);
    let asked: Vec<String> = story.radarr.journal().into_iter().map(|seen| seen.route).collect();
    assert_eq!(asked, ["/api/v3/system/status", "/api/v3/qualityprofile", "/api/v3/rootfolder", "/api/v3/tag"]);
}

#[tokio::test]
async fn a_service_of_plexs_that_answers_nothing_is_left_alone_after_a_few_lists() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    for n in 0..30 {
        story.plex.add_friend(&format!("friend-{n}"));
    }
    story.sync().await;
    story.clock.advance(minutes(5));
    story.plex.clear_journal();
    story.plex.inject(Fault::on("POST", "/community/api").containing("watchlist").status(500));
    let report = story.sync().await;
    assert!(story.plex.requests_to("/community/api") <= 4 * 8, "{}", story.plex.requests_to("/community/api"));
    assert_eq!(report.users.len(), 31, "every list is accounted for");
    assert!(report.has(ProblemKind::Down), "and it is not silent: {:?}", report.problems);

    story.plex.clear_faults();
    let report = story.sync().await;
    assert!(report.users.iter().all(|user| user.read == ReadOutcome::NotModified));
}

#[tokio::test]
async fn a_title_whose_presence_cannot_be_told_keeps_no_other_title_waiting() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.owner_wants(Title::movie("Behind it").tmdb(900_003));
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").containing("tmdbId=900002").status(500));
    for _ in 0..2 {
        story.sync().await;
        story.clock.advance(minutes(5));
    }
    assert!(story.radarr.item(900_003).is_some());
}

#[tokio::test]
async fn a_library_that_cannot_be_read_whole_is_asked_about_title_by_title() {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    for n in 0..30 {
        story.plex.watch(&owner, Title::movie(&format!("Movie {n}")).tmdb(920_000 + n));
    }
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").containing("excludeLocalCovers").html_status(504));
    let report = story.sync().await;
    assert_eq!((report.placements.added, report.placements.waiting), (30, 0));
}

#[tokio::test]
async fn one_show_that_sonarr_cannot_look_up_keeps_no_other_show_waiting() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    for n in 1..=6 {
        let imdb = format!("tt8000000{n}");
        story.plex.watch(&friend, Title::show(&format!("Show {n}")).imdb(&imdb));
        story.sonarr.know(Known::new(810_000 + n, &format!("Show {n}")).imdb(&imdb));
    }
    story.sonarr.inject(Fault::on("GET", "/series/lookup").containing("tt80000006").status(503));
    story.sync().await;
    assert_eq!(story.sonarr.library().len(), 5);
}

#[tokio::test]
async fn a_removal_deep_in_a_list_too_long_for_a_run_does_not_make_every_run_read_it() {
    let mut story = without_defaults();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.fill_watchlist(&friend, 1, 450);
    story.plex.watch(&friend, salt_ledger());
    story.plex.fill_watchlist(&friend, 1_000, 150);
    story.sync().await;
    story.plex.unwatch(&friend, salt_ledger());
    story.clock.advance(hours(7));
    story.sync().await;
    story.set("PULSARR_PLEX_REQUEST_BUDGET", "7");
    for _ in 0..6 {
        story.clock.advance(minutes(15));
        story.sync().await;
    }
    story.clock.advance(minutes(15));
    story.plex.clear_journal();
    assert_eq!(list(&story.sync().await, "tomas.r").read, ReadOutcome::NotModified);
    assert_eq!(story.plex.requests_to(""), 3);
}

#[tokio::test]
async fn a_small_budget_leaves_something_for_the_titles() {
    let mut story = Story::new();
    let friends: Vec<String> = (0..12).map(|n| story.plex.add_friend(&format!("friend-{n}"))).collect();
    story.sync().await;
    story.clock.advance(minutes(5));
    story.set("PULSARR_PLEX_REQUEST_BUDGET", "13");
    story.plex.watch(&friends[0], salt_ledger());
    for _ in 0..3 {
        story.sync().await;
        story.clock.advance(minutes(5));
    }
    assert!(story.radarr.item(SALT_LEDGER).is_some());
}

#[tokio::test]
async fn a_run_of_the_fast_lane_leaves_what_others_wait_for_to_their_own_runs() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, Title::movie("Tide").year(2025).tmdb(910_001));
    story.plex.watch(&friend, Title::movie("Kelp").year(2025).tmdb(910_002));
    // One waits for its id, the other for Radarr.
    let (tide, kelp) = (Title::movie("Tide").year(2025).tmdb(910_001), Title::movie("Kelp").year(2025).tmdb(910_002));
    story.plex.inject(Fault::on("GET", &format!("/library/metadata/{}", tide.rating_key())).status(503));
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").status(503));
    story.sync().await;
    assert_eq!(story.placement("Kelp").state.word(), "queued");
    story.plex.clear_faults();
    story.radarr.clear_faults();
    story.clear_journals();
    story.clock.advance(minutes(5));

    story.owner_wants(salt_ledger());
    let owner = story.plex.owner_uuid();
    let of_the_lane = |request: &mut pulsarr_shared::sync::Request| {
        request.trigger = Trigger::FastLane;
        request.user = Some(owner);
    };
    let report = story.run(of_the_lane).await.unwrap();
    assert_eq!((report.run.result, report.placements.added), (RunResult::Ok, 1));
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    assert_eq!((story.metadata_requests(&tide), story.metadata_requests(&kelp), story.adds()), (0, 0, 1));

    story.sync().await;
    assert_eq!(story.radarr.library().len(), 3, "the regular run brings them all");
}
