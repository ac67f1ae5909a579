//! The power is cut while the programs write, and another machine takes the volume over. Whatever was acknowledged is there, and nothing
//! that reached an arr is asked for again. It takes root, loop devices and an XFS that clones files; without, the stories say so and are
//! skipped, unless `PULSARR_REQUIRE_POWER_CUT=1` asks for them.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod volume;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_until};
use pulsarr_tests::service::{Service, basic};
use rusqlite::Connection;
use serde_json::Value;

use volume::Volume;

/// Power cuts that the programs live through one after the other.
const CUTS: u32 = 6;

/// Titles that the owner comes to want before each.
const WISHES: i64 = 20;

/// Connections that send webhooks at once.
const SENDERS: usize = 4;

#[test]
fn whatever_was_acknowledged_is_there_after_a_power_cut_and_nothing_is_asked_for_again() {
    let Some(volume) = Volume::attach() else { return };
    let mut household = household_on(&volume);
    let owner = household.plex.owner_uuid();
    // Slow enough for a cut between two of a run's additions.
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").latency_ms(10));
    for number in 0..CUTS {
        let first = i64::from(number) * WISHES;
        (first..first + WISHES).for_each(|n| household.plex.watch(&owner, Title::numbered_movie(n)));
        let service = household.serve();
        let password = password(&household);
        let senders = Senders::start(&service, &password, number);
        let run = household.start(&["sync"]);
        let added = || household.radarr.library().len() - usize::try_from(first).unwrap();
        // Every other cut is amid a run's additions; all are amid webhooks.
        let (webhooks, additions) = (fastrand::usize(50..1_000), fastrand::usize(1..20) * (number as usize % 2));
        wait_until("so much has happened", || added() >= additions && senders.acknowledged().len() >= webhooks);

        let acknowledged = senders.acknowledged();
        let added = added();
        let cut = volume.cut();
        run.kill();
        service.running.kill();
        senders.stop();
        volume.attach_again(cut);

        let kept = kept(&household);
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
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
    wait_until("everything is acted on", || pending(&household) == 0);
    assert_eq!(service.get("/readyz").status, 200);
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
        let before = u32::try_from(kept(&household).len()).unwrap();
        let writer = thread::spawn({
            let (database, written, stop) = (household.database(), Arc::clone(&written), Arc::clone(&stop));
            move || {
                let database = Connection::open(database).unwrap();
                database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL").unwrap();
                let insert = "INSERT INTO inbox (instance, received_at_ms, event, body) VALUES ('movies', 1, ?1, '{}')";
                while !stop.load(Ordering::SeqCst) {
                    let event = format!("Unheard{number}-{}", written.load(Ordering::SeqCst));
                    database.execute(insert, [event]).unwrap();
                    written.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let enough = fastrand::u32(50..1_000);
        wait_until("so much is written", || written.load(Ordering::SeqCst) >= enough);

        let acknowledged = written.load(Ordering::SeqCst);
        let cut = volume.cut();
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        volume.attach_again(cut);

        let kept = u32::try_from(kept(&household).len()).unwrap();
        lost.push((before + acknowledged).saturating_sub(kept));
    }
    eprintln!("lost without waiting for the disk, by cut: {lost:?}");
    assert!(lost.iter().sum::<u32>() > 0, "{CUTS} cuts would have cost nothing: they cut nothing");
}

/// A household whose data folder is on the volume.
fn household_on(volume: &Volume) -> Household {
    let mut household = Household::new();
    household.set("PULSARR_DATA_DIR", &volume.place().join("data").display().to_string());
    household.set("PULSARR_FAST_LANE", "false");
    household
}

/// The password that Radarr's webhook has to show, as soon as the service has made one.
fn password(household: &Household) -> String {
    let mut password = None;
    wait_until("Radarr has a connection that works", || {
        let database = Connection::open(household.database()).unwrap();
        let query = "SELECT secret FROM connections WHERE instance = 'movies' AND status = 'ok'";
        password = database.query_row(query, [], |row| row.get(0)).ok();
        password.is_some()
    });
    password.unwrap()
}

/// The events of all webhooks in the store, which is whole.
fn kept(household: &Household) -> BTreeSet<String> {
    let database = Connection::open(household.database()).unwrap();
    let judgement: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(judgement, "ok");
    let mut query = database.prepare("SELECT event FROM inbox WHERE event LIKE 'Unheard%'").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn pending(household: &Household) -> u32 {
    let database = Connection::open(household.database()).unwrap();
    database.query_row("SELECT count(*) FROM inbox WHERE state = 'pending'", [], |row| row.get(0)).unwrap()
}

/// The TMDB ids that Radarr was asked to add, one for each time.
fn asked_for(household: &Household) -> Vec<i64> {
    let journal = household.radarr.journal_of("/api/v3/movie");
    let posts = journal.iter().filter(|seen| seen.method == "POST");
    posts.map(|seen| serde_json::from_str::<Value>(&seen.body).unwrap()["tmdbId"].as_i64().unwrap()).collect()
}

/// Whoever sends webhooks, each with an event of its own, and notes what was answered with 200.
struct Senders {
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Senders {
    fn start(service: &Service, password: &str, round: u32) -> Self {
        let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
        let start = |sender| {
            let (port, password, acknowledged) = (service.port, basic(password), Arc::clone(&acknowledged));
            thread::spawn(move || {
                for number in 0.. {
                    let event = format!("Unheard{round}-{sender}-{number}");
                    match send(port, &password, &event) {
                        Ok(answer) => assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}"),
                        // Killed, and the answer with it.
                        Err(_) => return,
                    }
                    acknowledged.lock().unwrap().insert(event);
                }
            })
        };
        let threads = (0..SENDERS).map(start).collect();
        Self { acknowledged, threads }
    }

    fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Waits until they have noticed that nobody listens any more.
    fn stop(self) {
        for thread in self.threads {
            thread.join().expect("every answer was 200");
        }
    }
}

/// Sends one webhook: the head of its answer.
fn send(port: u16, authorization: &str, event: &str) -> std::io::Result<String> {
    let body = format!("{{\"eventType\": \"{event}\"}}");
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST /webhook/movies HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}
