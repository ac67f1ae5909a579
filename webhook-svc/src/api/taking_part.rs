//! Whose watchlists are acted on, chosen for several people at once. No endpoint: the API has `/users/bulk`.

use pulsarr_shared::model::{Section, User};
use pulsarr_shared::store::Db;
use serde_json::json;

use super::people::People;
use super::user_overrides::{Declared, changeable, is_of, keep};
use crate::app::App;
use crate::audit::By;
use crate::configuration::Note;
use crate::request::{ApiError, Ask};

/// Somebody who may take part.
pub struct Taker {
    /// Plex's key.
    pub uuid: String,
    /// Whether the list is acted on, as far as this person's own switch goes.
    pub synced: bool,
    /// The settings file decides.
    pub read_only: bool,
    /// Titles on the list.
    pub titles: u32,
}

/// What came of choosing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// There are lists now that nobody has read since.
    pub switched_on: bool,
}

/// Whether anybody's list was ever looked at.
///
/// # Errors
/// When the store cannot be read.
pub async fn any_looked_at(app: &App) -> Result<bool, ApiError> {
    let read = |db: Db<'_>| {
        for user in db.users()? {
            if db.read_record(user.id)?.read_at_ms.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    };
    Ok(app.database.read(read).await?)
}

/// Those of these people, by Plex's keys, who have a list.
///
/// # Errors
/// When the store cannot be read.
pub async fn takers(app: &App, whom: Vec<String>) -> Result<Vec<Taker>, ApiError> {
    let config = app.config();
    let read = move |db: Db<'_>| {
        let declared = Declared::of(&config);
        let taker = |user: &User| {
            Ok(Taker {
                uuid: user.uuid.as_str().to_owned(),
                synced: config.settings.users.syncs(user),
                read_only: declared.names(user),
                titles: db.open_entry_count(user.id)?,
            })
        };
        let users = db.users()?.into_iter().filter(|user| whom.iter().any(|uuid| *uuid == user.uuid.as_str()));
        users.map(|user| taker(&config.settings.users.named(user))).collect()
    };
    Ok(app.database.read(read).await?)
}

/// Switches the lists of these people on or off. All or none; what stands as wanted already stays as it is.
///
/// # Errors
/// 404 for somebody whom nobody knows, 409 for one whom the settings file decides about.
pub async fn choose(ask: &Ask, wanted: &[(String, bool)]) -> Result<Chosen, ApiError> {
    let (everybody, config) = (everybody(ask).await?, ask.app.config());
    let mut changes: Vec<(&User, bool)> = Vec::new();
    for (uuid, synced) in wanted {
        let found = everybody.0.iter().find(|user| user.uuid.as_str() == uuid);
        let user = found.ok_or_else(|| ApiError::not_found(format!("there is no user with the key `{uuid}`")))?;
        if config.settings.users.syncs(user) != *synced {
            changeable(&config, user)?;
            changes.push((user, *synced));
        }
    }
    let Some((first, _)) = changes.first() else { return Ok(Chosen::default()) };
    let first = first.uuid.as_str().to_lowercase();
    let name = |(user, _): &(&User, bool)| user.called().to_owned();
    let set: Vec<_> =
        changes.iter().map(|(user, synced)| json!({"uuid": user.uuid.as_str(), "sync": synced})).collect();
    let note = Note {
        by: By::of(ask),
        action: "user.settings_changed",
        target: changes.iter().map(name).collect::<Vec<_>>().join(", "),
        detail: json!({"set": set}),
    };
    let change = ask.app.configuration.change(&ask.app.database, (Section::Users, &first), note, |all| {
        for (user, synced) in &changes {
            let found = all.iter().find(|it| is_of(it, user)).and_then(|it| it.body.as_object());
            let mut body = found.cloned().unwrap_or_default();
            body.insert("sync".to_owned(), (*synced).into());
            keep(all, user, body);
        }
        Ok(())
    });
    change.await?;
    Ok(Chosen { switched_on: changes.iter().any(|(_, synced)| *synced) })
}

async fn everybody(ask: &Ask) -> Result<People, ApiError> {
    let config = ask.app.config();
    Ok(ask.app.database.read(move |db| People::of(db, &config)).await?)
}
