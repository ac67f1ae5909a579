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
    run.started_by.as_deref().unwrap_or_else(|| trigger_in_words(run.trigger))
}

/// What starts runs: `the schedule`, `a watchlist that had changed`.
pub(super) fn trigger_in_words(trigger: &str) -> &'static str {
    match trigger {
        "cli" => "a shell",
        "schedule" => "the schedule",
        "manual" => "hand, from the CronJob",
        "service" => "the service",
        "fast_lane" => "a watchlist that had changed",
        _ => "somebody",
    }
}
