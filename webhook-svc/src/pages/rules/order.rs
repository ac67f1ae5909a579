//! All rules in the order in which they are judged, with what each does.

use askama::Template;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{InstanceKind, MediaType};
use pulsarr_shared::routing::default_instance;
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::place_of;
use super::sentences::sentence;
use crate::api::editing;
use crate::api::rule_reach::{Reach, entries_by_rule};
use crate::api::rule_tests;
use crate::api::rules::{self, RuleList, RuleView};
use crate::api::{rule_changes, rule_order};
use crate::pages::{Form, Frame, Notice, Page, encoded, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/rules", |ask| Box::pin(show(ask))), Page::form("/rules", |ask| Box::pin(act(ask)))];

/// Rules on one page.
const ROWS: usize = 25;

#[derive(Template)]
#[template(path = "rules/order.html")]
struct Order {
    frame: Frame,
    /// What went wrong; empty: nothing.
    problem: String,
    /// The rule that it is about; empty: none of them.
    refused: String,
    /// What was sent.
    form: Form,
    /// Both orders, when the one that was wanted came too late.
    stale: Option<(Vec<String>, Vec<String>)>,
    /// Which state of everything the order is of.
    state: i64,
    /// The numbers that are shown, as pairs of the fields.
    was: String,
    rows: Vec<Row>,
    /// How many there are on all pages.
    all: usize,
    page: usize,
    pages: usize,
    /// Where titles go that no rule claims: the type, the application that takes it, its default instance or nothing.
    defaults: Vec<(MediaType, &'static str, String)>,
    /// How many tests of the rules there are, and how many of them fail.
    tests: (usize, usize),
}

impl Order {
    /// Whether what went wrong is about a rule whose row is shown.
    fn is_told_in_a_row(&self) -> bool {
        !self.problem.is_empty() && self.rows.iter().any(|row| row.rule.name == self.refused)
    }

    /// The priority that was typed for a rule, where it is another one than was shown.
    fn typed_for(&self, row: &Row) -> Option<&str> {
        self.form.typed(&format!("priority {}", row.rule.name))
    }

    /// Whether any of these rules can be moved.
    fn is_movable(&self) -> bool {
        self.rows.iter().any(|row| row.up || row.down)
    }
}

struct Row {
    rule: RuleView,
    place: String,
    sentence: String,
    version: String,
    /// It can be moved up, and down; neither for what has its place from elsewhere.
    up: bool,
    down: bool,
    /// Its number, where it says one.
    priority: String,
    /// How many entries stand as they do by it, in words; empty where it says nothing.
    decides: String,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default(), Refused::default()).await
}

/// What was not done.
#[derive(Default)]
struct Refused {
    problem: String,
    /// The rule that was meant, where it was one.
    rule: String,
    /// Both orders, where it was that.
    stale: Option<(Vec<String>, Vec<String>)>,
}

async fn draw(ask: &Ask, status: StatusCode, form: Form, refused: Refused) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "rules", "Rules").await?.with_scripts(&["inline.js", "order.js"]);
    let config = ask.app.config();
    let all = RuleList::of(&config).rules;
    let pages = all.len().div_ceil(ROWS).max(1);
    let page = usize::try_from(ask.count("page", 1, 1, 1_000)?).unwrap_or(1).min(pages);
    let movable = rules::movable(&config);
    let count = all.len();
    let reach = entries_by_rule(&ask.app).await?;
    let rows = all
        .into_iter()
        .skip((page - 1) * ROWS)
        .take(ROWS)
        .map(|rule| Row { decides: decides(&rule, &reach), ..row(&config, &movable, rule) });
    let rows: Vec<Row> = rows.collect();
    let numbers = rows.iter().filter(|row| !row.priority.is_empty());
    let was = Form::with(numbers.map(|row| (format!("priority {}", row.rule.name), row.priority.clone()))).encoded();
    let defaults = [MediaType::Movie, MediaType::Show].map(|media_type| {
        let found = default_instance(&config.settings.instances, media_type);
        (media_type, app_for(media_type), found.map(|instance| instance.name.clone()).unwrap_or_default())
    });
    let tests = rule_tests::counted(&ask.app).await?;
    let (defaults, state) = (defaults.into(), editing::state_now(&config));
    let Refused { problem, rule: refused, stale } = refused;
    let order =
        Order { frame, problem, refused, form, stale, state, was, rows, all: count, page, pages, defaults, tests };
    html(ask, status, &order)
}

fn row(config: &Config, movable: &[String], rule: RuleView) -> Row {
    let own = rules::named(config, &rule.name).ok().filter(|_| rule.broken.is_empty());
    let place = movable.iter().position(|name| *name == rule.name).filter(|_| own.is_some() && !rule.read_only);
    Row {
        place: place_of(&rule.name),
        sentence: own.map(sentence).unwrap_or_default(),
        version: rule.version.map_or_else(|| "-".to_owned(), |version| version.to_string()),
        up: place.is_some_and(|place| place > 0),
        down: place.is_some_and(|place| place + 1 < movable.len()),
        decides: String::new(),
        priority: written_priority(&rule),
        rule,
    }
}

/// What a rule decides, for its row: `decides 3 entries now`. What is switched off or cannot be read decides nothing, though entries may
/// still stand by it.
fn decides(rule: &RuleView, reach: &Reach) -> String {
    let (entries, when) = match reach {
        Reach::Now(entries) => (entries, "now"),
        Reach::Before(entries) => (entries, "before the latest decisions, which are being counted"),
        Reach::Unknown => return "what it decides is being counted: look again in a moment".to_owned(),
    };
    let count = entries.get(&rule.name).copied().unwrap_or_default();
    if !rule.broken.is_empty() || (!rule.enabled && count == 0) {
        return String::new();
    }
    let noun = if count == 1 { "entry" } else { "entries" };
    let verb = if matches!(reach, Reach::Now(_)) { "decides" } else { "decided" };
    format!("{verb} {count} {noun} {when}")
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let action = form.value("do").to_owned();
    // `off 1795435200000 old films`: what, which version of it was seen, and the name.
    let mut words = action.splitn(3, ' ');
    let (what, version, name) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match what {
        "on" | "off" => switch(&ask, name, version, what == "on").await,
        "priority" => number(&ask, name, version, form.value(&format!("priority {name}")).trim()).await,
        "enter" => {
            let changed = changed_numbers(&ask.app.config(), &form);
            match &changed[..] {
                [(rule, typed)] => number(&ask, &rule.name, &seen(&ask, &form, rule), typed).await,
                [] => draw(&ask, StatusCode::OK, form, Refused::default()).await,
                [(one, _), (another, _), ..] => {
                    let problem = format!(
                        "{} and {} have other priorities here: save one at a time, with the button beside it.",
                        one.name, another.name
                    );
                    draw(&ask, StatusCode::BAD_REQUEST, form, Refused { problem, ..Refused::default() }).await
                }
            }
        }
        "remove" => remove(ask, name, version).await,
        "up" | "down" => {
            let order = moved(rules::movable(&ask.app.config()), name, what == "up");
            let place = order.iter().position(|it| it == name).map_or(0, |place| place + 1);
            arrange(ask, &form, order, format!("{name} is now number {place} of the rules that can be moved.")).await
        }
        _ => {
            let dragged: Vec<String> = form.all("names").map(str::to_owned).collect();
            let order = rearranged(rules::movable(&ask.app.config()), dragged);
            arrange(ask, &form, order, "The rules are judged in the new order.".to_owned()).await
        }
    }
}

/// The rules whose numbers in the list are others than they have, and what is typed there: Enter was pressed in one, and the browser,
/// without a script, did not know whose button is meant.
fn changed_numbers<'f>(config: &Config, form: &'f Form) -> Vec<(RuleView, &'f str)> {
    let rules = RuleList::of(config).rules.into_iter();
    let changed = rules.filter_map(|rule| {
        let typed = form.typed(&format!("priority {}", rule.name))?;
        Some((rule, typed.trim()))
    });
    changed.collect()
}

/// The version of a rule that was seen with the list; where anything has changed since then, one that it never had.
fn seen(ask: &Ask, form: &Form, rule: &RuleView) -> String {
    let is_as_seen = form.value("state") == editing::state_now(&ask.app.config()).to_string();
    rule.version.filter(|_| is_as_seen).unwrap_or_default().to_string()
}

/// The number that a rule says itself; empty where it says none.
fn written_priority(rule: &RuleView) -> String {
    let is_written = rule.rule.get("priority").is_some_and(|priority| !priority.is_null());
    if is_written { rule.priority.to_string() } else { String::new() }
}

/// `order` with `name` one place up or down.
fn moved(mut order: Vec<String>, name: &str, up: bool) -> Vec<String> {
    if let Some(place) = order.iter().position(|it| it == name) {
        let other = if up { place.checked_sub(1) } else { Some(place + 1).filter(|other| *other < order.len()) };
        if let Some(other) = other {
            order.swap(place, other);
        }
    }
    order
}

/// `order` with those of `some` in the order that they have there; all others keep their places. Names that are not in it come last, for
/// the API to refuse.
fn rearranged(order: Vec<String>, some: Vec<String>) -> Vec<String> {
    let (known, unknown): (Vec<_>, Vec<_>) = some.into_iter().partition(|name| order.contains(name));
    let mut next = known.iter();
    let placed = order.iter().map(|name| if known.contains(name) { next.next().unwrap_or(name) } else { name }.clone());
    let mut placed: Vec<String> = placed.collect();
    placed.extend(unknown);
    placed
}

async fn arrange(ask: Ask, form: &Form, order: Vec<String>, said: String) -> Result<Response, ApiError> {
    let asked = ask.with_body(&json!({"names": order})).if_match(form.value("state"));
    match rule_order::order(asked).await {
        Ok(_) => Ok(see_other(&ask, &back(&ask), Some(Notice::ok(said)))),
        Err(error) => {
            let stale = error.status() == StatusCode::PRECONDITION_FAILED;
            if !stale {
                let problem = error.message().to_owned();
                return draw(&ask, error.status(), form.clone(), Refused { problem, ..Refused::default() }).await;
            }
            let now = rules::movable(&ask.app.config());
            let problem = "Somebody has changed the settings since you looked, so nothing was moved. Below is the order as it is now.";
            let (problem, stale) = (problem.to_owned(), Some((order, now)));
            draw(&ask, error.status(), form.clone(), Refused { problem, stale, ..Refused::default() }).await
        }
    }
}

/// The page of the list that one came from.
fn back(ask: &Ask) -> String {
    ask.parameter("page").map_or_else(|| "/rules".to_owned(), |page| format!("/rules?page={}", encoded(page)))
}

async fn switch(ask: &Ask, name: &str, version: &str, on: bool) -> Result<Response, ApiError> {
    let said = if on { format!("Switched on: {name}.") } else { format!("Switched off: {name}. It is passed over.") };
    let value = if on { Value::Null } else { false.into() };
    let wanted = if on { "it switched on" } else { "it switched off" };
    let done = set(ask, name, version, ("enabled", value)).await;
    after(ask, name, wanted, done, said).await
}

/// Gives a rule a number of its own, or takes it away.
async fn number(ask: &Ask, name: &str, version: &str, typed: &str) -> Result<Response, ApiError> {
    let (value, said) = match typed.parse::<i64>() {
        Ok(number) => (number.into(), format!("{name} has the priority {number}.")),
        Err(_) if typed.is_empty() => {
            (Value::Null, format!("{name} has no priority of its own: it is judged in its place."))
        }
        // For whoever reads rules to refuse, in the words for it.
        Err(_) => (typed.into(), String::new()),
    };
    let wanted =
        if typed.is_empty() { "it without a priority".to_owned() } else { format!("it with the priority {typed}") };
    let done = set(ask, name, version, ("priority", value)).await;
    after(ask, name, &wanted, done, said).await
}

/// Puts a rule in the place of the one of this name that is the same but for one key; null takes the key away.
async fn set(ask: &Ask, name: &str, version: &str, (key, value): (&str, Value)) -> Result<Response, ApiError> {
    let mut words = rules::view(&ask.app.config(), name)?.rule;
    if let Value::Object(keys) = &mut words {
        keys.remove(key);
        if !value.is_null() {
            keys.insert(key.to_owned(), value);
        }
    }
    rule_changes::replace(ask.with_body(&words).about("name", name).if_match(version)).await
}

async fn remove(ask: Ask, name: &str, version: &str) -> Result<Response, ApiError> {
    let asked = ask.about("name", name).if_match(version);
    after(&ask, name, "it removed", rule_changes::remove(asked).await, format!("Removed: {name}.")).await
}

/// The list, with what was done or why not. `wanted`: what somebody wanted, behind “you wanted”.
async fn after(
    ask: &Ask,
    name: &str,
    wanted: &str,
    done: Result<Response, ApiError>,
    said: String,
) -> Result<Response, ApiError> {
    let error = match done {
        Ok(_) => return Ok(see_other(ask, &back(ask), Some(Notice::ok(said)))),
        Err(error) => error,
    };
    let problem = match error.status() {
        StatusCode::PRECONDITION_FAILED => {
            format!(
                "Somebody has changed {name} since you looked, so nothing was done. You wanted {wanted}; the list shows how \
                 it is now."
            )
        }
        _ => format!("{name}: {}", error.message()),
    };
    let refused = Refused { problem, rule: name.to_owned(), stale: None };
    draw(ask, error.status(), Form::of(ask), refused).await
}

/// `Radarr` for movies, `Sonarr` for shows.
const fn app_for(media_type: MediaType) -> &'static str {
    match InstanceKind::taking(media_type) {
        InstanceKind::Radarr => "Radarr",
        InstanceKind::Sonarr => "Sonarr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_change_places_among_themselves_and_the_rest_stays() {
        let names = |text: &str| text.chars().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(rearranged(names("abcde"), names("db")), names("adcbe"));
        assert_eq!(rearranged(names("abc"), names("xcab")), names("cabx"));
        assert_eq!(moved(names("abc"), "b", true), names("bac"));
        assert_eq!(moved(names("abc"), "c", false), names("abc"));
        assert_eq!(moved(names("abc"), "x", false), names("abc"));
    }
}
