//! How long everybody leaves Plex alone: a `Retry-After` may be longer than the run that met it, so the store keeps it. Whoever is told to
//! wait tells all others at once.

use std::convert::Infallible;
use std::time::Duration;

pub use crate::clients::limiter::LONGEST_COOL_DOWN;
use crate::clients::plex::Plex;
use crate::clock::{UnixMs, millis};
use crate::run::Run;
use crate::store::{Db, Store, StoreError};

/// Where the end is kept; unix milliseconds.
const COOL_UNTIL: &str = "plex.cool_until_ms";

/// How often a run looks whether somebody else was told to wait.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is on record about the end is believed to be the same when it differs by no more.
const SLACK_MS: i64 = 100;

/// Until when Plex is to be left alone by everybody, in unix milliseconds, if that time is still to come. One more than
/// [`LONGEST_COOL_DOWN`] away was written by a clock that has since been put back.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn cool_until(db: Db<'_>, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
    let until_ms = db.setting(COOL_UNTIL)?.and_then(|at| at.parse::<UnixMs>().ok());
    Ok(until_ms.filter(|at| *at > now_ms && at.saturating_sub(now_ms) <= millis(LONGEST_COOL_DOWN)))
}

/// Notes that nobody may ask Plex anything for `wait` from `now_ms` on, but no longer than [`LONGEST_COOL_DOWN`]. A longer wait that
/// somebody else was told of stays.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn leave_alone(store: &Store, wait: Duration, now_ms: UnixMs) -> Result<(), StoreError> {
    let until_ms = now_ms.saturating_add(millis(wait.min(LONGEST_COOL_DOWN)));
    store.write(|db| match cool_until(db, now_ms)? {
        Some(longer_ms) if longer_ms >= until_ms => Ok(()),
        _ => db.set_setting(COOL_UNTIL, &until_ms.to_string()),
    })
}

/// Tells everybody at once when Plex asks this run to slow down, and this run when somebody else was asked. For beside the stages.
pub(super) async fn share(run: &Run<'_>, plex: &Plex) -> Infallible {
    let mut known_ms = None;
    loop {
        tokio::select! {
            () = plex.refused() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Err(error) = share_once(run.store, plex, &mut known_ms, run.clock.now_ms()) {
            // What this run was told is noted once more at its end.
            tracing::debug!(run.id = %run.id, "failed to {error}");
        }
    }
}

/// `known_ms`: what this run knows of already.
fn share_once(store: &Store, plex: &Plex, known_ms: &mut Option<UnixMs>, now_ms: UnixMs) -> Result<(), StoreError> {
    let theirs_ms = cool_until(store.read(), now_ms)?;
    let ours = plex.cooling_for().unwrap_or_default();
    // The clock of the pauses and that of the wall never agree to the millisecond.
    if now_ms.saturating_add(millis(ours)) > theirs_ms.unwrap_or(now_ms) + SLACK_MS {
        leave_alone(store, ours, now_ms)?;
    }
    if let Some(at_ms) = theirs_ms.filter(|_| theirs_ms != *known_ms) {
        plex.leave_alone(Duration::from_millis(at_ms.saturating_sub(now_ms).unsigned_abs()));
    }
    *known_ms = theirs_ms;
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::clients::plex::PlexUrls;
    use crate::clients::testing::http;

    const NOON: UnixMs = 1_795_435_200_000;
    const DAY: i64 = 86_400_000;

    #[test]
    fn what_plex_asks_for_is_obeyed_for_up_to_a_day() {
        let check = |wait: Duration, now_ms: UnixMs, expected: Option<UnixMs>| {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), false).unwrap();
            leave_alone(&store, wait, now_ms).unwrap();
            assert_eq!(cool_until(store.read(), now_ms).unwrap(), expected, "{wait:?} from {now_ms}");
        };
        check(Duration::from_secs(600), NOON, Some(NOON + 600_000));
        check(Duration::from_secs(86_400), NOON, Some(NOON + DAY));
        check(Duration::from_secs(2 * 86_400), NOON, Some(NOON + DAY));
        check(Duration::MAX, NOON, Some(NOON + DAY));
        check(Duration::ZERO, NOON, None);
        check(Duration::MAX, UnixMs::MAX, None);
    }

    #[test]
    fn a_shorter_wait_does_not_shorten_a_longer_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        for (wait_s, now_ms, expected) in [
            (3_600, NOON, NOON + 3_600_000),
            (60, NOON + 1_000, NOON + 3_600_000),
            (3_600, NOON + 1_000, NOON + 3_601_000),
            (60, NOON + 3_600_000, NOON + 3_660_000),
        ] {
            leave_alone(&store, Duration::from_secs(wait_s), now_ms).unwrap();
            assert_eq!(cool_until(store.read(), now_ms).unwrap(), Some(expected), "{wait_s} s from {now_ms}");
        }
    }

    #[tokio::test]
    async fn a_run_hears_once_of_each_time_that_somebody_else_was_asked_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let url = || "http://127.0.0.1:1".to_owned();
        let urls = PlexUrls { plex_tv: url(), discover: url(), community: url() };
        let plex = Plex::new(http(), urls, SecretString::from("token"), "installation-1".to_owned());
        let mut known_ms = None;
        share_once(&store, &plex, &mut known_ms, NOON).unwrap();
        assert_eq!(plex.cooling_for(), None);
        leave_alone(&store, Duration::from_secs(600), NOON).unwrap();
        share_once(&store, &plex, &mut known_ms, NOON).unwrap();
        let left = plex.cooling_for().unwrap();
        assert!(left > Duration::from_secs(500), "{left:?}");
        share_once(&store, &plex, &mut known_ms, NOON).unwrap();
        assert!(plex.cooling_for().unwrap() <= left, "a clock that stands still lengthens nothing");
        leave_alone(&store, Duration::from_secs(3_600), NOON).unwrap();
        share_once(&store, &plex, &mut known_ms, NOON).unwrap();
        assert!(plex.cooling_for().unwrap() > Duration::from_secs(3_500));
    }

    #[test]
    fn a_clock_that_was_put_back_leaves_no_cool_down_of_years() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        leave_alone(&store, Duration::from_secs(600), NOON + 365 * DAY).unwrap();
        assert_eq!(cool_until(store.read(), NOON).unwrap(), None);
    }
}
