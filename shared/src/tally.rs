//! Counting for charts, in one walk through what happened in a year, for four periods at once. Pure.

use std::collections::HashMap;

use crate::clock::UnixMs;
use crate::model::{EntryState, UserId};
use crate::stats::{Days, median};

/// How far back the periods go; days, today included.
pub const PERIODS: [u16; 4] = [7, 30, 90, 365];

/// What became of requests, in the order of [`Bar::counts`].
pub const OUTCOMES: [&str; 5] = ["Available", "Under way", "Waiting", "Refused", "Taken off the list"];

/// How long it took from the wish until it came: what is said of it, and below how many hours that is.
pub const WAITS: [(&str, i64); 6] = [
    ("Under an hour", 1),
    ("1 to 6 hours", 6),
    ("6 to 24 hours", 24),
    ("1 to 3 days", 72),
    ("3 to 7 days", 168),
    ("Over a week", i64::MAX),
];

/// Users, genres and instances that are named; the rest is one number.
const NAMED: usize = 10;

/// What happened in one period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Period {
    /// How long it is.
    pub days: u16,
    /// Requests over time, the oldest first.
    pub bars: Vec<Bar>,
    /// Requests by user, the most first, and those of everybody else.
    pub users: (Vec<(UserId, u32)>, u32),
    /// Requests by genre, the most first, and all other mentions. A title has several genres.
    pub genres: (Vec<(String, u32)>, u32),
    /// Additions by instance, the most first, and all others.
    pub instances: (Vec<(String, u32)>, u32),
    /// Titles that came, by how long that took: see [`WAITS`].
    pub waits: [u32; WAITS.len()],
    /// Half of them took less; milliseconds.
    pub median_ms: Option<i64>,
}

/// One bar of requests over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// `2026-11-23`, `2026-11-17 to 2026-11-23`, `2026-11`.
    pub label: String,
    /// By [`OUTCOMES`].
    pub counts: [u32; OUTCOMES.len()],
}

impl Period {
    /// Requests in all, by [`OUTCOMES`].
    #[must_use]
    pub fn outcomes(&self) -> [u32; OUTCOMES.len()] {
        self.bars.iter().fold(Default::default(), |sum, bar| {
            let mut sum: [u32; OUTCOMES.len()] = sum;
            sum.iter_mut().zip(bar.counts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
            sum
        })
    }
}

/// Counts in each period.
type Counts = [u32; PERIODS.len()];

/// Takes in what happened.
pub struct Tally {
    days: Days,
    by_day: Vec<[u32; OUTCOMES.len()]>,
    users: HashMap<i64, Counts>,
    genres: HashMap<String, Counts>,
    instances: HashMap<String, Counts>,
    took: [Vec<i64>; PERIODS.len()],
}

impl Tally {
    /// Nothing yet. `days` are as many as the longest period has.
    #[must_use]
    pub fn new(days: Days) -> Self {
        let by_day = vec![Default::default(); days.count()];
        let (users, genres, instances) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { days, by_day, users, genres, instances, took: Default::default() }
    }

    /// A request; `genres` is a JSON list of names, or empty.
    pub fn wish(&mut self, at_ms: UnixMs, state: EntryState, user: UserId, genres: &str) {
        let Some(day) = self.days.of(at_ms) else { return };
        if let Some(count) = self.by_day.get_mut(day).and_then(|counts| counts.get_mut(outcome(state))) {
            *count += 1;
        }
        let within = self.within(day);
        add(self.users.entry(user.0).or_default(), within);
        // What is no list of names has none.
        for genre in serde_json::from_str::<Vec<String>>(genres).unwrap_or_default() {
            match self.genres.get_mut(&genre) {
                Some(counts) => add(counts, within),
                None => add(self.genres.entry(genre).or_default(), within),
            }
        }
    }

    /// A title that an instance took.
    pub fn addition(&mut self, instance: &str, at_ms: UnixMs) {
        let Some(day) = self.days.of(at_ms) else { return };
        let within = self.within(day);
        match self.instances.get_mut(instance) {
            Some(counts) => add(counts, within),
            None => add(self.instances.entry(instance.to_owned()).or_default(), within),
        }
    }

    /// A title that came, `took_ms` after it was wished for.
    pub fn arrival(&mut self, at_ms: UnixMs, took_ms: i64) {
        let Some(day) = self.days.of(at_ms) else { return };
        let within = self.within(day);
        for (took, within) in self.took.iter_mut().zip(within) {
            if within {
                took.push(took_ms);
            }
        }
    }

    /// What comes of it.
    #[must_use]
    pub fn ended(mut self) -> [Period; PERIODS.len()] {
        let users: HashMap<String, Counts> =
            std::mem::take(&mut self.users).into_iter().map(|(user, counts)| (user.to_string(), counts)).collect();
        std::array::from_fn(|number| {
            let days = PERIODS[number];
            let took = &mut self.took[number];
            took.sort_unstable();
            let (named, others) = most(&users, number);
            let named = named.into_iter().filter_map(|(user, count)| Some((UserId(user.parse().ok()?), count)));
            Period {
                days,
                bars: bars(&self.days, &self.by_day, days),
                users: (named.collect(), others),
                genres: most(&self.genres, number),
                instances: most(&self.instances, number),
                waits: waits(took),
                median_ms: median(took),
            }
        })
    }

    /// Which periods a day lies in.
    fn within(&self, day: usize) -> [bool; PERIODS.len()] {
        PERIODS.map(|days| day + usize::from(days) >= self.days.count())
    }
}

fn add(counts: &mut Counts, within: [bool; PERIODS.len()]) {
    counts.iter_mut().zip(within).for_each(|(count, within)| *count += u32::from(within));
}

/// The position in [`OUTCOMES`].
const fn outcome(state: EntryState) -> usize {
    match state {
        EntryState::Available => 0,
        EntryState::Requested | EntryState::Grabbed => 1,
        EntryState::New | EntryState::Held | EntryState::Unresolvable => 2,
        EntryState::Rejected | EntryState::Excluded | EntryState::Failed => 3,
        EntryState::Closed => 4,
    }
}

/// Those with the most in a period, and what is left.
fn most(counts: &HashMap<String, Counts>, period: usize) -> (Vec<(String, u32)>, u32) {
    let found = counts.iter().map(|(name, counts)| (name.clone(), counts[period])).filter(|(_, count)| *count > 0);
    let mut all: Vec<(String, u32)> = found.collect();
    all.sort_unstable_by(|(name, count), (other, others)| others.cmp(count).then_with(|| name.cmp(other)));
    let rest = all.iter().skip(NAMED).map(|(_, count)| count).sum();
    all.truncate(NAMED);
    (all, rest)
}

/// By how long it took.
fn waits(took: &[i64]) -> [u32; WAITS.len()] {
    const HOUR_MS: i64 = 3_600_000;
    let mut counts = [0; WAITS.len()];
    for took in took {
        let at = WAITS.iter().position(|(_, below)| took / HOUR_MS < *below).unwrap_or(WAITS.len() - 1);
        counts[at] += 1;
    }
    counts
}

/// A bar a day, a week or a month, so that there are never more than a page can show.
fn bars(days: &Days, by_day: &[[u32; OUTCOMES.len()]], period: u16) -> Vec<Bar> {
    let first = days.count().saturating_sub(usize::from(period));
    let mut bars: Vec<Bar> = Vec::new();
    let mut last_bin = None;
    for (day, counts) in by_day.iter().enumerate().skip(first) {
        // Weeks end today.
        let bin = match period {
            0..=31 => day.to_string(),
            32..=120 => ((days.count() - 1 - day) / 7).to_string(),
            _ => days.name(day).chars().take(7).collect(),
        };
        let name = days.name(day);
        match bars.last_mut().filter(|_| last_bin.as_ref() == Some(&bin)) {
            Some(bar) => {
                bar.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                if period <= 120 {
                    let begins: String = bar.label.chars().take(10).collect();
                    bar.label = format!("{begins} to {name}");
                }
            }
            None => {
                let label = if period > 120 { bin.clone() } else { name.to_owned() };
                bars.push(Bar { label, counts: *counts });
            }
        }
        last_bin = Some(bin);
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 12:00 UTC.
    const NOON: i64 = 1_795_435_200_000;
    const DAY_MS: i64 = 86_400_000;

    fn tally() -> Tally {
        Tally::new(Days::new(365, &jiff::tz::TimeZone::UTC, NOON))
    }

    #[test]
    fn each_period_counts_what_lies_in_it() {
        let mut tally = tally();
        for (days_ago, state, user) in [
            (0, EntryState::Available, 1),
            (6, EntryState::Failed, 1),
            (7, EntryState::Held, 2),
            (89, EntryState::Grabbed, 2),
            (364, EntryState::Closed, 2),
            (365, EntryState::Closed, 2),
        ] {
            tally.wish(NOON - days_ago * DAY_MS, state, UserId(user), r#"["Drama", "War"]"#);
        }
        tally.wish(NOON, EntryState::New, UserId(3), "no list");
        let periods = tally.ended();
        assert_eq!(
            periods.each_ref().map(Period::outcomes),
            [[1, 0, 1, 1, 0], [1, 0, 2, 1, 0], [1, 1, 2, 1, 0], [1, 1, 2, 1, 1]]
        );
        assert_eq!(periods[0].users.0, [(UserId(1), 2), (UserId(3), 1)]);
        assert_eq!(periods[3].genres, (vec![("Drama".to_owned(), 5), ("War".to_owned(), 5)], 0));
        assert_eq!(periods.map(|it| it.bars.len()), [7, 30, 13, 13]);
    }

    #[test]
    fn bars_are_days_weeks_that_end_today_and_months() {
        let [week, _, quarter, year] = tally().ended();
        let ends = |period: &Period| {
            let label = |bar: Option<&Bar>| bar.map(|bar| bar.label.clone()).unwrap();
            (label(period.bars.first()), label(period.bars.last()))
        };
        assert_eq!(ends(&week), ("2026-11-17".into(), "2026-11-23".into()));
        assert_eq!(ends(&quarter), ("2026-08-26 to 2026-08-31".into(), "2026-11-17 to 2026-11-23".into()));
        assert_eq!(ends(&year), ("2025-11".into(), "2026-11".into()));
    }

    #[test]
    fn the_most_are_named_and_waits_fall_between_their_bounds() {
        let mut tally = tally();
        for number in 0..12 {
            for _ in 0..=number {
                tally.addition(&format!("instance {number:02}"), NOON);
            }
        }
        let hour = 3_600_000;
        for took in [0, hour - 1, hour, 24 * hour, 168 * hour, i64::MAX] {
            tally.arrival(NOON, took);
        }
        let [week, ..] = tally.ended();
        assert_eq!(week.instances.0.len(), 10);
        assert_eq!((week.instances.0[0].clone(), week.instances.1), (("instance 11".to_owned(), 12), 3));
        assert_eq!((week.waits, week.median_ms), ([2, 1, 0, 1, 0, 2], Some(hour)));
    }
}
