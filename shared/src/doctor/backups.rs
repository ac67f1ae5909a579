//! Copies of the database: is there one, is it sound, how old is it.

use std::path::Path;

use super::finding::{Area, Finding, span};
use crate::backup;
use crate::clock::UnixMs;
use crate::printable::size;
use crate::restore::Replaced;

/// They are made each night; one that is older than this was missed.
const OLD_AFTER_S: u64 = 26 * 60 * 60;

const MAKE_ONE: &str = "Make one: `pulsarr backup`, in Kubernetes each night by the CronJob `pulsarr-backup`.";

/// What was seen of a folder of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backups {
    /// The newest that is sound, by name, and when it was made.
    pub newest: Option<(String, UnixMs)>,
    /// Newer ones, which are not sound, by name, newest first.
    pub unsound: Vec<String>,
    /// Older ones, at which nobody has looked, by name, newest first.
    pub older: Vec<String>,
}

impl Backups {
    /// Looks at all of the newest one, and at others only where it is not sound.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of(folder: &Path) -> std::io::Result<Self> {
        let mut unsound = newest_first(folder)?;
        let (newest, count) = backup::newest_sound(folder)?;
        let mut older = unsound.split_off(count.min(unsound.len()));
        older.retain(|older| newest.as_ref() != Some(older));
        let made_at_ms = |name: &str| {
            let at: jiff::Timestamp = backup::time_of(name)?.parse().ok()?;
            Some(at.as_millisecond())
        };
        let newest = newest.and_then(|name| made_at_ms(&name).map(|at_ms| (name, at_ms)));
        Ok(Self { newest, unsound, older })
    }
}

fn newest_first(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = backup::backups_in(folder)?;
    names.reverse();
    Ok(names)
}

/// What there is, where nothing of it can be looked at: nobody else can look into the folder, and `pulsarr restore` wants a name.
#[must_use]
pub fn named(folder: &Path) -> Option<Finding> {
    let names = newest_first(folder).ok().filter(|names| !names.is_empty())?;
    Some(Finding::well(Area::Backups, format!("there are, not looked at: {}", names.join(", "))))
}

/// What is to be said about them, where there is a store.
#[must_use]
pub fn judge(backups: &Backups, now_ms: UnixMs) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !backups.unsound.is_empty() {
        let sentence = match &backups.unsound[..] {
            [name] => format!("the newest backup is not sound: {name}"),
            names => format!("the newest {} backups are not sound: {}", names.len(), names.join(", ")),
        };
        let advice = "The disk may be failing. Make another one, carry it away, and look at the disk.";
        findings.push(Finding::attention(Area::Backups, sentence, advice));
    }
    findings.push(match &backups.newest {
        None => Finding::attention(Area::Backups, "there is no sound backup in the data folder", MAKE_ONE),
        Some((name, made_at_ms)) => {
            let age_s = u64::try_from((now_ms - made_at_ms) / 1_000).unwrap_or(0);
            let all = backups.unsound.len() + 1 + backups.older.len();
            let sentence = format!("the newest of {all} is sound and {} old: {name}", span(age_s));
            if age_s > OLD_AFTER_S {
                Finding::attention(Area::Backups, sentence, MAKE_ONE)
            } else {
                Finding::well(Area::Backups, sentence)
            }
        }
    });
    if !backups.older.is_empty() {
        findings.push(Finding::well(Area::Backups, format!("older ones: {}", backups.older.join(", "))));
    }
    findings
}

/// What is to be said about stores that restores have replaced.
#[must_use]
pub fn of_replaced(stores: &[Replaced]) -> Option<Finding> {
    let all = size(stores.iter().map(|store| store.bytes).sum());
    let sentence = match stores {
        [] => return None,
        [one] => format!("a store of {all} that was replaced by a restore is in the folder {}", one.folder),
        [first, ..] => {
            let count = stores.len();
            format!("{count} stores that were replaced by restores have {all}, in folders such as {}", first.folder)
        }
    };
    Some(Finding::attention(Area::Backups, sentence, "Remove what nobody will want back."))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use crate::restore::replaced_in;
    use crate::store::Store;

    const NOON: UnixMs = 1_795_435_200_000;

    #[test]
    fn a_backup_of_last_night_is_enough() {
        let check = |made_at_ms: Option<UnixMs>, unsound, expected: &[Level]| {
            let newest = made_at_ms.map(|at_ms| ("it".to_owned(), at_ms));
            let said =
                judge(&Backups { newest, unsound: vec!["another".to_owned(); unsound], older: Vec::new() }, NOON);
            assert_eq!(said.iter().map(|finding| finding.level).collect::<Vec<_>>(), expected, "{said:?}");
        };
        check(Some(NOON - 9 * 3_600_000), 0, &[Level::Well]);
        check(Some(NOON - 27 * 3_600_000), 0, &[Level::Attention]);
        check(Some(NOON - 3_600_000), 1, &[Level::Attention, Level::Well]);
        check(None, 0, &[Level::Attention]);
        // Made before the clock was put back.
        check(Some(NOON + 3_600_000), 0, &[Level::Well]);
    }

    #[test]
    fn what_restores_have_replaced_is_named_with_the_room_it_takes() {
        let data = tempfile::tempdir().unwrap();
        let said = || of_replaced(&replaced_in(data.path()).unwrap()).map(|finding| finding.sentence);
        assert_eq!(said(), None);
        let put = |folder: &str, file: &str, bytes: usize| {
            let folder = data.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(file), vec![0; bytes]).unwrap();
        };
        put("db", "pulsarr.db", 1 << 22);
        put("db-before-b", "pulsarr.db", 3 << 20);
        put("db-before-b", "pulsarr.db-wal", 1 << 19);
        assert_eq!(said().unwrap(), "a store of 3.5 MiB that was replaced by a restore is in the folder db-before-b");
        put("db-before-a", "pulsarr.db", 1 << 20);
        let both = "2 stores that were replaced by restores have 4.5 MiB, in folders such as db-before-a";
        assert_eq!(said().unwrap(), both);
    }

    #[test]
    fn the_newest_that_is_sound_is_found_with_its_time() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), false).unwrap());
        let backups = folder.path().join("backup");
        let order = backup::Order { data_dir: folder.path(), folder: &backups, keep: 7, now_ms: NOON };
        let made = backup::prepare(&order).unwrap().unwrap().carry_out().unwrap();
        let name = made.file.file_name().unwrap().to_str().unwrap().to_owned();
        let newest = Some((name.clone(), NOON));
        let alone = Backups { newest: newest.clone(), unsound: Vec::new(), older: Vec::new() };
        assert_eq!(Backups::of(&backups).unwrap(), alone);

        let names = [21, 22, 24, 25].map(|day| format!("pulsarr-2026-11-{day}T12-00-00.000Z.db"));
        let [first, second, third, last] = names.clone();
        for older in &names[..2] {
            std::fs::copy(&made.file, backups.join(older)).unwrap();
        }
        for newer in &names[2..] {
            std::fs::write(backups.join(newer), b"a letter to a friend").unwrap();
        }
        let sentences = || judge(&Backups::of(&backups).unwrap(), NOON).into_iter().map(|it| it.sentence);
        let said: Vec<String> = sentences().collect();
        assert_eq!(said[0], format!("the newest 2 backups are not sound: {last}, {third}"));
        assert!(said[1].starts_with("the newest of 5 is sound") && said[1].ends_with(&name), "{said:?}");
        assert_eq!((said[2].as_str(), said.len()), (&*format!("older ones: {second}, {first}"), 3));
        let named = named(&backups).unwrap().sentence;
        assert_eq!(named, format!("there are, not looked at: {last}, {third}, {name}, {second}, {first}"));
        for sound in [&name, &first, &second] {
            std::fs::remove_file(backups.join(sound)).unwrap();
        }
        let said: Vec<String> = sentences().collect();
        assert_eq!(said[1..], ["there is no sound backup in the data folder"], "{said:?}");
    }
}
