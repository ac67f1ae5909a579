//! What instances refused, and what to do about it.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::failures::{self, FailureList, FailureView};
use crate::api::people::{People, Person};
use crate::pages::trouble::query;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/activity/failures", |ask| Box::pin(show(ask))),
    Page::form("/activity/failures", |ask| Box::pin(act(ask))),
];

/// What a page can be asked for, besides where it begins.
const FILTERS: [&str; 2] = ["instance", "user"];

#[derive(Template)]
#[template(path = "activity/failures.html")]
struct Failures {
    frame: Frame,
    form: Form,
    /// The instance and the user that are looked at; empty for all.
    wanted: [String; 2],
    /// The instances there are, and any that is looked at.
    instances: Vec<String>,
    people: Vec<Person>,
    failures: Vec<(String, FailureView)>,
    /// This page's query without where it begins: `instance=movies&`.
    query: String,
    /// Where the form goes.
    here: String,
    next: Option<i64>,
}

impl Failures {
    fn is_filtered(&self) -> bool {
        self.wanted.iter().any(|value| !value.is_empty())
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, mut status: StatusCode, mut form: Form) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "activity", "Activity").await?;
    let wanted = wanted(ask);
    let filters: Vec<(&str, &str)> = FILTERS.into_iter().zip(wanted.iter().map(String::as_str)).collect();
    let after = ask.parameter("after").unwrap_or_default();
    let asked = [&filters[..], &[("after", after), ("limit", super::ROWS)]].concat();
    let first = asked[..2].iter().chain(&asked[3..]).copied().collect::<Vec<_>>();
    let page = match failures::page(&ask.with_query(&asked)).await {
        // Nothing is left of this page: there may be others before it.
        Ok(page) if page.failures.is_empty() && !after.is_empty() => failures::page(&ask.with_query(&first)).await?,
        Ok(page) => page,
        Err(error) if error.status() == StatusCode::BAD_REQUEST && form.problem.is_empty() => {
            (status, form) = (error.status(), form.refused(&error));
            FailureList { failures: Vec::new(), next: None }
        }
        Err(error) => return Err(error),
    };
    let config = ask.app.config();
    let mut instances: Vec<String> = config.settings.instances.iter().map(|it| it.name.clone()).collect();
    if !wanted[0].is_empty() && !instances.contains(&wanted[0]) {
        instances.push(wanted[0].clone());
    }
    let people = ask.app.database.read(move |db| People::of(db, &config)).await?;
    let again = |it: &FailureView| it.retry_at_ms.map_or_else(String::new, rfc3339);
    let page = Failures {
        frame,
        form,
        instances,
        people: people.0.iter().map(Person::of).collect(),
        failures: page.failures.into_iter().map(|it| (again(&it), it)).collect(),
        query: query(&filters),
        here: place(ask),
        next: page.next,
        wanted,
    };
    html(ask, status, &page)
}

/// The list as it is looked at.
fn place(ask: &Ask) -> String {
    let kept = FILTERS.into_iter().chain(["after"]).filter_map(|name| Some((name, ask.parameter(name)?.trim())));
    let place = format!("/activity/failures?{}", query(&kept.collect::<Vec<_>>()));
    place.trim_end_matches(['?', '&']).to_owned()
}

fn wanted(ask: &Ask) -> [String; 2] {
    FILTERS.map(|name| ask.parameter(name).unwrap_or_default().trim().to_owned())
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let ids: Vec<i64> = form.all("id").filter_map(|id| id.parse().ok()).collect();
    let count = match ids.len() {
        1 => "one title".to_owned(),
        more => format!("{more} titles"),
    };
    let wanted = wanted(&ask);
    let filters: Vec<(&str, &str)> = FILTERS.into_iter().zip(wanted.iter().map(String::as_str)).collect();
    let given = |value: &String| Some(value.clone()).filter(|value| !value.is_empty());
    let (done, said) = match form.value("do") {
        "dismiss" => (failures::dismiss(ask.with_body(&json!({"ids": ids}))).await, format!("Given up: {count}.")),
        "retry_all" => {
            let body = json!({"all": true, "instance": given(&wanted[0]), "user": given(&wanted[1])});
            let done = failures::retry(ask.with_body(&body)).await;
            (done, "The next run tries all of them again.".to_owned())
        }
        _ => {
            let done = failures::retry(ask.with_body(&json!({"ids": ids}))).await;
            (done, format!("The next run tries again: {count}."))
        }
    };
    match done {
        Ok(_) => {
            // All of them were meant: the list begins anew.
            let place = if form.value("do") == "retry_all" { place(&ask.with_query(&filters)) } else { place(&ask) };
            Ok(see_other(&ask, &place, Some(Notice::ok(said))))
        }
        Err(error) if ids.is_empty() && form.value("do") != "retry_all" => {
            let nothing = ApiError::input("nothing was selected: tick the titles that are meant");
            draw(&ask, error.status(), form.refused(&nothing)).await
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

#[cfg(test)]
mod tests {
    use crate::api::household::{Household, NOON, SETTINGS};
    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn what_one_instance_refused_is_shown_alone_and_tried_again_alone() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(2);
        household.route_all("run-1");
        let queued = household.db().due_placements("movies", NOON).unwrap();
        household.write(|db| queued.iter().try_for_each(|it| db.refuse(it, "no root folder", None, NOON)));
        let link = visitor.get("/instances/movies").await.text;
        assert!(link.contains("href=\"/activity/failures?instance=movies\""), "{link}");
        let all = visitor.get("/activity/failures?instance=movies&user=ana").await.text;
        assert!(all.contains("Salt Ledger 1") && all.contains("Salt Ledger 2"), "{all}");
        let other = visitor.get("/activity/failures?instance=uhd").await.text;
        assert!(!other.contains("Salt Ledger") && other.contains("Nothing fits"), "{other}");
        let nobody = visitor.get("/activity/failures?user=%3Cb%3E").await;
        assert!(nobody.status == 400 && nobody.text.contains("nobody answers to the name"), "{}", nobody.text);
        let retried = visitor.post("/activity/failures?instance=uhd", &[("do", "retry_all")]).await;
        assert_eq!((retried.status, retried.header("location")), (303, "/activity/failures?instance=uhd"));
        assert!(household.db().failures().unwrap().iter().all(|row| row.retry_at_ms.is_none()));
        visitor.post("/activity/failures?instance=movies", &[("do", "retry_all")]).await;
        assert!(household.db().failures().unwrap().iter().all(|row| row.retry_at_ms.is_some()));
    }

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
