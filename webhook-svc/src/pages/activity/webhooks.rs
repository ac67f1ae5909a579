//! What the arrs told.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::api::webhooks::{self, WebhookView};
use crate::pages::{Frame, Page, html};
use crate::request::{Access, ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page {
    method: Method::GET,
    path: "/activity/webhooks",
    access: Access::Read,
    handle: |ask| Box::pin(show(ask)),
}];

#[derive(Template)]
#[template(path = "activity/webhooks.html")]
struct Webhooks {
    frame: Frame,
    webhooks: Vec<(String, WebhookView)>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let arrived = webhooks::arrived(&ask.with_query(&[("limit", super::ROWS)])).await?.webhooks;
    let webhooks = arrived.into_iter().map(|it| (rfc3339(it.received_at_ms), it)).collect();
    html(&ask, StatusCode::OK, &Webhooks { frame, webhooks })
}
