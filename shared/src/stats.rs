//! Arithmetic for people who want to know how it goes. Pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::clock::UnixMs;

/// How many of `times` lie in each of the last `days` days of `zone`, the oldest day first; today is the last of them. Days are named
/// `2026-11-23`. What lies ahead counts as today.
#[must_use]
pub fn per_day(times: &[UnixMs], days: u16, zone: &TimeZone, now_ms: UnixMs) -> Vec<(String, u32)> {
    let days = Days::new(days, zone, now_ms);
    let mut counts: Vec<(String, u32)> = days.0.iter().map(|(_, name)| (name.clone(), 0)).collect();
    for day in times.iter().filter_map(|at_ms| days.of(*at_ms)) {
        if let Some((_, count)) = counts.get_mut(day) {
            *count += 1;
        }
    }
    counts
}

/// The last days of a zone, the oldest first; today is the last of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days(Vec<(UnixMs, String)>);

impl Days {
    /// `days` of them, as it is `now_ms` now; none for a time that no calendar has.
    #[must_use]
    pub fn new(days: u16, zone: &TimeZone, now_ms: UnixMs) -> Self {
        let Ok(now) = Timestamp::from_millisecond(now_ms) else { return Self(Vec::new()) };
        let today = now.to_zoned_datetime(zone.clone()).date();
        let first = today.saturating_sub((i32::from(days) - 1).days());
        let all = (0..days).filter_map(|day| {
            let date = first.saturating_add(i32::from(day).days());
            let begins = date.to_zoned_datetime(zone.clone()).ok()?.timestamp().as_millisecond();
            Some((begins, date.to_string()))
        });
        Self(all.collect())
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When a day begins; unix milliseconds, and for a day that there is none the end of time.
    #[must_use]
    pub fn begin_ms(&self, day: usize) -> UnixMs {
        self.0.get(day).map_or(UnixMs::MAX, |(begins, _)| *begins)
    }

    /// `2026-11-23`; empty for a day that there is none.
    #[must_use]
    pub fn name(&self, day: usize) -> &str {
        self.0.get(day).map_or("", |(_, name)| name)
    }

    /// Which day a time lies in; none before the first. What lies ahead counts as today.
    #[must_use]
    pub fn of(&self, at_ms: UnixMs) -> Option<usize> {
        self.0.partition_point(|(begins, _)| *begins <= at_ms).checked_sub(1)
    }
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
    fn a_time_is_found_in_its_day_also_where_a_day_has_25_hours() {
        const HOUR: i64 = 3_600_000;
        // 2026-10-26 12:00 UTC, the day after clocks went back.
        let now = 1_793_016_000_000;
        let days = Days::new(3, &TimeZone::get("Europe/Berlin").unwrap(), now);
        assert_eq!((0..3).map(|day| days.name(day)).collect::<Vec<_>>(), ["2026-10-24", "2026-10-25", "2026-10-26"]);
        assert_eq!(days.begin_ms(2) - days.begin_ms(1), 25 * HOUR);
        assert_eq!((days.of(days.begin_ms(0) - 1), days.of(days.begin_ms(0))), (None, Some(0)));
        assert_eq!((days.of(days.begin_ms(2) - 1), days.of(now + 90 * HOUR)), (Some(1), Some(2)));
        assert_eq!((days.begin_ms(3), days.name(3)), (i64::MAX, ""));
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!((median(&[]), median(&[7]), median(&[1, 2]), median(&[1, 2, 9])), (None, Some(7), Some(1), Some(2)));
    }
}
