//! Whoever sends webhooks while the power is cut, and what was answered with 200.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use pulsarr_tests::service::basic;

/// Connections that send at once.
const SENDERS: u32 = 4;

/// Each webhook tells of a movie of its own, whose import is known for good once it is acted on.
pub(super) struct Senders {
    acknowledged: Arc<Mutex<BTreeSet<u32>>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Senders {
    /// Starts them; `round` keeps the movies apart from those of other rounds.
    pub(super) fn start(port: u16, password: &str, round: u32) -> Self {
        let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
        let start = |sender| {
            let (authorization, acknowledged) = (basic(password), Arc::clone(&acknowledged));
            thread::spawn(move || {
                for movie in (0..).map(|number| 100_000_000 * (round + 1) + SENDERS * number + sender) {
                    match send(port, &authorization, movie) {
                        Ok(answer) => assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}"),
                        // Killed, and the answer with it.
                        Err(_) => return,
                    }
                    acknowledged.lock().unwrap().insert(movie);
                }
            })
        };
        let threads = (0..SENDERS).map(start).collect();
        Self { acknowledged, threads }
    }

    /// The TMDB ids of the movies whose webhooks were answered with 200 by now.
    pub(super) fn acknowledged(&self) -> BTreeSet<u32> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Waits until they have noticed that nobody listens any more.
    pub(super) fn stop(self) {
        for thread in self.threads {
            thread.join().expect("every answer was 200");
        }
    }
}

/// Sends one webhook: the head of its answer.
fn send(port: u16, authorization: &str, movie: u32) -> std::io::Result<String> {
    let body = format!(r#"{{"eventType": "Download", "isUpgrade": false, "movie": {{"id": 7, "tmdbId": {movie}}}}}"#);
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST /webhook/movies HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(Error::from(ErrorKind::UnexpectedEof)) } else { Ok(answer) }
}
