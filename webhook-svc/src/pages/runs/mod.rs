//! One run: how far it is while it goes on, and what it did.

mod run;

use super::Page;

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

/// Who started a run, in a sentence.
pub(super) fn started(trigger: &str) -> &'static str {
    match trigger {
        "cli" => "Started at a shell",
        "schedule" => "Started by the schedule",
        "manual" => "Started by hand from the CronJob",
        "service" => "Started by the service",
        "fast_lane" => "Started because a watchlist had changed",
        "api" => "Started by somebody here",
        _ => "Started by somebody",
    }
}
