//! A group of settings as forms show and save it: what the settings file has of it is looked at only.

use serde_json::{Map, Value, json};
use warp::http::StatusCode;

use crate::api::settings::{self, GroupView};
use crate::pages::Form;
use crate::pages::versions::Versions;
use crate::request::{ApiError, Ask};

/// A group as it is now.
pub struct Group {
    /// What it says.
    pub view: GroupView,
    /// The version of what is kept of it; 0: nothing is.
    pub version: i64,
}

impl Group {
    /// The group of this name.
    ///
    /// # Errors
    /// 409 when the settings file cannot be read any more.
    pub async fn of(ask: &Ask, section: &str) -> Result<Self, ApiError> {
        let (view, version) = settings::group(&ask.about("section", section)).await?;
        Ok(Self { view, version })
    }

    /// Where the settings file has this key; empty: it does not.
    pub fn source(&self, key: &str) -> &str {
        self.view.read_only.iter().find(|it| it.key == key).map_or("", |it| &it.source)
    }

    /// Whether the settings file has this key.
    pub fn locks(&self, key: &str) -> bool {
        !self.source(key).is_empty()
    }

    /// What the key says, as a text; empty when nobody wrote it.
    pub fn text(&self, path: &[&str]) -> String {
        match path.iter().try_fold(&self.view.settings, |at, key| at.get(key)) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether the key says yes; `usual` when nobody wrote it.
    pub fn says(&self, key: &str, usual: bool) -> bool {
        self.view.settings[key].as_bool().unwrap_or(usual)
    }
}

/// Keeps `wanted` of a group, for whoever looked at the version in `form`; an empty one forgets what is kept.
///
/// # Errors
/// As [`settings::put`].
pub async fn keep(ask: &Ask, section: &str, form: &Form, wanted: Map<String, Value>) -> Result<(), ApiError> {
    let ask = ask.about("section", section).if_match(form.value("version"));
    if wanted.is_empty() {
        settings::forget(ask).await?;
    } else {
        settings::put(ask.with_body(&wanted.into())).await?;
    }
    Ok(())
}

/// What was wanted beside what is there now, when that is what `error` is about. `lines` tells settings line by line.
///
/// # Errors
/// As [`Group::of`].
pub async fn versions(
    ask: &Ask,
    section: &str,
    error: &ApiError,
    wanted: &Value,
    lines: impl Fn(&Value) -> Vec<String>,
) -> Result<Option<Versions>, ApiError> {
    if error.status() != StatusCode::PRECONDITION_FAILED {
        return Ok(None);
    }
    let now = Group::of(ask, section).await?;
    Ok(Some(Versions::of(lines(wanted), lines(&now.view.stored))))
}

/// The same of this key alone, where a form is about no other.
pub fn only(key: &str) -> impl Fn(&Value) -> Vec<String> {
    move |settings| lines(&settings.get(key).map_or_else(|| json!({}), |value| json!({key: value})))
}

/// Settings line by line: `quota.expire_after_h: 72`.
pub fn lines(settings: &Value) -> Vec<String> {
    fn tell(path: &str, value: &Value, lines: &mut Vec<String>) {
        match value {
            Value::Object(keys) => keys.iter().for_each(|(key, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                tell(&format!("{path}{dot}{key}"), value, lines);
            }),
            Value::String(text) => lines.push(format!("{path}: {text}")),
            other => lines.push(format!("{path}: {other}")),
        }
    }
    let mut lines = Vec::new();
    tell("", settings, &mut lines);
    if lines.is_empty() {
        lines.push("nothing is kept".to_owned());
    }
    lines
}
