//! What ran, what came of it, and how far the running one is.

use std::collections::HashMap;
use std::sync::Arc;

use pulsarr_shared::model::{RunResult, Trigger};
use pulsarr_shared::report::MAX_CHANGES;
use pulsarr_shared::store::{PageFrom, RunFilter};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::{given, run_events, streams};
use crate::request::{Access, ApiError, Ask};
pub use crate::run_view::{RunView, StageView};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/runs",
        tag: "runs",
        summary: "The runs, the newest first.",
        access: Access::Read,
        query: &[
            Parameter {
                name: "result",
                about: "only those with this one: running, ok, partial, failed, not_set_up, interrupted, crashed",
            },
            Parameter {
                name: "trigger",
                about: "only those that were started so: cli, schedule, manual, service, fast_lane, api",
            },
            Parameter { name: "before", about: "the page after one whose `older` was this" },
            Parameter { name: "after", about: "the page before one whose `newer` was this" },
            Parameter { name: "limit", about: "runs a page: 1 to 500; 50 unless told" },
        ],
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
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunList {
    /// The newest first.
    pub runs: Vec<RunView>,
    /// `before` of the page with older ones; `null`: there are none.
    pub older: Option<String>,
    /// `after` of the page with newer ones; `null`: there are none.
    pub newer: Option<String>,
}

/// A run in full.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    answer(&page(&ask).await?)
}

/// The runs that are asked for.
///
/// # Errors
/// 400 for a number or words that are none; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<RunList, ApiError> {
    let limit = ask.count("limit", 50, 1, 500)?;
    let filter = RunFilter {
        result: given::choice(ask, "result", RunResult::ALL, RunResult::word)?,
        trigger: given::choice(ask, "trigger", Trigger::ALL, Trigger::word)?,
    };
    let from = match given::page_from(ask)? {
        PageFrom::Newest => PageFrom::Newest,
        PageFrom::Before(id) => PageFrom::Before(id.to_owned()),
        PageFrom::After(id) => PageFrom::After(id.to_owned()),
    };
    let found = ask.app.database.read(move |db| {
        let page = db.runs(filter, &from, limit)?;
        let (older, newer) = given::ways_on(&page, |run| run.id.clone());
        Ok(RunList { runs: RunView::all(db, page.rows)?, older, newer })
    });
    Ok(found.await?)
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

    #[tokio::test]
    async fn every_run_on_record_is_reached_page_by_page_and_by_its_result() {
        let household = Household::new("");
        for (at_ms, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            let (began_ms, result) = (at_ms as i64, if id == "b" { RunResult::Failed } else { RunResult::Ok });
            household.write(|db| db.start_run(id, Trigger::Schedule, "", began_ms));
            household.write(|db| db.end_run(id, result, "{}", began_ms));
        }
        let page = async |query: &str| household.get(ENDPOINTS, "/runs", query).await;
        let ids = |page: &serde_json::Value| {
            page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect::<String>()
        };
        let (mut query, mut seen) = ("limit=2".to_owned(), String::new());
        let oldest = loop {
            let page = page(&query).await.unwrap();
            seen += &ids(&page);
            let Some(older) = page["older"].as_str() else { break page };
            query = format!("limit=2&before={older}");
        };
        assert_eq!((seen.as_str(), &oldest["newer"]), ("edcba", &"a".into()));
        let newer = page("limit=2&after=a").await.unwrap();
        assert_eq!((ids(&newer).as_str(), &newer["newer"], &newer["older"]), ("cb", &"c".into(), &"b".into()));
        let failed = page("result=failed&trigger=schedule").await.unwrap();
        assert_eq!((ids(&failed).as_str(), &failed["older"]), ("b", &serde_json::Value::Null));
        assert_eq!(ids(&page("trigger=cli").await.unwrap()), "");
        for wrong in ["result=splendid", "trigger=moon", "before=a&after=b", "limit=0"] {
            assert_eq!(page(wrong).await.unwrap_err().status(), 400, "{wrong}");
        }
    }
}
