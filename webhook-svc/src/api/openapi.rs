//! The OpenAPI document. A test makes it from the table of endpoints and holds `openapi.json` to it; the program has the file alone.

#[cfg(test)]
mod made;

use serde_json::{Value, json};

use crate::request::ApiError;

/// As it was made, for addresses below nothing: the tests of this module say how it is made anew.
const DOCUMENT: &str = include_str!("../../openapi.json");

/// The document of the API whose addresses are below `base`.
///
/// # Errors
/// Never: a test reads it.
pub fn document(base: &str) -> Result<Value, ApiError> {
    let mut document: Value = serde_json::from_str(DOCUMENT).map_err(|error| ApiError::internal(error.to_string()))?;
    document["servers"] = json!([{"url": if base.is_empty() { "/" } else { base }}]);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line for each path and each shape, so that changes can be read.
    fn in_lines(document: &Value) -> String {
        let mut text = String::from("{");
        let top = document.as_object().unwrap();
        for (number, (key, value)) in top.iter().enumerate() {
            let comma = if number + 1 < top.len() { "," } else { "" };
            let value = match key.as_str() {
                "paths" => lines(value),
                "components" => {
                    let parts = value.as_object().unwrap().iter();
                    let parts: Vec<String> = parts.map(|(key, value)| format!("{key:?}:{}", lines(value))).collect();
                    format!("{{{}}}", parts.join(","))
                }
                _ => value.to_string(),
            };
            text.push_str(&format!("{key:?}:{value}{comma}\n"));
        }
        text + "}\n"
    }

    fn lines(of: &Value) -> String {
        let lines: Vec<String> =
            of.as_object().unwrap().iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
        format!("{{\n{}\n}}", lines.join(",\n"))
    }

    /// `PULSARR_WRITE_OPENAPI=1 cargo test --package pulsarr-webhook-svc --lib openapi` makes it anew.
    #[test]
    fn the_file_is_what_the_table_of_endpoints_comes_to() {
        let made = made::document(super::super::endpoints(), "");
        if std::env::var_os("PULSARR_WRITE_OPENAPI").is_some() {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
            std::fs::write(path, in_lines(&made)).unwrap();
            return;
        }
        assert!(document("").unwrap() == made, "openapi.json is old: see above how it is made anew");
        assert_eq!(document("/pulsarr").unwrap()["servers"][0]["url"], "/pulsarr");
    }
}
