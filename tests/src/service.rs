//! The real `pulsarr-webhook-svc` of a household, and plain HTTP to it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::household::{Household, Running, wait_until};

/// A running service.
pub struct Service {
    /// The process.
    pub running: Running,
    /// Where it listens, on loopback.
    pub port: u16,
    /// Where its metrics are.
    pub metrics_port: u16,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body; chunks are put together.
    pub body: String,
    /// Its bytes on the way, before anything was put together or made a text.
    pub body_bytes: usize,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

impl Household {
    /// Starts the service where the arrs can call it back, and waits until it listens.
    ///
    /// # Panics
    /// When it does not listen within 20 seconds.
    #[must_use]
    pub fn serve(&mut self) -> Service {
        let port = free_port();
        self.set("PULSARR_PORT", &port.to_string());
        self.set("PULSARR_BASE_URL", &format!("http://127.0.0.1:{port}"));
        Service::of(self.start_service())
    }
}

impl Service {
    /// Waits until a service that was started listens.
    ///
    /// # Panics
    /// When it does not within 20 seconds.
    #[must_use]
    pub fn of(running: Running) -> Self {
        let (mut port, mut metrics_port) = (None, None);
        wait_until("the service listens", || {
            let log = running.stderr();
            let after = |words: &str| {
                log.lines().find_map(|line| {
                    let line: Value = serde_json::from_str(line).ok()?;
                    line["message"].as_str()?.strip_prefix(words)?.parse().ok()
                })
            };
            port = after("Server listening on port ");
            metrics_port = after("metrics are at port ");
            port.is_some() && metrics_port.is_some()
        });
        Self { running, port: port.expect("waited for"), metrics_port: metrics_port.expect("waited for") }
    }

    /// `GET path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        ask(self.port, "GET", path, &[], b"")
    }

    /// One request.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        ask(self.port, method, path, headers, body)
    }

    /// The page of metrics.
    #[must_use]
    pub fn metrics(&self) -> String {
        ask(self.metrics_port, "GET", "/metrics", &[], b"").body
    }
}

/// A port of loopback that nobody has at the moment.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// One HTTP/1.1 request on a connection of its own.
///
/// # Panics
/// When nobody listens, or no HTTP comes back.
#[must_use]
pub fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    send(port, format!("{head}\r\n").as_bytes(), body)
}

/// Bytes as they are, and the answer: as long as it says it is, or all that comes until the connection ends.
///
/// # Panics
/// When nobody listens, or no HTTP comes back.
#[must_use]
pub fn send(port: u16, head: &[u8], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    stream.write_all(head).expect("the head is taken");
    // One who refuses a body early may close before it is sent whole.
    let _ = stream.write_all(body);
    let (mut bytes, mut part) = (Vec::new(), [0; 16 * 1024]);
    while !is_whole(&bytes) {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&part[..read]),
        }
    }
    parse(&bytes)
}

/// Whether an answer is as long as its head says. Not everybody closes a connection when asked to.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() >= end + 4 + length)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no HTTP came back: {:?}", String::from_utf8_lossy(bytes)));
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 4..]);
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let body_bytes = body.len();
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(body) } else { body.to_vec() };
    Answer { status, head, body: String::from_utf8_lossy(&body).into_owned(), body_bytes }
}

/// The body of an answer that came in chunks; one that was cut off ends with its last whole chunk.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let Some(chunk) = rest.get(line + 2..line + 2 + size) else { break };
        body.extend_from_slice(chunk);
        rest = rest.get(line + 4 + size..).unwrap_or_default();
    }
    body
}

/// `Basic …`, as the arrs log in to a webhook.
#[must_use]
pub fn basic(password: &str) -> String {
    format!("Basic {}", crate::fakes::base64(format!("pulsarr:{password}").as_bytes()))
}
