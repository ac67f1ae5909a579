//! How far one gets on the way to an upstream: its name, a connection, an answer. Says nothing of who asks: no key, no token.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::DATE;
use reqwest::{Method, Url};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Transport;
use super::answer::{broken, http_date_s};
use super::request::Request;
use crate::clock::Clock;

/// How long each step may take.
const STEP: Duration = Duration::from_secs(5);

/// How far one got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// The configured address is none.
    NoUrl,
    /// Nobody knows an address for the name.
    NoAddress {
        /// The name.
        host: String,
        /// Why not.
        detail: String,
    },
    /// Nobody takes a connection there.
    NoConnection {
        /// Address and port, of the last one that was tried.
        at: String,
        /// Why not.
        detail: String,
    },
    /// Somebody takes connections, and no HTTP comes back, or his certificate is not trusted.
    NoAnswer {
        /// Name and port.
        at: String,
        /// Why not.
        detail: String,
    },
    /// HTTP comes back.
    Answered {
        /// Its status, which may well be one that says that we may not.
        status: u16,
        /// By how many milliseconds our clock is ahead of the answer's `Date`, which is to the second; negative: behind.
        ahead_ms: Option<i64>,
    },
}

/// Goes as far as it can to `url`: looks the name up, connects, and asks `HEAD`. Takes fifteen seconds at most.
pub async fn reach(transport: &Transport, clock: &dyn Clock, url: &str) -> Reached {
    let Ok(parsed) = Url::parse(url) else { return Reached::NoUrl };
    let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else { return Reached::NoUrl };
    let host = host.trim_matches(['[', ']']);
    let addresses = match timeout(STEP, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(error)) => return Reached::NoAddress { host: host.to_owned(), detail: error.to_string() },
        Err(_) => return Reached::NoAddress { host: host.to_owned(), detail: in_vain() },
    };
    if let Err((at, detail)) = connect(&addresses).await {
        return Reached::NoConnection { at: at.map_or_else(|| format!("{host}:{port}"), |at| at.to_string()), detail };
    }
    greet(transport, clock, url)
        .await
        .unwrap_or_else(|detail| Reached::NoAnswer { at: format!("{host}:{port}"), detail })
}

/// Whether one of them takes a connection; else the last one, and why not. All of them together have the time of one step.
async fn connect(addresses: &[SocketAddr]) -> Result<(), (Option<SocketAddr>, String)> {
    let mut last = (None, "it has no address".to_owned());
    let tried = async {
        for address in addresses {
            last.0 = Some(*address);
            last.1 = in_vain();
            match TcpStream::connect(address).await {
                Ok(_) => return true,
                Err(error) => last.1 = error.to_string(),
            }
        }
        false
    };
    if timeout(STEP, tried).await == Ok(true) { Ok(()) } else { Err(last) }
}

async fn greet(transport: &Transport, clock: &dyn Clock, url: &str) -> Result<Reached, String> {
    let request = Request::get(url, "/", &[]).map_err(|error| error.to_string())?.with_method(Method::HEAD, None);
    let response = match timeout(STEP, transport.once(&request)).await {
        Ok(outcome) => outcome.map_err(|error| broken(error, false).to_string())?,
        Err(_) => return Err(in_vain()),
    };
    let date_s = response.headers().get(DATE).and_then(|date| http_date_s(date.to_str().ok()?));
    let ahead_ms = date_s.map(|date_s| clock.now_ms() - date_s * 1_000);
    Ok(Reached::Answered { status: response.status().as_u16(), ahead_ms })
}

fn in_vain() -> String {
    format!("nothing came back within {} seconds", STEP.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsarr_tests::fakes::{FakeRadarr, Fault};

    use crate::clock::SystemClock;

    async fn reached(url: &str) -> Reached {
        reach(&Transport::trusting(None).unwrap(), &SystemClock, url).await
    }

    #[tokio::test]
    async fn each_step_of_the_way_fails_in_its_own_words() {
        assert_eq!(reached("radarr").await, Reached::NoUrl);
        let nowhere = reached("http://nobody.invalid:7878").await;
        assert!(matches!(&nowhere, Reached::NoAddress { host, .. } if host == "nobody.invalid"), "{nowhere:?}");
        let closed = reached("http://127.0.0.1:1").await;
        assert!(matches!(&closed, Reached::NoConnection { at, .. } if at == "127.0.0.1:1"), "{closed:?}");
        let radarr = FakeRadarr::start();
        let Reached::Answered { ahead_ms: Some(ahead_ms), .. } = reached(&radarr.url()).await else {
            panic!("it answers and tells the time")
        };
        assert!(ahead_ms.abs() < 10_000, "{ahead_ms}");
        let seen = radarr.journal();
        assert!(seen.iter().all(|one| one.method == "HEAD" && one.token.is_none()), "{seen:?}");
        radarr.inject(Fault::on("ANY", "").reset().before_effect());
        let silent = reached(&radarr.url()).await;
        assert!(matches!(silent, Reached::NoAnswer { .. }), "{silent:?}");
    }
}
