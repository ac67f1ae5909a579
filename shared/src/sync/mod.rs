//! One whole run, top to bottom: observe → diff → resolve → decide → act → report.
//!
//! A run is a reconciler. Its only input is state (the lists, the instances, the store), it is safe to repeat, and there is one
//! path: the next run is the retry. What a run cannot finish, because time or the request budget is used up or an upstream
//! fails, it leaves as it found it.

mod cool_down;
mod decide;
mod first_sync;
mod give_way;
mod lists;
mod plex_account;
mod quotas;

pub use cool_down::{LONGEST_COOL_DOWN, cool_until, leave_alone};
pub use first_sync::{first_sync_waits, hold_first_sync, release_first_sync};
pub use give_way::{GaveWay, ask_for_way, gave_way};
pub use quotas::{UserQuota, nearly_full_quotas, quotas, quotas_of};

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use decide::Kept;
use plex_account::Rumours;
use tracing::{info, warn};

use crate::act;
use crate::clients::Transport;
use crate::clients::arr::Arr;
use crate::clients::plex::Plex;
use crate::clock::{Clock, Stopwatch, UnixMs, rfc3339};
use crate::config::Config;
use crate::lock::LockGuard;
use crate::model::{EntryId, Instance, OutageReason, ReadOutcome, RunResult, Trigger};
use crate::outages;
use crate::process;
use crate::report::{DecisionCounts, Problem, ProblemKind, Report, RunReport};
use crate::resolve::{self, resolve};
use crate::routing::Disks;
use crate::run::{Only, Position, Progress, Run, RunStage};
use crate::stop::{Stop, StopReason};
use crate::store::{Db, FoundBy, Store, StoreError};
use crate::tracking::catch_up::{self, Due, Occasion, Told};
use crate::tracking::{TrackingSettings, untold};
use crate::upstreams::Upstreams;

/// Titles that a run decides about, and adds, for which others have made way.
const NEWEST: usize = 10;

/// What a run works on and with.
pub struct World<'a> {
    /// The database; for a dry run a copy in memory.
    pub store: &'a Store,
    /// Environment and settings.
    pub config: &'a Config,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The order to stop.
    pub stop: Stop,
    /// The way to the network.
    pub transport: Transport,
    /// Told whenever the run gets further.
    pub show: &'a dyn Fn(Position),
}

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The run's id.
    pub run_id: String,
    /// Who asks.
    pub trigger: Trigger,
    /// Only this user's list.
    pub user: Option<String>,
    /// Every list whole, whatever is on record.
    pub full: bool,
}

/// Whether a run may change the world.
pub enum Mode<'a> {
    /// It may, and holds the lock that keeps others from doing so at the same time.
    Real(&'a LockGuard),
    /// It reads, decides and says what it would do.
    DryRun,
}

/// Why a run could not be carried out. Failures of upstreams are no such reason: they are in the report.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
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
}

/// Runs once. A real run ends early when the owner waits for one, unless it is that one.
///
/// # Errors
/// [`SyncError`] when the run could not be carried out. The run row then says `failed`.
pub async fn run(world: &World<'_>, request: &Request, mode: Mode<'_>) -> Result<Report, SyncError> {
    let started_at_ms = world.clock.now_ms();
    let run = Run {
        id: &request.run_id,
        store: world.store,
        config: world.config,
        clock: &*world.clock,
        stop: &world.stop,
        progress: Progress::new(&request.run_id, world.store, &*world.clock, world.show),
        started: Stopwatch::start(),
    };
    let holder = format!("{} (process {})", process::host_name(), std::process::id());
    let (crashed, is_the_owners) = run.store.write(|db| {
        give_way::begins(db, request)?;
        let crashed = db.start_run(run.id, request.trigger, &holder, started_at_ms)?;
        Ok((crashed, give_way::is_the_owners(db, request)?))
    })?;
    // Beside a dry run, which needs no lock, the run that seems to have died may well be alive.
    if crashed > 0 && matches!(mode, Mode::Real(_)) {
        warn!(run.id = %run.id, "the run before this one died without a word; its unfinished work is taken up now");
    }

    let mut report = Report::empty(RunReport {
        id: request.run_id.clone(),
        trigger: request.trigger,
        started_at: rfc3339(started_at_ms),
        duration_ms: 0,
        result: RunResult::Running,
        detail: None,
        dry_run: matches!(mode, Mode::DryRun),
    });
    let way = async {
        match mode {
            Mode::Real(_) if !is_the_owners => give_way::when_asked(&run).await,
            _ => std::future::pending().await,
        }
    };
    let carried_out = tokio::select! {
        biased;
        ended = stages(world, &run, request, &mode, &mut report) => ended,
        never = way => match never {},
    };
    let gave_way = carried_out.is_ok() && run.stop.reason() == Some(StopReason::GivesWay);
    if gave_way {
        report.run.detail.get_or_insert_with(|| give_way::DETAIL.to_owned());
    }
    report.run.duration_ms = u64::try_from(run.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.cpu_ms = process::cpu_ms();
    report.peak_rss_kib = process::peak_rss_kib();
    if let Err(error) = &carried_out {
        report.run.result = RunResult::Failed;
        report.run.detail = Some(format!("failed to {error}"));
    }
    let json = serde_json::to_string(&report).unwrap_or_default();
    let stored = run.store.write(|db| {
        for (service, counts) in &report.upstream {
            db.count_requests(service, "not_modified", counts.not_modified)?;
            db.count_requests(service, "throttled", counts.throttled)?;
            let answered = counts.requests.saturating_sub(counts.not_modified + counts.throttled);
            db.count_requests(service, "answered", answered)?;
        }
        let now_ms = run.clock.now_ms();
        for service in report.did_well() {
            db.note_upstream_success(service, now_ms)?;
        }
        if gave_way {
            give_way::leave(db, request)?;
        }
        if request.user.is_none() && matches!(report.run.result, RunResult::Ok | RunResult::Partial) {
            db.note_whole_sync(now_ms)?;
        }
        if run.store.lasts() {
            note_outages(db, run.config, &report, now_ms)?;
        }
        db.end_run(run.id, report.run.result, &json, now_ms)
    });
    carried_out?;
    stored?;
    info!(run.id = %run.id, "{}", report.summary());
    Ok(report)
}

/// Notes in the history of each instance how this run has found it.
fn note_outages(db: Db<'_>, config: &Config, report: &Report, now_ms: UnixMs) -> Result<(), StoreError> {
    let by = if report.run.trigger == Trigger::FastLane { FoundBy::Look } else { FoundBy::Run };
    for Instance { name, .. } in &config.settings.instances {
        let found = match report.problems.iter().find(|problem| problem.upstream == *name) {
            Some(problem) => Err(problem),
            None if report.did_well().any(|it| it == name) => Ok(()),
            None => continue,
        };
        outages::note(db, name, found, by, OutageReason::OF_INSTANCE, now_ms)?;
    }
    Ok(())
}

/// The stages, in order. What goes wrong upstream ends in the report.
async fn stages(
    world: &World<'_>,
    run: &Run<'_>,
    request: &Request,
    mode: &Mode<'_>,
    report: &mut Report,
) -> Result<(), SyncError> {
    if !run.config.broken.is_empty() {
        for broken in &run.config.broken {
            let message = format!("{}. Mend or remove it; nothing is decided until then.", broken.sentence());
            report.problem(Problem { upstream: "settings".into(), kind: ProblemKind::Configuration, message });
        }
        report.run.result = RunResult::Failed;
        report.run.detail = Some("settings made in the service cannot be read".to_owned());
        return Ok(());
    }
    let settings = &run.config.settings;
    let (Some(token), false) = (&settings.plex.token, settings.instances.is_empty()) else {
        report.run.result = RunResult::NotSetUp;
        report.run.detail = Some(what_is_missing(run.config));
        return Ok(());
    };
    let upstreams = Upstreams::new(world.config, &world.transport, &world.clock, &world.stop);
    let plex = upstreams.plex(token, client_identifier(run.store)?);
    tokio::select! {
        biased;
        ended = stages_with(world, run, request, mode, report, &upstreams, &plex) => ended,
        never = cool_down::share(run, &plex) => match never {},
    }
}

/// The stages of a run that has what it needs.
async fn stages_with(
    world: &World<'_>,
    run: &Run<'_>,
    request: &Request,
    mode: &Mode<'_>,
    report: &mut Report,
    upstreams: &Upstreams<'_>,
    plex: &Plex,
) -> Result<(), SyncError> {
    // Before anything is added: that has not come to anything yet.
    let owed = if matches!(mode, Mode::Real(_)) { owed_histories(run, request)? } else { BTreeMap::new() };

    let rumours = Rumours::default();
    let cool_until_ms = cool_until(run.store.read(), run.clock.now_ms())?;
    let observed = match cool_until_ms {
        None => lists::observe(run, plex, &rumours, request, report).await?,
        Some(at_ms) => {
            report.problem(Problem {
                upstream: "plex".into(),
                kind: ProblemKind::Down,
                message: format!(
                    "Plex asked to be left alone until {}. The first run after that goes on.",
                    rfc3339(at_ms)
                ),
            });
            lists::Observed::left_alone()
        }
    };

    let only = only(run, request)?;
    decide::take_up_new_settings(run)?;
    let looks = upstreams.instances.iter().map(|(instance, arr)| act::look_for_attempts(run, instance, arr));
    for looked in futures_util::future::join_all(looks).await {
        take_up(looked?, report);
    }
    let mut undecided = run.store.read().undecided(run.clock.now_ms())?;
    if let Some(only) = only {
        only.keep(&mut undecided, |it| (it.user, it.entry));
    }
    let plex_refuses_us = report.has(ProblemKind::Credentials) || cool_until_ms.is_some();
    let resolved = resolve(run, plex, upstreams, &undecided, plex_refuses_us).await?;
    undecided.retain(|entry| !resolved.undecidable.contains(&entry.title));
    resolved.problems.into_iter().for_each(|problem| report.problem(problem));
    if let Some(failure) = resolved.failure.filter(|failure| !failure.is_out_of_time()) {
        rumours.report(plex, &failure, report).await;
    }

    let unfinished = observed.left > 0 || !resolved.undecidable.is_empty();
    if matches!(mode, Mode::Real(_)) && first_sync_waits(run.store.read())? {
        leave_alone_as_asked(run, plex)?;
        report.upstream = upstreams.counts();
        report.run.result = match judge(report, &observed, unfinished, world.stop.reason()) {
            RunResult::Ok | RunResult::Partial => RunResult::NotSetUp,
            otherwise => otherwise,
        };
        report.run.detail = Some(first_sync::WAITS.to_owned());
        return Ok(());
    }

    let disks = if undecided.is_empty() {
        Disks::default()
    } else {
        resolve::disks(run, upstreams, &run.config.policy(), report).await
    };
    let mut approvals = decide::settle_overdue(run)?;
    decide::take_places_again(run, &disks)?;
    let mut decided = decide::decide(run, &undecided, &disks, Kept::News, report)?;

    act(run, mode, upstreams, only, report).await?;

    // A dry run adds nothing, so that what waits for room would wait for ever: there, what would be added counts as added.
    if matches!(mode, Mode::DryRun) && !decided.waiting_for_room.is_empty() {
        run.store.write(|db| db.suppose_added(run.clock.now_ms()))?;
    }
    // Titles that turned out to be there already cost nothing, so there may be room now; or it is certain that there is none.
    let second = decide::decide(run, &decided.waiting_for_room, &disks, Kept::News, report)?;
    if second.counts.routed > 0 {
        act(run, mode, upstreams, only, report).await?;
    }
    decided.look_again(second);
    if matches!(mode, Mode::Real(_)) {
        catch_up_with(run, request, upstreams, &owed, report).await?;
    }
    approvals.add(&decided.approvals);
    report.approvals = approvals;
    report.quotas = nearly_full_quotas(run.store.read(), run.config, run.clock.now_ms())?;

    leave_alone_as_asked(run, plex)?;
    report.upstream = upstreams.counts();
    // What was routed is counted by what became of it: sent somewhere, there already, or excluded there.
    let routes = run.store.read().routes_of_run(run.id)?;
    report.decisions = DecisionCounts {
        routed: routes.sent,
        already_there: routes.already_there,
        excluded: decided.counts.excluded + routes.excluded,
        ..decided.counts
    };
    report.run.result = judge(report, &observed, unfinished, world.stop.reason());
    Ok(())
}

/// Decides about everything that waits for it as a run would, with the facts on record: nobody is asked, and nothing is sent. Works
/// where nothing lasts; every decision is kept there, also where nothing is new, and with its reasons where somebody wants those. Answers
/// what it has decided about.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub(crate) fn decide_for_nothing(
    run: &Run<'_>,
    wants_reasons: &dyn Fn(EntryId) -> bool,
    report: &mut Report,
) -> Result<HashSet<EntryId>, StoreError> {
    assert!(!run.store.lasts(), "what is decided here would count");
    decide::take_up_new_settings(run)?;
    run.store.write(|db| db.suppose_attempts_failed())?;
    let mut undecided = run.store.read().undecided(run.clock.now_ms())?;
    // How full disks are, only the arrs could tell.
    let disks = Disks::default();
    decide::settle_overdue(run)?;
    // Nothing is decided about what has just expired.
    let db = run.store.read();
    let waits: HashSet<_> = db.undecided(run.clock.now_ms())?.into_iter().map(|undecided| undecided.entry).collect();
    undecided.retain(|undecided| waits.contains(&undecided.entry));
    decide::take_places_again(run, &disks)?;
    let kept = Kept::Every(wants_reasons);
    let decided = decide::decide(run, &undecided, &disks, kept, report)?;
    if !decided.waiting_for_room.is_empty() {
        run.store.write(|db| db.suppose_added(run.clock.now_ms()))?;
        decide::decide(run, &decided.waiting_for_room, &disks, kept, report)?;
    }
    Ok(undecided.into_iter().map(|undecided| undecided.entry).collect())
}

/// Notes how long Plex wants to be left alone, should it have said so in this run.
fn leave_alone_as_asked(run: &Run<'_>, plex: &Plex) -> Result<(), StoreError> {
    let Some(left) = plex.cooling_for() else { return Ok(()) };
    leave_alone(run.store, left, run.clock.now_ms())
}

/// A name for a run that begins now: sorts by time and is unique, milliseconds in hex and four random bytes.
#[must_use]
pub fn new_run_id(now_ms: UnixMs) -> String {
    format!("{now_ms:011x}-{}", process::random_hex(4))
}

/// From when on the histories of the instances are to be asked for of which news is expected. A run that is about one user asks nobody
/// who was asked within the last minute.
fn owed_histories(run: &Run<'_>, request: &Request) -> Result<BTreeMap<String, UnixMs>, StoreError> {
    let mut owed = BTreeMap::new();
    for instance in &run.config.settings.instances {
        let now_ms = run.clock.now_ms();
        if request.user.is_some() && catch_up::was_asked_just_now(run.store, instance, now_ms)? {
            continue;
        }
        if let Due::Since(since_ms) = catch_up::due(run.store, instance, Occasion::Run, now_ms)? {
            owed.insert(instance.name.clone(), since_ms);
        }
    }
    Ok(owed)
}

/// Asks these instances for what they told nobody, all at once. One that fails in this run anyway is not
/// asked once more.
async fn catch_up_with(
    run: &Run<'_>,
    request: &Request,
    upstreams: &Upstreams<'_>,
    owed: &BTreeMap<String, UnixMs>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let fails =
        |name: &str| report.problems.iter().any(|it| it.upstream == name && it.kind != ProblemKind::Configuration);
    let looks = upstreams.instances.iter().filter_map(|(instance, arr)| {
        let asked = run.stop.reason().is_none() && !fails(&instance.name);
        asked.then(|| catch_up_with_one(run, request, instance, arr, owed.get(&instance.name).copied()))
    });
    let problems = futures_util::future::try_join_all(looks).await?;
    problems.into_iter().flatten().for_each(|problem| report.problem(problem));
    Ok(())
}

/// Asks an instance for what it told nobody since `since_ms`, and, in a run of all lists, for what not even its history knows. Answers
/// what people should know.
async fn catch_up_with_one(
    run: &Run<'_>,
    request: &Request,
    instance: &Instance,
    arr: &Arr,
    since_ms: Option<UnixMs>,
) -> Result<Option<Problem>, StoreError> {
    let settings = TrackingSettings::of(&run.config.environment);
    let catch_up = |since_ms| catch_up::catch_up(run.store, run.clock, instance, arr, since_ms, settings);
    let (mut told, mut left, mut problem) = (None, BTreeSet::new(), None);
    if let Some(since_ms) = since_ms {
        let caught = catch_up(since_ms).await?;
        (told, left, problem) = (Some(caught.told), caught.left, caught.problem);
    }
    if told == Some(Told::Nothing) || request.user.is_some() {
        return Ok(problem);
    }
    let awaited = untold::due(run.store, instance, run.clock.now_ms())?;
    if awaited.is_empty() {
        return Ok(problem);
    }
    let mut looked = untold::look(arr, awaited).await;
    // What has come since the history was read may be in it by now.
    if let (Some(since_ms), Some(Told::History), Ok(1..)) = (since_ms, told, looked.as_ref().map(Vec::len)) {
        let caught = catch_up(since_ms).await?;
        if caught.told != Told::History {
            return Ok(problem.or(caught.problem));
        }
        left = caught.left;
    }
    if let Ok(found) = &mut looked {
        // Of these the history has told, and it is tried again.
        found.retain(|it| !left.contains(&it.external_id));
        untold::settle(run.store, instance, found, run.clock.now_ms())?;
    }
    untold::note_look(run.store, instance, &looked, run.clock.now_ms())?;
    Ok(problem)
}

/// Whose titles alone are decided and added: a run of the fast lane is there for one user, whose additions are not to wait until
/// everything is done that others have left. Those have runs of their own, and the regular one. The owner's run gives way to none, so
/// that it is short, and what was just added does not wait for the owner's own titles either.
fn only(run: &Run<'_>, request: &Request) -> Result<Option<Only>, StoreError> {
    let Some(name) = request.user.as_ref().filter(|_| request.trigger == Trigger::FastLane) else { return Ok(None) };
    let newest = give_way::is_the_owners(run.store.read(), request)?.then_some(NEWEST);
    let users = run.store.read().users()?;
    Ok(users.into_iter().find(|user| user.answers_to(name)).map(|user| Only { user: user.id, newest }))
}

/// Works off every instance's queue, all instances at once; of one user, or of everybody.
async fn act(
    run: &Run<'_>,
    mode: &Mode<'_>,
    upstreams: &Upstreams<'_>,
    only: Option<Only>,
    report: &mut Report,
) -> Result<(), SyncError> {
    let dry_run = matches!(mode, Mode::DryRun);
    // Of what waits, the last look at the queues tells; a dry run counts instead what it would add.
    if !dry_run {
        report.placements.waiting = 0;
    }
    let queues = run.store.read().queue_lengths(run.clock.now_ms())?;
    let total: u32 = queues.iter().map(|(_, length)| length).sum();
    if total == 0 {
        return Ok(());
    }
    run.progress.begin(RunStage::Act, total as usize)?;
    let work = upstreams.instances.iter().map(|(instance, arr)| act::work_off(run, instance, arr, only, dry_run));
    for acted in futures_util::future::join_all(work).await {
        take_up(acted?, report);
    }
    Ok(())
}

fn take_up(acted: act::Acted, report: &mut Report) {
    report.placements.add(&acted.counts);
    acted.changes.into_iter().for_each(|change| report.change(change));
    if let Some(problem) = acted.problem {
        report.problem(problem);
    }
}

/// How the run went.
fn judge(report: &Report, observed: &lists::Observed, unfinished: bool, stopped: Option<StopReason>) -> RunResult {
    let unread = report.users.iter().any(|user| user.read == ReadOutcome::Unknown);
    if stopped == Some(StopReason::Terminated) {
        RunResult::Interrupted
    } else if observed.failed > 0 && observed.learned == 0 {
        RunResult::Failed
    } else if unfinished || unread || stopped.is_some() || !report.problems.is_empty() {
        RunResult::Partial
    } else {
        RunResult::Ok
    }
}

fn what_is_missing(config: &Config) -> String {
    let missing = match (config.settings.plex.token.is_none(), config.settings.instances.is_empty()) {
        (true, true) => "a Plex token (`plex.token`) and a Sonarr or Radarr (`instances`)",
        (true, false) => "a Plex token (`plex.token`)",
        _ => "a Sonarr or Radarr (`instances`)",
    };
    let place = config.settings_file.as_ref().map_or_else(
        || "write a pulsarr.yaml and name it in PULSARR_CONFIG".to_owned(),
        |path| format!("add it to {}", path.display()),
    );
    format!("not set up yet: the settings lack {missing}; {place}. `pulsarr check` tells more.")
}

/// Where the installation's own name towards Plex is kept.
const CLIENT_IDENTIFIER: &str = "plex.client_identifier";

/// What whoever keeps nothing is called towards Plex where there is no name yet.
pub const PASSING_IDENTIFIER: &str = "pulsarr-dry-run";

/// The name that is kept; see [`client_identifier`]. Makes none.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub fn kept_client_identifier(db: Db<'_>) -> Result<Option<String>, StoreError> {
    db.setting(CLIENT_IDENTIFIER)
}

/// The installation's own name towards Plex: made once and kept, so that Plex sees one device, until linking an account brings another.
///
/// # Errors
/// [`StoreError`] when it can neither be read nor stored.
pub fn client_identifier(store: &Store) -> Result<String, StoreError> {
    if let Some(identifier) = kept_client_identifier(store.read())? {
        return Ok(identifier);
    }
    // Every name that Plex sees becomes a device in the account: what is not kept gets the same name each time.
    let identifier =
        if store.lasts() { format!("pulsarr-{}", process::random_hex(8)) } else { PASSING_IDENTIFIER.to_owned() };
    store.write(|db| db.set_setting(CLIENT_IDENTIFIER, &identifier))?;
    Ok(identifier)
}

/// Calls the installation `identifier` towards Plex from now on: the name that a token was made for belongs with it. For use inside
/// [`Store::write`], together with the token.
///
/// # Errors
/// [`StoreError`] when it cannot be stored.
pub fn set_client_identifier(db: Db<'_>, identifier: &str) -> Result<(), StoreError> {
    db.set_setting(CLIENT_IDENTIFIER, identifier)
}
