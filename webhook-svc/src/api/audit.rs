//! Who changed what.

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::AuditRow;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use warp::http::Method;
use warp::reply::Response;

use super::{Answer, Endpoint, Parameter, answer, shape};
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/audit",
    tag: "audit",
    summary: "Every change that was asked for and every attempt to sign in, newest first.",
    access: Access::Read,
    query: &[
        Parameter {
            name: "before",
            about: "Only what has a smaller `id` than this: `next_before` of the page before.",
        },
        Parameter { name: "limit", about: "How many, 1 to 200; usually 50." },
    ],
    body: None,
    answer: Answer::Json(shape::<Page>),
    handle: |ask| Box::pin(page(ask)),
}];

#[derive(Serialize, JsonSchema)]
struct Page {
    /// Newest first.
    entries: Vec<Entry>,
    /// For `before`, when there may be more.
    next_before: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Entry {
    id: i64,
    at_ms: UnixMs,
    who: String,
    /// The client's address, as far as it can be believed.
    address: Option<String>,
    /// `session.started`, `api_key.made`
    action: String,
    /// What was acted on; empty where the action says it all.
    target: String,
    /// What else there is to say about it.
    detail: Value,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at_ms, who, address, action, target, detail } = row;
        Self { id, at_ms, who, address, action, target, detail: serde_json::from_str(&detail).unwrap_or(Value::Null) }
    }
}

async fn page(ask: Ask) -> Result<Response, ApiError> {
    let limit = ask.count("limit", 50, 1, 200)?;
    let before = ask.parameter("before").map(str::parse::<i64>).transpose();
    let before = before.map_err(|_| ApiError::input("`before` is the `id` of an entry"))?;
    let rows = ask.app.database.run(move |store| store.read().audit(before, limit)).await?;
    let full = rows.len() == limit as usize;
    let next_before = rows.last().map(|row| row.id).filter(|_| full);
    answer(&Page { entries: rows.into_iter().map(Entry::from).collect(), next_before })
}
