//! Stories as people read them.

use jiff::tz::TimeZone;

use super::*;
use crate::model::{
    ApprovalSettings, ArrOptions, EntryId, EntryState, Expiry, ExternalIds, Granted, Instance, MediaType,
    MinimumAvailability, MovieMonitor, PlexId, Relation, Stage, TmdbId, UserId, UserUuid, WhenExpired,
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
    let destination =
        Destination { instance: "movies".into(), options, because: "Radarr `movies` is the default for movies".into() };
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
