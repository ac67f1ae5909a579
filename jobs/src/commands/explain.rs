//! `pulsarr explain`: the stored story of every entry of a title, or why there is none.

use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::explain::{self, Absence, ExplainError, Explained};

use super::{load_whole_config, open_store_if_any, say, usage};
use crate::arguments::ExplainArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    let config = load_whole_config()?;
    let wanted = arguments.title.trim();
    let store = open_store_if_any(&config)?;
    let explained = match &store {
        Some(store) => {
            explain::explain(store.read(), &config, wanted, arguments.user.as_deref()).map_err(|error| match error {
                ExplainError::Store(error) => error.into(),
                error @ ExplainError::UnknownUser { .. } => usage(error),
            })?
        }
        None => Explained::Absent(Absence { wanted: wanted.to_owned(), ..Absence::default() }),
    };
    say(&explained.tell(wanted, SystemClock.now_ms()));
    Ok(ExitCode::Done)
}
