//! The record of every request a fake received, in order of arrival.
//!
//! Owns: what is remembered of a request and how much of it. Refuses: to judge; a test counts and compares.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::exchange::Request;

/// Bytes of a request body that are kept. A GraphQL query or an add is well below; a runaway body is not worth the memory.
const BODY_KEPT_BYTES: usize = 16 * 1024;

/// One request, as a fake saw it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Arrival, in milliseconds since the Unix epoch, by the machine's clock.
    pub at_ms: u64,
    /// `GET`, `POST`, … in upper case.
    pub method: String,
    /// The path as sent, without query: `/discover/library/sections/watchlist/all`.
    pub route: String,
    /// The decoded query, in the order sent.
    pub query: Vec<(String, String)>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Accept`.
    pub accept: Option<String>,
    /// `X-Plex-Token`, `X-Api-Key` or the bearer's token of `Authorization`, as a header or (`apikey`, `X-Plex-Token`) in the query.
    pub token: Option<String>,
    /// `X-Plex-Client-Identifier`, from the header or the query.
    pub client_identifier: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `X-Plex-Container-Start` and `-Size` as sent, from the header or the query.
    pub container: (Option<String>, Option<String>),
    /// The body as text, at most its first 16 KiB; empty when [`set_journal_bodies`](super::FakeServer::set_journal_bodies)
    /// is off.
    pub body: String,
    /// The status answered; 0 when the connection was cut, the body was cut short, or no answer was ever given.
    pub status: u16,
    /// Requests being handled when this one arrived, itself included: 1 when it was alone.
    pub in_flight: usize,
}

impl Seen {
    /// The first value of a query parameter, or none.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Pages {
    seen: Vec<Seen>,
    /// Grows with each clearing, so that an answer to a forgotten request is not written onto a newer one.
    generation: u64,
}

pub(crate) struct Journal {
    pages: Mutex<Pages>,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
    keep_bodies: AtomicBool,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            pages: Mutex::new(Pages::default()),
            in_flight: AtomicUsize::new(0),
            max_in_flight: AtomicUsize::new(0),
            keep_bodies: AtomicBool::new(true),
        }
    }

    /// Writes the request down, unanswered; the ticket counts it as in flight for as long as it lives.
    pub(crate) fn arrived(&self, request: &Request) -> Ticket<'_> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let mut seen = describe(request);
        seen.in_flight = in_flight;
        if self.keep_bodies.load(Ordering::SeqCst) {
            seen.body = kept(&request.body);
        }
        let mut pages = self.lock();
        pages.seen.push(seen);
        Ticket { journal: self, generation: pages.generation, index: pages.seen.len() - 1 }
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&[Seen]) -> T) -> T {
        read(&self.lock().seen)
    }

    pub(crate) fn clear(&self) {
        let mut pages = self.lock();
        pages.seen.clear();
        pages.generation += 1;
        self.max_in_flight.store(self.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn keep_bodies(&self, keep: bool) {
        self.keep_bodies.store(keep, Ordering::SeqCst);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().expect("no holder of the journal panics")
    }
}

/// A request that is being handled.
pub(crate) struct Ticket<'a> {
    journal: &'a Journal,
    generation: u64,
    index: usize,
}

impl Ticket<'_> {
    pub(crate) fn answered(&self, status: u16) {
        let mut pages = self.journal.lock();
        if pages.generation == self.generation
            && let Some(seen) = pages.seen.get_mut(self.index)
        {
            seen.status = status;
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.journal.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn describe(request: &Request) -> Seen {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let token = request
        .header("x-plex-token")
        .or_else(|| request.header("x-api-key"))
        .or_else(|| request.header("authorization")?.strip_prefix("Bearer "))
        .or_else(|| request.query("apikey"))
        .or_else(|| request.query("X-Plex-Token"));
    Seen {
        at_ms: now_ms(),
        method: request.method.clone(),
        route: request.path.clone(),
        query: request.query.clone(),
        user_agent: owned(request.header("user-agent")),
        accept: owned(request.header("accept")),
        token: owned(token),
        client_identifier: owned(request.plex_value("X-Plex-Client-Identifier")),
        if_none_match: owned(request.header("if-none-match")),
        container: (
            owned(request.plex_value("X-Plex-Container-Start")),
            owned(request.plex_value("X-Plex-Container-Size")),
        ),
        body: String::new(),
        status: 0,
        in_flight: 0,
    }
}

fn kept(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(BODY_KEPT_BYTES)]).into_owned()
}

/// The only clock of the fakes; everything else in them counts by itself.
#[expect(clippy::disallowed_methods, reason = "the journal says when a request of another process really arrived")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
