//! The one SQLite file, and the only place with SQL. A file per table family; every query starts with its name as a comment.
//!
//! [`Store::read`] gives the queries; [`Store::write`] gives them inside one `BEGIN IMMEDIATE` that commits when the closure
//! returns `Ok`. Nothing here waits for the network, and nothing that waits for the network may run inside `write`.

mod approvals;
mod decisions;
mod declarations;
mod entries;
mod error;
mod filesystem;
mod open;
mod placements;
mod quotas;
mod runs;
mod settings;
mod titles;
mod users;

pub use approvals::{ApprovalEvent, ApprovalRow, Overdue, Verdict};
pub use decisions::{RoutesOfRun, StoredDecision};
pub use entries::{EntryRow, NewlyDecided, Undecided};
pub use error::StoreError;
pub use filesystem::{Filesystem, network_filesystem};
pub use open::Store;
pub use placements::{FailureRow, PlacementRow, QueuedPlacement};
pub use quotas::PlaceRow;
pub use runs::{ProgressRow, RunRow};
pub use titles::{TitleId, TitleLooks};
pub use users::ReadRecord;

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The queries, on a connection or inside a transaction.
#[derive(Clone, Copy)]
pub struct Db<'a> {
    connection: &'a Connection,
}

impl Store {
    /// The queries, outside a transaction: for reading.
    #[must_use]
    pub fn read(&self) -> Db<'_> {
        Db { connection: &self.connection }
    }

    /// Runs `work` in one `BEGIN IMMEDIATE` transaction: all of it is stored, or nothing.
    ///
    /// # Errors
    /// Whatever `work` answers, or the commit's own failure.
    pub fn write<T>(&self, work: impl FnOnce(Db<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let value = work(Db { connection: &transaction })?;
        transaction.commit()?;
        Ok(value)
    }
}
