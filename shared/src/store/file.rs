//! A database file as a file: copied whole, looked at without being migrated, and put aside. For backups, restores and the doctor; whoever
//! works on what is inside opens a [`Store`](super::Store).

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle, OpenFlags};
use serde::Serialize;

use super::error::cannot_open;
use super::schema::{MARK, is_for_us};
use super::turns::wait_for_turns;
use super::{Db, StoreError, letters};
use crate::clock::Stopwatch;

/// Between two attempts to have a file alone.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A database file, opened as it is: nothing is made, migrated or switched.
pub struct StoreFile {
    connection: Connection,
    path: PathBuf,
}

/// Ends what a [`StoreFile`] is doing, from another thread.
pub struct Interrupt(InterruptHandle);

impl Interrupt {
    /// Now.
    pub fn now(&self) {
        self.0.interrupt();
    }
}

/// How much is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// People.
    pub users: u32,
    /// Titles that were ever on a list.
    pub titles: u32,
    /// Entries, open and closed.
    pub entries: u32,
    /// Decisions that are kept.
    pub decisions: u32,
    /// Runs that are kept.
    pub runs: u32,
}

impl Counts {
    /// Whether something that is never taken away is between what was there `before` and what is there `after`.
    #[must_use]
    pub fn is_between(&self, before: &Self, after: &Self) -> bool {
        let between = |low: u32, is: u32, high: u32| (low..=high).contains(&is);
        between(before.users, self.users, after.users)
            && between(before.titles, self.titles, after.titles)
            && between(before.entries, self.entries, after.entries)
    }
}

impl StoreFile {
    /// The database at `path`, for copying; others may go on writing to it.
    ///
    /// # Errors
    /// [`StoreError`] when it is not there, cannot be opened, or is no database.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// The same for somebody who only looks: not a byte of the database changes, and nothing is left beside it.
    ///
    /// # Errors
    /// As [`StoreFile::open`].
    pub fn look(path: &Path) -> Result<Self, StoreError> {
        let log = beside(path, "-wal");
        // The last one to close a database merges its log into it. Where there is something to merge, we are nobody who could.
        if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            return Self::with(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        }
        let looking = Self::with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        looking.connection.execute_batch("PRAGMA query_only=ON")?;
        Ok(looking)
    }

    fn with(path: &Path, access: OpenFlags) -> Result<Self, StoreError> {
        let mut connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| cannot_open(path, error))?;
        wait_for_turns(&mut connection)?;
        connection.execute_batch("PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-1024")?;
        letters::teach(&connection)?;
        // Opening looks at nothing yet.
        let _: u32 = connection.query_row("-- file.first_page\nPRAGMA schema_version", [], |row| row.get(0))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The queries. The schema may be another version's, so any of them may fail.
    #[must_use]
    pub fn read(&self) -> Db<'_> {
        Db { connection: &self.connection }
    }

    /// The version of its schema; 0 for a database that pulsarr never migrated.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn schema(&self) -> Result<u32, StoreError> {
        let query = "-- file.schema\nSELECT user_version FROM pragma_user_version";
        Ok(self.connection.query_row(query, [], |row| row.get(0))?)
    }

    /// Whether this program works on it, or would after migrating it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn is_for_this_program(&self) -> Result<bool, StoreError> {
        let found = self.schema()?;
        Ok(is_for_us(found, self.read().setting(MARK)?.and_then(|mark| mark.parse().ok())))
    }

    /// Whether it has the tables that every store of pulsarr has had from the first version on.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn is_ours(&self) -> Result<bool, StoreError> {
        let query = "-- file.tables\n\
             SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('users', 'titles', 'entries', 'runs', 'settings')";
        let tables: u32 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(tables == 5)
    }

    /// Bytes of what is in it, without pages that are free.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn content_bytes(&self) -> Result<u64, StoreError> {
        let query = "-- file.content\n\
             SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        self.bytes(query)
    }

    /// Bytes of its free pages: what making it smaller would bring.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let query = "-- file.free\nSELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";
        self.bytes(query)
    }

    fn bytes(&self, query: &str) -> Result<u64, StoreError> {
        let bytes: i64 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// How much is in it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let query = "-- file.counts\n\
             SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM titles), (SELECT count(*) FROM entries),\n\
                 (SELECT count(*) FROM decisions), (SELECT count(*) FROM runs)";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Counts {
                users: row.get(0)?,
                titles: row.get(1)?,
                entries: row.get(2)?,
                decisions: row.get(3)?,
                runs: row.get(4)?,
            })
        };
        Ok(self.connection.query_row(query, [], read)?)
    }

    /// Has SQLite look at every page and every index.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        let query = "-- file.integrity\nPRAGMA integrity_check(1)";
        let verdict: String = self.connection.query_row(query, [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { detail: verdict }) }
    }

    /// The same without comparing indexes with their tables, which takes most of the time.
    ///
    /// # Errors
    /// As [`StoreFile::check`].
    pub fn check_quickly(&self) -> Result<(), StoreError> {
        let query = "-- file.quick_check\nPRAGMA quick_check(1)";
        let verdict: String = self.connection.query_row(query, [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { detail: verdict }) }
    }

    /// Writes all of it, as it is at this moment, into the file `to`, which is empty or not there yet: one file that needs no other beside
    /// it, without the free pages, which may still hold what was deleted. Others may write to the store meanwhile. The caller sees to it
    /// that the bytes reach the disk.
    ///
    /// # Errors
    /// [`StoreError`]; then `to` is to be removed.
    pub fn copy_into(&self, to: &Path) -> Result<(), StoreError> {
        let to = to
            .to_str()
            .ok_or_else(|| StoreError::Folder { path: to.to_owned(), detail: "its name is not UTF-8".to_owned() })?;
        self.connection.execute("-- file.copy\nVACUUM INTO ?1", [to])?;
        Ok(())
    }

    /// Work without an end.
    #[cfg(test)]
    pub(crate) fn count_for_ever(&self) -> Result<i64, StoreError> {
        let query = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        Ok(self.connection.query_row(query, [], |row| row.get(0))?)
    }

    /// What ends a long piece of work from another thread.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        Interrupt(self.connection.get_interrupt_handle())
    }

    /// A copy in memory.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub(super) fn copy_in_memory(&self) -> Result<Connection, StoreError> {
        let mut copy = Connection::open_in_memory()?;
        // All pages in one step: a copy in several would begin again whenever somebody writes in between.
        rusqlite::backup::Backup::new(&self.connection, &mut copy)?.step(-1)?;
        Ok(copy)
    }

    /// Makes of the database at `path` one file without a log beside it, which takes that nobody else has it open; waits for others for a
    /// moment. Answers whether that worked: `false` when somebody has it open.
    ///
    /// # Errors
    /// [`StoreError`] when it is damaged or cannot be written.
    pub fn settle(path: &Path, patience: Duration) -> Result<bool, StoreError> {
        let waiting = Stopwatch::start();
        loop {
            match Self::settle_now(path) {
                Ok(()) => return Ok(true),
                Err(StoreError::Busy) if waiting.elapsed() >= patience => return Ok(false),
                Err(StoreError::Busy) => std::thread::sleep(ASK_AGAIN_AFTER),
                Err(error) => return Err(error),
            }
        }
    }

    fn settle_now(path: &Path) -> Result<(), StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, error))?;
        // Out of WAL only goes who is alone: SQLite merges the log, removes it, and answers what the mode is now.
        let query = "-- file.settle\nPRAGMA journal_mode=DELETE";
        let mode: String = connection.query_row(query, [], |row| row.get(0))?;
        if mode == "delete" { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// Whether the store at `path` is of the same installation as `self`: the same pulsarr at another time.
    ///
    /// # Errors
    /// [`StoreError`] when one of them cannot be read.
    pub fn is_of_the_same_installation(&self, other: &Self) -> Result<bool, StoreError> {
        for key in ["installation.id", "plex.client_identifier"] {
            let ours = self.read().setting(key)?;
            if ours.is_some() && ours == other.read().setting(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The file beside a database whose name ends in `suffix`: `-wal`, `-shm` or `-journal`.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
