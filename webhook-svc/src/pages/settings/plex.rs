//! The Plex account and the household's Plex server: how they stand, and what of it can be changed.

use std::sync::Arc;

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::group::{self, Group};
use crate::api::plex::{self, PlexView, ServerList};
use crate::api::{plex_link, settings};
use crate::aside::Known;
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/settings/plex", |ask| Box::pin(show(ask))),
    Page::form("/settings/plex/friends", |ask| Box::pin(save_friends(ask))),
    Page::form("/settings/plex/server", |ask| Box::pin(choose_server(ask))),
    Page::form("/settings/plex/unlink", |ask| Box::pin(unlink(ask))),
];

const SECTION: &str = "plex";
const HERE: &str = "/settings/plex";

#[derive(Template)]
#[template(path = "settings/plex.html")]
struct Plex {
    frame: Frame,
    form: Form,
    group: Group,
    /// Whether friends' lists are read too: as it is, or as it was sent.
    friends: bool,
    /// The state of everything that is kept, which choosing a server goes by.
    state: i64,
    plex: PlexView,
    token: Option<Token>,
    /// When the server was asked.
    server_asked_at: String,
    /// Until when Plex is left alone.
    cool_until: String,
    servers: Servers,
    versions: Option<Versions>,
    here: String,
}

impl Plex {
    /// What is wrong with the address: as one, or as that of a server.
    fn url_error(&self) -> &str {
        let error = self.form.error("url");
        if error.is_empty() { self.form.error("server_url") } else { error }
    }
}

/// The account's servers, when they were asked for.
#[derive(Default)]
struct Servers {
    /// As they were found; or why nobody could tell, as a sentence.
    found: Option<Arc<Result<ServerList, String>>>,
    /// When.
    as_of: String,
    /// They are being looked for.
    asking: bool,
}

impl Servers {
    fn of(ask: &Ask) -> Self {
        match plex::servers_last(&ask.app) {
            Ok(Known { answer, asking }) => {
                let (at_ms, found) = answer.unzip();
                Self { found, as_of: at_ms.map_or_else(String::new, rfc3339), asking }
            }
            Err(error) => Self { found: Some(Arc::new(Err(error.message().to_owned()))), ..Self::default() },
        }
    }
}

/// Whether Plex takes the token.
struct Token {
    tone: &'static str,
    words: &'static str,
    advice: &'static str,
    asked_at: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let servers = ask.parameter("servers").map_or_else(Servers::default, |_| Servers::of(&ask));
    let plex = plex::standing(&ask.app).await?;
    let url = plex.server.and_then(|server| server.url).unwrap_or_default();
    let sheet = Sheet { form: Form::with([("url".to_owned(), url)]), servers, ..Sheet::default() };
    sheet.draw(&ask, StatusCode::OK).await
}

/// What is shown besides how things stand.
#[derive(Default)]
struct Sheet {
    form: Form,
    /// What was sent about friends; `None`: as it is.
    friends: Option<bool>,
    servers: Servers,
    versions: Option<Versions>,
}

impl Sheet {
    async fn draw(self, ask: &Ask, status: StatusCode) -> Result<Response, ApiError> {
        let Self { form, friends, servers, versions } = self;
        let frame = Frame::of(ask, "settings", "Settings").await?.with_scripts(&["again.js"]);
        let group = Group::of(ask, SECTION).await?;
        let friends = friends.filter(|_| !group.locks("friends")).unwrap_or(group.says("friends", true));
        let plex = plex::standing(&ask.app).await?;
        let (_, state) = settings::all(ask);
        let when = |at: Option<i64>| at.map_or_else(String::new, rfc3339);
        let token = plex.token.as_ref().map(|token| {
            let (tone, words, advice) = match token.state {
                "alive" => ("ok", "Plex takes the token", ""),
                "dead" => ("bad", "Plex refuses the token", "Link the account again; nothing that is stored is lost."),
                _ => ("unknown", "not known yet", "Plex could not be asked so far; it is asked again soon."),
            };
            Token { tone, words, advice, asked_at: when(token.checked_at_ms) }
        });
        let page = Plex {
            here: format!("{}{HERE}", frame.base_path),
            frame,
            form,
            group,
            friends,
            state,
            token,
            server_asked_at: when(plex.server.as_ref().and_then(|server| server.checked_at_ms)),
            cool_until: when(plex.cool_until_ms),
            plex,
            servers,
            versions,
        };
        html(ask, status, &page)
    }

    /// What `error` says, with the address of the server as it is.
    async fn of_error(ask: &Ask, error: &ApiError) -> Result<Self, ApiError> {
        let url = plex::standing(&ask.app).await?.server.and_then(|server| server.url).unwrap_or_default();
        Ok(Self { form: Form::with([("url".to_owned(), url)]).refused(error), ..Self::default() })
    }
}

async fn save_friends(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let friends = form.ticked("friends");
    let wanted = Map::from_iter([("friends".to_owned(), Value::Bool(friends))]);
    match group::keep(&ask, SECTION, &form, wanted.clone()).await {
        Ok(()) => {
            let said =
                if friends { "Friends' lists are read from now on." } else { "Only the account's own list counts." };
            Ok(see_other(&ask, HERE, Some(Notice::ok(said))))
        }
        Err(error) => {
            let versions = group::versions(&ask, SECTION, &error, &wanted.into(), group::only("friends")).await?;
            let sheet = Sheet { friends: Some(friends), versions, ..Sheet::of_error(&ask, &error).await? };
            sheet.draw(&ask, error.status()).await
        }
    }
}

async fn choose_server(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let url = form.given("url").filter(|_| form.value("do") != "forget");
    let Some(url) = url.or(Some("")).filter(|url| !url.is_empty() || form.value("do") == "forget") else {
        let missing = ApiError::input("say the address of the server, such as http://192.168.1.20:32400");
        return Sheet { form: form.refused(&missing), ..Sheet::default() }.draw(&ask, missing.status()).await;
    };
    let wanted = if url.is_empty() { Value::Null } else { url.into() };
    match plex::choose(ask.with_body(&json!({"url": wanted})).if_match(form.value("version"))).await {
        Ok(_) if url.is_empty() => Ok(see_other(&ask, HERE, Some(Notice::ok("The Plex server was forgotten.")))),
        Ok(_) => {
            Ok(see_other(&ask, HERE, Some(Notice::ok("This server is asked from now on what the household has."))))
        }
        Err(error) => {
            let wanted = json!({"server_url": wanted});
            let versions = group::versions(&ask, SECTION, &error, &wanted, group::only("server_url")).await?;
            Sheet { form: form.refused(&error), versions, ..Sheet::default() }.draw(&ask, error.status()).await
        }
    }
}

async fn unlink(ask: Ask) -> Result<Response, ApiError> {
    match plex_link::unlink(ask.clone()).await {
        Ok(_) => Ok(see_other(&ask, HERE, Some(Notice::ok("The Plex account is not linked any more.")))),
        Err(error) => Sheet::of_error(&ask, &error).await?.draw(&ask, error.status()).await,
    }
}
