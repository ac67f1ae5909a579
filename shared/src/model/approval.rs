//! A request that somebody has to say yes to.

use serde::{Deserialize, Serialize};

use super::{Destination, EntryId};

/// An approval's row number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApprovalId(pub i64);

super::words! {
    /// Where an approval stands.
    ApprovalState {
        /// Nobody has said anything yet.
        Pending = "pending",
        /// A person said yes.
        Approved = "approved",
        /// A person, or an excluding rule, said no.
        Rejected = "rejected",
        /// Nobody said anything in time, or it is no longer wanted.
        Expired = "expired",
        /// It went without a person: a rule or the settings say so, or its quota has room again.
        AutoApproved = "auto_approved",
    }
}

super::words! {
    /// Why somebody is asked.
    ApprovalTrigger {
        /// A rule asks for it.
        Rule = "rule",
        /// Everything this user wants is asked about.
        User = "user",
        /// A quota has no room.
        Quota = "quota",
    }
}

/// The approval of one entry; an entry has at most one.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Our row.
    pub id: ApprovalId,
    /// For which entry.
    pub entry: EntryId,
    /// Where it stands.
    pub state: ApprovalState,
    /// Why somebody was asked.
    pub trigger: ApprovalTrigger,
    /// The same as a sentence.
    pub reason: String,
    /// Where it would go.
    pub proposed: Vec<Destination>,
    /// Where a person wants it to go instead; `None`: as proposed.
    pub edited: Option<Vec<Destination>>,
    /// Another user's pending approval of the same title, which this one shares the fate of.
    pub follows: Option<ApprovalId>,
    /// When it was asked for; unix milliseconds.
    pub asked_at_ms: i64,
    /// When it was decided.
    pub decided_at_ms: Option<i64>,
    /// Who decided: a person's name, a rule, `pulsarr`.
    pub decided_by: Option<String>,
    /// What was said with it.
    pub note: Option<String>,
}

impl Approval {
    /// A request that nobody has asked yet.
    #[must_use]
    pub const fn unasked(id: ApprovalId, entry: EntryId, proposed: Vec<Destination>, now_ms: i64) -> Self {
        Self {
            id,
            entry,
            state: ApprovalState::Pending,
            trigger: ApprovalTrigger::User,
            reason: String::new(),
            proposed,
            edited: None,
            follows: None,
            asked_at_ms: now_ms,
            decided_at_ms: None,
            decided_by: None,
            note: None,
        }
    }

    /// Where it goes when it goes.
    #[must_use]
    pub fn destinations(&self) -> &[Destination] {
        self.edited.as_deref().unwrap_or(&self.proposed)
    }
}

/// Why a request cannot be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecidable {
    /// There is none with this number.
    Unknown,
    /// It is decided.
    Decided(ApprovalState),
    /// Its title is no longer on the watchlist.
    Closed,
}

impl std::fmt::Display for Undecidable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such request"),
            Self::Decided(state) => write!(f, "it is {} already", state.word().replace('_', "-")),
            Self::Closed => f.write_str("its title is no longer on the watchlist"),
        }
    }
}

super::words! {
    /// What becomes of an approval that nobody decides in time.
    WhenExpired {
        /// It expires, and the title goes nowhere.
        Expire = "expire",
        /// It is approved.
        Approve = "approve",
    }
}

/// How long one kind of approval stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// Hours; `None`: for ever.
    pub after_h: Option<u32>,
    /// And then?
    pub then: WhenExpired,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { after_h: None, then: WhenExpired::Expire }
    }
}

/// How approvals are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ApprovalSettings {
    /// Those a rule asked for.
    pub rule: Expiry,
    /// Those of users whose every wish is asked about.
    pub user: Expiry,
    /// Those a quota asked for.
    pub quota: Expiry,
    /// Whether a request that only lacked room goes by itself once there is room, the oldest first.
    pub approve_when_quota_frees: bool,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self {
            rule: Expiry::default(),
            user: Expiry::default(),
            quota: Expiry::default(),
            approve_when_quota_frees: true,
        }
    }
}

impl ApprovalSettings {
    /// What holds for this trigger.
    #[must_use]
    pub const fn expiry(&self, trigger: ApprovalTrigger) -> Expiry {
        match trigger {
            ApprovalTrigger::Rule => self.rule,
            ApprovalTrigger::User => self.user,
            ApprovalTrigger::Quota => self.quota,
        }
    }
}
