//! Whether the token still works: asked once a day, remembered in between.
//!
//! Only `GET /api/v2/user` declares a token dead. What is remembered belongs to one token and is forgotten with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::debug;

use crate::clients::plex::{Account, Plex};
use crate::clock::{UnixMs, has_passed};
use crate::store::{Db, Store, StoreError};

/// Where the last answer is kept.
const KEY: &str = "plex.health";

/// How long a token that works is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon we ask again when it did not work, or Plex could not tell: a person who mends it wants to see that.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(15 * 60);

/// Whether Plex takes the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It does.
    Alive,
    /// It has refused it. The account has to be linked anew.
    Dead,
    /// It could not be asked.
    Unknown,
}

impl TokenState {
    /// `alive`, `dead`, `unknown`
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known about the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHealth {
    /// Whether Plex takes it.
    pub state: TokenState,
    /// When Plex was last asked, with or without success; unix milliseconds.
    pub checked_at_ms: UnixMs,
    /// Whose it is, or was: Plex's user name.
    pub username: Option<String>,
    /// Whether that account has a Plex Pass, or last had.
    pub plex_pass: Option<bool>,
    /// Tells one token from another without keeping it; see [`Plex::token_mark`].
    token_mark: String,
}

impl TokenHealth {
    /// What is remembered about the token with this [mark](crate::clients::plex::token_mark); none when that is another token, or nobody
    /// has asked yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn remembered(token_mark: &str, db: Db<'_>) -> Result<Option<Self>, StoreError> {
        let stored = db.setting(KEY)?;
        let stored = stored.and_then(|json| serde_json::from_str::<Self>(&json).ok());
        Ok(stored.filter(|health| health.token_mark == token_mark))
    }

    /// Keeps this for the next time.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn remember(&self, store: &Store) -> Result<(), StoreError> {
        store.write(|db| self.remember_in(db))
    }

    /// Keeps this for the next time, together with whatever else is being written: for use inside [`Store::write`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn remember_in(&self, db: Db<'_>) -> Result<(), StoreError> {
        db.set_setting(KEY, &serde_json::to_string(self).unwrap_or_default())
    }

    /// What there is to know about the token of `plex` when `account` has just answered to it.
    #[must_use]
    pub fn of_account(plex: &Plex, account: &Account, now_ms: UnixMs) -> Self {
        Self {
            state: TokenState::Alive,
            checked_at_ms: now_ms,
            username: Some(account.username.clone()),
            plex_pass: Some(account.plex_pass),
            token_mark: plex.token_mark(),
        }
    }

    /// Asks Plex about the token unless `before` is fresh enough: a day old when it was alive, a quarter of an hour when not. `force`
    /// asks at any time. An account that answers is also pinged, which keeps the token from expiring. Does not touch the store, so
    /// that it can run where no connection to it may be held.
    pub async fn look(plex: &Plex, before: Option<Self>, now_ms: UnixMs, force: bool) -> Self {
        let before = before.filter(|health| health.token_mark == plex.token_mark());
        if let Some(health) = &before
            && !force
            && !has_passed(health.checked_at_ms, health.believed_for(), now_ms)
        {
            return health.clone();
        }
        let token_mark = plex.token_mark();
        let (was, username, plex_pass) = before
            .map_or((TokenState::Unknown, None, None), |health| (health.state, health.username, health.plex_pass));
        match plex.account().await {
            Ok(account) => {
                if let Err(error) = plex.ping().await {
                    debug!("failed to {error}; the token works all the same");
                }
                Self::of_account(plex, &account, now_ms)
            }
            Err(error) => {
                // A token does not come back to life because nobody can be asked.
                let dead = error.is_unauthorized() || was == TokenState::Dead;
                let state = if dead { TokenState::Dead } else { TokenState::Unknown };
                Self { state, checked_at_ms: now_ms, username, plex_pass, token_mark }
            }
        }
    }

    const fn believed_for(&self) -> Duration {
        match self.state {
            TokenState::Alive => BELIEVED_FOR,
            TokenState::Dead | TokenState::Unknown => ASK_AGAIN_AFTER,
        }
    }
}

/// What is known about the token of `plex`, asked anew when it is time to; see [`TokenHealth::look`]. The answer is remembered.
///
/// # Errors
/// [`StoreError`] when the store cannot be read or written. That Plex cannot be asked is an answer.
pub async fn check_health(plex: &Plex, store: &Store, now_ms: UnixMs, force: bool) -> Result<TokenHealth, StoreError> {
    let before = TokenHealth::remembered(&plex.token_mark(), store.read())?;
    let health = TokenHealth::look(plex, before.clone(), now_ms, force).await;
    if before.as_ref() != Some(&health) {
        health.remember(store)?;
    }
    Ok(health)
}

#[cfg(test)]
mod tests {
    use pulsarr_tests::fakes::{FakePlex, Fault};
    use secrecy::SecretString;

    use super::*;
    use crate::clients::plex::PlexUrls;
    use crate::clients::testing::http;

    const DAY_MS: UnixMs = 24 * 60 * 60 * 1000;
    const NOW_MS: UnixMs = 1_795_435_200_000;

    fn plex(fake: &FakePlex, token: &str) -> Plex {
        let urls =
            PlexUrls { plex_tv: fake.plex_tv_url(), discover: fake.discover_url(), community: fake.community_url() };
        Plex::new(http(), urls, SecretString::from(token), "installation-1".to_owned())
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), true).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn a_token_that_works_is_asked_about_once_a_day_and_kept_alive() {
        let (fake, (_folder, store)) = (FakePlex::start(), store());
        let plex = plex(&fake, &fake.owner_token());
        let first = check_health(&plex, &store, NOW_MS, false).await.unwrap();
        assert_eq!((first.state, first.username.as_deref()), (TokenState::Alive, Some("mirela_q")));
        assert_eq!(first.plex_pass, Some(true));
        let again = check_health(&plex, &store, NOW_MS + DAY_MS - 1, false).await.unwrap();
        assert_eq!(again, first);
        assert_eq!((fake.requests_to("/api/v2/user"), fake.requests_to("/api/v2/ping")), (1, 1));
        fake.set_plex_pass(false);
        let next_day = check_health(&plex, &store, NOW_MS + DAY_MS, false).await.unwrap();
        assert_eq!((next_day.checked_at_ms, next_day.plex_pass), (NOW_MS + DAY_MS, Some(false)));
        check_health(&plex, &store, NOW_MS + DAY_MS + 1, true).await.unwrap();
        assert_eq!((fake.requests_to("/api/v2/user"), fake.requests_to("/api/v2/ping")), (3, 3));
    }

    #[tokio::test]
    async fn only_a_refusal_by_the_account_is_death() {
        let (fake, (_folder, store)) = (FakePlex::start(), store());
        let plex = plex(&fake, &fake.owner_token());
        let check = async |now_ms| check_health(&plex, &store, now_ms, true).await.unwrap().state;
        fake.inject(Fault::on("GET", "/api/v2/ping").status(401));
        assert_eq!(check(NOW_MS).await, TokenState::Alive, "a ping's refusal is a rumour");
        fake.inject(Fault::on("GET", "/api/v2/user").status(503));
        assert_eq!(check(NOW_MS).await, TokenState::Unknown);
        assert_eq!(
            TokenHealth::remembered(&plex.token_mark(), store.read()).unwrap().unwrap().username.as_deref(),
            Some("mirela_q")
        );
        fake.clear_faults();
        fake.revoke_token();
        assert_eq!(check(NOW_MS).await, TokenState::Dead);
        fake.inject(Fault::on("GET", "/api/v2/user").status(503));
        assert_eq!(check(NOW_MS).await, TokenState::Dead, "silence does not wake the dead");
        fake.clear_faults();
        fake.restore_token();
        assert_eq!(check(NOW_MS).await, TokenState::Alive);
    }

    #[tokio::test]
    async fn a_token_that_did_not_work_is_tried_again_soon() {
        let (fake, (_folder, store)) = (FakePlex::start(), store());
        let plex = plex(&fake, &fake.owner_token());
        fake.revoke_token();
        check_health(&plex, &store, NOW_MS, false).await.unwrap();
        fake.restore_token();
        let soon = check_health(&plex, &store, NOW_MS + 60_000, false).await.unwrap();
        assert_eq!(soon.state, TokenState::Dead);
        let later = check_health(&plex, &store, NOW_MS + 15 * 60_000, false).await.unwrap();
        assert_eq!(later.state, TokenState::Alive);
    }

    #[tokio::test]
    async fn another_token_has_a_health_of_its_own_and_no_token_is_stored() {
        let (fake, (_folder, store)) = (FakePlex::start(), store());
        let good = plex(&fake, &fake.owner_token());
        check_health(&good, &store, NOW_MS, false).await.unwrap();
        let stored = store.read().setting(KEY).unwrap().unwrap();
        assert!(!stored.contains(&fake.owner_token()));
        let bad = plex(&fake, "tok-unknown");
        assert_eq!(TokenHealth::remembered(&bad.token_mark(), store.read()).unwrap(), None);
        let health = check_health(&bad, &store, NOW_MS, false).await.unwrap();
        assert_eq!((health.state, health.username), (TokenState::Dead, None));
    }
}
