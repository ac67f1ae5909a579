//! Finds what deciding needs and a list does not tell: the id by which an arr knows the title, and its genres where the series
//! type depends on them. Plex's metadata is asked first and once per title; an arr's lookup translates other ids.
//!
//! A title that stays without its id is looked at again: by the next runs at first, because new titles get their ids within
//! minutes, then with growing pauses.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use crate::clients::arr::ArrError;
use crate::clients::plex::{Plex, PlexError};
use crate::clock::{UnixMs, millis};
use crate::model::Title;
use crate::report::Problem;
use crate::retry;
use crate::routing::{default_instance, has_key_id, needs_genres};
use crate::run::{Run, RunStage};
use crate::store::{Db, StoreError, TitleId, Undecided};
use crate::upstreams::{Upstreams, arr_problem};

/// Titles that are asked about together.
const TOGETHER: usize = 2;

/// Titles whose answers are stored in one transaction. A crash repeats at most this many questions.
const STORED_TOGETHER: usize = 50;

/// The first looks follow at the next run; from then on each pause is longer.
const QUICK_LOOKS: u32 = 3;

/// How far into the run's time questions are asked. Without an end to it, a long first list, or a Plex that does not answer, would
/// keep what is known already from ever being added.
const SHARE_OF_RUN: f64 = 0.8;

/// Questions in a row that Plex does not answer, after which this run asks no more of them.
const UNANSWERED_IN_A_ROW: u32 = 6;

/// Lookups that an instance does not answer, after which this run asks it no more.
const SILENT_AFTER: u32 = 3;

/// What resolving came to.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Titles about which nothing can be decided in this run, because a question was not answered.
    pub undecidable: HashSet<TitleId>,
    /// The first failure of Plex, for the report.
    pub failure: Option<PlexError>,
    /// Failures of instances that were to translate an id.
    pub problems: Vec<Problem>,
}

/// Something to ask about a title.
struct Question {
    id: TitleId,
    title: Title,
    asked_at_ms: Option<UnixMs>,
}

/// What Plex's catalogue told about one title.
enum Told {
    /// The title with what is known now.
    Title(Title),
    /// Nothing that would help, and asking again at once would not either: it does not have the title, or cannot tell it.
    Nothing(Title),
    /// No answer; the next run asks again.
    Unanswered(PlexError),
}

/// Resolves the titles of `undecided`. With `plex_refuses_us` nobody is asked, and what needs an answer waits.
///
/// # Errors
/// [`StoreError`] when the store fails. Failures of upstreams are in the answer.
pub async fn resolve(
    run: &Run<'_>,
    plex: &Plex,
    upstreams: &Upstreams<'_>,
    undecided: &[Undecided],
    plex_refuses_us: bool,
) -> Result<Resolved, StoreError> {
    let mut resolved = Resolved::default();
    let questions = questions(run, undecided)?;
    // Until it is answered, nothing can be decided about the title.
    resolved.undecidable.extend(questions.iter().map(|question| question.id));
    if questions.is_empty() || plex_refuses_us {
        return Ok(resolved);
    }
    run.progress.begin(RunStage::Resolve, questions.len())?;
    let until = Instant::now() + run.time_until(SHARE_OF_RUN);
    let untranslated = ask_plex(run, plex, questions, until, &mut resolved).await?;
    translate(run, upstreams, untranslated, until, &mut resolved).await?;
    Ok(resolved)
}

/// Asks Plex and stores what it tells. Answers the titles whose ids an arr has to translate.
async fn ask_plex(
    run: &Run<'_>,
    plex: &Plex,
    questions: Vec<Question>,
    until: Instant,
    resolved: &mut Resolved,
) -> Result<Vec<(TitleId, Title)>, StoreError> {
    // Those under way: when time is over before their answer, they have had their turn all the same.
    let under_way = RefCell::new(HashSet::new());
    let asking = |question: Question| {
        let under_way = &under_way;
        async move {
            under_way.borrow_mut().insert(question.id);
            let told = ask(plex, question.title).await;
            under_way.borrow_mut().remove(&question.id);
            (question.id, told)
        }
    };
    let mut untranslated = Vec::new();
    let mut unanswered_in_a_row = 0;
    {
        let answers = stream::iter(questions).map(asking).buffer_unordered(TOGETHER).ready_chunks(STORED_TOGETHER);
        let mut answers = std::pin::pin!(answers);
        while let Ok(Some(chunk)) = timeout_at(until, answers.next()).await {
            let answered = chunk.len();
            run.store.write(|db| {
                for (id, told) in chunk {
                    let answer = matches!(told, Told::Title(_) | Told::Nothing(_));
                    unanswered_in_a_row = if answer { 0 } else { unanswered_in_a_row + 1 };
                    untranslated.extend(store_told(run, db, id, told, resolved)?.map(|title| (id, title)));
                }
                Ok(())
            })?;
            run.progress.advance(answered)?;
            if unanswered_in_a_row >= UNANSWERED_IN_A_ROW {
                break;
            }
        }
    }
    let under_way = under_way.into_inner();
    if !under_way.is_empty() {
        run.store.write(|db| under_way.iter().try_for_each(|id| db.set_asked(*id, run.clock.now_ms())))?;
    }
    Ok(untranslated)
}

/// Stores what Plex told about a title. Answers the title when an arr has to translate its ids.
fn store_told(
    run: &Run<'_>,
    db: Db<'_>,
    id: TitleId,
    told: Told,
    resolved: &mut Resolved,
) -> Result<Option<Title>, StoreError> {
    let now_ms = run.clock.now_ms();
    let title = match told {
        Told::Title(title) => {
            db.set_metadata(id, &title, now_ms)?;
            title
        }
        Told::Nothing(title) => title,
        Told::Unanswered(error) => {
            debug!("failed to {error}");
            if !error.is_out_of_time() {
                db.set_asked(id, now_ms)?;
                let title = db.title(id)?;
                if has_key_id(title.media_type, &title.ids) {
                    db.look_again(id, now_ms)?;
                }
            }
            resolved.failure.get_or_insert(error);
            return Ok(None);
        }
    };
    db.set_asked(id, now_ms)?;
    if has_key_id(title.media_type, &title.ids) {
        resolved.undecidable.remove(&id);
        // Only its genres were wanted, and there is nobody else to ask.
        if title.facts.genres.is_none() {
            db.look_again(id, now_ms)?;
        }
        return Ok(None);
    }
    if !title.ids.is_empty() {
        return Ok(Some(title));
    }
    in_vain(run, db, id, resolved)?;
    Ok(None)
}

/// A look that brought no id: decided as unresolvable, and looked at again after a pause that grows.
fn in_vain(run: &Run<'_>, db: Db<'_>, id: TitleId, resolved: &mut Resolved) -> Result<(), StoreError> {
    resolved.undecidable.remove(&id);
    let looks = db.title_looks(id)?.in_vain;
    let pause = looks.checked_sub(QUICK_LOOKS).map_or(0, |later| millis(retry::placement_pause(later + 1)));
    db.look_again(id, run.clock.now_ms().saturating_add(pause))
}

/// The titles that something has to be asked about, each once; those not asked about for longest come first, so that a title
/// whose answer never comes keeps nobody waiting.
fn questions(run: &Run<'_>, undecided: &[Undecided]) -> Result<Vec<Question>, StoreError> {
    let db = run.store.read();
    let now_ms = run.clock.now_ms();
    let mut seen = HashSet::new();
    let mut questions = Vec::new();
    for Undecided { title: id, .. } in undecided {
        if !seen.insert(*id) {
            continue;
        }
        let title = db.title(*id)?;
        let instances = &run.config.settings.instances;
        if default_instance(instances, title.media_type).is_none() {
            continue;
        }
        let wants_genres = needs_genres(instances, title.media_type) && title.facts.genres.is_none();
        let looks = db.title_looks(*id)?;
        // Genres are worth some patience, not an endless one: without them the show is placed as the standard type.
        let genres_may_come = looks.told_at_ms.is_none() && looks.in_vain < QUICK_LOOKS;
        if !has_key_id(title.media_type, &title.ids) || (wants_genres && genres_may_come) {
            // A time from the future was written by a clock that has since been put back.
            let asked_at_ms = looks.asked_at_ms.filter(|at| *at <= now_ms);
            questions.push(Question { id: *id, title, asked_at_ms });
        }
    }
    questions.sort_by_key(|question| question.asked_at_ms);
    Ok(questions)
}

async fn ask(plex: &Plex, mut title: Title) -> Told {
    match plex.metadata(&title.plex_id).await {
        Ok(metadata) => {
            let mut ids = metadata.ids;
            ids.fill_from(&title.ids);
            title.ids = ids;
            title.title = metadata.title;
            title.year = metadata.year.or(title.year);
            let mut facts = metadata.facts;
            facts.fill_from(title.facts);
            title.facts = facts;
            Told::Title(title)
        }
        Err(error) if error.is_about_the_thing() => Told::Nothing(title),
        Err(error) => Told::Unanswered(error),
    }
}

/// Titles that were looked up in vain most often come last, so that one which an arr chokes on keeps no other waiting.
fn with_the_patient_last(
    run: &Run<'_>,
    mut titles: Vec<(TitleId, Title)>,
) -> Result<Vec<(TitleId, Title)>, StoreError> {
    let mut in_vain = HashMap::with_capacity(titles.len());
    for (id, _) in &titles {
        in_vain.insert(*id, run.store.read().title_looks(*id)?.in_vain);
    }
    titles.sort_by_key(|(id, _)| in_vain.get(id).copied());
    Ok(titles)
}

/// Lets the arr's lookup translate the ids that Plex told into the one it needs. An instance that does not answer a few times is
/// not asked again in this run; its titles wait, and nobody else's.
async fn translate(
    run: &Run<'_>,
    upstreams: &Upstreams<'_>,
    untranslated: Vec<(TitleId, Title)>,
    until: Instant,
    resolved: &mut Resolved,
) -> Result<(), StoreError> {
    let mut silence: HashMap<&str, u32> = HashMap::new();
    for (id, mut title) in with_the_patient_last(run, untranslated)? {
        let instance = default_instance(&run.config.settings.instances, title.media_type);
        let Some((instance, arr)) = instance.and_then(|it| Some((it, upstreams.arr(&it.name)?))) else { continue };
        if silence.get(instance.name.as_str()).is_some_and(|failures| *failures >= SILENT_AFTER) {
            continue;
        }
        let answer = match timeout_at(until, arr.lookup(&title.ids)).await {
            Ok(answer) => answer,
            Err(_) => Err(ArrError::Unreachable { detail: "it did not look up an id in time".to_owned() }),
        };
        if answer.is_ok() {
            silence.remove(instance.name.as_str());
        }
        match answer {
            Ok(found) => {
                title.ids.fill_from(&found.map(|found| found.ids).unwrap_or_default());
                run.store.write(|db| {
                    if !has_key_id(title.media_type, &title.ids) {
                        return in_vain(run, db, id, resolved);
                    }
                    resolved.undecidable.remove(&id);
                    db.set_metadata(id, &title, run.clock.now_ms())
                })?;
            }
            Err(ArrError::Rejected { .. }) => run.store.write(|db| in_vain(run, db, id, resolved))?,
            Err(error) => {
                warn!(instance.name = %instance.name, "{} could not look up {}: {error}", instance.label(), title.label());
                resolved.problems.extend(arr_problem(instance, &error));
                *silence.entry(&instance.name).or_default() += 1;
                run.store.write(|db| db.look_again(id, run.clock.now_ms()))?;
            }
        }
    }
    Ok(())
}
