//! Stories: the real programs against the stand-ins, one module per subject. Each story asserts how the world looks afterwards:
//! the libraries, the report, the exit code, and what `explain` and `status` tell from the store.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod api;
mod api_changes;
mod approvals;
mod backup;
mod bad_days;
mod catch_up;
mod check;
mod clock;
mod commands;
mod copy;
mod crash;
mod cron_job;
mod demo;
mod doctor;
mod explain;
mod fast_lane;
mod instances;
mod killed;
mod lists;
mod lock;
mod locked_store;
mod logs;
mod placements;
mod posters;
mod private_ca;
mod progress;
mod quotas;
mod report;
mod restore;
mod rules;
mod run;
mod secrets;
mod service;
mod settings;
mod simulate;
mod skipped;
mod stop;
mod store;
mod tampered;
mod terminal;
mod titles;
mod token;
mod upgrades;
mod upkeep;
mod volume;
mod webhooks;

use pulsarr_tests::fakes::{FakeArr, Title};
use pulsarr_tests::household::Household;
use serde_json::Value;

/// An address at which nobody listens: port 1 belongs to a service that died out.
const NOBODY: &str = "http://127.0.0.1:1";

/// The TMDB id of [`movie`].
const SALT_LEDGER: i64 = 900_002;

/// The TVDB id of [`show`].
const HARBOUR_NINE: i64 = 800_001;

/// A movie that Radarr can be told.
fn movie() -> Title {
    Title::movie("Salt Ledger").year(2025).tmdb(SALT_LEDGER).imdb("tt90000002")
}

/// A show that Sonarr can be told.
fn show() -> Title {
    Title::show("Harbour Nine").year(2024).tvdb(HARBOUR_NINE).genre("Drama")
}

/// A household whose owner wants [`movie`] and [`show`].
fn wanting_two() -> Household {
    let household = Household::new();
    let owner = household.plex.owner_uuid();
    household.plex.watch(&owner, movie());
    household.plex.watch(&owner, show());
    household
}

/// TMDB or TVDB ids in a library, oldest addition first.
fn library(arr: &FakeArr) -> Vec<i64> {
    arr.library().iter().map(|item| item.external_id).collect()
}

/// How often an arr was asked to add something.
fn adds(arr: &FakeArr) -> usize {
    arr.requests("POST", "/api/v3/movie") + arr.requests("POST", "/api/v3/series")
}

/// The part of a report about this user.
fn user<'a>(report: &'a Value, uuid: &str) -> &'a Value {
    let users = report["users"].as_array().expect("a report has users");
    users.iter().find(|user| user["uuid"] == uuid).unwrap_or_else(|| panic!("no {uuid} in {report:#}"))
}

/// All messages of a report's problems, a line each.
fn problems(report: &Value) -> String {
    let problems = report["problems"].as_array().expect("a report has problems");
    problems.iter().filter_map(|problem| problem["message"].as_str()).collect::<Vec<_>>().join("\n")
}
