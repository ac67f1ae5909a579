//! Accidents a test orders: which requests they meet, how often, and what the caller then experiences.
//!
//! Owns: matching and counting. Refuses: to know what a surface's error body looks like; the surface supplies that.

use std::sync::Mutex;

use tokio::sync::watch;

use super::exchange::Request;

/// An accident that meets matching requests, for ever unless [`times`](Self::times) limits it.
///
/// ```
/// use pulsarr_tests::fakes::Fault;
///
/// // The second page of one friend's watchlist is refused once, with a wait of seven seconds.
/// let fault = Fault::on("POST", "/community/api").containing("5be07c1d2a94f036").skip(1).times(1).status(429).retry_after("7");
/// // The movie is added, and then the connection dies.
/// let lost = Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect();
/// # drop((fault, lost));
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    method: String,
    path: String,
    containing: Vec<String>,
    skip: usize,
    times: Option<usize>,
    pub(crate) effect: Effect,
}

/// What the caller experiences.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effect {
    pub(crate) delay_ms: u64,
    pub(crate) kind: Kind,
    pub(crate) retry_after: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) after: bool,
    /// While this waits for a change, so does the answer.
    pub(crate) released: Option<watch::Receiver<()>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The ordinary answer, perhaps late.
    #[default]
    Ordinary,
    Status(u16),
    Html(u16),
    Truncated,
    Reset,
    Never,
    Held,
}

impl Fault {
    /// Meets requests of this method (`"ANY"` for all) whose path contains `path` (`""` for all).
    #[must_use]
    pub fn on(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            containing: Vec::new(),
            skip: 0,
            times: None,
            effect: Effect::default(),
        }
    }

    /// Meets only requests that also have `text` in the body, in the query (raw or decoded), or in a header written as
    /// `lower-case-name: value`. Several calls all have to hold.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing.push(text.to_owned());
        self
    }

    /// Lets the first `n` matching requests pass.
    #[must_use]
    pub fn skip(mut self, n: usize) -> Self {
        self.skip = n;
        self
    }

    /// Meets `n` requests, then never again.
    #[must_use]
    pub fn times(mut self, n: usize) -> Self {
        self.times = Some(n);
        self
    }

    /// The answer comes `n` milliseconds later; alone, it is otherwise the ordinary answer.
    #[must_use]
    pub fn latency_ms(mut self, n: u64) -> Self {
        self.effect.delay_ms = n;
        self
    }

    /// This status, with the body the surface gives with it.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.kind(Kind::Status(status))
    }

    /// Adds a `Retry-After` header: seconds, or an HTTP date.
    #[must_use]
    pub fn retry_after(mut self, value: &str) -> Self {
        self.effect.retry_after = Some(value.to_owned());
        self
    }

    /// The answer's `Date` is this one: an HTTP date, to the second.
    #[must_use]
    pub fn date(mut self, value: &str) -> Self {
        self.effect.date = Some(value.to_owned());
        self
    }

    /// HTTP 200 with an HTML page, as a captive portal or a bot check answers.
    #[must_use]
    pub fn html(self) -> Self {
        self.html_status(200)
    }

    /// This status with an HTML page, as a reverse proxy answers.
    #[must_use]
    pub fn html_status(self, status: u16) -> Self {
        self.kind(Kind::Html(status))
    }

    /// The ordinary answer with its full `Content-Length`, of which half arrives before the connection closes. The effect
    /// of a write takes place.
    #[must_use]
    pub fn truncated(self) -> Self {
        self.kind(Kind::Truncated)
    }

    /// A TCP reset instead of an answer.
    #[must_use]
    pub fn reset(self) -> Self {
        self.kind(Kind::Reset)
    }

    /// Takes the request and never answers.
    #[must_use]
    pub fn never(self) -> Self {
        self.kind(Kind::Never)
    }

    /// Takes the request and gives the ordinary answer once [`release`](super::FakeServer::release) says so.
    #[must_use]
    pub fn held(self) -> Self {
        self.kind(Kind::Held)
    }

    /// The accident prevents the request's effect. This is how a fault behaves unless told otherwise.
    #[must_use]
    pub fn before_effect(mut self) -> Self {
        self.effect.after = false;
        self
    }

    /// The request takes effect, and only then is its answer replaced or lost.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.effect.after = true;
        self
    }

    fn kind(mut self, kind: Kind) -> Self {
        self.effect.kind = kind;
        self
    }

    fn matches(&self, request: &Request, searchable: &mut Option<String>) -> bool {
        let method = self.method == "ANY" || self.method.eq_ignore_ascii_case(&request.method);
        if !method || !request.path.contains(&self.path) {
            return false;
        }
        self.containing.is_empty() || {
            let text = searchable.get_or_insert_with(|| request.searchable());
            self.containing.iter().all(|wanted| text.contains(wanted))
        }
    }
}

/// The accidents still to come, oldest order first.
#[derive(Default)]
pub(crate) struct Faults {
    ordered: Mutex<Vec<Fault>>,
    release: watch::Sender<()>,
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Calls off every accident that holds requests, and lets those go on that are held.
    pub(crate) fn release(&self) {
        let mut ordered = self.lock();
        ordered.retain(|fault| fault.effect.kind != Kind::Held);
        self.release.send_replace(());
    }

    /// What happens to this request: the first injected fault that matches and is neither skipping nor used up.
    pub(crate) fn meet(&self, request: &Request) -> Option<Effect> {
        let mut searchable = None;
        for fault in self.lock().iter_mut() {
            if fault.times == Some(0) || !fault.matches(request, &mut searchable) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(left) = &mut fault.times {
                *left -= 1;
            }
            // Under the lock: what is held from now on, the next release is for.
            let released = (fault.effect.kind == Kind::Held).then(|| self.release.subscribe());
            return Some(Effect { released, ..fault.effect.clone() });
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.ordered.lock().expect("no holder of the faults panics")
    }
}
