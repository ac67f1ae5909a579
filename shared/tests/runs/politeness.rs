//! What Plex sees of us: how many requests, how many at once, and what is written in them.

use std::collections::BTreeSet;

use pulsarr_shared::model::{ReadOutcome, RunResult};
use pulsarr_shared::report::ProblemKind;
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::SETTINGS;

use crate::world::{OWNER, Story, harbour_nine, list, salt_ledger};

/// Forty-nine friends and the owner all want the same two hundred titles, so that the ids of all come with the owner's list: what
/// the first run has to ask does not matter here.
#[tokio::test]
async fn an_unchanged_run_costs_one_request_for_each_of_fifty_lists_and_one_for_the_friends() {
    let story = Story::new();
    story.write_settings(
        &SETTINGS
            .replace("    tags: [watchlist]", "    tags: []")
            .replace("    api_key: ${SONARR_API_KEY}", "    api_key: ${SONARR_API_KEY}\n    series_type: standard"),
    );
    story.plex.set_journal_bodies(false);
    story.plex.fill_watchlist(&story.plex.owner_uuid(), 1, 200);
    for friend in 0..49 {
        let uuid = story.plex.add_friend(&format!("friend-{friend:02}"));
        story.plex.fill_watchlist(&uuid, 1, 200);
    }
    story.radarr.fill_library_from(2_000_001, 200);
    story.sonarr.fill_library_from(3_000_001, 200);
    for number in 1..=200 {
        story.radarr.put_file(2_000_000 + number);
        story.sonarr.put_files(3_000_000 + number, &[(1, 1)]);
    }
    story.sync().await;
    story.clear_journals();

    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!(report.users.len(), 50);
    assert!(report.users.iter().all(|user| user.read == ReadOutcome::NotModified && user.entries == 200));
    assert_eq!(story.plex.requests_to(""), 51);
    assert_eq!(report.upstream["plex"].requests, 51);
    assert_eq!(story.plex.requests_to("/library/metadata"), 0);
    // Everything is there with its file. Shows may go on, so their Sonarr is asked for its history, and nobody for anything else.
    assert_eq!((story.arr_requests(), story.sonarr.requests_to("/api/v3/history")), (1, 1));
}

#[tokio::test]
async fn two_requests_and_never_more_are_under_way_at_plex() {
    let story = Story::new();
    for friend in ["ada", "bea", "cyd", "dan"] {
        let uuid = story.plex.add_friend(friend);
        story.plex.fill_watchlist(&uuid, 1, 6);
    }
    // Answers that take a moment, so that more could be under way if anybody let them.
    story.plex.inject(Fault::on("ANY", "").latency_ms(5));
    story.sync().await;
    assert_eq!(story.plex.max_in_flight(), 2);
}

#[tokio::test]
async fn every_request_names_the_same_installation_and_carries_the_token_in_a_header_only() {
    let story = Story::new();
    let friend = story.plex.add_friend("tomas.r");
    story.owner_wants(salt_ledger());
    story.plex.watch(&friend, harbour_nine());
    story.sync().await;
    story.full_sync().await;

    let journal = story.plex.journal();
    let identifiers: BTreeSet<_> = journal.iter().map(|seen| seen.client_identifier.clone()).collect();
    assert_eq!(identifiers.len(), 1);
    assert!(identifiers.first().unwrap().as_ref().unwrap().starts_with("pulsarr-"));
    for seen in &journal {
        assert_eq!(seen.token.as_deref(), Some(story.plex.owner_token().as_str()));
        assert!(seen.query.iter().all(|(_, value)| *value != story.plex.owner_token()), "{seen:?}");
        assert!(!seen.route.contains(&story.plex.owner_token()) && !seen.body.contains(&story.plex.owner_token()));
        assert!(seen.user_agent.as_ref().unwrap().starts_with("pulsarr/"));
        assert_eq!(seen.accept.as_deref(), Some("application/json"));
    }
    for seen in story.radarr.journal().iter().chain(&story.sonarr.journal()) {
        assert_eq!(seen.token.as_deref(), Some(story.radarr.api_key().as_str()));
        assert!(seen.query_value("apikey").is_none());
    }
}

#[tokio::test]
async fn a_run_that_may_ask_little_loses_nothing_and_later_runs_do_the_rest() {
    let mut story = Story::new();
    for friend in 0..5 {
        let uuid = story.plex.add_friend(&format!("friend-{friend}"));
        story.plex.fill_watchlist(&uuid, 1 + friend * 4, 4);
    }
    story.set("PULSARR_PLEX_REQUEST_BUDGET", "9");
    let first = story.sync().await;
    assert_eq!(first.run.result, RunResult::Partial);
    assert!(!first.has(ProblemKind::Down), "nothing is wrong with Plex: {:?}", first.problems);
    assert_eq!(story.plex.requests_to(""), 9);

    let mut runs = 1;
    while story.adds() < 20 {
        runs += 1;
        assert!(runs < 20, "every run gets further");
        story.plex.clear_journal();
        story.sync().await;
        assert!(story.plex.requests_to("") <= 9);
    }
    assert_eq!(story.radarr.library().len() + story.sonarr.library().len(), 20);
    assert_eq!(story.adds(), 20);
}

#[tokio::test]
async fn a_budget_that_is_spent_on_the_first_question_is_no_fault_of_plex() {
    let mut story = Story::new();
    story.owner_wants(salt_ledger());
    story.set("PULSARR_PLEX_REQUEST_BUDGET", "1");
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Partial);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(list(&report, OWNER).read, ReadOutcome::Unknown);
}

#[tokio::test]
async fn lists_a_run_had_no_requests_left_for_come_first_in_the_next() {
    let mut story = Story::new();
    for friend in ["ada", "bea", "cyd", "dan"] {
        story.plex.add_friend(friend);
    }
    story.sync().await;
    // The list of friends and two more.
    story.set("PULSARR_PLEX_REQUEST_BUDGET", "3");
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        story.clock.advance(crate::world::minutes(5));
        let report = story.sync().await;
        let read = report.users.iter().filter(|user| user.read == ReadOutcome::NotModified);
        seen.extend(read.map(|user| user.name.clone()));
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

#[tokio::test]
async fn a_refusal_to_one_request_is_repeated_and_counted() {
    let story = Story::new();
    story.owner_wants(salt_ledger());
    story.plex.inject(Fault::on("GET", "/library/sections/watchlist/all").times(1).status(429));
    let report = story.sync().await;
    assert_eq!(report.run.result, RunResult::Ok);
    assert_eq!((report.upstream["plex"].throttled, report.placements.added), (1, 1));
}
