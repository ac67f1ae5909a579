//! What can become of a question to Sonarr or Radarr, and what somebody should do about it.

use serde::Deserialize;

use crate::clients::FetchError;
use crate::clients::clean::{clean, words};
use crate::model::InstanceKind;

/// Why an instance did not do what it was asked; the variants are what the caller does next. No text holds a key or a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArrError {
    /// What was to be added is there: as good as success.
    #[error("it has this already")]
    AlreadyExists,
    /// Understood and turned down. The same request may succeed once somebody has changed something.
    #[error("it refused: {detail}")]
    Rejected {
        /// The instance's own words, all of its reasons.
        detail: String,
    },
    /// The API key is wrong.
    #[error("it refuses the API key")]
    Unauthorized,
    /// Another application answers at this address.
    #[error("{found} answers there and not {}", expected.app_name())]
    WrongApp {
        /// What should be there.
        expected: InstanceKind,
        /// Name and version of what is.
        found: String,
    },
    /// Nobody answers, or a proxy does in its place. The next run tries again.
    #[error("it could not be reached: {detail}")]
    Unreachable {
        /// What happened.
        detail: String,
    },
    /// Its TLS certificate is not to be trusted.
    #[error("its certificate is not trusted: {detail}")]
    Certificate {
        /// What is wrong with it.
        detail: String,
    },
    /// It lives below a base path that the configured address lacks, or at another address altogether.
    #[error("it redirects to {suggested_url}")]
    BasePath {
        /// The address to configure.
        suggested_url: String,
    },
    /// A change was sent and no answer came: look before trying again.
    #[error("its answer was lost: {detail}")]
    Lost {
        /// What happened to it.
        detail: String,
    },
    /// It answers in a way we do not know.
    #[error("its answer has an unknown shape: {detail}")]
    Malformed {
        /// What did not fit.
        detail: String,
    },
    /// This run has asked this instance as often as it may.
    #[error("the request budget of this run is spent")]
    BudgetSpent,
    /// The run was told to stop.
    #[error("the run was told to stop")]
    Stopped,
}

impl ArrError {
    /// A sentence or two for people, ending in what to do. `instance_label` is how texts name the instance: ``Radarr `movies` ``.
    #[must_use]
    pub fn advice(&self, instance_label: &str) -> String {
        let app = instance_label.split(' ').next().unwrap_or_default();
        let quoted = |detail: &str| detail.trim_end_matches('.').to_owned();
        match self {
            Self::AlreadyExists => format!("{instance_label} has this already. Nothing needs to be done."),
            Self::Rejected { detail } => format!(
                "{instance_label} refused: {}. Correct the settings of this program or of {app}; it is tried again.",
                quoted(detail)
            ),
            Self::Unauthorized => {
                format!("{instance_label} refuses the API key. Copy the key again from Settings → General in {app}.")
            }
            Self::WrongApp { expected, found } => format!(
                "The url of {instance_label} is answered by {found}: enter the address of {} there, or list the instance \
                 under its own kind.",
                expected.app_name()
            ),
            Self::Unreachable { detail } => format!(
                "{instance_label} could not be reached: {}. Check that {app} runs and that its url leads to {app} itself; the \
                 next run tries again.",
                quoted(detail)
            ),
            Self::Certificate { detail } => format!(
                "The certificate of {instance_label} is not trusted: {}. Name its certificate authority in PULSARR_CA_FILE, or use \
                 a certificate that fits its url.",
                quoted(detail)
            ),
            Self::BasePath { suggested_url } => {
                format!(
                    "{instance_label} lives at another address. Set its url to {suggested_url} (see URL Base under Settings → General in {app})."
                )
            }
            Self::Lost { detail } => format!(
                "{instance_label} was asked for a change and its answer was lost: {}. The next run looks whether it took \
                 effect; nothing needs to be done.",
                quoted(detail)
            ),
            Self::Malformed { detail } => format!(
                "{instance_label} answers in an unknown way: {}. Check that its url leads to {app} itself and that its version \
                 is supported.",
                quoted(detail)
            ),
            Self::BudgetSpent => {
                format!("This run has asked {instance_label} as often as it may. The next run goes on.")
            }
            Self::Stopped => {
                format!("The run was told to stop before {instance_label} was done. The next run goes on.")
            }
        }
    }
}

/// What a failed request to `path` means. `write` says that it was to change something.
pub(super) fn from_fetch(error: FetchError, path: &str, write: bool) -> ArrError {
    let unreachable = |detail: String| ArrError::Unreachable { detail };
    match error {
        FetchError::Unauthorized => ArrError::Unauthorized,
        FetchError::Rejected { status: 409, .. } if write => ArrError::AlreadyExists,
        FetchError::Rejected { status, body } => refusal(status, &body),
        // The application answered a change with an error of its own: its metadata service is down, its database is locked.
        // That concerns this title. While it starts up (503) it concerns them all.
        FetchError::ServerError { status, detail, json: true } if write && status != 503 => ArrError::Rejected {
            detail: if detail.is_empty() { format!("error {status} without a reason") } else { detail },
        },
        FetchError::ServerError { status, detail, .. } if detail.is_empty() => {
            unreachable(format!("it failed with {status}"))
        }
        FetchError::ServerError { status, detail, .. } => unreachable(format!("{detail} ({status})")),
        FetchError::Redirected { location } => match location.strip_suffix(path) {
            Some(base) if !base.is_empty() => ArrError::BasePath { suggested_url: base.to_owned() },
            _ => unreachable(format!("it redirects to {location}, perhaps a login page")),
        },
        FetchError::Forbidden => unreachable("access is forbidden (403), perhaps by a proxy in front of it".to_owned()),
        FetchError::NotFound => unreachable("there is no such API at its url (404)".to_owned()),
        FetchError::Unreachable { detail } => unreachable(detail),
        FetchError::NotJson { looks_like } => unreachable(format!("{looks_like} came instead of JSON")),
        FetchError::RateLimited { .. } => unreachable("it asks us to slow down (429)".to_owned()),
        FetchError::Certificate { detail } => ArrError::Certificate { detail },
        FetchError::TooLarge { limit } => {
            ArrError::Malformed { detail: format!("an answer of more than {limit} bytes") }
        }
        FetchError::Malformed { detail } => ArrError::Malformed { detail },
        FetchError::Lost { detail } => ArrError::Lost { detail },
        FetchError::BudgetSpent => ArrError::BudgetSpent,
        FetchError::Stopped => ArrError::Stopped,
    }
}

/// One failed validation rule. Those that Sonarr and Radarr make by hand have no code.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_message: Option<String>,
    error_code: Option<String>,
}

impl Failure {
    /// By code, and by words for where the code is missing.
    fn says_it_exists(&self) -> bool {
        let code = self
            .error_code
            .as_deref()
            .is_some_and(|code| matches!(code, "SeriesExistsValidator" | "MovieExistsValidator"));
        code || self.error_message.as_deref().is_some_and(|words| words.contains("has already been added"))
    }
}

/// A 4xx in any of its four shapes: an array of failures, `{message}`, ProblemDetails, nothing.
fn refusal(status: u16, body: &str) -> ArrError {
    let failures: Vec<Failure> = serde_json::from_str(body).unwrap_or_default();
    if failures.iter().any(Failure::says_it_exists) {
        return ArrError::AlreadyExists;
    }
    let detail = clean(&words(body), &[]);
    ArrError::Rejected { detail: if detail.is_empty() { format!("error {status} without a reason") } else { detail } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(status: u16, body: &str) -> ArrError {
        from_fetch(FetchError::Rejected { status, body: body.to_owned() }, "/api/v3/movie", true)
    }

    fn detail(status: u16, body: &str) -> String {
        match rejected(status, body) {
            ArrError::Rejected { detail } => detail,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_duplicate_is_known_by_code_by_words_and_by_conflict() {
        let by_code =
            r#"[{"propertyName":"TvdbId","errorMessage":"Diese Serie gibt es","errorCode":"SeriesExistsValidator"}]"#;
        let by_words =
            r#"[{"propertyName":"TmdbId","errorMessage":"This movie has already been added","attemptedValue":603}]"#;
        let among_others = r#"[{"errorMessage":"Quality Profile does not exist"},{"errorMessage":"x","errorCode":"MovieExistsValidator"}]"#;
        for body in [by_code, by_words, among_others] {
            assert_eq!(rejected(400, body), ArrError::AlreadyExists, "{body}");
        }
        assert_eq!(rejected(409, r#"{"message":"constraint failed"}"#), ArrError::AlreadyExists);
    }

    #[test]
    fn a_refusal_is_quoted_whatever_its_shape() {
        let both = r#"[{"errorMessage":"Quality Profile does not exist"},{"errorMessage":"Root folder '/nope' does not exist"}]"#;
        assert_eq!(detail(400, both), "Quality Profile does not exist; Root folder '/nope' does not exist");
        let by_hand = r#"{"message":"BadRequest: 0 is not a valid ID","content":"0 is not a valid ID"}"#;
        assert_eq!(detail(400, by_hand), "BadRequest: 0 is not a valid ID");
        let problem = r#"{"title":"One or more validation errors occurred.","status":400,"errors":{"$.seriesType":["no such value"]}}"#;
        assert_eq!(detail(400, problem), "seriesType: no such value");
        assert_eq!(detail(415, ""), "error 415 without a reason");
    }

    #[test]
    fn an_error_of_the_application_concerns_the_title_and_one_of_a_proxy_the_instance() {
        let failed = |status, json, write| {
            from_fetch(FetchError::ServerError { status, detail: "words".to_owned(), json }, "/api/v3/movie", write)
        };
        assert_eq!(failed(500, true, true), ArrError::Rejected { detail: "words".to_owned() });
        for (status, json, write) in [(503, true, true), (500, false, true), (500, true, false), (502, false, false)] {
            let expected = ArrError::Unreachable { detail: format!("words ({status})") };
            assert_eq!(failed(status, json, write), expected, "{status} {json} {write}");
        }
    }

    #[test]
    fn a_redirect_with_the_same_path_suggests_the_base_path() {
        let redirected = |location: &str| {
            from_fetch(FetchError::Redirected { location: location.to_owned() }, "/api/v3/system/status", false)
        };
        assert_eq!(
            redirected("http://nas:7878/radarr/api/v3/system/status"),
            ArrError::BasePath { suggested_url: "http://nas:7878/radarr".to_owned() }
        );
        assert!(matches!(redirected("https://login.example/"), ArrError::Unreachable { .. }));
    }

    #[test]
    fn advice_names_the_instance_and_ends_with_what_to_do() {
        let label = "Radarr `movies`";
        let wrong = ArrError::WrongApp { expected: InstanceKind::Radarr, found: "Sonarr 4.0.19.2979".to_owned() };
        assert!(wrong.advice(label).starts_with("The url of Radarr `movies` is answered by Sonarr 4.0.19.2979: "));
        assert!(ArrError::Unauthorized.advice(label).ends_with("from Settings → General in Radarr."));
        let rejected = ArrError::Rejected { detail: "'Title' must not be empty.".to_owned() };
        assert!(rejected.advice(label).contains("'Title' must not be empty. Correct"));
    }
}
