//! Everybody, and changing several of them at once.

use std::collections::HashMap;

use askama::Template;
use pulsarr_shared::printable::printable;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::quota_rows::{self, QuotaRow};
use super::{RequestsShown, reading, settings_in_words};
use crate::api::quotas::{self, QuotaView};
use crate::api::readability::{self, ReadabilityView};
use crate::api::user_overrides;
use crate::api::users::{self, UserView};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, encoded, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/users", |ask| Box::pin(show(ask))), Page::form("/users", |ask| Box::pin(change(ask)))];

/// People on one page.
const ROWS: usize = 24;

/// Which people can be looked at, with what that is called.
const SHOWN: [(&str, &str); 6] = [
    ("synced", "Synced"),
    ("left_alone", "Not synced"),
    ("asked", "Approval required"),
    ("unreadable", "List cannot be read"),
    ("nearly_full", "Quota nearly used up"),
    ("declared", "Declared in file"),
];

/// What can be changed for many: the word in the form, and what it is called.
const CHANGES: [(&str, &str); 11] = [
    ("sync-true", "Sync on"),
    ("sync-false", "Sync off"),
    ("sync-null", "Sync as for everybody"),
    ("require_approval-true", "Approval required"),
    ("require_approval-false", "Approval automatic"),
    ("require_approval-null", "Approval as for everybody"),
    ("bypass_quota-false", "Quotas count"),
    ("bypass_quota-true", "Quotas do not count"),
    ("quotas-own", "Quotas as below"),
    ("quotas-none", "No quotas"),
    ("quotas-null", "Quotas as for everybody"),
];

#[derive(Template)]
#[template(path = "users/list.html")]
struct List {
    frame: Frame,
    form: Form,
    rows: Vec<QuotaRow>,
    locked: bool,
    state: i64,
    /// The aliases that are shown, as pairs of the fields.
    was: String,
    versions: Option<Versions>,
    here: String,
    text: String,
    shown: String,
    people: Vec<Row>,
    /// How many there are, how many of them are synced, how many of whose lists cannot be read, and how many fit.
    all: usize,
    synced: usize,
    unreadable: usize,
    fitting: usize,
    page: usize,
    /// Who is in a friend request only.
    strangers: Vec<ReadabilityView>,
    requests: RequestsShown,
}

/// A person as a row.
struct Row {
    user: UserView,
    quotas: Vec<QuotaView>,
    /// Looks, words and advice about their list.
    reading: (&'static str, &'static str, String),
}

impl List {
    /// What is wrong with the change of one person's row; empty when nothing is.
    fn refused_for(&self, user: &UserView) -> &str {
        let is_it = Inline::of(&self.form).is_some_and(|it| it.uuid == user.uuid);
        if is_it { &self.form.problem } else { "" }
    }

    /// Whether what is wrong is about a person whose row is shown.
    fn is_told_in_a_row(&self) -> bool {
        !self.form.problem.is_empty() && self.people.iter().any(|row| !self.refused_for(&row.user).is_empty())
    }

    /// The alias that was typed in one person's row, where it is another one than was shown.
    fn typed_for(&self, user: &UserView) -> Option<&str> {
        self.form.typed(&format!("alias {}", user.uuid))
    }
}

/// What a button in a row changes for that person alone.
struct Inline<'f> {
    key: &'static str,
    uuid: &'f str,
    /// For what is on or off.
    on: bool,
    /// What is typed in the row.
    alias: &'f str,
}

impl<'f> Inline<'f> {
    /// `sync 5be07c1d2a94f036 true`, `alias 5be07c1d2a94f036`: the key, whose, and what it shall be.
    fn of(form: &'f Form) -> Option<Self> {
        let mut words = form.value("do").split(' ');
        let (key, uuid) = (words.next()?, words.next()?);
        let key = ["sync", "require_approval", "alias"].into_iter().find(|known| *known == key)?;
        let alias = form.given(&format!("alias {uuid}")).unwrap_or_default();
        Some(Self { key, uuid, on: words.next() == Some("true"), alias })
    }

    fn set(&self) -> Map<String, Value> {
        let value = match self.key {
            "alias" if self.alias.is_empty() => Value::Null,
            "alias" => self.alias.into(),
            _ => self.on.into(),
        };
        Map::from_iter([(self.key.to_owned(), value)])
    }

    /// What is told once it is done.
    fn said(&self) -> &'static str {
        match (self.key, self.on) {
            ("sync", true) => "Sync on",
            ("sync", false) => "Sync off",
            ("require_approval", true) => "Approval required",
            ("require_approval", false) => "Approval automatic",
            _ if self.alias.is_empty() => "Alias taken away",
            _ => "Alias saved",
        }
    }
}

impl Row {
    /// Whether somebody has to do something before their list can be read.
    fn is_unreadable(&self) -> bool {
        matches!(self.reading.0, "bad" | "pending" | "warn")
    }
}

/// Which people are looked at.
struct Filter<'a> {
    text: String,
    shown: &'a str,
}

impl Filter<'_> {
    fn takes(&self, row: &Row) -> bool {
        let user = &row.user;
        let names = [Some(&user.name), Some(&user.username), Some(&user.display_name), user.alias.as_ref()];
        let named = names.into_iter().flatten().any(|name| name.to_lowercase().contains(&self.text));
        named
            && match self.shown {
                "synced" => user.synced,
                "left_alone" => !user.synced,
                "asked" => user.standing.require_approval,
                "unreadable" => row.is_unreadable(),
                "nearly_full" => {
                    row.quotas.iter().any(|quota| quota.percent >= pulsarr_shared::quota::WARN_FROM_PERCENT)
                }
                "declared" => user.read_only,
                _ => true,
            }
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default(), Vec::new(), None).await
}

async fn draw(
    ask: &Ask,
    status: StatusCode,
    form: Form,
    rows: Vec<QuotaRow>,
    versions: Option<Versions>,
) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "users", "Users").await?.with_scripts(&["again.js", "inline.js"]);
    let (list, state) = users::page(ask).await?;
    let (readability, requests) = readability::page(ask).await?;
    let mut quotas: HashMap<String, Vec<QuotaView>> = HashMap::new();
    for quota in quotas::page(ask).await?.quotas {
        quotas.entry(quota.user.uuid.clone()).or_default().push(quota);
    }
    let (known, strangers): (Vec<_>, Vec<_>) = readability.users.into_iter().partition(|it| it.name.is_some());
    let mut told: HashMap<String, ReadabilityView> = known.into_iter().map(|it| (it.uuid.clone(), it)).collect();
    let (text, shown) = (ask.parameter("text").unwrap_or_default(), ask.parameter("show").unwrap_or_default());
    let filter = Filter { text: text.to_lowercase(), shown };
    let all = list.users.len();
    let people = list.users.into_iter().map(|user| Row {
        quotas: quotas.remove(&user.uuid).unwrap_or_default(),
        reading: told.remove(&user.uuid).map_or(("unknown", "not known yet", String::new()), |it| {
            let (tone, words) = reading(it.state);
            (tone, words, if it.state == "readable" { String::new() } else { it.advice })
        }),
        user,
    });
    let mut people: Vec<Row> = people.collect();
    let synced = people.iter().filter(|row| row.user.synced).count();
    let unreadable = people.iter().filter(|row| row.is_unreadable()).count();
    people.retain(|row| filter.takes(row));
    let fitting = people.len();
    let last = fitting.saturating_sub(1) / ROWS + 1;
    let page = ask.count("page", 1, 1, u32::MAX)?.min(u32::try_from(last).unwrap_or(u32::MAX)) as usize;
    let people: Vec<Row> = people.into_iter().skip((page - 1) * ROWS).take(ROWS).collect();
    let aliases = people.iter().filter_map(|row| Some((format!("alias {}", row.user.uuid), row.user.alias.clone()?)));
    let was = Form::with(aliases).encoded();
    let (text, shown) = (text.to_owned(), shown.to_owned());
    let here = format!("{}{}", frame.base_path, place(ask));
    let list = List {
        frame,
        form,
        rows,
        locked: false,
        state,
        was,
        versions,
        here,
        text,
        shown,
        people,
        all,
        synced,
        unreadable,
        fitting,
        page,
        strangers,
        requests: RequestsShown::of(requests),
    };
    html(ask, status, &list)
}

/// The list as it is looked at.
fn place(ask: &Ask) -> String {
    let kept = ["text", "show", "page"].into_iter().filter_map(|name| Some((name, ask.parameter(name)?)));
    let pairs: Vec<String> = kept.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { "/users".to_owned() } else { format!("/users?{}", pairs.join("&")) }
}

/// What the form changes for everybody who is selected.
fn wanted(form: &Form) -> Option<Map<String, Value>> {
    let (key, value) = form.given("change")?.split_once('-')?;
    let value = match value {
        "true" => true.into(),
        "false" => false.into(),
        "own" => quota_rows::quotas(&quota_rows::typed(form)),
        "none" => json!([]),
        _ => Value::Null,
    };
    Some(Map::from_iter([(key.to_owned(), value)]))
}

/// The form with the button of a row, where Enter was pressed in it and the browser, without a script, did not know whose button is meant.
///
/// # Errors
/// When the aliases of several people are others than are kept.
async fn with_button(ask: &Ask, form: Form) -> Result<Form, ApiError> {
    if ["do", "user", "change", "quota_limit"].into_iter().any(|name| !form.value(name).is_empty()) {
        return Ok(form);
    }
    let people = users::page(ask).await?.0.users;
    let mut changed = form.fields().filter_map(|(field, _)| {
        let uuid = field.strip_prefix("alias ")?;
        form.typed(field)?;
        people.iter().find(|user| user.uuid == uuid)
    });
    let (one, another) = (changed.next(), changed.next());
    drop(changed);
    match (one, another) {
        (Some(one), Some(another)) => Err(ApiError::input(format!(
            "{} and {} have other aliases here: save one at a time, with the button beside it",
            one.name, another.name
        ))),
        (Some(one), None) => Ok(form.and("do", format!("alias {}", one.uuid))),
        (None, _) => Ok(form),
    }
}

async fn change(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    if let Some(rows) = quota_rows::after_button(&form) {
        return draw(&ask, StatusCode::OK, form, rows, None).await;
    }
    let form = match with_button(&ask, form.clone()).await {
        Ok(form) => form,
        Err(error) => {
            let rows = quota_rows::typed(&form);
            return draw(&ask, error.status(), form.refused(&error), rows, None).await;
        }
    };
    if let Some(inline) = Inline::of(&form) {
        return change_one(&ask, &form, inline).await;
    }
    let rows = quota_rows::typed(&form);
    let users: Vec<&str> = form.all("user").collect();
    let (set, problem) = match wanted(&form) {
        Some(set) if !users.is_empty() => (set, ""),
        Some(set) => (set, "nobody is selected: tick the people that are meant"),
        None => (Map::new(), "say what is to be changed for the people who are selected"),
    };
    if form.value("change") == "quotas-own" && rows.is_empty() {
        let missing = ApiError::input("no quota stands below: add one, or choose \u{201c}No quotas\u{201d}");
        return draw(&ask, missing.status(), form.refused(&missing), vec![QuotaRow::blank()], None).await;
    }
    if !problem.is_empty() {
        let missing = ApiError::input(problem);
        return draw(&ask, missing.status(), form.refused(&missing), rows, None).await;
    }
    let count = match users.len() {
        1 => "one person".to_owned(),
        many => format!("{many} people"),
    };
    let change = CHANGES.iter().find(|(word, _)| *word == form.value("change")).map_or("Changed", |it| it.1);
    let said = format!("{change}: {count}.");
    let asked = ask.with_body(&json!({"users": users, "set": set})).if_match(form.value("version"));
    let error = match user_overrides::bulk(asked).await {
        Ok(_) => return Ok(see_other(&ask, &place(&ask), Some(Notice::ok(said)))),
        Err(error) => error,
    };
    let stale = error.status() == StatusCode::PRECONDITION_FAILED;
    let versions = if stale { Some(beside(&ask, &users, &Value::Object(set)).await?) } else { None };
    draw(&ask, error.status(), form.refused(&error), rows, versions).await
}

/// What a button in a row does: back to the list with what was done, or the list with why not in that row.
async fn change_one(ask: &Ask, form: &Form, inline: Inline<'_>) -> Result<Response, ApiError> {
    let asked = json!({"users": [inline.uuid], "set": inline.set()});
    let error = match user_overrides::bulk(ask.with_body(&asked).if_match(form.value("version"))).await {
        Ok(_) => {
            let found = users::one(ask, inline.uuid).await?;
            let name = found.map_or_else(|| inline.uuid.to_owned(), |user| user.name);
            let said = format!("{}: {}.", inline.said(), printable(&name));
            return Ok(see_other(ask, &place(ask), Some(Notice::ok(said))));
        }
        Err(error) => error,
    };
    let mut refused = form.clone().refused(&error);
    if error.status() == StatusCode::PRECONDITION_FAILED {
        let (view, _) = user_overrides::page(&ask.about("user", inline.uuid)).await?;
        let in_words = |settings: &Value| settings_in_words::lines(settings).join(", ");
        let wanted = match inline.key {
            "alias" if inline.alias.is_empty() => "no alias".to_owned(),
            _ => in_words(&inline.set().into()),
        };
        refused.problem = format!(
            "Somebody has changed the settings since you looked, so nothing was saved. You wanted {wanted}; by now it is {}.",
            in_words(&view.settings)
        );
    }
    draw(ask, error.status(), refused, quota_rows::typed(form), None).await
}

/// What is wanted for these people, beside what is different for them by now.
async fn beside(ask: &Ask, users: &[&str], set: &Value) -> Result<Versions, ApiError> {
    let (mut yours, mut now) = (Vec::new(), Vec::new());
    for user in users.iter().take(ROWS) {
        let (view, _) = user_overrides::page(&ask.about("user", user)).await?;
        let told = |settings: &Value| format!("{}: {}", view.user.name, settings_in_words::lines(settings).join(", "));
        yours.push(told(set));
        now.push(told(&view.settings));
    }
    Ok(Versions::of(yours, now))
}
