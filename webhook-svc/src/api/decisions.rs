//! Decisions with everything that led to them.

use pulsarr_shared::model::{EntryId, Outcome};
use pulsarr_shared::store::{StoredDecision, TitledDecision};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::given;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/decisions",
    tag: "decisions",
    summary: "The decisions about an entry or those of a run, the oldest first; the last ones of all, the newest first.",
    access: Access::Read,
    query: &[
        Parameter { name: "entry", about: "the entry's number" },
        Parameter { name: "run", about: "the run's id" },
        Parameter { name: "after", about: "of a run: the page after one whose `next` was this" },
        Parameter { name: "before", about: "of all: the page after one whose `next` was this" },
        Parameter { name: "limit", about: "of a run or all: decisions a page, 1 to 500; 100 unless told" },
    ],
    body: None,
    answer: Answer::Json(shape::<DecisionList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Decisions.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DecisionList {
    /// At most as many as were asked for.
    pub decisions: Vec<DecisionView>,
    /// `after` or `before` of the next page; `null`: this was the last one.
    pub next: Option<i64>,
}

/// One decision.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DecisionView {
    /// The run that made it.
    pub run: String,
    /// When; unix milliseconds.
    pub decided_at_ms: i64,
    /// `route`, `hold`, `exclude`, `unresolvable`
    pub outcome: &'static str,
    /// Why, as a sentence.
    pub reason: String,
    /// About which entry; left out where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// Its title; left out where the entry was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Outcome, labels, and the trace: every fact that was known and every question that was asked.
    pub decision: serde_json::Value,
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

    fn with_title(row: TitledDecision) -> Self {
        Self { entry: Some(row.entry.0), title: Some(row.title), ..Self::of(row.stored) }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask).await?)
}

/// The decisions that are asked for.
///
/// # Errors
/// 400 for numbers that are none and for two questions at once; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<DecisionList, ApiError> {
    let entry = given::id(ask, "entry")?.map(EntryId);
    let after = given::id(ask, "after")?.unwrap_or(0);
    let before = given::id(ask, "before")?;
    let limit = ask.count("limit", 100, 1, 500)?;
    match (entry, ask.parameter("run").map(str::to_owned)) {
        (Some(entry), None) => {
            let found = ask.app.database.read(move |db| db.decisions_of(entry)).await?;
            Ok(DecisionList { decisions: found.into_iter().map(DecisionView::of).collect(), next: None })
        }
        (None, Some(run)) => {
            let found = ask.app.database.read(move |db| db.decisions_of_run(&run, after, limit)).await?;
            Ok(DecisionList::titled(found, limit))
        }
        (None, None) => {
            let found = ask.app.database.read(move |db| db.last_decisions(before, limit)).await?;
            Ok(DecisionList::titled(found, limit))
        }
        (Some(_), Some(_)) => Err(ApiError::input("either `entry` or `run` says which decisions are meant")),
    }
}

impl DecisionList {
    /// A page that was to have at most `limit` decisions.
    fn titled(found: Vec<TitledDecision>, limit: u32) -> Self {
        let full = found.len() == limit as usize;
        let next = found.last().filter(|_| full).map(|last| last.id);
        Self { decisions: found.into_iter().map(DecisionView::with_title).collect(), next }
    }
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
        let last = household.get(ENDPOINTS, "/decisions", "limit=2").await.unwrap();
        let query = format!("limit=2&before={}", last["next"]);
        let before = household.get(ENDPOINTS, "/decisions", &query).await.unwrap();
        assert_eq!((entries(&last), entries(&before)), (vec![3, 2], vec![1]));
        assert_eq!(household.get(ENDPOINTS, "/decisions", "entry=1&run=run-1").await.unwrap_err().status(), 400);
    }
}
