//! Who changed what.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::Value;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::audit::{self, AuditEntry};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/activity/audit", |ask| Box::pin(show(ask)))];

#[derive(Template)]
#[template(path = "activity/audit.html")]
struct Audit {
    frame: Frame,
    changes: Vec<Change>,
    next: Option<i64>,
}

/// A change as a row.
struct Change {
    entry: AuditEntry,
    at: String,
    /// `rule changed`
    action: String,
    /// What else there is to say, or nothing.
    detail: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let before = ask.parameter("before").unwrap_or_default();
    let page = audit::page(&ask.with_query(&[("before", before), ("limit", super::ROWS)])).await?;
    let changes = page.entries.into_iter().map(Change::of).collect();
    html(&ask, StatusCode::OK, &Audit { frame, changes, next: page.next_before })
}

impl Change {
    fn of(entry: AuditEntry) -> Self {
        let detail = match &entry.detail {
            Value::Null => String::new(),
            Value::Object(keys) if keys.is_empty() => String::new(),
            detail => detail.to_string(),
        };
        Self { at: rfc3339(entry.at_ms), action: entry.action.replace(['.', '_'], " "), detail, entry }
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::store::NewAuditRow;

    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn what_somebody_wrote_is_text_and_no_markup() {
        let visitor = Visitor::set_up("").await;
        visitor.write(|db| {
            let (who, target) = ("<script>alert(1)</script>", "\u{202e}elur");
            let detail = r#"{"note": "<img src=x>"}"#;
            db.add_audit(NewAuditRow { at_ms: 1, who, address: None, action: "rule.changed", target, detail })
        });
        let page = visitor.get("/activity/audit").await.text;
        assert!(page.contains("rule changed") && page.contains("&#60;script&#62;alert(1)"), "{page}");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
        assert!(page.contains("<bdi class=\"clamp\">\u{202e}elur</bdi>"), "{page}");
    }
}
