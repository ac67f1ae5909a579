//! What is known about how every instance answers, by whoever asked it last: the one place where it turns from well to not well, and back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::model::Instance;
use pulsarr_shared::report::Problem;

/// What was found the last time, by name. Lives in memory: after a restart everybody is asked anew.
#[derive(Default)]
pub struct InstanceHealth(Mutex<BTreeMap<String, InstanceSeen>>);

/// How an instance was found.
#[derive(Debug, Clone)]
pub struct InstanceSeen {
    /// As it was reached: one that moved since, or has another key, is not known.
    pub instance: Instance,
    /// When it was asked; unix milliseconds.
    pub at_ms: UnixMs,
    /// What is wrong and what to do; none: it answered.
    pub problem: Option<Problem>,
    /// When it answered last; none: never since the service began.
    pub well_at_ms: Option<UnixMs>,
}

/// What an answer, or its absence, changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is as it was, or was well from the first.
    None,
    /// It does not answer any more, or never did.
    Worse,
    /// It answers again.
    Better,
}

impl InstanceHealth {
    /// How the instance of this name was found; none before anybody asked.
    pub fn seen(&self, name: &str) -> Option<InstanceSeen> {
        self.all().get(name).cloned()
    }

    /// Notes that `instance` answered, or that there is this problem with it; answers what that changed.
    pub fn note(&self, instance: &Instance, problem: Option<Problem>, at_ms: UnixMs) -> Turn {
        let mut all = self.all();
        let before = all.get(&instance.name);
        let turn = match (before.map(|seen| seen.problem.is_none()), problem.is_none()) {
            (Some(false), true) => Turn::Better,
            (None | Some(true), false) => Turn::Worse,
            _ => Turn::None,
        };
        let well_at_ms = if problem.is_none() { Some(at_ms) } else { before.and_then(|seen| seen.well_at_ms) };
        let seen = InstanceSeen { instance: instance.clone(), at_ms, problem, well_at_ms };
        all.insert(instance.name.clone(), seen);
        turn
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, InstanceSeen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
