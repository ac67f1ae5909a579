//! How far a run has come: rows in the store, so that any process can show it, and a callback for whoever runs the engine.

use std::cell::Cell;
use std::time::Duration;

use crate::clock::{Clock, Stopwatch};
use crate::store::{Store, StoreError};

/// Rows are written at most this often; the end of a stage always is.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStage {
    /// Reading watchlists; one step per list.
    Observe,
    /// Asking for ids and facts; one step per title.
    Resolve,
    /// Deciding; one step per entry.
    Decide,
    /// Adding; one step per placement.
    Act,
}

impl RunStage {
    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Resolve => "resolve",
            Self::Decide => "decide",
            Self::Act => "act",
        }
    }
}

/// How far a stage has come.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    /// Which stage.
    pub stage: RunStage,
    /// Steps done.
    pub done: u32,
    /// Steps in all, as far as known.
    pub total: u32,
}

/// Keeps the position of one run.
pub struct Progress<'a> {
    run_id: &'a str,
    store: &'a Store,
    clock: &'a dyn Clock,
    show: &'a dyn Fn(Position),
    position: Cell<Position>,
    written: Cell<Option<Stopwatch>>,
}

impl<'a> Progress<'a> {
    /// Nothing done yet. `show` hears of every step; the store of about one a second.
    pub fn new(run_id: &'a str, store: &'a Store, clock: &'a dyn Clock, show: &'a dyn Fn(Position)) -> Self {
        let position = Position { stage: RunStage::Observe, done: 0, total: 0 };
        Self { run_id, store, clock, show, position: Cell::new(position), written: Cell::new(None) }
    }

    /// Begins a stage of `total` steps.
    pub fn begin(&self, stage: RunStage, total: usize) -> Result<(), StoreError> {
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        self.move_to(Position { stage, done: 0, total })
    }

    /// Counts `steps` of the current stage as done.
    pub fn advance(&self, steps: usize) -> Result<(), StoreError> {
        let position = self.position.get();
        let done = position.done.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        self.move_to(Position { done, total: position.total.max(done), ..position })
    }

    fn move_to(&self, position: Position) -> Result<(), StoreError> {
        self.position.set(position);
        (self.show)(position);
        let due = self.written.get().is_none_or(|written| written.elapsed() >= WRITE_EVERY);
        let ends = position.done > 0 && position.done == position.total;
        if !due && !ends {
            return Ok(());
        }
        self.written.set(Some(Stopwatch::start()));
        let Position { stage, done, total } = position;
        self.store.write(|db| db.set_progress(self.run_id, stage.word(), done, total, self.clock.now_ms()))
    }
}
