//! Copies of the database: is there one, is it sound, how old is it.

use std::path::Path;

use super::finding::{Area, Finding, span};
use crate::backup;
use crate::clock::UnixMs;
use crate::printable::size;
use crate::restore::Replaced;

/// They are made each night; one that is older than this was missed.
const OLD_AFTER_S: u64 = 26 * 60 * 60;

/// How many are told by name besides the newest one.
const NAMED: usize = 30;

const MAKE_ONE: &str = "Make one: `pulsarr backup`, in Kubernetes each night by the CronJob `pulsarr-backup`.";

/// What was seen of a folder of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backups {
    /// The newest that is sound, by name, and when it was made.
    pub newest: Option<(String, UnixMs)>,
    /// The others by name, newest first.
    pub others: Vec<String>,
    /// How many newer ones are not sound.
    pub unsound: usize,
}

impl Backups {
    /// Looks at all of the newest one, and at others only where it is not sound.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of(folder: &Path) -> std::io::Result<Self> {
        let mut others = backup::backups_in(folder)?;
        others.reverse();
        let (newest, unsound) = backup::newest_sound(folder)?;
        let made_at_ms = |name: &str| {
            let at: jiff::Timestamp = backup::time_of(name)?.parse().ok()?;
            Some(at.as_millisecond())
        };
        let newest = newest.and_then(|name| made_at_ms(&name).map(|at_ms| (name, at_ms)));
        others.retain(|other| newest.as_ref().is_none_or(|(name, _)| name != other));
        Ok(Self { newest, others, unsound })
    }
}

/// What is to be said about them, where there is a store.
#[must_use]
pub fn judge(backups: &Backups, now_ms: UnixMs) -> Vec<Finding> {
    let mut findings = Vec::new();
    if backups.unsound > 0 {
        let sentence = match backups.unsound {
            1 => "the newest backup is not sound".to_owned(),
            unsound => format!("the newest {unsound} backups are not sound"),
        };
        let advice = "The disk may be failing. Make another one, carry it away, and look at the disk.";
        findings.push(Finding::attention(Area::Backups, sentence, advice));
    }
    findings.push(match &backups.newest {
        None => Finding::attention(Area::Backups, "there is no sound backup in the data folder", MAKE_ONE),
        Some((name, made_at_ms)) => {
            let age_s = u64::try_from((now_ms - made_at_ms) / 1_000).unwrap_or(0);
            let all = backups.others.len() + 1;
            let sentence = format!("the newest of {all} is sound and {} old: {name}", span(age_s));
            if age_s > OLD_AFTER_S {
                Finding::attention(Area::Backups, sentence, MAKE_ONE)
            } else {
                Finding::well(Area::Backups, sentence)
            }
        }
    });
    // Nobody can look into the folder, and `pulsarr restore` wants a name.
    if !backups.others.is_empty() {
        let named = backups.others[..backups.others.len().min(NAMED)].join(", ");
        let more = backups.others.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} older ones") };
        findings.push(Finding::well(Area::Backups, format!("there are also: {named}{more}")));
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
            let said = judge(&Backups { newest, others: Vec::new(), unsound }, NOON);
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
        let newest = Some((name, NOON));
        assert_eq!(Backups::of(&backups).unwrap(), Backups { newest: newest.clone(), others: Vec::new(), unsound: 0 });

        let names = [1, 2].map(|days| {
            let name = format!("pulsarr-2026-11-2{days}T12-00-00.000Z.db");
            std::fs::copy(&made.file, backups.join(&name)).unwrap();
            name
        });
        let [first, second] = &names;
        let found = Backups::of(&backups).unwrap();
        assert_eq!(found, Backups { newest, others: vec![second.clone(), first.clone()], unsound: 0 });
        let said = judge(&found, NOON);
        assert!(said[0].sentence.contains("the newest of 3 is sound"), "{said:?}");
        assert_eq!(said[1].sentence, format!("there are also: {second}, {first}"));
    }
}
