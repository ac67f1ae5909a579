//! Titles without the id their arr needs: who is asked for it, and how often.

use pulsarr_shared::model::{EntryState, RunResult};
use pulsarr_shared::report::ProblemKind;
use pulsarr_tests::fakes::{Fault, Known, Title};
use pulsarr_tests::household::SETTINGS;

use crate::world::{HARBOUR_NINE, SALT_LEDGER, Story, harbour_nine, hours, minutes, salt_ledger};

/// A friend who wants these titles; friends' lists tell no ids.
async fn friend_wants(titles: &[Title]) -> Story {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    for title in titles {
        story.plex.watch(&friend, title);
    }
    story
}

fn metadata_fails(title: &Title) -> Fault {
    Fault::on("GET", &format!("/library/metadata/{}", title.rating_key()))
}

#[tokio::test]
async fn ids_that_appear_at_the_third_look_bring_the_title_in_with_the_third_run() {
    let title = salt_ledger().ids_after(2);
    let story = friend_wants(std::slice::from_ref(&title)).await;
    for run in 1..=2 {
        let report = story.sync().await;
        assert_eq!((report.decisions.unresolvable, report.placements.added), (1, 0), "run {run}");
        assert_eq!(story.state("Salt Ledger"), EntryState::Unresolvable);
    }
    let reason = story.entry("Salt Ledger").reason.unwrap();
    assert!(reason.contains("TMDB id, and Plex has told none yet"), "{reason}");

    let report = story.sync().await;
    assert_eq!((report.decisions.routed, report.placements.added), (1, 1));
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(story.metadata_requests(&title), 3);
}

#[tokio::test]
async fn a_title_that_stays_without_ids_is_looked_at_ever_more_rarely() {
    let title = salt_ledger().without_ids();
    let story = friend_wants(std::slice::from_ref(&title)).await;
    for _ in 0..4 {
        story.sync().await;
    }
    assert_eq!(story.metadata_requests(&title), 4, "new titles get their ids within minutes");
    story.sync().await;
    assert_eq!(story.metadata_requests(&title), 4);
    for (looks, pause) in [(5, minutes(10)), (6, minutes(20)), (7, minutes(40)), (8, minutes(80))] {
        story.clock.advance(pause - minutes(1));
        story.sync().await;
        assert_eq!(story.metadata_requests(&title), looks - 1);
        story.clock.advance(minutes(1));
        story.sync().await;
        assert_eq!(story.metadata_requests(&title), looks);
    }
}

#[tokio::test]
async fn a_title_that_has_left_plexs_catalogue_is_unresolvable_and_not_hammered() {
    let title = salt_ledger().missing_from_catalogue();
    let story = friend_wants(&[title.clone(), harbour_nine()]).await;
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!(story.state("Salt Ledger"), EntryState::Unresolvable);
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());

    for _ in 0..288 {
        story.clock.advance(minutes(5));
        story.sync().await;
    }
    let looks = story.metadata_requests(&title);
    assert!((8..=12).contains(&looks), "{looks} looks in a day");
}

#[tokio::test]
async fn a_failing_catalogue_leaves_the_title_new_and_the_others_go_on() {
    let story = friend_wants(&[salt_ledger(), harbour_nine()]).await;
    story.plex.inject(metadata_fails(&salt_ledger()).status(500));
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert!(report.has(ProblemKind::Down));
    assert_eq!(story.state("Salt Ledger"), EntryState::New);
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());

    story.plex.clear_faults();
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(story.radarr.item(SALT_LEDGER).is_some());
}

/// An outage is no reason to look more rarely later.
#[tokio::test]
async fn an_unanswered_look_does_not_count() {
    let story = friend_wants(&[salt_ledger()]).await;
    story.plex.inject(metadata_fails(&salt_ledger()).status(500));
    for _ in 0..12 {
        story.sync().await;
    }
    story.plex.clear_faults();
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_refusal_by_the_catalogue_alone_says_nothing_about_the_token() {
    let story = friend_wants(&[salt_ledger()]).await;
    story.plex.inject(metadata_fails(&salt_ledger()).status(401));
    let report = story.sync().await;
    assert!(report.has(ProblemKind::Down) && !report.has(ProblemKind::Credentials), "{:?}", report.problems);
}

#[tokio::test]
async fn titles_that_need_no_answer_go_on_while_the_catalogue_is_silent() {
    let mut story = friend_wants(&[Title::movie("Slow Answer")]).await;
    story.owner_wants(salt_ledger());
    story.set("PULSARR_RUN_LIMIT_S", "1");
    story.plex.inject(metadata_fails(&Title::movie("Slow Answer")).never());
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert_eq!(report.placements.added, 1);
    assert_eq!(
        story.metadata_requests(&Title::movie("Slow Answer")),
        1,
        "the wait ends with the stage's share of the run"
    );
    assert_eq!(story.state("Slow Answer"), EntryState::New);
}

#[tokio::test]
async fn a_show_that_plex_knows_by_another_id_is_translated_by_sonarr() {
    let title = Title::show("Paper Tide").imdb("tt7700001");
    let story = friend_wants(std::slice::from_ref(&title)).await;
    story.sonarr.know(Known::new(700_001, "Paper Tide").imdb("tt7700001"));
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(story.sonarr.item(700_001).is_some());
    assert_eq!(story.entry("Paper Tide").title.ids.to_string(), "imdb tt7700001, tvdb 700001");
}

#[tokio::test]
async fn a_show_that_has_left_the_catalogue_is_translated_by_the_id_its_list_tells() {
    let story = Story::new();
    story.owner_wants(Title::show("Paper Tide").imdb("tt7700001").missing_from_catalogue());
    story.sonarr.know(Known::new(700_001, "Paper Tide").imdb("tt7700001"));
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(story.sonarr.item(700_001).is_some());
}

#[tokio::test]
async fn a_sonarr_that_cannot_translate_now_is_asked_again_by_the_next_run() {
    let title = Title::show("Paper Tide").imdb("tt7700001");
    let story = friend_wants(&[title, salt_ledger()]).await;
    story.sonarr.know(Known::new(700_001, "Paper Tide").imdb("tt7700001"));
    story.sonarr.set_metadata_down(true);
    for _ in 0..8 {
        let report = story.sync().await;
        assert_eq!(report.decisions.unresolvable, 0, "nobody has said that there is no id");
        assert_eq!(report.run.result, RunResult::Partial);
    }
    assert_eq!(story.state("Paper Tide"), EntryState::New);
    assert!(story.radarr.item(SALT_LEDGER).is_some());

    story.sonarr.set_metadata_down(false);
    assert_eq!(story.sync().await.placements.added, 1);
}

#[tokio::test]
async fn a_title_is_asked_about_once_however_many_want_it() {
    let story = Story::new();
    for friend in ["ada", "bea", "cyd"] {
        let uuid = story.plex.add_friend(friend);
        story.plex.watch(&uuid, salt_ledger());
    }
    story.sync().await;
    let late = story.plex.add_friend("dan");
    story.plex.watch(&late, salt_ledger());
    story.clock.advance(hours(30));
    story.sync().await;
    assert_eq!(story.entries("Salt Ledger").len(), 4);
    assert_eq!(story.metadata_requests(&salt_ledger()), 1);
}

#[tokio::test]
async fn the_own_list_tells_the_ids_and_only_shows_are_asked_for_their_genres() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    story.sync().await;
    assert_eq!((story.metadata_requests(&salt_ledger()), story.metadata_requests(&harbour_nine())), (0, 1));
}

#[tokio::test]
async fn nobody_is_asked_for_genres_when_the_series_type_is_given() {
    let story = Story::new();
    story.write_settings(&format!("{SETTINGS}    series_type: daily\n"));
    story.owner_wants(harbour_nine());
    story.sync().await;
    assert_eq!(story.metadata_requests(&harbour_nine()), 0);
    assert_eq!(story.sonarr.item(HARBOUR_NINE).unwrap().raw["seriesType"], "daily");
}

#[tokio::test]
async fn a_series_is_anime_when_the_genre_says_so_and_standard_otherwise() {
    let story = Story::new();
    story.write_settings(&format!("{SETTINGS}    series_type: auto\n"));
    story.owner_wants(harbour_nine().genre("Drama"));
    story.owner_wants(Title::show("Copper Spirits").tvdb(800_002).genre("Fantasy").genre("Anime"));
    story.sync().await;
    let series_type = |tvdb_id| story.sonarr.item(tvdb_id).unwrap().raw["seriesType"].clone();
    assert_eq!((series_type(HARBOUR_NINE), series_type(800_002)), ("standard".into(), "anime".into()));
}

/// Only the genres are missing: the show is not kept waiting for them for ever.
#[tokio::test]
async fn a_show_whose_genres_never_come_is_placed_as_the_standard_type_after_a_few_looks() {
    let story = Story::new();
    story.owner_wants(harbour_nine());
    story.plex.inject(Fault::on("GET", "/library/metadata/").status(500));
    for _ in 0..3 {
        assert_eq!(story.sync().await.placements.added, 0);
        assert_eq!(story.state("Harbour Nine"), EntryState::New);
    }
    assert_eq!(story.sync().await.placements.added, 1);
    assert_eq!(story.sonarr.item(HARBOUR_NINE).unwrap().raw["seriesType"], "standard");
    let steps = &story.decisions("Harbour Nine")[0].decision.trace.steps;
    let step = steps.iter().find(|step| step.subject == "series_type").unwrap();
    assert_eq!(step.because, "standard, because Plex has not told the genres");
}
