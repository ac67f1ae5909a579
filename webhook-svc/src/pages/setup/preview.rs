//! What the first sync would add, and its start.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{EntryId, PlexId};
use pulsarr_shared::simulate::{Outlook, What};
use pulsarr_shared::store::{Db, StoreError};
use warp::http::StatusCode;
use warp::reply::Response;

use super::steps::{Progress, Shown, Step, frame};
use crate::api::people::People;
use crate::api::runs_start::is_noted;
use crate::api::{first_sync, rule_reach, simulate};
use crate::app::rule_reach::Mark;
use crate::aside::{self, FAILED_FOR_MS, FRESH_FOR_MS};
use crate::pages::{Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

const PATH: &str = "/setup/preview";

/// As many posters as are on a page.
const POSTERS: usize = 48;

/// As many titles as a page tells with why they stay behind.
const OTHERS: usize = 25;

pub(super) const PAGES: &[Page] =
    &[Page::shown(PATH, |ask| Box::pin(show(ask))), Page::form(PATH, |ask| Box::pin(start(ask)))];

#[derive(Template)]
#[template(path = "setup/preview.html")]
struct Preview {
    frame: Frame,
    steps: Vec<Shown>,
    /// What is foreseen; none: it is being worked out for the first time.
    it: Option<Arc<Foreseen>>,
    /// Which page of both lists is shown, from 1.
    page: usize,
    /// The titles on it that would be added: Plex's id and what they are called.
    posters: Vec<(PlexId, String)>,
    /// The wishes on it that nothing is added for.
    others: Vec<Other>,
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
    /// A wish for each title that would be added. What they are called is looked up for the page that shows it: of all of them, it would
    /// take much room.
    added: Vec<EntryId>,
    /// Those that would not: how many by what becomes of them, and each.
    places: BTreeMap<&'static str, u32>,
    others: Vec<(EntryId, What, Arc<str>)>,
    /// The reasons that there are; many share theirs.
    reasons: HashSet<Arc<str>>,
    /// Those that have their place already.
    settled: u32,
}

/// What stands on a page.
#[derive(Default)]
struct Listed {
    /// Titles that would be added: Plex's id and what they are called.
    posters: Vec<(PlexId, String)>,
    /// Wishes that nothing is added for.
    others: Vec<Other>,
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
            if self.titles.count(&entry.plex_id) {
                self.added.extend(entry.entry);
            }
            return;
        }
        let what = entry.then.what;
        *self.places.entry(said(what).0).or_default() += 1;
        let why = self.reasons.get(&*entry.then.why).cloned().unwrap_or_else(|| entry.then.why.into());
        self.reasons.insert(Arc::clone(&why));
        self.others.extend(entry.entry.map(|entry| (entry, what, why)));
    }

    /// How many pages both lists take.
    fn pages(&self) -> usize {
        self.added.len().div_ceil(POSTERS).max(self.others.len().div_ceil(OTHERS)).max(1)
    }

    /// What stands on a page, from 1. What has gone since is left out.
    fn page(&self, db: Db<'_>, config: &Config, page: usize) -> Result<Listed, StoreError> {
        let mut listed = Listed::default();
        for entry in self.added.iter().skip((page - 1) * POSTERS).take(POSTERS) {
            let found = db.entry(*entry)?.map(|row| (row.title.label(), row.title.plex_id));
            listed.posters.extend(found.map(|(title, id)| (id, title)));
        }
        let people = People::of(db, config)?;
        for (entry, what, why) in self.others.iter().skip((page - 1) * OTHERS).take(OTHERS) {
            let Some(row) = db.entry(*entry)? else { continue };
            let (what, tone) = said(*what);
            let user = people.person(row.user).name;
            listed.others.push(Other { title: row.title.label(), user, what, tone, why: why.to_string() });
        }
        Ok(listed)
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
    let it = outcome.and_then(Result::ok);
    let page = usize::try_from(ask.count("page", 1, 1, u32::MAX)?).unwrap_or(1);
    let page = page.min(it.as_ref().map_or(1, |it| it.pages()));
    let Listed { posters, others } = match it.clone() {
        Some(it) => app.database.read(move |db| it.page(db, &config, page)).await?,
        None => Listed::default(),
    };
    let page = Preview {
        page,
        posters,
        others,
        frame: frame(&ask, if waits { "What the first sync would add" } else { "What the next sync would add" })
            .await?,
        steps: Progress::of(&ask).await?.steps(Step::Preview),
        it,
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
