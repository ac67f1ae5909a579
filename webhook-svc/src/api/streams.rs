//! Streams of events: how many there may be, and how long somebody's right to one lasts. A stream is one request that goes on for
//! days, so whoever was let in once is asked again now and then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use warp::http::Method;
use warp::reply::{Reply as _, Response};
use warp::sse::Event;

use crate::request::{Access, ApiError, Ask};

/// How often it is looked at whether the asker would still be let in: a key may be revoked, and people sign out.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Answers with `events`, until they end or the asker may no longer hear them.
///
/// # Errors
/// 503 when there are too many streams already.
pub(super) fn reply(
    ask: Ask,
    events: impl Stream<Item = Result<Event, Infallible>> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&ask.app.event_streams).try_acquire_owned();
    let place = place.map_err(|_| ApiError::unavailable("too many streams of events are open: close one"))?;
    let events = events.take_until(right_ends(ask)).map(move |event| {
        // The place is free again when the stream goes.
        let _place = &place;
        event
    });
    Ok(warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response())
}

/// Until whoever asks would not be let in with the same request any more.
async fn right_ends(ask: Ask) {
    let Ask { app, headers, remote, .. } = ask;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let still = crate::auth::let_in(&app, Access::Read, &Method::GET, &headers, remote).await;
        // Also when nobody can tell: whoever may come back does.
        if still.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, body_of};
    use super::*;
    use crate::app::MOST_STREAMS;
    use crate::auth::{API_KEY, hash};
    use bytes::Bytes;
    use futures_util::{future, stream};
    use pulsarr_shared::store::{ApiKeyScope, NewApiKey};
    use warp::http::HeaderMap;

    fn ask(household: &Household) -> Ask {
        let mut headers = HeaderMap::new();
        headers.insert(API_KEY, "the key".parse().unwrap());
        Ask {
            app: Arc::clone(&household.app),
            who: crate::request::Who { name: "ana".into(), may_write: false },
            remote: None,
            headers,
            variables: Vec::new(),
            query: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Events that never end by themselves.
    fn endless() -> impl Stream<Item = Result<Event, Infallible>> + Send + Sync + 'static {
        stream::once(future::ready(Ok(Event::default().data("one")))).chain(stream::pending())
    }

    // How long after it ends, a clock that runs ahead while the store is asked cannot tell; that it ends, it can.
    #[tokio::test(start_paused = true)]
    async fn a_stream_goes_on_while_its_key_is_good_and_ends_when_it_is_revoked() {
        let household = Household::new("");
        let key_hash = hash("the key");
        let key = NewApiKey {
            name: "dashboard",
            prefix: "the",
            key_hash: &key_hash,
            scope: ApiKeyScope::Read,
            created_by: "ana",
        };
        let id = household.write(|db| db.make_api_key(key, 1)).unwrap();
        let began = tokio::time::Instant::now();
        let revoked_at = 3 * LOOK_EVERY + LOOK_EVERY / 2;
        let body = body_of(reply(ask(&household), endless()).unwrap());
        let (body, ()) = tokio::join!(body, async {
            tokio::time::sleep(revoked_at).await;
            household.write(|db| db.revoke_api_key(id));
        });
        assert!(String::from_utf8_lossy(&body).contains("data:one"));
        assert!(began.elapsed() >= revoked_at, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn there_are_so_many_streams_and_the_place_of_one_that_ended_is_free() {
        let household = Household::new("");
        let mut open: Vec<_> = (0..MOST_STREAMS).map(|_| reply(ask(&household), endless()).unwrap()).collect();
        assert_eq!(reply(ask(&household), endless()).unwrap_err().status(), 503);
        open.pop();
        open.push(reply(ask(&household), endless()).unwrap());
        assert_eq!(reply(ask(&household), endless()).unwrap_err().status(), 503);
    }
}
