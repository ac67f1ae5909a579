//! The household's Plex server: whether it has a title already.

use tracing::debug;

use super::{Asking, Resolved, Wanted};
use crate::clients::plex::{PlexError, PlexServer};
use crate::model::{MediaType, PlexId};
use crate::routing::FactSource;
use crate::store::StoreError;
use crate::upstreams::{plex_server_problem, plex_server_token_problem};

/// Asks the server about those of `wanted` for which a rule wants to know.
pub(super) async fn ask(
    asking: &Asking<'_>,
    server: &PlexServer,
    wanted: &mut [Wanted<'_>],
    resolved: &mut Resolved,
) -> Result<(), StoreError> {
    let mut questions = marked(asking, wanted);
    questions.sort_by_key(|at| wanted[*at].looks.in_vain);
    let question = |at: usize| (at, wanted[at].title.media_type, wanted[at].title.plex_id.clone());
    let questions: Vec<_> = questions.into_iter().map(question).collect();
    let mut failed = Vec::new();
    let answered = asking
        .each(
            questions,
            asking.until,
            |(_, media_type, id)| look_up(server, *media_type, id.clone()),
            |db, (at, ..), answer| {
                let wanted = &mut wanted[at];
                match answer {
                    Some(Ok(has_it)) => {
                        db.set_in_plex(wanted.id, has_it, asking.now_ms())?;
                        wanted.title.facts.in_plex = Some(has_it);
                        wanted.looks.fact_looks = 0;
                        wanted.waits_for = None;
                        Ok(true)
                    }
                    Some(Err(error)) => {
                        debug!("failed to {error}");
                        resolved.problems.extend(plex_server_problem(&error));
                        db.look_again(wanted.id, asking.now_ms())?;
                        if !error.is_out_of_time() {
                            failed.push(at);
                        }
                        Ok(false)
                    }
                    // The run's time for questions is over.
                    None => Ok(false),
                }
            },
        )
        .await?;
    if answered { asking.count_failed(wanted, &failed, FactSource::PlexServer) } else { Ok(()) }
}

/// Lets those wait for which a rule wants to know, and says why the server is not asked.
pub(super) fn wait(asking: &Asking<'_>, wanted: &mut [Wanted<'_>], resolved: &mut Resolved) {
    if !marked(asking, wanted).is_empty() {
        resolved.problems.push(plex_server_token_problem());
    }
}

/// The places of those for which a rule wants to know, which wait for the server from now on.
fn marked(asking: &Asking<'_>, wanted: &mut [Wanted<'_>]) -> Vec<usize> {
    let lacks = |it: &Wanted<'_>| it.waits_for.is_none() && asking.needs.facts(it, FactSource::PlexServer);
    let lacking: Vec<usize> = (0..wanted.len()).filter(|at| lacks(&wanted[*at])).collect();
    for at in &lacking {
        wanted[*at].waits_for = Some(FactSource::PlexServer);
    }
    lacking
}

async fn look_up(server: &PlexServer, media_type: MediaType, plex_id: PlexId) -> Result<bool, PlexError> {
    server.has(media_type, &plex_id).await
}
