//! Requests are decided: by a person, or by time.

use rusqlite::OptionalExtension;

use super::{ApprovalRow, Db, PULSARR, Ruling, StoreError, approval_from, approval_state};
use crate::approval;
use crate::clock::UnixMs;
use crate::model::{
    Approval, ApprovalId, ApprovalSettings, ApprovalState, Destination, EntryId, EntryState, Undecidable, WhenExpired,
};

/// What a person says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve {
        /// Where it goes instead of where it was proposed to go; never empty. `None`: as proposed.
        edited: Option<Vec<Destination>>,
    },
    /// No.
    Reject,
}

/// What became of requests in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Nobody decided, so they expired.
    pub expired: u32,
    /// Nobody decided, so they were approved.
    pub approved: u32,
}

impl Db<'_> {
    /// Decides requests as a person does, with whatever follows: those that follow them share their fate, what is approved is decided
    /// anew by the next run, what is rejected goes nowhere. All of them or none.
    ///
    /// # Errors
    /// [`StoreError::Undecidable`] naming every request that cannot be decided, and why; otherwise when the database cannot be
    /// written.
    pub fn decide_approvals(
        self,
        ids: &[ApprovalId],
        verdict: &Verdict,
        by: &str,
        note: Option<&str>,
        now_ms: UnixMs,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let undecidable = self.undecidable(ids, verdict)?;
        if !undecidable.is_empty() {
            return Err(StoreError::Undecidable { requests: undecidable });
        }
        let (state, edited) = match verdict {
            Verdict::Approve { edited } => (ApprovalState::Approved, edited.as_deref()),
            Verdict::Reject => (ApprovalState::Rejected, None),
        };
        let ruling = Ruling { state, by, note, edited };
        for id in ids {
            // One that follows another of `ids` is decided with it.
            if self.why_undecidable(*id, verdict)?.is_none() {
                self.rule(*id, &ruling, now_ms)?;
                for follower in self.pending_followers(*id)? {
                    self.rule(follower, &ruling, now_ms)?;
                }
            }
        }
        let mut decided = Vec::with_capacity(ids.len());
        for id in ids {
            decided.extend(self.approval(*id)?);
        }
        Ok(decided)
    }

    /// Those of `ids` that this verdict cannot be given on, and why not.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn undecidable(
        self,
        ids: &[ApprovalId],
        verdict: &Verdict,
    ) -> Result<Vec<(ApprovalId, Undecidable)>, StoreError> {
        let mut undecidable = Vec::new();
        for id in ids {
            undecidable.extend(self.why_undecidable(*id, verdict)?.map(|why| (*id, why)));
        }
        Ok(undecidable)
    }

    /// Decides requests for which nobody has decided in time, as the settings say.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn settle_overdue(self, settings: &ApprovalSettings, now_ms: UnixMs) -> Result<Overdue, StoreError> {
        let mut counts = Overdue::default();
        for approval in self.pending_of_synced()? {
            // One that followed another may have been decided with it.
            let Some(then) = approval::overdue(&approval, settings, now_ms) else { continue };
            if self.state_of(approval.id)? != Some(ApprovalState::Pending) {
                continue;
            }
            let hours = settings.expiry(approval.trigger).after_h.unwrap_or_default();
            let late = format!("nobody decided within {hours} {}", if hours == 1 { "hour" } else { "hours" });
            match then {
                WhenExpired::Approve => {
                    let ruling =
                        Ruling { state: ApprovalState::AutoApproved, by: PULSARR, note: Some(&late), edited: None };
                    self.rule(approval.id, &ruling, now_ms)?;
                    counts.approved += 1;
                    for follower in self.pending_followers(approval.id)? {
                        self.rule(follower, &ruling, now_ms)?;
                        counts.approved += 1;
                    }
                }
                WhenExpired::Expire => {
                    let note = format!("{late}; taking it off the watchlist and adding it again asks anew");
                    let ruling = Ruling { state: ApprovalState::Expired, by: PULSARR, note: Some(&note), edited: None };
                    self.rule(approval.id, &ruling, now_ms)?;
                    self.free_followers(approval.id, now_ms)?;
                    counts.expired += 1;
                }
            }
        }
        Ok(counts)
    }

    /// Decides one request, with what follows for its entry.
    fn rule(self, id: ApprovalId, ruling: &Ruling<'_>, now_ms: UnixMs) -> Result<(), StoreError> {
        self.set_ruling(id, ruling, now_ms)?;
        let mut query =
            self.connection.prepare_cached("-- approvals.entry_of\nSELECT entry_id FROM approvals WHERE id = ?1")?;
        let entry = EntryId(query.query_row([id.0], |row| row.get(0))?);
        let Ruling { by, note, .. } = ruling;
        let (state, reason) = match ruling.state {
            ApprovalState::Approved => (EntryState::Held, format!("approved by {by}; the next run adds it")),
            ApprovalState::AutoApproved => {
                (EntryState::Held, format!("{}, so it is approved; the next run adds it", note.unwrap_or(by)))
            }
            ApprovalState::Rejected => {
                let note = note.map(|note| format!(": {note}")).unwrap_or_default();
                (EntryState::Rejected, format!("rejected by {by}{note}"))
            }
            _ => (EntryState::Rejected, note.unwrap_or_default().to_owned()),
        };
        self.set_entry_state(entry, state, Some(&reason), now_ms)
    }

    /// Pending requests of users who are synced: for others, time stands still.
    fn pending_of_synced(self) -> Result<Vec<Approval>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- approvals.pending_of_synced\nSELECT ",
            approval_columns!(),
            " FROM approvals a JOIN entries e ON e.id = a.entry_id JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE a.state = 'pending' ORDER BY a.asked_at_ms, a.id",
        ))?;
        let mut rows = query.query([])?;
        let mut approvals = Vec::new();
        while let Some(row) = rows.next()? {
            approvals.push(approval_from(row)?);
        }
        Ok(approvals)
    }

    fn state_of(self, id: ApprovalId) -> Result<Option<ApprovalState>, StoreError> {
        let mut query =
            self.connection.prepare_cached("-- approvals.state\nSELECT state FROM approvals WHERE id = ?1")?;
        let word: Option<String> = query.query_row([id.0], |row| row.get(0)).optional()?;
        word.map(|word| approval_state(&word)).transpose()
    }

    /// Pending requests can be decided; one that expired can still be approved while its title is on the watchlist.
    fn why_undecidable(self, id: ApprovalId, verdict: &Verdict) -> Result<Option<Undecidable>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approvals.decidable\n\
             SELECT a.state, e.closed_at_ms IS NOT NULL FROM approvals a JOIN entries e ON e.id = a.entry_id WHERE a.id = ?1",
        )?;
        let row: Option<(String, bool)> = query.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((word, closed)) = row else { return Ok(Some(Undecidable::Unknown)) };
        Ok(match approval_state(&word)? {
            _ if closed => Some(Undecidable::Closed),
            ApprovalState::Pending => None,
            ApprovalState::Expired if matches!(verdict, Verdict::Approve { .. }) => None,
            state => Some(Undecidable::Decided(state)),
        })
    }
}
