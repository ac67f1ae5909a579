//! Copies one instance's library to another of its kind, once, because somebody asked for it: what the one has and the other lacks
//! is added there, with the other's own settings.
//!
//! Owns the comparison and the order of requests. Keeps nothing: a copy that was stopped begins anew, looks first, and so goes on
//! where it was. Removes nothing anywhere.

use std::collections::HashSet;

use serde::Serialize;
use tracing::{info, warn};

use crate::act::{Choices, NoChoice};
use crate::clients::arr::{Arr, ArrError, LibraryTitle, Presence};
use crate::lock::LockGuard;
use crate::model::{AddOptions, ArrOptions, Instance, SeriesTypeChoice};
use crate::report::{Problem, ProblemKind};
use crate::run::{Position, RunStage};
use crate::stop::{Stop, StopReason};
use crate::upstreams::{Upstreams, arr_problem, settings_problem};

/// Single titles that a report lists at most of each kind; the counts are always whole.
pub const MAX_TITLES: usize = 200;

/// Whether a copy may change the world.
pub enum Mode<'a> {
    /// It may, and holds the lock that keeps runs from adding the same titles at the same time.
    Real(&'a LockGuard),
    /// It says what it would do.
    DryRun,
}

/// What a copy came to.
#[derive(Debug, Clone, Serialize)]
pub struct Copied {
    /// The instance that was read.
    pub from: String,
    /// The instance that was added to.
    pub to: String,
    /// Nothing was added.
    pub dry_run: bool,
    /// Titles in the library that was read.
    pub titles: usize,
    /// Of these, there already.
    pub present: usize,
    /// On the import-exclusion list of the other, and left alone.
    pub excluded: usize,
    /// Added.
    pub added: usize,
    /// Refused.
    pub failed: usize,
    /// Not reached; in a dry run what would be added. Another copy goes on with them.
    pub left: usize,
    /// The titles that were added, or in a dry run would be: the first [`MAX_TITLES`].
    pub listed: Vec<String>,
    /// The titles that were refused, the first [`MAX_TITLES`].
    pub failures: Vec<Refusal>,
    /// Why it ended before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// It was told to stop, or its time was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<&'static str>,
}

/// A title that the instance would not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// The instance's own words.
    pub answer: String,
}

/// Why two instances do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// No instance has this name.
    #[error("find an instance `{name}`; the settings have: {}", known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Both are the same.
    #[error("copy `{0}` to itself; name another instance")]
    Itself(String),
    /// One takes movies and the other shows.
    #[error("copy {0} to {1}: a Radarr takes movies and a Sonarr shows")]
    OtherKind(String, String),
}

/// The instances called `from` and `to`, if one can be copied to the other.
///
/// # Errors
/// [`CopyError`].
pub fn pair<'a>(instances: &'a [Instance], from: &str, to: &str) -> Result<(&'a Instance, &'a Instance), CopyError> {
    let find = |name: &str| {
        let known = || instances.iter().map(|instance| instance.name.clone()).collect();
        let found = instances.iter().find(|instance| instance.name == name);
        found.ok_or_else(|| CopyError::Unknown { name: name.to_owned(), known: known() })
    };
    let (source, target) = (find(from)?, find(to)?);
    if source.name == target.name {
        return Err(CopyError::Itself(source.name.clone()));
    }
    if source.kind() != target.kind() {
        return Err(CopyError::OtherKind(source.label(), target.label()));
    }
    Ok((source, target))
}

/// Copies the library of `source` to `target`; [`pair`] has said that they go together. `show` hears of every step.
pub async fn copy(
    upstreams: &Upstreams<'_>,
    (source, target): (&Instance, &Instance),
    mode: &Mode<'_>,
    stop: &Stop,
    show: &dyn Fn(Position),
) -> Copied {
    let mut copied = Copied {
        from: source.name.clone(),
        to: target.name.clone(),
        dry_run: matches!(mode, Mode::DryRun),
        titles: 0,
        present: 0,
        excluded: 0,
        added: 0,
        failed: 0,
        left: 0,
        listed: Vec::new(),
        failures: Vec::new(),
        problem: None,
        stopped: None,
    };
    // Not reached without them: both were found in the settings that the upstreams were made of.
    let (Some(from), Some(to)) = (upstreams.arr(&source.name), upstreams.arr(&target.name)) else { return copied };
    match missing(source, from, target, to, &mut copied).await {
        Ok(missing) => add(target, to, &missing, stop, show, &mut copied).await,
        Err(problem) => copied.problem = problem,
    }
    copied.stopped = stop.reason().map(|reason| match reason {
        StopReason::Terminated => "terminated",
        StopReason::TimeLimit => "time_limit",
        StopReason::GivesWay => "gives_way",
    });
    if let Some(problem) = &copied.problem {
        warn!("{}", problem.message);
    }
    copied
}

/// What `source` has and `target` lacks.
async fn missing(
    source: &Instance,
    from: &Arr,
    target: &Instance,
    to: &Arr,
    copied: &mut Copied,
) -> Result<Vec<LibraryTitle>, Option<Problem>> {
    let read = |error: ArrError| arr_problem(source, &error);
    let ask = |error: ArrError| arr_problem(target, &error);
    from.status().await.map_err(read)?;
    to.status().await.map_err(ask)?;
    let there = to.library_ids().await.map_err(ask)?;
    let excluded = if target.respect_exclusions { to.exclusions().await.map_err(ask)? } else { HashSet::new() };
    let mut titles = from.library().await.map_err(read)?;
    copied.titles = titles.len();
    titles.retain(|title| !there.presence(title.external_id).is_there());
    copied.present = copied.titles - titles.len();
    let lacking = titles.len();
    titles.retain(|title| !excluded.contains(&title.external_id));
    copied.excluded = lacking - titles.len();
    copied.left = titles.len();
    Ok(titles)
}

/// Adds `titles`, one after the other.
async fn add(
    target: &Instance,
    to: &Arr,
    titles: &[LibraryTitle],
    stop: &Stop,
    show: &dyn Fn(Position),
    copied: &mut Copied,
) {
    if titles.is_empty() {
        return;
    }
    let mut choices = match Choices::of(to).await {
        Ok(choices) => choices,
        Err(error) => {
            copied.problem = arr_problem(target, &error);
            return;
        }
    };
    if let Some(sentence) = choices.misfit(&target.options) {
        copied.problem = Some(unfit(target, &sentence));
        return;
    }
    if copied.dry_run {
        copied.listed.extend(titles.iter().take(MAX_TITLES).map(label));
        return;
    }
    let total = u32::try_from(titles.len()).unwrap_or(u32::MAX);
    for (done, title) in (0..).zip(titles) {
        show(Position { stage: RunStage::Act, done, total });
        if stop.reason().is_some() {
            return;
        }
        match add_one(target, to, title, &mut choices).await {
            Ok(There::Added) => {
                info!(media.title = %title.title, instance.name = %target.name, "added {} to {}", label(title), target.label());
                copied.added += 1;
                if copied.listed.len() < MAX_TITLES {
                    copied.listed.push(label(title));
                }
            }
            Ok(There::Before) => copied.present += 1,
            Err(Failed::Title(answer)) => {
                copied.failed += 1;
                if copied.failures.len() < MAX_TITLES {
                    copied.failures.push(Refusal { title: label(title), answer });
                }
            }
            Err(Failed::Instance(problem)) => {
                copied.problem = problem;
                return;
            }
        }
        copied.left -= 1;
    }
    show(Position { stage: RunStage::Act, done: total, total });
}

/// How a title came to be there.
enum There {
    Added,
    Before,
}

/// Why a title was not added.
enum Failed {
    /// The instance would not take this one; its words.
    Title(String),
    /// No other would fare better. `None`: it was told to stop.
    Instance(Option<Problem>),
}

async fn add_one(target: &Instance, to: &Arr, title: &LibraryTitle, choices: &mut Choices) -> Result<There, Failed> {
    let failed = |error: &ArrError| Failed::Instance(arr_problem(target, error));
    let name = (title.title.as_str(), title.year);
    let request = choices.request_named(to, name, title.external_id, &options(target, title)).await;
    let request = request.map_err(|no_choice| match no_choice {
        NoChoice::Arr(error) => failed(&error),
        NoChoice::Settings(sentence) => Failed::Instance(Some(unfit(target, &sentence))),
    })?;
    let present = || async {
        let presence = to.presence(title.external_id).await;
        presence.map(Presence::is_there).map_err(|error| failed(&error))
    };
    match to.add(&request).await {
        Ok(_) => Ok(There::Added),
        Err(ArrError::AlreadyExists) if present().await? => Ok(There::Before),
        Err(ArrError::AlreadyExists) => {
            Err(Failed::Title("it says that it has this already, and does not have it".to_owned()))
        }
        Err(ArrError::Rejected { detail }) => Err(Failed::Title(detail)),
        // Whether it took effect, only the instance knows.
        Err(error @ ArrError::Lost { .. }) => {
            if present().await? {
                Ok(There::Added)
            } else {
                Err(failed(&error))
            }
        }
        Err(error) => Err(failed(&error)),
    }
}

/// The instance's own options, with the numbering settled by the library that is copied.
fn options(target: &Instance, title: &LibraryTitle) -> AddOptions {
    let mut options = target.options.clone();
    if let ArrOptions::Sonarr { series_type: own @ SeriesTypeChoice::Auto, .. } = &mut options.arr {
        *own = if title.anime { SeriesTypeChoice::Anime } else { SeriesTypeChoice::Standard };
    }
    options
}

fn unfit(target: &Instance, sentence: &str) -> Problem {
    let message = format!("{}: {sentence}. Correct the settings, and copy again.", target.label());
    Problem { kind: ProblemKind::Configuration, message, ..settings_problem(target, sentence) }
}

fn label(title: &LibraryTitle) -> String {
    title.year.map_or_else(|| title.title.clone(), |year| format!("{} ({year})", title.title))
}

impl Copied {
    /// The copy in one line; what did not happen is left out.
    #[must_use]
    pub fn summary(&self) -> String {
        let left = if self.dry_run { "would be added" } else { "left" };
        let counts = [
            (self.added, "added"),
            (self.present, "there already"),
            (self.excluded, "excluded there"),
            (self.failed, "refused"),
            (self.left, left),
        ];
        let told: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        let told = if told.is_empty() { "nothing to copy".to_owned() } else { told.join(", ") };
        let dry_run = if self.dry_run { " (dry run: nothing was changed)" } else { "" };
        format!("`{}` to `{}`, {} titles: {told}{dry_run}", self.from, self.to, self.titles)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::model::{MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor};

    fn instance(name: &str, arr: ArrOptions) -> Instance {
        let options =
            AddOptions { quality_profile: None, root_folder_path: None, tags: Vec::new(), search_on_add: true, arr };
        Instance {
            name: name.into(),
            url: String::new(),
            api_key: SecretString::from(""),
            default: false,
            copy_of: None,
            respect_exclusions: true,
            options,
        }
    }

    fn instances() -> [Instance; 3] {
        let radarr = ArrOptions::Radarr {
            minimum_availability: MinimumAvailability::Released,
            monitor: MovieMonitor::MovieOnly,
        };
        let sonarr = ArrOptions::Sonarr {
            monitor: SeriesMonitor::All,
            monitor_new_items: MonitorNewItems::All,
            series_type: SeriesTypeChoice::Auto,
            season_folder: true,
            seasons: Vec::new(),
        };
        [instance("movies", radarr.clone()), instance("movies-4k", radarr), instance("shows", sonarr)]
    }

    #[test]
    fn only_two_instances_of_one_kind_go_together() {
        let instances = instances();
        let (from, to) = pair(&instances, "movies", "movies-4k").unwrap();
        assert_eq!((from.name.as_str(), to.name.as_str()), ("movies", "movies-4k"));
        let check =
            |from, to, expected: &str| assert_eq!(pair(&instances, from, to).unwrap_err().to_string(), expected);
        check("movies", "movies", "copy `movies` to itself; name another instance");
        check("films", "movies", "find an instance `films`; the settings have: movies, movies-4k, shows");
        check("movies", "shows", "copy Radarr `movies` to Sonarr `shows`: a Radarr takes movies and a Sonarr shows");
    }

    #[test]
    fn what_is_numbered_as_anime_stays_so_unless_the_settings_say_otherwise() {
        let [_, _, mut shows] = instances();
        let title = |anime| LibraryTitle { external_id: 1, title: "X".into(), year: None, anime };
        let numbering = |instance: &Instance, anime| match options(instance, &title(anime)).arr {
            ArrOptions::Sonarr { series_type, .. } => series_type,
            ArrOptions::Radarr { .. } => panic!("no Sonarr"),
        };
        assert_eq!(numbering(&shows, true), SeriesTypeChoice::Anime);
        assert_eq!(numbering(&shows, false), SeriesTypeChoice::Standard);
        if let ArrOptions::Sonarr { series_type, .. } = &mut shows.options.arr {
            *series_type = SeriesTypeChoice::Daily;
        }
        assert_eq!(numbering(&shows, true), SeriesTypeChoice::Daily);
    }
}
