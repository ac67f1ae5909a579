//! The arithmetic of quotas: which time counts, how much of it is used, when there is room again. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::clock::UnixMs;
use crate::model::{MediaType, Period, Quota, QuotaUse, ShortMonth};

/// A day as rolling quotas count it, whatever the local clocks do.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// From which share of a quota on people are warned: percent.
pub const WARN_FROM_PERCENT: u32 = 80;

/// How full one quota is for the next title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Places taken, those on their way included.
    pub used: u32,
    /// Of these, how many may yet turn out to cost nothing.
    pub on_their_way: u32,
    /// How many there are.
    pub limit: u32,
    /// Since when uses count; `None` for a watchlist cap.
    pub since_ms: Option<UnixMs>,
    /// From when on there is room for one more title, if nothing else is taken meanwhile; `None` while there is room, and for a
    /// watchlist cap.
    pub frees_at_ms: Option<UnixMs>,
}

impl Room {
    /// Whether there is no room for one more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.used >= self.limit
    }

    /// Whether that is for certain: full of titles that an arr has taken.
    #[must_use]
    pub const fn is_certainly_full(&self) -> bool {
        self.used - self.on_their_way >= self.limit
    }

    /// How much of it is used, in whole percent; above 100 when the limit was lowered below current use.
    #[must_use]
    pub fn percent(&self) -> u32 {
        let percent = u64::from(self.used) * 100 / u64::from(self.limit.max(1));
        u32::try_from(percent).unwrap_or(u32::MAX)
    }

    /// Whether so much of it is used that people are warned.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        self.percent() >= WARN_FROM_PERCENT
    }
}

/// Since when places count for a quota of this `period`; `None` for a watchlist cap.
#[must_use]
pub fn since_ms(period: Period, zone: &TimeZone, now_ms: UnixMs) -> Option<UnixMs> {
    match period {
        Period::WatchlistCap => None,
        Period::Rolling { days } => Some(now_ms.saturating_sub(rolling_ms(days)).saturating_add(1)),
        calendar => Some(span(calendar, zone, now_ms).since_ms),
    }
}

/// How full `quota` is at `now_ms`, given the places its user has taken for titles of its type. Days begin in `zone`. A place that
/// was taken later than now, before the clock was put back, counts.
#[must_use]
pub fn room(quota: &Quota, uses: &[QuotaUse], zone: &TimeZone, now_ms: UnixMs) -> Room {
    let since_ms = since_ms(quota.period, zone, now_ms);
    let counts = |it: &&QuotaUse| since_ms.map_or(it.open, |since_ms| it.used_at_ms >= since_ms);
    let (mut used, mut on_their_way) = (0_u32, 0_u32);
    for it in uses.iter().filter(counts) {
        used += 1;
        on_their_way += u32::from(!it.spent);
    }
    let mut room = Room { used, on_their_way, limit: quota.limit, since_ms, frees_at_ms: None };
    if room.is_full() && since_ms.is_some() {
        room.frees_at_ms = frees_at_ms(quota, uses.iter().filter(counts), zone);
    }
    room
}

/// There is room again once the youngest `limit` places are no longer all in the time that counts.
fn frees_at_ms<'a>(quota: &Quota, uses: impl Iterator<Item = &'a QuotaUse>, zone: &TimeZone) -> Option<UnixMs> {
    let mut times: Vec<UnixMs> = uses.map(|it| it.used_at_ms).collect();
    let place = (quota.limit as usize).checked_sub(1).filter(|place| *place < times.len())?;
    let (_, in_the_way, _) = times.select_nth_unstable_by(place, |one, other| other.cmp(one));
    let in_the_way = *in_the_way;
    match quota.period {
        Period::WatchlistCap => None,
        Period::Rolling { days } => Some(in_the_way.saturating_add(rolling_ms(days))),
        calendar => Some(span(calendar, zone, in_the_way).until_ms),
    }
}

fn rolling_ms(days: u16) -> i64 {
    i64::from(days) * DAY_MS
}

/// One day, week or month of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// Its first millisecond.
    since_ms: UnixMs,
    /// The first millisecond of the next one.
    until_ms: UnixMs,
}

/// The day, week or month of a calendar `period` that `at_ms` lies in. Beyond the years a calendar knows, all time is one.
fn span(period: Period, zone: &TimeZone, at_ms: UnixMs) -> Span {
    let all_time = Span { since_ms: UnixMs::MIN, until_ms: UnixMs::MAX };
    let begins = |date: Date| {
        let begins = date.to_zoned_datetime(zone.clone()).ok()?;
        Some(begins.timestamp().as_millisecond())
    };
    let Ok(today) = Timestamp::from_millisecond(at_ms).map(|at| at.to_zoned_datetime(zone.clone()).date()) else {
        return all_time;
    };
    // Clocks that are put back over midnight make a day begin twice; then the date alone does not tell which one it is.
    let around = first_days(period, today);
    let starts: Vec<UnixMs> = around.into_iter().filter_map(begins).collect();
    let since_ms = starts.iter().copied().filter(|start| *start <= at_ms).max();
    let until_ms = starts.iter().copied().filter(|start| *start > at_ms).min();
    Span { since_ms: since_ms.unwrap_or(all_time.since_ms), until_ms: until_ms.unwrap_or(all_time.until_ms) }
}

/// The days around `today` on which a calendar period begins: at least two before it and two after it, in order.
fn first_days(period: Period, today: Date) -> Vec<Date> {
    match period {
        Period::Weekly => {
            let monday = today.saturating_sub(i32::from(today.weekday().to_monday_zero_offset()).days());
            (-2..=2).map(|weeks| monday.saturating_add(weeks.weeks())).collect()
        }
        Period::Monthly { reset_day, short_month } => {
            // One month without its day may come between two that have it.
            let months = (-4..=4).map(|months| today.first_of_month().saturating_add(months.months()));
            months.filter_map(|first| reset_of_month(first, reset_day, short_month)).collect()
        }
        _ => (-2..=2).map(|days| today.saturating_add(days.days())).collect(),
    }
}

/// The day in the month beginning with `first` on which a monthly quota begins anew; it may be the first of the next one.
fn reset_of_month(first: Date, reset_day: i8, short_month: ShortMonth) -> Option<Date> {
    if reset_day <= first.days_in_month() {
        return Some(first.saturating_add(i32::from(reset_day - 1).days()));
    }
    match short_month {
        ShortMonth::LastDay => Some(first.last_of_month()),
        ShortMonth::Skip => None,
        ShortMonth::NextMonth => Some(first.saturating_add(1.month())),
    }
}

/// The quota as a sentence's subject: `3 movies a day`.
#[must_use]
pub fn in_words(quota: &Quota) -> String {
    let Quota { limit, .. } = quota;
    let title = match (quota.media_type, limit) {
        (MediaType::Movie, 1) => "movie",
        (MediaType::Movie, _) => "movies",
        (MediaType::Show, 1) => "show",
        (MediaType::Show, _) => "shows",
    };
    match quota.period {
        Period::Daily => format!("{limit} {title} a day"),
        Period::Weekly => format!("{limit} {title} a week"),
        Period::Monthly { reset_day: 1, .. } => format!("{limit} {title} a month"),
        Period::Monthly { reset_day, .. } => format!("{limit} {title} a month from day {reset_day}"),
        Period::Rolling { days: 1 } => format!("{limit} {title} in 24 hours"),
        Period::Rolling { days } => format!("{limit} {title} in {days} days"),
        Period::WatchlistCap => format!("{limit} {title} on the watchlist"),
    }
}

/// The arithmetic as a sentence: `2 of 3 used since 2026-11-23 00:00 (1 on its way); room again 2026-11-24 00:00`.
#[must_use]
pub fn arithmetic(room: &Room, zone: &TimeZone) -> String {
    let Room { used, limit, on_their_way, .. } = room;
    let since = room.since_ms.map(|at| format!(" since {}", local(at, zone))).unwrap_or_default();
    let on_their_way = match on_their_way {
        0 => String::new(),
        1 => " (1 on its way)".to_owned(),
        many => format!(" ({many} on their way)"),
    };
    let again = if room.is_full() { format!("; {}", room_again(room, zone)) } else { String::new() };
    format!("{used} of {limit} used{since}{on_their_way}{again}")
}

/// How full it is, as people say it: `3 of 5 this week, resets Monday`; `2 of 2 in the last 7 days (1 on its way), room again
/// 2026-11-30 13:00`.
#[must_use]
pub fn standing_in_words(quota: &Quota, room: &Room, zone: &TimeZone, now_ms: UnixMs) -> String {
    let Room { used, limit, on_their_way, .. } = room;
    let until_ms = span(quota.period, zone, now_ms).until_ms;
    let until = |format: &str| {
        let at = Timestamp::from_millisecond(until_ms).map(|at| at.to_zoned_datetime(zone.clone()));
        at.map_or_else(|_| "later".to_owned(), |at| at.strftime(format).to_string())
    };
    let (when, resets) = match quota.period {
        Period::Daily => ("today".to_owned(), Some("at midnight".to_owned())),
        Period::Weekly => ("this week".to_owned(), Some(until("%A"))),
        Period::Monthly { .. } => ("this month".to_owned(), Some(until("%-d %B"))),
        Period::Rolling { days: 1 } => ("in the last 24 hours".to_owned(), None),
        Period::Rolling { days } => (format!("in the last {days} days"), None),
        Period::WatchlistCap => ("on the watchlist".to_owned(), None),
    };
    let on_their_way = match on_their_way {
        0 => String::new(),
        1 => " (1 on its way)".to_owned(),
        many => format!(" ({many} on their way)"),
    };
    let then = match resets {
        // A place from the future outlasts the period.
        Some(resets) if room.frees_at_ms.is_none_or(|at| at == until_ms) => format!(", resets {resets}"),
        _ if room.is_full() => format!(", {}", room_again(room, zone)),
        _ => String::new(),
    };
    format!("{used} of {limit} {when}{on_their_way}{then}")
}

/// Why there is no room, as a sentence: `the quota of 3 movies a day is used up; room again 2026-11-24 00:00`. Stays the same as long
/// as nothing changes but the time.
#[must_use]
pub fn used_up(quota: &Quota, room: &Room, zone: &TimeZone) -> String {
    format!("the quota of {} is used up; {}", in_words(quota), room_again(room, zone))
}

/// `room again 2026-11-24 00:00`, in the quota's zone.
fn room_again(room: &Room, zone: &TimeZone) -> String {
    match room.frees_at_ms {
        // To the minute, and never too early.
        Some(at) => format!("room again {}", local(at.saturating_add(59_999), zone)),
        None if room.since_ms.is_none() => "room again when one of them leaves the watchlist".to_owned(),
        None => "no title fits into it".to_owned(),
    }
}

/// `2026-11-23 00:00` on the clocks of `zone`.
#[must_use]
pub fn local(at_ms: UnixMs, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at_ms).map(|at| at.to_zoned_datetime(zone.clone()));
    at.map_or_else(|_| "out of range".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntryId, WhenExceeded};

    const MOVIE: MediaType = MediaType::Movie;

    fn quota(period: Period, limit: u32) -> Quota {
        Quota { media_type: MOVIE, period, limit, when_exceeded: WhenExceeded::Approval }
    }

    fn monthly(reset_day: i8, short_month: ShortMonth) -> Period {
        Period::Monthly { reset_day, short_month }
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// `2026-11-23T12:00:00Z`
    fn at(utc: &str) -> UnixMs {
        utc.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn taken(times: &[UnixMs]) -> Vec<QuotaUse> {
        let used = |at: &UnixMs| QuotaUse { entry: EntryId(*at), used_at_ms: *at, open: true, spent: true };
        times.iter().map(used).collect()
    }

    fn check(period: Period, zone_name: &str, now: &str, since: &str, until: &str) {
        let zone = zone(zone_name);
        let found = span(period, &zone, at(now));
        let told = |at_ms| local(at_ms, &zone);
        assert_eq!((told(found.since_ms), told(found.until_ms)), (since.into(), until.into()), "{period:?} {now}");
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight_where_the_household_lives() {
        check(Period::Daily, "UTC", "2026-11-23T12:00:00Z", "2026-11-23 00:00", "2026-11-24 00:00");
        check(Period::Daily, "Pacific/Kiritimati", "2026-11-23T12:00:00Z", "2026-11-24 00:00", "2026-11-25 00:00");
        check(Period::Daily, "Pacific/Pago_Pago", "2026-11-23T05:00:00Z", "2026-11-22 00:00", "2026-11-23 00:00");
        // In Havana the clocks jump from midnight to one.
        check(Period::Daily, "America/Havana", "2024-03-10T12:00:00Z", "2024-03-10 01:00", "2024-03-11 00:00");
        // On Samoa there was no 30 December 2011.
        check(Period::Daily, "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-31 00:00", "2012-01-01 00:00");
    }

    #[test]
    fn a_day_on_which_the_clocks_change_has_23_or_25_hours() {
        let berlin = zone("Europe/Berlin");
        for (now, hours) in [("2026-03-29T12:00:00Z", 23), ("2026-10-25T12:00:00Z", 25), ("2026-07-01T12:00:00Z", 24)] {
            let day = span(Period::Daily, &berlin, at(now));
            assert_eq!(day.until_ms - day.since_ms, hours * 60 * 60 * 1000, "{now}");
        }
    }

    #[test]
    fn a_week_begins_on_monday() {
        check(Period::Weekly, "UTC", "2026-11-23T00:00:00Z", "2026-11-23 00:00", "2026-11-30 00:00");
        check(Period::Weekly, "UTC", "2026-11-22T23:59:59Z", "2026-11-16 00:00", "2026-11-23 00:00");
        check(Period::Weekly, "Asia/Tokyo", "2026-11-22T15:00:00Z", "2026-11-23 00:00", "2026-11-30 00:00");
    }

    #[test]
    fn a_month_begins_on_its_reset_day() {
        let first = monthly(1, ShortMonth::LastDay);
        check(first, "UTC", "2026-11-23T12:00:00Z", "2026-11-01 00:00", "2026-12-01 00:00");
        let fifteenth = monthly(15, ShortMonth::LastDay);
        check(fifteenth, "UTC", "2026-11-14T12:00:00Z", "2026-10-15 00:00", "2026-11-15 00:00");
        check(fifteenth, "UTC", "2026-11-15T00:00:00Z", "2026-11-15 00:00", "2026-12-15 00:00");
        check(fifteenth, "UTC", "2026-12-31T12:00:00Z", "2026-12-15 00:00", "2027-01-15 00:00");
    }

    #[test]
    fn a_month_without_the_reset_day_does_as_told() {
        use ShortMonth::{LastDay, NextMonth, Skip};
        // (reset day, policy, since, until) on 10 March, after a February of 28 and one of 29 days.
        let after_28 = [
            (29, LastDay, "2026-02-28", "2026-03-29"),
            (29, Skip, "2026-01-29", "2026-03-29"),
            (29, NextMonth, "2026-03-01", "2026-03-29"),
            (30, LastDay, "2026-02-28", "2026-03-30"),
            (30, Skip, "2026-01-30", "2026-03-30"),
            (30, NextMonth, "2026-03-01", "2026-03-30"),
            (31, LastDay, "2026-02-28", "2026-03-31"),
            (31, Skip, "2026-01-31", "2026-03-31"),
            (31, NextMonth, "2026-03-01", "2026-03-31"),
        ];
        for (day, policy, since, until) in after_28 {
            let (since, until) = (format!("{since} 00:00"), format!("{until} 00:00"));
            check(monthly(day, policy), "UTC", "2026-03-10T12:00:00Z", &since, &until);
        }
        let after_29 = [
            (29, LastDay, "2028-02-29", "2028-03-29"),
            (29, Skip, "2028-02-29", "2028-03-29"),
            (29, NextMonth, "2028-02-29", "2028-03-29"),
            (30, LastDay, "2028-02-29", "2028-03-30"),
            (30, Skip, "2028-01-30", "2028-03-30"),
            (31, NextMonth, "2028-03-01", "2028-03-31"),
        ];
        for (day, policy, since, until) in after_29 {
            let (since, until) = (format!("{since} 00:00"), format!("{until} 00:00"));
            check(monthly(day, policy), "UTC", "2028-03-10T12:00:00Z", &since, &until);
        }
        check(monthly(31, Skip), "UTC", "2026-05-01T00:00:00Z", "2026-03-31 00:00", "2026-05-31 00:00");
        check(monthly(31, NextMonth), "UTC", "2026-04-30T23:59:59Z", "2026-03-31 00:00", "2026-05-01 00:00");
    }

    fn every_calendar_period() -> Vec<Period> {
        let monthly = [1, 15, 28, 29, 30, 31].into_iter().flat_map(|day| {
            ShortMonth::ALL.iter().map(move |policy| Period::Monthly { reset_day: day, short_month: *policy })
        });
        [Period::Daily, Period::Weekly].into_iter().chain(monthly).collect()
    }

    #[test]
    fn periods_follow_each_other_without_a_gap_and_without_overlap() {
        let zones =
            ["UTC", "Europe/Berlin", "America/Havana", "America/St_Johns", "Pacific/Apia", "Pacific/Kiritimati"];
        for zone in zones.map(zone) {
            for period in every_calendar_period() {
                // From here on four years and more, a leap year and Samoa's missing day included.
                let (mut now, end) = (at("2010-06-15T08:30:00Z"), at("2014-07-01T00:00:00Z"));
                while now < end {
                    let this = span(period, &zone, now);
                    assert!(this.since_ms <= now && now < this.until_ms, "{period:?} {this:?}");
                    assert_eq!(span(period, &zone, this.since_ms), this, "its first millisecond: {period:?}");
                    assert_eq!(span(period, &zone, this.until_ms - 1), this, "its last millisecond: {period:?}");
                    assert_eq!(span(period, &zone, this.until_ms).since_ms, this.until_ms, "{period:?}");
                    now = this.until_ms;
                }
            }
        }
    }

    #[test]
    fn what_was_used_before_the_period_does_not_count_and_what_comes_from_the_future_does() {
        let now = at("2026-11-23T12:00:00Z");
        let uses = taken(&[at("2026-11-22T23:59:59.999Z"), at("2026-11-23T00:00:00Z"), at("2026-11-25T08:00:00Z")]);
        let room = room(&quota(Period::Daily, 3), &uses, &TimeZone::UTC, now);
        assert_eq!((room.used, room.is_full(), room.frees_at_ms), (2, false, None));
        let full = super::room(&quota(Period::Daily, 1), &uses, &TimeZone::UTC, now);
        assert_eq!(
            full.frees_at_ms,
            Some(at("2026-11-26T00:00:00Z")),
            "the day of the one from the future has to pass"
        );
    }

    #[test]
    fn a_rolling_quota_frees_to_the_millisecond() {
        let first = at("2026-11-23T12:00:00.123Z");
        let quota = quota(Period::Rolling { days: 7 }, 1);
        let of = |now| room(&quota, &taken(&[first]), &TimeZone::UTC, now);
        let again = first + 7 * DAY_MS;
        assert_eq!((of(again - 1).is_full(), of(again - 1).frees_at_ms), (true, Some(again)));
        assert!(!of(again).is_full());
        // Days of a rolling quota are 24 hours each, also where a clock changes.
        let berlin = zone("Europe/Berlin");
        let spring = at("2026-03-28T12:00:00Z");
        let room = room(&self::quota(Period::Rolling { days: 1 }, 1), &taken(&[spring]), &berlin, spring);
        assert_eq!(room.frees_at_ms, Some(spring + DAY_MS));
    }

    #[test]
    fn over_a_lowered_limit_room_comes_only_when_enough_have_left() {
        let days: Vec<_> = (1..=5).map(|day| day * DAY_MS).collect();
        let room = room(&quota(Period::Rolling { days: 10 }, 2), &taken(&days), &TimeZone::UTC, 6 * DAY_MS);
        assert_eq!((room.used, room.limit, room.frees_at_ms), (5, 2, Some(14 * DAY_MS)));
        assert_eq!(room.percent(), 250);
    }

    #[test]
    fn a_watchlist_cap_counts_what_is_still_on_the_list_and_names_no_time() {
        let mut uses = taken(&[1, 2, 3]);
        uses[0].open = false;
        let room = room(&quota(Period::WatchlistCap, 2), &uses, &TimeZone::UTC, at("2026-11-23T12:00:00Z"));
        assert_eq!((room.used, room.is_full(), room.since_ms, room.frees_at_ms), (2, true, None, None));
        assert_eq!(arithmetic(&room, &TimeZone::UTC), "2 of 2 used; room again when one of them leaves the watchlist");
    }

    #[test]
    fn what_is_on_its_way_fills_a_quota_and_not_for_certain() {
        let mut uses = taken(&[5, 6]);
        uses[1].spent = false;
        let room = room(&quota(Period::Daily, 2), &uses, &TimeZone::UTC, 7);
        assert!(room.is_full() && !room.is_certainly_full());
        uses[1].spent = true;
        assert!(super::room(&quota(Period::Daily, 2), &uses, &TimeZone::UTC, 7).is_certainly_full());
    }

    #[test]
    fn people_are_warned_from_80_percent_on() {
        let of = |used, limit| Room { used, on_their_way: 0, limit, since_ms: None, frees_at_ms: None };
        assert!(of(4, 5).is_nearly_full() && of(8, 10).is_nearly_full() && of(3, 3).is_nearly_full());
        assert!(!of(3, 4).is_nearly_full() && !of(0, 1).is_nearly_full() && !of(79, 100).is_nearly_full());
    }

    #[test]
    fn quotas_and_their_arithmetic_read_as_sentences() {
        let cases = [
            (Period::Daily, "3 movies a day"),
            (Period::Weekly, "3 movies a week"),
            (monthly(1, ShortMonth::Skip), "3 movies a month"),
            (monthly(15, ShortMonth::Skip), "3 movies a month from day 15"),
            (Period::Rolling { days: 7 }, "3 movies in 7 days"),
            (Period::Rolling { days: 1 }, "3 movies in 24 hours"),
            (Period::WatchlistCap, "3 movies on the watchlist"),
        ];
        for (period, expected) in cases {
            assert_eq!(in_words(&quota(period, 3)), expected);
        }
        assert_eq!(in_words(&Quota { media_type: MediaType::Show, ..quota(Period::Daily, 1) }), "1 show a day");

        let (now, berlin) = (at("2026-11-23T12:00:00Z"), zone("Europe/Berlin"));
        let mut uses = taken(&[now - 1, now]);
        uses[1].spent = false;
        let told = |limit| arithmetic(&room(&quota(Period::Daily, limit), &uses, &berlin, now), &berlin);
        assert_eq!(told(3), "2 of 3 used since 2026-11-23 00:00 (1 on its way)");
        assert_eq!(told(2), "2 of 2 used since 2026-11-23 00:00 (1 on its way); room again 2026-11-24 00:00");
        let rolling = quota(Period::Rolling { days: 7 }, 1);
        assert_eq!(
            used_up(&rolling, &room(&rolling, &uses, &berlin, now), &berlin),
            "the quota of 1 movie in 7 days is used up; room again 2026-11-30 13:00"
        );
    }

    #[test]
    fn how_full_a_quota_is_reads_as_people_say_it() {
        let (now, berlin) = (at("2026-11-25T12:00:00Z"), zone("Europe/Berlin"));
        let mut uses = taken(&[now - 1, now]);
        uses[1].spent = false;
        let told = |period, limit| {
            let quota = quota(period, limit);
            standing_in_words(&quota, &room(&quota, &uses, &berlin, now), &berlin, now)
        };
        assert_eq!(told(Period::Weekly, 5), "2 of 5 this week (1 on its way), resets Monday");
        assert_eq!(told(Period::Daily, 2), "2 of 2 today (1 on its way), resets at midnight");
        assert_eq!(told(monthly(1, ShortMonth::LastDay), 9), "2 of 9 this month (1 on its way), resets 1 December");
        assert_eq!(told(Period::Rolling { days: 7 }, 5), "2 of 5 in the last 7 days (1 on its way)");
        let full = told(Period::Rolling { days: 7 }, 2);
        assert_eq!(full, "2 of 2 in the last 7 days (1 on its way), room again 2026-12-02 13:00");
        let full = told(Period::WatchlistCap, 2);
        assert_eq!(full, "2 of 2 on the watchlist (1 on its way), room again when one of them leaves the watchlist");
    }

    /// Whoever takes a place only where there is room never exceeds any quota in any window, whatever the clock does meanwhile.
    #[test]
    fn no_window_ever_holds_more_than_the_limit() {
        let rolling = [1, 2, 7, 30].map(|days| Period::Rolling { days });
        let periods: Vec<Period> = every_calendar_period().into_iter().chain(rolling).collect();
        for seed in 0..60 {
            let mut random = fastrand::Rng::with_seed(seed);
            let zone = zone(["UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia"][random.usize(..4)]);
            let quotas: Vec<Quota> =
                (0..3).map(|_| quota(periods[random.usize(..periods.len())], random.u32(1..6))).collect();
            let mut uses: Vec<QuotaUse> = Vec::new();
            let mut now = at("2011-12-01T00:00:00Z");
            for number in 0..400 {
                now += random.i64(-20 * 60 * 60 * 1000..40 * 60 * 60 * 1000);
                let full = |quota: &Quota| room(quota, &uses, &zone, now).is_full();
                if !quotas.iter().any(full) {
                    uses.push(QuotaUse { entry: EntryId(number), used_at_ms: now, open: true, spent: random.bool() });
                }
                if random.u8(..20) == 0 && !uses.is_empty() {
                    uses.swap_remove(random.usize(..uses.len()));
                }
            }
            for quota in &quotas {
                for first in &uses {
                    let until_ms = match quota.period {
                        Period::Rolling { days } => first.used_at_ms + rolling_ms(days),
                        calendar => span(calendar, &zone, first.used_at_ms).until_ms,
                    };
                    let window = first.used_at_ms..until_ms;
                    let held = uses.iter().filter(|it| window.contains(&it.used_at_ms)).count();
                    assert!(held <= quota.limit as usize, "{held} of {quota:?} from {}", first.used_at_ms);
                }
            }
        }
    }

    /// The time it names is the first at which there is room.
    #[test]
    fn the_time_of_room_is_neither_early_nor_late() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let berlin = zone("Europe/Berlin");
            let periods = every_calendar_period();
            let period = if random.bool() {
                Period::Rolling { days: random.u16(1..40) }
            } else {
                periods[random.usize(..periods.len())]
            };
            let quota = quota(period, random.u32(1..5));
            let now = at("2026-03-20T12:00:00Z");
            let uses = taken(&(0..8).map(|_| now + random.i64(-40 * DAY_MS..4 * DAY_MS)).collect::<Vec<_>>());
            if let Some(frees_at_ms) = room(&quota, &uses, &berlin, now).frees_at_ms {
                assert!(room(&quota, &uses, &berlin, frees_at_ms - 1).is_full(), "{quota:?} {uses:?}");
                assert!(!room(&quota, &uses, &berlin, frees_at_ms).is_full(), "{quota:?} {uses:?}");
            }
        }
    }
}
