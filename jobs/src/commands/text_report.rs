//! A run's report for people: under a screen, however much happened.

use pulsarr_shared::model::{ReadOutcome, RunResult};
use pulsarr_shared::printable::{Lines, printable};
use pulsarr_shared::report::{Change, MAX_CHANGES, Report};

/// Changes shown; the rest is counted.
const SHOWN: usize = 25;

/// The report as text, whole lines.
pub fn text(report: &Report) -> String {
    let mut lines = Lines::new();
    if let RunResult::Busy | RunResult::NotSetUp = report.run.result {
        lines.line(report.run.detail.as_deref().unwrap_or(report.run.result.word()));
        return lines.into_text();
    }
    write_lists(&mut lines, report);
    write_changes(&mut lines, &report.changes);
    for quota in &report.quotas {
        lines.line(format_args!("  % {quota}"));
    }
    for problem in &report.problems {
        lines.line(format_args!("  ! {}", problem.message));
    }
    if let (RunResult::Partial, Some(detail)) = (report.run.result, &report.run.detail) {
        lines.line(format_args!("  {detail}"));
    }
    lines.line(report.summary());
    lines.into_text()
}

/// Lists that are worth a line: everything but unchanged ones, which are counted.
fn write_lists(lines: &mut Lines, report: &Report) {
    let (unchanged, told): (Vec<_>, Vec<_>) =
        report.users.iter().partition(|user| user.read == ReadOutcome::NotModified);
    let width = told.iter().map(|user| printable(&user.name).chars().count()).max().unwrap_or(0);
    for user in told.iter().take(SHOWN) {
        let read = match user.read {
            ReadOutcome::Complete | ReadOutcome::NotModified => "read",
            ReadOutcome::Newest => "newest read",
            ReadOutcome::NotShared => "not shared",
            ReadOutcome::Unknown => "could not be read",
        };
        let mut line = format!("  {:width$}  {read}", printable(&user.name));
        if user.entries > 0 || user.read == ReadOutcome::Complete {
            line.push_str(&format!(": {} entries", user.entries));
        }
        for (count, word) in [(user.new, "new"), (user.gone, "gone")].iter().filter(|(count, _)| *count > 0) {
            line.push_str(&format!(", {count} {word}"));
        }
        if let Some(detail) = &user.detail {
            line.push_str(&format!(" ({detail})"));
        }
        lines.line(line);
    }
    if told.len() > SHOWN {
        lines.line(format_args!("  and {} more lists", told.len() - SHOWN));
    }
    if !unchanged.is_empty() {
        let noun = if unchanged.len() == 1 { "list" } else { "lists" };
        lines.line(format_args!("  {} {noun} unchanged", unchanged.len()));
    }
}

fn write_changes(lines: &mut Lines, changes: &[Change]) {
    for Change { title, user, what, why, .. } in changes.iter().take(SHOWN) {
        let sign = match what.as_str() {
            "added" => '+',
            "would_add" => '?',
            "present" => '=',
            "failed" => '!',
            _ => '-',
        };
        lines.line(format_args!("  {sign} {title}, wanted by {user}: {why}"));
    }
    if changes.len() > SHOWN {
        let more = changes.len() - SHOWN;
        let at_least = if changes.len() == MAX_CHANGES { "at least " } else { "" };
        lines.line(format_args!("  and {at_least}{more} more"));
    }
}
