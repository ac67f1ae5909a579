//! One sync at a time, one service, and one backup, across processes and pods: an exclusive `flock` on a file of each in `run/`. The
//! kernel frees them on any death of their holder. Who holds one is written into the file, for people only.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::{UnixMs, rfc3339};

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The pod's or machine's name.
    pub host: String,
    /// The process there; in a container usually 1.
    pub pid: u32,
    /// The run.
    pub run_id: String,
    /// Since when.
    pub since_ms: UnixMs,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "run {} on {} (process {}) since {}", self.run_id, self.host, self.pid, rfc3339(self.since_ms))
    }
}

/// Proof that this process holds the lock; functions that must not overlap take a reference to it.
#[derive(Debug)]
pub struct LockGuard {
    // Closing the file frees the lock.
    _file: File,
}

/// The answer to an attempt.
#[derive(Debug)]
pub enum Acquired {
    /// It is ours until the guard is dropped.
    Ours(LockGuard),
    /// Somebody else has it; who, if the file tells.
    Held(Option<Holder>),
}

/// What only one process does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// A sync, or something else that keeps syncs away.
    Sync,
    /// The service.
    Service,
    /// A backup.
    Backup,
}

impl Duty {
    fn path(self, data_dir: &Path) -> PathBuf {
        let name = match self {
            Self::Sync => "sync.lock",
            Self::Service => "service.lock",
            Self::Backup => "backup.lock",
        };
        data_dir.join("run").join(name)
    }
}

/// Whether somebody has a lock at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody.
    Free,
    /// Somebody; who, if the file tells.
    Held(Option<Holder>),
}

/// The lock file could not be opened or locked.
#[derive(Debug, thiserror::Error)]
#[error("lock {path}: {source}", path = path.display())]
pub struct LockError {
    path: PathBuf,
    source: std::io::Error,
}

/// Tries to take the lock of the data folder that lets one sync run at a time, without waiting.
///
/// # Errors
/// [`LockError`] when the file cannot be made or the filesystem does not know locks.
pub fn try_acquire(data_dir: &Path, holder: &Holder) -> Result<Acquired, LockError> {
    acquire(Duty::Sync.path(data_dir), holder)
}

/// Tries to take the lock of the data folder that lets one service live at a time, without waiting.
///
/// # Errors
/// [`LockError`] when the file cannot be made or the filesystem does not know locks.
pub fn try_acquire_service(data_dir: &Path, holder: &Holder) -> Result<Acquired, LockError> {
    acquire(Duty::Service.path(data_dir), holder)
}

/// Tries to take the lock of the data folder that lets one backup be made at a time, without waiting.
///
/// # Errors
/// [`LockError`] when the file cannot be made or the filesystem does not know locks.
pub fn try_acquire_backup(data_dir: &Path, holder: &Holder) -> Result<Acquired, LockError> {
    acquire(Duty::Backup.path(data_dir), holder)
}

/// Whether somebody has the lock for `duty`. Writes nothing and makes nothing; whoever asks for the lock in the same instant may have to ask
/// again.
///
/// # Errors
/// [`LockError`] when the file is there and cannot be opened or locked.
pub fn standing(data_dir: &Path, duty: Duty) -> Result<Standing, LockError> {
    let path = duty.path(data_dir);
    let failed = |source| LockError { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Standing::Free),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Standing::Free),
        Err(std::fs::TryLockError::WouldBlock) => Ok(Standing::Held(who(&file))),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Who is written in the file. What cannot be read is not worth an error: it is for messages only.
fn who(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    serde_json::from_str(&text).ok()
}

fn acquire(path: PathBuf, holder: &Holder) -> Result<Acquired, LockError> {
    let failed = |source| LockError { path: path.clone(), source };
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(Acquired::Held(who(&file))),
        Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    let text = serde_json::to_string(holder).unwrap_or_default();
    // A volume that is full must keep nobody from the lock: what is written is for people only.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    Ok(Acquired::Ours(LockGuard { _file: file }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(run_id: &str) -> Holder {
        Holder { host: "attic".into(), pid: 7, run_id: run_id.into(), since_ms: 1_795_435_200_000 }
    }

    #[test]
    fn the_second_is_told_who_holds_it_and_gets_it_once_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        let Acquired::Ours(guard) = try_acquire(folder.path(), &holder("first")).unwrap() else { panic!("free") };
        let Acquired::Held(Some(by)) = try_acquire(folder.path(), &holder("second")).unwrap() else { panic!("held") };
        assert_eq!(by.to_string(), "run first on attic (process 7) since 2026-11-23T12:00:00.000Z");
        assert_eq!(standing(folder.path(), Duty::Sync).unwrap(), Standing::Held(Some(holder("first"))));
        assert_eq!(standing(folder.path(), Duty::Service).unwrap(), Standing::Free, "looking makes no file");
        assert!(!folder.path().join("run/service.lock").exists());
        drop(guard);
        assert_eq!(standing(folder.path(), Duty::Sync).unwrap(), Standing::Free);
        assert!(matches!(try_acquire(folder.path(), &holder("second")).unwrap(), Acquired::Ours(_)));
    }
}
