//! Decisions with everything that led to them.

use pulsarr_shared::model::{EntryId, Outcome};
use pulsarr_shared::store::{DecisionOfRun, StoredDecision};
use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::{Answer, Endpoint, Parameter, answer, given, shape};
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/decisions",
    tag: "decisions",
    summary: "The decisions about an entry, or those of a run, the oldest first.",
    access: Access::Read,
    query: &[
        Parameter { name: "entry", about: "the entry's number; this or `run`" },
        Parameter { name: "run", about: "the run's id; this or `entry`" },
        Parameter { name: "after", about: "of a run: the page after one whose `next` was this" },
        Parameter { name: "limit", about: "of a run: decisions a page, 1 to 500; 100 unless told" },
    ],
    body: None,
    answer: Answer::Json(shape::<DecisionList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Decisions, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
struct DecisionList {
    /// At most as many as were asked for.
    decisions: Vec<DecisionView>,
    /// `after` of the next page; `null`: this was the last one.
    next: Option<i64>,
}

/// One decision.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DecisionView {
    /// The run that made it.
    run: String,
    /// When; unix milliseconds.
    decided_at_ms: i64,
    /// `route`, `hold`, `exclude`, `unresolvable`
    outcome: &'static str,
    /// Why, as a sentence.
    reason: String,
    /// About which entry; where it was asked for by run.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<i64>,
    /// Its title; where it was asked for by run.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Outcome, labels, and the trace: every fact that was known and every question that was asked.
    decision: serde_json::Value,
}

impl DecisionView {
    pub fn of(stored: StoredDecision) -> Self {
        let StoredDecision { run_id, decided_at_ms, decision } = stored;
        let reason = match &decision.outcome {
            Outcome::Route { destinations, .. } => {
                destinations.iter().map(|to| to.because.as_str()).collect::<Vec<_>>().join("; ")
            }
            Outcome::Hold { reason, .. } | Outcome::Exclude { reason, .. } | Outcome::Unresolvable { reason } => {
                reason.clone()
            }
        };
        Self {
            run: run_id,
            decided_at_ms,
            outcome: decision.outcome.word(),
            reason,
            entry: None,
            title: None,
            decision: serde_json::to_value(&decision).unwrap_or_default(),
        }
    }

    fn of_run(row: DecisionOfRun) -> Self {
        Self { entry: Some(row.entry.0), title: Some(row.title), ..Self::of(row.stored) }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let entry = given::id(&ask, "entry")?.map(EntryId);
    let after = given::id(&ask, "after")?.unwrap_or(0);
    let limit = ask.count("limit", 100, 1, 500)?;
    let list = match (entry, ask.parameter("run").map(str::to_owned)) {
        (Some(entry), None) => {
            let found = ask.app.database.run(move |store| store.read().decisions_of(entry)).await?;
            DecisionList { decisions: found.into_iter().map(DecisionView::of).collect(), next: None }
        }
        (None, Some(run)) => {
            let found = ask.app.database.run(move |store| store.read().decisions_of_run(&run, after, limit)).await?;
            let full = found.len() == limit as usize;
            let next = found.last().filter(|_| full).map(|last| last.id);
            DecisionList { decisions: found.into_iter().map(DecisionView::of_run).collect(), next }
        }
        _ => return Err(ApiError::input("either `entry` or `run` says which decisions are meant")),
    };
    answer(&list)
}

#[cfg(test)]
mod tests {
    use super::super::household::Household;
    use super::*;

    #[tokio::test]
    async fn decisions_are_found_by_entry_and_by_run_page_by_page() {
        let household = Household::new("");
        household.wish(3);
        household.hold_all("run-1");
        let of_entry = household.get(ENDPOINTS, "/decisions", "entry=2").await.unwrap();
        assert_eq!(of_entry["decisions"].as_array().unwrap().len(), 1);
        assert_eq!(of_entry["decisions"][0]["reason"], "somebody is asked");
        let first = household.get(ENDPOINTS, "/decisions", "run=run-1&limit=2").await.unwrap();
        let query = format!("run=run-1&limit=2&after={}", first["next"]);
        let second = household.get(ENDPOINTS, "/decisions", &query).await.unwrap();
        let entries = |list: &serde_json::Value| {
            list["decisions"].as_array().unwrap().iter().map(|it| it["entry"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((entries(&first), entries(&second)), (vec![1, 2], vec![3]));
        assert!(second["next"].is_null());
        assert_eq!(household.get(ENDPOINTS, "/decisions", "").await.unwrap_err().status(), 400);
    }
}
