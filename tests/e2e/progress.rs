//! How far a run is: a bar on a terminal, which neither flashes up nor leaves anything behind, and no bar anywhere else.

use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::Household;

use super::terminal::run_on_terminal;
use super::{SALT_LEDGER, library, wanting_two};

/// What the bar says while lists are read.
const WORDS: &str = "reading watchlists";

/// A household that a run needs a little more than a second for, because Plex takes its time over the first list.
fn slow() -> Household {
    let household = wanting_two();
    household.plex.inject(Fault::on("GET", "/watchlist/all").times(1).latency_ms(1_500));
    household
}

#[test]
fn a_long_run_on_a_terminal_shows_a_bar_and_leaves_log_and_report_whole() {
    let household = slow();

    let done = run_on_terminal(household.command(&["sync"]));

    assert_eq!((done.code, library(&household.radarr)), (Some(0), vec![SALT_LEDGER]), "{}", done.bytes);
    assert!(done.bytes.contains(WORDS) && done.bytes.contains("0/1"), "{}", done.bytes);
    let lines = done.screen();
    // Every line is whole: first what was logged, each with its time, then the report; nothing of the bar is left.
    let report = [
        "  mirela_q  read: 2 entries, 2 new",
        "  + Salt Ledger (2025), wanted by mirela_q: added to Radarr `movies` as number 1",
        "  + Harbour Nine (2024), wanted by mirela_q: added to Sonarr `shows` as number 1",
    ];
    let from = lines.iter().position(|line| line == report[0]).unwrap_or_else(|| panic!("{lines:#?}"));
    assert_eq!(lines[from..from + 3], report, "{lines:#?}");
    assert!(lines[from + 3].starts_with("ok in ") && lines.len() == from + 4, "{lines:#?}");
    for line in &lines[..from] {
        assert!(line.starts_with("20") && line.contains(" INFO "), "no log line: `{line}` in {lines:#?}");
    }
    assert!(lines[..from].iter().any(|line| line.contains("Salt Ledger")), "{lines:#?}");
}

#[test]
fn a_short_run_on_a_terminal_shows_no_bar() {
    let household = wanting_two();
    let done = run_on_terminal(household.command(&["sync"]));
    assert_eq!(done.code, Some(0), "{}", done.bytes);
    assert!(!done.bytes.contains(WORDS) && !done.bytes.contains("\u{1b}[2K"), "{}", done.bytes);
    assert!(done.screen().last().is_some_and(|line| line.starts_with("ok in ")), "{}", done.bytes);
}

#[test]
fn without_a_terminal_there_is_never_a_bar() {
    let household = slow();
    let done = household.pulsarr(&["sync"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for text in [&done.stdout, &done.stderr] {
        assert!(!text.contains(WORDS) && !text.contains('\u{1b}'), "{text}");
    }
}
