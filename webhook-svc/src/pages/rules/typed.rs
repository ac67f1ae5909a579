//! What somebody has typed about a rule, in the builder or as text, and what is wrong with it.

use pulsarr_shared::config::{Problem, TakenItem, rule_text};
use pulsarr_shared::model::Instance;
use serde_json::Value;

use super::draft::Draft;
use super::pieces::kind_of;
use super::written::{Marks, Places};
use crate::request::{ApiError, FieldProblem};

/// A rule as it was typed.
pub enum Typed {
    /// In the builder.
    Built(Box<Draft>),
    /// As text.
    Text(String),
}

/// A rule in the words of the settings file, and where its parts stand in what was typed.
pub struct Rule {
    pub words: Value,
    places: Where,
}

enum Where {
    Built(Places),
    Text(Box<TakenItem>),
}

impl Typed {
    /// What was sent with a form. `fitted`: it is going to be drawn anew, with operators and options that fit.
    ///
    /// # Errors
    /// A sentence when it is larger than the builder goes.
    pub fn of_form(fields: &[(String, String)], instances: &[Instance], fitted: bool) -> Result<Self, String> {
        let sent = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if let Some(text) = sent("text") {
            return Ok(Self::Text(text.replace("\r\n", "\n").replace('\r', "\n")));
        }
        let draft = match fitted {
            true => Draft::of_form_fitted(fields, |name| kind_of(instances, name)),
            false => Draft::of_form(fields),
        };
        draft.map(|draft| Self::Built(Box::new(draft)))
    }

    /// A rule as it is kept, in the builder if that can show it; otherwise also why not.
    pub fn of_words(words: &Value) -> (Self, Option<String>) {
        match Draft::of_words(words) {
            Ok(draft) => (Self::Built(Box::new(draft)), None),
            Err(why) => (Self::Text(rule_text(words)), Some(why)),
        }
    }

    /// The rule in the words of the settings file.
    ///
    /// # Errors
    /// What is wrong with the text, with its lines.
    pub fn rule(&self, instances: &[Instance]) -> Result<Rule, Marks> {
        match self {
            Self::Built(draft) => {
                let (words, places) = draft.body(|name| kind_of(instances, name));
                Ok(Rule { words, places: Where::Built(places) })
            }
            Self::Text(text) => match TakenItem::rule(text.as_bytes()) {
                Ok(item) => Ok(Rule { words: item.body.clone(), places: Where::Text(Box::new(item)) }),
                Err(problems) => Err(Marks::of_sentences(problems.iter().map(with_line).collect())),
            },
        }
    }

    /// The same as text.
    pub fn as_text(&self, instances: &[Instance]) -> Self {
        match self {
            Self::Built(draft) => Self::Text(rule_text(&draft.body(|name| kind_of(instances, name)).0)),
            Self::Text(text) => Self::Text(text.clone()),
        }
    }
}

impl Rule {
    /// What `error` says about what was typed.
    pub fn marks(&self, error: &ApiError) -> Marks {
        match &self.places {
            Where::Built(places) => Marks::of(error, places),
            Where::Text(item) => {
                let lined = |FieldProblem { path, message }: &FieldProblem| {
                    let first = path.split(['.', '[']).next().unwrap_or_default();
                    match item.body.get(first) {
                        Some(_) => format!("Line {}: {path}: {message}", item.line_of(path)),
                        None if path.is_empty() => format!("The rule {message}"),
                        None => format!("{path}: {message}"),
                    }
                };
                let problems = error.problems().iter().map(lined);
                let only = error.problems().is_empty().then(|| error.message().to_owned());
                Marks::of_sentences(problems.chain(only).collect())
            }
        }
    }
}

fn with_line(problem: &Problem) -> String {
    let place = problem.line.map_or_else(String::new, |line| format!("Line {line}: "));
    let path = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
    format!("{place}{path}{}", problem.message)
}
