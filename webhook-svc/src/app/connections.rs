//! Who works on which of our connections in the arrs, and what is remembered about each.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use pulsarr_shared::model::{Connection, ConnectionStatus, Instance};
use pulsarr_shared::process;
use secrecy::SecretString;
use tokio::sync::{Notify, OwnedMutexGuard};

/// Who works on which connection.
#[derive(Default)]
pub struct Connections {
    /// A lock per name and one per host. Two instances of the settings may be one and the same Sonarr.
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// How each was found when that was told last.
    told: Mutex<HashMap<String, ConnectionStatus>>,
    /// Those whose removal somebody else sees to.
    claimed: Mutex<HashSet<String>>,
    /// Those that were asked for what they did while we were away.
    caught_up: Mutex<HashSet<String>>,
    /// Passwords for those that have none that can be read.
    pub spares: Spares,
    /// Those that somebody has saved, and that are to be looked at soon.
    saved: Mutex<HashSet<String>>,
    /// Told of every one of those.
    pub somebody_saved: Notify,
}

/// Passwords that nobody has shown yet, by instance, each for one host. One that cannot be kept, because there is no key to seal it with,
/// holds for as long as the service lives.
#[derive(Default)]
pub struct Spares(Mutex<HashMap<String, (String, SecretString)>>);

impl Spares {
    /// The one for the instance of this name at this host: another one for another host.
    pub fn of(&self, name: &str, host: &str) -> SecretString {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(name) {
            Some((known, spare)) if known == host => spare.clone(),
            _ => {
                let spare = SecretString::from(process::random_hex(16));
                all.insert(name.to_owned(), (host.to_owned(), spare.clone()));
                spare
            }
        }
    }

    /// The instance of this name gets another one the next time.
    pub fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl Connections {
    /// Whether it was asked for what it did while we were away.
    pub fn has_caught_up(&self, name: &str) -> bool {
        self.caught_up.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// It was.
    pub fn caught_up(&self, name: &str) {
        self.caught_up.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Those that somebody has saved; they count as looked at from now on.
    pub fn take_saved(&self) -> HashSet<String> {
        std::mem::take(&mut *self.saved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn alone(&self, with: String) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(self.locks.lock().unwrap_or_else(PoisonError::into_inner).entry(with).or_default());
        lock.lock_owned().await
    }

    /// From now on nobody else works on the connection of the instance of this name.
    pub async fn alone_with_name(&self, name: &str) -> OwnedMutexGuard<()> {
        self.alone(format!("name {name}")).await
    }

    /// From now on nobody else works on a connection at the host of `instance`.
    pub async fn alone_at_host(&self, instance: &Instance) -> OwnedMutexGuard<()> {
        self.alone(format!("host {}", host_of(&instance.url))).await
    }

    /// Whether somebody else sees to its removal.
    pub fn is_claimed(&self, name: &str) -> bool {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Tells how the connection of `instance` was found, when it was found otherwise the last time.
    pub fn tell(&self, instance: &Instance, found: &Connection) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(instance.name.clone(), found.status) == Some(found.status) {
            return;
        }
        match found.status {
            ConnectionStatus::Ok => tracing::info!(instance.name = %instance.name, "{}", found.advice),
            _ => tracing::warn!(instance.name = %instance.name, "{}", found.advice),
        }
    }

    /// Whatever is of this name from now on is another one.
    pub fn forget(&self, name: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.caught_up.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.spares.forget(name);
    }

    /// Somebody has saved the instance of this name.
    pub fn note_saved(&self, name: &str) {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        self.somebody_saved.notify_one();
    }

    /// Whoever asks sees to the removal of this one, until it is [given back](Self::unclaim).
    pub fn claim(&self, name: &str) {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Nobody in particular sees to its removal any more.
    pub fn unclaim(&self, name: &str) {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Scheme, host and port of an address as settings have it: whom a key or a password is given to.
pub fn host_of(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}
