//! What editing a part of the settings has in common, whichever part it is: versions, secrets that can be written and never read, and
//! what the settings file keeps to itself.

use pulsarr_shared::config::{Broken, Config};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::vault::Vault;
use serde_json::{Map, Value, json};
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use crate::fingerprint::fingerprint;
use crate::request::{ApiError, Ask, FieldProblem};
pub use crate::standing::Standing;

/// The version in `If-Match`: `"1795435200000"`. `None`: whatever is there, or `*`.
///
/// # Errors
/// 400 for what is no version of ours.
pub fn expected_version(ask: &Ask) -> Result<Option<i64>, ApiError> {
    let Some(value) = ask.headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.trim_start_matches("W/").trim_matches('"').parse();
    number.map(Some).map_err(|_| ApiError::input("`If-Match` takes the ETag of what was looked at"))
}

/// `response` with the version of what it shows.
pub fn with_version(mut response: Response, version: Option<i64>) -> Response {
    if let Some(value) = version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// What is kept under this name.
pub fn find<'d>(declarations: &'d [Declaration], section: Section, name: &str) -> Option<&'d Declaration> {
    let name = section.folded(name);
    declarations.iter().find(|it| it.section == section && it.name == name)
}

/// Whether what is there is what somebody has looked at.
///
/// # Errors
/// 412 with what is there now.
pub fn unchanged(found: &Declaration, expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(version) if version != found.version => Err(ApiError::changed(format!(
            "somebody has changed it since you looked; it is now {}",
            masked(found.section, &found.body)
        ))),
        _ => Ok(()),
    }
}

/// Which state of everything that is kept this is, order included: for looking at all of it and changing several items at once.
pub fn state_of(declarations: &[Declaration]) -> i64 {
    let mut sorted: Vec<_> = declarations.iter().collect();
    sorted.sort_by_key(|it| (it.section, &it.name));
    let bytes = sorted.into_iter().flat_map(|it| {
        let place = [it.position.to_le_bytes(), it.version.to_le_bytes()].concat();
        it.section.word().bytes().chain([0]).chain(it.name.bytes()).chain([0]).chain(place)
    });
    (fingerprint(bytes) >> 1).cast_signed()
}

/// The state of everything that is kept, as it was read.
pub fn state_now(config: &Config) -> i64 {
    state_of(&kept(config).cloned().collect::<Vec<_>>())
}

/// What is kept, also what of it cannot be read.
pub fn kept(config: &Config) -> impl Iterator<Item = &Declaration> {
    let readable = config.stored.iter().flat_map(|stored| &stored.declarations);
    readable.chain(config.broken.iter().map(|it| &it.declaration))
}

/// What is wrong with something that is kept and cannot be read, as sentences without a full stop.
pub fn problems_of(broken: &Broken) -> Vec<String> {
    broken.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

/// Whether everything is as somebody has looked at it.
///
/// # Errors
/// 412.
pub fn all_unchanged(declarations: &[Declaration], expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(state) if state != state_of(declarations) => {
            Err(ApiError::changed("somebody has changed the settings since you looked: look again"))
        }
        _ => Ok(()),
    }
}

/// A body as JSON with keys.
///
/// # Errors
/// 400 for anything else.
pub fn body_of(ask: &Ask) -> Result<Map<String, Value>, ApiError> {
    match ask.json()? {
        Value::Object(keys) => Ok(keys),
        _ => Err(ApiError::input("the body has to be a JSON object")),
    }
}

/// What stands for `key` in a body that may hold nothing else. No message repeats a value.
///
/// # Errors
/// 400 for no object, and for anything else in it.
pub fn only_value_of(ask: &Ask, key: &str) -> Result<Option<Value>, ApiError> {
    let mut body = body_of(ask)?;
    let value = body.remove(key);
    match body.keys().next() {
        Some(other) => Err(ApiError::input(format!("`{other}` is unknown here: the body has `{key}` alone"))),
        None => Ok(value),
    }
}

/// What is shown of a body: everything but its secret, of which only that there is one.
pub fn masked(section: Section, body: &Value) -> Value {
    let mut shown = body.clone();
    if let (Some(key), Some(keys)) = (section.secret_key(), shown.as_object_mut())
        && let Some(secret) = keys.get_mut(key)
    {
        *secret = json!({"set": !secret.is_null()});
    }
    shown
}

/// Seals the secret in `body`, which is taken as it is: no variable and no file is looked up for somebody on the network. Left out, or
/// sent as it is shown (`{"set": true}`), it is the one that was there before.
///
/// # Errors
/// 422 for what is no secret; 503 when it cannot be sealed.
pub fn seal(
    section: Section,
    body: &mut Map<String, Value>,
    before: Option<&Value>,
    vault: &Vault,
) -> Result<(), ApiError> {
    let Some(key) = section.secret_key() else { return Ok(()) };
    let refuse =
        |message: &str| ApiError::fields(vec![FieldProblem { path: key.to_owned(), message: message.to_owned() }]);
    let kept = || before.and_then(|before| before.get(key)).filter(|secret| secret.is_string()).cloned();
    let given = body.remove(key);
    let sealed = match given {
        None => kept(),
        Some(Value::Object(shown)) if shown.get("set").is_some_and(Value::is_boolean) => kept(),
        Some(Value::Null) => None,
        Some(Value::String(secret)) => {
            let secret = secret.trim();
            if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(refuse("is empty, or has characters that no key has: copy it again"));
            }
            let sealed = vault.seal(&secret.into());
            Some(Value::String(sealed.map_err(|error| ApiError::unavailable(format!("failed to {error}")))?))
        }
        Some(_) => return Err(refuse("has to be a text")),
    };
    if let Some(sealed) = sealed {
        body.insert(key.to_owned(), sealed);
    }
    Ok(())
}

/// Whether two values say the same, however their scalars are spelled: the reader looks at their text.
pub fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::String(text), other) | (other, Value::String(text)) => match other {
            Value::String(other) => text == other,
            Value::Number(number) => *text == number.to_string(),
            _ => false,
        },
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sealed_kept_or_taken_away_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let sealed = |body: Value, before: Option<&Value>| {
            let Value::Object(mut keys) = body else { panic!("keys") };
            seal(Section::Instances, &mut keys, before, &vault).map(|()| Value::Object(keys))
        };
        let first = sealed(json!({"name": "movies", "api_key": "hunter2"}), None).unwrap();
        assert!(!first.to_string().contains("hunter2"), "{first}");
        let kept = sealed(json!({"name": "movies"}), Some(&first)).unwrap();
        assert_eq!(kept["api_key"], first["api_key"]);
        let kept = sealed(masked(Section::Instances, &first), Some(&first)).unwrap();
        assert_eq!(kept["api_key"], first["api_key"]);
        assert_eq!(masked(Section::Instances, &first), json!({"name": "movies", "api_key": {"set": true}}));
        assert!(sealed(json!({"api_key": null}), Some(&first)).unwrap().get("api_key").is_none());
        assert!(sealed(json!({"api_key": "two words"}), None).is_err());
        // What looks like a reference is no reference here.
        let literal = sealed(json!({"api_key": "${HOME}"}), None).unwrap();
        assert!(literal["api_key"].as_str().unwrap().starts_with("sealed:"));
    }
}
