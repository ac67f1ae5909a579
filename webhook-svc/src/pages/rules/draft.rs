//! A rule while it is being built: what was typed, as a tree whose parts may still be wrong. Pure.
//!
//! A form holds the tree in the names of its fields: `when.kind` is the outermost group, `when.0.field` a condition in it, `when.1.kind`
//! a group in it, `when.1.0.field` a condition in that.

use std::collections::BTreeMap;

use pulsarr_shared::config::ROUTE_OPTIONS;
use pulsarr_shared::model::InstanceKind;
use pulsarr_shared::routing::{Field, FieldInfo, FieldKind, Operator};

use crate::pages::options::{Input, input};

/// Groups that the builder draws inside of each other. A rule that nests deeper is edited as text.
pub const DEEPEST: usize = 10;
/// Conditions that it draws.
pub const MOST: usize = 100;
/// Destinations that it draws.
pub const MOST_ROUTES: usize = 20;

/// The name of the outermost group.
pub const ROOT: &str = "when";

/// A rule as it stands in the builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub name: String,
    pub enabled: bool,
    /// A number, or empty: the order of the rules decides.
    pub priority: String,
    /// What must hold; without parts: it holds for everything.
    pub when: Group,
    pub routes: Vec<Route>,
    pub require_approval: bool,
    /// Why somebody is asked; may be empty.
    pub reason: String,
    pub auto_approve: bool,
    pub bypass_quota: bool,
    pub exclude: bool,
    pub tag_requester: bool,
    pub label: String,
}

/// Conditions that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub kind: GroupKind,
    pub parts: Vec<Node>,
}

/// How they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// Every one of them holds.
    All,
    /// At least one of them holds.
    Any,
    /// None of them holds.
    Not,
}

/// A part of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Group(Group),
    Row(Row),
}

/// One condition: what is looked at, how, and what was typed behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub field: String,
    pub operator: String,
    /// One for each input: two for `between`, one for each box that is ticked; several values in a line of text are one.
    pub values: Vec<String>,
}

/// A destination with what differs from the instance's own options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    pub to: String,
    /// By the keys of the settings file; what is as the instance has it is left out.
    pub options: BTreeMap<&'static str, String>,
    /// No tags at all, whatever the instance has.
    pub no_tags: bool,
    /// Somebody wants to see its options.
    pub open: bool,
}

impl Route {
    /// Leaves out what an instance of this kind does not have.
    fn fit(&mut self, kind: Option<InstanceKind>) {
        if kind.is_some() {
            self.options.retain(|key, value| match input(key, kind) {
                Some(Input::Choice(choices)) => choices.contains(&value.as_str()),
                other => other.is_some(),
            });
        }
    }
}

impl GroupKind {
    pub const ALL: [Self; 3] = [Self::All, Self::Any, Self::Not];

    /// The settings file's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
            Self::Not => "not",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All of these hold",
            Self::Any => "Any of these holds",
            Self::Not => "None of these holds",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Row {
    /// A condition that nobody has filled in yet.
    fn fresh() -> Self {
        Self { field: "genre".to_owned(), operator: "contains".to_owned(), values: Vec::new() }
    }

    /// What the registry says about its field; `None`: there is no such field.
    pub fn info(&self) -> Option<&'static FieldInfo> {
        Field::parse(&self.field).map(Field::info)
    }

    /// How it is compared, where that fits its field.
    pub fn fitting(&self) -> Option<Operator> {
        Operator::parse(&self.operator).filter(|it| self.info().is_some_and(|info| info.operators().contains(it)))
    }

    /// Makes operator and values fit the field, which was `before` when they were chosen.
    fn fit(&mut self, before: &str) {
        let Some(info) = self.info() else { return };
        if self.fitting().is_none() {
            self.operator = info.operators()[0].word().to_owned();
        }
        if before == self.field || before.is_empty() {
            return;
        }
        // What was chosen from a list of other words says nothing here.
        let chosen = Field::parse(before).is_some_and(|it| is_choice(it.info()));
        let fits = |value: &String| match info.kind {
            FieldKind::Number => value.split(',').all(|part| part.trim().parse::<f64>().is_ok()),
            _ if is_choice(info) => info.choices.contains(&value.as_str()),
            _ => !chosen,
        };
        self.values.retain(fits);
    }
}

/// Whether its values are chosen and not typed.
pub fn is_choice(info: &FieldInfo) -> bool {
    !info.choices.is_empty() || info.kind == FieldKind::Flag
}

impl Group {
    const fn none() -> Self {
        Self { kind: GroupKind::All, parts: Vec::new() }
    }

    /// The group at the path below this one: `0.1`.
    fn at(&mut self, path: &[usize]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match self.parts.get_mut(*first)? {
            Node::Group(group) => group.at(rest),
            Node::Row(_) => None,
        }
    }

    /// How many conditions are in it.
    pub fn rows(&self) -> usize {
        let rows = |part: &Node| match part {
            Node::Group(group) => group.rows(),
            Node::Row(_) => 1,
        };
        self.parts.iter().map(rows).sum()
    }

    /// How many groups stand inside of each other, this one included.
    pub fn depth(&self) -> usize {
        let deep = |part: &Node| match part {
            Node::Group(group) => group.depth(),
            Node::Row(_) => 0,
        };
        1 + self.parts.iter().map(deep).max().unwrap_or(0)
    }
}

/// A part of the tree as its fields came.
#[derive(Default)]
struct Sent<'f> {
    kind: &'f str,
    field: &'f str,
    before: &'f str,
    operator: &'f str,
    values: Vec<String>,
    parts: BTreeMap<u16, Self>,
}

impl Sent<'_> {
    fn group(self) -> Group {
        let kind = GroupKind::from_word(self.kind).unwrap_or(GroupKind::All);
        let node = |part: Self| {
            if !part.kind.is_empty() || part.field.is_empty() {
                return Node::Group(part.group());
            }
            let (field, operator) = (part.field.to_owned(), part.operator.to_owned());
            Node::Row(Row { field, operator, values: part.values })
        };
        Group { kind, parts: self.parts.into_values().map(node).collect() }
    }

    /// The fields as they were when the form was drawn, in the order of the rows.
    fn before(&self, all: &mut Vec<String>) {
        for part in self.parts.values() {
            if !part.kind.is_empty() || part.field.is_empty() {
                part.before(all);
            } else {
                all.push(part.before.to_owned());
            }
        }
    }
}

/// `when.0.1.field` as the numbers and the last word; `None`: it is no part of the tree, or deeper than the builder goes.
fn place(name: &str) -> Option<(Vec<u16>, &str)> {
    let rest = name.strip_prefix(ROOT)?.strip_prefix('.')?;
    let (path, leaf) = rest.rsplit_once('.').unwrap_or(("", rest));
    let mut numbers = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        if numbers.len() > DEEPEST {
            return None;
        }
        numbers.push(part.parse().ok()?);
    }
    Some((numbers, leaf))
}

impl Draft {
    /// A rule that does nothing yet.
    pub const fn fresh() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            priority: String::new(),
            when: Group::none(),
            routes: Vec::new(),
            require_approval: false,
            reason: String::new(),
            auto_approve: false,
            bypass_quota: false,
            exclude: false,
            tag_requester: false,
            label: String::new(),
        }
    }

    /// The rule in a form.
    ///
    /// # Errors
    /// A sentence when it is larger than the builder goes.
    pub fn of_form(fields: &[(String, String)]) -> Result<Self, String> {
        Self::and_before(fields).map(|(draft, _)| draft)
    }

    /// The same, and for each condition the field that its operator and values were chosen for.
    fn and_before(fields: &[(String, String)]) -> Result<(Self, Vec<String>), String> {
        let value = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        let ticked = |name: &str| fields.iter().any(|(known, _)| known == name);
        let mut root = Sent::default();
        let mut routes: BTreeMap<u16, Route> = BTreeMap::new();
        for (name, value) in fields {
            if let Some(rest) = name.strip_prefix("route.") {
                let Some((number, key)) = rest.split_once('.') else { continue };
                let Ok(number) = number.parse() else { continue };
                let route = routes.entry(number).or_default();
                let known = ROUTE_OPTIONS.iter().find(|known| **known == key);
                match (key, known) {
                    ("to", _) => value.clone_into(&mut route.to),
                    ("no_tags", _) => route.no_tags = true,
                    ("open", _) => route.open = true,
                    (_, Some(known)) if !value.trim().is_empty() => {
                        route.options.insert(known, value.trim().to_owned());
                    }
                    _ => {}
                }
                continue;
            }
            if !name.starts_with("when.") {
                continue;
            }
            let Some((path, leaf)) = place(name) else { return Err(too_large()) };
            let mut sent = &mut root;
            for number in path {
                sent = sent.parts.entry(number).or_default();
            }
            match leaf {
                "kind" => sent.kind = value,
                "field" => sent.field = value,
                "was" => sent.before = value,
                "op" => sent.operator = value,
                "value" => sent.values.push(value.clone()),
                _ => {}
            }
        }
        let mut before = Vec::new();
        root.before(&mut before);
        let draft = Self {
            name: value("name").trim().to_owned(),
            enabled: ticked("enabled"),
            priority: value("priority").trim().to_owned(),
            when: root.group(),
            routes: routes.into_values().collect(),
            require_approval: ticked("require_approval"),
            reason: value("reason").trim().to_owned(),
            auto_approve: ticked("auto_approve"),
            bypass_quota: ticked("bypass_quota"),
            exclude: ticked("exclude"),
            tag_requester: ticked("tag_requester"),
            label: value("label").trim().to_owned(),
        };
        if draft.is_too_large() { Err(too_large()) } else { Ok((draft, before)) }
    }

    /// Whether it is larger than the builder goes.
    pub fn is_too_large(&self) -> bool {
        self.when.rows() > MOST || self.when.depth() > DEEPEST || self.routes.len() > MOST_ROUTES
    }

    /// The rule in a form, with operators and options that fit what was chosen beside them.
    ///
    /// # Errors
    /// As [`Self::of_form`].
    pub fn of_form_fitted(
        fields: &[(String, String)],
        kind_of: impl Fn(&str) -> Option<InstanceKind>,
    ) -> Result<Self, String> {
        let (mut draft, before) = Self::and_before(fields)?;
        let mut before = before.into_iter();
        fit(&mut draft.when, &mut before);
        for route in &mut draft.routes {
            route.fit(kind_of(&route.to));
        }
        Ok(draft)
    }

    /// Does what a button asks for: `add when.0`, `group when`, `remove when.0.1`, `route`, `options 0`, `unroute 2`. Answers the field where one
    /// goes on, if there is one.
    ///
    /// # Errors
    /// A sentence that says why not; then it is as it was.
    pub fn apply(&mut self, action: &str, instances: &[String]) -> Result<Option<String>, String> {
        let (what, at) = action.split_once(' ').unwrap_or((action, ""));
        let gone = || "What was meant is not there any more".to_owned();
        match what {
            "add" | "group" => {
                if self.when.rows() >= MOST {
                    return Err(format!(
                        "The builder takes {MOST} conditions: let one name several values with “is one of”, split the rule, or edit it as text"
                    ));
                }
                let path = path_of(at).ok_or_else(gone)?;
                let nested = what == "group";
                if nested && path.len() + 2 > DEEPEST {
                    return Err(format!(
                        "Groups nest at most {DEEPEST} deep in the builder: split the rule, or edit it as text"
                    ));
                }
                let group = self.when.at(&path).ok_or_else(gone)?;
                let (number, row) = (group.parts.len(), Node::Row(Row::fresh()));
                if !nested {
                    group.parts.push(row);
                    return Ok(Some(format!("{at}.{number}.field")));
                }
                let kind = if group.kind == GroupKind::Any { GroupKind::All } else { GroupKind::Any };
                group.parts.push(Node::Group(Group { kind, parts: vec![row] }));
                Ok(Some(format!("{at}.{number}.kind")))
            }
            "remove" => {
                let path = path_of(at).ok_or_else(gone)?;
                let (last, around) = path.split_last().ok_or_else(gone)?;
                let group = self.when.at(around).filter(|group| *last < group.parts.len()).ok_or_else(gone)?;
                group.parts.remove(*last);
                Ok(None)
            }
            "route" => {
                if self.routes.len() >= MOST_ROUTES {
                    return Err(format!("The builder takes {MOST_ROUTES} destinations: edit the rule as text"));
                }
                let taken = |name: &&String| self.routes.iter().any(|route| route.to == **name);
                let to = instances.iter().find(|name| !taken(name)).or_else(|| instances.first());
                self.routes.push(Route { to: to.cloned().unwrap_or_default(), ..Route::default() });
                Ok(Some(format!("route.{}.to", self.routes.len() - 1)))
            }
            "options" => {
                let number: usize = at.parse().map_err(|_| gone())?;
                self.routes.get_mut(number).ok_or_else(gone)?.open = true;
                Ok(Some(format!("route.{number}.quality_profile")))
            }
            "unroute" => {
                let number: usize = at.parse().map_err(|_| gone())?;
                if number >= self.routes.len() {
                    return Err(gone());
                }
                self.routes.remove(number);
                Ok(None)
            }
            // Drawn anew, with what fits.
            _ => Ok(None),
        }
    }
}

fn fit(group: &mut Group, before: &mut impl Iterator<Item = String>) {
    for part in &mut group.parts {
        match part {
            Node::Group(group) => fit(group, before),
            Node::Row(row) => row.fit(&before.next().unwrap_or_default()),
        }
    }
}

/// `when.0.1` as numbers.
fn path_of(at: &str) -> Option<Vec<usize>> {
    let rest = at.strip_prefix(ROOT)?;
    let mut parts = rest.split('.');
    if parts.next() != Some("") {
        return None;
    }
    parts.map(|part| part.parse().ok()).collect()
}

/// What is said of a rule that the builder does not draw.
pub fn too_large() -> String {
    format!(
        "This rule is larger than the builder goes ({MOST} conditions, groups {DEEPEST} deep, {MOST_ROUTES} destinations): edit it as text, or split it into several rules"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_tree_is_in_the_names_and_numbers_only_say_the_order() {
        let draft = Draft::of_form(&form(&[
            ("name", " kids "),
            ("when.kind", "any"),
            ("when.7.kind", "not"),
            ("when.7.3.field", "year"),
            ("when.7.3.op", "between"),
            ("when.7.3.value", "1990"),
            ("when.7.3.value", "1999"),
            ("when.2.field", "genre"),
            ("when.2.op", "contains"),
            ("when.2.value", "Family"),
            ("route.4.to", "movies"),
            ("route.4.quality_profile", " HD "),
            ("route.4.colour", "red"),
        ]))
        .unwrap();
        assert_eq!((draft.name.as_str(), draft.enabled, draft.when.kind), ("kids", false, GroupKind::Any));
        let row = |field: &str, operator: &str, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Node::Row(Row { field: field.to_owned(), operator: operator.to_owned(), values })
        };
        let inner = Group { kind: GroupKind::Not, parts: vec![row("year", "between", &["1990", "1999"])] };
        assert_eq!(draft.when.parts, [row("genre", "contains", &["Family"]), Node::Group(inner)]);
        assert_eq!(draft.routes[0].options, BTreeMap::from([("quality_profile", "HD".to_owned())]));
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_refused_with_the_numbers() {
        let deep = format!("when.{}field", "0.".repeat(DEEPEST + 1));
        assert!(Draft::of_form(&form(&[(&deep, "year")])).unwrap_err().contains("10 deep"));
        let far = format!("when.{}field", "0.".repeat(10_000));
        assert!(Draft::of_form(&form(&[(&far, "year")])).is_err());
        let many: Vec<_> = (0..=MOST).map(|number| (format!("when.{number}.field"), "year".to_owned())).collect();
        assert!(Draft::of_form(&many).is_err());
        let mut draft = Draft::of_form(&many[1..]).unwrap();
        assert!(draft.apply("add when", &[]).unwrap_err().contains("100 conditions"));
        let mut draft = Draft::fresh();
        let mut at = ROOT.to_owned();
        for _ in 1..DEEPEST {
            draft.apply(&format!("group {at}"), &[]).unwrap();
            at.push_str(if at == ROOT { ".0" } else { ".1" });
        }
        let before = draft.clone();
        assert!(draft.apply(&format!("group {at}"), &[]).unwrap_err().contains("at most 10 deep"));
        assert_eq!((&draft, draft.when.depth()), (&before, DEEPEST));
    }

    #[test]
    fn buttons_change_what_they_name_and_nothing_else() {
        let mut draft = Draft::fresh();
        assert_eq!(draft.apply("add when", &[]).unwrap().as_deref(), Some("when.0.field"));
        assert_eq!(draft.apply("group when", &[]).unwrap().as_deref(), Some("when.1.kind"));
        draft.apply("add when.1", &[]).unwrap();
        assert_eq!((draft.when.rows(), draft.when.depth()), (3, 2));
        draft.apply("remove when.1.0", &[]).unwrap();
        draft.apply("remove when.0", &[]).unwrap();
        assert_eq!((draft.when.rows(), draft.when.depth()), (1, 2));
        let names = ["movies".to_owned(), "uhd".to_owned()];
        draft.apply("route", &names).unwrap();
        draft.apply("route", &names).unwrap();
        draft.apply("unroute 0", &names).unwrap();
        assert_eq!(draft.routes.iter().map(|route| route.to.as_str()).collect::<Vec<_>>(), ["uhd"]);
        let before = draft.clone();
        for nonsense in [
            "remove when",
            "remove when.9",
            "add whenever",
            "add when.0.0.0",
            "group elsewhere",
            "unroute 7",
            "unroute x",
            "options 1",
        ] {
            assert!(draft.apply(nonsense, &names).is_err(), "{nonsense}");
            assert_eq!(draft, before, "{nonsense}");
        }
    }

    #[test]
    fn another_field_keeps_what_still_fits() {
        let fitted = |before: &str, field: &str, operator: &str, value: &str| {
            let sent = form(&[
                ("when.0.was", before),
                ("when.0.field", field),
                ("when.0.op", operator),
                ("when.0.value", value),
            ]);
            let draft = Draft::of_form_fitted(&sent, |_| None).unwrap();
            let Node::Row(row) = draft.when.parts[0].clone() else { panic!("a row") };
            (row.operator, row.values)
        };
        let kept = |operator: &str, value: &str| (operator.to_owned(), vec![value.to_owned()]);
        let lost = |operator: &str| (operator.to_owned(), Vec::new());
        assert_eq!(fitted("genre", "studio", "not_contains", "Ghibli"), kept("not_contains", "Ghibli"));
        assert_eq!(fitted("genre", "year", "contains", "Anime"), lost("equals"));
        assert_eq!(fitted("type", "genre", "equals", "movie"), lost("equals"));
        assert_eq!(fitted("year", "runtime", "<", "90"), kept("<", "90"));
        assert_eq!(fitted("genre", "genre", "contains", "movie"), kept("contains", "movie"));
    }
}
