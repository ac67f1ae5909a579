//! Whose list is looked at when. Pure: gets the time and a random number, and sends nothing.
//!
//! The owner's list has its own beat. Friends share a round: it is cut into as many slots as there are friends, each slot looks at
//! the friend who was not looked at for longest. Slots that were missed are not made up for, so nothing ever comes in a bunch.

use std::collections::BTreeMap;
use std::time::Duration;

use pulsarr_shared::clock::{UnixMs, has_passed};

/// The share of a slot by which a look may be earlier or later.
const JITTER_PART: i64 = 4;

/// How much longer the friends' round is while something else tells what is new.
const STRETCH: i64 = 5;

/// However long a slot is, a look is at most so much earlier or later.
const MOST_JITTER_MS: i64 = 5_000;

/// How often lists are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// Milliseconds between two looks at the own list.
    pub own_ms: i64,
    /// Milliseconds in which every friend has one turn.
    pub friends_ms: i64,
}

/// What is due now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The own list.
    pub own: bool,
    /// A friend's, as the position among those given.
    pub friend: Option<usize>,
    /// When to ask again; unix milliseconds.
    pub next_ms: UnixMs,
}

/// Who had which turn.
#[derive(Debug)]
pub struct Schedule {
    intervals: Intervals,
    stretched: bool,
    own_looked_at_ms: Option<UnixMs>,
    /// The number of each friend's last turn: an order, so that no clock can upset it.
    turns: BTreeMap<String, u64>,
    turn: u64,
    /// The next slot: when it begins, and with jitter.
    slot: Option<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    begins_ms: UnixMs,
    look_ms: UnixMs,
}

impl Schedule {
    /// A schedule under which nobody has had a turn.
    pub fn new(intervals: Intervals) -> Self {
        Self { intervals, stretched: false, own_looked_at_ms: None, turns: BTreeMap::new(), turn: 0, slot: None }
    }

    /// Looks as often as `intervals` says from now on; whose turn it is stays.
    pub const fn follow(&mut self, intervals: Intervals) {
        self.intervals = intervals;
    }

    /// Whether the friends' round takes five times as long from now on.
    pub const fn stretch(&mut self, stretched: bool) {
        self.stretched = stretched;
    }

    /// What is due at `now_ms`; it counts as done. `own`: whether the own list is watched; `friends`: whose lists are, in any order;
    /// `jitter`: from -1 to 1.
    pub fn due(&mut self, now_ms: UnixMs, own: bool, friends: &[&str], jitter: f64) -> Due {
        let own_due = own && self.own_is_due(now_ms);
        if own_due {
            self.own_looked_at_ms = Some(now_ms);
        }
        let friend = self.friend_due(now_ms, friends, jitter);
        let own_next = self.own_looked_at_ms.filter(|_| own).map(|at| at + self.intervals.own_ms);
        let friend_next = self.slot.map(|slot| slot.look_ms);
        let next = own_next.into_iter().chain(friend_next).min();
        Due { own: own_due, friend, next_ms: next.unwrap_or(now_ms + self.intervals.own_ms) }
    }

    fn own_is_due(&self, now_ms: UnixMs) -> bool {
        let every = Duration::from_millis(self.intervals.own_ms.unsigned_abs());
        self.own_looked_at_ms.is_none_or(|at| has_passed(at, every, now_ms))
    }

    fn friend_due(&mut self, now_ms: UnixMs, friends: &[&str], jitter: f64) -> Option<usize> {
        self.turns.retain(|friend, _| friends.contains(&friend.as_str()));
        let Some(count) = i64::try_from(friends.len()).ok().filter(|count| *count > 0) else {
            self.slot = None;
            return None;
        };
        let round_ms = self.intervals.friends_ms * if self.stretched { STRETCH } else { 1 };
        let length = (round_ms / count).max(1);
        let most = (length / JITTER_PART).min(MOST_JITTER_MS);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "at most 5000")]
        let shift = (most as f64 * jitter.clamp(-1.0, 1.0)) as i64;
        let slot_at = |begins_ms: UnixMs| Slot { begins_ms, look_ms: begins_ms + shift };
        // The first slot, and the one after the clock was put back, the number of friends has grown, or the round is short again.
        let Some(slot) = self.slot.filter(|slot| slot.begins_ms <= now_ms + length + most) else {
            self.slot = Some(slot_at(now_ms + length));
            return None;
        };
        if now_ms < slot.look_ms {
            return None;
        }
        // Kept to the beat, unless more than half a slot was missed.
        self.slot = Some(slot_at((slot.begins_ms + length).max(now_ms + length / 2 + most)));
        let next = friends.iter().enumerate().min_by_key(|(_, friend)| self.turns.get(**friend).copied().unwrap_or(0));
        let (position, friend) = next?;
        self.turn += 1;
        self.turns.insert((*friend).to_owned(), self.turn);
        Some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    const USUAL: Intervals = Intervals { own_ms: 20_000, friends_ms: 120_000 };

    /// Looks of a simulated stretch of time.
    #[derive(Default)]
    struct Looks {
        own: Vec<UnixMs>,
        friends: Vec<(UnixMs, String)>,
    }

    impl Looks {
        /// Follows `schedule` from `from_ms` for so many seconds, waking when it says, with a jitter that a fixed sequence gives.
        fn follow(&mut self, schedule: &mut Schedule, from_ms: UnixMs, seconds: i64, friends: &[&str]) {
            let (mut now_ms, mut seed) = (from_ms, 17_u32);
            while now_ms < from_ms + seconds * 1_000 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let jitter = f64::from(seed >> 8) / f64::from(1_u32 << 23) - 1.0;
                let due = schedule.due(now_ms, true, friends, jitter);
                if due.own {
                    self.own.push(now_ms);
                }
                if let Some(position) = due.friend {
                    self.friends.push((now_ms, friends[position].to_owned()));
                }
                assert!(due.next_ms > now_ms, "it never spins");
                now_ms = due.next_ms;
            }
        }

        fn gaps(&self) -> impl Iterator<Item = i64> {
            self.friends.windows(2).map(|pair| pair[1].0 - pair[0].0)
        }
    }

    #[test]
    fn for_six_hours_everybody_has_an_even_share_and_nothing_comes_in_a_bunch() {
        let names: Vec<String> = (0..49).map(|n| format!("friend-{n}")).collect();
        let friends: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut schedule, mut looks) = (Schedule::new(USUAL), Looks::default());
        looks.follow(&mut schedule, NOON, 6 * 3_600, &friends);
        assert_eq!(looks.own.len(), 6 * 180);
        let slot = 120_000 / 49;
        assert!(looks.gaps().all(|gap| gap >= slot / 2 && gap <= slot * 3 / 2), "{:?}", looks.gaps().min());
        for friend in friends {
            let at: Vec<_> = looks.friends.iter().filter(|(_, name)| name == friend).map(|(at, _)| *at).collect();
            assert!((179..=181).contains(&at.len()), "{friend}: {}", at.len());
            assert!(at.windows(2).all(|pair| pair[1] - pair[0] <= 121_300), "{friend} has waited too long");
        }
    }

    #[test]
    fn after_a_pause_the_beat_goes_on_and_nothing_is_made_up_for() {
        let friends = ["ada", "bea", "cyd", "dan"];
        let (mut schedule, mut looks) = (Schedule::new(USUAL), Looks::default());
        looks.follow(&mut schedule, NOON, 600, &friends);
        looks.follow(&mut schedule, NOON + 9 * 3_600_000, 600, &friends);
        assert!(looks.gaps().all(|gap| gap >= 15_000), "{:?}", looks.gaps().min());
        assert!((30..=31).contains(&(looks.own.len() / 2)));
        assert!((19..=20).contains(&(looks.friends.len() / 2)), "{}", looks.friends.len());
    }

    #[test]
    fn a_clock_that_jumps_stops_nobody_and_hurries_nobody() {
        let friends = ["ada", "bea", "cyd"];
        for jump_ms in [-365 * 24 * 3_600_000_i64, -30_000, 30_000, 365 * 24 * 3_600_000] {
            let (mut schedule, mut before, mut after) = (Schedule::new(USUAL), Looks::default(), Looks::default());
            before.follow(&mut schedule, NOON, 600, &friends);
            after.follow(&mut schedule, NOON + 600_000 + jump_ms, 600, &friends);
            assert!((13..=16).contains(&after.friends.len()), "{jump_ms}: {}", after.friends.len());
            assert!((30..=31).contains(&after.own.len()), "{jump_ms}: {}", after.own.len());
            assert!(after.gaps().all(|gap| gap >= 20_000), "{jump_ms}");
        }
    }

    #[test]
    fn friends_who_come_and_go_share_the_same_round() {
        let mut schedule = Schedule::new(USUAL);
        let mut looks = Looks::default();
        looks.follow(&mut schedule, NOON, 240, &["ada"]);
        looks.follow(&mut schedule, NOON + 240_000, 240, &["ada", "bea", "cyd", "dan"]);
        looks.follow(&mut schedule, NOON + 480_000, 240, &["dan"]);
        let of = |name| looks.friends.iter().filter(|(_, friend)| friend == name).count();
        assert!(of("bea") >= 1 && of("cyd") >= 1 && of("dan") >= 2, "{:?}", looks.friends);
        let mut alone = Looks::default();
        alone.follow(&mut schedule, NOON + 720_000, 240, &[]);
        assert!(alone.friends.is_empty());
        assert_eq!(alone.own.len(), 12);
    }

    #[test]
    fn a_stretched_round_takes_five_times_as_long_until_it_is_short_again() {
        let friends = ["ada", "bea", "cyd"];
        let (mut schedule, mut short, mut long, mut again) =
            (Schedule::new(USUAL), Looks::default(), Looks::default(), Looks::default());
        short.follow(&mut schedule, NOON, 1_200, &friends);
        schedule.stretch(true);
        long.follow(&mut schedule, NOON + 1_200_000, 1_200, &friends);
        schedule.stretch(false);
        again.follow(&mut schedule, NOON + 2_400_000, 1_200, &friends);
        let friends = [&short, &long, &again].map(|looks| looks.friends.len());
        assert!((28..=30).contains(&friends[0]) && (6..=7).contains(&friends[1]), "{friends:?}");
        assert!((28..=30).contains(&friends[2]), "{friends:?}");
        assert_eq!([&short, &long, &again].map(|looks| looks.own.len()), [60; 3]);
        assert!(again.friends[0].0 <= NOON + 2_400_000 + 45_000, "nobody waits out the long slot");
    }

    #[test]
    fn nobody_to_watch_is_nothing_to_do() {
        let due = Schedule::new(USUAL).due(NOON, false, &[], 0.0);
        assert_eq!(due, Due { own: false, friend: None, next_ms: NOON + 20_000 });
    }
}
