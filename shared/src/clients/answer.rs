//! Reading an answer that is no plain success: failing statuses, `Retry-After`, redirects, broken connections.
//!
//! Pure: bytes and headers in, [`FetchError`] out.

use std::error::Error;

use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use super::FetchError;
use super::clean::words;
use crate::clock::UnixMs;

/// What a status other than 2xx and 304 means. `body` is what arrived of the error body, perhaps nothing.
pub(super) fn failure(status: StatusCode, headers: &HeaderMap, asked: &Url, body: &[u8], now_ms: UnixMs) -> FetchError {
    let body = String::from_utf8_lossy(body);
    let number = status.as_u16();
    match number {
        401 => FetchError::Unauthorized,
        403 => FetchError::Forbidden,
        404 => FetchError::NotFound,
        408 => FetchError::unreachable("it gave up waiting for our request (408)"),
        429 => FetchError::RateLimited { retry_after_s: retry_after_s(headers, now_ms) },
        300..=399 => FetchError::Redirected { location: location(headers, asked) },
        500.. => FetchError::ServerError {
            status: number,
            detail: words(&body),
            json: body.trim_start().starts_with(['{', '[']),
        },
        _ => FetchError::Rejected { status: number, body: body.into_owned() },
    }
}

/// `Retry-After` in seconds, from either of its forms; 0 for a date that has passed. A date is measured against the answer's
/// own `Date`, so that the two clocks need not agree, and against ours when there is none.
fn retry_after_s(headers: &HeaderMap, now_ms: UnixMs) -> Option<u64> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let wanted = text(RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(seconds);
    }
    let until_s = http_date_s(wanted)?;
    let now_s = text(DATE).and_then(http_date_s).unwrap_or(now_ms.div_euclid(1000));
    Some(u64::try_from(until_s.saturating_sub(now_s)).unwrap_or(0))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as unix seconds.
pub(super) fn http_date_s(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|date| date.timestamp().as_second())
}

/// Where a redirect leads, absolute, without query, fragment and credentials.
fn location(headers: &HeaderMap, asked: &Url) -> String {
    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| asked.join(text).ok());
    let Some(mut target) = target else { return "nowhere".to_owned() };
    target.set_query(None);
    target.set_fragment(None);
    // A URL without a host has no credentials to lose, and says so with an error.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    target.into()
}

/// Whether a successful answer is markup, judged by its type or by how it begins.
pub(super) fn is_markup(headers: &HeaderMap, beginning: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    kind.contains("html") || kind.contains("xml") || beginning.trim_ascii_start().starts_with(b"<")
}

/// ``an HTML page titled `Sign in` ``.
pub(super) fn describe_markup(headers: &HeaderMap, beginning: &[u8]) -> String {
    let text = String::from_utf8_lossy(beginning);
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let xml = kind.contains("xml") && !kind.contains("html") || text.trim_start().starts_with("<?xml");
    let noun = if xml { "XML" } else { "an HTML page" };
    let title = words(&text);
    if title.is_empty() || !text.trim_start().starts_with('<') {
        noun.to_owned()
    } else {
        format!("{noun} titled `{title}`")
    }
}

/// What a failed exchange means. `write` says that the request changes something, so that a failure after sending leaves its
/// effect unknown.
pub(super) fn broken(error: reqwest::Error, write: bool) -> FetchError {
    // Before anything looks at it: its text would name the URL.
    let error = error.without_url();
    if let Some(detail) = certificate_problem(&error) {
        return FetchError::Certificate { detail };
    }
    let cause = root_cause(&error);
    if error.is_connect() {
        let what = if error.is_timeout() {
            "no connection within five seconds".to_owned()
        } else {
            format!("cannot connect: {cause}")
        };
        return FetchError::Unreachable { detail: what };
    }
    if error.is_builder() {
        return FetchError::Unreachable { detail: format!("the request cannot be made: {cause}") };
    }
    let detail =
        if error.is_timeout() { "no answer in time".to_owned() } else { format!("the connection broke: {cause}") };
    if write { FetchError::Lost { detail } } else { FetchError::Unreachable { detail } }
}

/// Whether the handshake failed over the certificate. For `reqwest` that is a connection error like any other; but it will not
/// go away by itself, and somebody has to act.
fn certificate_problem(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(problem)) = error.downcast_ref::<rustls::Error>() {
            return Some(problem.to_string());
        }
        // An io::Error names as its source the source of what it wraps, and not what it wraps.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        // 784111777 is the date of the header below.
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let now_ms = 784_111_770_000;
        let check = |pairs: &[(HeaderName, &'static str)], expected| {
            assert_eq!(retry_after_s(&headers(pairs), now_ms), expected)
        };
        check(&[(RETRY_AFTER, "7")], Some(7));
        check(&[(RETRY_AFTER, "86400")], Some(86_400));
        check(&[(RETRY_AFTER, date)], Some(7));
        check(&[(RETRY_AFTER, date), (DATE, "Sun, 06 Nov 1994 08:48:37 GMT")], Some(60));
        check(&[(RETRY_AFTER, date), (DATE, "Sun, 06 Nov 1994 08:50:37 GMT")], Some(0));
        check(&[(RETRY_AFTER, "soon")], None);
        check(&[], None);
    }

    #[test]
    fn a_redirect_is_told_without_query_and_credentials() {
        let asked = Url::parse("http://arr:8989/api/v3/series?tvdbId=1").unwrap();
        let check = |to, expected: &str| assert_eq!(location(&headers(&[(LOCATION, to)]), &asked), expected);
        check("/sonarr/api/v3/series?tvdbId=1", "http://arr:8989/sonarr/api/v3/series");
        check("https://u:p@login.example/in?next=secret#x", "https://login.example/in");
        assert_eq!(location(&HeaderMap::new(), &asked), "nowhere");
    }

    #[test]
    fn markup_is_recognised_by_type_or_by_sight() {
        let html = headers(&[(CONTENT_TYPE, "text/html; charset=utf-8")]);
        assert!(is_markup(&html, b"hello"));
        assert!(is_markup(&HeaderMap::new(), b"\n <!doctype html>"));
        assert!(!is_markup(&headers(&[(CONTENT_TYPE, "application/json")]), b"{\"a\":\"<b>\"}"));
        assert_eq!(describe_markup(&html, b"<html><title>Sign in</title>"), "an HTML page titled `Sign in`");
        assert_eq!(describe_markup(&html, b"hello"), "an HTML page");
        assert_eq!(describe_markup(&headers(&[(CONTENT_TYPE, "application/xml")]), b"<MediaContainer/>"), "XML");
    }

    #[test]
    fn a_status_says_what_to_do_next() {
        let asked = Url::parse("http://h/").unwrap();
        let check = |status: u16, body: &str| {
            failure(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &asked, body.as_bytes(), 0)
        };
        assert_eq!(check(401, ""), FetchError::Unauthorized);
        assert_eq!(check(403, "<html>"), FetchError::Forbidden);
        assert_eq!(check(404, ""), FetchError::NotFound);
        assert!(check(408, "").is_passing());
        assert_eq!(check(429, ""), FetchError::RateLimited { retry_after_s: None });
        assert_eq!(check(400, "[]"), FetchError::Rejected { status: 400, body: "[]".to_owned() });
        assert_eq!(
            check(503, r#"{"errorMessage":"Sonarr is starting up"}"#),
            FetchError::ServerError { status: 503, detail: "Sonarr is starting up".to_owned(), json: true }
        );
        assert_eq!(
            check(502, "<html><title>Bad Gateway</title></html>"),
            FetchError::ServerError { status: 502, detail: "Bad Gateway".to_owned(), json: false }
        );
    }

    #[test]
    fn a_certificate_problem_is_found_however_deep_it_is_wrapped() {
        let problem = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = std::io::Error::other(std::io::Error::other(problem));
        assert!(certificate_problem(&wrapped).is_some());
        assert!(certificate_problem(&std::io::Error::other(rustls::Error::HandshakeNotComplete)).is_none());
    }
}
