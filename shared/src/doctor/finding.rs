//! What the doctor finds: about what, how grave, in one sentence, and what to do.

use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::report::ProblemKind;

/// How grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Well,
    /// It works, and somebody should look at it; or it could not be looked at.
    Attention,
    /// Something does not work.
    Ill,
}

/// What it is about, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The programs, and the zone they live in.
    Versions,
    /// Environment and settings.
    Configuration,
    /// The data folder and what it lies on.
    Volume,
    /// Who is at work.
    Locks,
    /// The database.
    Store,
    /// Copies of the database.
    Backups,
    /// The time.
    Clock,
    /// Plex, Sonarr, Radarr and TMDB, from here.
    Upstreams,
    /// This service, from Sonarr's and Radarr's side.
    Webhooks,
}

impl Area {
    /// As a heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Versions => "Versions",
            Self::Configuration => "Configuration",
            Self::Volume => "Volume",
            Self::Locks => "Who is at work",
            Self::Store => "Store",
            Self::Backups => "Backups",
            Self::Clock => "Clock",
            Self::Upstreams => "Upstreams",
            Self::Webhooks => "Webhooks",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// How grave.
    pub level: Level,
    /// What was found, without a full stop.
    pub sentence: String,
    /// What to do; a whole sentence.
    pub advice: Option<String>,
    /// What it calls for, where it is ill and that is known.
    #[serde(skip)]
    pub kind: Option<ProblemKind>,
}

impl Finding {
    /// Nothing to do.
    pub(super) fn well(area: Area, sentence: impl Into<String>) -> Self {
        Self { area, level: Level::Well, sentence: sentence.into(), advice: None, kind: None }
    }

    /// Something to look at.
    pub(super) fn attention(area: Area, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { area, level: Level::Attention, sentence: sentence.into(), advice: Some(advice.into()), kind: None }
    }

    /// Something that does not work.
    pub(super) fn ill(
        area: Area,
        kind: impl Into<Option<ProblemKind>>,
        sentence: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (sentence, advice, kind) = (sentence.into(), Some(advice.into()), kind.into());
        Self { area, level: Level::Ill, sentence, advice, kind }
    }
}

/// What all of it amounts to. What a person must act on goes before what mends itself.
#[must_use]
pub fn exit_code(findings: &[Finding]) -> ExitCode {
    let is = |kind| findings.iter().any(|finding| finding.level == Level::Ill && finding.kind == kind);
    if is(Some(ProblemKind::Credentials)) {
        ExitCode::CredentialsRefused
    } else if is(Some(ProblemKind::Configuration)) {
        ExitCode::Configuration
    } else if is(None) {
        ExitCode::Unexpected
    } else if is(Some(ProblemKind::Down)) {
        ExitCode::UpstreamDown
    } else {
        ExitCode::Done
    }
}

/// `40 s`, `7 min`, `26 h`, `9 days`: rounded down.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_act_on_decides_the_exit_code_and_attention_does_not() {
        let ill = |kind: Option<ProblemKind>| Finding::ill(Area::Upstreams, kind, "", "");
        let check = |findings: &[Finding], code: u8| assert_eq!(exit_code(findings) as u8, code, "{findings:?}");
        check(&[], 0);
        check(&[Finding::attention(Area::Volume, "", ""), Finding::well(Area::Store, "")], 0);
        check(&[ill(Some(ProblemKind::Down))], 69);
        check(&[ill(Some(ProblemKind::Down)), ill(None)], 1);
        check(&[ill(None), ill(Some(ProblemKind::Configuration))], 78);
        check(&[ill(Some(ProblemKind::Configuration)), ill(Some(ProblemKind::Credentials))], 77);
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        assert_eq!(
            [span(5), span(119), span(3_600), span(26 * 3_600), span(900_000)],
            ["5 s", "119 s", "60 min", "26 h", "10 days"]
        );
    }
}
