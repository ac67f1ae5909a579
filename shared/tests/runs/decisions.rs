//! What was decided, when it is decided anew, and what is stored of it.

use pulsarr_shared::model::{EntryState, Outcome, PlacementState, RunResult, Stage, Verdict};
use pulsarr_shared::routing::{Condition, Overrides, RouteTo, Rule};
use pulsarr_tests::fakes::{FakeRadarr, Fault};
use pulsarr_tests::household::SETTINGS;

use crate::world::{HARBOUR_NINE, SALT_LEDGER, Story, harbour_nine, hours, salt_ledger, until};

/// Settings whose Radarr is no default.
fn without_default_radarr() -> String {
    SETTINGS.replacen("    default: true\n", "", 1)
}

#[tokio::test]
async fn without_a_default_instance_a_title_is_held_with_the_reason() {
    let story = Story::new();
    story.write_settings(&without_default_radarr());
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    let report = story.sync().await;
    assert_eq!((report.decisions.held, report.decisions.routed), (1, 1));
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Held);
    assert!(entry.reason.unwrap().starts_with("no Radarr is marked `default: true` in the settings"));
    assert_eq!(story.radarr.requests_to(""), 0);
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());
}

#[tokio::test]
async fn a_held_title_goes_on_when_the_settings_gain_a_default() {
    let story = Story::new();
    story.write_settings(&without_default_radarr());
    story.owner_wants(salt_ledger());
    for _ in 0..3 {
        assert_eq!(story.sync().await.decisions.held, 1);
    }
    assert_eq!(story.decisions("Salt Ledger").len(), 1, "the same outcome is not stored again");

    story.write_settings(SETTINGS);
    let report = story.sync().await;
    assert_eq!((report.decisions.held, report.decisions.routed, report.placements.added), (0, 1, 1));
    let words: Vec<&str> = story.decisions("Salt Ledger").iter().map(|stored| stored.decision.outcome.word()).collect();
    assert_eq!(words, ["hold", "route"]);
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
}

#[tokio::test]
async fn a_settled_entry_is_not_decided_again() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.sync().await;
    for _ in 0..3 {
        story.clock.advance(hours(7));
        story.full_sync().await;
    }
    assert_eq!(story.decisions("Salt Ledger").len(), 1);
}

#[tokio::test]
async fn a_stored_decision_tells_facts_steps_and_destination() {
    let story = Story::new();
    story.owner_wants(harbour_nine().genre("Anime"));
    story.sync().await;
    let stored = &story.decisions("Harbour Nine")[0];
    assert_eq!(stored.run_id, "run-1");
    let fact = |name: &str| stored.decision.trace.facts.iter().find(|fact| fact.name == name).unwrap().value.clone();
    assert_eq!(fact("user").as_deref(), Some("mirela_q"));
    assert_eq!(fact("genre").as_deref(), Some("Anime"));
    assert_eq!(fact("ids").as_deref(), Some("tvdb 800001"));
    let steps = stored.decision.trace.steps.iter().map(|step| (step.stage, step.verdict)).collect::<Vec<_>>();
    assert_eq!(
        steps,
        [
            (Stage::DefaultRouting, Verdict::Matched),
            (Stage::Ids, Verdict::Matched),
            (Stage::Options, Verdict::Matched),
            (Stage::Approval, Verdict::NotMatched),
        ]
    );
    let Outcome::Route { destinations, .. } = &stored.decision.outcome else { panic!("{stored:?}") };
    assert_eq!(destinations[0].because, "Sonarr `shows` is the default for shows");
}

#[tokio::test]
async fn without_instances_or_token_nothing_is_asked_and_nothing_is_lost() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.write_settings("plex:\n  token: ${PLEX_TOKEN}\n");
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::NotSetUp);
    assert!(report.run.detail.unwrap().contains("a Sonarr or Radarr (`instances`)"));
    assert_eq!(story.plex.requests_to(""), 0);

    story.write_settings(SETTINGS);
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(story.radarr.item(SALT_LEDGER).is_some());
}

/// A run that died while it asked Radarr to add the owner's movie, which Radarr has done, or has not.
async fn died_in_mid_attempt(added: bool) -> Story {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.radarr.inject(Fault::on("POST", "/api/v3/movie").never());
    {
        let run = story.run(|_| {});
        tokio::select! {
            biased;
            _ = run => panic!("it was to die before its end"),
            () = until(|| story.adds() == 1) => {}
        }
    }
    story.radarr.clear_faults();
    story.clear_journals();
    if added {
        story.radarr.add_movie(SALT_LEDGER, "Salt Ledger");
    }
    story
}

fn not_this() -> Rule {
    Rule { exclude: true, ..Rule::new("not this", 100, Condition::always()) }
}

#[tokio::test]
async fn a_new_rule_counts_for_a_title_whose_add_died_midway_and_never_arrived() {
    let mut story = died_in_mid_attempt(false).await;
    story.readjust(|settings| settings.rules = vec![not_this()]);
    assert_eq!(story.dry_run().await.decisions.excluded, 1, "a dry run foretells it");
    let report = story.sync().await;
    assert_eq!((report.decisions.excluded, report.placements.added, story.adds()), (1, 0, 0));
    assert_eq!(story.radarr.library().len(), 0);
    let entry = story.entry("Salt Ledger");
    assert_eq!((entry.state, story.store().read().placements_of(entry.id).unwrap()), (EntryState::Excluded, vec![]));
    assert_eq!(story.sync().await.run.result, RunResult::Ok);
    assert_eq!(story.adds(), 0);
}

#[tokio::test]
async fn a_title_whose_add_died_midway_and_arrived_is_there_whatever_the_rules_say_by_now() {
    let mut story = died_in_mid_attempt(true).await;
    story.readjust(|settings| settings.rules = vec![not_this()]);
    let report = story.sync().await;
    assert_eq!((report.placements.present, report.decisions.excluded, story.adds()), (1, 0, 0));
    let placement = story.placement("Salt Ledger");
    assert_eq!((story.state("Salt Ledger"), placement.state), (EntryState::Requested, PlacementState::Present));
    let expected = "found in Radarr `movies`; an earlier attempt to add it never got its answer";
    assert_eq!(placement.answer.as_deref(), Some(expected));
    assert_eq!(story.decisions("Salt Ledger").len(), 1, "nothing was left to decide");
}

#[tokio::test]
async fn a_title_whose_add_died_midway_goes_elsewhere_only_if_it_did_not_arrive() {
    for arrived in [false, true] {
        let mut story = died_in_mid_attempt(arrived).await;
        let films = FakeRadarr::start();
        let (url, key) = (films.url(), films.api_key());
        story.write_settings(&format!("{SETTINGS}  - {{name: films, kind: radarr, url: '{url}', api_key: {key}}}\n"));
        let route = || vec![RouteTo { to: "films".into(), overrides: Overrides::default() }];
        story.readjust(move |settings| {
            settings.rules = vec![Rule { route: route(), ..Rule::new("films", 100, Condition::always()) }];
        });
        let report = story.sync().await;
        assert_eq!((report.run.result, report.placements.added), (RunResult::Ok, u32::from(!arrived)));
        assert_eq!((films.library().len(), story.adds()), (usize::from(!arrived), 0), "{arrived}");
        assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
    }
}

#[tokio::test]
async fn while_nobody_can_look_what_became_of_an_attempt_the_new_rule_is_not_forgotten() {
    let mut story = died_in_mid_attempt(false).await;
    story.readjust(|settings| settings.rules = vec![not_this()]);
    story.radarr.inject(Fault::on("ANY", "").status(503));
    for _ in 0..2 {
        let report = story.sync().await;
        assert_eq!((report.run.result, report.placements.waiting), (RunResult::Partial, 1));
        assert_eq!(story.state("Salt Ledger"), EntryState::Held);
    }
    // It answers again, only not whether it has the title.
    story.radarr.clear_faults();
    story.radarr.inject(Fault::on("GET", "/api/v3/movie").status(500));
    assert_eq!((story.sync().await.placements.waiting, story.adds()), (1, 0));
    story.radarr.clear_faults();
    assert_eq!((story.sync().await.decisions.excluded, story.adds()), (1, 0));
}

#[tokio::test]
async fn a_title_whose_add_died_midway_is_added_as_the_new_settings_say() {
    let story = died_in_mid_attempt(false).await;
    story.write_settings(&SETTINGS.replace("HD-1080p", "Ultra-HD"));
    assert_eq!(story.sync().await.placements.added, 1);
    assert_eq!(story.radarr.item(SALT_LEDGER).unwrap().quality_profile_id, 6);
    assert_eq!(story.state("Salt Ledger"), EntryState::Requested);
}
