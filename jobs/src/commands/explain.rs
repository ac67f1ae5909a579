//! `pulsarr explain`: the stored story of every entry of a title.

use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::explain::Story;
use pulsarr_shared::printable::printable;
use pulsarr_shared::store::{Db, StoreError};

use super::{load_config, open_store_if_any, say};
use crate::arguments::ExplainArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Entries told at most; a search that finds more is too wide to be useful.
const MOST: usize = 10;

/// Runs the command.
pub fn run(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    let config = load_config()?;
    let wanted = arguments.title.trim();
    let shown = printable(wanted);
    let mut stories = match open_store_if_any(&config)? {
        Some(store) => stories(store.read(), wanted)?,
        None => Vec::new(),
    };
    if stories.is_empty() {
        say(&format!(
            "`{shown}` is on no watchlist that pulsarr has read. Lists it cannot read are named by `pulsarr status`; a title \
             that was just added is seen by the next run.\n"
        ));
        return Ok(ExitCode::Done);
    }
    let found = stories.len();
    stories.truncate(MOST);
    let now_ms = SystemClock.now_ms();
    let mut told: Vec<String> = stories.iter().map(|story| story.tell(now_ms)).collect();
    if found > MOST {
        let more = found - MOST;
        told.push(format!("{more} more entries match `{shown}`; name the title more exactly to see them.\n"));
    }
    say(&told.join("\n"));
    Ok(ExitCode::Done)
}

fn stories(db: Db<'_>, wanted: &str) -> Result<Vec<Story>, StoreError> {
    let users = db.users()?;
    let mut stories = Vec::new();
    for entry in db.find_entries(wanted)? {
        let Some(user) = users.iter().find(|user| user.id == entry.user) else { continue };
        stories.push(Story {
            record: db.read_record(user.id)?,
            decisions: db.decisions_of(entry.id)?,
            placements: db.placements_of(entry.id)?,
            user: user.clone(),
            entry,
        });
    }
    Ok(stories)
}
