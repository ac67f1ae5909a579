//! The webhook connection that pulsarr keeps in each Sonarr and Radarr: created, repaired, tried out, removed.
//!
//! `plan` decides from what an instance has; `act` asks and changes the instance. Neither opens the store: the password
//! comes in, what was found goes out, and the caller notes it. While one of these waits, the instance calls pulsarr's own
//! receiver, which therefore has to be answering.
//!
//! Ours is a connection whose address carries this installation's id. Names and everything else may be changed by people.

mod act;
mod plan;

pub use act::{check, fix, remove};
pub use plan::{Flaw, Plan, Step, Wanted, plan};

use crate::process;
use crate::store::{Db, Store, StoreError};

/// Where the installation's id is kept.
const KEY: &str = "installation.id";

/// This installation's own id, 8 hex characters: made once, kept for ever, so that two of them can share a Sonarr.
///
/// # Errors
/// [`StoreError`] when it can neither be read nor stored.
pub fn installation(store: &Store) -> Result<String, StoreError> {
    if let Some(id) = kept_installation(store.read())? {
        return Ok(id);
    }
    // Of what is not kept no instance may ever hear: the same id each time does no harm.
    let fresh = if store.lasts() { process::random_hex(4) } else { "00000000".to_owned() };
    store.write(|db| match db.setting(KEY)? {
        // Another process was faster.
        Some(id) => Ok(id),
        None => db.set_setting(KEY, &fresh).map(|()| fresh),
    })
}

/// The same where there is one already. Makes none.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub fn kept_installation(db: Db<'_>) -> Result<Option<String>, StoreError> {
    db.setting(KEY)
}

#[cfg(test)]
mod tests;
