//! The service dies at any step of a webhook: while it takes it in, around its answer, and while it acts on it. What was answered with 200
//! is acted on by the next start, and people are told once. The job dies at any step of its writing, and asks for each title once. Where
//! strace cannot trace, the stories say so and are skipped, unless `PULSARR_REQUIRE_STRACE=1` asks for them.

use std::process::Command;

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, Running, wait_until};
use pulsarr_tests::service::{Service, basic};
use rusqlite::Connection;

use crate::tampered::{can_tamper, cannot_be_traced, strace, tampered};
use crate::upgrades::is_taken;
use crate::webhooks::{connected, imports_of, inbox, outbox, password};
use crate::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};

/// The system calls by which a webhook gets onto the disk, locks included, and its answer onto the wire.
const STEPS: [&str; 7] = ["pwrite64", "fdatasync", "fsync", "fcntl", "write", "writev", "sendto"];

/// Movies that are wanted, each for one death.
const MOVIES: i64 = 150;

#[test]
fn the_service_killed_at_any_step_of_a_webhook_acts_on_what_it_acknowledged_and_tells_people_once() {
    if !can_trace() {
        return;
    }
    let mut household = Household::new();
    household.set("PULSARR_FAST_LANE", "false");
    let owner = household.plex.owner_uuid();
    (0..MOVIES).for_each(|number| household.plex.watch(&owner, Title::numbered_movie(number)));
    let mut service = connected(&mut household);
    household.sync_well();
    let authorization = basic(&password(&household, "movies"));
    let database = Connection::open(household.database()).unwrap();
    let (mut told, mut deaths, mut after_the_answer) = (0, 0, 0);
    for call in STEPS {
        let mut nth = 1;
        loop {
            wait_until("nothing is left to do", || inbox(&household, "pending") == 0);
            let movie = u32::try_from(2_000_000 + i64::from(told)).unwrap();
            assert!(i64::from(told) < MOVIES, "there are too few movies for so many steps");
            told += 1;
            let tracer = kill_at(&service, call, nth);
            let acknowledged = is_taken(service.port, &webhook(movie, &authorization));
            let mut died = false;
            wait_until("it has died, or come to its end", || {
                died = service.running.has_ended();
                died || outbox(&household) == told
            });
            service.running.kill();
            drop(tracer);
            let of = format!("killed before {call} number {nth}, acknowledged: {acknowledged}");

            service = household.serve();
            wait_until("what is left is done", || inbox(&household, "pending") == 0);
            if acknowledged {
                assert_eq!(imports_of(&database, movie), 1, "{of}");
            } else {
                // Nobody can know whether it was stored; whoever tells it again does no harm.
                assert!(is_taken(service.port, &webhook(movie, &authorization)), "{of}");
                wait_until("it is acted on", || imports_of(&database, movie) == 1 && inbox(&household, "pending") == 0);
            }
            assert_eq!(outbox(&household), told, "people are told once: {of}");
            if !died {
                break;
            }
            deaths += 1;
            after_the_answer += u32::from(acknowledged);
            nth += 1 + nth / 3;
        }
    }
    eprintln!("{deaths} deaths, {after_the_answer} of them after the answer");
    assert!(deaths >= 10 && after_the_answer >= 1 && after_the_answer < deaths, "{deaths}, {after_the_answer}");
}

#[test]
fn the_job_killed_at_any_step_of_its_writing_asks_for_each_title_once() {
    if !can_tamper() {
        return;
    }
    let mut deaths = 0;
    for call in ["mkdir", "openat", "pwrite64", "fdatasync", "fsync", "fcntl", "ftruncate", "sendto", "writev"] {
        let mut nth = 1;
        loop {
            let household = wanting_two();
            let done = tampered(&household, call, &format!("signal=SIGKILL:when={nth}"), &["sync"]);
            let of = format!("killed before {call} number {nth}");
            let report = household.sync_well();
            assert_eq!(report["run"]["result"], "ok", "{of}");
            assert_eq!(
                (library(&household.radarr), library(&household.sonarr)),
                (vec![SALT_LEDGER], vec![HARBOUR_NINE]),
                "{of}"
            );
            assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1), "{of}");
            if done.code.is_some() {
                assert_eq!(done.code, Some(0), "{of}: {}", done.stderr);
                break;
            }
            deaths += 1;
            nth += 1 + nth / 3;
        }
    }
    eprintln!("{deaths} deaths of the job");
    assert!(deaths >= 30, "{deaths}");
}

/// What Radarr sends when it has imported a movie.
fn webhook(movie: u32, authorization: &str) -> String {
    let body = format!(r#"{{"eventType": "Download", "isUpgrade": false, "movie": {{"id": 7, "tmdbId": {movie}}}}}"#);
    format!(
        "POST /webhook/movies HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// From now on a thread of the service that is about to make its n-th `call` kills the service instead.
fn kill_at(service: &Service, call: &str, nth: u32) -> Running {
    let mut strace = strace(call, &format!("signal=SIGKILL:when={nth}"));
    strace.args(["-p", &service.running.id().to_string()]);
    let tracer = Running::start(strace);
    wait_until("it is traced", || tracer.stderr().contains(" attached"));
    tracer
}

/// Whether a process that runs can be traced here.
fn can_trace() -> bool {
    let sleeper = Command::new("sleep").arg("60").spawn();
    let refusal = sleeper.and_then(|mut sleeper| {
        let attached = Command::new("timeout")
            .args(["-s", "INT", "1", "strace", "-o", "/dev/null", "-p"])
            .arg(sleeper.id().to_string())
            .output();
        sleeper.kill()?;
        sleeper.wait()?;
        Ok(String::from_utf8_lossy(&attached?.stderr).into_owned())
    });
    let refusal = match refusal {
        Ok(said) if said.contains(" attached") => return true,
        Ok(said) => said,
        Err(error) => error.to_string(),
    };
    cannot_be_traced("a story about deaths", &refusal)
}
