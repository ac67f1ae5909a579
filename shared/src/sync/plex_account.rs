//! Whose token it is, and whether it is dead. Only `GET /api/v2/user` decides that; a 401 from anywhere else is a rumour.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SyncError;
use crate::clients::plex::{Account, Plex, PlexError};
use crate::clock::{UnixMs, has_passed};
use crate::model::Relation;
use crate::run::Run;

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

/// Makes sure that the owner of the token is on record. Asks Plex about a token that it has not confirmed within a day; when Plex
/// cannot tell, a token that it confirmed before goes on being believed.
pub(super) async fn know_owner(run: &Run<'_>, plex: &Plex) -> Result<Result<(), PlexError>, SyncError> {
    let now_ms = run.clock.now_ms();
    let token_mark = plex.token_mark();
    let remembered = run.store.read().setting(KEY)?;
    let remembered = remembered.and_then(|json| serde_json::from_str::<Remembered>(&json).ok());
    let known = remembered.filter(|it| it.token_mark == token_mark);
    if known.as_ref().is_some_and(|it| !has_passed(it.confirmed_at_ms, BELIEVED_FOR, now_ms)) {
        return Ok(Ok(()));
    }
    let Account { uuid, username, display_name } = match plex.account().await {
        Ok(account) => account,
        Err(error) if known.is_some() && !error.is_unauthorized() => return Ok(Ok(())),
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

/// Asks Plex about the token when `error` looks like a refusal of it.
pub(super) async fn confirm_credentials(plex: &Plex, error: &PlexError) -> Credentials {
    if error.is_unauthorized() && plex.account().await.is_err_and(|error| error.is_unauthorized()) {
        Credentials::Refused
    } else {
        Credentials::NotRefused
    }
}
