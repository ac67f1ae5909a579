//! What `pulsarr` tells its caller when it ends. The numbers are `sysexits.h`'s where one fits, and stable: Kubernetes'
//! `podFailurePolicy` and people's scripts depend on them.

use pulsarr_shared::model::RunResult;
use pulsarr_shared::report::{ProblemKind, Report};
use pulsarr_shared::store::StoreError;

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
    /// Another sync is running, and a copy cannot begin, or `--fail-if-busy` was given.
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
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; also: nothing to do, not set up yet, another sync is running",
            Self::Unexpected => "something unexpected",
            Self::Usage => "wrong command line",
            Self::UpstreamDown => "some upstream is down; the next run tries again",
            Self::Busy => "another sync is running (from sync only with --fail-if-busy)",
            Self::CredentialsRefused => "an upstream refused our credentials",
            Self::Configuration => "configuration, data folder or database schema",
            Self::Terminated => "terminated",
        }
    }

    /// What a run's report amounts to. What a person must act on goes before what mends itself.
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

    /// What a failure of the store amounts to.
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
