//! The token that the household's Plex server takes from us, where people chose the server in the service: plex.tv gives it out for
//! that server alone. The account's own token never goes to an address that came over the network, because whoever answers there may
//! only have repeated the server's name.
//!
//! Kept sealed beside the settings, together with what it is for: one address, and one token of the account that it was given to.
//! With another of either it counts for nothing.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::clients::plex::Plex;
use crate::store::{Db, StoreError};
use crate::telemetry;
use crate::vault::{Vault, VaultError};

/// Where it is kept.
const KEY: &str = "plex.server_token";

/// A token for one Plex server, fit to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedServerToken(String);

/// What is sealed: nobody can put another address beside the token.
#[derive(Serialize, Deserialize)]
struct Content {
    url: String,
    /// See [`Plex::token_mark`].
    account: String,
    token: String,
}

impl SealedServerToken {
    /// `token`, which the account of `plex` was given for the server at `url`.
    ///
    /// # Errors
    /// [`VaultError`] when it cannot be sealed.
    pub fn new(url: &str, token: &SecretString, plex: &Plex, vault: &Vault) -> Result<Self, VaultError> {
        let content =
            Content { url: url.to_owned(), account: plex.token_mark(), token: token.expose_secret().to_owned() };
        let content = SecretString::from(serde_json::to_string(&content).unwrap_or_default());
        telemetry::hide(token);
        vault.seal(&content).map(Self)
    }

    /// Keeps it in the place of another.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn keep(&self, db: Db<'_>) -> Result<(), StoreError> {
        db.set_setting(KEY, &self.0)
    }
}

/// The token that is kept for the server at `url` and the account of `plex`; `None` when there is none, or one for something else, or
/// one that `vault` cannot open: plex.tv gives it out again.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn server_token(url: &str, plex: &Plex, vault: &Vault, db: Db<'_>) -> Result<Option<SecretString>, StoreError> {
    let Some(sealed) = db.setting(KEY)? else { return Ok(None) };
    let opened = vault.unseal(&sealed).ok();
    let content = opened.and_then(|text| serde_json::from_str::<Content>(text.expose_secret()).ok());
    let content = content.filter(|it| it.url == url && it.account == plex.token_mark());
    let token = content.map(|it| SecretString::from(it.token));
    token.iter().for_each(telemetry::hide);
    Ok(token)
}

/// Forgets the token, should there be one.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn forget_server_token(db: Db<'_>) -> Result<(), StoreError> {
    db.unset_setting(KEY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::plex::PlexUrls;
    use crate::clients::testing::http;
    use crate::store::Store;

    const URL: &str = "http://192.168.1.20:32400";

    fn plex(token: &str) -> Plex {
        let at = || "http://127.0.0.1:9".to_owned();
        let urls = PlexUrls { plex_tv: at(), discover: at(), community: at() };
        Plex::new(http(), urls, token.into(), "pulsarr-1".to_owned())
    }

    #[test]
    fn it_opens_for_its_own_address_and_account_alone_and_can_be_forgotten() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (vault, stranger) = (Vault::open(folder.path()).unwrap(), Vault::open(other.path()).unwrap());
        let store = Store::open(folder.path(), false).unwrap();
        let account = plex("tok-owner");
        let found = |url: &str, plex: &Plex, vault: &Vault| {
            let found = server_token(url, plex, vault, store.read()).unwrap();
            found.map(|token| token.expose_secret().to_owned())
        };
        assert_eq!(found(URL, &account, &vault), None);
        let sealed = SealedServerToken::new(URL, &"tok-server".into(), &account, &vault).unwrap();
        store.write(|db| sealed.keep(db)).unwrap();
        assert_eq!(found(URL, &account, &vault).as_deref(), Some("tok-server"));
        assert_eq!(found("http://192.168.1.21:32400", &account, &vault), None);
        assert_eq!(found(URL, &plex("tok-other"), &vault), None);
        assert_eq!(found(URL, &account, &stranger), None);
        // What was sealed for another purpose is none.
        store.write(|db| db.set_setting(KEY, &vault.seal(&"tok-owner".into()).unwrap())).unwrap();
        assert_eq!(found(URL, &account, &vault), None);
        store.write(|db| sealed.keep(db)).unwrap();
        store.write(forget_server_token).unwrap();
        assert_eq!(found(URL, &account, &vault), None);
    }
}
