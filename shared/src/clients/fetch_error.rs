//! What can become of a request, sorted by what the caller does next.

use super::clean::{clean, hide};
use super::json_array::JsonArrayError;
use super::limiter::StoppedWaiting;

/// Why a request brought no usable answer. Every text in it is short, on one line, and free of secrets and URL queries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// 401: our credentials are not accepted.
    #[error("the credentials were refused (401)")]
    Unauthorized,
    /// 403: a missing permission, or a guard in front of the upstream.
    #[error("access was forbidden (403)")]
    Forbidden,
    /// 404: the thing asked for is not there, or the address is wrong. Never to be read as "nothing".
    #[error("there is nothing at this address (404)")]
    NotFound,
    /// 429, after repeats. Everybody is cooling down.
    #[error("it asks us to slow down (429)")]
    RateLimited {
        /// Seconds the upstream asked for, when it did.
        retry_after_s: Option<u64>,
    },
    /// No complete answer came: connection, time-out, answer cut short. Try later.
    #[error("it could not be reached: {detail}")]
    Unreachable {
        /// What happened on the way.
        detail: String,
    },
    /// Another 4xx: our request was understood and turned down; repeating it changes nothing.
    #[error("it answered {status}: {}", said(body))]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The body, up to 64 KiB, for the client that knows its shape.
        body: String,
    },
    /// 5xx, after repeats. Try later.
    #[error("it failed with {status}: {}", said(detail))]
    ServerError {
        /// The HTTP status.
        status: u16,
        /// Its words, empty when there were none.
        detail: String,
        /// Whether the body was JSON, so that the application itself answered and not a proxy before it.
        json: bool,
    },
    /// A success that is no JSON: a login page, a captive portal, a bot check.
    #[error("it answered with {looks_like} instead of JSON")]
    NotJson {
        /// What it seems to be.
        looks_like: String,
    },
    /// JSON of another shape than we know.
    #[error("its answer has an unknown shape: {detail}")]
    Malformed {
        /// What did not fit.
        detail: String,
    },
    /// The answer is larger than we accept.
    #[error("its answer is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The TLS certificate is not to be trusted. Trying again would change nothing.
    #[error("its certificate is not trusted: {detail}")]
    Certificate {
        /// What is wrong with it.
        detail: String,
    },
    /// A redirect, which we never follow: credentials would go along.
    #[error("it redirects to {location}")]
    Redirected {
        /// The absolute target without query and credentials.
        location: String,
    },
    /// A write went out and no answer came back. Whether it took effect is unknown: look before trying again.
    #[error("the answer to a change was lost: {detail}")]
    Lost {
        /// What happened to the answer.
        detail: String,
    },
    /// This run has asked this upstream as often as it may.
    #[error("the request budget of this run is spent")]
    BudgetSpent,
    /// The run was told to stop.
    #[error("the run was told to stop")]
    Stopped,
}

impl FetchError {
    /// Whether the same request may well succeed in a moment.
    #[must_use]
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::ServerError { .. })
    }

    pub(super) fn unreachable(detail: impl Into<String>) -> Self {
        Self::Unreachable { detail: detail.into() }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed { detail: detail.into() }
    }

    /// The same error with short texts that hold none of `secrets`.
    #[must_use]
    pub(super) fn cleaned(self, secrets: &[&str]) -> Self {
        let short = |text: String| clean(&text, secrets);
        match self {
            Self::Unreachable { detail } => Self::Unreachable { detail: short(detail) },
            Self::Rejected { status, body } => Self::Rejected { status, body: hide(&body, secrets) },
            Self::ServerError { status, detail, json } => Self::ServerError { status, detail: short(detail), json },
            Self::NotJson { looks_like } => Self::NotJson { looks_like: short(looks_like) },
            Self::Malformed { detail } => Self::Malformed { detail: short(detail) },
            Self::Certificate { detail } => Self::Certificate { detail: short(detail) },
            Self::Redirected { location } => Self::Redirected { location: short(location) },
            Self::Lost { detail } => Self::Lost { detail: short(detail) },
            plain @ (Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::RateLimited { .. }
            | Self::TooLarge { .. }
            | Self::BudgetSpent
            | Self::Stopped) => plain,
        }
    }
}

impl From<StoppedWaiting> for FetchError {
    fn from(_: StoppedWaiting) -> Self {
        Self::Stopped
    }
}

impl From<JsonArrayError> for FetchError {
    fn from(error: JsonArrayError) -> Self {
        match error {
            JsonArrayError::Cut { .. } => Self::Unreachable { detail: error.to_string() },
            _ => Self::Malformed { detail: error.to_string() },
        }
    }
}

fn said(body: &str) -> String {
    let words = clean(&super::clean::words(body), &[]);
    if words.is_empty() { "no reason given".to_owned() } else { words }
}
