//! The four body shapes of a refusal: validation array, `{message}`, ProblemDetails, and nothing at all.
//!
//! Owns: the shapes. Refuses: deciding which one applies.

use serde_json::{Value, json};

use super::App;
use crate::fakes::exchange::Reply;

/// One failed validation rule. A request's failures are answered together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// PascalCase: `QualityProfileId`.
    pub(crate) property: &'static str,
    pub(crate) message: String,
    pub(crate) attempted: Value,
    /// The validator's class; absent for failures the arrs make by hand.
    pub(crate) code: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(
        property: &'static str,
        message: impl Into<String>,
        attempted: impl Into<Value>,
        code: &'static str,
    ) -> Self {
        Self { property, message: message.into(), attempted: attempted.into(), code: Some(code) }
    }

    pub(crate) fn not_empty(property: &'static str, attempted: impl Into<Value>) -> Self {
        Self::new(property, format!("'{}' must not be empty.", words(property)), attempted, "NotEmptyValidator")
    }

    pub(crate) fn greater_than_zero(property: &'static str, attempted: i64) -> Self {
        let message = format!("'{}' must be greater than '0'.", words(property));
        Self::new(property, message, attempted, "GreaterThanValidator")
    }

    fn body(&self) -> Value {
        let mut one = json!({ "propertyName": self.property, "errorMessage": self.message, "severity": "error" });
        if !self.attempted.is_null() {
            one["attemptedValue"] = self.attempted.clone();
        }
        if let Some(code) = self.code {
            one["errorCode"] = json!(code);
            let mut placeholders = json!({ "propertyName": words(self.property) });
            if !self.attempted.is_null() {
                placeholders["propertyValue"] = self.attempted.clone();
            }
            one["formattedMessagePlaceholderValues"] = placeholders;
        }
        one
    }
}

/// FluentValidation's failures: 400 and an array.
pub(crate) fn invalid(failures: &[Failure]) -> Reply {
    Reply::json(400, &failures.iter().map(Failure::body).collect())
}

/// What a connection's own rules and its trial find: the array, without a code and with `isWarning`.
pub(crate) fn invalid_provider(property: &str, message: &str) -> Reply {
    let failure = json!({ "propertyName": property, "errorMessage": message, "severity": "error", "isWarning": false });
    Reply::json(400, &json!([failure]))
}

/// Unreadable JSON, wrong types, unknown enum names: ASP.NET's ProblemDetails, an object.
pub(crate) fn unbindable(errors: &[(String, String)]) -> Reply {
    let listed: serde_json::Map<String, Value> = errors.iter().map(|(at, what)| (at.clone(), json!([what]))).collect();
    problem(400, "One or more validation errors occurred.", Some(Value::Object(listed)))
}

pub(crate) fn not_found() -> Reply {
    problem(404, "Not Found", None)
}

pub(crate) fn problem(status: u16, title: &str, errors: Option<Value>) -> Reply {
    let mut body = json!({
        "type": format!("https://tools.ietf.org/html/rfc9110#section-15.5.{}", status % 100 + 1), "title": title,
        "status": status, "traceId": "00-6b1f0d3c5a7e49d28c4b1a2f3e5d7c90-1f2e3d4c5b6a7988-00",
    });
    if let Some(errors) = errors {
        body["errors"] = errors;
    }
    Reply::text(status, "application/problem+json; charset=utf-8", body.to_string())
}

/// The arrs' own bad request: `{"message": "BadRequest: …", "content": "…"}`.
pub(crate) fn bad_request(what: &str) -> Reply {
    Reply::json(400, &json!({ "message": format!("BadRequest: {what}"), "content": what }))
}

/// `{message, description}`, the description being an exception with its stack.
pub(crate) fn exception(app: App, status: u16, kind: &str, message: &str) -> Reply {
    let stack = format!(
        "{kind}: {message}\n   at {0}.Core.Datastore.BasicRepository`1.Get(Int32 id) in ./BasicRepository.cs:line 99\n   \
         at {0}.Http.REST.RestController`1.Act() in ./RestController.cs:line 61",
        app.name()
    );
    Reply::json(status, &json!({ "message": message, "description": stack }))
}

pub(crate) fn conflict(app: App, table: &str) -> Reply {
    let message = format!("constraint failed\r\nUNIQUE constraint failed: {table}");
    exception(app, 409, "System.Data.SQLite.SQLiteException (0x87AF03D1)", &message)
}

pub(crate) fn starting(app: App, api: bool) -> Reply {
    let message = format!("{} is starting up, please try again later", app.name());
    if api { Reply::json(503, &json!({ "errorMessage": message })) } else { Reply::text(503, "text/plain", message) }
}

/// What the app would give with a status a test ordered.
pub(crate) fn by_status(app: App, status: u16) -> Reply {
    match status {
        401 | 405 => Reply::empty(status),
        400 => bad_request("refused by order of the test"),
        404 => not_found(),
        409 => conflict(app, if app == App::Sonarr { "Series.TvdbId" } else { "Movies.MovieMetadataId" }),
        503 => starting(app, true),
        _ => exception(app, status, "System.InvalidOperationException", "database is locked"),
    }
}

/// `QualityProfileId` as the messages say it: `Quality Profile Id`.
fn words(property: &str) -> String {
    let mut out = String::new();
    for (at, letter) in property.chars().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(letter);
    }
    out
}
