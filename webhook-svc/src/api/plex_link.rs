//! Linking the Plex account: by a code that a person types at plex.tv/link, or by a token that somebody pastes. What is stored about
//! lists, decisions and titles is the household's own and stays, whichever account is linked.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::plex::{Account, PlexError};
use pulsarr_shared::link::{LINK_PAGE, LinkState, Linked, Linking, TokenHealth, qr_svg};
use pulsarr_shared::model::{Declaration, Relation, Section};
use pulsarr_shared::store::{Db, StoreError};
use pulsarr_shared::sync;
use pulsarr_shared::upstreams::forget_server_token;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use warp::http::{Method, StatusCode};
use warp::reply::{Reply, Response};

use super::editing::{Standing, kept, only_value_of};
use super::endpoint::{Answer, Endpoint, answer, shape};
use super::plex::put;
use crate::app::{App, CodeShown, LinkStood, LinkTurn, LinkedView, PlexLink};
use crate::audit::{self, By};
use crate::configuration::Note;
use crate::detached::on_its_own;
use crate::plex_way::{PlexWay, left_alone};
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::POST,
        path: "/plex/link",
        tag: "plex",
        summary: "Asks Plex for a code that a person types at plex.tv/link. It takes the place of one that is still waiting.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<Begun>),
        handle: |ask| Box::pin(begin(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/plex/link",
        tag: "plex",
        summary: "What became of the code. May be asked as often as anybody likes: Plex is asked every two seconds at most, and by the service itself every five.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<LinkView>),
        handle: |ask| Box::pin(look(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/plex/link",
        tag: "plex",
        summary: "Forgets the code that is waiting.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(cancel(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/plex/token",
        tag: "plex",
        summary: "Takes a token that was copied from somewhere, once Plex has said whose it is.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Pasted>),
        answer: Answer::Json(shape::<LinkedView>),
        handle: |ask| Box::pin(paste(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/plex",
        tag: "plex",
        summary: "Forgets the token. Nothing else is lost; the next account that is linked goes on with it.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(unlink(ask)),
    },
];

/// How often Plex is asked about a code that waits.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What is wrong, without a full stop.
fn fragment(error: &ApiError) -> String {
    let of_field = |it: &FieldProblem| {
        let place = if it.path.is_empty() { "the settings" } else { &it.path };
        format!("{place}: {}", it.message)
    };
    let fields: Vec<String> = error.problems().iter().map(of_field).collect();
    let why = if fields.is_empty() { error.message().to_owned() } else { fields.join("; ") };
    why.trim_end_matches('.').to_owned()
}

/// A code to type.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Begun {
    /// Four letters and digits.
    pub code: String,
    /// The page where it is typed.
    pub address: &'static str,
    /// The same page with the code filled in, for a link.
    pub address_with_code: String,
    /// That address as an `<svg>` element, for the camera of a phone.
    pub qr_svg: String,
    /// When the code stops working; unix milliseconds.
    pub expires_at_ms: i64,
}

/// What became of the code.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LinkView {
    /// `waiting`, `linked`, `none`, or `expired`: nothing came of it, for the reason in `detail`
    pub state: &'static str,
    /// While waiting: the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// While waiting: when it stops working; unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// Once linked: whose account it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked: Option<LinkedView>,
    /// What else there is to say, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A token from somewhere else.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(dead_code, reason = "only described: the body is read key by key, so that no message repeats it")]
struct Pasted {
    /// The token. It is stored sealed and never told.
    token: String,
}

/// Whether the token may be changed here.
fn changeable(app: &App) -> Result<(), ApiError> {
    Standing::of_value(&app.config(), "plex.token").changeable("plex.token")
}

/// Whether a token could be kept, before Plex gives one.
///
/// # Errors
/// 503 that says why not.
fn storable(app: &App) -> Result<(), ApiError> {
    let sealed = app.configuration.vault.seal(&SecretString::default());
    sealed.map(drop).map_err(|error| ApiError::unavailable(format!("no token can be kept: failed to {error}")))
}

pub async fn begin(ask: Ask) -> Result<Response, ApiError> {
    let app = &ask.app;
    changeable(app)?;
    storable(app)?;
    let way = PlexWay::open(app).await?;
    way.may_ask()?;
    let mut link = app.plex_link.lock().await;
    // A name that Plex has never seen: with a known one, a token that was revoked may come back.
    let begun = way.linking().begin(&Linking::fresh_client_identifier(), app.now_ms()).await;
    way.close().await?;
    let pin = begun.map_err(|error| ApiError::unavailable(format!("failed to {error}; try again in a moment")))?;
    let view = Begun::of(CodeShown::of(&pin));
    let by = By::of(&ask);
    note(app, by.clone(), "plex.link_begun").await?;
    *link = PlexLink::Waiting { pin: Box::new(pin), by };
    drop(link);
    tokio::spawn(wait_for(Arc::clone(app), view.code.clone()));
    answer(&view)
}

/// Notes in the audit log that linking was begun or called off.
async fn note(app: &App, by: By, action: &'static str) -> Result<(), StoreError> {
    app.database.write(move |store| store.write(|db| audit::record(db, &by, action, "plex", &json!({})))).await
}

/// Asks Plex about this code for as long as it waits: whoever types it in may have closed the page that shows it.
async fn wait_for(app: Arc<App>, code: String) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            _ = app.stop.wait() => return,
        }
        let mut link = app.plex_link.lock().await;
        if !matches!(&*link, PlexLink::Waiting { pin, .. } if pin.code() == code) {
            return;
        }
        ask_by_itself(&app, &mut link).await;
    }
}

/// Asks Plex what became of the code, where nobody waits for what comes of it.
async fn ask_by_itself(app: &App, turn: &mut LinkTurn<'_>) {
    match ask_plex(app, turn).await {
        Ok(detail) => turn.detail = detail,
        Err(error) => tracing::warn!("Plex could not be asked about the code: {error:?}"),
    }
}

async fn look(ask: Ask) -> Result<Response, ApiError> {
    answer(&standing(&ask).await?)
}

/// What became of the code. Plex is asked every two seconds at most.
///
/// # Errors
/// When what came of it cannot be stored.
pub async fn standing(ask: &Ask) -> Result<LinkView, ApiError> {
    let (app, may_write) = (Arc::clone(&ask.app), ask.who.may_write);
    // On its own feet: whoever looks may go away, and an account that is taken must not be taken once more by whoever looks next.
    let seen = on_its_own(async move {
        // Kept while Plex is asked: two who look at once do not ask twice.
        let mut link = app.plex_link.lock().await;
        // Whoever may only read only looks: what comes of the code is stored by whoever may, and soon by the service itself.
        let detail = if may_write { ask_plex(&app, &mut link).await? } else { app.plex_link.stood().detail };
        link.detail.clone_from(&detail);
        Ok(LinkView::of(&link, detail))
    });
    seen.await.unwrap_or_else(|_| Err(ApiError::unavailable("looking broke off: look again")))
}

/// How the linking stood, for a page: Plex is asked meanwhile what became of a code that waits, in the name of whoever may write.
pub fn stood(ask: &Ask) -> LinkStood {
    let stood = ask.app.plex_link.stood();
    if stood.waiting.is_some() && ask.who.may_write {
        let app = Arc::clone(&ask.app);
        drop(on_its_own(async move {
            // Whoever has a turn asks anyway.
            if let Some(mut turn) = app.plex_link.try_lock() {
                ask_by_itself(&app, &mut turn).await;
            }
        }));
    }
    stood
}

/// Asks Plex what became of the code that waits, if one does; answers what else there is to say.
async fn ask_plex(app: &App, link: &mut PlexLink) -> Result<Option<String>, ApiError> {
    let mut detail = None;
    if let PlexLink::Waiting { pin, by } = link {
        let way = PlexWay::open(app).await?;
        match way.cool_until_ms {
            Some(until_ms) if app.now_ms() < pin.expires_at_ms() => detail = Some(left_alone(until_ms)),
            _ => {
                let polled = way.linking().poll(pin, app.now_ms()).await;
                // What Plex has answered is not lost because somebody else is at the store.
                if let Err(error) = way.close().await {
                    tracing::warn!("failed to {error}. {}", error.advice());
                }
                match polled {
                    Ok(LinkState::Waiting) => {}
                    Ok(LinkState::Expired) => {
                        *link = PlexLink::expired("The code's time is over: begin again.");
                    }
                    Ok(LinkState::Linked(linked)) => {
                        let by = By { at_ms: app.now_ms(), ..by.clone() };
                        match adopt(app, &way, by, *linked, "code").await {
                            Ok(view) => *link = PlexLink::Linked(view),
                            Err(error) if error.is_passing() => {
                                let why = fragment(&error);
                                tracing::warn!("the token of the Plex account is not stored yet: {why}");
                                detail = Some(format!(
                                    "Plex gave a token, which is not stored yet: {why}. It is tried again."
                                ));
                            }
                            Err(error) => *link = PlexLink::not_stored(&fragment(&error)),
                        }
                    }
                    Err(error) if error.is_unauthorized() => {
                        *link = PlexLink::expired("Plex refuses the token that it gave: begin again.");
                    }
                    Err(error) => detail = Some(format!("Plex did not tell: failed to {error}. It is asked again.")),
                }
            }
        }
    }
    Ok(detail)
}

impl Begun {
    /// The code as it is shown.
    pub fn of(code: CodeShown) -> Self {
        Self {
            address: LINK_PAGE,
            qr_svg: qr_svg(&code.address),
            code: code.code,
            address_with_code: code.address,
            expires_at_ms: code.expires_at_ms,
        }
    }
}

impl LinkView {
    fn of(link: &PlexLink, detail: Option<String>) -> Self {
        let empty = Self { state: "none", code: None, expires_at_ms: None, linked: None, detail };
        match link {
            PlexLink::Idle => empty,
            PlexLink::Waiting { pin, .. } => Self {
                state: "waiting",
                code: Some(pin.code().to_owned()),
                expires_at_ms: Some(pin.expires_at_ms()),
                ..empty
            },
            PlexLink::Expired { advice } => Self { state: "expired", detail: Some(advice.clone()), ..empty },
            PlexLink::Linked(linked) => Self { state: "linked", linked: Some(linked.clone()), ..empty },
        }
    }
}

pub async fn cancel(ask: Ask) -> Result<Response, ApiError> {
    let mut link = ask.app.plex_link.lock().await;
    note(&ask.app, By::of(&ask), "plex.link_called_off").await?;
    *link = PlexLink::Idle;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn paste(ask: Ask) -> Result<Response, ApiError> {
    let app = &ask.app;
    changeable(app)?;
    storable(app)?;
    let Some(Value::String(token)) = only_value_of(&ask, "token")? else {
        return Err(ApiError::input("`token` is the token, as a text"));
    };
    let way = PlexWay::open(app).await?;
    way.may_ask()?;
    let mut link = app.plex_link.lock().await;
    let adopted = way.linking().adopt_token(&token, &way.client_identifier).await;
    way.close().await?;
    let linked = adopted.map_err(|error| refused(&error))?;
    let view = adopt(app, &way, By::of(&ask), linked, "pasted").await?;
    *link = PlexLink::Idle;
    answer(&view)
}

fn refused(error: &PlexError) -> ApiError {
    if error.is_unauthorized() {
        let message = "Plex refuses this token: copy it again, or link the account with a code".to_owned();
        return ApiError::fields(vec![FieldProblem { path: "token".to_owned(), message }]);
    }
    ApiError::unavailable(format!("failed to {error}: nothing was changed, try again in a moment"))
}

/// Stores a token whose account is known, with everything that belongs to it, and says whose it is.
async fn adopt(app: &App, way: &PlexWay<'_>, by: By, linked: Linked, how: &str) -> Result<LinkedView, ApiError> {
    let Linked { token, account: Account { uuid, username, .. }, client_identifier } = &linked;
    let owner = app.database.read(|db| {
        let users = db.users()?;
        Ok(users.into_iter().find(|user| user.relation == Relation::Owner))
    });
    let was = owner.await?.filter(|owner| owner.uuid != *uuid).map(|owner| owner.username);
    let sealed = app.configuration.vault.seal(token);
    let sealed = sealed.map_err(|error| ApiError::unavailable(format!("failed to {error}")))?;
    let plex = way.plex_with(token.clone(), client_identifier.clone());
    let health = TokenHealth::of_account(&plex, &linked.account, app.now_ms());
    let detail = json!({"username": username, "how": how, "was": was});
    let note = Note { by, action: "plex.linked", target: "plex".to_owned(), detail };
    let edit = |all: &mut Vec<Declaration>| {
        put(all, "token", Some(Value::String(sealed)));
        Ok(())
    };
    let (stored, identifier) = (health.clone(), client_identifier.clone());
    let also = move |db: Db<'_>| {
        sync::set_client_identifier(db, &identifier)?;
        // It was given to what was linked before; the next look at the server fetches another.
        forget_server_token(db)?;
        stored.remember_in(db)
    };
    app.configuration.change_with(&app.database, (Section::Plex, ""), note, edit, also).await?;
    app.plex_health.note_token(Some(health));
    tracing::info!("the Plex account of {username} is linked");
    Ok(LinkedView { is: username.clone(), plex_pass: linked.account.plex_pass, another_account: was.is_some(), was })
}

/// Forgets the token.
///
/// # Errors
/// 404 without one, 409 where the settings file has it.
pub async fn unlink(ask: Ask) -> Result<Response, ApiError> {
    let app = &ask.app;
    changeable(app)?;
    let mut link = app.plex_link.lock().await;
    let config = app.config();
    // Also one that cannot be opened any more.
    let stored = kept(&config).any(|it| it.section == Section::Plex && it.body["token"].is_string());
    if !stored && config.settings.plex.token.is_none() {
        return Err(ApiError::not_found("no Plex account is linked"));
    }
    let note = Note { by: By::of(&ask), action: "plex.unlinked", target: "plex".to_owned(), detail: json!({}) };
    let edit = |all: &mut Vec<Declaration>| {
        put(all, "token", None);
        Ok(())
    };
    app.configuration.change_with(&app.database, (Section::Plex, ""), note, edit, forget_server_token).await?;
    app.plex_health.note_token(None);
    *link = PlexLink::Idle;
    Ok(StatusCode::NO_CONTENT.into_response())
}
