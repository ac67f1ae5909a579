//! Whose list can be read, and what to do about the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::plex::FriendRequests;
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::link::{Readability, Seen, readability};
use pulsarr_shared::model::{User, UserUuid};
use pulsarr_shared::store::{Db, StoreError};
use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::app::{App, FriendRequestsSeen};
use crate::detached::on_its_own;
use crate::plex_way::PlexWay;
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
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadabilityList {
    /// Everybody on record, the owner first; then those who are in a friend request only.
    pub users: Vec<ReadabilityView>,
    /// Whether Plex told the friend requests; without them, somebody who was asked looks like somebody who was not.
    pub friend_requests_known: bool,
}

/// One person's list.
#[derive(Debug, Serialize, JsonSchema)]
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

/// How long a page waits for Plex to tell the friend requests; whoever looks later sees what it told.
const PAGES_WAIT: Duration = Duration::from_millis(400);

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&all(&ask.app).await?)
}

/// Everybody's list. Plex is asked for the friend requests once a minute at most.
///
/// # Errors
/// When the store cannot be read.
pub async fn all(app: &App) -> Result<ReadabilityList, ApiError> {
    judged(app, requests(app).await?).await
}

/// Whose list can be read, for a page, which does not wait until Plex answers.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(ask: &Ask) -> Result<ReadabilityList, ApiError> {
    let app = Arc::clone(&ask.app);
    // Goes on when nobody waits any more, so that the answer is known the next time.
    let asked = on_its_own(async move { requests(&app).await });
    let told = tokio::time::timeout(PAGES_WAIT, asked).await;
    let requests = told.ok().and_then(Result::ok).transpose()?.flatten();
    judged(&ask.app, requests).await
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

/// The friend requests, asked for once a minute at most; none when Plex does not tell, or there is no token.
async fn requests(app: &App) -> Result<Option<FriendRequests>, StoreError> {
    let way = PlexWay::open(app).await?;
    let Some(plex) = way.plex() else { return Ok(None) };
    let (now_ms, token_mark) = (app.now_ms(), plex.token_mark());
    // Kept while Plex is asked: two who look at once do not ask twice.
    let mut known = app.friend_requests.lock().await;
    if let Some(seen) = &*known
        && seen.token_mark == token_mark
        && (0..BELIEVED_FOR_MS).contains(&now_ms.saturating_sub(seen.at_ms))
    {
        return Ok(seen.requests.clone());
    }
    if way.cool_until_ms.is_some() {
        return Ok(None);
    }
    let asked = plex.friend_requests().await;
    way.close().await?;
    let requests = asked.inspect_err(|error| tracing::debug!("failed to {error}")).ok();
    *known = Some(FriendRequestsSeen { at_ms: now_ms, token_mark, requests: requests.clone() });
    Ok(requests)
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
