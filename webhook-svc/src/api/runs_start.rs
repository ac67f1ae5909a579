//! Starting a run by hand.

use std::time::Duration;

use pulsarr_shared::lock::Holder;
use pulsarr_shared::model::Trigger;
use pulsarr_shared::store::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, shape};
use crate::audit::{self, By};
use crate::detached::on_its_own;
use crate::engine::{NotBegun, Wish};
use crate::request::{Access, ApiError, Ask, json};

/// How long a run that is going on is waited for: one for a single user is often over before anybody could ask again.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a run that has begun is looked for, and how long is waited in between.
const NOTED_WITHIN: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(20);

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
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct RunWish {
    /// Only this user's list: a uuid or a name. Absent: every list.
    user: Option<String>,
    /// Every list whole, whatever is on record.
    full: bool,
}

/// The run that has begun.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunStarted {
    /// Its id: `GET /runs/{id}` tells how it is doing.
    pub run_id: String,
}

async fn start(ask: Ask) -> Result<Response, ApiError> {
    Ok(json(StatusCode::ACCEPTED, &started(ask).await?))
}

/// Starts the run of the body.
///
/// # Errors
/// 404 for a user whom nobody knows, 409 with who is at work already, 503 when it cannot begin.
pub async fn started(ask: Ask) -> Result<RunStarted, ApiError> {
    let RunWish { user, full } = ask.json()?;
    match start_run(&ask, user, full).await? {
        Start::Begun(run_id) => {
            // Whoever is told of it looks at it next.
            is_noted(&ask, &run_id).await?;
            Ok(RunStarted { run_id })
        }
        Start::Busy(by) => Err(ApiError::conflict(format!("failed to {}", NotBegun::Busy { by }))),
    }
}

/// What came of the wish for a run.
pub enum Start {
    /// It has begun: its id.
    Begun(String),
    /// Another one is going on, and goes on for longer than anybody waits; whose, if the lock tells.
    Busy(Option<Holder>),
}

/// Starts a run: of all lists, or of one user's; `full` reads them whole.
///
/// # Errors
/// 404 for a user whom nobody knows, 503 when no run can begin.
pub async fn start_run(ask: &Ask, user: Option<String>, full: bool) -> Result<Start, ApiError> {
    if let Some(name) = user.clone() {
        let known = ask.app.database.read(|db| db.users()).await?;
        if !known.iter().any(|user| user.answers_to(&name)) {
            return Err(ApiError::not_found(format!("there is no user called `{name}`")));
        }
    }
    // On its own feet: whoever asked may go away, and a run that has begun has to be noted all the same.
    let ask = ask.clone();
    let work = on_its_own(async move { begin(&ask, user, full).await });
    work.await.unwrap_or_else(|_| Err(ApiError::unavailable("the start broke off: look whether a run has begun")))
}

async fn begin(ask: &Ask, user: Option<String>, full: bool) -> Result<Start, ApiError> {
    let (by, detail) = (By::of(ask), json!({"user": &user, "full": full}));
    let begun = ask.app.engine.begin_within(Wish { trigger: Trigger::Api, user, full }, PATIENCE).await;
    match begun {
        Ok(begun) => {
            tracing::info!(run.id = %begun.run_id, "{} has started a run", ask.who.name);
            let run_id = begun.run_id.clone();
            let noted = move |store: &Store| store.write(|db| audit::record(db, &by, "run.started", &run_id, &detail));
            ask.app.database.write(noted).await?;
            Ok(Start::Begun(begun.run_id))
        }
        Err(NotBegun::Busy { by }) => {
            ask.app.database.write(|store| store.write(|db| db.count_lock_busy())).await?;
            Ok(Start::Busy(by))
        }
        Err(error) => Err(ApiError::unavailable(format!("failed to {error}"))),
    }
}

/// Waits until a run that has begun is on record, which is a moment later, or it is clear that it never will be.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_noted(ask: &Ask, id: &str) -> Result<bool, ApiError> {
    for _ in 0..NOTED_WITHIN {
        let known = id.to_owned();
        if ask.app.database.read(move |db| db.run(&known)).await?.is_some() {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::household::Household;
    use super::*;
    use futures_util::future::poll_immediate;

    #[tokio::test]
    async fn a_run_that_was_started_is_noted_also_when_its_asker_went_away() {
        let household = Household::new("");
        {
            let mut asked = Box::pin(household.ask(ENDPOINTS, (Method::POST, "/runs"), "", "", "{}"));
            assert!(poll_immediate(&mut asked).await.is_none());
        }
        // The order to begin it is given; nobody is there to hear what comes of it.
        let mut noted = Vec::new();
        for _ in 0..1_000 {
            noted = household.app.database.read(|db| db.audit(None, 10)).await.unwrap();
            if !noted.is_empty() {
                break;
            }
        }
        assert_eq!(noted.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["run.started"]);
        household.app.engine.idle().await;
    }
}
