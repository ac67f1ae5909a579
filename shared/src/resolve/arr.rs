//! The lookup of a Radarr or Sonarr: translates the ids that Plex told into the one it needs, and tells facts that Plex does not.

use tokio::time::Instant;
use tracing::warn;

use super::{Asking, Resolved, Wanted};
use crate::clients::arr::{Arr, ArrError, Found};
use crate::model::{ExternalIds, Instance, MediaType};
use crate::report::Problem;
use crate::routing::{FactSource, lookup_instance};
use crate::store::{Db, StoreError};
use crate::upstreams::{Upstreams, arr_problem};

/// Asks one instance per type, both at once. What one of them does not answer keeps nothing of the other's waiting.
pub(super) async fn ask(
    asking: &Asking<'_>,
    upstreams: &Upstreams<'_>,
    wanted: &mut Vec<Wanted<'_>>,
    resolved: &mut Resolved,
) -> Result<(), StoreError> {
    let lacks = |it: &Wanted<'_>| {
        let can_be_named = it.waits_for.is_none() && !it.title.ids.is_empty();
        can_be_named && (asking.needs.id(it) || asking.needs.facts(it, FactSource::Arr))
    };
    let instance = |media_type| {
        let instance = lookup_instance(asking.needs.policy().instances, media_type)?;
        Some((instance, upstreams.arr(&instance.name)?))
    };
    let (radarr, sonarr) = (instance(MediaType::Movie), instance(MediaType::Show));
    let is_movie = |it: &Wanted<'_>| it.title.media_type == MediaType::Movie;
    for it in wanted.iter_mut() {
        let somebody = if is_movie(it) { radarr } else { sonarr };
        if somebody.is_some() && lacks(it) {
            it.waits_for = Some(FactSource::Arr);
        }
    }
    let end = asking.end(wanted, &[FactSource::Tmdb, FactSource::PlexServer]);
    let (mut movies, mut shows): (Vec<_>, Vec<_>) = std::mem::take(wanted).into_iter().partition(is_movie);
    let problems =
        tokio::join!(ask_about(asking, radarr, end, &mut movies), ask_about(asking, sonarr, end, &mut shows));
    resolved.problems.extend(problems.0?.into_iter().chain(problems.1?));
    wanted.append(&mut movies);
    wanted.append(&mut shows);
    Ok(())
}

/// Asks one instance about those of `wanted` that wait for it.
async fn ask_about(
    asking: &Asking<'_>,
    instance: Option<(&Instance, &Arr)>,
    end: Instant,
    wanted: &mut [Wanted<'_>],
) -> Result<Option<Problem>, StoreError> {
    let Some((instance, arr)) = instance else { return Ok(None) };
    let waits = |at: &usize| wanted[*at].waits_for == Some(FactSource::Arr);
    let mut questions: Vec<usize> = (0..wanted.len()).filter(waits).collect();
    // Titles that were looked up in vain most often come last, so that one which an arr chokes on keeps no other waiting.
    questions.sort_by_key(|at| wanted[*at].looks.in_vain);
    let questions: Vec<_> = questions.into_iter().map(|at| (at, wanted[at].title.ids.clone())).collect();
    let (mut failed, mut problem) = (Vec::new(), None);
    let answered = asking
        .each(
            questions,
            end,
            |(_, ids)| look_up(arr, ids.clone()),
            |db, (at, _), answer| {
                let late = || Err(ArrError::Unreachable { detail: "it did not look up a title in time".to_owned() });
                let in_time = answer.is_some();
                match answer.unwrap_or_else(late) {
                    Ok(found) => store_told(asking, db, &mut wanted[at], found)?,
                    Err(error @ (ArrError::Rejected { .. } | ArrError::Malformed { .. })) => {
                        say(instance, &wanted[at], &error);
                        store_told(asking, db, &mut wanted[at], None)?;
                    }
                    Err(error) => {
                        say(instance, &wanted[at], &error);
                        db.look_again(wanted[at].id, asking.now_ms())?;
                        problem = problem.take().or_else(|| arr_problem(instance, &error));
                        if in_time && !matches!(error, ArrError::Stopped | ArrError::BudgetSpent) {
                            failed.push(at);
                        }
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        )
        .await?;
    if answered {
        asking.count_failed(wanted, &failed, FactSource::Arr)?;
    }
    Ok(problem)
}

async fn look_up(arr: &Arr, ids: ExternalIds) -> Result<Option<Found>, ArrError> {
    arr.lookup(&ids).await
}

/// Stores what the instance told; `None` is that it knows nothing.
fn store_told(
    asking: &Asking<'_>,
    db: Db<'_>,
    wanted: &mut Wanted<'_>,
    found: Option<Found>,
) -> Result<(), StoreError> {
    let (ids, facts) = found.map(|found| (found.ids, found.facts)).unwrap_or_default();
    wanted.title.ids.fill_from(&ids);
    db.set_ids(wanted.id, &wanted.title.ids)?;
    db.set_arr_facts(wanted.id, &facts)?;
    wanted.title.facts.arr = Some(facts);
    wanted.looks.fact_looks = 0;
    wanted.waits_for = None;
    if asking.needs.id(wanted) {
        asking.in_vain(db, wanted.id)?;
    }
    asking.let_go_if_settled(wanted);
    Ok(())
}

fn say(instance: &Instance, wanted: &Wanted<'_>, error: &ArrError) {
    let title = wanted.title.label();
    warn!(instance.name = %instance.name, "{} could not look up {title}: {error}", instance.label());
}
