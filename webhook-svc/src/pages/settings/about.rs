//! What runs here, and how it is.

use askama::Template;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::settings;
use crate::health::{self, Health};
use crate::metrics::{Sizes, sizes};
use crate::pages::words::{bytes, lasted};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/settings/about", |ask| Box::pin(show(ask)))];

#[derive(Template)]
#[template(path = "settings/about.html")]
struct About {
    frame: Frame,
    health: Health,
    /// `3 d 4 h`
    uptime: String,
    schema: u32,
    database: String,
    /// What is written and not yet moved into the database.
    log: String,
    data_dir: String,
    settings_file: String,
    /// How many warnings, and how many parts that cannot be read.
    warnings: usize,
    broken: usize,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "settings", "Settings").await?;
    let (app, config) = (&ask.app, ask.app.config());
    let health = health::look(app).await?;
    let schema = app.database.read(|db| db.schema_version()).await?;
    let Sizes { database, log } = sizes(app).await;
    let (list, _) = settings::all(&ask);
    let about = About {
        frame,
        health,
        uptime: lasted(app.now_ms().saturating_sub(app.started_at_ms)),
        schema,
        database: bytes(database),
        log: bytes(log),
        data_dir: config.environment.data_dir.display().to_string(),
        settings_file: config.settings_file.as_ref().map_or_else(String::new, |file| file.display().to_string()),
        warnings: list.warnings.len(),
        broken: list.broken.len(),
    };
    html(&ask, StatusCode::OK, &about)
}
