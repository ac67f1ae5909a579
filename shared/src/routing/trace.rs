//! Whether reasons are written down. Deciding is the same either way; texts are only made where somebody keeps them.

use crate::model::{Stage, Trace, Verdict};

/// Takes down what led to a decision.
pub trait Tracer {
    /// Whether anything is kept.
    const KEEPS: bool;

    /// Notes a fact; `None` is "unknown".
    fn fact(&mut self, name: &str, value: Option<String>, source: &str);

    /// Notes a step.
    fn step(&mut self, stage: Stage, subject: &str, verdict: Verdict, because: impl FnOnce() -> String);
}

impl Tracer for Trace {
    const KEEPS: bool = true;

    fn fact(&mut self, name: &str, value: Option<String>, source: &str) {
        Self::fact(self, name, value, source);
    }

    fn step(&mut self, stage: Stage, subject: &str, verdict: Verdict, because: impl FnOnce() -> String) {
        Self::step(self, stage, subject, verdict, because());
    }
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Untraced;

impl Tracer for Untraced {
    const KEEPS: bool = false;

    fn fact(&mut self, _: &str, _: Option<String>, _: &str) {}

    fn step(&mut self, _: Stage, _: &str, _: Verdict, _: impl FnOnce() -> String) {}
}
