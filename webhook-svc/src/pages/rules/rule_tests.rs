//! The tests of the rules, judged by the rules as they are: those that fail come first.

use askama::Template;
use serde_json::Value;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::rule_tests::{self, TestView};
use crate::pages::{Form, Frame, Notice, Page, encoded, html, see_other};
use crate::request::{ApiError, Ask};

const PATH: &str = "/rules/tests";

pub(super) const PAGES: &[Page] =
    &[Page::shown(PATH, |ask| Box::pin(show(ask))), Page::form(PATH, |ask| Box::pin(act(ask)))];

/// Tests on one page.
const ROWS: usize = 25;

#[derive(Template)]
#[template(path = "rules/tests.html")]
struct Tests {
    frame: Frame,
    /// What went wrong; empty: nothing.
    problem: String,
    /// Each with whether it can be tried: what cannot be read cannot.
    rows: Vec<(TestView, bool)>,
    /// How many there are on all pages, and how many of them fail.
    all: usize,
    failing: usize,
    page: usize,
    pages: usize,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, String::new()).await
}

async fn draw(ask: &Ask, status: StatusCode, problem: String) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "rules", "Tests of the rules").await?;
    let mut tests = rule_tests::judged(&ask.app).await?;
    tests.sort_by_key(|test| test.passed);
    let (all, pages) = (tests.len(), tests.len().div_ceil(ROWS).max(1));
    let failing = tests.partition_point(|test| !test.passed);
    let page = usize::try_from(ask.count("page", 1, 1, 1_000)?).unwrap_or(1).min(pages);
    let config = ask.app.config();
    let is_read = |name: &str| config.settings.tests.iter().any(|it| it.name == name);
    let rows = tests.into_iter().skip((page - 1) * ROWS).take(ROWS).map(|test| (is_read(&test.name), test));
    let rows = rows.map(|(is_read, test)| (test, is_read)).collect();
    html(ask, status, &Tests { frame, problem, rows, all, failing, page, pages })
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let action = Form::of(&ask).value("do").to_owned();
    let back = ask.parameter("page").map_or_else(|| PATH.to_owned(), |page| format!("{PATH}?page={}", encoded(page)));
    // `remove 1795435200000 old films`: which version of it was seen, and the name.
    let Some((version, name)) = action.strip_prefix("remove ").and_then(|rest| rest.split_once(' ')) else {
        let said = match rule_tests::counted(&ask.app).await? {
            (all, 0) => Notice::ok(format!("All {all} tests of the rules pass.")),
            (all, failing) => Notice::bad(format!("{failing} of {all} tests of the rules fail.")),
        };
        return Ok(see_other(&ask, PATH, Some(said)));
    };
    let asked = ask.with_body(&Value::Null).about("name", name).if_match(version);
    match rule_tests::remove(asked).await {
        Ok(_) => Ok(see_other(&ask, &back, Some(Notice::ok(format!("Removed: the test {name}."))))),
        Err(error) if error.status() == StatusCode::PRECONDITION_FAILED => {
            let problem = format!(
                "Somebody has changed the test {name} since you looked, so nothing was done. The list shows how it is now."
            );
            draw(&ask, error.status(), problem).await
        }
        Err(error) => draw(&ask, error.status(), format!("The test {name}: {}", error.message())).await,
    }
}
