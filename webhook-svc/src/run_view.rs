//! A run, and how far it is, in the words of the API.

use std::collections::HashMap;

use pulsarr_shared::model::Trigger;
use pulsarr_shared::store::{Db, ProgressRow, RunRow, StoreError};
use serde::Serialize;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// Who started it: `cli`, `schedule`, `manual`, `service`, `fast_lane`, `api`.
    pub trigger: &'static str,
    /// Who asked for it: the name of whoever was signed in, `api key backup`; `null` where nobody did, or it is not on record any more.
    pub started_by: Option<String>,
    /// Where it ran: host and process.
    pub holder: String,
    /// When it began; unix milliseconds.
    pub started_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
    /// `running`, `ok`, `partial`, `failed`, `not_set_up`, `interrupted`, `crashed`
    pub result: &'static str,
}

/// How far a stage of a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StageView {
    /// `observe`, `resolve`, `decide`, `act`
    pub stage: String,
    /// Steps done.
    pub done: u32,
    /// Steps in all, as far as known.
    pub total: u32,
}

impl RunView {
    /// These runs, with who asked for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all(db: Db<'_>, rows: Vec<RunRow>) -> Result<Vec<Self>, StoreError> {
        let asked = || rows.iter().filter(|row| row.trigger == Trigger::Api);
        let mut starters = match asked().map(|row| row.started_at_ms).min() {
            Some(first_ms) => db.run_starters(&asked().map(|row| row.id.as_str()).collect::<Vec<_>>(), first_ms)?,
            None => HashMap::new(),
        };
        Ok(rows.into_iter().map(|row| Self::told(starters.remove(&row.id), row)).collect())
    }

    /// This run, with who asked for it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(db: Db<'_>, row: RunRow) -> Result<Self, StoreError> {
        let by_hand = row.trigger == Trigger::Api;
        let mut starters = if by_hand { db.run_starters(&[&row.id], row.started_at_ms)? } else { HashMap::new() };
        Ok(Self::told(starters.remove(&row.id), row))
    }

    fn told(started_by: Option<String>, row: RunRow) -> Self {
        Self {
            started_by,
            id: row.id,
            trigger: row.trigger.word(),
            holder: row.holder,
            started_at_ms: row.started_at_ms,
            ended_at_ms: row.ended_at_ms,
            result: row.result.word(),
        }
    }
}

impl StageView {
    /// As the store has it.
    pub fn of(row: ProgressRow) -> Self {
        let ProgressRow { stage, done, total } = row;
        Self { stage, done, total }
    }
}
