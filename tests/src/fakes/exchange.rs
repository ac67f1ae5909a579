//! What a fake's handler reads and writes: a request taken whole, and a reply that may be cut short on purpose.
//!
//! Owns: decoding of paths and queries, the body type. Refuses: any knowledge of a surface.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::webhook::Delivery;

/// A request, read to the end.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) raw_query: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// # Errors
    /// [`Lost`] when the caller goes away before the body is complete.
    pub(crate) async fn read(request: hyper::Request<Incoming>) -> Result<Self, Lost> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: decode_query(&raw_query),
            raw_query,
            headers: parts.headers,
            body,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query value; names compare without case, as ASP.NET and Plex do.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// An `X-Plex-*` value: each may be a header or a query parameter.
    pub(crate) fn plex_value(&self, name: &str) -> Option<&str> {
        self.query(name).or_else(|| self.header(name))
    }

    /// True only when JSON is asked for by name: Plex answers XML to `*/*`.
    pub(crate) fn asks_for_json(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("application/json"))
    }

    /// Everything a fault's `containing` may look at: body, query raw and decoded, and headers as `name: value` lines.
    pub(crate) fn searchable(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.body).into_owned();
        text.push('\n');
        text.push_str(&self.raw_query);
        for (key, value) in &self.query {
            text.push_str(&format!("\n{key}={value}"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("\n{name}: {}", value.to_str().unwrap_or_default()));
        }
        text
    }
}

/// What goes back, and what else happens in the world because of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// A webhook whose outcome decides what the reply is; this one counts for nothing then.
    pub(crate) trial: Option<Box<Delivery>>,
    /// Webhooks sent while the caller still waits for this reply.
    pub(crate) before: Vec<Delivery>,
    /// Webhooks sent once the reply is on its way.
    pub(crate) after: Vec<Delivery>,
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::empty(status).with("content-type", content_type).body(body)
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><center><h1>{status} gateway</h1></center>\
             <hr><center>edge</center></body></html>\n"
        );
        Self::text(status, "text/html; charset=UTF-8", page)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The reply as hyper sends it. `short` announces the full length and then sends only the first half.
    pub(crate) fn into_response(self, short: bool) -> hyper::Response<Answer> {
        let announced = self.body.len().max(64);
        let answer = if short {
            Answer { data: Some(self.body.slice(..self.body.len() / 2)), pauses: Some(3) }
        } else {
            Answer { data: Some(self.body), pauses: None }
        };
        let mut response = hyper::Response::new(answer);
        *response.status_mut() = hyper::StatusCode::from_u16(self.status).unwrap_or(hyper::StatusCode::OK);
        for (name, value) in self.headers {
            let name = HeaderName::from_static(name);
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        if short {
            response.headers_mut().insert(hyper::header::CONTENT_LENGTH, announced.into());
        }
        response
    }
}

/// The connection ended before the exchange was complete, by order or by the caller.
#[derive(Debug)]
pub(crate) struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the exchange was cut")
    }
}

impl std::error::Error for Lost {}

/// A body in one piece, ending well or (with `pauses`) in an error after that piece has left.
pub(crate) struct Answer {
    data: Option<Bytes>,
    /// Turns to wait before failing, so that hyper has flushed the first half by then.
    pauses: Option<u8>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.pauses {
            None => Poll::Ready(None),
            Some(0) => Poll::Ready(Some(Err(Lost))),
            Some(left) => {
                self.pauses = Some(left - 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pauses.is_none() && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if self.pauses.is_some() {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

fn decode_query(raw: &str) -> Vec<(String, String)> {
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Percent-decoding as browsers send forms: `+` is a space; a broken escape is kept as it stands.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let value =
            escaped.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (value, bytes[at]) {
            (Some(byte), _) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// FNV-1a: the same text gives the same number in every run, which ids and ETags need.
pub(crate) fn fnv(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
