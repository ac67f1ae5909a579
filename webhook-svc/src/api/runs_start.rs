//! Starting a run by hand.

use std::time::Duration;

use pulsarr_shared::model::Trigger;
use pulsarr_shared::store::Store;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::{Access, Answer, ApiError, Ask, Endpoint, shape};
use crate::audit::{self, By};
use crate::engine::{NotBegun, Wish};

/// How long a run that is going on is waited for: one for a single user is often over before anybody could ask again.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/runs",
    tag: "runs",
    summary: "Starts a run now (202), unless another one is going on (409 with who that is).",
    access: Access::Write,
    query: &[],
    body: Some(shape::<RunWish>),
    answer: Answer::Accepted(shape::<RunStarted>),
    handle: |ask| Box::pin(start(ask)),
}];

/// The run that is wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RunWish {
    /// Only this user's list: a uuid or a name. Absent: every list.
    user: Option<String>,
    /// Every list whole, whatever is on record.
    full: bool,
}

/// The run that has begun.
#[derive(Debug, Serialize, JsonSchema)]
struct RunStarted {
    /// Its id: `GET /runs/{id}` tells how it is doing.
    run_id: String,
}

async fn start(ask: Ask) -> Result<Response, ApiError> {
    let RunWish { user, full } = ask.json()?;
    if let Some(name) = user.clone() {
        let known = ask.app.database.run(|store| store.read().users()).await?;
        if !known.iter().any(|user| user.answers_to(&name)) {
            return Err(ApiError::not_found(format!("there is no user called `{name}`")));
        }
    }
    let (by, detail) = (By::of(&ask), json!({"user": &user, "full": full}));
    let begun = ask.app.engine.begin_within(Wish { trigger: Trigger::Api, user, full }, PATIENCE).await;
    match begun {
        Ok(begun) => {
            tracing::info!(run.id = %begun.run_id, "{} has started a run", ask.who.name);
            let run_id = begun.run_id.clone();
            let noted = move |store: &Store| store.write(|db| audit::record(db, &by, "run.started", &run_id, &detail));
            ask.app.database.run(noted).await?;
            Ok(super::json(StatusCode::ACCEPTED, &RunStarted { run_id: begun.run_id }))
        }
        Err(error @ NotBegun::Busy { .. }) => {
            ask.app.database.run(|store| store.write(|db| db.count_lock_busy())).await?;
            Err(ApiError::conflict(format!("failed to {error}")))
        }
        Err(error) => Err(ApiError::unavailable(format!("failed to {error}"))),
    }
}
