//! What a run did, in the shape of `--report json`. The keys are scripted against: they may grow, never change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{ReadOutcome, RunResult, Trigger};

/// Single changes that a report lists at most; the counts are always whole.
pub const MAX_CHANGES: usize = 200;

/// One run's report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The run itself.
    pub run: RunReport,
    /// Every list that was to be read.
    pub users: Vec<UserReport>,
    /// Users whose lists are not read because the settings say `sync: false`.
    pub switched_off: Vec<String>,
    /// What was decided, by outcome.
    pub decisions: DecisionCounts,
    /// What became of the placements this run worked on.
    pub placements: PlacementCounts,
    /// What changed, or in a dry run would change: the first [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// What went wrong, each with advice.
    pub problems: Vec<Problem>,
    /// Requests by upstream: `plex`, and every instance by name.
    pub upstream: BTreeMap<String, UpstreamCounts>,
    /// Processor time of this process, milliseconds.
    pub cpu_ms: u64,
    /// The most memory this process had resident, KiB.
    pub peak_rss_kib: u64,
}

/// The run's own data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// The run's id, as in the store and the log.
    pub id: String,
    /// Who started it.
    pub trigger: Trigger,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// How it ended.
    pub result: RunResult,
    /// Why, when there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Nothing was stored and nothing was added.
    pub dry_run: bool,
}

/// One look at one list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserReport {
    /// Plex's key.
    pub uuid: String,
    /// Plex's user name.
    pub name: String,
    /// What the look told.
    pub read: ReadOutcome,
    /// In plain words, when there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Open entries after the look.
    pub entries: u32,
    /// Entries that appeared.
    pub new: u32,
    /// Entries that were closed.
    pub gone: u32,
}

/// What was decided, by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionCounts {
    /// Sent to at least one instance that did not have it.
    pub routed: u32,
    /// Every instance it was sent to had it already.
    pub already_there: u32,
    /// On an import-exclusion list, or vetoed by a rule.
    pub excluded: u32,
    /// Waits for something.
    pub held: u32,
    /// Without the id its arr needs.
    pub unresolvable: u32,
}

/// What became of the placements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementCounts {
    /// Added by this run.
    pub added: u32,
    /// Found there.
    pub present: u32,
    /// On the instance's import-exclusion list.
    pub excluded: u32,
    /// Left for the next run.
    pub waiting: u32,
    /// Refused by this run's attempts.
    pub failed: u32,
}

impl PlacementCounts {
    /// Adds the counts of another queue.
    pub const fn add(&mut self, other: &Self) {
        self.added += other.added;
        self.present += other.present;
        self.excluded += other.excluded;
        self.waiting += other.waiting;
        self.failed += other.failed;
    }
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// Who wanted it.
    pub user: String,
    /// `added`, `present`, `excluded`, `failed`, `waiting`, `would_add`, `held`, `unresolvable`.
    pub what: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Why, or the arr's own words.
    pub why: String,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `plex`, or an instance's name.
    pub upstream: String,
    /// What it calls for.
    pub kind: ProblemKind,
    /// What happened, and what to do.
    pub message: String,
}

/// What a problem calls for; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The upstream refused our credentials: a person must act.
    Credentials,
    /// The settings do not fit what the upstream offers: a person must act.
    Configuration,
    /// The upstream could not be reached or was not itself: the next run tries again.
    Down,
}

/// Requests to one upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamCounts {
    /// Sent, repeats included.
    pub requests: u64,
    /// Answered 304.
    pub not_modified: u64,
    /// Answered 429.
    pub throttled: u64,
}

impl Report {
    /// A report with nothing in it yet.
    #[must_use]
    pub fn empty(run: RunReport) -> Self {
        Self {
            run,
            users: Vec::new(),
            switched_off: Vec::new(),
            decisions: DecisionCounts::default(),
            placements: PlacementCounts::default(),
            changes: Vec::new(),
            problems: Vec::new(),
            upstream: BTreeMap::new(),
            cpu_ms: 0,
            peak_rss_kib: 0,
        }
    }

    /// Lists a change, while there is room.
    pub fn change(&mut self, change: Change) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(change);
        }
    }

    /// Lists a problem once.
    pub fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The run in one line, for the log: `ok in 812 ms: 50 lists read, 3 new, 0 gone; 3 added, 1 present, 0 failed, 0 waiting`.
    #[must_use]
    pub fn summary(&self) -> String {
        let unread = self.users.iter().filter(|user| user.read == ReadOutcome::Unknown).count();
        let (new, gone) = self.users.iter().fold((0, 0), |(new, gone), user| (new + user.new, gone + user.gone));
        let PlacementCounts { added, present, excluded, waiting, failed } = self.placements;
        let mut line = format!(
            "{} in {} ms: {} lists read, {new} new, {gone} gone; {added} added, {present} present, {failed} failed, {waiting} waiting",
            self.run.result,
            self.run.duration_ms,
            self.users.len() - unread,
        );
        let also =
            [(excluded, "excluded"), (self.decisions.held, "held"), (self.decisions.unresolvable, "unresolvable")];
        for (count, word) in also.iter().filter(|(count, _)| *count > 0) {
            line.push_str(&format!(", {count} {word}"));
        }
        if unread > 0 {
            line.push_str(&format!("; {unread} lists could not be read"));
        }
        if self.run.dry_run {
            line.push_str(" (dry run: nothing was changed)");
        }
        line
    }

    /// Whether a problem of this kind was met.
    #[must_use]
    pub fn has(&self, kind: ProblemKind) -> bool {
        self.problems.iter().any(|problem| problem.kind == kind)
    }
}
