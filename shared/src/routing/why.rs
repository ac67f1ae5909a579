//! Why a condition came out as it did, in plain words: the part that decided, with the value it met.

use super::Claim;
use super::condition::{Comparison, Condition, Truth};
use super::field::{FactSource, Operator};
use super::policy::Available;
use super::rule::Rule;
use super::sheet::{Sheet, Value, in_words};

/// Parts that are told of a group before it says how many more there are.
const TOLD: usize = 6;

/// The part of `condition` that decided, as a sentence.
pub(super) fn because(condition: &Condition, sheet: &Sheet<'_>, available: Available) -> String {
    match condition {
        Condition::Compare(comparison) => compared(comparison, sheet, available),
        Condition::Not(inner) => format!("not ({})", because(inner, sheet, available)),
        Condition::All(parts) if parts.is_empty() => "it applies to everything".to_owned(),
        Condition::Any(parts) if parts.is_empty() => "it names nothing it would apply to".to_owned(),
        Condition::All(parts) => group(parts, Truth::True, condition.judge(sheet), sheet, available),
        Condition::Any(parts) => group(parts, Truth::False, condition.judge(sheet), sheet, available),
    }
}

/// A group came out as `truth`. `neutral` is what each part must be for the group to be that: then every part is told, otherwise the
/// first one that is like the group.
fn group(parts: &[Condition], neutral: Truth, truth: Truth, sheet: &Sheet<'_>, available: Available) -> String {
    if truth != neutral {
        let decided = parts.iter().find(|part| part.judge(sheet) == truth);
        return decided.map(|part| because(part, sheet, available)).unwrap_or_default();
    }
    let mut told: Vec<String> = parts.iter().take(TOLD).map(|part| because(part, sheet, available)).collect();
    if parts.len() > TOLD {
        told.push(format!("{} more alike", parts.len() - TOLD));
    }
    told.join(", ")
}

fn compared(comparison: &Comparison, sheet: &Sheet<'_>, available: Available) -> String {
    let field = comparison.field();
    let value = sheet.value(field);
    // Whether there is a value at all is known of what is absent; everything else about it is not.
    let absent = |why: String| if comparison.operator() == Operator::Exists { why } else { format!("unknown: {why}") };
    let found = match value {
        Value::Absent if !sheet.has(field) => absent(format!("a {} has none", sheet.title.media_type)),
        Value::Absent if sheet.title.facts.given.is_some() => absent("the description does not tell it".to_owned()),
        Value::Absent => {
            let told_by = field.info().sources.last().copied().filter(|source| available.has(*source));
            absent(format!("{} does not tell it", told_by.unwrap_or_else(|| sheet.source(field))))
        }
        Value::Unknown if sheet.title.facts.given.is_some() => "unknown: the description does not tell it".to_owned(),
        Value::Unknown => missing(sheet.to_ask(field).unwrap_or_else(|| sheet.source(field)), available),
        value => format!("it is {}", in_words(value, field).unwrap_or_default()),
    };
    format!("{comparison}: {found}")
}

/// Why a fact is unknown, and where it would have come from.
fn missing(source: FactSource, available: Available) -> String {
    match source {
        FactSource::Tmdb if !available.tmdb => {
            "unknown: it would come from tmdb, which needs `tmdb.api_key`".to_owned()
        }
        FactSource::PlexServer if !available.plex_server => {
            "unknown: it would come from the plex server, which needs `plex.server_url`".to_owned()
        }
        source => format!("unknown: it would come from {source}"),
    }
}

/// What a matching rule does, as a sentence.
pub(super) fn effect(rule: &Rule, claim: &Claim<'_>, excluded_by: Option<&Rule>) -> String {
    let mut effects = Vec::new();
    let named = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if rule.exclude {
        let first = excluded_by.is_none_or(|first| std::ptr::eq(first, rule));
        effects.push(if first {
            "it goes nowhere".to_owned()
        } else {
            "it would go nowhere by this rule too".to_owned()
        });
    }
    if !claim.won.is_empty() {
        effects.push(format!("sends it to {}", named(&claim.won)));
    }
    for (instance, earlier) in &claim.taken {
        effects.push(format!("`{instance}` is served by rule `{earlier}` already"));
    }
    if !claim.unfit.is_empty() {
        effects.push(format!("{} takes no title of this type", named(&claim.unfit)));
    }
    let applies = rule.route.is_empty() || !claim.won.is_empty();
    if applies && !rule.exclude {
        if let Some(reason) = &rule.require_approval {
            effects.push(format!("asks for approval: {reason}"));
        }
        let flags = [
            (rule.auto_approve, "approves without asking"),
            (rule.bypass_quota, "sets quotas aside"),
            (rule.tag_requester, "tags who wants it"),
            (rule.label.is_some(), "labels it"),
        ];
        effects.extend(flags.iter().filter(|(set, _)| *set).map(|(_, words)| (*words).to_owned()));
    }
    if effects.is_empty() { "it does nothing".to_owned() } else { effects.join("; ") }
}
