//! Facts that rules look at: who is asked for them, when, and how often.

use pulsarr_shared::clock::Clock;
use pulsarr_shared::config::{Config, UserOverride};
use pulsarr_shared::model::{EntryState, RunResult, Verdict};
use pulsarr_shared::report::ProblemKind;
use pulsarr_shared::routing::{
    ArrOverrides, Comparison, Condition, DefaultRouting, Field, Operator, Overrides, RouteTo, Rule, Written,
};
use pulsarr_tests::fakes::{FakeTmdb, Fault, Known, Title, TmdbTitle};
use pulsarr_tests::household::SETTINGS;

use crate::world::{HARBOUR_NINE, SALT_LEDGER, Story, harbour_nine, hours, minutes, salt_ledger};

/// The settings with series types that need no genre, so that only rules need facts.
fn settings() -> String {
    format!("{SETTINGS}    series_type: standard\n")
}

fn compare(field: Field, operator: Operator, written: &str) -> Condition {
    Condition::Compare(Comparison::new(field, operator, &Written::One(written.to_owned())).unwrap())
}

/// A rule that lets nothing through for which `when` holds.
fn without(when: Condition) -> Rule {
    Rule { exclude: true, ..Rule::new("not this", 100, when) }
}

fn japanese() -> Condition {
    compare(Field::OriginalLanguage, Operator::Equals, "japanese")
}

fn on_netflix() -> Condition {
    compare(Field::StreamingService, Operator::Contains, "Netflix")
}

/// A story with one rule.
fn story_with(rule: Rule) -> Story {
    let mut story = Story::new();
    story.write_settings(&settings());
    story.adjust = Box::new(move |config| config.settings.rules.push(rule.clone()));
    story
}

/// A story with one rule, and a TMDB.
fn story_with_tmdb(rule: Rule) -> (Story, FakeTmdb) {
    let (mut story, tmdb) = (story_with(rule.clone()), FakeTmdb::start());
    story.set("PULSARR_TMDB_URL", &tmdb.url());
    let token = tmdb.token();
    story.adjust = Box::new(move |config: &mut Config| {
        config.settings.rules.push(rule.clone());
        config.settings.tmdb.api_key = Some(token.clone().into());
        config.settings.tmdb.region = "US".to_owned();
    });
    (story, tmdb)
}

/// A story with one rule, and a Plex server whose address is known.
fn story_with_server(rule: Rule) -> Story {
    let mut story = story_with(rule.clone());
    let url = story.plex.server_url();
    story.adjust = Box::new(move |config: &mut Config| {
        config.settings.rules.push(rule.clone());
        config.settings.plex.server_url = Some(url.clone());
    });
    story
}

/// Why the only rule came out as it did for the only entry of this title.
fn because(story: &Story, title: &str) -> (Verdict, String) {
    let decisions = story.decisions(title);
    let steps = &decisions.last().unwrap().decision.trace.steps;
    let step = steps.iter().find(|step| step.subject == "not this").unwrap();
    (step.verdict, step.because.clone())
}

#[tokio::test]
async fn without_a_rule_that_needs_a_fact_nobody_is_asked_for_it() {
    let mut off = without(japanese());
    off.enabled = false;
    let (story, tmdb) = story_with_tmdb(off);
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    assert_eq!(story.sync().await.placements.added, 2);
    assert_eq!(story.plex.requests_to("/library/metadata/"), 0);
    assert_eq!(story.radarr.requests_to("/lookup") + story.sonarr.requests_to("/lookup"), 0);
    assert_eq!(tmdb.requests_to(""), 0);
}

#[tokio::test]
async fn what_plex_tells_is_not_asked_of_anybody_else_and_only_once() {
    let (story, tmdb) = story_with_tmdb(without(compare(Field::Genre, Operator::Contains, "horror")));
    story.owner_wants(salt_ledger().genre("Horror"));
    story.owner_wants(Title::movie("Paper Tide").tmdb(900_003).genre("Drama"));
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added), (1, 1));
    assert_eq!(story.plex.requests_to("/library/metadata/"), 2);
    assert_eq!(story.radarr.requests_to("/lookup") + tmdb.requests_to(""), 0);

    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, salt_ledger().genre("Horror"));
    story.clear_journals();
    assert_eq!(story.sync().await.decisions.excluded, 1, "for another person it is decided by what is known");
    assert_eq!(story.plex.requests_to("/library/metadata/"), 0);
}

#[tokio::test]
async fn what_plex_does_not_tell_is_asked_of_the_arr_once() {
    let (story, tmdb) = story_with_tmdb(without(japanese()));
    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger").language("Japanese"));
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added), (1, 1));
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());
    assert_eq!((story.radarr.requests_to("/lookup"), story.sonarr.requests_to("/lookup")), (1, 1));
    assert_eq!(story.plex.requests_to("/library/metadata/") + tmdb.requests_to(""), 0);
    let (verdict, because) = because(&story, "Salt Ledger");
    assert_eq!((verdict, because.contains("it is Japanese")), (Verdict::Matched, true), "{because}");
    let facts = story.decisions("Salt Ledger")[0].decision.trace.facts.clone();
    let fact = facts.iter().find(|fact| fact.name == "original_language").unwrap();
    assert_eq!((fact.value.as_deref(), fact.source.as_str()), (Some("Japanese"), "arr lookup"));
}

#[tokio::test]
async fn a_fact_that_can_change_nothing_any_more_is_not_asked_for() {
    let old = compare(Field::Year, Operator::Less, "2000");
    let story = story_with(without(Condition::All(vec![japanese(), old])));
    story.owner_wants(salt_ledger());
    story.owner_wants(Title::movie("Paper Tide").year(1961).tmdb(900_003));
    story.sync().await;
    assert_eq!(story.radarr.requests_to("/lookup"), 1, "only the old one may be excluded for its language");
    assert_eq!(because(&story, "Salt Ledger").1, "year < 2000: it is 2025");
}

#[tokio::test]
async fn a_fact_is_asked_for_when_it_matters_to_anybody_who_wants_the_title() {
    let mut of_tomas = compare(Field::User, Operator::Equals, "tomas");
    of_tomas = Condition::All(vec![of_tomas, japanese()]);
    let mut story = story_with(without(of_tomas.clone()));
    story.adjust = Box::new(move |config| {
        config.settings.rules.push(without(of_tomas.clone()));
        let named = UserOverride {
            plex: "tomas.r".into(),
            alias: Some("tomas".into()),
            sync: None,
            require_approval: None,
            bypass_quota: None,
            quotas: None,
        };
        config.settings.users.overrides = vec![named].into();
    });
    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger").language("Japanese"));
    let friend = story.plex.add_friend("tomas.r");
    for wants in [&story.plex.owner_uuid(), &friend] {
        story.plex.watch(wants, salt_ledger());
    }
    story.owner_wants(Title::movie("Paper Tide").tmdb(900_003));
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added), (1, 2), "{report:#?}");
    assert_eq!(story.radarr.requests_to("/lookup"), 1, "what only the owner wants needs no language");
}

#[tokio::test]
async fn what_is_known_is_not_asked_again_while_the_title_waits() {
    let rule = Rule { require_approval: Some("subtitles".into()), ..Rule::new("not this", 100, japanese()) };
    let story = story_with(rule);
    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger").language("Japanese"));
    story.owner_wants(salt_ledger());
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Held);
    story.clear_journals();
    story.clock.advance(minutes(5));
    story.sync().await;
    assert_eq!((story.arr_requests(), story.plex.requests_to("/library/metadata/")), (0, 0));
}

#[tokio::test]
async fn tmdb_is_asked_last_and_only_where_it_is_needed() {
    let (story, tmdb) =
        story_with_tmdb(without(Condition::All(vec![compare(Field::Type, Operator::Equals, "movie"), on_netflix()])));
    tmdb.know(TmdbTitle::movie(SALT_LEDGER).offered("US", "flatrate", 8, "Netflix"));
    tmdb.know(TmdbTitle::movie(900_003).offered("DE", "flatrate", 8, "Netflix"));
    story.owner_wants(salt_ledger());
    story.owner_wants(Title::movie("Paper Tide").tmdb(900_003));
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added), (1, 1));
    assert!(story.radarr.item(900_003).is_some());
    assert_eq!((tmdb.requests_to(""), report.upstream["tmdb"].requests), (2, 2));
    story.sync().await;
    assert_eq!(tmdb.requests_to(""), 2);
}

#[tokio::test]
async fn nobody_is_asked_about_a_title_whose_rules_are_settled_without_it() {
    let movies_on_netflix = Condition::All(vec![
        compare(Field::Type, Operator::Equals, "movie"),
        compare(Field::Genre, Operator::Contains, "horror"),
        on_netflix(),
    ]);
    let (story, tmdb) = story_with_tmdb(without(movies_on_netflix));
    story.owner_wants(salt_ledger().genre("Drama"));
    story.owner_wants(harbour_nine());
    assert_eq!(story.sync().await.placements.added, 2);
    assert_eq!(tmdb.requests_to(""), 0);
    assert_eq!(story.plex.requests_to("/library/metadata/"), 1, "of the show, not even the genres matter");
    let (verdict, because) = because(&story, "Salt Ledger");
    assert_eq!(verdict, Verdict::NotMatched);
    assert_eq!(because, "genre contains horror: it is Drama");
}

#[tokio::test]
async fn what_only_one_of_those_who_want_a_title_makes_matter_is_asked() {
    for name in ["mirela_q", "tomas.r"] {
        let theirs = Condition::All(vec![
            compare(Field::User, Operator::Equals, name),
            compare(Field::Genre, Operator::Contains, "horror"),
        ]);
        let story = story_with(without(theirs));
        story.owner_wants(salt_ledger().genre("Horror"));
        let friend = story.plex.add_friend("tomas.r");
        story.plex.watch(&friend, salt_ledger().genre("Horror"));
        let report = story.sync().await;
        assert_eq!((report.decisions.excluded, report.decisions.routed), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn a_show_is_found_at_tmdb_by_its_tvdb_id() {
    let (story, tmdb) = story_with_tmdb(without(on_netflix()));
    tmdb.know(TmdbTitle::show(77).tvdb(HARBOUR_NINE).offered("US", "ads", 8, "netflix"));
    story.owner_wants(harbour_nine());
    assert_eq!(story.sync().await.decisions.excluded, 1);
    assert_eq!(tmdb.requests_to("/3/find/"), 1);
}

#[tokio::test]
async fn without_a_key_tmdb_is_never_asked_and_the_trace_says_what_is_missing() {
    let tmdb = FakeTmdb::start();
    let mut story = story_with(without(on_netflix()));
    story.set("PULSARR_TMDB_URL", &tmdb.url());
    story.owner_wants(salt_ledger());
    assert_eq!(story.sync().await.placements.added, 1, "unknown never matches");
    assert_eq!(tmdb.requests_to(""), 0);
    let (verdict, because) = because(&story, "Salt Ledger");
    assert_eq!(verdict, Verdict::Unknown);
    assert!(because.ends_with("unknown: it would come from tmdb, which needs `tmdb.api_key`"), "{because}");
}

#[tokio::test]
async fn a_tmdb_key_of_the_old_kind_is_a_mistake_in_the_settings() {
    let (mut story, tmdb) = story_with_tmdb(without(on_netflix()));
    let rule = without(on_netflix());
    story.adjust = Box::new(move |config: &mut Config| {
        config.settings.rules.push(rule.clone());
        config.settings.tmdb.api_key = Some("0123456789abcdef0123456789abcdef".into());
    });
    story.owner_wants(salt_ledger());
    let report = story.sync().await;
    assert!(report.has(ProblemKind::Configuration), "{:?}", report.problems);
    assert_eq!((story.state("Salt Ledger"), tmdb.requests_to("")), (EntryState::New, 0));
}

#[tokio::test]
async fn a_source_that_tells_nothing_of_a_title_leaves_the_fact_unknown() {
    let (story, tmdb) = story_with_tmdb(without(on_netflix()));
    story.owner_wants(salt_ledger());
    for _ in 0..2 {
        story.sync().await;
    }
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    assert_eq!(tmdb.requests_to(""), 1, "TMDB has no such title");
    let (verdict, because) = because(&story, "Salt Ledger");
    assert_eq!((verdict, because.ends_with("unknown: tmdb does not tell it")), (Verdict::Unknown, true), "{because}");
}

#[tokio::test]
async fn an_outage_waits_says_for_whom_and_goes_on() {
    let story = story_with(without(japanese()));
    story.radarr.know(Known::new(SALT_LEDGER, "Salt Ledger").language("Japanese"));
    story.owner_wants(salt_ledger());
    story.radarr.set_metadata_down(true);
    for _ in 0..20 {
        let report = story.sync().await;
        assert_eq!((report.run.result, report.has(ProblemKind::Down)), (RunResult::Partial, true));
        let entry = story.entry("Salt Ledger");
        assert_eq!(entry.state, EntryState::New);
        assert_eq!(entry.reason.as_deref(), Some("waits for Radarr `movies` to tell its original_language"));
    }
    story.radarr.set_metadata_down(false);
    assert_eq!(story.sync().await.decisions.excluded, 1);
}

#[tokio::test]
async fn an_outage_of_plex_or_tmdb_is_waited_for_too() {
    let story = story_with(without(compare(Field::Runtime, Operator::More, "200")));
    story.owner_wants(salt_ledger().duration_min(240));
    story.plex.inject(Fault::on("GET", "/library/metadata/").status(503));
    for _ in 0..14 {
        story.sync().await;
    }
    assert_eq!(story.entry("Salt Ledger").reason.as_deref(), Some("waits for Plex to tell its runtime"));
    story.plex.clear_faults();
    assert_eq!(story.sync().await.decisions.excluded, 1);

    let (story, tmdb) = story_with_tmdb(without(on_netflix()));
    tmdb.know(TmdbTitle::movie(SALT_LEDGER).offered("US", "free", 8, "Netflix"));
    story.owner_wants(salt_ledger());
    tmdb.inject(Fault::on("GET", "/3/").status(500));
    for _ in 0..14 {
        let report = story.sync().await;
        assert_eq!(report.problems[0].upstream, "tmdb");
    }
    assert_eq!(story.entry("Salt Ledger").reason.as_deref(), Some("waits for TMDB to tell its streaming_service"));
    tmdb.clear_faults();
    assert_eq!(story.sync().await.decisions.excluded, 1);
}

#[tokio::test]
async fn a_title_whose_question_alone_keeps_failing_is_decided_without_an_answer() {
    let story = story_with(without(japanese()));
    let poisoned = Fault::on("GET", "/movie/lookup").containing("tmdb:900002").status(503);
    story.radarr.inject(poisoned);
    story.owner_wants(salt_ledger());
    for n in 0..12 {
        story.owner_wants(Title::movie(&format!("Movie {n}")).tmdb(910_000 + n));
        story.sync().await;
        let expected = if n < 11 { EntryState::New } else { EntryState::Requested };
        assert_eq!(story.state("Salt Ledger"), expected, "run {n}");
    }
    assert_eq!(because(&story, "Salt Ledger").0, Verdict::Unknown);
    assert_eq!(story.radarr.library().len(), 13);
}

#[tokio::test]
async fn a_source_that_is_down_keeps_no_title_waiting_that_does_not_need_it() {
    let story = story_with(without(compare(Field::SeriesStatus, Operator::Equals, "ended")));
    story.sonarr.set_metadata_down(true);
    story.owner_wants(harbour_nine());
    story.owner_wants(salt_ledger());
    story.sync().await;
    assert!(story.radarr.item(SALT_LEDGER).is_some(), "movies have no series status");
    assert_eq!(story.radarr.requests_to("/lookup"), 0);
    assert_eq!(story.state("Harbour Nine"), EntryState::New);
}

#[tokio::test]
async fn a_source_that_never_answers_takes_not_all_the_time_from_the_next() {
    let (mut story, tmdb) = story_with_tmdb(without(Condition::Any(vec![
        compare(Field::SeriesStatus, Operator::Equals, "ended"),
        on_netflix(),
    ])));
    story.set("PULSARR_RUN_LIMIT_S", "3");
    tmdb.know(TmdbTitle::movie(SALT_LEDGER).offered("US", "flatrate", 8, "Netflix"));
    story.sonarr.inject(Fault::on("GET", "/lookup").never());
    story.owner_wants(harbour_nine());
    story.owner_wants(salt_ledger());
    assert_eq!(story.sync().await.decisions.excluded, 1);
    assert_eq!((story.state("Salt Ledger"), story.state("Harbour Nine")), (EntryState::Excluded, EntryState::New));
}

#[tokio::test]
async fn the_plex_server_is_asked_about_each_title_and_again_after_an_hour() {
    let story = story_with_server(Rule {
        require_approval: Some("is it not there yet?".into()),
        ..Rule::new("not this", 100, compare(Field::InPlex, Operator::Equals, "false"))
    });
    story.plex.own(&harbour_nine());
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    story.sync().await;
    assert_eq!((story.state("Salt Ledger"), story.state("Harbour Nine")), (EntryState::Held, EntryState::Requested));
    assert_eq!(story.plex.requests_to("/server/library/all"), 2);
    story.clock.advance(minutes(30));
    story.sync().await;
    assert_eq!(story.plex.requests_to("/server/library/all"), 2);
    story.clock.advance(minutes(31));
    story.sync().await;
    assert_eq!(story.plex.requests_to("/server/library/all"), 3, "only the one that still waits");
}

#[tokio::test]
async fn a_plex_server_that_does_not_answer_is_waited_for() {
    let story = story_with_server(without(compare(Field::InPlex, Operator::Equals, "true")));
    story.plex.own(&salt_ledger());
    story.owner_wants(salt_ledger());
    story.plex.inject(Fault::on("GET", "/server/").status(503));
    let report = story.sync().await;
    assert_eq!((report.problems[0].upstream.as_str(), report.problems[0].kind), ("plex server", ProblemKind::Down));
    let reason = story.entry("Salt Ledger").reason;
    assert_eq!(reason.as_deref(), Some("waits for the Plex server to tell whether it has it"));
    story.plex.clear_faults();
    assert_eq!(story.sync().await.decisions.excluded, 1);
}

#[tokio::test]
async fn room_on_the_disk_decides_and_is_read_once_a_run() {
    let story = story_with(without(compare(Field::FreeSpace, Operator::Less, "100")));
    story.radarr.set_free_space("/movies", Some(50_000_000_000));
    story.owner_wants(salt_ledger());
    story.owner_wants(Title::movie("Paper Tide").tmdb(900_003));
    story.owner_wants(harbour_nine());
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added), (2, 1));
    assert_eq!(story.radarr.requests_to("/rootfolder"), 1);
    let (_, because) = because(&story, "Salt Ledger");
    assert!(because.contains("it is 50 GB"), "{because}");
    story.clear_journals();
    story.sync().await;
    let arrived = story.sonarr.requests_to("/history/since");
    assert_eq!((story.arr_requests(), arrived), (1, 1), "nothing is to be decided; what has arrived is asked");
}

#[tokio::test]
async fn a_disk_that_nobody_can_ask_is_unknown_and_in_the_report() {
    let story = story_with(without(compare(Field::FreeSpace, Operator::Less, "100")));
    story.radarr.inject(Fault::on("GET", "/rootfolder").status(500).times(4));
    story.owner_wants(salt_ledger());
    let report = story.sync().await;
    assert_eq!(report.problems[0].upstream, "movies");
    assert_eq!(because(&story, "Salt Ledger").0, Verdict::Unknown);
}

#[tokio::test]
async fn ids_are_translated_by_an_instance_that_only_a_rule_routes_to() {
    let mut story = Story::new();
    story.write_settings(&settings().replace("    default: true\n", ""));
    let mut rule = Rule::new("all of it", 1, Condition::always());
    rule.route.push(RouteTo { to: "shows".into(), overrides: Overrides::default() });
    story.adjust = Box::new(move |config: &mut Config| {
        config.settings.default_routing = DefaultRouting::None;
        config.settings.rules.push(rule.clone());
    });
    let friend = story.plex.add_friend("tomas.r");
    story.plex.watch(&friend, Title::show("Paper Tide").imdb("tt7700001"));
    story.plex.watch(&friend, salt_ledger());
    story.sonarr.know(Known::new(700_001, "Paper Tide").imdb("tt7700001"));
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(story.sonarr.item(700_001).is_some());
    assert_eq!(story.metadata_requests(&salt_ledger()), 0, "no movie can go anywhere");
}

#[tokio::test]
async fn chosen_seasons_are_monitored_and_no_others() {
    let mut story = Story::new();
    story.write_settings(&settings());
    let mut rule = Rule::new("the last two", 1, Condition::always());
    let chosen = ArrOverrides::Sonarr {
        monitor: None,
        monitor_new_items: None,
        series_type: None,
        season_folder: None,
        seasons: Some(vec![3, 4]),
    };
    rule.route.push(RouteTo { to: "shows".into(), overrides: Overrides { arr: Some(chosen), ..Overrides::default() } });
    story.adjust = Box::new(move |config: &mut Config| config.settings.rules.push(rule.clone()));
    story.sonarr.know(Known::new(HARBOUR_NINE, "Harbour Nine").seasons(4));
    story.owner_wants(harbour_nine());
    assert_eq!(story.sync().await.placements.added, 1);
    let item = story.sonarr.item(HARBOUR_NINE).unwrap();
    assert_eq!(item.raw["addOptions"]["monitor"], "skip");
    assert_eq!(story.sonarr.monitored_seasons(item.id), [3, 4]);
    assert_eq!(story.sonarr.requests_to("/lookup"), 1);
}

#[tokio::test]
async fn a_title_is_wanted_by_everybody_whose_list_counts_and_still_has_it() {
    let story = Story::new();
    let off = "users:\n  overrides:\n    - plex: cyd\n      sync: false\n";
    story.write_settings(&format!("{}{off}", SETTINGS.replace("    default: true\n", "")));
    story.owner_wants(salt_ledger());
    for friend in ["ada", "cyd"] {
        let uuid = story.plex.add_friend(friend);
        story.plex.watch(&uuid, salt_ledger());
    }
    story.sync().await;
    let title = || story.store().read().undecided(story.clock.now_ms()).unwrap()[0].title;
    let wanted_by = || story.store().read().wanted_by(title()).unwrap();
    assert_eq!(wanted_by(), 2);
    story.plex.clear_watchlist(&story.plex.owner_uuid());
    for _ in 0..3 {
        story.clock.advance(hours(30));
        story.full_sync().await;
    }
    assert_eq!(wanted_by(), 1);
}
