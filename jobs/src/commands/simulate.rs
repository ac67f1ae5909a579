//! `pulsarr simulate`: where everything would go.

use std::path::Path;

use pulsarr_shared::clock::SystemClock;
use pulsarr_shared::config::Config;
use pulsarr_shared::explain;
use pulsarr_shared::printable::{Lines, printable};
use pulsarr_shared::process;
use pulsarr_shared::simulate::{self, Filter, Outlook, SimulateError, WhatIf};

use super::{load_whole_config, say, say_json, usage};
use crate::arguments::{ReportFormat, SimulateArguments};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Wider columns are not made for a single long name.
const WIDEST: usize = 44;

/// Runs the command.
pub fn run(arguments: &SimulateArguments) -> Result<ExitCode, Failure> {
    let mut config = load_whole_config()?;
    let here = Path::new(".");
    if let Some(rules) = &arguments.rules {
        config = config.with_rules(rules, process::variables(), here)?;
    }
    let mut what_if = match &arguments.given {
        Some(given) => {
            let wish = config.described(given, process::variables(), here)?;
            simulate::described(&config, &SystemClock, &wish)
        }
        None => {
            // A table has no room for reasons.
            let reasons = matches!(arguments.report, ReportFormat::Json);
            let (user, title) = (arguments.user.clone(), arguments.title.clone());
            simulate::everything(&config, &SystemClock, &Filter { user, title, reasons, ..Filter::default() })
        }
    }
    .map_err(failure)?;
    if arguments.changed {
        what_if.entries.retain(|entry| entry.changed);
    }
    if let ([one], None) = (what_if.entries.as_slice(), &arguments.given) {
        what_if.entries = with_reasons(&config, one)?;
    }
    match arguments.report {
        ReportFormat::Json => say_json(&what_if)?,
        ReportFormat::Text => say(&text(&what_if, &config)),
    }
    Ok(ExitCode::Done)
}

/// The same wish with everything that leads to what becomes of it.
fn with_reasons(config: &Config, wish: &Outlook) -> Result<Vec<Outlook>, Failure> {
    let filter = Filter { title: Some(wish.plex_id.to_string()), reasons: true, ..Filter::default() };
    let mut of_title = simulate::everything(config, &SystemClock, &filter).map_err(failure)?.entries;
    of_title.retain(|it| it.entry == wish.entry);
    Ok(of_title)
}

fn failure(error: SimulateError) -> Failure {
    match error {
        SimulateError::Store(error) => error.into(),
        error @ (SimulateError::UnknownUser { .. } | SimulateError::NotRead { .. }) => usage(error),
    }
}

fn text(what_if: &WhatIf, config: &Config) -> String {
    let mut lines = Lines::new();
    for warning in &config.warnings {
        lines.line(format_args!("! {warning}"));
    }
    if let [entry] = what_if.entries.as_slice() {
        tell_one(&mut lines, entry, config);
    } else {
        tell_all(&mut lines, &what_if.entries);
    }
    tell_totals(&mut lines, what_if);
    lines.into_text()
}

/// A line for each: what, whose, where, why.
fn tell_all(lines: &mut Lines, entries: &[Outlook]) {
    let width = |text: fn(&Outlook) -> String| {
        entries.iter().map(|entry| printable(&text(entry)).chars().count()).max().unwrap_or(0).min(WIDEST)
    };
    let (title, user, place) = (width(|entry| entry.title.clone()), width(|entry| entry.user.clone()), width(moved));
    for entry in entries {
        lines.line(format_args!(
            "  {:title$}  {:user$}  {:place$}  {}",
            entry.title,
            entry.user,
            moved(entry),
            entry.then.why
        ));
    }
}

/// `movies → anime`, or only where it is and stays.
fn moved(entry: &Outlook) -> String {
    let then = entry.then.in_short();
    match &entry.today {
        Some(today) if entry.changed => {
            let today = today.in_short();
            if today == then { format!("{then}, otherwise") } else { format!("{today} → {then}") }
        }
        _ => then,
    }
}

/// One wish with every rule's verdict.
fn tell_one(lines: &mut Lines, entry: &Outlook, config: &Config) {
    lines.line(format_args!("{}, a {} wanted by {}: {}", entry.title, entry.media_type, entry.user, moved(entry)));
    if let Some(today) = &entry.today {
        lines.line(format_args!("  today: {} ({})", today.in_short(), today.why));
    }
    if entry.settled {
        lines.line("  it was acted on already and stays where it is; by the rules alone:");
    }
    for missing in &entry.missing {
        let what = missing.in_words();
        lines.line(if missing.available {
            format!("  a run would ask for {what} first")
        } else {
            format!("  not known, and a run cannot ask: {what}")
        });
    }
    explain::tell_decision(lines, &entry.decision, &config.policy());
}

fn tell_totals(lines: &mut Lines, what_if: &WhatIf) {
    let totals = &what_if.totals;
    if totals.entries == 0 {
        lines.line("Nothing on the watchlists that were read fits. `pulsarr sync --dry-run` reads them now.");
        return;
    }
    let instances = totals.instances.iter().map(|(name, count)| format!("{count} to `{name}`"));
    let places = totals.places.iter().filter(|(word, _)| **word != "route");
    let places = places.map(|(word, count)| format!("{count} {}", in_words(word, *count)));
    let told: Vec<String> = instances.chain(places).collect();
    let noun = if totals.entries == 1 { "wish" } else { "wishes" };
    lines.line(format_args!("{} {noun}: {}; {} would change", totals.entries, told.join(", "), totals.changed));
    for missing in &totals.missing {
        let titles = if missing.titles == 1 { "title" } else { "titles" };
        lines.line(format_args!("Not known yet of {} {titles}: {}", missing.titles, missing.missing.in_words()));
    }
    lines.line("(nothing was changed, and nobody was asked)");
}

/// What is said of `count` wishes that stand so.
fn in_words(word: &str, count: u32) -> &str {
    match (word, count) {
        ("approval", 1) => "waits for approval",
        ("approval", _) => "wait for approval",
        ("quota", 1) => "waits for room in a quota",
        ("quota", _) => "wait for room in a quota",
        ("held", 1) => "waits for the settings",
        ("held", _) => "wait for the settings",
        ("exclude", 1) => "goes nowhere",
        ("exclude", _) => "go nowhere",
        ("unresolvable", _) => "without the id that is needed",
        (other, _) => other,
    }
}
