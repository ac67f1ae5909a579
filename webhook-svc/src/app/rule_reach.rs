//! How many entries each rule decides.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use pulsarr_shared::config::Config;

/// What was counted last.
#[derive(Default)]
pub struct RuleReach {
    last: Mutex<Option<Counted>>,
    /// Somebody counts aside.
    pub counting: AtomicBool,
}

/// Open entries by the name of the rule that decides them; rules without any are left out.
pub type Entries = Arc<HashMap<String, u32>>;

/// A count, and what it was made of.
#[derive(Clone)]
pub struct Counted {
    /// What was decided and open then.
    pub mark: Mark,
    /// With these rules.
    pub config: Arc<Config>,
    /// What it came to.
    pub entries: Entries,
}

/// The newest decision and the number of open entries.
pub type Mark = (i64, u32);

impl RuleReach {
    /// What was counted last, if anything was.
    pub fn last(&self) -> Option<Counted> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is told from now on.
    pub fn keep(&self, counted: Option<Counted>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }
}
