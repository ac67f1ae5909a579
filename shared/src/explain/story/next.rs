//! What will happen by itself to an entry, or who has to do something.

use super::{Asked, Story};
use crate::approval;
use crate::clock::rfc3339;
use crate::model::{
    Approval, ApprovalState, EntryState, ExcludedBy, Outcome, PlacementState, Relation, WaitsFor, WhenExpired,
};

impl Story<'_> {
    /// What will happen by itself.
    pub(super) fn next(&self) -> String {
        let waits = self.placements.iter().any(|placement| placement.state == PlacementState::Queued);
        match self.entry.state {
            EntryState::Requested if !waits => "the arr looks for it".into(),
            EntryState::Grabbed => "the arr imports it".into(),
            EntryState::Available => "it can be watched".into(),
            // From here on it would be a run's turn, and runs pass over those who do not take part.
            _ if !self.user.synced => self.why_nothing_happens(),
            EntryState::New => "the next run decides about it".into(),
            EntryState::Unresolvable => "it is looked at again, at first by every run, then with growing pauses".into(),
            EntryState::Held => self.what_ends_the_waiting(),
            EntryState::Rejected => match &self.approval {
                Some(Asked { approval, .. }) if approval.state == ApprovalState::Expired => format!(
                    "nothing by itself; `pulsarr approvals approve {}` still approves it, and taking it off the watchlist and \
                     adding it again asks anew",
                    approval.id.0
                ),
                _ => "nothing; taking it off the watchlist and adding it again asks anew".into(),
            },
            EntryState::Excluded => match self.last_outcome() {
                Some(Outcome::Exclude { by: ExcludedBy::Rule | ExcludedBy::Default, .. }) => {
                    "nothing while the settings say so; when they change, it is decided anew".into()
                }
                _ => "nothing; taking it off the watchlist and adding it again asks anew".into(),
            },
            EntryState::Requested => "the next run adds it".into(),
            EntryState::Failed => match self.placements.iter().filter_map(|placement| placement.retry_at_ms).min() {
                Some(at) => format!("tried again by the first run after {}", rfc3339(at)),
                None => "nothing; it was refused too often. Taking it off the watchlist and adding it again asks anew"
                    .into(),
            },
            EntryState::Closed => "nothing; adding it to the watchlist again makes a new entry".into(),
        }
    }

    fn last_outcome(&self) -> Option<&Outcome> {
        self.decisions.last().map(|stored| &stored.decision.outcome)
    }

    /// For a held entry: who or what has to do something.
    fn what_ends_the_waiting(&self) -> String {
        if let Some(Asked { approval, leader, .. }) = &self.approval {
            match approval.state {
                ApprovalState::Pending => return self.waits_for_answer(approval, leader.as_deref()),
                ApprovalState::Approved | ApprovalState::AutoApproved if !self.has_decided_since(approval) => {
                    return "it is approved, and the next run adds it".to_owned();
                }
                _ => {}
            }
        }
        match self.last_outcome() {
            Some(Outcome::Hold { waits_for: WaitsFor::Quota, reason, .. }) => {
                let frees = reason.rsplit("; ").find(|part| part.starts_with("room again"));
                let when = frees.map(|frees| format!(": {frees}, and the first run after that adds it"));
                format!("it waits for room in the quota{}", when.unwrap_or_default())
            }
            _ => "every run decides about it anew".to_owned(),
        }
    }

    fn has_decided_since(&self, approval: &Approval) -> bool {
        let (last, answered) = (self.decisions.last().map(|stored| stored.decided_at_ms), approval.decided_at_ms);
        last.zip(answered).is_some_and(|(last, answered)| last > answered)
    }

    fn waits_for_answer(&self, approval: &Approval, leader: Option<&str>) -> String {
        let id = approval.id.0;
        let mut next = match (leader, approval.follows) {
            (Some(leader), Some(first)) => format!(
                "it waits for the answer to {leader}, who asked first: `pulsarr approvals approve {}` or `pulsarr approvals reject {}`",
                first.0, first.0
            ),
            _ => format!("it waits for approval: `pulsarr approvals approve {id}` or `pulsarr approvals reject {id}`"),
        };
        if let Some(at) = approval::expires_at_ms(approval, self.policy.approvals) {
            let then = match self.policy.approvals.expiry(approval.trigger).then {
                WhenExpired::Expire => "it expires",
                WhenExpired::Approve => "it is approved",
            };
            next.push_str(&format!("; unanswered, {then} at {}", rfc3339(at)));
        }
        next
    }

    /// For somebody whose list is not read: why, and what would change that.
    fn why_nothing_happens(&self) -> String {
        let name = self.user.called();
        match self.user.relation {
            Relation::FormerFriend => {
                format!("nothing while {name} is no friend on Plex; becoming friends again brings the list back")
            }
            Relation::Friend => format!(
                "nothing while {name} is switched off in the settings; `sync: true` for {name}, and `plex.friends: true`, \
                 bring the list back"
            ),
            Relation::Owner => format!(
                "nothing while {name} is switched off in the settings; `sync: true` for {name} brings the list back"
            ),
        }
    }
}
