//! One run: how far it is while it goes on, and what it did.

mod run;

use super::Page;
use crate::api::runs::RunView;

pub(super) fn pages() -> [&'static [Page]; 1] {
    [run::PAGES]
}

/// How a run's result looks.
pub(super) fn tone(result: &str) -> &'static str {
    match result {
        "ok" => "ok",
        "running" => "busy",
        "partial" | "interrupted" | "not_set_up" => "warn",
        "failed" | "crashed" => "bad",
        _ => "idle",
    }
}

/// Who started a run: `ada`, `the schedule`, `a changed watchlist`.
pub(super) fn starter(run: &RunView) -> &str {
    match (run.trigger, &run.started_by) {
        (_, Some(who)) => who,
        ("cli", _) => "a shell",
        ("schedule", _) => "the schedule",
        ("manual", _) => "hand, from the CronJob",
        ("service", _) => "the service",
        ("fast_lane", _) => "a watchlist that had changed",
        _ => "somebody",
    }
}
