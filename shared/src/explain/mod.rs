//! Tells one entry's story in plain words, from what was stored when it happened; and where there is no entry, why not. The command
//! line and the UI print the same. Reads the store and the settings, and asks nobody.

mod absence;
mod story;
#[cfg(test)]
mod tests;

pub use absence::{Absence, ListSeen};
pub use story::{Asked, Story, differing, tell_decision, told_by};

use crate::clock::UnixMs;
use crate::config::Config;
use crate::model::{User, UserId};
use crate::store::{Db, StoreError};

/// Entries told at most; a search that finds more is too wide to be useful.
const MOST: usize = 10;

/// Runs looked at to tell how often they come.
const RUNS: u32 = 25;

/// The answer to "what became of this?".
#[derive(Debug)]
pub enum Explained<'a> {
    /// Every entry that fits, the first ten of them, and how many more there are.
    Stories(Vec<Story<'a>>, usize),
    /// There is none.
    Absent(Absence),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Nobody answers to this name.
    #[error("find a user `{name}`; known are: {}", known.join(", "))]
    UnknownUser {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

/// What became of the title called `wanted`, or with this id; on the list of `user` alone, if one is named.
///
/// # Errors
/// [`ExplainError`] when the store cannot be read, or nobody answers to the user's name.
pub fn explain<'a>(
    db: Db<'_>,
    config: &'a Config,
    wanted: &str,
    user: Option<&str>,
) -> Result<Explained<'a>, ExplainError> {
    let users: Vec<User> = db.users()?.into_iter().map(|user| config.settings.users.named(user)).collect();
    let meant = |user: &&User, name: Option<&str>| name.is_none_or(|name| user.answers_to(name));
    if let Some(name) = user
        && !users.iter().any(|user| user.answers_to(name))
    {
        let known = users.iter().map(|user| user.called().to_owned()).collect();
        return Err(ExplainError::UnknownUser { name: name.to_owned(), known });
    }
    let of = |id: UserId| users.iter().find(|user| user.id == id);
    let (found, elsewhere): (Vec<_>, Vec<_>) = db
        .find_entries_in_short(wanted, false, None)?
        .into_iter()
        .filter_map(|(entry, owner)| Some((of(owner)?, entry)))
        .partition(|(owner, _)| meant(owner, user));
    if found.is_empty() {
        let mut others: Vec<String> = Vec::new();
        for (owner, _) in &elsewhere {
            // Several titles may fit, and each of them have been on the list more than once.
            if !others.iter().any(|other| other == owner.called()) {
                others.push(owner.called().to_owned());
            }
        }
        let mut lists = Vec::new();
        for user in users.iter().filter(|listed| meant(listed, user)) {
            let record = db.read_record(user.id)?;
            lists.push(ListSeen { takes_part: config.settings.reads(user), user: user.clone(), record });
        }
        return Ok(Explained::Absent(Absence {
            wanted: wanted.to_owned(),
            user: user.map(str::to_owned),
            others,
            lists,
            runs_began_at_ms: db.last_runs(RUNS)?.iter().map(|run| run.started_at_ms).collect(),
        }));
    }
    let more = found.len().saturating_sub(MOST);
    let mut stories = Vec::new();
    for (user, id) in found.into_iter().take(MOST) {
        let Some(entry) = db.entry(id)? else { continue };
        stories.push(Story {
            record: db.read_record(user.id)?,
            decisions: db.decisions_of(id)?,
            placements: db.placements_of(id)?,
            approval: asked(db, id)?,
            policy: config.policy(),
            user: user.clone(),
            entry,
        });
    }
    Ok(Explained::Stories(stories, more))
}

fn asked(db: Db<'_>, entry: crate::model::EntryId) -> Result<Option<Asked>, StoreError> {
    let Some(approval) = db.approval_of(entry)? else { return Ok(None) };
    let leader = approval.follows.map(|id| db.approval(id)).transpose()?.flatten();
    Ok(Some(Asked {
        wanted_too: db.approval(approval.id)?.map(|row| row.wanted_too).unwrap_or_default(),
        leader: leader.map(|row| row.user),
        events: db.approval_events(approval.id)?,
        approval,
    }))
}

impl Explained<'_> {
    /// The answer, whole lines. `wanted` is what was asked for.
    #[must_use]
    pub fn tell(&self, wanted: &str, now_ms: UnixMs) -> String {
        match self {
            Self::Stories(stories, more) => {
                let mut told: Vec<String> = stories.iter().map(|story| story.tell(now_ms)).collect();
                if *more > 0 {
                    let wanted = crate::printable::printable(wanted);
                    told.push(format!(
                        "{more} more entries match `{wanted}`; name the title more exactly to see them.\n"
                    ));
                }
                told.join("\n")
            }
            Self::Absent(absence) => absence.tell(now_ms),
        }
    }
}
