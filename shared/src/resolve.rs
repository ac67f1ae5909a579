//! Finds what deciding needs and a list does not tell: the id by which an arr knows the title, and its genres where the series
//! type depends on them. Plex's metadata is asked first and once per title; an arr's lookup translates other ids.
//!
//! A title that stays without its id is looked at again: by the next runs at first, because new titles get their ids within
//! minutes, then with growing pauses.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt};
use tracing::{debug, warn};

use crate::clients::plex::{Plex, PlexError};
use crate::clock::millis;
use crate::model::{Instance, Title};
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
}

/// Resolves the titles of `undecided`.
///
/// # Errors
/// [`StoreError`] when the store fails. Failures of upstreams are in the answer.
pub async fn resolve(
    run: &Run<'_>,
    plex: &Plex,
    upstreams: &Upstreams<'_>,
    undecided: &[Undecided],
) -> Result<Resolved, StoreError> {
    let mut resolved = Resolved::default();
    let questions = questions(run, undecided)?;
    if questions.is_empty() {
        return Ok(resolved);
    }
    run.progress.begin(RunStage::Resolve, questions.len())?;
    let mut answers = stream::iter(questions)
        .map(|(id, title)| async move { (id, title.media_type, ask(run, plex, upstreams, title).await) })
        .buffer_unordered(TOGETHER)
        .ready_chunks(STORED_TOGETHER);
    while let Some(chunk) = answers.next().await {
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
                        resolved.undecidable.insert(id);
                        resolved.failure.get_or_insert(error);
                        continue;
                    }
                };
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
        let asked_before = db.title_looks(*id)?.1.is_some();
        if !has_key_id(title.media_type, &title.ids) || (wants_genres && !asked_before) {
            questions.push((*id, title));
        }
    }
    Ok(questions)
}

async fn ask(run: &Run<'_>, plex: &Plex, upstreams: &Upstreams<'_>, mut title: Title) -> Found {
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
        }
        Err(error) if error.is_not_found() => return Found::NoSuchTitle,
        Err(error) => return Found::Unanswered(error),
    }
    if !has_key_id(title.media_type, &title.ids)
        && !title.ids.is_empty()
        && let Some(instance) = default_instance(&run.config.settings.instances, title.media_type)
    {
        translate(upstreams, instance, &mut title).await;
    }
    Found::Known(title)
}

/// Lets the arr's lookup translate the ids we have into the one it needs. A failure leaves the title as it is.
async fn translate(upstreams: &Upstreams<'_>, instance: &Instance, title: &mut Title) {
    let Some(arr) = upstreams.arr(&instance.name) else { return };
    match arr.lookup(&title.ids).await {
        Ok(Some(found)) => title.ids.fill_from(&found.ids),
        Ok(None) => {}
        Err(error) => {
            warn!(instance.name = %instance.name, "{} could not look up {}: {error}", instance.label(), title.label())
        }
    }
}
