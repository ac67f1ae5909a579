//! Every setting as it came out, with the place it came from, and what works but should be looked at.

use askama::Template;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::settings::{self, BrokenView, SettingView};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/settings/all", |ask| Box::pin(show(ask)))];

/// Settings on one page.
const ROWS: usize = 50;

/// Whose settings can be looked at, with what that is called.
const SOURCES: [(&str, &str); 4] = [
    ("file", "From the settings file"),
    ("environment", "From the environment"),
    ("service", "Made in the service"),
    ("default", "As usual"),
];

#[derive(Template)]
#[template(path = "settings/all.html")]
struct All {
    frame: Frame,
    text: String,
    from: String,
    settings: Vec<SettingView>,
    fitting: usize,
    page: usize,
    warnings: Vec<String>,
    broken: Vec<BrokenView>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "settings", "Settings").await?;
    let (list, _) = settings::all(&ask);
    let text = ask.parameter("text").unwrap_or_default().to_owned();
    let from = ask.parameter("from").unwrap_or_default().to_owned();
    let wanted = text.to_lowercase();
    let fits = |it: &SettingView| {
        (it.name.to_lowercase().contains(&wanted) || it.value.to_lowercase().contains(&wanted))
            && (from.is_empty() || kind(&it.source) == from)
    };
    let settings: Vec<SettingView> = list.settings.into_iter().filter(fits).collect();
    let fitting = settings.len();
    let last = fitting.saturating_sub(1) / ROWS + 1;
    let page = ask.count("page", 1, 1, u32::MAX)?.min(u32::try_from(last).unwrap_or(u32::MAX)) as usize;
    let settings = settings.into_iter().skip((page - 1) * ROWS).take(ROWS).collect();
    let all = All { frame, text, from, settings, fitting, page, warnings: list.warnings, broken: list.broken };
    html(&ask, StatusCode::OK, &all)
}

/// The word in the filter for a source.
fn kind(source: &str) -> &'static str {
    match source {
        "default" => "default",
        "settings made in the service" => "service",
        other if other.starts_with("environment ") => "environment",
        _ => "file",
    }
}
