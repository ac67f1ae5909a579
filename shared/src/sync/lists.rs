//! Observe and diff: looks at every list that is to be read, two at a time, and stores what each look changed. A list's entries,
//! its mark and the time of the look are stored together, so a crash at any point only repeats a look.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;
use tracing::{info, warn};

use super::plex_account::{Credentials, Rumours};
use super::{Request, SyncError};
use crate::clients::plex::{Friends, Plex, PlexError};
use crate::clock::{UnixMs, has_passed, millis};
use crate::diff::{Coverage, diff};
use crate::model::{PlexId, ReadOutcome, Relation, User, UserUuid};
use crate::observe::{Look, Start, Thoroughness, look_at_friend, look_at_own};
use crate::report::{Problem, ProblemKind, Report, UserReport};
use crate::run::{Run, RunStage};
use crate::store::{Db, ReadRecord, StoreError};
use crate::upstreams::plex_problem;

/// Lists that are looked at together.
const TOGETHER: usize = 2;

/// The share of the run's time that reading lists may take; the rest is for acting on what was seen.
const SHARE_OF_RUN: f64 = 0.6;

/// The share of the run's requests that reading lists may begin with; the rest is for questions about titles.
const SHARE_OF_BUDGET: f64 = 0.7;

/// Lists in a row that Plex fails to answer for, after which this run asks for no more of them.
const FAILED_IN_A_ROW: usize = 6;

/// What the stage came to.
#[derive(Default)]
pub(super) struct Observed {
    /// Looks, or questions before them, that Plex failed to answer.
    pub failed: usize,
    /// The last of them without an answer in between.
    failed_in_a_row: usize,
    /// Lists of which anything was learned.
    pub learned: usize,
    /// Lists left for the next run, wholly or in part.
    pub left: usize,
}

impl Observed {
    /// Nobody was asked.
    pub(super) fn left_alone() -> Self {
        Self { left: 1, ..Self::default() }
    }

    fn count(&mut self, look: &Look) {
        match look {
            // Without time nothing is wrong with Plex, and the list goes on where it was left.
            Look::Cut { items, error, .. } if error.is_out_of_time() => {
                self.left += 1;
                self.learned += usize::from(!items.is_empty());
            }
            Look::Cut { items, .. } if items.is_empty() => {
                self.failed += 1;
                self.failed_in_a_row += 1;
            }
            _ => {
                self.learned += 1;
                self.failed_in_a_row = 0;
            }
        }
    }

    /// Plex answered for no list at all, or failed for so many in a row that asking on is no use.
    const fn plex_is_silent(&self) -> bool {
        self.failed_in_a_row >= FAILED_IN_A_ROW || (self.failed > 0 && self.learned == 0)
    }
}

/// Looks at the lists. Plex's faults end in the report, never in an error.
pub(super) async fn observe(
    run: &Run<'_>,
    plex: &Plex,
    rumours: &Rumours,
    request: &Request,
    report: &mut Report,
) -> Result<Observed, SyncError> {
    let mut observed = Observed::default();
    match super::plex_account::know_owner(run, plex).await? {
        Ok(()) => {}
        // Nothing is wrong with Plex; there was only no time, or no request left, to ask it.
        Err(error) if error.is_out_of_time() => return Ok(Observed { left: 1, ..observed }),
        Err(error) => {
            report.problem(plex_problem(&error));
            return Ok(Observed { failed: 1, ..observed });
        }
    }
    if run.config.settings.plex.friends
        && !is_known(run, request)?
        && let Err(error) = refresh_friends(run, plex).await?
        && !error.is_out_of_time()
        && let Credentials::Refused = rumours.report(plex, &error, report).await
    {
        return Ok(Observed { failed: 1, ..observed });
    }
    let users = users_to_read(run, request, report)?;
    run.progress.begin(RunStage::Observe, users.len())?;

    let until = Instant::now() + run.time_until(SHARE_OF_RUN);
    let mut unread: Vec<&User> = users.iter().collect();
    let mut unchanged = Vec::new();
    let mut why_unread = "no time was left for it; the next run begins with it";
    let looks =
        stream::iter(&users).map(|user| async move { (user, look(run, plex, user, request.full, until).await) });
    let mut looks = std::pin::pin!(looks.buffer_unordered(TOGETHER));
    while let Some((user, looked)) = looks.next().await {
        let Some(looked) = looked? else { continue };
        // Stopped, or out of requests, before it saw anything: it has not had its turn. One whose own slowness used up the time has.
        let had_no_turn = |error: &PlexError| error.is_out_of_time() && *error != PlexError::out_of_time();
        if matches!(&looked, Look::Cut { items, error, .. } if items.is_empty() && had_no_turn(error)) {
            continue;
        }
        unread.retain(|other| other.id != user.id);
        run.progress.advance(1)?;
        observed.count(&looked);
        if let Look::NotModified = looked {
            unchanged.push((user, run.clock.now_ms()));
            continue;
        }
        let refused = match &looked {
            Look::Cut { error, .. } => matches!(rumours.confirm(plex, error).await, Credentials::Refused),
            _ => false,
        };
        let now_ms = run.clock.now_ms();
        report.users.push(run.store.write(|db| store_look(db, user, looked, now_ms))?);
        if refused {
            report.problem(plex_problem(&PlexError::unauthorized()));
            why_unread = "Plex refuses the token";
            break;
        }
        if observed.failed_in_a_row >= FAILED_IN_A_ROW {
            why_unread = "Plex answered for none of the lists before it; the next run begins with it";
            break;
        }
    }
    // One transaction for all that is unchanged: on a quiet day, for everything.
    report.users.extend(run.store.write(|db| {
        let stored = unchanged.into_iter().map(|(user, at_ms)| store_look(db, user, Look::NotModified, at_ms));
        stored.collect::<Result<Vec<_>, StoreError>>()
    })?);
    observed.left += unread.len();
    for user in unread {
        report.users.push(left_for_next_run(run, user, why_unread)?);
    }
    if observed.plex_is_silent() && !report.has(ProblemKind::Credentials) {
        report.problem(silence(&observed, &report.users));
    }
    Ok(observed)
}

/// That Plex does not answer, as a line of the report.
fn silence(observed: &Observed, users: &[UserReport]) -> Problem {
    let why = users.iter().filter(|user| user.read == ReadOutcome::Unknown).find_map(|user| user.detail.clone());
    let (lists, why) = (observed.failed, why.unwrap_or_default());
    let message = format!("Plex did not answer for {lists} lists ({why}). The next run tries again.");
    Problem { upstream: "plex".into(), kind: ProblemKind::Down, message }
}

/// Whether the run is about one user, and that user is on record: who else there is does not matter to it.
fn is_known(run: &Run<'_>, request: &Request) -> Result<bool, StoreError> {
    let Some(name) = &request.user else { return Ok(false) };
    let users = run.store.read().users()?;
    Ok(users.iter().any(|user| user.relation != Relation::FormerFriend && user.answers_to(name)))
}

/// Brings the stored friends up to date. Nobody is ever deleted, and a failed query changes nothing.
async fn refresh_friends(run: &Run<'_>, plex: &Plex) -> Result<Result<(), PlexError>, SyncError> {
    let Friends { friends, skipped } = match plex.friends().await {
        Ok(friends) => friends,
        Err(error) => return Ok(Err(error)),
    };
    let now_ms = run.clock.now_ms();
    let known = run.store.read().users()?;
    let uuids: Vec<UserUuid> = friends.iter().map(|friend| friend.uuid.clone()).collect();
    // One who could not be read may be any of those who are missing.
    let left =
        skipped == 0 && known.iter().any(|user| user.relation == Relation::Friend && !uuids.contains(&user.uuid));
    let changed: Vec<_> = friends
        .iter()
        .filter(|friend| {
            let same = |user: &User| {
                user.uuid == friend.uuid
                    && user.username == friend.username
                    && user.display_name == friend.display_name
                    && user.relation != Relation::FormerFriend
            };
            !known.iter().any(same)
        })
        .filter(|friend| !known.iter().any(|user| user.uuid == friend.uuid && user.relation == Relation::Owner))
        .collect();
    if left || !changed.is_empty() {
        run.store.write(|db| {
            for friend in &changed {
                db.upsert_user(&friend.uuid, &friend.username, &friend.display_name, Relation::Friend, now_ms)?;
            }
            if left { db.keep_friends(&uuids) } else { Ok(()) }
        })?;
    }
    Ok(Ok(()))
}

/// Whose lists this run reads: those not read for longest come first, so that what a run leaves is first in the next.
fn users_to_read(run: &Run<'_>, request: &Request, report: &mut Report) -> Result<Vec<User>, SyncError> {
    let settings = &run.config.settings;
    let known = run.store.read().users()?;
    let readable = |user: &User| match user.relation {
        Relation::Owner => true,
        Relation::Friend => settings.plex.friends,
        Relation::FormerFriend => false,
    };
    let synced = |user: &User| readable(user) && settings.users.syncs(user);
    if known.iter().any(|user| user.synced != synced(user)) {
        run.store.write(|db| known.iter().try_for_each(|user| db.set_synced(user.id, synced(user))))?;
    }
    let (mut reading, other): (Vec<User>, Vec<User>) = known.into_iter().partition(synced);
    let off = other.iter().filter(|user| readable(user));
    report.switched_off = off.map(|user| user.username.clone()).collect();
    if let Some(name) = &request.user {
        if !reading.iter().chain(&other).any(|user| user.answers_to(name)) {
            let known = reading.into_iter().map(|user| user.username).collect();
            return Err(SyncError::UnknownUser { name: name.clone(), known });
        }
        reading.retain(|user| user.answers_to(name));
    }
    let now_ms = run.clock.now_ms();
    let mut read_at = HashMap::with_capacity(reading.len());
    for user in &reading {
        // A time from the future was written by a clock that has since been put back.
        let at = run.store.read().read_record(user.id)?.read_at_ms.filter(|at| *at <= now_ms);
        read_at.insert(user.id, at);
    }
    reading.sort_by_key(|user| (read_at.get(&user.id).copied().flatten(), user.id.0));
    Ok(reading)
}

/// Looks at one list, as thoroughly as it is due; `None` when there is no time to begin.
async fn look(run: &Run<'_>, plex: &Plex, user: &User, full: bool, until: Instant) -> Result<Option<Look>, StoreError> {
    let budget = f64::from(run.config.environment.plex_request_budget) * SHARE_OF_BUDGET;
    #[expect(clippy::cast_precision_loss, reason = "a run sends far fewer than 2^52 requests")]
    let spent = plex.counters().requests as f64 >= budget;
    if run.stop.reason().is_some() || Instant::now() >= until || spent {
        return Ok(None);
    }
    let record = run.store.read().read_record(user.id)?;
    let thoroughness = if full || whole_look_is_due(run, &record) { Thoroughness::Whole } else { Thoroughness::Newest };
    let resume = record.resume.as_deref().filter(|_| !full);
    let start = Start { thoroughness, mark: record.list_mark.as_deref(), resume, until };
    // A failing store shows itself when the look is stored; here it only costs another page.
    let on_record = |plex_id: &PlexId| run.store.read().is_on_record(user.id, plex_id).unwrap_or(false);
    Ok(Some(match user.relation {
        Relation::Owner => look_at_own(plex, start, on_record).await,
        _ => look_at_friend(plex, &user.uuid, start, on_record).await,
    }))
}

fn whole_look_is_due(run: &Run<'_>, record: &ReadRecord) -> bool {
    let now_ms = run.clock.now_ms();
    let every = Duration::from_secs(run.config.environment.full_read_every_s);
    let never_or_long_ago = record.complete_at_ms.is_none_or(|at| has_passed(at, every, now_ms));
    // A time to confirm further away than any rule asks for was set by a clock that has since been put back.
    let confirms = record
        .confirm_at_ms
        .is_some_and(|at| at <= now_ms || at > now_ms + 2 * millis(crate::diff::CONFIRM_MASS_AFTER));
    never_or_long_ago || (confirms && !record.too_long)
}

/// Stores one look with all that follows from it.
fn store_look(db: Db<'_>, user: &User, look: Look, now_ms: UnixMs) -> Result<UserReport, StoreError> {
    let mut record = db.read_record(user.id)?;
    record.read_at_ms = Some(now_ms);
    let resumed = record.resume.take().is_some();
    let mut counts = Counts::default();
    let (outcome, detail) = match look {
        Look::NotModified => (ReadOutcome::NotModified, None),
        Look::NotShared { detail } => (ReadOutcome::NotShared, Some(detail)),
        Look::Cut { items, error, resume } => {
            if !items.is_empty() {
                counts = apply(db, user, &items, Coverage::Part, &mut record, now_ms)?;
                // What came after the cut may be new as well, below entries that are on record now.
                record.complete_at_ms = None;
            }
            record.too_long |= resume.is_some();
            record.resume = resume;
            if !error.is_out_of_time() {
                warn!(user.name = %user.username, "the list of {} could not be read: {error}", user.username);
            }
            let detail = if error.is_out_of_time() {
                format!("there was no time for all of it ({} entries were read); the next run goes on", items.len())
            } else {
                error.to_string()
            };
            (ReadOutcome::Unknown, Some(detail))
        }
        Look::Newest { items, mark } => {
            counts = apply(db, user, &items, Coverage::Part, &mut record, now_ms)?;
            record.list_mark = mark;
            if resumed {
                // Every page was seen, if not in one go: additions are all here, and removals wait for the regular whole look.
                record.complete_at_ms = Some(now_ms);
            }
            (ReadOutcome::Newest, None)
        }
        Look::Whole { items, mark, unreadable } => {
            let coverage = if unreadable == 0 { Coverage::Everything } else { Coverage::Part };
            counts = apply(db, user, &items, coverage, &mut record, now_ms)?;
            record.list_mark = mark;
            record.complete_at_ms = Some(now_ms);
            record.too_long = false;
            if unreadable > 0 {
                // It could not confirm what is missing, and neither could the next run: the regular whole look tries again.
                record.confirm_at_ms = None;
            }
            match (unreadable, counts.mass) {
                (0, false) => (ReadOutcome::Complete, None),
                (0, true) => (ReadOutcome::Complete, Some(mass_detail(user, &counts))),
                _ => (
                    ReadOutcome::Newest,
                    Some("not every entry could be read, so nothing is taken as removed".to_owned()),
                ),
            }
        }
    };
    record.outcome = Some(outcome);
    record.detail.clone_from(&detail);
    db.set_read_record(user.id, &record)?;
    let entries = db.open_entry_count(user.id)?;
    if counts.new + counts.gone > 0 {
        info!(user.name = %user.username, "list of {}: {} new, {} gone", user.username, counts.new, counts.gone);
    }
    Ok(UserReport {
        uuid: user.uuid.to_string(),
        name: user.username.clone(),
        read: outcome,
        detail,
        entries,
        new: counts.new,
        gone: counts.gone,
    })
}

fn mass_detail(user: &User, counts: &Counts) -> String {
    let detail = format!(
        "{} of {} entries are missing at once; they are kept unless they stay missing for a day",
        counts.absent, counts.open
    );
    warn!(user.name = %user.username, "list of {}: {detail}", user.username);
    detail
}

#[derive(Default)]
struct Counts {
    new: u32,
    gone: u32,
    absent: usize,
    open: usize,
    mass: bool,
}

/// Applies what a look saw to the stored entries.
fn apply(
    db: Db<'_>,
    user: &User,
    items: &[crate::model::ListedTitle],
    coverage: Coverage,
    record: &mut ReadRecord,
    now_ms: UnixMs,
) -> Result<Counts, StoreError> {
    let open = db.open_entries(user.id)?;
    let seen: Vec<&PlexId> = items.iter().map(|item| &item.plex_id).collect();
    let change = diff(&open, &seen, coverage, now_ms);
    for position in &change.appeared {
        let title = db.upsert_listed_title(&items[*position])?;
        db.open_entry(user.id, title, now_ms)?;
    }
    for entry in &change.returned {
        db.unmark_missing(*entry)?;
    }
    for missing in &change.missing {
        db.mark_missing(missing.id, now_ms, missing.gone_after_ms)?;
    }
    for entry in &change.closed {
        db.close_entry(*entry, now_ms)?;
    }
    record.confirm_at_ms = change.confirm_at_ms;
    Ok(Counts {
        new: u32::try_from(change.appeared.len()).unwrap_or(u32::MAX),
        gone: u32::try_from(change.closed.len()).unwrap_or(u32::MAX),
        absent: change.absent,
        open: open.len(),
        mass: change.mass,
    })
}

fn left_for_next_run(run: &Run<'_>, user: &User, why: &str) -> Result<UserReport, StoreError> {
    Ok(UserReport {
        uuid: user.uuid.to_string(),
        name: user.username.clone(),
        read: ReadOutcome::Unknown,
        detail: Some(why.to_owned()),
        entries: run.store.read().open_entry_count(user.id)?,
        new: 0,
        gone: 0,
    })
}
