//! The pages that people use: one table, by which requests are routed and rights are checked. A page asks the functions of the API and
//! shows what they say; none knows SQL or wire types. Everything works as plain forms; scripts only make it more pleasant.

mod activity;
mod approvals;
mod assets;
mod charts;
mod form;
mod frame;
mod instances;
mod kept_form;
mod lists;
mod options;
mod overview;
mod page;
mod posters;
#[cfg(test)]
mod redirect_tests;
mod rules;
mod runs;
mod settings;
mod setup;
mod sign_in;
#[cfg(test)]
pub mod testing;
mod trouble;
mod users;
mod versions;
#[cfg(test)]
mod waiting_tests;
mod watchlist;
mod words;

pub use form::Form;
pub use frame::{Frame, Notice};
use kept_form::KeptForm;
pub use page::{Page, html, ours, see_other, see_other_with};
pub use trouble::encoded;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::path::Tail;
use warp::reply::Response;
use warp::{Filter, Rejection};

use crate::app::App;
use crate::auth;
use crate::body::{Body, Room, STRANGERS_LIMIT, take_in};
use crate::request::{Access, ApiError, Ask, Variables, Who, pairs, path_parts};
use crate::server::Peer;

/// The largest form that is taken from whoever is signed in: one of them takes a settings file.
const FORM_LIMIT: usize = 1024 * 1024;

/// Every page.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    let tables: [&[Page]; 2] = [sign_in::PAGES, posters::PAGES];
    tables
        .into_iter()
        .chain(overview::pages())
        .chain(runs::pages())
        .chain(watchlist::pages())
        .chain(approvals::pages())
        .chain(rules::pages())
        .chain(users::pages())
        .chain(instances::pages())
        .chain(activity::pages())
        .chain(settings::pages())
        .chain(setup::pages())
        .flatten()
}

/// All pages and what they are drawn with, below `base`. Has to come last: whatever a browser asks for that is nowhere gets a page too.
pub fn filter(base: BoxedFilter<()>, app: Arc<App>) -> BoxedFilter<(Response,)> {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    base.clone()
        .and(assets::filter())
        .or(base
            .and(warp::path::tail())
            .and(warp::method())
            .and(warp::header::headers_cloned())
            .and_then(find)
            .and(query)
            .and(warp::ext::optional::<Peer>())
            .and(warp::body::stream())
            .then(move |visit: Visit, query: String, peer: Option<Peer>, body| {
                let app = Arc::clone(&app);
                async move { visit.answer(app, &query, peer.map(|Peer(address)| address), body).await }
            }))
        .unify()
        .boxed()
}

/// A request for a page.
struct Visit {
    page: &'static Page,
    variables: Variables,
    /// Below the base path, as it came.
    path: String,
    method: Method,
    headers: HeaderMap,
}

/// The page that is meant. What no page is at is only for a browser to be told in a page.
async fn find(tail: Tail, method: Method, headers: HeaderMap) -> Result<Visit, Rejection> {
    let parts = path_parts(tail.as_str());
    let asked = if method == Method::HEAD { Method::GET } else { method.clone() };
    let found = pages().filter(|page| page.method == asked);
    let found = found.filter_map(|page| page.variables(&parts).map(|variables| (page, variables))).next();
    let (page, variables) = match found {
        Some(found) => found,
        None if asked == Method::GET && wants_a_page(&headers) => (&trouble::NOWHERE, Variables::new()),
        None => return Err(warp::reject::not_found()),
    };
    Ok(Visit { page, variables, path: format!("/{}", tail.as_str()), method, headers })
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

impl Visit {
    async fn answer<B: Buf>(
        self,
        app: Arc<App>,
        query: &str,
        remote: Option<SocketAddr>,
        body: impl Stream<Item = Result<B, warp::Error>>,
    ) -> Response {
        let place = self.place(query, app.base_path());
        let sent_to = self.address(query);
        let Self { page, variables, method, headers, .. } = self;
        let who = Who { name: String::new(), may_write: false };
        let remote = remote.map(|address| address.ip().to_canonical());
        let mut ask = Ask { app, who, remote, headers, variables, query: pairs(query), body: Bytes::new() };
        // A form's room is held until the page is there.
        let mut room = None;
        let answered = match admit(page, &method, &mut ask, body, &mut room).await {
            Ok(()) => (page.handle)(ask.clone()).await,
            Err(refused) => match KeptForm::of(&sent_to, &Form::of(&ask)) {
                Some(kept) if refused.status() == StatusCode::UNAUTHORIZED => sign_in::keep(&ask, &place, &kept),
                // Signed in anew elsewhere in this browser: the form knows only the session before.
                Some(kept) if refused.message() == auth::OTHER_SESSION => kept.again(&ask, &place).await,
                _ => Err(refused),
            },
        };
        match answered {
            Ok(response) => response,
            Err(error) => trouble::answer(&ask, &place, &error).await,
        }
    }

    /// Where whoever has to sign in first goes on afterwards: this page, or the one that the form is on.
    fn place(&self, query: &str, base_path: &str) -> String {
        if self.method == Method::POST {
            let from = self.headers.get(header::REFERER).and_then(|from| from.to_str().ok()).unwrap_or_default();
            return ours(page_of_form(from, base_path)).to_owned();
        }
        self.address(query)
    }

    /// Below the base path.
    fn address(&self, query: &str) -> String {
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

/// The page that a form is on, below the base path, by the address that it was sent from. What only takes forms, and has shown what was
/// wrong with one, has its page further up.
fn page_of_form<'a>(address: &'a str, base_path: &str) -> &'a str {
    let path = address.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..])).unwrap_or("/");
    let is_shown = |path: &str| {
        let parts = path_parts(path.trim_start_matches('/'));
        pages().any(|page| page.method == Method::GET && page.variables(&parts).is_some())
    };
    let mut place = path.strip_prefix(base_path).unwrap_or(path);
    // At the latest the first page is shown, whose path is empty by then.
    while !is_shown(place.split('?').next().unwrap_or_default()) {
        place = place.rsplit_once('/').map_or("", |(above, _)| above);
    }
    if place.is_empty() { "/" } else { place }
}

/// Lets a request for `page` in, and takes in the form that comes with it, which takes `room`. The form of somebody whose session is
/// over is taken in as well, if it is small and of our own pages, so that it can be shown again.
async fn admit<B: Buf>(
    page: &Page,
    method: &Method,
    ask: &mut Ask,
    body: impl Stream<Item = Result<B, warp::Error>>,
    room: &mut Option<Room>,
) -> Result<(), ApiError> {
    // Whoever is not signed in may not make us take in a large form.
    let least = if page.access == Access::Open { Access::Open } else { Access::Read };
    let let_in = auth::let_in(&ask.app, least, &Method::GET, &ask.headers, ask.remote).await;
    if *method != Method::POST {
        ask.who = let_in?;
        return Ok(());
    }
    let is_stranger = page.access == Access::Open || let_in.is_err();
    if let_in.is_err() {
        // Open to everybody but foreign pages.
        auth::let_in(&ask.app, Access::Open, method, &ask.headers, ask.remote).await?;
    }
    let limit = if is_stranger { STRANGERS_LIMIT } else { FORM_LIMIT };
    match take_in(body, limit, ask.app.body_patience, &ask.app.rooms).await {
        Ok(Body { bytes, room: taken }) => {
            ask.body = bytes.into();
            *room = Some(taken);
        }
        // That they have to sign in is what they have to know first.
        Err(error) => return let_in.and(Err(ApiError::of_body(error, limit))),
    }
    ask.who = let_in?;
    // Forms say in a field what scripts say in a header.
    if let Ok(token) = Form::of(ask).value("csrf_token").parse::<HeaderValue>() {
        ask.headers.entry(auth::CSRF).or_insert(token);
    }
    ask.who = auth::let_in(&ask.app, page.access, method, &ask.headers, ask.remote).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::page_of_form;

    #[test]
    fn a_form_leads_back_to_the_page_that_it_is_on() {
        for (from, expected) in [
            ("http://nas:3003/settings/general", "/settings/general"),
            ("https://nas/users?show=synced&page=2", "/users?show=synced&page=2"),
            ("https://nas/rules/long%20films", "/rules/long%20films"),
            // What takes forms only shows what is wrong with one.
            ("https://nas/settings/general/time_zone", "/settings/general"),
            ("https://nas/instances/movies/fix", "/instances/movies"),
            ("https://nas/nowhere/at/all", "/"),
            ("https://nas", "/"),
            ("", "/"),
        ] {
            assert_eq!(page_of_form(from, ""), expected, "{from}");
        }
        assert_eq!(page_of_form("https://nas/pulsarr/users?page=2", "/pulsarr"), "/users?page=2");
        assert_eq!(page_of_form("https://nas/pulsarr/", "/pulsarr"), "/");
    }
}
