//! What can be wrong with the data folder or the database, and what a person can do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::model::{ApprovalId, Undecidable};

/// A failure of the store. Variants are what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A later version of pulsarr has written this database, and does not say that this program may work on it.
    #[error("open the database {path}: it has schema {found}, and this program knows up to {known}", path = path.display())]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// The file's `user_version`.
        found: u32,
        /// The newest version this program can read.
        known: u32,
    },
    /// While the database was open, somebody put one from an earlier version in its place.
    #[error("use the database {path}: it has schema {found}, and this program works on {known}", path = path.display())]
    OlderSchema {
        /// The database file.
        path: PathBuf,
        /// The file's `user_version`.
        found: u32,
        /// The version this program makes of every file that it opens.
        known: u32,
    },
    /// The file is no SQLite database, or its pages contradict each other.
    #[error("read the database: it is damaged ({detail})")]
    Damaged {
        /// SQLite's words.
        detail: String,
    },
    /// The data folder cannot be made, read or written.
    #[error("use the data folder {path}: {detail}", path = path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's words.
        detail: String,
    },
    /// The volume is full.
    #[error("write to the database: no space is left on its volume")]
    Full,
    /// The file or its volume is read-only.
    #[error("write to the database: it is read-only")]
    ReadOnly,
    /// The data folder lies on a network filesystem.
    #[error("use the data folder {path}: it is on a network filesystem ({kind})", path = path.display())]
    NetworkFilesystem {
        /// The folder.
        path: PathBuf,
        /// `NFS`, `SMB`, …
        kind: &'static str,
    },
    /// Another process held the write lock for longer than the busy timeout.
    #[error("write to the database: another process kept it locked for too long")]
    Busy,
    /// Something stored cannot be read back.
    #[error("read {what} from the database: {detail}")]
    Unreadable {
        /// The column or table.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// Some of the requests that were to be decided cannot be; none was.
    #[error("decide {}", told(requests))]
    Undecidable {
        /// Which, and why not.
        requests: Vec<(ApprovalId, Undecidable)>,
    },
    /// Any other refusal of SQLite.
    #[error("use the database: {0}")]
    Sql(#[source] rusqlite::Error),
}

impl StoreError {
    /// Whether what was worked on is at fault, and not the store: other work may well succeed.
    pub(crate) fn is_about_one_thing(&self) -> bool {
        match self {
            Self::Unreadable { .. } => true,
            // What SQLite has read or was given does not fit; a code of its own is about the file.
            Self::Sql(error) => error.sqlite_error_code().is_none_or(|code| code == ErrorCode::ConstraintViolation),
            _ => false,
        }
    }

    /// Whether the disk is at fault, and not what is to be read from it or written to it.
    pub(crate) fn is_about_the_disk(&self) -> bool {
        match self {
            Self::Full | Self::ReadOnly => true,
            Self::Sql(error) => error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure),
            _ => false,
        }
    }

    /// What to do, as a sentence for people.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NewerSchema { .. } => {
                "Run the newer version of pulsarr again, or restore a backup from before the upgrade."
            }
            Self::OlderSchema { .. } => "Start the service anew: it migrates the database when it opens it.",
            Self::Damaged { .. } => "Nothing was changed. Keep a copy of the file and restore the latest backup.",
            Self::Folder { .. } => "Check that PULSARR_DATA_DIR names a folder that this user may write to.",
            Self::Full => "Free some space on the volume of PULSARR_DATA_DIR, or enlarge it; nothing was half-written.",
            Self::ReadOnly => {
                "Check that the volume of PULSARR_DATA_DIR is mounted for writing; a volume that turned read-only after a \
                 disk fault has to be mounted again."
            }
            Self::NetworkFilesystem { .. } => {
                "SQLite needs a disk of this machine's own: two machines would damage the file. Use a block volume, or set \
                 PULSARR_ALLOW_NETWORK_FS=true if you know that only one machine mounts it."
            }
            Self::Busy => "Run it again; if it stays so, look for a process that holds the database open.",
            Self::Undecidable { .. } => {
                "Nothing was decided. Leave these out, or look at what there is to decide first."
            }
            Self::Unreadable { .. } | Self::Sql(_) => {
                "Run it again; if it stays so, keep a copy of the file and report it."
            }
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // A full volume shows itself in this way too: the index of the write-ahead log cannot grow.
        if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { detail: error.to_string() },
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Sql(error),
        }
    }
}

/// `request 7: it is approved already; request 9: there is no such request`
fn told(requests: &[(ApprovalId, Undecidable)]) -> String {
    let told: Vec<String> = requests.iter().map(|(id, why)| format!("request {}: {why}", id.0)).collect();
    told.join("; ")
}

/// For columns that hold one of our words: a word nobody knows was written by a later version or by hand.
pub(super) fn unknown_word(what: &'static str, word: &str) -> StoreError {
    StoreError::Unreadable { what, detail: format!("`{word}` is not a word this version knows") }
}

/// For columns that hold JSON.
pub(super) fn bad_json(what: &'static str, error: &serde_json::Error) -> StoreError {
    StoreError::Unreadable { what, detail: error.to_string() }
}

/// What is wrong with a folder or a file in it.
pub(super) fn folder_error(path: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full,
        std::io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        _ => StoreError::Folder { path: PathBuf::from(path), detail: error.to_string() },
    }
}

/// `SQLITE_CANTOPEN` says nothing of the path.
pub(super) fn cannot_open(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreError::Folder { path: path.to_owned(), detail: error.to_string() }
        }
        _ => error.into(),
    }
}
