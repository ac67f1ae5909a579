//! The fields of a group whose keys stand for variables: one line of text or a choice each; empty is as usual.

use serde_json::{Map, Value};

use super::group::Group;
use crate::pages::Form;

/// One key as a field.
pub struct Field {
    /// The key of the group.
    pub key: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it takes, in a sentence.
    pub takes: &'static str,
    /// What holds where nothing is written.
    pub usual: &'static str,
    /// What there is to choose from, with what that is called; empty: it is typed.
    pub choices: &'static [(&'static str, &'static str)],
}

/// For what is on or off.
pub const SWITCH: &[(&str, &str)] = &[("true", "on"), ("false", "off")];

impl Field {
    /// One that is typed.
    pub const fn typed(key: &'static str, label: &'static str, takes: &'static str, usual: &'static str) -> Self {
        Self { key, label, takes, usual, choices: &[] }
    }

    /// One that is chosen.
    pub const fn chosen(
        key: &'static str,
        label: &'static str,
        usual: &'static str,
        choices: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { key, label, takes: "", usual, choices }
    }

    /// What stands in it: what is decided elsewhere is as it is there.
    pub fn value(&self, group: &Group, form: &Form) -> String {
        if group.locks(self.key) { group.text(&[self.key]) } else { form.value(self.key).to_owned() }
    }

    /// What is said below it.
    pub fn hint(&self, group: &Group) -> String {
        let source = group.source(self.key);
        match source.strip_prefix("environment ") {
            Some(variable) => format!("Set by the environment: {variable}."),
            None if source.is_empty() => self.takes.to_owned(),
            None => format!("Changed in {source}."),
        }
    }
}

/// The form as it is shown first.
pub fn shown(group: &Group, fields: &[Field]) -> Form {
    Form::with(fields.iter().map(|field| (field.key.to_owned(), group.text(&[field.key]))))
}

/// What the form says, without what is decided elsewhere. The reader of the settings says what of it cannot be.
pub fn wanted(group: &Group, form: &Form, fields: &[Field]) -> Map<String, Value> {
    let one = |field: &Field| {
        let text = form.given(field.key).filter(|_| !group.locks(field.key))?;
        let value = match text {
            "true" | "false" => (text == "true").into(),
            _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        };
        Some((field.key.to_owned(), value))
    };
    fields.iter().filter_map(one).collect()
}
