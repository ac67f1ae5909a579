//! What follows from what the arrs tell: how far each title has come, and what there is to tell people about it.
//!
//! [`announcement`] decides, without store and clock; `engine` works the inbox off and keeps the store; [`catch_up`] asks the
//! instances for what they told nobody, and [`untold`] for files of which not even their history knows. Owns no HTTP of its own, takes no run lock, and delivers nothing: what there is to tell ends
//! in the outbox. A webhook may come twice, late, or in another order than things happened: nothing here moves a title back.

pub mod announcement;
pub mod catch_up;
mod engine;
#[cfg(test)]
mod tests;
pub mod untold;

use crate::config::Environment;
pub use engine::{TRIED_FOR, apply_events, flush_due_batches, next_batch_due, process_batch, tidy};

/// How imports of episodes become messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingSettings {
    /// How long the episodes of a season are gathered into one message, in seconds from the first.
    pub season_window_s: u32,
    /// Episodes first shown no longer ago than this, in hours, are told at once.
    pub recent_episode_h: u32,
}

impl Default for TrackingSettings {
    fn default() -> Self {
        Self { season_window_s: 120, recent_episode_h: 48 }
    }
}

impl TrackingSettings {
    /// As the process's environment says.
    #[must_use]
    pub const fn of(environment: &Environment) -> Self {
        Self { season_window_s: environment.season_window_s, recent_episode_h: environment.recent_episode_h }
    }
}

/// What came of some events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Processed {
    /// Events that were understood.
    pub done: u32,
    /// Events that say nothing to us.
    pub ignored: u32,
    /// Messages that were put into the outbox.
    pub announced: u32,
}
