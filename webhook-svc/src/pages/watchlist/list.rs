//! The entries of all watchlists, the newest first.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::model::EntryState;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::people::{People, Person};
use crate::api::watchlist::{self, WatchlistEntry};
use crate::pages::trouble::query;
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/watchlist", |ask| Box::pin(show(ask)))];

/// The entries on one page.
const ROWS: &str = "40";
/// What a page can be asked for, besides where it begins.
const FILTERS: [&str; 5] = ["text", "user", "state", "type", "instance"];

#[derive(Template)]
#[template(path = "watchlist/list.html")]
struct List {
    frame: Frame,
    /// What is looked for: text, user, state, type, instance; empty for everything.
    wanted: [String; 5],
    /// What is wrong with that, or nothing.
    problem: String,
    people: Vec<Person>,
    states: Vec<&'static str>,
    instances: Vec<String>,
    entries: Vec<Row>,
    /// The query of the page that follows.
    older: Option<String>,
}

struct Row {
    entry: WatchlistEntry,
    since: String,
}

impl List {
    fn is_filtered(&self) -> bool {
        self.wanted.iter().any(|value| !value.is_empty())
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "watchlist", "Watchlist").await?;
    let wanted = FILTERS.map(|name| ask.parameter(name).unwrap_or_default().trim().to_owned());
    let filters: Vec<(&str, &str)> = FILTERS.into_iter().zip(wanted.iter().map(String::as_str)).collect();
    let config = ask.app.config();
    let mut instances: Vec<String> = config.settings.instances.iter().map(|it| it.name.clone()).collect();
    // Also one that is gone, whose titles are still told by where they went.
    let [.., instance] = &wanted;
    if !instance.is_empty() && !instances.contains(instance) {
        instances.push(instance.clone());
    }
    let people = ask.app.database.read(move |db| People::of(db, &config)).await?;
    let before = ask.parameter("before").unwrap_or_default();
    let asked = [&filters[..], &[("before", before), ("limit", ROWS)]].concat();
    let (entries, older, problem, status) = match watchlist::page(&ask.with_query(&asked)).await {
        Ok(page) => (
            page.entries,
            page.next.map(|next| format!("{}before={next}", query(&filters))),
            String::new(),
            StatusCode::OK,
        ),
        Err(error) if error.status() == StatusCode::BAD_REQUEST => {
            (Vec::new(), None, error.message().to_owned(), error.status())
        }
        Err(error) => return Err(error),
    };
    let page = List {
        frame,
        problem,
        people: people.0.iter().map(Person::of).collect(),
        states: EntryState::ALL.iter().map(|state| state.word()).collect(),
        instances,
        entries: entries.into_iter().map(|entry| Row { since: rfc3339(entry.since_ms), entry }).collect(),
        older,
        wanted,
    };
    html(&ask, status, &page)
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{ListedTitle, MediaType, PlexId, Relation, UserUuid};

    use crate::pages::testing::Visitor;

    impl Visitor {
        /// Puts titles of these names on a list.
        fn wish(&self, names: &[&str]) {
            let uuid = UserUuid::parse("5be07c1d2a94f036").unwrap();
            self.write(|db| {
                let user = db.upsert_user(&uuid, "an&a", "Ana", Relation::Owner, 1)?;
                for (number, name) in names.iter().enumerate() {
                    let title = db.upsert_listed_title(&ListedTitle {
                        plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                        media_type: MediaType::Movie,
                        title: (*name).to_owned(),
                        year: Some(2025),
                        ids: None,
                        poster_url: None,
                    })?;
                    db.open_entry(user, title, 1)?;
                }
                Ok(())
            });
        }
    }

    #[tokio::test]
    async fn the_newest_come_first_and_the_filter_goes_along_to_the_next_page() {
        let visitor = Visitor::set_up("").await;
        assert!(visitor.get("/watchlist").await.text.contains("Nothing is on a watchlist yet"));
        let names: Vec<String> = (0..60).map(|number| format!("Salt & Ledger {number}")).collect();
        visitor.wish(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let page = visitor.get("/watchlist?text=salt+%26&state=new").await.text;
        assert!(page.contains("Salt &#38; Ledger 59") && !page.contains("Salt &#38; Ledger 9<"), "{page}");
        let (_, rest) = page.split_once("/watchlist?text=salt%20%26").expect("a way to the next page");
        let link = rest.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&");
        let next = visitor.get(&format!("/watchlist?text=salt%20%26{link}")).await.text;
        assert!(next.contains("Salt &#38; Ledger 9<") && !next.contains("Salt &#38; Ledger 59"), "{next}");
        assert!(page.len() < 40_000, "{} bytes", page.len());
    }

    #[tokio::test]
    async fn nothing_that_fits_and_filters_that_are_none_are_said() {
        let visitor = Visitor::set_up("").await;
        visitor.wish(&["Salt Ledger"]);
        let page = visitor.get("/watchlist?text=zander").await;
        assert!(page.status == 200 && page.text.contains("Nothing fits"), "{}", page.text);
        let page = visitor.get("/watchlist?state=odd&text=salt").await;
        assert!(page.status == 400 && page.text.contains("`state` is one of"), "{}", page.text);
        assert!(page.text.contains("value=\"salt\""), "what was typed stays: {}", page.text);
        assert_eq!(visitor.signed_out().get("/watchlist?text=salt").await.status, 303);
    }

    #[tokio::test]
    async fn an_instance_that_is_gone_can_still_be_looked_at() {
        let visitor = Visitor::set_up("").await;
        visitor.wish(&["Salt Ledger"]);
        let page = visitor.get("/watchlist?instance=uhd").await.text;
        assert!(page.contains("<option selected>uhd</option>"), "{page}");
    }

    #[tokio::test]
    async fn names_are_text() {
        let visitor = Visitor::set_up("").await;
        let long = "\u{1f3ac}".repeat(2_500);
        visitor.wish(&["<script>alert(1)</script>", "\u{202e}Ledger", &long]);
        let page = visitor.get("/watchlist").await.text;
        assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"), "{page}");
        assert!(page.contains("<bdi class=\"clamp\">\u{202e}Ledger</bdi>"), "{page}");
        assert!(page.contains("an&#38;a"), "{page}");
    }
}
