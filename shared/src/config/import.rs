//! A settings file that somebody sends to the service, taken apart into what the service keeps. Notes what cannot be kept, with its
//! line; whether the rest makes sense is for the reader to say, together with everything else there is.

use std::collections::{BTreeMap, HashMap};

use saphyr::{MarkedYaml, YamlData};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::export::value_of;
use super::finding::{Problem, quoted};
use super::nearest::nearest;
use super::settings::ROOT_KEYS;
use super::users;
use super::yaml::{Document, key_text, shape};
use crate::model::Section;
use crate::vault::SEALED;

/// As many items a list of a file may have that somebody sends; more are nobody's household.
pub const MOST_ITEMS: usize = 2_000;

/// A settings file taken apart.
#[derive(Debug, Default)]
pub struct Taken {
    /// In the order of the file; no two of one section have the same name.
    pub items: Vec<TakenItem>,
    /// What the service does not keep, as sentences.
    pub passed_over: Vec<String>,
    /// What is wrong, with lines.
    pub problems: Vec<Problem>,
}

/// A part of it.
#[derive(Debug)]
pub struct TakenItem {
    /// Which part.
    pub section: Section,
    /// [`Section::folded`]; empty for what there is only one of.
    pub name: String,
    /// What stands there, without its secret.
    pub body: Value,
    /// What stands there in the place of the secret.
    pub secret: Given,
    /// Where it stands: `rules[0]`.
    pub path: String,
    /// Where it begins, counted from 1.
    pub line: usize,
    lines: BTreeMap<String, usize>,
}

/// What a file gives for a secret.
#[derive(Debug)]
pub enum Given {
    /// No word of it.
    Nothing,
    /// A name for it, or that there is one: `${NAME}`, `{"set": true}`.
    Reference,
    /// The secret itself.
    Secret(SecretString),
}

impl TakenItem {
    /// One rule that somebody wrote by itself: the keys of a rule, as [`super::rule_text`] writes them. Its name may be missing.
    ///
    /// # Errors
    /// What is wrong with it as a text, with lines; what it means is for the reader to say.
    pub fn rule(text: &[u8]) -> Result<Self, Vec<Problem>> {
        let document = parse(text).map_err(|problem| vec![problem])?;
        let root = document.root().filter(|root| matches!(root.data, YamlData::Mapping(_)));
        let Some(root) = root else {
            let found = document.root().map_or("nothing", shape);
            let message = format!("expected the keys of a rule, such as `name: old films`; found {found}");
            return Err(vec![Problem::at(1, "", message)]);
        };
        let mut taken = Taken::default();
        taken.item(&document, Section::Rules, String::new(), String::new(), root.span.start.line(), root);
        match taken.items.pop() {
            Some(item) if taken.problems.is_empty() => Ok(item),
            _ => Err(taken.problems),
        }
    }

    /// The line of what stands at `path` in it (`when.all[0].genre`), or of what is around that.
    #[must_use]
    pub fn line_of(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.line,
            }
        }
    }
}

impl Taken {
    /// Takes a settings file apart: YAML, or JSON in UTF-8.
    #[must_use]
    pub fn apart(bytes: &[u8]) -> Self {
        let mut taken = Self::default();
        match parse(bytes) {
            Ok(document) => taken.root(&document),
            Err(problem) => taken.problems.push(problem),
        }
        taken
    }

    fn root(&mut self, document: &Document) {
        let Some(root) = document.root() else {
            self.problems.push(Problem::at(1, "", "is empty: to forget every setting, send `{}`"));
            return;
        };
        for (key, at, node) in self.keys(document, root, "", ROOT_KEYS) {
            match key {
                "users" => {
                    for (key, at, node) in self.keys(document, node, "users", users::KEYS) {
                        let section = if key == "overrides" { Section::Users } else { Section::UserDefaults };
                        self.section(document, section, at, node);
                    }
                }
                _ => {
                    if let Some(section) = Section::from_word(key) {
                        self.section(document, section, at, node);
                    }
                }
            }
        }
    }

    /// The keys of a group that has none but these, with their lines.
    fn keys<'n>(
        &mut self,
        document: &Document,
        node: &'n MarkedYaml<'static>,
        path: &str,
        known: &[&'static str],
    ) -> Vec<(&'static str, usize, &'n MarkedYaml<'static>)> {
        let YamlData::Mapping(keys) = &node.data else {
            if !node.data.is_null() {
                let message = format!("expected keys ({}), found {}", known.join(", "), shape(node));
                self.problems.push(Problem::at(node.span.start.line(), path, message));
            }
            return Vec::new();
        };
        let mut found: Vec<(&'static str, usize, _)> = Vec::new();
        for (key, value) in keys {
            let line = key.span.start.line();
            let text = document.scalar(key).unwrap_or_default();
            let (text, _) = key_text(&text);
            let mut refuse = |message| self.problems.push(Problem::at(line, join(path, text), message));
            match known.iter().find(|known| **known == text) {
                None => {
                    let advice = nearest(text, known.iter().copied()).map_or_else(
                        || format!("known here are {}", known.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    refuse(format!("unknown key {}: {advice}", quoted(text)));
                }
                Some(key) => match found.iter().find(|(other, ..)| other == key) {
                    Some((_, first, _)) => {
                        refuse(format!("the key stands in line {first} already: keep one of the two"));
                    }
                    None => found.push((*key, line, value)),
                },
            }
        }
        found
    }

    fn section(&mut self, document: &Document, section: Section, line: usize, node: &MarkedYaml<'static>) {
        let path = section.path().join(".");
        if node.data.is_null() {
            return;
        }
        if !section.is_list() {
            let is_group = matches!(node.data, YamlData::Mapping(_));
            let scalar = matches!(section, Section::Default | Section::TimeZone);
            if is_group == scalar {
                let expected = if scalar { "a word" } else { "a group of keys" };
                self.problems.push(Problem::at(line, path, format!("expected {expected}, found {}", shape(node))));
                return;
            }
            self.item(document, section, String::new(), path, line, node);
            return;
        }
        let YamlData::Sequence(items) = &node.data else {
            self.problems.push(Problem::at(line, path, format!("expected a list, found {}", shape(node))));
            return;
        };
        if items.len() > MOST_ITEMS {
            let message = format!("has {} items, and may have {MOST_ITEMS} at most: remove some", items.len());
            self.problems.push(Problem::at(line, path, message));
            return;
        }
        let mut known: HashMap<String, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let (path, line) = (format!("{path}[{index}]"), item.span.start.line());
            let YamlData::Mapping(keys) = &item.data else {
                self.problems.push(Problem::at(line, path, format!("expected keys, found {}", shape(item))));
                continue;
            };
            let key = section.name_key();
            let name = keys.iter().find(|(known, _)| known.data.as_str() == Some(key));
            let name = name.and_then(|(_, name)| document.scalar(name)).unwrap_or_default();
            let folded = section.folded(&name);
            // A test may go without, and then there is nothing to keep it under.
            if folded.is_empty() && section == Section::Tests {
                self.passed_over.push(format!("`{path}` is not kept, because it has no name: give it one"));
                continue;
            }
            if folded.is_empty() {
                self.problems.push(Problem::at(line, join(&path, key), format!("is missing: add `{key}: …`")));
                continue;
            }
            if let Some(first) = known.get(&folded) {
                let message = format!("{} stands in line {first} already: keep one of the two", quoted(&name));
                self.problems.push(Problem::at(line, join(&path, key), message));
                continue;
            }
            known.insert(folded.clone(), line);
            self.item(document, section, folded, path, line, item);
        }
    }

    fn item(
        &mut self,
        document: &Document,
        section: Section,
        name: String,
        path: String,
        line: usize,
        node: &MarkedYaml<'static>,
    ) {
        let mut lines = BTreeMap::new();
        self.walk(document, node, &path, "", &mut lines);
        let mut body = value_of(document, node);
        let written = section.secret_key().and_then(|key| body.as_object_mut()?.remove(key));
        let secret = written.map_or(Ok(Given::Nothing), given).unwrap_or_else(|message| {
            let key = section.secret_key().unwrap_or_default();
            self.problems.push(Problem::at(*lines.get(key).unwrap_or(&line), join(&path, key), message));
            // One mistake is enough for it.
            Given::Secret("not-understood".into())
        });
        self.items.push(TakenItem { section, name, body, secret, path, line, lines });
    }

    /// Notes the line of everything in `node`, and what JSON could not tell of it: repeated keys, and what is no value at all.
    fn walk(
        &mut self,
        document: &Document,
        node: &MarkedYaml<'static>,
        item: &str,
        path: &str,
        lines: &mut BTreeMap<String, usize>,
    ) {
        match &node.data {
            YamlData::Sequence(items) => {
                for (index, inner) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    lines.insert(path.clone(), inner.span.start.line());
                    self.walk(document, inner, item, &path, lines);
                }
            }
            YamlData::Mapping(keys) => {
                for (key, value) in keys {
                    let line = key.span.start.line();
                    let Some(text) = document.scalar(key) else {
                        self.problems.push(Problem::at(line, join(item, path), "a key must be a plain word"));
                        continue;
                    };
                    let (text, _) = key_text(&text);
                    let path = join(path, text);
                    if let Some(first) = lines.get(&path) {
                        let message = format!("the key stands in line {first} already: keep one of the two");
                        self.problems.push(Problem::at(line, join(item, &path), message));
                        continue;
                    }
                    lines.insert(path.clone(), line);
                    self.walk(document, value, item, &path, lines);
                }
            }
            YamlData::Value(_) => {}
            _ => {
                let message = format!("expected a value, found {}", shape(node));
                self.problems.push(Problem::at(node.span.start.line(), join(item, path), message));
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) if key.starts_with('[') => format!("{path}{key}"),
        (path, key) => format!("{path}.{key}"),
    }
}

/// The document, also of JSON that is no YAML: of its escapes there are some that YAML's reader does not know.
fn parse(bytes: &[u8]) -> Result<Document, Problem> {
    Document::parse(bytes).or_else(|problem| match serde_json::from_slice::<Map<String, Value>>(bytes) {
        Ok(keys) => {
            let mut document = Document::parse(b"")?;
            *document.root_mut() = super::stored::node(&Value::Object(keys));
            Ok(document)
        }
        Err(_) => Err(problem),
    })
}

/// What stands in the place of a secret. Nothing is looked up for somebody on the network: no variable and no file.
fn given(written: Value) -> Result<Given, &'static str> {
    let text = match written {
        Value::Null => return Ok(Given::Nothing),
        Value::Object(shown) if shown.get("set").is_some_and(Value::is_boolean) => return Ok(Given::Reference),
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => return Err("expected ${NAME} or the secret itself, found something else"),
    };
    let text = text.trim();
    if text.starts_with("${") && text.ends_with('}') {
        return Ok(Given::Reference);
    }
    if text.starts_with("file:") {
        return Err(
            "files are not read for what is sent here: send the secret itself, or ${NAME} for the one that is kept",
        );
    }
    if text.starts_with(SEALED) {
        return Err("is sealed: send the secret itself, or ${NAME} for the one that is kept");
    }
    if text.is_empty() || text.contains("${") || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("is empty, or has characters that no key has: copy it again");
    }
    Ok(Given::Secret(text.into()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn problems(text: &str) -> Vec<(Option<usize>, String, String)> {
        let taken = Taken::apart(text.as_bytes());
        taken.problems.into_iter().map(|it| (it.line, it.path, it.message)).collect()
    }

    #[test]
    fn a_file_is_taken_apart_in_its_own_words_and_secrets_aside() {
        let text = "plex: {token: '${X}', friends: false}\ninstances:\n- name: movies\n  api_key: hunter2\n\
                    users:\n  defaults: {sync: false}\n  overrides:\n  - {plex: Tomas, alias: t}\n\
                    rules:\n- name: Old\n  when:\n    all:\n    - year: {\"<\": 1960}\ndefault: none\n\
                    tests:\n- {name: New, given: {type: movie}, expect: {route: movies}}\n- {given: {type: movie}, expect: {}}\n";
        let taken = Taken::apart(text.as_bytes());
        assert_eq!(taken.problems, []);
        let told: Vec<_> = taken.items.iter().map(|it| (it.section.word(), it.name.as_str(), it.line)).collect();
        let expected = [
            ("plex", "", 1),
            ("instances", "movies", 3),
            ("users.defaults", "", 6),
            ("users", "tomas", 8),
            ("rules", "old", 10),
            ("default", "", 14),
            ("tests", "new", 16),
        ];
        assert_eq!(told, expected);
        assert!(matches!(taken.items[0].secret, Given::Reference));
        assert_eq!(taken.items[0].body, serde_json::json!({"friends": false}));
        assert!(matches!(&taken.items[1].secret, Given::Secret(secret) if secret.expose_secret() == "hunter2"));
        assert_eq!(taken.items[4].line_of("when.all[0].year"), 13);
        assert_eq!(taken.items[4].line_of("when.all[0].genre"), 13);
        assert_eq!(taken.items[4].line_of("label"), 10);
        assert_eq!(taken.passed_over, ["`tests[1]` is not kept, because it has no name: give it one"]);
    }

    #[test]
    fn every_mistake_has_its_line() {
        let text = "plx: {}\nplex:\n  token: file:/etc/passwd\n  token: x\ninstances: 5\nrules:\n- name: a\n- name: A\n- label: x\n";
        let found = problems(text);
        let places: Vec<_> = found.iter().map(|(line, path, _)| (line.unwrap(), path.as_str())).collect();
        let expected = [
            (1, "plx"),
            (4, "plex.token"),
            (3, "plex.token"),
            (5, "instances"),
            (8, "rules[1].name"),
            (9, "rules[2].name"),
        ];
        assert_eq!(places, expected, "{found:?}");
    }

    #[test]
    fn a_rule_by_itself_has_its_lines_and_is_a_group_of_keys() {
        let rule = TakenItem::rule(b"# mine\nname: a\nwhen:\n  all:\n  - year: 2020\n").unwrap();
        assert_eq!(rule.body, serde_json::json!({"name": "a", "when": {"all": [{"year": 2020}]}}));
        assert_eq!((rule.line_of("when.all[0].year"), rule.line_of("priority")), (5, 2));
        let refused = |text: &str| {
            let problems = TakenItem::rule(text.as_bytes()).unwrap_err();
            (problems[0].line, problems[0].message.clone())
        };
        assert!(refused("- a\n").1.ends_with("found a list"));
        assert!(refused("").1.ends_with("found nothing"));
        assert_eq!(refused("name: a\nname: b\n").0, Some(2));
        assert_eq!(refused("name: [\n").0, Some(2));
    }

    #[test]
    fn a_list_has_at_most_two_thousand_items() {
        let rules = |count: usize| -> String { (0..count).map(|number| format!("- name: r{number}\n")).collect() };
        let taken = Taken::apart(format!("default: none\nrules:\n{}", rules(2_001)).as_bytes());
        assert_eq!(taken.items.len(), 1, "none of them");
        let problem = &taken.problems[0];
        assert_eq!((problem.line, problem.path.as_str(), taken.problems.len()), (Some(2), "rules", 1));
        assert!(problem.message.contains("2001") && problem.message.contains("2000"), "{}", problem.message);
        assert_eq!(Taken::apart(format!("rules:\n{}", rules(2_000)).as_bytes()).items.len(), 2_000);
    }

    #[test]
    fn json_is_taken_as_it_is() {
        let taken = Taken::apart("{\"rules\": [{\"name\": \"\\ud83d\\ude00\"}]}".as_bytes());
        assert_eq!(taken.problems, []);
        assert_eq!(taken.items[0].name, "😀");
        assert_eq!(problems("").len(), 1);
        assert_eq!(problems("{}"), []);
    }
}
