//! What becomes of approvals by themselves. Pure.

use crate::clock::UnixMs;
use crate::model::{Approval, ApprovalSettings, ApprovalState, WhenExpired};

/// The longest note that is kept with a decision, in characters.
pub const LONGEST_NOTE: usize = 1_000;

/// When this pending approval's time is over; `None`: never, or it is decided.
#[must_use]
pub fn expires_at_ms(approval: &Approval, settings: &ApprovalSettings) -> Option<UnixMs> {
    let hours = settings.expiry(approval.trigger).after_h.filter(|_| approval.state == ApprovalState::Pending)?;
    Some(approval.asked_at_ms.saturating_add(i64::from(hours) * 60 * 60 * 1000))
}

/// What becomes of it now because nobody has decided in time; `None`: nothing yet.
#[must_use]
pub fn overdue(approval: &Approval, settings: &ApprovalSettings, now_ms: UnixMs) -> Option<WhenExpired> {
    let over = expires_at_ms(approval, settings)? <= now_ms;
    over.then(|| settings.expiry(approval.trigger).then)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApprovalId, ApprovalTrigger, EntryId, Expiry};

    const HOUR: UnixMs = 60 * 60 * 1000;

    fn asked(trigger: ApprovalTrigger, state: ApprovalState) -> Approval {
        Approval {
            id: ApprovalId(1),
            entry: EntryId(1),
            state,
            trigger,
            reason: String::new(),
            proposed: Vec::new(),
            edited: None,
            follows: None,
            asked_at_ms: 5 * HOUR,
            decided_at_ms: None,
            decided_by: None,
            note: None,
        }
    }

    #[test]
    fn each_trigger_has_a_time_of_its_own_and_only_what_waits_runs_out_of_it() {
        use ApprovalState::{Pending, Rejected};
        let settings = ApprovalSettings {
            rule: Expiry { after_h: Some(2), then: WhenExpired::Expire },
            quota: Expiry { after_h: Some(1), then: WhenExpired::Approve },
            ..ApprovalSettings::default()
        };
        let check = |trigger, state, now_ms, expected| {
            assert_eq!(overdue(&asked(trigger, state), &settings, now_ms), expected, "{trigger} {state} {now_ms}");
        };
        check(ApprovalTrigger::Rule, Pending, 7 * HOUR - 1, None);
        check(ApprovalTrigger::Rule, Pending, 7 * HOUR, Some(WhenExpired::Expire));
        check(ApprovalTrigger::Quota, Pending, 6 * HOUR, Some(WhenExpired::Approve));
        check(ApprovalTrigger::User, Pending, UnixMs::MAX, None);
        check(ApprovalTrigger::Rule, Rejected, 9 * HOUR, None);
        check(ApprovalTrigger::Rule, Pending, 0, None);
    }
}
