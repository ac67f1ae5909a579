//! What a destination can have otherwise than its instance: which options there are, how each is written, and how a form asks for it.
//! The words are the settings file's.

use pulsarr_shared::model::{
    InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor, SeriesTypeChoice,
};
use serde_json::{Number, Value};

use super::lists;

/// An option as a form asks for it.
pub struct OptionField {
    /// The field's name in the form.
    pub at: String,
    /// The option's: `quality_profile`.
    pub key: &'static str,
    pub label: &'static str,
    pub value: String,
    pub error: String,
    pub hint: &'static str,
    /// What an empty field means: `as the instance has it`.
    pub usual: &'static str,
    /// What can be chosen, words and what people are shown for them; empty: anything can be typed.
    pub choices: Vec<(String, String)>,
}

impl OptionField {
    /// The field for `key`; `None` where an instance of this kind does not have it.
    pub fn of(key: &'static str, kind: Option<InstanceKind>, value: &str, usual: &'static str) -> Option<Self> {
        let mut choices = match input(key, kind)? {
            Input::Text | Input::Texts | Input::Numbers => Vec::new(),
            Input::Flag => vec![("true".to_owned(), "yes".to_owned()), ("false".to_owned(), "no".to_owned())],
            Input::Choice(words) => words.into_iter().map(|word| (word.to_owned(), word.replace('_', " "))).collect(),
        };
        // What was typed is one of them, whatever it is.
        if !choices.is_empty() && !value.is_empty() && !choices.iter().any(|(word, _)| word == value) {
            choices.push((value.to_owned(), value.to_owned()));
        }
        let (label, hint) = match key {
            "quality_profile" => ("Quality profile", ""),
            "root_folder_path" => ("Root folder", ""),
            "tags" => ("Tags", "several with commas"),
            "search_on_add" => ("Search at once", ""),
            "minimum_availability" => ("Minimum availability", ""),
            "monitor" => ("Monitor", ""),
            "monitor_new_items" => ("Seasons that come later", ""),
            "series_type" => ("Series type", ""),
            "season_folder" => ("Season folders", ""),
            _ => ("Only these seasons", "numbers with commas"),
        };
        let (at, value) = (key.to_owned(), value.to_owned());
        Some(Self { at, key, label, value, error: String::new(), hint, usual, choices })
    }

    /// What an empty field shows.
    pub fn placeholder(&self) -> String {
        if self.hint.is_empty() { self.usual.to_owned() } else { format!("{}; {}", self.usual, self.hint) }
    }
}

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
