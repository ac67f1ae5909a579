//! How often somebody may try a password or the setup token: a few times at once, then after pauses that double, by address, or by
//! browser where somebody has signed in with it before; and so often in all. Takes a bounded amount of memory, and nothing of it lasts: a restart forgives.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use pulsarr_shared::clock::UnixMs;

/// Attempts without a pause.
const FREE: u32 = 5;
/// The first pause; the next is twice as long.
const FIRST_PAUSE_MS: i64 = 5_000;
/// The longest pause.
const LONGEST_PAUSE_MS: i64 = 15 * 60_000;
/// After so long without an attempt an address begins anew.
const FORGOTTEN_AFTER_MS: i64 = 60 * 60_000;
/// Attempts of all addresses together in a minute: what many can do at once.
const ALL_IN_A_MINUTE: u32 = 60;
const MINUTE_MS: i64 = 60_000;
/// Addresses that are remembered: as many as the cap lets through until the first of them is forgotten.
const REMEMBERED: usize = 4096;

/// Whose attempts are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Those from the client's address; `None` where nobody knows it.
    Address(Option<IpAddr>),
    /// Those of a browser in which somebody has signed in before, by the hash of its token: few, and the attempts of others do not
    /// count against them.
    Browser([u8; 32]),
}

/// Who has tried how often.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    tried: HashMap<Whose, Tried>,
    minute_began_ms: UnixMs,
    in_this_minute: u32,
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    times: u32,
    last_ms: UnixMs,
}

impl Attempts {
    /// Takes an attempt, before it is known what comes of it: many at once are many.
    ///
    /// # Errors
    /// The seconds, at least 1, after which to come again.
    pub fn take(&self, from: Whose, now_ms: UnixMs) -> Result<(), u64> {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.take(from.together(), now_ms)
    }

    /// The attempt was a good one.
    pub fn forgive(&self, from: Whose) {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.tried.remove(&from.together());
        if let Whose::Address(_) = from {
            record.in_this_minute = record.in_this_minute.saturating_sub(1);
        }
    }
}

impl Record {
    fn take(&mut self, from: Whose, now_ms: UnixMs) -> Result<(), u64> {
        let before = self.tried.get(&from).copied().filter(|tried| !tried.is_forgotten(now_ms));
        if let Some(wait_ms) = before.map(|tried| tried.wait_ms(now_ms)).filter(|wait_ms| *wait_ms > 0) {
            return Err(seconds(wait_ms));
        }
        if let Whose::Address(_) = from {
            self.take_of_all(now_ms)?;
        }
        let tried = Tried { times: before.map_or(0, |tried| tried.times).saturating_add(1), last_ms: now_ms };
        self.tried.insert(from, tried);
        self.forget(now_ms);
        Ok(())
    }

    fn take_of_all(&mut self, now_ms: UnixMs) -> Result<(), u64> {
        let since_ms = now_ms - self.minute_began_ms;
        if !(0..MINUTE_MS).contains(&since_ms) {
            (self.minute_began_ms, self.in_this_minute) = (now_ms, 0);
        }
        if self.in_this_minute >= ALL_IN_A_MINUTE {
            return Err(seconds(self.minute_began_ms + MINUTE_MS - now_ms));
        }
        self.in_this_minute += 1;
        Ok(())
    }

    /// Keeps the record small.
    fn forget(&mut self, now_ms: UnixMs) {
        if self.tried.len() <= REMEMBERED {
            return;
        }
        self.tried.retain(|_, tried| !tried.is_forgotten(now_ms));
        while self.tried.len() > REMEMBERED {
            let longest_ago = self.tried.iter().min_by_key(|(_, tried)| tried.last_ms).map(|(from, _)| *from);
            let Some(from) = longest_ago else { return };
            self.tried.remove(&from);
        }
    }
}

impl Whose {
    fn together(self) -> Self {
        match self {
            Self::Address(address) => Self::Address(address.map(household)),
            Self::Browser(_) => self,
        }
    }
}

impl Tried {
    /// An attempt in the future was noted by a clock that has since been set back.
    const fn is_forgotten(self, now_ms: UnixMs) -> bool {
        self.last_ms > now_ms || now_ms - self.last_ms >= FORGOTTEN_AFTER_MS
    }

    fn wait_ms(self, now_ms: UnixMs) -> i64 {
        let Some(beyond) = self.times.checked_sub(FREE) else { return 0 };
        let pause_ms = (FIRST_PAUSE_MS << beyond.min(16)).min(LONGEST_PAUSE_MS);
        self.last_ms + pause_ms - now_ms
    }
}

fn seconds(wait_ms: i64) -> u64 {
    u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000).max(1)
}

/// Whoever has an IPv6 address has 2^64 of them.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & (u128::MAX << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = 1_795_435_200_000;

    fn address(n: u32) -> Whose {
        Whose::Address(Some(IpAddr::V4((0x0a00_0000 + n).into())))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_forgotten() {
        let attempts = Attempts::default();
        let mut now_ms = NOW;
        for _ in 0..FREE {
            attempts.take(address(1), now_ms).unwrap();
        }
        let mut pauses = Vec::new();
        while pauses.len() < 10 {
            match attempts.take(address(1), now_ms) {
                Ok(()) => {}
                Err(wait_s) => {
                    pauses.push(wait_s);
                    now_ms += i64::try_from(wait_s).unwrap() * 1000;
                }
            }
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        attempts.take(address(2), now_ms).unwrap();
        now_ms += FORGOTTEN_AFTER_MS;
        for _ in 0..FREE {
            attempts.take(address(1), now_ms).unwrap();
        }
    }

    #[test]
    fn everybody_together_has_a_cap() {
        let attempts = Attempts::default();
        for n in 0..ALL_IN_A_MINUTE {
            attempts.take(address(n), NOW).unwrap();
        }
        assert_eq!(attempts.take(address(999), NOW + 20_000), Err(40));
        attempts.take(address(999), NOW + 60_000).unwrap();
    }

    #[test]
    fn a_known_browser_is_held_off_by_its_own_attempts_only() {
        let attempts = Attempts::default();
        for n in 0..ALL_IN_A_MINUTE {
            attempts.take(address(n), NOW).unwrap();
        }
        for _ in 0..FREE {
            attempts.take(Whose::Browser([1; 32]), NOW).unwrap();
        }
        assert_eq!(attempts.take(Whose::Browser([1; 32]), NOW), Err(5));
        attempts.take(Whose::Browser([2; 32]), NOW).unwrap();
        attempts.forgive(Whose::Browser([2; 32]));
        assert!(attempts.take(address(999), NOW).is_err(), "what it is forgiven gives others nothing");
    }

    #[test]
    fn memory_is_bounded() {
        let mut record = Record::default();
        for n in 0..6_000 {
            record.take(address(n), NOW + i64::from(n / 60) * MINUTE_MS).unwrap();
        }
        assert!(record.tried.len() <= REMEMBERED);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let attempts = Attempts::default();
        let taken = (0..20).filter(|_| attempts.take(address(1), NOW).is_ok()).count();
        assert_eq!(taken, FREE as usize);
        attempts.take(address(1), NOW - 1_000).unwrap();
    }

    #[test]
    fn addresses_of_one_household_count_as_one() {
        let attempts = Attempts::default();
        let taken = (0..9_u32).filter(|n| {
            let address = format!("2001:db8::{n:x}").parse().unwrap();
            attempts.take(Whose::Address(Some(address)), NOW).is_ok()
        });
        assert_eq!(taken.count(), FREE as usize);
    }
}
