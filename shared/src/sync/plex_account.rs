//! Whose token it is, and whether it is dead. Only `GET /api/v2/user` decides that; a 401 from anywhere else is a rumour.

use std::cell::Cell;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::SyncError;
use crate::clients::plex::{Account, Plex, PlexError};
use crate::clock::{UnixMs, has_passed};
use crate::model::Relation;
use crate::report::{Problem, ProblemKind, Report};
use crate::run::Run;
use crate::upstreams::plex_problem;

/// How long a confirmed token is believed without asking again: an unchanged run must not spend a request on it.
const BELIEVED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The stored answer of the last time we asked.
const KEY: &str = "plex.account";

/// What became known about our credentials.
pub(super) enum Credentials {
    /// Plex says that the token is dead.
    Refused,
    /// It is alive, or nobody can tell.
    NotRefused,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    /// Tells one token from another without keeping it.
    token_mark: String,
    uuid: String,
    confirmed_at_ms: UnixMs,
}

/// Makes sure that the owner of the token is on record. Asks Plex for a token it has not asked about within a day. Only a refusal
/// takes back what Plex once said of a token: when it cannot tell, the lists are read all the same.
pub(super) async fn know_owner(run: &Run<'_>, plex: &Plex) -> Result<Result<(), PlexError>, SyncError> {
    let now_ms = run.clock.now_ms();
    let token_mark = plex.token_mark();
    let remembered = run.store.read().setting(KEY)?;
    let remembered = remembered.and_then(|json| serde_json::from_str::<Remembered>(&json).ok());
    let remembered = remembered.filter(|it| it.token_mark == token_mark);
    if remembered.as_ref().is_some_and(|it| !has_passed(it.confirmed_at_ms, BELIEVED_FOR, now_ms)) {
        return Ok(Ok(()));
    }
    let Account { uuid, username, display_name, .. } = match plex.account().await {
        Ok(account) => account,
        Err(error) if remembered.is_some() && !error.is_unauthorized() => {
            warn!("failed to {error}; its owner is known from before");
            return Ok(Ok(()));
        }
        Err(error) => return Ok(Err(error)),
    };
    let it = Remembered { token_mark, uuid: uuid.to_string(), confirmed_at_ms: now_ms };
    let json = serde_json::to_string(&it).unwrap_or_default();
    run.store.write(|db| {
        // Another account's token: the old owner's entries stay, and are read again when the old token comes back.
        for user in db.users()?.iter().filter(|user| user.relation == Relation::Owner && user.uuid != uuid) {
            db.upsert_user(&user.uuid, &user.username, &user.display_name, Relation::FormerFriend, now_ms)?;
        }
        db.upsert_user(&uuid, &username, &display_name, Relation::Owner, now_ms)?;
        db.set_setting(KEY, &json)
    })?;
    Ok(Ok(()))
}

/// Finds out what a refusal by one of Plex's other services means. Asks Plex once, however many lists are refused.
#[derive(Default)]
pub(super) struct Rumours {
    token_is_alive: Cell<bool>,
}

impl Rumours {
    /// Asks Plex about the token when `error` looks like a refusal of it.
    pub(super) async fn confirm(&self, plex: &Plex, error: &PlexError) -> Credentials {
        if !error.is_unauthorized() || self.token_is_alive.get() {
            return Credentials::NotRefused;
        }
        match plex.account().await {
            Err(error) if error.is_unauthorized() => Credentials::Refused,
            answer => {
                self.token_is_alive.set(answer.is_ok());
                Credentials::NotRefused
            }
        }
    }

    /// Puts a failure of a question that is not about one list into the report. A refusal that Plex does not stand by is a fault
    /// of the service that uttered it.
    pub(super) async fn report(&self, plex: &Plex, error: &PlexError, report: &mut Report) -> Credentials {
        let credentials = self.confirm(plex, error).await;
        report.problem(match credentials {
            Credentials::Refused => plex_problem(&PlexError::unauthorized()),
            Credentials::NotRefused if error.is_unauthorized() => Problem {
                upstream: "plex".into(),
                kind: ProblemKind::Down,
                message: format!(
                    "Plex: failed to {error}, although nothing is wrong with the token. The next run tries again."
                ),
            },
            Credentials::NotRefused => plex_problem(error),
        });
        credentials
    }
}
