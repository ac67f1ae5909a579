//! How much a user may ask for, and what has been asked for.

use serde::{Deserialize, Serialize};

use super::{EntryId, MediaType};

/// One limit. A user may have several for the same type; each of them must have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// What it counts.
    #[serde(rename = "type")]
    pub media_type: MediaType,
    /// In which time.
    #[serde(flatten)]
    pub period: Period,
    /// Titles; at least 1.
    pub limit: u32,
    /// What happens with the next one.
    pub when_exceeded: WhenExceeded,
}

/// The time in which titles are counted. Days begin in the configured time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "period", rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight.
    Daily,
    /// From Monday to Sunday.
    Weekly,
    /// From one reset day to the next.
    Monthly {
        /// The day on which it begins anew, 1 to 31.
        reset_day: i8,
        /// What happens in a month that has no such day.
        short_month: ShortMonth,
    },
    /// Any so many days, to the millisecond.
    Rolling {
        /// 1 to 365.
        days: u16,
    },
    /// As long as the title stays on the watchlist.
    WatchlistCap,
}

super::words! {
    /// When a monthly quota begins anew in a month without its reset day.
    ShortMonth {
        /// On the last day of that month.
        LastDay = "last_day",
        /// Not at all: the period goes on to the next month's reset day.
        Skip = "skip",
        /// On the first of the next month.
        NextMonth = "next_month",
    }
}

super::words! {
    /// What happens with a title for which there is no room.
    WhenExceeded {
        /// Somebody is asked.
        Approval = "approval",
        /// It waits until there is room.
        Wait = "wait",
        /// It is passed over for good.
        Skip = "skip",
    }
}

super::words! {
    /// On what grounds a title got its place.
    Granted {
        /// There was room in every quota, or there is none.
        Room = "room",
        /// A person, or a rule in place of one, said yes.
        Approval = "approval",
        /// Quotas do not count for this user or by this rule.
        Bypass = "bypass",
    }
}

/// A place that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// By which entry.
    pub entry: EntryId,
    /// When; unix milliseconds.
    pub used_at_ms: i64,
    /// Whether the entry is still on the watchlist.
    pub open: bool,
    /// Whether an arr has taken it; otherwise it is on its way and may yet turn out to cost nothing.
    pub spent: bool,
}
