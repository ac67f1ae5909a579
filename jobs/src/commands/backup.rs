//! `pulsarr backup`: one more backup, while everybody goes on working.

use std::time::Duration;

use pulsarr_shared::backup::{self, BackupError, Gauge, Made, Order};
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Environment;
use pulsarr_shared::lock::{self, Acquired};
use pulsarr_shared::printable::{Lines, size};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::Store;

use super::chore::{self, Outcome, holder};
use super::progress::{Bar, Step};
use super::sync::listen_for_stop;
use crate::arguments::BackupArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// How often its size is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the command.
pub fn run(arguments: &BackupArguments) -> Result<ExitCode, Failure> {
    chore::run("backup", arguments.report, |environment| back_up(arguments, environment))
}

fn back_up(arguments: &BackupArguments, environment: &Environment) -> Result<Outcome<Made>, Failure> {
    let data_dir = &environment.data_dir;
    if !Store::exists(data_dir) {
        let summary = format!("There is no store in {} yet, and so nothing to back up.", data_dir.display());
        return Ok(without("nothing", ExitCode::Done, summary));
    }
    Store::prepare_folder(data_dir, environment.allow_network_fs)?;
    let folder = arguments.to.clone().unwrap_or_else(|| backup::folder_of(data_dir));
    let failed = |error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") };
    let _alone = match lock::try_acquire_backup(data_dir, &holder("backup")).map_err(failed)? {
        Acquired::Ours(guard) => guard,
        Acquired::Held(by) => {
            let by = by.map(|by| format!(": {by}")).unwrap_or_default();
            return Ok(without("busy", ExitCode::Busy, format!("Another backup is being made{by}.")));
        }
    };
    let order = Order { data_dir, folder: &folder, keep: arguments.keep, now_ms: SystemClock.now_ms() };
    let Some(prepared) = backup::prepare(&order).map_err(failure)? else {
        return Ok(without("nothing", ExitCode::Done, "There is no store, and so nothing to back up.".to_owned()));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let made = runtime.block_on(async {
        let stop = Stop::default();
        listen_for_stop(&stop, Duration::MAX)?;
        let gauge = prepared.gauge();
        let work = tokio::task::spawn_blocking(move || prepared.carry_out());
        let bar = Bar::new();
        let watched = bar.during(watch(work, &gauge, &stop, &bar)).await;
        watched
            .map_err(|_| Failure::unexpected("finish the backup: it broke off, which is a mistake of ours"))?
            .map_err(failure)
    })?;
    Ok(outcome(made))
}

/// Shows how far `work` is, and ends it when we are told to stop.
async fn watch<T>(
    mut work: tokio::task::JoinHandle<T>,
    gauge: &Gauge,
    stop: &Stop,
    bar: &Bar,
) -> Result<T, tokio::task::JoinError> {
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = stop.wait() => {
                gauge.stop();
                return work.await;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                let kib = |bytes: u64| bytes / 1024;
                bar.show(Step { words: "writing the backup (KiB)", done: kib(gauge.written()), total: kib(gauge.needed) });
            }
        }
    }
}

fn outcome(made: Made) -> Outcome<Made> {
    let mut lines = Lines::new();
    let Made { file, bytes, schema, counts, removed, kept } = &made;
    let summary = format!("backup of {} in {}", size(*bytes), file.display());
    lines.line(file.display());
    lines.line(format_args!(
        "  {}, schema {schema}: {} people, {} entries, {} decisions, {} runs; looked at as a whole, and sound",
        size(*bytes),
        counts.users,
        counts.entries,
        counts.decisions,
        counts.runs
    ));
    for name in removed {
        lines.line(format_args!("  removed {name}"));
    }
    lines.line(format_args!("  {kept} kept"));
    lines.line(
        "  Secrets in it are sealed with key/vault.key of the data folder, which is not in it: keep a copy elsewhere.",
    );
    Outcome { code: ExitCode::Done, result: "ok", summary, text: lines.into_text(), details: Some(made) }
}

fn without(result: &'static str, code: ExitCode, summary: String) -> Outcome<Made> {
    let mut lines = Lines::new();
    lines.line(&summary);
    Outcome { code, result, summary, text: lines.into_text(), details: None }
}

fn failure(error: BackupError) -> Failure {
    let code = match &error {
        BackupError::Folder { .. } => ExitCode::Configuration,
        BackupError::Store(error) => ExitCode::of_store(error),
        BackupError::Stopped => ExitCode::Terminated,
        BackupError::NoRoom { .. } | BackupError::Full { .. } | BackupError::Unsound { .. } => ExitCode::Unexpected,
    };
    Failure { code, text: format!("pulsarr: failed to {error}. {}", error.advice()) }
}
