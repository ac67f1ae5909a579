//! The first sync waits while somebody is still setting up: until they say so, runs read lists and look titles up, and nothing is
//! decided or added. So there is something to look at before anything happens.

use crate::store::{Db, StoreError};

/// Where it is kept that the first sync waits.
const KEY: &str = "setup.first_sync_waits";

/// What a run says that has only read.
pub(super) const WAITS: &str = "the setup is not finished: lists are read, and nothing is added before somebody starts the first sync at the end of it (/setup)";

/// Lets runs only read from now on, unless one has done its work already.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn hold_first_sync(db: Db<'_>) -> Result<(), StoreError> {
    if db.last_ended_run(true)?.is_none() { db.set_setting(KEY, "1") } else { Ok(()) }
}

/// Lets runs do everything from now on.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn release_first_sync(db: Db<'_>) -> Result<(), StoreError> {
    db.unset_setting(KEY)
}

/// Whether the first sync waits for somebody.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn first_sync_waits(db: Db<'_>) -> Result<bool, StoreError> {
    Ok(db.setting(KEY)?.is_some())
}
