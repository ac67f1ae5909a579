//! How much room the instances have, where a rule asks for it.

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::SHARE_OF_RUN;
use crate::clients::arr::ArrError;
use crate::model::Instance;
use crate::report::Report;
use crate::routing::{Disks, Field, Policy};
use crate::run::Run;
use crate::upstreams::{Upstreams, arr_problem};

/// Reads the root folders of every instance whose room an enabled rule looks at, all at once. What an instance does not tell stays
/// unknown, and is in the report.
pub async fn disks(run: &Run<'_>, upstreams: &Upstreams<'_>, policy: &Policy<'_>, report: &mut Report) -> Disks {
    let mut disks = Disks::default();
    if !policy.needs_disks() {
        return disks;
    }
    // Slow disks may take all the time there is for questions, and a little more when that is over already.
    let until = Instant::now() + run.time_until(SHARE_OF_RUN).max(run.time_until(1.0).mul_f64(LEAST_SHARE_OF_REST));
    let looked_at = upstreams.instances.iter().filter(|(instance, _)| is_looked_at(policy, instance));
    let reading = looked_at.map(|(instance, arr)| async move {
        let late = || Err(ArrError::Unreachable { detail: "it did not tell its root folders in time".to_owned() });
        (*instance, timeout_at(until, arr.root_folders()).await.unwrap_or_else(|_| late()))
    });
    for (instance, answer) in join_all(reading).await {
        match answer {
            Ok(folders) => {
                for folder in folders {
                    let free = folder.free_space.filter(|_| folder.accessible);
                    disks.add(&instance.name, &folder.path, free);
                }
            }
            Err(error) => {
                if let Some(problem) = arr_problem(instance, &error) {
                    report.problem(problem);
                }
            }
        }
    }
    disks
}

/// The part of a run's remaining time that may go into reading root folders however late it is.
const LEAST_SHARE_OF_REST: f64 = 0.25;

/// Whether a rule that asks for room may mean this instance: it routes there, or has no destination for a type of which this is the
/// default.
fn is_looked_at(policy: &Policy<'_>, instance: &Instance) -> bool {
    let mut asking = policy.rules.iter().filter(|rule| rule.enabled && rule.when.fields().has(Field::FreeSpace));
    asking.any(|rule| instance.default || rule.route.iter().any(|route| route.to == instance.name))
}
