//! Finds what deciding needs and a list does not tell: the id by which an arr knows the title, and its genres where the series
//! type depends on them. Plex's metadata is asked first and once per title; an arr's lookup translates other ids.
//!
//! A title that stays without its id is looked at again: by the next runs at first, because new titles get their ids within
//! minutes, then with growing pauses.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tracing::{debug, warn};

use crate::clients::arr::ArrError;
use crate::clients::plex::{Plex, PlexError};
use crate::clock::millis;
use crate::model::Title;
use crate::retry;
use crate::routing::{default_instance, has_key_id, needs_genres};
use crate::run::{Run, RunStage};
use crate::store::{StoreError, TitleId, Undecided};
use crate::upstreams::Upstreams;

/// Titles that are asked about together.
const TOGETHER: usize = 2;

/// Titles whose answers are stored in one transaction. A crash repeats at most this many questions.
const STORED_TOGETHER: usize = 50;

/// The first looks follow at the next run; from then on each pause is longer.
const QUICK_LOOKS: u32 = 3;

/// How far into the run's time questions are asked. Without an end to it, a long first list, or a Plex that does not answer, would
/// keep what is known already from ever being added.
const SHARE_OF_RUN: f64 = 0.8;

/// What resolving came to.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Titles about which nothing can be decided in this run, because a question was not answered.
    pub undecidable: HashSet<TitleId>,
    /// The first failure, for the report.
    pub failure: Option<PlexError>,
}

/// What a question about one title brought.
enum Found {
    /// The title with what is known now.
    Known(Title),
    /// Plex's catalogue does not have it.
    NoSuchTitle,
    /// No answer; the next run asks again.
    Unanswered(PlexError),
    /// What Plex knows; the arr that could translate it did not answer. The next run asks again.
    Untranslated(Title),
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
    resolved.undecidable.extend(questions.iter().map(|(id, _)| *id));
    if questions.is_empty() || plex_refuses_us {
        return Ok(resolved);
    }
    run.progress.begin(RunStage::Resolve, questions.len())?;
    let time = Duration::from_secs(run.config.environment.run_limit_s)
        .mul_f64(SHARE_OF_RUN)
        .saturating_sub(run.started.elapsed());
    let until = tokio::time::sleep(time);
    tokio::pin!(until);
    let mut answers = stream::iter(questions)
        .map(|(id, title)| async move { (id, title.media_type, ask(run, plex, upstreams, title).await) })
        .buffer_unordered(TOGETHER)
        .ready_chunks(STORED_TOGETHER);
    loop {
        let chunk = tokio::select! {
            chunk = answers.next() => match chunk {
                Some(chunk) => chunk,
                None => break,
            },
            () = &mut until => break,
        };
        let answered = chunk.len();
        run.store.write(|db| {
            for (id, media_type, found) in chunk {
                let now_ms = run.clock.now_ms();
                let key_is_missing = match found {
                    Found::Known(title) => {
                        db.set_metadata(id, &title, now_ms)?;
                        !has_key_id(media_type, &title.ids)
                    }
                    Found::NoSuchTitle => !has_key_id(media_type, &db.title(id)?.ids),
                    Found::Unanswered(error) => {
                        debug!("failed to {error}");
                        if !error.is_out_of_time() && has_key_id(media_type, &db.title(id)?.ids) {
                            db.look_again(id, now_ms)?;
                        }
                        resolved.failure.get_or_insert(error);
                        continue;
                    }
                    Found::Untranslated(title) => {
                        db.set_metadata(id, &title, now_ms)?;
                        continue;
                    }
                };
                resolved.undecidable.remove(&id);
                if key_is_missing {
                    let (looks, _) = db.title_looks(id)?;
                    let pause =
                        looks.checked_sub(QUICK_LOOKS).map_or(0, |later| millis(retry::placement_pause(later + 1)));
                    db.look_again(id, now_ms.saturating_add(pause))?;
                }
            }
            Ok(())
        })?;
        run.progress.advance(answered)?;
    }
    Ok(resolved)
}

/// The titles that something has to be asked about, each once.
fn questions(run: &Run<'_>, undecided: &[Undecided]) -> Result<Vec<(TitleId, Title)>, StoreError> {
    let db = run.store.read();
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
        let (looks, told_at) = db.title_looks(*id)?;
        // Genres are worth some patience, not an endless one: without them the show is placed as the standard type.
        let genres_may_come = told_at.is_none() && looks < QUICK_LOOKS;
        if !has_key_id(title.media_type, &title.ids) || (wants_genres && genres_may_come) {
            questions.push((*id, title));
        }
    }
    Ok(questions)
}

async fn ask(run: &Run<'_>, plex: &Plex, upstreams: &Upstreams<'_>, mut title: Title) -> Found {
    let in_catalogue = match plex.metadata(&title.plex_id).await {
        Ok(metadata) => {
            let mut ids = metadata.ids;
            ids.fill_from(&title.ids);
            title.ids = ids;
            title.title = metadata.title;
            title.year = metadata.year.or(title.year);
            let mut facts = metadata.facts;
            facts.fill_from(title.facts);
            title.facts = facts;
            true
        }
        Err(error) if error.is_not_found() => false,
        Err(error) => return Found::Unanswered(error),
    };
    let key_is_known = has_key_id(title.media_type, &title.ids);
    if !key_is_known && !title.ids.is_empty() {
        match translate(run, upstreams, &mut title).await {
            Ok(true) => return Found::Known(title),
            Ok(false) => {}
            Err(Unreachable) => return Found::Untranslated(title),
        }
    }
    if in_catalogue { Found::Known(title) } else { Found::NoSuchTitle }
}

/// The arr that could translate an id did not answer.
struct Unreachable;

/// Lets the arr's lookup translate the ids we have into the one it needs. Answers whether it could; one that does not know the
/// title, or has refused the question, could not.
async fn translate(run: &Run<'_>, upstreams: &Upstreams<'_>, title: &mut Title) -> Result<bool, Unreachable> {
    let instance = default_instance(&run.config.settings.instances, title.media_type);
    let Some((instance, arr)) = instance.and_then(|it| Some((it, upstreams.arr(&it.name)?))) else {
        return Ok(false);
    };
    match arr.lookup(&title.ids).await {
        Ok(Some(found)) => {
            title.ids.fill_from(&found.ids);
            Ok(has_key_id(title.media_type, &title.ids))
        }
        Ok(None) => Ok(false),
        Err(error) => {
            warn!(instance.name = %instance.name, "{} could not look up {}: {error}", instance.label(), title.label());
            if matches!(error, ArrError::Rejected { .. }) { Ok(false) } else { Err(Unreachable) }
        }
    }
}
