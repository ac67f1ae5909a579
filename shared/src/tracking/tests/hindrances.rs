//! Webhooks and events that cannot be acted on: they hold nobody up, are tried again, and are given up with a word.

use super::*;
use crate::clients::arr::HistoryEvent;
use crate::model::Instance;
use crate::store::{PageFrom, WebhookState};
use crate::tracking::catch_up::{Due, Left, Occasion};

#[test]
fn what_says_nothing_is_kept_with_the_reason() {
    let world = World::new();
    world.receive("movies", &[film("Test"), film("Teleport"), json!({ "eventType": "Grab" })], NOON);
    world.receive("gone", &[film("Download")], NOON);
    let health = json!({ "eventType": "Health", "level": "error", "message": "no indexers" });
    world.receive("movies", &[health], NOON);
    assert_eq!(world.process(NOON + DAY), Processed { done: 2, ignored: 3, announced: 0 });
    let rows = world.store.read().last_webhooks(10).unwrap();
    let told: Vec<_> = rows.iter().rev().map(|row| (row.state.as_str(), row.detail.as_deref().unwrap())).collect();
    let expected = [
        ("done", "a test; it arrived"),
        ("ignored", "this version does not know `Teleport`"),
        ("ignored", "it does not say which title it is about"),
        ("ignored", "there is no instance `gone` in the settings"),
        ("done", "the arr says: no indexers"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_webhook_that_cannot_be_acted_on_holds_nobody_up_and_is_not_forgotten() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    world.receive("movies", &[film("Download")], NOON + SECOND);
    world.receive("shows", &[recent(1)], NOON + 2 * SECOND);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let set_year = |year: u32| database.execute("UPDATE titles SET year = ?1 WHERE tmdb_id = 603", [year]).unwrap();
    set_year(99_999);
    assert_eq!(world.process(NOON + 3 * SECOND), Processed { done: 1, ignored: 0, announced: 1 });
    let available_at = [movie, show].map(|entry| world.placement(entry).available_at_ms);
    assert_eq!(available_at, [None, Some(NOON + 2 * SECOND)]);
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1);
    set_year(2025);
    assert_eq!(world.process(NOON + 40 * SECOND), Processed { done: 1, ignored: 0, announced: 1 });
    assert_eq!(world.placement(movie).available_at_ms, Some(NOON + SECOND));
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 0);
}

/// A movie whose row cannot be read, so that nothing can be done about what is told of it.
fn unreadable_movie(world: &World) {
    world.added("ana", FILM, &["movies"]);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    database.execute("UPDATE titles SET year = 99999 WHERE tmdb_id = 603", []).unwrap();
}

#[test]
fn a_webhook_that_can_never_be_acted_on_is_tried_ever_more_rarely_and_given_up_after_a_week() {
    let world = World::new();
    unreadable_movie(&world);
    world.receive("movies", &[film("Download")], NOON);
    let attempts = || -> u32 {
        let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
        database.query_row("SELECT attempts FROM inbox", [], |row| row.get(0)).unwrap()
    };
    // As the service does, twice a minute.
    for half_minute in 0..=(7 * 2_880) {
        world.process(NOON + half_minute * 30 * SECOND);
    }
    let row = world.store.read().last_webhooks(1).unwrap().remove(0);
    assert_eq!((row.state.as_str(), attempts()), ("pending", 37), "{row:?}");
    assert!(row.detail.unwrap().contains("is tried again (tries so far: 37): failed to "), "it says what is wrong");
    assert_eq!(world.store.read().given_up_webhooks_total().unwrap(), 0);

    let later = NOON + 8 * DAY;
    world.process(later);
    let row = world.store.read().last_webhooks(1).unwrap().remove(0);
    assert_eq!((row.state.as_str(), attempts()), ("given_up", 37));
    assert!(row.detail.unwrap().starts_with("given up after 38 tries"), "it says why");
    let db = world.store.read();
    assert_eq!((db.pending_webhook_count().unwrap(), db.given_up_webhooks_total().unwrap()), (0, 1));

    world.receive("movies", &vec![film("Test"); 2_500], later);
    world.process(later);
    assert_eq!(
        world.store.read().webhooks_given_up(&PageFrom::Newest, 10).unwrap().rows.len(),
        1,
        "it is not forgotten for those after it"
    );
}

#[test]
fn a_webhook_that_waited_for_weeks_is_tried_a_few_times_before_it_is_given_up() {
    let world = World::new();
    unreadable_movie(&world);
    world.receive("movies", &[film("Download")], NOON);
    for minutes in [0, 1, 3, 7] {
        world.process(NOON + 30 * DAY + minutes * 60 * SECOND);
        assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1, "{minutes}");
    }
    // The clock is put back by a month: what is due then is due now.
    world.process(NOON + SECOND);
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1);
    world.process(NOON + 30 * DAY);
    assert_eq!(world.store.read().given_up_webhooks_total().unwrap(), 1);
}

#[test]
fn of_many_that_cannot_be_acted_on_none_is_given_up_for_the_others_and_all_are_acted_on_once_that_is_mended() {
    let world = World::new();
    unreadable_movie(&world);
    let many = 3_000;
    world.receive("movies", &vec![film("Download"); many as usize], NOON);
    let minute = NOON + 60 * SECOND;
    for at_ms in [NOON, minute] {
        assert_eq!(world.process(at_ms), Processed::default());
        let db = world.store.read();
        assert_eq!((db.pending_webhook_count().unwrap(), db.given_up_webhooks_total().unwrap()), (many, 0));
    }
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    database.execute("UPDATE titles SET year = 2025 WHERE tmdb_id = 603", []).unwrap();
    assert_eq!(world.process(NOON + DAY).done, many);
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 0);
}

#[test]
fn whatever_was_stored_waits_or_is_counted_however_long_ago_its_row_was_forgotten() {
    let world = World::new();
    world.receive("movies", &vec![film("Download"); 2_300], NOON);
    world.receive("shows", &vec![json!({"eventType": "FromTheFuture"}); 200], NOON);
    unreadable_movie(&world);
    world.process(NOON);
    world.receive("movies", &vec![film("Test"); 7], NOON);
    let total = |instance: &str, state: &str| {
        let totals = world.store.read().ended_webhook_totals().unwrap();
        totals
            .iter()
            .find(|total| (total.of.as_str(), total.kind.as_str()) == (instance, state))
            .map_or(0, |it| it.count)
    };
    let waiting = |world: &World| u64::from(world.store.read().pending_webhook_count().unwrap());
    assert_eq!((total("movies", "done"), total("shows", "ignored"), waiting(&world)), (0, 200, 2_307));
    for tries in 1..=5 {
        world.process(NOON + (7 + tries) * DAY);
    }
    assert_eq!((total("movies", "done"), total("movies", "given_up"), waiting(&world)), (7, 2_300, 0));
    assert_eq!(world.store.read().last_webhooks(10_000).unwrap().len(), 2_000, "that many rows are kept");
    // Whoever ends one that has its end counts it once.
    world.store.write(|db| db.end_webhook(2_507, WebhookState::Done, "", NOON)).unwrap();
    assert_eq!(total("movies", "done"), 7);
}

#[test]
fn an_event_of_a_history_that_cannot_be_acted_on_is_where_the_next_look_begins() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    let instance = Instance {
        name: "movies".to_owned(),
        url: "http://radarr:7878".to_owned(),
        api_key: "0123456789abcdef0123456789abcdef".into(),
        default: true,
        copy_of: None,
        respect_exclusions: true,
        options: radarr_options(),
    };
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let set_year = |year: u32| database.execute("UPDATE titles SET year = ?1 WHERE tmdb_id = 603", [year]).unwrap();
    let mut other = film("Download");
    other["movie"]["tmdbId"] = 604.into();
    let history = [(1, film("Grab")), (2, film("Download")), (3, other)].map(|(hour, body)| HistoryEvent {
        at_ms: NOON + hour * 3_600 * SECOND,
        event: read(InstanceKind::Radarr, &body),
    });
    let now_ms = NOON + DAY;
    let take_in = |portion, left| {
        catch_up::take_in(&world.store, &instance, portion, left, TrackingSettings::default(), now_ms).unwrap()
    };
    let next = || catch_up::due(&world.store, &instance, Occasion::Run, now_ms).unwrap();
    let since = |hour: i64| Due::Since(NOON + hour * 3_600 * SECOND - 600 * SECOND);

    assert_eq!((take_in(&history[..1], Left::default()), next()), (Left::default(), since(1)));
    set_year(99_999);
    let left = take_in(&history[1..2], Left::default());
    assert_eq!(left, Left { since_ms: Some(history[1].at_ms), titles: [603].into() });
    assert_eq!(next(), since(2));
    assert_eq!((take_in(&history[2..], left.clone()), next()), (left, since(2)));
    let imports: u32 = database.query_row("SELECT count(*) FROM imports", [], |row| row.get(0)).unwrap();
    assert_eq!(imports, 1, "the other one");

    set_year(2025);
    assert_eq!(take_in(&history[1..], Left::default()), Left::default());
    assert_eq!((world.state(entry), next()), (EntryState::Available, Due::Nothing));
}

#[test]
fn what_came_before_its_instance_was_gone_waits_for_its_return_and_holds_nobody_up() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.receive("movies", &vec![film("Download"); 101], NOON);
    world.receive("shows", &[episodes("Test", [], "")], NOON);
    let only = |instance: &str| (instance == "shows").then_some(InstanceKind::Sonarr);
    let settings = TrackingSettings::default();
    let first = process_batch(&world.store, 0, &only, settings, NOON + SECOND).unwrap();
    assert_eq!(first, Some((100, Processed::default())));
    let second = process_batch(&world.store, 100, &only, settings, NOON + SECOND).unwrap();
    assert_eq!(second, Some((102, Processed { done: 1, ignored: 0, announced: 0 })));
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 101);
    assert_eq!(world.process(NOON + DAY - SECOND), Processed { done: 101, ignored: 0, announced: 1 });
    assert_eq!(world.state(entry), EntryState::Available);
}
