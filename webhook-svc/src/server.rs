//! Serves a filter over HTTP/1.1. What `warp::serve` lacks: a head that does not arrive in time ends its connection, and connections
//! are bounded, so that slow clients cannot take all of them. And every request has an id, which its answer and its log lines name.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use pulsarr_shared::clock::Stopwatch;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;
use warp::filters::BoxedFilter;
use warp::http::Request;
use warp::reply::Response;

use crate::patient_stream::PatientStream;
use crate::request;

/// The pause after the kernel refused a connection, because there are no more files for example.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// That all connections are taken is said once in so long.
const SAY_FULL_EVERY: Duration = Duration::from_secs(60);

/// How much clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In which the head of a request arrives, counted from the connection or the answer before it: also how long a connection on
    /// which nothing is asked stays open.
    pub head_within: Duration,
    /// Bytes in which the head of a request ends, and which a connection keeps of what came in; the largest that browsers and proxies send
    /// are about half as long. Whoever sends more is told 431.
    pub head_bytes: usize,
    /// Connections that are open at once; more wait in the kernel's queue until one ends.
    pub connections: usize,
    /// How long a client may take nothing of an answer before its connection ends.
    pub progress_within: Duration,
    /// How long answers that are under way may take once the service stops. Whoever runs it kills it after 20 seconds, and the rest of
    /// the service wants to end too.
    pub drain_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(10),
            head_bytes: 16 * 1024,
            connections: 1_024,
            progress_within: Duration::from_secs(60),
            drain_within: Duration::from_secs(15),
        }
    }
}

/// Where a connection comes from: the socket's own address.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The places for connections.
struct Places<'a> {
    free: Arc<Semaphore>,
    /// How often all of them were taken.
    full: &'a AtomicU64,
    said_full: Option<Instant>,
}

/// Answers what comes to `listener` with `filter`, until `stopped`. Then no connection is taken any more, and those that are open end
/// with the answer they are at, or when the time for that is over. `full` counts how often a connection had to wait for a place.
pub async fn serve(
    listener: TcpListener,
    filter: BoxedFilter<(Response,)>,
    limits: Limits,
    full: &AtomicU64,
    stopped: impl Future<Output = ()>,
) {
    let mut places = Places { free: Arc::new(Semaphore::new(limits.connections)), full, said_full: None };
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within).max_buf_size(limits.head_bytes);
    let mut stopped = pin!(stopped);
    // Whatever is left in it when we go ends with it.
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &mut places) => accepted,
            () = &mut stopped => break,
        };
        while open.try_join_next().is_some() {}
        let Some((stream, remote, place)) = accepted else { continue };
        let stream = PatientStream::new(stream, limits.progress_within);
        let filter = filter.clone();
        let answers = service_fn(move |request| answer(filter.clone(), remote, request));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), answers));
        open.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection from {} ended before its time: {error}", remote.ip());
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_within, graceful.shutdown()).await.is_err() {
        while open.try_join_next().is_some() {}
        tracing::warn!(
            "{} answers were not taken within {} s and are cut off",
            open.len(),
            limits.drain_within.as_secs()
        );
    }
}

/// The next connection, once there is a place for it; `None` when it was gone before it was taken.
async fn accept(
    listener: &TcpListener,
    places: &mut Places<'_>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    let place = places.next().await?;
    match listener.accept().await {
        Ok((stream, remote)) => Some((stream, remote, place)),
        Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => None,
        Err(error) => {
            tracing::error!("no connection can be taken: {error}");
            tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            None
        }
    }
}

impl Places<'_> {
    async fn next(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(place);
        }
        self.full.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        if self.said_full.is_none_or(|at| now - at >= SAY_FULL_EVERY) {
            self.said_full = Some(now);
            tracing::warn!("as many connections are open as may be: further ones wait until one ends");
        }
        // Nobody closes the semaphore.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }
}

/// The answer to one request, and a line about it.
async fn answer(
    filter: BoxedFilter<(Response,)>,
    remote: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let id = request::id::of(request.headers());
    // At the level of errors, because their lines are those that have to name it.
    let span = tracing::error_span!("request", request.id = id.to_str().unwrap_or_default());
    request.extensions_mut().insert(Peer(remote));
    let answered = async move {
        let began = Stopwatch::start();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let mut response = TowerToHyperService::new(warp::service(filter)).call(request).await?;
        let status = response.status().as_u16();
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            request.method = %method, request.path = %path, request.status = status, request.ms = ms,
            "{method} {path} answered {status} in {ms} ms"
        );
        response.headers_mut().insert(request::id::HEADER, id);
        Ok(response)
    };
    answered.instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsarr_shared::stop::{Stop, StopReason};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use warp::Filter as _;

    /// More than any socket keeps.
    const LARGE: usize = 64 * 1024 * 1024;

    /// A server of ours.
    struct Serving {
        address: SocketAddr,
        full: Arc<AtomicU64>,
        task: tokio::task::JoinHandle<()>,
    }

    /// One that tells everybody from where they come, and at `/large` sends much. It holds no more than two connections.
    async fn server(stop: &Stop) -> Serving {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let large = warp::path!("large").map(|| Response::new(vec![b'x'; LARGE].into()));
        let from =
            warp::ext::optional::<Peer>().map(|peer: Option<Peer>| Response::new(peer.unwrap().0.to_string().into()));
        let mistake = warp::path!("mistake").map(|| -> Response { panic!("a mistake") });
        let filter = large.or(mistake).unify().or(from).unify().boxed();
        let (stop, full) = (stop.clone(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&full);
        let task = tokio::spawn(async move {
            let stopped = async {
                stop.wait().await;
            };
            serve(listener, filter, Limits { connections: 2, ..Limits::default() }, &counted, stopped).await;
        });
        Serving { address, full, task }
    }

    /// A client that asks for much and reads nothing.
    async fn deaf(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        // The answer has begun.
        stream.peek(&mut [0]).await.unwrap();
        stream
    }

    async fn whole(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    async fn ask(address: SocketAddr, headers: &str) -> (String, SocketAddr) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let own = stream.local_addr().unwrap();
        (whole(&mut stream).await, own)
    }

    // Time is tokio's own here: it goes on only while everybody waits.
    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_not_waited_for_and_others_are_served_meanwhile() {
        let Serving { address, .. } = server(&Stop::default()).await;
        let began = Instant::now();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Half: ").await.unwrap();
        let (answered, own) = ask(address, "").await;
        assert!(answered.starts_with("HTTP/1.1 200 OK\r\n") && answered.ends_with(&own.to_string()), "{answered}");
        assert!(began.elapsed() < Limits::default().head_within);
        let end = whole(&mut slow).await;
        assert!(!end.contains("200"), "{end}");
        assert!(began.elapsed() >= Limits::default().head_within);
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_within_16_kib_is_refused_and_a_smaller_one_is_answered() {
        let Serving { address, .. } = server(&Stop::default()).await;
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: ";
        let filled = |length: usize, end: &str| format!("{head}{}{end}", "x".repeat(length - head.len() - end.len()));
        for (sent, answered) in [
            (filled(16 * 1024 - 1, "\r\n\r\n"), "HTTP/1.1 200 OK\r\n"),
            (filled(16 * 1024, "x"), "HTTP/1.1 431 Request Header Fields Too Large\r\n"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let answer = tokio::time::timeout(Limits::default().head_within / 2, whole(&mut stream)).await;
            let answer = answer.expect("it is answered before the time for a head is over");
            assert!(answer.starts_with(answered), "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_beyond_the_bound_wait_until_one_ends() {
        let Serving { address, full, .. } = server(&Stop::default()).await;
        let began = Instant::now();
        let _silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let (answered, _) = ask(address, "").await;
        assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
        assert!(began.elapsed() >= Limits::default().head_within);
        assert_ne!(full.load(Ordering::Relaxed), 0, "it is counted");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_of_an_answer_loses_the_connection() {
        let Serving { address, .. } = server(&Stop::default()).await;
        let began = Instant::now();
        let _deaf = [deaf(address).await, deaf(address).await];
        let (answered, _) = ask(address, "").await;
        assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
        assert!(began.elapsed() >= Limits::default().progress_within);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_a_large_answer_gets_all_of_it() {
        let Serving { address, .. } = server(&Stop::default()).await;
        let began = Instant::now();
        let mut stream = deaf(address).await;
        let mut taken = 0;
        let mut part = vec![0; 1024 * 1024];
        while taken < LARGE {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let read = stream.read(&mut part).await.unwrap();
            assert_ne!(read, 0, "cut off after {taken} bytes");
            taken += read;
        }
        assert!(
            began.elapsed() > Limits::default().progress_within,
            "slower than anybody has to wait for one that is deaf"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_stop_does_not_wait_for_ever_for_whoever_takes_nothing() {
        let stop = Stop::default();
        let Serving { address, task, .. } = server(&stop).await;
        let mut deaf = deaf(address).await;
        let began = Instant::now();
        stop.request(StopReason::Terminated);
        task.await.unwrap();
        let limit = Limits::default().drain_within;
        assert!((limit..limit + Duration::from_secs(1)).contains(&began.elapsed()), "{:?}", began.elapsed());
        let mut rest = Vec::new();
        let end = deaf.read_to_end(&mut rest).await;
        assert!(end.is_err() || rest.len() < LARGE, "it is cut off");
    }

    #[tokio::test]
    async fn every_answer_names_its_request_as_the_client_did_or_by_a_name_of_ours() {
        let Serving { address, .. } = server(&Stop::default()).await;
        let id = |answer: &str| {
            let line = answer.lines().find_map(|line| line.strip_prefix("x-request-id: "));
            line.map(str::to_owned).unwrap_or_else(|| panic!("{answer}"))
        };
        let (named, _) = ask(address, "X-Request-Id: from-a-proxy.7\r\n").await;
        assert_eq!(id(&named), "from-a-proxy.7");
        let ours = id(&ask(address, "").await.0);
        assert!(ours.len() == 8 && ours.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ours}");
        assert_ne!(id(&ask(address, "").await.0), ours);
    }

    #[tokio::test]
    async fn a_request_that_panics_costs_its_own_connection() {
        let Serving { address, .. } = server(&Stop::default()).await;
        // More of them than there are places.
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /mistake HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        }
        let (answered, _) = ask(address, "").await;
        assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
    }

    #[tokio::test]
    async fn nobody_is_let_in_after_the_stop_and_serving_ends() {
        let stop = Stop::default();
        let Serving { address, task, .. } = server(&stop).await;
        stop.request(StopReason::Terminated);
        task.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
