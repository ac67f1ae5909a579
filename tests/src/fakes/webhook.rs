//! Webhooks a fake sends: one HTTP/1.1 POST (or PUT) each, on a connection of its own, never repeated.
//!
//! Owns: the transport, as plain as the arrs' own (`Connection: close`, no retry, 100 s patience). Refuses: to build payloads.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long Sonarr and Radarr wait for a receiver.
const PATIENCE: Duration = Duration::from_secs(100);

/// A webhook to send.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// `POST` or `PUT`.
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) event: String,
    pub(crate) body: String,
}

/// A webhook that was sent, or tried.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Where to.
    pub url: String,
    /// `eventType` of the payload: `MovieAdded`, `SeriesAdd`.
    pub event: String,
    /// The receiver's status; 0 when it could not be reached or did not answer.
    pub status: u16,
    /// The JSON sent.
    pub body: String,
}

/// Sends the webhook and waits for the receiver's status line. Blocks: call it where waiting is allowed.
pub(crate) fn deliver(delivery: Delivery) -> Delivered {
    let status = post(&delivery).unwrap_or(0);
    Delivered { url: delivery.url, event: delivery.event, status, body: delivery.body }
}

fn post(delivery: &Delivery) -> Option<u16> {
    let (authority, path) = {
        let rest = delivery.url.strip_prefix("http://")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        (authority.to_owned(), if path.is_empty() { "/" } else { path })
    };
    let target = if authority.contains(':') { authority.clone() } else { format!("{authority}:80") };
    let address = target.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let mut head = format!(
        "{} {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nAccept: application/json\r\n",
        delivery.method
    );
    for (name, value) in &delivery.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", delivery.body.len()));
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(delivery.body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    // The status line is all the arrs look at.
    while !answer.contains(&b'\n') {
        match stream.read(&mut buffer).ok()? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    let line = String::from_utf8_lossy(&answer).into_owned();
    line.split_whitespace().nth(1)?.parse().ok()
}
