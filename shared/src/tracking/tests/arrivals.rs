//! How titles come and go again in the arrs, and who is told.

use super::*;
use crate::model::{ArrEpisode, EpisodeNumber, UserId};
use crate::store::Taken;

#[test]
fn a_movie_is_requested_then_grabbed_then_available_and_told_once() {
    let world = World::new();
    let (first, second) = (world.added("ana", FILM, &["movies"]), world.added("ben", FILM, &["movies"]));
    assert_eq!(world.state(first), EntryState::Requested);
    world.tell("movies", film("Grab"), NOON + SECOND);
    assert_eq!((world.state(first), world.placement(first).grabbed_at_ms), (EntryState::Grabbed, Some(NOON + SECOND)));
    let processed = world.tell("movies", film("Download"), NOON + 2 * SECOND);
    assert_eq!(processed, Processed { done: 1, ignored: 0, announced: 1 });
    assert_eq!((world.state(first), world.state(second)), (EntryState::Available, EntryState::Available));
    let message = world.messages().remove(0);
    let entries: Vec<_> = message.wanted_by.iter().map(|it| (it.user, it.entry)).collect();
    assert_eq!(entries, [(UserId(1), first), (UserId(2), second)]);
    assert_eq!((message.title.as_str(), message.year, message.external_id), ("Salt Ledger", Some(2025), FILM));
    assert_eq!((message.instance.as_str(), message.media_type), ("movies", MediaType::Movie));
}

#[test]
fn what_comes_twice_late_or_better_changes_nothing() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.tell("movies", film("Download"), NOON + SECOND);
    let placement = world.placement(entry);
    world.tell("movies", film("Download"), NOON + 2 * SECOND);
    world.tell("movies", upgraded(film("Download")), NOON + 3 * SECOND);
    assert_eq!(world.placement(entry), placement);
    world.tell("movies", film("Grab"), NOON + 4 * SECOND);
    assert_eq!(world.state(entry), EntryState::Available);
    assert_eq!(world.messages().len(), 1);
}

#[test]
fn an_upgrade_is_never_told_but_the_title_can_be_watched() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    world.tell("movies", upgraded(film("Download")), NOON);
    world.tell("shows", upgraded(recent(1)), NOON);
    world.tell("shows", upgraded(episodes("Download", [2], "")), NOON);
    assert_eq!((world.state(movie), world.state(show)), (EntryState::Available, EntryState::Available));
    assert_eq!(flush_due_batches(&world.store, NOON + DAY).unwrap(), 0);
    assert_eq!(world.messages(), []);
}

/// An import of the movie, or of an episode, as a history tells it.
fn imported(external_id: u32, upgrade: bool) -> ArrEvent {
    let number = if external_id == FILM { EpisodeNumber::MOVIE } else { EpisodeNumber { season: 1, episode: 1 } };
    let episodes = vec![ArrEpisode { number, aired_at_ms: Some(NOON) }];
    ArrEvent::Imported { external_id, episodes, download_id: None, upgrade, whole_download: false }
}

#[test]
fn a_first_file_that_the_history_tells_of_after_a_better_one_is_told_once() {
    const HOUR: i64 = 3_600 * SECOND;
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    world.added("ben", FILM, &["movies"]);
    world.tell("movies", upgraded(film("Download")), NOON + HOUR);
    world.tell("shows", upgraded(recent(1)), NOON + HOUR);
    // What the history tells of these themselves, without knowing that there was a file before, is no news.
    for (instance, external_id) in [("movies", FILM), ("shows", SHOW)] {
        let itself = [(NOON + HOUR - SECOND, imported(external_id, false))];
        from_history(&world, instance, &itself, NOON + HOUR);
    }
    assert_eq!(world.messages(), []);
    // Their first files are, an hour before.
    for _ in 0..2 {
        for (instance, external_id) in [("movies", FILM), ("shows", SHOW)] {
            let first = [(NOON + SECOND, imported(external_id, false))];
            from_history(&world, instance, &first, NOON + 2 * HOUR);
        }
        world.tell("movies", upgraded(film("Download")), NOON + 2 * HOUR);
    }
    let told: Vec<_> = world.messages().iter().map(|it| (it.external_id, it.wanted_by.len())).collect();
    assert_eq!(told, [(FILM, 2), (SHOW, 1)]);
    assert_eq!((world.state(movie), world.state(show)), (EntryState::Available, EntryState::Available));
}

#[test]
fn what_was_lost_and_is_there_again_is_no_news_however_often_it_is_told() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let episodes = vec![ArrEpisode { number: EpisodeNumber { season: 1, episode: 1 }, aired_at_ms: Some(NOON) }];
    let gone = ArrEvent::FileDeleted { external_id: SHOW, episodes, for_upgrade: false };
    let days = [(NOON + SECOND, imported(SHOW, true)), (NOON + DAY, gone), (NOON + 2 * DAY, imported(SHOW, false))];
    for _ in 0..2 {
        from_history(&world, "shows", &days, NOON + 3 * DAY);
    }
    assert_eq!((flush_due_batches(&world.store, NOON + 9 * DAY).unwrap(), world.messages()), (0, vec![]));
}

#[test]
fn one_instance_is_enough_and_a_refusal_elsewhere_does_not_take_it_back() {
    let world = World::new();
    let (entry, placements) = world.queued("ana", FILM, &["movies", "movies-4k"]);
    world.finish(&placements[0], PlacementState::Added, NOON);
    world.tell("movies", film("Download"), NOON + SECOND);
    assert_eq!(world.state(entry), EntryState::Available);
    world.store.write(|db| db.refuse(&placements[1], "no room", Some(NOON), NOON)).unwrap();
    assert_eq!(world.state(entry), EntryState::Available);
    world.finish(&placements[1], PlacementState::Added, NOON);
    assert_eq!(world.state(entry), EntryState::Available);
}

#[test]
fn our_own_addition_coming_back_as_an_event_is_harmless() {
    let world = World::new();
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    world.store.write(|db| db.begin_attempt(placements[0].id, "{}", NOON)).unwrap();
    let before = world.placement(entry);
    world.tell("movies", film("MovieAdded"), NOON);
    assert_eq!((world.placement(entry), world.state(entry)), (before, EntryState::Requested));
    // An arr may be quicker than its own answer.
    world.tell("movies", film("Grab"), NOON + SECOND);
    world.tell("movies", film("Download"), NOON + 2 * SECOND);
    world.store.write(|db| db.finish(&placements[0], PlacementState::Added, "x", Some(1), NOON + 3 * SECOND)).unwrap();
    assert_eq!((world.state(entry), world.messages().len()), (EntryState::Available, 1));
}

#[test]
fn what_is_deleted_stays_deleted_until_it_is_imported_again() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    let added = world.placement(entry);
    world.tell("movies", film("Download"), NOON + SECOND);
    let mut deleted = film("MovieDelete");
    deleted["deletedFiles"] = true.into();
    world.tell("movies", deleted, NOON + 10 * SECOND);
    let placement = world.placement(entry);
    assert_eq!((placement.state, placement.done_at_ms), (PlacementState::Removed, Some(NOON + 10 * SECOND)));
    assert_eq!(placement.answer.as_deref(), Some("deleted in Radarr `movies`, with its files"));
    let taken = Taken { at_ms: added.done_at_ms.unwrap(), state: PlacementState::Added, answer: added.answer };
    assert_eq!(placement.taken, Some(taken), "how it came there is still on record");
    assert_eq!(world.state(entry), EntryState::Available, "the entry keeps its state");
    assert_eq!(world.store.read().queue_lengths(NOON + DAY).unwrap(), [], "and nothing is added again");

    // The history tells of the import once more.
    from_history(&world, "movies", &[(NOON + SECOND, read_film_import())], NOON + DAY);
    assert_eq!(world.placement(entry), placement);

    world.tell("movies", film("Download"), NOON + 20 * SECOND);
    let placement = world.placement(entry);
    assert_eq!((placement.state, placement.available_at_ms), (PlacementState::Added, Some(NOON + 20 * SECOND)));
    assert_eq!(placement.taken.map(|it| it.at_ms), added.done_at_ms);
    assert_eq!(world.messages().len(), 1, "it was told of the first time");
}

#[test]
fn a_title_that_comes_back_for_somebody_else_is_told_to_them() {
    let world = World::new();
    world.added("ana", FILM, &["movies"]);
    world.tell("movies", film("Download"), NOON + SECOND);
    world.tell("movies", film("MovieDelete"), NOON + 10 * SECOND);
    let (ben, placements) = world.queued("ben", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Added, NOON + 20 * SECOND);
    assert_eq!(world.state(ben), EntryState::Requested);
    world.tell("movies", film("Download"), NOON + 30 * SECOND);
    let messages = world.messages();
    assert_eq!((messages.len(), messages[1].wanted_by.len(), messages[1].wanted_by[0].entry), (2, 1, ben));
}

#[test]
fn those_who_do_not_take_part_are_told_nothing() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.store.write(|db| db.set_synced(UserId(1), false)).unwrap();
    world.tell("movies", film("Download"), NOON);
    assert_eq!((world.state(entry), world.messages()), (EntryState::Available, vec![]));
}

#[test]
fn another_instance_or_another_kind_with_the_same_number_is_something_else() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.tell("movies-4k", film("Download"), NOON);
    let mut series = recent(1);
    series["series"]["tvdbId"] = FILM.into();
    world.tell("shows", series, NOON);
    assert_eq!((world.state(entry), world.messages()), (EntryState::Requested, vec![]));
}

#[test]
fn what_an_arr_tells_counts_in_the_order_it_came_also_when_the_clock_is_put_back() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    let before = NOON - 3_600 * SECOND;
    world.tell("movies", film("Download"), NOON + SECOND);
    world.tell("movies", film("MovieDelete"), before);
    assert_eq!(world.placement(movie).state, PlacementState::Removed);
    world.tell("movies", film("Download"), before - SECOND);
    assert_eq!(world.placement(movie).state, PlacementState::Added);

    // The same when all of it waits, and is worked off when the clock is where it was.
    world.receive("shows", &[episodes("Grab", [1, 2], "D"), episodes("Download", [1, 2], "D")], NOON + 5 * SECOND);
    let mut deleted = episodes("EpisodeFileDelete", [1], "");
    deleted["deleteReason"] = "manual".into();
    world.receive("shows", &[deleted], before);
    world.process(NOON + DAY);
    let progress = world.store.read().download_progress("shows", "D", SHOW).unwrap();
    assert_eq!((progress.expected, progress.imported), (2, 1));
    world.receive("shows", &[json!({ "eventType": "SeriesDelete", "series": { "tvdbId": SHOW } })], before);
    world.process(NOON + 30 * SECOND);
    assert_eq!(world.placement(show).state, PlacementState::Removed);
    assert_eq!(world.store.read().download_progress("shows", "D", SHOW).unwrap(), Default::default());
}
