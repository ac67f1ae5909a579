//! The password that an instance shows with its webhooks: made here for one instance at one host, kept sealed, opened where it is told to
//! the instance and where webhooks are judged.
//!
//! It is worth little and can be made anew at any time, so that one that cannot be read is: the instance is told the new one, and what it
//! sent meanwhile is in its history.

use pulsarr_shared::process;
use pulsarr_shared::store::{Store, StoreError};
use pulsarr_shared::vault::{SEALED, Vault, VaultError};
use secrecy::{ExposeSecret as _, SecretString};

/// What an instance has to show.
pub(super) struct Given {
    /// 32 hex characters.
    pub password: SecretString,
    /// Why there was one that could not be read.
    pub lost: Option<VaultError>,
    /// It was kept in clear until now.
    pub was_in_clear: bool,
}

/// How a password is kept.
enum Kept {
    Nowhere,
    InClear(SecretString),
    Sealed(SecretString),
    Lost(VaultError),
}

/// The password that this instance at this host has to show: another one for another host, because the former knows the former; `spare`
/// where there is none that can be read. Whatever `vault` can seal is kept sealed from then on.
///
/// # Errors
/// [`StoreError`] when the database cannot be read or written.
pub(super) fn given(
    store: &Store,
    vault: &Vault,
    name: &str,
    host: &str,
    spare: SecretString,
) -> Result<Given, StoreError> {
    let known = store.read().setting(&host_key(name))?;
    // Of a connection from before hosts were noted nobody knows where it is: it is believed to be where the settings say.
    let moved = known.as_deref().is_some_and(|known| known != host);
    let kept = if moved { Kept::Nowhere } else { kept(store, vault, name)? };
    let (password, lost, was_in_clear) = match kept {
        Kept::Sealed(password) if known.is_some() => return Ok(Given { password, lost: None, was_in_clear: false }),
        Kept::Sealed(password) => (password, None, false),
        Kept::InClear(password) => (password, None, true),
        Kept::Nowhere => (spare, None, false),
        Kept::Lost(why) => (spare, Some(why), false),
    };
    // Without the key, what it sealed stays: put back, it opens it again. So does what is in clear, until it can be sealed.
    let stays = (was_in_clear || lost.is_some()) && !vault.has_key();
    let sealed = vault.seal_for(&purpose(name), &password).unwrap_or_else(|_| kept_nowhere());
    store.write(|db| {
        if moved {
            db.forget_connection(name)?;
        }
        db.set_setting(&host_key(name), host)?;
        if stays { Ok(()) } else { db.set_connection_secret(name, &sealed) }
    })?;
    Ok(Given { password, lost, was_in_clear: was_in_clear && !stays })
}

fn kept(store: &Store, vault: &Vault, name: &str) -> Result<Kept, StoreError> {
    let Some(kept) = store.read().connection_secret(name)? else { return Ok(Kept::Nowhere) };
    if !kept.expose_secret().starts_with(SEALED) {
        return Ok(Kept::InClear(kept));
    }
    let opened = vault.unseal_for(&purpose(name), kept.expose_secret());
    Ok(opened.map_or_else(Kept::Lost, Kept::Sealed))
}

/// What stands in the place of a password that cannot be sealed: nothing opens it, and nobody can guess it.
fn kept_nowhere() -> String {
    format!("{SEALED}{}", process::random_hex(16))
}

/// One of another instance could not be put in its place.
fn purpose(name: &str) -> String {
    format!("pulsarr webhook {name}")
}

/// Where the host is kept that was given the password.
pub(super) fn host_key(name: &str) -> String {
    format!("connection.host.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::connections::Spares;

    const IN_CLEAR: &str = "0123456789abcdef0123456789abcdef";

    struct Kit {
        folder: tempfile::TempDir,
        store: Store,
        vault: Vault,
        spares: Spares,
    }

    impl Kit {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), false).unwrap();
            let vault = Vault::open(folder.path()).unwrap();
            Self { folder, store, vault, spares: Spares::default() }
        }

        fn given(&self, host: &str) -> Given {
            given(&self.store, &self.vault, "movies", host, self.spares.of("movies", host)).unwrap()
        }

        fn password(&self, host: &str) -> String {
            self.given(host).password.expose_secret().to_owned()
        }

        /// As a version that knew no sealing left it.
        fn keep_in_clear(&self) {
            self.store.write(|db| db.set_connection_secret("movies", IN_CLEAR)).unwrap();
        }

        fn kept(&self) -> String {
            self.store.read().connection_secret("movies").unwrap().unwrap().expose_secret().to_owned()
        }

        /// The service ended and began again, with this key.
        fn restart(&mut self, vault: Vault) {
            (self.vault, self.spares) = (vault, Spares::default());
        }
    }

    #[test]
    fn a_password_is_for_one_host_and_survives_a_restart_sealed() {
        let mut kit = Kit::new();
        let first = kit.password("http://one:1");
        assert_eq!((first.len(), kit.password("http://one:1")), (32, first.clone()));
        assert!(kit.kept().starts_with(SEALED) && !kit.kept().contains(&first));
        kit.restart(Vault::open(kit.folder.path()).unwrap());
        assert_eq!(kit.password("http://one:1"), first);
        let other = kit.password("http://two:1");
        assert_ne!(other, first);
        assert_eq!(kit.password("http://two:1"), other);
        assert_ne!(kit.password("http://one:1"), first, "what it once knew is of use to it no more");
    }

    #[test]
    fn one_in_clear_from_before_hosts_were_noted_stays_and_is_sealed() {
        let kit = Kit::new();
        kit.keep_in_clear();
        let given = kit.given("http://one:1");
        assert_eq!((given.password.expose_secret(), given.was_in_clear), (IN_CLEAR, true));
        assert!(kit.kept().starts_with(SEALED));
        let again = kit.given("http://one:1");
        assert_eq!((again.password.expose_secret(), again.was_in_clear), (IN_CLEAR, false));
    }

    #[test]
    fn one_that_another_key_sealed_or_another_instance_was_given_is_made_anew() {
        let mut kit = Kit::new();
        let first = kit.password("http://one:1");
        let elsewhere = tempfile::tempdir().unwrap();
        kit.restart(Vault::open(elsewhere.path()).unwrap());
        let given = kit.given("http://one:1");
        assert!(matches!(given.lost, Some(VaultError::NotOurs { .. })));
        assert_ne!(given.password.expose_secret(), first);
        let again = kit.given("http://one:1");
        assert!(again.lost.is_none(), "the new one is kept");
        assert_eq!(again.password.expose_secret(), given.password.expose_secret());

        let of_shows = kit.vault.seal_for(&purpose("shows"), &IN_CLEAR.into()).unwrap();
        kit.store.write(|db| db.set_connection_secret("movies", &of_shows)).unwrap();
        assert_ne!(kit.password("http://one:1"), IN_CLEAR);
    }

    #[test]
    fn without_the_key_one_holds_until_the_service_ends_and_what_is_kept_waits_for_the_key() {
        let mut kit = Kit::new();
        let (first, kept) = (kit.password("http://one:1"), kit.kept());
        let lost = tempfile::tempdir().unwrap();
        kit.restart(Vault::of_existing(lost.path()).unwrap());
        let spare = kit.password("http://one:1");
        assert_ne!(spare, first);
        assert_eq!((kit.password("http://one:1"), kit.kept()), (spare.clone(), kept));

        kit.restart(Vault::open(kit.folder.path()).unwrap());
        assert_eq!(kit.password("http://one:1"), first, "the key is back");

        kit.restart(Vault::of_existing(lost.path()).unwrap());
        let moved = kit.password("http://two:1");
        assert!(moved != first && moved != spare);
        assert_eq!(kit.password("http://two:1"), moved);
        assert!(!kit.kept().contains(&moved), "{}", kit.kept());
        kit.restart(Vault::open(kit.folder.path()).unwrap());
        assert_ne!(kit.password("http://two:1"), moved, "nothing kept it");
    }

    #[test]
    fn without_a_key_what_is_in_clear_goes_on_until_it_can_be_sealed() {
        let mut kit = Kit::new();
        kit.keep_in_clear();
        let lost = tempfile::tempdir().unwrap();
        kit.restart(Vault::of_existing(lost.path()).unwrap());
        let given = kit.given("http://one:1");
        assert_eq!((given.password.expose_secret(), given.was_in_clear), (IN_CLEAR, false));
        assert_eq!(kit.kept(), IN_CLEAR);
        kit.restart(Vault::open(kit.folder.path()).unwrap());
        assert!(kit.given("http://one:1").was_in_clear);
    }
}
