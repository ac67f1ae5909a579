//! What an upstream said, made fit for a log line and for people: short, on one line, without our secrets.
//!
//! Owns the reading of error bodies in every shape that Plex, the arrs and the proxies before them use. Refuses to decide what
//! an error means.

use serde_json::Value;

/// The most characters of an upstream's own words that are kept.
const LONGEST: usize = 200;
/// The most failures of one answer that are quoted.
const MOST_FAILURES: usize = 10;
/// Shorter "secrets" are not worth hiding: blanking out every `a` would only make the text unreadable.
const SHORTEST_SECRET: usize = 4;

/// `text` on one line, without control characters, at most 200 characters, with every one of `secrets` replaced by `***`.
#[must_use]
pub fn clean(text: &str, secrets: &[&str]) -> String {
    let hidden = hide(text, secrets);
    let mut line = String::new();
    for word in hidden.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `text` with every one of `secrets` replaced by `***`.
#[must_use]
pub fn hide(text: &str, secrets: &[&str]) -> String {
    let worth_hiding = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
    worth_hiding.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// The sentence in an error body: the message of whichever JSON shape it has, an HTML page's title, or the text itself. Empty
/// when there is nothing to quote. Not yet [`clean`].
#[must_use]
pub fn words(body: &str) -> String {
    let body = body.trim_start_matches('\u{feff}').trim();
    if let Ok(value) = serde_json::from_str::<Value>(body) {
        return json_words(&value);
    }
    if body.starts_with('<') {
        return markup_words(body);
    }
    body.to_owned()
}

fn json_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(failures) => join(failures.iter().map(one_failure)),
        Value::Object(object) => {
            for key in ["message", "errorMessage"] {
                if let Some(text) = object.get(key).and_then(Value::as_str) {
                    return text.to_owned();
                }
            }
            if let Some(error) = object.get("Error") {
                return json_words(error);
            }
            match object.get("errors") {
                // plex.tv and GraphQL: a list of messages.
                Some(Value::Array(errors)) => join(errors.iter().map(one_failure)),
                // ProblemDetails: `{"$.field": ["…"]}`, where the title says no more than "validation errors".
                Some(Value::Object(fields)) if !fields.is_empty() => join(fields.iter().map(|(field, problems)| {
                    let first = problems.get(0).and_then(Value::as_str).unwrap_or("not accepted");
                    format!("{}: {first}", field.trim_start_matches("$."))
                })),
                _ => {
                    ["title", "error"].iter().find_map(|key| object.get(*key)?.as_str()).unwrap_or_default().to_owned()
                }
            }
        }
        _ => String::new(),
    }
}

fn one_failure(failure: &Value) -> String {
    let text = |key| failure.get(key).and_then(Value::as_str);
    text("errorMessage").or_else(|| text("message")).or_else(|| failure.as_str()).unwrap_or_default().to_owned()
}

fn join(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).take(MOST_FAILURES).collect();
    parts.join("; ")
}

/// The title of an HTML page, or the `message` of Plex's XML errors.
fn markup_words(body: &str) -> String {
    between(body, "<title>", "</title>").or_else(|| between(body, "message=\"", "\"")).unwrap_or_default().to_owned()
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let start = find_any_case(text, open)? + open.len();
    let rest = text.get(start..)?;
    rest.get(..find_any_case(rest, close)?)
}

fn find_any_case(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_shape_gives_its_sentence() {
        let check = |body: &str, expected: &str| assert_eq!(words(body), expected, "{body}");
        check(
            r#"{"errors":[{"code":1001,"message":"User could not be authenticated","status":401}]}"#,
            "User could not be authenticated",
        );
        check(
            r#"{"Error":{"error":"Bad Request","message":"Missing required param!","statusCode":400}}"#,
            "Missing required param!",
        );
        check(
            r#"{"message":"Movie with ID 9 does not exist","description":"NzbDrone: stack"}"#,
            "Movie with ID 9 does not exist",
        );
        check(
            r#"{"errorMessage":"Sonarr is starting up, please try again later"}"#,
            "Sonarr is starting up, please try again later",
        );
        check(
            r#"[{"propertyName":"A","errorMessage":"Quality Profile does not exist"},{"errorMessage":"Root folder '/nope' does not exist"}]"#,
            "Quality Profile does not exist; Root folder '/nope' does not exist",
        );
        check(
            r#"{"title":"One or more validation errors occurred.","status":400,"errors":{"$.seriesType":["The JSON value could not be converted"]}}"#,
            "seriesType: The JSON value could not be converted",
        );
        check(r#"{"title":"Not Found","status":404,"traceId":"x"}"#, "Not Found");
        check("<html><head><TITLE>502 Bad Gateway</TITLE></head></html>", "502 Bad Gateway");
        check(
            r#"<Error error="Not Found" message="Section 'watchlist' not found!" statusCode="404"/>"#,
            "Section 'watchlist' not found!",
        );
        check("Rate limit exceeded!\n", "Rate limit exceeded!");
        check("", "");
        check("{}", "");
    }

    #[test]
    fn a_detail_is_one_short_line_without_our_secrets() {
        assert_eq!(clean("a\r\n  b\u{7}\tc", &[]), "a b c");
        assert_eq!(clean("token tok-abc-123 was bad", &["tok-abc-123"]), "token *** was bad");
        assert_eq!(clean("aaa", &["", "a"]), "aaa");
        let long = clean(&"ü".repeat(500), &[]);
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
