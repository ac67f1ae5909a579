//! Makes the OpenAPI document from the table of endpoints.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::super::endpoint::{Answer, Endpoint};
use crate::request::Access;

/// What stands where: method and path.
type Places = &'static [(&'static str, &'static str)];

/// Bodies that may be left out.
const OPTIONAL_BODIES: Places = &[("POST", "/runs"), ("POST", "/simulate")];
/// Bodies that are settings files.
const YAML_BODIES: Places = &[("POST", "/config/import")];
/// Changes that `If-Match` keeps from going over somebody else's.
const IF_MATCH: Places = &[
    ("PUT", "/instances/{name}"),
    ("DELETE", "/instances/{name}"),
    ("PUT", "/rules/{name}"),
    ("DELETE", "/rules/{name}"),
    ("PUT", "/settings/{section}"),
    ("DELETE", "/settings/{section}"),
    ("PUT", "/users/{user}/settings"),
    ("POST", "/users/bulk"),
    ("POST", "/rules/order"),
    ("POST", "/config/import"),
    ("POST", "/plex/server"),
];
/// Answers with the version that `If-Match` takes.
const ETAG: Places = &[
    ("POST", "/instances"),
    ("GET", "/instances/{name}"),
    ("PUT", "/instances/{name}"),
    ("POST", "/rules"),
    ("GET", "/rules/{name}"),
    ("PUT", "/rules/{name}"),
    ("GET", "/settings/{section}"),
    ("PUT", "/settings/{section}"),
    ("DELETE", "/settings/{section}"),
    ("GET", "/users/{user}/settings"),
    ("PUT", "/users/{user}/settings"),
    ("GET", "/rules"),
    ("GET", "/users"),
    ("GET", "/settings"),
];
/// Where a password or a token can be tried.
const ATTEMPTS: Places = &[("POST", "/setup"), ("POST", "/session"), ("PUT", "/session/password")];
/// Where something that a body names may not be there.
const NAMED_IN_BODY: Places = &[("POST", "/runs"), ("POST", "/rules/validate"), ("POST", "/users/bulk")];
/// Where a version counts that no header says.
const CHANGED_MEANWHILE: Places = &[("PUT", "/session/password")];
/// Query parameters without which nothing is answered: path and name.
const REQUIRED: Places = &[("/explain", "title")];
/// Query parameters of which one is needed: path and what to say about it.
const ONE_OF: Places = &[("/decisions", "One of `entry` and `run` is needed, and not both.")];
/// Query parameters that are whole numbers, wherever they stand.
const NUMBERS: &[&str] = &["limit", "before", "after", "entry"];
/// Query parameters that are `true` or `false`, wherever they stand.
const SWITCHES: &[&str] = &["dry_run"];
/// Every refusal that is promised, and when it comes.
const REFUSALS: &[(u16, &str)] = &[
    (400, "the request says something that cannot be"),
    (401, "nobody knows who asks"),
    (403, "whoever asks may not, or the X-CSRF-Token of the session is missing"),
    (404, "there is no such thing"),
    (408, "the body did not arrive in time"),
    (409, "it does not fit what is there"),
    (412, "somebody else has changed it since it was looked at"),
    (413, "the body is larger than 1 MiB"),
    (422, "fields are wrong, each named in `error.problems`"),
    (429, "too often: `Retry-After` says in how many seconds it may be asked again"),
    (503, "something that is needed does not answer, or the service takes in as much as it may"),
];

fn stands(endpoint: &Endpoint, places: Places) -> bool {
    places.contains(&(endpoint.method.as_str(), endpoint.path))
}

/// The document that describes `endpoints`, whose addresses are below `base`.
pub(super) fn document<'e>(endpoints: impl Iterator<Item = &'e Endpoint>, base: &str) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints {
        let mut operation = json!({
            "summary": endpoint.summary,
            "tags": [endpoint.tag],
            "operationId": operation_id(endpoint),
            "security": security(endpoint.access),
            "parameters": parameters(endpoint),
        });
        if let Some(body) = endpoint.body {
            let schema = body(&mut generator);
            let mut content = json!({"application/json": {"schema": schema}});
            if stands(endpoint, YAML_BODIES) {
                content["application/yaml"] = json!({"schema": {"type": "string"}});
            }
            let required = !stands(endpoint, OPTIONAL_BODIES);
            operation["requestBody"] = json!({"required": required, "content": content});
        }
        if let Some((_, about)) = ONE_OF.iter().find(|(path, _)| *path == endpoint.path) {
            operation["description"] = json!(about);
        }
        operation["responses"] = responses(endpoint, &mut generator);
        let path = format!("/api/v1{}", endpoint.path);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[endpoint.method.as_str().to_lowercase()] = operation;
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pulsarr",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the Pulsarr service can be asked. Times are unix milliseconds, UTC, unless said otherwise.",
        },
        "servers": [{"url": if base.is_empty() { "/" } else { base }}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals(),
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "pulsarr_session"},
                "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    })
}

/// `get_rules_name`
fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}_{}", endpoint.method.as_str().to_lowercase(), words.join("_"))
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Read | Access::Write => json!([{"session": []}, {"api_key": []}]),
    }
}

fn parameters(endpoint: &Endpoint) -> Value {
    let names = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query = endpoint.query.iter().map(|parameter| {
        let kind = match parameter.name {
            name if NUMBERS.contains(&name) => "integer",
            name if SWITCHES.contains(&name) => "boolean",
            _ => "string",
        };
        let required = REQUIRED.contains(&(endpoint.path, parameter.name));
        json!({
            "name": parameter.name, "in": "query", "required": required,
            "description": parameter.about, "schema": {"type": kind},
        })
    });
    let header = |name: &str, about: &str| json!({"name": name, "in": "header", "required": false, "description": about, "schema": {"type": "string"}});
    let if_match = stands(endpoint, IF_MATCH).then(|| {
        header("If-Match", "the ETag of what was looked at: refused when somebody has changed it since; without it, nothing is compared")
    });
    let csrf = (changes(endpoint) && endpoint.access != Access::Open)
        .then(|| header("X-CSRF-Token", "`csrf_token` of the session; needed with its cookie, and with nothing else"));
    in_path.chain(in_query).chain(if_match).chain(csrf).collect()
}

fn changes(endpoint: &Endpoint) -> bool {
    endpoint.method != warp::http::Method::GET
}

/// The refusals that are to be expected of an endpoint.
fn refused_with(endpoint: &Endpoint) -> Vec<u16> {
    let has_body = endpoint.body.is_some();
    let changes = changes(endpoint);
    let cases = [
        (400, has_body || !endpoint.query.is_empty() || stands(endpoint, IF_MATCH)),
        (401, endpoint.access != Access::Open || stands(endpoint, ATTEMPTS)),
        (403, changes),
        (404, endpoint.path.contains('{') || stands(endpoint, NAMED_IN_BODY)),
        (408, has_body),
        (409, endpoint.access == Access::Write || stands(endpoint, ATTEMPTS)),
        (412, stands(endpoint, IF_MATCH) || stands(endpoint, CHANGED_MEANWHILE)),
        (413, has_body),
        (422, has_body),
        (429, stands(endpoint, ATTEMPTS)),
        (503, true),
    ];
    cases.into_iter().filter(|(_, applies)| *applies).map(|(status, _)| status).collect()
}

/// Every refusal by its name: `Refused404`, and `Refused` for any other.
fn refusals() -> Value {
    let content = json!({"application/json": {"schema": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "object", "required": ["code", "message"], "properties": {
            "code": {"type": "string", "description": "for programs"},
            "message": {"type": "string", "description": "for people"},
            "problems": {"type": "array", "items": {"type": "object", "required": ["path", "message"], "properties": {
                "path": {"type": "string"}, "message": {"type": "string"}}}},
        }}},
    }}});
    let mut all = Map::new();
    all.insert("Refused".to_owned(), json!({"description": "refused for another reason", "content": content}));
    for (status, about) in REFUSALS {
        let mut refusal = json!({"description": about, "content": content});
        if matches!(*status, 429 | 503) {
            refusal["headers"] = json!({"Retry-After": {"schema": {"type": "integer"}}});
        }
        all.insert(format!("Refused{status}"), refusal);
    }
    Value::Object(all)
}

fn responses(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> Value {
    let mut well = match endpoint.answer {
        Answer::Json(shape) | Answer::Created(shape) | Answer::Accepted(shape) => {
            json!({"description": "done", "content": {"application/json": {"schema": shape(generator)}}})
        }
        Answer::Nothing => json!({"description": "done"}),
        Answer::Text(media_type) => json!({"description": "done", "content": {media_type: {}}}),
        Answer::Events => json!({"description": "events as they happen", "content": {"text/event-stream": {}}}),
    };
    let status = match endpoint.answer {
        Answer::Created(_) => "201",
        Answer::Accepted(_) => "202",
        Answer::Nothing => "204",
        Answer::Json(_) | Answer::Text(_) | Answer::Events => "200",
    };
    if stands(endpoint, ETAG) {
        let about = "the version of what is shown, for `If-Match`; absent where the settings file alone declares it";
        well["headers"] = json!({"ETag": {"description": about, "schema": {"type": "string"}}});
    }
    let mut all = Map::new();
    all.insert(status.to_owned(), well);
    for status in refused_with(endpoint) {
        all.insert(status.to_string(), json!({"$ref": format!("#/components/responses/Refused{status}")}));
    }
    all.insert("default".to_owned(), json!({"$ref": "#/components/responses/Refused"}));
    Value::Object(all)
}

mod tests {
    use super::*;

    /// Every `$ref` in `value`.
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn what_is_said_of_single_places_is_said_of_places_there_are() {
        let there = |method: &str, path: &str| {
            super::super::super::endpoints().any(|it| it.method.as_str() == method && it.path == path)
        };
        for places in [OPTIONAL_BODIES, YAML_BODIES, IF_MATCH, ETAG, ATTEMPTS, NAMED_IN_BODY, CHANGED_MEANWHILE] {
            for (method, path) in places {
                assert!(there(method, path), "{method} {path}");
            }
        }
        for (path, name) in REQUIRED {
            let query = super::super::super::endpoints().find(|it| it.path == *path).map(|it| it.query);
            assert!(query.is_some_and(|query| query.iter().any(|it| it.name == *name)), "{path} {name}");
        }
        let document = document(super::super::super::endpoints(), "");
        for (method, path) in OPTIONAL_BODIES {
            let body = &document["paths"][format!("/api/v1{path}")][method.to_lowercase()]["requestBody"];
            let reference = body["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
            let shape = document.pointer(&reference[1..]).unwrap();
            assert!(shape.get("required").is_none(), "{path}: {shape}");
        }
        let put = &document["paths"]["/api/v1/rules/{name}"]["put"];
        let names: Vec<_> =
            put["parameters"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["name", "If-Match", "X-CSRF-Token"]);
        for status in ["400", "401", "403", "404", "409", "412", "413", "422", "503"] {
            assert!(put["responses"].get(status).is_some(), "{status}");
        }
        let import = &document["paths"]["/api/v1/config/import"]["post"]["requestBody"]["content"];
        assert!(import.get("application/yaml").is_some(), "{import}");
        let title = &document["paths"]["/api/v1/explain"]["get"]["parameters"][0];
        assert_eq!((&title["name"], &title["required"]), (&json!("title"), &json!(true)));
        let limit = &document["paths"]["/api/v1/audit"]["get"]["parameters"][1];
        assert_eq!(limit["schema"]["type"], "integer");
    }

    #[test]
    fn every_endpoint_is_described_and_every_reference_leads_somewhere() {
        let document = document(super::super::super::endpoints(), "");
        let mut ids = Vec::new();
        for endpoint in super::super::super::endpoints() {
            let method = endpoint.method.as_str().to_lowercase();
            let operation = &document["paths"][format!("/api/v1{}", endpoint.path)][&method];
            assert_eq!(operation["summary"], endpoint.summary, "{method} {}", endpoint.path);
            ids.push(operation["operationId"].as_str().unwrap());
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "two operations have the same id");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            let at = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(at.is_some(), "{reference}");
        }
    }
}
