//! The deciding stage of a run let loose where nothing lasts, and what it came to for each wish.

use std::collections::{HashMap, HashSet};

use super::{Filter, Outlook, Place, SimulateError, destinations};
use crate::clock::{Clock, Stopwatch, UnixMs, rfc3339};
use crate::config::Config;
use crate::model::{
    Decision, EntryId, EntryState, Granted, Outcome, Relation, RunResult, Standing, Trigger, User, UserId, WaitsFor,
};
use crate::plan;
use crate::report::{Report, RunReport};
use crate::routing::{Disks, Field, Policy, Sheet};
use crate::run::{Progress, Run};
use crate::stop::Stop;
use crate::store::{Db, EntryRow, Store, StoreError};
use crate::sync;

/// What somebody refused, or an arr's own list excludes, no rule brings back.
const REFUSED: [EntryState; 3] = [EntryState::Rejected, EntryState::Excluded, EntryState::Unresolvable];

/// A household about which everything is decided.
pub(super) struct Foresight<'a> {
    scratch: Store,
    policy: Policy<'a>,
    pub users: HashMap<UserId, User>,
    /// The open entries that are told about, by title.
    pub told: Vec<EntryId>,
    /// The entries that were decided about; the others stay where they are.
    pub decided: HashSet<EntryId>,
    /// Whether it matters how many people want a title.
    pub counts_wishes: bool,
    reasons: bool,
    now_ms: UnixMs,
}

/// An entry, as it stands after everything was decided.
pub(super) struct Seen {
    pub entry: EntryRow,
    wanted_by: Option<u32>,
}

impl Seen {
    /// What is known of it; `None` of somebody unknown.
    pub fn sheet<'s>(&'s self, users: &'s HashMap<UserId, User>) -> Result<Sheet<'s>, StoreError> {
        let user = users.get(&self.entry.user).ok_or_else(|| StoreError::Unreadable {
            what: "entries.user_id",
            detail: format!("{} is nobody's number", self.entry.user.0),
        })?;
        Ok(Sheet { title: &self.entry.title, user, wanted_by: self.wanted_by, free_space: None })
    }

    fn is_refused(&self) -> bool {
        REFUSED.contains(&self.entry.state)
    }
}

impl<'a> Foresight<'a> {
    /// Decides about everything by the settings of `config`. What `filter` lets through is told about.
    pub fn of(config: &'a Config, clock: &dyn Clock, filter: &Filter) -> Result<Self, SimulateError> {
        let scratch = scratch(config)?;
        let users = users(&scratch, config)?;
        if let Some(name) = &filter.user {
            check_name(name, &users)?;
        }
        let is_told = |user: &User| user.synced && filter.user.as_ref().is_none_or(|name| user.answers_to(name));
        let open =
            scratch.read().find_entries_in_short(filter.title.as_deref().unwrap_or_default(), true, None)?.into_iter();
        let told = open.filter(|(_, user)| users.get(user).is_some_and(is_told)).map(|(entry, _)| entry);
        let told: Vec<EntryId> = told.collect();
        let explained: HashSet<EntryId> = if filter.reasons { told.iter().copied().collect() } else { HashSet::new() };
        let decided = decide(&scratch, config, clock, &|entry| explained.contains(&entry))?;
        let policy = config.policy();
        Ok(Self {
            scratch,
            policy,
            users,
            told,
            decided,
            counts_wishes: policy.fields().has(Field::WantedBy),
            reasons: filter.reasons,
            now_ms: clock.now_ms(),
        })
    }

    /// One of the entries that are told about.
    pub fn seen(&self, entry: EntryId) -> Result<Seen, StoreError> {
        let db = self.scratch.read();
        let row = db.entry(entry)?.ok_or_else(|| StoreError::Unreadable {
            what: "entries.id",
            detail: format!("entry {} has gone", entry.0),
        })?;
        let wanted_by = if self.counts_wishes { Some(db.title_of_entry_wanted_by(entry)?) } else { None };
        Ok(Seen { entry: row, wanted_by })
    }

    /// Those of which the rules alone do not tell what becomes of them, though nothing was decided about them.
    pub fn refused(&self) -> Result<HashSet<EntryId>, StoreError> {
        Ok(self.scratch.read().open_entries_in(&REFUSED)?.into_iter().collect())
    }

    /// What becomes of an entry; and whether that is something else than today, where that is asked for.
    pub fn outlook(&self, seen: &Seen, beside_today: bool) -> Result<Outlook, StoreError> {
        let (db, entry) = (self.scratch.read(), &seen.entry);
        let sheet = seen.sheet(&self.users)?;
        // Without a new decision something else has settled it: nobody answered in time, or the stage was told to stop.
        let new = match self.decided.contains(&entry.id) {
            true if self.reasons => db.last_decision(entry.id)?,
            true => db.last_bare_decision(entry.id)?,
            false => None,
        };
        let settled = new.is_none();
        let refused = settled && seen.is_refused();
        let decision = match new {
            Some(decision) => decision,
            None => self.by_rules_alone(seen, sheet, &self.policy)?,
        };
        let mut outlook = Outlook { entry: Some(entry.id), settled, ..Outlook::of(&sheet, &self.policy, decision) };
        if !beside_today && !refused {
            return Ok(outlook);
        }
        let last = db.decision_before(entry.id)?;
        if refused {
            outlook.then = Place::standing(entry.state, entry.reason.as_deref(), last.as_ref());
        }
        if beside_today {
            let (state, reason) = db.standing_before(entry.id)?;
            let today = Place::standing(state, reason.as_deref(), last.as_ref());
            let new = destinations(&outlook.decision.outcome);
            let elsewhere = last.as_ref().is_none_or(|last| destinations(&last.outcome) != new);
            outlook.changed = today.what != outlook.then.what || (!refused && elsewhere);
            outlook.today = Some(today);
        }
        Ok(outlook)
    }

    /// Where the rules of `policy` would send what has its place already. A person's own choice of destinations stands.
    pub fn by_rules_alone(&self, seen: &Seen, sheet: Sheet<'_>, policy: &Policy<'_>) -> Result<Decision, StoreError> {
        let approval = self.scratch.read().approval_of(seen.entry.id)?.filter(|approval| approval.edited.is_some());
        let question = plan::Question {
            sheet,
            disks: &Disks::default(),
            standing: &Standing::default(),
            approval: approval.as_ref(),
            asked_by: None,
            place: None,
            uses: &[],
            now_ms: self.now_ms,
        };
        let decide = if self.reasons { plan::decide } else { plan::decide_without_reasons };
        let mut decision = decide(&question, policy);
        // Nobody is asked again for what was let through.
        if let Outcome::Hold { waits_for: WaitsFor::Approval(_), destinations, .. } = &mut decision.outcome {
            let destinations = std::mem::take(destinations);
            decision.outcome = Outcome::Route { destinations, granted: Granted::Approval, auto_approved: None };
        }
        Ok(decision)
    }
}

/// The store that `config` names, to decide on.
pub(super) fn scratch(config: &Config) -> Result<Store, StoreError> {
    Store::scratch(&config.environment.data_dir, config.environment.allow_network_fs)
}

/// Everybody, named and taking part as the settings say.
pub(super) fn users(scratch: &Store, config: &Config) -> Result<HashMap<UserId, User>, StoreError> {
    let settings = &config.settings;
    let mut users = HashMap::new();
    for mut user in scratch.read().users()? {
        user = settings.users.named(user);
        user.synced = settings.reads(&user);
        users.insert(user.id, user);
    }
    scratch.write(|db: Db<'_>| users.values().try_for_each(|user| db.set_synced(user.id, user.synced)))?;
    Ok(users)
}

/// That somebody answers to this name whose list is read.
fn check_name(name: &str, users: &HashMap<UserId, User>) -> Result<(), SimulateError> {
    if users.values().any(|user| user.synced && user.answers_to(name)) {
        return Ok(());
    }
    if let Some(user) = users.values().find(|user| user.answers_to(name)) {
        return Err(SimulateError::NotRead { name: name.to_owned(), why: why_not_read(user).to_owned() });
    }
    let mut known: Vec<String> =
        users.values().filter(|user| user.synced).map(|user| user.called().to_owned()).collect();
    known.sort();
    Err(SimulateError::UnknownUser { name: name.to_owned(), known })
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

/// Lets the deciding stage of a run loose. Answers the entries it has decided about.
fn decide(
    scratch: &Store,
    config: &Config,
    clock: &dyn Clock,
    wants_reasons: &dyn Fn(EntryId) -> bool,
) -> Result<HashSet<EntryId>, StoreError> {
    const ID: &str = "what-if";
    let (stop, now_ms) = (Stop::default(), clock.now_ms());
    let run = Run {
        id: ID,
        store: scratch,
        config,
        clock,
        stop: &stop,
        progress: Progress::new(ID, scratch, clock, &|_| {}),
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
    sync::decide_for_nothing(&run, wants_reasons, &mut report)
}
