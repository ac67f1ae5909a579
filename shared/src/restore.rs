//! Putting a backup in the place of the store. What is to be the store is made whole and looked at beside the one that is there; then both
//! folders change places in one step of the kernel, so that a process that is killed at any moment leaves the old store or the new one. The
//! old one stays, under a name with the time.
//!
//! Whoever calls this holds the locks of syncs and of the service.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use crate::backup::sync_folder;
use crate::clock::{UnixMs, rfc3339};
use crate::lock::LockGuard;
use crate::model::{Declaration, Section};
use crate::store::{Carried, Counts, Filesystem, NoRoom, Opening, Store, StoreError, StoreFile, beside};
use crate::vault::{SEALED, Vault};

/// The folder in which the new store is made; what lies there is unfinished.
const MAKING: &str = "db-restoring";

/// How the name of a folder begins in which a store lies that was replaced.
const REPLACED: &str = "db-before-";

/// How long somebody who has the store open is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How every SQLite database begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The data folder whose store is replaced.
    pub data_dir: &'a Path,
    /// The backup.
    pub file: &'a Path,
    /// See `PULSARR_ALLOW_NETWORK_FS`.
    pub allow_network_fs: bool,
    /// Now, for the name of what was there.
    pub now_ms: UnixMs,
}

/// Proof that no sync and no service is at work.
#[derive(Debug)]
pub struct Alone {
    /// No sync.
    pub syncs: LockGuard,
    /// No service.
    pub service: LockGuard,
}

/// What came of it, or would come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The backup.
    pub file: PathBuf,
    /// The version of the backup's schema.
    pub schema_of_backup: u32,
    /// The version that it was brought to.
    pub schema: u32,
    /// How much is in it.
    pub counts: Counts,
    /// The folder in which the store lies that was there; `None`: there was none.
    pub replaced: Option<PathBuf>,
    /// What was taken over from it; `None` where it could not be read, or is another installation's.
    pub carried: Option<Carried>,
    /// Secrets that have to be entered again, because the key beside the store does not open them: ``the api_key of instances `movies` ``.
    pub secrets_lost: Vec<String>,
}

/// Why nothing was restored. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be read.
    #[error("read the backup {path}: {detail}", path = path.display())]
    Backup {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        detail: String,
    },
    /// It is something else.
    #[error("restore {path}: {detail}", path = path.display())]
    NotABackup {
        /// Which.
        path: PathBuf,
        /// What it is, or lacks.
        detail: &'static str,
    },
    /// It cannot be used.
    #[error("restore {path}: {source}", path = path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// The volume has not enough room; nothing was tried.
    #[error("restore into {folder}: it takes {needed} bytes, and {free} are free", folder = folder.display())]
    NoRoom {
        /// The data folder.
        folder: PathBuf,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// Somebody has the store open, and it is neither a sync nor the service.
    #[error("restore: another process has the store open")]
    InUse,
    /// The data folder cannot be used.
    #[error("use the data folder {path}: {detail}", path = path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's words.
        detail: String,
    },
    /// Its store cannot be opened by anybody.
    #[error("restore: {0}")]
    Store(#[source] StoreError),
}

impl RestoreError {
    /// What to do, as a sentence for people.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Backup { .. } => "Nothing was changed. Check the path, and that this user may read it.",
            Self::NotABackup { .. } => {
                "Nothing was changed. `pulsarr backup` makes backups, in the folder `backup` of the data folder unless told otherwise."
            }
            Self::Unusable { source: StoreError::NewerSchema { .. }, .. } => {
                "Nothing was changed. Restore it with the version of pulsarr that made it, or with a newer one."
            }
            Self::Unusable { .. } => "Nothing was changed. Restore another backup.",
            Self::NoRoom { .. } => {
                "Nothing was changed. Free some space on the volume of PULSARR_DATA_DIR, or enlarge it."
            }
            Self::InUse => "Nothing was changed. Let the other command end, and restore again.",
            Self::Folder { .. } => {
                "The store is as it was. Check that PULSARR_DATA_DIR names a folder on a local disk that this user may write to."
            }
            Self::Store(error) => error.advice(),
        }
    }
}

/// What would come of it: looks at all of the backup and changes nothing.
///
/// # Errors
/// [`RestoreError`] when it would fail.
pub fn dry_run(order: &Order<'_>) -> Result<Restored, RestoreError> {
    let file = order.file;
    let unusable = |source| unusable(file, source);
    has_magic(file)?;
    let backup = StoreFile::look(file).map_err(unusable)?;
    let schema_of_backup = judge(file, &backup)?;
    let room = size_of(file)?;
    has_room(order, room)?;
    let copy = Store::copy_in_memory_of(&backup).map_err(unusable)?;
    Ok(Restored {
        dry_run: true,
        file: file.to_owned(),
        schema_of_backup,
        schema: copy.read().schema_version().map_err(unusable)?,
        counts: backup.counts().map_err(unusable)?,
        replaced: Store::exists(order.data_dir).then(|| order.data_dir.join(name_of_replaced(order.now_ms))),
        carried: None,
        secrets_lost: secrets_lost(&copy, order.data_dir).map_err(unusable)?,
    })
}

/// Puts the backup in the place of the store.
///
/// # Errors
/// [`RestoreError`]; then the store is as it was.
pub fn restore(order: &Order<'_>, _alone: &Alone) -> Result<Restored, RestoreError> {
    let making = order.data_dir.join(MAKING);
    let of = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| folder_error(&path, &error)
    };
    has_magic(order.file)?;
    // Of one that was killed.
    remove_folder(&making).map_err(of(&making))?;
    has_room(order, size_of(order.file)?)?;
    fs::create_dir(&making).map_err(of(&making))?;
    let made = make(order, &making).and_then(|restored| exchange(order, &making).map(|replaced| (restored, replaced)));
    if made.is_err() {
        let _ = remove_folder(&making);
    }
    let (restored, replaced) = made?;
    Ok(Restored { replaced, ..restored })
}

/// Makes the store that is to be, in the folder `making`.
fn make(order: &Order<'_>, making: &Path) -> Result<Restored, RestoreError> {
    let Order { data_dir, file, .. } = *order;
    let path = making.join("pulsarr.db");
    let unusable = |source| unusable(file, source);
    copy(file, &path)?;
    // A copy of a store at work comes with its log, and is nothing without it.
    let log = beside(file, "-wal");
    if log.exists() {
        copy(&log, &beside(&path, "-wal"))?;
    }
    let backup = StoreFile::open(&path).map_err(unusable)?;
    let schema_of_backup = judge(file, &backup)?;
    let counts = backup.counts().map_err(unusable)?;
    drop(backup);
    let store = Store::open_apart(&path).map_err(unusable)?;
    let sessions_ended = store.end_all_sessions().map_err(unusable)?;
    let carried = carry_over(&store, &path, &Store::path(data_dir)).map_err(RestoreError::Store)?;
    let carried = carried.map(|carried| Carried { sessions_ended, ..carried });
    let (schema, secrets_lost) =
        (store.read().schema_version().map_err(unusable)?, secrets_lost(&store, data_dir).map_err(unusable)?);
    drop(store);
    let settled = StoreFile::settle(&path, PATIENCE).map_err(unusable)?;
    debug_assert!(settled, "nobody knows of it yet");
    let failed = |error: std::io::Error| folder_error(&path, &error);
    File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    sync_folder(making).map_err(failed)?;
    let file = file.to_owned();
    Ok(Restored { dry_run: false, file, schema_of_backup, schema, counts, replaced: None, carried, secrets_lost })
}

/// What the store that is there knows of what happened since. One that is damaged, missing or another installation's has nothing to say.
///
/// # Errors
/// [`StoreError::Full`] when there is no room to write it down.
fn carry_over(store: &Store, path: &Path, current: &Path) -> Result<Option<Carried>, StoreError> {
    if !current.exists() {
        return Ok(None);
    }
    let carried = || {
        let same = StoreFile::open(path)?.is_of_the_same_installation(&StoreFile::look(current)?)?;
        if same { store.carry_over_from(current).map(Some) } else { Ok(None) }
    };
    match carried() {
        Err(StoreError::Full) => Err(StoreError::Full),
        Err(error) => {
            tracing::warn!(
                "nothing is taken over from the store that is replaced, because reading it failed: failed to {error}"
            );
            Ok(None)
        }
        carried => carried,
    }
}

/// Lets the folder `making` and the store's own change places. Answers the folder in which the store lies that was there.
fn exchange(order: &Order<'_>, making: &Path) -> Result<Option<PathBuf>, RestoreError> {
    let data_dir = order.data_dir;
    let failed = |error: std::io::Error| folder_error(data_dir, &error);
    let current = data_dir.join("db");
    // From here to the end nobody opens the store.
    let _opening = Opening::begin(data_dir).map_err(RestoreError::Store)?;
    match fs::symlink_metadata(&current) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::rename(making, &current).map_err(failed)?;
            sync_folder(data_dir).map_err(failed)?;
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    }
    if Store::exists(data_dir) {
        match StoreFile::settle(&Store::path(data_dir), PATIENCE) {
            Ok(true) => {}
            Ok(false) => return Err(RestoreError::InUse),
            // It is put aside as it is, with its log.
            Err(error) => tracing::warn!("the store that is replaced is put aside as it is: failed to {error}"),
        }
    }
    let had_store = Store::exists(data_dir);
    // The name says that it was replaced, which is true in a moment. Killed in between, there is one folder too many, with a sound store.
    let replaced = data_dir.join(name_of_replaced(order.now_ms));
    fs::rename(making, &replaced).map_err(failed)?;
    if let Err(error) = renameat_with(CWD, &replaced, CWD, &current, RenameFlags::EXCHANGE) {
        let _ = fs::rename(&replaced, making);
        return Err(failed(error.into()));
    }
    sync_folder(data_dir).map_err(failed)?;
    if had_store {
        return Ok(Some(replaced));
    }
    let _ = fs::remove_dir(&replaced);
    Ok(None)
}

/// Looks at all of a backup. Answers the version of its schema.
fn judge(path: &Path, backup: &StoreFile) -> Result<u32, RestoreError> {
    let unusable = |source| unusable(path, source);
    backup.check().map_err(unusable)?;
    let schema = backup.schema().map_err(unusable)?;
    if schema == 0 || !backup.is_ours().map_err(unusable)? {
        return Err(not_a_backup(path, "it is a database, but not one of pulsarr"));
    }
    Ok(schema)
}

/// Secrets in the store that the key of this data folder does not open.
fn secrets_lost(store: &Store, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let vault = Vault::of_existing(data_dir).ok();
    let is_lost = |declaration: &Declaration| {
        let key = declaration.section.secret_key()?;
        let sealed = declaration.body.get(key)?.as_str().filter(|text| text.starts_with(SEALED))?;
        let opened = vault.as_ref().is_some_and(|vault| vault.unseal(sealed).is_ok());
        (!opened).then(|| secret_name(declaration, key))
    };
    Ok(store.read().declarations()?.iter().filter_map(is_lost).collect())
}

fn secret_name(declaration: &Declaration, key: &str) -> String {
    let Declaration { section, name, .. } = declaration;
    match section {
        Section::Instances => format!("the {key} of instance `{name}`"),
        section => format!("the {key} of {}", section.word()),
    }
}

/// A store that a restore has replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The name of its folder in the data folder.
    pub folder: String,
    /// What its files have together.
    pub bytes: u64,
}

/// The stores that were replaced, oldest first.
///
/// # Errors
/// When the data folder cannot be read.
pub fn replaced_in(data_dir: &Path) -> std::io::Result<Vec<Replaced>> {
    let names = fs::read_dir(data_dir)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut replaced: Vec<Replaced> = names
        .filter(|name| name.starts_with(REPLACED))
        .map(|folder| Replaced { bytes: bytes_in(&data_dir.join(&folder)), folder })
        .collect();
    replaced.sort_unstable_by(|one, other| one.folder.cmp(&other.folder));
    Ok(replaced)
}

/// The files of a folder without those in folders below it: a store has none. What cannot be looked at counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten();
    files.filter_map(|entry| entry.ok()?.metadata().ok()).filter(fs::Metadata::is_file).map(|file| file.len()).sum()
}

/// `db-before-2026-11-23T12-00-00.123Z`.
fn name_of_replaced(now_ms: UnixMs) -> String {
    format!("{REPLACED}{}", rfc3339(now_ms).replace(':', "-"))
}

fn has_magic(path: &Path) -> Result<(), RestoreError> {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| {
        // SQLite reads nothing that can be waited for, and neither do we.
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
        }
        file.take(MAGIC.len() as u64).read_to_end(&mut beginning)
    });
    read.map_err(|error| backup_error(path, &error))?;
    if beginning == MAGIC { Ok(()) } else { Err(not_a_backup(path, "it is no SQLite database")) }
}

fn size_of(path: &Path) -> Result<u64, RestoreError> {
    let length = |path: &Path| fs::metadata(path).map(|file| file.len());
    let log = length(&beside(path, "-wal")).unwrap_or(0);
    Ok(length(path).map_err(|error| backup_error(path, &error))? + log)
}

fn has_room(order: &Order<'_>, bytes: u64) -> Result<(), RestoreError> {
    let folder = order.data_dir;
    // Before the first start there is none; making it tells whether it can be.
    let Ok(filesystem) = Filesystem::of(folder) else { return Ok(()) };
    filesystem.room_for_a_copy(bytes).map_err(|NoRoom { needed, free }| RestoreError::NoRoom {
        folder: folder.to_owned(),
        needed,
        free,
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), RestoreError> {
    fs::copy(from, to).map_err(|error| match error.kind() {
        // Of the two files, only the new one needs room.
        ErrorKind::StorageFull => folder_error(to, &error),
        _ => backup_error(from, &error),
    })?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).map_err(|error| folder_error(to, &error))
}

fn remove_folder(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What keeps a backup at `path` from becoming the store. That nothing can be written here is not its fault.
fn unusable(path: &Path, source: StoreError) -> RestoreError {
    if source.is_about_the_disk() {
        return RestoreError::Store(source);
    }
    RestoreError::Unusable { path: path.to_owned(), source }
}

fn backup_error(path: &Path, error: &std::io::Error) -> RestoreError {
    RestoreError::Backup { path: path.to_owned(), detail: error.to_string() }
}

fn not_a_backup(path: &Path, detail: &'static str) -> RestoreError {
    RestoreError::NotABackup { path: path.to_owned(), detail }
}

fn folder_error(path: &Path, error: &std::io::Error) -> RestoreError {
    match error.kind() {
        ErrorKind::StorageFull => RestoreError::Store(StoreError::Full),
        ErrorKind::ReadOnlyFilesystem => RestoreError::Store(StoreError::ReadOnly),
        _ => RestoreError::Folder { path: path.to_owned(), detail: error.to_string() },
    }
}
