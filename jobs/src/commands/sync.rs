//! `pulsarr sync`: takes the lock, runs once, prints the report.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, Stopwatch, SystemClock, rfc3339};
use pulsarr_shared::config::{Config, TERMINATION_LOG};
use pulsarr_shared::lock::{self, Acquired, Holder, LockGuard};
use pulsarr_shared::model::RunResult;
use pulsarr_shared::process;
use pulsarr_shared::report::{Report, RunReport};
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::Store;
use pulsarr_shared::sync::{self, Mode, Request, SyncError, World};
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Bar;
use super::{load_config_and_log, open_store, text_report};
use crate::arguments::{ReportFormat, SyncArguments};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::termination;

/// How often a lock that is held is asked for again.
const ASK_LOCK_EVERY: Duration = Duration::from_millis(250);

/// Runs the command.
pub fn run(arguments: &SyncArguments) -> Result<ExitCode, Failure> {
    let config = match load_config_and_log() {
        Ok(config) => config,
        Err(failure) => {
            // Where the message belongs is itself configured; a configuration with mistakes has no say in it but by variable.
            let place = std::env::var("PULSARR_TERMINATION_LOG").unwrap_or_else(|_| TERMINATION_LOG.to_owned());
            termination::leave_failure(Path::new(&place), &failure);
            return Err(failure);
        }
    };
    let done = with_config(arguments, &config);
    if let Err(failure) = &done {
        termination::leave_failure(&config.environment.termination_log, failure);
    }
    done
}

fn with_config(arguments: &SyncArguments, config: &Config) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let report = runtime.block_on(report(arguments, config))?;
    let code = match report.run.result {
        RunResult::Busy if arguments.fail_if_busy => ExitCode::Busy,
        RunResult::Busy | RunResult::NotSetUp => ExitCode::Done,
        _ => ExitCode::of(&report),
    };
    termination::leave_report(&config.environment.termination_log, &report, code);
    let text = match arguments.report {
        ReportFormat::Json => serde_json::to_string(&report).map_err(Failure::unexpected)?,
        ReportFormat::Text => text_report::text(&report),
    };
    // A reader that went away is no failure of the run.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    Ok(code)
}

/// One run, or the report that another one is going on.
async fn report(arguments: &SyncArguments, config: &Config) -> Result<Report, Failure> {
    let clock = Arc::new(SystemClock);
    let stop = Stop::default();
    listen_for_stop(&stop, Duration::from_secs(config.environment.run_limit_s))?;
    let request = Request {
        run_id: run_id(clock.now_ms()),
        trigger: config.environment.trigger,
        user: arguments.user.clone(),
        full: arguments.full,
    };
    let (store, guard): (Store, Option<LockGuard>) = if arguments.dry_run {
        (Store::copy_in_memory(&config.environment.data_dir)?, None)
    } else {
        let store = open_store(config)?;
        match lock(arguments, config, &request, &stop).await? {
            Ok(guard) => (store, Some(guard)),
            Err(holder) => return Ok(without_a_run(&request, holder.as_ref(), &stop, &*clock)),
        }
    };
    let transport = Transport::trusting(config.environment.ca_file.as_deref())
        .map_err(|error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") })?;
    let bar = Bar::new();
    let world = World { store: &store, config, clock, stop, transport, show: &|position| bar.show(position) };
    let mode = guard.as_ref().map_or(Mode::DryRun, Mode::Real);
    let ran = sync::run(&world, &request, mode).await;
    bar.clear();
    if guard.is_some() {
        store.checkpoint()?;
    }
    ran.map_err(|error| match error {
        SyncError::Store(error) => error.into(),
        SyncError::UnknownUser { .. } => Failure { code: ExitCode::Usage, text: format!("pulsarr: failed to {error}") },
    })
}

/// Takes the lock, waiting as long as was asked for. The inner error tells who holds it.
async fn lock(
    arguments: &SyncArguments,
    config: &Config,
    request: &Request,
    stop: &Stop,
) -> Result<Result<LockGuard, Option<Holder>>, Failure> {
    let waiting = Stopwatch::start();
    let mut told = false;
    loop {
        let holder = Holder {
            host: process::host_name(),
            pid: std::process::id(),
            run_id: request.run_id.clone(),
            since_ms: SystemClock.now_ms(),
        };
        let failed = |error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") };
        match lock::try_acquire(&config.environment.data_dir, &holder).map_err(failed)? {
            Acquired::Ours(guard) => return Ok(Ok(guard)),
            Acquired::Held(by) if waiting.elapsed() >= arguments.lock_wait || stop.reason().is_some() => {
                return Ok(Err(by));
            }
            Acquired::Held(by) => {
                if !told {
                    tracing::info!("{}; waiting for it", who_is_running(by.as_ref()));
                    told = true;
                }
                let pause = ASK_LOCK_EVERY.min(arguments.lock_wait.saturating_sub(waiting.elapsed()));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stop.wait() => {}
                }
            }
        }
    }
}

/// Raises `stop` on SIGTERM, on SIGINT, and when the run's own time is over.
fn listen_for_stop(stop: &Stop, limit: Duration) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::unexpected)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::unexpected)?;
    let stop = stop.clone();
    tokio::spawn(async move {
        let reason = tokio::select! {
            _ = terminate.recv() => StopReason::Terminated,
            _ = interrupt.recv() => StopReason::Terminated,
            () = tokio::time::sleep(limit) => StopReason::TimeLimit,
        };
        stop.request(reason);
    });
    Ok(())
}

/// The report of a run that did not begin, because another one is going on.
fn without_a_run(request: &Request, holder: Option<&Holder>, stop: &Stop, clock: &dyn Clock) -> Report {
    let detail = who_is_running(holder);
    tracing::info!("{detail}");
    let terminated = stop.reason() == Some(StopReason::Terminated);
    Report::empty(RunReport {
        id: request.run_id.clone(),
        trigger: request.trigger,
        started_at: rfc3339(clock.now_ms()),
        duration_ms: 0,
        result: if terminated { RunResult::Interrupted } else { RunResult::Busy },
        detail: Some(detail),
        dry_run: false,
    })
}

fn who_is_running(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!("another sync is running: {holder}"),
        None => "another sync is running".to_owned(),
    }
}

/// Sorts by time and is unique: milliseconds in hex, and four random bytes.
fn run_id(now_ms: i64) -> String {
    format!("{now_ms:011x}-{}", process::random_hex(4))
}
