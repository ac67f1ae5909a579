//! The API under `/api/v1`: one table of endpoints, from which requests are routed, rights are checked and the OpenAPI document is
//! made. No endpoint knows SQL or wire types; each calls what the command line calls.

pub mod api_keys;
pub mod approvals;
pub mod audit;
#[cfg(test)]
mod audit_tests;
pub mod config_file;
pub mod decisions;
mod docs;
pub mod editing;
mod endpoint;
mod explain;
pub mod failures;
pub mod first_sync;
pub mod foresight;
mod given;
#[cfg(test)]
pub mod household;
pub mod instance_health;
pub mod instance_history;
pub mod instance_trial;
pub mod instances;
pub mod logs;
mod openapi;
pub mod overview;
pub mod people;
pub mod plex;
pub mod plex_link;
#[cfg(test)]
mod plex_tests;
pub mod quotas;
pub mod readability;
pub mod rule_changes;
pub mod rule_order;
pub mod rule_reach;
pub mod rule_tests;
pub mod rules;
mod run_events;
pub mod runs;
pub mod runs_start;
pub mod session;
pub mod sessions;
pub mod settings;
pub mod simulate;
mod stats;
mod streams;
pub mod taking_part;
pub mod user_overrides;
pub mod users;
pub mod watchlist;
pub mod webhooks;

pub use endpoint::Endpoint;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::reply::{Reply, Response};

use crate::app::App;
use crate::body::{Body, STRANGERS_LIMIT, take_in};
use crate::request::{Access, ApiError, Ask, Variables, pairs, path_parts};
use crate::server::Peer;

/// The largest body that is taken from whoever is signed in: settings files are smaller.
const BODY_LIMIT: usize = 1024 * 1024;

/// Every endpoint.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    let tables: [&[Endpoint]; 31] = [
        docs::ENDPOINTS,
        session::ENDPOINTS,
        sessions::ENDPOINTS,
        api_keys::ENDPOINTS,
        audit::ENDPOINTS,
        watchlist::ENDPOINTS,
        explain::ENDPOINTS,
        approvals::ENDPOINTS,
        decisions::ENDPOINTS,
        runs::ENDPOINTS,
        runs_start::ENDPOINTS,
        failures::ENDPOINTS,
        quotas::ENDPOINTS,
        stats::ENDPOINTS,
        plex::ENDPOINTS,
        plex_link::ENDPOINTS,
        // Before whatever takes a name in the same place.
        readability::ENDPOINTS,
        users::ENDPOINTS,
        user_overrides::ENDPOINTS,
        instances::ENDPOINTS,
        instance_trial::ENDPOINTS,
        instance_history::ENDPOINTS,
        rules::ENDPOINTS,
        rule_changes::ENDPOINTS,
        rule_order::ENDPOINTS,
        rule_tests::ENDPOINTS,
        settings::ENDPOINTS,
        config_file::ENDPOINTS,
        simulate::ENDPOINTS,
        webhooks::ENDPOINTS,
        logs::ENDPOINTS,
    ];
    tables.into_iter().flatten()
}

/// `/api/v1/…` below `base`.
pub fn filter(base: BoxedFilter<()>, app: Arc<App>) -> BoxedFilter<(Response,)> {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    base.and(warp::path("api"))
        .and(warp::path("v1"))
        .and(warp::path::tail())
        .and(warp::method())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .then(move |tail: warp::path::Tail, method, query: String, headers, peer: Option<Peer>, body| {
            let app = Arc::clone(&app);
            async move {
                let remote = peer.map(|Peer(address)| address);
                let request = Request { path: tail.as_str().to_owned(), method, query, headers, remote };
                request.answer(app, body).await.unwrap_or_else(Reply::into_response)
            }
        })
        .boxed()
}

struct Request {
    /// Below `/api/v1/`, as it came.
    path: String,
    method: Method,
    query: String,
    headers: HeaderMap,
    remote: Option<SocketAddr>,
}

impl Request {
    async fn answer<B: Buf>(
        self,
        app: Arc<App>,
        body: impl Stream<Item = Result<B, warp::Error>>,
    ) -> Result<Response, ApiError> {
        let remote = self.remote.map(|address| address.ip().to_canonical());
        let (endpoint, variables) = self.endpoint()?;
        let who = crate::auth::let_in(&app, endpoint.access, &self.method, &self.headers, remote).await?;
        let limit = if endpoint.access == Access::Open { STRANGERS_LIMIT } else { BODY_LIMIT };
        let body = take_in(body, limit, app.body_patience, &app.rooms).await;
        // Its room is held until the answer is there.
        let Body { bytes, room: _room } = body.map_err(|error| ApiError::of_body(error, limit))?;
        let (query, body) = (pairs(&self.query), bytes.into());
        (endpoint.handle)(Ask { app, who, remote, headers: self.headers, variables, query, body }).await
    }

    /// The endpoint that is meant, and what varies in its path.
    fn endpoint(&self) -> Result<(&'static Endpoint, Variables), ApiError> {
        let path = path_parts(&self.path);
        let mut methods = Vec::new();
        for endpoint in endpoints() {
            let Some(variables) = endpoint.variables(&path) else { continue };
            if endpoint.method == self.method {
                return Ok((endpoint, variables));
            }
            methods.push(endpoint.method.as_str());
        }
        if methods.is_empty() {
            return Err(ApiError::not_found("there is no such address: /api/v1/docs lists all of them"));
        }
        Err(ApiError::method(format!("this address takes {}", methods.join(", "))))
    }
}
