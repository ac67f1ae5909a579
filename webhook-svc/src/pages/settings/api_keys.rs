//! Keys for programs. A new one is shown once, on the page that answers the form.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::api_keys::{self, Key, Made};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown(HERE, |ask| Box::pin(show(ask))),
    Page::form(HERE, |ask| Box::pin(make(ask))),
    Page::form("/settings/api-keys/{id}/revoke", |ask| Box::pin(revoke(ask))),
];

const HERE: &str = "/settings/api-keys";

#[derive(Template)]
#[template(path = "settings/api_keys.html")]
struct ApiKeys {
    frame: Frame,
    form: Form,
    /// The one that has just been made.
    made: Option<Made>,
    /// When each was made and when it was used last; empty: never.
    keys: Vec<(String, String, Key)>,
    here: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default(), None).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form, made: Option<Made>) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let keys = api_keys::all(ask).await?.keys.into_iter();
    let told = |key: Key| (rfc3339(key.created_at_ms), key.used_at_ms.map_or_else(String::new, rfc3339), key);
    let (keys, here) = (keys.map(told).collect(), format!("{}{HERE}", frame.base_path));
    html(ask, status, &ApiKeys { frame, form, made, keys, here })
}

async fn make(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let scope = if form.value("scope") == "write" { "write" } else { "read" };
    match api_keys::made(&ask.with_body(&json!({"name": form.value("name"), "scope": scope}))).await {
        // Leading to another page would carry the key in a cookie.
        Ok(made) => draw(&ask, StatusCode::OK, Form::default(), Some(made)).await,
        Err(error) => draw(&ask, error.status(), form.refused(&error), None).await,
    }
}

async fn revoke(ask: Ask) -> Result<Response, ApiError> {
    match api_keys::revoke(ask.clone()).await {
        Ok(_) => Ok(see_other(&ask, HERE, Some(Notice::ok("The key is revoked: it opens nothing any more.")))),
        Err(error) => draw(&ask, error.status(), Form::default().refused(&error), None).await,
    }
}
