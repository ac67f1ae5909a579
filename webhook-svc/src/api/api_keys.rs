//! Keys for programs. A key is shown once, when it is made.

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::{ApiKeyId, ApiKeyRow, ApiKeyScope, NewApiKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer, shape};
use super::session::{done, new_secret};
use crate::audit::{self, By};
use crate::auth;
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/api-keys",
        tag: "api keys",
        summary: "Every API key, as far as it can be told.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Keys>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api-keys",
        tag: "api keys",
        summary: "Makes an API key, and shows it this once. API keys cannot make others, nor can who has not signed in.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Wanted>),
        answer: Answer::Json(shape::<Made>),
        handle: |ask| Box::pin(make(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/api-keys/{id}",
        tag: "api keys",
        summary: "Revokes an API key for ever. API keys cannot do that.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(revoke(ask)),
    },
];

/// What a key may be used for.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look.
    Read,
    /// Look, and change things.
    Write,
}

impl Scope {
    /// Whether it may change things.
    pub const fn may_write(self) -> bool {
        matches!(self, Self::Write)
    }
}

impl From<ApiKeyScope> for Scope {
    fn from(scope: ApiKeyScope) -> Self {
        match scope {
            ApiKeyScope::Read => Self::Read,
            ApiKeyScope::Write => Self::Write,
        }
    }
}

impl From<Scope> for ApiKeyScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Keys {
    /// The oldest first.
    pub keys: Vec<Key>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Key {
    pub id: i64,
    pub name: String,
    /// How the key begins.
    pub prefix: String,
    pub scope: Scope,
    pub created_at_ms: UnixMs,
    pub created_by: String,
    /// The last request with it, to the minute.
    pub used_at_ms: Option<UnixMs>,
}

impl From<ApiKeyRow> for Key {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            prefix: row.prefix,
            scope: row.scope.into(),
            created_at_ms: row.created_at_ms,
            created_by: row.created_by,
            used_at_ms: row.used_at_ms,
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// 1 to 64 characters; no other key has it.
    name: String,
    scope: Scope,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Made {
    pub id: i64,
    pub name: String,
    pub scope: Scope,
    /// The key, for the header X-Api-Key. It cannot be read again.
    pub key: String,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&all(&ask).await?)
}

/// Every API key.
///
/// # Errors
/// When the store cannot be read.
pub async fn all(ask: &Ask) -> Result<Keys, ApiError> {
    let keys = ask.app.database.read(|db| db.api_keys()).await?;
    Ok(Keys { keys: keys.into_iter().map(Key::from).collect() })
}

async fn make(ask: Ask) -> Result<Response, ApiError> {
    answer(&made(&ask).await?)
}

/// Makes the API key that the body describes.
///
/// # Errors
/// 403 for whoever may not, 409 for a name that another key has, 422 for one that is none.
pub async fn made(ask: &Ask) -> Result<Made, ApiError> {
    refuse_keys(ask)?;
    // A key outlives the mode in which nobody has to sign in, and would not tell whose it is.
    if !auth::is_somebody(&ask.app, &ask.headers, ask.remote).await? {
        return Err(ApiError::forbidden("API keys are made by somebody with a name: sign in"));
    }
    let Wanted { name, scope } = ask.json()?;
    let name = name.trim().to_owned();
    if !(1..=64).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        let message = "a name has 1 to 64 characters".to_owned();
        return Err(ApiError::fields(vec![FieldProblem { path: "name".to_owned(), message }]));
    }
    let key = format!("pulsarr_{}", new_secret()?);
    let (prefix, key_hash) = (key[..12].to_owned(), auth::hash(&key));
    let (by, wanted) = (By::of(ask), name.clone());
    let made = ask.app.database.write(move |store| {
        store.write(|db| {
            let (name, scope): (_, ApiKeyScope) = (wanted.as_str(), scope.into());
            let new = NewApiKey { name, prefix: &prefix, key_hash: &key_hash, scope, created_by: &by.who };
            let made = db.make_api_key(new, by.at_ms)?;
            if let Some(id) = made {
                audit::record(db, &by, "api_key.made", name, &json!({"id": id.0, "scope": scope.word()}))?;
            }
            Ok(made)
        })
    });
    let id = made.await?.ok_or_else(|| ApiError::conflict(format!("there is an API key `{name}` already")))?;
    Ok(Made { id: id.0, name, scope, key })
}

/// Revokes the API key in the path.
///
/// # Errors
/// 403 for whoever may not, 404 when there is none.
pub async fn revoke(ask: Ask) -> Result<Response, ApiError> {
    refuse_keys(&ask)?;
    let (id, by) = (ApiKeyId(ask.number("id")?), By::of(&ask));
    let revoked = ask.app.database.write(move |store| {
        store.write(|db| {
            let revoked = db.revoke_api_key(id)?;
            if let Some(name) = &revoked {
                audit::record(db, &by, "api_key.revoked", name, &json!({"id": id.0}))?;
            }
            Ok(revoked)
        })
    });
    let revoked = revoked.await?;
    revoked.map(|_| done()).ok_or_else(|| ApiError::not_found(format!("there is no API key with the number {}", id.0)))
}

/// A key that has leaked must not outlive its being revoked by having made others.
fn refuse_keys(ask: &Ask) -> Result<(), ApiError> {
    if ask.headers.contains_key(auth::API_KEY) {
        return Err(ApiError::forbidden("API keys are made and revoked by people: sign in"));
    }
    Ok(())
}
