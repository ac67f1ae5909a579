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
mod tests {
    use super::super::condition::Written;
    use super::super::rule::{Overrides, RouteTo};
    use super::*;

    fn is(field: Field, operator: &str, written: &str) -> Condition {
        let written = match written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(list) => Written::Many(list.split(", ").map(str::to_owned).collect()),
            None => Written::One(written.to_owned()),
        };
        Condition::Compare(Comparison::new(field, Operator::parse(operator).unwrap(), &written).unwrap())
    }

    fn not(condition: Condition) -> Condition {
        Condition::Not(Box::new(condition))
    }

    fn never(parts: Vec<Condition>) -> Option<String> {
        why_never(&Condition::All(parts))
    }

    use Field::{
        Anime, Certification as Cert, Genre, ImdbRating as Imdb, InPlex, MovieStatus, SeasonCount, SeriesStatus,
        Studio, Type, User, WantedBy, Year,
    };

    #[test]
    fn what_contradicts_itself_never_matches() {
        let check = |parts: Vec<Condition>| assert!(never(parts.clone()).is_some(), "{parts:?}");
        // Numbers.
        check(vec![is(Year, ">", "2010"), is(Year, "<", "2000")]);
        check(vec![is(Year, ">", "2000"), is(Year, "<", "2001")]);
        check(vec![is(Imdb, ">", "7"), is(Imdb, "<=", "7")]);
        check(vec![is(Imdb, ">", "10")]);
        check(vec![is(Imdb, ">=", "7"), is(Imdb, "<=", "7"), is(Imdb, "not", "7")]);
        check(vec![is(WantedBy, "<", "1")]);
        check(vec![is(Year, "in", "[2000, 2001]"), is(Year, "between", "[2005, 2010]")]);
        check(vec![is(Year, "equals", "2000"), is(Year, "not_in", "[1999, 2000]")]);
        check(vec![is(Year, "equals", "2000.5")]);
        check(vec![not(is(Year, "between", "[2000, 2010]")), is(Year, ">=", "2001"), is(Year, "<", "2010")]);
        check(vec![not(is(Year, ">=", "2000")), not(is(Year, "<", "2000"))]);
        // One text.
        check(vec![is(Cert, "equals", "R"), is(Cert, "equals", "PG")]);
        check(vec![is(Cert, "in", "[R, PG]"), is(Cert, "not_in", "[r, pg, x]")]);
        check(vec![is(Cert, "equals", "gb/15"), is(Cert, "contains", "us/")]);
        check(vec![is(Cert, "contains", "TV-MA"), is(Cert, "not_contains", "tv")]);
        check(vec![is(Cert, "matches", "^a"), not(is(Cert, "matches", "^a"))]);
        check(vec![is(MovieStatus, "not_in", "[tba, announced, in_cinemas, released, deleted]")]);
        check(vec![is(Type, "not", "movie"), is(Type, "not", "show")]);
        // Several texts.
        check(vec![is(Genre, "contains", "Anime"), is(Genre, "not_contains", "anime")]);
        check(vec![is(Genre, "in", "[a, b]"), is(Genre, "not_in", "[b, A, c]")]);
        check(vec![is(Genre, "equals", "[a, b]"), is(Genre, "contains", "c")]);
        check(vec![is(Genre, "equals", "[a, b]"), is(Genre, "equals", "[a]")]);
        check(vec![not(is(Genre, "not_contains", "a")), not(is(Genre, "in", "[a, b]"))]);
        // People.
        check(vec![is(User, "equals", "ann"), is(User, "not", "Ann")]);
        check(vec![is(User, "in", "[ann, bob]"), not(is(User, "in", "[bob, ann]"))]);
        // Flags, and whether there is a value at all.
        check(vec![is(Anime, "equals", "true"), is(Anime, "not", "true")]);
        check(vec![is(InPlex, "equals", "true"), not(is(InPlex, "equals", "true"))]);
        check(vec![is(Year, "exists", "false"), is(Year, ">", "2000")]);
        check(vec![is(Genre, "exists", "false"), is(Genre, "contains", "a")]);
        check(vec![is(Genre, "exists", "true"), not(is(Genre, "exists", "true"))]);
        check(vec![is(Type, "exists", "false")]);
        // What only one type of title has.
        check(vec![is(Type, "equals", "movie"), is(SeasonCount, ">", "3")]);
        check(vec![is(MovieStatus, "equals", "released"), is(SeriesStatus, "equals", "ended")]);
        check(vec![is(Type, "equals", "movie"), not(is(SeasonCount, ">", "3"))]);
        // Groups.
        check(vec![Condition::Any(Vec::new())]);
        check(vec![
            is(Type, "equals", "show"),
            Condition::Any(vec![is(Type, "equals", "movie"), is(Type, "not", "show")]),
        ]);
        check(vec![not(Condition::Any(vec![is(Year, ">", "2000"), is(Year, "<=", "2000")]))]);
        check(vec![not(Condition::All(Vec::new()))]);
        check(vec![
            is(Year, ">", "2000"),
            Condition::Any(vec![
                is(Year, "<", "1990"),
                Condition::All(vec![is(Genre, "contains", "a"), Condition::Any(vec![is(Year, "equals", "1999")])]),
            ]),
        ]);
    }

    #[test]
    fn what_might_match_is_left_alone() {
        let check = |parts: Vec<Condition>| assert_eq!(never(parts.clone()), None, "{parts:?}");
        check(Vec::new());
        check(vec![is(Year, ">", "2000"), is(Year, "<", "2002")]);
        check(vec![is(Imdb, ">", "7"), is(Imdb, "<", "7.1")]);
        check(vec![is(Imdb, ">=", "10")]);
        check(vec![not(is(Year, "between", "[2000, 2010]")), is(Year, ">=", "2005")]);
        check(vec![is(Year, "not", "2000"), is(Year, "not", "2001")]);
        check(vec![is(Cert, "in", "[R, PG]"), is(Cert, "not", "R")]);
        check(vec![is(Cert, "not_contains", "TV-MA"), is(Cert, "contains", "tv")]);
        check(vec![is(Cert, "equals", "Anime"), is(Cert, "matches", "^x$")]);
        check(vec![is(Genre, "contains", "a"), is(Genre, "contains", "b")]);
        check(vec![is(Genre, "in", "[a, b]"), is(Genre, "not_in", "[b]")]);
        check(vec![is(Genre, "equals", "[a, b]"), is(Genre, "in", "[b, c]")]);
        check(vec![is(Genre, "exists", "false"), is(Genre, "not_contains", "a")]);
        check(vec![is(Studio, "matches", "a"), is(Studio, "matches", "b")]);
        // A person answers to several names.
        check(vec![is(User, "equals", "ann"), is(User, "equals", "tomas.r")]);
        // A movie lacks what only shows have.
        check(vec![is(Type, "equals", "movie"), is(SeasonCount, "exists", "false")]);
        check(vec![is(Type, "in", "[movie, show]"), is(SeasonCount, ">", "3")]);
        check(vec![Condition::Any(vec![is(Year, ">", "2200"), is(Genre, "contains", "a")])]);
    }

    #[test]
    fn the_reason_names_what_contradicts() {
        let check = |parts: Vec<Condition>, expected: &str| assert_eq!(never(parts).as_deref(), Some(expected));
        check(
            vec![is(Genre, "contains", "a"), is(Year, ">", "2010"), is(Year, "not", "2015"), is(Year, "<", "2000")],
            "nothing satisfies `year > 2010` and `year < 2000` at once",
        );
        check(vec![is(Imdb, ">", "10")], "`imdb_rating > 10` holds for nothing");
        check(
            vec![is(Type, "equals", "movie"), is(SeasonCount, ">", "3")],
            "`season_count > 3` is for shows only, and `type equals movie` is not",
        );
        check(
            vec![is(SeriesStatus, "equals", "ended"), is(MovieStatus, "equals", "tba")],
            "`movie_status equals tba` is for movies only, and `series_status equals ended` for shows only",
        );
        check(
            vec![Condition::Any(vec![is(Year, "<", "1870"), is(Imdb, "<", "0")])],
            "none of its alternatives can hold: `year < 1870` holds for nothing; `imdb_rating < 0` holds for nothing",
        );
        check(
            vec![is(Year, ">=", "2000"), is(Year, "<=", "2001"), is(Year, "not", "2000"), is(Year, "not", "2001")],
            "nothing satisfies `year >= 2000` and `year <= 2001` and `year != 2000` and 1 more at once",
        );
    }

    /// Whatever is called impossible is satisfied by none of many titles, and the opposite of a tautology is found.
    #[test]
    fn never_is_never_said_of_what_some_title_satisfies() {
        use super::super::sheet::Sheet;
        use crate::model::{ExternalIds, Facts, KnownFacts, PlexId, Relation, Title, UserId, UserUuid};
        let pool = [
            is(Type, "equals", "movie"),
            is(Type, "not", "movie"),
            is(Year, ">", "2000"),
            is(Year, "<=", "2001"),
            is(Year, "in", "[1999, 2001]"),
            is(Year, "exists", "false"),
            is(Genre, "contains", "a"),
            is(Genre, "not_in", "[a, b]"),
            is(Genre, "equals", "[a, b]"),
            is(Genre, "exists", "true"),
            is(Genre, "matches", "^b"),
            is(Cert, "contains", "tv"),
            is(Cert, "not", "TV-MA"),
            is(Cert, "in", "[tv-ma, R]"),
            is(SeasonCount, "between", "[1, 2]"),
            is(SeasonCount, "exists", "false"),
            is(User, "not", "ann"),
            is(User, "in", "[ann, bob]"),
            is(Anime, "equals", "true"),
            is(MovieStatus, "equals", "tba"),
        ];
        let mut titles = Vec::new();
        for number in 0..2u32.pow(8) {
            let bit = |at: u32| number >> at & 1 == 1;
            let media_type = if bit(0) { MediaType::Movie } else { MediaType::Show };
            let genres = match (bit(1), bit(2)) {
                (false, false) => None,
                (true, false) => Some(vec!["A".to_owned()]),
                (false, true) => Some(Vec::new()),
                (true, true) => Some(vec!["b".to_owned(), "a".to_owned()]),
            };
            let facts = Facts {
                year: [None, Some(1999), Some(2001), Some(2003)][(number >> 3 & 3) as usize],
                genres,
                certification: [None, Some("TV-MA".to_owned()), Some("R".to_owned()), Some("TV-14".to_owned())]
                    [(number >> 5 & 3) as usize]
                    .clone(),
                season_count: (media_type == MediaType::Show && bit(7)).then_some(2),
                movie_status: (media_type == MediaType::Movie && bit(7)).then(|| "tba".to_owned()),
                ..Facts::default()
            };
            titles.push(Title {
                plex_id: PlexId::parse("a").unwrap(),
                media_type,
                title: "a".into(),
                year: None,
                ids: ExternalIds::default(),
                facts: KnownFacts { given: Some(facts), ..KnownFacts::default() },
            });
        }
        let user = crate::model::User {
            id: UserId(1),
            uuid: UserUuid::parse("aa").unwrap(),
            username: "Ann".into(),
            display_name: "bob".into(),
            alias: None,
            relation: Relation::Friend,
            synced: true,
        };
        let mut random = fastrand::Rng::with_seed(7);
        let mut found = 0;
        for _ in 0..3000 {
            let mut group = |size: usize| -> Vec<Condition> {
                let mut one = || {
                    let condition = pool[random.usize(..pool.len())].clone();
                    if random.bool() { not(condition) } else { condition }
                };
                (0..size).map(|_| one()).collect()
            };
            let condition =
                Condition::All(vec![Condition::All(group(2)), Condition::Any(group(2)), not(Condition::All(group(2)))]);
            if why_never(&condition).is_none() {
                continue;
            }
            found += 1;
            for title in &titles {
                let sheet = Sheet { title, user: &user, wanted_by: Some(1), free_space: None };
                assert_ne!(condition.judge(&sheet), Truth::True, "{condition:?}\n{title:?}");
            }
        }
        assert!(found > 100, "{found}");
    }

    #[test]
    fn rules_conflict_over_an_instance_at_the_same_priority() {
        let rule = |priority: i32, to: &[&str]| {
            let mut rule = Rule::new("a", priority, Condition::always());
            rule.route =
                to.iter().map(|to| RouteTo { to: (*to).to_owned(), overrides: Overrides::default() }).collect();
            rule
        };
        let mut off = rule(1, &["x"]);
        off.enabled = false;
        let rules =
            [rule(1, &["x", "y"]), rule(2, &["x"]), off, rule(1, &["z"]), rule(1, &["y", "x"]), rule(1, &["z"])];
        let found = conflicts(&rules.iter().collect::<Vec<_>>());
        let told: Vec<_> = found.iter().map(|it| (it.first, it.second, it.instance.as_str())).collect();
        assert_eq!(told, [(0, 4, "y"), (3, 5, "z")]);
    }
}
