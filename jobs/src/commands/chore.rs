//! What the operator's commands have in common: one thing is done, and how it went is told on standard output, as the termination message,
//! and by the exit code.

use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Environment;
use pulsarr_shared::lock::Holder;
use pulsarr_shared::process;
use serde::Serialize;

use super::{load_environment_and_log, say, say_json};
use crate::arguments::ReportFormat;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::termination;

/// How it went.
pub struct Outcome<T> {
    /// For the caller.
    pub code: ExitCode,
    /// For scripts: `ok`, `busy`, …
    pub result: &'static str,
    /// In one sentence.
    pub summary: String,
    /// For people, ending in a line break.
    pub text: String,
    /// What else the JSON report holds; a struct.
    pub details: Option<T>,
}

#[derive(Serialize)]
struct Report<'a, T> {
    command: &'static str,
    result: &'a str,
    exit_code: u8,
    summary: &'a str,
    #[serde(flatten)]
    details: Option<T>,
}

/// Does `work` and tells how it went, whatever happens. It needs no settings, so that a mistake in their file keeps nobody from a backup or
/// from what makes room.
pub fn run<T: Serialize>(
    command: &'static str,
    format: ReportFormat,
    work: impl FnOnce(&Environment) -> Result<Outcome<T>, Failure>,
) -> Result<ExitCode, Failure> {
    let (place, done) = match load_environment_and_log() {
        Ok(environment) => (environment.termination_log.clone(), work(&environment)),
        Err(failure) => (termination::place_by_variable(), Err(failure)),
    };
    let (result, code, summary) = match &done {
        Ok(outcome) => (outcome.result, outcome.code, outcome.summary.as_str()),
        Err(failure) => ("failed", failure.code, failure.text.as_str()),
    };
    termination::leave_outcome(&place, command, result, summary, code);
    if format == ReportFormat::Json {
        let details = done.as_ref().ok().and_then(|outcome| outcome.details.as_ref());
        say_json(&Report { command, result, exit_code: code as u8, summary, details })?;
    }
    let outcome = done?;
    if format == ReportFormat::Text {
        say(&outcome.text);
    }
    Ok(outcome.code)
}

/// This process as the holder of a lock.
pub fn holder(run_id: &str) -> Holder {
    Holder {
        host: process::host_name(),
        pid: std::process::id(),
        run_id: run_id.to_owned(),
        since_ms: SystemClock.now_ms(),
    }
}
