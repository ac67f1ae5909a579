//! What would happen if a run decided now, with these settings: over everything on the watchlists, or over one described wish.
//!
//! Works on a copy of the store in memory and asks nobody, so it touches nothing and knows only the facts on record. What waits for
//! a decision is decided by the very stage of a run that does it, one entry after the other, quotas and approvals included. What was
//! acted on already stays where it is, so for that only the rules are asked: where would they send it?

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::clock::{Clock, Stopwatch, UnixMs, rfc3339};
use crate::config::Config;
use crate::model::{
    Decision, Destination, EntryId, EntryState, Granted, MediaType, Outcome, PlexId, Relation, RunResult, Standing,
    Trace, Trigger, User, UserId, WaitsFor,
};
use crate::plan;
use crate::report::{Report, RunReport};
use crate::routing::{Described, Disks, FactSource, Field, Policy, Sheet};
use crate::run::{Progress, Run};
use crate::stop::Stop;
use crate::store::{Db, EntryRow, Store, StoreError};
use crate::sync;

/// Which wishes are told about. All of them are decided, because one takes the place of another.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this user's, by any name.
    pub user: Option<String>,
    /// Only titles that contain this, or have this id.
    pub title: Option<String>,
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
    /// The decision, with everything that led to it.
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

/// What would happen with everything that is on the watchlists. The store in the data folder of `config` is copied, not touched.
///
/// # Errors
/// [`SimulateError`] when the store cannot be copied, or nobody answers to the user's name.
pub fn everything(config: &Config, clock: &dyn Clock, filter: &Filter) -> Result<WhatIf, SimulateError> {
    let mut entries = Vec::new();
    let totals = each(config, clock, filter, |entry| entries.push(entry))?;
    Ok(WhatIf { entries, totals })
}

/// [`everything`], told to `tell` one wish after the other, by title, so that nobody has to hold all of them with their traces. Answers
/// what all of them together come to.
///
/// # Errors
/// As [`everything`].
pub fn each(
    config: &Config,
    clock: &dyn Clock,
    filter: &Filter,
    mut tell: impl FnMut(Outlook),
) -> Result<Totals, SimulateError> {
    let copy = Store::copy_in_memory(&config.environment.data_dir, config.environment.allow_network_fs)?;
    let users = users(&copy, config)?;
    if let Some(name) = &filter.user
        && !users.values().any(|user| user.synced && user.answers_to(name))
    {
        if let Some(user) = users.values().find(|user| user.answers_to(name)) {
            return Err(SimulateError::NotRead { name: name.clone(), why: why_not_read(user).to_owned() });
        }
        let mut known: Vec<String> =
            users.values().filter(|user| user.synced).map(|user| user.called().to_owned()).collect();
        known.sort();
        return Err(SimulateError::UnknownUser { name: name.clone(), known });
    }
    let mut today = HashMap::new();
    for entry in open_entries(copy.read(), &users, "")? {
        let mut decision = copy.read().last_decision(entry.id)?;
        // Only its outcome is compared; traces of everything would fill the memory.
        if let Some(decision) = &mut decision {
            decision.trace = Trace::new();
        }
        today.insert(entry.id, (Place::today(&entry, decision.as_ref()), decision));
    }
    let decided = decide(&copy, config, clock)?;

    let all = open_entries(copy.read(), &users, "")?;
    let mut wanted_by: HashMap<PlexId, u32> = HashMap::new();
    for entry in &all {
        *wanted_by.entry(entry.title.plex_id.clone()).or_default() += 1;
    }
    let told = open_entries(copy.read(), &users, filter.title.as_deref().unwrap_or_default())?;
    let policy = config.policy();
    let mut tally = Tally::default();
    for entry in told {
        let Some(user) = users.get(&entry.user) else { continue };
        if filter.user.as_ref().is_some_and(|name| !user.answers_to(name)) {
            continue;
        }
        let sheet = Sheet {
            title: &entry.title,
            user,
            wanted_by: wanted_by.get(&entry.title.plex_id).copied(),
            free_space: None,
        };
        let before = today.remove(&entry.id);
        // Without a new decision something else has settled it: nobody answered in time, or the stage was told to stop.
        let new = if decided.contains(&entry.id) { copy.read().last_decision(entry.id)? } else { None };
        let settled = new.is_none().then_some(&entry);
        let decision = match new {
            Some(decision) => decision,
            None => by_rules_alone(copy.read(), &entry, sheet, &policy, clock.now_ms())?,
        };
        let (today, last) = before.unzip();
        let outlook = outlook(&sheet, &policy, today, last.flatten().as_ref(), decision, settled);
        let outlook = Outlook { entry: Some(entry.id), ..outlook };
        tally.add(&outlook);
        tell(outlook);
    }
    Ok(tally.totals())
}

/// What would become of one described wish. A user whom the household knows has the own standing and quotas; anybody else is as
/// everybody is by default.
///
/// # Errors
/// [`SimulateError::Store`] when the store cannot be copied.
pub fn described(config: &Config, clock: &dyn Clock, wish: &Described) -> Result<WhatIf, SimulateError> {
    let copy = Store::copy_in_memory(&config.environment.data_dir, config.environment.allow_network_fs)?;
    let users = users(&copy, config)?;
    let name = &wish.user.username;
    let known = users.values().find(|user| user.answers_to(name));
    let user = known.cloned().unwrap_or_else(|| config.settings.users.named(wish.user.clone()));
    let media_type = wish.title.media_type;
    let uses = match known {
        Some(user) => copy.read().quota_uses(user.id, media_type, None, clock.now_ms())?,
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
    let outlook = outlook(&sheet, &policy, None, None, decision, None);
    let mut tally = Tally::default();
    tally.add(&outlook);
    Ok(WhatIf { totals: tally.totals(), entries: vec![outlook] })
}

/// Why the list of somebody whom the household knows is not read, and what would change that.
const fn why_not_read(user: &User) -> &'static str {
    match user.relation {
        Relation::FormerFriend => {
            "this is no friend on Plex any more, so the list is not read; becoming friends again brings it back"
        }
        Relation::Friend => {
            "the settings switch this user off, so the list is not read; `sync: true`, and `plex.friends: true`, bring it back"
        }
        Relation::Owner => "the settings switch this user off, so the list is not read; `sync: true` brings it back",
    }
}

/// Everybody, named and taking part as the settings say.
fn users(copy: &Store, config: &Config) -> Result<HashMap<UserId, User>, StoreError> {
    let settings = &config.settings;
    let mut users = HashMap::new();
    for mut user in copy.read().users()? {
        user = settings.users.named(user);
        user.synced = settings.reads(&user);
        users.insert(user.id, user);
    }
    copy.write(|db| users.values().try_for_each(|user| db.set_synced(user.id, user.synced)))?;
    Ok(users)
}

fn open_entries(db: Db<'_>, users: &HashMap<UserId, User>, text: &str) -> Result<Vec<EntryRow>, StoreError> {
    let mut entries = db.find_entries(text)?;
    entries.retain(|entry| entry.closed_at_ms.is_none() && users.get(&entry.user).is_some_and(|user| user.synced));
    Ok(entries)
}

/// Lets the deciding stage of a run loose on the copy. Answers the entries it has decided about.
fn decide(copy: &Store, config: &Config, clock: &dyn Clock) -> Result<HashSet<EntryId>, StoreError> {
    const ID: &str = "what-if";
    let (stop, now_ms) = (Stop::default(), clock.now_ms());
    copy.write(|db| db.start_run(ID, Trigger::Cli, "", now_ms))?;
    let run = Run {
        id: ID,
        store: copy,
        config,
        clock,
        stop: &stop,
        progress: Progress::new(ID, copy, clock, &|_| {}),
        started: Stopwatch::start(),
    };
    let mut report = Report::empty(RunReport {
        id: ID.to_owned(),
        trigger: Trigger::Cli,
        started_at: rfc3339(now_ms),
        duration_ms: 0,
        result: RunResult::Running,
        detail: None,
        dry_run: true,
    });
    let undecided = sync::decide_on_copy(&run, &mut report)?;
    Ok(undecided.into_iter().map(|undecided| undecided.entry).collect())
}

/// Where the rules would send what has its place already. A person's own choice of destinations stands.
fn by_rules_alone(
    db: Db<'_>,
    entry: &EntryRow,
    sheet: Sheet<'_>,
    policy: &Policy<'_>,
    now_ms: UnixMs,
) -> Result<Decision, StoreError> {
    let approval = db.approval_of(entry.id)?.filter(|approval| approval.edited.is_some());
    let mut decision = plan::decide(
        &plan::Question {
            sheet,
            disks: &Disks::default(),
            standing: &Standing::default(),
            approval: approval.as_ref(),
            asked_by: None,
            place: None,
            uses: &[],
            now_ms,
        },
        policy,
    );
    // Nobody is asked again for what was let through.
    if let Outcome::Hold { waits_for: WaitsFor::Approval(_), destinations, .. } = &mut decision.outcome {
        let destinations = std::mem::take(destinations);
        decision.outcome = Outcome::Route { destinations, granted: Granted::Approval, auto_approved: None };
    }
    Ok(decision)
}

fn outlook(
    sheet: &Sheet<'_>,
    policy: &Policy<'_>,
    today: Option<Place>,
    last: Option<&Decision>,
    decision: Decision,
    settled: Option<&EntryRow>,
) -> Outlook {
    // What somebody refused, or an arr's own list excludes, no rule brings back.
    let final_states = [EntryState::Rejected, EntryState::Excluded, EntryState::Unresolvable];
    let refused = settled.filter(|entry| final_states.contains(&entry.state));
    let then = refused.map_or_else(|| Place::of(&decision.outcome), |entry| Place::today(entry, last));
    let differs = || {
        let elsewhere = last.is_none_or(|last| destinations(&last.outcome) != destinations(&decision.outcome));
        today.as_ref().is_some_and(|today| today.what != then.what || (refused.is_none() && elsewhere))
    };
    Outlook {
        title: sheet.title.label(),
        media_type: sheet.title.media_type,
        user: sheet.user.called().to_owned(),
        changed: differs(),
        missing: missing(sheet, policy),
        settled: settled.is_some(),
        entry: None,
        plex_id: sheet.title.plex_id.clone(),
        today,
        then,
        decision,
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

    /// Where an entry stands.
    fn today(entry: &EntryRow, last: Option<&Decision>) -> Self {
        let said = |what| {
            let why = entry.reason.clone().unwrap_or_else(|| entry.state.word().to_owned());
            Self { what, to: Vec::new(), why }
        };
        match (entry.state, last) {
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

/// Totals in the making.
#[derive(Debug, Default)]
struct Tally {
    totals: Totals,
    missing: BTreeMap<Missing, HashSet<PlexId>>,
}

impl Tally {
    fn add(&mut self, entry: &Outlook) {
        let totals = &mut self.totals;
        totals.entries += 1;
        totals.changed += u32::from(entry.changed);
        *totals.places.entry(entry.then.what.word()).or_default() += 1;
        if entry.then.what == What::Route {
            for instance in &entry.then.to {
                *totals.instances.entry(instance.clone()).or_default() += 1;
            }
        }
        for fact in &entry.missing {
            self.missing.entry(*fact).or_default().insert(entry.plex_id.clone());
        }
    }

    fn totals(self) -> Totals {
        let count = |titles: HashSet<PlexId>| u32::try_from(titles.len()).unwrap_or(u32::MAX);
        let missing = self.missing.into_iter();
        let missing = missing.map(|(missing, titles)| MissingOf { missing, titles: count(titles) }).collect();
        Totals { missing, ..self.totals }
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
