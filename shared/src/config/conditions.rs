//! Conditions of the settings file: `{genre: {contains: anime}}` and the groups around them. Knows how they are written; what
//! fields and operators there are is in the registry of [`crate::routing`].

use crate::routing::{self, Comparison, Condition, FIELDS, FieldKind, Operator, Written};

use super::finding::quoted;
use super::nearest::nearest;
use super::reader::{Field, Reader};

/// Groups that may stand inside of each other.
const DEEPEST: usize = 20;

/// Comparisons that one rule may have.
const LARGEST: usize = 1000;

const GROUPS: [&str; 3] = ["all", "any", "not"];

/// The condition that stands at `field`; `None` when something in it is wrong.
pub(super) fn read<'a>(reader: &mut Reader<'a>, field: &Field<'a>) -> Option<Condition> {
    if field.is_empty() {
        reader.problem(field, "is empty: name a condition, or remove the line for a rule that applies to everything");
        return None;
    }
    let mut comparisons = 0;
    let condition = read_level(reader, field, 0, &mut comparisons);
    if comparisons > LARGEST {
        let message = format!("has {comparisons} conditions; {LARGEST} are allowed: use lists, or split the rule");
        reader.problem(field, message);
        return None;
    }
    condition
}

/// The keys of one level: all of them must hold.
fn read_level<'a>(
    reader: &mut Reader<'a>,
    field: &Field<'a>,
    depth: usize,
    comparisons: &mut usize,
) -> Option<Condition> {
    if field.is_list() {
        reader.problem(field, "expected a condition, found a list: write `all:` or `any:` in front of it");
        return None;
    }
    let entries = reader.entries(field, "a condition such as {genre: {contains: anime}}")?;
    if entries.is_empty() {
        reader.problem(field, "is empty: name a condition, such as {genre: {contains: anime}}");
        return None;
    }
    let count = entries.len();
    let mut parts = Vec::new();
    for (key, inner) in entries {
        if GROUPS.contains(&key.as_str()) {
            if depth == DEEPEST {
                let message = format!("nests deeper than {DEEPEST} groups: split it into several rules");
                reader.problem(&inner, message);
                continue;
            }
            parts.extend(read_group(reader, &key, &inner, depth + 1, comparisons));
        } else {
            parts.extend(read_field(reader, &key, &inner, comparisons));
        }
    }
    if parts.len() < count {
        return None;
    }
    if count == 1 { parts.pop() } else { Some(Condition::All(parts)) }
}

fn read_group<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    field: &Field<'a>,
    depth: usize,
    comparisons: &mut usize,
) -> Option<Condition> {
    if key == "not" {
        if field.is_list() {
            let message = "`not` takes one condition, found a list: write `not: {any: […]}` or `not: {all: […]}`";
            reader.problem(field, message);
            return None;
        }
        return read_level(reader, field, depth, comparisons).map(|inner| Condition::Not(Box::new(inner)));
    }
    if !field.is_list() {
        reader
            .problem(field, format!("`{key}` takes a list of conditions, found {}: write `{key}: […]`", field.shape()));
        return None;
    }
    let items = reader.list(field);
    if items.is_empty() {
        reader.problem(field, format!("`{key}` is empty: name at least one condition"));
        return None;
    }
    let count = items.len();
    let parts: Vec<Condition> = items.iter().filter_map(|item| read_level(reader, item, depth, comparisons)).collect();
    if parts.len() < count {
        return None;
    }
    Some(if key == "all" { Condition::All(parts) } else { Condition::Any(parts) })
}

/// A field with what stands behind it: a value, a list of values, or operators.
fn read_field<'a>(reader: &mut Reader<'a>, key: &str, field: &Field<'a>, comparisons: &mut usize) -> Option<Condition> {
    let Some(known) = routing::Field::parse(key) else {
        let message = unknown_field(key);
        reader.problem(field, message);
        return None;
    };
    if !field.is_group() {
        let shorthand = match known.info().kind {
            _ if field.is_list() => Operator::In,
            FieldKind::Texts => Operator::Contains,
            _ => Operator::Equals,
        };
        return read_comparison(reader, known, shorthand, field, comparisons);
    }
    let entries = reader.entries(field, "an operator")?;
    let fitting = || known.info().operators().iter().map(|operator| operator.word()).collect::<Vec<_>>();
    if entries.is_empty() {
        reader.problem(field, format!("has no operator: use one of {}", fitting().join(", ")));
        return None;
    }
    let count = entries.len();
    let mut parts = Vec::new();
    for (word, inner) in entries {
        // The path ends at the field; the operator is in the sentence.
        let at = inner.called(&field.path);
        match Operator::parse(&word) {
            Some(operator) => parts.extend(read_comparison(reader, known, operator, &at, comparisons)),
            None => {
                let advice = nearest(&word, fitting()).map_or_else(
                    || format!("use one of {}", fitting().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                reader.problem(&at, format!("unknown operator {}: {advice}", quoted(&word)));
            }
        }
    }
    if parts.len() < count {
        return None;
    }
    if count == 1 { parts.pop() } else { Some(Condition::All(parts)) }
}

fn read_comparison<'a>(
    reader: &mut Reader<'a>,
    known: routing::Field,
    operator: Operator,
    field: &Field<'a>,
    comparisons: &mut usize,
) -> Option<Condition> {
    *comparisons += 1;
    let written = read_written(reader, operator, field)?;
    match Comparison::new(known, operator, &written) {
        Ok(comparison) => {
            reader.list_value(field, comparison.to_string());
            Some(Condition::Compare(comparison))
        }
        Err(message) => {
            reader.problem(field, message);
            None
        }
    }
}

fn read_written<'a>(reader: &mut Reader<'a>, operator: Operator, field: &Field<'a>) -> Option<Written> {
    if field.is_list() {
        let items = reader.list(field);
        let texts: Vec<String> = items.iter().filter_map(|item| reader.text(item)).collect();
        return (texts.len() == items.len()).then_some(Written::Many(texts));
    }
    let text = reader.scalar(field);
    if text.is_none() {
        reader.problem(field, format!("expected a value behind `{operator}`, found {}", field.shape()));
    }
    text.map(Written::One)
}

fn unknown_field(key: &str) -> String {
    if Operator::parse(key).is_some() {
        return format!("`{key}` is an operator: write it behind a field, such as {{genre: {{{key}: …}}}}");
    }
    let aliases = FIELDS.iter().flat_map(|info| info.aliases.iter().copied());
    let words = routing::Field::ALL.iter().map(|field| field.word()).chain(aliases).chain(GROUPS);
    let advice = nearest(key, words).map_or_else(
        || {
            let fields: Vec<&str> = routing::Field::ALL.iter().map(|field| field.word()).collect();
            format!("there are {}, and the groups {}", fields.join(", "), GROUPS.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    format!("unknown field {}: {advice}", quoted(key))
}
