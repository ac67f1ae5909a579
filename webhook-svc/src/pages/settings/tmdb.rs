//! Access to TMDB.

use askama::Template;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::group::{self, Group};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/settings/tmdb", |ask| Box::pin(show(ask))),
    Page::form("/settings/tmdb", |ask| Box::pin(save(ask))),
];

const SECTION: &str = "tmdb";
const KEY: &str = "api_key";
const REGION: &str = "region";

#[derive(Template)]
#[template(path = "settings/tmdb.html")]
struct Tmdb {
    frame: Frame,
    form: Form,
    group: Group,
    /// Whether the service keeps a key.
    kept: bool,
    versions: Option<Versions>,
    here: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let region = Group::of(&ask, SECTION).await?.text(&[REGION]);
    draw(&ask, StatusCode::OK, Form::with([(REGION.to_owned(), region)]), None).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form, versions: Option<Versions>) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let group = Group::of(ask, SECTION).await?;
    let kept = keeps_key(&group);
    let here = format!("{}/settings/tmdb", frame.base_path);
    html(ask, status, &Tmdb { frame, form, group, kept, versions, here })
}

fn keeps_key(group: &Group) -> bool {
    group.view.stored[KEY]["set"].as_bool().unwrap_or(false)
}

/// What the form says, without what the settings file has. A key that is kept stays unless another one, or none, is wanted.
fn wanted(group: &Group, form: &Form) -> Map<String, Value> {
    let mut wanted = Map::new();
    if let Some(region) = form.given(REGION).filter(|_| !group.locks(REGION)) {
        wanted.insert(REGION.to_owned(), region.into());
    }
    if group.locks(KEY) {
        return wanted;
    }
    match form.given(KEY) {
        Some(key) => _ = wanted.insert(KEY.to_owned(), key.into()),
        None if keeps_key(group) && !form.ticked("forget") => _ = wanted.insert(KEY.to_owned(), json!({"set": true})),
        None => {}
    }
    wanted
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let group = Group::of(&ask, SECTION).await?;
    let mut wanted = wanted(&group, &form);
    if form.ticked("forget") && form.given(KEY).is_none() && !wanted.is_empty() && !group.locks(KEY) {
        wanted.insert(KEY.to_owned(), Value::Null);
    }
    match group::keep(&ask, SECTION, &form, wanted.clone()).await {
        Ok(()) => Ok(see_other(&ask, "/settings/tmdb", Some(Notice::ok("Saved: how TMDB is asked.")))),
        Err(error) => {
            // Nobody is shown what they typed there.
            if let Some(key) = wanted.get_mut(KEY) {
                *key = json!({"set": !key.is_null()});
            }
            let versions = group::versions(&ask, SECTION, &error, &wanted.into(), group::lines).await?;
            draw(&ask, error.status(), form.refused(&error), versions).await
        }
    }
}
