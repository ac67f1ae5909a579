//! How a failure of an upstream reads in a report: what it calls for, and a sentence that ends with what to do.

use crate::clients::arr::ArrError;
use crate::clients::plex::PlexError;
use crate::model::Instance;
use crate::report::{Problem, ProblemKind};

/// A failure of Plex.
#[must_use]
pub fn plex_problem(error: &PlexError) -> Problem {
    let (kind, message) = if error.is_unauthorized() {
        let advice =
            "Plex refuses the token. Put a new one where `plex.token` in the settings points; nothing stored is lost.";
        (ProblemKind::Credentials, advice.to_owned())
    } else {
        (ProblemKind::Down, format!("Plex: failed to {error}. The next run tries again."))
    };
    Problem { upstream: "plex".into(), kind, message }
}

/// A failure of an instance; `None` when the run only ran out of time.
#[must_use]
pub fn arr_problem(instance: &Instance, error: &ArrError) -> Option<Problem> {
    let kind = match error {
        ArrError::Stopped => return None,
        ArrError::Unauthorized => ProblemKind::Credentials,
        ArrError::WrongApp { .. } | ArrError::BasePath { .. } | ArrError::Certificate { .. } => {
            ProblemKind::Configuration
        }
        _ => ProblemKind::Down,
    };
    Some(Problem { upstream: instance.name.clone(), kind, message: error.advice(&instance.label()) })
}

/// The settings ask an instance for something that it does not have; `sentence` names it and lists what there is.
#[must_use]
pub fn settings_problem(instance: &Instance, sentence: &str) -> Problem {
    Problem {
        upstream: instance.name.clone(),
        kind: ProblemKind::Configuration,
        message: format!("{}: {sentence}. Correct the settings; its titles wait until then.", instance.label()),
    }
}
