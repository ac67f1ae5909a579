//! The settings as one file: what the settings file says and what people set up in the service, merged as they are read, in a text that
//! the reader takes again. Of secrets it holds the names of variables and nothing else.

use std::path::Path;

use saphyr::{MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

use super::finding::{ConfigError, Problem};
use super::secret::Secrets;
use super::variables::Variables;
use super::yaml::{Document, MARK, key_text};
use super::{Config, find_settings, routes, rules, settings, stored};
use crate::model::{Declaration, Section};

/// Where files have secrets, besides the instances.
const GROUPS_WITH_SECRETS: [(Section, &str); 2] =
    [(Section::Plex, "PULSARR_PLEX_TOKEN"), (Section::Tmdb, "PULSARR_TMDB_API_KEY")];

/// Words that YAML readers of the older kind take for something else than text.
const QUOTED_WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off"];

/// What looks like the beginning of a list may stand in one line so often; the reader takes more for too deep a nesting.
const OPENERS_LIMIT: usize = 10;

/// The settings as one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The file, with a comment on top that names the variables, and what is kept and cannot be read.
    pub text: String,
    /// The variables that hold the secrets, in the order of the file: `PULSARR_PLEX_TOKEN`, `PULSARR_MOVIES_API_KEY`.
    pub variables: Vec<String>,
}

impl Config {
    /// Everything that holds, whoever said it, as one settings file. The file is read anew; `base_dir` is the one that this
    /// configuration was loaded with. Defaults that nobody wrote are left out.
    ///
    /// # Errors
    /// What is wrong with the file, when it was changed since.
    pub fn export(&self, base_dir: &Path) -> Result<Export, ConfigError> {
        let mut document = self.document(base_dir)?;
        let declarations = self.stored.iter().flat_map(|stored| &stored.declarations);
        stored::merge(&mut document, declarations);
        let mut variables = Vec::new();
        each_secret(document.root_mut(), &mut |node, usual| {
            let taken = |name: &String| variables.contains(name);
            let mut numbered = (2..).map(|number| format!("{usual}_{number}"));
            let name =
                Some(usual.to_owned()).filter(|name| !taken(name)).or_else(|| numbered.find(|name| !taken(name)));
            let name = name.unwrap_or_default();
            node.data = YamlData::Value(Scalar::String(format!("${{{name}}}").into()));
            variables.push(name);
        });
        let mut text = String::from("# pulsarr.yaml: all settings as they were when this was written.\n");
        if !variables.is_empty() {
            text.push_str(
                "# Secrets are not in it. It needs these variables, or files whose paths are in <name>_FILE:\n",
            );
            text.extend(variables.iter().map(|name| format!("#   {name}\n")));
        }
        if !self.broken.is_empty() {
            text.push_str("# What was set up in the service and cannot be read is not in it. An import there leaves it as it is:\n");
            text.extend(self.broken.iter().map(|it| {
                let Declaration { section, name, .. } = &it.declaration;
                let name = if name.is_empty() { String::new() } else { format!(" {}", quoted(name)) };
                format!("#   {}{name}\n", section.word())
            }));
        }
        text.push('\n');
        match document.root() {
            Some(root) if !root.data.is_null() => write_node(&document, root, 0, &mut text),
            _ => text.push_str("{}\n"),
        }
        // Whatever else happens, what is handed out is a settings file, and what would be no key of one holds no secret.
        let none = Variables::default();
        let (_, read) = settings::read(text.as_bytes(), "", &Secrets::taken_for_set(&none, base_dir), &[]);
        if read.problems.is_empty() {
            return Ok(Export { text, variables });
        }
        Err(ConfigError { problems: read.problems, file: self.settings_file.clone() })
    }

    /// What the settings file alone says, in its own words, with its lists and groups; secrets are `{"set": true}`. An empty object
    /// without a file. `base_dir` is the one that this configuration was loaded with.
    ///
    /// # Errors
    /// What is wrong with the file, when it was changed since.
    pub fn declared_by_file(&self, base_dir: &Path) -> Result<Value, ConfigError> {
        let mut document = self.document(base_dir)?;
        let hidden = || Map::from_iter([("set".to_owned(), Value::Bool(true))]);
        each_secret(document.root_mut(), &mut |node, _| {
            node.data = stored::node(&Value::Object(hidden())).data;
        });
        let value = document.root().map(|root| value_of(&document, root));
        Ok(value.filter(Value::is_object).unwrap_or_else(|| Value::Object(Map::new())))
    }

    /// The settings file as it is now; an empty document without one.
    fn document(&self, base_dir: &Path) -> Result<Document, ConfigError> {
        let refuse = |problem: Problem| ConfigError { problems: vec![problem], file: self.settings_file.clone() };
        let file = find_settings(&self.environment, base_dir).map_err(refuse)?;
        Document::parse(&file.map(|(_, bytes)| bytes).unwrap_or_default()).map_err(refuse)
    }
}

/// One rule as a settings file would have it, by itself: `name: old films` and what follows, in the order in which people write the keys.
/// The reader takes it again, and so does [`super::TakenItem::rule`].
#[must_use]
pub fn rule_text(body: &Value) -> String {
    let Ok(document) = Document::parse(b"") else { return String::new() };
    let mut rule = stored::node(body);
    in_order(&mut rule, rules::KEYS);
    if let Some(route) = under(&mut rule, "route") {
        match &mut route.data {
            YamlData::Sequence(items) => items.iter_mut().for_each(|item| in_order(item, routes::KEYS)),
            _ => in_order(route, routes::KEYS),
        }
    }
    let mut text = String::new();
    write_node(&document, &rule, 0, &mut text);
    text
}

/// Puts the keys of a group into this order; others come behind them.
fn in_order(node: &mut MarkedYaml<'static>, order: &[&str]) {
    let YamlData::Mapping(keys) = &mut node.data else { return };
    let mut pairs: Vec<_> = std::mem::take(keys).into_iter().collect();
    let place = |key: &MarkedYaml<'_>| order.iter().position(|known| key.data.as_str() == Some(known));
    pairs.sort_by_key(|(key, _)| place(key).unwrap_or(order.len()));
    keys.extend(pairs);
}

/// Hands every secret's node to `act`, with the variable that usually holds it.
fn each_secret(root: &mut MarkedYaml<'static>, act: &mut impl FnMut(&mut MarkedYaml<'static>, &str)) {
    for (section, variable) in GROUPS_WITH_SECRETS {
        let group = section.path().first().and_then(|key| under(root, key));
        if let Some(node) = group.and_then(|group| under(group, section.secret_key()?)) {
            act(node, variable);
        }
    }
    let Some(YamlData::Sequence(instances)) = under(root, "instances").map(|it| &mut it.data) else { return };
    for instance in instances {
        let name = under(instance, "name").and_then(|node| stored::text_of(node)).unwrap_or_default();
        let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let variable = format!("PULSARR_{}_API_KEY", name.chars().map(word).collect::<String>());
        if let Some(node) = under(instance, "api_key") {
            act(node, &variable);
        }
    }
}

/// What stands behind `key`, unless that is nothing.
fn under<'n>(node: &'n mut MarkedYaml<'static>, key: &str) -> Option<&'n mut MarkedYaml<'static>> {
    let YamlData::Mapping(keys) = &mut node.data else { return None };
    let found = keys.iter_mut().find(|(known, _)| known.data.as_str() == Some(key));
    found.map(|(_, value)| value).filter(|value| !value.data.is_null())
}

/// A node as JSON: numbers that are spelled otherwise than JSON does are text, as every reader of scalars looks at their text.
pub(super) fn value_of(document: &Document, node: &MarkedYaml<'static>) -> Value {
    match &node.data {
        YamlData::Value(Scalar::Boolean(flag)) => Value::Bool(*flag),
        YamlData::Value(Scalar::Integer(number)) => match document.scalar(node) {
            Some(written) if written != number.to_string() => Value::String(written),
            _ => Value::from(*number),
        },
        YamlData::Sequence(items) => items.iter().map(|item| value_of(document, item)).collect(),
        YamlData::Mapping(keys) => {
            let mut pairs = Map::new();
            for (key, value) in keys {
                // Of a repeated key, which is a mistake wherever it is looked for, the first counts.
                let key = document.scalar(key).unwrap_or_default();
                pairs.entry(key_text(&key).0).or_insert_with(|| value_of(document, value));
            }
            Value::Object(pairs)
        }
        _ => document.scalar(node).map_or(Value::Null, Value::String),
    }
}

/// Writes what stands in lines of its own, `indent` columns to the right.
fn write_node(document: &Document, node: &MarkedYaml<'static>, indent: usize, out: &mut String) {
    match &node.data {
        YamlData::Mapping(keys) if !keys.is_empty() => {
            for (number, (key, value)) in keys.iter().enumerate() {
                // The first key of an item stands behind its dash.
                if number > 0 || !out.ends_with("- ") {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                let key = document.scalar(key).unwrap_or_default();
                out.push_str(&text(key_text(&key).0));
                out.push(':');
                write_value(document, value, indent, out);
            }
        }
        YamlData::Sequence(items) if !items.is_empty() => {
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent));
                match &item.data {
                    YamlData::Mapping(keys) if !keys.is_empty() => {
                        out.push_str("- ");
                        write_node(document, item, indent + 2, out);
                    }
                    _ => {
                        out.push('-');
                        write_value(document, item, indent + 2, out);
                    }
                }
            }
        }
        _ => {
            out.push_str(&inline(document, node));
            out.push('\n');
        }
    }
}

/// Writes what stands behind a colon or a dash.
fn write_value(document: &Document, node: &MarkedYaml<'static>, indent: usize, out: &mut String) {
    let (nested, deeper) = match &node.data {
        YamlData::Mapping(keys) => (!keys.is_empty(), indent + 2),
        // Dashes need no indentation, and deep conditions have little left of what there is.
        YamlData::Sequence(items) => (!items.is_empty(), indent),
        _ => (false, indent),
    };
    out.push(if nested { '\n' } else { ' ' });
    write_node(document, node, deeper, out);
}

/// What fits behind a colon: a scalar, `[]`, `{}`.
fn inline(document: &Document, node: &MarkedYaml<'static>) -> String {
    match &node.data {
        YamlData::Sequence(_) => "[]".to_owned(),
        YamlData::Mapping(_) => "{}".to_owned(),
        YamlData::Value(Scalar::String(value)) => text(value),
        // As it was spelled: `0042` may be somebody's profile.
        _ => document.scalar(node).unwrap_or_else(|| "null".to_owned()),
    }
}

/// Text as it stands in a file, in quotes when it would be taken for something else without.
fn text(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let starts = value.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '/'));
    let words = value.split(' ').all(|word| {
        let rest = word.replace("://", "");
        let (name, port) = rest.split_once(':').unwrap_or((&rest, "0"));
        !word.is_empty()
            && name.chars().all(plain)
            && port.starts_with(|c: char| c.is_ascii_digit())
            && port.chars().all(plain)
    });
    let meant = matches!(Scalar::parse_from_cow(value.into()), Scalar::String(_))
        && !QUOTED_WORDS.contains(&value.to_lowercase().as_str());
    if starts && words && meant && value.matches("- ").count() <= OPENERS_LIMIT {
        return value.to_owned();
    }
    quoted(value)
}

/// In double quotes, on one line.
fn quoted(value: &str) -> String {
    let escape_dashes = value.matches(['-', '?']).count() > OPENERS_LIMIT;
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '-' | '?' if escape_dashes => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            // Line ends of their own kind, the byte order mark, which is none of the text, and what no file may have as it is.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | MARK) => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_would_be_taken_for_something_else() {
        let check = |value: &str, expected: &str| assert_eq!(text(value), expected);
        check("HD-1080p", "HD-1080p");
        check("http://radarr.media:7878/base", "http://radarr.media:7878/base");
        check("living room", "living room");
        for value in ["true", "7", "0x1F", "1.5", "null", "~", "No", "", " a", "a ", "- a", "a: b", "a #b", "${X}", "<"]
        {
            check(value, &format!("\"{value}\""));
        }
        check("a\n\"b\"\u{85}\\", "\"a\\n\\\"b\\\"\\u0085\\\\\"");
    }

    #[test]
    fn a_rule_is_written_as_people_write_it_and_comes_back_as_it_was() {
        let body = serde_json::json!({
            "label": "x", "route": [{"quality_profile": "HD: 1", "to": "uhd", "seasons": [1, 2]}], "name": "# odd\n\u{202e}",
            "when": {"any": [{"year": {"<": 1960}}, {"not": {"genre": {"in": ["R", "0042"]}}}]}, "priority": 7,
        });
        let text = rule_text(&body);
        let keys: Vec<&str> = text.lines().filter(|line| !line.starts_with([' ', '-'])).collect();
        assert_eq!(keys[1..], ["priority: 7", "when:", "route:", "label: x"], "{text}");
        assert!(text.contains("- to: uhd\n  quality_profile: \"HD: 1\"\n"), "{text}");
        let again = super::super::TakenItem::rule(text.as_bytes()).unwrap();
        assert_eq!(again.body, body, "{text}");
    }

    #[test]
    fn every_text_comes_back_as_it_was() {
        let many = "- ? -\t".repeat(40);
        for value in
            ["", "é ü", "a: b", "'", "\"", "\\", "a\r\n\tb", "\u{2028}\u{feff}\u{85}", "😀", "*a", "&a", &*many]
        {
            let document = Document::parse(format!("a:\n- b: {}\n", text(value)).as_bytes());
            let document = document.map_err(|problem| problem.message).unwrap();
            let read = value_of(&document, document.root().unwrap());
            assert_eq!(read["a"][0]["b"], value, "{}", text(value));
        }
    }
}
