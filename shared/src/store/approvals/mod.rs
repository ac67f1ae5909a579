//! `approvals` and `approval_events`: what somebody has to say yes to, and everything that ever happened to it. Nothing is deleted.

use rusqlite::{OptionalExtension, Row, params};

use super::error::{bad_json, unknown_word};
use super::titles::{title_columns, title_from};
use super::{Db, StoreError};
use crate::approval;
use crate::clock::UnixMs;
use crate::model::{
    Approval, ApprovalId, ApprovalSettings, ApprovalState, ApprovalTrigger, Destination, EntryId, EntryState, Title,
    Undecidable, WhenExpired,
};

/// Who decides when no person does.
const PULSARR: &str = "pulsarr";

/// The columns that [`approval_from`] reads, of `approvals a`.
macro_rules! approval_columns {
    () => {
        "a.id, a.entry_id, a.state, a.trigger, a.reason, a.proposed, a.edited, a.follows, a.asked_at_ms, a.decided_at_ms,\n\
         a.decided_by, a.note"
    };
}

/// An approval, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRow {
    /// The approval.
    pub approval: Approval,
    /// What is wanted.
    pub title: Title,
    /// The user name of who wants it.
    pub user: String,
    /// The user names of others whose requests for the same title follow this one.
    pub wanted_too: Vec<String>,
}

/// Something that happened to an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalEvent {
    /// When.
    pub at_ms: UnixMs,
    /// `asked`, `proposed_anew`, `wanted_too`, `stands_alone`, `approved`, `rejected`, `expired`, `auto_approved`.
    pub what: String,
    /// A person's name, a user's, a rule, or `pulsarr`.
    pub who: String,
    /// In plain words, when there is more to say.
    pub detail: Option<String>,
}

crate::model::words! {
    /// In which order requests are told, by when they were asked for.
    AskedOrder {
        /// As they wait.
        OldestFirst = "oldest",
        /// As people look back.
        NewestFirst = "newest",
    }
}

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

/// A change of state.
struct Ruling<'a> {
    state: ApprovalState,
    /// Who decided.
    by: &'a str,
    note: Option<&'a str>,
    edited: Option<&'a [Destination]>,
}

impl Db<'_> {
    /// The approval of an entry.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval_of(self, entry: EntryId) -> Result<Option<Approval>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- approvals.of_entry\nSELECT ",
            approval_columns!(),
            " FROM approvals a WHERE a.entry_id = ?1"
        ))?;
        let mut rows = query.query([entry.0])?;
        rows.next()?.map(approval_from).transpose()
    }

    /// The approvals in this state, or all of them: oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approvals(self, state: Option<ApprovalState>) -> Result<Vec<ApprovalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- approvals.all\nSELECT ",
            approval_columns!(),
            ", u.username,\n",
            title_columns!(),
            "\nFROM approvals a JOIN entries e ON e.id = a.entry_id JOIN titles t ON t.id = e.title_id\n\
                 JOIN users u ON u.id = e.user_id\n\
             WHERE ?1 IS NULL OR a.state = ?1 ORDER BY a.asked_at_ms, a.id",
        ))?;
        let mut rows = query.query([state.map(ApprovalState::word)])?;
        let mut approvals = Vec::new();
        while let Some(row) = rows.next()? {
            approvals.push(self.approval_row_from(row)?);
        }
        Ok(approvals)
    }

    /// A page of [`Db::approvals`] in this order: at most `limit`, and only those that come after the approval `after`. It costs as much
    /// as it shows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval_page(
        self,
        state: Option<ApprovalState>,
        order: AskedOrder,
        after: Option<ApprovalId>,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(&page_query(state.is_some(), order, after.is_some()))?;
        let mut rows = query.query(params![state.map(ApprovalState::word), after.map(|after| after.0), limit])?;
        let mut approvals = Vec::new();
        while let Some(row) = rows.next()? {
            approvals.push(self.approval_row_from(row)?);
        }
        Ok(approvals)
    }

    /// One approval.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval(self, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- approvals.one\nSELECT ",
            approval_columns!(),
            ", u.username,\n",
            title_columns!(),
            "\nFROM approvals a JOIN entries e ON e.id = a.entry_id JOIN titles t ON t.id = e.title_id\n\
                 JOIN users u ON u.id = e.user_id\n\
             WHERE a.id = ?1",
        ))?;
        let mut rows = query.query([id.0])?;
        rows.next()?.map(|row| self.approval_row_from(row)).transpose()
    }

    /// How many requests wait for somebody to decide.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_approvals(self) -> Result<u32, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- approvals.pending_count\nSELECT count(*) FROM approvals WHERE state = 'pending'")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Everything that happened to an approval, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval_events(self, id: ApprovalId) -> Result<Vec<ApprovalEvent>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approval_events.of_approval\n\
             SELECT at_ms, what, who, detail FROM approval_events WHERE approval_id = ?1 ORDER BY id",
        )?;
        let rows = query.query_map([id.0], |row| {
            Ok(ApprovalEvent { at_ms: row.get(0)?, what: row.get(1)?, who: row.get(2)?, detail: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The user name of another user whose request for the title of this entry waits for somebody to decide.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn asked_too(self, entry: EntryId) -> Result<Option<String>, StoreError> {
        Ok(self.pending_for_title_of(entry)?.map(|(_, user)| user))
    }

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

    /// Asks for an entry, or brings what is asked up to date. Where another user's request for the same title waits already, this one
    /// follows it. Answers whether it is a new request.
    pub(super) fn ask(
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
    pub(super) fn auto_approve(
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
    pub(super) fn reject_by_rule(self, entry: EntryId, reason: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.end_pending(entry, ApprovalState::Rejected, "the rules", reason, now_ms)
    }

    /// Ends the request of an entry that was closed, if one waits.
    pub(super) fn withdraw_approval(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
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

    fn set_ruling(self, id: ApprovalId, ruling: &Ruling<'_>, now_ms: UnixMs) -> Result<(), StoreError> {
        let Ruling { state, by, note, edited } = *ruling;
        let mut query = self.connection.prepare_cached(
            "-- approvals.rule\n\
             UPDATE approvals SET state = ?2, decided_at_ms = ?3, decided_by = ?4, note = ?5, edited = ?6 WHERE id = ?1",
        )?;
        query.execute(params![id.0, state.word(), now_ms, by, note, edited.map(json_of).transpose()?])?;
        let edited = edited.map(|edited| format!("with changes: {}", names_of(edited)));
        let detail: Vec<&str> = edited.as_deref().into_iter().chain(note).collect();
        let detail = (!detail.is_empty()).then(|| detail.join("; "));
        self.note_event(id, state.word(), by, detail.as_deref(), now_ms)
    }

    fn note_event(
        self,
        id: ApprovalId,
        what: &str,
        who: &str,
        detail: Option<&str>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approval_events.add\n\
             INSERT INTO approval_events (approval_id, at_ms, what, who, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        query.execute(params![id.0, now_ms, what, who, detail])?;
        Ok(())
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

    fn pending_followers(self, id: ApprovalId) -> Result<Vec<ApprovalId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approvals.pending_followers\nSELECT id FROM approvals WHERE follows = ?1 AND state = 'pending' ORDER BY id",
        )?;
        let rows = query.query_map([id.0], |row| Ok(ApprovalId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets those that waited for the same decision wait for their own.
    fn free_followers(self, id: ApprovalId, now_ms: UnixMs) -> Result<(), StoreError> {
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

    fn approval_row_from(self, row: &Row<'_>) -> Result<ApprovalRow, StoreError> {
        let approval = approval_from(row)?;
        let mut query = self.connection.prepare_cached(
            "-- approvals.wanted_too\n\
             SELECT u.username FROM approvals a JOIN entries e ON e.id = a.entry_id JOIN users u ON u.id = e.user_id\n\
             WHERE a.follows = ?1 ORDER BY a.id",
        )?;
        let users = query.query_map([approval.id.0], |row| row.get(0))?;
        let wanted_too = users.collect::<Result<_, _>>()?;
        Ok(ApprovalRow { approval, user: row.get(12)?, title: title_from(row, 13)?, wanted_too })
    }
}

/// Reads the [`approval_columns`] from the first position on.
fn approval_from(row: &Row<'_>) -> Result<Approval, StoreError> {
    let (state, trigger): (String, String) = (row.get(2)?, row.get(3)?);
    let (proposed, edited): (String, Option<String>) = (row.get(5)?, row.get(6)?);
    Ok(Approval {
        id: ApprovalId(row.get(0)?),
        entry: EntryId(row.get(1)?),
        state: approval_state(&state)?,
        trigger: ApprovalTrigger::from_word(&trigger).ok_or_else(|| unknown_word("approvals.trigger", &trigger))?,
        reason: row.get(4)?,
        proposed: destinations_from("approvals.proposed", &proposed)?,
        edited: edited.map(|edited| destinations_from("approvals.edited", &edited)).transpose()?,
        follows: row.get::<_, Option<i64>>(7)?.map(ApprovalId),
        asked_at_ms: row.get(8)?,
        decided_at_ms: row.get(9)?,
        decided_by: row.get(10)?,
        note: row.get(11)?,
    })
}

fn approval_state(word: &str) -> Result<ApprovalState, StoreError> {
    ApprovalState::from_word(word).ok_or_else(|| unknown_word("approvals.state", word))
}

fn destinations_from(column: &'static str, json: &str) -> Result<Vec<Destination>, StoreError> {
    serde_json::from_str(json).map_err(|error| bad_json(column, &error))
}

/// The query of a page: each is written out, because an index is only used for what a query is sure to ask for.
fn page_query(has_state: bool, order: AskedOrder, has_after: bool) -> String {
    let state = if has_state { "a.state = ?1" } else { "?1 IS NULL" };
    let (beyond, direction) = match order {
        AskedOrder::OldestFirst => (">", "ASC"),
        AskedOrder::NewestFirst => ("<", "DESC"),
    };
    let after = if has_after {
        format!("(a.asked_at_ms, a.id) {beyond} (SELECT b.asked_at_ms, b.id FROM approvals b WHERE b.id = ?2)")
    } else {
        "?2 IS NULL".to_owned()
    };
    format!(
        concat!(
            "-- approvals.page\nSELECT ",
            approval_columns!(),
            ", u.username,\n",
            title_columns!(),
            "\nFROM approvals a CROSS JOIN entries e ON e.id = a.entry_id CROSS JOIN titles t ON t.id = e.title_id\n\
                 CROSS JOIN users u ON u.id = e.user_id\n\
             WHERE {} AND {} ORDER BY a.asked_at_ms {}, a.id {} LIMIT ?3",
        ),
        state, after, direction, direction
    )
}

fn json_of(destinations: &[Destination]) -> Result<String, StoreError> {
    serde_json::to_string(destinations).map_err(|error| bad_json("approvals.proposed", &error))
}

/// `movies, anime`
fn names_of(destinations: &[Destination]) -> String {
    let names: Vec<&str> = destinations.iter().map(|to| to.instance.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;
    use crate::store::Store;

    /// What makes a page cheap: no step of any plan sorts or walks through more than the page.
    #[test]
    fn no_page_of_requests_sorts_or_walks_the_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let either = [true, false];
        let orders = AskedOrder::ALL.iter().flat_map(|order| either.map(|has_state| (order, has_state)));
        for (order, has_state, has_after) in
            orders.flat_map(|(order, has_state)| either.map(|has_after| (*order, has_state, has_after)))
        {
            let sql = format!("EXPLAIN QUERY PLAN {}", page_query(has_state, order, has_after));
            let mut plan = store.connection.prepare(&sql).unwrap();
            let values = [Value::from("approved".to_owned()), Value::from(9), Value::from(30)];
            let steps = plan.query_map(values.each_ref(), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<String> = steps.map(Result::unwrap).collect();
            assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{steps:?}");
            let index = if has_state { "approvals_by_state" } else { "approvals_by_time" };
            let first = if has_state || has_after { "SEARCH" } else { "SCAN" };
            assert!(steps[0].starts_with(first) && steps[0].contains(index), "{steps:?}");
        }
    }
}
