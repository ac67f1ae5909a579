//! What was decided about an entry, and why. Stored as it is made, printed by `pulsarr explain`.

use serde::{Deserialize, Serialize};

use super::{AddOptions, ApprovalTrigger, Granted};

/// Version of the stored [`Trace`]: readers meet older ones for ever, so a new shape gets a new number.
pub const TRACE_VERSION: u32 = 2;

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What happens.
    pub outcome: Outcome,
    /// What rules write on it, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Why.
    pub trace: Trace,
}

/// What happens with an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It goes to these instances; never empty, each instance once.
    Route {
        /// Where to, in the order of the settings.
        destinations: Vec<Destination>,
        /// On what grounds it takes a place in the user's quotas.
        #[serde(default = "room")]
        granted: Granted,
        /// Why nobody was asked although somebody would have been.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auto_approved: Option<AutoApproved>,
    },
    /// It waits.
    Hold {
        /// What for, as a sentence.
        reason: String,
        /// What ends the waiting.
        #[serde(default)]
        waits_for: WaitsFor,
        /// Where it would go.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        destinations: Vec<Destination>,
    },
    /// It goes nowhere.
    Exclude {
        /// Who said so, as a sentence.
        reason: String,
        /// Who said so.
        #[serde(default)]
        by: ExcludedBy,
    },
    /// No arr could be told which title this is.
    Unresolvable {
        /// Which id is missing, as a sentence.
        reason: String,
    },
}

impl Outcome {
    /// The stored word: `route`, `hold`, `exclude`, `unresolvable`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Route { .. } => "route",
            Self::Hold { .. } => "hold",
            Self::Exclude { .. } => "exclude",
            Self::Unresolvable { .. } => "unresolvable",
        }
    }
}

/// Decisions of the first version did not know of quotas.
const fn room() -> Granted {
    Granted::Room
}

/// An approval that nobody had to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoApproved {
    /// Why somebody would have been asked.
    pub trigger: ApprovalTrigger,
    /// Why nobody is, as a sentence.
    pub reason: String,
}

/// What ends the waiting of a held entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// Other settings.
    #[default]
    Settings,
    /// A person, or the end of the time they have.
    Approval(ApprovalTrigger),
    /// Room in a quota.
    Quota,
}

/// Who keeps an entry from going anywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExcludedBy {
    /// A rule with `exclude`.
    #[default]
    Rule,
    /// No rule matched, and `default: none`.
    Default,
    /// A quota without room, and `when_exceeded: skip`.
    Quota,
}

/// One instance that gets the title, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The instance's name.
    pub instance: String,
    /// The instance's own options with the overrides of the rule that chose it; `series_type` is never `auto` here.
    pub options: AddOptions,
    /// Why this instance, as a sentence.
    pub because: String,
}

/// Everything that led to an outcome, in the order in which it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// [`TRACE_VERSION`] at the time of writing.
    pub version: u32,
    /// What was known about the title and the user.
    pub facts: Vec<FactSeen>,
    /// What was asked, and what came of it.
    pub steps: Vec<Step>,
}

impl Trace {
    /// An empty trace of today's version.
    #[must_use]
    pub const fn new() -> Self {
        Self { version: TRACE_VERSION, facts: Vec::new(), steps: Vec::new() }
    }

    /// Notes a fact; `None` is "unknown".
    pub fn fact(&mut self, name: &str, value: Option<String>, source: &str) {
        self.facts.push(FactSeen { name: name.to_owned(), value, source: source.to_owned() });
    }

    /// Notes a step.
    pub fn step(&mut self, stage: Stage, subject: impl Into<String>, verdict: Verdict, because: impl Into<String>) {
        self.steps.push(Step { stage, subject: subject.into(), verdict, because: because.into() });
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

/// A fact as it was when the decision was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactSeen {
    /// The field's name, as rules write it: `genre`, `year`.
    pub name: String,
    /// Its value in plain words; `None` when nobody could tell.
    pub value: Option<String>,
    /// Where it came from, or would have come from: `plex watchlist`, `plex metadata`, `settings`.
    pub source: String,
}

/// One question on the way to an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which part of the decision asked.
    pub stage: Stage,
    /// What was asked about: a rule's name, an instance, a quota.
    pub subject: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The condition, value or arithmetic that decided, as a sentence.
    pub because: String,
}

super::words! {
    /// The parts of a decision, in order.
    Stage {
        /// Does the title have the id its arr needs?
        Ids = "ids",
        /// Which rules match?
        Rule = "rule",
        /// Which instance takes what no rule claimed?
        DefaultRouting = "default_routing",
        /// Which options apply?
        Options = "options",
        /// Must somebody say yes first?
        Approval = "approval",
        /// Is there room in the quota?
        Quota = "quota",
    }
}

super::words! {
    /// What came of a step.
    Verdict {
        /// Yes, it applies.
        Matched = "matched",
        /// No, it does not.
        NotMatched = "not_matched",
        /// A fact it needs is unknown, so it does not apply.
        Unknown = "unknown",
        /// Not asked, because something earlier settled it.
        NotAsked = "not_asked",
    }
}
