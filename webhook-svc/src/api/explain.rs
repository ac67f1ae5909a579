//! The stored story of a title, or why there is none.

use pulsarr_shared::explain::{self, ExplainError};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/explain",
    tag: "watchlist",
    summary: "What became of a title, in plain words; where it is on no list, why not.",
    access: Access::Read,
    query: &[
        Parameter { name: "title", about: "part of its name, or its id at Plex, IMDb, TMDB or TVDB; needed" },
        Parameter { name: "user", about: "on this list alone: any of the names, or the uuid" },
    ],
    body: None,
    answer: Answer::Json(shape::<Explanation>),
    handle: |ask| Box::pin(tell(ask)),
}];

/// A story.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Explanation {
    /// Whole lines.
    text: String,
}

async fn tell(ask: Ask) -> Result<Response, ApiError> {
    let wanted = ask.parameter("title").map(|title| title.trim().to_owned()).filter(|title| !title.is_empty());
    let wanted = wanted.ok_or_else(|| ApiError::input("`title` says which title is meant"))?;
    let user = ask.parameter("user").map(str::to_owned);
    let (config, now_ms) = (ask.app.config(), ask.app.now_ms());
    let told = ask.app.database.read(move |db| match explain::explain(db, &config, &wanted, user.as_deref()) {
        Ok(explained) => Ok(Ok(explained.tell(&wanted, now_ms))),
        Err(ExplainError::Store(error)) => Err(error),
        Err(error @ ExplainError::UnknownUser { .. }) => Ok(Err(ApiError::input(format!("failed to {error}")))),
    });
    answer(&Explanation { text: told.await?? })
}

#[cfg(test)]
mod tests {
    use super::super::household::Household;
    use super::*;

    #[tokio::test]
    async fn a_story_is_told_and_an_unknown_user_is_an_error() {
        let household = Household::new("");
        household.wish(1);
        let told = household.get(ENDPOINTS, "/explain", "title=salt+ledger").await.unwrap();
        assert!(told["text"].as_str().unwrap().contains("Salt Ledger 1 (2025)"), "{told}");
        for query in ["", "title=+", "title=salt&user=nobody"] {
            assert_eq!(household.get(ENDPOINTS, "/explain", query).await.unwrap_err().status(), 400, "{query}");
        }
    }
}
