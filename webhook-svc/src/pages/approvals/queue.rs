//! Requests that wait, those that were answered, and the answers to several at once.

use std::collections::BTreeMap;

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::approvals::{self, ApprovalView, Partly};
use crate::pages::words::options;
use crate::pages::{Form, Frame, Notice, Page, encoded, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/approvals", |ask| Box::pin(show(ask))), Page::form("/approvals", |ask| Box::pin(act(ask)))];

/// The requests on one page.
const ROWS: &str = "25";
/// Of a title in a message; characters.
const TITLE_LONGEST: usize = 80;
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
    /// Where the form goes.
    here: String,
    next: Option<i64>,
}

struct Row {
    request: ApprovalView,
    asked: String,
    expires: Option<String>,
    decided: Option<String>,
    /// Where it goes, and how it is added there.
    to: Vec<(String, String)>,
}

impl Row {
    fn of(request: ApprovalView) -> Self {
        let to = request.edited.as_ref().unwrap_or(&request.proposed);
        Self {
            to: to.iter().map(|to| (to.instance.clone(), options(&to.options))).collect(),
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
    // Whoever waits longest comes first; of what was answered, what is fresh in mind.
    let order = if tab == "pending" { "oldest" } else { "newest" };
    let asked = [("state", tab), ("order", order), ("after", after), ("limit", ROWS)];
    let mut page = approvals::page(&ask.with_query(&asked)).await?;
    if page.approvals.is_empty() && !after.is_empty() {
        // All of this page were answered: there may be others before it.
        page = approvals::page(&ask.with_query(&[asked[0], asked[1], asked[3]])).await?;
    }
    let frame = Frame::of(ask, "approvals", "Approvals").await?.with_scripts(&["approvals.js"]);
    let requests = page.approvals.into_iter().map(Row::of).collect();
    html(ask, status, &Queue { frame, form, tab, requests, here: place(ask), next: page.next })
}

/// The page of the queue that one is on.
fn place(ask: &Ask) -> String {
    let after = ask.parameter("after").filter(|after| !after.is_empty());
    after.map_or_else(|| "/approvals".to_owned(), |after| format!("/approvals?after={}", encoded(after)))
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    // A button of one request names it; those below the list mean what is ticked.
    let (verdict, only) = form.value("do").split_once(' ').unwrap_or((form.value("do"), ""));
    if verdict == "enter" {
        let unsaid = ApiError::input("nothing was answered: press Approve or Reject, of one request or below the list");
        return draw(&ask, unsaid.status(), form.refused(&unsaid)).await;
    }
    let ids: Vec<i64> = if only.is_empty() {
        form.all("id").filter_map(|id| id.parse().ok()).collect()
    } else {
        only.parse().into_iter().collect()
    };
    if ids.is_empty() {
        let nothing = ApiError::input("nothing was selected: tick the requests that are meant");
        return draw(&ask, nothing.status(), form.refused(&nothing)).await;
    }
    let seen = seen(&form, &ids);
    let body = json!({"ids": ids, "verdict": verdict, "note": form.given("note"), "versions": seen});
    match approvals::decided_partly(&ask.with_body(&body)).await {
        Ok(partly) if partly.left.is_empty() => {
            let what = if verdict == "approve" { "Approved; the next run adds" } else { "Rejected" };
            let said = match &partly.done[..] {
                [one] => format!("{what}: {}.", one.title),
                more => format!("{what}: {} requests.", more.len()),
            };
            Ok(see_other(&ask, &place(&ask), Some(Notice::ok(said))))
        }
        Ok(partly) => {
            let told = ApiError::conflict(told(&partly, verdict, &seen));
            draw(&ask, told.status(), form.refused(&told)).await
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

/// What was seen of these requests: each number with its version.
pub(super) fn seen<'a>(form: &'a Form, ids: &[i64]) -> BTreeMap<i64, &'a str> {
    let seen = form.all("seen").filter_map(|seen| seen.split_once(' '));
    let seen = seen.filter_map(|(id, version)| Some((id.parse().ok()?, version)));
    seen.filter(|(id, _)| ids.contains(id)).collect()
}

/// Which requests were answered, and which were not and why.
fn told(partly: &Partly, verdict: &str, seen: &BTreeMap<i64, &str>) -> String {
    let left = partly.left.iter().map(|(id, request)| {
        let Some(request) = request else { return format!("request {id}, which is not there") };
        let title: String = request.title.chars().take(TITLE_LONGEST).collect();
        let is_open = matches!(request.state, "pending" | "expired");
        if is_open && seen.get(id).is_some_and(|version| *version != request.version) {
            return format!("{title}, for which something else is proposed by now");
        }
        match &request.decided_by {
            Some(by) => format!("{title}, which {by} answered meanwhile: {}", request.state.replace('_', "-")),
            None if request.state == "pending" => format!("{title}, which is no longer on the watchlist"),
            None => format!("{title}, which is {} already", request.state.replace('_', "-")),
        }
    });
    let left = left.collect::<Vec<_>>().join("; ");
    let what = if verdict == "approve" { "Approved" } else { "Rejected" };
    match partly.done.len() {
        0 => format!("Nothing was done. Not answered: {left}."),
        done => format!("{what}: {done} of {} requests. Not these: {left}.", done + partly.left.len()),
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{
        ApprovalId, ApprovalSettings, ApprovalState, Expiry, ListedTitle, MediaType, PlexId, Relation, UserUuid,
    };

    use crate::pages::testing::{Visitor, asked};

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
    async fn who_waits_longest_comes_first_and_of_what_was_answered_the_newest() {
        let (visitor, household) = asked(4).await;
        let order = |page: &str| {
            let at = |number: u32| page.find(&format!("Salt Ledger {number} (")).unwrap();
            at(1) < at(4)
        };
        assert!(order(&visitor.get("/approvals").await.text));
        let all: Vec<(&str, &str)> =
            [("do", "approve")].into_iter().chain(["1", "2", "3", "4"].map(|id| ("id", id))).collect();
        visitor.post("/approvals", &all).await;
        assert_eq!(household.db().pending_approvals().unwrap(), 0);
        assert!(!order(&visitor.get("/approvals?state=approved").await.text));
        let after = visitor.get("/approvals?state=approved&after=3").await.text;
        assert!(after.contains("Salt Ledger 2") && !after.contains("Salt Ledger 4"), "{after}");
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_said_and_nothing_is_half_done() {
        let (visitor, household) = asked(2).await;
        let nothing = visitor.post("/approvals", &[("do", "approve")]).await;
        assert!(nothing.status == 400 && nothing.text.contains("nothing was selected"), "{}", nothing.text);
        visitor.post("/approvals", &[("do", "approve 1")]).await;
        let late = visitor.post("/approvals", &[("do", "reject 1")]).await;
        assert!(
            late.status == 409
                && late.text.contains(
                    "Nothing was done. Not answered: Salt Ledger 1 (2025), which ada answered meanwhile: approved."
                ),
            "{}",
            late.text
        );
        assert_eq!(household.db().pending_approvals().unwrap(), 1);
        let odd = visitor.post("/approvals", &[("do", "praise 2")]).await;
        assert_eq!(odd.status, 400);
        assert_eq!(visitor.post_as("/approvals", "guessed", &[("do", "approve 2")]).await.status, 403);
    }

    #[tokio::test]
    async fn of_several_those_that_wait_are_answered_and_the_others_are_named() {
        let (visitor, household) = asked(3).await;
        visitor.post("/approvals", &[("do", "approve 2")]).await;
        let fields = [("do", "reject"), ("id", "1"), ("id", "2"), ("id", "3"), ("id", "77"), ("note", "no room")];
        let partly = visitor.post("/approvals", &fields).await;
        assert_eq!(partly.status, 409);
        let told = "Rejected: 2 of 4 requests. Not these: Salt Ledger 2 (2025), which ada answered meanwhile: approved; \
                    request 77, which is not there.";
        assert!(partly.text.contains(told), "{}", partly.text);
        let state = |id| household.db().approval(ApprovalId(id)).unwrap().unwrap().approval.state;
        assert_eq!([1, 2, 3].map(state), [ApprovalState::Rejected, ApprovalState::Approved, ApprovalState::Rejected]);
        let long = "x".repeat(1_001);
        let refused = visitor.post("/approvals", &[("do", "reject"), ("id", "2"), ("id", "3"), ("note", &long)]).await;
        assert!(refused.status == 422 && refused.text.contains("a note has at most 1000"), "{}", refused.text);
    }

    #[tokio::test]
    async fn what_is_proposed_anew_is_seen_before_it_is_approved() {
        let (visitor, household) = asked(2).await;
        let page = visitor.get("/approvals").await.text;
        let seen = |page: &str| {
            let fields = page.split("name=\"seen\" value=\"").skip(1);
            fields.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let before = seen(&page);
        assert!(before.len() == 2 && before[0].starts_with("1 "), "{before:?}");
        household.hold_all_for("run-2", &["uhd"]);
        let approve = |seen: &[String]| {
            let fields = [("do", "approve 1"), ("seen", &*seen[0]), ("seen", &*seen[1])]
                .map(|(name, value)| (name, value.to_owned()));
            let visitor = &visitor;
            async move {
                let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
                visitor.post("/approvals", &fields).await
            }
        };
        let late = approve(&before).await;
        let told = "Nothing was done. Not answered: Salt Ledger 1 (2025), for which something else is proposed by now.";
        assert!(
            late.status == 409 && late.text.contains(told) && late.text.contains("<bdi>uhd</bdi>"),
            "{}",
            late.text
        );
        assert_eq!(household.db().pending_approvals().unwrap(), 2);
        let done = approve(&seen(&late.text)).await;
        assert_eq!((done.status, household.db().pending_approvals().unwrap()), (303, 1));
    }

    #[tokio::test]
    async fn what_has_expired_since_is_not_approved_unseen_either() {
        let (visitor, household) = asked(1).await;
        let page = visitor.get("/approvals").await.text;
        let (_, seen) = page.split_once("name=\"seen\" value=\"").unwrap();
        let seen = seen.split('"').next().unwrap();
        household.hold_all_for("run-2", &["uhd"]);
        let expiry = Expiry { after_h: Some(1), ..Expiry::default() };
        let settings = ApprovalSettings { rule: expiry, ..ApprovalSettings::default() };
        household.write(|db| db.settle_overdue(&settings, i64::MAX));
        let state = || household.db().approval(ApprovalId(1)).unwrap().unwrap().approval.state;
        assert_eq!(state(), ApprovalState::Expired);
        let late = visitor.post("/approvals", &[("do", "approve 1"), ("seen", seen)]).await;
        assert!(late.status == 409 && late.text.contains("something else is proposed by now"), "{}", late.text);
        assert_eq!(state(), ApprovalState::Expired);
    }

    #[tokio::test]
    async fn what_is_refused_on_the_second_page_is_shown_there_and_an_emptied_page_leads_to_the_first() {
        let (visitor, _household) = asked(28).await;
        let second = visitor.get("/approvals?after=25").await.text;
        assert!(second.contains("Salt Ledger 26 (") && second.contains("action=\"/approvals?after=25\""), "{second}");
        visitor.post("/approvals", &[("do", "approve 27")]).await;
        let fields = [("do", "approve"), ("id", "27"), ("id", "28")];
        let late = visitor.post("/approvals?after=25", &fields).await;
        assert!(late.status == 409 && late.text.contains("Salt Ledger 26 ("), "{}", late.text);
        let done = visitor.post("/approvals?after=25", &[("do", "approve 26")]).await;
        assert_eq!((done.status, done.header("location")), (303, "/approvals?after=25"));
        let page = visitor.get("/approvals?after=25").await.text;
        assert!(page.contains("Salt Ledger 1 (") && !page.contains("Nobody waits"), "{page}");
    }

    #[tokio::test]
    async fn what_is_proposed_and_why_is_shown_and_names_are_text() {
        let (visitor, household) = asked(1).await;
        let page = visitor.get("/approvals").await.text;
        assert!(page.contains("<bdi>movies</bdi>") && page.contains("search on add"), "{page}");
        household.write(|db| {
            let mirela = UserUuid::parse("6be07c1d2a94f037").unwrap();
            let user = db.upsert_user(&mirela, "<i>mirela", "Mirela", Relation::Friend, 1)?;
            let title = db.upsert_listed_title(&ListedTitle {
                plex_id: PlexId::parse(&format!("{:024x}", 99)).unwrap(),
                media_type: MediaType::Movie,
                title: "<script>alert(1)</script>\u{202e}".to_owned(),
                year: None,
                ids: None,
                poster_url: None,
            })?;
            db.open_entry(user, title, 1)
        });
        household.hold_all("run-2");
        let id = household.db().approvals(Some(ApprovalState::Pending)).unwrap().last().unwrap().approval.id.0;
        for path in ["/approvals".to_owned(), format!("/approvals/{id}")] {
            let page = visitor.get(&path).await.text;
            assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"), "{page}");
            assert!(page.contains("<bdi>&#60;i&#62;mirela</bdi>"), "{page}");
        }
        assert_eq!(visitor.signed_out().get("/approvals").await.header("location"), "/login?next=/approvals");
    }

    #[tokio::test]
    async fn an_empty_queue_says_so() {
        let visitor = Visitor::set_up("").await;
        assert!(visitor.get("/approvals").await.text.contains("Nobody waits for an answer"));
        assert!(visitor.get("/approvals?state=expired").await.text.contains("Nothing here"));
    }
}
