//! From a decision into an arr's library.

use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::model::{ArrEpisode, ArrEvent, EntryState, EpisodeNumber, InstanceKind, PlacementState, RunResult};
use pulsarr_shared::report::ProblemKind;
use pulsarr_shared::tracking::{TrackingSettings, apply_events};
use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::SETTINGS;

use crate::world::{HARBOUR_NINE, NOON, OWNER, SALT_LEDGER, Story, harbour_nine, minutes, salt_ledger};

/// The owner wants a movie.
fn wanted() -> Story {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story
}

#[tokio::test]
async fn a_movie_is_added_as_the_settings_say_and_the_store_says_how() {
    let story = wanted();
    story.sync().await;
    let item = story.radarr.item(SALT_LEDGER).unwrap();
    assert_eq!((item.quality_profile_id, item.root_folder_path.as_str()), (4, "/movies"));
    assert_eq!(item.tags, ["watchlist"]);
    assert_eq!(story.radarr.searches().len(), 1);

    let placement = story.placement("Salt Ledger");
    assert_eq!((placement.state, placement.attempts), (PlacementState::Added, 1));
    assert_eq!(placement.answer.as_deref(), Some("added to Radarr `movies` as number 1"));
    let payload: serde_json::Value = serde_json::from_str(&placement.payload.unwrap()).unwrap();
    assert_eq!(payload, item.raw, "what was sent is what was stored before it was sent");
}

#[tokio::test]
async fn an_excluded_title_is_left_alone_with_the_reason() {
    let story = wanted();
    story.owner_wants(harbour_nine());
    story.radarr.exclude(SALT_LEDGER, "Salt Ledger");
    story.sonarr.exclude(HARBOUR_NINE, "Harbour Nine");
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.excluded, story.adds()), (2, 2, 0));
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Excluded);
    assert_eq!(entry.reason.as_deref(), Some("on the import-exclusion list of Radarr `movies`"));
    assert_eq!(story.sync().await.placements.excluded, 0, "it is settled");
}

#[tokio::test]
async fn an_instance_that_does_not_respect_exclusions_gets_the_title() {
    let story = wanted();
    story.write_settings(&SETTINGS.replace("    tags: [watchlist]", "    respect_exclusions: false"));
    story.radarr.exclude(SALT_LEDGER, "Salt Ledger");
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added), (0, 1));
    assert_eq!(story.radarr.requests_to("exclusion"), 0);
}

#[tokio::test]
async fn what_is_there_already_is_present_and_left_as_it_is() {
    let story = wanted();
    story.radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    let before = story.radarr.item(SALT_LEDGER);
    let report = story.sync().await;
    assert_eq!((report.decisions.already_there, report.decisions.routed), (1, 0));
    assert_eq!((report.placements.present, report.placements.added, story.adds()), (1, 0, 0));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.radarr.item(SALT_LEDGER), before);
    assert_eq!(story.radarr.requests_to("/api/v3/qualityprofile"), 0, "and nobody asked what it offers");
}

/// How many requests a run makes that finds every list as it was: to the arrs, and for their histories among these.
async fn next_run(story: &Story) -> (usize, usize) {
    story.clear_journals();
    story.clock.advance(minutes(5));
    story.sync().await;
    let histories = [story.radarr.requests_to("/history/since"), story.sonarr.requests_to("/history/since")];
    (story.arr_requests(), histories.iter().sum())
}

fn messages(story: &Story) -> u32 {
    story.store().read().pending_message_count().unwrap()
}

/// The instance tells of an import, a moment after noon.
fn imported(story: &Story, instance: (&str, InstanceKind), id: i64, episodes: Vec<ArrEpisode>, upgrade: bool) {
    let external_id = u32::try_from(id).unwrap();
    let event = ArrEvent::Imported { external_id, episodes, download_id: None, upgrade, whole_download: false };
    let (name, kind) = instance;
    let (events, settings) = ([(NOON + 1, event)], TrackingSettings::default());
    story.store().write(|db| apply_events(db, name, kind, &events, settings, NOON + 1)).unwrap();
}

#[tokio::test]
async fn a_movie_that_is_there_with_its_file_is_available_and_nobody_waits_for_it() {
    let story = wanted();
    story.radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    story.radarr.put_file(SALT_LEDGER);
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.added, story.adds()), (1, 0, 0));
    let placement = story.placement("Salt Ledger");
    assert_eq!((placement.state, placement.available_at_ms), (PlacementState::Present, Some(NOON)));
    assert_eq!(placement.answer.as_deref(), Some("already in Radarr `movies`, with something to watch"));
    assert_eq!(story.state("Salt Ledger"), EntryState::Available);
    assert_eq!((story.store().read().oldest_awaited("movies").unwrap(), next_run(&story).await), (None, (0, 0)));

    // A better file, and one in place of a lost one: it was there before.
    for upgrade in [true, false] {
        imported(&story, ("movies", InstanceKind::Radarr), SALT_LEDGER, Vec::new(), upgrade);
    }
    assert_eq!((messages(&story), story.placement("Salt Ledger").available_at_ms), (0, Some(NOON)));
}

#[tokio::test]
async fn a_movie_that_is_there_without_its_file_is_waited_for_in_one_request_per_run() {
    let story = wanted();
    story.radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    story.sync().await;
    let placement = story.placement("Salt Ledger");
    assert_eq!((placement.state, placement.available_at_ms), (PlacementState::Present, None));
    assert_eq!(placement.answer.as_deref(), Some("already in Radarr `movies`"));
    for _ in 0..2 {
        assert_eq!(next_run(&story).await, (1, 1), "the history tells, and nobody looks again");
        assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    }

    story.radarr.set_date(&rfc3339(NOON + 60_000));
    story.radarr.import(SALT_LEDGER, false);
    assert_eq!(next_run(&story).await, (1, 1));
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
    assert_eq!(next_run(&story).await, (0, 0));
}

#[tokio::test]
async fn a_show_that_is_there_with_some_episodes_is_available_and_the_others_are_told_when_they_come() {
    let story = Story::new();
    story.owner_wants(harbour_nine());
    story.sonarr.add_series(HARBOUR_NINE, "Harbour Nine");
    story.sonarr.put_files(HARBOUR_NINE, &[(1, 1), (1, 2)]);
    story.sync().await;
    let placement = story.placement("Harbour Nine");
    assert_eq!((placement.state, placement.available_at_ms), (PlacementState::Present, Some(NOON)));
    assert_eq!((story.state("Harbour Nine"), messages(&story)), (EntryState::Available, 0));
    for _ in 0..2 {
        assert_eq!(next_run(&story).await, (1, 1), "there may be more of a show");
    }

    let third = ArrEpisode { number: EpisodeNumber { season: 1, episode: 3 }, aired_at_ms: Some(NOON) };
    imported(&story, ("shows", InstanceKind::Sonarr), HARBOUR_NINE, vec![third], false);
    assert_eq!((messages(&story), story.placement("Harbour Nine").available_at_ms), (1, Some(NOON)));
}

/// Its import is not told yet, and is told to whoever waits for it.
#[tokio::test]
async fn a_file_of_a_movie_that_an_unanswered_attempt_of_ours_added_is_news() {
    let story = wanted();
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect());
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").skip(1).status(500));
    story.sync().await;
    story.radarr.clear_faults();
    story.radarr.set_date(&rfc3339(NOON + 60_000));
    story.radarr.import(SALT_LEDGER, false);
    next_run(&story).await;
    assert_eq!((story.placement("Salt Ledger").state, messages(&story)), (PlacementState::Present, 0));
    assert_eq!(next_run(&story).await, (1, 1));
    assert_eq!((story.state("Salt Ledger"), messages(&story)), (EntryState::Available, 1));
}

fn library_reads(story: &Story) -> (usize, usize) {
    let journal = story.radarr.journal_of("/api/v3/movie");
    let (whole, single): (Vec<_>, Vec<_>) =
        journal.iter().filter(|seen| seen.method == "GET").partition(|seen| seen.query_value("tmdbId").is_none());
    (whole.len(), single.len())
}

#[tokio::test]
async fn many_waiting_titles_are_compared_with_one_read_of_the_library() {
    let story = Story::new();
    for number in 0..25 {
        story.owner_wants(Title::numbered_movie(number));
    }
    story.radarr.fill_library_from(2_000_000, 20);
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.added), (20, 5));
    assert_eq!(library_reads(&story), (1, 0));
}

#[tokio::test]
async fn one_read_of_the_library_tells_which_of_many_titles_have_a_file() {
    let story = Story::new();
    for number in 0..25 {
        story.owner_wants(Title::numbered_movie(number));
    }
    story.radarr.fill_library_from(2_000_000, 20);
    for number in 0..15 {
        story.radarr.put_file(2_000_000 + number);
    }
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.added, library_reads(&story)), (20, 5, (1, 0)));
    let counts = story.store().read().entry_counts().unwrap();
    assert_eq!(counts, [(EntryState::Requested, 10), (EntryState::Available, 15)]);
    assert_eq!(next_run(&story).await, (1, 1), "for those that are there without, and those that were added");
}

#[tokio::test]
async fn a_few_waiting_titles_are_asked_for_one_by_one() {
    let story = Story::new();
    for number in 0..24 {
        story.owner_wants(Title::numbered_movie(number));
    }
    story.radarr.fill_library_from(2_000_000, 20);
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.added), (20, 4));
    assert_eq!(library_reads(&story), (0, 24));
}

#[tokio::test]
async fn a_tag_is_created_once_and_found_by_later_runs() {
    let story = wanted();
    story.write_settings(&SETTINGS.replace("[watchlist]", "[From-Plex, watchlist]"));
    story.sync().await;
    story.owner_wants(Title::movie("Second").tmdb(900_003));
    story.sync().await;
    assert_eq!(story.radarr.tags(), ["from-plex", "watchlist"]);
    assert_eq!(story.radarr.requests("POST", "/api/v3/tag"), 2);
    assert_eq!(story.radarr.item(900_003).unwrap().tags, ["from-plex", "watchlist"]);
}

#[tokio::test]
async fn a_tag_that_somebody_else_created_just_before_is_used() {
    let story = wanted();
    story.radarr.inject(Fault::on("POST", "/api/v3/tag").times(1).status(409).after_effect());
    assert_eq!(story.sync().await.run.result, RunResult::Ok);
    assert_eq!(story.radarr.item(SALT_LEDGER).unwrap().tags, ["watchlist"]);
    assert_eq!(story.radarr.tags(), ["watchlist"]);
}

#[tokio::test]
async fn an_instance_that_is_down_delays_only_itself_and_is_tried_by_the_very_next_run() {
    let story = wanted();
    story.owner_wants(harbour_nine());
    story.radarr.inject(Fault::on("ANY", "").status(503));
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert_eq!((report.placements.added, report.placements.waiting, report.placements.failed), (1, 1, 0));
    assert!(report.problems.iter().any(|problem| problem.upstream == "movies" && problem.kind == ProblemKind::Down));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());

    story.radarr.clear_faults();
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn an_instance_that_answers_html_is_down_and_nothing_is_taken_as_missing_there() {
    let story = wanted();
    story.radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").html());
    let report = story.sync().await;
    assert!(report.has(ProblemKind::Down));
    assert_eq!((report.placements.waiting, story.adds()), (1, 0));
}

#[tokio::test]
async fn a_wrong_api_key_is_a_matter_of_credentials_and_the_titles_wait() {
    let mut story = wanted();
    story.set("RADARR_API_KEY", "ffffffffffffffffffffffffffffffff");
    let report = story.sync().await;
    assert!(report.has(ProblemKind::Credentials));
    assert_eq!((report.placements.waiting, report.placements.failed), (1, 0));
    let message = &report.problems[0].message;
    assert!(message.starts_with("Radarr `movies` refuses the API key") && !message.contains("ffff"), "{message}");

    let key = story.radarr.api_key();
    story.set("RADARR_API_KEY", &key);
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn an_add_that_somebody_else_won_counts_as_present() {
    let story = wanted();
    story.radarr.race_once();
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.failed), (1, 0));
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!(story.radarr.library().len(), 1);
}

#[tokio::test]
async fn an_answer_lost_after_the_add_took_effect_makes_no_second_add() {
    for accident in [
        Fault::on("POST", "/api/v3/movie").reset().after_effect(),
        Fault::on("POST", "/api/v3/movie").truncated(),
        Fault::on("POST", "/api/v3/movie").html_status(504).after_effect(),
    ] {
        let story = wanted();
        story.radarr.inject(accident.times(1));
        let report = story.sync().await;
        assert_eq!((report.placements.added, report.placements.waiting), (1, 0));
        let placement = story.placement("Salt Ledger");
        assert_eq!(placement.state, PlacementState::Added);
        assert!(placement.answer.unwrap().contains("its answer was lost"));
        story.sync().await;
        assert_eq!((story.adds(), story.radarr.library().len()), (1, 1));
    }
}

#[tokio::test]
async fn an_add_lost_before_it_took_effect_is_repeated_by_the_next_run() {
    let story = wanted();
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset());
    let report = story.sync().await;
    assert_eq!((report.placements.added, report.placements.waiting), (0, 1));
    let answer = story.placement("Salt Ledger").answer.unwrap();
    assert!(answer.contains("does not have it; the next run tries again"), "{answer}");

    assert_eq!(story.sync().await.placements.added, 1);
    assert_eq!(story.radarr.library().len(), 1);
}

/// Neither the answer nor the look after it came: the row says that something may have happened.
#[tokio::test]
async fn an_add_of_unknown_fate_is_looked_for_by_the_next_run() {
    let story = wanted();
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect());
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").skip(1).status(500));
    let report = story.sync().await;
    assert_eq!((report.placements.added, report.placements.waiting), (0, 1));

    story.radarr.clear_faults();
    let report = story.sync().await;
    assert_eq!((report.placements.present, story.adds()), (1, 1));
    let answer = story.placement("Salt Ledger").answer.unwrap();
    assert_eq!(answer, "found in Radarr `movies`; an earlier attempt to add it never got its answer");
}

#[tokio::test]
async fn a_title_that_waits_for_an_instance_nobody_names_any_more_is_decided_anew() {
    let story = wanted();
    story.radarr.set_starting_up(true);
    story.sync().await;
    story.radarr.set_starting_up(false);
    story.write_settings(&SETTINGS.replace("name: movies", "name: films"));
    let report = story.sync().await;
    assert_eq!((report.run.result, report.placements.added, story.adds()), (RunResult::Ok, 1, 1));
    assert_eq!(story.placement("Salt Ledger").instance, "films");
}

#[tokio::test]
async fn a_title_whose_instance_is_gone_without_another_default_is_held() {
    let story = wanted();
    story.radarr.set_starting_up(true);
    story.sync().await;
    let (before, _) = SETTINGS.split_once("  - name: movies").unwrap();
    let (_, shows) = SETTINGS.split_once("  - name: shows").unwrap();
    story.write_settings(&format!("{before}  - name: shows{shows}"));
    let report = story.sync().await;
    assert_eq!((report.run.result, report.decisions.held), (RunResult::Ok, 1));
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Held);
    assert!(entry.reason.unwrap().contains("no Radarr is marked `default: true`"));
    assert_eq!(story.store().read().placements_of(entry.id).unwrap(), []);
}

#[tokio::test]
async fn an_excluded_title_that_is_there_all_the_same_is_present() {
    let story = wanted();
    story.radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    story.radarr.exclude(SALT_LEDGER, "Salt Ledger");
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.excluded), (1, 0));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
}

/// A conflict may have another reason than that the title is there.
#[tokio::test]
async fn a_conflict_about_a_title_that_is_not_there_is_a_refusal() {
    let story = wanted();
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).status(409));
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.placements.failed), (0, 1));
    assert_eq!(story.state("Salt Ledger"), EntryState::Failed);
    assert_eq!(story.radarr.library().len(), 0);
}

#[tokio::test]
async fn what_the_settings_ask_for_and_the_instance_lacks_is_named_with_the_choices() {
    let story = wanted();
    story.owner_wants(harbour_nine());
    story.write_settings(&SETTINGS.replace("HD-1080p", "4K"));
    let report = story.sync().await;
    assert_eq!((report.placements.added, report.placements.waiting, report.placements.failed), (1, 1, 0));
    let problem = report.problems.iter().find(|problem| problem.upstream == "movies").unwrap();
    assert_eq!(problem.kind, ProblemKind::Configuration);
    assert!(problem.message.contains("it has no quality profile `4K`; it has: Any, HD-1080p, Ultra-HD"));
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Held);
    assert!(entry.reason.unwrap().contains("no quality profile `4K`"));
}

#[tokio::test]
async fn correcting_the_settings_frees_the_titles_that_waited_for_it() {
    let story = wanted();
    story.owner_wants(Title::movie("Second").tmdb(900_003));
    story.write_settings(&SETTINGS.replace("HD-1080p", "4K"));
    story.sync().await;
    story.write_settings(&SETTINGS.replace("HD-1080p", "Ultra-HD"));
    let report = story.sync().await;
    assert_eq!((report.run.result, report.placements.added), (RunResult::Ok, 2));
    assert_eq!(story.radarr.item(SALT_LEDGER).unwrap().quality_profile_id, 6);
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.decisions("Salt Ledger").len(), 2, "the second decision names the other profile");
}

#[tokio::test]
async fn correcting_the_instance_frees_the_titles_as_well() {
    let story = wanted();
    story.write_settings(&SETTINGS.replace("HD-1080p", "4K"));
    story.sync().await;
    story.sync().await;
    story.radarr.add_profile(9, "4K");
    let report = story.sync().await;
    assert_eq!((report.run.result, report.placements.added), (RunResult::Ok, 1));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.decisions("Salt Ledger").len(), 1);
}

#[tokio::test]
async fn a_title_held_for_one_instance_goes_to_another_default_and_nowhere_else() {
    let story = wanted();
    let unusable = SETTINGS.replace("HD-1080p", "4K");
    story.write_settings(&unusable);
    story.sync().await;
    // The same Radarr under two names: `movies`, which asks for too much, and `films`, the new default.
    let films =
        "  - {name: films, kind: radarr, url: \"${RADARR_URL}\", api_key: \"${RADARR_API_KEY}\", default: true}\n";
    story.write_settings(&format!("{}{films}", unusable.replacen("    default: true\n", "", 1)));
    let report = story.sync().await;
    assert_eq!((report.run.result, report.placements.added), (RunResult::Ok, 1));
    assert_eq!(story.placement("Salt Ledger").instance, "films");
}

#[tokio::test]
async fn a_tag_the_instance_does_not_allow_is_a_matter_of_the_settings() {
    let story = wanted();
    story.radarr.inject(Fault::on("POST", "/api/v3/tag").status(400));
    let report = story.sync().await;
    let problem = &report.problems[0];
    assert_eq!(problem.kind, ProblemKind::Configuration);
    assert!(problem.message.contains("it does not allow the tag `watchlist`"), "{}", problem.message);
}

#[tokio::test]
async fn a_report_names_who_wanted_what_and_what_became_of_it() {
    let story = wanted();
    let report = story.sync().await;
    let change = &report.changes[0];
    assert_eq!(
        (change.title.as_str(), change.user.as_str(), change.what.as_str()),
        ("Salt Ledger (2025)", OWNER, "added")
    );
    assert_eq!(change.instance.as_deref(), Some("movies"));
}

/// The library was read before the add, so it cannot tell.
#[tokio::test]
async fn an_answer_lost_to_one_user_makes_no_second_add_for_another() {
    let story = wanted();
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger());
    for number in 0..25 {
        story.owner_wants(Title::numbered_movie(number));
    }
    story.radarr.fill_library_from(2_000_000, 25);
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect());
    let report = story.sync().await;
    assert_eq!((report.placements.added, report.placements.present, story.adds()), (1, 26, 1));
}

#[tokio::test]
async fn a_title_that_waits_follows_the_settings_when_they_change() {
    let story = wanted();
    story.radarr.set_starting_up(true);
    story.sync().await;
    story.radarr.set_starting_up(false);
    story.write_settings(&SETTINGS.replace("HD-1080p", "Ultra-HD"));
    assert_eq!(story.sync().await.placements.added, 1);
    assert_eq!(story.radarr.item(SALT_LEDGER).unwrap().quality_profile_id, 6);
    assert_eq!(story.decisions("Salt Ledger").len(), 2, "and both decisions are kept");
}
