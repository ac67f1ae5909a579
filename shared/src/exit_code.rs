//! What `pulsarr` tells its caller when it ends, and the metrics of runs that ended in other processes. The numbers are `sysexits.h`'s where one fits, and stable: Kubernetes'
//! `podFailurePolicy` and people's scripts depend on them.

use crate::model::RunResult;
use crate::report::{ProblemKind, Report};
use crate::store::StoreError;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done; also when there was nothing to do, nothing is set up yet, or another sync is running.
    Done = 0,
    /// Something nobody expected.
    Unexpected = 1,
    /// The command line is wrong.
    Usage = 64,
    /// Some upstream is down; the next run tries again.
    UpstreamDown = 69,
    /// Another sync is running, and a copy cannot begin, or `--fail-if-busy` was given; somebody is at work whom a backup or a restore
    /// may not disturb.
    Busy = 75,
    /// An upstream refused our credentials.
    CredentialsRefused = 77,
    /// The configuration, the data folder or the database's schema is wrong.
    Configuration = 78,
    /// Told to stop before the end.
    Terminated = 143,
}

impl ExitCode {
    /// Every code, in order, for the table in `--help`.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::UpstreamDown,
        Self::Busy,
        Self::CredentialsRefused,
        Self::Configuration,
        Self::Terminated,
    ];

    /// The meaning, as the README prints it too.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; also: nothing to do, not set up yet, another sync is running",
            Self::Unexpected => "something unexpected",
            Self::Usage => "wrong command line",
            Self::UpstreamDown => "some upstream is down; the next run tries again",
            Self::Busy => {
                "the store is in use: another sync is running (from sync only with --fail-if-busy), the service, or a backup"
            }
            Self::CredentialsRefused => "an upstream refused our credentials",
            Self::Configuration => "configuration, data folder or database schema",
            Self::Terminated => "terminated",
        }
    }

    /// What a run's report amounts to. What a person must act on goes before what mends itself.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        if report.run.result == RunResult::Interrupted {
            Self::Terminated
        } else if report.has(ProblemKind::Credentials) {
            Self::CredentialsRefused
        } else if report.has(ProblemKind::Configuration) {
            Self::Configuration
        } else if report.has(ProblemKind::Down) {
            Self::UpstreamDown
        } else {
            Self::Done
        }
    }

    /// What a run amounts to that has ended in some process: how, and its report where there was time to make one. A run that could
    /// not be carried out counts as something unexpected, whatever its process made of the cause.
    #[must_use]
    pub fn of_ended(result: RunResult, report: Option<&Report>) -> Self {
        match (result, report.map_or(Self::Done, Self::of)) {
            (RunResult::Failed | RunResult::Crashed, Self::Done) => Self::Unexpected,
            (RunResult::Interrupted, _) => Self::Terminated,
            (_, code) => code,
        }
    }

    /// What a failure of the store amounts to.
    #[must_use]
    pub const fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::NewerSchema { .. }
            | StoreError::OlderSchema { .. }
            | StoreError::Damaged { .. }
            | StoreError::Folder { .. }
            | StoreError::ReadOnly
            | StoreError::NetworkFilesystem { .. } => Self::Configuration,
            StoreError::Undecidable { .. } => Self::Usage,
            StoreError::Full | StoreError::Busy | StoreError::Unreadable { .. } | StoreError::Sql(_) => {
                Self::Unexpected
            }
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Trigger;
    use crate::report::{Problem, RunReport};

    fn report(result: RunResult, problem: Option<ProblemKind>) -> Report {
        let run = RunReport {
            id: "one".into(),
            trigger: Trigger::Cli,
            started_at: String::new(),
            duration_ms: 0,
            result,
            detail: None,
            dry_run: false,
        };
        let mut report = Report::empty(run);
        let problem = problem.map(|kind| Problem { upstream: "plex".into(), kind, message: String::new() });
        problem.into_iter().for_each(|problem| report.problem(problem));
        report
    }

    #[test]
    fn a_run_in_another_process_amounts_to_what_its_report_says() {
        use RunResult::{Crashed, Failed, Interrupted, NotSetUp, Ok, Partial};
        for (result, problem, expected) in [
            (Ok, None, 0),
            (NotSetUp, None, 0),
            (Partial, Some(ProblemKind::Down), 69),
            (Partial, Some(ProblemKind::Configuration), 78),
            (Failed, Some(ProblemKind::Credentials), 77),
            (Failed, None, 1),
            (Interrupted, Some(ProblemKind::Down), 143),
        ] {
            let code = ExitCode::of_ended(result, Some(&report(result, problem)));
            assert_eq!(code as u8, expected, "{result:?} {problem:?}");
        }
        assert_eq!(ExitCode::of_ended(Crashed, None), ExitCode::Unexpected);
    }

    #[test]
    fn the_readme_prints_the_same_table() {
        let readme = include_str!("../../README.md");
        for code in ExitCode::ALL {
            let meaning = code.meaning().replace("--fail-if-busy", "`--fail-if-busy`");
            let row = format!("| {} | {meaning} |", code as u8);
            assert!(readme.contains(&row), "the README lacks the row {row}");
        }
    }
}
