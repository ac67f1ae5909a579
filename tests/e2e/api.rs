//! The API as people and programs meet it: the first visit, a session, a key, and that it is what its own document says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use pulsarr_tests::household::{SETTINGS, wait_until};
use pulsarr_tests::service::{Service, send};
use pulsarr_tests::session::Session;
use serde_json::{Value, json};

use crate::{SALT_LEDGER, library, wanting_two};

#[test]
fn from_the_first_visit_to_a_title_in_radarr_and_why() {
    let mut household = wanting_two();
    let service = household.serve();
    assert_eq!(service.get("/api/v1/watchlist").status, 401);
    let mirela = Session::first(&service);
    let again = json!({"token": "x", "username": "eve", "password": "correct horse"});
    assert_eq!(service.ask("POST", "/api/v1/setup", &[], again.to_string().as_bytes()).status, 409);

    let begun = mirela.ask(&service, "POST", "/runs", &json!({}));
    assert_eq!(begun.status, 202, "{begun:?}");
    let run = begun.json()["run_id"].as_str().unwrap().to_owned();
    wait_until("the run has ended", || {
        let run = mirela.ask(&service, "GET", &format!("/runs/{run}"), &Value::Null).json();
        run["result"] == "ok"
    });
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
    let list = mirela.ask(&service, "GET", "/watchlist?text=salt", &Value::Null).json();
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(1), "{list:#}");
    let why = mirela.ask(&service, "GET", "/explain?title=Salt%20Ledger", &Value::Null).json();
    assert!(why["text"].as_str().unwrap().contains("movies"), "{why:#}");

    // Without the token a page elsewhere does not have, a session changes nothing.
    let forged = service.ask("POST", "/api/v1/runs", &[("Cookie", &mirela.cookie)], b"{}");
    assert_eq!(forged.status, 403, "{forged:?}");

    assert_eq!(mirela.ask(&service, "DELETE", "/session", &Value::Null).status, 204);
    assert_eq!(mirela.ask(&service, "GET", "/watchlist", &Value::Null).status, 401);
    let back = json!({"username": "mirela", "password": "correct horse"});
    let back = Session::of(&service.ask("POST", "/api/v1/session", &[], back.to_string().as_bytes()));
    let audit = back.ask(&service, "GET", "/audit", &Value::Null).body;
    for action in ["run.started", "session.started"] {
        assert!(audit.contains(action), "{action} in {audit}");
    }
    assert!(!audit.contains("correct horse"));
}

#[test]
fn every_question_of_the_document_is_answered_in_the_shape_it_promises_and_only_to_those_who_may() {
    let mut household = wanting_two();
    let rule = "rules:\n- {name: asked, when: {type: movie}, require_approval: somebody looks}\n";
    household.write_settings(&format!("{SETTINGS}{rule}"));
    household.sync_well();
    let service = household.serve();
    assert_eq!(service.get("/api/v1/openapi.json").status, 401);
    assert_eq!(service.get("/api/v1/docs").status, 401);
    let mirela = Session::first(&service);
    let made = mirela.ask(&service, "POST", "/api-keys", &json!({"name": "reader", "scope": "read"}));
    let key = made.json()["key"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned();
    let get = |path: &str| service.ask("GET", path, &[("X-Api-Key", &key)], b"");
    let document = get("/api/v1/openapi.json").json();
    let first = |list: &str, at: &str| {
        let told = get(&format!("/api/v1{list}")).json();
        let value = told.pointer(at).unwrap_or_else(|| panic!("{at} in {told:#}")).clone();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let (mut asked, mut with_variables, mut streams) = (0, 0, 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(operation) = methods.get("get") else { continue };
        let answers = &operation["responses"]["200"]["content"];
        asked += 1;
        let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
        let stranger = service.get(path).status;
        assert_eq!(stranger == 401, !is_open, "{path} answers a stranger with {stranger}");
        assert!(is_open || operation["responses"].get("401").is_some(), "{path} does not promise 401");
        if answers.get("text/event-stream").is_some() {
            streams += 1;
            let (head, event) = first_event(&service, path, &key, || {
                // Something to tell: a run, and what is logged of it.
                assert_eq!(mirela.ask(&service, "POST", "/runs", &json!({})).status, 202);
            });
            let head = head.to_lowercase();
            assert!(head.starts_with("http/1.1 200 ") && head.contains("content-type: text/event-stream"), "{head}");
            assert!(event.is_object(), "{path}: {event}");
            continue;
        }
        let full = match path.trim_start_matches("/api/v1") {
            "/explain" => format!("{path}?title=Salt"),
            "/decisions" => format!("{path}?entry=1"),
            below if below.contains('{') => {
                with_variables += 1;
                let (before, rest) = path.split_once('{').unwrap();
                let value = match below {
                    "/watchlist/{id}" => first("/watchlist", "/entries/0/id"),
                    "/approvals/{id}" => first("/approvals", "/approvals/0/id"),
                    "/runs/{id}" => first("/runs", "/runs/0/id"),
                    "/rules/{name}" => "asked".to_owned(),
                    "/instances/{name}" | "/instances/{name}/choices" | "/instances/{name}/history" => {
                        "movies".to_owned()
                    }
                    "/settings/{section}" => "plex".to_owned(),
                    "/users/{user}/settings" => first("/users", "/users/0/uuid"),
                    other => panic!("which one of {other} is to be asked for?"),
                };
                format!("{before}{value}{}", rest.split_once('}').unwrap().1)
            }
            _ => path.clone(),
        };
        let answer = get(&full);
        assert_eq!(answer.status, 200, "{full}: {answer:?}");
        if let Some(schema) = answers["application/json"].get("schema") {
            fits(&answer.json(), schema, &document).unwrap_or_else(|why| panic!("{full}{why}"));
        }
    }
    assert!(asked > 25 && with_variables > 6 && streams == 2, "{asked}, {with_variables}, {streams}");
    let write = service.ask("POST", "/api/v1/runs", &[("X-Api-Key", &key)], b"{}");
    assert_eq!(write.status, 403, "a key that may read changes nothing: {write:?}");
}

/// The head of the answer to whoever follows what happens, and the first thing that is told once `happen` lets something happen.
fn first_event(service: &Service, path: &str, key: &str, happen: impl FnOnce()) -> (String, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Api-Key: {key}\r\n\r\n").unwrap();
    let (mut head, mut lines) = (String::new(), BufReader::new(stream).lines());
    while let line = lines.next().unwrap().unwrap()
        && !line.is_empty()
    {
        head.push_str(&line);
        head.push('\n');
    }
    happen();
    let data = lines.find_map(|line| Some(line.unwrap().strip_prefix("data:")?.to_owned())).unwrap();
    (head, serde_json::from_str(&data).unwrap())
}

#[test]
fn bodies_that_are_no_json_are_refused_and_chunks_are_put_together() {
    let mut household = wanting_two();
    household.sync_well();
    let service = household.serve();
    let mirela = Session::first(&service);
    let made = mirela.ask(&service, "POST", "/api-keys", &json!({"name": "reader", "scope": "read"})).json();
    let key = made["key"].as_str().unwrap();
    let simulate = |body: &[u8]| service.ask("POST", "/api/v1/simulate", &[("X-Api-Key", key)], body);
    let deep = format!("{{\"given\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [deep.as_bytes(), b"{\"title\": \"\xff\xfe\"}", b"[]", b"{", b"null"] {
        let refused = simulate(body);
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.json()["error"]["code"], "bad_request");
    }
    let head = format!(
        "POST /api/v1/simulate HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Api-Key: {key}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let chunked = send(service.port, head.as_bytes(), b"9\r\n{\"title\":\r\n9\r\n \"harbour\r\n2\r\n\"}\r\n0\r\n\r\n");
    assert_eq!((chunked.status, &chunked.json()["totals"]["entries"]), (200, &json!(1)), "{chunked:?}");
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn that_nobody_has_to_sign_in_is_warned_of_at_every_start() {
    let mut household = wanting_two();
    household.set("PULSARR_AUTH", "disabled");
    for start in ["first", "second"] {
        let service = household.serve();
        assert_eq!(service.get("/api/v1/watchlist").status, 200);
        let log = service.running.stderr();
        let warning = log.lines().find(|line| line.contains("SIGN-IN IS DISABLED")).map(str::to_uppercase);
        assert!(warning.is_some_and(|line| line.contains("WARN")), "the {start} start: {log}");
    }
}

/// Whether a value has what a schema promises: the type, of an object every required key and none that is not described, all the way
/// down.
pub(super) fn fits(value: &Value, schema: &Value, document: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.trim_start_matches('#'));
        return fits(value, found.ok_or_else(|| format!(": {reference} leads nowhere"))?, document);
    }
    for choice in ["anyOf", "oneOf"] {
        let Some(choices) = schema[choice].as_array() else { continue };
        let refused: Vec<String> = choices.iter().filter_map(|it| fits(value, it, document).err()).collect();
        if refused.len() == choices.len() {
            return Err(format!(": none of {choice}: {refused:?}"));
        }
    }
    if let Some(all) = schema["enum"].as_array().filter(|all| !all.contains(value)) {
        return Err(format!(": {value} is none of {all:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    };
    if !types.iter().any(|kind| is(kind)) {
        return Err(format!(": {value} is none of {types:?}"));
    }
    if let Some(keys) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !keys.contains_key(key) {
                return Err(format!(": {key} is missing in {value}"));
            }
        }
        let properties = schema["properties"].as_object();
        for (key, part) in keys {
            let described = properties.and_then(|properties| properties.get(key));
            match described.or_else(|| schema.get("additionalProperties").filter(|it| **it != Value::Bool(false))) {
                Some(inner) => fits(part, inner, document).map_err(|why| format!(".{key}{why}"))?,
                None if properties.is_some() => return Err(format!(": {key} is not described, in {value}")),
                None => {}
            }
        }
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(item, &schema["items"], document).map_err(|why| format!("[{number}]{why}"))?;
    }
    Ok(())
}
