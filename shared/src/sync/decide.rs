//! Decides about every entry that waits for it, and stores each decision with all that follows from it. What is counted and what is
//! taken are one transaction: two processes at once cannot exceed a quota.

use std::collections::HashMap;

use crate::clock::UnixMs;
use crate::model::{
    Approval, ApprovalState, ApprovalTrigger, EntryId, Granted, MediaType, Outcome, QuotaUse, Standing, Title, User,
    UserId, WaitsFor,
};
use crate::plan::{self, Place};
use crate::report::{ApprovalCounts, Change, DecisionCounts, Report};
use crate::routing::{Disks, Field, Policy, Sheet};
use crate::run::{Run, RunStage};
use crate::store::{Db, NewlyDecided, PlaceRow, StoreError, Undecided};

/// Decisions stored in one transaction.
const STORED_TOGETHER: usize = 200;

/// The settings that decide where titles go, as of the last run, to notice a change.
const KEY: &str = "decide.settings";

/// A refused title without a place in the quotas is looked at again after at most so long, should nobody know when there is room.
const LOOK_FOR_ROOM_AFTER_MS: i64 = 60 * 60 * 1000;

/// And after at most so long where somebody does: a longer pause would count as set by a clock that was put back.
const LOOK_FOR_ROOM_AT_LEAST_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// What deciding came to.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// By outcome. `routed` counts every decision to route; what became of those is only known later.
    pub counts: DecisionCounts,
    /// What became of approvals.
    pub approvals: ApprovalCounts,
    /// What waits for room in a quota: once it is known which titles on their way cost nothing, some may go, and some never will.
    pub waiting_for_room: Vec<Undecided>,
}

/// Lets titles that wait follow the settings: those whose instance is gone, and all of them when the settings that decide have changed.
/// Then what a rule kept out is decided anew, too.
pub(super) fn take_up_new_settings(run: &Run<'_>) -> Result<(), StoreError> {
    let settings = &run.config.settings;
    let instances: Vec<_> = settings
        .instances
        .iter()
        .map(|it| (&it.name, it.default, &it.copy_of, it.respect_exclusions, &it.options))
        .collect();
    let standing = |of: &Standing| (of.require_approval, of.bypass_quota, of.quotas.clone());
    let exceptions = settings.users.overrides.iter();
    let exceptions: Vec<_> =
        exceptions.map(|it| (&it.plex, &it.alias, it.require_approval, it.bypass_quota, &it.quotas)).collect();
    let usual = standing(&settings.users.default_standing);
    let now = serde_json::to_string(&(instances, &settings.rules, settings.default_routing, usual, exceptions));
    let now = now.unwrap_or_default();
    let changed = run.store.read().setting(KEY)?.as_deref() != Some(&now);
    let names = settings.instances.iter().map(|instance| instance.name.as_str());
    run.store.write(|db| {
        db.hold_orphans(names, run.clock.now_ms())?;
        if changed {
            db.hold_waiting(run.clock.now_ms())?;
            db.hold_excluded(run.clock.now_ms())?;
            db.set_setting(KEY, &now)?;
        }
        Ok(())
    })
}

/// What becomes of approvals for which nobody has decided in time.
pub(super) fn settle_overdue(run: &Run<'_>) -> Result<ApprovalCounts, StoreError> {
    let overdue = run.store.write(|db| db.settle_overdue(&run.config.settings.approvals, run.clock.now_ms()))?;
    Ok(ApprovalCounts { expired: overdue.expired, auto_approved: overdue.approved, ..ApprovalCounts::default() })
}

/// Which decisions are stored.
#[derive(Clone, Copy)]
pub(super) enum Kept<'a> {
    /// Those with another outcome than the last, each with its reasons.
    News,
    /// Every one, because somebody wants to know them all; with reasons those that this holds for. Only where nothing lasts.
    Every(&'a dyn Fn(EntryId) -> bool),
}

impl Kept<'_> {
    /// Whether a decision about this entry needs its reasons.
    fn has_reasons(self, entry: EntryId, is_news: bool) -> bool {
        match self {
            Self::News => is_news,
            Self::Every(wants_reasons) => wants_reasons(entry),
        }
    }
}

/// Decides about `undecided`, in this order.
pub(super) fn decide(
    run: &Run<'_>,
    undecided: &[Undecided],
    disks: &Disks,
    kept: Kept<'_>,
    report: &mut Report,
) -> Result<Decided, StoreError> {
    let mut decided = Decided::default();
    if undecided.is_empty() {
        return Ok(decided);
    }
    run.progress.begin(RunStage::Decide, undecided.len())?;
    let household = Household::of(run, disks)?;
    let mut uses = Uses::default();
    for chunk in undecided.chunks(STORED_TOGETHER) {
        if run.stop.reason().is_some() {
            return Ok(decided);
        }
        run.store.write(|db| {
            uses.forget_what_others_changed(db)?;
            for undecided in chunk {
                household.decide_one(db, undecided, kept, &mut uses, &mut decided, report)?;
            }
            Ok(())
        })?;
        run.progress.advance(chunk.len())?;
    }
    Ok(decided)
}

/// Lets refused titles whose pause is over take a place in the quotas again before they are tried again. Where there is no room, the
/// pause goes on.
pub(super) fn take_places_again(run: &Run<'_>, disks: &Disks) -> Result<(), StoreError> {
    let refused = run.store.read().refused_without_place(run.clock.now_ms())?;
    if refused.is_empty() {
        return Ok(());
    }
    let household = Household::of(run, disks)?;
    let mut uses = Uses::default();
    for chunk in refused.chunks(STORED_TOGETHER) {
        if run.stop.reason().is_some() {
            return Ok(());
        }
        run.store.write(|db| {
            uses.forget_what_others_changed(db)?;
            chunk.iter().try_for_each(|entry| household.take_place_again(db, entry, &mut uses))
        })?;
    }
    Ok(())
}

/// The places that are taken in each user's quotas, for as long as nobody else changes any.
#[derive(Default)]
struct Uses {
    taken: HashMap<(UserId, MediaType), Vec<QuotaUse>>,
    /// What the store said when these were asked for.
    mark_of_others: Option<i64>,
}

impl Uses {
    /// To be called as each transaction begins: between two, others have their turn.
    fn forget_what_others_changed(&mut self, db: Db<'_>) -> Result<(), StoreError> {
        let mark = Some(db.mark_of_others()?);
        if self.mark_of_others != mark {
            *self = Self { taken: HashMap::new(), mark_of_others: mark };
        }
        Ok(())
    }

    /// The places of one user's titles of one type; none are asked for where nothing limits them.
    fn of(
        &mut self,
        db: Db<'_>,
        user: &User,
        standing: &Standing,
        media_type: MediaType,
        now_ms: UnixMs,
    ) -> Result<&[QuotaUse], StoreError> {
        if !standing.quotas.iter().any(|quota| quota.media_type == media_type) {
            return Ok(&[]);
        }
        let uses = match self.taken.entry((user.id, media_type)) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => {
                unknown.insert(db.quota_uses(user.id, media_type, None, now_ms)?)
            }
        };
        Ok(uses)
    }

    /// Takes up what a decision about one entry has changed. To ask for all places again after each would take long lists for ever.
    fn follow(&mut self, db: Db<'_>, entry: EntryId, of: (UserId, MediaType)) -> Result<(), StoreError> {
        let Some(taken) = self.taken.get_mut(&of) else { return Ok(()) };
        taken.retain(|it| it.entry != entry);
        if let Some(place) = db.quota_use(entry)? {
            let behind = taken.partition_point(|it| (it.used_at_ms, it.entry) <= (place.used_at_ms, entry));
            taken.insert(behind, place);
        }
        Ok(())
    }
}

/// Everybody and everything that decisions depend on besides the title.
struct Household<'a> {
    run: &'a Run<'a>,
    policy: Policy<'a>,
    disks: &'a Disks,
    users: HashMap<UserId, (User, Standing)>,
    /// Whether a rule looks at how many people want a title.
    counts_wishes: bool,
}

impl<'a> Household<'a> {
    fn of(run: &'a Run<'a>, disks: &'a Disks) -> Result<Self, StoreError> {
        let settings = &run.config.settings.users;
        let users = run.store.read().users()?.into_iter().map(|user| {
            let user = settings.named(user);
            (user.id, (user.clone(), settings.standing(&user)))
        });
        let policy = run.config.policy();
        let counts_wishes = policy.fields().has(Field::WantedBy);
        Ok(Self { run, policy, disks, users: users.collect(), counts_wishes })
    }

    fn sheet<'s>(&self, db: Db<'_>, of: &Undecided, title: &'s Title, user: &'s User) -> Result<Sheet<'s>, StoreError> {
        let wanted_by = if self.counts_wishes { Some(db.wanted_by(of.title)?) } else { None };
        Ok(Sheet { title, user, wanted_by, free_space: None })
    }

    fn decide_one(
        &self,
        db: Db<'_>,
        undecided: &Undecided,
        kept: Kept<'_>,
        uses: &mut Uses,
        decided: &mut Decided,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let now_ms = self.run.clock.now_ms();
        let Some((user, standing)) = self.users.get(&undecided.user) else { return Ok(()) };
        // Between the question what is undecided and this transaction, a person may have said no.
        if !db.is_undecided(undecided.entry)? {
            return Ok(());
        }
        let title = db.title(undecided.title)?;
        let place = db.place_of(undecided.entry)?;
        let approval = db.approval_of(undecided.entry)?.filter(|approval| !went_on_its_place(approval, place));
        let place = place.filter(PlaceRow::is_taken).map(|place| place.granted);
        let question = plan::Question {
            sheet: self.sheet(db, undecided, &title, user)?,
            disks: self.disks,
            standing,
            approval: approval.as_ref(),
            asked_by: None,
            place,
            uses: uses.of(db, user, standing, title.media_type, now_ms)?,
            now_ms,
        };
        let outcome = plan::judge(&question, &self.policy);
        let last = db.last_bare_decision(undecided.entry)?.filter(|last| last.outcome == outcome);
        let is_news = last.is_none();
        // Only what is kept with its reasons needs them.
        let with_reasons = kept.has_reasons(undecided.entry, is_news);
        let decision = match last {
            Some(last) if !with_reasons => last,
            _ => {
                let asked_by = db.asked_too(undecided.entry)?;
                let question = plan::Question { asked_by: asked_by.as_deref(), ..question };
                let decide = if with_reasons { plan::decide } else { plan::decide_without_reasons };
                decide(&question, &self.policy)
            }
        };
        let newly = NewlyDecided { undecided: *undecided, decision: &decision, run_id: self.run.id };
        db.carry_out(&newly, is_news, now_ms)?;
        if matches!(kept, Kept::Every(_)) && !is_news {
            db.add_decision(undecided.entry, self.run.id, &decision, now_ms)?;
        }
        if is_news {
            uses.follow(db, undecided.entry, (user.id, title.media_type))?;
        }
        decided.count(undecided, &decision.outcome, is_news, approval.map(|approval| approval.state));
        let reason = match &decision.outcome {
            Outcome::Route { .. } => None,
            Outcome::Hold { reason, .. } | Outcome::Exclude { reason, .. } | Outcome::Unresolvable { reason } => {
                Some(reason)
            }
        };
        if let Some(reason) = reason.filter(|_| is_news) {
            report.change(Change {
                title: title.label(),
                user: user.username.clone(),
                what: decision.outcome.word().to_owned(),
                instance: None,
                why: reason.clone(),
            });
        }
        Ok(())
    }

    fn take_place_again(&self, db: Db<'_>, refused: &Undecided, uses: &mut Uses) -> Result<(), StoreError> {
        let now_ms = self.run.clock.now_ms();
        let Some((user, standing)) = self.users.get(&refused.user) else { return Ok(()) };
        let title = db.title(refused.title)?;
        let earlier = db.place_of(refused.entry)?.map(|place| place.granted);
        let place = match earlier.filter(|granted| *granted != Granted::Room) {
            // What was granted whatever the quotas say stays granted.
            Some(granted) => Place::Free(granted),
            None => {
                let question = plan::Question {
                    sheet: self.sheet(db, refused, &title, user)?,
                    disks: self.disks,
                    standing,
                    approval: None,
                    asked_by: None,
                    place: None,
                    uses: uses.of(db, user, standing, title.media_type, now_ms)?,
                    now_ms,
                };
                plan::place(&question, &self.policy)
            }
        };
        match place {
            Place::Free(granted) => {
                db.take_place(refused.entry, granted, now_ms)?;
                uses.follow(db, refused.entry, (user.id, title.media_type))
            }
            Place::Full { reason, frees_at_ms } => {
                let latest_ms = now_ms.saturating_add(LOOK_FOR_ROOM_AT_LEAST_EVERY_MS);
                let look_ms = now_ms.saturating_add(LOOK_FOR_ROOM_AFTER_MS);
                let reason = format!("refused before, and {reason}; then it is tried again");
                db.put_off(refused.entry, &reason, frees_at_ms.unwrap_or(look_ms).min(latest_ms), now_ms)
            }
        }
    }
}

/// Whether all that let an entry go was the place it got: then nobody has said yes to more than that place, and without it the entry
/// waits for the next one.
fn went_on_its_place(approval: &Approval, place: Option<PlaceRow>) -> bool {
    approval.state == ApprovalState::AutoApproved
        && approval.trigger == ApprovalTrigger::Quota
        && place
            .is_some_and(|place| place.granted != Granted::Approval && Some(place.used_at_ms) >= approval.decided_at_ms)
}

impl Decided {
    fn count(&mut self, undecided: &Undecided, outcome: &Outcome, is_news: bool, approval: Option<ApprovalState>) {
        let counts = &mut self.counts;
        let count = match outcome {
            Outcome::Route { .. } => &mut counts.routed,
            Outcome::Hold { .. } => &mut counts.held,
            Outcome::Exclude { .. } => &mut counts.excluded,
            Outcome::Unresolvable { .. } => &mut counts.unresolvable,
        };
        *count += 1;
        if let Outcome::Hold { waits_for: WaitsFor::Quota, .. } = outcome {
            self.waiting_for_room.push(*undecided);
        }
        let pending = approval == Some(ApprovalState::Pending);
        let approvals = &mut self.approvals;
        match outcome {
            _ if !is_news => {}
            Outcome::Hold { waits_for: WaitsFor::Approval(_), .. } if !pending => approvals.asked += 1,
            Outcome::Route { auto_approved: Some(_), .. } => approvals.auto_approved += 1,
            Outcome::Route { .. } if approval == Some(ApprovalState::Approved) => approvals.approved += 1,
            Outcome::Exclude { .. } if pending => approvals.rejected += 1,
            _ => {}
        }
    }

    /// Takes up what a second look at some of the same entries came to.
    pub(super) fn look_again(&mut self, second: Self) {
        let looked_at = u32::try_from(self.waiting_for_room.len()).unwrap_or(u32::MAX);
        let first = &mut self.counts;
        first.held = (first.held - looked_at.min(first.held)) + second.counts.held;
        first.routed += second.counts.routed;
        first.excluded += second.counts.excluded;
        first.unresolvable += second.counts.unresolvable;
        self.approvals.add(&second.approvals);
        self.waiting_for_room = second.waiting_for_room;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::{ManualClock, Stopwatch};
    use crate::config::Config;
    use crate::model::{
        ExternalIds, ListedTitle, Period, PlexId, Quota, Relation, RunResult, TmdbId, Trigger, UserUuid,
    };
    use crate::model::{QuotaUse, WhenExceeded};
    use crate::report::RunReport;
    use crate::run::Progress;
    use crate::stop::Stop;
    use crate::store::Store;

    const SETTINGS: &str = "\
plex: {token: t}
instances:
  - {name: movies, kind: radarr, url: 'http://localhost:1', api_key: k, default: true}
";
    const NOON: UnixMs = 1_795_435_200_000;
    const HOUR: i64 = 60 * 60 * 1000;

    /// A household with these quotas for everybody.
    fn config(folder: &Path, quotas: &[(Period, u32)]) -> Config {
        let file = folder.join("pulsarr.yaml");
        std::fs::write(&file, SETTINGS).unwrap();
        let vars = [("PULSARR_DATA_DIR", folder.join("data")), ("PULSARR_CONFIG", file)];
        let vars = vars.map(|(name, path)| (name.to_owned(), path.display().to_string()));
        let mut config = Config::load(vars, folder).unwrap();
        let quota = |(period, limit): &(Period, u32)| Quota {
            media_type: MediaType::Movie,
            period: *period,
            limit: *limit,
            when_exceeded: WhenExceeded::Wait,
        };
        config.settings.users.default_standing.quotas = quotas.iter().map(quota).collect();
        config
    }

    /// One user who wants so many movies.
    fn wishes(store: &Store, count: u32) -> UserId {
        let user = UserUuid::parse("5be07c1d2a94f036").unwrap();
        store
            .write(|db| {
                let user = db.upsert_user(&user, "tomas.r", "Tomas", Relation::Owner, NOON)?;
                for number in 1..=count {
                    let title = db.upsert_listed_title(&ListedTitle {
                        plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                        media_type: MediaType::Movie,
                        title: format!("Film {number}"),
                        year: Some(2025),
                        ids: Some(ExternalIds { tmdb: Some(TmdbId(number)), ..ExternalIds::default() }),
                        poster_url: None,
                    })?;
                    db.open_entry(user, title, NOON)?;
                }
                Ok(user)
            })
            .unwrap()
    }

    /// One process's deciding about everything it finds undecided, an entry at a time so that the processes take turns.
    fn decide_all(folder: &Path, config: &Config, run_id: &str, now_ms: UnixMs) {
        let store = Store::open(&folder.join("data"), false).unwrap();
        let (clock, stop) = (ManualClock::at(now_ms), Stop::default());
        let run = Run {
            id: run_id,
            store: &store,
            config,
            clock: &clock,
            stop: &stop,
            progress: Progress::new(run_id, &store, &clock, &|_| {}),
            started: Stopwatch::start(),
        };
        store.write(|db| db.start_run(run_id, Trigger::Cli, "", now_ms)).unwrap();
        let mut report = Report::empty(RunReport {
            id: run_id.to_owned(),
            trigger: Trigger::Cli,
            started_at: String::new(),
            duration_ms: 0,
            result: RunResult::Running,
            detail: None,
            dry_run: false,
        });
        let disks = Disks::default();
        take_places_again(&run, &disks).unwrap();
        for undecided in store.read().undecided(now_ms).unwrap() {
            decide(&run, &[undecided], &disks, Kept::News, &mut report).unwrap();
        }
    }

    /// Several processes with databases handles of their own, at the same time.
    fn race(folder: &Path, config: &Config, round: u32, now_ms: UnixMs) {
        std::thread::scope(|scope| {
            for process in 0..3 {
                scope.spawn(move || decide_all(folder, config, &format!("run-{round}-{process}"), now_ms));
            }
        });
    }

    fn taken(store: &Store, user: UserId) -> Vec<QuotaUse> {
        store.read().quota_uses(user, MediaType::Movie, None, NOON).unwrap()
    }

    #[test]
    fn processes_that_race_for_the_last_place_never_take_it_twice() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &[(Period::Daily, 3)]);
        let store = Store::open(&folder.path().join("data"), false).unwrap();
        let user = wishes(&store, 12);
        race(folder.path(), &config, 0, NOON);
        let uses = taken(&store, user);
        assert_eq!(uses.len(), 3);
        let decided: Vec<usize> =
            (1..=12).map(|entry| store.read().decisions_of(EntryId(entry)).unwrap().len()).collect();
        assert_eq!(decided, [1; 12], "each is decided once, whoever was first");
    }

    #[test]
    fn no_window_is_exceeded_whatever_the_order_of_processes_days_and_refusals() {
        let folder = tempfile::tempdir().unwrap();
        let quotas = [(Period::Daily, 3), (Period::Rolling { days: 2 }, 4)];
        let config = config(folder.path(), &quotas);
        let store = Store::open(&folder.path().join("data"), false).unwrap();
        let user = wishes(&store, 30);
        let mut random = fastrand::Rng::with_seed(7);
        let mut now_ms = NOON;
        for round in 0..8 {
            race(folder.path(), &config, round, now_ms);
            // Meanwhile an arr takes some of them and refuses others, which gives their places back.
            for placement in store.read().due_placements("movies", now_ms).unwrap() {
                let end = |db: Db<'_>| match random.u8(..4) {
                    0 => db.refuse(&placement, "no", Some(now_ms + HOUR), now_ms),
                    1 => Ok(()),
                    _ => db.finish(&placement, crate::model::PlacementState::Added, "yes", Some(1), now_ms),
                };
                store.write(end).unwrap();
            }
            now_ms += random.i64(-4 * HOUR..20 * HOUR);
        }
        let uses = taken(&store, user);
        assert!(uses.len() > 4, "{}", uses.len());
        for first in &uses {
            let within = |hours: i64| {
                uses.iter()
                    .filter(|it| (first.used_at_ms..first.used_at_ms + hours * HOUR).contains(&it.used_at_ms))
                    .count()
            };
            assert!(within(48) <= 4, "{uses:?}");
            let day = first.used_at_ms.div_euclid(24 * HOUR);
            assert!(uses.iter().filter(|it| it.used_at_ms.div_euclid(24 * HOUR) == day).count() <= 3, "{uses:?}");
        }
    }
}
