//! A run is watched while it goes on, and its report comes by itself.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::Household;
use serde_json::json;

use crate::play;

/// Movies that the run adds.
const MOVIES: usize = 20;

#[test]
fn a_run_is_watched_live_from_its_first_stage_to_its_report() {
    let household = Household::new();
    let owner = household.plex.owner_uuid();
    // Movies and shows in turn.
    household.plex.fill_watchlist(&owner, 0, 2 * MOVIES as i64);
    // Radarr thinks about each of them for a while.
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").latency_ms(800));
    play(Look::LIGHT, household, |scene| {
        let session = scene.sign_in();
        let browser = &scene.browser;
        // The first page takes a busy machine longest: the run begins when the browser is there.
        browser.goto("/activity/runs");
        browser.sees("Activity");
        let begun = session.ask(&scene.service, "POST", "/runs", &json!({}));
        assert_eq!(begun.status, 202, "{begun:?}");
        let run = begun.json()["run_id"].as_str().unwrap().to_owned();
        browser.goto(&format!("/runs/{run}"));
        browser.finds("[data-run]");
        let _ = browser.run("window.sinceTheFirstLook = true");
        let told = "return document.querySelector('[data-stage][aria-current] small')?.textContent ?? ''";
        let first = browser.until("some are added", || browser.run(told), |it| it.as_str().unwrap().contains(" of "));
        browser.until("more are added", || browser.run(told), |it| *it != first);
        assert_eq!(
            browser.run("return window.sinceTheFirstLook ?? false"),
            true,
            "all that without loading the page anew"
        );
        // Its report stands there as soon as it has ended.
        browser.finds(".stats");
        browser.finds(".badge.is-ok");
        assert_eq!(browser.run("return window.sinceTheFirstLook ?? false"), false);
        assert_eq!(scene.household.radarr.library().len(), MOVIES);
        browser.press("Every decision with its reasons");
        browser.at(&format!("/activity/decisions?run={run}"));
    });
}

#[test]
fn a_run_whose_events_do_not_come_shows_its_report_all_the_same() {
    let household = Household::new();
    let owner = household.plex.owner_uuid();
    household.plex.fill_watchlist(&owner, 0, 8);
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").latency_ms(800));
    play(Look::LIGHT, household, |scene| {
        let session = scene.sign_in();
        let browser = &scene.browser;
        browser.expects("503");
        browser.goto("/activity/runs");
        browser.sees("Activity");
        let _taken = scene.take_all_streams(&session);
        let begun = session.ask(&scene.service, "POST", "/runs", &json!({}));
        let run = begun.json()["run_id"].as_str().unwrap().to_owned();
        browser.goto(&format!("/runs/{run}"));
        browser.finds("[data-run]");
        browser.finds(".stats");
        browser.finds(".badge.is-ok");
    });
}

#[test]
fn a_run_can_be_read_without_javascript() {
    let household = crate::wanting_two();
    household.sync_well();
    crate::play_signed_in(Look::WITHOUT_SCRIPTS, household, |scene| {
        let browser = &scene.browser;
        browser.goto("/activity/runs");
        browser.click("td a[href*='/runs/']");
        browser.sees("Salt Ledger");
        browser.sees("Every decision with its reasons");
    });
}
