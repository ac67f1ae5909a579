//! A condition and what it is worth: true, false or unknown. Unknown never matches, and the opposite of unknown is unknown.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::field::{Field, FieldKind, FieldSet, Operator};
use super::pattern::Pattern;
use super::sheet::{Look, Value};

/// What a condition is worth. Kleene's three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can tell, because a fact is unknown.
    Unknown,
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// One of them holds.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

/// What must hold for a rule to match.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Every one of them; of none: holds.
    All(Vec<Self>),
    /// At least one of them; of none: does not hold.
    Any(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// One field compared.
    Compare(Comparison),
}

/// One field compared with what a person wrote. Can only be made by [`Comparison::new`], so the parts fit each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    field: Field,
    operator: Operator,
    operand: Operand,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Word(Word),
    Words(Vec<Word>),
    Number(f64),
    Numbers(Vec<f64>),
    Range(f64, f64),
    Flag(bool),
    Pattern(Pattern),
}

/// A text that is compared in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    written: String,
    folded: String,
    /// Nearly every word is: then bytes can be compared.
    ascii: bool,
}

impl Word {
    fn new(written: &str) -> Self {
        let folded = folded(written);
        Self { written: written.to_owned(), ascii: folded.is_ascii(), folded }
    }

    /// In lower case.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// Most texts differ in length already, and that is seen without a call.
    #[inline(always)]
    fn is(&self, text: &str) -> bool {
        (self.folded.len() == text.len() || !self.ascii) && self.is_letter_by_letter(text)
    }

    fn is_letter_by_letter(&self, text: &str) -> bool {
        if self.ascii {
            let (own, other) = (self.folded.as_bytes(), text.as_bytes());
            let alike = own.first().map(|byte| byte | 0x20) == other.first().map(|byte| byte | 0x20);
            return alike && own.eq_ignore_ascii_case(other);
        }
        text.chars().flat_map(char::to_lowercase).eq(self.folded.chars())
    }

    fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() && self.ascii {
            let (text, part) = (text.as_bytes(), self.folded.as_bytes());
            return part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
        }
        folded(text).contains(&self.folded)
    }
}

/// In lower case letter by letter: a whole word is folded otherwise where a sigma ends it.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What a person wrote behind an operator: a scalar, or a list of them, each as it was spelt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// `anime`, `2020`, `true`
    One(String),
    /// `[R, NC-17]`
    Many(Vec<String>),
}

impl Comparison {
    /// The comparison of `field` by `operator` with `written`.
    ///
    /// # Errors
    /// A sentence that says what does not fit and what would.
    pub fn new(field: Field, operator: Operator, written: &Written) -> Result<Self, String> {
        let info = field.info();
        if !info.operators().contains(&operator) {
            let fitting: Vec<String> = info.operators().iter().map(|operator| format!("`{operator}`")).collect();
            return Err(format!(
                "`{operator}` does not fit `{field}`, which is {}: use one of {}",
                a(info.kind),
                fitting.join(", ")
            ));
        }
        let operand = operand(field, operator, written)?;
        Ok(Self { field, operator, operand })
    }

    /// What is compared.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// How.
    #[must_use]
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    pub(super) const fn operand(&self) -> &Operand {
        &self.operand
    }

    /// What it is worth for this title.
    #[must_use]
    #[inline(always)]
    pub fn judge<'a>(&self, known: &impl Look<'a>) -> Truth {
        let value = known.look(self.field);
        if let (Operator::Exists, Operand::Flag(wanted)) = (self.operator, &self.operand) {
            return match value {
                Value::Unknown => Truth::Unknown,
                Value::Absent => Truth::from(!wanted),
                Value::Texts([]) => Truth::from(!wanted),
                _ => Truth::from(*wanted),
            };
        }
        match value {
            Value::Unknown | Value::Absent => Truth::Unknown,
            Value::Text(text) => self.judge_text(text),
            Value::Texts(texts) => self.judge_texts(texts.iter().map(String::as_str)),
            Value::User(user) => self.judge_names(user.names()),
            Value::Number(number) => self.judge_number(number),
            Value::Flag(flag) => match (&self.operand, self.operator) {
                (Operand::Flag(wanted), Operator::Not) => Truth::from(flag != *wanted),
                (Operand::Flag(wanted), _) => Truth::from(flag == *wanted),
                _ => Truth::Unknown,
            },
        }
    }

    pub(super) fn judge_text(&self, text: &str) -> Truth {
        let holds = match (&self.operand, self.operator) {
            (Operand::Word(word), Operator::Equals) => word.is(text),
            (Operand::Word(word), Operator::Not) => !word.is(text),
            (Operand::Word(word), Operator::Contains) => word.is_in(text),
            (Operand::Word(word), Operator::NotContains) => !word.is_in(text),
            (Operand::Words(words), Operator::In) => words.iter().any(|word| word.is(text)),
            (Operand::Words(words), Operator::NotIn) => !words.iter().any(|word| word.is(text)),
            (Operand::Pattern(pattern), _) => pattern.finds_in(text),
            _ => return Truth::Unknown,
        };
        Truth::from(holds)
    }

    pub(super) fn judge_texts<'t>(&self, mut texts: impl Iterator<Item = &'t str> + Clone) -> Truth {
        let has = |word: &Word| texts.clone().any(|text| word.is(text));
        let exactly =
            |words: &[Word]| words.iter().all(has) && texts.clone().all(|text| words.iter().any(|word| word.is(text)));
        let holds = match (&self.operand, self.operator) {
            (Operand::Word(word), Operator::Contains) => has(word),
            (Operand::Word(word), Operator::NotContains) => !has(word),
            (Operand::Words(words), Operator::In) => words.iter().any(has),
            (Operand::Words(words), Operator::NotIn) => !words.iter().any(has),
            (Operand::Words(words), Operator::Equals) => exactly(words),
            (Operand::Words(words), Operator::Not) => !exactly(words),
            (Operand::Pattern(pattern), _) => texts.any(|text| pattern.finds_in(text)),
            _ => return Truth::Unknown,
        };
        Truth::from(holds)
    }

    /// A person is the same under each of several names.
    fn judge_names<'t>(&self, mut names: impl Iterator<Item = &'t str>) -> Truth {
        let holds = match (&self.operand, self.operator) {
            (Operand::Word(word), Operator::Equals) => names.any(|name| word.is(name)),
            (Operand::Word(word), Operator::Not) => !names.any(|name| word.is(name)),
            (Operand::Words(words), Operator::In) => names.any(|name| words.iter().any(|word| word.is(name))),
            (Operand::Words(words), Operator::NotIn) => !names.any(|name| words.iter().any(|word| word.is(name))),
            (Operand::Pattern(pattern), _) => names.any(|name| pattern.finds_in(name)),
            _ => return Truth::Unknown,
        };
        Truth::from(holds)
    }

    #[expect(clippy::float_cmp, reason = "people compare with numbers exactly as written")]
    fn judge_number(&self, number: f64) -> Truth {
        let holds = match (&self.operand, self.operator) {
            (Operand::Number(wanted), Operator::Equals) => number == *wanted,
            (Operand::Number(wanted), Operator::Not) => number != *wanted,
            (Operand::Number(wanted), Operator::Less) => number < *wanted,
            (Operand::Number(wanted), Operator::AtMost) => number <= *wanted,
            (Operand::Number(wanted), Operator::More) => number > *wanted,
            (Operand::Number(wanted), Operator::AtLeast) => number >= *wanted,
            (Operand::Range(from, to), _) => (*from..=*to).contains(&number),
            (Operand::Numbers(numbers), Operator::In) => numbers.contains(&number),
            (Operand::Numbers(numbers), Operator::NotIn) => !numbers.contains(&number),
            _ => return Truth::Unknown,
        };
        Truth::from(holds)
    }
}

impl Condition {
    /// Holds for everything.
    #[must_use]
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// What it is worth for this title.
    #[must_use]
    pub fn judge<'a>(&self, known: &impl Look<'a>) -> Truth {
        match self {
            Self::Compare(comparison) => comparison.judge(known),
            Self::Not(inner) => !inner.judge(known),
            Self::All(parts) => {
                let mut all = Truth::True;
                for part in parts {
                    match part.judge(known) {
                        Truth::True => {}
                        Truth::False => return Truth::False,
                        Truth::Unknown => all = Truth::Unknown,
                    }
                }
                all
            }
            Self::Any(parts) => {
                let mut any = Truth::False;
                for part in parts {
                    match part.judge(known) {
                        Truth::True => return Truth::True,
                        Truth::False => {}
                        Truth::Unknown => any = Truth::Unknown,
                    }
                }
                any
            }
        }
    }

    /// The same condition with the cheapest parts of every group first: what it is worth does not depend on their order, how long
    /// it takes to find out does.
    #[must_use]
    pub fn cheapest_first(&self) -> Self {
        let sorted = |parts: &[Self]| {
            let mut parts: Vec<Self> = parts.iter().map(Self::cheapest_first).collect();
            parts.sort_by_key(Self::cost);
            parts
        };
        match self {
            Self::Compare(_) => self.clone(),
            Self::Not(inner) => Self::Not(Box::new(inner.cheapest_first())),
            Self::All(parts) => Self::All(sorted(parts)),
            Self::Any(parts) => Self::Any(sorted(parts)),
        }
    }

    /// How long it takes to judge, roughly, in comparisons of numbers.
    fn cost(&self) -> u32 {
        match self {
            Self::Compare(comparison) => match (&comparison.operand, comparison.field.info().kind) {
                (Operand::Pattern(_), _) => 200,
                (Operand::Words(words), FieldKind::Texts | FieldKind::User) => {
                    4 * u32::try_from(words.len()).unwrap_or(50)
                }
                (_, FieldKind::Texts | FieldKind::User) => 4,
                (_, FieldKind::Text) => 2,
                _ => 1,
            },
            Self::Not(inner) => inner.cost(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::cost).fold(1, u32::saturating_add),
        }
    }

    /// The unknown fields that still matter: none where the worth is settled whatever they turn out to be, and of a group only those of
    /// the parts that are open.
    #[must_use]
    pub fn open_fields<'a>(&self, known: &impl Look<'a>) -> FieldSet {
        if self.judge(known) != Truth::Unknown {
            return FieldSet::default();
        }
        match self {
            Self::Compare(comparison) => FieldSet::default().with(comparison.field),
            Self::Not(inner) => inner.open_fields(known),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().fold(FieldSet::default(), |fields, part| fields.and(part.open_fields(known)))
            }
        }
    }

    /// Every field it looks at.
    #[must_use]
    pub fn fields(&self) -> FieldSet {
        match self {
            Self::Compare(comparison) => FieldSet::default().with(comparison.field),
            Self::Not(inner) => inner.fields(),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().fold(FieldSet::default(), |fields, part| fields.and(part.fields()))
            }
        }
    }
}

/// The operand that `written` gives. The operator fits the field already.
fn operand(field: Field, operator: Operator, written: &Written) -> Result<Operand, String> {
    let info = field.info();
    let one = || match written {
        Written::One(text) if !text.trim().is_empty() => Ok(text.trim()),
        Written::One(_) => Err(format!("`{operator}` needs a value")),
        Written::Many(_) => Err(format!("`{operator}` takes one value, not a list{}", instead(info.kind, operator))),
    };
    let many = || match written {
        Written::Many(texts) if texts.is_empty() => {
            Err(format!("`{operator}` has an empty list: name at least one value"))
        }
        Written::Many(texts) => Ok(texts.iter().map(|text| text.trim()).collect::<Vec<_>>()),
        Written::One(_) if operator == Operator::Between => {
            Err("`between` takes two numbers, the lowest and the highest: write [lowest, highest]".to_owned())
        }
        Written::One(text) => Err(format!("`{operator}` takes a list: write [{text}]")),
    };
    match (info.kind, operator) {
        (_, Operator::Exists) | (FieldKind::Flag, _) => match one()?.to_ascii_lowercase().as_str() {
            "true" => Ok(Operand::Flag(true)),
            "false" => Ok(Operand::Flag(false)),
            other => Err(format!("expected true or false, found `{other}`")),
        },
        (_, Operator::Matches) => Pattern::new(one()?).map(Operand::Pattern),
        (FieldKind::Number, Operator::Between) => {
            let numbers = many()?.into_iter().map(|text| number(field, text)).collect::<Result<Vec<_>, _>>()?;
            match numbers[..] {
                [from, to] if from <= to => Ok(Operand::Range(from, to)),
                [from, to] => Err(format!("no number lies between {from} and {to}: write [{to}, {from}]")),
                _ => Err(format!("`between` takes two numbers, the lowest and the highest; found {}", numbers.len())),
            }
        }
        (FieldKind::Number, Operator::In | Operator::NotIn) => {
            many()?.into_iter().map(|text| number(field, text)).collect::<Result<_, _>>().map(Operand::Numbers)
        }
        (FieldKind::Number, _) => number(field, one()?).map(Operand::Number),
        (_, Operator::In | Operator::NotIn) => words(field, &many()?).map(Operand::Words),
        // Of several texts, "equals" names all of them; one alone needs no brackets.
        (FieldKind::Texts, Operator::Equals | Operator::Not) => match written {
            Written::One(_) => words(field, &[one()?]).map(Operand::Words),
            Written::Many(_) => words(field, &many()?).map(Operand::Words),
        },
        _ => words(field, &[one()?]).map(|mut words| Operand::Word(words.remove(0))),
    }
}

fn words(field: Field, texts: &[&str]) -> Result<Vec<Word>, String> {
    let choices = field.info().choices;
    let word = |text: &&str| {
        if text.is_empty() {
            return Err("an empty text: write a value".to_owned());
        }
        let word = Word::new(text);
        if choices.is_empty() || choices.contains(&word.folded.as_str()) {
            return Ok(word);
        }
        Err(format!("`{field}` is never `{text}`: it is one of {}", choices.join(", ")))
    };
    texts.iter().map(word).collect()
}

fn number(field: Field, text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("expected a number, found `{text}`"))?;
    match field.info().range {
        Some((lowest, highest)) if !(lowest..=highest).contains(&number) => {
            Err(format!("`{field}` is never {number}: it lies between {lowest} and {highest}"))
        }
        _ => Ok(number),
    }
}

fn instead(kind: FieldKind, operator: Operator) -> &'static str {
    match (kind, operator) {
        (FieldKind::Texts, Operator::Contains) => ": use `in` for one of several, or `all` for every one",
        (FieldKind::Texts, Operator::NotContains) => ": use `not_in`",
        (_, Operator::Equals) => ": use `in`",
        (_, Operator::Not) => ": use `not_in`",
        _ => "",
    }
}

const fn a(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "a text",
        FieldKind::Texts => "a list of texts",
        FieldKind::User => "a person",
        FieldKind::Number => "a number",
        FieldKind::Flag => "true or false",
    }
}

impl std::fmt::Display for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => f.write_str(&word.written),
            Self::Words(words) => {
                let words: Vec<&str> = words.iter().map(|word| word.written.as_str()).collect();
                write!(f, "[{}]", words.join(", "))
            }
            Self::Number(number) => write!(f, "{number}"),
            Self::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", numbers.join(", "))
            }
            Self::Range(from, to) => write!(f, "[{from}, {to}]"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Pattern(pattern) => write!(f, "/{pattern}/"),
        }
    }
}

impl std::fmt::Display for Comparison {
    /// `genre contains anime`, `year >= 2020`, `certification in [R, NC-17]`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.field.info().kind, self.operator) {
            (FieldKind::Number, Operator::Equals) => write!(f, "{} = {}", self.field, self.operand),
            (FieldKind::Number, Operator::Not) => write!(f, "{} != {}", self.field, self.operand),
            _ => write!(f, "{} {} {}", self.field, self.operator, self.operand),
        }
    }
}

impl Serialize for Condition {
    /// In the words of the settings file.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::All(parts) => map.serialize_entry("all", parts)?,
            Self::Any(parts) => map.serialize_entry("any", parts)?,
            Self::Not(inner) => map.serialize_entry("not", inner)?,
            Self::Compare(comparison) => map.serialize_entry(comparison.field.word(), &Behind(comparison))?,
        }
        map.end()
    }
}

/// What stands behind a field: the operator with its operand.
struct Behind<'a>(&'a Comparison);

impl Serialize for Behind<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0.operator.word(), &self.0.operand)?;
        map.end()
    }
}

impl Serialize for Operand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Word(word) => serializer.serialize_str(&word.written),
            Self::Words(words) => serializer.collect_seq(words.iter().map(|word| &word.written)),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Numbers(numbers) => serializer.collect_seq(numbers),
            Self::Range(from, to) => serializer.collect_seq([from, to]),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Pattern(pattern) => serializer.collect_str(pattern),
        }
    }
}
