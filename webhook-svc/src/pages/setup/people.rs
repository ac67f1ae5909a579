//! Whose watchlists are acted on, and what to do about those that cannot be read.

use askama::Template;
use warp::http::StatusCode;
use warp::reply::Response;

use super::preview;
use super::steps::{Progress, Shown, Step, frame};
use crate::api::first_sync;
use crate::api::readability::{self, ReadabilityView};
use crate::api::taking_part::{self, Taker};
use crate::pages::users::RequestsShown;
use crate::pages::{Form, Frame, Page, html, see_other};
use crate::request::{ApiError, Ask};

const PATH: &str = "/setup/users";

/// People on one page.
const ROWS: usize = 50;

pub(super) const PAGES: &[Page] =
    &[Page::shown(PATH, |ask| Box::pin(show(ask))), Page::form(PATH, |ask| Box::pin(act(ask)))];

#[derive(Template)]
#[template(path = "setup/people.html")]
struct People {
    frame: Frame,
    steps: Vec<Shown>,
    people: Vec<Person>,
    /// How many there are on all pages.
    all: usize,
    page: usize,
    form: Form,
    /// The lists are being read.
    reading: bool,
    /// They may be read at a press.
    waits: bool,
    /// What is missing before they can be; empty: nothing.
    missing: &'static str,
    /// Friends' lists are read at all.
    friends: bool,
    requests: RequestsShown,
    here: String,
}

/// Somebody, and the own switch.
struct Person {
    it: ReadabilityView,
    /// None for somebody who is only in a friend request.
    taker: Option<Taker>,
    tone: &'static str,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let (app, config) = (&ask.app, ask.app.config());
    let missing = match (&config.settings.plex.token, config.settings.instances.is_empty()) {
        (None, _) => "/setup/plex",
        (_, true) => "/setup/instances",
        _ => "",
    };
    let (told, requests) = readability::page(ask).await?;
    let all = told.users.len();
    let last = all.saturating_sub(1) / ROWS + 1;
    let page = (ask.count("page", 1, 1, u32::MAX)? as usize).min(last);
    let shown: Vec<ReadabilityView> = told.users.into_iter().skip((page - 1) * ROWS).take(ROWS).collect();
    let mut takers = taking_part::takers(app, shown.iter().map(|it| it.uuid.clone()).collect()).await?;
    let person = |it: ReadabilityView| {
        let at = takers.iter().position(|taker| taker.uuid == it.uuid);
        Person { taker: at.map(|at| takers.swap_remove(at)), tone: tone(it.state), it }
    };
    let frame = frame(ask, "Whose watchlists").await?;
    let people = People {
        here: format!("{}{}", frame.base_path, place(page)),
        frame,
        steps: Progress::of(ask).await?.steps(Step::People),
        people: shown.into_iter().map(person).collect(),
        all,
        page,
        form,
        reading: first_sync::under_way(ask).await?.is_some(),
        waits: first_sync::waits(app).await?,
        missing,
        friends: config.settings.plex.friends,
        requests: RequestsShown::of(requests),
    };
    html(ask, status, &people)
}

/// How it looks whether a list can be read.
fn tone(state: &str) -> &'static str {
    match state {
        "readable" => "ok",
        "empty" => "idle",
        "private" | "not_a_friend" => "bad",
        _ => "warn",
    }
}

impl People {
    /// Whether somebody's switch is on: as it was sent, or as it is.
    fn is_on(&self, taker: &Taker) -> bool {
        if self.form.ticked("person") { self.form.has("on", &taker.uuid) } else { taker.synced }
    }

    /// Whether it was on when the page was opened.
    fn was_on(&self, taker: &Taker) -> bool {
        if self.form.ticked("person") { self.form.has("was", &taker.uuid) } else { taker.synced }
    }
}

/// The page of this number.
fn place(page: usize) -> String {
    if page <= 1 { PATH.to_owned() } else { format!("{PATH}?page={page}") }
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let reads = form.value("do") == "read";
    // `page 2`: what is chosen is kept when the page is turned.
    let turned = form.value("do").strip_prefix("page ").and_then(|page| page.parse().ok());
    let here = usize::try_from(ask.count("page", 1, 1, u32::MAX)?).unwrap_or(1);
    // Somebody whose switch was not touched stays as they are by now, whatever the page has shown.
    let touched = form.all("person").filter(|uuid| form.has("on", uuid) != form.has("was", uuid));
    let wanted: Vec<(String, bool)> = touched.map(|uuid| (uuid.to_owned(), form.has("on", uuid))).collect();
    match taking_part::choose(&ask, &wanted).await {
        Ok(chosen) => {
            if reads || chosen.switched_on {
                first_sync::read_lists(&ask).await?;
            } else if turned.is_none() {
                // Worked out while the page is on its way.
                preview::last(&ask).await?;
            }
            let place = match turned {
                Some(page) => place(page),
                None if reads => place(here),
                None => "/setup/preview".to_owned(),
            };
            Ok(see_other(&ask, &place, None))
        }
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}
