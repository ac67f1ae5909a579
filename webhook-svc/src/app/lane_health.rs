//! How the fast lane is doing, for the metrics.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use pulsarr_shared::clients::FetchError;
use pulsarr_shared::clients::plex::PlexError;

/// How the lane is doing.
#[derive(Debug, Default)]
pub struct LaneHealth {
    /// The last sign of life; unix milliseconds, 0 before the first.
    pub last_tick_at_ms: AtomicI64,
    /// Turns that have ended.
    pub turns: AtomicU64,
    /// How often it died or hung and was started again.
    pub restarts: AtomicU64,
    /// Questions to Plex.
    pub checks: AtomicU64,
    /// Looks that brought no answer.
    pub failed: FailedLooks,
    /// Changes that were seen, by looks and in feeds.
    pub changes: AtomicU64,
    /// Lists at which looks pause in between, because runs for them found nothing.
    pub paused: AtomicU64,
    /// The feed of the owner's list.
    pub own_feed: FeedHealth,
    /// The feed of all friends' lists.
    pub friends_feed: FeedHealth,
}

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

    /// One more for this reason.
    pub fn count(&self, why: Failure) {
        self.0[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// How a feed is doing.
#[derive(Debug, Default)]
pub struct FeedHealth {
    stand: AtomicU8,
    /// The last reading that brought a feed; unix milliseconds, 0 before the first.
    pub last_reading_at_ms: AtomicI64,
    /// How often its address or its content was asked for.
    pub questions: AtomicU64,
    /// How often a look found what the feed had not told in time.
    pub alarms: AtomicU64,
}

impl FeedHealth {
    /// Where the feed stands.
    pub fn stand(&self) -> Stand {
        Stand::ALL.get(usize::from(self.stand.load(Ordering::Relaxed))).copied().unwrap_or_default()
    }

    /// It stands here from now on.
    pub fn set_stand(&self, stand: Stand) {
        let position = Stand::ALL.iter().position(|it| *it == stand).and_then(|it| u8::try_from(it).ok());
        self.stand.store(position.unwrap_or(0), Ordering::Relaxed);
    }
}

/// Where a feed stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stand {
    /// There is none, or none that can be read.
    #[default]
    Off,
    /// It is read, and nothing depends on it yet.
    Baseline,
    /// It tells what is new.
    Working,
    /// It was found stale.
    Distrusted,
}

impl Stand {
    /// All of them; the position is the number in the metrics' memory.
    pub const ALL: [Self; 4] = [Self::Off, Self::Baseline, Self::Working, Self::Distrusted];

    /// For metrics: `off`, `baseline`, `working`, `distrusted`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Baseline => "baseline",
            Self::Working => "working",
            Self::Distrusted => "distrusted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_count() {
        let looks = FailedLooks::default();
        for (count, why) in (1..).zip(Failure::ALL) {
            (0..count).for_each(|_| looks.count(why));
        }
        assert_eq!(Failure::ALL.map(|why| looks.of(why)), [1, 2, 3, 4, 5]);
    }
}
