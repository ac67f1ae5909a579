//! What the service says about itself: its last log lines, and how much of them there is.

mod follow;

use pulsarr_shared::telemetry::{self, FilterError, Line, MAX_LINES};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::streams;
use crate::audit::{self, By};
use crate::detached::on_its_own;
use crate::request::{Access, ApiError, Ask, FieldProblem};

const LEVEL: Parameter = Parameter {
    name: "level",
    about: "Only lines of this level and above: `error`, `warn`, `info`, `debug` or `trace`; usually all that are logged.",
};

const TEXT: Parameter = Parameter { name: "text", about: "Only lines that contain this text, in capitals or not." };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/logs",
        tag: "logs",
        summary: "The service's last log lines, oldest first, without secrets. The newest thousand are kept, until it restarts.",
        access: Access::Read,
        query: &[Parameter { name: "limit", about: "How many, 1 to 1000; usually 200." }, LEVEL, TEXT],
        body: None,
        answer: Answer::Json(shape::<LogPage>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/logs/events",
        tag: "logs",
        summary: "Log lines as they are written: `line` with its JSON, `missed` with the number of lines that came too fast.",
        access: Access::Read,
        query: &[
            Parameter { name: "limit", about: "How many of the lines before now come first, 0 to 1000; usually 100." },
            Parameter {
                name: "after",
                about: "The number of the last line that was seen: those behind it come first, whatever `limit` says.",
            },
            LEVEL,
            TEXT,
        ],
        body: None,
        answer: Answer::Events,
        handle: |ask| Box::pin(events(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/logs/level",
        tag: "logs",
        summary: "What is logged.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<LogLevel>),
        handle: |ask| Box::pin(level(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/logs/level",
        tag: "logs",
        summary: "Changes what is logged, until the service restarts.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<NewLevel>),
        answer: Answer::Json(shape::<LogLevel>),
        handle: |ask| Box::pin(set_level(ask)),
    },
];

/// Log lines.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogPage {
    /// Oldest first.
    pub lines: Vec<LogLine>,
}

/// A log line.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogLine {
    /// Counts from 1 since the service began.
    pub number: u64,
    /// As it was written: `timestamp`, `level`, `message`, fields, and under `span` the request during which it was.
    pub line: Value,
}

/// What is logged.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogLevel {
    /// A level for our own code, or a list such as `info,pulsarr_shared=debug`.
    pub filter: String,
    /// What will be logged after a restart: `PULSARR_LOG`.
    pub after_restart: String,
    /// How long `filter` lasts, as a sentence.
    pub lasts: &'static str,
}

/// What is to be logged.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NewLevel {
    /// `off`, `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,pulsarr_shared=debug`.
    filter: String,
}

/// Which lines somebody wants.
#[derive(Debug, Clone)]
struct Wanted {
    /// The place in [`LEVELS`] of the last level that is wanted.
    level: usize,
    /// In lower case.
    text: String,
}

/// From what matters most to what matters least.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

impl Wanted {
    fn of(ask: &Ask) -> Result<Self, ApiError> {
        let level = match ask.parameter("level") {
            None => Some(LEVELS.len() - 1),
            Some(word) => LEVELS.iter().position(|level| word.eq_ignore_ascii_case(level)),
        };
        let level = level.ok_or_else(|| ApiError::input(format!("`level` is one of {}", LEVELS.join(", "))))?;
        Ok(Self { level, text: ask.parameter("text").unwrap_or_default().to_lowercase() })
    }

    /// The line as JSON, if it is wanted.
    fn take(&self, line: &Line) -> Option<Value> {
        let json: Value = serde_json::from_str(&line.text).ok()?;
        let word = json["level"].as_str().unwrap_or_default();
        let level = LEVELS.iter().position(|level| word.eq_ignore_ascii_case(level))?;
        let is_wanted = level <= self.level && line.text.to_lowercase().contains(&self.text);
        is_wanted.then_some(json)
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask)?)
}

/// The number of the newest line there is.
pub fn newest() -> u64 {
    telemetry::recent().after(0).last().map_or(0, |line| line.number)
}

/// The lines that are asked for.
///
/// # Errors
/// 400 for a level or a number that is none.
pub fn page(ask: &Ask) -> Result<LogPage, ApiError> {
    let limit = ask.count("limit", 200, 1, MAX_LINES as u32)? as usize;
    let wanted = Wanted::of(ask)?;
    let kept = telemetry::recent().after(0);
    let newest = kept.iter().rev();
    let taken = newest.filter_map(|line| Some(LogLine { number: line.number, line: wanted.take(line)? }));
    let mut lines: Vec<LogLine> = taken.take(limit).collect();
    lines.reverse();
    Ok(LogPage { lines })
}

async fn events(ask: Ask) -> Result<Response, ApiError> {
    let limit = ask.count("limit", 100, 0, MAX_LINES as u32)?;
    let wanted = Wanted::of(&ask)?;
    // A browser that comes back says what it has seen.
    let again = ask.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let seen = again.or_else(|| ask.parameter("after")?.parse().ok());
    let lines = follow::stream(telemetry::recent(), ask.app.stop.clone(), wanted, seen, limit.into());
    streams::reply(ask, lines)
}

/// What is logged.
pub fn in_force(ask: &Ask) -> LogLevel {
    let after_restart = ask.app.config().environment.log.clone();
    LogLevel {
        filter: telemetry::filter().unwrap_or_else(|| after_restart.clone()),
        after_restart,
        lasts: "until the service restarts; PULSARR_LOG is for good",
    }
}

async fn level(ask: Ask) -> Result<Response, ApiError> {
    answer(&in_force(&ask))
}

/// Changes what is logged to what the body says.
///
/// # Errors
/// 422 for what is no filter; when the change cannot be noted.
pub async fn set_level(ask: Ask) -> Result<Response, ApiError> {
    let NewLevel { filter } = ask.json()?;
    // On its own feet: whoever asked may go away, and what is changed has to be noted all the same.
    let work = on_its_own(async move { change_level(&ask, &filter).await.map(|()| in_force(&ask)) });
    let now = work.await.unwrap_or_else(|_| Err(ApiError::unavailable("the change broke off: look what is logged")));
    answer(&now?)
}

async fn change_level(ask: &Ask, filter: &str) -> Result<(), ApiError> {
    let before = in_force(ask).filter;
    telemetry::set_filter(filter).map_err(|error| {
        let message = format!("failed to {error}");
        match error {
            FilterError::NotOne(_) => ApiError::fields(vec![FieldProblem { path: "filter".to_owned(), message }]),
            FilterError::NotOurs => ApiError::unavailable(message),
        }
    })?;
    let now = in_force(ask).filter;
    let (by, detail) = (By::of(ask), json!({"from": &before, "to": &now}));
    let noted =
        ask.app.database.write(move |store| store.write(|db| audit::record(db, &by, "log.level_changed", "", &detail)));
    if let Err(error) = noted.await {
        // What nobody could find out about does not happen. The filter before was one.
        let _ = telemetry::set_filter(&before);
        return Err(error.into());
    }
    tracing::info!("{} has changed what is logged from {before} to {now}", ask.who.name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::household::Household;
    use super::*;
    use warp::http::StatusCode;

    fn push(level: &str, message: &str) {
        telemetry::recent().push(&json!({"level": level, "message": message}).to_string());
    }

    #[tokio::test]
    async fn lines_are_chosen_by_level_text_and_number_oldest_first() {
        let household = Household::new("");
        for (level, message) in [("INFO", "Reef One"), ("WARN", "reef two"), ("ERROR", "REEF three"), ("WARN", "other")]
        {
            push(level, message);
        }
        let messages = async |query: &str| {
            let page = household.get(ENDPOINTS, "/logs", query).await.unwrap();
            let lines = page["lines"].as_array().unwrap().clone();
            lines.iter().map(|line| line["line"]["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(messages("text=Reef").await, ["Reef One", "reef two", "REEF three"]);
        assert_eq!(messages("text=reef&level=warn").await, ["reef two", "REEF three"]);
        assert_eq!(messages("text=reef&level=warn&limit=1").await, ["REEF three"]);
        assert!(household.get(ENDPOINTS, "/logs", "level=loud").await.is_err());
        assert!(household.get(ENDPOINTS, "/logs", "limit=1001").await.is_err());
    }

    #[tokio::test]
    async fn a_filter_that_is_none_changes_nothing() {
        let household = Household::new("");
        let asked = household.ask(ENDPOINTS, (Method::PUT, "/logs/level"), "", "", r#"{"filter": "inof"}"#);
        assert_eq!(asked.await.unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY);
        let level = household.get(ENDPOINTS, "/logs/level", "").await.unwrap();
        assert_eq!((&level["filter"], &level["after_restart"]), (&json!("info"), &json!("info")));
        assert!(household.db().audit(None, 10).unwrap().is_empty());
    }
}
