//! The one SQLite file, and the only place with SQL. A file per table family; every query starts with its name as a comment.
//!
//! [`Store::read`] gives the queries; [`Store::write`] gives them inside one `BEGIN IMMEDIATE` that commits when the closure
//! returns `Ok`. Nothing here waits for the network, and nothing that waits for the network may run inside `write`.

mod admins;
mod api_keys;
mod approvals;
mod arrivals;
mod audit;
mod carry;
mod connections;
mod decisions;
mod declarations;
mod entries;
mod error;
mod file;
mod filesystem;
mod imports;
mod inbox;
mod letters;
mod measures;
mod open;
mod outages;
mod outbox;
mod overrule;
mod paging;
mod placements;
mod queues;
mod quotas;
mod reader;
mod runs;
mod schema;
mod scratch;
mod settings;
mod stats;
mod titles;
mod turns;
mod upkeep;
mod users;
mod watchlist;
mod web_sessions;

pub use admins::{AdminId, AdminRow};
pub use api_keys::{ApiKeyId, ApiKeyRow, ApiKeyScope, NewApiKey};
pub use approvals::{ApprovalEvent, ApprovalRow, AskedOrder, Overdue, Verdict};
pub use arrivals::{ArrivalRow, AwaitedRow, Moment};
pub use audit::{AuditRow, NewAuditRow};
pub use carry::Carried;
pub use connections::ConnectionRow;
pub use decisions::{DecidedEntry, RoutesOfRun, StoredDecision, TitledDecision};
pub use entries::{EntryRow, NewlyDecided, Undecided};
pub use error::StoreError;
pub use file::{Counts, Interrupt, StoreFile, beside};
pub use filesystem::{Filesystem, NoRoom, local_filesystem, network_filesystem};
pub use imports::{ArrTitle, BatchRow, DownloadProgress, ImportNews};
pub use inbox::{
    InboxLoad, KEPT_BODIES, KEPT_GIVEN_UP, KEPT_WEBHOOKS, NewWebhook, PendingWebhook, WebhookRow, WebhookState,
};
pub use measures::{Counted, EndedRun};
pub use open::{Opening, Store, sqlite_version};
pub use outages::{FoundBy, OutageRow, Unwell};
pub use outbox::OutboxRow;
pub use overrule::Anew;
pub use paging::{PageFrom, Paged};
pub use placements::{FailureFilter, FailureRow, PlacementRow, QueuedPlacement, Taken};
pub use queues::{QueueCounts, WaitingRow};
pub use quotas::PlaceRow;
pub use reader::Reader;
pub use runs::{ProgressRow, RunFilter, RunRow};
pub use stats::{EntriesOfUser, Lately, PlacementsOfInstance, Wish};
pub use titles::{TitleId, TitleLooks};
pub use upkeep::Past;
pub use users::ReadRecord;
pub use watchlist::{EntryFilter, EntryLine, OtherWish, PlacementLine};
pub use web_sessions::{SESSION_LIMITS, SessionLimits, SessionLine, SessionRow};

use std::panic::{self, AssertUnwindSafe};

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
        // A scratch is in one transaction as long as it is there, and given up as a whole.
        if !self.lasts && !self.connection.is_autocommit() {
            return work(self.read());
        }
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let value = work(Db { connection: &transaction })?;
        transaction.commit()?;
        Ok(value)
    }

    /// How SQLite would answer a query, a step a line.
    #[cfg(test)]
    fn query_plan(&self, sql: &str, values: impl rusqlite::Params) -> Vec<String> {
        let mut plan = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect()
    }
}

impl Db<'_> {
    /// A number that stays the same for as long as nobody else writes to the database.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub(crate) fn mark_of_others(self) -> Result<i64, StoreError> {
        let mut query = self.connection.prepare_cached("-- store.mark_of_others\nPRAGMA data_version")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Runs `work` inside a transaction that goes on when it fails, or panics: then nothing of it is stored. For use inside
    /// [`Store::write`].
    ///
    /// # Errors
    /// Whatever `work` answers; [`StoreError::Unreadable`] when it panicked.
    pub(crate) fn attempt<T>(self, work: impl FnOnce(Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connection.execute_batch("SAVEPOINT attempt")?;
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|_| {
            let detail = "the work on it broke off, which is a mistake of ours; the log says where".to_owned();
            Err(StoreError::Unreadable { what: "an answer", detail })
        });
        // A full disk takes the whole transaction along, with what could be undone; what happened is in the outcome.
        if outcome.is_err() && self.connection.is_autocommit() {
            return outcome;
        }
        self.connection.execute_batch(if outcome.is_ok() { "RELEASE attempt" } else { UNDO_ATTEMPT })?;
        outcome
    }
}

/// A savepoint that was rolled back to is still there.
const UNDO_ATTEMPT: &str = "ROLLBACK TO attempt; RELEASE attempt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_attempt_that_fails_or_panics_nothing_is_stored_and_the_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let fails = |db: Db<'_>| {
            db.set_setting("fails", "x")?;
            Err::<(), _>(StoreError::Busy)
        };
        let panics = |db: Db<'_>| {
            db.set_setting("panics", "x")?;
            assert_eq!(db.setting("panics")?, None, "a mistake");
            Ok(())
        };
        let outcomes = store.write(|db| {
            let first = db.attempt(|db| db.set_setting("first", "x"));
            let outcomes = (first, db.attempt(fails), db.attempt(panics));
            db.attempt(|db| db.set_setting("last", "x"))?;
            Ok(outcomes)
        });
        assert!(matches!(outcomes.unwrap(), (Ok(()), Err(StoreError::Busy), Err(StoreError::Unreadable { .. }))));
        let stored = ["first", "fails", "panics", "last"].map(|key| store.read().setting(key).unwrap().is_some());
        assert_eq!(stored, [true, false, false, true]);
    }

    #[test]
    fn an_attempt_that_finds_the_disk_full_says_so_and_takes_its_transaction_along() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let pages: u32 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let outcome = store.write(|db| {
            db.set_setting("first", "x")?;
            db.attempt(|db| db.set_setting("large", &"x".repeat(1_000_000)))
        });
        assert!(matches!(outcome, Err(StoreError::Full)), "{outcome:?}");
        assert_eq!(store.read().setting("first").unwrap(), None);
    }
}
