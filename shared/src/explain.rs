//! Tells one entry's story in plain words, from what was stored when it happened. Pure text; the command line and the UI print
//! the same.

use crate::clock::{UnixMs, rfc3339};
use crate::model::{EntryState, Outcome, PlacementState, ReadOutcome, Relation, User, Verdict};
use crate::printable::Lines;
use crate::store::{EntryRow, PlacementRow, ReadRecord, StoredDecision};

/// A body that was sent is told in lines of at most so many characters.
const WIDTH: usize = 104;

/// Everything on record about one entry.
#[derive(Debug)]
pub struct Story {
    /// The entry and its title.
    pub entry: EntryRow,
    /// Whose it is.
    pub user: User,
    /// The last looks at that user's list.
    pub record: ReadRecord,
    /// Every decision, oldest first.
    pub decisions: Vec<StoredDecision>,
    /// Every placement.
    pub placements: Vec<PlacementRow>,
}

impl Story {
    /// The story, several lines, each printable and ending in a line break.
    #[must_use]
    pub fn tell(&self, now_ms: UnixMs) -> String {
        let Self { entry, user, record, .. } = self;
        let title = &entry.title;
        let mut lines = Lines::new();
        lines.line(format_args!(
            "{}, a {} on the watchlist of {}: {}",
            title.label(),
            title.media_type,
            user.username,
            entry.state
        ));
        lines.line(format_args!(
            "  first seen {}; Plex id {}; other ids: {}",
            rfc3339(entry.appeared_at_ms),
            title.plex_id,
            title.ids
        ));
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
        for decision in &self.decisions {
            tell_decision(&mut lines, decision);
        }
        for placement in &self.placements {
            tell_placement(&mut lines, placement, now_ms);
        }
        lines.line(format_args!("  next: {}", self.next()));
        lines.into_text()
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
            EntryState::Held => "every run decides about it anew".into(),
            EntryState::Rejected | EntryState::Excluded => {
                "nothing; taking it off the watchlist and adding it again asks anew".into()
            }
            EntryState::Requested => "the next run adds it".into(),
            EntryState::Failed => match self.placements.iter().filter_map(|placement| placement.retry_at_ms).min() {
                Some(at) => format!("tried again by the first run after {}", rfc3339(at)),
                None => "nothing; it was refused too often. Taking it off the watchlist and adding it again asks anew"
                    .into(),
            },
            EntryState::Closed => "nothing; adding it to the watchlist again makes a new entry".into(),
        }
    }

    /// For somebody whose list is not read: why, and what would change that.
    fn why_nothing_happens(&self) -> String {
        let name = &self.user.username;
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

fn tell_decision(lines: &mut Lines, stored: &StoredDecision) {
    lines.line(format_args!("  decided {} by run {}:", rfc3339(stored.decided_at_ms), stored.run_id));
    // What came from one place stands in one line.
    let facts = &stored.decision.trace.facts;
    for facts in facts.chunk_by(|one, next| one.source == next.source && one.value.is_some() == next.value.is_some()) {
        let told: Vec<String> =
            facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value.as_deref().unwrap_or("unknown"))).collect();
        let comes = if facts.iter().all(|fact| fact.value.is_some()) { "from" } else { "would come from" };
        let source = facts.first().map_or("", |fact| &fact.source);
        lines.line(format_args!("    fact   {} ({comes} {source})", told.join("; ")));
    }
    for step in &stored.decision.trace.steps {
        let verdict = match step.verdict {
            Verdict::Matched => "yes",
            Verdict::NotMatched => "no",
            Verdict::Unknown => "unknown",
            Verdict::NotAsked => "not asked",
        };
        let stage = step.stage.word().replace('_', " ");
        lines.line(format_args!("    {verdict:<6} {stage} `{}`: {}", step.subject, step.because));
    }
    match &stored.decision.outcome {
        Outcome::Route { destinations } => {
            for to in destinations {
                lines.line(format_args!("    => send to `{}`: {}", to.instance, to.because));
            }
        }
        Outcome::Hold { reason } => lines.line(format_args!("    => hold: {reason}")),
        Outcome::Exclude { reason } => lines.line(format_args!("    => exclude: {reason}")),
        Outcome::Unresolvable { reason } => lines.line(format_args!("    => unresolvable: {reason}")),
    }
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
    if let Some(answer) = &placement.answer {
        lines.line(format_args!("    answer: {answer}"));
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
    use crate::model::{
        AddOptions, ArrOptions, Decision, Destination, EntryId, ExternalIds, Facts, MediaType, MinimumAvailability,
        MovieMonitor, PlexId, Relation, Stage, Title, TmdbId, Trace, UserId, UserUuid,
    };

    fn story(state: EntryState, placement: PlacementRow) -> Story {
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
                    facts: Facts::default(),
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
                decision: Decision { outcome: Outcome::Route { destinations: vec![destination] }, trace },
            }],
            placements: vec![placement],
        }
    }

    #[test]
    fn a_refused_title_tells_its_whole_story_and_what_comes_next() {
        let story = story(
            EntryState::Failed,
            PlacementRow {
                instance: "movies".into(),
                state: PlacementState::Failed,
                queued_at_ms: 1_795_435_200_100,
                attempts: 1,
                payload: Some("{\"tmdbId\":900002}".into()),
                answer: Some("Root folder '/nope' does not exist".into()),
                retry_at_ms: Some(1_795_435_800_000),
                done_at_ms: None,
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
            instance: "movies".into(),
            state: PlacementState::Queued,
            queued_at_ms: 1_795_435_200_100,
            attempts: 0,
            payload: None,
            answer: None,
            retry_at_ms: None,
            done_at_ms: None,
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
