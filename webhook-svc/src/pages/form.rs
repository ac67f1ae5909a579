//! What was typed into a form, kept for showing it again, with what is wrong with it.

use super::encoded;
use crate::request::{ApiError, Ask, FieldProblem, pairs};

/// A form as it was sent, or as it is shown the first time.
#[derive(Debug, Clone, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
    /// What is wrong with fields of it.
    problems: Vec<FieldProblem>,
    /// What is wrong with the whole of it, for people; empty when nothing is.
    pub problem: String,
}

impl Form {
    /// The form that was sent with `ask`.
    pub fn of(ask: &Ask) -> Self {
        let fields = pairs(&String::from_utf8_lossy(&ask.body));
        Self { fields, ..Self::default() }
    }

    /// A form that is shown with these values.
    pub fn with(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { fields: fields.into_iter().collect(), ..Self::default() }
    }

    /// Everything that was sent, in its order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The form with what `error` says about it.
    pub fn refused(self, error: &ApiError) -> Self {
        let problems = error.problems().to_vec();
        Self { problems, problem: error.message().to_owned(), ..self }
    }

    /// As it is sent: `title=Salt%20Ledger&year=2025`.
    pub fn encoded(&self) -> String {
        let pairs = self.fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The form as if this had been sent, too.
    pub fn and(mut self, name: &str, value: String) -> Self {
        self.fields.push((name.to_owned(), value));
        self
    }

    /// What stands in the field; empty when it is absent.
    pub fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What was typed in a field of a list, also when that is nothing; `None` when the field was not sent, or as it was shown: fields that
    /// were not empty stand with that in the field `was`, as pairs.
    pub fn typed(&self, name: &str) -> Option<&str> {
        let sent = self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())?;
        let shown = pairs(self.value("was")).into_iter().find(|(known, _)| known == name);
        (sent.trim() != shown.map_or(String::new(), |(_, shown)| shown)).then_some(sent)
    }

    /// What stands in the field without white space around it; `None` when that is nothing.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.value(name).trim()).filter(|value| !value.is_empty())
    }

    /// Everything that was sent under this name, such as the boxes that are ticked.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    /// Whether `value` is one of those that were sent under `name`.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|it| it == value)
    }

    /// What is wrong with the field; empty when nothing is.
    pub fn error(&self, name: &str) -> &str {
        self.problems.iter().find(|problem| problem.path == name).map_or("", |problem| &problem.message)
    }

    /// Whether the field has something wrong with it.
    pub fn is_wrong(&self, name: &str) -> bool {
        !self.error(name).is_empty()
    }
}
