//! Why a command could not do its work: a text for people that ends with what to do, and the exit code.

use pulsarr_shared::config::ConfigError;
use pulsarr_shared::printable::printable;
use pulsarr_shared::store::StoreError;

use crate::exit_code::ExitCode;

/// The end of a command that could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// For the caller.
    pub code: ExitCode,
    /// For people.
    pub text: String,
}

impl Failure {
    /// Anything that has no better place.
    pub fn unexpected(error: impl std::fmt::Display) -> Self {
        Self { code: ExitCode::Unexpected, text: format!("pulsarr: failed to {error}") }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Line by line: a configuration's mistakes are several, and none of them may command the terminal.
        for (number, line) in self.text.lines().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", printable(line))?;
        }
        Ok(())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let text = format!("pulsarr: the configuration has mistakes; nothing was done.\n{error}");
        Self { code: ExitCode::Configuration, text }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { code: ExitCode::of_store(&error), text: format!("pulsarr: failed to {error}. {}", error.advice()) }
    }
}
