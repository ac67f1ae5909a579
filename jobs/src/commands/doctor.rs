//! `pulsarr doctor`: looks at everything and changes nothing. Also with a configuration that has mistakes, as far as that goes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::{Config, Environment};
use pulsarr_shared::doctor::{self, Finding, Kept, Level, Machine, World};
use pulsarr_shared::printable::Lines;
use pulsarr_shared::process;
use pulsarr_shared::stop::Stop;
use serde::Serialize;

use super::{load_config, say, say_json, vault};
use crate::arguments::{DoctorArguments, ReportFormat};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

#[derive(Serialize)]
struct Report<'a> {
    command: &'static str,
    result: Level,
    exit_code: u8,
    summary: String,
    findings: &'a [Finding],
}

/// Runs the command. Leaves no termination message: in a pod it is mostly started beside the service, whose place that is.
pub fn run(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    let mut findings = look()?;
    findings.sort_by_key(|finding| finding.area);
    let code = doctor::exit_code(&findings);
    match arguments.report {
        ReportFormat::Text => say(&text(&findings)),
        ReportFormat::Json => {
            let result = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Well);
            let summary = summary(&findings);
            say_json(&Report { command: "doctor", result, exit_code: code as u8, summary, findings: &findings })?;
        }
    }
    Ok(code)
}

fn look() -> Result<Vec<Finding>, Failure> {
    let now_ms = SystemClock.now_ms();
    let config = match load_config() {
        Ok(config) => config,
        Err(mistakes) => {
            let mut findings = doctor::versions(None, now_ms);
            findings.extend(doctor::of_mistakes(&mistakes));
            // Where the store is may be right all the same.
            if let Ok((environment, _)) = Environment::from_vars(process::variables(), Path::new(".")) {
                findings.extend(doctor::look_here(&machine(&environment, now_ms)));
            }
            return Ok(findings);
        }
    };
    let environment = config.environment.clone();
    let here = std::thread::spawn(move || doctor::look_here(&machine(&environment, now_ms)));
    let mut findings = out_there(&config)?;
    findings.extend(doctor::versions(Some(&config), now_ms));
    findings.extend(
        here.join()
            .map_err(|_| Failure::unexpected("look at this machine: it broke off, which is a mistake of ours"))?,
    );
    Ok(findings)
}

fn machine(environment: &Environment, now_ms: i64) -> Machine<'_> {
    let Environment { data_dir, allow_network_fs, run_limit_s, .. } = environment;
    Machine { data_dir, allow_network_fs: *allow_network_fs, run_limit_s: *run_limit_s, now_ms }
}

/// What is to be said about the configuration, and about everybody that it names.
fn out_there(config: &Config) -> Result<Vec<Finding>, Failure> {
    let data_dir = &config.environment.data_dir;
    let store = doctor::open_store(data_dir);
    let whole = match &store {
        // A store that cannot be read is told of by whoever looks at it.
        Some(store) => match store.read().declarations() {
            Ok(kept) => config.with_readable(&kept, &vault(config)?, process::variables(), Path::new("."))?,
            Err(_) => config.clone(),
        },
        None => config.clone(),
    };
    let mut findings = doctor::of_config(&whole);
    let transport = Transport::trusting(whole.environment.ca_file.as_deref())
        .map_err(|error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let world = World { config: &whole, transport: &transport, clock, stop: Stop::default() };
    let kept = store.as_ref().and_then(|store| Kept::of(store.read(), &world).ok());
    let mut kept = kept.unwrap_or_default();
    kept.callback.served = doctor::is_served(data_dir);
    drop(store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    findings.extend(runtime.block_on(doctor::look_around(&world, &kept)));
    // Somebody may still wait for the address of a name.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(findings)
}

fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    match (count(Level::Ill), count(Level::Attention)) {
        (0, 0) => "All is well.".to_owned(),
        (0, attention) => format!("All works; {attention} to look at."),
        (ill, 0) => format!("{ill} not well."),
        (ill, attention) => format!("{ill} not well, {attention} to look at."),
    }
}

fn text(findings: &[Finding]) -> String {
    let mut lines = Lines::new();
    let mut area = None;
    for finding in findings {
        if area != Some(finding.area) {
            lines.line(finding.area.heading());
            area = Some(finding.area);
        }
        let mark = match finding.level {
            Level::Well => '✓',
            Level::Attention => '!',
            Level::Ill => '✗',
        };
        lines.line(format_args!("  {mark} {}", finding.sentence));
        if let Some(advice) = &finding.advice {
            lines.line(format_args!("      {advice}"));
        }
    }
    lines.line(summary(findings));
    lines.into_text()
}
