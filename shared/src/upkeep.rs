//! The nightly upkeep: what is past its time goes, a portion at a time, so that neither a webhook nor a run waits; then the store's file is
//! tidied. It may be done at any time, by several at once, and may be killed at any point: the next one goes on.
//!
//! Takes no lock, because every portion is a transaction of its own and nothing goes that somebody is at work on.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::clock::UnixMs;
use crate::poster_folder;
use crate::stop::Stop;
use crate::store::{Past, SESSION_LIMITS, Store, StoreError, beside};

const DAY_MS: UnixMs = 24 * 60 * 60 * 1_000;

/// Between two portions: SQLite lets those who wait ask every few milliseconds, and this is their turn.
const PAUSE: Duration = Duration::from_millis(10);

/// How often emptying the log is tried.
const ATTEMPTS_AT_LOG: u32 = 5;

/// Between two attempts.
const PAUSE_AT_LOG: Duration = Duration::from_millis(500);

/// For how many days each kind of row is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// Runs, from their start, of which there are never more than 9000; and times that an instance was not well, from their end.
    pub runs_days: u32,
    /// Webhooks that nothing is left to do about, from when they came. There are never more than 2000.
    pub webhooks_days: u32,
    /// Messages that were delivered, from when they were made. There are never more than 10,000.
    pub messages_days: u32,
    /// Decisions that others followed, from when their entry was closed.
    pub decisions_days: u32,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// The data folder.
    pub data_dir: &'a Path,
    /// For how long things are kept.
    pub keep: Keep,
    /// Now.
    pub now_ms: UnixMs,
    /// Count what would go, and change nothing.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What went.
    pub removed: Removed,
    /// Bytes of the store's file.
    pub store_bytes: u64,
    /// Bytes that it gave back to the volume.
    pub given_back_bytes: u64,
    /// Bytes of its write-ahead log.
    pub log_bytes: u64,
}

/// How much went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Rows of runs.
    pub runs: u64,
    /// Webhooks.
    pub webhooks: u64,
    /// Messages.
    pub messages: u64,
    /// Decisions about closed entries.
    pub decisions: u64,
    /// Times that an instance was not well.
    pub outages: u64,
    /// Sessions of browsers that were over.
    pub sessions: u64,
    /// Pictures beyond what their folder may hold.
    pub posters: u64,
}

/// Why it was not finished. What was done until then is done.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody told us to stop.
    #[error("finish the upkeep: it was told to stop")]
    Stopped,
}

/// Does it.
///
/// # Errors
/// [`UpkeepError`]; posters that cannot be removed are only logged.
pub fn tidy(store: &Store, order: &Order<'_>, stop: &Stop) -> Result<Kept, UpkeepError> {
    let mut removed = Removed::default();
    for (what, days, count) in [
        (Past::Runs, order.keep.runs_days, &mut removed.runs),
        (Past::Webhooks, order.keep.webhooks_days, &mut removed.webhooks),
        (Past::Messages, order.keep.messages_days, &mut removed.messages),
        (Past::Decisions, order.keep.decisions_days, &mut removed.decisions),
        (Past::Outages, order.keep.runs_days, &mut removed.outages),
    ] {
        let before_ms = order.now_ms - DAY_MS * UnixMs::from(days);
        *count = match order.dry_run {
            true => store.count_past(what, before_ms)?,
            false => in_portions(stop, || store.drop_past(what, before_ms))?,
        };
    }
    removed.sessions = match order.dry_run {
        true => store.read().past_sessions(SESSION_LIMITS, order.now_ms)?,
        false => store.write(|db| db.drop_past_sessions(SESSION_LIMITS, order.now_ms))?,
    };
    removed.posters = posters(order).unwrap_or_else(|error| {
        tracing::warn!("posters were left as they are: {error}");
        0
    });
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let path = Store::path(order.data_dir);
    let before = size(&path);
    if !order.dry_run {
        store.optimize()?;
        in_portions(stop, || store.give_back_pages())?;
        empty_log(store, stop)?;
    }
    let (store_bytes, log_bytes) = (size(&path), size(&beside(&path, "-wal")));
    let given_back_bytes = before.saturating_sub(store_bytes);
    Ok(Kept { dry_run: order.dry_run, removed, store_bytes, given_back_bytes, log_bytes })
}

/// Does `portion` until nothing is left, and lets others have their turn in between.
fn in_portions(stop: &Stop, mut portion: impl FnMut() -> Result<(u64, bool), StoreError>) -> Result<u64, UpkeepError> {
    let mut all = 0;
    loop {
        if stop.reason().is_some() {
            return Err(UpkeepError::Stopped);
        }
        let (done, more) = portion()?;
        all += done;
        if !more {
            return Ok(all);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Empties the log, if others leave it alone for a moment. If not, the next run or the service merges it, and tomorrow is another night.
fn empty_log(store: &Store, stop: &Stop) -> Result<(), UpkeepError> {
    for attempt in 1..=ATTEMPTS_AT_LOG {
        if store.empty_log()? {
            return Ok(());
        }
        if stop.reason().is_some() {
            return Err(UpkeepError::Stopped);
        }
        if attempt < ATTEMPTS_AT_LOG {
            std::thread::sleep(PAUSE_AT_LOG);
        }
    }
    tracing::info!("the write-ahead log was not emptied, because others read and write all the time");
    Ok(())
}

fn posters(order: &Order<'_>) -> io::Result<u64> {
    let folder = order.data_dir.join("posters");
    if !folder.is_dir() {
        return Ok(0);
    }
    poster_folder::too_many(&folder, poster_folder::BOUND).and_then(|files| {
        if !order.dry_run {
            poster_folder::remove(&files)?;
        }
        Ok(files.len() as u64)
    })
}
