//! `pulsarr restore`: a backup in the place of the store, when nobody is at work.

use std::path::Path;
use std::time::Duration;

use pulsarr_shared::backup;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Environment;
use pulsarr_shared::lock::{self, Acquired, Holder};
use pulsarr_shared::printable::Lines;
use pulsarr_shared::restore::{self, Alone, Order, RestoreError, Restored};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{Carried, Store};

use super::chore::{self, Outcome, holder};
use super::sync::{listen_for_stop, lock, who_is_running};
use crate::arguments::RestoreArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &RestoreArguments) -> Result<ExitCode, Failure> {
    chore::run("restore", arguments.chore.report, |environment| put_back(arguments, environment))
}

fn put_back(arguments: &RestoreArguments, environment: &Environment) -> Result<Outcome<Restored>, Failure> {
    let order = Order {
        data_dir: &environment.data_dir,
        file: &arguments.file,
        allow_network_fs: environment.allow_network_fs,
        now_ms: SystemClock.now_ms(),
    };
    if arguments.dry_run {
        return Ok(outcome(restore::dry_run(&order).map_err(|error| failure(&error, order.data_dir))?));
    }
    Store::prepare_folder(order.data_dir, order.allow_network_fs)?;
    let alone = match be_alone(arguments.chore.lock_wait, environment)? {
        Ok(alone) => alone,
        Err((code, summary)) => {
            let mut lines = Lines::new();
            lines.line(&summary);
            return Ok(Outcome {
                code,
                result: if code == ExitCode::Busy { "busy" } else { "interrupted" },
                summary,
                text: lines.into_text(),
                details: None,
            });
        }
    };
    Ok(outcome(restore::restore(&order, &alone).map_err(|error| failure(&error, order.data_dir))?))
}

/// Both locks, or a sentence that says who has one of them, or that we were told to end while we waited.
fn be_alone(lock_wait: Duration, environment: &Environment) -> Result<Result<Alone, (ExitCode, String)>, Failure> {
    let data_dir = &environment.data_dir;
    let failed = |error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") };
    let service = match lock::try_acquire_service(data_dir, &holder("restore")).map_err(failed)? {
        Acquired::Ours(guard) => guard,
        Acquired::Held(by) => return Ok(Err((ExitCode::Busy, service_holds(by.as_ref())))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let stop = Stop::default();
    let syncs = runtime.block_on(async {
        listen_for_stop(&stop, Duration::MAX)?;
        lock(lock_wait, environment, "restore", &stop).await
    })?;
    Ok(match syncs {
        // Told to end while the lock was free or came: what nobody waits for any more is not begun.
        _ if stop.reason().is_some() => {
            Err((ExitCode::Terminated, "Nothing was restored: it was told to end before it began.".to_owned()))
        }
        Ok(syncs) => Ok(Alone { syncs, service }),
        Err(by) => {
            let sentence = format!("Nothing was restored: {}. Restore when it is done.", who_is_running(by.as_ref()));
            Err((ExitCode::Busy, sentence))
        }
    })
}

fn service_holds(by: Option<&Holder>) -> String {
    let by = by.map(|by| format!(": {by}")).unwrap_or_default();
    format!(
        "Nothing was restored: the service holds the store{by}. Stop it first (in Kubernetes: `kubectl scale statefulset/pulsarr \
         --replicas=0` with `-n` and its namespace), and start it again afterwards."
    )
}

fn outcome(restored: Restored) -> Outcome<Restored> {
    let mut lines = Lines::new();
    let Restored { dry_run, file, schema_of_backup, schema, counts, replaced, carried, secrets_lost } = &restored;
    let verb = if *dry_run { "would be restored" } else { "is restored" };
    let summary = format!("{} {verb}", file.display());
    lines.line(&summary);
    let migrated = if schema == schema_of_backup { String::new() } else { format!(", brought to {schema}") };
    lines.line(format_args!(
        "  sound; schema {schema_of_backup}{migrated}: {} people, {} entries, {} decisions, {} runs",
        counts.users, counts.entries, counts.decisions, counts.runs
    ));
    match replaced {
        Some(folder) if *dry_run => {
            lines.line(format_args!("  the store that is there would be kept in {}", folder.display()))
        }
        Some(folder) => lines
            .line(format_args!("  the store that was there is in {}: remove it when all is well", folder.display())),
        None => lines.line("  there was no store"),
    }
    if let Some(Carried { messages, api_keys_revoked, sessions_ended }) = carried {
        lines.line(format_args!(
            "  taken over from it: {messages} messages that nobody is told twice, {api_keys_revoked} API keys that stay revoked; \
             {sessions_ended} browsers have to sign in again"
        ));
    } else if !*dry_run && replaced.is_some() {
        lines.line(
            "  nothing could be taken over from it: people may be told again what they were told since, and API keys that were \
             revoked since count again. Look at Settings, Authentication.",
        );
    }
    if !secrets_lost.is_empty() {
        lines.line("  The key beside the store (key/vault.key) does not open these; put the right one back, or enter them again:");
        for secret in secrets_lost {
            lines.line(format_args!("    {secret}"));
        }
    }
    if !*dry_run {
        lines.line("  `pulsarr sync --dry-run` shows what the next run will do; titles that were added since are found where they are.");
    }
    Outcome { code: ExitCode::Done, result: "ok", summary, text: lines.into_text(), details: Some(restored) }
}

fn failure(error: &RestoreError, data_dir: &Path) -> Failure {
    let code = match error {
        RestoreError::Backup { .. } | RestoreError::NotABackup { .. } => ExitCode::Usage,
        RestoreError::Unusable { .. } | RestoreError::Folder { .. } => ExitCode::Configuration,
        RestoreError::Store(error) => ExitCode::of_store(error),
        RestoreError::InUse => ExitCode::Busy,
        RestoreError::NoRoom { .. } => ExitCode::Unexpected,
    };
    let mut text = format!("pulsarr: failed to {error}. {}", error.advice());
    // Whoever gave a name that is none may have no other way to look into the folder.
    if matches!(error, RestoreError::Backup { .. }) {
        let folder = backup::folder_of(data_dir);
        let mut names = backup::backups_in(&folder).unwrap_or_default();
        names.reverse();
        let there = if names.is_empty() { "no backup".to_owned() } else { names.join(", ") };
        text.push_str(&format!(" In {} there is: {there}.", folder.display()));
    }
    Failure { code, text }
}
