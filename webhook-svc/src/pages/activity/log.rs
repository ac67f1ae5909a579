//! The log as it is written, and how much of it there is.

use askama::Template;
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::logs::{self, LogLevel};
use crate::pages::trouble::query;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/activity/log", |ask| Box::pin(show(ask))),
    Page::form("/activity/log/level", |ask| Box::pin(set_level(ask))),
];

/// Lines of the log on one page.
const LINES: &str = "100";

#[derive(Template)]
#[template(path = "activity/log.html")]
struct Log {
    frame: Frame,
    lines: Vec<Line>,
    /// The number of the last line that is shown or left out.
    seen: u64,
    level: String,
    text: String,
    /// Where the form goes.
    here: String,
    now: LogLevel,
    form: Form,
}

/// A line of the log.
struct Line {
    at: String,
    level: String,
    message: String,
    /// The other fields: `run.id=… instance.name=…`
    fields: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "activity", "Activity").await?.with_scripts(&["log.js"]);
    let (level, text) = (ask.parameter("level").unwrap_or_default(), ask.parameter("text").unwrap_or_default());
    // Lines that come while the page is on its way are those behind it.
    let newest = logs::newest();
    let page = logs::page(&ask.with_query(&[("level", level), ("text", text), ("limit", LINES)]))?;
    let seen = page.lines.last().map_or(newest, |line| line.number.max(newest));
    let lines = page.lines.into_iter().map(|line| Line::of(&line.line)).collect();
    let (level, text) = (level.to_owned(), text.to_owned());
    let here = place(ask, "/activity/log/level");
    html(ask, status, &Log { frame, lines, seen, level, text, here, now: logs::in_force(ask), form })
}

/// `path` with the lines that are looked at.
fn place(ask: &Ask, path: &str) -> String {
    let kept = ["text", "level"].map(|name| (name, ask.parameter(name).unwrap_or_default()));
    format!("{path}?{}", query(&kept)).trim_end_matches(['?', '&']).to_owned()
}

async fn set_level(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let filter = form.value("filter").trim().to_owned();
    match logs::set_level(ask.with_body(&json!({"filter": filter}))).await {
        Ok(_) => {
            let said = format!("Logged from now on: {filter}.");
            Ok(see_other(&ask, &place(&ask, "/activity/log"), Some(Notice::ok(said))))
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

impl Line {
    fn of(line: &Value) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let fields = line.as_object().into_iter().flatten();
        let fields = fields.filter(|(name, _)| !["timestamp", "level", "message", "target"].contains(&name.as_str()));
        let fields = fields.map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            value => format!("{name}={value}"),
        });
        Self {
            at: text("timestamp"),
            level: text("level").to_lowercase(),
            message: text("message"),
            fields: fields.collect::<Vec<_>>().join(" "),
        }
    }

    /// How it looks.
    fn tone(&self) -> &'static str {
        match self.level.as_str() {
            "error" => "bad",
            "warn" => "warn",
            "info" => "info",
            _ => "idle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn a_filter_that_cannot_be_understood_is_kept_and_marked() {
        let visitor = Visitor::set_up("").await;
        let refused = visitor.post("/activity/log/level", &[("filter", "lous<d")]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(
            refused.text.contains("value=\"lous&#60;d\"") && refused.text.contains("filter-error"),
            "{}",
            refused.text
        );
        assert_eq!(visitor.get("/activity/log?level=loud").await.status, 400);
    }

    #[tokio::test]
    async fn the_lines_that_are_looked_at_stay_so_when_what_is_logged_changes() {
        let visitor = Visitor::set_up("").await;
        let page = visitor.get("/activity/log?text=salt+%26&level=warn").await.text;
        assert!(page.contains("action=\"/activity/log/level?text=salt%20%26&#38;level=warn\""), "{page}");
        let place = "/activity/log/level?text=salt%20%26&level=warn";
        let refused = visitor.post(place, &[("filter", "lous<d")]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        for kept in ["value=\"salt &#38;\"", "<option selected>warn", "level?text=salt%20%26&#38;level=warn\""] {
            assert!(refused.text.contains(kept), "{kept}: {}", refused.text);
        }
        let everything = visitor.get("/activity/log?text=").await.text;
        assert!(everything.contains("action=\"/activity/log/level\""), "{everything}");
    }

    #[test]
    fn a_line_is_taken_apart_for_reading() {
        let line =
            Line::of(&json!({"timestamp": "t", "level": "WARN", "message": "m", "target": "x", "run.id": "r", "n": 2}));
        assert_eq!((line.tone(), line.message.as_str()), ("warn", "m"));
        assert!(line.fields.contains("run.id=r") && line.fields.contains("n=2"), "{}", line.fields);
    }
}
