//! Who changed what.

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::AuditRow;
use serde::Serialize;
use serde_json::Value;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
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
    answer: Answer::Json(shape::<AuditPage>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Changes and attempts.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// For `before`, when there may be more.
    pub next_before: Option<i64>,
}

/// One of them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Counts up.
    pub id: i64,
    /// When; unix milliseconds.
    pub at_ms: UnixMs,
    /// Who.
    pub who: String,
    /// The client's address, as far as it can be believed.
    pub address: Option<String>,
    /// `session.started`, `api_key.made`
    pub action: String,
    /// What was acted on; empty where the action says it all.
    pub target: String,
    /// What else there is to say about it.
    pub detail: Value,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at_ms, who, address, action, target, detail } = row;
        Self { id, at_ms, who, address, action, target, detail: serde_json::from_str(&detail).unwrap_or(Value::Null) }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask).await?)
}

/// The page that is asked for.
///
/// # Errors
/// 400 for numbers that are none; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<AuditPage, ApiError> {
    let limit = ask.count("limit", 50, 1, 200)?;
    let before = ask.parameter("before").map(str::parse::<i64>).transpose();
    let before = before.map_err(|_| ApiError::input("`before` is the `id` of an entry"))?;
    let rows = ask.app.database.read(move |db| db.audit(before, limit)).await?;
    let full = rows.len() == limit as usize;
    let next_before = rows.last().map(|row| row.id).filter(|_| full);
    Ok(AuditPage { entries: rows.into_iter().map(AuditEntry::from).collect(), next_before })
}
