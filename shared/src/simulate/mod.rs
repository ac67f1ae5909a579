//! What would happen if a run decided now, with these settings: over everything on the watchlists, or over one described wish.
//!
//! Works where nothing lasts and asks nobody, so it touches nothing and knows only the facts on record. What waits for a decision is
//! decided by the very stage of a run that does it, one entry after the other, quotas and approvals included. What was acted on already
//! stays where it is, so for that only the rules are asked: where would they send it?

mod beside;
mod foresight;
mod tally;

pub use beside::{Beside, Comparison};

use std::collections::BTreeMap;

use foresight::Foresight;
use serde::Serialize;
use tally::Tally;

use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Decision, Destination, EntryId, EntryState, MediaType, Outcome, PlexId, WaitsFor};
use crate::plan;
use crate::routing::{Described, Disks, FactSource, Field, Policy, Sheet};
use crate::store::StoreError;

/// Which wishes are told about. All of them are decided, because one takes the place of another.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this user's, by any name.
    pub user: Option<String>,
    /// Only titles that contain this, or have this id.
    pub title: Option<String>,
    /// Only what waits for a decision. The rest, which stays where it is, is only counted.
    pub waiting: bool,
    /// Each decision with everything that led to it, which takes much more time and room than the decision itself.
    pub reasons: bool,
}

/// What would happen.
#[derive(Debug, Clone, Serialize)]
pub struct WhatIf {
    /// Each wish, by title.
    pub entries: Vec<Outlook>,
    /// All of them together.
    pub totals: Totals,
}

/// What would happen with one wish.
#[derive(Debug, Clone, Serialize)]
pub struct Outlook {
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// Movie or show.
    #[serde(rename = "type")]
    pub media_type: MediaType,
    /// What people call who wants it.
    pub user: String,
    /// As it stands; `None` for a described wish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub today: Option<Place>,
    /// As it would be.
    pub then: Place,
    /// Whether the two differ.
    pub changed: bool,
    /// It was acted on already and stays where it is: `then` is what the rules say of it.
    pub settled: bool,
    /// What rules want to know and nobody has told yet; a run asks first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The decision; with everything that led to it where that was asked for.
    pub decision: Decision,
    /// Which entry it is; `None` for a described wish.
    #[serde(skip)]
    pub entry: Option<EntryId>,
    /// Plex's id of the title.
    #[serde(skip)]
    pub plex_id: PlexId,
}

/// Where a wish stands, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// In one word.
    pub what: What,
    /// The instances it goes to, or would go to if it were allowed, in the order of the settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Why, as a sentence.
    pub why: String,
}

crate::model::words! {
    /// Where a wish stands, in one word.
    What {
        /// Nothing was decided yet.
        Undecided = "undecided",
        /// It goes to instances.
        Route = "route",
        /// Somebody is asked.
        Approval = "approval",
        /// It waits for room in a quota.
        Quota = "quota",
        /// It waits for other settings.
        Held = "held",
        /// It goes nowhere.
        Exclude = "exclude",
        /// A person said no.
        Rejected = "rejected",
        /// No arr could be told which title this is.
        Unresolvable = "unresolvable",
    }
}

/// A fact that nobody has told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// Which.
    pub field: Field,
    /// Who would be asked next.
    pub source: FactSource,
    /// Whether that one can be asked at all: `false` without its key or address.
    pub available: bool,
}

/// What all wishes together come to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Wishes told about.
    pub entries: u32,
    /// Of these, how many would stand otherwise than today.
    pub changed: u32,
    /// Titles by instance.
    pub instances: BTreeMap<String, u32>,
    /// Wishes by where they would stand; what does not happen is left out.
    pub places: BTreeMap<&'static str, u32>,
    /// Facts that nobody has told yet, and of how many titles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingOf>,
    /// Wishes that stay where they are and were not told about, because only what waits was asked for.
    #[serde(skip)]
    pub settled: u32,
}

/// A fact that nobody has told yet of several titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MissingOf {
    /// Which, and who would be asked.
    #[serde(flatten)]
    pub missing: Missing,
    /// Of how many titles.
    pub titles: u32,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Nobody of this name has a list that is read.
    #[error("find a watchlist of `{name}`; known are: {}", known.join(", "))]
    UnknownUser {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// This user's list is not read, so that a run would do nothing with it.
    #[error("foresee anything for `{name}`: {why}")]
    NotRead {
        /// The name that was asked for.
        name: String,
        /// Why not, and what would change that.
        why: String,
    },
}

/// What would happen with everything that is on the watchlists. The store in the data folder of `config` is only read.
///
/// # Errors
/// [`SimulateError`] when the store cannot be read, or nobody answers to the user's name.
pub fn everything(config: &Config, clock: &dyn Clock, filter: &Filter) -> Result<WhatIf, SimulateError> {
    let mut entries = Vec::new();
    let totals = each(config, clock, filter, |entry| entries.push(entry))?;
    Ok(WhatIf { entries, totals })
}

/// [`everything`], told to `tell` one wish after the other, by title, so that nobody has to hold all of them. Answers what all of them
/// together come to.
///
/// # Errors
/// As [`everything`].
pub fn each(
    config: &Config,
    clock: &dyn Clock,
    filter: &Filter,
    mut tell: impl FnMut(Outlook),
) -> Result<Totals, SimulateError> {
    let foresight = Foresight::of(config, clock, filter)?;
    let mut tally = Tally::default();
    for entry in &foresight.told {
        if filter.waiting && !foresight.decided.contains(entry) {
            tally.settled();
            continue;
        }
        let outlook = foresight.outlook(&foresight.seen(*entry)?, true)?;
        tally.add(&outlook);
        tell(outlook);
    }
    Ok(tally.totals())
}

/// What would become of one described wish. A user whom the household knows has the own standing and quotas; anybody else is as
/// everybody is by default.
///
/// # Errors
/// [`SimulateError::Store`] when the store cannot be read.
pub fn described(config: &Config, clock: &dyn Clock, wish: &Described) -> Result<WhatIf, SimulateError> {
    let scratch = foresight::scratch(config)?;
    let users = foresight::users(&scratch, config)?;
    let name = &wish.user.username;
    let known = users.values().find(|user| user.answers_to(name));
    let user = known.cloned().unwrap_or_else(|| config.settings.users.named(wish.user.clone()));
    let media_type = wish.title.media_type;
    let uses = match known {
        Some(user) => scratch.read().quota_uses(user.id, media_type, None, clock.now_ms())?,
        None => Vec::new(),
    };
    let policy = config.policy();
    let sheet = Sheet { title: &wish.title, user: &user, wanted_by: Some(wish.wanted_by), free_space: wish.free_space };
    let decision = plan::decide(
        &plan::Question {
            sheet,
            disks: &Disks::all(wish.free_space),
            standing: &config.settings.users.standing(&user),
            approval: None,
            asked_by: None,
            place: None,
            uses: &uses,
            now_ms: clock.now_ms(),
        },
        &policy,
    );
    let outlook = Outlook::of(&sheet, &policy, decision);
    let mut tally = Tally::default();
    tally.add(&outlook);
    Ok(WhatIf { totals: tally.totals(), entries: vec![outlook] })
}

impl Outlook {
    /// What would become of the wish on `sheet`, as far as its decision tells.
    fn of(sheet: &Sheet<'_>, policy: &Policy<'_>, decision: Decision) -> Self {
        Self {
            title: sheet.title.label(),
            media_type: sheet.title.media_type,
            user: sheet.user.called().to_owned(),
            today: None,
            then: Place::of(&decision.outcome),
            changed: false,
            settled: false,
            missing: missing(sheet, policy),
            decision,
            entry: None,
            plex_id: sheet.title.plex_id.clone(),
        }
    }
}

/// What rules hang on and nobody has told of this title.
fn missing(sheet: &Sheet<'_>, policy: &Policy<'_>) -> Vec<Missing> {
    let fields = policy.open_fields(sheet);
    let asked = fields.iter().filter(|field| sheet.has(*field));
    asked
        .filter_map(|field| {
            let source = sheet.to_ask(field)?;
            Some(Missing { field, source, available: policy.available.has(source) })
        })
        .collect()
}

fn destinations(outcome: &Outcome) -> &[Destination] {
    match outcome {
        Outcome::Route { destinations, .. } | Outcome::Hold { destinations, .. } => destinations,
        Outcome::Exclude { .. } | Outcome::Unresolvable { .. } => &[],
    }
}

impl Place {
    /// Where `outcome` puts a wish.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let to = destinations(outcome).iter().map(|to| to.instance.clone()).collect();
        let (what, why) = match outcome {
            Outcome::Route { destinations, .. } => {
                let because: Vec<&str> = destinations.iter().map(|to| to.because.as_str()).collect();
                (What::Route, because.join("; "))
            }
            Outcome::Hold { reason, waits_for, .. } => {
                let what = match waits_for {
                    WaitsFor::Approval(_) => What::Approval,
                    WaitsFor::Quota => What::Quota,
                    WaitsFor::Settings => What::Held,
                };
                (what, reason.clone())
            }
            Outcome::Exclude { reason, .. } => (What::Exclude, reason.clone()),
            Outcome::Unresolvable { reason } => (What::Unresolvable, reason.clone()),
        };
        Self { what, to, why }
    }

    /// Where an entry stands that is in this state, for this reason, and about which this was decided last.
    fn standing(state: EntryState, reason: Option<&str>, last: Option<&Decision>) -> Self {
        let said = |what| Self { what, to: Vec::new(), why: reason.unwrap_or(state.word()).to_owned() };
        match (state, last) {
            (EntryState::Rejected, _) => said(What::Rejected),
            (EntryState::Excluded, _) => said(What::Exclude),
            (_, Some(decision)) => Self::of(&decision.outcome),
            _ => Self { what: What::Undecided, to: Vec::new(), why: "nothing was decided yet".to_owned() },
        }
    }

    /// In a few words, for a table: `movies + anime`, `approval (anime)`, `nowhere`.
    #[must_use]
    pub fn in_short(&self) -> String {
        let to = self.to.join(" + ");
        let word = match self.what {
            What::Route => return to,
            What::Exclude => "nowhere",
            What::Unresolvable => "no id yet",
            What::Undecided => "new",
            what => what.word(),
        };
        if to.is_empty() { word.to_owned() } else { format!("{word} ({to})") }
    }
}

impl Missing {
    /// `genre, from plex metadata`, and what it takes where that cannot be asked.
    #[must_use]
    pub fn in_words(&self) -> String {
        let needs = match self.source {
            _ if self.available => "",
            FactSource::Tmdb => ", which needs `tmdb.api_key`",
            FactSource::PlexServer => ", which needs `plex.server_url`",
            _ => ", which is not set up",
        };
        format!("{}, from {}{needs}", self.field, self.source)
    }
}
