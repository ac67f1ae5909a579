//! One sync at a time, and one service, across processes and pods: an exclusive `flock` on `run/sync.lock` and on `run/service.lock`.
//! The kernel frees them on any death of their holder. Who holds one is written into the file, for people only.

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
    acquire(data_dir.join("run").join("sync.lock"), holder)
}

/// Tries to take the lock of the data folder that lets one service live at a time, without waiting.
///
/// # Errors
/// [`LockError`] when the file cannot be made or the filesystem does not know locks.
pub fn try_acquire_service(data_dir: &Path, holder: &Holder) -> Result<Acquired, LockError> {
    acquire(data_dir.join("run").join("service.lock"), holder)
}

fn acquire(path: PathBuf, holder: &Holder) -> Result<Acquired, LockError> {
    let failed = |source| LockError { path: path.clone(), source };
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut text = String::new();
            // What cannot be read is not worth an error: it is for the message only.
            let _ = file.read_to_string(&mut text);
            return Ok(Acquired::Held(serde_json::from_str(&text).ok()));
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    let text = serde_json::to_string(holder).unwrap_or_default();
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
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
        drop(guard);
        assert!(matches!(try_acquire(folder.path(), &holder("second")).unwrap(), Acquired::Ours(_)));
    }
}
