//! The passwords of the instances' webhooks, as their hashes: looked at for every webhook, so kept at hand.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use pulsarr_shared::telemetry;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// A hash per instance.
#[derive(Default)]
pub struct Passwords(RwLock<HashMap<String, [u8; 32]>>);

impl Passwords {
    /// From now on `instance` has to show `password`, which no log line tells.
    pub fn set(&self, instance: &str, password: &SecretString) {
        telemetry::hide(password);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(instance.to_owned(), hash(password.expose_secret().as_bytes()));
    }

    /// From now on nobody is let in for `instance`.
    pub fn forget(&self, instance: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(instance);
    }

    /// Whether `password` is the one of `instance`; takes the same time however much of it is right. An instance without one is never
    /// let in.
    pub fn accept(&self, instance: &str, password: &[u8]) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(instance).is_some_and(|expected| bool::from(hash(password).ct_eq(expected)))
    }
}

fn hash(text: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_its_own_and_one_without_is_never_let_in() {
        let passwords = Passwords::default();
        passwords.set("movies", &"secret".into());
        assert!(passwords.accept("movies", b"secret"));
        assert!(!passwords.accept("movies", b"secreT"));
        assert!(!passwords.accept("movies", b""));
        assert!(!passwords.accept("shows", b"secret"));
        assert!(!passwords.accept("shows", b""));
        passwords.forget("movies");
        assert!(!passwords.accept("movies", b"secret"));
    }
}
