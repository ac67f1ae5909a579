//! Opening the database: folders, the network-filesystem check, pragmas, migrations.
//!
//! Several processes may open a new file at once, and `journal_mode=WAL` answers "locked" at once whatever the busy timeout
//! says. So opening and migrating happen under a short file lock of their own, `run/open.lock`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Db;
use super::error::{StoreError, cannot_open, folder_error};
use super::file::StoreFile;
use super::filesystem::{Filesystem, network_filesystem};
use super::letters;
use super::schema::{KNOWN, MARK, MIGRATIONS, is_for_us};
use super::turns::{BUSY_TIMEOUT, wait_for_turns};
use crate::clock::Stopwatch;

/// The open database.
pub struct Store {
    pub(super) connection: Connection,
    pub(super) lasts: bool,
    /// Whoever is the last to close the file leaves no empty log beside it.
    pub(super) _closed_last: Option<StoreFile>,
}

impl Store {
    /// Opens `<data_dir>/db/pulsarr.db`, making and migrating it when needed.
    ///
    /// # Errors
    /// [`StoreError`] for a folder that cannot be used, a network filesystem (unless `allow_network_fs`), a newer schema that is not
    /// for this program, or a damaged file. An existing database is never reset.
    pub fn open(data_dir: &Path, allow_network_fs: bool) -> Result<Self, StoreError> {
        let db = data_dir.join("db");
        fs::create_dir_all(&db).map_err(|error| folder_error(&db, &error))?;
        Self::prepare_folder(data_dir, allow_network_fs)?;
        let opening = Opening::begin(data_dir)?;
        let store = Self::open_at(&Self::path(data_dir), OpenFlags::SQLITE_OPEN_CREATE)?;
        drop(opening);
        Ok(store)
    }

    /// Makes the data folder and the place of its locks, and refuses one that no store can be in.
    ///
    /// # Errors
    /// [`StoreError`] for a folder that cannot be used, and a network filesystem (unless `allow_network_fs`).
    pub fn prepare_folder(data_dir: &Path, allow_network_fs: bool) -> Result<(), StoreError> {
        let run = data_dir.join("run");
        fs::create_dir_all(&run).map_err(|error| folder_error(&run, &error))?;
        let filesystem = Filesystem::of(data_dir).map_err(|error| folder_error(data_dir, &error))?;
        refuse_network(data_dir, filesystem, allow_network_fs)
    }

    /// Opens the database `path`, which is nobody else's and need not be where a data folder has one, and migrates it. What is open has a
    /// log beside it until [`StoreFile::settle`].
    ///
    /// # Errors
    /// As [`Store::open`], for a database that is there.
    pub fn open_apart(path: &Path) -> Result<Self, StoreError> {
        Self::open_at(path, OpenFlags::empty())
    }

    fn open_at(path: &Path, more: OpenFlags) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, error))?;
        let mut store = Self { connection, lasts: true, _closed_last: None };
        store.prepare(true)?;
        store.migrate(path)?;
        Ok(store)
    }

    /// Whether the data folder has a database. Looking makes nothing.
    #[must_use]
    pub fn exists(data_dir: &Path) -> bool {
        Self::path(data_dir).exists()
    }

    /// Where the data folder has its database: `<data_dir>/db/pulsarr.db`.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("db").join("pulsarr.db")
    }

    /// How many migrations this program knows: the schema of every store that it opens for work.
    #[must_use]
    pub const fn known_schema() -> u32 {
        KNOWN
    }

    /// Moves what it can from the write-ahead log into the database, without waiting for anybody: with the service holding the
    /// database open, no short-lived process is ever the last one, which would do it on closing.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }

    /// Keeps a quarter of the usual pages in memory: for a connection that only adds rows at the end. Costs nothing but memory where it
    /// does not work.
    pub fn keep_few_pages(&self) {
        let _ = self.connection.execute_batch("PRAGMA cache_size=-256");
    }

    /// Gives the memory back that only makes the next questions faster: pages of the file, and statements that were prepared.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn shrink(&self) -> Result<(), StoreError> {
        self.connection.flush_prepared_statement_cache();
        Ok(self.connection.execute_batch("PRAGMA shrink_memory")?)
    }

    /// Whether what is written is there the next time: not in a copy.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        self.lasts
    }

    /// A copy of the database in memory, for a dry run: everything works on it and nothing of it lasts. Without a database
    /// the copy is an empty one, and nothing is made on disk.
    ///
    /// # Errors
    /// As [`Store::open`], for a database that is there.
    pub fn copy_in_memory(data_dir: &Path, allow_network_fs: bool) -> Result<Self, StoreError> {
        let path = Self::path(data_dir);
        if !path.exists() {
            return Self::in_memory(Connection::open_in_memory()?, &path);
        }
        let _opening = Self::begin_reading(data_dir, allow_network_fs)?;
        Self::copy_in_memory_of(&StoreFile::open(&path)?)
    }

    /// Waits for whoever opens the store at the moment, where one can be that is only read.
    pub(super) fn begin_reading(data_dir: &Path, allow_network_fs: bool) -> Result<Option<Opening>, StoreError> {
        let filesystem = Filesystem::of(data_dir).map_err(|error| folder_error(data_dir, &error))?;
        refuse_network(data_dir, filesystem, allow_network_fs)?;
        Opening::begin_if_possible(data_dir)
    }

    /// The same of any database file.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read, or its schema is not for this program.
    pub fn copy_in_memory_of(file: &StoreFile) -> Result<Self, StoreError> {
        Self::in_memory(file.copy_in_memory()?, file.path())
    }

    fn in_memory(connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let mut store = Self { connection, lasts: false, _closed_last: None };
        store.prepare(false)?;
        store.migrate(path)?;
        Ok(store)
    }

    /// Asks SQLite to check every page.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        let verdict: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { detail: verdict }) }
    }

    pub(super) fn prepare(&mut self, on_disk: bool) -> Result<(), StoreError> {
        let connection = &mut self.connection;
        wait_for_turns(connection)?;
        if on_disk {
            // Free pages of a new file can be given back to the volume, a few at a time (see `upkeep`). Said before there is a page.
            let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            if pages == 0 {
                connection.execute_batch("PRAGMA auto_vacuum=INCREMENTAL")?;
            }
            // Readers do not block the writer, and the other way round.
            connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
            // NORMAL loses acknowledged commits in a power cut.
            connection.execute_batch("PRAGMA synchronous=FULL")?;
        }
        // Temporary tables in memory: the container's root file system is read-only. Functions in a damaged or foreign
        // schema are not to be trusted. 1 MiB of page cache is plenty for indexes this small.
        connection.execute_batch(
            "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-1024;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        // A plan for any values: SQLite would make it anew for each, which takes longer than most of what is asked.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        letters::teach(connection)?;
        Ok(())
    }

    fn migrate(&mut self, path: &Path) -> Result<(), StoreError> {
        let found = self.read().schema(path)?;
        if found >= KNOWN {
            return Ok(());
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for migration in MIGRATIONS.iter().skip(found as usize) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", KNOWN)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Db<'_> {
    /// Whether the file can be read, and its schema is one that this program works on: its own, or a newer one that is marked as
    /// fit for it. Another process may have changed that since the file was opened.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] and [`StoreError::OlderSchema`], and others when it cannot be read.
    pub fn check_schema(self) -> Result<(), StoreError> {
        let path = PathBuf::from(self.connection.path().unwrap_or_default());
        let found = self.schema(&path)?;
        if found < KNOWN { Err(StoreError::OlderSchema { path, found, known: KNOWN }) } else { Ok(()) }
    }

    /// The version of the file's schema.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read, or is not for this program.
    pub fn schema_version(self) -> Result<u32, StoreError> {
        self.schema(&PathBuf::from(self.connection.path().unwrap_or_default()))
    }

    /// The file's schema, when this program may work on it or migrate it.
    pub(super) fn schema(self, path: &Path) -> Result<u32, StoreError> {
        let query = "-- schema.version\nSELECT user_version FROM pragma_user_version";
        let found = self.connection.query_row(query, [], |row| row.get(0))?;
        if found <= KNOWN {
            return Ok(found);
        }
        let mark = match self.setting(MARK) {
            Ok(mark) => mark.and_then(|mark| mark.parse::<u32>().ok()),
            // No table of settings, or not as we know it: not for us.
            Err(StoreError::Sql(_)) => None,
            Err(error) => return Err(error),
        };
        if is_for_us(found, mark) {
            return Ok(found);
        }
        Err(StoreError::NewerSchema { path: path.to_owned(), found, known: KNOWN })
    }
}

/// SQLite's WAL is shared memory: its users have to be on one kernel.
fn refuse_network(data_dir: &Path, filesystem: Filesystem, allowed: bool) -> Result<(), StoreError> {
    match network_filesystem(filesystem.magic) {
        Some(kind) if !allowed => Err(StoreError::NetworkFilesystem { path: data_dir.to_owned(), kind }),
        _ => Ok(()),
    }
}

/// The version of SQLite in this program: `3.50.4`.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// While this is held, nobody opens the store: a database that is being put in the place of another one is never opened by halves, and a
/// log is never taken for the other one's.
#[derive(Debug)]
pub struct Opening {
    // Closing the file frees the lock.
    _file: File,
}

impl Opening {
    /// Waits for whoever opens the store at the moment. The folder `run` has to be there.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when somebody needs too long, and others when the lock cannot be made.
    pub fn begin(data_dir: &Path) -> Result<Self, StoreError> {
        Ok(Self { _file: lock_opening(&data_dir.join("run").join("open.lock"))? })
    }

    /// The same for whoever only reads and makes nothing: `None` where nobody has ever opened the store, or the lock is not for us.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when somebody needs too long.
    pub fn begin_if_possible(data_dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = data_dir.join("run").join("open.lock");
        let Ok(file) = File::open(&path) else { return Ok(None) };
        Ok(Some(Self { _file: wait_for(file, &path)? }))
    }
}

/// Waits for its turn to open the database; another opener needs milliseconds.
fn lock_opening(path: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| folder_error(path, &error))?;
    wait_for(file, path)
}

fn wait_for(file: File, path: &Path) -> Result<File, StoreError> {
    // Not a lock that waits: a process that hangs while it holds this one must not make others hang with it.
    let waiting = Stopwatch::start();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(folder_error(path, &error)),
            Err(TryLockError::WouldBlock) if waiting.elapsed() >= BUSY_TIMEOUT => return Err(StoreError::Busy),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::store::schema::READABLE_FROM;

    #[test]
    fn a_new_database_is_made_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), false).unwrap());
        let store = Store::open(folder.path(), false).unwrap();
        store.check().unwrap();
        let mode: String = store.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        let synchronous: i64 = store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "FULL");
    }

    #[test]
    fn a_network_filesystem_is_refused_unless_somebody_knows_better() {
        let nfs = Filesystem { magic: 0x6969, free_bytes: 1 };
        let refused = refuse_network(Path::new("/data"), nfs, false);
        assert!(matches!(refused, Err(StoreError::NetworkFilesystem { kind: "NFS", .. })), "{refused:?}");
        refuse_network(Path::new("/data"), nfs, true).unwrap();
        refuse_network(Path::new("/data"), Filesystem { magic: 0xef53, free_bytes: 1 }, false).unwrap();
    }

    /// A file of schema 99 that says it is for programs from `readable_from` on, or says nothing; closed.
    fn of_a_newer_version(readable_from: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.connection.pragma_update(None, "user_version", 99).unwrap();
        match readable_from {
            Some(mark) => store.write(|db| db.set_setting(MARK, mark)).unwrap(),
            None => drop(store.connection.execute("DELETE FROM settings", []).unwrap()),
        }
        folder
    }

    #[test]
    fn the_mark_is_what_was_thought_about() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        assert_eq!(store.read().setting(MARK).unwrap(), Some(READABLE_FROM.to_string()));
        store.read().check_schema().unwrap();
    }

    #[test]
    fn a_newer_database_that_is_not_for_us_is_refused_and_left_alone() {
        let one_more = (KNOWN + 1).to_string();
        for mark in [Some("99"), Some("100"), Some(one_more.as_str()), Some("soon"), Some(""), None] {
            let folder = of_a_newer_version(mark);
            let before = fs::read(folder.path().join("db/pulsarr.db")).unwrap();
            let refused = Store::open(folder.path(), false).map(|_| ());
            assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, known: KNOWN, .. })), "{mark:?}");
            let refused = Store::copy_in_memory(folder.path(), false).map(|_| ());
            assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, .. })), "{mark:?}");
            assert_eq!(fs::read(folder.path().join("db/pulsarr.db")).unwrap(), before, "{mark:?}");
        }
    }

    #[test]
    fn a_newer_database_without_our_tables_is_refused() {
        let folder = of_a_newer_version(Some("1"));
        let other = Connection::open(folder.path().join("db/pulsarr.db")).unwrap();
        other.execute_batch("ALTER TABLE settings RENAME TO settings_by_user").unwrap();
        assert!(matches!(Store::open(folder.path(), false), Err(StoreError::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn a_newer_database_that_is_marked_as_fit_for_us_is_worked_on_and_keeps_its_version() {
        let known = KNOWN.to_string();
        for mark in ["1", known.as_str()] {
            let folder = of_a_newer_version(Some(mark));
            let store = Store::open(folder.path(), false).unwrap();
            store.write(|db| db.set_setting("colour", "green")).unwrap();
            store.read().check_schema().unwrap();
            drop(store);
            let store = Store::copy_in_memory(folder.path(), false).unwrap();
            assert_eq!(store.read().setting("colour").unwrap().as_deref(), Some("green"));
            drop(store);
            let file = Connection::open(folder.path().join("db/pulsarr.db")).unwrap();
            let version: u32 = file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert_eq!(version, 99);
            let stored: String =
                file.query_row("SELECT value FROM settings WHERE key = ?1", [MARK], |row| row.get(0)).unwrap();
            assert_eq!(stored, mark);
        }
    }

    #[test]
    fn a_store_that_is_open_while_another_process_migrates_works_on_until_it_is_no_longer_fit_for_us() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.start_run("before", crate::model::Trigger::Cli, "", 1)).unwrap();
        let other = Connection::open(folder.path().join("db/pulsarr.db")).unwrap();
        let mut statements = "ALTER TABLE runs ADD COLUMN mood TEXT; CREATE TABLE moods (mood TEXT) STRICT;".to_owned();
        statements.push_str(&format!("PRAGMA user_version = {}", KNOWN + 1));
        other.execute_batch(&statements).unwrap();
        store.write(|db| db.start_run("after", crate::model::Trigger::Cli, "", 2)).unwrap();
        assert_eq!(store.read().last_runs(9).unwrap().len(), 2);
        store.read().check_schema().unwrap();

        other.execute("UPDATE settings SET value = ?2 WHERE key = ?1", [MARK, &(KNOWN + 1).to_string()]).unwrap();
        assert!(matches!(store.read().check_schema(), Err(StoreError::NewerSchema { .. })));
        other.pragma_update(None, "user_version", KNOWN - 1).unwrap();
        assert!(matches!(store.read().check_schema(), Err(StoreError::OlderSchema { .. })));
    }

    #[test]
    fn a_damaged_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("db")).unwrap();
        let path = folder.path().join("db/pulsarr.db");
        fs::write(&path, "this was a database once. ".repeat(400)).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(Store::open(folder.path(), false), Err(StoreError::Damaged { .. })));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_full_volume_is_told_apart_and_nothing_is_half_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.connection.execute_batch("PRAGMA max_page_count=1").unwrap();
        let result = store.write(|db| {
            for n in 0..10_000 {
                db.set_setting(&format!("key {n}"), &"x".repeat(1_000))?;
            }
            Ok(())
        });
        assert!(matches!(result, Err(StoreError::Full)), "{result:?}");
        assert_eq!(store.read().setting("key 0").unwrap(), None);
    }

    #[test]
    fn many_processes_worth_of_openers_do_not_trip_over_each_other() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let openers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Store::open(folder.path(), false).map(|_| ()))).collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
    }

    #[test]
    fn a_copy_in_memory_leaves_the_original_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.set_setting("colour", "green")).unwrap();
        let copy = Store::copy_in_memory(folder.path(), false).unwrap();
        assert_eq!(copy.read().setting("colour").unwrap().as_deref(), Some("green"));
        copy.write(|db| db.set_setting("colour", "red")).unwrap();
        assert_eq!(store.read().setting("colour").unwrap().as_deref(), Some("green"));
    }

    #[test]
    fn a_copy_of_nothing_makes_nothing_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let copy = Store::copy_in_memory(&folder.path().join("absent"), false).unwrap();
        assert_eq!(copy.read().setting("colour").unwrap(), None);
        assert!(!folder.path().join("absent").exists());
    }

    #[test]
    fn what_was_once_kept_in_clear_is_in_no_byte_of_the_store_once_it_is_sealed() {
        const CLEAR: &str = "0123456789abcdef0123456789abcdef";
        let folder = tempfile::tempdir().unwrap();
        Store::prepare_folder(folder.path(), false).unwrap();
        fs::create_dir(folder.path().join("db")).unwrap();
        let path = Store::path(folder.path());
        let bytes_with_it = || {
            let files = [path.clone(), crate::store::beside(&path, "-wal")];
            let found = |path: &PathBuf| {
                fs::read(path).unwrap_or_default().windows(CLEAR.len()).filter(|it| *it == CLEAR.as_bytes()).count()
            };
            files.iter().map(found).sum::<usize>()
        };
        let before = Connection::open(&path).unwrap();
        letters::teach(&before).unwrap();
        before.pragma_update(None, "journal_mode", "wal").unwrap();
        let sealing = MIGRATIONS.iter().position(|sql| sql.contains("connections_sealed")).unwrap();
        MIGRATIONS[..sealing].iter().for_each(|sql| before.execute_batch(sql).unwrap());
        before.pragma_update(None, "user_version", sealing as u32).unwrap();
        // The row moves about in its page, and leaves itself behind.
        for number in 0..40 {
            let row = (format!("i{number}"), CLEAR, "x".repeat(number * 7));
            before.execute("INSERT INTO connections (instance, secret, detail) VALUES (?1, ?2, ?3)", row).unwrap();
            before.execute("UPDATE connections SET detail = detail || 'more' WHERE instance = 'i0'", []).unwrap();
            before
                .execute("DELETE FROM connections WHERE instance = ?1 AND instance <> 'i0'", [format!("i{number}")])
                .unwrap();
        }
        drop(before);
        assert!(bytes_with_it() > 1, "this story has nothing to tell: {}", bytes_with_it());

        let (store, other) = (Store::open(folder.path(), false).unwrap(), Store::open(folder.path(), false).unwrap());
        assert_eq!(store.read().connection_secret("i0").unwrap().unwrap().expose_secret(), CLEAR);
        store.write(|db| db.set_connection_secret("i0", "sealed:b25l")).unwrap();
        assert!(store.empty_log().unwrap());
        assert_eq!(bytes_with_it(), 0);
        other.read().check_schema().unwrap();
        assert_eq!(other.read().all_connections().unwrap().len(), 1);
    }
}
