//! `pulsarr upkeep`: what is past its time goes, and the store is tidied.

use std::time::Duration;

use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Environment;
use pulsarr_shared::printable::{Lines, size};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::Store;
use pulsarr_shared::upkeep::{self, Keep, Kept, Order, Removed, UpkeepError};

use super::chore::{self, Outcome};
use super::open_store;
use super::sync::listen_for_stop;
use crate::arguments::UpkeepArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &UpkeepArguments) -> Result<ExitCode, Failure> {
    chore::run("upkeep", arguments.report, |environment| keep_up(arguments, environment))
}

fn keep_up(arguments: &UpkeepArguments, environment: &Environment) -> Result<Outcome<Kept>, Failure> {
    let environment = environment.clone();
    if !Store::exists(&environment.data_dir) {
        let summary = format!("There is no store in {} yet, and so nothing to tidy.", environment.data_dir.display());
        let mut lines = Lines::new();
        lines.line(&summary);
        return Ok(Outcome {
            code: ExitCode::Done,
            result: "nothing",
            summary,
            text: lines.into_text(),
            details: None,
        });
    }
    let store = open_store(&environment)?;
    let (dry_run, now_ms) = (arguments.dry_run, SystemClock.now_ms());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let done = runtime.block_on(async {
        let stop = Stop::default();
        listen_for_stop(&stop, Duration::MAX)?;
        // On a thread of its own, so that somebody hears when we are told to stop.
        let work = tokio::task::spawn_blocking(move || {
            let order = Order { data_dir: &environment.data_dir, keep: keep(&environment), now_ms, dry_run };
            upkeep::tidy(&store, &order, &stop)
        });
        let done = work.await;
        done.map_err(|_| Failure::unexpected("finish the upkeep: it broke off, which is a mistake of ours"))
    })?;
    done.map(outcome).map_err(failure)
}

fn keep(environment: &Environment) -> Keep {
    Keep {
        runs_days: environment.keep_runs_days,
        webhooks_days: environment.keep_webhooks_days,
        messages_days: environment.keep_messages_days,
        decisions_days: environment.keep_decisions_days,
    }
}

fn outcome(kept: Kept) -> Outcome<Kept> {
    let Kept { dry_run, removed, store_bytes, given_back_bytes, log_bytes } = &kept;
    let Removed { runs, webhooks, messages, decisions, outages, sessions, posters } = removed;
    let all = runs + webhooks + messages + decisions + outages + sessions + posters;
    let (verb, tense) = if *dry_run { ("would go", "would be removed") } else { ("went", "removed") };
    let summary = format!("{all} things past their time {tense}");
    let mut lines = Lines::new();
    for (count, what) in [
        (runs, "runs"),
        (webhooks, "webhooks that nothing is left to do about"),
        (messages, "messages that were delivered"),
        (decisions, "decisions about closed entries that others followed"),
        (outages, "times that an instance was not well"),
        (sessions, "sign-ins that were over"),
        (posters, "posters beyond their bound"),
    ] {
        if *count > 0 {
            lines.line(format_args!("{count} {what} {verb}"));
        }
    }
    if all == 0 {
        lines.line("Nothing is past its time.");
    }
    let given_back =
        if *dry_run { String::new() } else { format!(", {} given back to the volume", size(*given_back_bytes)) };
    lines.line(format_args!(
        "The store has {}{given_back}; its write-ahead log {}.",
        size(*store_bytes),
        size(*log_bytes)
    ));
    if *dry_run {
        lines.line("(dry run: nothing was changed)");
    }
    Outcome { code: ExitCode::Done, result: "ok", summary, text: lines.into_text(), details: Some(kept) }
}

fn failure(error: UpkeepError) -> Failure {
    match error {
        UpkeepError::Store(error) => error.into(),
        error @ UpkeepError::Stopped => Failure {
            code: ExitCode::Terminated,
            text: format!("pulsarr: failed to {error}. What was done is done; the next one goes on."),
        },
    }
}
