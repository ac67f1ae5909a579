//! The API as people and programs meet it: the first visit, a session, a key, and that it is what its own document says.

use pulsarr_tests::household::wait_until;
use pulsarr_tests::service::{Answer, Service};
use serde_json::{Value, json};

use crate::{SALT_LEDGER, library, wanting_two};

/// Somebody who is signed in.
struct Session {
    cookie: String,
    csrf: String,
}

impl Session {
    /// The first visit: with the token that the log shows.
    fn first(service: &Service) -> Self {
        let log = service.running.stderr();
        let words = "this setup token: ";
        let token = log.split(words).nth(1).and_then(|rest| rest.split(['"', '\n']).next()).expect("the log shows it");
        let body = json!({"token": token, "username": "mirela", "password": "correct horse"});
        Self::of(&service.ask("POST", "/api/v1/setup", &[], body.to_string().as_bytes()))
    }

    fn of(answer: &Answer) -> Self {
        assert!((200..300).contains(&answer.status), "{answer:?}");
        let line = answer.head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: "));
        let cookie = line.and_then(|line| line.split([' ', ';']).nth(1)).expect("a cookie comes with it").to_owned();
        assert!(answer.head.contains("HttpOnly") && answer.head.contains("SameSite=Lax"), "{}", answer.head);
        Self { cookie, csrf: answer.json()["csrf_token"].as_str().expect("a token comes with it").to_owned() }
    }

    fn ask(&self, service: &Service, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("X-CSRF-Token", self.csrf.as_str())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        service.ask(method, &format!("/api/v1{path}"), &headers, body.as_bytes())
    }
}

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
    household.sync_well();
    let service = household.serve();
    let mirela = Session::first(&service);
    let made = mirela.ask(&service, "POST", "/api-keys", &json!({"name": "reader", "scope": "read"}));
    let key = made.json()["key"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned();
    let document = service.get("/api/v1/openapi.json").json();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(operation) = methods.get("get").filter(|_| !path.contains('{')) else { continue };
        let answers = &operation["responses"]["200"]["content"];
        if answers.get("text/event-stream").is_some() {
            continue;
        }
        asked += 1;
        let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
        let stranger = service.get(path).status;
        assert_eq!(stranger == 401, !is_open, "{path} answers a stranger with {stranger}");
        let full = match path.rsplit('/').next() {
            Some("explain") => format!("{path}?title=Salt"),
            Some("decisions") => format!("{path}?entry=1"),
            _ => path.clone(),
        };
        let answer = service.ask("GET", &full, &[("X-Api-Key", &key)], b"");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        if let Some(schema) = answers["application/json"].get("schema") {
            fits(&answer.json(), schema, &document, path);
        }
    }
    assert!(asked > 15, "{asked}");
    let write = service.ask("POST", "/api/v1/runs", &[("X-Api-Key", &key)], b"{}");
    assert_eq!(write.status, 403, "a key that may read changes nothing: {write:?}");
}

/// Whether a value has what a schema asks for: the type, and of an object every required key, all the way down.
fn fits(value: &Value, schema: &Value, document: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.trim_start_matches('#');
        let found = document.pointer(target).unwrap_or_else(|| panic!("{place}: {reference} leads nowhere"));
        return fits(value, found, document, place);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{place}: a type called {other}"),
    };
    assert!(types.iter().any(|kind| is(kind)), "{place}: {value} is none of {types:?}");
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.is_null() || value.get(key).is_some(), "{place}: {key} is missing in {value}");
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(part) = value.get(key) {
            fits(part, inner, document, &format!("{place}.{key}"));
        }
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            fits(item, &schema["items"], document, &format!("{place}[{number}]"));
        }
    }
}
