//! One rule: built from its parts or written as text, looked at before it holds, kept, removed. Every button sends the whole form, which
//! is drawn anew with what was typed; the script does the same in place.

use askama::Template;
use pulsarr_shared::config::rule_text;
use pulsarr_shared::routing::Field;
use warp::http::StatusCode;
use warp::reply::Response;

use super::draft::{Draft, GroupKind, MOST_ROUTES};
use super::pieces::{self, Control, Piece, RoutePiece};
use super::place_of;
use super::typed::Typed;
use super::what_if::{self, WhatIf};
use super::written::Marks;
use crate::api::people::People;
use crate::api::{rule_changes, rules};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask, pairs};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/rules/new", |ask| Box::pin(fresh(ask))),
    Page::form("/rules/new", |ask| Box::pin(act(ask, None))),
    Page::shown("/rules/{name}", |ask| Box::pin(show(ask))),
    Page::form("/rules/{name}", |ask| Box::pin(act_on(ask))),
];

/// Names that are offered.
const MOST_PEOPLE: usize = 50;

#[derive(Template)]
#[template(path = "rules/builder.html")]
struct Builder<'a> {
    frame: Frame,
    /// Where the form is sent, below the base path.
    place: String,
    /// The rule as it is kept; empty for a new one.
    name: String,
    version: String,
    /// Where the settings file declares it; empty: it can be changed here.
    declared: String,
    /// What is wrong with it as it is kept.
    broken: &'a [String],
    /// What is wrong with what was typed.
    marks: Marks,
    /// Something to know.
    note: String,
    versions: Option<Versions>,
    /// The page of this rule.
    here: String,
    typed: &'a Typed,
    pieces: Vec<Piece>,
    routes: Vec<RoutePiece>,
    fields: Vec<(&'static str, String)>,
    /// Names to choose from where a person is looked at; none where nobody is.
    people: Vec<String>,
    /// Whether there are instances at all.
    has_instances: bool,
    /// The field where one goes on.
    focus: String,
    what_if: WhatIf,
}

/// What a page about a rule shows.
struct Sheet {
    status: StatusCode,
    /// The rule as it is kept; `None`: a new one.
    kept: Option<rules::RuleView>,
    typed: Typed,
    marks: Marks,
    note: String,
    versions: Option<Versions>,
    focus: String,
    what_if: WhatIf,
}

impl Sheet {
    fn new(kept: Option<rules::RuleView>, typed: Typed) -> Self {
        Self {
            status: StatusCode::OK,
            kept,
            typed,
            marks: Marks::default(),
            note: String::new(),
            versions: None,
            focus: String::new(),
            what_if: WhatIf::NotAsked,
        }
    }

    /// The rule as it is kept.
    fn of(kept: rules::RuleView) -> Self {
        let (typed, why) = Typed::of_words(&kept.rule);
        Self { note: why.unwrap_or_default(), ..Self::new(Some(kept), typed) }
    }

    async fn draw(self, ask: &Ask) -> Result<Response, ApiError> {
        let Self { status, kept, typed, marks, note, versions, focus, what_if } = self;
        let title = if kept.is_some() { "Rule" } else { "New rule" };
        let frame = Frame::of(ask, "rules", title).await?.with_scripts(&["builder.js", "choices.js"]);
        let config = ask.app.config();
        let instances = &config.settings.instances;
        let (pieces, routes) = match &typed {
            Typed::Built(draft) => (pieces::pieces(draft, &marks), pieces::routes(draft, instances, &marks)),
            Typed::Text(_) => (Vec::new(), Vec::new()),
        };
        let about_people = |piece: &Piece| matches!(piece, Piece::Row(row) if row.field == Field::User.word());
        let people = if pieces.iter().any(about_people) { people(ask).await? } else { Vec::new() };
        let declared = kept.as_ref().filter(|kept| kept.read_only).map(|kept| kept.source.clone());
        let version = kept.as_ref().and_then(|kept| kept.version).map(|version| version.to_string());
        let place = kept.as_ref().map_or_else(|| "/rules/new".to_owned(), |kept| place_of(&kept.name));
        let here = format!("{}{place}", frame.base_path);
        let page = Builder {
            frame,
            place,
            name: kept.as_ref().map(|kept| kept.name.clone()).unwrap_or_default(),
            version: version.unwrap_or_default(),
            declared: declared.unwrap_or_default(),
            broken: kept.as_ref().map(|kept| kept.broken.as_slice()).unwrap_or_default(),
            marks,
            note,
            versions,
            here,
            typed: &typed,
            pieces,
            routes,
            fields: pieces::fields(),
            people,
            has_instances: !instances.is_empty(),
            focus,
            what_if,
        };
        html(ask, status, &page)
    }
}

/// What the household calls people: the first of them, where there are many.
async fn people(ask: &Ask) -> Result<Vec<String>, ApiError> {
    let config = ask.app.config();
    let everybody = ask.app.database.read(move |db| People::of(db, &config)).await?;
    Ok(everybody.0.iter().take(MOST_PEOPLE).map(|user| user.called().to_owned()).collect())
}

/// A new rule, or a copy of the one that the parameter `from` names.
async fn fresh(ask: Ask) -> Result<Response, ApiError> {
    let Some(from) = ask.parameter("from") else {
        let draft = Typed::Built(Box::new(Draft::fresh()));
        return Sheet { focus: "name".to_owned(), ..Sheet::new(None, draft) }.draw(&ask).await;
    };
    let mut words = rules::view(&ask.app.config(), from)?.rule;
    words["name"] = format!("{from} copy").into();
    let (typed, why) = Typed::of_words(&words);
    let sheet = Sheet { note: why.unwrap_or_default(), focus: "name".to_owned(), ..Sheet::new(None, typed) };
    sheet.draw(&ask).await
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let kept = rules::view(&ask.app.config(), ask.variable("name"))?;
    Sheet::of(kept).draw(&ask).await
}

async fn act_on(ask: Ask) -> Result<Response, ApiError> {
    let found = rules::view(&ask.app.config(), ask.variable("name"));
    match found {
        Ok(kept) => act(ask, Some(kept)).await,
        Err(_) => act_on_what_is_gone(ask).await,
    }
}

/// The rule was removed by somebody else: what was typed is shown as a new one.
async fn act_on_what_is_gone(ask: Ask) -> Result<Response, ApiError> {
    let config = ask.app.config();
    let fields = pairs(&String::from_utf8_lossy(&ask.body));
    let typed = Typed::of_form(&fields, &config.settings.instances, true).map_err(ApiError::input)?;
    let message = "Somebody has removed this rule since you looked. What you typed stands here: save it as a new rule.";
    let marks = Marks::of_sentences(vec![message.to_owned()]);
    Sheet { status: StatusCode::NOT_FOUND, marks, ..Sheet::new(None, typed) }.draw(&ask).await
}

async fn act(ask: Ask, kept: Option<rules::RuleView>) -> Result<Response, ApiError> {
    let config = ask.app.config();
    let instances = &config.settings.instances;
    let fields = pairs(&String::from_utf8_lossy(&ask.body));
    let form = Form::of(&ask);
    let action = form.value("do");
    let name = kept.as_ref().map(|kept| kept.name.clone());
    // What the settings file declares can be looked at and copied.
    let looked = page_looked_at(action);
    if let Some(page) = looked
        && let Some(kept) = kept.as_ref().filter(|kept| kept.read_only)
    {
        let what_if = what_if::as_it_is(&ask, &kept.name, page).await?;
        return Sheet { what_if, ..Sheet::of(rules::view(&config, &kept.name)?) }.draw(&ask).await;
    }
    if action == "delete" {
        return remove(ask, name.unwrap_or_default(), form.value("version")).await;
    }
    let typed = match Typed::of_form(&fields, instances, action != "save") {
        Ok(typed) => typed,
        Err(why) => return Err(ApiError::input(why)),
    };
    let mut sheet = Sheet::new(kept, typed);
    // Whoever goes on with what they have seen is asked about that, not about what is there by now.
    if let (Some(kept), Ok(version)) = (&mut sheet.kept, form.value("version").parse()) {
        kept.version = Some(version);
    }
    match action {
        _ if looked.is_some() => match sheet.typed.rule(instances) {
            Ok(rule) => {
                let page = looked.unwrap_or(1);
                (sheet.what_if, sheet.marks) = what_if::of(&ask, name.as_deref(), &rule, page).await?;
            }
            Err(marks) => {
                sheet.what_if = WhatIf::Unclear(marks.whole.clone());
                sheet.marks = marks;
            }
        },
        "save" => return save(ask, name, form.value("version"), sheet).await,
        "text" => sheet.typed = sheet.typed.as_text(instances),
        "builder" => match sheet.typed.rule(instances) {
            Ok(rule) => {
                let (typed, why) = Typed::of_words(&rule.words);
                match why {
                    None => sheet.typed = typed,
                    Some(why) => sheet.marks = Marks::of_sentences(vec![why]),
                }
            }
            Err(marks) => sheet.marks = marks,
        },
        other => {
            let names: Vec<String> = instances.iter().map(|it| it.name.clone()).collect();
            if let Typed::Built(draft) = &mut sheet.typed {
                match draft.apply(other, &names) {
                    Ok(focus) => sheet.focus = focus.unwrap_or_default(),
                    Err(why) => sheet.marks = Marks::of_sentences(vec![why]),
                }
            }
        }
    }
    sheet.draw(&ask).await
}

/// The page of the what-if that a button asks for: `preview`, `preview 3`. `None`: it asks for something else.
fn page_looked_at(action: &str) -> Option<usize> {
    match action.strip_prefix("preview ") {
        Some(page) => Some(page.parse().unwrap_or(1)),
        None => matches!(action, "preview" | "").then_some(1),
    }
}

async fn save(ask: Ask, name: Option<String>, version: &str, mut sheet: Sheet) -> Result<Response, ApiError> {
    let config = ask.app.config();
    let rule = match sheet.typed.rule(&config.settings.instances) {
        Ok(rule) => rule,
        Err(marks) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Sheet { status, marks, ..sheet }.draw(&ask).await;
        }
    };
    let asked = ask.with_body(&rule.words);
    let done = match &name {
        Some(name) => rule_changes::replace(asked.about("name", name).if_match(version)).await,
        None => rule_changes::add(asked).await,
    };
    let error = match done {
        Ok(_) => {
            let called = rule.words["name"].as_str().or(name.as_deref()).unwrap_or_default();
            let said = format!("Saved: {called}. It holds for everything that is decided from now on.");
            return Ok(see_other(&ask, "/rules", Some(Notice::ok(said))));
        }
        Err(error) => error,
    };
    sheet.status = error.status();
    if error.status() == StatusCode::PRECONDITION_FAILED
        && let Ok(now) = rules::view(&ask.app.config(), name.as_deref().unwrap_or_default())
    {
        let lines = |words| rule_text(words).lines().map(str::to_owned).collect();
        sheet.versions = Some(Versions::of(lines(&rule.words), lines(&now.rule)));
        // Saving once more is meant.
        sheet.kept = Some(now);
    } else {
        sheet.marks = rule.marks(&error);
    }
    sheet.draw(&ask).await
}

async fn remove(ask: Ask, name: String, version: &str) -> Result<Response, ApiError> {
    let done = rule_changes::remove(ask.about("name", &name).if_match(version)).await;
    let error = match done {
        Ok(_) => return Ok(see_other(&ask, "/rules", Some(Notice::ok(format!("Removed: {name}."))))),
        Err(error) => error,
    };
    let mut sheet = Sheet::of(rules::view(&ask.app.config(), &name)?);
    sheet.status = error.status();
    let message = match error.status() {
        StatusCode::PRECONDITION_FAILED => {
            "Somebody has changed this rule since you looked, so it was not removed. This is how it is now.".to_owned()
        }
        _ => error.message().to_owned(),
    };
    sheet.marks = Marks::of_sentences(vec![message]);
    sheet.draw(&ask).await
}
