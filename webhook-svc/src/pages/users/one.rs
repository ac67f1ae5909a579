//! One user: what is different for them, how full their quotas are, what is on their list.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::printable::printable;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::quota_rows::{self, QuotaRow};
use super::{RequestsShown, reading, settings_in_words};
use crate::api::quotas::{self, QuotaView};
use crate::api::readability;
use crate::api::user_overrides::{self, OverrideView};
use crate::api::users::{self, ListedTitle, UserView};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, encoded, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/users/{user}", |ask| Box::pin(show(ask))),
    Page::form("/users/{user}", |ask| Box::pin(save(ask))),
    Page::form("/users/{user}/forget", |ask| Box::pin(forget(ask))),
];

/// Titles of the list that are shown.
const TITLES: u32 = 10;
/// Letters of a name in a heading.
const HEADING: usize = 80;

#[derive(Template)]
#[template(path = "users/one.html")]
struct One {
    frame: Frame,
    form: Form,
    rows: Vec<QuotaRow>,
    locked: bool,
    version: i64,
    versions: Option<Versions>,
    here: String,
    view: OverrideView,
    user: UserView,
    /// Looks, words and advice about their list.
    reading: (&'static str, &'static str, String),
    requests: RequestsShown,
    read_at: String,
    complete_at: String,
    quotas: Vec<QuotaView>,
    titles: Vec<(String, ListedTitle)>,
    /// What holds for everybody, in the words of the choices.
    everybody: Everybody,
}

/// What holds for whoever nothing is different for.
struct Everybody {
    sync: &'static str,
    require_approval: &'static str,
    bypass_quota: &'static str,
    quotas: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let (view, _) = user_overrides::page(&ask).await?;
    let form = shown(&view.settings);
    let rows = quota_rows::shown(&view.settings["quotas"]);
    draw(&ask, StatusCode::OK, form, rows, None).await
}

/// The form for what is different now.
fn shown(settings: &Value) -> Form {
    let text = |key: &str| match &settings[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fields = ["alias", "sync", "require_approval", "bypass_quota"].map(|key| (key.to_owned(), text(key)));
    let quotas = if settings["quotas"].is_array() { "own" } else { "everybody" };
    Form::with(fields.into_iter().chain([("quotas".to_owned(), quotas.to_owned())]))
}

/// What the form says, in the words of the settings file.
fn body(form: &Form) -> Value {
    let mut body = Map::new();
    if let Some(alias) = form.given("alias") {
        body.insert("alias".to_owned(), alias.into());
    }
    for key in ["sync", "require_approval", "bypass_quota"] {
        if let Ok(on) = form.value(key).parse::<bool>() {
            body.insert(key.to_owned(), on.into());
        }
    }
    if form.value("quotas") == "own" {
        body.insert("quotas".to_owned(), quota_rows::quotas(&quota_rows::typed(form)));
    }
    body.into()
}

async fn draw(
    ask: &Ask,
    status: StatusCode,
    form: Form,
    rows: Vec<QuotaRow>,
    versions: Option<Versions>,
) -> Result<Response, ApiError> {
    let (view, version) = user_overrides::page(ask).await?;
    let uuid = view.user.uuid.as_str();
    let frame = Frame::of(ask, "users", shortened(&view.user.name)).await?.with_scripts(&["again.js"]);
    let user = users::one(ask, uuid).await?;
    let user = user.ok_or_else(|| ApiError::not_found("this user is not on record any more"))?;
    let (told, requests) = readability::page(ask).await?;
    let told = told.users.into_iter().find(|it| it.uuid == uuid);
    let reading = told.map_or(("unknown", "not known yet", String::new()), |it| {
        let (tone, words) = reading(it.state);
        (tone, words, it.advice)
    });
    let quotas = quotas::of_user(ask, uuid).await?;
    let titles = users::latest_titles(ask, uuid, TITLES).await?;
    let titles = titles.into_iter().map(|it| (rfc3339(it.appeared_at_ms), it)).collect();
    let here = format!("{}/users/{uuid}", frame.base_path);
    let page = One {
        form,
        rows,
        locked: view.read_only,
        version,
        versions,
        here,
        reading,
        requests: RequestsShown::of(requests),
        read_at: user.read_at_ms.map_or_else(String::new, rfc3339),
        complete_at: user.complete_at_ms.map_or_else(String::new, rfc3339),
        quotas,
        titles,
        everybody: Everybody::of(ask),
        frame,
        view,
        user,
    };
    html(ask, status, &page)
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    if let Some(rows) = quota_rows::after_button(&form) {
        return draw(&ask, StatusCode::OK, form, rows, None).await;
    }
    let wanted = body(&form);
    match user_overrides::put(ask.with_body(&wanted).if_match(form.value("version"))).await {
        Ok(_) => {
            let (view, _) = user_overrides::page(&ask).await?;
            let said = format!("Saved: {}.", shortened(&view.user.name));
            Ok(see_other(&ask, &format!("/users/{}", view.user.uuid), Some(Notice::ok(said))))
        }
        Err(error) => {
            let versions = if error.status() == StatusCode::PRECONDITION_FAILED {
                let (now, _) = user_overrides::page(&ask).await?;
                Some(Versions::of(settings_in_words::lines(&wanted), settings_in_words::lines(&now.settings)))
            } else {
                None
            };
            let rows = quota_rows::typed(&form);
            draw(&ask, error.status(), form.refused(&error), rows, versions).await
        }
    }
}

/// Takes away what the service keeps, so that this user is as everybody, or as the settings file says.
async fn forget(ask: Ask) -> Result<Response, ApiError> {
    let version = Form::of(&ask).value("version").to_owned();
    match user_overrides::put(ask.with_body(&json!({})).if_match(&version)).await {
        Ok(_) => {
            let place = format!("/users/{}", encoded(ask.variable("user")));
            Ok(see_other(&ask, &place, Some(Notice::ok("What was different was taken away."))))
        }
        Err(error) => {
            let (view, _) = user_overrides::page(&ask).await?;
            let rows = quota_rows::shown(&view.settings["quotas"]);
            draw(&ask, error.status(), shown(&view.settings).refused(&error), rows, None).await
        }
    }
}

/// A name for a sentence.
fn shortened(name: &str) -> String {
    printable(name).chars().take(HEADING).collect()
}

impl Everybody {
    fn of(ask: &Ask) -> Self {
        let config = ask.app.config();
        let usual = &config.settings.users;
        let standing = &usual.default_standing;
        let quotas: Vec<String> = standing.quotas.iter().map(pulsarr_shared::quota::in_words).collect();
        Self {
            sync: if usual.default_sync { "on" } else { "off" },
            require_approval: if standing.require_approval { "somebody is asked" } else { "automatic" },
            bypass_quota: if standing.bypass_quota { "do not count" } else { "count" },
            quotas: if quotas.is_empty() { "none".to_owned() } else { quotas.join(", ") },
        }
    }
}
