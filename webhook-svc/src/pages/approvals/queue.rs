//! Requests that wait, those that were answered, and the answers to several at once.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::api::approvals::{self, ApprovalView};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{Access, ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page { method: Method::GET, path: "/approvals", access: Access::Read, handle: |ask| Box::pin(show(ask)) },
    Page { method: Method::POST, path: "/approvals", access: Access::Write, handle: |ask| Box::pin(act(ask)) },
];

/// The requests on one page.
const ROWS: &str = "30";
/// What can be looked at, and what it is called.
const TABS: [(&str, &str); 5] = [
    ("pending", "Waiting"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("expired", "Expired"),
    ("auto_approved", "Without asking"),
];

#[derive(Template)]
#[template(path = "approvals/queue.html")]
struct Queue {
    frame: Frame,
    form: Form,
    /// The state that is looked at: `pending`.
    tab: &'static str,
    requests: Vec<Row>,
    next: Option<i64>,
}

struct Row {
    request: ApprovalView,
    asked: String,
    expires: Option<String>,
    decided: Option<String>,
    /// Where it goes: `movies, films`.
    to: String,
}

impl Row {
    fn of(request: ApprovalView) -> Self {
        let to = request.edited.as_ref().unwrap_or(&request.proposed);
        let to: Vec<&str> = to.iter().map(|to| to.instance.as_str()).collect();
        Self {
            to: to.join(", "),
            asked: rfc3339(request.asked_at_ms),
            expires: request.expires_at_ms.map(rfc3339),
            decided: request.decided_at_ms.map(rfc3339),
            request,
        }
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let wanted = ask.parameter("state").unwrap_or("pending");
    let tab = TABS.iter().find(|(state, _)| *state == wanted).map_or("pending", |(state, _)| *state);
    let after = ask.parameter("after").unwrap_or_default();
    let page = approvals::page(&ask.with_query(&[("state", tab), ("after", after), ("limit", ROWS)])).await?;
    let frame = Frame::of(ask, "approvals", "Approvals").await?.with_scripts(&["approvals.js"]);
    let requests = page.approvals.into_iter().map(Row::of).collect();
    html(ask, status, &Queue { frame, form, tab, requests, next: page.next })
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    // A button of one request names it; those below the list mean what is ticked.
    let (verdict, only) = form.value("do").split_once(' ').unwrap_or((form.value("do"), ""));
    let ids: Vec<i64> = if only.is_empty() {
        form.all("id").filter_map(|id| id.parse().ok()).collect()
    } else {
        only.parse().into_iter().collect()
    };
    if ids.is_empty() {
        let nothing = ApiError::input("nothing was selected: tick the requests that are meant");
        return draw(&ask, nothing.status(), form.refused(&nothing)).await;
    }
    let body = json!({"ids": ids, "verdict": verdict, "note": form.given("note")});
    match approvals::decided(ask.with_body(&body)).await {
        Ok(decided) => {
            let what = if verdict == "approve" { "Approved; the next run adds" } else { "Rejected" };
            let said = match &decided.approvals[..] {
                [one] => format!("{what}: {}.", one.title),
                more => format!("{what}: {} requests.", more.len()),
            };
            Ok(see_other(&ask, "/approvals", Some(Notice::ok(said))))
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

#[cfg(test)]
mod tests {
    use crate::api::household::{Household, SETTINGS};
    use crate::pages::testing::Visitor;

    async fn asked(count: u32) -> (Visitor, Household) {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(count);
        household.hold_all("run-1");
        (visitor, household)
    }

    #[tokio::test]
    async fn one_is_answered_by_its_button_and_several_by_ticks() {
        let (visitor, household) = asked(4).await;
        let page = visitor.get("/approvals").await.text;
        assert!(page.contains("Salt Ledger 1 (2025)") && page.contains("somebody is asked"), "{page}");
        let one = visitor.post("/approvals", &[("do", "approve 2"), ("id", "1")]).await;
        assert_eq!((one.status, one.header("location")), (303, "/approvals"));
        assert_eq!(household.db().pending_approvals().unwrap(), 3);
        let fields = [("do", "reject"), ("id", "1"), ("id", "3"), ("note", "no room")];
        assert_eq!(visitor.post("/approvals", &fields).await.status, 303);
        assert_eq!(household.db().pending_approvals().unwrap(), 1);
        let history = visitor.get("/approvals?state=rejected").await.text;
        assert!(
            history.contains("no room") && history.contains("ada") && !history.contains("Salt Ledger 2"),
            "{history}"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_said_and_nothing_is_half_done() {
        let (visitor, household) = asked(2).await;
        let nothing = visitor.post("/approvals", &[("do", "approve")]).await;
        assert!(nothing.status == 400 && nothing.text.contains("nothing was selected"), "{}", nothing.text);
        visitor.post("/approvals", &[("do", "approve 1")]).await;
        let late = visitor.post("/approvals", &[("do", "reject"), ("id", "1"), ("id", "2")]).await;
        assert!(late.status == 409 && late.text.contains("request 1"), "{}", late.text);
        assert_eq!(household.db().pending_approvals().unwrap(), 1);
        let odd = visitor.post("/approvals", &[("do", "praise 2")]).await;
        assert_eq!(odd.status, 400);
        assert_eq!(visitor.post_as("/approvals", "guessed", &[("do", "approve 2")]).await.status, 403);
    }

    #[tokio::test]
    async fn an_empty_queue_says_so() {
        let visitor = Visitor::set_up("").await;
        assert!(visitor.get("/approvals").await.text.contains("Nobody waits for an answer"));
        assert!(visitor.get("/approvals?state=expired").await.text.contains("Nothing here"));
    }
}
