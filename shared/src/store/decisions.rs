//! `decisions`: every decision that was ever made, with its trace.

use rusqlite::{OptionalExtension, Rows, params};

use super::error::bad_json;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{Decision, EntryId};

/// A decision as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
    /// The run that made it.
    pub run_id: String,
    /// When.
    pub decided_at_ms: UnixMs,
    /// What and why.
    pub decision: Decision,
}

/// One of a run's decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct TitledDecision {
    /// Its row number: later decisions have higher ones.
    pub id: i64,
    /// About which entry.
    pub entry: EntryId,
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// The decision.
    pub stored: StoredDecision,
}

/// An entry that a run decided about, as the run's report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedEntry {
    /// The entry.
    pub entry: EntryId,
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// Plex's name of whoever wants it.
    pub username: String,
}

/// What became of the entries that a run decided to route; each entry counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoutesOfRun {
    /// Added to, or on the way to, at least one instance.
    pub sent: u32,
    /// Every instance had it.
    pub already_there: u32,
    /// On the exclusion list of every instance.
    pub excluded: u32,
}

/// The columns and tables of [`TitledDecision`].
macro_rules! titled_decisions {
    () => {
        "SELECT d.id, d.entry_id, t.title || coalesce(' (' || t.year || ')', ''), d.run_id, d.decided_at_ms, d.decision\n\
         FROM decisions d JOIN entries e ON e.id = d.entry_id JOIN titles t ON t.id = e.title_id\n"
    };
}

pub(super) const STANDING_MARK: &str = "-- decisions.standing_mark\n\
     SELECT (SELECT coalesce(max(id), 0) FROM decisions), (SELECT count(*) FROM entries WHERE state <> 'closed')";

impl Db<'_> {
    /// What became of the entries that this run decided to route.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn routes_of_run(self, run_id: &str) -> Result<RoutesOfRun, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- decisions.routes_of_run\n\
             WITH routes AS (\n\
                 SELECT count(*) AS placements, sum(p.state = 'present') AS present, sum(p.state = 'excluded') AS excluded\n\
                 FROM decisions d JOIN placements p ON p.entry_id = d.entry_id\n\
                 WHERE d.run_id = ?1 AND d.outcome = 'route' GROUP BY d.entry_id)\n\
             SELECT count(*), coalesce(sum(present = placements), 0), coalesce(sum(excluded = placements), 0) FROM routes",
        )?;
        let (all, already_there, excluded): (u32, u32, u32) =
            query.query_row([run_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(RoutesOfRun { sent: all - already_there - excluded, already_there, excluded })
    }

    /// Stores a decision.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub(crate) fn add_decision(
        self,
        entry: EntryId,
        run_id: &str,
        decision: &Decision,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(decision).map_err(|error| bad_json("decisions.decision", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- decisions.add\n\
             INSERT INTO decisions (entry_id, run_id, decided_at_ms, outcome, decision) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        query.execute(params![entry.0, run_id, now_ms, decision.outcome.word(), json])?;
        Ok(())
    }

    /// The newest decision about an entry.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_decision(self, entry: EntryId) -> Result<Option<Decision>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- decisions.last\nSELECT decision FROM decisions WHERE entry_id = ?1 ORDER BY id DESC LIMIT 1",
        )?;
        let json: Option<String> = query.query_row([entry.0], |row| row.get(0)).optional()?;
        json.map(|json| serde_json::from_str(&json).map_err(|error| bad_json("decisions.decision", &error))).transpose()
    }

    /// Tells `tell` the last decision about every open entry, as it is stored.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn standing_decisions(self, mut tell: impl FnMut(&str)) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- decisions.standing\n\
             SELECT d.decision FROM entries e JOIN decisions d ON d.id = (\n\
                 SELECT last.id FROM decisions last WHERE last.entry_id = e.id ORDER BY last.id DESC LIMIT 1)\n\
             WHERE e.closed_at_ms IS NULL",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            tell(row.get_ref(0)?.as_str().unwrap_or_default());
        }
        Ok(())
    }

    /// What changes whenever [`Db::standing_decisions`] does: the newest decision and the number of open entries.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn standing_mark(self) -> Result<(i64, u32), StoreError> {
        let mut query = self.connection.prepare_cached(STANDING_MARK)?;
        Ok(query.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Every decision about an entry, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn decisions_of(self, entry: EntryId) -> Result<Vec<StoredDecision>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- decisions.of_entry\nSELECT run_id, decided_at_ms, decision FROM decisions WHERE entry_id = ?1 ORDER BY id",
        )?;
        let mut rows = query.query([entry.0])?;
        let mut decisions = Vec::new();
        while let Some(row) = rows.next()? {
            let json: String = row.get(2)?;
            decisions.push(StoredDecision {
                run_id: row.get(0)?,
                decided_at_ms: row.get(1)?,
                decision: serde_json::from_str(&json).map_err(|error| bad_json("decisions.decision", &error))?,
            });
        }
        Ok(decisions)
    }

    /// The decisions of a run that come after row number `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn decisions_of_run(self, run_id: &str, after: i64, limit: u32) -> Result<Vec<TitledDecision>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- decisions.of_run\n",
            titled_decisions!(),
            "WHERE d.run_id = ?1 AND d.id > ?2 ORDER BY d.id LIMIT ?3"
        ))?;
        titled(query.query(params![run_id, after, limit])?)
    }

    /// The entries that this run decided about, the first `limit` decisions.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entries_of_run(self, run_id: &str, limit: u32) -> Result<Vec<DecidedEntry>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- decisions.entries_of_run\n\
             SELECT e.id, t.title || coalesce(' (' || t.year || ')', ''), u.username FROM decisions d\n\
             JOIN entries e ON e.id = d.entry_id JOIN titles t ON t.id = e.title_id JOIN users u ON u.id = e.user_id\n\
             WHERE d.run_id = ?1 ORDER BY d.id LIMIT ?2",
        )?;
        let rows = query.query_map(params![run_id, limit], |row| {
            Ok(DecidedEntry { entry: EntryId(row.get(0)?), title: row.get(1)?, username: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last decisions of all runs that come before row number `before`, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_decisions(self, before: Option<i64>, limit: u32) -> Result<Vec<TitledDecision>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- decisions.last_of_all\n",
            titled_decisions!(),
            "WHERE d.id < ?1 ORDER BY d.id DESC LIMIT ?2"
        ))?;
        titled(query.query(params![before.unwrap_or(i64::MAX), limit])?)
    }
}

fn titled(mut rows: Rows<'_>) -> Result<Vec<TitledDecision>, StoreError> {
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        let json: String = row.get(5)?;
        let decision = serde_json::from_str(&json).map_err(|error| bad_json("decisions.decision", &error))?;
        decisions.push(TitledDecision {
            id: row.get(0)?,
            entry: EntryId(row.get(1)?),
            title: row.get(2)?,
            stored: StoredDecision { run_id: row.get(3)?, decided_at_ms: row.get(4)?, decision },
        });
    }
    Ok(decisions)
}
