//! Finds rules that can never match, and rules that contradict each other. Pure, and careful: it only says "never" where that is
//! certain, and misses what only a search through all combinations would find.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::MediaType;

use super::condition::{Comparison, Condition, Operand, Truth};
use super::field::{Field, FieldKind, Operator};
use super::rule::Rule;

/// Comparisons that a reason names before it stops.
const TOLD: usize = 3;

/// Whole numbers that are tried one by one.
const MOST_TRIED: f64 = 100.0;

/// Why no title can ever satisfy this condition, as a sentence; `None` when one might.
#[must_use]
pub fn why_never(condition: &Condition) -> Option<String> {
    explore((condition, false), &[])
}

/// Two enabled rules with the same priority and an instance in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The one that stands first, by position.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// The instance's name.
    pub instance: String,
}

/// Which of `rules` would win would be an accident: each enabled one with the first before it that has the same priority, an
/// instance in common, and may match the same title. The caller leaves out rules whose priority nobody wrote, because there the
/// position is meant.
#[must_use]
pub fn conflicts(rules: &[&Rule]) -> Vec<Conflict> {
    let mut sending: HashMap<(i32, &str), Vec<usize>> = HashMap::new();
    let mut conflicts = Vec::new();
    for (second, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.enabled) {
        let mut first_conflict = None;
        for route in &rule.route {
            let earlier = sending.entry((rule.priority, &route.to)).or_default();
            let first = earlier.iter().copied().find(|first| may_meet(rules[*first], rule));
            let conflict = |first| Conflict { first, second, instance: route.to.clone() };
            first_conflict = first_conflict.or_else(|| first.map(conflict));
            earlier.push(second);
        }
        conflicts.extend(first_conflict);
    }
    conflicts
}

/// Whether a title might match both.
fn may_meet(one: &Rule, other: &Rule) -> bool {
    why_never(&Condition::All(vec![one.when.written().clone(), other.when.written().clone()])).is_none()
}

/// A comparison that has to hold, or, `negated`, has to be known not to hold: the opposite of unknown is unknown.
#[derive(Debug, Clone, Copy)]
struct Literal<'c> {
    comparison: &'c Comparison,
    negated: bool,
}

/// Why `start` cannot hold where all of `known` hold. Each branch of an `any` is looked at by itself.
fn explore<'c>(start: (&'c Condition, bool), known: &[Literal<'c>]) -> Option<String> {
    let mut literals = known.to_vec();
    let mut choices: Vec<Vec<(&Condition, bool)>> = Vec::new();
    let mut open = vec![start];
    while let Some((condition, negated)) = open.pop() {
        match condition {
            Condition::Compare(comparison) => literals.push(Literal { comparison, negated }),
            Condition::Not(inner) => open.push((inner, !negated)),
            Condition::All(parts) | Condition::Any(parts) => {
                let branches = parts.iter().rev().map(|part| (part, negated));
                if matches!(condition, Condition::All(_)) == negated {
                    choices.push(branches.rev().collect());
                } else {
                    open.extend(branches);
                }
            }
        }
    }
    if let Some(reason) = contradiction(&literals) {
        return Some(reason);
    }
    choices.iter().find_map(|branches| {
        let reasons: Option<Vec<String>> = branches.iter().map(|branch| explore(*branch, &literals)).collect();
        let mut reasons = reasons?;
        Some(match reasons.len() {
            0 => "it names nothing it would apply to".to_owned(),
            1 => reasons.remove(0),
            _ => {
                reasons.dedup();
                reasons.truncate(TOLD);
                format!("none of its alternatives can hold: {}", reasons.join("; "))
            }
        })
    })
}

/// Why these cannot all hold for the same title.
fn contradiction(literals: &[Literal<'_>]) -> Option<String> {
    let mut by_field: BTreeMap<Field, Vec<Literal<'_>>> = BTreeMap::new();
    for literal in literals {
        by_field.entry(literal.comparison.field()).or_default().push(*literal);
    }
    for (field, literals) in &by_field {
        if cannot_hold(*field, literals) {
            return Some(told(*field, literals));
        }
    }
    wrong_type(literals, by_field.get(&Field::Type).map_or(&[], Vec::as_slice))
}

/// The fewest of them that contradict each other, as a sentence.
fn told(field: Field, literals: &[Literal<'_>]) -> String {
    if let Some(alone) = literals.iter().find(|literal| cannot_hold(field, &[**literal])) {
        return format!("`{alone}` holds for nothing");
    }
    let pairs =
        literals.iter().enumerate().flat_map(|(at, one)| literals[..at].iter().map(move |other| [*other, *one]));
    let pair = pairs.into_iter().find(|pair| cannot_hold(field, pair));
    let named: Vec<String> =
        pair.as_ref().map_or(literals, <[_; 2]>::as_slice).iter().map(|it| format!("`{it}`")).collect();
    let more = named.len().saturating_sub(TOLD);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("nothing satisfies {}{rest} at once", named[..named.len() - more].join(" and "))
}

/// Whether these, all about `field`, cannot hold for the same value.
fn cannot_hold(field: Field, literals: &[Literal<'_>]) -> bool {
    let exists: Vec<bool> = literals.iter().filter_map(Literal::existence).collect();
    if exists.contains(&true) && exists.contains(&false) {
        return true;
    }
    let compared: Vec<Literal<'_>> = literals.iter().filter(|it| it.existence().is_none()).copied().collect();
    let kind = field.info().kind;
    if exists.contains(&false) {
        // Every title has a type; and what is not there satisfies no comparison, except that an empty list lacks everything.
        let lacking = |literal: &Literal<'_>| match kind {
            FieldKind::Texts => literal.holds_for_texts(&[]) != Some(false),
            _ => false,
        };
        return field == Field::Type || !compared.iter().all(lacking);
    }
    match kind {
        FieldKind::Flag => {
            let wanted: HashSet<bool> = compared.iter().filter_map(Literal::flag).collect();
            wanted.len() > 1
        }
        FieldKind::Number => no_number(field, &compared),
        FieldKind::Text => no_text(field, &compared),
        FieldKind::Texts | FieldKind::User => no_texts(&compared),
    }
}

/// Whether no number satisfies all of these.
#[expect(clippy::float_cmp, reason = "people compare with numbers exactly as written")]
fn no_number(field: Field, literals: &[Literal<'_>]) -> bool {
    let Some((mut lowest, mut highest)) = field.info().range else { return false };
    let whole = !matches!(
        field,
        Field::ImdbRating | Field::RtCritic | Field::RtAudience | Field::TmdbRating | Field::FreeSpace
    );
    // Whether the ends themselves are left out.
    let (mut above, mut below) = (false, false);
    let mut only: Option<Vec<f64>> = None;
    let mut never: Vec<f64> = Vec::new();
    let mut gaps: Vec<(f64, f64)> = Vec::new();
    for literal in literals {
        let mut at_least = |number: f64, open: bool| {
            if number > lowest || (number == lowest && open) {
                (lowest, above) = (number, open);
            }
        };
        let mut at_most = |number: f64, open: bool| {
            if number < highest || (number == highest && open) {
                (highest, below) = (number, open);
            }
        };
        let mut one_of = |numbers: &[f64]| match &mut only {
            Some(only) => only.retain(|number| numbers.contains(number)),
            None => only = Some(numbers.to_vec()),
        };
        match (literal.comparison.operator(), literal.comparison.operand(), literal.negated) {
            (Operator::Equals, Operand::Number(number), false) | (Operator::Not, Operand::Number(number), true) => {
                one_of(&[*number]);
            }
            (Operator::Not, Operand::Number(number), false) | (Operator::Equals, Operand::Number(number), true) => {
                never.push(*number);
            }
            (Operator::In, Operand::Numbers(numbers), false) | (Operator::NotIn, Operand::Numbers(numbers), true) => {
                one_of(numbers);
            }
            (Operator::NotIn, Operand::Numbers(numbers), false) | (Operator::In, Operand::Numbers(numbers), true) => {
                never.extend(numbers);
            }
            (Operator::Less, Operand::Number(number), false) => at_most(*number, true),
            (Operator::AtMost, Operand::Number(number), false) => at_most(*number, false),
            (Operator::More, Operand::Number(number), false) => at_least(*number, true),
            (Operator::AtLeast, Operand::Number(number), false) => at_least(*number, false),
            (Operator::Less, Operand::Number(number), true) => at_least(*number, false),
            (Operator::AtMost, Operand::Number(number), true) => at_least(*number, true),
            (Operator::More, Operand::Number(number), true) => at_most(*number, false),
            (Operator::AtLeast, Operand::Number(number), true) => at_most(*number, true),
            (Operator::Between, Operand::Range(from, to), false) => {
                at_least(*from, false);
                at_most(*to, false);
            }
            (Operator::Between, Operand::Range(from, to), true) => gaps.push((*from, *to)),
            _ => {}
        }
    }
    if whole {
        // Between two whole numbers there is none: the ends move to the nearest one that counts.
        let inner = (
            if above { lowest.floor() + 1.0 } else { lowest.ceil() },
            if below { highest.ceil() - 1.0 } else { highest.floor() },
        );
        (lowest, highest) = inner;
        (above, below) = (false, false);
    }
    let inside = |number: f64| {
        let low = number > lowest || (number == lowest && !above);
        low && (number < highest || (number == highest && !below))
    };
    let fits = |number: f64| {
        inside(number)
            && (!whole || number.fract() == 0.0)
            && !never.contains(&number)
            && !gaps.iter().any(|(from, to)| (*from..=*to).contains(&number))
    };
    match only {
        Some(only) => !only.iter().any(|number| fits(*number)),
        None if lowest == highest => !fits(lowest),
        // A handful of whole numbers is soon looked through.
        None if whole && highest - lowest < MOST_TRIED => {
            let mut numbers = std::iter::successors(Some(lowest), |number| Some(number + 1.0))
                .take_while(|number| *number <= highest);
            !numbers.any(fits)
        }
        None => lowest > highest || gaps.iter().any(|(from, to)| *from <= lowest && highest <= *to),
    }
}

/// Whether no single text satisfies all of these.
fn no_text(field: Field, literals: &[Literal<'_>]) -> bool {
    let choices = field.info().choices;
    let named = literals.iter().filter_map(|literal| match (literal.comparison.operator(), literal.negated) {
        (Operator::Equals | Operator::In, false) | (Operator::Not | Operator::NotIn, true) => Some(literal.folded()),
        _ => None,
    });
    let candidates = named.min_by_key(Vec::len).or_else(|| (!choices.is_empty()).then(|| choices.to_vec()));
    if let Some(candidates) = candidates {
        return !candidates.iter().any(|text| literals.iter().all(|it| it.holds_for_text(text) != Some(false)));
    }
    let parts = |contained: bool| {
        literals.iter().filter_map(move |literal| match (literal.comparison.operator(), literal.negated) {
            (Operator::Contains, false) | (Operator::NotContains, true) if contained => literal.folded().pop(),
            (Operator::NotContains, false) | (Operator::Contains, true) if !contained => literal.folded().pop(),
            _ => None,
        })
    };
    let absent: Vec<&str> = parts(false).collect();
    parts(true).any(|part| absent.iter().any(|absent| part.contains(absent))) || no_pattern(literals)
}

/// Whether no set of texts satisfies all of these. A person's names are such a set.
fn no_texts(literals: &[Literal<'_>]) -> bool {
    let exact = literals.iter().find(|literal| {
        matches!(
            (literal.comparison.operand(), literal.comparison.operator(), literal.negated),
            (Operand::Words(_), Operator::Equals, false) | (Operand::Words(_), Operator::Not, true)
        )
    });
    if let Some(exact) = exact {
        let texts = exact.folded();
        return literals.iter().any(|literal| literal.holds_for_texts(&texts) == Some(false));
    }
    // One of these, and none of those.
    let mut some: Vec<Vec<&str>> = Vec::new();
    let mut none: HashSet<&str> = HashSet::new();
    for literal in literals {
        let single = matches!(literal.comparison.operand(), Operand::Word(_));
        match (literal.comparison.operator(), literal.negated) {
            (Operator::Contains | Operator::In, false) | (Operator::NotContains | Operator::NotIn, true) => {
                some.push(literal.folded());
            }
            (Operator::NotContains | Operator::NotIn, false) | (Operator::Contains | Operator::In, true) => {
                none.extend(literal.folded());
            }
            (Operator::Equals, false) | (Operator::Not, true) if single => some.push(literal.folded()),
            (Operator::Not, false) | (Operator::Equals, true) if single => none.extend(literal.folded()),
            _ => {}
        }
    }
    some.iter().any(|words| words.iter().all(|word| none.contains(word))) || no_pattern(literals)
}

/// Whether the same pattern is to be found and not to be found.
fn no_pattern(literals: &[Literal<'_>]) -> bool {
    let patterns = |negated: bool| {
        literals.iter().filter(move |literal| literal.negated == negated).filter_map(|literal| {
            match literal.comparison.operand() {
                Operand::Pattern(pattern) => Some(pattern),
                _ => None,
            }
        })
    };
    patterns(false).any(|found| patterns(true).any(|absent| found == absent))
}

/// Why these cannot hold together for one type of title: some fields only shows have, or only movies.
fn wrong_type(literals: &[Literal<'_>], of_type: &[Literal<'_>]) -> Option<String> {
    let needs =
        |literal: &Literal<'_>| literal.comparison.field().info().only.filter(|_| literal.existence() != Some(false));
    let for_movies = literals.iter().find(|literal| needs(literal) == Some(MediaType::Movie));
    let for_shows = literals.iter().find(|literal| needs(literal) == Some(MediaType::Show));
    if let (Some(movies), Some(shows)) = (for_movies, for_shows) {
        return Some(format!("`{movies}` is for movies only, and `{shows}` for shows only"));
    }
    let (literal, needed) = for_movies.zip(Some(MediaType::Movie)).or(for_shows.zip(Some(MediaType::Show)))?;
    let other = of_type.iter().find(|it| it.holds_for_text(needed.word()) == Some(false))?;
    Some(format!("`{literal}` is for {needed}s only, and `{other}` is not"))
}

impl<'c> Literal<'c> {
    /// Whether a value has to be there or must not; `None` for every other comparison.
    fn existence(&self) -> Option<bool> {
        match (self.comparison.operator(), self.comparison.operand()) {
            (Operator::Exists, Operand::Flag(wanted)) => Some(*wanted != self.negated),
            _ => None,
        }
    }

    /// What a flag has to be.
    fn flag(&self) -> Option<bool> {
        match (self.comparison.operator(), self.comparison.operand()) {
            (Operator::Equals, Operand::Flag(wanted)) => Some(*wanted != self.negated),
            (Operator::Not, Operand::Flag(wanted)) => Some(*wanted == self.negated),
            _ => None,
        }
    }

    /// The words it compares with, in lower case.
    fn folded(&self) -> Vec<&'c str> {
        match self.comparison.operand() {
            Operand::Word(word) => vec![word.folded()],
            Operand::Words(words) => words.iter().map(|word| word.folded()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it holds for this text in every spelling; `None` for a pattern, which may look at the spelling.
    fn holds_for_text(&self, text: &str) -> Option<bool> {
        let pattern = matches!(self.comparison.operand(), Operand::Pattern(_));
        let truth = (!pattern).then(|| self.comparison.judge_text(text))?;
        self.is_as_wanted(truth)
    }

    /// The same for several texts; of none, even a pattern is certain.
    fn holds_for_texts(&self, texts: &[&str]) -> Option<bool> {
        let pattern = matches!(self.comparison.operand(), Operand::Pattern(_)) && !texts.is_empty();
        let truth = (!pattern).then(|| self.comparison.judge_texts(texts.iter().copied()))?;
        self.is_as_wanted(truth)
    }

    fn is_as_wanted(&self, truth: Truth) -> Option<bool> {
        match truth {
            Truth::True => Some(!self.negated),
            Truth::False => Some(self.negated),
            Truth::Unknown => None,
        }
    }
}

impl std::fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.negated { write!(f, "not ({})", self.comparison) } else { write!(f, "{}", self.comparison) }
    }
}

#[cfg(test)]
mod tests;
