//! What instances refused, and what to do about it.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use crate::api::failures::{self, FailureView};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{Access, ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page { method: Method::GET, path: "/activity/failures", access: Access::Read, handle: |ask| Box::pin(show(ask)) },
    Page { method: Method::POST, path: "/activity/failures", access: Access::Write, handle: |ask| Box::pin(act(ask)) },
];

#[derive(Template)]
#[template(path = "activity/failures.html")]
struct Failures {
    frame: Frame,
    form: Form,
    failures: Vec<(String, FailureView)>,
    next: Option<i64>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "activity", "Activity").await?;
    let after = ask.parameter("after").unwrap_or_default();
    let page = failures::page(&ask.with_query(&[("after", after), ("limit", super::ROWS)])).await?;
    let again = |it: &FailureView| it.retry_at_ms.map_or_else(String::new, rfc3339);
    let failures = page.failures.into_iter().map(|it| (again(&it), it)).collect();
    html(ask, status, &Failures { frame, form, failures, next: page.next })
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let ids: Vec<i64> = form.all("id").filter_map(|id| id.parse().ok()).collect();
    let count = match ids.len() {
        1 => "one title".to_owned(),
        more => format!("{more} titles"),
    };
    let (done, said) = match form.value("do") {
        "dismiss" => (failures::dismiss(ask.with_body(&json!({"ids": ids}))).await, format!("Given up: {count}.")),
        "retry_all" => {
            let done = failures::retry(ask.with_body(&json!({"all": true}))).await;
            (done, "The next run tries all of them again.".to_owned())
        }
        _ => {
            let done = failures::retry(ask.with_body(&json!({"ids": ids}))).await;
            (done, format!("The next run tries again: {count}."))
        }
    };
    match done {
        Ok(_) => Ok(see_other(&ask, "/activity/failures", Some(Notice::ok(said)))),
        Err(error) if ids.is_empty() => {
            let nothing = ApiError::input("nothing was selected: tick the titles that are meant");
            draw(&ask, error.status(), form.refused(&nothing)).await
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

#[cfg(test)]
mod tests {
    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn without_a_selection_nothing_is_done_and_that_is_said() {
        let visitor = Visitor::set_up("").await;
        assert!(visitor.get("/activity/failures").await.text.contains("Nothing was refused"));
        let told = visitor.post("/activity/failures", &[("do", "dismiss")]).await;
        assert_eq!(told.status, 400);
        assert!(told.text.contains("nothing was selected"), "{}", told.text);
        let gone = visitor.post("/activity/failures", &[("do", "retry"), ("id", "77")]).await;
        assert_eq!(gone.status, 409);
        assert!(gone.text.contains("these are no failures: 77"), "{}", gone.text);
        assert_eq!(visitor.post_as("/activity/failures", "guessed", &[("do", "retry_all")]).await.status, 403);
    }
}
