//! What ran, what came of it, and how far the running one is.

use std::collections::HashMap;
use std::sync::Arc;

use pulsarr_shared::report::MAX_CHANGES;
use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::{run_events, streams};
use crate::request::{Access, ApiError, Ask};
pub use crate::run_view::{RunView, StageView};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/runs",
        tag: "runs",
        summary: "The last runs, the newest first.",
        access: Access::Read,
        query: &[Parameter { name: "limit", about: "how many: 1 to 500; 50 unless told" }],
        body: None,
        answer: Answer::Json(shape::<RunList>),
        handle: |ask| Box::pin(list(ask)),
    },
    // Before the one with `{id}`, which fits it too.
    Endpoint {
        method: Method::GET,
        path: "/runs/events",
        tag: "runs",
        summary: "Runs as they happen: `began`, `progress` and `ended`, each with the run as /runs/{id} answers it, without the \
                  report.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Events,
        handle: |ask| Box::pin(events(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/runs/{id}",
        tag: "runs",
        summary: "One run with its report and how far each stage has come.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<RunStory>),
        handle: |ask| Box::pin(one(ask)),
    },
];

/// Runs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunList {
    /// The newest first.
    pub runs: Vec<RunView>,
}

/// A run in full.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunStory {
    /// The run itself.
    #[serde(flatten)]
    pub run: RunView,
    /// How far its stages have come, in order.
    pub progress: Vec<StageView>,
    /// The report, as `pulsarr sync --report json` prints it; `null` while it runs, when it died, or after a day of runs.
    pub report: Option<serde_json::Value>,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&last(&ask).await?)
}

/// The last runs, as many as are asked for.
///
/// # Errors
/// 400 for a number that is none; when the store cannot be read.
pub async fn last(ask: &Ask) -> Result<RunList, ApiError> {
    let limit = ask.count("limit", 50, 1, 500)?;
    let found = ask.app.database.read(move |db| RunView::all(db, db.last_runs_in_short(limit)?));
    Ok(RunList { runs: found.await? })
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    answer(&story(&ask).await?)
}

/// The run that is asked for.
///
/// # Errors
/// 404; when the store cannot be read.
pub async fn story(ask: &Ask) -> Result<RunStory, ApiError> {
    let id = ask.variable("id").to_owned();
    let found = ask.app.database.read(move |db| {
        let Some(mut row) = db.run(&id)? else { return Ok(None) };
        let report = row.report.take();
        Ok(Some((RunView::of(db, row)?, report, db.progress(&id)?)))
    });
    let unknown = || ApiError::not_found(format!("there is no run `{}`", ask.variable("id")));
    let (run, report, progress) = found.await?.ok_or_else(unknown)?;
    let report = report.and_then(|report| serde_json::from_str(&report).ok());
    Ok(RunStory { run, progress: progress.into_iter().map(StageView::of).collect(), report })
}

/// The entries that this run decided about, by title and Plex's user name as its report writes them.
///
/// # Errors
/// When the store cannot be read.
pub async fn entries(ask: &Ask, id: &str) -> Result<HashMap<(String, String), i64>, ApiError> {
    let id = id.to_owned();
    // A report lists no more changes.
    let limit = u32::try_from(MAX_CHANGES).unwrap_or(u32::MAX);
    let found = ask.app.database.read(move |db| db.entries_of_run(&id, limit)).await?;
    Ok(found.into_iter().map(|it| ((it.title, it.username), it.entry.0)).collect())
}

async fn events(ask: Ask) -> Result<Response, ApiError> {
    let runs = run_events::stream(Arc::clone(&ask.app));
    streams::reply(ask, runs)
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{RunResult, Trigger};

    use super::super::household::Household;
    use super::*;

    #[tokio::test]
    async fn runs_are_listed_newest_first_and_each_has_its_report_and_progress() {
        let household = Household::new("");
        household.write(|db| db.start_run("one", Trigger::Cli, "", 1));
        household.write(|db| db.set_progress("one", "observe", 2, 2, 2));
        household.write(|db| db.end_run("one", RunResult::Ok, r#"{"run": {"id": "one"}}"#, 3));
        household.write(|db| db.start_run("two", Trigger::Service, "", 4));
        let runs = household.get(ENDPOINTS, "/runs", "").await.unwrap();
        let ids: Vec<_> = runs["runs"].as_array().unwrap().iter().map(|run| (&run["id"], &run["result"])).collect();
        assert_eq!(ids, [(&"two".into(), &"running".into()), (&"one".into(), &"ok".into())]);
        let one = household.get_one(ENDPOINTS, "/runs/{id}", "one").await.unwrap();
        assert_eq!((&one["report"]["run"]["id"], &one["progress"][0]["done"]), (&"one".into(), &2.into()));
        assert_eq!(household.get_one(ENDPOINTS, "/runs/{id}", "three").await.unwrap_err().status(), 404);
    }
}
