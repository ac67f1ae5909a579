//! The configuration with other rules, or with a described wish: for looking, never for acting.
//!
//! Both are put into the text of the settings file and read with it, so that they are checked as everything there is, against the
//! same instances and users. What is put in comes first: its lines keep their numbers.

use std::path::Path;

use saphyr::YamlData;

use super::finding::{ConfigError, Findings, Problem, quoted};
use super::secret::Secrets;
use super::settings;
use super::variables::Variables;
use super::yaml::{Document, checked_text};
use super::{Config, read_file, unreadable};
use crate::model::Section;
use crate::routing::Described;

/// The sections that another file can replace.
const REPLACEABLE: &[&str] = &["rules", "tests"];

/// How messages name what was given on the command line.
const GIVEN: &str = "--given";

impl Config {
    /// This configuration with the rules and rule tests of `path`, which may hold nothing else or be a whole settings file; what else
    /// it says does not count. `vars` and `base_dir` are those that this configuration was loaded with.
    ///
    /// # Errors
    /// Every problem of the file, with its lines.
    pub fn with_rules(
        &self,
        path: &Path,
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let refuse = |problem| Err(ConfigError { problems: vec![problem], file: Some(path.to_owned()) });
        let bytes = match read_file(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return refuse(Problem::outside("--rules", format!("there is no file {}", quoted(&shown)))),
            Err(error) => return refuse(unreadable("--rules", &quoted(&shown), &error)),
        };
        let rules = match part(&bytes, true) {
            Ok((rules, keys)) if keys.iter().any(|key| key == "rules") => rules,
            Ok(_) => {
                return refuse(Problem::at(1, "", "there is no `rules:` in it: write rules as in the settings file"));
            }
            Err(problem) => return refuse(problem),
        };
        let (settings, warnings) = self.reread(&rules, &shown, vars, base_dir)?;
        Ok(Self { settings, warnings, ..self.clone() })
    }

    /// A wish in the words of rule tests: `{title: Frieren, type: show, genres: [Anime], user: living-room}`. `vars` and `base_dir`
    /// are those that this configuration was loaded with.
    ///
    /// # Errors
    /// Every problem of the description.
    pub fn described(
        &self,
        text: &str,
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<Described, ConfigError> {
        let text = text.trim().replace(['\n', '\r'], " ");
        let text = if text.starts_with('{') { text } else { format!("{{{text}}}") };
        // An expectation belongs to every test; nobody looks at this one.
        let test = format!("tests: [{{given: {text}, expect: {{approval: false}}}}]\n");
        let file = "settings";
        let read = self.reread(&test, file, vars, base_dir).and_then(|(mut settings, _)| match settings.tests.pop() {
            Some(test) => Ok(test.given),
            None => Err(ConfigError { problems: vec![Problem::outside("", "it describes nothing")], file: None }),
        });
        read.map_err(|mut error| {
            for problem in &mut error.problems {
                let path = problem.path.strip_prefix("tests[0].given").unwrap_or(&problem.path);
                let path = path.trim_start_matches('.');
                problem.path = if path.is_empty() { GIVEN.to_owned() } else { format!("{GIVEN}: {path}") };
                problem.line = None;
            }
            error
        })
    }

    /// The settings file, if there is one, with `instead` in the place of its rules or tests. Also its warnings.
    fn reread(
        &self,
        instead: &str,
        shown: &str,
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<(super::Settings, Vec<String>), ConfigError> {
        let refuse = |problem| ConfigError { problems: vec![problem], file: self.settings_file.clone() };
        let mut text = instead.to_owned();
        if let Some(path) = &self.settings_file {
            let name = quoted(&path.display().to_string());
            let bytes = read_file(path).map_err(|error| refuse(unreadable("settings", &name, &error)))?;
            let (rest, _) = part(&bytes.unwrap_or_default(), false).map_err(refuse)?;
            text.push('\n');
            text.push_str(&rest);
        }
        let mut findings = Findings::default();
        let variables = Variables::read(vars, base_dir, &mut findings);
        let secrets = Secrets::new(&variables, base_dir).with_vault(self.stored.as_ref().map(|stored| &stored.vault));
        // Rules and tests are what is replaced, whoever wrote them.
        let stored = self.stored.iter().flat_map(|stored| &stored.declarations);
        let stored: Vec<_> = stored.filter(|it| !matches!(it.section, Section::Rules | Section::Tests)).collect();
        let (settings, read) = settings::read(text.as_bytes(), shown, &secrets, &stored);
        if read.problems.is_empty() {
            return Ok((settings, read.warnings));
        }
        Err(ConfigError { problems: read.problems, file: Some(shown.into()) })
    }
}

/// The lines of a file that belong to the replaceable sections (or to the others), in their places; the rest is blank. Also the keys
/// of all sections.
fn part(bytes: &[u8], replaceable: bool) -> Result<(String, Vec<String>), Problem> {
    let document = Document::parse(bytes)?;
    let text = checked_text(bytes)?;
    let Some(root) = document.root() else { return Ok((String::new(), Vec::new())) };
    let YamlData::Mapping(sections) = &root.data else {
        return Err(Problem::at(root.span.start.line(), "", "keys such as `rules:` are expected here"));
    };
    let mut begins: Vec<(usize, String)> =
        sections.keys().map(|key| (key.span.start.line(), document.scalar(key).unwrap_or_default())).collect();
    begins.sort();
    if let Some(pair) = begins.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let (line, key) = &pair[1];
        return Err(Problem::at(*line, key.clone(), "start a new line here: sections are taken by their lines"));
    }
    let mut kept = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let section = begins.iter().rfind(|(begin, _)| *begin <= number);
        let belongs = section.is_some_and(|(_, key)| REPLACEABLE.contains(&key.as_str()) == replaceable);
        // Marks of documents begin and end what is put together here in the middle.
        if belongs && !matches!(line.trim_end(), "---" | "...") {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    Ok((kept, begins.into_iter().map(|(_, key)| key).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"---\nplex:\n  token: x\nrules:\n- name: a\n  when: {}\n# end\ninstances: []\ntests: []\n";

    #[test]
    fn sections_are_taken_apart_by_their_lines_and_keep_their_numbers() {
        let (rules, keys) = part(FILE, true).unwrap();
        assert_eq!(rules, "\n\n\nrules:\n- name: a\n  when: {}\n# end\n\ntests: []\n");
        assert_eq!(keys, ["plex", "rules", "instances", "tests"]);
        let (rest, _) = part(FILE, false).unwrap();
        assert_eq!(rest, "\nplex:\n  token: x\n\n\n\n\ninstances: []\n\n");
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused_with_its_line() {
        let refused = |text: &str| part(text.as_bytes(), true).unwrap_err();
        assert_eq!(refused("- a\n").message, "keys such as `rules:` are expected here");
        let problem = refused("{rules: [], tests: []}\n");
        assert_eq!((problem.line, problem.path.as_str()), (Some(1), "tests"));
        assert_eq!(part(b"", true).unwrap(), (String::new(), Vec::new()));
    }
}
