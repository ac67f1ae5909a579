//! Webhooks that never came: an arr drops them while we are away, or while it believes that we are. Its history tells the same, in one
//! request. It is asked at the start of the service of whoever has taken anything that is wished for, and in every run where something is
//! waited for, more of it is on its way, or shows are: of these there may always be more. Of a Radarr whose movies are all there nothing
//! can be missing.
//!
//! A look begins where the history that was read before ended, by the instance's own clock. A webhook moves nothing: it does not tell
//! whether those before it came, and the first one after an absence, such as the answer to our own question whether the connection
//! works, would hide the whole absence. What was not read, or could not be acted on, moves nothing either. [`due`], the question itself
//! ([`Arr::history_since`]) and [`take_in`] are apart, so that nobody has to hold the store while an instance thinks.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::{TrackingSettings, apply_events};
use crate::clients::arr::{Arr, ArrError, HistoryEvent};
use crate::clock::{Clock, UnixMs, has_passed, millis};
use crate::model::{Instance, InstanceKind};
use crate::report::{Problem, ProblemKind};
use crate::store::{Db, Store, StoreError};
use crate::upstreams::arr_problem;

/// How long an instance that says that it has no such thing is not asked again: it may be a proxy that says so, or a wrong base path.
const WITHOUT_FOR: Duration = Duration::from_secs(60 * 60);

/// The pause between two looks of runs that are about one user: in a minute, little is missed, and there may be many such runs.
const PAUSE: Duration = Duration::from_secs(60);

/// How long a download may take to bring what it is to bring, and be expected at every look: one that has failed is not told of.
const DOWNLOAD_TAKES: Duration = Duration::from_secs(24 * 60 * 60);

/// Each look begins so much before the end of the last one: what happens at the same time may be written down later, and an event that
/// comes twice does no harm.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// The longest look back.
const FARTHEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The most events of a history that are acted on at a time: whoever else wants the store has its turn in between.
pub const PORTION: usize = 1_000;

/// What an instance answers: see [`Arr::history_since`].
pub type Answer = Result<Option<Vec<HistoryEvent>>, ArrError>;

/// What a look at the histories is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The service has started, and may have been away.
    Start,
    /// A run.
    Run,
}

/// Whether the history of an instance is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// No news is expected of what it has taken, or none so soon after it was asked.
    Nothing,
    /// It has said a short while ago that it has none.
    Resting,
    /// It is, from this time on; unix milliseconds.
    Since(UnixMs),
}

/// What an instance has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Its history. What could not be acted on is tried again, and concerns its own title alone.
    History,
    /// That it has none.
    None,
    /// Nothing. It may know more than we do.
    Nothing,
}

/// Events that could not be acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// When the first of them happened, by the instance's clock; unix milliseconds. The next look begins there.
    pub since_ms: Option<UnixMs>,
    /// The titles they are about, by the number that the instance knows them by. What became of these is still to be told.
    pub titles: BTreeSet<u32>,
}

/// What became of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// What the instance has told.
    pub told: Told,
    /// Titles of which something was told that could not be acted on.
    pub left: BTreeSet<u32>,
    /// What somebody should know.
    pub problem: Option<Problem>,
}

/// Whether the history of `instance`, as the settings have it now, is to be asked for.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn due(store: &Store, instance: &Instance, occasion: Occasion, now_ms: UnixMs) -> Result<Due, StoreError> {
    let (db, name) = (store.read(), &instance.name);
    let Some(wanted_at_ms) = oldest_expected(db, instance, occasion, now_ms)? else { return Ok(Due::Nothing) };
    let known = is_place_of(db, instance)?;
    let stored = |key: String| if known { stored(db, &key) } else { Ok(None) };
    if stored(without_key(name))?.is_some_and(|at| !has_passed(at, WITHOUT_FOR, now_ms)) {
        return Ok(Due::Resting);
    }
    // Where no history was read yet, nothing is owed from before the oldest wish.
    let since_ms = stored(since_key(name))?.unwrap_or(wanted_at_ms);
    let farthest_ms = now_ms.saturating_sub(millis(FARTHEST));
    Ok(Due::Since(since_ms.min(now_ms).saturating_sub(millis(OVERLAP)).max(farthest_ms)))
}

/// When the oldest wish was decided about that there may be news of, unix milliseconds; `None` when it is not the time to ask.
fn oldest_expected(
    db: Db<'_>,
    instance: &Instance,
    occasion: Occasion,
    now_ms: UnixMs,
) -> Result<Option<UnixMs>, StoreError> {
    let name = &instance.name;
    if let Some(wanted_at_ms) = db.oldest_awaited(name)? {
        return Ok(Some(wanted_at_ms));
    }
    let expected = match occasion {
        Occasion::Start => true,
        // A movie has come once it is there, and a show may go on.
        Occasion::Run => {
            instance.kind() == InstanceKind::Sonarr
                || db.is_more_on_its_way(name, now_ms.saturating_sub(millis(DOWNLOAD_TAKES)))?
        }
    };
    if expected { db.oldest_placed(name) } else { Ok(None) }
}

/// Whether `instance` was asked less than a minute ago, by whomever.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn was_asked_just_now(store: &Store, instance: &Instance, now_ms: UnixMs) -> Result<bool, StoreError> {
    let asked_at_ms = stored(store.read(), &asked_key(&instance.name))?;
    Ok(asked_at_ms.is_some_and(|at| !has_passed(at, PAUSE, now_ms)))
}

/// Asks `instance` what it has done since `since_ms`, which [`due`] has told, and does what follows from it.
///
/// # Errors
/// [`StoreError`] when the store fails; then the next look goes back to what could not be acted on.
pub async fn catch_up(
    store: &Store,
    clock: &dyn Clock,
    instance: &Instance,
    arr: &Arr,
    since_ms: UnixMs,
    settings: TrackingSettings,
) -> Result<Caught, StoreError> {
    let answer = arr.history_since(since_ms).await;
    note_asked(store, instance, clock.now_ms())?;
    let mut left = Left::default();
    match &answer {
        Ok(Some(history)) => {
            for portion in history.chunks(PORTION) {
                left = take_in(store, instance, portion, left, settings, clock.now_ms())?;
                tokio::task::yield_now().await;
            }
        }
        Ok(None) => note_without(store, instance, clock.now_ms())?,
        Err(_) => {}
    }
    let told = match &answer {
        Ok(Some(_)) => Told::History,
        Ok(None) => Told::None,
        Err(_) => Told::Nothing,
    };
    Ok(Caught { told, left: left.titles, problem: tell(instance, &answer) })
}

/// Notes that `instance` was asked, with or without an answer.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn note_asked(store: &Store, instance: &Instance, now_ms: UnixMs) -> Result<(), StoreError> {
    store.write(|db| db.set_setting(&asked_key(&instance.name), &now_ms.to_string()))
}

/// Does what follows from a portion of the history of `instance`, oldest first, in one transaction: at most [`PORTION`] events.
/// Events that are known already change nothing. One that cannot be acted on, because of what is stored about its title, is left, and
/// the others go on. The next look begins where the portion ends, or at the first event that was left, of which portions before this
/// one have told in `left`. Answers all that were left.
///
/// # Errors
/// [`StoreError`] when the store fails; then nothing is done, and the next look goes back as far.
pub fn take_in(
    store: &Store,
    instance: &Instance,
    portion: &[HistoryEvent],
    left: Left,
    settings: TrackingSettings,
    now_ms: UnixMs,
) -> Result<Left, StoreError> {
    let name = &instance.name;
    // A clock that was ahead for a while does not blind us later.
    let Some(last_ms) = portion.iter().map(|it| it.at_ms.min(now_ms)).max() else { return Ok(left) };
    let (announced, left) = store.write(|db| {
        let (mut announced, mut left) = (0, left);
        for HistoryEvent { at_ms, event } in portion {
            let event = [(*at_ms, event.clone())];
            match db.attempt(|db| apply_events(db, name, instance.kind(), &event, settings, now_ms)) {
                Ok(processed) => announced += processed.announced,
                Err(error) if error.is_about_one_thing() => {
                    left.since_ms.get_or_insert((*at_ms).min(now_ms));
                    left.titles.extend(event.iter().filter_map(|(_, event)| event.external_id()));
                    error!(
                        instance.name = %name,
                        "an event in the history of {} could not be acted on, and is tried again: failed to {error}. {}",
                        instance.label(),
                        error.advice()
                    );
                }
                Err(error) => return Err(error),
            }
        }
        settle_at_place(db, instance)?;
        db.set_setting(&since_key(name), &left.since_ms.unwrap_or(last_ms).to_string())?;
        Ok((announced, left))
    })?;
    if announced > 0 {
        let (label, events) = (instance.label(), portion.len());
        info!(instance.name = %name, "{announced} messages from the history of {label}, which told of {events} events");
    }
    Ok(left)
}

/// Notes that `instance` says that it has no history. What was read stays where it ended.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn note_without(store: &Store, instance: &Instance, now_ms: UnixMs) -> Result<(), StoreError> {
    store.write(|db| {
        settle_at_place(db, instance)?;
        db.set_setting(&without_key(&instance.name), &now_ms.to_string())
    })
}

/// Says in the log that a history was not told, and answers what people should know of it: whoever is down is told of where titles are
/// to be added, but a refusal concerns what was missed alone, and nobody else would tell.
pub fn tell(instance: &Instance, answer: &Answer) -> Option<Problem> {
    let (name, label) = (&instance.name, instance.label());
    match answer {
        Ok(Some(_)) => None,
        Ok(None) => {
            let message = format!(
                "{label} answers 404 when it is asked for its history, so that what its webhooks did not tell stays unknown. Check that \
                 its url leads to {} itself; it is asked again in an hour, for all of it.",
                instance.kind().app_name()
            );
            warn!(instance.name = %name, "{message}");
            Some(Problem { upstream: name.clone(), kind: ProblemKind::Down, message })
        }
        Err(error @ (ArrError::Stopped | ArrError::BudgetSpent)) => {
            debug!(instance.name = %name, "the history of {label} was not read: {error}");
            None
        }
        Err(error) => {
            warn!(instance.name = %name, "failed to read the history of {label}: {error}. The next look goes back as far.");
            arr_problem(instance, error).filter(|_| !matches!(error, ArrError::Unreachable { .. }))
        }
    }
}

/// Whether what is kept under the name of `instance` is about what is at its address now. From before addresses were kept, it is believed.
fn is_place_of(db: Db<'_>, instance: &Instance) -> Result<bool, StoreError> {
    Ok(db.setting(&place_key(&instance.name))?.is_none_or(|place| place == instance.url))
}

/// Forgets what was read at another address, where somebody else's history is.
fn settle_at_place(db: Db<'_>, instance: &Instance) -> Result<(), StoreError> {
    let name = &instance.name;
    if !is_place_of(db, instance)? {
        db.unset_setting(&since_key(name))?;
        db.unset_setting(&without_key(name))?;
    }
    db.set_setting(&place_key(name), &instance.url)
}

fn stored(db: Db<'_>, key: &str) -> Result<Option<UnixMs>, StoreError> {
    Ok(db.setting(key)?.and_then(|at| at.parse().ok()))
}

fn since_key(instance: &str) -> String {
    format!("history.since.{instance}")
}

fn asked_key(instance: &str) -> String {
    format!("history.asked_at_ms.{instance}")
}

fn without_key(instance: &str) -> String {
    format!("history.without_at_ms.{instance}")
}

fn place_key(instance: &str) -> String {
    format!("history.place.{instance}")
}
