//! What pages are drawn with: styles, scripts and pictures of our own, inside the program. Their addresses change with what they hold,
//! so browsers keep them for ever.

use std::sync::LazyLock;

use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply as _, Response};
use warp::{Filter, Rejection};

use crate::fingerprint::fingerprint;

/// One file: its name, its media type, and what is in it.
type Asset = (&'static str, &'static str, &'static [u8]);

const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: &[Asset] = &[
    ("pulsarr.css", "text/css; charset=utf-8", include_bytes!("../../assets/pulsarr.css")),
    ("pulsarr.js", SCRIPT, include_bytes!("../../assets/pulsarr.js")),
    ("again.js", SCRIPT, include_bytes!("../../assets/again.js")),
    ("approvals.js", SCRIPT, include_bytes!("../../assets/approvals.js")),
    ("builder.js", SCRIPT, include_bytes!("../../assets/builder.js")),
    ("inline.js", SCRIPT, include_bytes!("../../assets/inline.js")),
    ("choices.js", SCRIPT, include_bytes!("../../assets/choices.js")),
    ("settings.js", SCRIPT, include_bytes!("../../assets/settings.js")),
    ("log.js", SCRIPT, include_bytes!("../../assets/log.js")),
    ("runs.js", SCRIPT, include_bytes!("../../assets/runs.js")),
    ("order.js", SCRIPT, include_bytes!("../../assets/order.js")),
    ("icons.svg", "image/svg+xml", include_bytes!("../../assets/icons.svg")),
    ("logo.svg", "image/svg+xml", include_bytes!("../../assets/logo.svg")),
];

/// The part of every asset's address that changes when one of them does: 16 hex characters.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        format!("{:016x}", fingerprint(ASSETS.iter().flat_map(|(_, _, bytes)| bytes.iter().copied())))
    });
    &VERSION
}

/// `/assets/{version}/{name}`, for everybody.
pub fn filter() -> BoxedFilter<(Response,)> {
    let plain = warp::path!("assets" / String / String).and(warp::get()).and_then(answer).boxed();
    // Pages are not compressed: beside what a visitor chose, their size would tell the form's token letter by letter.
    let packed = plain.clone().with(warp::filters::compression::gzip()).map(warp::Reply::into_response);
    let takes_gzip = warp::header::optional::<String>("accept-encoding").and_then(|accepted: Option<String>| async {
        let takes = accepted.is_some_and(|accepted| accepted.split([',', ';', ' ']).any(|it| it == "gzip"));
        if takes { Ok(()) } else { Err(warp::reject::not_found()) }
    });
    takes_gzip.untuple_one().and(packed).or(plain).unify().boxed()
}

async fn answer(asked: String, name: String) -> Result<Response, Rejection> {
    let found = ASSETS.iter().find(|(known, _, _)| *known == name);
    let Some((_, media_type, bytes)) = found else { return Err(warp::reject::not_found()) };
    let mut response = StatusCode::OK.into_response();
    *response.body_mut() = (*bytes).into();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page of an older version may ask for what it knew, and gets what there is.
    let keep = if asked == version() { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    Ok(response)
}
