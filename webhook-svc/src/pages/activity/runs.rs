//! The runs of the job and of the service, and those that ended or were started in one way.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::model::{RunResult, Trigger};
use warp::http::StatusCode;
use warp::reply::Response;

use super::{ROWS, WaysOn, page_from};
use crate::api::runs::{self, RunView};
use crate::pages::runs::{tone, trigger_in_words};
use crate::pages::words::lasted;
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/activity", |ask| Box::pin(show(ask))), Page::shown("/activity/runs", |ask| Box::pin(show(ask)))];

/// What a page can be asked for, besides where it begins.
const FILTERS: [&str; 2] = ["result", "trigger"];

#[derive(Template)]
#[template(path = "activity/runs.html")]
struct Runs {
    frame: Frame,
    /// The result and the trigger that are looked at; empty for all.
    wanted: [String; 2],
    runs: Vec<Line>,
    ways_on: WaysOn,
}

/// A run as a row.
struct Line {
    run: RunView,
    began: String,
    took: String,
    tone: &'static str,
}

impl Runs {
    fn is_filtered(&self) -> bool {
        self.wanted.iter().any(|value| !value.is_empty())
    }

    /// What runs in the store can have ended with.
    fn results() -> impl Iterator<Item = &'static str> {
        let never_stored = [RunResult::Busy, RunResult::Unknown];
        RunResult::ALL.iter().filter(move |it| !never_stored.contains(it)).map(|it| it.word())
    }

    /// What can have started them, and what people call it.
    fn triggers() -> impl Iterator<Item = (&'static str, &'static str)> {
        let known = Trigger::ALL.iter().filter(|it| **it != Trigger::Unknown);
        known.map(|it| (it.word(), trigger_in_words(it.word())))
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let wanted = FILTERS.map(|name| ask.parameter(name).unwrap_or_default().to_owned());
    let filters: Vec<(&str, &str)> = FILTERS.into_iter().zip(wanted.iter().map(String::as_str)).collect();
    let asked = [&filters[..], &page_from(&ask), &[("limit", ROWS)]].concat();
    let page = runs::page(&ask.with_query(&asked)).await?;
    let ways_on = WaysOn::of(&ask, &filters, page.newer, page.older);
    let runs = page.runs.into_iter().map(Line::of).collect();
    html(&ask, StatusCode::OK, &Runs { frame, runs, ways_on, wanted })
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

    #[tokio::test]
    async fn older_runs_are_a_page_away_and_so_is_the_way_back() {
        let visitor = Visitor::set_up("").await;
        let run = |number: i64, result| {
            let id = format!("r{number:02}");
            visitor.write(|db| {
                db.start_run(&id, Trigger::Schedule, "nas-1/17", number)?;
                db.end_run(&id, result, "{}", number)
            });
        };
        (1..=90).for_each(|number| run(number, if number == 3 { RunResult::Failed } else { RunResult::Ok }));
        let page = async |query: &str| visitor.get(&format!("/activity/runs{query}")).await.text;
        let has = |page: &str, first: &str, last: &str| {
            page.contains(&format!("/runs/{first}\"")) && page.contains(&format!("/runs/{last}\""))
        };
        let newest = page("").await;
        assert!(has(&newest, "r90", "r51") && !newest.contains(">Newer<"), "{newest}");
        assert!(newest.contains("href=\"/activity/runs?before=r51\">Older<"), "{newest}");
        let oldest = page("?before=r11").await;
        assert!(has(&oldest, "r10", "r01") && !oldest.contains(">Older<"), "{oldest}");
        assert!(oldest.contains("href=\"/activity/runs?after=r10\">Newer<"), "{oldest}");
        assert!(has(&page("?after=r10").await, "r50", "r11"));
        let failed = page("?result=failed").await;
        assert!(has(&failed, "r03", "r03") && !failed.contains("/runs/r90\""), "{failed}");
        let none = page("?result=crashed&trigger=api").await;
        assert!(none.contains("Nothing fits") && !none.contains("No run yet"), "{none}");
        let pruned = page("?result=ok&before=r00").await;
        assert!(pruned.contains("href=\"/activity/runs?result=ok\">Newer<"), "{pruned}");
        assert_eq!(visitor.get("/activity/runs?result=splendid").await.status, 400);
    }
}
