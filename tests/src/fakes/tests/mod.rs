//! The fakes are themselves tested, over real sockets: a wrong stand-in makes every other test agree with a fiction.

mod faults;
mod graphql;
mod notifications;
mod plex;
mod radarr;
mod sonarr;
mod tmdb;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Far longer than any of these needs; only a fault in the fakes themselves lets it pass.
const DEADLINE: Duration = Duration::from_secs(20);

/// An answer, down to how its connection ended.
#[derive(Debug, Clone, Default)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// Bytes the head promised beyond those that came.
    missing: usize,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON with {}: {:?}", self.status, self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A request to one address, over a connection of its own.
#[derive(Clone)]
struct Call {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Call {
    /// `url` is absolute: `http://127.0.0.1:port/path?query`.
    fn new(method: &str, url: &str) -> Self {
        let rest = url.strip_prefix("http://").expect("an http URL");
        let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let target = if target.is_empty() { "/" } else { target };
        Self {
            address: authority.parse().expect("an address with a port"),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn json_body(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("Content-Type", "application/json")
    }

    fn open(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("the fake listens");
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.method, self.target, self.address);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn send(&self) -> Answer {
        self.try_send().unwrap_or_else(|kind| panic!("{} {}: {kind:?}", self.method, self.target))
    }

    /// # Errors
    /// How the connection failed, when not even a head arrived.
    fn try_send(&self) -> Result<Answer, ErrorKind> {
        let mut stream = self.open();
        let mut bytes = Vec::new();
        let ended = stream.read_to_end(&mut bytes);
        let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Err(ended.map_or_else(|error| error.kind(), |_| ErrorKind::UnexpectedEof));
        };
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = &bytes[at + 4..];
        let mut answer =
            Answer { status, headers: headers.collect(), body: String::from_utf8_lossy(body).into_owned(), missing: 0 };
        let announced = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(body.len());
        answer.missing = announced.saturating_sub(body.len());
        Ok(answer)
    }
}

/// Waits until `ready` holds, giving way to other threads in between.
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let (_hold, turn) = std::sync::mpsc::channel::<()>();
    for _ in 0..4_000 {
        if ready() {
            return;
        }
        // Nothing is ever sent: this only lets the fake's thread run.
        let _ = turn.recv_timeout(Duration::from_millis(5));
    }
    panic!("{what} never happened");
}
