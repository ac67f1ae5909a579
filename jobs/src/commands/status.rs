//! `pulsarr status`: the last runs, the queues and the failures, from the store alone.

use std::fmt::Write;

use pulsarr_shared::clock::{Clock, SystemClock, UnixMs, rfc3339};
use pulsarr_shared::model::RunResult;
use pulsarr_shared::report::Report;
use pulsarr_shared::store::{Db, RunRow, StoreError};

use super::{load_config, open_store_if_any};
use crate::arguments::StatusArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &StatusArguments) -> Result<ExitCode, Failure> {
    let config = load_config()?;
    match open_store_if_any(&config)? {
        Some(store) => print!("{}", status(store.read(), arguments.runs, SystemClock.now_ms())?),
        None => println!("No run yet in {}. `pulsarr sync` makes the first.", config.environment.data_dir.display()),
    }
    Ok(ExitCode::Done)
}

fn status(db: Db<'_>, runs: u32, now_ms: UnixMs) -> Result<String, StoreError> {
    let mut text = String::new();
    let runs = db.last_runs(runs)?;
    text.push_str(if runs.is_empty() { "No run yet. `pulsarr sync` makes the first.\n" } else { "Last runs:\n" });
    for run in &runs {
        let _ = writeln!(text, "  {}  {}", rfc3339(run.started_at_ms), what_became_of(run));
        if run.result == RunResult::Running {
            for stage in db.progress(&run.id)? {
                let _ = writeln!(text, "      {}: {} of {}", stage.stage, stage.done, stage.total);
            }
        }
    }
    let counts: Vec<String> = db.entry_counts()?.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if !counts.is_empty() {
        let _ = writeln!(text, "On the watchlists: {}", counts.join(", "));
    }
    for user in db.users()? {
        let record = db.read_record(user.id)?;
        if let (Some(outcome), Some(detail)) = (record.outcome, record.detail) {
            let _ = writeln!(text, "List of {}: {}, {detail}", user.username, outcome.word().replace('_', " "));
        }
    }
    for (instance, length) in db.queue_lengths(now_ms)? {
        let _ = writeln!(text, "Waiting for `{instance}`: {length}");
    }
    let failures = db.failures()?;
    if !failures.is_empty() {
        text.push_str("Refused:\n");
    }
    for failure in failures {
        let next = match failure.retry_at_ms {
            Some(at) if at <= now_ms => "tried again by the next run".to_owned(),
            Some(at) => format!("tried again after {}", rfc3339(at)),
            None => "not tried again by itself".to_owned(),
        };
        let _ = writeln!(text, "  {} by `{}`: {}; {next}", failure.title, failure.instance, failure.answer);
    }
    Ok(text)
}

fn what_became_of(run: &RunRow) -> String {
    let report = run.report.as_deref().and_then(|json| serde_json::from_str::<Report>(json).ok());
    match report {
        Some(report) if run.result == RunResult::NotSetUp => report.run.detail.unwrap_or_default(),
        Some(report) => format!("{} ({})", report.summary(), run.trigger),
        None => format!("{} ({}, on {})", run.result, run.trigger, run.holder),
    }
}
