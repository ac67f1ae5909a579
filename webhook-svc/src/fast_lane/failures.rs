//! Looks that bring no answer: counted by reason for the metrics, and told once per streak. Pure but for the counters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use pulsarr_shared::clients::FetchError;
use pulsarr_shared::clients::plex::PlexError;

/// Why a look brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The token was refused (401).
    Refused,
    /// Plex asks us to slow down (429).
    SlowDown,
    /// The list is not for us to read.
    NotShared,
    /// No complete answer came, or a server's fault.
    Unreachable,
    /// The answer says nothing that is known to us.
    NotUnderstood,
}

impl Failure {
    /// All of them, in the order of the metrics.
    pub const ALL: [Self; 5] = [Self::Refused, Self::SlowDown, Self::NotShared, Self::Unreachable, Self::NotUnderstood];

    /// `refused`, `slow_down`, `not_shared`, `unreachable`, `not_understood`
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::SlowDown => "slow_down",
            Self::NotShared => "not_shared",
            Self::Unreachable => "unreachable",
            Self::NotUnderstood => "not_understood",
        }
    }

    /// What `error` is about.
    pub const fn of(error: &PlexError) -> Self {
        match error {
            PlexError::NotShared { .. } => Self::NotShared,
            PlexError::SchemaChanged { .. } => Self::NotUnderstood,
            PlexError::Fetch { source, .. } => match source {
                FetchError::Unauthorized => Self::Refused,
                FetchError::RateLimited { .. } => Self::SlowDown,
                FetchError::Unreachable { .. } | FetchError::ServerError { .. } | FetchError::Certificate { .. } => {
                    Self::Unreachable
                }
                _ => Self::NotUnderstood,
            },
        }
    }
}

/// How many looks brought no answer, by reason.
#[derive(Debug, Default)]
pub struct FailedLooks([AtomicU64; Failure::ALL.len()]);

impl FailedLooks {
    /// So many for this reason.
    pub fn of(&self, why: Failure) -> u64 {
        self.0[why as usize].load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, why: Failure) {
        self.0[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Lists at which looks fail, and whether that was told.
#[derive(Debug, Default)]
pub struct Streaks {
    failing: BTreeMap<String, bool>,
    /// Whether the last look failed, at whichever list.
    last_failed: bool,
}

impl Streaks {
    /// A look at the list of `user` failed. Answers whether to tell: it is the first in a row, and not only the next list of which a
    /// Plex that is away tells nothing.
    pub fn failed(&mut self, user: &str) -> bool {
        let alone = !std::mem::replace(&mut self.last_failed, true);
        let first = !self.failing.contains_key(user);
        if first {
            self.failing.insert(user.to_owned(), alone);
        }
        first && alone
    }

    /// A look at the list of `user` was answered. Answers whether to tell: that looks at it failed was told.
    pub fn answered(&mut self, user: &str) -> bool {
        self.last_failed = false;
        self.failing.remove(user).unwrap_or_default()
    }

    /// Forgets everybody whose list is not watched any more.
    pub fn keep(&mut self, watched: impl Fn(&str) -> bool) {
        self.failing.retain(|user, _| watched(user));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows looks, `ada-` a failed one and `ada+` one that was answered, and answers those of which there was something to tell.
    fn told(looks: &str) -> String {
        let mut streaks = Streaks::default();
        let news = |look: &&str| {
            let (user, end) = look.split_at(look.len() - 1);
            if end == "-" { streaks.failed(user) } else { streaks.answered(user) }
        };
        looks.split_whitespace().filter(news).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_streak_is_told_when_it_begins_and_when_it_ends() {
        for (name, looks, expected) in [
            ("nothing failed", "ada+ bea+ ada+", ""),
            ("one list fails beside others", "ada- bea+ ada- bea+ ada- bea+ ada+", "ada- ada+"),
            ("and fails again", "ada- ada+ ada-", "ada- ada+ ada-"),
            ("Plex is away", "ada- bea- cyd- ada- bea- cyd-", "ada-"),
            ("and comes back", "ada- bea- cyd- cyd+ bea+ ada+ bea+", "ada- ada+"),
            ("what goes on failing is told no more", "ada- bea- ada+ bea- ada+ bea-", "ada- ada+"),
        ] {
            assert_eq!(told(looks), expected, "{name}");
        }
    }

    #[test]
    fn every_reason_has_its_own_count() {
        let looks = FailedLooks::default();
        for (count, why) in (1..).zip(Failure::ALL) {
            (0..count).for_each(|_| looks.count(why));
        }
        assert_eq!(Failure::ALL.map(|why| looks.of(why)), [1, 2, 3, 4, 5]);
    }
}
