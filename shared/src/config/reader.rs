//! Walks a settings file and takes values out of it by type. Everything that is wrong is noted and reading goes on, so
//! that one look at the file shows all of it. Every value taken, defaults included, is listed with its source.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use saphyr::{MarkedYaml, YamlData};
use secrecy::{ExposeSecret as _, SecretString};

use super::finding::{Findings, PLACE, Problem, Source, quoted, secret_shown};
use super::nearest::nearest;
use super::secret::Secrets;
use super::yaml::{Document, key_text, shape};

/// A value in the file, wherever it stands.
#[derive(Clone)]
pub(super) struct Field<'n> {
    /// `instances[0].tags`
    pub path: String,
    /// Where its key stands, or the item in a list; counted from 1.
    pub line: usize,
    node: &'n MarkedYaml<'static>,
}

impl Field<'_> {
    /// Nothing stands behind the colon.
    pub fn is_empty(&self) -> bool {
        self.node.data.is_null()
    }

    /// Keys stand there.
    pub fn is_group(&self) -> bool {
        matches!(self.node.data, YamlData::Mapping(_))
    }

    /// A list stands there.
    pub fn is_list(&self) -> bool {
        matches!(self.node.data, YamlData::Sequence(_))
    }

    /// True or false, when one of them stands there without quotes.
    pub fn as_flag(&self) -> Option<bool> {
        self.node.data.as_bool()
    }

    /// The same value under another path.
    pub fn called(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// What stands there, for a sentence; never its content.
    pub fn shape(&self) -> &'static str {
        shape(self.node)
    }
}

/// A mapping whose keys have been checked.
pub(super) struct Fields<'n> {
    /// `instances[0]`; empty for the whole file.
    pub path: String,
    /// Where it begins.
    pub line: usize,
    keys: &'static [&'static str],
    found: BTreeMap<&'static str, Field<'n>>,
}

impl<'n> Fields<'n> {
    /// No keys at all: every value is its default.
    pub fn none(path: &str, keys: &'static [&'static str]) -> Self {
        Self { path: path.to_owned(), line: 1, keys, found: BTreeMap::new() }
    }

    /// The field, unless it is absent or has no value.
    pub fn get(&self, key: &'static str) -> Option<&Field<'n>> {
        self.even_empty(key).filter(|field| !field.node.data.is_null())
    }

    /// The field, even when nothing stands behind its colon.
    pub fn even_empty(&self, key: &'static str) -> Option<&Field<'n>> {
        assert!(self.keys.contains(&key), "`{key}` is missing in the list of keys");
        self.found.get(key)
    }

    /// `instances[0].tags`, whether the file has it or not.
    pub fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `line 12`, or where else something stands.
pub(super) fn place(line: usize) -> String {
    if line == 0 { format!("the {PLACE}") } else { format!("line {line}") }
}

/// Takes values, notes findings.
pub(super) struct Reader<'a> {
    document: &'a Document,
    /// The file as people see it in messages.
    file: &'a str,
    secrets: &'a Secrets<'a>,
    pub findings: Findings,
}

impl<'a> Reader<'a> {
    pub fn new(document: &'a Document, file: &'a str, secrets: &'a Secrets<'a>) -> Self {
        Self { document, file, secrets, findings: Findings::default() }
    }

    pub fn problem(&mut self, field: &Field<'_>, message: impl Into<String>) {
        self.findings.problem(Problem::at(field.line, field.path.clone(), message));
    }

    /// Notes what works and should be looked at.
    pub fn warn(&mut self, line: usize, sentence: impl Display) {
        let place = if line == 0 { PLACE.to_owned() } else { format!("{}:{line}", self.file) };
        self.findings.warnings.push(format!("{place}: {sentence}"));
    }

    /// Lists a value that the file gave.
    pub fn list_value(&mut self, field: &Field<'_>, shown: impl Into<String>) {
        let source = match field.line {
            0 => Source::Stored,
            line => Source::File { file: self.file.to_owned(), line },
        };
        self.findings.value(field.path.clone(), shown, source);
    }

    /// Lists a value that the file left out.
    pub fn list_default(&mut self, fields: &Fields<'_>, key: &str, shown: impl Into<String>) {
        self.findings.value(fields.path_of(key), shown, Source::Default);
    }

    /// The outermost mapping.
    pub fn root(&mut self, keys: &'static [&'static str]) -> Fields<'a> {
        let Some(node) = self.document.root() else { return Fields::none("", keys) };
        let field = Field { path: String::new(), line: node.span.start.line(), node };
        self.fields(&field, keys)
    }

    /// The mapping behind `key`; without one, every value in it is its default.
    pub fn group(&mut self, fields: &Fields<'a>, key: &'static str, keys: &'static [&'static str]) -> Fields<'a> {
        match fields.get(key) {
            Some(field) => self.fields(field, keys),
            None => Fields::none(&fields.path_of(key), keys),
        }
    }

    /// `field` as a mapping with these keys. Unknown and repeated keys are problems.
    pub fn fields(&mut self, field: &Field<'a>, keys: &'static [&'static str]) -> Fields<'a> {
        let mut fields = Fields::none(&field.path, keys);
        fields.line = field.line;
        let YamlData::Mapping(mapping) = &field.node.data else {
            // What was found is not repeated: a token on the wrong line would end up in a message.
            let found = shape(field.node);
            self.problem(field, format!("expected keys ({}), found {found}", keys.join(", ")));
            return fields;
        };
        for (key, node) in mapping {
            let line = key.span.start.line();
            let Some(text) = self.document.scalar(key) else {
                self.problem(&Field { path: field.path.clone(), line, node }, "a key must be a plain word");
                continue;
            };
            let (name, repeated) = key_text(&text);
            let inner = Field { path: fields.path_of(name), line, node };
            match keys.iter().find(|known| **known == name) {
                None => {
                    let known = nearest(name, keys.iter().copied()).map_or_else(
                        || format!("known here are {}", keys.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.problem(&inner, format!("unknown key {}: {known}", quoted(name)));
                }
                Some(known) => match fields.found.get(known) {
                    Some(first) if repeated => {
                        let message = format!("the key stands in line {} already: keep one of the two", first.line);
                        self.problem(&inner, message);
                    }
                    _ => {
                        fields.found.insert(known, inner);
                    }
                },
            }
        }
        fields
    }

    /// The items behind `key`, none when it is absent.
    pub fn items(&mut self, fields: &Fields<'a>, key: &'static str) -> Vec<Field<'a>> {
        let Some(field) = fields.get(key).cloned() else { return Vec::new() };
        self.list(&field)
    }

    /// The items of a list; anything else is a problem.
    pub fn list(&mut self, field: &Field<'a>) -> Vec<Field<'a>> {
        let YamlData::Sequence(items) = &field.node.data else {
            self.problem(field, format!("expected a list, found {}: start each item with `- `", shape(field.node)));
            return Vec::new();
        };
        let item = |(index, node): (usize, &'a MarkedYaml<'static>)| Field {
            path: format!("{}[{index}]", field.path),
            line: node.span.start.line(),
            node,
        };
        items.iter().enumerate().map(item).collect()
    }

    /// Every key of a mapping that may have any. Repeated ones are problems; what is no mapping, too: `expected` says what it
    /// should have been.
    pub fn entries(&mut self, field: &Field<'a>, expected: &str) -> Option<Vec<(String, Field<'a>)>> {
        let YamlData::Mapping(mapping) = &field.node.data else {
            self.problem(field, format!("expected {expected}, found {}", shape(field.node)));
            return None;
        };
        let mut entries: Vec<(String, Field<'a>)> = Vec::new();
        for (key, node) in mapping {
            let line = key.span.start.line();
            let Some(text) = self.document.scalar(key) else {
                self.problem(&Field { path: field.path.clone(), line, node }, "a key must be a plain word");
                continue;
            };
            let (name, repeated) = key_text(&text);
            let inner = Field { path: join(&field.path, name), line, node };
            match entries.iter().find(|(other, _)| other == name) {
                Some((_, first)) if repeated => {
                    let message = format!("the key stands in line {} already: keep one of the two", first.line);
                    self.problem(&inner, message);
                }
                _ => entries.push((name.to_owned(), inner)),
            }
        }
        Some(entries)
    }

    /// A word, a number or a flag as it was written; `None` for anything else. Notes nothing.
    pub fn scalar(&self, field: &Field<'_>) -> Option<String> {
        self.document.scalar(field.node)
    }

    /// The text of a field: a word, a number as it was written. Nothing else is text.
    pub fn text(&mut self, field: &Field<'_>) -> Option<String> {
        let text = self.document.scalar(field.node);
        if text.is_none() {
            self.problem(field, format!("expected text, found {}", shape(field.node)));
        }
        text
    }

    /// The text behind `key` when it is there and not empty. `absent` says in the list what happens without it.
    pub fn optional_text(&mut self, fields: &Fields<'_>, key: &'static str, absent: &str) -> Option<String> {
        if fields.get(key).is_none() {
            self.list_default(fields, key, absent);
        }
        self.written_text(fields, key)
    }

    /// The same; left out, it is not listed.
    pub fn written_text(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<String> {
        let field = fields.get(key)?;
        let text = self.text(field)?.trim().to_owned();
        if text.is_empty() {
            self.problem(field, "is empty: write a value or remove the line");
            return None;
        }
        self.list_value(field, &*text);
        Some(text)
    }

    /// The text behind `key`, which must be there. The caller lists it.
    pub fn required_text<'f, 'n>(
        &mut self,
        fields: &'f Fields<'n>,
        key: &'static str,
    ) -> Option<(&'f Field<'n>, String)> {
        let Some(field) = fields.get(key) else {
            self.missing(fields, key);
            return None;
        };
        let text = self.text(field)?.trim().to_owned();
        if text.is_empty() {
            self.problem(field, "is empty: write a value");
            return None;
        }
        Some((field, text))
    }

    /// Notes that `key` must be there, at its own line if it is, otherwise where its mapping begins.
    pub fn missing(&mut self, fields: &Fields<'_>, key: &'static str) {
        let line = fields.even_empty(key).map_or(fields.line, |field| field.line);
        self.findings.problem(Problem::at(line, fields.path_of(key), format!("is missing: add `{key}: …`")));
    }

    /// True or false behind `key`.
    pub fn flag(&mut self, fields: &Fields<'_>, key: &'static str, default: bool) -> bool {
        if fields.get(key).is_none() {
            self.list_default(fields, key, default.to_string());
        }
        self.written_flag(fields, key).unwrap_or(default)
    }

    /// The same; left out, it is not listed.
    pub fn written_flag(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<bool> {
        let field = fields.get(key)?;
        if let Some(value) = field.as_flag() {
            self.list_value(field, value.to_string());
            return Some(value);
        }
        let found = self.document.scalar(field.node).map_or_else(|| shape(field.node).to_owned(), |text| quoted(&text));
        self.problem(field, format!("expected true or false, found {found}"));
        None
    }

    /// A whole number behind `key`, in this range; left out, it is not listed.
    pub fn written_number<N>(&mut self, fields: &Fields<'_>, key: &'static str, range: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + Display,
    {
        let field = fields.get(key)?;
        let number = self.number(field, &range)?;
        self.list_value(field, number.to_string());
        Some(number)
    }

    /// A whole number in this range. The caller lists it.
    pub fn number<N>(&mut self, field: &Field<'_>, range: &RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + Display,
    {
        let found = self.document.scalar(field.node);
        let number = found.as_deref().and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
        if number.is_none() {
            let found = found.map_or_else(|| shape(field.node).to_owned(), |text| quoted(&text));
            let (least, most) = (range.start(), range.end());
            self.problem(field, format!("expected a whole number from {least} to {most}, found {found}"));
        }
        number
    }

    /// One of the words of `choices` behind `key`; left out, it is not listed.
    pub fn written_choice<W: Copy + Display>(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        choices: &[W],
    ) -> Option<W> {
        fields.get(key).and_then(|field| self.chosen(field, choices))
    }

    /// One of the words of `choices` behind `key`.
    pub fn choice<W: Copy + Display>(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        choices: &[W],
        default: W,
    ) -> W {
        let Some(field) = fields.get(key) else {
            self.list_default(fields, key, default.to_string());
            return default;
        };
        self.chosen(field, choices).unwrap_or(default)
    }

    /// One of the words of `choices`.
    pub fn chosen<W: Copy + Display>(&mut self, field: &Field<'_>, choices: &[W]) -> Option<W> {
        let found = self.document.scalar(field.node);
        let chosen = choices.iter().copied().find(|choice| found.as_deref() == Some(&*choice.to_string()));
        match chosen {
            Some(choice) => self.list_value(field, choice.to_string()),
            None => {
                let known: Vec<_> = choices.iter().map(ToString::to_string).collect();
                let found = found.map_or_else(|| shape(field.node).to_owned(), |text| quoted(&text));
                self.problem(field, format!("expected one of {}; found {found}", known.join(", ")));
            }
        }
        chosen
    }

    /// The secret a field refers to. Its text is never repeated.
    pub fn secret(&mut self, field: &Field<'_>) -> Option<SecretString> {
        let text = self.document.scalar(field.node).or_else(|| field.node.data.is_null().then(String::new));
        let Some(text) = text else {
            self.problem(field, format!("expected ${{NAME}} or file:/path, found {}", shape(field.node)));
            return None;
        };
        match self.secrets.resolve(&text) {
            Ok(resolved) => {
                if resolved.in_clear {
                    self.findings.warnings.push(format!(
                        "{}:{}: {} stands in the file in clear, for everybody who can read it: write ${{NAME}}, the name \
                         of a variable that holds it, or file:/path",
                        self.file, field.line, field.path
                    ));
                }
                self.list_value(field, secret_shown(resolved.secret.expose_secret()));
                Some(resolved.secret)
            }
            Err(message) => {
                self.problem(field, message);
                None
            }
        }
    }
}
