//! The API's description of itself: for programs, and as a page for people that needs nothing from elsewhere.

use std::fmt::Write as _;

use warp::http::{HeaderValue, Method, header};
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer};
use super::openapi;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/openapi.json",
        tag: "docs",
        summary: "This description, as an OpenAPI 3.1 document.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Text("application/json"),
        handle: |ask| Box::pin(describe(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/docs",
        tag: "docs",
        summary: "This description, as a page.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Text("text/html"),
        handle: |ask| Box::pin(page(ask)),
    },
];

async fn describe(ask: Ask) -> Result<Response, ApiError> {
    answer(&openapi::document(ask.app.base_path())?)
}

async fn page(ask: Ask) -> Result<Response, ApiError> {
    let document = openapi::document(ask.app.base_path())?;
    let mut response = Response::new(html(&document).into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    Ok(response)
}

const STYLE: &str = ":root{color-scheme:light dark;background:Canvas;color:CanvasText}\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h2{margin-top:2.5rem;border-bottom:1px solid #8884}summary{cursor:pointer;padding:.3rem 0}code{font-size:.95em;overflow-wrap:anywhere}\
pre{overflow:auto;background:#8881;padding:.8rem;border-radius:.4rem}.m{display:inline-block;min-width:4.5rem;font-weight:600}";

/// The document as a page: a section per tag, a line per endpoint, and everything about it on a click; then a line per shape. What may be
/// wider than its place can be reached by the keyboard.
fn html(document: &serde_json::Value) -> String {
    let mut sections: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            let details = serde_json::to_string_pretty(operation).unwrap_or_default();
            let line = format!(
                "<details><summary><code><span class=m>{}</span>{}</code> {}</summary><pre tabindex=0>{}</pre></details>",
                method.to_uppercase(),
                escaped(path),
                escaped(operation["summary"].as_str().unwrap_or_default()),
                escaped(&details),
            );
            match sections.iter_mut().find(|(known, _)| known == tag) {
                Some((_, lines)) => lines.push_str(&line),
                None => sections.push((tag.to_owned(), line)),
            }
        }
    }
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Pulsarr API</title><style>{STYLE}</style><main><p><a href=\"../../\">Back to pulsarr</a></p><h1>Pulsarr API</h1>\
         <p>Sign in with a session cookie, or send an API key in the header <code>X-Api-Key</code>. \
         <a href=\"openapi.json\">The same as an OpenAPI document.</a></p>"
    );
    for (tag, lines) in sections {
        let _ = write!(page, "<h2>{}</h2>{lines}", escaped(&tag));
    }
    page.push_str("<h2>shapes</h2>");
    for (name, shape) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let shape = serde_json::to_string_pretty(shape).unwrap_or_default();
        let (name, shape) = (escaped(name), escaped(&shape));
        let line = format!("<details><summary><code>{name}</code></summary><pre tabindex=0>{shape}</pre></details>");
        page.push_str(&line);
    }
    page.push_str("</main></html>");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
