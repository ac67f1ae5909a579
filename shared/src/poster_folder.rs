//! The folder in which the service keeps posters: how much it may hold, and which go first. What lies there can be fetched again.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the folder may hold: 64 MiB, some 2,000 posters.
pub const BOUND: u64 = 64 * 1024 * 1024;

/// A picture there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// When it was put there.
    pub since: SystemTime,
}

/// Everything in `folder`.
///
/// # Errors
/// When it cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<KeptFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        files.push(KeptFile { path: entry.path(), size: about.len(), since: about.modified()? });
    }
    Ok(files)
}

/// The oldest that have to go so that no more than `bound` is left.
///
/// # Errors
/// When the folder cannot be read.
pub fn too_many(folder: &Path, bound: u64) -> io::Result<Vec<KeptFile>> {
    let mut files = files(folder)?;
    files.sort_by_key(|it| it.since);
    let mut held: u64 = files.iter().map(|it| it.size).sum();
    files.retain(|file| {
        let goes = held > bound;
        if goes {
            held -= file.size;
        }
        goes
    });
    Ok(files)
}

/// Removes these. One that is gone already is as good.
///
/// # Errors
/// When one cannot be removed.
pub fn remove(files: &[KeptFile]) -> io::Result<()> {
    files.iter().try_for_each(|file| match fs::remove_file(&file.path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}
