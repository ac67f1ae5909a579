//! The `tests` of the settings file: titles as people describe them, and what the rules are expected to do with them.

use crate::model::{
    ExternalIds, Facts, KnownFacts, MediaType, PlexId, Relation, Title, TmdbId, TvdbId, User, UserId, UserUuid,
};
use crate::routing::{self, Described, Expectation, Field as Known, FieldKind, RuleTest};

use super::finding::quoted;
use super::instances::{self, Named};
use super::nearest::nearest;
use super::reader::{Field, Fields, Reader};
use super::routes;
use super::users::UserSettings;

pub(super) const KEYS: &[&str] = &["name", "given", "expect"];
pub(super) const EXPECT_KEYS: &[&str] = &["route", "exclude", "approval", "options"];

/// The user's name where a test names nobody.
pub const SOMEBODY: &str = "somebody";

/// Where a uuid of Plex would be.
const NO_UUID: &str = "0000000000000000";

/// Bytes in a gigabyte.
const GIGABYTE: f64 = 1e9;

/// Every test, in the order of the file.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    root: &Fields<'a>,
    named: &[Named<'a>],
    users: &UserSettings,
) -> Vec<RuleTest> {
    let items = reader.items(root, "tests");
    let shown = if items.is_empty() { "(none)".to_owned() } else { items.len().to_string() };
    match root.get("tests") {
        Some(field) => reader.list_value(field, shown),
        None => reader.list_default(root, "tests", shown),
    }
    let mut tests = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for item in items {
        let fields = reader.fields(&item, KEYS);
        let name = reader.written_text(&fields, "name");
        if let (Some(field), Some(name)) = (fields.get("name"), &name) {
            match names.iter().find(|(other, _)| other.to_lowercase() == name.to_lowercase()) {
                Some((other, place)) => {
                    let message = format!("{place} is called {} already: give each test its own name", quoted(other));
                    reader.problem(field, message);
                }
                None => names.push((name.clone(), item.path.clone())),
            }
        }
        let given = read_given(reader, &fields, users);
        let expect = read_expect(reader, &fields, named);
        if let (Some(given), Some(expect)) = (given, expect) {
            let name = name.unwrap_or_else(|| given.title.title.clone());
            tests.push(RuleTest { name, given, expect });
        }
    }
    tests
}

fn read_given<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>, users: &UserSettings) -> Option<Described> {
    let Some(field) = fields.get("given") else {
        reader.missing(fields, "given");
        return None;
    };
    let entries = reader.entries(field, "a title such as {title: Frieren, type: show, genres: [Anime]}")?;
    let mut title = None;
    let mut media_type = None;
    let mut user = SOMEBODY.to_owned();
    let mut facts = Facts::default();
    let mut in_plex = None;
    let mut wanted_by = 1;
    let mut free_space = None;
    let mut told: Vec<(Known, Field<'a>)> = Vec::new();
    for (key, inner) in entries {
        if key == "title" {
            title = reader.text(&inner);
            continue;
        }
        let Some(known) = known(&key) else {
            let message = unknown(&key);
            reader.problem(&inner, message);
            continue;
        };
        if let Some((_, first)) = told.iter().find(|(other, _)| *other == known) {
            let message = format!("line {} tells the same as `{}`: keep one of the two", first.line, first.path);
            reader.problem(&inner, message);
            continue;
        }
        told.push((known, inner.clone()));
        match known {
            Known::Type => {
                media_type = read_text(reader, known, &inner).and_then(|word| MediaType::from_word(&word));
            }
            Known::User => user = reader.text(&inner).unwrap_or(user),
            Known::InPlex => in_plex = read_flag(reader, &inner),
            Known::WantedBy => wanted_by = read_whole(reader, known, &inner).unwrap_or(wanted_by),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it lies within the field's range, which has no negative numbers"
            )]
            Known::FreeSpace => free_space = read_number(reader, known, &inner).map(|gb| (gb * GIGABYTE) as u64),
            known => read_fact(reader, known, &inner, &mut facts),
        }
    }
    let Some(media_type) = media_type else {
        if !told.iter().any(|(known, _)| *known == Known::Type) {
            reader.problem(field, "lacks the type: add `type: movie` or `type: show`");
        }
        return None;
    };
    for (known, inner) in told {
        if known.info().only.is_some_and(|only| only != media_type) {
            reader.problem(&inner, format!("a {media_type} has no `{known}`: remove it"));
        }
    }
    let (radarr, sonarr) = (media_type == MediaType::Movie, media_type == MediaType::Show);
    Some(Described {
        title: Title {
            // Made up, so that no id that is missing stands in the way.
            plex_id: PlexId::parse("described")?,
            media_type,
            title: title.unwrap_or_else(|| format!("a {media_type}")),
            year: None,
            ids: ExternalIds { imdb: None, tmdb: radarr.then_some(TmdbId(1)), tvdb: sonarr.then_some(TvdbId(1)) },
            facts: KnownFacts { in_plex, given: Some(facts), ..KnownFacts::default() },
        },
        user: described_user(&user, users),
        wanted_by,
        free_space,
    })
}

/// The user whom the settings or Plex call `name`. Nobody else is known without a store.
fn described_user(name: &str, users: &UserSettings) -> User {
    let folded = name.to_lowercase();
    let mut calls = users.overrides.iter().filter(|exception| {
        let alias = exception.alias.as_ref().is_some_and(|alias| alias.to_lowercase() == folded);
        alias || exception.plex.to_lowercase() == folded
    });
    let plex = calls.next().map_or(name, |exception| exception.plex.as_str());
    let uuid = UserUuid::parse(plex).filter(|_| plex.len() == 16 && plex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let user = User {
        id: UserId(0),
        uuid: uuid.or_else(|| UserUuid::parse(NO_UUID)).expect("it is sixteen digits"),
        username: plex.to_owned(),
        display_name: plex.to_owned(),
        alias: None,
        relation: Relation::Friend,
        synced: true,
    };
    users.named(user)
}

/// The field that `key` names: by its word, another word for it, or the plural of one.
fn known(key: &str) -> Option<Known> {
    Known::parse(key).or_else(|| key.strip_suffix('s').and_then(Known::parse))
}

fn unknown(key: &str) -> String {
    let aliases = routing::FIELDS.iter().flat_map(|info| info.aliases.iter().copied());
    let words = Known::ALL.iter().map(|field| field.word()).chain(aliases).chain(["title"]);
    let advice = nearest(key, words).map_or_else(
        || {
            let fields: Vec<&str> = Known::ALL.iter().map(|field| field.word()).collect();
            format!("known here are title, {}", fields.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    format!("unknown key {}: {advice}", quoted(key))
}

/// Puts one fact where conditions look for it.
fn read_fact<'a>(reader: &mut Reader<'a>, known: Known, field: &Field<'a>, facts: &mut Facts) {
    match known {
        Known::Year => facts.year = read_whole(reader, known, field),
        Known::Genre => facts.genres = read_texts(reader, field),
        Known::Certification => facts.certification = read_text(reader, known, field),
        Known::OriginalLanguage => facts.original_language = read_text(reader, known, field),
        Known::SeasonCount => facts.season_count = read_whole(reader, known, field),
        Known::Runtime => facts.runtime_min = read_whole(reader, known, field),
        Known::Studio => facts.studios = read_texts(reader, field),
        Known::Country => facts.countries = read_texts(reader, field),
        Known::Keyword => facts.keywords = read_texts(reader, field),
        Known::ImdbRating => facts.imdb_rating = read_number(reader, known, field),
        Known::ImdbVotes => facts.imdb_votes = read_whole(reader, known, field),
        Known::RtCritic => facts.rt_critic = read_number(reader, known, field),
        Known::RtAudience => facts.rt_audience = read_number(reader, known, field),
        Known::TmdbRating => facts.tmdb_rating = read_number(reader, known, field),
        Known::StreamingService => facts.streaming_services = read_texts(reader, field),
        Known::MovieStatus => facts.movie_status = read_text(reader, known, field),
        Known::SeriesStatus => facts.series_status = read_text(reader, known, field),
        Known::Anime => facts.anime = read_flag(reader, field),
        Known::Type | Known::User | Known::WantedBy | Known::InPlex | Known::FreeSpace => {}
    }
}

fn read_text(reader: &mut Reader<'_>, known: Known, field: &Field<'_>) -> Option<String> {
    let text = reader.text(field)?;
    let choices = known.info().choices;
    let text = if choices.is_empty() { text } else { text.to_lowercase() };
    if !choices.is_empty() && !choices.contains(&text.as_str()) {
        reader.problem(field, format!("expected one of {}; found {}", choices.join(", "), quoted(&text)));
        return None;
    }
    Some(text)
}

/// A list of texts; one alone needs no brackets.
fn read_texts<'a>(reader: &mut Reader<'a>, field: &Field<'a>) -> Option<Vec<String>> {
    if field.is_list() {
        let items = reader.list(field);
        return Some(items.iter().filter_map(|item| reader.text(item)).collect());
    }
    reader.text(field).map(|text| vec![text])
}

fn read_flag(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<bool> {
    let flag = field.as_flag();
    if flag.is_none() {
        let found = reader.scalar(field).map_or_else(|| field.shape().to_owned(), |text| quoted(&text));
        reader.problem(field, format!("expected true or false, found {found}"));
    }
    flag
}

/// A number that the field can have.
fn read_number(reader: &mut Reader<'_>, known: Known, field: &Field<'_>) -> Option<f64> {
    debug_assert!(known.info().kind == FieldKind::Number, "`{known}` is no number");
    let (lowest, highest) = known.info().range?;
    let text = reader.scalar(field);
    let number = text.as_deref().and_then(|text| text.parse::<f64>().ok());
    let number = number.filter(|number| (lowest..=highest).contains(number));
    if number.is_none() {
        let found = text.map_or_else(|| field.shape().to_owned(), |text| quoted(&text));
        reader.problem(field, format!("expected a number from {lowest} to {highest}, found {found}"));
    }
    number
}

/// A whole number that the field can have.
fn read_whole<N: TryFrom<u32>>(reader: &mut Reader<'_>, known: Known, field: &Field<'_>) -> Option<N> {
    let number = read_number(reader, known, field)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies within the field's range, which fits and has no negative numbers"
    )]
    let whole = (number.fract() == 0.0).then_some(number as u32).and_then(|number| N::try_from(number).ok());
    if whole.is_none() {
        reader.problem(field, format!("expected a whole number, found {number}"));
    }
    whole
}

fn read_expect<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>, named: &[Named<'a>]) -> Option<Expectation> {
    let Some(field) = fields.get("expect") else {
        reader.missing(fields, "expect");
        return None;
    };
    let problems = reader.findings.problems.len();
    let expect = reader.fields(field, EXPECT_KEYS);
    if EXPECT_KEYS.iter().all(|key| expect.get(key).is_none()) {
        if reader.findings.problems.len() == problems {
            reader.problem(field, format!("expects nothing: add one of {}", EXPECT_KEYS.join(", ")));
        }
        return None;
    }
    let route = expect.get("route").map(|field| read_instances(reader, field, named));
    let exclude = expect.get("exclude").and_then(|field| read_flag(reader, field));
    if let (Some(true), Some(true), Some(field)) =
        (exclude, route.as_ref().map(|route| !route.is_empty()), expect.get("exclude"))
    {
        reader.problem(field, "what is excluded goes nowhere: remove `exclude` or `route`");
    }
    let approval = expect.get("approval").and_then(|field| read_flag(reader, field));
    let options = expect.get("options").map(|field| read_options(reader, field, named)).unwrap_or_default();
    Some(Expectation { route, exclude, approval, options })
}

/// The instances a title should go to; one alone needs no brackets, and none at all is an empty list.
fn read_instances<'a>(reader: &mut Reader<'a>, field: &Field<'a>, named: &[Named<'a>]) -> Vec<String> {
    let items = if field.is_list() { reader.list(field) } else { vec![field.clone()] };
    let mut instances = Vec::new();
    for item in items {
        let Some(name) = reader.text(&item) else { continue };
        match instances::find(named, &name) {
            Ok(_) => instances.push(name),
            Err(message) => reader.problem(&item, message),
        }
    }
    instances
}

/// `{anime: {series_type: anime}}`: what the options of a destination should come out as.
fn read_options<'a>(reader: &mut Reader<'a>, field: &Field<'a>, named: &[Named<'a>]) -> Vec<(String, String, String)> {
    let mut options = Vec::new();
    for (name, inner) in
        reader.entries(field, "options by instance, such as {anime: {series_type: anime}}").unwrap_or_default()
    {
        if let Err(message) = instances::find(named, &name) {
            reader.problem(&inner, message);
            continue;
        }
        for (key, value) in reader.entries(&inner, "options such as {series_type: anime}").unwrap_or_default() {
            let known = || routes::KEYS.iter().copied().filter(|known| *known != "to");
            if !known().any(|known| known == key) {
                let advice = nearest(&key, known()).map_or_else(
                    || format!("known here are {}", known().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                reader.problem(&value, format!("unknown key {}: {advice}", quoted(&key)));
                continue;
            }
            let texts = read_texts(reader, &value).unwrap_or_default();
            options.push((name.clone(), key, texts.join(", ")));
        }
    }
    options
}
