//! A draft in the words of the settings file, and back; and where a problem with the one stands in the other.

use pulsarr_shared::config::ROUTE_OPTIONS;
use pulsarr_shared::model::InstanceKind;
use pulsarr_shared::routing::{Field, FieldKind, Operator};
use serde_json::{Map, Value, json};

use super::draft::{Draft, Group, GroupKind, Node, ROOT, Route, Row, too_large};
use crate::pages::lists;
use crate::pages::options::{self, typed, typed_line};
use crate::request::{ApiError, FieldProblem};

/// Which field of the form stands for a place in the rule: `when.all[0].genre` is `when.0`.
#[derive(Debug, Default)]
pub struct Places(Vec<(String, String)>);

impl Places {
    fn note(&mut self, path: impl Into<String>, field: impl Into<String>) {
        self.0.push((path.into(), field.into()));
    }

    /// The field for the place, or for what is around it; `None`: the form has none.
    fn field(&self, path: &str) -> Option<&str> {
        let is_around = |known: &str| {
            let rest = path.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let around = self.0.iter().filter(|(known, _)| is_around(known));
        around.max_by_key(|(known, _)| known.len()).map(|(_, field)| field.as_str())
    }
}

/// What is wrong with a form.
#[derive(Debug, Default)]
pub struct Marks {
    at: Vec<(String, String)>,
    /// What belongs to no field of it, as sentences.
    pub whole: Vec<String>,
}

impl Marks {
    /// What `error` says about the form.
    pub fn of(error: &ApiError, places: &Places) -> Self {
        let mut marks = Self::default();
        for FieldProblem { path, message } in error.problems() {
            match places.field(path) {
                Some(field) => marks.at.push((field.to_owned(), message.clone())),
                None if path.is_empty() => marks.whole.push(format!("The rule {message}")),
                None => marks.whole.push(format!("{path}: {message}")),
            }
        }
        if error.problems().is_empty() {
            marks.whole.push(error.message().to_owned());
        }
        marks
    }

    /// What is wrong with the whole of it.
    pub fn of_sentences(whole: Vec<String>) -> Self {
        Self { at: Vec::new(), whole }
    }

    /// What is wrong with the field; empty when nothing is.
    pub fn error(&self, field: &str) -> String {
        let found = self.at.iter().filter(|(known, _)| known == field).map(|(_, message)| message.as_str());
        found.collect::<Vec<_>>().join("; ")
    }

    /// Whether fields are marked.
    pub const fn has_fields(&self) -> bool {
        !self.at.is_empty()
    }

    /// Everything, as sentences.
    pub fn sentences(&self) -> Vec<String> {
        self.whole.iter().cloned().chain(self.at.iter().map(|(_, message)| message.clone())).collect()
    }
}

impl Draft {
    /// The rule in the words of the settings file, and where its parts stand in the form. Options that the instance does not have are
    /// left out.
    pub fn body(&self, kind_of: impl Fn(&str) -> Option<InstanceKind>) -> (Value, Places) {
        let mut places = Places::default();
        let mut body = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            body.extend(value.map(|value| (key.to_owned(), value)));
        };
        let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
        let ticked = |on: bool| on.then_some(Value::Bool(true));
        put("name", Some(self.name.as_str().into()));
        put("enabled", (!self.enabled).then_some(Value::Bool(false)));
        put("priority", (!self.priority.is_empty()).then(|| options::scalar(&self.priority)));
        put("when", self.condition(&mut places));
        let routes = self.routes.iter().enumerate().map(|(number, route)| {
            let at = format!("route.{number}");
            let kind = kind_of(&route.to);
            places.note(format!("route[{number}]"), format!("{at}.to"));
            let mut words = Map::from_iter([("to".to_owned(), Value::from(route.to.as_str()))]);
            for (key, value) in &route.options {
                if kind.is_none() || options::input(key, kind).is_some() {
                    places.note(format!("route[{number}].{key}"), format!("{at}.{key}"));
                    words.insert((*key).to_owned(), options::written(key, value));
                }
            }
            if route.no_tags && !route.options.contains_key("tags") {
                words.insert("tags".to_owned(), json!([]));
            }
            Value::Object(words)
        });
        let routes: Vec<Value> = routes.collect();
        put("route", (!routes.is_empty()).then_some(Value::Array(routes)));
        let reason = if self.reason.is_empty() { Value::Bool(true) } else { self.reason.as_str().into() };
        put("require_approval", self.require_approval.then_some(reason));
        put("auto_approve", ticked(self.auto_approve));
        put("bypass_quota", ticked(self.bypass_quota));
        put("exclude", ticked(self.exclude));
        put("tag_requester", ticked(self.tag_requester));
        put("label", text(&self.label));
        for key in [
            "name",
            "enabled",
            "priority",
            "route",
            "require_approval",
            "auto_approve",
            "bypass_quota",
            "exclude",
            "tag_requester",
            "label",
        ] {
            places.note(key, key);
        }
        (Value::Object(body), places)
    }

    fn condition(&self, places: &mut Places) -> Option<Value> {
        places.note("when", ROOT);
        let Group { kind, parts } = &self.when;
        match (parts.as_slice(), kind) {
            ([], _) => None,
            // One condition needs no group around it.
            ([only], GroupKind::All | GroupKind::Any) => Some(node(only, &format!("{ROOT}.0"), "when", places)),
            _ => Some(group(&self.when, ROOT, "when", places)),
        }
    }

    /// A rule that is in the words of the settings file.
    ///
    /// # Errors
    /// A sentence when the builder cannot show it.
    pub fn of_words(words: &Value) -> Result<Self, String> {
        let Value::Object(keys) = words else { return Err(cannot("the rule is no group of keys")) };
        let mut draft = Self::fresh();
        for (key, value) in keys {
            let text = || typed(value).ok_or_else(|| cannot(&format!("`{key}` is no text")));
            let flag = || value.as_bool().ok_or_else(|| cannot(&format!("`{key}` is neither true nor false")));
            if value.is_null() && key != "when" {
                continue;
            }
            match key.as_str() {
                "name" => draft.name = text()?,
                "enabled" => draft.enabled = flag()?,
                "priority" => draft.priority = text()?,
                "when" => draft.when = root_of(value)?,
                "route" => draft.routes = routes_of(value)?,
                "require_approval" => {
                    draft.require_approval = *value != false;
                    draft.reason = if value.is_boolean() { String::new() } else { text()? };
                }
                "auto_approve" => draft.auto_approve = flag()?,
                "bypass_quota" => draft.bypass_quota = flag()?,
                "exclude" => draft.exclude = flag()?,
                "tag_requester" => draft.tag_requester = flag()?,
                "label" => draft.label = text()?,
                other => return Err(cannot(&format!("there is no key `{other}`"))),
            }
        }
        if draft.is_too_large() { Err(too_large()) } else { Ok(draft) }
    }
}

fn node(node: &Node, at: &str, path: &str, places: &mut Places) -> Value {
    match node {
        Node::Group(inner) => group(inner, at, path, places),
        Node::Row(row) => {
            places.note(path, at);
            places.note(format!("{path}.{}", row.field), at);
            json!({(row.field.as_str()): {(row.operator.as_str()): value_of(row)}})
        }
    }
}

fn group(Group { kind, parts }: &Group, at: &str, path: &str, places: &mut Places) -> Value {
    places.note(path, at);
    if let ([only], GroupKind::Not) = (parts.as_slice(), kind) {
        return json!({"not": node(only, &format!("{at}.0"), &format!("{path}.not"), places)});
    }
    let (word, path) = match kind {
        GroupKind::Not => ("any", format!("{path}.not")),
        kind => (kind.word(), path.to_owned()),
    };
    let part = |(number, part): (usize, &Node)| {
        node(part, &format!("{at}.{number}"), &format!("{path}.{word}[{number}]"), places)
    };
    let parts: Value = parts.iter().enumerate().map(part).collect();
    if *kind == GroupKind::Not { json!({"not": {"any": parts}}) } else { json!({word: parts}) }
}

/// How many values stand behind an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    One,
    Two,
    Many,
}

impl Row {
    /// How many values its operator takes.
    pub fn several(&self) -> Several {
        let texts = self.info().is_some_and(|info| info.kind == FieldKind::Texts);
        match Operator::parse(&self.operator) {
            Some(Operator::Between) => Several::Two,
            Some(Operator::In | Operator::NotIn) => Several::Many,
            Some(Operator::Equals | Operator::Not) if texts => Several::Many,
            _ => Several::One,
        }
    }

    /// Whether true or false stands behind its operator.
    pub fn is_flag(&self) -> bool {
        let flag = self.info().is_some_and(|info| info.kind == FieldKind::Flag);
        flag || Operator::parse(&self.operator) == Some(Operator::Exists)
    }
}

fn value_of(row: &Row) -> Value {
    let first = row.values.first().map(|value| value.trim()).unwrap_or_default();
    if row.is_flag() {
        return options::flag(first);
    }
    let number = row.info().is_some_and(|info| info.kind == FieldKind::Number);
    let scalar = |text: &str| if number { options::scalar(text) } else { Value::from(text) };
    match row.several() {
        Several::One => scalar(first),
        Several::Two => (0..2).map(|place| scalar(row.values.get(place).map_or("", |value| value.trim()))).collect(),
        Several::Many => row.values.iter().flat_map(|value| lists::split(value)).map(|value| scalar(&value)).collect(),
    }
}

fn cannot(why: &str) -> String {
    format!("The builder cannot show this rule ({why}): edit it as text")
}

fn root_of(value: &Value) -> Result<Group, String> {
    Ok(match level(value, 0)? {
        Node::Group(group) => group,
        row @ Node::Row(_) => Group { kind: GroupKind::All, parts: vec![row] },
    })
}

/// The keys of one level: all of them must hold.
fn level(value: &Value, depth: usize) -> Result<Node, String> {
    let Value::Object(keys) = value else { return Err(cannot("a condition is no group of keys")) };
    // Twice, as a group of the builder may be two of the file.
    if depth > 2 * super::draft::DEEPEST {
        return Err(too_large());
    }
    let mut parts = Vec::new();
    for (key, value) in keys {
        match key.as_str() {
            "all" | "any" => {
                let Value::Array(items) = value else { return Err(cannot(&format!("`{key}` is no list"))) };
                let items = items.iter().map(|item| level(item, depth + 1)).collect::<Result<_, _>>()?;
                let kind = if key == "all" { GroupKind::All } else { GroupKind::Any };
                parts.push(Node::Group(Group { kind, parts: items }));
            }
            "not" => {
                let inner = match level(value, depth + 1)? {
                    Node::Group(Group { kind: GroupKind::Any, parts }) => parts,
                    other => vec![other],
                };
                parts.push(Node::Group(Group { kind: GroupKind::Not, parts: inner }));
            }
            field => parts.extend(rows(field, value)?),
        }
    }
    match parts.len() {
        0 => Err(cannot("a condition is empty")),
        1 => Ok(parts.remove(0)),
        _ => Ok(Node::Group(Group { kind: GroupKind::All, parts })),
    }
}

/// A field with what stands behind it: a value, a list of values, or operators.
fn rows(word: &str, value: &Value) -> Result<Vec<Node>, String> {
    let Some(field) = Field::parse(word) else { return Err(cannot(&format!("there is no field `{word}`"))) };
    let row = |operator: Operator, value: &Value| {
        let row = Row { field: field.word().to_owned(), operator: operator.word().to_owned(), values: Vec::new() };
        let values = match value {
            // One line of text, unless each has an input of its own.
            Value::Array(_) if row.several() == Several::Many && field.info().choices.is_empty() => {
                typed_line(value).map(|line| vec![line])
            }
            Value::Array(items) => items.iter().map(typed).collect(),
            one => typed(one).map(|text| {
                let line = row.several() == Several::Many && field.info().choices.is_empty();
                vec![if line { lists::join([text.as_str()]) } else { text }]
            }),
        };
        let values = values.ok_or_else(|| cannot(&format!("a value of `{word}` is none")))?;
        Ok(Node::Row(Row { values, ..row }))
    };
    match value {
        Value::Object(operators) if !operators.is_empty() => {
            let of = |(word, value): (&String, &Value)| {
                let operator = Operator::parse(word);
                row(operator.ok_or_else(|| cannot(&format!("there is no operator `{word}`")))?, value)
            };
            operators.iter().map(of).collect()
        }
        Value::Array(_) => Ok(vec![row(Operator::In, value)?]),
        _ if field.info().kind == FieldKind::Texts => Ok(vec![row(Operator::Contains, value)?]),
        _ => Ok(vec![row(Operator::Equals, value)?]),
    }
}

fn routes_of(value: &Value) -> Result<Vec<Route>, String> {
    let one = |value: &Value| {
        let Value::Object(keys) = value else {
            let to = typed(value).ok_or_else(|| cannot("a destination is no name"))?;
            return Ok(Route { to, ..Route::default() });
        };
        let mut route = Route::default();
        for (key, value) in keys {
            let text = typed_line(value).ok_or_else(|| cannot(&format!("`{key}` of a destination is no value")))?;
            let known = ROUTE_OPTIONS.iter().find(|known| *known == key);
            match (key.as_str(), known) {
                ("to", _) => route.to = text,
                ("tags", _) if text.is_empty() => route.no_tags = true,
                (_, Some(known)) => {
                    route.options.insert(known, text);
                }
                _ => return Err(cannot(&format!("a destination has no `{key}`"))),
            }
        }
        Ok(route)
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(words: Value) -> Value {
        Draft::of_words(&words).unwrap().body(|_| None).0
    }

    #[test]
    fn what_the_builder_writes_it_reads_as_it_was() {
        let rule = json!({
            "name": "a", "enabled": false, "priority": -5, "require_approval": true, "bypass_quota": true, "label": "for {user}",
            "when": {"all": [
                {"type": {"equals": "show"}},
                {"any": [{"genre": {"in": ["Anime", "a, b"]}}, {"year": {"between": [1990, 1999.5]}}]},
                {"not": {"anime": {"equals": true}}},
                {"not": {"any": [{"user": {"equals": "ana"}}, {"imdb_rating": {"exists": false}}]}},
                {"series_status": {"in": ["ended", "continuing"]}},
            ]},
            "route": [
                {"to": "anime", "series_type": "anime", "tags": [], "seasons": [1, 2], "search_on_add": false},
                {"to": "shows", "tags": ["x", "y"]},
            ],
        });
        assert_eq!(again(rule.clone()), rule);
        let one = json!({"name": "a", "when": {"year": {"<": 1960}}, "exclude": true});
        assert_eq!(again(one.clone()), one);
        let none = json!({"name": "a", "when": {"not": {"year": {"<": 1960}}}, "exclude": true});
        assert_eq!(again(none.clone()), none);
    }

    #[test]
    fn shorthands_are_written_in_full() {
        let short = json!({"name": 7, "when": {"genres": "anime", "year": {">": 1, "<=": 2}, "country": ["Japan"]}, "route": "uhd"});
        let full = json!({
            "name": "7",
            "when": {"all": [
                {"country": {"in": ["Japan"]}}, {"genre": {"contains": "anime"}}, {"year": {"<=": 2}}, {"year": {">": 1}},
            ]},
            "route": [{"to": "uhd"}],
        });
        assert_eq!(again(short), full);
    }

    #[test]
    fn what_the_builder_cannot_show_is_left_to_the_text() {
        for odd in [
            json!([]),
            json!({"colour": 1}),
            json!({"when": {"yeer": 1}}),
            json!({"when": {"year": {"near": 1}}}),
            json!({"when": {"all": {}}}),
            json!({"when": null}),
            json!({"route": [{"to": "a", "colour": 1}]}),
            json!({"auto_approve": "yes"}),
        ] {
            assert!(Draft::of_words(&odd).unwrap_err().contains("edit it as text"), "{odd}");
        }
        let mut deep = json!({"year": 1});
        for _ in 0..30 {
            deep = json!({"any": [deep]});
        }
        assert!(Draft::of_words(&json!({"when": deep})).unwrap_err().contains("larger than the builder"));
    }

    #[test]
    fn problems_find_their_fields() {
        let words = json!({
            "name": "a",
            "when": {"all": [{"year": {"<": 1}}, {"not": {"any": [{"genre": {"contains": "x"}}, {"year": {"<": 1}}]}}]},
            "route": [{"to": "a", "tags": ["x"]}],
        });
        let (_, places) = Draft::of_words(&words).unwrap().body(|_| None);
        for (path, field) in [
            ("when.all[0].year", Some("when.0")),
            ("when.all[1].not.any[0].genre", Some("when.1.0")),
            ("when.all[1].not.any[1].year", Some("when.1.1")),
            ("when.all[1].not", Some("when.1")),
            ("when", Some("when")),
            ("route[0].tags[0]", Some("route.0.tags")),
            ("route[0].to", Some("route.0.to")),
            ("route[0].series_type", Some("route.0.to")),
            ("priority", Some("priority")),
            ("", None),
            ("rules `b`: priority", None),
        ] {
            assert_eq!(places.field(path), field, "{path}");
        }
    }
}
