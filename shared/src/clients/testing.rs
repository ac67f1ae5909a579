//! What the tests of the clients share: an [`Http`] that never waits, and a server that says exactly what it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::limiter::LimiterSettings;
use super::{Http, HttpSettings, THROTTLED_REPEATS, Transport};
use crate::clock::ManualClock;
use crate::retry::Retry;
use crate::stop::Stop;

/// Three repeats and no waiting.
pub(super) fn quick() -> HttpSettings {
    HttpSettings {
        budget: 1_000,
        retry: Retry { first: Duration::ZERO, max_attempts: 4 },
        throttled_repeats: THROTTLED_REPEATS,
        limiter: LimiterSettings::plex(Duration::ZERO),
    }
}

pub(super) fn http_with(settings: HttpSettings, stop: &Stop) -> Http {
    let transport = Transport::trusting(None).unwrap();
    Http::new(transport, settings, Arc::new(ManualClock::at(1_795_435_200_000)), stop.clone())
}

pub(crate) fn http() -> Http {
    http_with(quick(), &Stop::default())
}

/// Lets other tasks run until `condition` holds. The deadline only ends a test that would hang.
pub(super) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the condition holds one day");
}

/// Answers its connections with fixed bytes, one after the other, and closes each.
pub(super) struct Scripted {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(super) fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                record.lock().unwrap().push(read_request(&mut stream));
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, seen }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, raw.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// `HTTP/1.1 {status}` with these headers and this body.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// Reads a request with its body, so that closing the connection does not reset it.
pub(super) fn read_request(stream: &mut impl Read) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0_usize);
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    bytes.extend(body);
    String::from_utf8_lossy(&bytes).into_owned()
}
