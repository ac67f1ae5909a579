//! The passwords of the instances' webhooks, as their hashes: looked at for every webhook, so kept at hand.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, has_passed};
use pulsarr_shared::telemetry;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// How often the wrong passwords for an instance are told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// A hash per instance.
#[derive(Default)]
pub struct Passwords {
    hashes: RwLock<HashMap<String, [u8; 32]>>,
    wrong: Mutex<HashMap<String, Wrong>>,
}

/// The wrong passwords for an instance.
#[derive(Default)]
struct Wrong {
    told_at_ms: Option<UnixMs>,
    untold: u64,
}

impl Passwords {
    /// From now on `instance` has to show `password`, which no log line tells.
    pub fn set(&self, instance: &str, password: &SecretString) {
        telemetry::hide(password);
        let mut all = self.hashes.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(instance.to_owned(), hash(password.expose_secret().as_bytes()));
    }

    /// From now on nobody is let in for `instance`.
    pub fn forget(&self, instance: &str) {
        self.hashes.write().unwrap_or_else(PoisonError::into_inner).remove(instance);
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(instance);
    }

    /// Counts a wrong password for `instance`, which is one of the settings. Answers how many there were since they were told last, this
    /// one included, when they are to be told now: the first at once, and from then on once a minute.
    pub fn to_be_told(&self, instance: &str, now_ms: UnixMs) -> Option<u64> {
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = all.entry(instance.to_owned()).or_default();
        wrong.untold = wrong.untold.saturating_add(1);
        if wrong.told_at_ms.is_some_and(|told_at_ms| !has_passed(told_at_ms, TOLD_EVERY, now_ms)) {
            return None;
        }
        wrong.told_at_ms = Some(now_ms);
        Some(std::mem::take(&mut wrong.untold))
    }

    /// Whether `password` is the one of `instance`; takes the same time however much of it is right. An instance without one is never
    /// let in.
    pub fn accept(&self, instance: &str, password: &[u8]) -> bool {
        let all = self.hashes.read().unwrap_or_else(PoisonError::into_inner);
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
    fn wrong_passwords_are_told_once_a_minute_and_instance_with_their_number() {
        let passwords = Passwords::default();
        let tell = |now_ms| passwords.to_be_told("movies", now_ms);
        assert_eq!(tell(1_000), Some(1));
        for now_ms in 1_001..=1_500 {
            assert_eq!(tell(now_ms), None);
        }
        assert_eq!(passwords.to_be_told("shows", 1_500), Some(1), "of another instance nothing was told");
        assert_eq!(tell(60_999), None);
        assert_eq!(tell(61_000), Some(502));
        assert_eq!(tell(61_001), None);
        assert_eq!(tell(500), Some(2), "a clock that was set back hides nothing");
    }

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
