//! What was decided, when it is decided anew, and what is stored of it.

use pulsarr_shared::model::{EntryState, Outcome, RunResult, Stage, Verdict};
use pulsarr_tests::household::SETTINGS;

use crate::world::{HARBOUR_NINE, SALT_LEDGER, Story, harbour_nine, hours, salt_ledger};

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
