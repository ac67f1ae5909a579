//! What is known about one wish: the title, who wants it, and what is around it. Conditions look at nothing else.

use crate::model::{Facts, KnownFacts, Title, User};

use super::field::{FactSource, Field, FieldSet};

/// A field's value.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// One text.
    Text(&'a str),
    /// Several; none is known to be none.
    Texts(&'a [String]),
    /// A person.
    User(&'a User),
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// Everybody who could tell was asked, and nobody told; or titles of this type have no such thing.
    Absent,
    /// Somebody who could tell has not been asked, or has not answered.
    Unknown,
}

/// Everything conditions can look at.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// What is wanted.
    pub title: &'a Title,
    /// By whom.
    pub user: &'a User,
    /// On how many watchlists it is.
    pub wanted_by: Option<u32>,
    /// Bytes free where it would go, as far as that has been asked.
    pub free_space: Option<u64>,
}

/// Something that tells the value of a field.
pub trait Look<'a> {
    /// The value of `field`.
    fn look(&self, field: Field) -> Value<'a>;
}

impl<'a> Look<'a> for Sheet<'a> {
    fn look(&self, field: Field) -> Value<'a> {
        self.value(field)
    }
}

/// The values of some fields, looked up once: many rules look at the same few.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a>([Value<'a>; Field::ALL.len()]);

impl<'a> Values<'a> {
    /// The values of `fields`; every other field is unknown here.
    #[must_use]
    pub fn of(sheet: &Sheet<'a>, fields: FieldSet) -> Self {
        let mut values = [Value::Unknown; Field::ALL.len()];
        for field in fields.iter() {
            values[field as usize] = sheet.value(field);
        }
        Self(values)
    }
}

impl<'a> Look<'a> for Values<'a> {
    #[inline]
    fn look(&self, field: Field) -> Value<'a> {
        self.0[field as usize]
    }
}

/// Bytes in a gigabyte, as disks are sold and arrs print them not: decimal.
const GIGABYTE: f64 = 1e9;

impl<'a> Sheet<'a> {
    /// The value of `field`.
    #[must_use]
    pub fn value(&self, field: Field) -> Value<'a> {
        let facts = &self.title.facts;
        let number = |value: Option<f64>| value.map(Value::Number);
        let of = |pick: fn(&'a Facts) -> Option<Value<'a>>| told(facts, field, pick);
        if !self.has(field) {
            return Value::Absent;
        }
        match field {
            Field::Type => Value::Text(self.title.media_type.word()),
            Field::User => Value::User(self.user),
            Field::Year => match self.title.year {
                Some(year) => Value::Number(f64::from(year)),
                None => of(|facts| facts.year.map(|year| Value::Number(f64::from(year)))),
            },
            Field::Genre => of(|facts| texts(facts.genres.as_ref())),
            Field::Certification => of(|facts| text(facts.certification.as_ref())),
            Field::OriginalLanguage => of(|facts| text(facts.original_language.as_ref())),
            Field::SeasonCount => of(|facts| facts.season_count.map(|count| Value::Number(f64::from(count)))),
            Field::Runtime => of(|facts| facts.runtime_min.map(|minutes| Value::Number(f64::from(minutes)))),
            Field::Studio => of(|facts| texts(facts.studios.as_ref())),
            Field::Country => of(|facts| texts(facts.countries.as_ref())),
            Field::Keyword => of(|facts| texts(facts.keywords.as_ref())),
            Field::ImdbRating => of(|facts| facts.imdb_rating.map(Value::Number)),
            Field::ImdbVotes => of(|facts| facts.imdb_votes.map(|votes| Value::Number(f64::from(votes)))),
            Field::RtCritic => of(|facts| facts.rt_critic.map(Value::Number)),
            Field::RtAudience => of(|facts| facts.rt_audience.map(Value::Number)),
            Field::TmdbRating => of(|facts| facts.tmdb_rating.map(Value::Number)),
            Field::StreamingService => of(|facts| texts(facts.streaming_services.as_ref())),
            Field::MovieStatus => of(|facts| text(facts.movie_status.as_ref())),
            Field::SeriesStatus => of(|facts| text(facts.series_status.as_ref())),
            Field::Anime => anime(facts),
            Field::WantedBy => number(self.wanted_by.map(f64::from)).unwrap_or(Value::Unknown),
            Field::InPlex => facts.in_plex.map_or(Value::Unknown, Value::Flag),
            #[expect(clippy::cast_precision_loss, reason = "nobody compares free space to the byte")]
            Field::FreeSpace => number(self.free_space.map(|bytes| bytes as f64 / GIGABYTE)).unwrap_or(Value::Unknown),
        }
    }

    /// Who told the value of `field`; when it is unknown, who would have to.
    #[must_use]
    pub fn source(&self, field: Field) -> FactSource {
        let facts = &self.title.facts;
        match field {
            _ if facts.given.is_some() => FactSource::Given,
            Field::Year if self.title.year.is_some() => FactSource::Watchlist,
            Field::Type | Field::User | Field::WantedBy | Field::InPlex | Field::FreeSpace => field.info().sources[0],
            _ => {
                let asked = field.info().sources.iter().filter_map(|source| Some((*source, from(facts, *source)?)));
                let mut tellers = asked.filter(|(_, facts)| tells(facts, field)).map(|(source, _)| source);
                let unasked = self.to_ask(field);
                tellers.next().or(unasked).unwrap_or(field.info().sources[0])
            }
        }
    }

    /// Who has to be asked next to learn `field`; `None` when it is known, or everybody has been asked.
    #[must_use]
    pub fn to_ask(&self, field: Field) -> Option<FactSource> {
        if !matches!(self.value(field), Value::Unknown) {
            return None;
        }
        let facts = &self.title.facts;
        field.info().sources.iter().copied().find(|source| match source {
            FactSource::PlexServer => facts.in_plex.is_none(),
            FactSource::RootFolder => self.free_space.is_none(),
            FactSource::Store => true,
            source => from(facts, *source).is_none(),
        })
    }

    /// Whether titles of this type can have the field.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        field.info().only.is_none_or(|only| only == self.title.media_type)
    }
}

/// Everything `fields` still lacks of `title` from `source`'s point of view: whether that source should be asked.
#[must_use]
pub fn should_ask(sheet: &Sheet<'_>, fields: FieldSet, source: FactSource) -> bool {
    fields.iter().any(|field| sheet.has(field) && sheet.to_ask(field) == Some(source))
}

fn from(facts: &KnownFacts, source: FactSource) -> Option<&Facts> {
    match source {
        FactSource::Plex => facts.plex.as_ref(),
        FactSource::Arr => facts.arr.as_ref(),
        FactSource::Tmdb => facts.tmdb.as_ref(),
        FactSource::Given => facts.given.as_ref(),
        _ => None,
    }
}

/// The first value that one of the field's sources told, cheapest first.
fn told<'a>(facts: &'a KnownFacts, field: Field, pick: fn(&'a Facts) -> Option<Value<'a>>) -> Value<'a> {
    if let Some(given) = &facts.given {
        return pick(given).unwrap_or(Value::Absent);
    }
    let mut nothing = Value::Absent;
    for source in field.info().sources {
        match from(facts, *source) {
            // TMDB needs a key that not everybody has: an empty list is an answer without it.
            None if *source == FactSource::Tmdb && matches!(nothing, Value::Texts(_)) => return nothing,
            None => return Value::Unknown,
            Some(facts) => match pick(facts) {
                // An empty list is worth less than another's full one, and more than nothing.
                Some(empty @ Value::Texts([])) => nothing = empty,
                Some(value) => return value,
                None => {}
            },
        }
    }
    nothing
}

fn texts(list: Option<&Vec<String>>) -> Option<Value<'_>> {
    list.map(|list| Value::Texts(list))
}

fn text(text: Option<&String>) -> Option<Value<'_>> {
    text.map(|text| Value::Text(text))
}

/// Whether one source says something about a field.
fn tells(facts: &Facts, field: Field) -> bool {
    match field {
        Field::Year => facts.year.is_some(),
        Field::Genre => facts.genres.as_ref().is_some_and(|genres| !genres.is_empty()),
        Field::Certification => facts.certification.is_some(),
        Field::OriginalLanguage => facts.original_language.is_some(),
        Field::SeasonCount => facts.season_count.is_some(),
        Field::Runtime => facts.runtime_min.is_some(),
        Field::Studio => facts.studios.as_ref().is_some_and(|studios| !studios.is_empty()),
        Field::Country => facts.countries.as_ref().is_some_and(|countries| !countries.is_empty()),
        Field::Keyword => facts.keywords.as_ref().is_some_and(|keywords| !keywords.is_empty()),
        Field::ImdbRating => facts.imdb_rating.is_some(),
        Field::ImdbVotes => facts.imdb_votes.is_some(),
        Field::RtCritic => facts.rt_critic.is_some(),
        Field::RtAudience => facts.rt_audience.is_some(),
        Field::TmdbRating => facts.tmdb_rating.is_some(),
        Field::StreamingService => facts.streaming_services.is_some(),
        Field::MovieStatus => facts.movie_status.is_some(),
        Field::SeriesStatus => facts.series_status.is_some(),
        Field::Anime => anime_by(facts) == Some(true),
        Field::Type | Field::User | Field::WantedBy | Field::InPlex | Field::FreeSpace => false,
    }
}

/// Whether it is anime: yes as soon as one says so; no once both who could say so were asked.
fn anime(facts: &KnownFacts) -> Value<'_> {
    if let Some(given) = &facts.given {
        return anime_by(given).map_or(Value::Absent, Value::Flag);
    }
    let (plex, arr) = (facts.plex.as_ref().and_then(anime_by), facts.arr.as_ref().and_then(anime_by));
    match (plex, arr) {
        (Some(true), _) | (_, Some(true)) => Value::Flag(true),
        _ if facts.plex.is_none() || facts.arr.is_none() => Value::Unknown,
        (None, None) => Value::Absent,
        _ => Value::Flag(false),
    }
}

/// Whether one source says that it is anime: the genre by name, or animation made in Japanese. `None` without genres.
pub(super) fn anime_by(facts: &Facts) -> Option<bool> {
    let is = |name: &str| {
        let genres = facts.genres.as_ref();
        genres.is_some_and(|genres| genres.iter().any(|genre| genre.eq_ignore_ascii_case(name)))
    };
    let japanese = facts.original_language.as_deref().is_some_and(|language| language.eq_ignore_ascii_case("japanese"));
    let by_genre = || is("anime") || (japanese && (is("animation") || is("animated")));
    facts.anime.or_else(|| facts.genres.as_ref().map(|_| by_genre()))
}

/// The value in plain words, for a trace; `None` when it is unknown or absent.
#[must_use]
pub fn in_words(value: Value<'_>, field: Field) -> Option<String> {
    let unit = field.info().unit;
    Some(match value {
        Value::Text(text) => text.to_owned(),
        Value::Texts([]) => "none".to_owned(),
        Value::Texts(texts) => texts.join(", "),
        Value::User(user) => user.called().to_owned(),
        Value::Number(number) if unit.is_empty() => number_in_words(number),
        Value::Number(number) if unit == "%" => format!("{}%", number_in_words(number)),
        Value::Number(number) => match number_in_words(number) {
            one if one == "1" => format!("1 {}", one_of(unit)),
            number => format!("{number} {unit}"),
        },
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::Absent | Value::Unknown => return None,
    })
}

/// `person` of `people`, `minute` of `minutes`.
fn one_of(unit: &str) -> &str {
    if unit == "people" { "person" } else { unit.strip_suffix('s').unwrap_or(unit) }
}

/// Up to one digit behind the point, and none that says nothing.
fn number_in_words(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    format!("{rounded}")
}
