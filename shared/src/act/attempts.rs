//! Attempts that never learned their answer, of titles about which changed settings are to decide anew: whether they arrived is found
//! out first, because what is there already no decision takes away.

use tracing::warn;

use super::acted::{Acted, external_id, found_after_all};
use crate::clients::arr::{Arr, ArrError, Presence};
use crate::model::{Instance, PlacementState};
use crate::report::Change;
use crate::run::Run;
use crate::store::StoreError;
use crate::upstreams::arr_problem;

/// Looks in `instance` for the titles of such attempts. What it does not answer waits for the next run.
///
/// # Errors
/// [`StoreError`] when the store fails. Failures of the instance are in the answer.
pub async fn look_for_attempts(run: &Run<'_>, instance: &Instance, arr: &Arr) -> Result<Acted, StoreError> {
    let mut acted = Acted::default();
    for placement in run.store.read().attempts_to_look_for(&instance.name)? {
        if run.stop.reason().is_some() {
            break;
        }
        let title = run.store.read().title(placement.title)?;
        let answer = match external_id(instance.kind(), &title) {
            // A file of what we added ourselves is news, and the history's to tell.
            Some(external_id) => arr.presence(external_id).await.map(Presence::is_there),
            // Plex has withdrawn the id, and without it nobody can tell.
            None => Ok(false),
        };
        match answer {
            Ok(true) => {
                let words = found_after_all(instance);
                let now_ms = run.clock.now_ms();
                run.store.write(|db| db.attempt_arrived(&placement, &words, now_ms))?;
                acted.counts.present += 1;
                acted.changes.push(Change {
                    title: title.label(),
                    user: run.store.read().user_of(placement.entry)?,
                    what: PlacementState::Present.word().to_owned(),
                    instance: Some(instance.name.clone()),
                    why: words,
                });
            }
            Ok(false) => run.store.write(|db| db.attempt_came_to_nothing(placement.id))?,
            Err(error) => {
                let now_ms = run.clock.now_ms();
                run.store.write(|db| db.note_asked(placement.id, now_ms))?;
                warn!(instance.name = %instance.name, "{} could not tell whether it has {}: {error}", instance.label(), title.label());
                acted.problem = acted.problem.take().or_else(|| arr_problem(instance, &error));
                // What it cannot tell of one title, it may of others.
                if !matches!(error, ArrError::Rejected { .. } | ArrError::Malformed { .. }) {
                    break;
                }
            }
        }
    }
    Ok(acted)
}
