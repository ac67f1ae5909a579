//! Whose list can be read, and what to do about the others.

use std::collections::HashSet;
use std::sync::Arc;

use pulsarr_shared::clients::plex::{FriendRequests, token_mark};
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::link::{Readability, Seen, readability};
use pulsarr_shared::model::{User, UserUuid};
use pulsarr_shared::store::{Db, StoreError};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::app::{App, FriendRequestsSeen};
use crate::aside::{self, FAILED_FOR_MS, FRESH_FOR_MS, Known};
use crate::plex_way::{PlexWay, left_alone};
use crate::request::{Access, ApiError, Ask};

/// How long Plex is not asked again for the friend requests.
const BELIEVED_FOR_MS: UnixMs = 60_000;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/users/readability",
    tag: "users",
    summary: "Whose list can be read, with one sentence of advice each: everybody on record, then who is in a friend request.",
    access: Access::Read,
    query: &[],
    body: None,
    answer: Answer::Json(shape::<ReadabilityList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Everybody's list.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReadabilityList {
    /// Everybody on record, the owner first; then those who are in a friend request only.
    pub users: Vec<ReadabilityView>,
    /// Whether Plex told the friend requests; without them, somebody who was asked looks like somebody who was not.
    pub friend_requests_known: bool,
}

/// One person's list.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReadabilityView {
    /// Plex's key.
    pub uuid: String,
    /// What the household calls them; `null` for somebody who is only in a request.
    pub name: Option<String>,
    /// `owner`, `friend`, `former_friend`; `null` for somebody who is only in a request.
    pub relation: Option<&'static str>,
    /// `readable`, `empty`, `not_a_friend`, `pending`, `private`, `rate_limited`, `unknown`
    pub state: &'static str,
    /// What to do, in one sentence.
    pub advice: String,
}

/// The friend requests, as far as Plex has told them.
#[derive(Default)]
pub struct Requests {
    /// What it told last, and when; unix milliseconds. None: nothing yet.
    pub told: Option<(UnixMs, FriendRequests)>,
    /// Why it did not tell the last time, with what to do; empty: it did.
    pub failure: String,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&all(&ask.app).await?)
}

/// Everybody's list. Plex is asked for the friend requests once a minute at most.
///
/// # Errors
/// When the store cannot be read.
pub async fn all(app: &App) -> Result<ReadabilityList, ApiError> {
    judged(app, requests(app).await?.ok().map(|(_, requests)| requests)).await
}

/// Whose list can be read, as far as it is known, and what is known of the friend requests. Plex is asked meanwhile where that is old.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(ask: &Ask) -> Result<(ReadabilityList, Known<Requests>), ApiError> {
    let app = &ask.app;
    let known = match &app.config().settings.plex.token {
        Some(token) => requests_last(app, &token_mark(token)),
        None => Known { answer: None, asking: false },
    };
    let told = known.answer.as_ref().and_then(|(_, last)| last.told.as_ref());
    let told = told.map(|(_, requests)| requests.clone());
    Ok((judged(app, told).await?, known))
}

fn requests_last(app: &Arc<App>, token_mark: &str) -> Known<Requests> {
    let is_fresh = |it: &Requests, age_ms| age_ms < if it.failure.is_empty() { FRESH_FOR_MS } else { FAILED_FOR_MS };
    let asking = Arc::clone(app);
    let ask = |last: Option<Arc<Requests>>| -> aside::Question<Requests> {
        Box::pin(async move {
            let failure = match requests(&asking).await {
                Ok(Ok(told)) => return Requests { told: Some(told), failure: String::new() },
                Ok(Err(failure)) => failure,
                Err(error) => format!("Plex could not be asked: failed to {error}. {}", error.advice()),
            };
            Requests { told: last.and_then(|it| it.told.clone()), failure }
        })
    };
    aside::look(app, "the friend requests", token_mark, is_fresh, ask)
}

async fn judged(app: &App, requests: Option<FriendRequests>) -> Result<ReadabilityList, ApiError> {
    let config = app.config();
    let friend_requests_known = requests.is_some();
    let requests = requests.unwrap_or_default();
    let users = app.database.read(move |db| {
        let named = |user| config.settings.users.named(user);
        everybody(db, named, &requests)
    });
    Ok(ReadabilityList { users: users.await?, friend_requests_known })
}

/// The friend requests and when Plex told them, asked for once a minute at most; or why it did not tell, as a sentence.
async fn requests(app: &App) -> Result<Result<(UnixMs, FriendRequests), String>, StoreError> {
    let way = PlexWay::open(app).await?;
    let Some(plex) = way.plex() else { return Ok(Err("No Plex account is linked: link one first.".to_owned())) };
    let (now_ms, token_mark) = (app.now_ms(), plex.token_mark());
    // Kept while Plex is asked: two who look at once do not ask twice.
    let mut known = app.friend_requests.lock().await;
    if let Some(seen) = &*known
        && seen.token_mark == token_mark
        && (0..BELIEVED_FOR_MS).contains(&now_ms.saturating_sub(seen.at_ms))
    {
        return Ok(seen.requests.clone().map(|requests| (seen.at_ms, requests)));
    }
    if let Some(until_ms) = way.cool_until_ms {
        return Ok(Err(format!("{}.", left_alone(until_ms))));
    }
    let asked = plex.friend_requests().await;
    way.close().await?;
    let requests = asked.map_err(|error| format!("Plex did not tell: failed to {error}. Look again in a moment."));
    *known = Some(FriendRequestsSeen { at_ms: now_ms, token_mark, requests: requests.clone() });
    Ok(requests.map(|requests| (now_ms, requests)))
}

fn everybody(
    db: Db<'_>,
    named: impl Fn(User) -> User,
    requests: &FriendRequests,
) -> Result<Vec<ReadabilityView>, StoreError> {
    let (mut views, mut known) = (Vec::new(), HashSet::new());
    for user in db.users()? {
        let user = named(user);
        let record = db.read_record(user.id)?;
        let seen = Seen {
            uuid: &user.uuid,
            relation: Some(user.relation),
            outcome: record.outcome,
            detail: record.detail.as_deref(),
            entries: db.has_open_entry(user.id)?.into(),
        };
        let told = readability(&seen, requests);
        views.push(ReadabilityView::of(&user.uuid, Some((user.called(), user.relation.word())), told));
        known.insert(user.uuid);
    }
    for uuid in requests.received.iter().chain(&requests.sent) {
        if known.insert(uuid.clone()) {
            let seen = Seen { uuid, relation: None, outcome: None, detail: None, entries: 0 };
            views.push(ReadabilityView::of(uuid, None, readability(&seen, requests)));
        }
    }
    Ok(views)
}

impl ReadabilityView {
    fn of(uuid: &UserUuid, known: Option<(&str, &'static str)>, told: Readability) -> Self {
        Self {
            uuid: uuid.to_string(),
            name: known.map(|(name, _)| name.to_owned()),
            relation: known.map(|(_, relation)| relation),
            state: told.state.word(),
            advice: told.advice,
        }
    }
}
