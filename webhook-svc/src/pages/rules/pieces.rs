//! A draft as the template draws it: the tree of conditions piece by piece, because templates do not call themselves, and the options of
//! each destination.

use pulsarr_shared::config::ROUTE_OPTIONS;
use pulsarr_shared::model::{Instance, InstanceKind};
use pulsarr_shared::routing::{FIELDS, Field, FieldKind, Operator};

use super::draft::{Draft, Group, GroupKind, Node, ROOT, Route, Row, is_choice};
use super::written::{Marks, Several};
use crate::pages::options::OptionField;

/// A part of the tree, in the order in which it is drawn.
pub enum Piece {
    /// A group begins.
    Open(GroupPiece),
    /// A condition.
    Row(RowPiece),
    /// The group ends: its buttons.
    Close(GroupPiece),
}

#[derive(Clone)]
pub struct GroupPiece {
    pub at: String,
    pub kind: GroupKind,
    pub error: String,
    /// Whether it has no parts.
    pub empty: bool,
}

pub struct RowPiece {
    pub at: String,
    pub field: String,
    /// One line about the field, for people.
    pub about: String,
    /// Words and what people are shown for them.
    pub operators: Vec<(String, &'static str)>,
    pub operator: String,
    pub control: Control,
    pub error: String,
}

/// What is behind an operator.
pub enum Control {
    /// One text; what it is like.
    Text(String, String),
    /// The lowest and the highest.
    Range(String, String),
    /// One of these: words and what people are shown for them.
    Choice(Vec<(String, String)>, String),
    /// Some of these, each with whether it is ticked.
    Boxes(Vec<(&'static str, bool)>),
}

/// A destination.
pub struct RoutePiece {
    pub at: String,
    pub number: usize,
    pub to: String,
    pub error: String,
    /// Words and what people are shown for them.
    pub instances: Vec<(String, String)>,
    /// None while nobody wants to see them.
    pub options: Vec<OptionField>,
    pub no_tags: bool,
}

/// Every field with what people are shown for it.
pub fn fields() -> Vec<(&'static str, String)> {
    FIELDS.iter().map(|info| (info.field.word(), spaced(info.field.word()))).collect()
}

pub fn pieces(draft: &Draft, marks: &Marks) -> Vec<Piece> {
    let mut pieces = Vec::new();
    group(&draft.when, ROOT, marks, &mut pieces);
    pieces
}

fn group(inner: &Group, at: &str, marks: &Marks, pieces: &mut Vec<Piece>) {
    let piece =
        GroupPiece { at: at.to_owned(), kind: inner.kind, error: marks.error(at), empty: inner.parts.is_empty() };
    pieces.push(Piece::Open(piece.clone()));
    for (number, part) in inner.parts.iter().enumerate() {
        let at = format!("{at}.{number}");
        match part {
            Node::Group(inner) => group(inner, &at, marks, pieces),
            Node::Row(one) => pieces.push(Piece::Row(row(one, at, marks))),
        }
    }
    pieces.push(Piece::Close(piece));
}

fn row(row: &Row, at: String, marks: &Marks) -> RowPiece {
    let info = row.info();
    let fitting = info.map(|info| info.operators()).unwrap_or_default();
    let mut operators: Vec<_> =
        fitting.iter().map(|it| (it.word().to_owned(), said(*it, info.map(|it| it.kind)))).collect();
    if !operators.iter().any(|(word, _)| *word == row.operator) {
        operators.push((row.operator.clone(), "does not fit"));
    }
    let about = info.map(|info| match (info.unit, info.about) {
        ("", about) => about.to_owned(),
        (unit, about) => format!("{about}; {unit}"),
    });
    RowPiece {
        error: marks.error(&at),
        at,
        field: row.field.clone(),
        about: about.unwrap_or_default(),
        operators,
        operator: row.operator.clone(),
        control: control(row),
    }
}

fn control(row: &Row) -> Control {
    let first = row.values.first().cloned().unwrap_or_default();
    let Some(info) = row.info() else { return Control::Text(row.values.join(", "), String::new()) };
    if row.is_flag() {
        let yes_and_no = [("true", "yes"), ("false", "no")];
        return chosen(yes_and_no.map(|(word, said)| (word.to_owned(), said.to_owned())).to_vec(), first);
    }
    match row.several() {
        Several::Many if is_choice(info) => {
            let ticked = |choice: &&'static str| (*choice, row.values.iter().any(|value| value == choice));
            Control::Boxes(info.choices.iter().map(ticked).collect())
        }
        _ if is_choice(info) => chosen(info.choices.iter().map(|it| ((*it).to_owned(), spaced(it))).collect(), first),
        Several::Two => Control::Range(first, row.values.get(1).cloned().unwrap_or_default()),
        Several::Many => Control::Text(row.values.join(", "), "several, with commas".to_owned()),
        Several::One => {
            let like = match (Operator::parse(&row.operator), info.kind, info.unit) {
                (Some(Operator::Matches), ..) => "regular expression",
                (_, FieldKind::User, _) => "a name on Plex, or an alias",
                (_, _, unit) => unit,
            };
            Control::Text(first, like.to_owned())
        }
    }
}

/// One of `choices`; what was typed is one of them, whatever it is.
fn chosen(mut choices: Vec<(String, String)>, value: String) -> Control {
    if !value.is_empty() && !choices.iter().any(|(word, _)| *word == value) {
        choices.push((value.clone(), value.clone()));
    }
    Control::Choice(choices, value)
}

/// What people are shown for an operator.
const fn said(operator: Operator, kind: Option<FieldKind>) -> &'static str {
    match (operator, kind) {
        (Operator::Equals, Some(FieldKind::Texts)) => "is exactly",
        (Operator::Not, Some(FieldKind::Texts)) => "is not exactly",
        (Operator::In, Some(FieldKind::Texts)) => "has one of",
        (Operator::NotIn, Some(FieldKind::Texts)) => "has none of",
        (Operator::Contains, Some(FieldKind::Texts)) => "has",
        (Operator::NotContains, Some(FieldKind::Texts)) => "has not",
        (Operator::Equals, _) => "is",
        (Operator::Not, _) => "is not",
        (Operator::In, _) => "is one of",
        (Operator::NotIn, _) => "is none of",
        (Operator::Contains, _) => "contains",
        (Operator::NotContains, _) => "does not contain",
        (Operator::Matches, _) => "matches",
        (Operator::Less, _) => "<",
        (Operator::AtMost, _) => "≤",
        (Operator::More, _) => ">",
        (Operator::AtLeast, _) => "≥",
        (Operator::Between, _) => "between",
        (Operator::Exists, _) => "is told at all",
    }
}

pub fn routes(draft: &Draft, instances: &[Instance], marks: &Marks) -> Vec<RoutePiece> {
    draft.routes.iter().enumerate().map(|(number, it)| route(it, number, instances, marks)).collect()
}

fn route(route: &Route, number: usize, instances: &[Instance], marks: &Marks) -> RoutePiece {
    let at = format!("route.{number}");
    let kind = kind_of(instances, &route.to);
    let app = |kind| match kind {
        InstanceKind::Radarr => "Radarr",
        InstanceKind::Sonarr => "Sonarr",
    };
    let shown = |it: &Instance| (it.name.clone(), format!("{} ({})", it.name, app(it.kind())));
    let mut names: Vec<_> = instances.iter().map(shown).collect();
    if !instances.iter().any(|it| it.name == route.to) {
        names.push((route.to.clone(), if route.to.is_empty() { "choose one".into() } else { route.to.clone() }));
    }
    let seen = route.open || route.no_tags || !route.options.is_empty();
    let keys = if seen { ROUTE_OPTIONS } else { &[] };
    let options = keys.iter().filter_map(|key| {
        let value = route.options.get(key).map_or("", String::as_str);
        let field = OptionField::of(key, kind, value, "as the instance has it")?;
        let at = format!("{at}.{key}");
        Some(OptionField { error: marks.error(&at), at, ..field })
    });
    let options = options.collect();
    RoutePiece {
        number,
        to: route.to.clone(),
        error: marks.error(&format!("{at}.to")),
        instances: names,
        options,
        no_tags: route.no_tags,
        at,
    }
}

/// What kind of instance has this name.
pub fn kind_of(instances: &[Instance], name: &str) -> Option<InstanceKind> {
    instances.iter().find(|instance| instance.name == name).map(Instance::kind)
}

/// A field as people call it.
pub fn spaced(word: &str) -> String {
    match Field::parse(word) {
        Some(Field::ImdbRating) => "IMDb rating".to_owned(),
        Some(Field::ImdbVotes) => "IMDb votes".to_owned(),
        Some(Field::TmdbRating) => "TMDB rating".to_owned(),
        Some(Field::RtCritic) => "Rotten Tomatoes critics".to_owned(),
        Some(Field::RtAudience) => "Rotten Tomatoes audience".to_owned(),
        Some(Field::FreeSpace) => "free space".to_owned(),
        Some(Field::InPlex) => "already in Plex".to_owned(),
        _ => word.replace('_', " "),
    }
}
