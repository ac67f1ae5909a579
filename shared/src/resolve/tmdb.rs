//! TMDB: where a title can be streamed, and what neither Plex nor the arr has told.

use tracing::debug;

use super::{Asking, Resolved, Wanted};
use crate::clients::tmdb::{Tmdb, TmdbError};
use crate::model::{ExternalIds, Facts, MediaType};
use crate::routing::FactSource;
use crate::store::StoreError;
use crate::upstreams::tmdb_problem;

/// Asks TMDB about those of `wanted` for which it comes next.
pub(super) async fn ask(
    asking: &Asking<'_>,
    tmdb: &Tmdb,
    wanted: &mut [Wanted<'_>],
    resolved: &mut Resolved,
) -> Result<(), StoreError> {
    let lacks = |it: &Wanted<'_>| {
        let can_be_named = it.waits_for.is_none() && !it.title.ids.is_empty();
        can_be_named && asking.needs.facts(it, FactSource::Tmdb)
    };
    let mut questions: Vec<usize> = (0..wanted.len()).filter(|at| lacks(&wanted[*at])).collect();
    for at in &questions {
        wanted[*at].waits_for = Some(FactSource::Tmdb);
    }
    let end = asking.end(wanted, &[FactSource::PlexServer]);
    questions.sort_by_key(|at| wanted[*at].looks.in_vain);
    let question = |at: usize| (at, wanted[at].title.media_type, wanted[at].title.ids.clone());
    let questions: Vec<_> = questions.into_iter().map(question).collect();
    let mut failed = Vec::new();
    let answered = asking
        .each(
            questions,
            end,
            |(_, media_type, ids)| look_up(tmdb, *media_type, ids.clone()),
            |db, (at, ..), answer| {
                let wanted = &mut wanted[at];
                match answer {
                    Some(Ok(facts)) => {
                        db.set_tmdb_facts(wanted.id, &facts)?;
                        wanted.title.facts.tmdb = Some(facts);
                        wanted.looks.fact_looks = 0;
                    }
                    Some(Err(error)) if error.is_about_the_thing() => {
                        debug!("failed to {error}");
                        asking.store_nothing(db, wanted, FactSource::Tmdb)?;
                    }
                    Some(Err(error)) => {
                        debug!("failed to {error}");
                        resolved.problems.extend(tmdb_problem(&error));
                        db.look_again(wanted.id, asking.now_ms())?;
                        if !error.is_out_of_time() {
                            failed.push(at);
                        }
                        return Ok(false);
                    }
                    // The run's time for questions is over.
                    None => return Ok(false),
                }
                wanted.waits_for = None;
                asking.let_go_if_settled(wanted);
                Ok(true)
            },
        )
        .await?;
    if answered { asking.count_failed(wanted, &failed, FactSource::Tmdb) } else { Ok(()) }
}

async fn look_up(tmdb: &Tmdb, media_type: MediaType, ids: ExternalIds) -> Result<Facts, TmdbError> {
    tmdb.facts(media_type, &ids).await
}
