//! How a failure of an upstream reads in a report: what it calls for, and a sentence that ends with what to do.

use crate::clients::arr::ArrError;
use crate::clients::plex::PlexError;
use crate::clients::tmdb::TmdbError;
use crate::model::Instance;
use crate::report::{Problem, ProblemKind};

use super::{PLEX_SERVER, TMDB};

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

/// A failure of the household's own Plex server; `None` when the run only ran out of time.
#[must_use]
pub fn plex_server_problem(error: &PlexError) -> Option<Problem> {
    if error.is_out_of_time() {
        return None;
    }
    let (kind, message) = if error.is_unauthorized() {
        let advice =
            "The Plex server refuses the token. `plex.server_url` has to lead to a server of the token's owner.";
        (ProblemKind::Configuration, advice.to_owned())
    } else {
        let advice = "Check that it runs and that `plex.server_url` leads to it; the next run tries again.";
        (ProblemKind::Down, format!("The Plex server: failed to {error}. {advice}"))
    };
    Some(Problem { upstream: PLEX_SERVER.into(), kind, message })
}

/// The household's Plex server was chosen in the service, and no token is kept for it.
#[must_use]
pub fn plex_server_token_problem() -> Problem {
    let message = "The Plex server is not asked, because the linked account has no token for it yet. The service fetches one within a \
                   quarter of an hour where the server answers; otherwise choose the server again.";
    Problem { upstream: PLEX_SERVER.into(), kind: ProblemKind::Configuration, message: message.to_owned() }
}

/// A failure of TMDB; `None` when the run only ran out of time.
#[must_use]
pub fn tmdb_problem(error: &TmdbError) -> Option<Problem> {
    const ADVICE: &str = "Put the API read access token, the long one, from Settings → API at themoviedb.org where `tmdb.api_key` in \
                          the settings points.";
    if error.is_out_of_time() {
        return None;
    }
    let (kind, message) = match error {
        TmdbError::OldKey => {
            (ProblemKind::Configuration, format!("TMDB: the key is of the old kind, which is not used. {ADVICE}"))
        }
        error if error.is_unauthorized() => (ProblemKind::Credentials, format!("TMDB refuses the token. {ADVICE}")),
        error => (ProblemKind::Down, format!("TMDB: failed to {error}. The next run tries again.")),
    };
    Some(Problem { upstream: TMDB.into(), kind, message })
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
