//! The one SQLite file, and the only place with SQL. A file per table family; every query starts with its name as a comment.
//!
//! [`Store::read`] gives the queries; [`Store::write`] gives them inside one `BEGIN IMMEDIATE` that commits when the closure
//! returns `Ok`. Nothing here waits for the network, and nothing that waits for the network may run inside `write`.

mod admins;
mod api_keys;
mod approvals;
mod arrivals;
mod audit;
mod connections;
mod decisions;
mod declarations;
mod entries;
mod error;
mod filesystem;
mod imports;
mod inbox;
mod letters;
mod measures;
mod open;
mod outbox;
mod overrule;
mod placements;
mod quotas;
mod runs;
mod settings;
mod stats;
mod titles;
mod users;
mod watchlist;
mod web_sessions;

pub use admins::{AdminId, AdminRow};
pub use api_keys::{ApiKeyId, ApiKeyRow, ApiKeyScope, NewApiKey};
pub use approvals::{ApprovalEvent, ApprovalRow, Overdue, Verdict};
pub use arrivals::{ArrivalRow, Moment};
pub use audit::{AuditRow, NewAuditRow};
pub use connections::ConnectionRow;
pub use decisions::{DecidedEntry, RoutesOfRun, StoredDecision, TitledDecision};
pub use entries::{EntryRow, NewlyDecided, Undecided};
pub use error::StoreError;
pub use filesystem::{Filesystem, network_filesystem};
pub use imports::{ArrTitle, BatchRow, DownloadProgress};
pub use inbox::{KEPT_BODIES, KEPT_WEBHOOKS, NewWebhook, PendingWebhook, WebhookRow, WebhookState};
pub use measures::{Counted, EndedRun};
pub use open::Store;
pub use outbox::OutboxRow;
pub use overrule::Anew;
pub use placements::{FailureRow, PlacementRow, QueuedPlacement};
pub use quotas::PlaceRow;
pub use runs::{ProgressRow, RunRow};
pub use stats::{EntriesOfUser, Lately, PlacementsOfInstance, Wish};
pub use titles::{TitleId, TitleLooks};
pub use users::ReadRecord;
pub use watchlist::{EntryFilter, EntryLine, PlacementLine};
pub use web_sessions::{SessionLimits, SessionRow};

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
