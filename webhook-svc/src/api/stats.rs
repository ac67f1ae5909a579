//! How it goes, in numbers.

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::EntryState;
use pulsarr_shared::stats::{median, per_day};
use pulsarr_shared::store::{Db, EntriesOfUser, StoreError};
use serde::Serialize;
use std::collections::BTreeMap;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer, shape};
use super::people::{People, Person};
use crate::request::{Access, ApiError, Ask};

/// How far back days and times to added go.
const DAYS: u16 = 30;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/stats",
    tag: "stats",
    summary: "Counts: entries by state and user, titles by instance, wishes a day, and how long adding takes.",
    access: Access::Read,
    query: &[],
    body: None,
    answer: Answer::Json(shape::<Stats>),
    handle: |ask| Box::pin(tell(ask)),
}];

/// How it goes, in numbers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Stats {
    /// Entries that are on a watchlist, by where they stand; states without any are left out.
    entries: BTreeMap<&'static str, u32>,
    /// Entries by user; users without any are left out.
    users: Vec<UserCount>,
    /// Titles decided for each instance, by what became of them: `added`, `present`, `queued`, …
    instances: BTreeMap<String, BTreeMap<String, u32>>,
    /// New entries on each of the last 30 days, the oldest first; today is the last one.
    days: Vec<DayCount>,
    /// How long a title took from when it was first seen until it was added, over the last 30 days.
    until_added: TimeUntilAdded,
}

/// What one list comes to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UserCount {
    /// Whose.
    user: Person,
    /// On the list.
    open: u32,
    /// Once on it.
    closed: u32,
}

/// What one day brought.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DayCount {
    /// `2026-11-23`, in the household's zone.
    day: String,
    /// New entries.
    entries: u32,
}

/// How long adding takes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TimeUntilAdded {
    /// Milliseconds; half of the titles took less. `null`: none was added.
    median_ms: Option<i64>,
    /// How many titles that says something about.
    titles: usize,
}

async fn tell(ask: Ask) -> Result<Response, ApiError> {
    let (config, now_ms) = (ask.app.config(), ask.app.now_ms());
    answer(&ask.app.database.read(move |db| count(db, &config, now_ms)).await?)
}

fn count(db: Db<'_>, config: &Config, now_ms: UnixMs) -> Result<Stats, StoreError> {
    let people = People::of(db, config)?;
    let since_ms = now_ms - i64::from(DAYS) * DAY_MS;
    let took = db.times_to_added(since_ms)?;
    let mut instances: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for row in db.placements_by_instance()? {
        instances.entry(row.instance).or_default().insert(row.state, row.count);
    }
    let days = per_day(&db.appearances(since_ms)?, DAYS, &config.zone, now_ms);
    let (mut entries, mut users) = (BTreeMap::new(), BTreeMap::new());
    for EntriesOfUser { user, state, count } in db.entries_of_users()? {
        let (open, closed) = users.entry(user).or_insert((0, 0));
        if state == EntryState::Closed {
            *closed += count;
        } else {
            *open += count;
            *entries.entry(state.word()).or_default() += count;
        }
    }
    let users = users.into_iter();
    Ok(Stats {
        entries,
        users: users.map(|(user, (open, closed))| UserCount { user: people.person(user), open, closed }).collect(),
        instances,
        days: days.into_iter().map(|(day, entries)| DayCount { day, entries }).collect(),
        until_added: TimeUntilAdded { median_ms: median(&took), titles: took.len() },
    })
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::PlacementState;

    use super::super::household::{Household, NOON, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn everything_is_counted_where_it_stands() {
        let household = Household::new(SETTINGS);
        household.wish(2);
        household.route_all("run-1");
        let placement = household.db().due_placements("movies", NOON).unwrap().remove(0);
        household.write(|db| db.finish(&placement, PlacementState::Added, "added", Some(5), NOON));
        household.wish(1);
        let stats = household.get(ENDPOINTS, "/stats", "").await.unwrap();
        assert_eq!(stats["entries"], serde_json::json!({"new": 1, "requested": 2}));
        assert_eq!(stats["users"][0]["open"], 3);
        assert_eq!(stats["instances"], serde_json::json!({"movies": {"added": 1, "queued": 1}}));
        let days = stats["days"].as_array().unwrap();
        assert_eq!((days.len(), &days[29]["entries"], &days[28]["entries"]), (30, &3.into(), &0.into()));
        assert_eq!(stats["until_added"], serde_json::json!({"median_ms": 3_600_000, "titles": 1}));
    }
}
