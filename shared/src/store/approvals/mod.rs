//! `approvals` and `approval_events`: what somebody has to say yes to, and everything that ever happened to it. Nothing is deleted.

use rusqlite::{Row, params};

use super::error::{bad_json, unknown_word};
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{Approval, ApprovalId, ApprovalState, ApprovalTrigger, Destination, EntryId};

/// Who decides when no person does.
const PULSARR: &str = "pulsarr";

/// The columns that [`approval_from`] reads, of `approvals a`.
macro_rules! approval_columns {
    () => {
        "a.id, a.entry_id, a.state, a.trigger, a.reason, a.proposed, a.edited, a.follows, a.asked_at_ms, a.decided_at_ms,\n\
         a.decided_by, a.note"
    };
}

// Behind the columns that they share.
mod requests;
mod rows;
mod verdicts;

pub use rows::{ApprovalEvent, ApprovalRow, AskedOrder};
pub use verdicts::{Overdue, Verdict};

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

fn json_of(destinations: &[Destination]) -> Result<String, StoreError> {
    serde_json::to_string(destinations).map_err(|error| bad_json("approvals.proposed", &error))
}

/// `movies, anime`
fn names_of(destinations: &[Destination]) -> String {
    let names: Vec<&str> = destinations.iter().map(|to| to.instance.as_str()).collect();
    names.join(", ")
}
