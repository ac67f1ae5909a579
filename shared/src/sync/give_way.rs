//! The owner comes first. Whoever starts a run for the owner's list says in the store that one waits; every other run, in whichever
//! process, looks for that once a second and ends early. What it leaves is noted, so that somebody goes on with it once the owner's run is done.

use std::convert::Infallible;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, info};

use super::Request;
use crate::clock::{UnixMs, has_passed};
use crate::model::{Relation, Trigger};
use crate::run::Run;
use crate::stop::StopReason;
use crate::store::{Db, Store, StoreError};

/// Since when the owner waits; unix milliseconds.
const OWNER_WAITS: &str = "sync.owner_waits_since_ms";

/// What was asked of the run that gave way, as JSON.
const GAVE_WAY: &str = "sync.gave_way";

/// Whoever asks for way asks again when it takes longer. One who has died meanwhile stops nobody.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// How often a run looks whether the owner waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a run has ended, in its report.
pub(super) const DETAIL: &str =
    "it gave way to the owner's list, which has changed; what it left is taken up right after";

/// What was asked of a run that gave way, and is to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GaveWay {
    /// Who had asked for it.
    pub trigger: Trigger,
    /// Only this user's list: a uuid or a name.
    pub user: Option<String>,
    /// Every list whole.
    pub full: bool,
}

/// Asks whoever runs to make way for a run for the owner's list.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn ask_for_way(store: &Store, now_ms: UnixMs) -> Result<(), StoreError> {
    store.write(|db| db.set_setting(OWNER_WAITS, &now_ms.to_string()))
}

/// The run that gave way and with which nobody has gone on yet.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn gave_way(db: Db<'_>) -> Result<Option<GaveWay>, StoreError> {
    // What a later version noted in other words, its own runs go on with.
    Ok(db.setting(GAVE_WAY)?.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Whether the run is the one that others make way for.
pub(super) fn is_the_owners(db: Db<'_>, request: &Request) -> Result<bool, StoreError> {
    let Some(name) = request.user.as_ref().filter(|_| request.trigger == Trigger::FastLane) else { return Ok(false) };
    Ok(db.users()?.iter().any(|user| user.relation == Relation::Owner && user.answers_to(name)))
}

/// A run begins: it is what the owner waited for, or goes on with what gave way.
pub(super) fn begins(db: Db<'_>, request: &Request) -> Result<(), StoreError> {
    if is_the_owners(db, request)? {
        return db.unset_setting(OWNER_WAITS);
    }
    match gave_way(db)? {
        Some(left) if request.user.is_none() || request.user == left.user => db.unset_setting(GAVE_WAY),
        _ => Ok(()),
    }
}

/// A run has given way. One of the fast lane is remembered there.
pub(super) fn leave(db: Db<'_>, request: &Request) -> Result<(), StoreError> {
    let Request { trigger, user, full, .. } = request.clone();
    if trigger == Trigger::FastLane {
        return Ok(());
    }
    let json = serde_json::to_string(&GaveWay { trigger, user, full }).unwrap_or_default();
    db.set_setting(GAVE_WAY, &json)
}

/// Tells the run to end once the owner waits. For beside the stages.
pub(super) async fn when_asked(run: &Run<'_>) -> Infallible {
    loop {
        match owner_waits(run.store.read(), run.clock.now_ms()) {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => debug!(run.id = %run.id, "failed to {error}"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    info!(run.id = %run.id, "the run gives way to the owner's list, and goes on after it");
    run.stop.request(StopReason::GivesWay);
    std::future::pending().await
}

fn owner_waits(db: Db<'_>, now_ms: UnixMs) -> Result<bool, StoreError> {
    let since_ms = db.setting(OWNER_WAITS)?.and_then(|at| at.parse::<UnixMs>().ok());
    Ok(since_ms.is_some_and(|at| !has_passed(at, BELIEVED_FOR, now_ms)))
}
