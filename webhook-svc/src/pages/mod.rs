//! The pages that people use: one table, by which requests are routed and rights are checked. A page asks the functions of the API and
//! shows what they say; none knows SQL or wire types. Everything works as plain forms; scripts only make it more pleasant.

mod activity;
mod approvals;
mod assets;
mod charts;
mod form;
mod frame;
mod instances;
mod lists;
mod options;
mod overview;
mod page;
mod posters;
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
mod watchlist;
mod words;

pub use form::Form;
pub use frame::{Frame, Notice};
pub use page::{Page, html, see_other, see_other_with};
pub use trouble::encoded;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderValue, Method, header};
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
        let place = self.place(query);
        let Self { page, variables, method, headers, .. } = self;
        let who = Who { name: String::new(), may_write: false };
        let remote = remote.map(|address| address.ip().to_canonical());
        let mut ask = Ask { app, who, remote, headers, variables, query: pairs(query), body: Bytes::new() };
        let answered = match admit(page, &method, &mut ask, body).await {
            // The form's room is held until the page is there.
            Ok(_room) => (page.handle)(ask.clone()).await,
            Err(refused) => Err(refused),
        };
        match answered {
            Ok(response) => response,
            Err(error) => trouble::answer(&ask, &place, &error).await,
        }
    }

    /// Where whoever has to sign in first goes on afterwards: this page, or the one that the form is on.
    fn place(&self, query: &str) -> String {
        if self.method == Method::POST {
            let from = self.headers.get(header::REFERER).and_then(|from| from.to_str().ok()).unwrap_or_default();
            let path = from.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
            return path.unwrap_or("/").to_owned();
        }
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

/// Lets a request for `page` in, and takes in the form that comes with it. Answers the room that the form takes.
async fn admit<B: Buf>(
    page: &Page,
    method: &Method,
    ask: &mut Ask,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Option<Room>, ApiError> {
    // Whoever is not signed in may not make us take in a form.
    let least = if page.access == Access::Open { Access::Open } else { Access::Read };
    ask.who = auth::let_in(&ask.app, least, &Method::GET, &ask.headers, ask.remote).await?;
    if *method != Method::POST {
        return Ok(None);
    }
    let limit = if page.access == Access::Open { STRANGERS_LIMIT } else { FORM_LIMIT };
    let body = take_in(body, limit, ask.app.body_patience, &ask.app.rooms).await;
    let Body { bytes, room } = body.map_err(|error| ApiError::of_body(error, limit))?;
    ask.body = bytes.into();
    // Forms say in a field what scripts say in a header.
    if let Ok(token) = Form::of(ask).value("csrf_token").parse::<HeaderValue>() {
        ask.headers.entry(auth::CSRF).or_insert(token);
    }
    ask.who = auth::let_in(&ask.app, page.access, method, &ask.headers, ask.remote).await?;
    Ok(Some(room))
}
