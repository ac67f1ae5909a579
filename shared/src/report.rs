//! What a run did, in the shape of `--report json`. The keys are scripted against: they may grow, never change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{MediaType, OutageReason, ReadOutcome, RunResult, Trigger};

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
    /// What became of approvals in this run.
    #[serde(default)]
    pub approvals: ApprovalCounts,
    /// Quotas of which at least 80 % is used after this run.
    #[serde(default)]
    pub quotas: Vec<QuotaReport>,
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

/// What became of approvals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalCounts {
    /// New requests.
    pub asked: u32,
    /// Requests that a person approved and that were sent on their way.
    pub approved: u32,
    /// Went without a person: by a rule, because there was room again, or because nobody decided in time.
    pub auto_approved: u32,
    /// Rejected by a rule.
    pub rejected: u32,
    /// Nobody decided in time.
    pub expired: u32,
}

impl ApprovalCounts {
    /// Adds other counts of the same run.
    pub const fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.approved += other.approved;
        self.auto_approved += other.auto_approved;
        self.rejected += other.rejected;
        self.expired += other.expired;
    }
}

/// A quota that is nearly, or quite, used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaReport {
    /// Whose.
    pub user: String,
    /// Of which titles.
    #[serde(rename = "type")]
    pub media_type: MediaType,
    /// `3 movies a day`
    pub quota: String,
    /// Places taken.
    pub used: u32,
    /// Places there are.
    pub limit: u32,
    /// The one of the other.
    pub percent: u32,
    /// When there is room again, where it is full and somebody can tell: `2026-11-24 00:00` in the quota's zone.
    pub room_again_at: Option<String>,
}

impl std::fmt::Display for QuotaReport {
    /// `tomas.r has used 3 of 3 movies a day (100 %); room again 2026-11-24 00:00`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user, quota, used, percent, room_again_at, .. } = self;
        write!(f, "{user} has used {used} of {quota} ({percent} %)")?;
        match room_again_at {
            Some(at) => write!(f, "; room again {at}"),
            None => Ok(()),
        }
    }
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

impl ProblemKind {
    /// Why an instance that has such a problem is not well.
    #[must_use]
    pub const fn outage(self) -> OutageReason {
        match self {
            Self::Credentials => OutageReason::Refused,
            Self::Configuration => OutageReason::Unfit,
            Self::Down => OutageReason::Unreachable,
        }
    }
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
            approvals: ApprovalCounts::default(),
            quotas: Vec::new(),
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

    /// The run in one line: `ok in 812 ms: 50 lists read, 3 new; 2 added, 1 present`. What did not happen is left out.
    #[must_use]
    pub fn summary(&self) -> String {
        let with = |outcome| self.users.iter().filter(|user| user.read == outcome).count();
        let (not_shared, unknown) = (with(ReadOutcome::NotShared), with(ReadOutcome::Unknown));
        let sum = |count: fn(&UserReport) -> u32| self.users.iter().map(count).sum::<u32>() as usize;
        let lists = [
            (self.users.len() - not_shared - unknown, "read"),
            (not_shared, "not shared"),
            (unknown, "could not be read"),
        ];
        let PlacementCounts { added, present, excluded, waiting, failed } = self.placements;
        let DecisionCounts { held, unresolvable, .. } = self.decisions;
        let titles = [
            (added, "added"),
            (present, "present"),
            (excluded, "excluded"),
            (failed, "failed"),
            (waiting, "waiting"),
            (held, "held"),
            (unresolvable, "unresolvable"),
        ];
        let titles = titles.map(|(count, word)| (count as usize, word));
        let seen = [(sum(|user| user.new), "new"), (sum(|user| user.gone), "gone")];
        let lists = list_of(&lists).map_or_else(|| "no list read".to_owned(), |lists| format!("lists: {lists}"));
        let titles = list_of(&seen).into_iter().chain(list_of(&titles)).collect::<Vec<_>>();
        let titles =
            if titles.is_empty() { "nothing to do".to_owned() } else { format!("titles: {}", titles.join("; ")) };
        let dry_run = if self.run.dry_run { " (dry run: nothing was changed)" } else { "" };
        format!("{} in {} ms; {lists}; {titles}{dry_run}", self.run.result, self.run.duration_ms)
    }

    /// Whether a problem of this kind was met.
    #[must_use]
    pub fn has(&self, kind: ProblemKind) -> bool {
        self.problems.iter().any(|problem| problem.kind == kind)
    }

    /// The upstreams that answered and had no problem, named as in [`Report::upstream`].
    pub fn did_well(&self) -> impl Iterator<Item = &str> {
        let answered = self.upstream.iter().filter(|(_, counts)| counts.requests > counts.throttled);
        let has_problem = |name: &str| self.problems.iter().any(|problem| problem.upstream == name);
        answered.map(|(name, _)| name.as_str()).filter(move |name| !has_problem(name))
    }
}

/// `3 added, 1 present`, without what is zero; `None` when everything is.
fn list_of(counts: &[(usize, &str)]) -> Option<String> {
    let parts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::empty(RunReport {
            id: "r1".into(),
            trigger: Trigger::Cli,
            started_at: "2026-11-23T12:00:00.000Z".into(),
            duration_ms: 812,
            result: RunResult::Ok,
            detail: None,
            dry_run: false,
        })
    }

    fn list(read: ReadOutcome, new: u32) -> UserReport {
        UserReport { uuid: "u".into(), name: "n".into(), read, detail: None, entries: 9, new, gone: 0 }
    }

    #[test]
    fn the_summary_names_what_happened_and_nothing_else() {
        let mut report = report();
        assert_eq!(report.summary(), "ok in 812 ms; no list read; nothing to do");
        report.users = vec![list(ReadOutcome::NotModified, 0), list(ReadOutcome::NotShared, 0)];
        assert_eq!(report.summary(), "ok in 812 ms; lists: 1 read, 1 not shared; nothing to do");
        report.users.push(list(ReadOutcome::Complete, 3));
        report.placements = PlacementCounts { added: 2, failed: 1, ..PlacementCounts::default() };
        report.run.dry_run = true;
        assert_eq!(
            report.summary(),
            "ok in 812 ms; lists: 2 read, 1 not shared; titles: 3 new; 2 added, 1 failed (dry run: nothing was changed)"
        );
    }

    #[test]
    fn changes_are_bounded_and_a_problem_is_told_once() {
        let mut report = report();
        for n in 0..2 * MAX_CHANGES {
            let title = format!("title {n}");
            report.change(Change { title, user: "n".into(), what: "added".into(), instance: None, why: String::new() });
        }
        assert_eq!(report.changes.len(), MAX_CHANGES);
        let problem = Problem { upstream: "plex".into(), kind: ProblemKind::Down, message: "m".into() };
        report.problem(problem.clone());
        report.problem(problem);
        assert_eq!(report.problems.len(), 1);
        assert!(report.has(ProblemKind::Down) && !report.has(ProblemKind::Credentials));
    }
}
