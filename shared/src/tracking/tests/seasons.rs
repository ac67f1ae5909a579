//! Episodes that become one message: what is gathered, for how long, and what ends it.

use super::*;
use crate::model::EpisodeNumber;

#[test]
fn five_hundred_episodes_are_one_message() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let burst: Vec<_> = (1..=500).map(|number| episodes("Download", [number], "")).collect();
    world.receive("shows", &burst, NOON);
    assert_eq!(world.process(NOON), Processed { done: 500, ignored: 0, announced: 0 });
    assert_eq!(next_batch_due(&world.store, NOON).unwrap(), Some(NOON + 120 * SECOND));
    assert_eq!(flush_due_batches(&world.store, NOON + 119 * SECOND).unwrap(), 0);
    assert_eq!(flush_due_batches(&world.store, NOON + 120 * SECOND).unwrap(), 1);
    assert_eq!(world.told(), [(1..=500).collect::<Vec<_>>()]);
    assert_eq!(next_batch_due(&world.store, NOON).unwrap(), None);
    assert_eq!(flush_due_batches(&world.store, NOON + DAY).unwrap(), 0);
}

#[test]
fn a_season_pack_is_told_of_as_soon_as_it_is_complete() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    world.tell("shows", episodes("Grab", 1..=10, "D"), NOON);
    assert_eq!(world.state(entry), EntryState::Grabbed);
    for number in 1..=9 {
        assert_eq!(world.tell("shows", episodes("Download", [number], "D"), NOON + SECOND).announced, 0);
    }
    assert_eq!(world.tell("shows", episodes("Download", [10], "D"), NOON + 2 * SECOND).announced, 1);
    assert_eq!(world.tell("shows", import_complete(1..=10, "D"), NOON + 3 * SECOND).announced, 0, "told already");
    assert_eq!(world.told(), [(1..=10).collect::<Vec<_>>()]);
    assert_eq!(world.messages()[0].episodes[0], EpisodeNumber { season: 1, episode: 1 });
}

#[test]
fn a_finished_download_ends_the_gathering_and_brings_what_was_missed() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    world.tell("shows", episodes("Download", [1], "D"), NOON);
    world.tell("shows", import_complete(1..=3, "D"), NOON + SECOND);
    assert_eq!(world.told(), [vec![1, 2, 3]]);
    world.tell("shows", episodes("Download", [2], "D"), NOON + 2 * SECOND);
    assert_eq!(next_batch_due(&world.store, NOON).unwrap(), None, "the late event tells nothing new");
}

#[test]
fn single_episodes_of_old_seasons_are_gathered_although_each_download_is_complete() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    for number in 1..=3 {
        let download = format!("D{number}");
        world.tell("shows", episodes("Grab", [number], &download), NOON);
        world.tell("shows", episodes("Download", [number], &download), NOON + SECOND);
        world.tell("shows", import_complete([number], &download), NOON + SECOND);
    }
    assert_eq!(world.messages(), []);
    flush_due_batches(&world.store, NOON + DAY).unwrap();
    assert_eq!(world.told(), [vec![1, 2, 3]]);
}

#[test]
fn the_window_and_what_is_recent_are_as_the_environment_says() {
    for (season_window_s, recent_episode_h, told, due) in
        [(30, 1, vec![], Some(NOON + 30 * SECOND)), (30, 8_760, vec![vec![4]], None)]
    {
        let world = World::new();
        world.added("ana", SHOW, &["shows"]);
        world.receive("shows", &[recent(4)], NOON);
        let environment = Environment { season_window_s, recent_episode_h, ..Environment::default() };
        process_batch(&world.store, 0, &kinds, TrackingSettings::of(&environment), NOON).unwrap();
        assert_eq!((world.told(), next_batch_due(&world.store, NOON).unwrap()), (told, due), "{recent_episode_h}");
    }
}

#[test]
fn a_recent_episode_is_told_of_at_once_and_only_once() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    assert_eq!(world.tell("shows", recent(4), NOON).announced, 1);
    assert_eq!(world.tell("shows", recent(4), NOON + SECOND).announced, 0);
    assert_eq!(world.tell("shows", recent(5), NOON + SECOND).announced, 1);
    assert_eq!(world.told(), [vec![4], vec![5]]);
    assert_eq!(world.state(entry), EntryState::Available);
}

#[test]
fn an_episode_whose_file_was_replaced_by_hand_is_not_told_again() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    world.tell("shows", recent(4), NOON);
    let mut deleted = recent(4);
    deleted["eventType"] = "EpisodeFileDelete".into();
    deleted["deleteReason"] = "manual".into();
    world.tell("shows", deleted, NOON + SECOND);
    world.tell("shows", recent(4), NOON + 2 * SECOND);
    assert_eq!(world.told(), [vec![4]]);
}

#[test]
fn a_season_that_cannot_be_told_of_holds_up_no_other_and_is_told_of_later() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    world.added("ana", SHOW + 1, &["shows"]);
    let mut other = episodes("Download", [1], "");
    other["series"]["tvdbId"] = (SHOW + 1).into();
    world.tell("shows", episodes("Download", [1], ""), NOON);
    world.tell("shows", other, NOON + SECOND);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let set_year =
        |year: u32| database.execute("UPDATE titles SET year = ?1 WHERE tvdb_id = ?2", [year, SHOW]).unwrap();
    set_year(99_999);
    let later = NOON + 121 * SECOND;
    assert_eq!(flush_due_batches(&world.store, later).unwrap(), 1);
    assert_eq!(world.messages()[0].external_id, SHOW + 1);
    assert_eq!(next_batch_due(&world.store, later).unwrap(), None, "what failed is no reason to hurry");
    set_year(2025);
    assert_eq!(flush_due_batches(&world.store, later + SECOND).unwrap(), 1);
    assert_eq!(world.messages().len(), 2);
}

/// Of a pack of two seasons, the last of the first comes before the second.
#[test]
fn a_pack_of_several_seasons_is_told_of_in_all_of_them_once_it_is_complete() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let of_season = |mut body: Value, season: u32| {
        for episode in body["episodes"].as_array_mut().unwrap() {
            episode["seasonNumber"] = season.into();
        }
        body
    };
    for season in [1, 2] {
        world.tell("shows", of_season(episodes("Grab", [1, 2], "D"), season), NOON + SECOND);
    }
    for (season, number) in [(1, 1), (1, 2), (2, 1)] {
        let processed = world.tell("shows", of_season(episodes("Download", [number], "D"), season), NOON + 2 * SECOND);
        assert_eq!(processed.announced, 0, "it is not complete");
    }
    world.tell("shows", of_season(episodes("Download", [2], "D"), 2), NOON + 3 * SECOND);
    let told: Vec<_> = world.messages().into_iter().map(|it| it.episodes).collect();
    let whole = |season| [1, 2].map(|episode| EpisodeNumber { season, episode }).to_vec();
    assert_eq!(told, [whole(1), whole(2)]);
}

#[test]
fn more_is_expected_of_a_download_until_it_has_brought_all_or_a_day_is_over() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let is_expected = |now_ms| world.store.read().is_more_on_its_way("shows", now_ms - DAY).unwrap();
    assert!(!is_expected(NOON));
    world.tell("shows", episodes("Grab", [1, 2], "D"), NOON + SECOND);
    world.tell("shows", episodes("Download", [1], "D"), NOON + 2 * SECOND);
    assert_eq!(flush_due_batches(&world.store, NOON + 200 * SECOND).unwrap(), 1);
    assert!(is_expected(NOON + 200 * SECOND));
    assert!(!is_expected(NOON + SECOND + DAY), "it has failed");
    world.tell("shows", episodes("Download", [2], "D"), NOON + 201 * SECOND);
    assert!(!is_expected(NOON + 201 * SECOND), "all of it has come");
}

#[test]
fn a_season_from_the_history_is_told_of_in_one_message() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let read = |number| read(InstanceKind::Sonarr, &episodes("Download", [number], ""));
    let events: Vec<_> = (1..=150).map(|number| (NOON + i64::from(number) * 600 * SECOND, read(number))).collect();
    let now_ms = NOON + 5 * DAY;
    for events in events.chunks(100) {
        from_history(&world, "shows", events, now_ms);
        assert_eq!(flush_due_batches(&world.store, now_ms).unwrap(), 0, "it is gathered from now on");
    }
    assert_eq!(flush_due_batches(&world.store, now_ms + 120 * SECOND).unwrap(), 1);
    assert_eq!(world.told(), [(1..=150).collect::<Vec<_>>()]);
}
