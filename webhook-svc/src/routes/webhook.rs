//! `POST /webhook/{instance}`: what Sonarr and Radarr tell. Path, size, password, then stored and answered; acted on after. No lock is
//! held and no network is waited for, because some of these arrive while our own request to the same arr is still open.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Buf;
use futures_util::Stream;
use pulsarr_shared::clients::arr::read_webhook;
use pulsarr_shared::store::NewWebhook;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

use crate::app::App;
use crate::body::{Body, BodyError, take_in};
use crate::receiver::NotStored;
use crate::request::ApiError;
use crate::webhook_counts::Outcome;

/// The largest webhook that is taken.
const BODY_LIMIT: usize = 1024 * 1024;

/// `/webhook/{instance}` below `base`. Arrs send POST, or PUT where somebody set them to.
pub fn filter(base: BoxedFilter<()>, app: Arc<App>) -> BoxedFilter<(Response,)> {
    base.and(warp::path!("webhook" / String))
        .and(warp::post().or(warp::put()).unify())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |instance: String, headers: HeaderMap, body| {
            let app = Arc::clone(&app);
            async move { take(&app, instance, &headers, body).await }
        })
        .boxed()
}

async fn take<B: Buf>(
    app: &App,
    instance: String,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Response {
    let Some(kind) = app.kind_of(&instance) else {
        return ApiError::not_found("there is no instance of this name").into_response();
    };
    let (outcome, event, response) = receive(app, &instance, kind, headers, body).await;
    app.webhook_counts.count(kind, event.as_deref(), outcome);
    response
}

/// What came of a webhook, with its event where that is known.
async fn receive<B: Buf>(
    app: &App,
    instance: &str,
    kind: pulsarr_shared::model::InstanceKind,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> (Outcome, Option<String>, Response) {
    let refuse = |outcome, error: ApiError| (outcome, None, error.into_response());
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_LIMIT) {
        return refuse(Outcome::TooLarge, ApiError::too_large(BODY_LIMIT));
    }
    if !password(headers).is_some_and(|password| app.passwords.accept(instance, &password)) {
        app.refused_webhooks.count(instance, app.now_ms());
        // Anybody can send these, so they may not fill the logs.
        if let Some(count) = app.passwords.to_be_told(instance, app.now_ms()) {
            let since = if count > 1 { format!("; with those since it was last said, {count}") } else { String::new() };
            tracing::warn!(
                instance.name = %instance,
                "a webhook for {instance} came with a wrong password, or with none{since}"
            );
        }
        let error = ApiError::unauthorized("the password of this webhook is wrong: repair its connection");
        let (outcome, event, mut response) = refuse(Outcome::WrongSecret, error);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"pulsarr\""));
        return (outcome, event, response);
    }
    let Body { bytes: body, room } = match take_in(body, BODY_LIMIT, app.body_patience, &app.rooms).await {
        Ok(body) => body,
        Err(error) => return refuse(outcome_of(error), ApiError::of_body(error, BODY_LIMIT)),
    };
    let malformed =
        |why: &str| refuse(Outcome::Malformed, ApiError::input(format!("failed to read the webhook: {why}")));
    // The same bytes as a text: a webhook is in the memory once.
    let Ok(body) = String::from_utf8(body) else { return malformed("it is not UTF-8") };
    let event = match read_webhook(kind, body.as_bytes()) {
        Ok(webhook) => webhook.event_type,
        Err(error) => return malformed(&error.detail),
    };
    let webhook =
        NewWebhook { instance: instance.to_owned(), event: event.clone(), body, received_at_ms: app.now_ms() };
    match app.receiver.store(webhook, room).await {
        Ok(()) => (Outcome::Stored, Some(event), StatusCode::OK.into_response()),
        Err(NotStored(sentence)) => refuse(Outcome::NotStored, ApiError::unavailable(sentence)),
    }
}

/// What came of a webhook whose body could not be taken in.
const fn outcome_of(error: BodyError) -> Outcome {
    match error {
        BodyError::TooLarge => Outcome::TooLarge,
        BodyError::Slow | BodyError::Broken => Outcome::Broken,
        BodyError::NoRoom { .. } => Outcome::NotStored,
    }
}

/// The password of HTTP basic authentication, the one form that every version of the arrs can send.
fn password(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let credentials = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok()).flatten()?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some(credentials[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_stands_behind_the_first_colon() {
        let check = |value: &str, expected: Option<&[u8]>| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
            assert_eq!(password(&headers).as_deref(), expected, "{value}");
        };
        check("Basic cHVsc2FycjpzZWM6cmV0", Some(b"sec:ret"));
        check("basic cHVsc2FycjpzZWM6cmV0", Some(b"sec:ret"));
        check("Basic cHVsc2Fycg==", None);
        check("Basic !!!", None);
        check("Bearer abc", None);
        assert_eq!(password(&HeaderMap::new()), None);
    }
}
