//! Golden texts: whole stories, word for word.

use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::*;
use crate::model::{
    AddOptions, Approval, ApprovalId, ApprovalSettings, ApprovalState, ApprovalTrigger, ArrOptions, AutoApproved,
    Decision, Destination, EntryId, EntryState, Expiry, ExternalIds, Facts, Granted, Instance, KnownFacts, MediaType,
    MonitorNewItems, Outcome, PlacementState, PlexId, Relation, SeriesMonitor, SeriesTypeChoice, Stage, Standing,
    Title, Trace, TvdbId, User, UserId, UserUuid, Verdict, WaitsFor, WhenExpired,
};
use crate::plan;
use crate::routing::{
    ArrOverrides, Available, Comparison, Condition, DefaultRouting, Disks, Field, Operator, Overrides, Policy, RouteTo,
    Rule, Sheet, Written,
};
use crate::store::{ApprovalEvent, EntryRow, PlacementRow, ReadRecord, StoredDecision};

/// Noon.
const NOON: UnixMs = 1_795_435_200_000;
const MINUTE: i64 = 60_000;

fn is(field: Field, operator: Operator, value: &str) -> Condition {
    Condition::Compare(Comparison::new(field, operator, &Written::One(value.into())).unwrap())
}

fn sonarr(name: &str, default: bool) -> Instance {
    let arr = ArrOptions::Sonarr {
        monitor: SeriesMonitor::All,
        monitor_new_items: MonitorNewItems::All,
        series_type: SeriesTypeChoice::Standard,
        season_folder: true,
        seasons: Vec::new(),
    };
    Instance {
        name: name.into(),
        url: String::new(),
        api_key: SecretString::from(""),
        default,
        copy_of: None,
        respect_exclusions: true,
        options: AddOptions {
            quality_profile: None,
            root_folder_path: None,
            tags: Vec::new(),
            search_on_add: true,
            arr,
        },
    }
}

/// Two Sonarrs and these rules; requests that a rule asks for expire after three days.
fn policy(rules: Vec<Rule>) -> Policy<'static> {
    let approvals = ApprovalSettings {
        rule: Expiry { after_h: Some(72), then: WhenExpired::Expire },
        ..ApprovalSettings::default()
    };
    Policy {
        instances: Box::leak(Box::new([sonarr("shows", true), sonarr("anime", false)])),
        rules: rules.leak(),
        default_routing: DefaultRouting::Instance,
        approvals: Box::leak(Box::new(approvals)),
        zone: const { &TimeZone::UTC },
        available: Available::default(),
    }
}

fn user() -> User {
    User {
        id: UserId(1),
        uuid: UserUuid::parse("5be07c1d2a94f036").unwrap(),
        username: "tomas.r".into(),
        display_name: "Tomas".into(),
        alias: Some("living-room".into()),
        relation: Relation::Friend,
        synced: true,
    }
}

fn frieren() -> Title {
    let plex = Facts {
        genres: Some(vec!["Anime".into(), "Fantasy".into()]),
        certification: Some("TV-14".into()),
        ..Facts::default()
    };
    Title {
        plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").unwrap(),
        media_type: MediaType::Show,
        title: "Frieren".into(),
        year: Some(2023),
        ids: ExternalIds { tvdb: Some(TvdbId(424_536)), ..ExternalIds::default() },
        facts: KnownFacts { plex: Some(plex), ..KnownFacts::default() },
    }
}

/// What the rules decide, nobody having been asked yet.
fn decided(policy: &Policy<'_>, title: &Title) -> Decision {
    let question = plan::Question {
        sheet: Sheet { title, user: &user(), wanted_by: Some(1), free_space: None },
        disks: &Disks::default(),
        standing: &Standing::default(),
        approval: None,
        asked_by: None,
        place: None,
        uses: &[],
        now_ms: NOON,
    };
    plan::decide(&question, policy)
}

fn story(policy: Policy<'static>, state: EntryState, reason: Option<&str>, decision: Decision) -> Story<'static> {
    Story {
        entry: EntryRow {
            id: EntryId(1),
            user: UserId(1),
            title: frieren(),
            appeared_at_ms: NOON,
            state,
            state_at_ms: NOON,
            reason: reason.map(str::to_owned),
            missing_since_ms: None,
            closed_at_ms: None,
        },
        user: user(),
        record: ReadRecord::default(),
        decisions: vec![StoredDecision { run_id: "r1".into(), decided_at_ms: NOON + 100, decision }],
        approval: None,
        placements: Vec::new(),
        policy,
    }
}

/// The story without its first three lines, which are the same in all, and without the space before the fourth.
fn told(story: &Story<'_>) -> String {
    let told = story.tell(NOON + 5 * MINUTE);
    let head = "\
Frieren (2023), a show on the watchlist of living-room (tomas.r on Plex): ";
    assert!(told.starts_with(head), "{told}");
    let rest: String = told.lines().skip(3).map(|line| format!("{line}\n")).collect();
    rest.trim_start().to_owned()
}

fn anime_rule() -> Rule {
    let when = Condition::All(vec![
        is(Field::Genre, Operator::Contains, "anime"),
        Condition::Not(Box::new(is(Field::User, Operator::Equals, "kids-tablet"))),
    ]);
    let arr = ArrOverrides::Sonarr {
        monitor: None,
        monitor_new_items: None,
        series_type: Some(SeriesTypeChoice::Anime),
        season_folder: None,
        seasons: None,
    };
    let overrides = Overrides { quality_profile: Some("Anime".into()), arr: Some(arr), ..Overrides::default() };
    Rule {
        route: vec![RouteTo { to: "anime".into(), overrides }],
        label: Some("wanted by {user}".into()),
        ..Rule::new("anime to the anime Sonarr", 100, when)
    }
}

fn asking_rule() -> Rule {
    let when = is(Field::Certification, Operator::Equals, "TV-14");
    Rule { require_approval: Some("not for everybody".into()), ..Rule::new("ask first", 50, when) }
}

fn asked(state: ApprovalState, reason: &str, decision: &Decision) -> Asked {
    let proposed = match &decision.outcome {
        Outcome::Hold { destinations, .. } => destinations.clone(),
        other => panic!("{other:?}"),
    };
    let answered = state != ApprovalState::Pending;
    Asked {
        approval: Approval {
            id: ApprovalId(7),
            entry: EntryId(1),
            state,
            trigger: ApprovalTrigger::Rule,
            reason: reason.into(),
            proposed,
            edited: None,
            follows: None,
            asked_at_ms: NOON + 100,
            decided_at_ms: answered.then_some(NOON + MINUTE),
            decided_by: answered.then(|| "mirela_q".into()),
            note: None,
        },
        wanted_too: Vec::new(),
        leader: None,
        events: vec![ApprovalEvent { at_ms: NOON + 100, what: "asked".into(), who: "pulsarr".into(), detail: None }],
    }
}

#[test]
fn the_head_names_the_person_by_alias_and_every_fact_by_its_source() {
    let policy = policy(Vec::new());
    let mut story = story(policy, EntryState::New, None, decided(&policy, &frieren()));
    story.entry.title.facts.arr = Some(Facts { original_language: Some("Japanese".into()), ..Facts::default() });
    story.entry.title.facts.in_plex = Some(false);
    story.decisions.clear();
    let expected = "\
Frieren (2023), a show on the watchlist of living-room (tomas.r on Plex): new
  first seen 2026-11-23T12:00:00.000Z; Plex id 650c77e1aa10b4001f5d2e90; other ids: tvdb 424536
  known from plex metadata: genre: Anime, Fantasy; certification: TV-14
  known from arr lookup: original_language: Japanese
  known from plex server: it does not have the title
  next: the next run decides about it
";
    assert_eq!(story.tell(NOON), expected);
}

#[test]
fn a_rule_that_matched() {
    let policy = policy(vec![anime_rule(), asking_rule_for("R")]);
    let mut story = story(policy, EntryState::Requested, None, decided(&policy, &frieren()));
    story.placements.push(PlacementRow {
        id: crate::model::PlacementId(1),
        instance: "anime".into(),
        state: PlacementState::Added,
        queued_at_ms: NOON + 100,
        attempts: 1,
        payload: Some(r#"{"tvdbId":424536}"#.into()),
        answer: Some("added to Sonarr `anime` as number 4".into()),
        retry_at_ms: None,
        done_at_ms: Some(NOON + 200),
        taken: None,
        grabbed_at_ms: None,
        available_at_ms: None,
    });
    let expected = "\
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: show (from plex watchlist)
    fact   user: living-room (from pulsarr)
    fact   genre: Anime, Fantasy (from plex metadata)
    fact   year: 2023 (from plex watchlist)
    fact   certification: TV-14 (from plex metadata)
    fact   ids: tvdb 424536 (from plex)
    yes    rule `anime to the anime Sonarr`: genre contains anime: it is Anime, Fantasy, not (user equals kids-tablet: it is living-room); sends it to `anime`; labels it
    no     rule `ask first`: certification equals R: it is TV-14
    not asked default routing `sonarr`: rules say where it goes
    yes    ids `TVDB`: tvdb 424536
    no     approval `living-room`: nobody has to be asked
    label  wanted by living-room
    => send to `anime`: rule `anime to the anime Sonarr` sends it to Sonarr `anime` (with quality_profile Anime; series_type anime)
  `anime`: added (2026-11-23T12:00:00.200Z)
    asked once with {\"tvdbId\":424536}
    answer: added to Sonarr `anime` as number 4
  next: the arr looks for it
";
    assert_eq!(told(&story), expected);
}

fn asking_rule_for(certification: &str) -> Rule {
    Rule { when: is(Field::Certification, Operator::Equals, certification).into(), ..asking_rule() }
}

#[test]
fn a_fact_that_nobody_knows() {
    let language = Rule {
        route: vec![RouteTo { to: "anime".into(), overrides: Overrides::default() }],
        ..Rule::new("from Japan", 10, is(Field::OriginalLanguage, Operator::Equals, "Japanese"))
    };
    let streamed =
        Rule { exclude: true, ..Rule::new("streamed", 5, is(Field::StreamingService, Operator::Contains, "Netflix")) };
    let policy = policy(vec![language, streamed]);
    let story = story(policy, EntryState::Requested, None, decided(&policy, &frieren()));
    let expected = "\
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: show (from plex watchlist)
    fact   user: living-room (from pulsarr)
    fact   genre: Anime, Fantasy (from plex metadata)
    fact   year: 2023 (from plex watchlist)
    fact   original_language: unknown (would come from arr lookup)
    fact   streaming_service: unknown (would come from tmdb)
    fact   ids: tvdb 424536 (from plex)
    unknown rule `from Japan`: original_language equals Japanese: unknown: it would come from arr lookup
    unknown rule `streamed`: streaming_service contains Netflix: unknown: it would come from tmdb, which needs `tmdb.api_key`
    yes    default routing `shows`: Sonarr `shows` is the default for shows
    yes    ids `TVDB`: tvdb 424536
    no     approval `living-room`: nobody has to be asked
    => send to `shows`: Sonarr `shows` is the default for shows
  next: the arr looks for it
";
    assert_eq!(told(&story), expected);
}

#[test]
fn an_excluding_rule() {
    let veto = Rule { exclude: true, ..Rule::new("no anime here", 10, is(Field::Genre, Operator::Contains, "anime")) };
    let policy = policy(vec![anime_rule(), veto]);
    let decision = decided(&policy, &frieren());
    let story = story(policy, EntryState::Excluded, Some("rule `no anime here` excludes it"), decision);
    let expected = "\
  excluded, because: rule `no anime here` excludes it
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: show (from plex watchlist)
    fact   user: living-room (from pulsarr)
    fact   genre: Anime, Fantasy (from plex metadata)
    fact   year: 2023 (from plex watchlist)
    fact   ids: tvdb 424536 (from plex)
    yes    rule `anime to the anime Sonarr`: genre contains anime: it is Anime, Fantasy, not (user equals kids-tablet: it is living-room); sends it to `anime`; labels it
    yes    rule `no anime here`: genre contains anime: it is Anime, Fantasy; it goes nowhere
    label  wanted by living-room
    => exclude: rule `no anime here` excludes it
  next: nothing while the settings say so; when they change, it is decided anew
";
    assert_eq!(told(&story), expected);
}

#[test]
fn a_request_that_waits_for_approval() {
    let policy = policy(vec![anime_rule(), asking_rule()]);
    let decision = decided(&policy, &frieren());
    let reason = "rule `ask first` asks for approval: not for everybody";
    let mut story = story(policy, EntryState::Held, Some(reason), decision);
    let mut request = asked(ApprovalState::Pending, reason, &story.decisions[0].decision);
    request.wanted_too = vec!["ines_vale".into()];
    story.approval = Some(request);
    let expected = "\
  held, because: rule `ask first` asks for approval: not for everybody
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: show (from plex watchlist)
    fact   user: living-room (from pulsarr)
    fact   genre: Anime, Fantasy (from plex metadata)
    fact   year: 2023 (from plex watchlist)
    fact   certification: TV-14 (from plex metadata)
    fact   ids: tvdb 424536 (from plex)
    yes    rule `anime to the anime Sonarr`: genre contains anime: it is Anime, Fantasy, not (user equals kids-tablet: it is living-room); sends it to `anime`; labels it
    yes    rule `ask first`: certification equals TV-14: it is TV-14; asks for approval: not for everybody
    not asked default routing `sonarr`: rules say where it goes
    yes    ids `TVDB`: tvdb 424536
    yes    approval `ask first`: rule `ask first` asks for approval: not for everybody
    label  wanted by living-room
    => hold: rule `ask first` asks for approval: not for everybody
    => it would go to `anime`: rule `anime to the anime Sonarr` sends it to Sonarr `anime` (with quality_profile Anime; series_type anime)
  approval 7: pending; asked 2026-11-23T12:00:00.100Z, because: rule `ask first` asks for approval: not for everybody
    wanted too by ines_vale
    proposed: `anime` (with quality_profile Anime; series_type anime)
    2026-11-23T12:00:00.100Z asked by pulsarr
  next: it waits for approval: `pulsarr approvals approve 7` or `pulsarr approvals reject 7`; unanswered, it expires at 2026-11-26T12:00:00.100Z
";
    assert_eq!(told(&story), expected);
}

#[test]
fn a_request_that_was_rejected_with_a_note() {
    let policy = policy(vec![asking_rule()]);
    let decision = decided(&policy, &frieren());
    let reason = "rule `ask first` asks for approval: not for everybody";
    let mut story = story(policy, EntryState::Rejected, Some("rejected by mirela_q: not before your exams"), decision);
    let mut request = asked(ApprovalState::Rejected, reason, &story.decisions[0].decision);
    request.events.push(ApprovalEvent {
        at_ms: NOON + MINUTE,
        what: "rejected".into(),
        who: "mirela_q".into(),
        detail: Some("not before your exams".into()),
    });
    story.approval = Some(request);
    let expected = "\
  rejected, because: rejected by mirela_q: not before your exams
  decided 2026-11-23T12:00:00.100Z by run r1:
    fact   type: show (from plex watchlist)
    fact   user: living-room (from pulsarr)
    fact   genre: Anime, Fantasy (from plex metadata)
    fact   year: 2023 (from plex watchlist)
    fact   certification: TV-14 (from plex metadata)
    fact   ids: tvdb 424536 (from plex)
    yes    rule `ask first`: certification equals TV-14: it is TV-14; asks for approval: not for everybody
    yes    default routing `shows`: Sonarr `shows` is the default for shows
    yes    ids `TVDB`: tvdb 424536
    yes    approval `ask first`: rule `ask first` asks for approval: not for everybody
    => hold: rule `ask first` asks for approval: not for everybody
    => it would go to `shows`: Sonarr `shows` is the default for shows
  approval 7: rejected; asked 2026-11-23T12:00:00.100Z, because: rule `ask first` asks for approval: not for everybody
    proposed: `shows`
    2026-11-23T12:00:00.100Z asked by pulsarr
    2026-11-23T12:01:00.000Z rejected by mirela_q: not before your exams
  next: nothing; taking it off the watchlist and adding it again asks anew
";
    assert_eq!(told(&story), expected);
}

#[test]
fn a_request_that_was_approved_and_waits_for_the_next_run() {
    let policy = policy(vec![asking_rule()]);
    let decision = decided(&policy, &frieren());
    let reason = "rule `ask first` asks for approval: not for everybody";
    let mut story = story(policy, EntryState::Held, Some("approved by mirela_q; the next run adds it"), decision);
    let mut request = asked(ApprovalState::Approved, reason, &story.decisions[0].decision);
    let mut edited = request.approval.proposed.clone();
    edited[0].options.quality_profile = Some("HD-1080p".into());
    request.approval.edited = Some(edited);
    request.approval.note = Some("in HD only".into());
    request.events.clear();
    story.approval = Some(request);
    let lines = told(&story);
    let expected = "\
  approval 7: approved; asked 2026-11-23T12:00:00.100Z, because: rule `ask first` asks for approval: not for everybody
    proposed: `shows`
    approved for: `shows` (with quality_profile HD-1080p)
    2026-11-23T12:01:00.000Z approved by mirela_q: in HD only
  next: it is approved, and the next run adds it
";
    assert_eq!(lines[lines.find("approval 7").unwrap()..], *expected);
}

#[test]
fn a_follower_waits_for_the_answer_to_another() {
    let policy = policy(vec![asking_rule()]);
    let decision = decided(&policy, &frieren());
    let reason = "rule `ask first` asks for approval: not for everybody";
    let mut story = story(policy, EntryState::Held, Some(reason), decision);
    let mut request = asked(ApprovalState::Pending, reason, &story.decisions[0].decision);
    request.approval.follows = Some(ApprovalId(5));
    request.leader = Some("ines_vale".into());
    story.approval = Some(request);
    let lines = told(&story);
    let expected = "\
  approval 7: pending; asked 2026-11-23T12:00:00.100Z, because: rule `ask first` asks for approval: not for everybody
    ines_vale asked for the same title first, and the answer is for both
    proposed: `shows`
    2026-11-23T12:00:00.100Z asked by pulsarr
  next: it waits for the answer to ines_vale, who asked first: `pulsarr approvals approve 5` or `pulsarr approvals reject 5`; unanswered, it expires at 2026-11-26T12:00:00.100Z
";
    assert_eq!(lines[lines.find("approval 7").unwrap()..], *expected);
}

#[test]
fn a_title_that_waits_for_room_in_a_quota() {
    let policy = policy(Vec::new());
    let arithmetic = "3 of 3 used since 2026-11-23 00:00; room again 2026-11-24 00:00";
    let reason = format!("the quota of 3 shows a day is used up: {arithmetic}");
    let mut trace = Trace::new();
    trace.step(Stage::DefaultRouting, "shows", Verdict::Matched, "Sonarr `shows` is the default for shows");
    trace.step(Stage::Quota, "3 shows a day", Verdict::NotMatched, arithmetic);
    let outcome = Outcome::Hold { reason: reason.clone(), waits_for: WaitsFor::Quota, destinations: Vec::new() };
    let story = story(policy, EntryState::Held, Some(&reason), Decision { outcome, labels: Vec::new(), trace });
    let expected = "\
  held, because: the quota of 3 shows a day is used up: 3 of 3 used since 2026-11-23 00:00; room again 2026-11-24 00:00
  decided 2026-11-23T12:00:00.100Z by run r1:
    yes    default routing `shows`: Sonarr `shows` is the default for shows
    no     quota `3 shows a day`: 3 of 3 used since 2026-11-23 00:00; room again 2026-11-24 00:00
    => hold: the quota of 3 shows a day is used up: 3 of 3 used since 2026-11-23 00:00; room again 2026-11-24 00:00
  next: it waits for room in the quota: room again 2026-11-24 00:00, and the first run after that adds it
";
    assert_eq!(told(&story), expected);
}

#[test]
fn a_request_that_nobody_had_to_approve() {
    let policy = policy(Vec::new());
    let destination = Destination {
        instance: "shows".into(),
        options: sonarr("shows", true).options,
        because: "Sonarr `shows` is the default for shows".into(),
    };
    let approved = AutoApproved { trigger: ApprovalTrigger::Quota, reason: "there is room in the quota again".into() };
    let outcome =
        Outcome::Route { destinations: vec![destination], granted: Granted::Room, auto_approved: Some(approved) };
    let story =
        story(policy, EntryState::Requested, None, Decision { outcome, labels: Vec::new(), trace: Trace::new() });
    let expected = "\
  decided 2026-11-23T12:00:00.100Z by run r1:
    => approved without asking: there is room in the quota again
    => send to `shows`: Sonarr `shows` is the default for shows
  next: the arr looks for it
";
    assert_eq!(told(&story), expected);
}

#[test]
fn every_rule_is_mentioned_whatever_came_of_it() {
    let mut off = asking_rule();
    off.enabled = false;
    off.name = "switched off".into();
    let veto = Rule { exclude: true, ..Rule::new("veto", 200, is(Field::Year, Operator::Less, "1950")) };
    let rules = vec![veto, anime_rule(), asking_rule(), off];
    let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    let policy = policy(rules);
    let story = story(policy, EntryState::Held, None, decided(&policy, &frieren()));
    let told = told(&story);
    for name in names {
        assert!(told.contains(&format!("rule `{name}`: ")), "{name} is missing in\n{told}");
    }
}
