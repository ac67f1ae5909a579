//! The database: can it be read, is it sound, is it for this program, how large is it and its log. Looked at as it is; nothing is migrated.

use std::path::Path;
use std::time::Duration;

use super::finding::{Area, Finding};
use crate::printable::size;
use crate::report::ProblemKind;
use crate::store::{Interrupt, Store, StoreError, StoreFile, beside};

/// A log that is larger than this is not being merged.
const LONG_LOG: u64 = 64 * 1024 * 1024;

/// How long all pages of it are looked at, at most.
const LOOK_FOR: Duration = Duration::from_secs(20);

/// What was seen of a database.
#[derive(Debug)]
pub struct Seen {
    /// The number of its migrations.
    pub schema: u32,
    /// Whether this program works on that.
    pub for_us: bool,
    /// Bytes of the file.
    pub bytes: u64,
    /// Of those, free.
    pub free_bytes: u64,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
    /// Whether its pages fit together; `None`: looking took too long.
    pub sound: Option<Result<(), StoreError>>,
}

/// Looks at the database at `path`.
///
/// # Errors
/// [`StoreError`] when it cannot be read at all.
pub fn look(path: &Path) -> Result<Seen, StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let file = StoreFile::look(path)?;
    Ok(Seen {
        schema: file.schema()?,
        for_us: file.is_for_this_program()?,
        bytes: length(path),
        free_bytes: file.free_bytes()?,
        log_bytes: length(&beside(path, "-wal")),
        sound: within(LOOK_FOR, file.interrupt(), || file.check_quickly()),
    })
}

/// What `work` answers, or `None` when it had to be interrupted because it took longer than `limit`.
fn within<T>(limit: Duration, interrupt: Interrupt, work: impl FnOnce() -> T) -> Option<T> {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let late = is_done.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            if late {
                interrupt.now();
            }
            late
        });
        let answer = work();
        drop(done);
        let late = watch.join().unwrap_or(false);
        (!late).then_some(answer)
    })
}

/// What is to be said about it.
#[must_use]
pub fn judge(seen: &Result<Seen, StoreError>) -> Vec<Finding> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return vec![failed(error)],
    };
    vec![of_soundness(seen), of_schema(seen), of_log(seen.log_bytes)]
}

fn of_soundness(seen: &Seen) -> Finding {
    let sizes = format!("{}, of which {} are free", size(seen.bytes), size(seen.free_bytes));
    match &seen.sound {
        Some(Ok(())) => Finding::well(Area::Store, format!("it is sound; it has {sizes}")),
        Some(Err(error)) => failed(error),
        None => Finding::attention(
            Area::Store,
            format!(
                "looking at all of it took longer than {} s and was broken off; it has {sizes}",
                LOOK_FOR.as_secs()
            ),
            "`pulsarr backup` looks at a whole copy, however long that takes.",
        ),
    }
}

fn of_schema(seen: &Seen) -> Finding {
    let (found, known) = (seen.schema, Store::known_schema());
    let sentence = format!("its schema is {found}, and this program knows {known}");
    match (found.cmp(&known), seen.for_us) {
        (std::cmp::Ordering::Equal, _) => {
            Finding::well(Area::Store, format!("its schema is {found}, this program's own"))
        }
        (std::cmp::Ordering::Less, _) => {
            Finding::attention(Area::Store, sentence, "The next run or start of this program's version migrates it.")
        }
        (std::cmp::Ordering::Greater, true) => {
            Finding::attention(Area::Store, format!("{sentence}, which is enough"), "Finish the upgrade.")
        }
        (std::cmp::Ordering::Greater, false) => Finding::ill(
            Area::Store,
            ProblemKind::Configuration,
            sentence,
            "Run the newer version of pulsarr again, or restore a backup from before the upgrade.",
        ),
    }
}

fn of_log(bytes: u64) -> Finding {
    let sentence = format!("its write-ahead log has {}", size(bytes));
    if bytes <= LONG_LOG {
        return Finding::well(Area::Store, sentence);
    }
    let advice = "Something keeps an old state of the store open, so that the log cannot be merged: `pulsarr upkeep`, and if that does \
                  not help, start the service anew.";
    Finding::attention(Area::Store, sentence, advice)
}

fn failed(error: &StoreError) -> Finding {
    match error {
        StoreError::Busy => Finding::attention(
            Area::Store,
            "it was locked for too long to be looked at",
            "Try again; if it stays so, look for a process that holds it.",
        ),
        error => Finding::ill(Area::Store, ProblemKind::Configuration, format!("failed to {error}"), error.advice()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn seen() -> Seen {
        let schema = Store::known_schema();
        Seen { schema, for_us: true, bytes: 1 << 20, free_bytes: 4096, log_bytes: 0, sound: Some(Ok(())) }
    }

    fn levels(seen: Result<Seen, StoreError>) -> Vec<Level> {
        judge(&seen).iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn each_thing_about_a_store_is_judged_by_itself() {
        use Level::{Attention, Ill, Well};
        let damaged = || StoreError::Damaged { detail: "page 7".into() };
        assert_eq!(levels(Ok(seen())), [Well, Well, Well]);
        assert_eq!(levels(Ok(Seen { sound: Some(Err(damaged())), ..seen() })), [Ill, Well, Well]);
        assert_eq!(levels(Ok(Seen { sound: None, ..seen() })), [Attention, Well, Well]);
        assert_eq!(levels(Ok(Seen { schema: 1, ..seen() })), [Well, Attention, Well]);
        assert_eq!(levels(Ok(Seen { schema: 99, ..seen() })), [Well, Attention, Well]);
        assert_eq!(levels(Ok(Seen { schema: 99, for_us: false, ..seen() })), [Well, Ill, Well]);
        assert_eq!(levels(Ok(Seen { log_bytes: 65 << 20, ..seen() })), [Well, Well, Attention]);
        assert_eq!(levels(Err(damaged())), [Ill]);
        assert_eq!(levels(Err(StoreError::Busy)), [Attention]);
    }

    #[test]
    fn looking_changes_nothing_and_ends_in_time() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), false).unwrap());
        let path = Store::path(folder.path());
        let before = std::fs::read(&path).unwrap();
        assert_eq!(levels(look(&path)), [Level::Well; 3]);
        assert!(std::fs::read(&path).unwrap() == before);
        let file = StoreFile::look(&path).unwrap();
        assert!(within(Duration::from_millis(20), file.interrupt(), || file.count_for_ever()).is_none());
    }
}
