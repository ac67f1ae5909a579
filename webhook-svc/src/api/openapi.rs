//! The OpenAPI document, made from the table of endpoints.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Access, Answer, Endpoint};

/// The document that describes `endpoints`, whose addresses are below `base`.
pub fn document<'e>(endpoints: impl Iterator<Item = &'e Endpoint>, base: &str) -> Value {
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
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
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
        json!({"name": parameter.name, "in": "query", "description": parameter.about, "schema": {"type": "string"}})
    });
    in_path.chain(in_query).collect()
}

fn responses(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> Value {
    let well = match endpoint.answer {
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
    let refusal = json!({
        "description": "refused: `error.code` for programs, `error.message` for people, `error.problems` field by field",
        "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"type": "object", "required": ["code", "message"], "properties": {
                "code": {"type": "string"}, "message": {"type": "string"},
                "problems": {"type": "array", "items": {"type": "object", "properties": {
                    "path": {"type": "string"}, "message": {"type": "string"}}}},
            }}},
        }}},
    });
    json!({status: well, "default": refusal})
}

#[cfg(test)]
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
    fn every_endpoint_is_described_and_every_reference_leads_somewhere() {
        let document = document(super::super::endpoints(), "");
        let mut ids = Vec::new();
        for endpoint in super::super::endpoints() {
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
