//! Files that nobody ever tells of: what a scan of the disk found is in no webhook and in no history, so a title that we have added
//! would be waited for for ever. Once a day, an instance that something has been waited for so long is asked for what it has, in one
//! request. What is there with its file is available then, and nobody is told: when it came, nobody knows.
//!
//! A look comes after the history was read, and what it has found counts once the history was read again: whatever that can tell is news
//! to people. Where there is no history to read, the look alone counts.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::clients::arr::{Arr, ArrError, Presence};
use crate::clock::{UnixMs, has_passed, millis};
use crate::model::Instance;
use crate::store::{AwaitedRow, Store, StoreError};

/// How long a title is waited for before it is looked for, and the pause between two looks.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// The titles to look for in `instance` now, which has taken them a day ago or longer; none when it was looked at within a day.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn due(store: &Store, instance: &Instance, now_ms: UnixMs) -> Result<Vec<AwaitedRow>, StoreError> {
    let looked_at_ms = store.read().setting(&looked_key(&instance.name))?.and_then(|at| at.parse().ok());
    if looked_at_ms.is_some_and(|at| !has_passed(at, EVERY, now_ms)) {
        return Ok(Vec::new());
    }
    store.read().awaited_since(&instance.name, now_ms.saturating_sub(millis(EVERY)), now_ms)
}

/// Those of `awaited` that `arr` has with something to watch: one request, for the one title or for the whole library.
///
/// # Errors
/// See [`ArrError`].
pub async fn look(arr: &Arr, awaited: Vec<AwaitedRow>) -> Result<Vec<AwaitedRow>, ArrError> {
    let first = awaited.first().map(|it| it.external_id);
    let there: Vec<AwaitedRow> = match first {
        None => Vec::new(),
        Some(id) if awaited.iter().all(|it| it.external_id == id) => match arr.presence(id).await? {
            Presence::WithFile => awaited,
            Presence::Absent | Presence::Awaited => Vec::new(),
        },
        Some(_) => {
            let library = arr.library_ids().await?;
            let is_there = |it: &AwaitedRow| library.presence(it.external_id) == Presence::WithFile;
            awaited.into_iter().filter(is_there).collect()
        }
    };
    Ok(there)
}

/// Notes that `instance` was looked at, whatever came of it: a library that is too large to be read is no better in five minutes.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn note_look(
    store: &Store,
    instance: &Instance,
    looked: &Result<Vec<AwaitedRow>, ArrError>,
    now_ms: UnixMs,
) -> Result<(), StoreError> {
    // That was none, and says nothing about the instance.
    if matches!(looked, Err(ArrError::Stopped | ArrError::BudgetSpent)) {
        return Ok(());
    }
    if let Err(error) = looked {
        let label = instance.label();
        warn!(instance.name = %instance.name, "failed to look for what {label} told nobody of: {error}. It is asked again in a day.");
    }
    store.write(|db| db.set_setting(&looked_key(&instance.name), &now_ms.to_string()))
}

/// Takes those of `found` for available that nobody has told of by now. One of which what is stored cannot be read is left as it is.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn settle(store: &Store, instance: &Instance, found: &[AwaitedRow], now_ms: UnixMs) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let settled = store.write(|db| {
        let mut settled = 0;
        for row in found {
            match db.attempt(|db| db.set_found(row, now_ms)) {
                Ok(is_news) => settled += u32::from(is_news),
                Err(error) if error.is_about_one_thing() => error!(
                    instance.name = %instance.name,
                    "a wish whose file was found in {} stays as it is: failed to {error}. {}",
                    instance.label(),
                    error.advice()
                ),
                Err(error) => return Err(error),
            }
        }
        Ok(settled)
    })?;
    if settled > 0 {
        info!(
            instance.name = %instance.name,
            "{} has files for {settled} wishes that nobody told of; they are available",
            instance.label()
        );
    }
    Ok(())
}

fn looked_key(instance: &str) -> String {
    format!("untold.looked_at_ms.{instance}")
}
