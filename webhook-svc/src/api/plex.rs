//! The Plex account and the household's Plex server: how they stand, and which server is asked what the household has.

use std::sync::Arc;

use futures_util::future::join_all;
use pulsarr_shared::clients::plex::{PlexServerListing, token_mark};
use pulsarr_shared::config::Config;
use pulsarr_shared::link::{Choice, TokenHealth, choose_connection};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::store::Db;
use pulsarr_shared::sync;
use pulsarr_shared::upstreams::forget_server_token;
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::http::Method;
use warp::reply::Response;

use super::editing::{Standing, all_unchanged, expected_version, only_value_of};
use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::app::{App, ServerSeen};
use crate::aside::{self, FAILED_FOR_MS, FRESH_FOR_MS, Known};
use crate::audit::By;
use crate::configuration::Note;
use crate::plex_server::{belongs, look_at_server};
use crate::plex_way::PlexWay;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/plex",
        tag: "plex",
        summary: "How the Plex account and the Plex server stand; the token is never told.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<PlexView>),
        handle: |ask| Box::pin(look(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/plex/servers",
        tag: "plex",
        summary: "The Plex servers that the account can reach, and which of their addresses lead there from here. Takes a few seconds.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<ServerList>),
        handle: |ask| Box::pin(servers(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/plex/server",
        tag: "plex",
        summary: "Takes the Plex server at `url` for the household's own, if one of the account's answers there. `null` forgets it. Takes the `If-Match` of GET /settings.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Chosen>),
        answer: Answer::Json(shape::<ServerView>),
        handle: |ask| Box::pin(choose(ask)),
    },
];

/// How Plex stands.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlexView {
    /// Whether there is a token.
    pub linked: bool,
    /// Where the token comes from: `file`, `stored`, `none`.
    pub source: &'static str,
    /// Whether the settings file declares it, so that it is changed there.
    pub read_only: bool,
    /// Whose it is; `null` while nobody has been told.
    pub account: Option<AccountView>,
    /// Whether the account has a Plex Pass; `null` while nobody has been told.
    pub plex_pass: Option<bool>,
    /// Whether Plex takes the token; `null` without one.
    pub token: Option<TokenView>,
    /// The household's Plex server; `null` when none is set.
    pub server: Option<ServerView>,
    /// Until when Plex wants to be left alone; unix milliseconds; `null`: it may be asked.
    pub cool_until_ms: Option<i64>,
}

/// A Plex account.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AccountView {
    /// Plex's user name.
    pub username: String,
}

/// Whether Plex takes the token.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TokenView {
    /// `alive`, `dead`: link the account again, `unknown`: nobody could ask.
    pub state: &'static str,
    /// When Plex was last asked; unix milliseconds; `null`: not yet.
    pub checked_at_ms: Option<i64>,
}

/// The household's Plex server.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerView {
    /// Its address; `null`: none is set.
    pub url: Option<String>,
    /// Whether it answered; `null`: it was not asked yet.
    pub reachable: Option<bool>,
    /// What its owner calls it, where Plex told.
    pub name: Option<String>,
    /// When it was asked; unix milliseconds.
    pub checked_at_ms: Option<i64>,
    /// What is wrong and what to do; `null` when it is well.
    pub advice: Option<String>,
}

/// What is to be the household's Plex server.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(dead_code, reason = "only described: the body is read key by key")]
struct Chosen {
    /// Its address: `http://192.168.1.20:32400`; `null` for none.
    url: Option<String>,
}

/// The servers of the account.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerList {
    /// The owner's own first.
    pub servers: Vec<ListedServer>,
}

/// A Plex server that the account can reach.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListedServer {
    /// What its owner calls it.
    pub name: String,
    /// Plex's key for it.
    pub machine_identifier: String,
    /// Whether it is the account's own: only such a one can be asked what it has.
    pub owned: bool,
    /// The best address that leads there from here, for `POST /plex/server`; `null` when none does.
    pub url: Option<String>,
    /// Every address, the best kind first.
    pub connections: Vec<ConnectionView>,
}

/// One address of a Plex server.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConnectionView {
    /// The address.
    pub url: String,
    /// In the server's own network.
    pub local: bool,
    /// Through Plex's machines, which is slow.
    pub relay: bool,
    /// Whether that very server answered.
    pub reachable: bool,
    /// The server's version, or why the address is of no use.
    pub detail: String,
}

async fn look(ask: Ask) -> Result<Response, ApiError> {
    answer(&standing(&ask.app).await?)
}

/// How Plex stands.
///
/// # Errors
/// When the store cannot be read.
pub async fn standing(app: &App) -> Result<PlexView, ApiError> {
    let (config, now_ms) = (&app.config(), app.now_ms());
    let mark = config.settings.plex.token.as_ref().map(token_mark);
    let linked = mark.is_some();
    // Pages look here: nobody waits for whoever writes.
    let known = app.database.read(move |db| {
        let health = mark.map_or(Ok(None), |mark| TokenHealth::remembered(&mark, db))?;
        Ok((health, sync::cool_until(db, now_ms)?))
    });
    let (health, cool_until_ms) = known.await?;
    let declared = Standing::of_value(config, "plex.token");
    let source = match linked {
        false => "none",
        true if declared.read_only => "file",
        true => "stored",
    };
    let token = linked.then(|| TokenView {
        state: health.as_ref().map_or("unknown", |health| health.state.word()),
        checked_at_ms: health.as_ref().map(|health| health.checked_at_ms),
    });
    Ok(PlexView {
        linked,
        source,
        read_only: declared.read_only,
        plex_pass: health.as_ref().and_then(|health| health.plex_pass),
        account: health.and_then(|health| health.username).map(|username| AccountView { username }),
        token,
        server: server_view(config, app.plex_health.server()),
        cool_until_ms,
    })
}

fn server_view(config: &Config, seen: Option<ServerSeen>) -> Option<ServerView> {
    let url = config.settings.plex.server_url.clone()?;
    let seen = seen.filter(|seen| seen.url == url);
    Some(seen.map_or_else(|| ServerView::unseen(Some(url)), ServerView::of))
}

impl ServerView {
    const fn unseen(url: Option<String>) -> Self {
        Self { url, reachable: None, name: None, checked_at_ms: None, advice: None }
    }

    fn of(seen: ServerSeen) -> Self {
        Self {
            url: Some(seen.url),
            reachable: Some(seen.outcome.is_ok()),
            name: seen.name,
            checked_at_ms: Some(seen.checked_at_ms),
            advice: seen.outcome.err(),
        }
    }
}

async fn servers(ask: Ask) -> Result<Response, ApiError> {
    answer(&reachable_servers(&ask.app).await?)
}

/// The servers of the account, as they were found last, or why they were not, as a sentence. They are looked for meanwhile where that is
/// old.
///
/// # Errors
/// 409 without an account.
pub fn servers_last(app: &Arc<App>) -> Result<Known<Result<ServerList, String>>, ApiError> {
    let token = app.config().settings.plex.token.clone().ok_or_else(unlinked)?;
    let asking = Arc::clone(app);
    let is_fresh = |found: &Result<_, _>, age_ms| age_ms < if found.is_ok() { FRESH_FOR_MS } else { FAILED_FOR_MS };
    let ask = |_| -> aside::Question<Result<ServerList, String>> {
        Box::pin(async move { reachable_servers(&asking).await.map_err(|error| error.message().to_owned()) })
    };
    Ok(aside::look(app, "the servers of the account", &token_mark(&token), is_fresh, ask))
}

fn unlinked() -> ApiError {
    ApiError::conflict("no Plex account is linked: link one first")
}

/// The servers of the account; takes a few seconds.
///
/// # Errors
/// 409 without an account, 503 when Plex does not tell.
async fn reachable_servers(app: &App) -> Result<ServerList, ApiError> {
    let way = PlexWay::open(app).await?;
    let plex = way.plex().ok_or_else(unlinked)?;
    way.may_ask()?;
    let listed = plex.servers().await;
    way.close().await?;
    let mut listed = listed.map_err(|error| ApiError::unavailable(format!("failed to {error}")))?;
    listed.sort_by_key(|server| !server.owned);
    let choices = listed.iter().map(|server| {
        choose_connection(server, |connection| {
            let server = way.server(connection.uri);
            async move { server.identity().await }
        })
    });
    let choices = join_all(choices).await;
    Ok(ServerList { servers: listed.into_iter().zip(choices).map(ListedServer::of).collect() })
}

impl ListedServer {
    fn of((server, choice): (PlexServerListing, Choice)) -> Self {
        let connections = choice.tried.into_iter().map(|tried| ConnectionView {
            url: tried.connection.uri,
            local: tried.connection.local,
            relay: tried.connection.relay,
            reachable: tried.outcome.is_ok(),
            detail: tried.outcome.unwrap_or_else(|why_not| why_not),
        });
        Self {
            name: server.name,
            machine_identifier: server.machine_identifier,
            owned: server.owned,
            url: choice.chosen.map(|connection| connection.uri),
            connections: connections.collect(),
        }
    }
}

/// Takes the server at the body's `url` for the household's own.
///
/// # Errors
/// 409 where the settings file has one, 412 for what was changed meanwhile, 422 for a server that is none of the account's.
pub async fn choose(ask: Ask) -> Result<Response, ApiError> {
    const KEY: &str = "server_url";
    let expected = expected_version(&ask)?;
    let app = &ask.app;
    let wanted = match only_value_of(&ask, "url")? {
        Some(Value::Null) => None,
        Some(Value::String(url)) => Some(url.trim().to_owned()),
        _ => return Err(ApiError::input("`url` is an address, or null for none")),
    };
    let way = PlexWay::open(app).await?;
    Standing::of_value(&way.config, "plex.server_url").changeable("plex.server_url")?;
    // What is no address is refused before anybody is asked.
    let mut all = app.configuration.declarations(&app.database).await?;
    all_unchanged(&all, expected)?;
    put(&mut all, KEY, wanted.clone().map(Value::String));
    let checked = app.configuration.check_aside(all, (Section::Plex, "")).await?;
    let url = checked.settings.plex.server_url.filter(|_| wanted.is_some());
    let seen = match url.clone() {
        None => None,
        Some(url) => Some(look_at_server(app, &way, url).await),
    };
    let token = match &seen {
        Some(seen) => belongs(app, way.plex().as_ref(), seen, &way).await.map(Some),
        None => Ok(None),
    };
    way.close().await?;
    let token = token.map_err(|refused| refused.at("url"))?;
    let action = if url.is_some() { "plex.server_set" } else { "plex.server_forgotten" };
    let note = Note { by: By::of(&ask), action, target: "plex".to_owned(), detail: json!({"url": url}) };
    let edit = |all: &mut Vec<Declaration>| {
        all_unchanged(all, expected)?;
        put(all, KEY, url.map(Value::String));
        Ok(())
    };
    let also = move |db: Db<'_>| match token {
        Some(token) => token.keep(db),
        None => forget_server_token(db),
    };
    app.configuration.change_with(&app.database, (Section::Plex, ""), note, edit, also).await?;
    app.plex_health.note_server(seen.clone());
    answer(&seen.map_or_else(|| ServerView::unseen(None), ServerView::of))
}

/// Sets or removes one key of what is kept about Plex; its other keys stay.
pub(super) fn put(all: &mut Vec<Declaration>, key: &str, value: Option<Value>) {
    let is_it = |it: &Declaration| it.section == Section::Plex;
    let mut keys = match all.iter().find(|it| is_it(it)).map(|it| it.body.clone()) {
        Some(Value::Object(keys)) => keys,
        _ => Map::new(),
    };
    match value {
        Some(value) => drop(keys.insert(key.to_owned(), value)),
        None => drop(keys.remove(key)),
    }
    if keys.is_empty() {
        all.retain(|it| !is_it(it));
        return;
    }
    let body = Value::Object(keys);
    match all.iter_mut().find(|it| is_it(it)) {
        Some(found) => found.body = body,
        None => all.push(Declaration { section: Section::Plex, name: String::new(), position: 0, body, version: 0 }),
    }
}
