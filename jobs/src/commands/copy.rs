//! `pulsarr copy`: takes the lock, copies a library once, prints what came of it.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Config;
use pulsarr_shared::copy::{self, Copied, MAX_TITLES, Mode, Refusal};
use pulsarr_shared::lock::LockGuard;
use pulsarr_shared::printable::Lines;
use pulsarr_shared::report::ProblemKind;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::sync::new_run_id;
use pulsarr_shared::upstreams::Upstreams;

use super::progress::Bar;
use super::sync::{listen_for_stop, lock, who_is_running};
use super::{load_config_and_log, open_store, open_store_if_any, say, say_json, usage, warn_of, with_stored};
use crate::arguments::{CopyArguments, ReportFormat};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Titles shown; the rest is counted.
const SHOWN: usize = 25;

/// Runs the command.
pub fn run(arguments: &CopyArguments) -> Result<ExitCode, Failure> {
    let config = load_config_and_log()?;
    let config = match open_store_if_any(&config)? {
        Some(store) => with_stored(&config, &store)?,
        None => config,
    };
    warn_of(&config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let copied = runtime.block_on(carry_out(arguments, &config))?;
    match arguments.chore.report {
        ReportFormat::Json => say_json(&copied)?,
        ReportFormat::Text => say(&text(&copied)),
    }
    Ok(exit_code(&copied))
}

async fn carry_out(arguments: &CopyArguments, config: &Config) -> Result<Copied, Failure> {
    let pair = copy::pair(&config.settings.instances, &arguments.from, &arguments.to).map_err(usage)?;
    let stop = Stop::default();
    listen_for_stop(&stop, Duration::from_secs(config.environment.run_limit_s))?;
    let guard: Option<LockGuard> = if arguments.dry_run {
        None
    } else {
        // Makes the folder of the lock, and refuses one that a lock does not work in.
        drop(open_store(&config.environment)?);
        let id = new_run_id(SystemClock.now_ms());
        let held = lock(arguments.chore.lock_wait, &config.environment, &id, &stop).await?;
        let guard = held.map_err(|holder| Failure {
            code: ExitCode::Busy,
            text: format!(
                "pulsarr: nothing was copied: {}. Copy again when it is done.",
                who_is_running(holder.as_ref())
            ),
        })?;
        Some(guard)
    };
    let transport = Transport::trusting(config.environment.ca_file.as_deref())
        .map_err(|error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let upstreams = Upstreams::new(config, &transport, &clock, &stop);
    let mode = guard.as_ref().map_or(Mode::DryRun, Mode::Real);
    let bar = Bar::new();
    Ok(bar.during(copy::copy(&upstreams, pair, &mode, &stop, &|position| bar.show(position))).await)
}

fn exit_code(copied: &Copied) -> ExitCode {
    match (&copied.problem, copied.stopped) {
        (_, Some("terminated")) => ExitCode::Terminated,
        (Some(problem), _) => match problem.kind {
            ProblemKind::Credentials => ExitCode::CredentialsRefused,
            ProblemKind::Configuration => ExitCode::Configuration,
            ProblemKind::Down => ExitCode::UpstreamDown,
        },
        (None, _) if copied.failed > 0 => ExitCode::Unexpected,
        _ => ExitCode::Done,
    }
}

fn text(copied: &Copied) -> String {
    let mut lines = Lines::new();
    let sign = if copied.dry_run { '?' } else { '+' };
    for title in copied.listed.iter().take(SHOWN) {
        lines.line(format_args!("  {sign} {title}"));
    }
    let all = if copied.dry_run { copied.left } else { copied.added };
    if all > SHOWN && copied.listed.len() > SHOWN {
        lines.line(format_args!("  and {} more", all - SHOWN));
    }
    for Refusal { title, answer } in &copied.failures {
        lines.line(format_args!("  ! {title}: {answer}"));
    }
    if copied.failed > MAX_TITLES {
        lines.line(format_args!("  and {} more refused", copied.failed - MAX_TITLES));
    }
    if let Some(problem) = &copied.problem {
        lines.line(format_args!("  ! {}", problem.message));
    }
    lines.line(copied.summary());
    if !copied.dry_run && copied.left > 0 {
        lines.line("It ended before the end. Copying again goes on with what is left.");
    }
    lines.into_text()
}
