//! How long everybody leaves Plex alone: a `Retry-After` may be longer than the run that met it, so the store keeps it.

use std::time::Duration;

use crate::clock::{UnixMs, millis};
use crate::store::{Db, Store, StoreError};

/// The longest that Plex is left alone at a time, whatever it asks for: an answer that names years, by mistake or by a proxy's, must
/// not stop this program for good. One question a day is no burden to anybody.
pub const LONGEST_COOL_DOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the end is kept; unix milliseconds.
const COOL_UNTIL: &str = "plex.cool_until_ms";

/// Until when Plex is to be left alone by everybody, in unix milliseconds, if that time is still to come. One more than
/// [`LONGEST_COOL_DOWN`] away was written by a clock that has since been put back.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn cool_until(db: Db<'_>, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
    let until_ms = db.setting(COOL_UNTIL)?.and_then(|at| at.parse::<UnixMs>().ok());
    Ok(until_ms.filter(|at| *at > now_ms && at.saturating_sub(now_ms) <= millis(LONGEST_COOL_DOWN)))
}

/// Notes that nobody may ask Plex anything for `wait` from `now_ms` on, but no longer than [`LONGEST_COOL_DOWN`].
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn leave_alone(store: &Store, wait: Duration, now_ms: UnixMs) -> Result<(), StoreError> {
    let until_ms = now_ms.saturating_add(millis(wait.min(LONGEST_COOL_DOWN)));
    store.write(|db| db.set_setting(COOL_UNTIL, &until_ms.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;
    const DAY: i64 = 86_400_000;

    #[test]
    fn what_plex_asks_for_is_obeyed_for_up_to_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let check = |wait: Duration, now_ms: UnixMs, expected: Option<UnixMs>| {
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
    fn a_clock_that_was_put_back_leaves_no_cool_down_of_years() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        leave_alone(&store, Duration::from_secs(600), NOON + 365 * DAY).unwrap();
        assert_eq!(cool_until(store.read(), NOON).unwrap(), None);
    }
}
