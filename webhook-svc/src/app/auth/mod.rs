//! What is needed to tell who may: whose word counts, who has tried how often, and how passwords are hashed.

mod attempts;
mod network;
mod secrets;
mod uses;

pub use attempts::{Attempts, Whose};
pub use network::{Origin, is_foreign};
pub use secrets::{NoRandomness, Passwords, csrf_token, hash, random, same};
pub use uses::{Used, Uses};

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use network::Proxies;
use pulsarr_shared::config::Environment;
use secrecy::SecretString;
use warp::http::{HeaderMap, HeaderName};

/// What is needed to tell who may.
pub struct Auth {
    /// Whose word counts about where a request comes from.
    pub proxies: Proxies,
    /// Where they name who asks.
    pub user_header: Option<HeaderName>,
    /// Whether it was said that somebody passes on what others ask whose word does not count.
    said_untrusted: AtomicBool,
    /// What the first visit has to bring.
    pub setup_token: SecretString,
    /// Attempts to sign in.
    pub attempts: Attempts,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// What was used and is still to be noted.
    pub uses: Uses,
}

/// Why nobody can tell who may.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// An entry of `PULSARR_TRUSTED_PROXIES`.
    #[error(
        "understand PULSARR_TRUSTED_PROXIES: `{0}` is neither an address nor a network. Write them as in 10.42.0.0/16, ::1"
    )]
    Proxy(String),
    /// `PULSARR_PROXY_USER_HEADER`.
    #[error("understand PULSARR_PROXY_USER_HEADER: `{0}` cannot be the name of a header. Write it as in Remote-User")]
    Header(String),
    /// No secrets can be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl Auth {
    /// As the environment says.
    ///
    /// # Errors
    /// [`AuthError`] for what cannot be understood: half a list of proxies must not count.
    pub fn new(environment: &Environment) -> Result<Self, AuthError> {
        let proxies = Proxies::parse(environment.trusted_proxies.as_deref().unwrap_or_default());
        let user_header = environment.proxy_user_header.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let user_header = user_header.map(|name| name.parse().map_err(|_| AuthError::Header(name.to_owned())));
        let setup_token = match &environment.setup_token {
            Some(token) => token.clone(),
            None => random()?.into(),
        };
        Ok(Self {
            proxies: proxies.map_err(AuthError::Proxy)?,
            user_header: user_header.transpose()?,
            said_untrusted: AtomicBool::new(false),
            setup_token,
            attempts: Attempts::default(),
            passwords: Passwords::default(),
            uses: Uses::default(),
        })
    }

    /// Where a request comes from.
    pub fn origin(&self, remote: Option<IpAddr>, headers: &HeaderMap) -> Origin {
        let origin = Origin::of(remote, headers, &self.proxies);
        if let Some(socket) = self.untrusted(origin, headers) {
            tracing::warn!(
                "{socket} passes on requests of others, and is not in PULSARR_TRUSTED_PROXIES: all of them count as one address. If \
                 it is your proxy, name it there"
            );
        }
        origin
    }

    /// Who says to pass on what others ask, and is not believed: the first time that anybody does.
    pub fn untrusted(&self, origin: Origin, headers: &HeaderMap) -> Option<IpAddr> {
        let passed_on = ["x-forwarded-for", "forwarded"].iter().any(|name| headers.contains_key(*name));
        let socket = origin.client.filter(|_| passed_on && !origin.by_proxy)?;
        (!self.said_untrusted.swap(true, Ordering::Relaxed)).then_some(socket)
    }

    /// Whom a trusted proxy names. Two names are nobody's: one of them may be the client's own.
    pub fn named_by_proxy(&self, origin: Origin, headers: &HeaderMap) -> Option<String> {
        let mut names = headers.get_all(self.user_header.as_ref().filter(|_| origin.by_proxy)?).iter();
        let (Some(name), None) = (names.next(), names.next()) else { return None };
        let name = name.to_str().ok()?.trim();
        (1..=64).contains(&name.len()).then(|| format!("{name} (by proxy)"))
    }
}
