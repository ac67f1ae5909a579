//! The power is cut while the programs write, and another machine takes the volume over. Whatever was acknowledged is there, and nothing
//! that reached an arr is asked for again. It takes root, loop devices and an XFS that clones files; without, the stories say so and are
//! skipped, unless `PULSARR_REQUIRE_POWER_CUT=1` asks for them.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod senders;
mod volume;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_at_most};
use rusqlite::Connection;
use serde_json::Value;

use senders::Senders;
use volume::Volume;

/// Power cuts that the programs live through one after the other.
const CUTS: u32 = 6;

/// Titles that the owner comes to want before each.
const WISHES: i64 = 20;

/// A device that waits for the disk below it with every write is slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

#[test]
fn whatever_was_acknowledged_is_there_after_a_power_cut_and_nothing_is_asked_for_again() {
    let Some(volume) = Volume::attach() else { return };
    let mut household = household_on(&volume);
    let owner = household.plex.owner_uuid();
    // Slow enough for a cut between two of a run's additions; whatever was asked for by then is in the library.
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").latency_ms(50).after_effect());
    for number in 0..CUTS {
        let first = i64::from(number) * WISHES;
        (first..first + WISHES).for_each(|n| household.plex.watch(&owner, Title::numbered_movie(n)));
        let service = household.serve();
        let password = password(&household);
        let run = household.start(&["sync"]);
        let added = || household.radarr.library().len() - usize::try_from(first).unwrap();
        // Every other cut is amid a run's additions; all are amid webhooks.
        let (webhooks, additions) = (fastrand::usize(50..500), fastrand::usize(1..10) * (number as usize % 2));
        wait_at_most(PATIENCE, "so many titles are added", || added() >= additions);
        // Only then, since a flood of webhooks leaves a run little of a slow disk.
        let senders = Senders::start(service.port, &password, number);
        wait_at_most(PATIENCE, "so many webhooks are acknowledged", || senders.acknowledged().len() >= webhooks);

        let acknowledged = senders.acknowledged();
        let added = added();
        let cut = volume.cut();
        run.kill();
        service.running.kill();
        senders.stop();
        volume.attach_again(cut);

        let known = acted_on_or_waiting(&household.database());
        let lost: Vec<_> = acknowledged.difference(&known).collect();
        assert!(lost.is_empty(), "cut {number} lost {} of {}: {lost:?}", lost.len(), acknowledged.len());
        household.sync_well();
        let mut library: Vec<i64> = household.radarr.library().iter().map(|item| item.external_id).collect();
        library.sort_unstable();
        assert_eq!(library, (0..first + WISHES).map(|n| 2_000_000 + n).collect::<Vec<_>>(), "after cut {number}");
        let mut asked = asked_for(&household);
        asked.sort_unstable();
        assert_eq!(asked, library, "each is asked for once, after cut {number}");
        eprintln!(
            "cut {number}: {} acknowledged, none lost; {added} of {WISHES} titles added before it",
            acknowledged.len()
        );
    }
    // And the service works on.
    let service = household.serve();
    let database = Connection::open(household.database()).unwrap();
    let waiting = || one(&database, "SELECT count(*) FROM inbox WHERE state = 'pending'");
    wait_at_most(PATIENCE, "everything is acted on", || waiting() == 0);
    assert_eq!(service.get("/readyz").status, 200);
    // Rows are forgotten in time; what came of each stays counted.
    let counted = one(&database, "SELECT sum(CAST(value AS INTEGER)) FROM settings WHERE key LIKE 'inbox.ended.%'");
    assert_eq!(counted, one(&database, "SELECT max(id) FROM inbox"), "each that was ever stored");
}

/// The disk is as slow here as it gets: each commit waits for it, and whoever acknowledges webhooks commits without a break.
#[test]
fn a_flood_of_webhooks_on_a_slow_disk_keeps_no_run_from_its_work() {
    let Some(volume) = Volume::attach() else { return };
    let mut household = household_on(&volume);
    let owner = household.plex.owner_uuid();
    (0..WISHES).for_each(|n| household.plex.watch(&owner, Title::numbered_movie(n)));
    let service = household.serve();
    let senders = Senders::start(service.port, &password(&household), 0);
    wait_at_most(PATIENCE, "the flood is there", || senders.acknowledged().len() >= 50);
    let before = senders.acknowledged().len();
    household.sync_well();
    assert_eq!(household.radarr.library().len(), usize::try_from(WISHES).unwrap());
    eprintln!("{} webhooks were acknowledged beside a run", senders.acknowledged().len() - before);
    service.running.kill();
    senders.stop();
}

/// The negative control: were this method blind, it would not see that either.
#[test]
fn a_writer_that_does_not_wait_for_the_disk_loses_what_it_acknowledged() {
    let Some(volume) = Volume::attach() else { return };
    let household = household_on(&volume);
    household.sync_well();
    let mut lost = Vec::new();
    for number in 0..CUTS {
        let (written, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let rows = || u32::try_from(one(&whole(&household.database()), "SELECT count(*) FROM inbox")).unwrap();
        let before = rows();
        let writer = thread::spawn({
            let (database, written, stop) = (household.database(), Arc::clone(&written), Arc::clone(&stop));
            move || {
                let database = Connection::open(database).unwrap();
                database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL").unwrap();
                let insert =
                    "INSERT INTO inbox (instance, received_at_ms, event, body) VALUES ('movies', 1, 'Test', '{}')";
                while !stop.load(Ordering::SeqCst) {
                    database.execute(insert, []).unwrap();
                    written.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let enough = fastrand::u32(50..1_000);
        wait_at_most(PATIENCE, "so much is written", || written.load(Ordering::SeqCst) >= enough);

        let acknowledged = written.load(Ordering::SeqCst);
        let cut = volume.cut();
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        volume.attach_again(cut);

        lost.push((before + acknowledged).saturating_sub(rows()));
        eprintln!(
            "cut {number}: {} of {acknowledged} written without waiting for the disk are lost",
            lost[lost.len() - 1]
        );
    }
    assert!(lost.iter().sum::<u32>() > 0, "{CUTS} cuts would have cost nothing: they cut nothing");
}

/// A household whose data folder is on the volume.
fn household_on(volume: &Volume) -> Household {
    let mut household = Household::new();
    household.set("PULSARR_DATA_DIR", &volume.place().join("data").display().to_string());
    household.set("PULSARR_FAST_LANE", "false");
    household
}

/// The password that Radarr's webhook has to show, as Radarr was told it, as soon as the connection works.
fn password(household: &Household) -> String {
    wait_at_most(PATIENCE, "Radarr has a connection that works", || {
        let database = Connection::open(household.database()).unwrap();
        let query = "SELECT count(*) FROM connections WHERE instance = 'movies' AND status = 'ok'";
        database.query_row(query, [], |row| row.get::<_, u32>(0)).is_ok_and(|count| count == 1)
    });
    let told = household.radarr.connections();
    told.into_iter().find(|one| one.url.contains("/webhook/movies?")).expect("Radarr has our connection").password
}

/// The store, which is whole.
fn whole(database: &Path) -> Connection {
    let database = Connection::open(database).unwrap();
    let judgement: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(judgement, "ok");
    database
}

/// The one number that a query answers.
fn one(database: &Connection, query: &str) -> i64 {
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

/// The movies whose import is known, or is told by a webhook that waits in the inbox.
fn acted_on_or_waiting(database: &Path) -> BTreeSet<u32> {
    let database = whole(database);
    let query = "SELECT external_id FROM imports WHERE instance = 'movies'
                 UNION SELECT body ->> '$.movie.tmdbId' FROM inbox WHERE state = 'pending' AND event = 'Download'";
    let mut query = database.prepare(query).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The TMDB ids that Radarr was asked to add, one for each time.
fn asked_for(household: &Household) -> Vec<i64> {
    let journal = household.radarr.journal_of("/api/v3/movie");
    let posts = journal.iter().filter(|seen| seen.method == "POST");
    posts.map(|seen| serde_json::from_str::<Value>(&seen.body).unwrap()["tmdbId"].as_i64().unwrap()).collect()
}
