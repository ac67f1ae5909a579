//! `pulsarr status`: the last runs, the queues and the failures, from the store alone.

use pulsarr_shared::clock::{Clock, SystemClock, UnixMs, rfc3339};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::RunResult;
use pulsarr_shared::printable::Lines;
use pulsarr_shared::report::Report;
use pulsarr_shared::store::{Db, RunRow, StoreError};
use pulsarr_shared::sync::nearly_full_quotas;

use super::{load_whole_config, open_store_if_any, say};
use crate::arguments::StatusArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &StatusArguments) -> Result<ExitCode, Failure> {
    let config = load_whole_config()?;
    let text = match open_store_if_any(&config)? {
        Some(store) => status(store.read(), &config, arguments.runs, SystemClock.now_ms())?,
        None => {
            let mut lines = Lines::new();
            let folder = config.environment.data_dir.display();
            lines.line(format_args!("No run yet in {folder}. `pulsarr sync` makes the first."));
            lines.into_text()
        }
    };
    say(&text);
    Ok(ExitCode::Done)
}

fn status(db: Db<'_>, config: &Config, runs: u32, now_ms: UnixMs) -> Result<String, StoreError> {
    let mut lines = Lines::new();
    let runs = db.last_runs(runs)?;
    lines.line(if runs.is_empty() { "No run yet. `pulsarr sync` makes the first." } else { "Last runs:" });
    for run in &runs {
        lines.line(format_args!("  {}  {}", rfc3339(run.started_at_ms), what_became_of(run)));
        if run.result == RunResult::Running {
            for stage in db.progress(&run.id)? {
                lines.line(format_args!("      {}: {} of {}", stage.stage, stage.done, stage.total));
            }
        }
    }
    let counts: Vec<String> = db.entry_counts()?.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if !counts.is_empty() {
        lines.line(format_args!("On the watchlists: {}", counts.join(", ")));
    }
    for user in db.users()? {
        let record = db.read_record(user.id)?;
        if let (Some(outcome), Some(detail)) = (record.outcome, record.detail) {
            lines.line(format_args!("List of {}: {}, {detail}", user.username, outcome.word().replace('_', " ")));
        }
    }
    for (instance, length) in db.queue_lengths(now_ms)? {
        lines.line(format_args!("Waiting for `{instance}`: {length}"));
    }
    match db.pending_approvals()? {
        0 => {}
        pending => lines.line(format_args!("Waiting for approval: {pending}. `pulsarr approvals` lists them.")),
    }
    for quota in nearly_full_quotas(db, config, now_ms)? {
        lines.line(format_args!("Quota: {quota}"));
    }
    let failures = db.failures()?;
    if !failures.is_empty() {
        lines.line("Refused:");
    }
    for failure in failures {
        let next = match failure.retry_at_ms {
            Some(at) if at <= now_ms => "tried again by the next run".to_owned(),
            Some(at) => format!("tried again after {}", rfc3339(at)),
            None => "not tried again by itself".to_owned(),
        };
        lines.line(format_args!("  {} by `{}`: {}; {next}", failure.title, failure.instance, failure.answer));
    }
    Ok(lines.into_text())
}

fn what_became_of(run: &RunRow) -> String {
    let report = run.report.as_deref().and_then(|json| serde_json::from_str::<Report>(json).ok());
    match report {
        Some(report) if run.result == RunResult::NotSetUp => report.run.detail.unwrap_or_default(),
        Some(report) => format!("{} ({})", report.summary(), run.trigger),
        None => format!("{} ({}, on {})", run.result, run.trigger, run.holder),
    }
}
