//! Transport rules every request passes before its path matters: start-up, key, url base.
//!
//! Owns: their order (start-up, key, redirect, path) and the headers every API answer carries. Refuses: what the paths do.

use super::state::Core;
use super::{App, errors, library, resources};
use crate::fakes::exchange::{Reply, Request};

pub(crate) fn answer(core: &mut Core, request: &Request) -> Reply {
    let (inside, path) = below_base(&core.url_base, &request.path);
    let path = path.to_owned();
    let api = path == "/api" || path.starts_with("/api/");
    if core.starting {
        return errors::starting(core.app, api);
    }
    let ping = path == "/ping" && matches!(request.method.as_str(), "GET" | "HEAD");
    if !ping && !authorised(core, request) {
        return Reply::empty(401);
    }
    if !inside {
        let query = if request.raw_query.is_empty() { String::new() } else { format!("?{}", request.raw_query) };
        return Reply::empty(307).with("location", format!("{}{}{query}", core.url_base, request.path));
    }
    if ping {
        return Reply::text(200, "application/json", r#"{"status":"OK"}"#);
    }
    let reply = api_answer(core, request, &path);
    if !api {
        return reply;
    }
    reply
        .with("x-application-version", core.app.version())
        .with("cache-control", "no-cache, no-store")
        .with("expires", "-1")
        .with("pragma", "no-cache")
}

fn api_answer(core: &mut Core, request: &Request, path: &str) -> Reply {
    if path == "/api" {
        return Reply::text(200, "application/json", r#"{"current":"v3","deprecated":[]}"#);
    }
    let Some(rest) = path.strip_prefix("/api/v3/") else { return Reply::empty(404) };
    let refused_type =
        |header: &str| request.header(header).filter(|value| !value.contains("json") && !value.contains('*'));
    if refused_type("accept").is_some() {
        return Reply::empty(406);
    }
    let writes = matches!(request.method.as_str(), "POST" | "PUT");
    if writes
        && !request.body.is_empty()
        && (request.header("content-type").is_none() || refused_type("content-type").is_some())
    {
        return errors::problem(415, "Unsupported Media Type", None);
    }
    let segments: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let titles = match core.app {
        App::Sonarr => "series",
        App::Radarr => "movie",
    };
    if segments[0] == titles {
        return library::answer(core, request, &segments[1..]);
    }
    resources::answer(core, request, &segments)
}

/// Whether the path is below the url base, and the path without it.
fn below_base<'a>(base: &str, path: &'a str) -> (bool, &'a str) {
    if base.is_empty() {
        return (true, path);
    }
    match path.strip_prefix(base) {
        Some("") => (true, "/"),
        Some(rest) if rest.starts_with('/') => (true, rest),
        _ => (false, path),
    }
}

/// The first place that holds a key decides, even when what it holds is empty or wrong.
fn authorised(core: &Core, request: &Request) -> bool {
    let bearer = || request.header("authorization").map(|value| value.trim_start_matches("Bearer "));
    let key = request.query("apikey").or_else(|| request.header("x-api-key")).or_else(bearer);
    key == Some(core.api_key.as_str())
}
