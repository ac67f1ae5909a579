//! What people set up through the service, read with the settings file as if it stood there: behind the file's own items, and in
//! each group for the keys that the file leaves out. Where both say something, the file counts.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use saphyr::{MarkedYaml, Scalar, YamlData};
use serde_json::Value;

use super::finding::{ConfigError, PLACE, Problem, StoredAt, quoted};
use super::yaml::Document;
use super::{Config, Loading};
use crate::model::{Declaration, Section};
use crate::vault::Vault;

/// What is kept in the store, with the means to open its secrets.
#[derive(Debug, Clone)]
pub struct Stored {
    /// In the order of [`crate::store::Db::declarations`].
    pub declarations: Vec<Declaration>,
    /// Opens their secrets.
    pub vault: Vault,
}

/// What is kept in the store and cannot be read beside the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// As it is kept.
    pub declaration: Declaration,
    /// At least one; never a secret.
    pub problems: Vec<Problem>,
}

impl Broken {
    /// What it is and what to do: `instances movies, which was made in the service, cannot be read: …`. Without a full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Declaration { section, name, .. } = &self.declaration;
        let called = format!("{} {name}", section.word());
        let why: Vec<String> = self.problems.iter().map(|it| format!("{}: {}", it.path, it.message)).collect();
        format!("{}, as it was set up in the service, cannot be read: {}", called.trim_end(), why.join("; "))
    }
}

/// Which items of the merged lists are stored ones.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(String, Section, String)>);

impl Places {
    /// Gives a problem that is no line's of the file its place in what is stored.
    pub fn settle(&self, problem: &mut Problem) {
        if problem.line != Some(0) {
            return;
        }
        problem.line = None;
        let found = self.0.iter().find_map(|(path, section, name)| {
            let rest = problem.path.strip_prefix(path.as_str())?;
            let ends = rest.is_empty() || rest.starts_with(['.', '[']);
            ends.then(|| StoredAt { section: *section, name: name.clone(), path: rest.trim_start_matches('.').into() })
        });
        problem.stored = found;
    }
}

impl Config {
    /// This configuration with what is kept in the store. Everything is read anew: `vars` and `base_dir` are those that this
    /// configuration was loaded with. Without anything stored it is the same as before.
    ///
    /// # Errors
    /// Every problem of both at once. Nothing is half applied.
    pub fn with_stored(
        &self,
        stored: &[Declaration],
        vault: &Vault,
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<Self, ConfigError> {
        if stored.is_empty() && self.stored.is_none() {
            return Ok(self.clone());
        }
        let stored = Stored { declarations: stored.to_vec(), vault: vault.clone() };
        let read = Self::load_with(vars, base_dir, &Loading { lenient: false, stored: Some(&stored) })?;
        let stored = Some(stored).filter(|stored| !stored.declarations.is_empty());
        let environment = self.environment.clone().with_settings_of(&read.environment);
        Ok(Self { environment, stored, ..read })
    }

    /// The same without the items that cannot be read, which are told in [`Config::broken`]: one of them keeps nobody from mending it.
    /// An item that only makes sense with another goes with it.
    ///
    /// # Errors
    /// What is wrong with the settings file itself, or with the process's variables.
    pub fn with_readable(
        &self,
        stored: &[Declaration],
        vault: &Vault,
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<Self, ConfigError> {
        let vars: Vec<(String, String)> = vars.into_iter().collect();
        let mut kept = stored.to_vec();
        let mut broken: Vec<Broken> = Vec::new();
        let mut first = None;
        loop {
            let read = if kept.is_empty() && first.is_some() {
                // The file may have changed since it was read, and then it is what is wrong.
                let file = Self::load(vars.iter().cloned(), base_dir);
                file.map(|file| {
                    let environment = self.environment.clone().with_settings_of(&file.environment);
                    Self { environment, ..file }
                })
            } else {
                self.with_stored(&kept, vault, vars.iter().cloned(), base_dir)
            };
            let error = match read {
                Ok(config) => return Ok(Self { broken, ..config }),
                Err(error) => error,
            };
            if kept.is_empty() {
                return Err(first.unwrap_or(error));
            }
            let is_of = |problem: &Problem, it: &Declaration| {
                problem.stored.as_ref().is_some_and(|at| at.section == it.section && at.name == it.name)
            };
            let nobody_s = !kept.iter().any(|it| error.problems.iter().any(|problem| is_of(problem, it)));
            for it in std::mem::take(&mut kept) {
                let of_it = |problem: &&Problem| nobody_s || is_of(problem, &it);
                let problems: Vec<Problem> = error.problems.iter().filter(of_it).cloned().collect();
                if problems.is_empty() {
                    kept.push(it);
                } else {
                    broken.push(Broken { declaration: it, problems });
                }
            }
            first.get_or_insert(error);
        }
    }
}

/// Puts `stored` into `document`. Also what of it is passed over, as sentences.
pub(super) fn merge<'s>(
    document: &mut Document,
    stored: impl Iterator<Item = &'s Declaration>,
) -> (Places, Vec<String>, Vec<Problem>) {
    let (mut places, mut warnings, mut problems) = (Places::default(), Vec::new(), Vec::new());
    // What the items of each list are called. A household may have hundreds, and each stored one is looked for among all of them.
    let mut names: BTreeMap<Section, HashSet<String>> = BTreeMap::new();
    for declaration in stored {
        let Declaration { section, name, body, .. } = declaration;
        let at = section.path().join(".");
        if let Err(message) = harmless(body) {
            let at_all = StoredAt { section: *section, name: name.clone(), path: String::new() };
            problems.push(Problem { stored: Some(at_all), ..Problem::outside(at, message) });
            continue;
        }
        let new = node(body);
        let Some(place) = hole(document, section.path(), section.is_list()) else { continue };
        match &mut place.data {
            YamlData::Sequence(items) if section.is_list() => {
                let called = |item: &MarkedYaml<'_>| {
                    let (_, value) = item.data.as_mapping()?.iter().find(|(key, _)| is(key, section.name_key()))?;
                    text_of(value).map(|text| section.folded(&text))
                };
                let names = names.entry(*section).or_insert_with(|| items.iter().filter_map(called).collect());
                if names.contains(name) {
                    warnings.push(format!(
                        "{PLACE}: {at} {} is in the settings file too, and the file counts: remove one of the two",
                        quoted(name)
                    ));
                    continue;
                }
                places.0.push((format!("{at}[{}]", items.len()), *section, name.clone()));
                names.extend(called(&new));
                items.push(new);
            }
            YamlData::Mapping(keys) => {
                let YamlData::Mapping(more) = new.data else {
                    let message = "expected a group of keys";
                    let whole = StoredAt { section: *section, name: name.clone(), path: String::new() };
                    problems.push(Problem { stored: Some(whole), ..Problem::outside(at, message) });
                    continue;
                };
                for (key, value) in more {
                    let known = keys.iter().find(|(known, _)| text_of(known) == text_of(&key));
                    // A key of the file with nothing behind it says nothing.
                    let empty = known.filter(|(_, value)| value.data.is_null()).map(|(known, _)| known.clone());
                    if let Some(empty) = empty {
                        keys.remove(&empty);
                    } else if known.is_some() {
                        let key = text_of(&key).unwrap_or_default();
                        warnings
                            .push(format!("{PLACE}: `{at}.{key}` is in the settings file too, and the file counts"));
                        continue;
                    }
                    keys.insert(key, value);
                }
                places.0.push((at, *section, String::new()));
            }
            // Nothing stands there yet.
            YamlData::Value(Scalar::Null) => {
                *place = new;
                places.0.push((at, *section, String::new()));
            }
            _ => warnings.push(format!("{PLACE}: `{at}` is in the settings file too, and the file counts")),
        }
    }
    (places, warnings, problems)
}

/// The node at `path`, made where there is none. `None`: something else stands in the way, which reading refuses.
fn hole<'d>(document: &'d mut Document, path: &[&str], list: bool) -> Option<&'d mut MarkedYaml<'static>> {
    let mut place = document.root_mut();
    for key in path {
        if place.data.is_null() {
            place.data = YamlData::Mapping(std::iter::empty().collect());
        }
        let YamlData::Mapping(keys) = &mut place.data else { return None };
        let known = keys.keys().find(|known| is(known, key)).cloned();
        let key = known.unwrap_or_else(|| text((*key).to_owned()));
        place = keys.entry(key).or_insert_with(|| YamlData::Value(Scalar::Null).into());
    }
    if list && place.data.is_null() {
        place.data = YamlData::Sequence(Vec::new());
    }
    Some(place)
}

fn is(key: &MarkedYaml<'_>, name: &str) -> bool {
    key.data.as_str() == Some(name)
}

pub(super) fn text_of(node: &MarkedYaml<'_>) -> Option<String> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Some(text.clone().into_owned()),
        YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn text(text: String) -> MarkedYaml<'static> {
    YamlData::Value(Scalar::String(text.into())).into()
}

/// A node without a line: that is how it is known to stand in no file.
pub(super) fn node(value: &Value) -> MarkedYaml<'static> {
    let data = match value {
        Value::Null => YamlData::Value(Scalar::Null),
        Value::Bool(flag) => YamlData::Value(Scalar::Boolean(*flag)),
        Value::Number(number) => YamlData::Value(match number.as_i64() {
            Some(whole) => Scalar::Integer(whole),
            None => Scalar::FloatingPoint(number.as_f64().unwrap_or(f64::MAX).into()),
        }),
        Value::String(text) => YamlData::Value(Scalar::String(text.clone().into())),
        Value::Array(items) => YamlData::Sequence(items.iter().map(node).collect()),
        Value::Object(keys) => {
            YamlData::Mapping(keys.iter().map(|(key, value)| (text(key.clone()), node(value))).collect())
        }
    };
    data.into()
}

/// What the checks of a file's text keep from it.
fn harmless(value: &Value) -> Result<(), &'static str> {
    let forbidden = |text: &str| {
        text.chars().any(|c| c == super::yaml::MARK || (c.is_control() && !matches!(c, '\n' | '\r' | '\t')))
    };
    match value {
        Value::String(text) if forbidden(text) => Err("contains a control character: remove it"),
        Value::Array(items) => items.iter().try_for_each(harmless),
        Value::Object(keys) if keys.keys().any(|key| forbidden(key)) => Err("contains a control character: remove it"),
        Value::Object(keys) => keys.values().try_for_each(harmless),
        _ => Ok(()),
    }
}
