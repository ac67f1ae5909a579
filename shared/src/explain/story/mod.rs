//! Tells one entry's story in plain words, from what was stored when it happened.

mod next;
#[cfg(test)]
mod tests;

use crate::clock::{UnixMs, rfc3339};
use crate::model::{
    AddOptions, Approval, Decision, Destination, Facts, KnownFacts, Outcome, PlacementState, ReadOutcome, Title, Trace,
    User, Verdict,
};
use crate::printable::Lines;
use crate::routing::{FactSource, Field, Policy, Sheet, in_words};
use crate::store::{ApprovalEvent, EntryRow, PlacementRow, ReadRecord, StoredDecision};

/// A body that was sent is told in lines of at most so many characters.
const WIDTH: usize = 104;

/// Everything on record about one entry.
#[derive(Debug)]
pub struct Story<'a> {
    /// The entry and its title.
    pub entry: EntryRow,
    /// Whose it is.
    pub user: User,
    /// The last looks at that user's list.
    pub record: ReadRecord,
    /// Every decision, oldest first.
    pub decisions: Vec<StoredDecision>,
    /// The approval, if somebody was asked.
    pub approval: Option<Asked>,
    /// Every placement.
    pub placements: Vec<PlacementRow>,
    /// What decisions are made by today.
    pub policy: Policy<'a>,
}

/// An approval with everything that happened to it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The approval.
    pub approval: Approval,
    /// The user names of those who want it too and wait for the same answer.
    pub wanted_too: Vec<String>,
    /// Who asked first, when this one waits for another's answer.
    pub leader: Option<String>,
    /// What happened, oldest first.
    pub events: Vec<ApprovalEvent>,
}

impl Story<'_> {
    /// The story, several lines, each printable and ending in a line break.
    #[must_use]
    pub fn tell(&self, now_ms: UnixMs) -> String {
        let Self { entry, user, record, .. } = self;
        let title = &entry.title;
        let mut lines = Lines::new();
        let on_plex = user.alias.as_ref().map(|_| format!(" ({} on Plex)", user.username)).unwrap_or_default();
        lines.line(format_args!(
            "{}, a {} on the watchlist of {}{on_plex}: {}",
            title.label(),
            title.media_type,
            user.called(),
            entry.state
        ));
        lines.line(format_args!(
            "  first seen {}; Plex id {}; other ids: {}",
            rfc3339(entry.appeared_at_ms),
            title.plex_id,
            title.ids
        ));
        self.tell_facts(&mut lines);
        if let Some(read_at) = record.read_at_ms {
            let outcome = record.outcome.map_or("not read", look_in_words);
            lines.line(format_args!("  the list was last looked at {}: {outcome}", rfc3339(read_at)));
        }
        if let Some(since) = entry.missing_since_ms.filter(|_| entry.closed_at_ms.is_none()) {
            lines.line(format_args!(
                "  not on the list since {}; closed once another complete look confirms it",
                rfc3339(since)
            ));
        }
        if let Some(reason) = &entry.reason {
            lines.line(format_args!("  {}, because: {reason}", entry.state));
        }
        for StoredDecision { run_id, decided_at_ms, decision } in &self.decisions {
            lines.line(format_args!("  decided {} by run {run_id}:", rfc3339(*decided_at_ms)));
            tell_decision(&mut lines, decision, &self.policy);
        }
        if let Some(asked) = &self.approval {
            asked.tell(&mut lines, &self.policy);
        }
        for placement in &self.placements {
            tell_placement(&mut lines, placement, now_ms);
        }
        lines.line(format_args!("  next: {}", self.next()));
        lines.into_text()
    }

    /// What each source has told about the title by now.
    fn tell_facts(&self, lines: &mut Lines) {
        let KnownFacts { plex, arr, tmdb, in_plex, .. } = &self.entry.title.facts;
        let sources = [(FactSource::Plex, plex), (FactSource::Arr, arr), (FactSource::Tmdb, tmdb)];
        for (source, facts) in sources {
            let Some(facts) = facts else { continue };
            let told = told_by(&self.entry.title, &self.user, facts, source);
            let told = if told.is_empty() { "nothing".to_owned() } else { told.join("; ") };
            lines.line(format_args!("  known from {source}: {told}"));
        }
        if let Some(has_it) = in_plex {
            let told = if *has_it { "it has the title" } else { "it does not have the title" };
            lines.line(format_args!("  known from {}: {told}", FactSource::PlexServer));
        }
    }
}

impl Asked {
    /// The approval, as lines that belong below a title.
    pub fn tell(&self, lines: &mut Lines, policy: &Policy<'_>) {
        let Self { approval, wanted_too, leader, events } = self;
        let state = approval.state.word().replace('_', " ");
        lines.line(format_args!(
            "  approval {}: {state}; asked {}, because: {}",
            approval.id.0,
            rfc3339(approval.asked_at_ms),
            approval.reason
        ));
        if let Some(leader) = leader {
            lines.line(format_args!("    {leader} asked for the same title first, and the answer is for both"));
        }
        if !wanted_too.is_empty() {
            lines.line(format_args!("    wanted too by {}", wanted_too.join(", ")));
        }
        for to in &approval.proposed {
            lines.line(format_args!("    proposed: `{}`{}", to.instance, with(to, policy)));
        }
        for to in approval.edited.iter().flatten() {
            lines.line(format_args!("    approved for: `{}`{}", to.instance, with(to, policy)));
        }
        for ApprovalEvent { at_ms, what, who, detail } in events {
            let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            lines.line(format_args!("    {} {} by {who}{detail}", rfc3339(*at_ms), what.replace('_', " ")));
        }
        if events.is_empty()
            && let Some(at) = approval.decided_at_ms
        {
            let by = approval.decided_by.as_deref().unwrap_or("pulsarr");
            let note = approval.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            lines.line(format_args!("    {} {state} by {by}{note}", rfc3339(at)));
        }
    }
}

/// What `facts`, which `source` told, say about `title`: `genre: Anime, Fantasy`.
#[must_use]
pub fn told_by(title: &Title, user: &User, facts: &Facts, source: FactSource) -> Vec<String> {
    let facts = KnownFacts { given: Some(facts.clone()), ..KnownFacts::default() };
    let alone = Title { facts, year: None, ..title.clone() };
    let sheet = Sheet { title: &alone, user, wanted_by: None, free_space: None };
    // Whether it is anime is concluded, not told.
    let tells = |field: &Field| *field != Field::Anime && sheet.has(*field) && field.info().sources.contains(&source);
    let told = Field::ALL.iter().copied().filter(tells);
    told.filter_map(|field| Some(format!("{field}: {}", in_words(sheet.value(field), field)?))).collect()
}

/// A decision with everything that led to it, as lines that belong below another.
pub fn tell_decision(lines: &mut Lines, decision: &Decision, policy: &Policy<'_>) {
    tell_trace(lines, &decision.trace);
    for label in &decision.labels {
        lines.line(format_args!("    label  {label}"));
    }
    match &decision.outcome {
        Outcome::Route { destinations, auto_approved, .. } => {
            if let Some(approved) = auto_approved {
                lines.line(format_args!("    => approved without asking: {}", approved.reason));
            }
            for to in destinations {
                lines.line(format_args!("    => send to `{}`: {}{}", to.instance, to.because, with(to, policy)));
            }
        }
        Outcome::Hold { reason, destinations, .. } => {
            lines.line(format_args!("    => hold: {reason}"));
            for to in destinations {
                lines.line(format_args!("    => it would go to `{}`: {}{}", to.instance, to.because, with(to, policy)));
            }
        }
        Outcome::Exclude { reason, .. } => lines.line(format_args!("    => exclude: {reason}")),
        Outcome::Unresolvable { reason } => lines.line(format_args!("    => unresolvable: {reason}")),
    }
}

fn tell_trace(lines: &mut Lines, trace: &Trace) {
    // What came from one place stands in one line.
    let facts = &trace.facts;
    for facts in facts.chunk_by(|one, next| one.source == next.source && one.value.is_some() == next.value.is_some()) {
        let told: Vec<String> =
            facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value.as_deref().unwrap_or("unknown"))).collect();
        let comes = if facts.iter().all(|fact| fact.value.is_some()) { "from" } else { "would come from" };
        let source = facts.first().map_or("", |fact| &fact.source);
        lines.line(format_args!("    fact   {} ({comes} {source})", told.join("; ")));
    }
    for step in &trace.steps {
        let verdict = match step.verdict {
            Verdict::Matched => "yes",
            Verdict::NotMatched => "no",
            Verdict::Unknown => "unknown",
            Verdict::NotAsked => "not asked",
        };
        let stage = step.stage.word().replace('_', " ");
        lines.line(format_args!("    {verdict:<6} {stage} `{}`: {}", step.subject, step.because));
    }
}

/// The options in which a destination differs from the instance's own, in brackets; empty when there are none.
fn with(to: &Destination, policy: &Policy<'_>) -> String {
    let own = policy.instances.iter().find(|instance| instance.name == to.instance);
    let differing = own.map(|own| differing(&to.options, &own.options)).unwrap_or_default();
    if differing.is_empty() { String::new() } else { format!(" (with {})", differing.join("; ")) }
}

/// The options in which `options` differ from `own`: `quality_profile Anime`, by name.
#[must_use]
pub fn differing(options: &AddOptions, own: &AddOptions) -> Vec<String> {
    use serde_json::Value;
    let keyed = |options: &AddOptions| match serde_json::to_value(options) {
        Ok(Value::Object(keys)) => keys,
        _ => serde_json::Map::new(),
    };
    let own = keyed(own);
    let in_words = |value: &Value| match value {
        Value::String(word) => word.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => {
            let words = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            words.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let changed = keyed(options).into_iter().filter(|(key, value)| own.get(key) != Some(value));
    changed.map(|(key, value)| format!("{key} {}", in_words(&value))).collect()
}

fn tell_placement(lines: &mut Lines, placement: &PlacementRow, now_ms: UnixMs) {
    let PlacementRow { instance, state, attempts, .. } = placement;
    let since = placement.done_at_ms.unwrap_or(placement.queued_at_ms);
    lines.line(format_args!("  `{instance}`: {state} ({})", rfc3339(since)));
    if let Some(payload) = &placement.payload {
        let times = if *attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
        for line in wrapped(&format!("asked {times} with {payload}"), WIDTH - 4) {
            lines.line(format_args!("    {line}"));
        }
    }
    if let Some(taken) = &placement.taken {
        let answer = taken.answer.as_deref().map(|answer| format!(": {answer}")).unwrap_or_default();
        lines.line(format_args!("    first {} {}{answer}", taken.state, rfc3339(taken.at_ms)));
    }
    if let Some(answer) = &placement.answer {
        lines.line(format_args!("    answer: {answer}"));
    }
    if let Some(at) = placement.grabbed_at_ms {
        lines.line(format_args!("    release found {}", rfc3339(at)));
    }
    // What was there when we looked became so at a time that nobody knows; the answer says that it was.
    let seen_there = *state == PlacementState::Present && placement.available_at_ms == placement.done_at_ms;
    if let Some(at) = placement.available_at_ms.filter(|_| !seen_there) {
        lines.line(format_args!("    imported {}", rfc3339(at)));
    }
    if let Some(at) = placement.retry_at_ms {
        let when = if at <= now_ms { "due now" } else { "not before" };
        lines.line(format_args!("    next attempt: {when} {}", rfc3339(at)));
    }
}

/// Compact JSON in lines of at most `width` characters where that is possible: broken after commas outside of texts, so that it
/// is still the same JSON.
fn wrapped(json: &str, width: usize) -> Vec<String> {
    let (mut in_text, mut escaped) = (false, false);
    let parts = json.split_inclusive(|character| {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = in_text,
            '"' => in_text = !in_text,
            _ => {}
        }
        character == ',' && !in_text
    });
    let mut lines = vec![String::new()];
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.chars().count() + part.chars().count() <= width => {
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

const fn look_in_words(outcome: ReadOutcome) -> &'static str {
    match outcome {
        ReadOutcome::Complete => "every page was read",
        ReadOutcome::Newest => "the newest pages were read",
        ReadOutcome::NotModified => "unchanged",
        ReadOutcome::NotShared => "not shared with us",
        ReadOutcome::Unknown => "it could not be read",
    }
}
