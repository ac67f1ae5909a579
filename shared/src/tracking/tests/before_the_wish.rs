//! What came before somebody wished for it, whether a webhook told of it or the history does.

use super::*;

#[test]
fn an_import_of_something_nobody_asked_for_waits_until_somebody_does() {
    let world = World::new();
    world.tell("movies", film("Grab"), NOON);
    world.tell("movies", film("Download"), NOON + SECOND);
    assert_eq!(world.messages(), []);
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    assert_eq!(world.state(entry), EntryState::Requested);
    world.store.write(|db| db.finish_with_file(&placements[0], "x", NOON + DAY)).unwrap();
    let placement = world.placement(entry);
    assert_eq!((placement.grabbed_at_ms, placement.available_at_ms), (Some(NOON), Some(NOON + SECOND)));
    assert_eq!(world.state(entry), EntryState::Available);
    assert_eq!(world.messages(), [], "what was there before is no news");
}

#[test]
fn what_was_imported_before_we_added_it_anew_does_not_count() {
    let world = World::new();
    world.tell("movies", film("Download"), NOON - DAY);
    assert_eq!(world.state(world.added("ana", FILM, &["movies"])), EntryState::Requested);
}

#[test]
fn what_came_and_went_before_the_wish_is_no_news_to_it() {
    let world = World::new();
    let deleted = ArrEvent::FileDeleted { external_id: FILM, episodes: vec![], for_upgrade: false };
    let grabbed = read(InstanceKind::Radarr, &film("Grab"));
    let history = [(NOON - 3 * DAY, grabbed), (NOON - 2 * DAY, read_film_import()), (NOON - DAY, deleted)];
    // Of these, one finds the movie there without its file, and the other adds it anew.
    let (found, placements) = world.queued("ana", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Present, NOON);
    let added = world.added("ben", FILM, &["movies"]);
    assert_eq!(from_history(&world, "movies", &history, NOON + SECOND).announced, 0);
    for entry in [found, added] {
        let placement = world.placement(entry);
        assert_eq!((world.state(entry), placement.available_at_ms), (EntryState::Requested, None));
    }
    // Once it is there, both hear of it.
    from_history(&world, "movies", &[(NOON + 60 * SECOND, read_film_import())], NOON + 90 * SECOND);
    assert_eq!((world.state(found), world.state(added)), (EntryState::Available, EntryState::Available));
    assert_eq!((world.messages().len(), world.messages()[0].wanted_by.len()), (1, 2));
}

#[test]
fn an_old_season_in_the_history_is_told_to_nobody_who_wished_for_it_later() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    let old = |number| (NOON - DAY, read(InstanceKind::Sonarr, &episodes("Download", [number], "")));
    from_history(&world, "shows", &[old(1), old(2), (NOON - DAY, read(InstanceKind::Sonarr, &recent(3)))], NOON);
    flush_due_batches(&world.store, NOON + DAY).unwrap();
    assert_eq!((world.state(entry), world.messages()), (EntryState::Requested, vec![]));
}

#[test]
fn two_clocks_that_differ_by_seconds_hide_no_import() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    from_history(&world, "movies", &[(NOON - 61 * SECOND, read_film_import())], NOON);
    assert_eq!(world.state(entry), EntryState::Requested);
    from_history(&world, "movies", &[(NOON - 30 * SECOND, read_film_import())], NOON);
    assert_eq!((world.state(entry), world.messages().len()), (EntryState::Available, 1));
}

#[test]
fn an_import_that_is_on_record_counts_for_nothing_where_the_file_is_gone() {
    let world = World::new();
    world.tell("movies", film("Grab"), NOON - 3 * DAY);
    world.tell("movies", film("Download"), NOON - 2 * DAY);
    // Its end was told to nobody: the movie is there, and nothing of it can be watched.
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Present, NOON);
    let placement = world.placement(entry);
    assert_eq!((placement.grabbed_at_ms, placement.available_at_ms), (None, None));
    assert_eq!(world.state(entry), EntryState::Requested);
}

#[test]
fn a_release_that_is_still_on_its_way_counts_for_a_later_wish() {
    let world = World::new();
    world.tell("movies", film("Grab"), NOON - SECOND);
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Present, NOON);
    assert_eq!(world.state(entry), EntryState::Grabbed);
}

#[test]
fn a_season_that_came_before_a_wish_is_told_to_those_who_wished_before_it() {
    let world = World::new();
    let ana = world.added("ana", SHOW, &["shows"]);
    world.tell("shows", episodes("Download", [1], ""), NOON + SECOND);
    world.tell("shows", episodes("Download", [2], ""), NOON + 2 * SECOND);
    let (_, placements) = world.queued_at(NOON + 100 * SECOND, "ben", SHOW, &["shows"]);
    world.store.write(|db| db.finish_with_file(&placements[0], "x", NOON + 101 * SECOND)).unwrap();
    assert_eq!(flush_due_batches(&world.store, NOON + 121 * SECOND).unwrap(), 1);
    let wanted_by: Vec<_> = world.messages()[0].wanted_by.iter().map(|it| it.entry).collect();
    assert_eq!(wanted_by, [ana]);
}
