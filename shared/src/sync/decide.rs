//! Decides about every entry that waits for it, and stores each decision with all that follows from it.

use std::collections::HashMap;

use crate::model::{Outcome, User, UserId};
use crate::report::{Change, DecisionCounts, Report};
use crate::routing;
use crate::run::{Run, RunStage};
use crate::store::{NewlyDecided, StoreError, Undecided};

/// Decisions stored in one transaction.
const STORED_TOGETHER: usize = 200;

/// The instances' options as of the last run, to notice a change.
const KEY: &str = "decide.settings";

/// Lets titles that wait follow the settings: those whose instance is gone, and all of them when an instance's options have changed.
pub(super) fn take_up_new_settings(run: &Run<'_>) -> Result<(), StoreError> {
    let instances = &run.config.settings.instances;
    let options: Vec<_> =
        instances.iter().map(|it| (&it.name, it.default, it.respect_exclusions, &it.options)).collect();
    let now = serde_json::to_string(&options).unwrap_or_default();
    let changed = run.store.read().setting(KEY)?.as_deref() != Some(&now);
    let names = instances.iter().map(|instance| instance.name.as_str());
    run.store.write(|db| {
        db.hold_orphans(names, run.clock.now_ms())?;
        if changed {
            db.hold_waiting(run.clock.now_ms())?;
            db.set_setting(KEY, &now)?;
        }
        Ok(())
    })
}

/// Decides about `undecided`. `routed` in the answer counts every decision to route; what became of those is only known later.
pub(super) fn decide(
    run: &Run<'_>,
    undecided: &[Undecided],
    report: &mut Report,
) -> Result<DecisionCounts, StoreError> {
    let mut counts = DecisionCounts::default();
    if undecided.is_empty() {
        return Ok(counts);
    }
    run.progress.begin(RunStage::Decide, undecided.len())?;
    let users: HashMap<UserId, User> = run.store.read().users()?.into_iter().map(|user| (user.id, user)).collect();
    for chunk in undecided.chunks(STORED_TOGETHER) {
        if run.stop.reason().is_some() {
            return Ok(counts);
        }
        run.store.write(|db| {
            for undecided in chunk {
                let Some(user) = users.get(&undecided.user) else { continue };
                let title = db.title(undecided.title)?;
                let decision = routing::decide(&title, user, &run.config.settings.instances);
                let decided = NewlyDecided { undecided: *undecided, decision: &decision, run_id: run.id };
                let is_news = db.settle(&decided, run.clock.now_ms())?;
                let (count, reason) = match &decision.outcome {
                    Outcome::Route { .. } => (&mut counts.routed, None),
                    Outcome::Hold { reason } => (&mut counts.held, Some(reason)),
                    Outcome::Exclude { reason } => (&mut counts.excluded, Some(reason)),
                    Outcome::Unresolvable { reason } => (&mut counts.unresolvable, Some(reason)),
                };
                *count += 1;
                if let Some(reason) = reason.filter(|_| is_news) {
                    report.change(Change {
                        title: title.label(),
                        user: user.username.clone(),
                        what: decision.outcome.word().to_owned(),
                        instance: None,
                        why: reason.clone(),
                    });
                }
            }
            Ok(())
        })?;
        run.progress.advance(chunk.len())?;
    }
    Ok(counts)
}
