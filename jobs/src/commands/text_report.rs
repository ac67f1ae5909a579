//! A run's report for people: under a screen, however much happened.

use std::fmt::Write;

use pulsarr_shared::model::{ReadOutcome, RunResult};
use pulsarr_shared::report::{Change, MAX_CHANGES, Report};

/// Changes shown; the rest is counted.
const SHOWN: usize = 25;

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    if let RunResult::Busy | RunResult::NotSetUp = report.run.result {
        return writeln!(text, "{}", report.run.detail.as_deref().unwrap_or(report.run.result.word()));
    }
    write_lists(text, report)?;
    write_changes(text, &report.changes)?;
    for problem in &report.problems {
        writeln!(text, "  ! {}", problem.message)?;
    }
    writeln!(text, "{}", report.summary())
}

/// Lists that are worth a line: everything but unchanged ones, which are counted.
fn write_lists(text: &mut String, report: &Report) -> std::fmt::Result {
    let (unchanged, told): (Vec<_>, Vec<_>) =
        report.users.iter().partition(|user| user.read == ReadOutcome::NotModified);
    let width = told.iter().map(|user| user.name.chars().count()).max().unwrap_or(0);
    for user in told.iter().take(SHOWN) {
        let read = match user.read {
            ReadOutcome::Complete | ReadOutcome::NotModified => "read",
            ReadOutcome::Newest => "newest read",
            ReadOutcome::NotShared => "not shared",
            ReadOutcome::Unknown => "could not be read",
        };
        write!(text, "  {:width$}  {read}", user.name)?;
        if user.entries > 0 || user.read == ReadOutcome::Complete {
            write!(text, ": {} entries", user.entries)?;
        }
        for (count, word) in [(user.new, "new"), (user.gone, "gone")].iter().filter(|(count, _)| *count > 0) {
            write!(text, ", {count} {word}")?;
        }
        match &user.detail {
            Some(detail) => writeln!(text, " ({detail})")?,
            None => writeln!(text)?,
        }
    }
    if told.len() > SHOWN {
        writeln!(text, "  and {} more lists", told.len() - SHOWN)?;
    }
    if !unchanged.is_empty() {
        let lists = if unchanged.len() == 1 { "list" } else { "lists" };
        writeln!(text, "  {} {lists} unchanged", unchanged.len())?;
    }
    Ok(())
}

fn write_changes(text: &mut String, changes: &[Change]) -> std::fmt::Result {
    for Change { title, user, what, why, .. } in changes.iter().take(SHOWN) {
        let sign = match what.as_str() {
            "added" => '+',
            "would_add" => '?',
            "present" => '=',
            "failed" => '!',
            _ => '-',
        };
        writeln!(text, "  {sign} {title}, wanted by {user}: {why}")?;
    }
    if changes.len() > SHOWN {
        let more = changes.len() - SHOWN;
        let at_least = if changes.len() == MAX_CHANGES { "at least " } else { "" };
        writeln!(text, "  and {at_least}{more} more")?;
    }
    Ok(())
}
