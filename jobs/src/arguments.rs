//! The command line: its words, and the help that teaches them.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit_code::ExitCode;

/// Plex watchlists into Sonarr and Radarr.
///
/// People put movies and shows on their Plex watchlists. pulsarr sees it, decides where each title belongs, adds it to the right
/// Sonarr or Radarr, and can always say why.
#[derive(Debug, Parser)]
#[command(name = "pulsarr", version, max_term_width = 100, after_help = exit_codes(), after_long_help = first_steps())]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the watchlists, decide, add what is new; then end
    Sync(SyncArguments),
    /// Check the configuration, the data folder and every upstream; adds nothing anywhere
    Check(CheckArguments),
    /// Show the last runs, the queues and what was refused
    Status(StatusArguments),
    /// Tell why a title went where it went
    Explain(ExplainArguments),
}

const SYNC_HELP: &str = "\
A run is safe to repeat and to kill at any point: the next one takes up what it left. Two runs never
overlap; the second waits a while and then ends without harm. Nothing is ever deleted.

Examples:
  pulsarr sync --dry-run           what would be added, and why?
  pulsarr sync --user tomas.r      one list, now
  pulsarr sync --full              notice every removal, whatever is unchanged on top
  pulsarr sync --report json | jq .placements
  kubectl create job --from=cronjob/pulsarr-sync sync-now";

/// `pulsarr sync`: one run.
#[derive(Debug, Args)]
#[command(after_help = SYNC_HELP)]
pub struct SyncArguments {
    /// Read and decide, print what would be added, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Read only this user's watchlist (Plex user name or uuid)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read every list whole, whatever ETags say; sees removals deep in a list
    #[arg(long)]
    pub full: bool,
    /// How long to wait for a sync that is running: 45, 30s, 500ms, 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub lock_wait: Duration,
    /// End with 75 instead of 0 when another sync is running
    #[arg(long)]
    pub fail_if_busy: bool,
    /// What to print on standard output when done; logs go to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub report: ReportFormat,
}

/// What a report looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// Exactly one JSON object.
    Json,
}

/// `pulsarr check`: every value with its source, every upstream with one sentence of advice per problem.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Only look at the configuration; ask nobody
    #[arg(long)]
    pub offline: bool,
}

/// `pulsarr status`: what the store tells; nobody is asked.
#[derive(Debug, Args)]
#[command(after_help = LOOKING_HELP)]
pub struct StatusArguments {
    /// How many runs to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub runs: u32,
}

/// Looking opens the store for writing, so it must not be called read-only.
const LOOKING_HELP: &str = "\
Asks nobody and adds nothing. A store of an older version of pulsarr is upgraded on the way.";

const EXPLAIN_HELP: &str = "\
Tells when a title was seen on whose list, what was known about it, every step of the decision, what
was sent to the arr, what it answered, and what happens next. All of it was stored when it happened;
a store of an older version of pulsarr is upgraded on the way.

Examples:
  pulsarr explain \"salt ledger\"
  pulsarr explain tt90000002
  pulsarr explain 900002";

/// `pulsarr explain`: the stored story of every entry of a title.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct ExplainArguments {
    /// Part of a title, or a Plex, IMDb, TMDB or TVDB id
    #[arg(value_name = "TITLE OR ID")]
    pub title: String,
}

/// `45`, `30s`, `500ms`, `2m`: a number of seconds, or a number with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "write a number with a unit, like 30s".to_owned())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        unit => Err(format!("`{unit}` is no unit; use ms, s or m")),
    }
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for code in ExitCode::ALL {
        text.push_str(&format!("  {:>3}  {}\n", code as u8, code.meaning()));
    }
    text
}

fn first_steps() -> String {
    format!(
        "First steps:\n  \
           1. Copy pulsarr.sample.yaml to pulsarr.yaml; set PLEX_TOKEN, RADARR_API_KEY and SONARR_API_KEY.\n  \
           2. pulsarr check            is everything reachable, and where does each value come from?\n  \
           3. pulsarr sync --dry-run   what would be added?\n  \
           4. pulsarr sync             add it\n  \
           5. pulsarr explain TITLE    why did it go there?\n\n\
         Environment: PULSARR_DATA_DIR (default ./data), PULSARR_CONFIG (pulsarr.yaml), PULSARR_LOG (info), and\n\
         more: `pulsarr check --offline` lists every value with its source.\n\n{}",
        exit_codes()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("45"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("2h").unwrap_err(), "`h` is no unit; use ms, s or m");
        assert!(duration("soon").is_err());
    }
}
