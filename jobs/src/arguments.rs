//! The command line: its words, and the help that teaches them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pulsarr_shared::approval::LONGEST_NOTE;
use pulsarr_shared::backup::KEPT;
use pulsarr_shared::model::{MinimumAvailability, MonitorNewItems, SeriesTypeChoice};

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
    /// Tell where everything would go, with these rules or with others; changes nothing
    Simulate(SimulateArguments),
    /// List what waits for approval, and approve or reject it
    Approvals(ApprovalsArguments),
    /// Copy one instance's library to another, once
    Copy(CopyArguments),
    /// Make a backup of the store, while everything goes on
    Backup(BackupArguments),
    /// Put a backup in the place of the store
    Restore(RestoreArguments),
    /// Take away what is past its time, and tidy the store; every night
    Upkeep(UpkeepArguments),
    /// Look at volume, store, locks, clock and the way to and from every upstream; changes nothing
    Doctor(DoctorArguments),
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

const CHECK_HELP: &str = "\
With --rules nothing is opened and nobody is asked, and secrets need not be there: `pulsarr check
--rules` ends with 0 when every test under `tests:` comes out as expected, and with 78 when one
does not or the settings have a mistake. Run it wherever the settings file is kept.

Examples:
  pulsarr check --offline          where does each value come from?
  pulsarr check --rules            do the rules do what their tests say?
  PULSARR_CONFIG=new.yaml pulsarr check --rules";

/// `pulsarr check`: every value with its source, every upstream with one sentence of advice per problem.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct CheckArguments {
    /// Only look at the configuration; ask nobody
    #[arg(long)]
    pub offline: bool,
    /// Only run the rule tests of the settings file; ask nobody
    #[arg(long, conflicts_with = "offline")]
    pub rules: bool,
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
Tells when a title was seen on whose list, what was known about it, every step of the decision,
what was sent to the arr, what it answered, and what happens next. All of it was stored when it
happened; a store of an older version of pulsarr is upgraded on the way.

Where there is no entry it tells why: whose list is private, who is switched off, when the next
look is.

Examples:
  pulsarr explain \"salt ledger\"
  pulsarr explain \"salt ledger\" --user tomas.r
  pulsarr explain tt90000002
  pulsarr explain 900002";

/// `pulsarr explain`: the stored story of every entry of a title.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct ExplainArguments {
    /// Part of a title, or a Plex, IMDb, TMDB or TVDB id
    #[arg(value_name = "TITLE OR ID")]
    pub title: String,
    /// Only on this user's list (Plex user name, alias or uuid)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

const SIMULATE_HELP: &str = "\
Works on a copy of the store with the facts on record: asks nobody, stores nothing, adds nothing.
What waits for a decision is decided as the next run would; what was added already stays where it
is, and is told with the place that the rules would give it now.

Examples:
  pulsarr simulate                                  everything on the watchlists
  pulsarr simulate --rules new-rules.yaml --changed what would these rules change?
  pulsarr simulate --title \"salt ledger\"            one title, with every rule's verdict
  pulsarr simulate --given '{title: Frieren, type: show, genres: [Anime], user: living-room}'";

/// `pulsarr simulate`: what a run would decide now.
#[derive(Debug, Args)]
#[command(after_help = SIMULATE_HELP)]
pub struct SimulateArguments {
    /// Use the rules of this file: a settings file, or one with nothing but `rules:`
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Only what this user wants (Plex user name, alias or uuid)
    #[arg(long, value_name = "NAME", conflicts_with = "given")]
    pub user: Option<String>,
    /// Only titles that contain this, or have this id
    #[arg(long, value_name = "TEXT", conflicts_with = "given")]
    pub title: Option<String>,
    /// One wish that is on no list, described in the words of rule tests
    #[arg(long, value_name = "YAML")]
    pub given: Option<String>,
    /// Only what would stand otherwise than today
    #[arg(long)]
    pub changed: bool,
    /// What to print on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub report: ReportFormat,
}

const APPROVALS_HELP: &str = "\
A request is named by its number, or by a part of its title that only one open request has. What is
approved is added by the next run, to every instance that the request lists. Everybody who asked for
the same title gets the same answer.

Examples:
  pulsarr approvals
  pulsarr approvals approve 7
  pulsarr approvals approve \"salt ledger\" --to movies-4k --quality-profile Ultra-HD
  pulsarr approvals approve --all --note \"rainy weekend\"
  pulsarr approvals reject 8 9 --note \"not before your exams\"";

/// `pulsarr approvals`: what somebody has to say yes to.
#[derive(Debug, Args)]
#[command(after_help = APPROVALS_HELP, args_conflicts_with_subcommands = true)]
pub struct ApprovalsArguments {
    /// What to do; to list what is open without one
    #[command(subcommand)]
    pub action: Option<ApprovalsAction>,
}

/// What to do with requests.
#[derive(Debug, Subcommand)]
pub enum ApprovalsAction {
    /// List what is open
    List {
        /// Decided ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one request with everything that happened to it
    Show {
        /// Its number, or a part of its title
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Approve requests, as proposed or with changes
    Approve(ApproveArguments),
    /// Reject requests
    Reject {
        /// Their numbers, or parts of their titles
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// Why, for the person who asked
        #[arg(long, value_name = "TEXT", value_parser = note)]
        note: Option<String>,
        /// Who rejects; without it the user of this process
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

/// `pulsarr approvals approve`.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// Their numbers, or parts of their titles
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// Everything that is open
    #[arg(long)]
    pub all: bool,
    /// Said with it
    #[arg(long, value_name = "TEXT", value_parser = note)]
    pub note: Option<String>,
    /// Who approves; without it the user of this process
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Send it to this instance instead; may be given several times
    #[arg(long, value_name = "INSTANCE", help_heading = "Changes")]
    pub to: Vec<String>,
    /// With this quality profile
    #[arg(long, value_name = "NAME", help_heading = "Changes")]
    pub quality_profile: Option<String>,
    /// Into this root folder
    #[arg(long, value_name = "PATH", help_heading = "Changes")]
    pub root_folder: Option<String>,
    /// With these tags: a,b; none for an empty text
    #[arg(long, value_name = "TAGS", help_heading = "Changes")]
    pub tags: Option<String>,
    /// Whether to search at once
    #[arg(long, value_name = "true|false", help_heading = "Changes")]
    pub search: Option<bool>,
    /// What to monitor, in the words of the settings
    #[arg(long, value_name = "CHOICE", help_heading = "Changes")]
    pub monitor: Option<String>,
    /// Radarr: from when on it is obtainable: tba, announced, in_cinemas, released
    #[arg(long, value_name = "CHOICE", value_parser = word(MinimumAvailability::from_word), help_heading = "Changes")]
    pub minimum_availability: Option<MinimumAvailability>,
    /// Sonarr: how episodes are numbered: standard, daily, anime
    #[arg(long, value_name = "CHOICE", value_parser = word(SeriesTypeChoice::from_word), help_heading = "Changes")]
    pub series_type: Option<SeriesTypeChoice>,
    /// Sonarr: a folder per season
    #[arg(long, value_name = "true|false", help_heading = "Changes")]
    pub season_folder: Option<bool>,
    /// Sonarr: monitor only these seasons: 1,2
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', help_heading = "Changes")]
    pub seasons: Option<Vec<u32>>,
    /// Sonarr: what to do with later seasons: all, none
    #[arg(long, value_name = "CHOICE", value_parser = word(MonitorNewItems::from_word), help_heading = "Changes")]
    pub monitor_new_items: Option<MonitorNewItems>,
}

const COPY_HELP: &str = "\
Adds what the one has and the other lacks, with the other's own settings from pulsarr.yaml; leaves
its import-exclusion list alone if the settings say so. Removes nothing. Takes the lock that syncs
take, and ends with 75 when one keeps it; what was not reached is taken up by copying again.

Examples:
  pulsarr copy --from movies --to movies-4k --dry-run
  pulsarr copy --from movies --to movies-4k";

/// `pulsarr copy`: a library into another instance of its kind.
#[derive(Debug, Args)]
#[command(after_help = COPY_HELP)]
pub struct CopyArguments {
    /// The instance whose library is read
    #[arg(long, value_name = "INSTANCE")]
    pub from: String,
    /// The instance that gets what it lacks
    #[arg(long, value_name = "INSTANCE")]
    pub to: String,
    /// Compare, print what would be added, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to wait, and what to tell.
    #[command(flatten)]
    pub chore: ChoreArguments,
}

/// What commands have in common that keep syncs away.
#[derive(Debug, Args)]
pub struct ChoreArguments {
    /// How long to wait for a sync that is running: 45, 30s, 500ms, 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub lock_wait: Duration,
    /// What to print on standard output when done; logs go to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub report: ReportFormat,
}

const BACKUP_HELP: &str = "\
Makes one file that needs no other, without disturbing the service or a sync. It is looked at
before it counts; then the oldest are removed until --keep are left. Files that pulsarr did not
name stay.

A backup in the data folder lies on the same volume as the store: have something carry it away.
Secrets in it are sealed with <data folder>/key/vault.key, which is in no backup: keep a copy of
that elsewhere. Another backup that is being made ends this one with 75.

Examples:
  pulsarr backup
  pulsarr backup --keep 30 --to /mnt/backups
  pulsarr backup --report json | jq -r .file";

/// `pulsarr backup`: one more file.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_HELP)]
pub struct BackupArguments {
    /// How many backups to keep there, the new one included
    #[arg(long, value_name = "N", default_value_t = KEPT, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,
    /// The folder to put it in; without this `backup` in the data folder. Give every pulsarr its own
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// What to print on standard output when done; logs go to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub report: ReportFormat,
}

const RESTORE_HELP: &str = "\
Ends with 75 and changes nothing while the service or a sync is at work: stop the service first.
The backup is looked at as a whole, brought to this version's schema, and put in the place of the
store in one step; killed at any moment it leaves the old store or the new one. The old one is
kept beside it, as db-before-TIME, which can be restored in turn (its pulsarr.db) or removed.

What has happened since the backup was made is forgotten, but nobody is told anything twice, API
keys that were revoked stay revoked, and everybody signs in again. Titles that were added since
are found in Sonarr and Radarr, and not added again.

Examples:
  pulsarr restore --dry-run /app/data/backup/pulsarr-2026-11-23T03-00-00.000Z.db
  pulsarr restore /app/data/backup/pulsarr-2026-11-23T03-00-00.000Z.db";

/// `pulsarr restore`: an earlier store.
#[derive(Debug, Args)]
#[command(after_help = RESTORE_HELP)]
pub struct RestoreArguments {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Look at the backup and say what would come of it; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to wait, and what to tell.
    #[command(flatten)]
    pub chore: ChoreArguments,
}

const UPKEEP_HELP: &str = "\
Old runs, webhooks that were acted on, messages that were delivered, sign-ins that are over, and
all but the last decision about entries that were closed long ago. For how long each is kept, the
variables PULSARR_KEEP_RUNS_DAYS, _WEBHOOKS_, _MESSAGES_ and _DECISIONS_ say. Nothing that
explains an entry on a watchlist goes, and no entry, request or line of the audit log ever does.

A portion at a time, beside the service and a sync: neither waits. Safe to repeat and to kill.

Examples:
  pulsarr upkeep --dry-run
  pulsarr upkeep --report json | jq .removed";

/// `pulsarr upkeep`: what is past its time goes.
#[derive(Debug, Args)]
#[command(after_help = UPKEEP_HELP)]
pub struct UpkeepArguments {
    /// Count what would go; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What to print on standard output when done; logs go to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub report: ReportFormat,
}

const DOCTOR_HELP: &str = "\
Tells what one would look for with a shell, which the image does not have: ✓ is well, ! works and
should be looked at, ✗ does not work; with what to do. Each instance is asked to call the service
once, as its own button \"Test\" does. Takes half a minute where somebody does not answer.

Ends with 0 when nothing is ✗, and else with 77, 78, 1 or 69, whichever comes first of what is.

Examples:
  kubectl exec pulsarr-0 -n media -- /pulsarr doctor
  pulsarr doctor --report json | jq '.findings[] | select(.level != \"well\")'";

/// `pulsarr doctor`: what is well, and what is not.
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub struct DoctorArguments {
    /// What to print on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub report: ReportFormat,
}

/// One of our words.
fn word<T>(of: fn(&str) -> Option<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: 'static,
{
    move |text| of(text).ok_or_else(|| "it is none of the words named in --help".to_owned())
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

/// What is said with a decision; as long as the API takes it.
fn note(text: &str) -> Result<String, String> {
    match text.chars().count() {
        0..=LONGEST_NOTE => Ok(text.to_owned()),
        length => Err(format!("a note has at most {LONGEST_NOTE} characters, and this one has {length}")),
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
    fn help_fits_into_its_width() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
            }
        }
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
