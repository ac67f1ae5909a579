//! What was decided lately, of all runs or of one.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::decisions::{self, DecisionView};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/activity/decisions", |ask| Box::pin(show(ask)))];

#[derive(Template)]
#[template(path = "activity/decisions.html")]
struct Decisions {
    frame: Frame,
    /// Of one run only; empty for all.
    run: String,
    decisions: Vec<(String, DecisionView)>,
    /// The query of the page that follows.
    next: Option<String>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let run = ask.parameter("run").unwrap_or_default().to_owned();
    let (before, after) = (ask.parameter("before").unwrap_or_default(), ask.parameter("after").unwrap_or_default());
    let wanted = ask.with_query(&[("run", &run), ("before", before), ("after", after), ("limit", super::ROWS)]);
    let page = decisions::page(&wanted).await?;
    let next =
        page.next.map(|next| if run.is_empty() { format!("before={next}") } else { format!("run={run}&after={next}") });
    let decisions = page.decisions.into_iter().map(|it| (rfc3339(it.decided_at_ms), it)).collect();
    html(&ask, StatusCode::OK, &Decisions { frame, run, decisions, next })
}
