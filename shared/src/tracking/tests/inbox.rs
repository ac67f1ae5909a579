//! How the inbox is worked off, and what is forgotten afterwards.

use std::collections::BTreeSet;

use super::*;

#[test]
fn what_was_stored_before_a_restart_is_worked_off_after_it() {
    let mut world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    world.receive("shows", &[episodes("Download", [1], "")], NOON);
    world.store = Store::open(world.folder.path(), false).unwrap();
    world.process(NOON + DAY);
    assert_eq!(world.state(entry), EntryState::Available);
    world.store = Store::open(world.folder.path(), false).unwrap();
    assert_eq!(flush_due_batches(&world.store, NOON + DAY).unwrap(), 1, "the window is over long since");
}

#[test]
fn two_processes_at_once_work_each_webhook_off_once() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let burst: Vec<_> = (1..=250).map(recent).collect();
    world.receive("shows", &burst, NOON);
    let processed: Vec<Processed> = std::thread::scope(|scope| {
        let work = || {
            let store = Store::open(world.folder.path(), false).unwrap();
            process_all(&store, NOON)
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(processed.iter().map(|it| it.done).sum::<u32>(), 250);
    let told = world.told();
    let different: BTreeSet<_> = told.iter().flatten().collect();
    assert_eq!((told.len(), different.len()), (250, 250));
}

#[test]
fn the_inbox_forgets_the_oldest_of_what_is_done() {
    let world = World::new();
    for _ in 0..5 {
        world.receive("movies", &vec![film("Test"); 500], NOON);
        world.process(NOON);
    }
    assert_eq!(world.store.read().last_webhooks(9_999).unwrap().len(), 2_000);
    world.receive("movies", &[film("Test")], NOON);
    world.store.write(|db| db.prune_inbox(0, 0)).unwrap();
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1, "what waits is kept");
}

#[test]
fn imports_that_nobody_ever_asked_for_are_forgotten_after_a_month() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    world.tell("shows", recent(1), NOON);
    world.tell("movies", film("Download"), NOON);
    world.tell("movies", film("Grab"), NOON);
    let imports = || {
        let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
        let count = |table: &str| -> u32 {
            database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        (count("imports"), count("grabs"))
    };
    assert!(!tidy(&world.store, NOON + 30 * DAY).unwrap());
    assert_eq!(imports(), (2, 1));
    assert!(!tidy(&world.store, NOON + 31 * DAY - SECOND).unwrap());
    assert_eq!(imports(), (2, 1), "once a day is enough");
    assert!(!tidy(&world.store, NOON + 31 * DAY).unwrap());
    assert_eq!(imports(), (1, 0), "the movie");
    world.tell("shows", recent(1), NOON + 31 * DAY);
    assert_eq!((world.told(), world.state(entry)), (vec![vec![1]], EntryState::Available));
}

#[test]
fn a_batch_is_a_hundred_webhooks_or_four_mebibytes() {
    let world = World::new();
    world.receive("movies", &vec![film("Test"); 150], NOON);
    let batch = |after| process_batch(&world.store, after, &kinds, TrackingSettings::default(), NOON).unwrap();
    assert_eq!(batch(0), Some((100, Processed { done: 100, ignored: 0, announced: 0 })));
    assert_eq!(batch(100), Some((150, Processed { done: 50, ignored: 0, announced: 0 })));
    assert_eq!(batch(150), None);
    let mut large = film("Test");
    large["overview"] = "x".repeat(1_000_000).into();
    world.receive("movies", &vec![large; 5], NOON);
    assert_eq!(batch(150).unwrap().0, 154);
    assert_eq!(batch(154).unwrap().0, 155);
}

#[test]
fn bodies_go_once_they_are_acted_on_but_for_the_last() {
    let world = World::new();
    world.receive("gone", &[film("Download")], NOON);
    world.receive("movies", &vec![film("Test"); 60], NOON);
    world.process(NOON);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let with_bodies = || -> Vec<i64> {
        let mut query = database.prepare("SELECT id FROM inbox WHERE body <> '' ORDER BY id").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let expected: Vec<i64> = std::iter::once(1).chain(12..=61).collect();
    assert_eq!(with_bodies(), expected, "the one that waits, and fifty");
    world.process(NOON + DAY);
    assert_eq!(with_bodies(), (12..=61).collect::<Vec<_>>());
    assert_eq!(world.store.read().last_webhooks(100).unwrap().len(), 61);
}
