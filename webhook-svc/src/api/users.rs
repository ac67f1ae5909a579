//! Whose watchlists are read, and what the last look told.

use pulsarr_shared::config::Config;
use pulsarr_shared::model::User;
use pulsarr_shared::quota;
use pulsarr_shared::store::{Db, EntryFilter, EntryLine, StoreError};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::editing::{state_now, with_version};
use super::endpoint::{Answer, Endpoint, answer, shape};
use super::user_overrides::Declared;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/users",
    tag: "users",
    summary: "Everybody who ever had a watchlist here, the owner first, then by user name.",
    access: Access::Read,
    query: &[],
    body: None,
    answer: Answer::Json(shape::<UserList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Everybody.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UserList {
    /// The owner first, then by user name.
    pub users: Vec<UserView>,
}

/// A person with a watchlist.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UserView {
    /// Plex's key: names change, this does not.
    pub uuid: String,
    /// What the household calls them, or Plex's user name.
    pub name: String,
    /// Plex's user name.
    pub username: String,
    /// The name Plex shows.
    pub display_name: String,
    /// The name from the settings.
    pub alias: Option<String>,
    /// `owner`, `friend`, `former_friend`
    pub relation: &'static str,
    /// Whether the list is read, and what is on it decided and added.
    pub synced: bool,
    /// The last look at the list; unix milliseconds; `null`: none yet.
    pub read_at_ms: Option<i64>,
    /// What came of it: `complete`, `newest`, `not_modified`, `not_shared`, `unknown`.
    pub read_outcome: Option<&'static str>,
    /// The same in plain words, when there is something to say.
    pub read_detail: Option<String>,
    /// The last look that saw the whole list.
    pub complete_at_ms: Option<i64>,
    /// Titles on the list.
    pub open_entries: u32,
    /// The settings file says what is different for them, so it is changed there.
    pub read_only: bool,
    /// What the household allows them.
    pub standing: StandingView,
}

/// What the household allows a user.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StandingView {
    /// Somebody is asked about everything.
    pub require_approval: bool,
    /// Quotas hold nothing back.
    pub bypass_quota: bool,
    /// `3 movies a day`; /quotas tells how full they are.
    pub quotas: Vec<String>,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let (list, state) = page(&ask).await?;
    Ok(with_version(answer(&list)?, Some(state)))
}

/// Everybody, and the state of the settings by which they are judged.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(ask: &Ask) -> Result<(UserList, i64), ApiError> {
    let config = ask.app.config();
    let state = state_now(&config);
    let list = ask.app.database.read(move |db| everybody(db, &config)).await?;
    Ok((list, state))
}

/// The person with this uuid; `None`: nobody has it.
///
/// # Errors
/// When the store cannot be read.
pub async fn one(ask: &Ask, uuid: &str) -> Result<Option<UserView>, ApiError> {
    let (config, uuid) = (ask.app.config(), uuid.to_owned());
    let found = ask.app.database.read(move |db| {
        let user = db.users()?.into_iter().find(|user| user.uuid.as_str() == uuid);
        let view = |user: User| {
            let open_entries = db.open_entry_count(user.id)?;
            UserView::of(db, (&config, &Declared::of(&config)), user, open_entries)
        };
        user.map(view).transpose()
    });
    Ok(found.await?)
}

fn everybody(db: Db<'_>, config: &Config) -> Result<UserList, StoreError> {
    let open = db.open_entries_of_users()?;
    let declared = Declared::of(config);
    let users = db.users()?.into_iter().map(|user| {
        let open_entries = open.get(&user.id).copied().unwrap_or_default();
        UserView::of(db, (config, &declared), user, open_entries)
    });
    Ok(UserList { users: users.collect::<Result<_, _>>()? })
}

impl UserView {
    fn of(db: Db<'_>, by: (&Config, &Declared<'_>), user: User, open_entries: u32) -> Result<Self, StoreError> {
        let (config, declared) = by;
        let settings = &config.settings;
        let user = settings.users.named(user);
        let (record, standing) = (db.read_record(user.id)?, settings.users.standing(&user));
        Ok(Self {
            uuid: user.uuid.as_str().to_owned(),
            name: user.called().to_owned(),
            relation: user.relation.word(),
            synced: settings.reads(&user),
            read_at_ms: record.read_at_ms,
            read_outcome: record.outcome.map(|outcome| outcome.word()),
            read_detail: record.detail,
            complete_at_ms: record.complete_at_ms,
            open_entries,
            read_only: declared.names(&user),
            standing: StandingView {
                require_approval: standing.require_approval,
                bypass_quota: standing.bypass_quota,
                quotas: standing.quotas.iter().map(quota::in_words).collect(),
            },
            username: user.username,
            display_name: user.display_name,
            alias: user.alias,
        })
    }
}

/// A title on somebody's list, in short.
#[derive(Debug)]
pub struct ListedTitle {
    /// The entry's number.
    pub id: i64,
    /// What it is called.
    pub title: String,
    /// Year of first release.
    pub year: Option<u16>,
    /// Where it stands.
    pub state: &'static str,
    /// When it was first seen; unix milliseconds.
    pub appeared_at_ms: i64,
}

/// The newest titles of the list of the person with this uuid, at most `limit`.
///
/// # Errors
/// When the store cannot be read.
pub async fn latest_titles(ask: &Ask, uuid: &str, limit: u32) -> Result<Vec<ListedTitle>, ApiError> {
    let uuid = uuid.to_owned();
    let found = ask.app.database.read(move |db| {
        let Some(user) = db.users()?.into_iter().find(|user| user.uuid.as_str() == uuid) else { return Ok(Vec::new()) };
        db.entry_page(&EntryFilter { user: Some(user.id), ..EntryFilter::default() }, None, limit)
    });
    let short = |line: EntryLine| ListedTitle {
        id: line.id.0,
        title: line.title,
        year: line.year,
        state: line.state.word(),
        appeared_at_ms: line.appeared_at_ms,
    };
    Ok(found.await?.into_iter().map(short).collect())
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn a_user_tells_names_standing_and_list() {
        let household = Household::new(SETTINGS);
        household.wish(2);
        let user = household.get(ENDPOINTS, "/users", "").await.unwrap()["users"][0].clone();
        assert_eq!((&user["display_name"], &user["relation"]), (&"Ana".into(), &"owner".into()));
        assert_eq!((&user["open_entries"], &user["synced"]), (&2.into(), &true.into()));
        assert_eq!(user["standing"]["quotas"], serde_json::json!(["4 movies a day"]));
        assert!(user["read_at_ms"].is_null());
    }
}
