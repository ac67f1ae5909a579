//! Where else somebody is signed in, and the end of that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pulsarr_shared::clock::UnixMs;
use serde::Serialize;
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::{Reply as _, Response};

use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::audit::{self, By};
use crate::auth::{self, LIMITS, Session};
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/sessions",
        tag: "session",
        summary: "Where whoever asks is signed in, the session that was used last first.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Sessions>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/sessions",
        tag: "session",
        summary: "Signs whoever asks out everywhere else. DELETE /session signs out here.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Ended>),
        handle: |ask| Box::pin(end_all_others(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/sessions/{id}",
        tag: "session",
        summary: "Signs whoever asks out at one of the places of GET /sessions.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(end_one(ask)),
    },
];

/// Where somebody is signed in.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sessions {
    /// The one that was used last first; empty for whoever asks without a session.
    pub sessions: Vec<SessionView>,
}

/// A browser that is signed in.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionView {
    /// By which it is ended: 12 letters, digits, `-` and `_`, which say nothing about its token.
    pub id: String,
    /// From where somebody signed in; `null` where that could not be told.
    pub address: Option<String>,
    /// When; unix milliseconds.
    pub started_at_ms: UnixMs,
    /// The last request, to the minute.
    pub seen_at_ms: UnixMs,
    /// It is the one that asks.
    pub this: bool,
}

/// What came of signing out.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ended {
    /// How many sessions there were besides the one that asks.
    pub ended: usize,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&all(&ask).await?)
}

/// Where whoever asks is signed in.
///
/// # Errors
/// When the store cannot be read.
pub async fn all(ask: &Ask) -> Result<Sessions, ApiError> {
    let Some(session) = own(ask).await? else { return Ok(Sessions { sessions: Vec::new() }) };
    let (admin, now_ms) = (session.row.admin, ask.app.now_ms());
    let found = ask.app.database.read(move |db| db.sessions_of(admin, LIMITS, now_ms)).await?;
    let sessions = found.into_iter().map(|it| SessionView {
        id: id_of(&it.token_hash),
        address: it.address,
        started_at_ms: it.created_at_ms,
        seen_at_ms: it.seen_at_ms,
        this: it.token_hash == session.token_hash,
    });
    Ok(Sessions { sessions: sessions.collect() })
}

async fn end_all_others(ask: Ask) -> Result<Response, ApiError> {
    answer(&end_others(&ask).await?)
}

/// Ends every session of whoever asks but the one that asks.
///
/// # Errors
/// 409 for whoever asks without a session; when the store cannot be written.
pub async fn end_others(ask: &Ask) -> Result<Ended, ApiError> {
    let Some(session) = own(ask).await? else {
        return Err(ApiError::conflict("only who has signed in with a password has sessions to end"));
    };
    let by = By::of(ask);
    let ended = ask.app.database.write(move |store| {
        store.write(|db| {
            let ended = db.end_other_sessions(session.row.admin, &session.token_hash)?;
            audit::record(db, &by, "session.others_ended", &session.row.username, &json!({"sessions_ended": ended}))?;
            Ok(ended)
        })
    });
    Ok(Ended { ended: ended.await? })
}

async fn end_one(ask: Ask) -> Result<Response, ApiError> {
    end(&ask).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends the session of whoever asks that the path names.
///
/// # Errors
/// 404 when there is none, or it has ended already; when the store cannot be written.
pub async fn end(ask: &Ask) -> Result<(), ApiError> {
    let gone = || ApiError::not_found("no session of yours has this id: it may have ended meanwhile");
    let session = own(ask).await?.ok_or_else(gone)?;
    let (by, id, now_ms) = (By::of(ask), ask.variable("id").to_owned(), ask.app.now_ms());
    let ended = ask.app.database.write(move |store| {
        store.write(|db| {
            let sessions = db.sessions_of(session.row.admin, LIMITS, now_ms)?;
            let Some(meant) = sessions.into_iter().find(|it| id_of(&it.token_hash) == id) else { return Ok(false) };
            let detail = json!({"address": meant.address, "started_at_ms": meant.created_at_ms});
            audit::record(db, &by, "session.other_ended", &session.row.username, &detail)?;
            db.end_session(&meant.token_hash)
        })
    });
    if ended.await? { Ok(()) } else { Err(gone()) }
}

/// What a session is called where its owner sees it: the beginning of a hash of what the store knows it by.
fn id_of(token_hash: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&auth::hash(&URL_SAFE_NO_PAD.encode(token_hash))[..9])
}

/// The session that asks; none for keys, proxies, and where nobody has to sign in.
async fn own(ask: &Ask) -> Result<Option<Session>, ApiError> {
    if ask.headers.contains_key(auth::API_KEY) {
        return Ok(None);
    }
    auth::session(&ask.app, &ask.headers).await
}

#[cfg(test)]
mod tests {
    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn the_others_end_and_the_one_that_asks_stays() {
        let visitor = Visitor::set_up("").await;
        let other = visitor.again().await;
        let seen = visitor.api("GET", "/sessions").await.json;
        assert_eq!(seen["sessions"].as_array().unwrap().len(), 2, "{seen}");
        let this = |it: &&serde_json::Value| it["this"] == true;
        assert_eq!(seen["sessions"].as_array().unwrap().iter().filter(this).count(), 1, "{seen}");
        assert_eq!(visitor.api("DELETE", "/sessions").await.json["ended"], 1);
        assert_eq!(visitor.api("GET", "/session").await.status, 200);
        assert_eq!(other.api(&visitor, "GET", "/session").await.status, 401);
        let audit = visitor.service.app.database.read(|db| db.audit(None, 1)).await.unwrap();
        assert_eq!(audit[0].action, "session.others_ended");
    }

    #[tokio::test]
    async fn one_is_ended_by_its_id_and_the_others_stay() {
        let visitor = Visitor::set_up("").await;
        let (lost, kept) = (visitor.again().await, visitor.again().await);
        let seen = kept.api(&visitor, "GET", "/sessions").await.json;
        let ids: Vec<_> = seen["sessions"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert!(ids.len() == 3 && ids.iter().all(|id| id.len() == 12), "{seen}");
        let own = lost.api(&visitor, "GET", "/sessions").await.json;
        let own = own["sessions"].as_array().unwrap().iter().find(|it| it["this"] == true).unwrap().clone();
        let path = format!("/sessions/{}", own["id"].as_str().unwrap());
        assert_eq!(visitor.api("DELETE", &path).await.status, 204);
        assert_eq!(lost.api(&visitor, "GET", "/session").await.status, 401);
        assert_eq!(kept.api(&visitor, "GET", "/session").await.status, 200);
        assert_eq!(visitor.api("DELETE", &path).await.status, 404);
        let audit = visitor.service.app.database.read(|db| db.audit(None, 1)).await.unwrap();
        assert_eq!(audit[0].action, "session.other_ended");
    }
}
