//! What somebody has to say yes to.

use pulsarr_shared::amend::Amendment;
use pulsarr_shared::approval::expires_at_ms;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{ApprovalId, ApprovalSettings, ApprovalState, Destination};
use pulsarr_shared::store::{ApprovalEvent, ApprovalRow, Db, StoreError, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::Method;
use warp::reply::Response;

use super::{Answer, Endpoint, Parameter, answer, given, shape};
use crate::audit::{self, By};
use crate::request::{Access, ApiError, Ask, FieldProblem};
use serde_json::json;

/// More at once are several requests.
const MOST_AT_ONCE: usize = 500;
/// In characters: a few sentences.
const LONGEST_NOTE: usize = 1_000;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/approvals",
        tag: "approvals",
        summary: "Requests that somebody has to say yes to, the oldest first.",
        access: Access::Read,
        query: &[
            Parameter { name: "state", about: "pending, approved, rejected, expired, auto_approved; all unless told" },
            Parameter { name: "after", about: "the page after one whose `next` was this" },
            Parameter { name: "limit", about: "requests a page, 1 to 500; 100 unless told" },
        ],
        body: None,
        answer: Answer::Json(shape::<ApprovalPage>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/approvals/{id}",
        tag: "approvals",
        summary: "One request with everything that happened to it.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<ApprovalStory>),
        handle: |ask| Box::pin(one(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/approvals/decide",
        tag: "approvals",
        summary: "Approves or rejects requests: all of them or, when one cannot be decided, none. Those that follow them share their \
                  fate; the next run adds what is approved.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<DecideApprovals>),
        answer: Answer::Json(shape::<ApprovalList>),
        handle: |ask| Box::pin(decide(ask)),
    },
];

/// Requests.
#[derive(Debug, Serialize, JsonSchema)]
struct ApprovalList {
    /// In the order in which they were named.
    approvals: Vec<ApprovalView>,
}

/// Requests, page by page.
#[derive(Debug, Serialize, JsonSchema)]
struct ApprovalPage {
    /// The oldest first; at most as many as were asked for.
    approvals: Vec<ApprovalView>,
    /// `after` of the next page; `null`: this was the last one.
    next: Option<i64>,
}

/// A request that somebody has to say yes to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ApprovalView {
    /// Its number.
    id: i64,
    /// For which entry.
    entry: i64,
    /// `Salt Ledger (2025)`
    title: String,
    /// `movie` or `show`
    #[serde(rename = "type")]
    media_type: &'static str,
    /// The Plex user name of who wants it.
    user: String,
    /// Others whose requests for the same title follow this one.
    wanted_too: Vec<String>,
    /// `pending`, `approved`, `rejected`, `expired`, `auto_approved`
    state: &'static str,
    /// Why somebody is asked: `rule`, `user`, `quota`.
    trigger: &'static str,
    /// The same as a sentence.
    reason: String,
    /// Where it would go.
    proposed: Vec<DestinationView>,
    /// Where a person wants it to go instead; `null`: as proposed.
    edited: Option<Vec<DestinationView>>,
    /// Another user's pending request for the same title, whose fate this one shares.
    follows: Option<i64>,
    /// When it was asked for; unix milliseconds.
    asked_at_ms: i64,
    /// When it is too late to answer; `null`: never, or it is decided.
    expires_at_ms: Option<i64>,
    /// When it was decided.
    decided_at_ms: Option<i64>,
    /// By whom: a person, a rule, `pulsarr`.
    decided_by: Option<String>,
    /// What was said with it.
    note: Option<String>,
}

/// One instance that would get the title, and how.
#[derive(Debug, Serialize, JsonSchema)]
struct DestinationView {
    /// Which.
    instance: String,
    /// Why this one, as a sentence.
    because: String,
    /// How it would be added, in the words of the settings.
    options: serde_json::Value,
}

/// One request with everything that happened to it.
#[derive(Debug, Serialize, JsonSchema)]
struct ApprovalStory {
    /// The request itself.
    #[serde(flatten)]
    approval: ApprovalView,
    /// The oldest first.
    events: Vec<EventView>,
}

/// Something that happened to a request.
#[derive(Debug, Serialize, JsonSchema)]
struct EventView {
    /// When; unix milliseconds.
    at_ms: i64,
    /// `asked`, `proposed_anew`, `wanted_too`, `stands_alone`, `approved`, `rejected`, `expired`, `auto_approved`
    what: String,
    /// A person, a rule, or `pulsarr`.
    who: String,
    /// In plain words, when there is more to say.
    detail: Option<String>,
}

/// An answer to requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DecideApprovals {
    /// The requests' numbers: 1 to 500 of them.
    ids: Vec<i64>,
    /// Yes or no.
    verdict: VerdictWord,
    /// What is said with it: at most 1000 characters.
    note: Option<String>,
    /// With a yes: these instances instead of the proposed ones.
    #[serde(default)]
    to: Vec<String>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictWord {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let state = given::choice(&ask, "state", ApprovalState::ALL, ApprovalState::word)?;
    let after = given::id(&ask, "after")?.map(ApprovalId);
    let limit = ask.count("limit", 100, 1, 500)?;
    let rows = ask.app.database.run(move |store| store.read().approval_page(state, after, limit)).await?;
    let full = rows.len() == limit as usize;
    let next = rows.last().filter(|_| full).map(|row| row.approval.id.0);
    answer(&ApprovalPage { approvals: ApprovalList::of(rows, &ask.app.config()).approvals, next })
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let number = ask.number("id")?;
    let id = ApprovalId(number);
    let found = ask.app.database.run(move |store| Ok((store.read().approval(id)?, store.read().approval_events(id)?)));
    let (row, events) = found.await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("there is no request {number}")))?;
    let events = events.into_iter().map(EventView::of).collect();
    answer(&ApprovalStory { approval: ApprovalView::of(row, &ask.app.config().settings.approvals), events })
}

async fn decide(ask: Ask) -> Result<Response, ApiError> {
    let wanted: DecideApprovals = ask.json()?;
    if wanted.ids.is_empty() || wanted.ids.len() > MOST_AT_ONCE {
        return Err(ApiError::input(format!("`ids` names 1 to {MOST_AT_ONCE} requests")));
    }
    if wanted.verdict == VerdictWord::Reject && !wanted.to.is_empty() {
        return Err(ApiError::input("`to` goes with `approve`: what is rejected goes nowhere"));
    }
    if wanted.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        let (path, message) = ("note".to_owned(), format!("a note has at most {LONGEST_NOTE} characters: shorten it"));
        return Err(ApiError::fields(vec![FieldProblem { path, message }]));
    }
    let (config, by) = (ask.app.config(), By::of(&ask));
    let decided = ask.app.database.run(move |store| {
        store.write(|db| {
            let decided = rule(db, &config, &wanted, &by.who, by.at_ms)?;
            if decided.is_ok() {
                let action = match wanted.verdict {
                    VerdictWord::Approve => "approval.approved",
                    VerdictWord::Reject => "approval.rejected",
                };
                let detail = json!({"ids": &wanted.ids, "note": &wanted.note});
                audit::record(db, &by, action, "", &detail)?;
            }
            Ok(decided)
        })
    });
    let decided = decided.await??;
    answer(&ApprovalList::of(decided, &ask.app.config()))
}

/// Decides all of them or none. Those whose changes do not fit are named before anything is written.
fn rule(
    db: Db<'_>,
    config: &Config,
    wanted: &DecideApprovals,
    by: &str,
    now_ms: i64,
) -> Result<Result<Vec<ApprovalRow>, ApiError>, StoreError> {
    let mut ids: Vec<ApprovalId> = Vec::new();
    for id in wanted.ids.iter().copied().map(ApprovalId) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let plain = match wanted.verdict {
        VerdictWord::Approve => Verdict::Approve { edited: None },
        VerdictWord::Reject => Verdict::Reject,
    };
    let undecidable = db.undecidable(&ids, &plain)?;
    if !undecidable.is_empty() {
        return Err(StoreError::Undecidable { requests: undecidable });
    }
    let amendment = Amendment { to: wanted.to.clone(), ..Amendment::default() };
    let (mut verdicts, mut problems) = (Vec::new(), Vec::new());
    for id in &ids {
        let Some(ApprovalRow { approval, title, .. }) = db.approval(*id)? else { continue };
        match amendment.apply(&approval, &title, &config.settings.instances, by) {
            Ok(edited) => {
                let verdict = if edited.is_some() { Verdict::Approve { edited } } else { plain.clone() };
                let follows = approval.follows.is_some_and(|leader| ids.contains(&leader));
                verdicts.push((follows, *id, verdict));
            }
            Err(sentence) => problems.push(FieldProblem {
                path: "to".to_owned(),
                message: format!("request {} ({}): {sentence}", id.0, title.label()),
            }),
        }
    }
    if !problems.is_empty() {
        return Ok(Err(ApiError::fields(problems)));
    }
    // Those that are decided along with another of them come last, and have nothing left to decide.
    verdicts.sort_by_key(|(follows, ..)| *follows);
    for (_, id, verdict) in &verdicts {
        if db.undecidable(&[*id], verdict)?.is_empty() {
            db.decide_approvals(&[*id], verdict, by, wanted.note.as_deref(), now_ms)?;
        }
    }
    let mut decided = Vec::with_capacity(ids.len());
    for id in ids {
        decided.extend(db.approval(id)?);
    }
    Ok(Ok(decided))
}

impl ApprovalList {
    fn of(rows: Vec<ApprovalRow>, config: &Config) -> Self {
        let settings = &config.settings.approvals;
        Self { approvals: rows.into_iter().map(|row| ApprovalView::of(row, settings)).collect() }
    }
}

impl ApprovalView {
    pub fn of(row: ApprovalRow, settings: &ApprovalSettings) -> Self {
        let ApprovalRow { approval, title, user, wanted_too } = row;
        Self {
            id: approval.id.0,
            entry: approval.entry.0,
            title: title.label(),
            media_type: title.media_type.word(),
            user,
            wanted_too,
            state: approval.state.word(),
            trigger: approval.trigger.word(),
            expires_at_ms: expires_at_ms(&approval, settings),
            reason: approval.reason,
            proposed: approval.proposed.iter().map(DestinationView::of).collect(),
            edited: approval.edited.map(|edited| edited.iter().map(DestinationView::of).collect()),
            follows: approval.follows.map(|id| id.0),
            asked_at_ms: approval.asked_at_ms,
            decided_at_ms: approval.decided_at_ms,
            decided_by: approval.decided_by,
            note: approval.note,
        }
    }
}

impl DestinationView {
    fn of(to: &Destination) -> Self {
        Self {
            instance: to.instance.clone(),
            because: to.because.clone(),
            options: serde_json::to_value(&to.options).unwrap_or_default(),
        }
    }
}

impl EventView {
    fn of(event: ApprovalEvent) -> Self {
        let ApprovalEvent { at_ms, what, who, detail } = event;
        Self { at_ms, what, who, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn several_are_decided_at_once_by_whoever_asks() {
        let household = Household::new(SETTINGS);
        household.wish(3);
        household.hold_all("run-1");
        let body = r#"{"ids": [1, 3], "verdict": "approve", "note": "fine"}"#;
        let decided = household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap();
        assert_eq!(decided["approvals"][1]["id"], 3);
        assert_eq!(decided["approvals"][1]["decided_by"], "ana");
        let pending = household.get(ENDPOINTS, "/approvals", "state=pending").await.unwrap();
        assert_eq!((pending["approvals"].as_array().unwrap().len(), &pending["approvals"][0]["id"]), (1, &2.into()));
        let story = household.get_one(ENDPOINTS, "/approvals/{id}", "3").await.unwrap();
        let events: Vec<_> = story["events"].as_array().unwrap().iter().map(|event| &event["what"]).collect();
        assert_eq!(events, ["asked", "approved"]);
    }

    #[tokio::test]
    async fn nothing_is_decided_when_one_of_them_cannot_be_and_each_of_those_is_named() {
        let household = Household::new(SETTINGS);
        household.wish(2);
        household.hold_all("run-1");
        let refused = |body: &'static str| {
            let household = &household;
            async move { household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap_err() }
        };
        let error = refused(r#"{"ids": [1, 8, 9], "verdict": "reject"}"#).await;
        let text = format!("{error:?}");
        assert!(error.status() == 409 && text.contains("request 8") && text.contains("request 9"), "{text}");
        let error = refused(r#"{"ids": [1, 2], "verdict": "approve", "to": ["nowhere"]}"#).await;
        let text = format!("{error:?}");
        assert!(error.status() == 422 && text.contains("request 1") && text.contains("request 2"), "{text}");
        assert_eq!(refused(r#"{"ids": [], "verdict": "approve"}"#).await.status(), 400);
        assert_eq!(household.db().pending_approvals().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_note_has_at_most_a_thousand_characters() {
        let household = Household::new(SETTINGS);
        household.wish(1);
        household.hold_all("run-1");
        let decide = async |length: usize| {
            let body = json!({"ids": [1], "verdict": "reject", "note": "ä".repeat(length)});
            household.send(Method::POST, "/approvals/decide", None, &body).await
        };
        let refused = decide(1_001).await;
        assert_eq!((refused.status, &refused.json["error"]["problems"][0]["path"]), (422, &json!("note")));
        assert_eq!(household.db().pending_approvals().unwrap(), 1);
        assert_eq!(decide(1_000).await.status, 200);
    }

    #[tokio::test]
    async fn requests_come_page_by_page_without_repeats_and_gaps() {
        let household = Household::new(SETTINGS);
        household.wish(5);
        household.hold_all("run-1");
        let (mut seen, mut after) = (Vec::new(), String::new());
        for _ in 0..3 {
            let page = household.get(ENDPOINTS, "/approvals", &format!("limit=2{after}")).await.unwrap();
            seen.extend(page["approvals"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()));
            after = page["next"].as_i64().map(|next| format!("&after={next}")).unwrap_or_default();
        }
        assert_eq!((seen, after.as_str()), (vec![1, 2, 3, 4, 5], ""));
        assert_eq!(household.get(ENDPOINTS, "/approvals", "limit=501").await.unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn an_approval_may_name_other_instances() {
        let household = Household::new(SETTINGS);
        household.wish(1);
        household.hold_all("run-1");
        let body = r#"{"ids": [1], "verdict": "approve", "to": ["uhd"]}"#;
        let decided = household.post(ENDPOINTS, "/approvals/decide", "", body).await.unwrap();
        assert_eq!(decided["approvals"][0]["edited"][0]["instance"], "uhd");
    }
}
