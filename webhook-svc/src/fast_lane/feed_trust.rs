//! How far a feed is to be trusted, judged by what comes back. Pure: gets the time, and sends nothing.
//!
//! A feed that was found is read for one round of the looking at lists before anything depends on it, because what was added just
//! before its first reading is news only to those looks. Then it works, until it cannot be had, or until a look at a list finds what
//! the feed has not told of five minutes later.

use std::collections::BTreeMap;
use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, has_passed, millis};

use super::feed_diff::News;
use crate::app::lane_health::Stand;

/// When a feed that is not to be had is asked for again.
const FAILED: Duration = Duration::from_secs(60 * 60);

/// When a feed that works is looked up again, and when one that was found stale has another chance.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);

/// How late a feed may tell what was found without it.
const LATE: Duration = Duration::from_secs(5 * 60);

/// Readings in a row that brought nothing, after which a feed is not to be had.
const STRIKES: u32 = 3;

/// What is to be done about a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask Plex for its address.
    Find,
    /// Read it.
    Read,
}

/// What follows from a reading.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Who is to have a run.
    pub want: Vec<String>,
    /// Whose change the feed has not told of: it is distrusted from now on.
    pub stale_for: Option<String>,
}

/// A time to wait from some time on.
#[derive(Debug, Clone, Copy)]
struct Wait {
    since_ms: UnixMs,
    long: Duration,
}

impl Wait {
    fn is_over(self, now_ms: UnixMs) -> bool {
        has_passed(self.since_ms, self.long, now_ms)
    }

    fn ends_ms(self) -> UnixMs {
        self.since_ms.saturating_add(millis(self.long))
    }
}

/// What looks have found before the feed told it.
#[derive(Debug, Clone, Copy)]
struct Found {
    at_ms: UnixMs,
    count: u32,
}

/// One feed's standing.
#[derive(Debug)]
pub struct Trust {
    stand: Stand,
    /// The pause before its address is asked for; none before the first time.
    find: Option<Wait>,
    /// The last reading that was tried, since its address was found.
    asked_at_ms: Option<UnixMs>,
    /// The first one that brought something.
    first_read_ms: Option<UnixMs>,
    strikes: u32,
    found: BTreeMap<String, Found>,
    /// Between two readings.
    every: Duration,
    /// One round of looks at all lists.
    round: Duration,
}

impl Trust {
    /// A feed of which nothing is known; read `every` so often, and trusted after a `round` of looks at all lists.
    pub const fn new(every: Duration, round: Duration) -> Self {
        Self {
            stand: Stand::Off,
            find: None,
            asked_at_ms: None,
            first_read_ms: None,
            strikes: 0,
            found: BTreeMap::new(),
            every,
            round,
        }
    }

    /// Where it stands.
    pub const fn stand(&self) -> Stand {
        self.stand
    }

    /// What is due.
    pub fn due(&self, now_ms: UnixMs) -> Option<Step> {
        if self.find.is_none_or(|wait| wait.is_over(now_ms)) {
            return Some(Step::Find);
        }
        let read = self.is_read() && self.asked_at_ms.is_none_or(|at| has_passed(at, self.every, now_ms));
        read.then_some(Step::Read)
    }

    /// When something is due; a time in the past when it is.
    pub fn next_ms(&self) -> UnixMs {
        let find = self.find.map_or(UnixMs::MIN, Wait::ends_ms);
        let read = self.asked_at_ms.map_or(UnixMs::MIN, |at| at.saturating_add(millis(self.every)));
        if self.is_read() { find.min(read) } else { find }
    }

    /// Its address is known.
    pub fn was_found(&mut self, now_ms: UnixMs) {
        if !self.is_read() {
            self.stop(Stand::Baseline, now_ms, LONG);
        }
        self.find = Some(Wait { since_ms: now_ms, long: LONG });
    }

    /// It is not to be had: no Plex Pass, nothing there, nothing readable.
    pub fn is_gone(&mut self, now_ms: UnixMs) {
        self.stop(Stand::Off, now_ms, FAILED);
    }

    /// Nobody told its address. One that is being read is read on.
    pub fn was_not_found(&mut self, now_ms: UnixMs) {
        if self.is_read() {
            self.find = Some(Wait { since_ms: now_ms, long: FAILED });
        } else {
            self.is_gone(now_ms);
        }
    }

    /// Nobody answered for it. Answers whether that was once too often.
    pub fn was_not_read(&mut self, now_ms: UnixMs) -> bool {
        self.asked_at_ms = Some(now_ms);
        self.strikes += 1;
        let gone = self.strikes >= STRIKES;
        if gone {
            self.is_gone(now_ms);
        }
        gone
    }

    /// A reading told `news`.
    pub fn was_read(&mut self, news: &News, now_ms: UnixMs) -> Verdict {
        self.asked_at_ms = Some(now_ms);
        self.strikes = 0;
        let mut verdict = Verdict::default();
        for (author, count) in &news.new {
            // What looks have found first needs no second run.
            if self.found.remove(author).is_none_or(|found| found.count < *count) {
                verdict.want.push(author.clone());
            }
        }
        self.found.retain(|author, _| !news.again.contains(author));
        if news.unattributed > 0 {
            // Any of them may be anybody's.
            self.found.clear();
        }
        let first_ms = *self.first_read_ms.get_or_insert(now_ms);
        if self.stand == Stand::Baseline && has_passed(first_ms, self.round, now_ms) && first_ms != now_ms {
            self.stand = Stand::Working;
        }
        // By a clock that was put back, the time to tell begins again.
        for found in self.found.values_mut() {
            found.at_ms = found.at_ms.min(now_ms);
        }
        let late = self.found.iter().find(|(_, found)| has_passed(found.at_ms, LATE, now_ms));
        if let Some((user, _)) = late {
            verdict.stale_for = Some(user.clone());
            self.stop(Stand::Distrusted, now_ms, LONG);
        }
        verdict
    }

    /// A look, and the run that followed it, found so many wishes of this user that the feed has not told of yet.
    pub fn expect(&mut self, user: &str, count: u32, now_ms: UnixMs) {
        if self.stand != Stand::Working || count == 0 {
            return;
        }
        let found = self.found.entry(user.to_owned()).or_insert(Found { at_ms: now_ms, count: 0 });
        found.count = found.count.saturating_add(count);
    }

    const fn is_read(&self) -> bool {
        matches!(self.stand, Stand::Baseline | Stand::Working)
    }

    fn stop(&mut self, stand: Stand, now_ms: UnixMs, long: Duration) {
        self.stand = stand;
        self.find = Some(Wait { since_ms: now_ms, long });
        self.asked_at_ms = None;
        self.first_read_ms = None;
        self.strikes = 0;
        self.found.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    const MINUTE: i64 = 60_000;

    const HOUR: i64 = 60 * MINUTE;

    fn trust() -> Trust {
        Trust::new(Duration::from_secs(60), Duration::from_secs(120))
    }

    /// One that was found at noon, and works three minutes later.
    fn working() -> Trust {
        let mut trust = trust();
        trust.was_found(NOON);
        for minute in 0..=3 {
            trust.was_read(&News::default(), NOON + minute * MINUTE);
        }
        assert_eq!(trust.stand(), Stand::Working);
        trust
    }

    fn news(new: &[(&str, u32)]) -> News {
        News { new: new.iter().map(|(author, count)| ((*author).to_owned(), *count)).collect(), ..News::default() }
    }

    #[test]
    fn a_feed_works_after_one_round_of_readings() {
        let mut trust = trust();
        assert_eq!((trust.stand(), trust.due(NOON)), (Stand::Off, Some(Step::Find)));
        trust.was_found(NOON);
        assert_eq!((trust.stand(), trust.due(NOON)), (Stand::Baseline, Some(Step::Read)));
        for (minute, stand) in [(0, Stand::Baseline), (1, Stand::Baseline), (2, Stand::Working)] {
            let now_ms = NOON + minute * MINUTE;
            assert_eq!(trust.due(now_ms), Some(Step::Read));
            trust.was_read(&News::default(), now_ms);
            assert_eq!((trust.stand(), trust.due(now_ms + 59_000)), (stand, None), "{minute}");
            assert_eq!(trust.next_ms(), now_ms + MINUTE);
        }
        assert_eq!(trust.due(NOON + 6 * HOUR), Some(Step::Find));
        trust.was_not_found(NOON + 6 * HOUR);
        assert_eq!(trust.stand(), Stand::Working, "what can be read goes on");
        trust.was_found(NOON + 7 * HOUR);
        assert_eq!(trust.stand(), Stand::Working);
    }

    #[test]
    fn one_that_is_not_to_be_had_is_asked_for_once_an_hour() {
        for mut trust in [trust(), working()] {
            trust.is_gone(NOON);
            assert_eq!((trust.stand(), trust.next_ms()), (Stand::Off, NOON + HOUR));
            assert_eq!((trust.due(NOON + HOUR - 1), trust.due(NOON + HOUR)), (None, Some(Step::Find)));
        }
    }

    #[test]
    fn three_readings_without_an_answer_are_too_many() {
        let mut trust = working();
        let outcomes = [false, true, false, false, false].map(|answered| {
            if answered {
                trust.was_read(&News::default(), NOON);
            } else {
                trust.was_not_read(NOON);
            }
            trust.stand()
        });
        let [before @ .., last] = outcomes;
        assert_eq!((before, last), ([Stand::Working; 4], Stand::Off));
    }

    #[test]
    fn what_a_look_found_must_be_told_within_five_minutes() {
        let at = NOON + 10 * MINUTE;
        for (name, told, stale) in [
            ("never", News::default(), true),
            ("of somebody else", news(&[("bea", 1)]), true),
            ("as new", news(&[("ada", 1)]), false),
            ("as something that came back", News { again: ["ada".to_owned()].into(), ..News::default() }, false),
            ("without a name", News { unattributed: 1, ..News::default() }, false),
        ] {
            let mut trust = working();
            trust.expect("ada", 1, at);
            trust.expect("ada", 0, at + 1);
            assert_eq!(trust.was_read(&News::default(), at + 4 * MINUTE), Verdict::default(), "{name}");
            // The first reading after the five minutes may still tell it.
            let verdict = trust.was_read(&told, at + 9 * MINUTE);
            assert_eq!(verdict.stale_for.is_some(), stale, "{name}");
            assert_eq!(trust.stand() == Stand::Distrusted, stale, "{name}");
            if stale {
                assert_eq!(trust.due(at + 9 * MINUTE + 6 * HOUR - 1), None, "{name}");
                assert_eq!(trust.due(at + 9 * MINUTE + 6 * HOUR), Some(Step::Find), "{name}");
            }
        }
    }

    #[test]
    fn before_it_works_nothing_is_held_against_it() {
        let mut trust = trust();
        trust.was_found(NOON);
        trust.was_read(&News::default(), NOON);
        trust.expect("ada", 1, NOON);
        assert_eq!(trust.was_read(&News::default(), NOON + 10 * MINUTE), Verdict::default());
        assert_eq!(trust.stand(), Stand::Working);
    }

    #[test]
    fn what_looks_have_found_first_needs_no_second_run() {
        for (found, told, wanted) in [(0, 1, 1), (1, 1, 0), (1, 2, 1), (3, 2, 0)] {
            let mut trust = working();
            trust.expect("ada", found, NOON + 3 * MINUTE);
            let verdict = trust.was_read(&news(&[("ada", told)]), NOON + 4 * MINUTE);
            assert_eq!(verdict.want.len(), wanted, "{found} found, {told} told");
        }
    }

    #[test]
    fn a_clock_that_was_put_back_makes_no_feed_stale_and_stops_none() {
        let mut trust = working();
        trust.expect("ada", 1, NOON + 3 * MINUTE);
        let earlier = NOON - 365 * 24 * HOUR;
        assert_eq!(trust.due(earlier), Some(Step::Find));
        trust.was_found(earlier);
        assert_eq!(trust.due(earlier), Some(Step::Read));
        assert_eq!(trust.was_read(&News::default(), earlier), Verdict::default());
        assert_eq!((trust.stand(), trust.next_ms()), (Stand::Working, earlier + MINUTE));
    }
}
