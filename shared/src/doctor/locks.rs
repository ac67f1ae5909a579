//! Who is at work on the data folder.

use std::path::Path;

use super::finding::{Area, Finding, span};
use crate::clock::UnixMs;
use crate::lock::{self, Duty, LockError, Standing};

/// Who has which lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locks {
    /// A sync.
    pub sync: Standing,
    /// The service.
    pub service: Standing,
    /// A backup.
    pub backup: Standing,
}

impl Locks {
    /// Looks; takes none of them.
    ///
    /// # Errors
    /// [`LockError`] when a file of theirs cannot be looked at.
    pub fn of(data_dir: &Path) -> Result<Self, LockError> {
        let standing = |duty| lock::standing(data_dir, duty);
        Ok(Self { sync: standing(Duty::Sync)?, service: standing(Duty::Service)?, backup: standing(Duty::Backup)? })
    }
}

/// What is to be said about them. No run should take longer than `run_limit_s`.
#[must_use]
pub fn judge(locks: &Locks, run_limit_s: u64, now_ms: UnixMs) -> Vec<Finding> {
    let mut findings = vec![of_service(&locks.service, now_ms), of_sync(&locks.sync, run_limit_s, now_ms)];
    if let Standing::Held(_) = &locks.backup {
        let sentence = format!("a backup is being made{}", by(&locks.backup, now_ms));
        findings.push(Finding::well(Area::Locks, sentence));
    }
    findings
}

fn of_service(service: &Standing, now_ms: UnixMs) -> Finding {
    match service {
        Standing::Held(_) => Finding::well(Area::Locks, format!("the service is at work{}", by(service, now_ms))),
        Standing::Free => Finding::attention(
            Area::Locks,
            "the service is not running",
            "Start it: without it nobody takes what Sonarr and Radarr tell, and lists are looked at only by runs.",
        ),
    }
}

fn of_sync(sync: &Standing, run_limit_s: u64, now_ms: UnixMs) -> Finding {
    // It ends by itself at its limit, and may wait for an answer or two after that.
    const GRACE_S: u64 = 60;
    match (sync, held_for_s(sync, now_ms)) {
        (Standing::Free, _) => Finding::well(Area::Locks, "no sync is running"),
        (_, Some(held_s)) if held_s > run_limit_s + GRACE_S => Finding::attention(
            Area::Locks,
            format!("a sync is running{}", by(sync, now_ms)),
            format!(
                "It should have ended by itself after {}: end that process, and the next run takes up its work.",
                span(run_limit_s)
            ),
        ),
        _ => Finding::well(Area::Locks, format!("a sync is running{}", by(sync, now_ms))),
    }
}

fn by(standing: &Standing, now_ms: UnixMs) -> String {
    match (standing, held_for_s(standing, now_ms)) {
        (Standing::Held(Some(holder)), Some(held_s)) => format!(": {holder}, for {}", span(held_s)),
        _ => String::new(),
    }
}

fn held_for_s(standing: &Standing, now_ms: UnixMs) -> Option<u64> {
    match standing {
        Standing::Held(Some(holder)) => Some(u64::try_from((now_ms - holder.since_ms) / 1_000).unwrap_or(0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use crate::lock::Holder;

    const NOON: UnixMs = 1_795_435_200_000;

    fn held() -> Standing {
        Standing::Held(Some(Holder { host: "pulsarr-0".into(), pid: 1, run_id: "r1".into(), since_ms: NOON }))
    }

    #[test]
    fn whoever_is_at_work_is_named_with_since_when() {
        let locks = Locks { sync: held(), service: held(), backup: held() };
        let said = judge(&locks, 270, NOON + 45_000);
        assert!(said.iter().all(|finding| finding.level == Level::Well), "{said:?}");
        let expected = "a sync is running: run r1 on pulsarr-0 (process 1) since 2026-11-23T12:00:00.000Z, for 45 s";
        assert_eq!((said[1].sentence.as_str(), said.len()), (expected, 3));
    }

    #[test]
    fn a_sync_without_end_and_a_service_that_is_not_there_are_looked_at() {
        let locks = Locks { sync: held(), service: Standing::Free, backup: Standing::Free };
        let said = judge(&locks, 270, NOON + 400_000);
        assert_eq!([said[0].level, said[1].level], [Level::Attention, Level::Attention]);
        let nameless = Locks { sync: Standing::Held(None), ..locks };
        assert_eq!(judge(&nameless, 270, NOON)[1], Finding::well(Area::Locks, "a sync is running"));
    }
}
