//! The `rules` of the settings file. What a rule means is for [`crate::routing`]; here is what it can say, and which rules do not
//! go together.

use std::cmp::Reverse;

use crate::model::{InstanceKind, MediaType};
use crate::routing::{
    self, Available, Comparison, Condition, Field as Known, Operator, Rule, Written, conflicts, why_never,
};

use super::conditions;
use super::finding::quoted;
use super::instances::Named;
use super::reader::{Field, Fields, Reader, place};
use super::routes::{self, Route};

pub(super) const KEYS: &[&str] = &[
    "name",
    "enabled",
    "priority",
    "when",
    "route",
    "require_approval",
    "auto_approve",
    "bypass_quota",
    "exclude",
    "tag_requester",
    "label",
];

/// Everything a rule can do.
const ACTIONS: &[&str] =
    &["route", "require_approval", "auto_approve", "bypass_quota", "exclude", "tag_requester", "label"];

/// Rules that a settings file may have.
const MOST: usize = 500;

/// Either side of zero.
const HIGHEST_PRIORITY: i32 = 1_000_000;

/// Characters of a rule's name, and of the sentences in it.
const LONGEST_NAME: usize = 100;
const LONGEST_TEXT: usize = 300;

/// A rule with the places that problems between rules refer to.
struct Read<'n> {
    rule: Rule,
    /// Where the rule begins.
    at: Field<'n>,
    /// Where its priority is written; `None`: its position decides.
    priority_at: Option<Field<'n>>,
    /// Whether the condition could be read.
    known: bool,
}

/// Every rule, the highest priority first; of equals the one that stands first.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    root: &Fields<'a>,
    named: &[Named<'a>],
    available: Available,
) -> Vec<Rule> {
    let items = reader.items(root, "rules");
    if let Some(field) = root.get("rules")
        && items.len() > MOST
    {
        let message =
            format!("has {} rules; {MOST} are allowed: let one rule name several values with `in`", items.len());
        reader.problem(field, message);
        return Vec::new();
    }
    let mut names: Vec<(String, String)> = Vec::new();
    let mut rules: Vec<Read<'a>> = Vec::new();
    for item in &items {
        let fields = reader.fields(item, KEYS);
        let name = read_name(reader, &fields, &mut names);
        rules.extend(read_one(reader, item, &fields, name, named, available));
    }
    refuse_conflicts(reader, &rules);
    let off = rules.iter().filter(|read| !read.rule.enabled).count();
    let shown = match (items.len(), off) {
        (0, _) => "(none)".to_owned(),
        (all, 0) => all.to_string(),
        (all, off) => format!("{all}, {off} of them switched off"),
    };
    match root.get("rules") {
        Some(field) => reader.list_value(field, shown),
        None => reader.list_default(root, "rules", shown),
    }
    let mut rules: Vec<Rule> = rules.into_iter().map(|read| read.rule).collect();
    rules.sort_by_key(|rule| Reverse(rule.priority));
    rules
}

fn read_name(reader: &mut Reader<'_>, fields: &Fields<'_>, names: &mut Vec<(String, String)>) -> Option<String> {
    let (field, name) = reader.required_text(fields, "name")?;
    let length = name.chars().count();
    if length > LONGEST_NAME {
        reader.problem(field, format!("has {length} characters; {LONGEST_NAME} are allowed: shorten the name"));
        return None;
    }
    let folded = name.to_lowercase();
    if let Some((other, place)) = names.iter().find(|(other, _)| other.to_lowercase() == folded) {
        let shown = quoted(other);
        reader.problem(field, format!("{place} is called {shown} already: give each rule its own name"));
        return Some(name);
    }
    reader.list_value(field, &*name);
    names.push((name.clone(), fields.path.clone()));
    Some(name)
}

fn read_one<'a>(
    reader: &mut Reader<'a>,
    item: &Field<'a>,
    fields: &Fields<'a>,
    name: Option<String>,
    named: &[Named<'a>],
    available: Available,
) -> Option<Read<'a>> {
    let enabled = reader.written_flag(fields, "enabled").unwrap_or(true);
    let priority = reader.written_number(fields, "priority", -HIGHEST_PRIORITY..=HIGHEST_PRIORITY);
    let when = match fields.even_empty("when") {
        Some(field) => conditions::read(reader, field),
        None => Some(Condition::always()),
    };
    let routes = match fields.get("route") {
        Some(field) => routes::read(reader, field, named),
        None => Vec::new(),
    };
    let require_approval = read_reason(reader, fields);
    let mut flag = |key| reader.written_flag(fields, key).unwrap_or(false);
    let (auto_approve, bypass_quota, exclude, tag_requester) =
        (flag("auto_approve"), flag("bypass_quota"), flag("exclude"), flag("tag_requester"));
    let label = reader.written_text(fields, "label").and_then(|text| bounded(reader, fields, "label", text));
    let known = when.is_some();
    let mut rule = Rule::new(name.unwrap_or_default(), priority.unwrap_or(0), when.unwrap_or_else(Condition::always));
    rule.enabled = enabled;
    rule.require_approval = require_approval;
    rule.auto_approve = auto_approve;
    rule.bypass_quota = bypass_quota;
    rule.exclude = exclude;
    rule.tag_requester = tag_requester;
    rule.label = label;
    refuse_actions(reader, item, fields, &rule);
    if known {
        look_at_condition(reader, item, &rule, &routes, available);
    }
    rule.route = routes.into_iter().map(|route| route.route).collect();
    let priority_at = priority.and_then(|_| fields.get("priority").cloned());
    Some(Read { rule, at: item.clone(), priority_at, known })
}

/// Why somebody is asked: a sentence, or `true` for none in particular.
fn read_reason(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
    let field = fields.get("require_approval")?;
    let text = match field.as_flag() {
        Some(true) => "the rule asks for it".to_owned(),
        Some(false) => return None,
        None => reader.written_text(fields, "require_approval")?,
    };
    if field.as_flag().is_some() {
        reader.list_value(field, &*text);
    }
    bounded(reader, fields, "require_approval", text)
}

fn bounded(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &'static str, text: String) -> Option<String> {
    let length = text.chars().count();
    if let Some(field) = fields.get(key).filter(|_| length > LONGEST_TEXT) {
        reader.problem(field, format!("has {length} characters; {LONGEST_TEXT} are allowed: shorten it"));
        return None;
    }
    Some(text)
}

/// Notes what a rule cannot do at once, and a rule that does nothing at all.
fn refuse_actions(reader: &mut Reader<'_>, item: &Field<'_>, fields: &Fields<'_>, rule: &Rule) {
    let written = |key: &&&'static str| fields.get(key).is_some_and(|field| field.as_flag() != Some(false));
    let actions: Vec<&str> = ACTIONS.iter().filter(written).copied().collect();
    if actions.is_empty() {
        let message = format!("does nothing: add one of {}", ACTIONS.join(", "));
        reader.problem(item, message);
    }
    if let Some(field) = fields.get("exclude").filter(|_| rule.exclude && actions.len() > 1) {
        let others: Vec<String> =
            actions.iter().filter(|key| **key != "exclude").map(|key| format!("`{key}`")).collect();
        let message =
            format!("a rule that excludes does nothing else: remove {}, or make two rules", others.join(", "));
        reader.problem(field, message);
    }
    if let Some(field) = fields.get("auto_approve").filter(|_| rule.auto_approve)
        && rule.require_approval.is_some()
    {
        reader.problem(field, "this rule asks for approval and gives it at once: keep one of the two");
    }
}

/// Notes routes that the condition keeps empty, and warns of conditions that cannot hold.
fn look_at_condition(
    reader: &mut Reader<'_>,
    item: &Field<'_>,
    rule: &Rule,
    routes: &[Route<'_>],
    available: Available,
) {
    let place = format!("{} (`{}`)", item.path, rule.name);
    if let Some(why) = why_never(rule.when.written()) {
        if rule.enabled {
            reader.warn(item.line, format!("{place} can never match: {why}"));
        }
        return;
    }
    for Route { route, kind, field } in routes {
        let Some(kind) = *kind else { continue };
        if !can_be(rule.when.written(), taken_by(kind)) {
            let (app, titles, others) = match kind {
                InstanceKind::Radarr => ("Radarr", "movies", "shows"),
                InstanceKind::Sonarr => ("Sonarr", "shows", "movies"),
            };
            let other = match kind {
                InstanceKind::Radarr => "Sonarr",
                InstanceKind::Sonarr => "Radarr",
            };
            let to = &route.to;
            let message = format!(
                "`{to}` is a {app} and takes {titles}, and this rule only matches {others}: name a {other}, or change `when`"
            );
            reader.problem(field, message);
        }
    }
    if !rule.enabled {
        return;
    }
    if rule.exclude && *rule.when.written() == Condition::always() {
        reader.warn(item.line, format!("{place} excludes everything: while it is enabled, nothing is ever added"));
    }
    if rule.when.fields().has(Known::StreamingService) && !available.tmdb {
        reader.warn(
            item.line,
            format!("{place} asks for `streaming_service`, which nobody can tell without `tmdb.api_key`: set it"),
        );
    }
    if rule.when.fields().has(Known::InPlex) && !available.plex_server {
        reader.warn(
            item.line,
            format!("{place} asks for `in_plex`, which nobody can tell without `plex.server_url`: set it"),
        );
    }
}

const fn taken_by(kind: InstanceKind) -> MediaType {
    match kind {
        InstanceKind::Radarr => MediaType::Movie,
        InstanceKind::Sonarr => MediaType::Show,
    }
}

/// Whether a title of this type might satisfy the condition.
fn can_be(when: &Condition, media_type: MediaType) -> bool {
    let written = Written::One(media_type.word().to_owned());
    let Ok(of_type) = Comparison::new(Known::Type, Operator::Equals, &written) else { return true };
    why_never(&Condition::All(vec![Condition::Compare(of_type), when.clone()])).is_none()
}

/// Two rules with the same written priority and an instance in common: chance would decide.
fn refuse_conflicts(reader: &mut Reader<'_>, rules: &[Read<'_>]) {
    let written: Vec<&Read<'_>> = rules.iter().filter(|read| read.known && read.priority_at.is_some()).collect();
    let alone: Vec<&Rule> = written.iter().map(|read| &read.rule).collect();
    for routing::Conflict { first, second, instance } in conflicts(&alone) {
        let (first, second) = (written[first], written[second]);
        let Some(at) = &second.priority_at else { continue };
        let message = format!(
            "rule `{}` in {} has priority {} too, and both send titles to `{instance}`: give one of them another number",
            first.rule.name,
            place(first.at.line),
            first.rule.priority
        );
        reader.problem(at, message);
    }
}
