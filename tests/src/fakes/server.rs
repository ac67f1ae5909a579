//! The listener behind every fake: one OS thread, one single-threaded runtime, HTTP/1.1 with keep-alive.
//!
//! Owns: reading requests, the journal, the order of fault, effect, webhook and answer, and cutting connections. Refuses: to
//! know what any path means; a [`World`] answers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::exchange::{Answer, Lost, Reply, Request};
use super::fault::{Effect, Fault, Faults, Kind};
use super::journal::{Journal, Seen, Ticket};
use super::webhook::{self, Delivered};

/// What a server pretends to be.
pub(crate) trait World: Send + Sync + 'static {
    /// The ordinary answer, with its effect on the state.
    fn answer(&self, request: &Request) -> Reply;
    /// The body this surface gives with a failing status.
    fn failure(&self, request: &Request, status: u16) -> Reply;
    /// The answer to a request that depended on a webhook ([`Reply::trial`]), now that this came of it.
    fn tried(&self, _request: &Request, _outcome: &Delivered) -> Reply {
        Reply::empty(500)
    }
    /// A webhook ordered by a [`Reply`] was sent.
    fn delivered(&self, _outcome: Delivered) {}
}

/// A running server: its address, what it saw, and the accidents ordered for it. Dropping it closes every connection.
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    world: Arc<dyn World>,
    journal: Journal,
    faults: Faults,
}

impl FakeServer {
    pub(crate) fn start(name: &str, world: Arc<dyn World>) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
        listener.set_nonblocking(true).expect("a fresh socket takes the flag");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { world, journal: Journal::new(), faults: Faults::default() });
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        let run = move || serve(listener, &for_thread, stopped);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread can be started");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:port`, without a trailing slash.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request since the start or the last clearing, in order of arrival.
    #[must_use]
    pub fn journal(&self) -> Vec<Seen> {
        self.shared.journal.read(<[Seen]>::to_vec)
    }

    /// The requests whose path contains `route`, in order of arrival.
    #[must_use]
    pub fn journal_of(&self, route: &str) -> Vec<Seen> {
        self.shared.journal.read(|seen| seen.iter().filter(|one| one.route.contains(route)).cloned().collect())
    }

    /// How many requests had `route` in their path.
    #[must_use]
    pub fn requests_to(&self, route: &str) -> usize {
        self.shared.journal.read(|seen| seen.iter().filter(|one| one.route.contains(route)).count())
    }

    /// How many requests came with this method and had `route` in their path.
    #[must_use]
    pub fn requests(&self, method: &str, route: &str) -> usize {
        let wanted = |one: &&Seen| one.method == method && one.route.contains(route);
        self.shared.journal.read(|seen| seen.iter().filter(wanted).count())
    }

    /// The most requests that were ever being handled at one moment.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.shared.journal.max_in_flight()
    }

    /// How many requests are being handled, or held, at this moment.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.journal.in_flight()
    }

    /// Forgets the journal; the state of the world stays.
    pub fn clear_journal(&self) {
        self.shared.journal.clear();
    }

    /// Whether request bodies are kept in the journal (they are, from the start, up to 16 KiB each).
    pub fn set_journal_bodies(&self, keep: bool) {
        self.shared.journal.keep_bodies(keep);
    }

    /// Orders an accident. Of several that match a request, the one injected first meets it.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.inject(fault);
    }

    /// Calls off all accidents. A request already waiting on one keeps waiting.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Answers what is [`held`](Fault::held), and holds nothing any more.
    pub fn release(&self) {
        self.shared.faults.release();
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic on that thread has been printed there; panicking again while dropping would abort the test run.
            let _ = thread.join();
        }
    }
}

fn serve(listener: std::net::TcpListener, shared: &Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("the socket is non-blocking");
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    tokio::spawn(converse(stream, Arc::clone(shared)));
                },
            }
        }
    });
    // A webhook receiver may hang; the handle must not wait for it.
    runtime.shutdown_background();
}

/// One connection, from accept to close.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for the peer's delayed acknowledgement: it would cost 40 ms a request.
    let _ = stream.set_nodelay(true);
    let cut = Arc::new(AtomicBool::new(false));
    let wire = Wire { stream, cut: Arc::clone(&cut) };
    let service = service_fn(move |request| exchange(request, Arc::clone(&shared), Arc::clone(&cut)));
    // The error of a cut or abandoned connection is what somebody asked for.
    let _ = http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(wire), service).await;
}

async fn exchange(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    cut: Arc<AtomicBool>,
) -> Result<hyper::Response<Answer>, Lost> {
    let request = Request::read(request).await?;
    let ticket = shared.journal.arrived(&request);
    match shared.faults.meet(&request) {
        None => {
            let reply = ordinary(&request, &shared).await;
            ticket.answered(reply.status);
            Ok(reply.into_response(false))
        }
        Some(effect) => suffer(&request, &shared, &cut, &effect, &ticket).await,
    }
}

/// The ordinary answer, after the webhooks that are sent while the caller waits.
async fn ordinary(request: &Request, shared: &Arc<Shared>) -> Reply {
    let mut reply = shared.world.answer(request);
    if let Some(delivery) = reply.trial.take()
        && let Ok(outcome) = tokio::task::spawn_blocking(|| webhook::deliver(*delivery)).await
    {
        reply = shared.world.tried(request, &outcome);
        shared.world.delivered(outcome);
    }
    for delivery in std::mem::take(&mut reply.before) {
        if let Ok(outcome) = tokio::task::spawn_blocking(|| webhook::deliver(delivery)).await {
            shared.world.delivered(outcome);
        }
    }
    let later = std::mem::take(&mut reply.after);
    if !later.is_empty() {
        let world = Arc::clone(&shared.world);
        tokio::task::spawn_blocking(move || {
            for delivery in later {
                world.delivered(webhook::deliver(delivery));
            }
        });
    }
    reply
}

async fn suffer(
    request: &Request,
    shared: &Arc<Shared>,
    cut: &AtomicBool,
    effect: &Effect,
    ticket: &Ticket<'_>,
) -> Result<hyper::Response<Answer>, Lost> {
    let keeps_the_answer = matches!(effect.kind, Kind::Ordinary | Kind::Truncated | Kind::Held);
    if !effect.after {
        pause(effect.delay_ms).await;
    }
    if let Some(mut released) = effect.released.clone() {
        // The sender lives as long as the server, and whoever waits here is dropped with it.
        let _ = released.changed().await;
    }
    let reply = if keeps_the_answer || effect.after { Some(ordinary(request, shared).await) } else { None };
    if effect.after {
        pause(effect.delay_ms).await;
    }
    let mut reply = match effect.kind {
        Kind::Ordinary | Kind::Truncated | Kind::Held => reply.unwrap_or_default(),
        Kind::Status(status) => shared.world.failure(request, status),
        Kind::Html(status) => Reply::html(status),
        Kind::Reset => {
            cut.store(true, Ordering::SeqCst);
            return Err(Lost);
        }
        Kind::Never => std::future::pending().await,
    };
    if let Some(wait) = &effect.retry_after {
        reply = reply.with("retry-after", wait.clone());
    }
    if let Some(date) = &effect.date {
        reply = reply.with("date", date.clone());
    }
    let short = effect.kind == Kind::Truncated;
    if !short {
        ticket.answered(reply.status);
    }
    Ok(reply.into_response(short))
}

async fn pause(delay_ms: u64) {
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
}

/// The socket, with the means to end it by a reset instead of an orderly close.
struct Wire {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cut.load(Ordering::SeqCst) {
            // Closing with nothing to linger for makes the kernel send RST.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
