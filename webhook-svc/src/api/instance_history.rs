//! When an instance was not well, and why.

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::OutageRow;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::instances;
use crate::app::App;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/instances/{name}/history",
    tag: "instances",
    summary: "When the instance was not well, and why, newest first; at most 200 times that are over.",
    access: Access::Read,
    query: &[Parameter { name: "limit", about: "How many, 1 to 200; usually 50." }],
    body: None,
    answer: Answer::Json(shape::<InstanceHistory>),
    handle: |ask| Box::pin(show(ask)),
}];

/// Times that an instance was not well.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InstanceHistory {
    /// Newest first.
    pub outages: Vec<OutageView>,
}

/// One of them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutageView {
    /// `unreachable`, `refused` (the key), `unfit` (it lacks what the settings name), or `webhook`: its webhooks did not come, or were
    /// refused.
    pub reason: String,
    /// What it answered last, and what to do.
    pub message: String,
    /// When it was found like that first; unix milliseconds.
    pub began_at_ms: UnixMs,
    /// And last.
    pub seen_at_ms: UnixMs,
    /// When it was found otherwise; `null`: it goes on.
    pub ended_at_ms: Option<UnixMs>,
    /// Runs that met it.
    pub runs: u32,
    /// Looks of the service that met it: for its webhook, for a list that changed, for whoever tested it.
    pub looks: u32,
    /// Webhooks that were refused meanwhile.
    pub refused_webhooks: u32,
}

impl From<OutageRow> for OutageView {
    fn from(row: OutageRow) -> Self {
        let OutageRow { reason, detail, began_at_ms, seen_at_ms, ended_at_ms, runs, looks, refused_webhooks } = row;
        Self { reason, message: detail, began_at_ms, seen_at_ms, ended_at_ms, runs, looks, refused_webhooks }
    }
}

pub(super) async fn show(ask: Ask) -> Result<Response, ApiError> {
    let limit = ask.count("limit", 50, 1, 200)?;
    answer(&history(&ask.app, ask.variable("name"), limit).await?)
}

/// The last `limit` times that the instance of this name was not well.
///
/// # Errors
/// 404 when there is none; when the store cannot be read.
pub async fn history(app: &App, name: &str, limit: u32) -> Result<InstanceHistory, ApiError> {
    let name = instances::detail(&app.config(), name)?.instance.name;
    let rows = app.database.read(move |db| db.outages(&name, limit)).await?;
    Ok(InstanceHistory { outages: rows.into_iter().map(OutageView::from).collect() })
}
