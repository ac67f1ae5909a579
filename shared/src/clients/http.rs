//! Sending requests: budget, cool-down, time-outs, repeats, and stopping in time.
//!
//! Owns the one loop that every request of this program goes through. Refuses to follow redirects (a token would go along; see `Document`), to
//! use a proxy nobody configured, to repeat a write whose fate is unknown, and to know what Plex or an arr is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ETAG, LOCATION};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{broken, describe_markup, failure, is_markup};
use super::limiter::{Limiter, LimiterSettings};
use super::receive::{Bytes, Elements, Receive, Whole};
use super::request::Request;
use super::{FetchError, tls};
use crate::clock::Clock;
use crate::retry::Retry;
use crate::stop::Stop;

/// How long a TCP and TLS connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write that is under way may still take once the run is told to stop.
const GRACE_OF_WRITES: Duration = Duration::from_secs(10);
/// How often a run repeats one request after a 429.
pub const THROTTLED_REPEATS: u32 = 3;
/// How much of an error body is read.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// Connections and TLS, shared by everything that sends. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Transport(reqwest::Client);

impl Transport {
    /// A transport over HTTP/1.1 that trusts what `tls` trusts and calls itself `pulsarr/<version>`.
    ///
    /// # Errors
    /// `Unreachable` when the TLS configuration is not one that `reqwest` takes: a mistake in the build.
    pub fn new(tls: rustls::ClientConfig) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("pulsarr/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|error| broken(error, false))
    }

    /// A transport that trusts the compiled-in roots and the certificates in `extra_ca`, a PEM file.
    ///
    /// # Errors
    /// The file's problem, or what [`Transport::new`] reports.
    pub fn trusting(extra_ca: Option<&std::path::Path>) -> Result<Self, TransportError> {
        Ok(Self::new(tls::client_config(extra_ca)?)?)
    }

    /// Sends `request` once, past budget and pauses: for somebody who only looks how an address answers.
    pub(super) async fn once(&self, request: &Request) -> reqwest::Result<reqwest::Response> {
        self.0.execute(request.to_reqwest()).await
    }
}

/// Why there is no [`Transport`].
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The CA file is of no use.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The parts do not fit together.
    #[error("set up HTTP: {0}")]
    Build(#[from] FetchError),
}

/// How one run talks to one upstream.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// Requests this run may send, repeats included.
    pub budget: u32,
    /// Repeats of questions that failed on the way.
    pub retry: Retry,
    /// Repeats of a question that was answered with 429, each once the cool-down is over; with 0 that answer comes back at once.
    pub throttled_repeats: u32,
    /// Concurrency and pauses.
    pub limiter: LimiterSettings,
}

/// What was sent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent, repeats included.
    pub requests: u64,
    /// Of those, answered with 304.
    pub not_modified: u64,
    /// Of those, answered with 429.
    pub throttled: u64,
}

/// One upstream during one run. Clones share budget, counters and cool-down.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    transport: Transport,
    settings: HttpSettings,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    stop: Stop,
    grace: Duration,
    left: AtomicU32,
    requests: AtomicU64,
    not_modified: AtomicU64,
    throttled: AtomicU64,
}

/// The outcome of a conditional question.
pub(super) enum Conditional<T> {
    /// 304.
    NotModified,
    /// The value as it is now, with its ETag when the upstream gave one.
    Changed { value: T, etag: Option<String> },
}

/// The answer to a question for something that need not be JSON and may lie elsewhere.
pub(super) enum Document {
    /// The body as it came.
    Body(Vec<u8>),
    /// A redirect. It is the caller's to follow, with a request of its own; the address may be a secret.
    Moved(reqwest::Url),
}

/// What is left of an answer once its body has been taken in.
struct Head {
    not_modified: bool,
    etag: Option<String>,
    moved: Option<reqwest::Url>,
}

impl Http {
    /// A fresh budget and fresh counters over `transport`. Waiting and reading end when `stop` is raised. A first retry delay of
    /// zero also means that a 429 without `Retry-After` is repeated at once.
    #[must_use]
    pub fn new(transport: Transport, mut settings: HttpSettings, clock: Arc<dyn Clock>, stop: Stop) -> Self {
        if settings.retry.first.is_zero() {
            settings.limiter.first_cool_down = Duration::ZERO;
        }
        Self(Arc::new(Inner {
            transport,
            limiter: Limiter::new(settings.limiter, stop.clone()),
            left: AtomicU32::new(settings.budget),
            settings,
            clock,
            stop,
            grace: GRACE_OF_WRITES,
            requests: AtomicU64::new(0),
            not_modified: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
        }))
    }

    /// What was sent so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            requests: read(&self.0.requests),
            not_modified: read(&self.0.not_modified),
            throttled: read(&self.0.throttled),
        }
    }

    /// How much longer the upstream wants to be left alone.
    #[must_use]
    pub fn cooling_for(&self) -> Option<Duration> {
        self.0.limiter.cooling_for()
    }

    /// Waits until the upstream asks us to slow down (429), unless it has done so since this was asked last.
    pub async fn refused(&self) {
        self.0.limiter.refused().await;
    }

    /// Leaves the upstream alone for so long from now on, because somebody else was told to.
    pub fn leave_alone(&self, wait: Duration) {
        self.0.limiter.leave_alone(wait);
    }

    /// Sends `request` and parses the answer as one JSON value.
    pub(super) async fn json<T: DeserializeOwned + Send>(&self, request: &Request) -> Result<T, FetchError> {
        let mut whole = Whole::new();
        self.fetch(request, &mut whole).await?;
        whole.into_value()
    }

    /// Like [`Self::json`], for a request with `If-None-Match`.
    pub(super) async fn json_if_changed<T: DeserializeOwned + Send>(
        &self,
        request: &Request,
    ) -> Result<Conditional<T>, FetchError> {
        let mut whole = Whole::new();
        let head = self.fetch(request, &mut whole).await?;
        if head.not_modified {
            return Ok(Conditional::NotModified);
        }
        Ok(Conditional::Changed { value: whole.into_value()?, etag: head.etag })
    }

    /// Sends `request` and answers what comes, whatever its form. No redirect is followed.
    pub(super) async fn document(&self, request: Request) -> Result<Document, FetchError> {
        let mut bytes = Bytes::default();
        let head = self.fetch(&request.into_document(), &mut bytes).await?;
        Ok(match head.moved {
            Some(target) => Document::Moved(target),
            None => Document::Body(bytes.0),
        })
    }

    /// Sends `request` and calls `each` with every element of the array it answers, as it arrives. After a repeat the same
    /// elements come again, so `each` must be able to take them twice.
    pub(super) async fn array(
        &self,
        request: &Request,
        each: impl FnMut(&[u8]) -> Result<(), FetchError> + Send,
    ) -> Result<(), FetchError> {
        self.fetch(request, &mut Elements::new(each)).await?;
        Ok(())
    }

    async fn fetch(&self, request: &Request, receive: &mut dyn Receive) -> Result<Head, FetchError> {
        let outcome = self.fetch_with_repeats(request, receive).await;
        outcome.map_err(|error| error.cleaned(&request.secrets()))
    }

    async fn fetch_with_repeats(&self, request: &Request, receive: &mut dyn Receive) -> Result<Head, FetchError> {
        let inner = &*self.0;
        if inner.left.load(Ordering::Relaxed) == 0 {
            return Err(FetchError::BudgetSpent);
        }
        let _seat = inner.limiter.take_seat(request.pace).await?;
        let mut delays = inner.settings.retry.delays();
        let mut throttled = 0;
        loop {
            let sent = inner.limiter.wait_until_cool().await?;
            self.spend()?;
            receive.restart();
            let error = match self.attempt(request, receive).await {
                Ok(head) => {
                    inner.limiter.answered(sent);
                    return Ok(head);
                }
                Err(error) => error,
            };
            match error {
                FetchError::RateLimited { retry_after_s } => {
                    inner.throttled.fetch_add(1, Ordering::Relaxed);
                    let wait = inner.limiter.cool_down(sent, retry_after_s.map(Duration::from_secs));
                    let host = request.url.host_str().unwrap_or_default();
                    tracing::warn!(http.host = host, http.cool_down_s = wait.as_secs(), "{host} asks us to slow down");
                    throttled += 1;
                    if throttled > inner.settings.throttled_repeats {
                        return Err(error);
                    }
                }
                error if error.is_passing() && !request.write => match delays.next() {
                    Some(delay) => inner.limiter.wait(delay).await?,
                    None => return Err(error),
                },
                error => return Err(error),
            }
        }
    }

    /// Takes one request from the budget.
    fn spend(&self) -> Result<(), FetchError> {
        let less = |left: u32| left.checked_sub(1);
        let spent = self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        spent.map_err(|_| FetchError::BudgetSpent)?;
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// One sending. A question is dropped when the run stops; a write is given ten seconds to come to its end.
    async fn attempt(&self, request: &Request, receive: &mut dyn Receive) -> Result<Head, FetchError> {
        let exchange = std::pin::pin!(self.exchange(request, receive));
        if !request.write {
            return tokio::select! {
                biased;
                _ = self.0.stop.wait() => Err(FetchError::Stopped),
                outcome = exchange => outcome,
            };
        }
        let mut exchange = exchange;
        tokio::select! {
            biased;
            outcome = &mut exchange => outcome,
            _ = self.0.stop.wait() => timeout(self.0.grace, exchange).await.unwrap_or_else(|_| {
                Err(FetchError::Lost { detail: "the run was told to stop, and no answer came in time".to_owned() })
            }),
        }
    }

    async fn exchange(&self, request: &Request, receive: &mut dyn Receive) -> Result<Head, FetchError> {
        let clocks = Clocks { idle: request.idle, end: Instant::now() + request.total, write: request.write };
        let mut response = clocks.limit(self.0.transport.0.execute(request.to_reqwest())).await?;
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if status == StatusCode::NOT_MODIFIED {
            self.0.not_modified.fetch_add(1, Ordering::Relaxed);
            return Ok(Head { not_modified: true, etag, moved: None });
        }
        if request.document && status.is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            if let Some(moved) = location.and_then(|location| request.url.join(location).ok()) {
                return Ok(Head { not_modified: false, etag, moved: Some(moved) });
            }
        }
        if !status.is_success() {
            let body = beginning(&mut response, &clocks, Vec::new()).await;
            let error = failure(status, response.headers(), &request.url, &body, self.0.clock.now_ms());
            return Err(if request.write { fate_unknown(error) } else { error });
        }
        let mut taken = 0;
        while let Some(bytes) = clocks.limit(response.chunk()).await? {
            if taken == 0 && !request.document && is_markup(response.headers(), &bytes) {
                let page = beginning(&mut response, &clocks, bytes.to_vec()).await;
                return Err(FetchError::NotJson { looks_like: describe_markup(response.headers(), &page) });
            }
            taken += bytes.len();
            if taken > request.limit {
                return Err(unread(request, FetchError::TooLarge { limit: request.limit }));
            }
            receive.chunk(&bytes).map_err(|error| unread(request, error))?;
        }
        receive.end().map_err(|error| unread(request, error))?;
        Ok(Head { not_modified: false, etag, moved: None })
    }
}

/// The time an exchange has.
struct Clocks {
    idle: Duration,
    end: Instant,
    write: bool,
}

impl Clocks {
    /// Waits for the next sign of life.
    async fn limit<T>(&self, step: impl Future<Output = reqwest::Result<T>>) -> Result<T, FetchError> {
        let until = self.end.min(Instant::now() + self.idle);
        match timeout_at(until, step).await {
            Ok(outcome) => outcome.map_err(|error| broken(error, self.write)),
            Err(_) if self.write => Err(FetchError::Lost { detail: "no answer in time".to_owned() }),
            Err(_) => Err(FetchError::unreachable("no answer in time")),
        }
    }
}

/// As much of a body as an error message needs, `read` included. What cannot be read is not missed.
async fn beginning(response: &mut reqwest::Response, clocks: &Clocks, mut read: Vec<u8>) -> Vec<u8> {
    while read.len() < ERROR_BODY_LIMIT {
        match clocks.limit(response.chunk()).await {
            Ok(Some(bytes)) => read.extend_from_slice(&bytes),
            Ok(None) | Err(_) => break,
        }
    }
    read.truncate(ERROR_BODY_LIMIT);
    read
}

/// A gateway that lost its application says nothing about what the application did with a write: 502, 504 and Cloudflare's 52x.
fn fate_unknown(error: FetchError) -> FetchError {
    match error {
        FetchError::ServerError { status: status @ (502 | 504 | 520..=524), detail, .. } => {
            FetchError::Lost { detail: format!("a gateway answered {status} {detail}") }
        }
        other => other,
    }
}

/// A write was accepted and its answer cannot be read: whoever asked has to look.
fn unread(request: &Request, error: FetchError) -> FetchError {
    if request.write { FetchError::Lost { detail: error.to_string() } } else { error }
}

#[cfg(test)]
mod tests;
