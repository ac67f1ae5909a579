//! Tells one entry's story in plain words, from what was stored when it happened.

use crate::approval;
use crate::clock::{UnixMs, rfc3339};
use crate::model::{
    AddOptions, Approval, ApprovalState, Decision, Destination, EntryState, ExcludedBy, Facts, KnownFacts, Outcome,
    PlacementState, ReadOutcome, Relation, Title, Trace, User, Verdict, WaitsFor, WhenExpired,
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

    /// What will happen by itself.
    fn next(&self) -> String {
        let waits = self.placements.iter().any(|placement| placement.state == PlacementState::Queued);
        match self.entry.state {
            EntryState::Requested if !waits => "the arr looks for it".into(),
            EntryState::Grabbed => "the arr imports it".into(),
            EntryState::Available => "it can be watched".into(),
            // From here on it would be a run's turn, and runs pass over those who do not take part.
            _ if !self.user.synced => self.why_nothing_happens(),
            EntryState::New => "the next run decides about it".into(),
            EntryState::Unresolvable => "it is looked at again, at first by every run, then with growing pauses".into(),
            EntryState::Held => self.what_ends_the_waiting(),
            EntryState::Rejected => match &self.approval {
                Some(Asked { approval, .. }) if approval.state == ApprovalState::Expired => format!(
                    "nothing by itself; `pulsarr approvals approve {}` still approves it, and taking it off the watchlist and \
                     adding it again asks anew",
                    approval.id.0
                ),
                _ => "nothing; taking it off the watchlist and adding it again asks anew".into(),
            },
            EntryState::Excluded => match self.last_outcome() {
                Some(Outcome::Exclude { by: ExcludedBy::Rule | ExcludedBy::Default, .. }) => {
                    "nothing while the settings say so; when they change, it is decided anew".into()
                }
                _ => "nothing; taking it off the watchlist and adding it again asks anew".into(),
            },
            EntryState::Requested => "the next run adds it".into(),
            EntryState::Failed => match self.placements.iter().filter_map(|placement| placement.retry_at_ms).min() {
                Some(at) => format!("tried again by the first run after {}", rfc3339(at)),
                None => "nothing; it was refused too often. Taking it off the watchlist and adding it again asks anew"
                    .into(),
            },
            EntryState::Closed => "nothing; adding it to the watchlist again makes a new entry".into(),
        }
    }

    fn last_outcome(&self) -> Option<&Outcome> {
        self.decisions.last().map(|stored| &stored.decision.outcome)
    }

    /// For a held entry: who or what has to do something.
    fn what_ends_the_waiting(&self) -> String {
        if let Some(Asked { approval, leader, .. }) = &self.approval {
            match approval.state {
                ApprovalState::Pending => return self.waits_for_answer(approval, leader.as_deref()),
                ApprovalState::Approved | ApprovalState::AutoApproved if !self.has_decided_since(approval) => {
                    return "it is approved, and the next run adds it".to_owned();
                }
                _ => {}
            }
        }
        match self.last_outcome() {
            Some(Outcome::Hold { waits_for: WaitsFor::Quota, reason, .. }) => {
                let frees = reason.rsplit("; ").find(|part| part.starts_with("room again"));
                let when = frees.map(|frees| format!(": {frees}, and the first run after that adds it"));
                format!("it waits for room in the quota{}", when.unwrap_or_default())
            }
            _ => "every run decides about it anew".to_owned(),
        }
    }

    fn has_decided_since(&self, approval: &Approval) -> bool {
        let (last, answered) = (self.decisions.last().map(|stored| stored.decided_at_ms), approval.decided_at_ms);
        last.zip(answered).is_some_and(|(last, answered)| last > answered)
    }

    fn waits_for_answer(&self, approval: &Approval, leader: Option<&str>) -> String {
        let id = approval.id.0;
        let mut next = match (leader, approval.follows) {
            (Some(leader), Some(first)) => format!(
                "it waits for the answer to {leader}, who asked first: `pulsarr approvals approve {}` or `pulsarr approvals reject {}`",
                first.0, first.0
            ),
            _ => format!("it waits for approval: `pulsarr approvals approve {id}` or `pulsarr approvals reject {id}`"),
        };
        if let Some(at) = approval::expires_at_ms(approval, self.policy.approvals) {
            let then = match self.policy.approvals.expiry(approval.trigger).then {
                WhenExpired::Expire => "it expires",
                WhenExpired::Approve => "it is approved",
            };
            next.push_str(&format!("; unanswered, {then} at {}", rfc3339(at)));
        }
        next
    }

    /// For somebody whose list is not read: why, and what would change that.
    fn why_nothing_happens(&self) -> String {
        let name = self.user.called();
        match self.user.relation {
            Relation::FormerFriend => {
                format!("nothing while {name} is no friend on Plex; becoming friends again brings the list back")
            }
            Relation::Friend => format!(
                "nothing while {name} is switched off in the settings; `sync: true` for {name}, and `plex.friends: true`, \
                 bring the list back"
            ),
            Relation::Owner => format!(
                "nothing while {name} is switched off in the settings; `sync: true` for {name} brings the list back"
            ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    use crate::model::{
        ApprovalSettings, ArrOptions, EntryId, Expiry, ExternalIds, Granted, Instance, MediaType, MinimumAvailability,
        MovieMonitor, PlexId, Stage, TmdbId, UserId, UserUuid,
    };
    use crate::routing::{Available, DefaultRouting};

    fn story(state: EntryState, placement: PlacementRow) -> Story<'static> {
        let mut trace = Trace::new();
        trace.fact("type", Some("movie".into()), "plex watchlist");
        trace.fact("user", Some("tomas.r".into()), "plex");
        trace.fact("year", Some("2025".into()), "plex");
        trace.fact("genre", None, "plex metadata");
        trace.step(Stage::DefaultRouting, "movies", Verdict::Matched, "Radarr `movies` is the default for movies");
        let options = AddOptions {
            quality_profile: None,
            root_folder_path: None,
            tags: vec![],
            search_on_add: true,
            arr: ArrOptions::Radarr {
                minimum_availability: MinimumAvailability::Released,
                monitor: MovieMonitor::MovieOnly,
            },
        };
        let destination = Destination {
            instance: "movies".into(),
            options,
            because: "Radarr `movies` is the default for movies".into(),
        };
        Story {
            entry: EntryRow {
                id: EntryId(1),
                user: UserId(1),
                title: Title {
                    plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").unwrap(),
                    media_type: MediaType::Movie,
                    title: "Salt Ledger".into(),
                    year: Some(2025),
                    ids: ExternalIds { tmdb: Some(TmdbId(900_002)), ..ExternalIds::default() },
                    facts: KnownFacts::default(),
                },
                appeared_at_ms: 1_795_435_200_000,
                state,
                state_at_ms: 1_795_435_200_000,
                reason: placement.answer.clone().filter(|_| state == EntryState::Failed),
                missing_since_ms: None,
                closed_at_ms: None,
            },
            user: User {
                id: UserId(1),
                uuid: UserUuid::parse("5be07c1d2a94f036").unwrap(),
                username: "tomas.r".into(),
                display_name: "Tomas".into(),
                alias: None,
                relation: Relation::Friend,
                synced: true,
            },
            record: ReadRecord {
                read_at_ms: Some(1_795_435_500_000),
                outcome: Some(ReadOutcome::NotModified),
                ..ReadRecord::default()
            },
            decisions: vec![StoredDecision {
                run_id: "r1".into(),
                decided_at_ms: 1_795_435_200_100,
                decision: Decision {
                    outcome: Outcome::Route {
                        destinations: vec![destination],
                        granted: Granted::Room,
                        auto_approved: None,
                    },
                    labels: Vec::new(),
                    trace,
                },
            }],
            approval: None,
            placements: vec![placement],
            policy: policy(&[]),
        }
    }

    /// No rules, and requests that a rule asks for expire after three days.
    fn policy(instances: &'static [Instance]) -> Policy<'static> {
        const APPROVALS: ApprovalSettings = ApprovalSettings {
            rule: Expiry { after_h: Some(72), then: WhenExpired::Expire },
            user: Expiry { after_h: None, then: WhenExpired::Expire },
            quota: Expiry { after_h: Some(24), then: WhenExpired::Approve },
            approve_when_quota_frees: true,
        };
        Policy {
            instances,
            rules: &[],
            default_routing: DefaultRouting::Instance,
            approvals: &APPROVALS,
            zone: const { &TimeZone::UTC },
            available: Available::default(),
        }
    }

    #[test]
    fn a_refused_title_tells_its_whole_story_and_what_comes_next() {
        let story = story(
            EntryState::Failed,
            PlacementRow {
                id: crate::model::PlacementId(1),
                instance: "movies".into(),
                state: PlacementState::Failed,
                queued_at_ms: 1_795_435_200_100,
                attempts: 1,
                payload: Some("{\"tmdbId\":900002}".into()),
                answer: Some("Root folder '/nope' does not exist".into()),
                retry_at_ms: Some(1_795_435_800_000),
                done_at_ms: None,
                taken: None,
                grabbed_at_ms: None,
                available_at_ms: None,
            },
        );
        let expected = "\
Salt Ledger (2025), a movie on the watchlist of tomas.r: failed
  first seen 2026-11-23T12:00:00.000Z; Plex id 650c77e1aa10b4001f5d2e90; other ids: tmdb 900002
  the list was last looked at 2026-11-23T12:05:00.000Z: unchanged
  failed, because: Root folder '/nope' does not exist
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: movie (from plex watchlist)
    fact   user: tomas.r; year: 2025 (from plex)
    fact   genre: unknown (would come from plex metadata)
    yes    default routing `movies`: Radarr `movies` is the default for movies
    => send to `movies`: Radarr `movies` is the default for movies
  `movies`: failed (2026-11-23T12:00:00.100Z)
    asked once with {\"tmdbId\":900002}
    answer: Root folder '/nope' does not exist
    next attempt: not before 2026-11-23T12:10:00.000Z
  next: tried again by the first run after 2026-11-23T12:10:00.000Z
";
        assert_eq!(story.tell(1_795_435_500_000), expected);
    }

    /// A placement that has not been tried yet.
    fn waiting() -> PlacementRow {
        PlacementRow {
            id: crate::model::PlacementId(1),
            instance: "movies".into(),
            state: PlacementState::Queued,
            queued_at_ms: 1_795_435_200_100,
            attempts: 0,
            payload: None,
            answer: None,
            retry_at_ms: None,
            done_at_ms: None,
            taken: None,
            grabbed_at_ms: None,
            available_at_ms: None,
        }
    }

    /// The last line: what happens next.
    fn next(state: EntryState, relation: Relation, synced: bool) -> String {
        let mut story = story(state, waiting());
        story.user.relation = relation;
        story.user.synced = synced;
        let told = story.tell(1_795_435_500_000);
        told.lines().last().and_then(|line| line.strip_prefix("  next: ")).unwrap().to_owned()
    }

    #[test]
    fn nothing_is_promised_to_those_whose_lists_are_not_read() {
        let check = |state, relation, expected: &str| assert_eq!(next(state, relation, false), expected);
        let gone = "nothing while tomas.r is no friend on Plex; becoming friends again brings the list back";
        let off = "nothing while tomas.r is switched off in the settings; `sync: true` for tomas.r";
        for state in [EntryState::New, EntryState::Unresolvable, EntryState::Held, EntryState::Requested] {
            check(state, Relation::FormerFriend, gone);
            check(state, Relation::Friend, &format!("{off}, and `plex.friends: true`, bring the list back"));
            check(state, Relation::Owner, &format!("{off} brings the list back"));
        }
        assert_eq!(next(EntryState::Requested, Relation::Friend, true), "the next run adds it");
        check(EntryState::Available, Relation::FormerFriend, "it can be watched");
    }

    #[test]
    fn words_from_elsewhere_neither_command_the_terminal_nor_begin_lines() {
        let mut story = story(EntryState::Requested, waiting());
        let harmless = story.tell(0).lines().count();
        story.entry.title.title = "Salt\u{1b}[2J Ledger\n  next: nothing".into();
        story.user.username = "to\rmas".into();
        story.entry.reason = None;
        story.placements[0].answer = Some("no\u{9b}31m\nroom".into());
        let told = story.tell(0);
        assert_eq!(told.lines().count(), harmless + 1, "the answer's own line: {told}");
        assert!(told.contains("Salt\\u{1b}[2J Ledger\\n  next: nothing (2025)") && told.contains("to\\rmas"), "{told}");
        assert!(told.contains("answer: no\\u{9b}31m\\nroom"), "{told}");
        assert!(!told.contains(|character: char| character.is_control() && character != '\n'), "{told}");
    }

    #[test]
    fn a_long_body_is_broken_between_its_parts_and_stays_the_same_json() {
        let json = r#"{"title":"One, \"two\", three","tags":[1,2],"year":2025}"#;
        let lines = wrapped(json, 24);
        assert_eq!(lines, [r#"{"title":"One, \"two\", three","#, r#""tags":[1,2],"#, r#""year":2025}"#]);
        assert_eq!(lines.concat(), json);
        assert_eq!(wrapped(json, 200), [json]);
    }
}
