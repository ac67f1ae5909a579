//! What a destination can have otherwise than its instance: which options there are, and how each is written. The words are the settings
//! file's.

use pulsarr_shared::model::{
    InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor, SeriesTypeChoice,
};
use serde_json::{Number, Value};

use super::draft::Route;
use super::lists;

/// Every option, in the order in which people are shown them.
pub const KEYS: &[&str] = &[
    "quality_profile",
    "root_folder_path",
    "tags",
    "search_on_add",
    "minimum_availability",
    "monitor",
    "monitor_new_items",
    "series_type",
    "season_folder",
    "seasons",
];

/// How an option is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Text,
    /// Several, with commas.
    Texts,
    Numbers,
    Flag,
    Choice(Vec<&'static str>),
}

/// How `key` is written for an instance of this kind; `None`: such an instance does not have it. Of an instance that nobody knows, only
/// what both kinds have.
pub fn input(key: &str, kind: Option<InstanceKind>) -> Option<Input> {
    macro_rules! words {
        ($choices:ty) => {
            Some(Input::Choice(<$choices>::ALL.iter().map(|choice| choice.word()).collect()))
        };
    }
    match (key, kind) {
        ("quality_profile" | "root_folder_path", _) => Some(Input::Text),
        ("tags", _) => Some(Input::Texts),
        ("search_on_add", _) => Some(Input::Flag),
        ("minimum_availability", Some(InstanceKind::Radarr)) => words!(MinimumAvailability),
        ("monitor", Some(InstanceKind::Radarr)) => words!(MovieMonitor),
        ("monitor", Some(InstanceKind::Sonarr)) => words!(SeriesMonitor),
        ("monitor_new_items", Some(InstanceKind::Sonarr)) => words!(MonitorNewItems),
        ("series_type", Some(InstanceKind::Sonarr)) => words!(SeriesTypeChoice),
        ("season_folder", Some(InstanceKind::Sonarr)) => Some(Input::Flag),
        ("seasons", Some(InstanceKind::Sonarr)) => Some(Input::Numbers),
        _ => None,
    }
}

/// Leaves out what an instance of this kind does not have.
pub fn fit(route: &mut Route, kind: Option<InstanceKind>) {
    if kind.is_some() {
        route.options.retain(|key, value| match input(key, kind) {
            Some(Input::Choice(choices)) => choices.contains(&value.as_str()),
            other => other.is_some(),
        });
    }
}

/// What was typed for `key` in the settings file's form.
pub fn written(key: &str, text: &str) -> Value {
    match key {
        "tags" => lists::split(text).into_iter().map(Value::String).collect(),
        "seasons" => lists::split(text).iter().map(|season| scalar(season)).collect(),
        "search_on_add" | "season_folder" => flag(text),
        _ => Value::String(text.to_owned()),
    }
}

/// `true` or `false` as such; anything else as text, which the reader then refuses with its reason.
pub fn flag(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        other => Value::String(other.to_owned()),
    }
}

/// A number that is spelled as such; anything else as text.
pub fn scalar(text: &str) -> Value {
    let number = serde_json::from_str::<Number>(text).ok().filter(|number| number.to_string() == text);
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A scalar as people type it; `None` for what is none.
pub fn typed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A scalar or a list of them as people type it into one line.
pub fn typed_line(value: &Value) -> Option<String> {
    let Value::Array(items) = value else { return typed(value) };
    let texts: Option<Vec<String>> = items.iter().map(typed).collect();
    texts.map(|texts| lists::join(texts.iter().map(String::as_str)))
}
