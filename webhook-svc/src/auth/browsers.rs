//! Browsers in which somebody has signed in before. Their attempts are counted by themselves: behind a proxy that nobody trusts all the
//! world is one address, and a stranger's wrong passwords must not keep the admin out. Such a browser is no session; it still has to
//! bring the password. The store knows the hashes of their tokens only.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pulsarr_shared::clock::{UnixMs, millis};
use pulsarr_shared::store::{Db, StoreError};
use warp::http::{HeaderMap, HeaderValue};

use super::session::{cookie, cookie_named};
use crate::app::App;
use crate::app::auth::{NoRandomness, Origin, hash, random};
use crate::request::ApiError;

/// The cookie's name.
const COOKIE: &str = "pulsarr_browser";
/// How long a browser is known after the last time that somebody signed in with it.
const KNOWN_FOR: Duration = Duration::from_secs(180 * 24 * 60 * 60);
/// So many are known; of more, those in which somebody signed in last.
const MOST: usize = 50;
/// The setting that holds them: a line each, the newest first, of the token's hash and when somebody signed in last.
const KEPT: &str = "auth.browsers";

/// A browser in which somebody has signed in, or is about to.
#[derive(Clone)]
pub struct Browser {
    token: String,
}

impl Browser {
    /// One that is not known yet.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self { token: random()? })
    }

    /// The browser whose cookie came along, if it is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn known(app: &App, headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(token) = cookie_named(COOKIE, headers) else { return Ok(None) };
        let kept = app.database.read(|db| db.setting(KEPT)).await?.unwrap_or_default();
        let browser = Self { token };
        let is_known = alive(&kept, app.now_ms()).any(|(hash, _)| hash == browser.kept_as());
        Ok(is_known.then_some(browser))
    }

    /// The hash of its token.
    pub fn token_hash(&self) -> [u8; 32] {
        hash(&self.token)
    }

    /// From now on it is known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read or written.
    pub fn remember(&self, db: Db<'_>, now_ms: UnixMs) -> Result<(), StoreError> {
        let kept = db.setting(KEPT)?.unwrap_or_default();
        db.set_setting(KEPT, &with(&kept, &self.kept_as(), now_ms))
    }

    /// `Set-Cookie` by which it is known again.
    pub fn cookie(&self, app: &App, origin: Origin, headers: &HeaderMap) -> HeaderValue {
        cookie(app, origin, headers, (COOKIE, &self.token), KNOWN_FOR.as_secs())
    }

    fn kept_as(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.token_hash())
    }
}

/// The hashes that still count, each with its time.
fn alive(kept: &str, now_ms: UnixMs) -> impl Iterator<Item = (&str, UnixMs)> {
    let pairs =
        kept.lines().filter_map(|line| line.split_once(' ')).filter_map(|(hash, at)| Some((hash, at.parse().ok()?)));
    pairs.filter(move |(_, at_ms)| now_ms.saturating_sub(*at_ms) < millis(KNOWN_FOR))
}

/// `kept` with `hash` as the newest.
fn with(kept: &str, hash: &str, now_ms: UnixMs) -> String {
    let others = alive(kept, now_ms).filter(|(other, _)| *other != hash).take(MOST - 1);
    let lines = std::iter::once((hash, now_ms)).chain(others).map(|(hash, at_ms)| format!("{hash} {at_ms}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifty_newest_are_known_for_half_a_year() {
        let hashes = |kept: &str, now_ms| alive(kept, now_ms).map(|(hash, _)| hash.to_owned()).collect::<Vec<_>>();
        let mut kept = String::new();
        for number in 0..60 {
            kept = with(&kept, &format!("h{number}"), number);
        }
        kept = with(&kept, "h20", 60);
        let known = hashes(&kept, 60);
        assert_eq!((known.len(), &known[..2], known[49].as_str()), (50, &["h20".into(), "h59".into()][..], "h10"));
        let half_a_year = millis(KNOWN_FOR);
        assert_eq!(hashes(&kept, half_a_year + 58), ["h20", "h59"]);
        assert!(hashes("nonsense\nh1 soon\n", 1).is_empty());
    }
}
