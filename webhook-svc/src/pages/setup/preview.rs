//! What the first sync would add, and its start.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::PlexId;
use pulsarr_shared::simulate::{Outlook, What};
use warp::http::StatusCode;
use warp::reply::Response;

use super::steps::{Progress, Shown, Step, frame};
use crate::api::runs_start::is_noted;
use crate::api::{first_sync, rule_reach, simulate};
use crate::app::rule_reach::Mark;
use crate::aside::{self, FAILED_FOR_MS, FRESH_FOR_MS};
use crate::pages::{Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

const PATH: &str = "/setup/preview";

/// As many posters as are shown at most.
const MOST_POSTERS: usize = 48;

/// As many titles as are told with why they stay behind.
const MOST_OTHERS: usize = 25;

pub(super) const PAGES: &[Page] =
    &[Page::shown(PATH, |ask| Box::pin(show(ask))), Page::form(PATH, |ask| Box::pin(start(ask)))];

#[derive(Template)]
#[template(path = "setup/preview.html")]
struct Preview {
    frame: Frame,
    steps: Vec<Shown>,
    /// What is foreseen; none: it is being worked out for the first time.
    it: Option<Arc<Foreseen>>,
    /// When it was worked out.
    as_of: String,
    /// It is being worked out.
    asking: bool,
    /// Why it could not be worked out; empty: it could.
    failure: String,
    /// The lists are being read, so that nothing is foreseen yet.
    reading: bool,
    /// The first sync waits for the button.
    waits: bool,
    /// What is missing before it can start; empty: nothing.
    missing: &'static str,
}

impl Preview {
    /// Where the poster of a title is.
    fn poster(&self, id: &PlexId) -> String {
        format!("{}/posters/{id}", self.frame.base_path)
    }
}

/// What would come of everything on the lists.
#[derive(Default)]
struct Foreseen {
    titles: Titles,
    instances: BTreeMap<String, Titles>,
    /// Titles that would be added: Plex's id and what they are called; the first of them.
    posters: Vec<(PlexId, String)>,
    /// Those that would not: how many by what becomes of them, and the first of them.
    places: BTreeMap<&'static str, u32>,
    others: Vec<Other>,
    /// Those that have their place already.
    settled: u32,
}

/// A wish that nothing is added for.
struct Other {
    title: String,
    user: String,
    what: &'static str,
    tone: &'static str,
    why: String,
}

/// How many titles there are among wishes that come by title, so that those for one title come one after the other.
#[derive(Default)]
struct Titles {
    count: usize,
    last: Option<PlexId>,
}

impl Titles {
    fn len(&self) -> usize {
        self.count
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it is another title than the last.
    fn count(&mut self, title: &PlexId) -> bool {
        let is_new = self.last.as_ref() != Some(title);
        if is_new {
            self.count += 1;
            self.last = Some(title.clone());
        }
        is_new
    }
}

impl Foreseen {
    fn add(&mut self, entry: Outlook) {
        if entry.then.what == What::Route {
            for instance in entry.then.to {
                self.instances.entry(instance).or_default().count(&entry.plex_id);
            }
            if self.titles.count(&entry.plex_id) && self.posters.len() < MOST_POSTERS {
                self.posters.push((entry.plex_id, entry.title));
            }
            return;
        }
        let (what, tone) = said(entry.then.what);
        *self.places.entry(what).or_default() += 1;
        if self.others.len() < MOST_OTHERS {
            self.others.push(Other { title: entry.title, user: entry.user, what, tone, why: entry.then.why });
        }
    }

    /// How many wishes nothing is added for.
    fn other_count(&self) -> u32 {
        self.places.values().sum()
    }

    /// How many posters there would be beyond those that are shown.
    fn more_posters(&self) -> usize {
        self.titles.len().saturating_sub(self.posters.len())
    }

    /// How many others there are beyond those that are told.
    fn more_others(&self) -> usize {
        (self.other_count() as usize).saturating_sub(self.others.len())
    }
}

/// What becomes of a wish for which nothing is added, in a word and a tone.
const fn said(what: What) -> (&'static str, &'static str) {
    match what {
        What::Route => ("added", "ok"),
        What::Undecided => ("not decided yet", "idle"),
        What::Approval => ("asks first", "warn"),
        What::Quota => ("waits for its quota", "warn"),
        What::Held => ("held", "warn"),
        What::Exclude => ("left out", "idle"),
        What::Rejected => ("rejected", "bad"),
        What::Unresolvable => ("unresolvable", "warn"),
    }
}

/// What was worked out, and from what.
pub(super) struct Seen {
    mark: Mark,
    config: Arc<Config>,
    outcome: Result<Arc<Foreseen>, String>,
}

/// What was worked out last by the settings as they are. It is worked out anew meanwhile where that is old.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn last(ask: &Ask) -> Result<aside::Known<Seen>, ApiError> {
    let (app, config) = (&ask.app, ask.app.config());
    let mark = rule_reach::mark(app).await?;
    let is_of_now = |seen: &Seen| Arc::ptr_eq(&seen.config, &config);
    // Whatever happens meanwhile: who looks again and again comes to see something.
    let is_young = |seen: &Seen, age_ms| {
        age_ms < if seen.outcome.is_ok() && seen.mark == mark { FRESH_FOR_MS } else { FAILED_FOR_MS }
    };
    let (asking, by) = (Arc::clone(app), Arc::clone(&config));
    let known = aside::look(
        app,
        "the first sync",
        "",
        |seen, age_ms| is_of_now(seen) && is_young(seen, age_ms),
        |_| {
            Box::pin(async move {
                let seen = simulate::over_all_that_waits(&asking, Arc::clone(&by), Foreseen::add).await;
                let outcome = seen.map(|(it, totals)| Arc::new(Foreseen { settled: totals.settled, ..it }));
                Seen { mark, config: by, outcome: outcome.map_err(|error| error.message().to_owned()) }
            })
        },
    );
    // By other settings it would be something else.
    Ok(aside::Known { answer: known.answer.filter(|(_, seen)| is_of_now(seen)), ..known })
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let (app, config) = (&ask.app, ask.app.config());
    let missing = match (&config.settings.plex.token, config.settings.instances.is_empty()) {
        (None, _) => "/setup/plex",
        (_, true) => "/setup/instances",
        _ => "",
    };
    let waits = first_sync::waits(app).await?;
    let reading = waits && first_sync::under_way(&ask).await?.is_some();
    let known =
        if reading || !missing.is_empty() { aside::Known { answer: None, asking: false } } else { last(&ask).await? };
    let as_of = known.answer.as_ref().map_or_else(String::new, |(at_ms, _)| rfc3339(*at_ms));
    let outcome = known.answer.map(|(_, seen)| seen.outcome.clone());
    let failure = outcome.as_ref().and_then(|outcome| outcome.clone().err()).filter(|_| !known.asking);
    let page = Preview {
        frame: frame(&ask, if waits { "What the first sync would add" } else { "What the next sync would add" })
            .await?,
        steps: Progress::of(&ask).await?.steps(Step::Preview),
        it: outcome.and_then(Result::ok),
        as_of,
        asking: known.asking,
        failure: failure.unwrap_or_default(),
        reading,
        waits,
        missing,
    };
    html(&ask, StatusCode::OK, &page)
}

async fn start(ask: Ask) -> Result<Response, ApiError> {
    let config = ask.app.config();
    if config.settings.plex.token.is_none() || config.settings.instances.is_empty() {
        return Ok(see_other(
            &ask,
            "/setup",
            Some(Notice::bad("Plex and an instance are needed before the first sync.")),
        ));
    }
    match first_sync::start(&ask).await? {
        Some(run) => {
            let place = if is_noted(&ask, &run).await? { format!("/runs/{run}") } else { "/activity/runs".to_owned() };
            Ok(see_other(&ask, &place, Some(Notice::ok("The setup is done, and the first sync runs."))))
        }
        None => {
            let said = "The setup is done. The first sync begins by itself, with the next run.";
            Ok(see_other(&ask, "/", Some(Notice::ok(said))))
        }
    }
}
