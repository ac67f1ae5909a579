//! What holds for everybody whom nothing is different for.

use askama::Template;
use serde_json::{Map, Value};
use warp::http::StatusCode;
use warp::reply::Response;

use super::quota_rows::{self, QuotaRow};
use super::settings_in_words::lines;
use crate::pages::settings::group::{self, Group};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/users/defaults", |ask| Box::pin(show(ask))),
    Page::form("/users/defaults", |ask| Box::pin(save(ask))),
];

const SECTION: &str = "users.defaults";

/// The answers that are yes or no, and what is usual.
const FLAGS: [(&str, bool); 3] = [("sync", true), ("require_approval", false), ("bypass_quota", false)];

#[derive(Template)]
#[template(path = "users/defaults.html")]
struct Defaults {
    frame: Frame,
    form: Form,
    rows: Vec<QuotaRow>,
    /// The quotas stand in the settings file.
    locked: bool,
    group: Group,
    versions: Option<Versions>,
    here: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let group = Group::of(&ask, SECTION).await?;
    let ticked = FLAGS.into_iter().filter(|(key, usual)| group.says(key, *usual));
    let form = Form::with(ticked.map(|(key, _)| (key.to_owned(), "true".to_owned())));
    let rows = quota_rows::shown(&group.view.settings["quotas"]);
    draw(&ask, StatusCode::OK, form, rows, None).await
}

async fn draw(
    ask: &Ask,
    status: StatusCode,
    form: Form,
    rows: Vec<QuotaRow>,
    versions: Option<Versions>,
) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "users", "For everybody").await?;
    let group = Group::of(ask, SECTION).await?;
    let here = format!("{}/users/defaults", frame.base_path);
    let locked = group.locks("quotas");
    // Fields that are looked at only are not sent, and show what holds.
    let rows = if locked { quota_rows::shown(&group.view.settings["quotas"]) } else { rows };
    html(ask, status, &Defaults { frame, form, rows, locked, group, versions, here })
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    if let Some(rows) = quota_rows::after_button(&form) {
        return draw(&ask, StatusCode::OK, form, rows, None).await;
    }
    let group = Group::of(&ask, SECTION).await?;
    let mut wanted = Map::new();
    for (key, _) in FLAGS.into_iter().filter(|(key, _)| !group.locks(key)) {
        wanted.insert(key.to_owned(), form.ticked(key).into());
    }
    let rows = quota_rows::typed(&form);
    if !group.locks("quotas") {
        wanted.insert("quotas".to_owned(), quota_rows::quotas(&rows));
    }
    match group::keep(&ask, SECTION, &form, wanted.clone()).await {
        Ok(()) => {
            Ok(see_other(&ask, "/users/defaults", Some(Notice::ok("Saved: what holds for everybody from now on."))))
        }
        Err(error) => {
            let versions = group::versions(&ask, SECTION, &error, &Value::Object(wanted), lines).await?;
            draw(&ask, error.status(), form.refused(&error), rows, versions).await
        }
    }
}

impl Defaults {
    /// Whether the box is ticked: what the settings file says is as it says.
    fn on(&self, key: &str) -> bool {
        let usual = FLAGS.iter().any(|(known, usual)| *known == key && *usual);
        if self.group.locks(key) { self.group.says(key, usual) } else { self.form.ticked(key) }
    }

    /// Whether there is anything to save.
    fn editable(&self) -> bool {
        !self.locked || FLAGS.iter().any(|(key, _)| !self.group.locks(key))
    }
}
