//! Requests come and go without a verdict: asked for, following another's, ended by rules or by what happens to their entry.

use rusqlite::{OptionalExtension, params};

use super::{Db, PULSARR, Ruling, StoreError, json_of, names_of};
use crate::clock::UnixMs;
use crate::model::{ApprovalId, ApprovalState, ApprovalTrigger, Destination, EntryId};

impl Db<'_> {
    /// The user name of another user whose request for the title of this entry waits for somebody to decide.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn asked_too(self, entry: EntryId) -> Result<Option<String>, StoreError> {
        Ok(self.pending_for_title_of(entry)?.map(|(_, user)| user))
    }

    /// Asks for an entry, or brings what is asked up to date. Where another user's request for the same title waits already, this one
    /// follows it. Answers whether it is a new request.
    pub(in crate::store) fn ask(
        self,
        entry: EntryId,
        trigger: ApprovalTrigger,
        reason: &str,
        proposed: &[Destination],
        now_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let user = self.user_of(entry)?;
        match self.approval_of(entry)? {
            Some(pending) if pending.state == ApprovalState::Pending => {
                if pending.proposed != proposed {
                    let mut query = self.connection.prepare_cached(
                        "-- approvals.propose_anew\nUPDATE approvals SET proposed = ?2 WHERE id = ?1",
                    )?;
                    query.execute(params![pending.id.0, json_of(proposed)?])?;
                    self.note_event(pending.id, "proposed_anew", PULSARR, Some(&names_of(proposed)), now_ms)?;
                }
                return Ok(false);
            }
            _ => {}
        }
        let leader = self.pending_for_title_of(entry)?;
        // One that was decided was decided by a rule that no longer holds; its events keep the story.
        let mut query = self.connection.prepare_cached(
            "-- approvals.ask\n\
             INSERT INTO approvals (entry_id, state, trigger, reason, proposed, follows, asked_at_ms)\n\
             VALUES (?1, 'pending', ?2, ?3, ?4, ?5, ?6)\n\
             ON CONFLICT (entry_id) DO UPDATE SET state = 'pending', trigger = excluded.trigger, reason = excluded.reason,\n\
                 proposed = excluded.proposed, follows = excluded.follows, asked_at_ms = excluded.asked_at_ms, edited = NULL,\n\
                 decided_at_ms = NULL, decided_by = NULL, note = NULL\n\
             RETURNING id",
        )?;
        let follows = leader.as_ref().map(|(id, _)| id.0);
        let id = query
            .query_row(params![entry.0, trigger.word(), reason, json_of(proposed)?, follows, now_ms], |row| {
                row.get(0)
            })?;
        let id = ApprovalId(id);
        self.note_event(id, "asked", &user, Some(reason), now_ms)?;
        if let Some((leader, other)) = leader {
            self.note_event(leader, "wanted_too", &user, Some(&format!("request {}", id.0)), now_ms)?;
            let detail = format!("shares the fate of request {}", leader.0);
            self.note_event(id, "wanted_too", &other, Some(&detail), now_ms)?;
        }
        Ok(true)
    }

    /// Notes that an entry goes without a person: the request that waited, or the one that was never made.
    pub(in crate::store) fn auto_approve(
        self,
        entry: EntryId,
        trigger: ApprovalTrigger,
        reason: &str,
        proposed: &[Destination],
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approvals.auto_approve\n\
             INSERT INTO approvals (entry_id, state, trigger, reason, proposed, asked_at_ms, decided_at_ms, decided_by, note)\n\
             VALUES (?1, 'auto_approved', ?2, ?3, ?4, ?5, ?5, ?6, ?3)\n\
             ON CONFLICT (entry_id) DO UPDATE SET state = 'auto_approved', proposed = excluded.proposed,\n\
                 decided_at_ms = excluded.decided_at_ms, decided_by = excluded.decided_by, note = excluded.note\n\
             RETURNING id",
        )?;
        let id = query
            .query_row(params![entry.0, trigger.word(), reason, json_of(proposed)?, now_ms, PULSARR], |row| {
                row.get(0)
            })?;
        self.note_event(ApprovalId(id), "auto_approved", PULSARR, Some(reason), now_ms)?;
        self.free_followers(ApprovalId(id), now_ms)
    }

    /// Rejects the request of an entry that goes nowhere by the rules, if one waits.
    pub(in crate::store) fn reject_by_rule(
        self,
        entry: EntryId,
        reason: &str,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        self.end_pending(entry, ApprovalState::Rejected, "the rules", reason, now_ms)
    }

    /// Ends the request of an entry that was closed, if one waits.
    pub(in crate::store) fn withdraw_approval(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        self.end_pending(entry, ApprovalState::Expired, PULSARR, "taken off the watchlist", now_ms)
    }

    /// Ends a waiting request without touching its entry.
    fn end_pending(
        self,
        entry: EntryId,
        state: ApprovalState,
        by: &str,
        note: &str,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let Some(pending) = self.approval_of(entry)?.filter(|it| it.state == ApprovalState::Pending) else {
            return Ok(());
        };
        self.set_ruling(pending.id, &Ruling { state, by, note: Some(note), edited: None }, now_ms)?;
        self.free_followers(pending.id, now_ms)
    }

    /// The oldest pending request of another user for the title of `entry` that follows none itself, and whose it is.
    fn pending_for_title_of(self, entry: EntryId) -> Result<Option<(ApprovalId, String)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approvals.pending_for_title\n\
             SELECT a.id, u.username FROM entries own JOIN entries e ON e.title_id = own.title_id AND e.user_id <> own.user_id\n\
                 JOIN approvals a ON a.entry_id = e.id AND a.state = 'pending' AND a.follows IS NULL\n\
                 JOIN users u ON u.id = e.user_id\n\
             WHERE own.id = ?1 ORDER BY a.asked_at_ms, a.id LIMIT 1",
        )?;
        let row = query.query_row([entry.0], |row| Ok((ApprovalId(row.get(0)?), row.get(1)?)));
        Ok(row.optional()?)
    }

    pub(super) fn pending_followers(self, id: ApprovalId) -> Result<Vec<ApprovalId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approvals.pending_followers\nSELECT id FROM approvals WHERE follows = ?1 AND state = 'pending' ORDER BY id",
        )?;
        let rows = query.query_map([id.0], |row| Ok(ApprovalId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets those that waited for the same decision wait for their own.
    pub(super) fn free_followers(self, id: ApprovalId, now_ms: UnixMs) -> Result<(), StoreError> {
        for follower in self.pending_followers(id)? {
            let mut query = self
                .connection
                .prepare_cached("-- approvals.stand_alone\nUPDATE approvals SET follows = NULL WHERE id = ?1")?;
            query.execute([follower.0])?;
            let detail = format!("request {} was settled without a person", id.0);
            self.note_event(follower, "stands_alone", PULSARR, Some(&detail), now_ms)?;
        }
        Ok(())
    }
}
