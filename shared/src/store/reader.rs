//! A connection for whatever only looks. With a write-ahead log a reader needs no lock, so it answers while others write, or wait for
//! their turn to.

use std::path::Path;

use rusqlite::{Transaction, TransactionBehavior};

use super::{Db, Store, StoreError};

/// The open database, for reading only.
pub struct Reader(Store);

impl Reader {
    /// Opens the database of a data folder as [`Store::open`] does; from then on the connection changes nothing.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(data_dir: &Path, allow_network_fs: bool) -> Result<Self, StoreError> {
        let store = Store::open(data_dir, allow_network_fs)?;
        // Not opened read-only: such a connection can neither recover the log after a crash nor tidy it up as the last one. Room for what a
        // page about everybody reads: what falls out is in the kernel's cache of the file, and fetching it again some thousand times takes
        // longer than everything else. It is filled as far as it is needed, and given back when nobody asks ([`Reader::shrink`]).
        store.connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-4096")?;
        Ok(Self(store))
    }

    /// Gives the queries to `work`: everything that it finds is of one moment.
    ///
    /// # Errors
    /// Whatever `work` answers; [`StoreError::ReadOnly`] when it wants to change something.
    pub fn look<T>(&self, work: impl FnOnce(Db<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // Its end is a rollback, of nothing.
        let transaction = Transaction::new_unchecked(&self.0.connection, TransactionBehavior::Deferred)?;
        work(Db { connection: &transaction })
    }

    /// As [`Store::shrink`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn shrink(&self) -> Result<(), StoreError> {
        self.0.shrink()
    }
}
