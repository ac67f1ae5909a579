//! Days on which something is wrong for a while: no space, a flood, a stranger at the door, a new version coming in. The service goes
//! on taking what the arrs tell, or says that it cannot.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use pulsarr_tests::household::{Household, wait_at_most, wait_until};
use pulsarr_tests::service::{Service, basic};
use rusqlite::Connection;

use crate::volume::Volume;
use crate::webhooks::{connected, imports_of, inbox, outbox, password, post, state, taken};
use crate::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};

const NOTHING_MUCH: &[u8] = br#"{"eventType": "Test"}"#;

/// What the metrics say of the data folder.
fn state_of_folder(service: &Service) -> String {
    let page = service.metrics();
    let states = page.lines().filter_map(|line| line.strip_prefix("pulsarr_data_folder_state{state=\""));
    let mut set = states.filter_map(|line| line.strip_suffix("\"} 1"));
    let state = set.next().unwrap_or_else(|| panic!("{page}"));
    assert_eq!(set.next(), None, "{page}");
    state.to_owned()
}

#[test]
fn a_full_disk_turns_webhooks_away_and_is_told_and_nobody_is_restarted_and_with_room_again_they_are_taken() {
    let mut household = wanting_two();
    let Some(volume) = Volume::mount(&household, 16_384) else { return };
    let service = connected(&mut household);
    let well = service.get("/healthz");
    assert_eq!((well.status, well.body.as_str()), (200, "ok\n"));
    assert_eq!(
        (service.get("/health").json()["data_folder"].as_str(), &*state_of_folder(&service)),
        (Some("writable"), "writable")
    );
    let secret = password(&household, "movies");
    let before = taken(&household);
    volume.fill(0);

    // Larger than what the write-ahead log has of its own.
    let large = format!(r#"{{"eventType": "Test", "padding": "{}"}}"#, "x".repeat(1_000_000));
    assert_eq!(post(&service, "movies", &secret, large.as_bytes()), 503);
    // What was found last holds for a second.
    wait_until("the probe finds it out", || service.get("/healthz").body != "ok\n");
    let health = service.get("/healthz");
    assert_eq!(health.status, 200, "a restart brings no room: {health:?}");
    let told = "degraded: the data folder cannot be written to: No space left on device";
    assert!(health.body.starts_with(told), "{health:?}");
    assert_eq!(service.get("/readyz").status, 200, "pages and lists are read all the same");
    let health = service.get("/health");
    let said = health.json();
    assert_eq!((said["status"].as_str(), said["data_folder"].as_str()), (Some("degraded"), Some("full")), "{health:?}");
    assert_eq!(state_of_folder(&service), "full");
    assert!(service.running.stderr().contains("the data folder cannot be written to: No space left on device"));
    assert_eq!(taken(&household), before, "nothing of it is kept");

    volume.free();
    wait_until("the probe finds it out", || service.get("/healthz").body == "ok\n");
    assert_eq!(state_of_folder(&service), "writable");
    assert_eq!(post(&service, "movies", &secret, large.as_bytes()), 200);
    wait_until("it is acted on", || inbox(&household, "pending") == 0);
    assert_eq!(taken(&household), before + 1);
    let database = Connection::open(household.database()).unwrap();
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[test]
fn a_volume_that_turns_read_only_takes_the_service_away() {
    let mut household = wanting_two();
    let Some(volume) = Volume::mount(&household, 16_384) else { return };
    let service = connected(&mut household);
    assert_eq!(service.get("/healthz").status, 200);
    volume.turn_read_only("run");
    wait_until("the probe finds it out", || service.get("/healthz").status == 503);
    let health = service.get("/healthz");
    assert!(health.body.starts_with("the data folder cannot be written to: Read-only file system"), "{health:?}");
    assert_eq!(service.get("/health").json()["data_folder"], "failed");
    assert_eq!(state_of_folder(&service), "failed");
}

#[test]
fn a_client_that_stops_in_the_middle_of_a_body_keeps_nobody_waiting() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let before = taken(&household);
    let (first, second) = NOTHING_MUCH.split_at(10);
    let head = format!(
        "POST /webhook/movies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n",
        basic(&secret),
        NOTHING_MUCH.len()
    );
    let mut stalled: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(first).unwrap();
            stream
        })
        .collect();

    assert_eq!(post(&service, "movies", &secret, NOTHING_MUCH), 200);
    assert_eq!(service.get("/healthz").status, 200);
    assert_eq!(taken(&household), before + 1, "a half is nothing");

    let mut last = stalled.pop().unwrap();
    last.write_all(second).unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(taken(&household), before + 2);
}

#[test]
fn strangers_who_send_much_fill_no_memory_and_webhooks_are_taken_meanwhile() {
    const STRANGERS: usize = 300;
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let before = peak_kib(&service);
    let open = |head: &str, rest: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        // Whoever is refused early loses the connection before all is sent.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(rest));
        stream
    };
    let body = |length: usize, sent: usize| {
        let head = format!("POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n");
        open(&head, &vec![b' '; sent])
    };
    let strangers: Vec<_> = (0..STRANGERS)
        .flat_map(|_| {
            let large = body(1024 * 1024, 1024 * 1024 - 1);
            let long = open("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ", &vec![b'x'; 400_000]);
            // As much as they may, and the last byte never.
            [large, long, body(16 * 1024, 16 * 1024 - 1)]
        })
        .collect();
    assert_eq!(post(&service, "movies", &secret, NOTHING_MUCH), 200);
    let grown = peak_kib(&service) - before;
    assert!(grown < 48 * 1024, "{} strangers cost {grown} KiB", strangers.len());
}

/// The most memory that the service has had resident so far; KiB.
fn peak_kib(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.running.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn who_only_says_that_he_is_near_has_to_sign_in() {
    let mut household = Household::new();
    household.set("PULSARR_AUTH", "required_except_local");
    let service = household.serve();
    let seen = |service: &Service, headers: &[(&str, &str)]| service.ask("GET", "/api/v1/runs", headers, b"").status;
    assert_eq!(seen(&service, &[]), 200, "who really is near need not");
    for stranger in [
        // A name that somebody far away can point at us, so that a browser at home asks in their name.
        ("Host", "pulsarr.example.com"),
        ("Host", "127.0.0.1.example.com"),
        ("X-Forwarded-For", "192.168.1.9"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=192.168.1.9"),
        ("X-Real-IP", "192.168.1.9"),
    ] {
        assert_eq!(seen(&service, &[stranger]), 401, "{stranger:?}");
    }
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));

    household.set("PULSARR_TRUSTED_PROXIES", "127.0.0.0/8");
    let service = household.serve();
    assert_eq!(seen(&service, &[("X-Forwarded-For", "192.168.1.9")]), 200);
    for hops in ["203.0.113.5", "192.168.1.9, 203.0.113.5", "192.168.1.9, somewhere", ""] {
        assert_eq!(seen(&service, &[("X-Forwarded-For", hops)]), 401, "{hops:?}");
    }
    assert_eq!(seen(&service, &[]), 401, "a proxy that does not say for whom");
}

#[test]
fn a_flood_of_sign_ins_is_slowed_down_and_webhooks_are_taken_meanwhile() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let before = taken(&household);
    let guess = |n: usize| {
        let body = format!(r#"{{"username": "mirela", "password": "guess number {n}"}}"#);
        service.ask("POST", "/api/v1/session", &[("Content-Type", "application/json")], body.as_bytes())
    };
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..40).map(|n| scope.spawn(move || guess(n))).collect();
        for _ in 0..10 {
            assert_eq!(post(&service, "movies", &secret, NOTHING_MUCH), 200);
        }
        let answers: Vec<_> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
        let counted = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((counted(401), counted(429)), (5, 35), "{answers:?}");
        let told = |answer: &&pulsarr_tests::service::Answer| answer.head.to_lowercase().contains("\r\nretry-after: ");
        assert_eq!(answers.iter().filter(told).count(), 35);
    });
    assert_eq!(taken(&household), before + 10);
}

#[test]
fn a_flood_of_one_event_in_the_wrong_order_makes_one_message() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    let secret = password(&household, "movies");
    let before = taken(&household);

    // The import is told first, and again and again; the grab before it comes late and twice.
    let imported = household.radarr.import(SALT_LEDGER, false);
    assert!(imported.iter().all(|sent| sent.status == 200), "{imported:?}");
    let body = imported[0].body.as_bytes();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| (0..100).for_each(|_| assert_eq!(post(&service, "movies", &secret, body), 200)));
        }
    });
    let grabbed = household.radarr.grab(SALT_LEDGER);
    assert_eq!(post(&service, "movies", &secret, grabbed[0].body.as_bytes()), 200);

    wait_until("all are acted on", || inbox(&household, "pending") == 0);
    assert_eq!((state(&household, "Salt Ledger").as_str(), outbox(&household)), ("available", 1));
    // What is kept for people to look at is bounded.
    assert!(taken(&household) <= before + 2_000, "{}", taken(&household));
    let metrics = service.metrics();
    assert!(metrics.contains("event=\"Download\",outcome=\"stored\"} 2001\n"), "{metrics}");
}

#[test]
fn a_run_of_the_job_beside_a_service_under_load_loses_nothing() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    let secret = password(&household, "movies");
    let before = taken(&household);
    let tests = || metric(&service, "source=\"radarr\",event=\"Test\",outcome=\"stored\"");
    let tests_before = tests();
    let jobs = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..50).filter(|_| post(&service, "movies", &secret, NOTHING_MUCH) == 200).count()))
            .collect();
        let jobs = [household.start(&["sync", "--report", "json"]), household.start(&["sync", "--report", "json"])];
        assert_eq!(senders.into_iter().map(|sender| sender.join().unwrap()).sum::<usize>(), 200);
        jobs.map(pulsarr_tests::household::Running::finish)
    });
    for job in &jobs {
        assert_eq!(job.code, Some(0), "{}\n{}", job.stdout, job.stderr);
    }
    wait_until("all are acted on", || inbox(&household, "pending") == 0);
    // The arrs tell of what the job added, too.
    let added =
        |event: &str, sent: &[pulsarr_tests::fakes::Delivered]| sent.iter().filter(|it| it.event == event).count();
    let told = added("MovieAdded", &household.radarr.deliveries()) + added("SeriesAdd", &household.sonarr.deliveries());
    assert_eq!((told, tests()), (2, tests_before + 200));
    assert_eq!(taken(&household), before + 202);
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1), "one after the other, not both at once");
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
}

#[test]
fn a_store_that_is_locked_for_too_long_refuses_what_waited_and_once_it_is_free_all_is_well_again() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    wait_until("what our own additions made is acted on", || inbox(&household, "pending") == 0);
    let secret = password(&household, "movies");
    let before = taken(&household);
    let import = |number: u32| {
        let body = format!(r#"{{"eventType": "Download", "movie": {{"tmdbId": {number}}}}}"#);
        post(&service, "movies", &secret, body.as_bytes())
    };
    let other = Connection::open(household.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers: Vec<(u32, u16)> = std::thread::scope(|scope| {
        let send = |number| scope.spawn(move || (number, import(number)));
        let early: Vec<_> = (700_000..700_005).map(send).collect();
        let said = "the store is locked by somebody else";
        wait_until("the service says that it waits", || service.running.stderr().contains(said));
        assert!(early.iter().all(|answer| !answer.is_finished()), "nobody is told anything before it is certain");
        let late: Vec<_> = (700_005..700_010).map(send).collect();
        // Sooner than an arr gives up by itself.
        wait_at_most(Duration::from_secs(90), "somebody is refused", || {
            assert_eq!(service.get("/healthz").status, 200, "a restart would not help");
            early.iter().any(ScopedJoinHandle::is_finished)
        });
        other.execute_batch("COMMIT").unwrap();
        early.into_iter().chain(late).map(|answer| answer.join().unwrap()).collect()
    });
    let with = |status| answers.iter().filter(|(_, answer)| *answer == status).count();
    let (stored, refused) = (with(200), with(503));
    assert!(stored >= 5 && refused >= 1 && stored + refused == 10, "those who came late had their turn: {answers:?}");

    wait_until("what was acknowledged is acted on", || inbox(&household, "pending") == 0);
    assert_eq!(taken(&household) as usize, before as usize + stored);
    for (number, status) in &answers {
        assert_eq!(imports_of(&other, *number), u32::from(*status == 200), "{number}: {answers:?}");
    }
    let metrics = service.metrics();
    assert!(metrics.contains(&format!("event=\"unknown\",outcome=\"not_stored\"}} {refused}\n")), "{metrics}");

    // The same process, and nothing of it hangs.
    assert_eq!((service.get("/readyz").status, service.get("/health").status), (200, 200));
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
    household.sync_well();
}

#[test]
fn a_newer_version_that_migrates_while_the_service_runs_stops_neither() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    let newer = Connection::open(household.database()).unwrap();
    let version: u32 = newer.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    newer
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             ALTER TABLE inbox ADD COLUMN weight INTEGER;
             ALTER TABLE entries ADD COLUMN mood TEXT;
             CREATE TABLE moods (mood TEXT PRIMARY KEY) STRICT;
             PRAGMA user_version = {};
             COMMIT;",
            version + 1
        ))
        .unwrap();
    newer
        .execute(
            "INSERT INTO runs (id, trigger, holder, started_at_ms, result) VALUES ('newer', 'oracle', 'new', 1, 'serene')",
            [],
        )
        .unwrap();

    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");
    assert_eq!(service.get("/readyz").status, 200);
    assert_eq!(service.get("/health").status, 200);
    assert!(household.status().contains("unknown"), "{}", household.status());
    // A run of this version, and a start of this service, as a node that comes back would make them.
    household.sync_well();
    service.running.kill();
    let service = household.serve();
    assert_eq!(service.get("/readyz").status, 200);
    let now: u32 = newer.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(now, version + 1);

    // The release after that takes something away.
    newer
        .execute("UPDATE settings SET value = ?1 WHERE key = 'schema.readable_from'", [(version + 1).to_string()])
        .unwrap();
    let ready = service.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains(&format!("this program knows up to {version}")), "{ready:?}");
}

/// The only metric of webhooks with these labels.
fn metric(service: &Service, labels: &str) -> u64 {
    let page = service.metrics();
    let line = page.lines().find(|line| line.starts_with("pulsarr_webhook_events_total") && line.contains(labels));
    let line = line.unwrap_or_else(|| panic!("no {labels} in {page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
