//! Everything that is answered over HTTP: what machines ask, the API, and the pages.

mod webhook;

use std::convert::Infallible;
use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::api;
use crate::app::App;
use crate::health;
use crate::pages;
use crate::request::ApiError;
use crate::rest;

/// Everything, below the base path.
pub fn all(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let base = below(app.base_path());
    // Before the note: a probe keeps nobody from resting.
    let asked = base.clone().and(rest::noted(app)).boxed();
    health::filter(base, Arc::clone(app))
        .or(webhook::filter(asked.clone(), Arc::clone(app)))
        .unify()
        .or(api::filter(asked.clone(), Arc::clone(app)))
        .unify()
        .or(pages::filter(asked, Arc::clone(app)))
        .unify()
        .recover(nowhere)
        .unify()
        .boxed()
}

/// What stands in front of every path.
fn below(base_path: &str) -> BoxedFilter<()> {
    base_path
        .split('/')
        .filter(|part| !part.is_empty())
        .fold(warp::any().boxed(), |base, part| base.and(warp::path(part.to_owned())).boxed())
}

/// What nobody answers.
async fn nowhere(rejection: Rejection) -> Result<Response, Infallible> {
    let refused = if rejection.is_not_found() {
        ApiError::not_found("there is nothing at this address")
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        ApiError::method("this address is not asked in this way")
    } else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    Ok(refused.into_response())
}
