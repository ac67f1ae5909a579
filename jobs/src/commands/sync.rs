//! `pulsarr sync`: takes the lock, runs once, prints the report.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, Stopwatch, SystemClock, UnixMs, rfc3339};
use pulsarr_shared::config::{Config, Environment};
use pulsarr_shared::lock::{self, Acquired, Holder, LockGuard};
use pulsarr_shared::model::{RunResult, Trigger};
use pulsarr_shared::printable::printable;
use pulsarr_shared::process;
use pulsarr_shared::report::{Problem, ProblemKind, Report, RunReport};
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::store::Store;
use pulsarr_shared::sync::{self, Mode, Request, SyncError, World};
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Bar;
use super::{load_config_and_log, open_store, say, text_report, warn_of, with_readable};
use crate::arguments::{ReportFormat, SyncArguments};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::termination;

/// How often a lock that is held is asked for again.
const ASK_LOCK_EVERY: Duration = Duration::from_millis(250);

/// Runs the command.
pub fn run(arguments: &SyncArguments) -> Result<ExitCode, Failure> {
    let begun = Begun::now();
    let done = match load_config_and_log() {
        Ok(config) => {
            let done = with_config(arguments, &config, &begun);
            done.map_err(|failure| (failure, config.environment.trigger, config.environment.termination_log))
        }
        Err(failure) => {
            // Both are themselves configured; a configuration with mistakes has no say in them but by variable.
            let trigger = std::env::var("PULSARR_TRIGGER").ok().and_then(|word| Trigger::from_word(&word));
            let trigger = trigger.unwrap_or(Trigger::Cli);
            Err((failure, trigger, termination::place_by_variable()))
        }
    };
    done.map_err(|(failure, trigger, place)| {
        if failure.code == ExitCode::Configuration && !arguments.dry_run {
            put_on_record(&failure, &begun, trigger);
        }
        termination::leave_failure(&place, &failure);
        // Whoever reads reports gets one, whatever happens; people find the same text on standard error.
        if arguments.report == ReportFormat::Json {
            let run = begun.ended(trigger, RunResult::Failed, failure.text.clone(), arguments.dry_run);
            print(&Report::empty(run), arguments.report);
        }
        failure
    })
}

/// A run that stops at its settings is on record like every other, so that it is seen in the browser and in the metrics. Only where there
/// is a store already and nobody else is at work: what is told on standard error does not hang on it.
fn put_on_record(failure: &Failure, begun: &Begun, trigger: Trigger) {
    let Ok((environment, _)) = Environment::from_vars(process::variables(), Path::new(".")) else { return };
    let now_ms = SystemClock.now_ms();
    let holder =
        Holder { host: process::host_name(), pid: std::process::id(), run_id: begun.run_id.clone(), since_ms: now_ms };
    if !Store::exists(&environment.data_dir) {
        return;
    }
    let Ok(Acquired::Ours(_guard)) = lock::try_acquire(&environment.data_dir, &holder) else { return };
    let Ok(store) = open_store(&environment) else { return };
    let mut report = Report::empty(begun.ended(trigger, RunResult::Failed, failure.text.clone(), false));
    let message = failure.text.clone();
    report.problem(Problem { upstream: "settings".to_owned(), kind: ProblemKind::Configuration, message });
    let Ok(json) = serde_json::to_string(&report) else { return };
    let noted = store.write(|db| {
        let at = format!("{} (process {})", holder.host, holder.pid);
        // One that got as far as the store has its row.
        if db.run(&begun.run_id)?.is_none() {
            db.start_run(&begun.run_id, trigger, &at, begun.at_ms)?;
        }
        db.end_run(&begun.run_id, RunResult::Failed, &json, now_ms)
    });
    if let Err(error) = noted {
        eprintln!("pulsarr: this run is not on record: failed to {error}. {}", error.advice());
    }
}

fn with_config(arguments: &SyncArguments, config: &Config, begun: &Begun) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let report = runtime.block_on(report(arguments, config, begun))?;
    let code = match report.run.result {
        RunResult::Busy if arguments.fail_if_busy => ExitCode::Busy,
        RunResult::Busy | RunResult::NotSetUp => ExitCode::Done,
        _ => ExitCode::of(&report),
    };
    termination::leave_report(&config.environment.termination_log, &report, code);
    print(&report, arguments.report);
    Ok(code)
}

/// Prints a report as it was asked for: JSON is one object on one line.
fn print(report: &Report, format: ReportFormat) {
    match format {
        ReportFormat::Json => {
            // Unwrap safety: a report is texts, numbers, and maps whose keys are texts; all of them have a JSON form.
            let json = serde_json::to_string(report).expect("a report can be written as JSON");
            say(&format!("{json}\n"));
        }
        ReportFormat::Text => say(&text_report::text(report)),
    }
}

/// The name and the start of this run, also of one that never gets further.
struct Begun {
    run_id: String,
    at_ms: UnixMs,
    since: Stopwatch,
}

impl Begun {
    fn now() -> Self {
        let at_ms = SystemClock.now_ms();
        Self { run_id: sync::new_run_id(at_ms), at_ms, since: Stopwatch::start() }
    }

    /// The run's own data, when it ends here.
    fn ended(&self, trigger: Trigger, result: RunResult, detail: String, dry_run: bool) -> RunReport {
        RunReport {
            id: self.run_id.clone(),
            trigger,
            started_at: rfc3339(self.at_ms),
            duration_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            result,
            detail: Some(detail),
            dry_run,
        }
    }
}

/// One run, or the report that another one is going on.
async fn report(arguments: &SyncArguments, config: &Config, begun: &Begun) -> Result<Report, Failure> {
    let clock = Arc::new(SystemClock);
    let stop = Stop::default();
    listen_for_stop(&stop, Duration::from_secs(config.environment.run_limit_s))?;
    let request = Request {
        run_id: begun.run_id.clone(),
        trigger: config.environment.trigger,
        user: arguments.user.clone(),
        full: arguments.full,
    };
    let (store, guard): (Store, Option<LockGuard>) = if arguments.dry_run {
        (Store::copy_in_memory(&config.environment.data_dir, config.environment.allow_network_fs)?, None)
    } else {
        let store = open_store(&config.environment)?;
        match lock(arguments.lock_wait, &config.environment, &request.run_id, &stop).await? {
            Ok(guard) => (store, Some(guard)),
            Err(holder) => {
                if let Err(error) = store.write(|db| db.count_lock_busy()) {
                    // It is a number for the metrics, and the run that is going on is well.
                    tracing::debug!("failed to {error}. {}", error.advice());
                }
                return Ok(without_a_run(config, begun, holder.as_ref(), &stop));
            }
        }
    };
    let config = &with_readable(config, &store)?;
    warn_of(config);
    let transport = Transport::trusting(config.environment.ca_file.as_deref())
        .map_err(|error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") })?;
    let bar = Bar::new();
    let world = World { store: &store, config, clock, stop, transport, show: &|position| bar.show(position) };
    let mode = guard.as_ref().map_or(Mode::DryRun, Mode::Real);
    let ran = bar.during(sync::run(&world, &request, mode)).await;
    if guard.is_some()
        && let Err(error) = store.checkpoint()
    {
        // Housekeeping: everything is stored, and the next run tidies up. What the run has to tell matters more.
        tracing::warn!(run.id = %request.run_id, "the run is done, but tidying up after it failed to {error}. {}", error.advice());
    }
    ran.map_err(|error| match error {
        SyncError::Store(error) => error.into(),
        // The names are Plex's, and a line break in one of them is none of ours.
        SyncError::UnknownUser { .. } => {
            let text = printable(&format!("pulsarr: failed to {error}")).into_owned();
            Failure { code: ExitCode::Usage, text }
        }
    })
}

/// Takes the lock, waiting as long as was asked for. The inner error tells who holds it.
pub(super) async fn lock(
    lock_wait: Duration,
    environment: &Environment,
    run_id: &str,
    stop: &Stop,
) -> Result<Result<LockGuard, Option<Holder>>, Failure> {
    let waiting = Stopwatch::start();
    let mut told = false;
    loop {
        let holder = Holder {
            host: process::host_name(),
            pid: std::process::id(),
            run_id: run_id.to_owned(),
            since_ms: SystemClock.now_ms(),
        };
        let failed = |error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") };
        match lock::try_acquire(&environment.data_dir, &holder).map_err(failed)? {
            Acquired::Ours(guard) => return Ok(Ok(guard)),
            Acquired::Held(by) if waiting.elapsed() >= lock_wait || stop.reason().is_some() => {
                return Ok(Err(by));
            }
            Acquired::Held(by) => {
                if !told {
                    tracing::info!("{}; waiting for it", who_is_running(by.as_ref()));
                    told = true;
                }
                let pause = ASK_LOCK_EVERY.min(lock_wait.saturating_sub(waiting.elapsed()));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stop.wait() => {}
                }
            }
        }
    }
}

/// Raises `stop` on SIGTERM, on SIGINT, and when the run's own time is over.
pub(super) fn listen_for_stop(stop: &Stop, limit: Duration) -> Result<(), Failure> {
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
fn without_a_run(config: &Config, begun: &Begun, holder: Option<&Holder>, stop: &Stop) -> Report {
    let detail = who_is_running(holder);
    tracing::info!("{detail}");
    let terminated = stop.reason() == Some(StopReason::Terminated);
    let result = if terminated { RunResult::Interrupted } else { RunResult::Busy };
    Report::empty(begun.ended(config.environment.trigger, result, detail, false))
}

pub(super) fn who_is_running(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!("another sync is running: {holder}"),
        None => "another sync is running".to_owned(),
    }
}
