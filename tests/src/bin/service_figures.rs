//! `cargo service-figures`: what the service costs, measured with its release build over real sockets on loopback: start, memory at
//! rest, webhooks a second each durable before its answer, a page of a long watchlist, and, for two or three minutes, how long an
//! addition to the own list takes to Radarr. `PULSARR_PROGRAMS` names a folder with programs built otherwise, such as the static ones
//! of the image. An argument wants one part alone: `asked`, `watching` or `additions`.

#![expect(clippy::disallowed_methods, reason = "this measures time")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, wait_until};
use pulsarr_tests::https::{self, Https};
use pulsarr_tests::service::{Service, ask, basic, free_port};
use rusqlite::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that send webhooks at once.
const CONNECTIONS: usize = 64;

/// For how long they send.
const FOR: Duration = Duration::from_secs(5);

/// Additions whose way to Radarr is measured.
const ADDITIONS: u32 = 5;

/// The pause between two looks at the own list, where nobody sets another.
const OWN_LOOK_EVERY: Duration = Duration::from_secs(20);

/// The service has given back what only its start needs, counted from two seconds after it.
const RESTS_AFTER_START: Duration = Duration::from_secs(4);

/// Within which it rests after the last request: it looks every minute whether there was one in the last.
const RESTS_WITHIN: Duration = Duration::from_secs(125);

/// Friends whose lists are looked at while memory is watched.
const FRIENDS: i64 = 10;

/// For how long it is watched.
const WATCHED_FOR: Duration = Duration::from_secs(180);

/// Entries of the long watchlist.
const ENTRIES: u32 = 50_000;

const WEBHOOK: &str = r#"{"movie":{"id":7,"title":"Example Movie","year":2026,"tmdbId":603,"imdbId":"tt1234567","tags":[]},"remoteMovie":{"tmdbId":603,"title":"Example Movie","year":2026},"downloadClient":"qBittorrent","downloadId":"ABCDEF","eventType":"Rename","instanceName":"Radarr","applicationUrl":""}"#;

fn main() {
    let wanted = std::env::args().nth(1);
    let parts: [(&str, fn()); 3] = [("asked", asked), ("watching", watching), ("additions", additions)];
    assert!(
        wanted.iter().all(|wanted| parts.iter().any(|(name, _)| name == wanted)),
        "the parts are {}",
        parts.map(|(name, _)| name).join(", ")
    );
    for (_, part) in parts.iter().filter(|(name, _)| wanted.as_deref().is_none_or(|wanted| wanted == *name)) {
        part();
    }
}

/// Start, memory, a page, a storm of webhooks, and memory again; with nothing that the service does by itself.
fn asked() {
    let mut household = Household::new();
    for (name, value) in [("PULSARR_AUTH", "disabled"), ("PULSARR_FAST_LANE", "false"), ("PULSARR_LOG", "info")] {
        household.set(name, value);
    }
    // The database is made, so that what is measured is an ordinary start.
    let first = household.serve();
    first.running.terminate();
    let _ = first.running.finish();
    fill(&household);

    let port = free_port();
    household.set("PULSARR_PORT", &port.to_string());
    let started = Instant::now();
    let running = household.start_service();
    while !is_ready(port) {
        std::thread::sleep(Duration::from_micros(200));
    }
    println!("ready after start                      {:>10.1} ms", started.elapsed().as_secs_f64() * 1e3);
    let service = Service::of(running);
    std::thread::sleep(Duration::from_secs(2));
    println!("resident after start                   {:>10} KiB", resident(&service));
    std::thread::sleep(RESTS_AFTER_START);
    println!("resident at rest                       {:>10} KiB", resident(&service));
    println!("100 entries, first request after it    {:>10.2} ms", page_ms(&service));

    let mut pages: Vec<f64> = (0..50).map(|_| page_ms(&service)).collect();
    pages.sort_by(f64::total_cmp);
    println!("100 of {ENTRIES} entries, median of 50    {:>10.2} ms", pages[pages.len() / 2]);

    let secret = household.radarr.connections().remove(0).password;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let mut took = runtime.block_on(storm(service.port, &secret));
    took.sort();
    println!("webhooks a second, {CONNECTIONS} connections        {:>10.0}", took.len() as f64 / FOR.as_secs_f64());
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("answered within, median / p99           {:>6.1} / {:.1} ms", at(0.5), at(0.99));
    std::thread::sleep(Duration::from_secs(5));
    println!("resident after the storm               {:>10} KiB", resident(&service));
    std::thread::sleep(RESTS_WITHIN);
    println!("resident at rest again                 {:>10} KiB", resident(&service));
    println!("100 entries, first request after it    {:>10.2} ms", page_ms(&service));
    drop(service);
}

/// What is resident while nobody asks anything and the fast lane looks at lists as it does where nobody sets otherwise: those of the
/// owner and of ten friends, over TLS.
fn watching() {
    let mut household = Household::new();
    let https = Https::in_front_of(household.plex.address());
    for (name, url) in household.plex.envs() {
        let (_, path) = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap_or_default();
        household.set(name, &format!("{}/{path}", https.url()));
    }
    household.set("PULSARR_AUTH", "disabled");
    household.set("PULSARR_CA_FILE", &https::ca().display().to_string());
    let owner = household.plex.owner_uuid();
    household.plex.fill_watchlist(&owner, 0, 100);
    for friend in 1..=FRIENDS {
        let uuid = household.plex.add_friend(&format!("friend{friend}"));
        household.plex.fill_watchlist(&uuid, friend * 1_000, 100);
    }
    household.sync_well();
    fill(&household);
    let service = household.serve();
    std::thread::sleep(RESTS_WITHIN);
    household.plex.clear_journal();
    let mut resident: Vec<u64> = (0..WATCHED_FOR.as_secs())
        .map(|_| {
            std::thread::sleep(Duration::from_secs(1));
            resident(&service)
        })
        .collect();
    let (own, friends) = (household.plex.requests_to("/watchlist/all"), household.plex.requests_to("/community/api"));
    resident.sort_unstable();
    let (median, most) = (resident[resident.len() / 2], resident[resident.len() - 1]);
    println!(
        "resident while it watches, median / most{median:>7} / {most} KiB ({own} looks at the own list, {friends} at friends')"
    );
}

/// How long additions to the own list take until Radarr has them, through the fast lane as it is without settings. They come at random
/// times, one in each fifth of the pause between two looks.
fn additions() {
    let mut household = Household::new();
    household.set("PULSARR_AUTH", "disabled");
    // Pauses and tries as they are where nobody sets others.
    for name in ["PULSARR_PLEX_PAGE_PAUSE_MS", "PULSARR_RETRY_BASE_MS"] {
        household.vars.remove(name);
    }
    household.sync_well();
    let _service = household.serve();
    wait_until("the first look", || household.plex.requests_to("/watchlist/all") > 1);
    let part = OWN_LOOK_EVERY / ADDITIONS;
    let mut took = Vec::new();
    for number in 0..ADDITIONS {
        std::thread::sleep(part * number + part.mul_f64(fastrand::f64()));
        let title = i64::from(number);
        household.plex.watch(&household.plex.owner_uuid(), Title::numbered_movie(title));
        let added = Instant::now();
        while household.radarr.item(2_000_000 + title).is_none() {
            assert!(added.elapsed() < OWN_LOOK_EVERY * 3, "the addition does not arrive");
            std::thread::sleep(Duration::from_millis(5));
        }
        took.push(added.elapsed());
    }
    took.sort();
    let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
    println!("own addition to Radarr, median / worst  {:>6.1} / {:.1} s", median.as_secs_f64(), worst.as_secs_f64());
}

/// How long a page of 100 entries takes, with a connection of its own; milliseconds.
fn page_ms(service: &Service) -> f64 {
    let asked = Instant::now();
    let answer = service.get("/api/v1/watchlist?limit=100");
    assert_eq!(answer.status, 200, "{answer:?}");
    asked.elapsed().as_secs_f64() * 1e3
}

/// Whether `/readyz` answers 200; who only listens has not opened the store yet.
fn is_ready(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() && ask(port, "GET", "/readyz", &[], b"").status == 200
}

/// Puts a long watchlist into the store, of somebody whose list nobody looks at any more.
fn fill(household: &Household) {
    let database = Connection::open(household.database()).expect("the store is there");
    database
        .execute_batch(&format!(
            "BEGIN;
             INSERT INTO users (id, uuid, username, display_name, relation, first_seen_at_ms)
             VALUES (1000, 'aaaaaaaaaaaaaaaa', 'ana', 'Ana', 'former_friend', 1);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENTRIES})
             INSERT INTO titles (id, plex_id, media_type, title, year, tmdb_id)
             SELECT 100000 + i, printf('%024x', 100000 + i), 'movie', 'Title ' || i, 2000 + i % 25, 9000000 + i FROM n;
             INSERT INTO entries (id, user_id, title_id, appeared_at_ms, state, state_at_ms)
             SELECT id, 1000, id, id, 'requested', id FROM titles WHERE id > 100000;
             INSERT INTO placements (entry_id, title_id, instance, state, options, queued_at_ms, done_at_ms)
             SELECT id, title_id, 'movies', 'added', '{{}}', 1, 1 FROM entries WHERE id > 100000;
             COMMIT;"
        ))
        .expect("the store can be filled");
}

/// `VmRSS` of the service.
fn resident(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.running.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Sends webhooks over many connections at once, each the next as soon as the last is answered. How long each took.
async fn storm(port: u16, secret: &str) -> Vec<Duration> {
    let request = format!(
        "POST /webhook/movies HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{WEBHOOK}",
        basic(secret),
        WEBHOOK.len()
    );
    let request: Arc<[u8]> = request.into_bytes().into();
    let until = Instant::now() + FOR;
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let request = Arc::clone(&request);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("somebody listens");
                stream.set_nodelay(true).expect("a socket has options");
                let (mut took, mut answer) = (Vec::new(), [0; 4096]);
                while Instant::now() < until {
                    let sent = Instant::now();
                    stream.write_all(&request).await.expect("the webhook is taken");
                    let read = stream.read(&mut answer).await.expect("it is answered");
                    assert!(
                        answer[..read].starts_with(b"HTTP/1.1 200 "),
                        "{:?}",
                        String::from_utf8_lossy(&answer[..read])
                    );
                    took.push(sent.elapsed());
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for sender in senders {
        all.extend(sender.await.expect("a sender comes to its end"));
    }
    all
}
