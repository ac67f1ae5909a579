//! `pulsarr check`: every value with its source, the store, every upstream. Adds nothing anywhere; the data folder is opened as a
//! run opens it, and made where there is none. With `--rules` only the tests beside the rules, which need neither.

use std::path::Path;
use std::sync::Arc;

use pulsarr_shared::check::{self, Finding};
use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::config::Config;
use pulsarr_shared::printable::Lines;
use pulsarr_shared::report::ProblemKind;
use pulsarr_shared::routing::outcome_of_test;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{Filesystem, Store};
use pulsarr_shared::sync::client_identifier;
use pulsarr_shared::upstreams::Upstreams;

use super::{load_config, load_config_without_secrets, open_store, open_store_if_any, say, with_stored};
use crate::arguments::CheckArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    if arguments.rules {
        return Ok(run_rule_tests(&load_config_without_secrets()?));
    }
    let config = load_config()?;
    let config = match open_store_if_any(&config) {
        Ok(Some(store)) => with_stored(&config, &store)?,
        // What is wrong with the store is told below, after the values.
        Ok(None) | Err(_) => config,
    };
    print_values(&config);
    if arguments.offline {
        return Ok(ExitCode::Done);
    }

    say("\nData folder\n");
    let store = open_store(&config.environment)?;
    store.check()?;
    say_lines(|lines| lines.line(format_args!("  ok  {}", describe_folder(&config.environment.data_dir))));

    say("\nUpstreams\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unexpected)?;
    let findings = runtime.block_on(ask_everybody(&config, &store))?;
    if findings.is_empty() {
        say("  nothing is set up yet: name a Plex token and a Sonarr or Radarr in pulsarr.yaml\n");
    }
    say_lines(|lines| {
        for Finding { about, outcome } in &findings {
            match outcome {
                Ok(sentence) => lines.line(format_args!("  ok  {about}: {sentence}")),
                Err(problem) => lines.line(format_args!("  !!  {about}: {}", problem.message)),
            }
        }
    });
    Ok(exit_code(&findings))
}

fn print_values(config: &Config) {
    let width = config.values.iter().map(|value| value.name.len()).max().unwrap_or(0);
    say_lines(|lines| {
        lines.line("Configuration");
        for value in &config.values {
            lines.line(format_args!("  {:width$}  {}  ({})", value.name, value.value, value.source));
        }
        for warning in &config.warnings {
            lines.line(format_args!("  ! {warning}"));
        }
    });
}

/// Decides every rule test, and prints what came of it.
fn run_rule_tests(config: &Config) -> ExitCode {
    let (rules, tests) = (&config.settings.rules, &config.settings.tests);
    let policy = config.policy();
    let mut failed = 0;
    say_lines(|lines| {
        lines.line("Rule tests");
        for warning in &config.warnings {
            lines.line(format_args!("  ! {warning}"));
        }
        for test in tests {
            match outcome_of_test(test, &policy) {
                Ok(sentence) => lines.line(format_args!("  ok    {}: {sentence}", test.name)),
                Err(reasons) => {
                    failed += 1;
                    for (number, reason) in reasons.lines().enumerate() {
                        if number == 0 {
                            lines.line(format_args!("  FAIL  {}: {reason}", test.name));
                        } else {
                            lines.line(format_args!("          {reason}"));
                        }
                    }
                }
            }
        }
        let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (of, rules) = (counted(tests.len(), "test"), counted(rules.len(), "rule"));
        match (tests.len(), failed) {
            (0, _) => {
                lines.line(format_args!("  no tests for {rules}: write them under `tests:` in the settings file"))
            }
            (_, 0) => lines.line(format_args!("  {of} of {rules}: all as expected")),
            (_, failed) => {
                lines.line(format_args!("  {of} of {rules}: {failed} failed; change the rules or what is expected"))
            }
        }
    });
    if failed == 0 { ExitCode::Done } else { ExitCode::Configuration }
}

/// Prints some lines now, before the next thing is asked: answers can take a while.
fn say_lines(write: impl FnOnce(&mut Lines)) {
    let mut lines = Lines::new();
    write(&mut lines);
    say(&lines.into_text());
}

fn describe_folder(folder: &Path) -> String {
    let free = Filesystem::of(folder).map_or(0, |filesystem| filesystem.free_bytes);
    format!("{}: the database is sound; {} MiB are free", folder.display(), free / (1024 * 1024))
}

async fn ask_everybody(config: &Config, store: &Store) -> Result<Vec<Finding>, Failure> {
    let transport = Transport::trusting(config.environment.ca_file.as_deref())
        .map_err(|error| Failure { code: ExitCode::Configuration, text: format!("pulsarr: failed to {error}") })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let upstreams = Upstreams::new(config, &transport, &clock, &Stop::default());
    let mut findings = Vec::new();
    if let Some(token) = &config.settings.plex.token {
        let plex = upstreams.plex(token, client_identifier(store)?);
        findings.extend(check::plex(&plex, config.settings.plex.friends).await);
        findings.extend(check::plex_server(&upstreams.plex_server(&plex, store.read())?).await);
    }
    if let Some(tmdb) = &upstreams.tmdb {
        findings.extend(check::tmdb(tmdb).await);
    }
    for (instance, arr) in &upstreams.instances {
        findings.extend(check::instance(instance, arr, &config.settings.rules).await);
    }
    Ok(findings)
}

fn exit_code(findings: &[Finding]) -> ExitCode {
    let has = |kind| findings.iter().any(|finding| finding.outcome.as_ref().is_err_and(|problem| problem.kind == kind));
    if has(ProblemKind::Credentials) {
        ExitCode::CredentialsRefused
    } else if has(ProblemKind::Configuration) {
        ExitCode::Configuration
    } else if has(ProblemKind::Down) {
        ExitCode::UpstreamDown
    } else {
        ExitCode::Done
    }
}
