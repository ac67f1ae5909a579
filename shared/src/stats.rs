//! Arithmetic for people who want to know how it goes. Pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::clock::UnixMs;

/// How many of `times` lie in each of the last `days` days of `zone`, the oldest day first; today is the last of them. Days are named
/// `2026-11-23`.
#[must_use]
pub fn per_day(times: &[UnixMs], days: u16, zone: &TimeZone, now_ms: UnixMs) -> Vec<(String, u32)> {
    let date = |at_ms| Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned_datetime(zone.clone()).date());
    let Some(today) = date(now_ms) else { return Vec::new() };
    let first = today.saturating_sub((i32::from(days) - 1).days());
    let mut counts: Vec<(String, u32)> =
        (0..days).map(|day| (first.saturating_add(i32::from(day).days()).to_string(), 0)).collect();
    for on in times.iter().filter_map(|at| date(*at)) {
        let day = on.since(first).map_or(-1, |since| since.get_days());
        if let Some((_, count)) = usize::try_from(day).ok().and_then(|day| counts.get_mut(day)) {
            *count += 1;
        }
    }
    counts
}

/// The one in the middle of `sorted`; of an even number the lower of the two.
#[must_use]
pub fn median(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_zone_and_those_before_do_not_count() {
        const HOUR: i64 = 3_600_000;
        // 2026-11-23 23:30 in UTC, half past midnight of the 24th an hour to the east.
        let late = 1_795_476_600_000;
        let times = [late, late - 24 * HOUR, late - 40 * 24 * HOUR];
        let east = TimeZone::fixed(jiff::tz::offset(1));
        let count = |zone: &TimeZone| per_day(&times, 2, zone, late);
        assert_eq!(count(&TimeZone::UTC), [("2026-11-22".to_owned(), 1), ("2026-11-23".to_owned(), 1)]);
        assert_eq!(count(&east), [("2026-11-23".to_owned(), 1), ("2026-11-24".to_owned(), 1)]);
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!((median(&[]), median(&[7]), median(&[1, 2]), median(&[1, 2, 9])), (None, Some(7), Some(1), Some(2)));
    }
}
