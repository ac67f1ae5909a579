//! Plex's catalogue: ids, and most facts.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::{Asking, Resolved, Wanted};
use crate::clients::plex::{Metadata, Plex, PlexError};
use crate::routing::{FactSource, has_key_id};
use crate::run::RunStage;
use crate::store::{Db, StoreError};

/// Titles that are asked about together.
const TOGETHER: usize = 2;

/// Titles whose answers are stored in one transaction. A crash repeats at most this many questions.
const STORED_TOGETHER: usize = 50;

/// Answers that come slowly are stored as often as this, each as it comes if need be.
const STORED_EVERY: Duration = Duration::from_secs(1);

/// Questions in a row that Plex does not answer, after which this run asks no more of them.
const UNANSWERED_IN_A_ROW: u32 = 6;

/// Asks Plex about those of `wanted` that lack something it could tell, the ones not asked about for longest first: a title whose
/// answer never comes keeps nobody waiting. With `refuses_us` nothing is asked.
pub(super) async fn ask(
    asking: &Asking<'_>,
    plex: &Plex,
    wanted: &mut [Wanted<'_>],
    refuses_us: bool,
    resolved: &mut Resolved,
) -> Result<(), StoreError> {
    let needs = &asking.needs;
    let lacks = |it: &Wanted<'_>| needs.id(it) || needs.genres(it) || needs.facts(it, FactSource::Plex);
    let mut questions: Vec<usize> = (0..wanted.len()).filter(|at| lacks(&wanted[*at])).collect();
    for at in &questions {
        wanted[*at].waits_for = Some(FactSource::Plex);
    }
    if questions.is_empty() || refuses_us {
        return Ok(());
    }
    let end = asking.end(wanted, &[FactSource::Arr, FactSource::Tmdb, FactSource::PlexServer]);
    let run = asking.run;
    run.progress.begin(RunStage::Resolve, questions.len())?;
    questions.sort_by_key(|at| wanted[*at].looks.asked_at_ms);
    let questions: Vec<_> = questions.into_iter().map(|at| (at, wanted[at].title.plex_id.clone())).collect();
    // Those under way: when time is over before their answer, they have had their turn all the same.
    let under_way = RefCell::new(HashSet::new());
    let look = |(at, plex_id)| {
        let under_way = &under_way;
        async move {
            under_way.borrow_mut().insert(at);
            let told = plex.metadata(&plex_id).await;
            under_way.borrow_mut().remove(&at);
            (at, told)
        }
    };
    let (mut failed, mut answered, mut unanswered_in_a_row) = (Vec::new(), false, 0);
    {
        let mut answers = std::pin::pin!(stream::iter(questions).map(look).buffer_unordered(TOGETHER));
        let (mut unstored, mut stored_at) = (Vec::with_capacity(STORED_TOGETHER), Instant::now());
        let mut ends = false;
        while !ends {
            match timeout_at(end, answers.next()).await {
                Ok(Some((at, told))) => {
                    unanswered_in_a_row = if has_answered(&told) { 0 } else { unanswered_in_a_row + 1 };
                    unstored.push((at, told));
                    ends = unanswered_in_a_row >= UNANSWERED_IN_A_ROW;
                }
                Ok(None) | Err(_) => ends = true,
            }
            if !ends && unstored.len() < STORED_TOGETHER && stored_at.elapsed() < STORED_EVERY {
                continue;
            }
            let count = unstored.len();
            run.store.write(|db| {
                for (at, told) in unstored.drain(..) {
                    let out_of_time = matches!(&told, Err(error) if error.is_out_of_time());
                    let heard = store_told(asking, db, &mut wanted[at], told, resolved)?;
                    answered |= heard;
                    if !heard && !out_of_time {
                        failed.push(at);
                    }
                }
                Ok(())
            })?;
            stored_at = Instant::now();
            run.progress.advance(count)?;
        }
    }
    let under_way = under_way.into_inner();
    if !under_way.is_empty() {
        run.store.write(|db| under_way.iter().try_for_each(|at| db.set_asked(wanted[*at].id, asking.now_ms())))?;
    }
    if answered { asking.count_failed(wanted, &failed, FactSource::Plex) } else { Ok(()) }
}

/// Whether Plex has answered, if only that it cannot tell anything.
fn has_answered(told: &Result<Metadata, PlexError>) -> bool {
    told.as_ref().err().is_none_or(PlexError::is_about_the_thing)
}

/// Stores what Plex told about a title. Answers whether it has answered, if only that it knows nothing.
fn store_told(
    asking: &Asking<'_>,
    db: Db<'_>,
    wanted: &mut Wanted<'_>,
    told: Result<Metadata, PlexError>,
    resolved: &mut Resolved,
) -> Result<bool, StoreError> {
    let now_ms = asking.now_ms();
    let id = wanted.id;
    match told {
        Ok(metadata) => {
            let title = &mut wanted.title;
            let mut ids = metadata.ids;
            ids.fill_from(&title.ids);
            title.ids = ids;
            title.title = metadata.title;
            title.year = metadata.year.or(title.year);
            title.facts.plex = Some(metadata.facts);
            wanted.looks.fact_looks = 0;
            db.set_metadata(id, title, now_ms)?;
            db.set_poster(id, metadata.poster_url.as_deref())?;
        }
        // It does not have the title, or cannot tell it: asking again at once would not help.
        Err(error) if error.is_about_the_thing() => {
            if wanted.title.facts.plex.is_none() {
                asking.store_nothing(db, wanted, FactSource::Plex)?;
            }
        }
        Err(error) => {
            debug!("failed to {error}");
            if !error.is_out_of_time() {
                db.set_asked(id, now_ms)?;
                if has_key_id(wanted.title.media_type, &wanted.title.ids) {
                    db.look_again(id, now_ms)?;
                }
            }
            resolved.failure.get_or_insert(error);
            return Ok(false);
        }
    }
    db.set_asked(id, now_ms)?;
    wanted.waits_for = None;
    if asking.needs.id(wanted) && wanted.title.ids.is_empty() {
        asking.in_vain(db, id)?;
    }
    asking.let_go_if_settled(wanted);
    Ok(true)
}
