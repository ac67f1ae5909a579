//! The last runs of the job and of the service.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::runs::{self, RunView};
use crate::pages::runs::tone;
use crate::pages::words::lasted;
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/activity", |ask| Box::pin(show(ask))), Page::shown("/activity/runs", |ask| Box::pin(show(ask)))];

#[derive(Template)]
#[template(path = "activity/runs.html")]
struct Runs {
    frame: Frame,
    runs: Vec<Line>,
}

/// A run as a row.
struct Line {
    run: RunView,
    began: String,
    took: String,
    tone: &'static str,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let runs = runs::last(&ask.with_query(&[("limit", super::ROWS)])).await?.runs;
    html(&ask, StatusCode::OK, &Runs { frame, runs: runs.into_iter().map(Line::of).collect() })
}

impl Line {
    fn of(run: RunView) -> Self {
        let took = run.ended_at_ms.map_or_else(String::new, |ended| lasted(ended - run.started_at_ms));
        Self { began: rfc3339(run.started_at_ms), took, tone: tone(run.result), run }
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{RunResult, Trigger};
    use pulsarr_shared::store::NewAuditRow;

    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn runs_are_listed_and_before_the_first_it_is_said_when_one_comes() {
        let visitor = Visitor::set_up("").await;
        let none = visitor.get("/activity").await.text;
        assert!(none.contains("No run yet"), "{none}");
        visitor.write(|db| {
            db.start_run("r1", Trigger::Schedule, "nas-1/17", 1_000)?;
            db.end_run("r1", RunResult::Partial, "{}", 63_500)
        });
        let some = visitor.get("/activity/runs").await.text;
        for expected in ["/runs/r1", "the schedule", "partial", "1 min 2 s", "1970-01-01T00:00:01"] {
            assert!(some.contains(expected), "{expected} is missing in {some}");
        }
        visitor.write(|db| {
            for (id, who) in [("r2", "ada"), ("r3", "api key <backup>")] {
                db.start_run(id, Trigger::Api, "nas-1/17", 100_000)?;
                let (action, detail) = ("run.started", "{}");
                db.add_audit(NewAuditRow { at_ms: 100_001, who, address: None, action, target: id, detail })?;
            }
            db.start_run("r4", Trigger::Api, "nas-1/17", 100_000)
        });
        let by_hand = visitor.get("/activity/runs").await.text;
        for expected in [">ada<", "api key &#60;backup&#62;", ">somebody<"] {
            assert!(by_hand.contains(expected), "{expected} is missing in {by_hand}");
        }
    }
}
