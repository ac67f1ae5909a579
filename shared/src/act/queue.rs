//! One instance's queue. For each title: is it excluded, is it there already, else add it. What is about to be asked is stored
//! before it is asked, so that a death at any point leaves a row that says what may have happened, and the next run looks first.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tracing::{info, warn};

use super::acted::{Acted, external_id, found_after_all};
use super::choices::{Choices, NoChoice};
use crate::clients::arr::{Arr, ArrError, Library, Presence};
use crate::clock::{has_passed, millis};
use crate::model::{AddOptions, Instance, PlacementState, Title};
use crate::report::Change;
use crate::retry;
use crate::run::{Only, Run};
use crate::stop::StopReason;
use crate::store::{QueuedPlacement, StoreError};
use crate::upstreams::{arr_problem, settings_problem};

/// From so many waiting titles on, one read of the whole library is cheaper than asking for each.
const WHOLE_LIBRARY_FROM: usize = 25;

/// How long a library that could not be read whole is not tried again.
const ONE_BY_ONE_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Placements that need no request of their own are finished so many in one transaction.
const STORED_TOGETHER: usize = 100;

/// Refusals after which a title rests for good.
const MAX_REFUSALS: u32 = 12;

/// What the instance has, read once.
struct Shelf {
    excluded: HashSet<u32>,
    /// The whole library, when it was worth reading.
    library: Option<Library>,
    /// What came there while this run worked, or was found there by it since.
    since: HashMap<u32, Presence>,
    /// What it refused in this run, with its words: a second wish for the same is not asked again at once.
    refused: Vec<(u32, AddOptions, String)>,
}

impl Shelf {
    fn refusal_of(&self, external_id: u32, options: &AddOptions) -> Option<String> {
        let same = |(id, with, _): &&(u32, AddOptions, String)| *id == external_id && with == options;
        self.refused.iter().find(same).map(|(.., words)| words.clone())
    }
}

/// How a placement ends without a request of its own.
#[derive(Clone, Copy)]
enum End {
    Excluded,
    /// It is there, and counts as available from now on when that is `with_file`.
    Present {
        with_file: bool,
    },
}

impl End {
    const fn state(self) -> PlacementState {
        match self {
            Self::Excluded => PlacementState::Excluded,
            Self::Present { .. } => PlacementState::Present,
        }
    }
}

/// Why the rest of a queue is left for the next run.
enum Leave {
    Store(StoreError),
    Arr(ArrError),
    Stopped,
}

impl From<StoreError> for Leave {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ArrError> for Leave {
    fn from(error: ArrError) -> Self {
        Self::Arr(error)
    }
}

/// Works off the queue of `instance`, or only that part of it. With `dry_run` nothing is added and what would be is in the
/// changes.
///
/// # Errors
/// [`StoreError`] when the store fails. Failures of the instance are in the answer.
pub async fn work_off(
    run: &Run<'_>,
    instance: &Instance,
    arr: &Arr,
    only: Option<Only>,
    dry_run: bool,
) -> Result<Acted, StoreError> {
    let mut acted = Acted::default();
    let waiting = queue_length(run, instance)?;
    if waiting == 0 {
        return Ok(acted);
    }
    let mut worker = Worker { run, instance, arr, only, dry_run, acted: &mut acted, choices: None, done: Vec::new() };
    let left = worker.work().await;
    worker.store_done()?;
    match left {
        Ok(()) | Err(Leave::Stopped) => {}
        Err(Leave::Store(error)) => return Err(error),
        // What the settings got wrong was met earlier, and is for a person to mend.
        Err(Leave::Arr(error)) => acted.problem = acted.problem.take().or_else(|| arr_problem(instance, &error)),
    }
    if let Some(problem) = &acted.problem {
        warn!(instance.name = %instance.name, "{}", problem.message);
    }
    if !dry_run {
        acted.counts.waiting = queue_length(run, instance)?;
    }
    Ok(acted)
}

fn queue_length(run: &Run<'_>, instance: &Instance) -> Result<u32, StoreError> {
    let lengths = run.store.read().queue_lengths(run.clock.now_ms())?;
    Ok(lengths.into_iter().find(|(name, _)| *name == instance.name).map_or(0, |(_, length)| length))
}

struct Worker<'a> {
    run: &'a Run<'a>,
    instance: &'a Instance,
    arr: &'a Arr,
    only: Option<Only>,
    dry_run: bool,
    acted: &'a mut Acted,
    choices: Option<Choices>,
    /// Placements that reached their end without a request of their own, stored together.
    done: Vec<(QueuedPlacement, End, String)>,
}

impl Worker<'_> {
    async fn work(&mut self) -> Result<(), Leave> {
        self.arr.status().await?;
        let mut due = self.run.store.read().due_placements(&self.instance.name, self.run.clock.now_ms())?;
        if let Some(only) = self.only {
            only.keep(&mut due, |placement| (placement.user, placement.entry));
        }
        let due = self.still_fitting(due).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut shelf = Shelf {
            excluded: if self.instance.respect_exclusions { self.arr.exclusions().await? } else { HashSet::new() },
            library: if due.len() >= WHOLE_LIBRARY_FROM { self.whole_library().await? } else { None },
            since: HashMap::new(),
            refused: Vec::new(),
        };
        for placement in due {
            if self.run.stop.reason().is_some() {
                return Err(Leave::Stopped);
            }
            self.place(placement, &mut shelf).await?;
            self.run.progress.advance(1)?;
            if self.done.len() >= STORED_TOGETHER {
                self.store_done()?;
            }
        }
        Ok(())
    }

    /// The whole library, or `None` when it cannot be had: some are too large for the proxy before them, or for the time a run has.
    /// Then titles are asked about one by one, for a day.
    async fn whole_library(&mut self) -> Result<Option<Library>, Leave> {
        let key = format!("act.library_failed_at_ms.{}", self.instance.name);
        let (store, now_ms) = (self.run.store, self.run.clock.now_ms());
        let failed_at = store.read().setting(&key)?.and_then(|at| at.parse().ok());
        if failed_at.is_some_and(|at| !has_passed(at, ONE_BY_ONE_FOR, now_ms)) {
            return Ok(None);
        }
        match self.arr.library_ids().await {
            Ok(library) => Ok(Some(library)),
            Err(error @ ArrError::Unauthorized) => Err(error.into()),
            // Of how long it takes, that says nothing.
            Err(_) if matches!(self.run.stop.reason(), Some(StopReason::Terminated | StopReason::GivesWay)) => {
                Err(Leave::Stopped)
            }
            Err(error) => {
                warn!(instance.name = %self.instance.name, "the library of {} could not be read whole: {error}", self.instance.label());
                store.write(|db| db.set_setting(&key, &now_ms.to_string()))?;
                if self.run.stop.reason().is_some() { Err(Leave::Stopped) } else { Ok(None) }
            }
        }
    }

    /// What is left of `due` when that is taken out which the instance still lacks something for. Three small questions, before the
    /// larger ones about exclusions and the library.
    async fn still_fitting(&mut self, due: Vec<QueuedPlacement>) -> Result<Vec<QueuedPlacement>, Leave> {
        if !due.iter().any(|placement| placement.held) {
            return Ok(due);
        }
        let choices = Choices::of(self.arr).await?;
        let mut fitting = Vec::with_capacity(due.len());
        for placement in due {
            match choices.misfit(&placement.options).filter(|_| placement.held && !placement.called_off) {
                None => fitting.push(placement),
                Some(sentence) => {
                    let title = self.run.store.read().title(placement.title)?;
                    self.hold(&placement, &title, &sentence)?;
                }
            }
        }
        self.choices = Some(choices);
        Ok(fitting)
    }

    async fn place(&mut self, placement: QueuedPlacement, shelf: &mut Shelf) -> Result<(), Leave> {
        let title = self.run.store.read().title(placement.title)?;
        let Some(external_id) = external_id(self.instance.kind(), &title) else {
            // Decided with an id that Plex has since withdrawn.
            let words = "the id by which the instance knew it is gone from Plex";
            return self.refused(&placement, &title, words);
        };
        let label = self.instance.label();
        let presence = match (shelf.since.get(&external_id), &shelf.library) {
            (Some(since), _) => *since,
            (None, Some(library)) => library.presence(external_id),
            (None, None) => match self.arr.presence(external_id).await {
                Ok(presence) => presence,
                Err(error) => {
                    let now_ms = self.run.clock.now_ms();
                    self.run.store.write(|db| db.note_asked(placement.id, now_ms))?;
                    return Err(error.into());
                }
            },
        };
        if presence.is_there() {
            return self.present(placement, &title, presence, format!("already in {label}"));
        }
        if placement.called_off {
            let now_ms = self.run.clock.now_ms();
            return Ok(self.run.store.write(|db| db.drop_called_off(&placement, now_ms))?);
        }
        if shelf.excluded.contains(&external_id) {
            let words = format!("on the import-exclusion list of {label}");
            return self.done(placement, &title, End::Excluded, words);
        }
        if let Some(words) = shelf.refusal_of(external_id, &placement.options) {
            return self.refused(&placement, &title, &words);
        }
        if self.dry_run {
            self.acted.counts.waiting += 1;
            if let Some(sentence) = self.choices().await?.misfit(&placement.options) {
                return self.hold(&placement, &title, &sentence);
            }
            shelf.since.insert(external_id, Presence::Awaited);
            return self.note(&placement, &title, "would_add", format!("not in {label} yet"));
        }
        self.add(placement, &title, external_id, shelf).await
    }

    async fn add(
        &mut self,
        placement: QueuedPlacement,
        title: &Title,
        external_id: u32,
        shelf: &mut Shelf,
    ) -> Result<(), Leave> {
        let arr = self.arr;
        let request = match self.choices().await?.request(arr, title, external_id, &placement.options).await {
            Ok(request) => request,
            Err(NoChoice::Arr(error)) => {
                // Others come before it next time: what failed may have been a question about this title.
                let now_ms = self.run.clock.now_ms();
                self.run.store.write(|db| db.note_asked(placement.id, now_ms))?;
                return Err(error.into());
            }
            Err(NoChoice::Settings(sentence)) => return self.hold(&placement, title, &sentence),
        };
        let now_ms = self.run.clock.now_ms();
        self.run.store.write(|db| db.begin_attempt(placement.id, &request.body().to_string(), now_ms))?;
        let answer = self.arr.add(&request).await;
        let label = self.instance.label();
        match answer {
            Ok(added) => {
                shelf.since.insert(external_id, Presence::Awaited);
                let words = format!("added to {label} as number {}", added.arr_id);
                let now_ms = self.run.clock.now_ms();
                self.run
                    .store
                    .write(|db| db.finish(&placement, PlacementState::Added, &words, Some(added.arr_id), now_ms))?;
                self.acted.counts.added += 1;
                info!(media.title = %title.title, instance.name = %self.instance.name, "added {} to {label}", title.label());
                self.note(&placement, title, PlacementState::Added.word(), words)
            }
            // Somebody else was quicker; but a conflict may have another reason, so the library has the last word.
            Err(ArrError::AlreadyExists) => {
                let presence = self.arr.presence(external_id).await?;
                if !presence.is_there() {
                    let words = "it says that it has this already, and does not have it";
                    shelf.refused.push((external_id, placement.options.clone(), words.to_owned()));
                    return self.refused(&placement, title, words);
                }
                shelf.since.insert(external_id, presence);
                let words = format!("{label} says it was added by somebody else just before");
                self.present(placement, title, presence, words)
            }
            Err(ArrError::Rejected { detail }) => {
                shelf.refused.push((external_id, placement.options.clone(), detail.clone()));
                self.refused(&placement, title, &detail)
            }
            Err(ArrError::Lost { detail }) => self.look_after_lost(placement, title, external_id, &detail, shelf).await,
            Err(error) => {
                // Nothing was taken: it keeps its place in the queue.
                let now_ms = self.run.clock.now_ms();
                self.run.store.write(|db| db.postpone(&placement, &error.to_string(), now_ms))?;
                Err(error.into())
            }
        }
    }

    async fn choices(&mut self) -> Result<&mut Choices, Leave> {
        Ok(match &mut self.choices {
            Some(choices) => choices,
            none => none.insert(Choices::of(self.arr).await?),
        })
    }

    /// The answer to our own POST was lost: whether it took effect, only the instance knows.
    async fn look_after_lost(
        &mut self,
        placement: QueuedPlacement,
        title: &Title,
        external_id: u32,
        detail: &str,
        shelf: &mut Shelf,
    ) -> Result<(), Leave> {
        let label = self.instance.label();
        if self.arr.presence(external_id).await?.is_there() {
            shelf.since.insert(external_id, Presence::Awaited);
            let words = format!("added to {label}; its answer was lost ({detail}), and it is there");
            let now_ms = self.run.clock.now_ms();
            self.run.store.write(|db| db.finish(&placement, PlacementState::Added, &words, None, now_ms))?;
            self.acted.counts.added += 1;
            return self.note(&placement, title, PlacementState::Added.word(), words);
        }
        let lost = ArrError::Lost { detail: detail.to_owned() };
        self.acted.problem = self.acted.problem.take().or_else(|| arr_problem(self.instance, &lost));
        let words = format!("{label} did not answer ({detail}) and does not have it; the next run tries again");
        let now_ms = self.run.clock.now_ms();
        self.run.store.write(|db| db.postpone(&placement, &words, now_ms))?;
        self.note(&placement, title, "waiting", words)
    }

    /// The settings ask for what the instance does not have. That may concern this title alone, so the others go on.
    fn hold(&mut self, placement: &QueuedPlacement, title: &Title, sentence: &str) -> Result<(), Leave> {
        let words = format!("{}: {sentence}", self.instance.label());
        let now_ms = self.run.clock.now_ms();
        self.run.store.write(|db| db.hold_placement(placement, &words, now_ms))?;
        self.acted.problem.get_or_insert_with(|| settings_problem(self.instance, sentence));
        self.note(placement, title, "waiting", words)
    }

    fn refused(&mut self, placement: &QueuedPlacement, title: &Title, words: &str) -> Result<(), Leave> {
        let now_ms = self.run.clock.now_ms();
        let refusals = placement.refusals + 1;
        let retry_at =
            (refusals < MAX_REFUSALS).then(|| now_ms.saturating_add(millis(retry::placement_pause(refusals))));
        if !self.dry_run {
            self.run.store.write(|db| db.refuse(placement, words, retry_at, now_ms))?;
        }
        self.acted.counts.failed += 1;
        warn!(
            media.title = %title.title,
            instance.name = %self.instance.name,
            "{} refused {}: {words}",
            self.instance.label(),
            title.label()
        );
        self.note(placement, title, PlacementState::Failed.word(), words.to_owned())
    }

    /// It is there, in these words. Unless it is there by an attempt of ours that never learned its answer: then its file is news that
    /// the arr has yet to tell, and is waited for like that of everything we added.
    fn present(
        &mut self,
        placement: QueuedPlacement,
        title: &Title,
        presence: Presence,
        words: String,
    ) -> Result<(), Leave> {
        let (with_file, words) = match (placement.attempt_at_ms, presence) {
            (Some(_), _) => (false, found_after_all(self.instance)),
            (None, Presence::WithFile) => (true, format!("{words}, with something to watch")),
            (None, _) => (false, words),
        };
        self.done(placement, title, End::Present { with_file }, words)
    }

    fn done(&mut self, placement: QueuedPlacement, title: &Title, end: End, words: String) -> Result<(), Leave> {
        match end {
            End::Excluded => self.acted.counts.excluded += 1,
            End::Present { .. } => self.acted.counts.present += 1,
        }
        self.note(&placement, title, end.state().word(), words.clone())?;
        self.done.push((placement, end, words));
        Ok(())
    }

    fn store_done(&mut self) -> Result<(), StoreError> {
        let done = std::mem::take(&mut self.done);
        if done.is_empty() {
            return Ok(());
        }
        let now_ms = self.run.clock.now_ms();
        self.run.store.write(|db| {
            done.iter().try_for_each(|(placement, end, words)| match end {
                End::Present { with_file: true } => db.finish_with_file(placement, words, now_ms),
                _ => db.finish(placement, end.state(), words, None, now_ms),
            })
        })
    }

    fn note(&mut self, placement: &QueuedPlacement, title: &Title, what: &str, why: String) -> Result<(), Leave> {
        if self.acted.changes.len() < crate::report::MAX_CHANGES {
            self.acted.changes.push(Change {
                title: title.label(),
                user: self.run.store.read().user_of(placement.entry)?,
                what: what.to_owned(),
                instance: Some(self.instance.name.clone()),
                why,
            });
        }
        Ok(())
    }
}
