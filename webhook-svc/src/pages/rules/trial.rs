//! A title is tried: which rule decides about it, where it would go and why. What comes out can be kept as a test of the rules.

use askama::Template;
use pulsarr_shared::config::SOMEBODY;
use pulsarr_shared::model::{EntryId, Step};
use pulsarr_shared::routing::{FIELDS, Field, FieldInfo, FieldKind, Sheet, Value as Fact};
use serde_json::{Map, Number, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::pieces;
use crate::api::people::People;
use crate::api::rule_tests::{self, Tried};
use crate::pages::words::tone_of;
use crate::pages::{Form, Frame, Notice, Page, html, lists, see_other};
use crate::request::{ApiError, Ask, FieldProblem};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/rules/try", |ask| Box::pin(show(ask))), Page::form("/rules/try", |ask| Box::pin(act(ask)))];

/// Titles of the watchlists that are offered.
const MOST_FOUND: usize = 20;

/// Fields that most rules look at; the others are folded away until one of them is filled in.
const USUAL: &[Field] = &[Field::User, Field::Genre, Field::Year, Field::Certification, Field::OriginalLanguage];

#[derive(Template)]
#[template(path = "rules/trial.html")]
struct Trial {
    frame: Frame,
    form: Form,
    usual: Vec<Input>,
    others: Vec<Input>,
    /// Some of the others are filled in, or wrong.
    open: bool,
    /// Titles of the watchlists that were looked for: entry, title and whose wish it is. `None`: nobody has looked.
    found: Option<Vec<(i64, String, String)>>,
    /// What comes of the title.
    seen: Option<Tried>,
}

impl Trial {
    /// What a test would expect, as a sentence without a full stop.
    fn expected(tried: &Tried) -> String {
        let Value::Array(route) = &tried.expected["route"] else { return "it goes nowhere".to_owned() };
        let names: Vec<&str> = route.iter().filter_map(Value::as_str).collect();
        let to =
            if names.is_empty() { "it goes nowhere".to_owned() } else { format!("it goes to {}", names.join(", ")) };
        if tried.expected["approval"] == true { format!("somebody is asked; then {to}") } else { to }
    }

    const fn tone(&self, step: &Step) -> &'static str {
        tone_of(step)
    }
}

/// A field of the description.
struct Input {
    /// The settings file's word.
    word: &'static str,
    label: String,
    hint: String,
    value: String,
    error: String,
    /// The only values there are, with what people are shown; empty: any text.
    choices: Vec<(&'static str, String)>,
}

impl Input {
    fn of(info: &'static FieldInfo, form: &Form) -> Self {
        let choices = match info.kind {
            FieldKind::Flag => vec![("true", "yes".to_owned()), ("false", "no".to_owned())],
            _ => info.choices.iter().map(|it| (*it, it.replace('_', " "))).collect(),
        };
        let only = info.only.map_or_else(String::new, |only| format!("{only}s only"));
        let several = if info.kind == FieldKind::Texts { "several, with commas" } else { "" };
        let hint: Vec<&str> = [info.unit, several, &only].into_iter().filter(|part| !part.is_empty()).collect();
        let word = info.field.word();
        let label = pieces::spaced(word);
        Self {
            word,
            label: label[..1].to_uppercase() + &label[1..],
            hint: hint.join("; "),
            value: form.value(word).to_owned(),
            error: form.error(word).to_owned(),
            choices,
        }
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let Some(name) = ask.parameter("test") else {
        return draw(&ask, StatusCode::OK, Form::default(), None, None).await;
    };
    let config = ask.app.config();
    let test = config.settings.tests.iter().find(|test| test.name == name);
    let given = &test.ok_or_else(|| ApiError::not_found(format!("there is no test `{name}` that can be read")))?.given;
    let mut fields = described(&given.title.title, &given.sheet());
    // What a description leaves out is not told.
    fields.retain(|(field, said)| {
        let told = (field.as_str(), said.as_str());
        told != (Field::User.word(), SOMEBODY) && told != (Field::WantedBy.word(), "1")
    });
    try_out(&ask, Form::with(fields)).await
}

async fn draw(
    ask: &Ask,
    status: StatusCode,
    form: Form,
    found: Option<Vec<(i64, String, String)>>,
    seen: Option<Tried>,
) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "rules", "Try a title").await?;
    let fields = || FIELDS.iter().filter(|info| info.field != Field::Type);
    let usual = USUAL.iter().map(|field| Input::of(field.info(), &form)).collect();
    let others: Vec<Input> =
        fields().filter(|info| !USUAL.contains(&info.field)).map(|info| Input::of(info, &form)).collect();
    let open = others.iter().any(|it| !it.value.is_empty() || !it.error.is_empty());
    html(ask, status, &Trial { frame, form, usual, others, open, found, seen })
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    match form.value("do").to_owned().as_str() {
        "find" => find(ask, form).await,
        "keep" => keep(ask, form).await,
        other => match other.strip_prefix("fill ") {
            Some(entry) => fill(&ask, entry.parse().unwrap_or_default()).await,
            None => try_out(&ask, form).await,
        },
    }
}

async fn find(ask: Ask, form: Form) -> Result<Response, ApiError> {
    let (config, text) = (ask.app.config(), form.value("title").trim().to_owned());
    if text.is_empty() {
        let nothing = FieldProblem { path: "title".to_owned(), message: "type a part of the title first".to_owned() };
        let error = ApiError::fields(vec![nothing]);
        return draw(&ask, error.status(), form.refused(&error), None, None).await;
    }
    /// One more, to say that there are more.
    #[expect(clippy::cast_possible_truncation, reason = "it is a few")]
    const MOST: u32 = MOST_FOUND as u32 + 1;
    let found = ask.app.database.read(move |db| {
        let (people, mut found) = (People::of(db, &config)?, Vec::new());
        for (entry, user) in db.find_entries_in_short(&text, true, Some(MOST))? {
            let row = db.entry(entry)?;
            found.extend(row.map(|row| (entry.0, row.title.label(), people.person(user).name)));
        }
        Ok(found)
    });
    draw(&ask, StatusCode::OK, form, Some(found.await?), None).await
}

/// Describes a title of the watchlists as it is known, and tries it.
async fn fill(ask: &Ask, entry: i64) -> Result<Response, ApiError> {
    let config = ask.app.config();
    let filled = ask.app.database.read(move |db| {
        let Some(row) = db.entry(EntryId(entry))? else { return Ok(None) };
        let wanted_by = db.title_of_entry_wanted_by(row.id)?;
        let user = People::of(db, &config)?.0.into_iter().find(|user| user.id == row.user);
        Ok(user.map(|user| {
            let sheet = Sheet { title: &row.title, user: &user, wanted_by: Some(wanted_by), free_space: None };
            Form::with(described(&row.title.title, &sheet))
        }))
    });
    match filled.await? {
        Some(form) => try_out(ask, form).await,
        None => Err(ApiError::not_found("this title is on no watchlist any more")),
    }
}

/// A title as fields of the form.
fn described(title: &str, sheet: &Sheet<'_>) -> Vec<(String, String)> {
    let mut fields = vec![("title".to_owned(), title.to_owned())];
    for info in FIELDS {
        let said = match sheet.value(info.field) {
            Fact::Text(text) => text.to_owned(),
            Fact::Texts(texts) => lists::join(texts.iter().map(String::as_str)),
            Fact::User(user) => user.called().to_owned(),
            Fact::Number(number) => number.to_string(),
            Fact::Flag(flag) => flag.to_string(),
            Fact::Absent | Fact::Unknown => continue,
        };
        fields.push((info.field.word().to_owned(), said));
    }
    fields
}

/// The description in the words of the settings file.
fn given(form: &Form) -> Value {
    let mut given = Map::new();
    if let Some(title) = form.given("title") {
        given.insert("title".to_owned(), title.into());
    }
    for info in FIELDS {
        let Some(text) = form.given(info.field.word()) else { continue };
        given.insert(info.field.word().to_owned(), value(info.kind, text));
    }
    given.into()
}

/// What was typed as a value of this kind; what is none stays as it was typed, for the reader to say so.
fn value(kind: FieldKind, text: &str) -> Value {
    let number = || {
        let whole = text.parse::<u64>().ok().map(Number::from);
        whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64)).map(Value::Number)
    };
    match kind {
        FieldKind::Texts => lists::split(text).into_iter().collect(),
        FieldKind::Number => number().unwrap_or_else(|| text.into()),
        FieldKind::Flag => text.parse::<bool>().map_or_else(|_| text.into(), Value::Bool),
        FieldKind::Text | FieldKind::User => text.into(),
    }
}

async fn try_out(ask: &Ask, form: Form) -> Result<Response, ApiError> {
    match rule_tests::try_out(ask, &given(&form)).await {
        Ok(seen) => draw(ask, StatusCode::OK, form, None, Some(seen)).await,
        Err(error) if error.status().is_client_error() => refused(ask, form, &error).await,
        Err(error) => Err(error),
    }
}

async fn keep(ask: Ask, form: Form) -> Result<Response, ApiError> {
    let name = form.value("name").trim();
    let expected = form.given("expected").and_then(|seen| serde_json::from_str::<Value>(seen).ok());
    let body = json!({"name": name, "given": given(&form), "expect": expected});
    // What was seen is kept, and nothing else: the rules, or the description, may have been changed since, or nobody has looked. What
    // cannot be described is told with whatever else is wrong.
    if rule_tests::expected(&ask, &given(&form)).is_ok_and(|now| expected != Some(now)) {
        let error = ApiError::conflict(
            "What becomes of the title is not what you have seen: the rules or the description were changed since. \
             This is how it comes out now.",
        );
        return refused(&ask, form, &error).await;
    }
    match rule_tests::add(ask.with_body(&body)).await {
        Ok(_) => {
            let said = format!("Kept as a test: {name}. It is judged whenever rules are looked at or changed.");
            Ok(see_other(&ask, "/rules/tests", Some(Notice::ok(said))))
        }
        Err(error) if error.status().is_client_error() => refused(&ask, form, &error).await,
        Err(error) => Err(error),
    }
}

/// The form as it was typed, with what is wrong at each of its fields.
async fn refused(ask: &Ask, form: Form, error: &ApiError) -> Result<Response, ApiError> {
    let at_fields = error.problems().iter().map(|it| {
        let path = it.path.strip_prefix("given.").unwrap_or(&it.path);
        FieldProblem { path: path.split('[').next().unwrap_or(path).to_owned(), message: it.message.clone() }
    });
    let at_fields: Vec<_> = at_fields.collect();
    let form = match at_fields.is_empty() {
        true => form.refused(error),
        false => form.refused(&ApiError::fields(at_fields)),
    };
    // What can be described is shown again.
    let seen = rule_tests::try_out(ask, &given(&form)).await.ok();
    draw(ask, error.status(), form, None, seen).await
}
