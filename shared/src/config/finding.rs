//! What reading the configuration brings to light: problems, warnings, and every value with its source. Nothing in here
//! ever holds a secret: whoever makes a text is answerable for that.

use std::fmt;
use std::path::PathBuf;

use crate::model::Section;

/// How messages call what people set up through the service.
pub(super) const PLACE: &str = "settings made in the service";

/// Where a problem stands among what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAt {
    /// Which part.
    pub section: Section,
    /// Which item; empty for what there is only one of.
    pub name: String,
    /// The place in its body: `when.all[0].genre`; empty for the whole of it.
    pub path: String,
}

/// One thing that is wrong, in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: `instances[0].quality_profile`, `PULSARR_PORT`, `.env:3`; empty for the settings file as a
    /// whole.
    pub path: String,
    /// The line in the settings file, counted from 1; `None` when the problem is not in that file.
    pub line: Option<usize>,
    /// What is wrong and what to do. Never contains a secret.
    pub message: String,
    /// Where it stands in what people set up through the service; `None`: not there.
    pub stored: Option<StoredAt>,
}

impl Problem {
    /// A problem of the process: a variable, `.env`, or a file that cannot be read.
    pub(super) fn outside(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into(), stored: None }
    }

    /// A problem at a line of the settings file.
    pub(super) fn at(line: usize, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(line), message: message.into(), stored: None }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A variable of the process or of `.env`.
    Environment {
        /// The name as it was written; an alias stays an alias.
        variable: String,
        /// It stands in `.env`, and the process has no variable of this name.
        dot_env: bool,
    },
    /// The settings file.
    File {
        /// The file as it is shown to people.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// Somebody set it in the service.
    Stored,
}

impl fmt::Display for Source {
    /// `default`, `environment PULSARR_PORT`, `environment PULSARR_PORT (.env)`, `pulsarr.yaml:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment { variable, dot_env: false } => write!(f, "environment {variable}"),
            Self::Environment { variable, dot_env: true } => write!(f, "environment {variable} (.env)"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Stored => f.write_str(PLACE),
        }
    }
}

/// One setting as it came out, for `pulsarr check` to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// `PULSARR_PORT` or `instances[0].tags`.
    pub name: String,
    /// The outcome in plain words; `(set, 20 characters)` for a secret, `(not set)` for what is optional and absent.
    pub value: String,
    /// Who said so.
    pub source: Source,
}

/// Everything that is wrong with the configuration. Nothing of it has been applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines().join("\n"))]
pub struct ConfigError {
    /// At least one; the environment's first, then the settings file's by line.
    pub problems: Vec<Problem>,
    /// The settings file as it is shown to people; `None` when there is none.
    pub file: Option<PathBuf>,
}

impl ConfigError {
    /// One line per problem: `pulsarr.yaml:12: instances[0].url: …`, `PULSARR_PORT: …`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let file = self.file.as_ref().map_or_else(|| "settings".to_owned(), |file| file.display().to_string());
        let line = |problem: &Problem| {
            let stored = || problem.stored.as_ref().map(|_| format!("{PLACE}: "));
            let place = problem.line.map(|line| format!("{file}:{line}: ")).or_else(stored).unwrap_or_default();
            let path = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
            format!("{place}{path}{}", problem.message)
        };
        self.problems.iter().map(line).collect()
    }
}

/// What has come to light so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
    pub values: Vec<Value>,
}

impl Findings {
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub fn value(&mut self, name: impl Into<String>, value: impl Into<String>, source: Source) {
        self.values.push(Value { name: name.into(), value: value.into(), source });
    }
}

/// `text` in backticks, fit for one line of a message: cut after 60 characters, control characters as `?`.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// How a secret is listed: its length, never its content.
pub(super) fn secret_shown(secret: &str) -> String {
    format!("(set, {} characters)", secret.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_prints_one_line_per_problem() {
        let error = ConfigError {
            problems: vec![
                Problem::outside("PULSARR_PORT", "`x` is not a port number"),
                Problem::at(12, "instances[0].url", "is missing"),
                Problem::at(1, "", "is empty"),
            ],
            file: Some("pulsarr.yaml".into()),
        };
        assert_eq!(
            error.to_string(),
            "PULSARR_PORT: `x` is not a port number\n\
             pulsarr.yaml:12: instances[0].url: is missing\n\
             pulsarr.yaml:1: is empty"
        );
    }

    #[test]
    fn a_source_says_who_set_a_value() {
        let variable = || "PULSARR_PORT".to_owned();
        assert_eq!(Source::Default.to_string(), "default");
        assert_eq!(
            Source::Environment { variable: variable(), dot_env: false }.to_string(),
            "environment PULSARR_PORT"
        );
        assert_eq!(
            Source::Environment { variable: variable(), dot_env: true }.to_string(),
            "environment PULSARR_PORT (.env)"
        );
        assert_eq!(Source::File { file: "pulsarr.yaml".into(), line: 12 }.to_string(), "pulsarr.yaml:12");
    }

    #[test]
    fn quoted_text_fits_a_line() {
        assert_eq!(quoted("maybe"), "`maybe`");
        assert_eq!(quoted("a\u{1b}[31m\nb"), "`a?[31m?b`");
        assert_eq!(quoted(&"x".repeat(70)), format!("`{}…`", "x".repeat(60)));
    }
}
