//! Has this list changed? One small question, compared with what the last look left on record: the owner's first page under its
//! ETag, the head of a friend's list. Stores nothing and reads no list; who finds a change starts a run for that user.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::plex::{OwnPage, Plex, PlexError};
use crate::clients::{FetchError, Transport};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Relation, UserUuid};
use crate::stop::Stop;
use crate::store::{Db, StoreError};
use crate::upstreams::{plex_urls, small_questions};

/// A list that can be watched: one that is read, and whose last look left a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Whose it is.
    pub uuid: UserUuid,
    /// For people.
    pub username: String,
    /// Whether it is the token owner's own list.
    pub own: bool,
    /// What the last look left: an ETag, or a fingerprint.
    pub mark: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// It is not what it was.
    Changed,
    /// Nothing was added since the last look.
    Unchanged,
    /// Plex did not tell. Nothing is known, and the next question may know more.
    Unknown(PlexError),
    /// Plex wants to be left alone (429), for so long, if it said how long.
    LeaveAlone(Option<Duration>),
}

/// Every list that can be watched, the owner's first. Nothing before the set-up is complete, and nobody whose list is not read; one
/// that was never read, or whose reading was cut before its mark was known, is the next regular run's.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn watched(db: Db<'_>, config: &Config) -> Result<Vec<Watched>, StoreError> {
    let settings = &config.settings;
    if settings.plex.token.is_none() || settings.instances.is_empty() {
        return Ok(Vec::new());
    }
    let mut lists = Vec::new();
    for user in db.users()? {
        let own = user.relation == Relation::Owner;
        let readable = own || (user.relation == Relation::Friend && settings.plex.friends);
        if !readable || !user.synced || !settings.users.syncs(&user) {
            continue;
        }
        if let Some(mark) = db.read_record(user.id)?.list_mark {
            lists.push(Watched { uuid: user.uuid, username: user.username, own, mark });
        }
    }
    Ok(lists)
}

/// Plex, asked in small questions: each is sent at once, once, and never repeated, because the next one comes soon anyway. `None`
/// without a token. The pauses between questions are the caller's.
#[must_use]
pub fn plex(
    config: &Config,
    transport: &Transport,
    clock: &Arc<dyn Clock>,
    stop: &Stop,
    client_identifier: String,
) -> Option<Plex> {
    let token = config.settings.plex.token.clone()?;
    let http = small_questions(transport, clock, stop);
    Some(Plex::new(http, plex_urls(&config.environment), token, client_identifier))
}

/// Asks once whether `list` has changed.
pub async fn has_changed(plex: &Plex, list: &Watched) -> Watching {
    let changed = if list.own {
        // Something between us and Plex may drop the condition; the ETag still tells.
        plex.own_watchlist_page(0, 1, Some(&list.mark)).await.map(|page| match page {
            OwnPage::NotModified => false,
            OwnPage::Page(page) => page.etag.as_ref() != Some(&list.mark),
        })
    } else {
        plex.friend_head(&list.uuid).await.map(|head| head != list.mark)
    };
    match changed {
        Ok(true) => Watching::Changed,
        Ok(false) => Watching::Unchanged,
        Err(PlexError::Fetch { source: FetchError::RateLimited { retry_after_s }, .. }) => {
            Watching::LeaveAlone(retry_after_s.map(Duration::from_secs))
        }
        Err(error) => Watching::Unknown(error),
    }
}
