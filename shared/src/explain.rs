//! Tells one entry's story in plain words, from what was stored when it happened. Pure text; the command line and the UI print
//! the same.

use std::fmt::Write;

use crate::clock::{UnixMs, rfc3339};
use crate::model::{EntryState, Outcome, PlacementState, ReadOutcome, User, Verdict};
use crate::store::{EntryRow, PlacementRow, ReadRecord, StoredDecision};

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
    /// The story, several lines, each ending in a line break.
    #[must_use]
    pub fn tell(&self, now_ms: UnixMs) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, now_ms);
        text
    }

    fn write(&self, text: &mut String, now_ms: UnixMs) -> std::fmt::Result {
        let Self { entry, user, record, .. } = self;
        let title = &entry.title;
        writeln!(
            text,
            "{}, a {} on the watchlist of {}: {}",
            title.label(),
            title.media_type,
            user.username,
            entry.state
        )?;
        writeln!(text, "  Plex id {}; other ids: {}", title.plex_id, title.ids)?;
        writeln!(text, "  first seen {}", rfc3339(entry.appeared_at_ms))?;
        if let Some(read_at) = record.read_at_ms {
            let outcome = record.outcome.map_or("not read", look_in_words);
            writeln!(text, "  the list was last looked at {}: {outcome}", rfc3339(read_at))?;
        }
        if let Some(since) = entry.missing_since_ms.filter(|_| entry.closed_at_ms.is_none()) {
            writeln!(
                text,
                "  not on the list since {}; closed once another complete look confirms it",
                rfc3339(since)
            )?;
        }
        if let Some(reason) = &entry.reason {
            writeln!(text, "  {}, because: {reason}", entry.state)?;
        }
        for decision in &self.decisions {
            write_decision(text, decision)?;
        }
        for placement in &self.placements {
            write_placement(text, placement, now_ms)?;
        }
        writeln!(text, "  next: {}", self.next())
    }

    /// What will happen by itself.
    fn next(&self) -> String {
        let waits = self.placements.iter().any(|placement| placement.state == PlacementState::Queued);
        match self.entry.state {
            EntryState::New => "the next run decides about it".into(),
            EntryState::Unresolvable => "it is looked at again, at first by every run, then with growing pauses".into(),
            EntryState::Held => "every run decides about it anew".into(),
            EntryState::Rejected | EntryState::Excluded => {
                "nothing; taking it off the watchlist and adding it again asks anew".into()
            }
            EntryState::Requested if waits => "the next run adds it".into(),
            EntryState::Requested => "the arr looks for it".into(),
            EntryState::Grabbed => "the arr imports it".into(),
            EntryState::Available => "it can be watched".into(),
            EntryState::Failed => match self.placements.iter().filter_map(|placement| placement.retry_at_ms).min() {
                Some(at) => format!("tried again by the first run after {}", rfc3339(at)),
                None => "nothing; it was refused too often. Taking it off the watchlist and adding it again asks anew"
                    .into(),
            },
            EntryState::Closed => "nothing; adding it to the watchlist again makes a new entry".into(),
        }
    }
}

fn write_decision(text: &mut String, stored: &StoredDecision) -> std::fmt::Result {
    writeln!(text, "  decided {} by run {}:", rfc3339(stored.decided_at_ms), stored.run_id)?;
    for fact in &stored.decision.trace.facts {
        match &fact.value {
            Some(value) => writeln!(text, "    fact   {}: {value} (from {})", fact.name, fact.source)?,
            None => writeln!(text, "    fact   {}: unknown (would come from {})", fact.name, fact.source)?,
        }
    }
    for step in &stored.decision.trace.steps {
        let verdict = match step.verdict {
            Verdict::Matched => "yes",
            Verdict::NotMatched => "no",
            Verdict::Unknown => "unknown",
            Verdict::NotAsked => "not asked",
        };
        writeln!(
            text,
            "    {:<6} {} `{}`: {}",
            verdict,
            step.stage.word().replace('_', " "),
            step.subject,
            step.because
        )?;
    }
    match &stored.decision.outcome {
        Outcome::Route { destinations } => {
            for to in destinations {
                writeln!(text, "    => send to `{}`: {}", to.instance, to.because)?;
            }
            Ok(())
        }
        Outcome::Hold { reason } => writeln!(text, "    => hold: {reason}"),
        Outcome::Exclude { reason } => writeln!(text, "    => exclude: {reason}"),
        Outcome::Unresolvable { reason } => writeln!(text, "    => unresolvable: {reason}"),
    }
}

fn write_placement(text: &mut String, placement: &PlacementRow, now_ms: UnixMs) -> std::fmt::Result {
    let PlacementRow { instance, state, attempts, .. } = placement;
    let since = placement.done_at_ms.unwrap_or(placement.queued_at_ms);
    writeln!(text, "  `{instance}`: {state} ({})", rfc3339(since))?;
    if let Some(payload) = &placement.payload {
        let times = if *attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
        writeln!(text, "    asked {times} with {payload}")?;
    }
    if let Some(answer) = &placement.answer {
        writeln!(text, "    answer: {answer}")?;
    }
    if let Some(at) = placement.retry_at_ms {
        let when = if at <= now_ms { "due now" } else { "not before" };
        writeln!(text, "    next attempt: {when} {}", rfc3339(at))?;
    }
    Ok(())
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
  Plex id 650c77e1aa10b4001f5d2e90; other ids: tmdb 900002
  first seen 2026-11-23T12:00:00.000Z
  the list was last looked at 2026-11-23T12:05:00.000Z: unchanged
  failed, because: Root folder '/nope' does not exist
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: movie (from plex watchlist)
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
}
