//! `pulsarr explain`: the stored story of every entry of a title.

use pulsarr_shared::clock::{Clock, SystemClock};
use pulsarr_shared::explain::Story;
use pulsarr_shared::store::{Db, StoreError};

use super::{load_config, open_store_if_any};
use crate::arguments::ExplainArguments;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Entries told at most; a search that finds more is too wide to be useful.
const MOST: usize = 10;

/// Runs the command.
pub fn run(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    let config = load_config()?;
    let wanted = arguments.title.trim();
    let mut stories = match open_store_if_any(&config)? {
        Some(store) => stories(store.read(), wanted)?,
        None => Vec::new(),
    };
    if stories.is_empty() {
        println!(
            "`{wanted}` is on no watchlist that pulsarr has read. Lists it cannot read are named by `pulsarr status`; a title \
             that was just added is seen by the next run."
        );
        return Ok(ExitCode::Done);
    }
    let found = stories.len();
    stories.truncate(MOST);
    let now_ms = SystemClock.now_ms();
    let told: Vec<String> = stories.iter().map(|story| story.tell(now_ms)).collect();
    print!("{}", told.join("\n"));
    if found > MOST {
        println!("\n{} more entries match `{wanted}`; name the title more exactly to see them.", found - MOST);
    }
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
