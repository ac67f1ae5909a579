//! Backups of the store: one self-contained file each, made while everybody goes on working, looked at before it counts, the oldest ones
//! removed. Owns what lies in the folder of backups; refuses to touch a file there that it did not name.
//!
//! A backup holds no key: what is sealed in it stays sealed (see [`vault`](crate::vault)).

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::clock::{UnixMs, rfc3339};
use crate::store::{Counts, Filesystem, Interrupt, NoRoom, Opening, Store, StoreError, StoreFile, beside};

/// Backups that are kept unless somebody says otherwise: a week of nights.
pub const KEPT: u32 = 7;

const PREFIX: &str = "pulsarr-";
const SUFFIX: &str = ".db";
const UNFINISHED: &str = ".tmp";

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The data folder whose store is backed up.
    pub data_dir: &'a Path,
    /// Where backups lie; made where there is none.
    pub folder: &'a Path,
    /// How many are kept, the new one included; at least one is.
    pub keep: u32,
    /// Now, for the name.
    pub now_ms: UnixMs,
}

/// A backup that was made, looked at, and reached the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Where it is.
    pub file: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// The version of its schema.
    pub schema: u32,
    /// How much is in it.
    pub counts: Counts,
    /// Older backups that were removed, by name.
    pub removed: Vec<String>,
    /// Backups that are there now, this one included.
    pub kept: usize,
}

/// Why there is no backup. Whatever it is, nothing half-made stays and no older backup was removed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The volume has not enough room; nothing was tried.
    #[error("make a backup in {folder}: it takes {needed} bytes, and {free} are free", folder = folder.display())]
    NoRoom {
        /// Where it was to be.
        folder: PathBuf,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// The volume became full meanwhile.
    #[error("make a backup in {folder}: no space is left on its volume", folder = folder.display())]
    Full {
        /// Where it was to be.
        folder: PathBuf,
    },
    /// The folder or a file in it cannot be used.
    #[error("use the folder of backups {path}: {detail}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        detail: String,
    },
    /// The store itself cannot be read.
    #[error("read the store for a backup: {0}")]
    Store(#[source] StoreError),
    /// What was written is not what was read.
    #[error("trust the backup that was just made: {detail}")]
    Unsound {
        /// What is wrong with it.
        detail: String,
    },
    /// Somebody told us to stop.
    #[error("finish the backup: it was told to stop")]
    Stopped,
}

impl BackupError {
    /// What to do, as a sentence for people.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoRoom { .. } | Self::Full { .. } => {
                "Free some space there, keep fewer backups (--keep), or put them elsewhere (--to); nothing half-made was left, and the \
                 older backups are untouched."
            }
            Self::Folder { .. } => "Check that it is a folder that this user may write to.",
            Self::Store(error) => error.advice(),
            Self::Unsound { .. } => {
                "It was removed, and the older backups are untouched. Run `pulsarr doctor`: the disk or the store may be failing."
            }
            Self::Stopped => "Nothing half-made was left. Run it again.",
        }
    }
}

/// A backup that can be made: there is a store, a folder, and room.
pub struct Prepared {
    store: StoreFile,
    folder: PathBuf,
    file: PathBuf,
    unfinished: PathBuf,
    needed: u64,
    keep: usize,
    stopped: Arc<AtomicBool>,
}

/// How far a backup is, and what ends it; for whoever watches from another thread.
#[derive(Clone)]
pub struct Gauge {
    unfinished: PathBuf,
    /// Bytes that the backup will have, about.
    pub needed: u64,
    stopped: Arc<AtomicBool>,
    interrupt: Arc<Interrupt>,
}

impl Gauge {
    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        fs::metadata(&self.unfinished).map_or(0, |file| file.len())
    }

    /// Ends the backup soon.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.interrupt.now();
    }
}

/// Looks whether the backup can be made, and removes what an earlier one left when it was killed. `None`: there is no store yet. The caller
/// holds the lock of backups.
///
/// # Errors
/// [`BackupError`] when it cannot.
pub fn prepare(order: &Order<'_>) -> Result<Option<Prepared>, BackupError> {
    let Order { data_dir, folder, keep, now_ms } = *order;
    if !Store::exists(data_dir) {
        return Ok(None);
    }
    make_folder(folder).map_err(|error| folder_error(folder, &error))?;
    remove_unfinished(folder).map_err(|error| folder_error(folder, &error))?;
    let store = {
        let _opening = Opening::begin_if_possible(data_dir).map_err(BackupError::Store)?;
        StoreFile::open(&Store::path(data_dir)).map_err(BackupError::Store)?
    };
    let needed = store.content_bytes().map_err(BackupError::Store)?;
    let filesystem = Filesystem::of(folder).map_err(|error| folder_error(folder, &error))?;
    filesystem.room_for_a_copy(needed).map_err(|NoRoom { needed, free }| BackupError::NoRoom {
        folder: folder.to_owned(),
        needed,
        free,
    })?;
    // A clock that was put back may name one that is there.
    let file = (now_ms..).map(|at_ms| folder.join(name_at(at_ms))).find(|file| !file.exists());
    let file = file.unwrap_or_else(|| folder.join(name_at(now_ms)));
    Ok(Some(Prepared {
        store,
        folder: folder.to_owned(),
        unfinished: beside(&file, UNFINISHED),
        file,
        needed,
        keep: (keep as usize).max(1),
        stopped: Arc::default(),
    }))
}

impl Prepared {
    /// For whoever watches.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge {
            unfinished: self.unfinished.clone(),
            needed: self.needed,
            stopped: Arc::clone(&self.stopped),
            interrupt: Arc::new(self.store.interrupt()),
        }
    }

    /// Makes the backup: writes it, looks at it, gives it its name, and removes those that are too many.
    ///
    /// # Errors
    /// [`BackupError`]; then nothing of it is left.
    pub fn carry_out(self) -> Result<Made, BackupError> {
        let made = self.write_and_name();
        if made.is_err() {
            let _ = fs::remove_file(&self.unfinished);
            let _ = fs::remove_file(beside(&self.unfinished, "-journal"));
        }
        let (bytes, schema, counts) = made.map_err(|error| match error {
            // Whatever it broke off with, this is why.
            _ if self.stopped.load(Ordering::SeqCst) => BackupError::Stopped,
            error => error,
        })?;
        // From here on there is a backup: what goes wrong with the old ones is not its fault.
        let removed = rotate(&self.folder, self.keep, &self.file).unwrap_or_else(|error| {
            tracing::warn!("the backup is made, but removing old ones failed: {error}");
            Vec::new()
        });
        let kept = backups_in(&self.folder).map_or(1, |all| all.len());
        Ok(Made { file: self.file, bytes, schema, counts, removed, kept })
    }

    fn write_and_name(&self) -> Result<(u64, u32, Counts), BackupError> {
        let of_folder = |error: &std::io::Error| folder_error(&self.folder, error);
        // Made by us, so that it is nobody else's to read from its first byte on.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.unfinished);
        let file = file.map_err(|error| of_folder(&error))?;
        let before = self.store.counts().map_err(BackupError::Store)?;
        let schema = self.store.schema().map_err(BackupError::Store)?;
        self.store.copy_into(&self.unfinished).map_err(|error| match error {
            StoreError::Full => BackupError::Full { folder: self.folder.clone() },
            error => BackupError::Store(error),
        })?;
        let after = self.store.counts().map_err(BackupError::Store)?;
        file.sync_all().map_err(|error| of_folder(&error))?;
        let counts = judge(&self.unfinished, schema, &before, &after)?;
        if self.stopped.load(Ordering::SeqCst) {
            return Err(BackupError::Stopped);
        }
        fs::rename(&self.unfinished, &self.file).map_err(|error| of_folder(&error))?;
        sync_folder(&self.folder).map_err(|error| of_folder(&error))?;
        let bytes = file.metadata().map_err(|error| of_folder(&error))?.len();
        Ok((bytes, schema, counts))
    }
}

/// Opens what was written and looks at all of it.
fn judge(path: &Path, schema: u32, before: &Counts, after: &Counts) -> Result<Counts, BackupError> {
    let unsound = |detail: String| BackupError::Unsound { detail };
    let looked = || {
        let backup = StoreFile::look(path)?;
        backup.check()?;
        Ok::<_, StoreError>((backup.schema()?, backup.counts()?))
    };
    let (found, counts) = looked().map_err(|error| unsound(error.to_string()))?;
    if found != schema {
        return Err(unsound(format!("its schema is {found}, and that of the store {schema}")));
    }
    if !counts.is_between(before, after) {
        return Err(unsound(format!("it holds {counts:?}; the store had {before:?} before and {after:?} after")));
    }
    Ok(counts)
}

/// Where backups go unless told otherwise: the data folder's `backup`.
#[must_use]
pub fn folder_of(data_dir: &Path) -> PathBuf {
    data_dir.join("backup")
}

/// The backups in `folder` by name, oldest first. Everything else that lies there is not ours.
///
/// # Errors
/// When the folder cannot be read; one that is not there has none.
pub fn backups_in(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = names_in(folder)?;
    names.retain(|name| is_backup(name));
    names.sort_unstable();
    Ok(names)
}

/// The newest backup in `folder` that is sound, and how many newer ones are not.
///
/// # Errors
/// When the folder cannot be read.
pub fn newest_sound(folder: &Path) -> std::io::Result<(Option<String>, usize)> {
    let all = backups_in(folder)?;
    let is_sound = |name: &String| StoreFile::look(&folder.join(name)).and_then(|file| file.check()).is_ok();
    let at = all.iter().rposition(is_sound);
    Ok(at.map_or((None, all.len()), |at| (Some(all[at].clone()), all.len() - 1 - at)))
}

/// Removes the oldest backups until `keep` are left, but never `good`. Answers the names of those that went.
///
/// # Errors
/// When the folder cannot be read, or a file cannot be removed.
pub fn rotate(folder: &Path, keep: usize, good: &Path) -> std::io::Result<Vec<String>> {
    let good = good.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let removed = superseded(backups_in(folder)?, keep, good);
    for name in &removed {
        fs::remove_file(folder.join(name))?;
    }
    if !removed.is_empty() {
        sync_folder(folder)?;
    }
    Ok(removed)
}

/// Which of the backups `names`, oldest first, are too many when `keep` are to be left and `good` is among them.
#[must_use]
pub fn superseded(names: Vec<String>, keep: usize, good: &str) -> Vec<String> {
    let is_there = names.iter().any(|name| name == good);
    let others: Vec<String> = names.into_iter().filter(|name| name != good).collect();
    let too_many = others.len().saturating_sub(keep.saturating_sub(usize::from(is_there)));
    others.into_iter().take(too_many).collect()
}

/// When the backup of this name was made: RFC 3339, in UTC.
#[must_use]
pub fn time_of(name: &str) -> Option<String> {
    let time = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (date, time) = time.split_once('T')?;
    let at = format!("{date}T{}", time.replace('-', ":"));
    at.parse::<jiff::Timestamp>().ok()?;
    Some(at)
}

/// `pulsarr-2026-11-23T12-00-00.123Z.db`: no colon, which some file systems and `kubectl cp` do not like.
fn name_at(at_ms: UnixMs) -> String {
    format!("{PREFIX}{}{SUFFIX}", rfc3339(at_ms).replace(':', "-"))
}

fn is_backup(name: &str) -> bool {
    time_of(name).is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok_and(|at| name_at(at.as_millisecond()) == name))
}

fn names_in(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.collect())
}

/// Removes what a backup that was killed has left. With the lock of backups held, nobody is writing it.
pub(crate) fn remove_unfinished(folder: &Path) -> std::io::Result<usize> {
    let is_left = |name: &String| {
        let name = name.strip_suffix("-journal").unwrap_or(name);
        name.strip_suffix(UNFINISHED).is_some_and(is_backup)
    };
    let left: Vec<String> = names_in(folder)?.into_iter().filter(is_left).collect();
    for name in &left {
        fs::remove_file(folder.join(name))?;
    }
    Ok(left.len())
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// So that a name given in it is there after a power cut.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_error(path: &Path, error: &std::io::Error) -> BackupError {
    match error.kind() {
        ErrorKind::StorageFull => BackupError::Full { folder: path.to_owned() },
        _ => BackupError::Folder { path: path.to_owned(), detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    fn backed_up(data_dir: &Path, keep: u32, now_ms: UnixMs) -> Made {
        let folder = data_dir.join("backup");
        prepare(&Order { data_dir, folder: &folder, keep, now_ms }).unwrap().unwrap().carry_out().unwrap()
    }

    #[test]
    fn a_name_tells_the_time_and_nothing_else_is_a_backup() {
        assert_eq!(name_at(NOON), "pulsarr-2026-11-23T12-00-00.000Z.db");
        assert_eq!(time_of("pulsarr-2026-11-23T12-00-00.000Z.db").as_deref(), Some("2026-11-23T12:00:00.000Z"));
        for name in [
            "pulsarr-2026-11-23T12-00-00.000Z.db.tmp",
            "pulsarr-2026-11-23T12-00-00.000Z.db-wal",
            "pulsarr-2026-11-23T12-00-00Z.db",
            "pulsarr-2026-13-23T12-00-00.000Z.db",
            "pulsarr-before-the-move.db",
            "pulsarr.db",
            "x-pulsarr-2026-11-23T12-00-00.000Z.db",
        ] {
            assert!(!is_backup(name), "{name}");
        }
    }

    #[test]
    fn the_oldest_go_and_the_one_that_is_known_to_be_good_stays_however_old_it_looks() {
        let check = |names: &[&str], keep, good: &str, expected: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(superseded(names, keep, good), expected);
        };
        check(&["1", "2", "3", "4"], 2, "4", &["1", "2"]);
        check(&["1", "2", "3", "4"], 2, "1", &["2", "3"]);
        check(&["1", "2", "3", "4"], 1, "1", &["2", "3", "4"]);
        check(&["1", "2"], 7, "2", &[]);
        check(&["1", "2", "3"], 2, "elsewhere", &["1"]);
        check(&[], 1, "1", &[]);
    }

    #[test]
    fn a_backup_is_one_file_for_its_owner_alone_and_opens_with_everything_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.set_setting("colour", "green")).unwrap();
        let made = backed_up(folder.path(), KEPT, NOON);
        assert_eq!(made.file, folder.path().join("backup/pulsarr-2026-11-23T12-00-00.000Z.db"));
        assert_eq!((made.schema, made.kept), (Store::known_schema(), 1));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&made.file), mode(&folder.path().join("backup"))), (0o600, 0o700));
        assert_eq!(fs::metadata(&made.file).unwrap().len(), made.bytes);
        let backup = StoreFile::look(&made.file).unwrap();
        assert_eq!(backup.read().setting("colour").unwrap().as_deref(), Some("green"));
        drop(backup);
        assert_eq!(fs::read_dir(folder.path().join("backup")).unwrap().count(), 1, "looking leaves nothing beside it");
    }

    #[test]
    fn what_was_deleted_is_not_in_a_backup() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.set_setting("secret", &"hunter2 ".repeat(3_000))).unwrap();
        store.write(|db| db.unset_setting("secret")).unwrap();
        let made = backed_up(folder.path(), KEPT, NOON);
        let bytes = fs::read(made.file).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    }

    #[test]
    fn only_our_own_files_are_rotated_and_leftovers_go() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), false).unwrap());
        let backups = folder.path().join("backup");
        fs::create_dir(&backups).unwrap();
        for name in ["notes.txt", "pulsarr-by-hand.db", "pulsarr-2020-01-01T00-00-00.000Z.db.tmp"] {
            fs::write(backups.join(name), "x").unwrap();
        }
        let made: Vec<Made> = (0..4).map(|n| backed_up(folder.path(), 2, NOON + n)).collect();
        assert_eq!(made[3].removed, ["pulsarr-2026-11-23T12-00-00.001Z.db"]);
        // The clock was put back: the new one looks like the oldest.
        let early = backed_up(folder.path(), 2, NOON - 1);
        assert_eq!(early.removed, ["pulsarr-2026-11-23T12-00-00.002Z.db"]);
        let same = backed_up(folder.path(), 2, NOON - 1);
        assert_ne!(same.file, early.file, "one that is there is not written over");
        let mut left = names_in(&backups).unwrap();
        left.sort_unstable();
        let expected = [
            same.file.file_name().unwrap().to_str().unwrap(),
            "pulsarr-2026-11-23T12-00-00.003Z.db",
            "pulsarr-by-hand.db",
        ];
        assert_eq!(left[0], "notes.txt");
        assert_eq!(left[1..], expected);
    }

    #[test]
    fn a_damaged_store_makes_no_backup_and_keeps_the_older_ones() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.set_setting("large", &"x".repeat(200_000))).unwrap();
        drop(store);
        let good = backed_up(folder.path(), 1, NOON);
        let path = Store::path(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        let backups = folder.path().join("backup");
        let order = Order { data_dir: folder.path(), folder: &backups, keep: 1, now_ms: NOON + 1 };
        let refused = prepare(&order).and_then(|prepared| prepared.unwrap().carry_out());
        assert!(matches!(refused, Err(BackupError::Store(_) | BackupError::Unsound { .. })), "{refused:?}");
        assert_eq!(names_in(&backups).unwrap(), [good.file.file_name().unwrap().to_str().unwrap()]);
    }

    #[test]
    fn the_newest_sound_one_is_found_behind_those_that_are_not() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), false).unwrap());
        let backups = folder.path().join("backup");
        assert_eq!(newest_sound(&backups).unwrap(), (None, 0));
        let made = backed_up(folder.path(), KEPT, NOON);
        fs::write(backups.join(name_at(NOON + 1)), "nonsense").unwrap();
        let name = made.file.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(newest_sound(&backups).unwrap(), (Some(name), 1));
    }
}
