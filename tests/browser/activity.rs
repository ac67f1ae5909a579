//! What happened: runs, decisions, failures, webhooks, changes and the log.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::{Fault, Title};
use rusqlite::Connection;

use crate::{Scene, play, play_signed_in, wanting_two};

#[test]
fn a_title_that_radarr_refused_is_tried_again_from_the_page() {
    let household = wanting_two();
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).status(400));
    household.sync_well();
    play_signed_in(Look::LIGHT, household, |scene| {
        let browser = &scene.browser;
        browser.goto("/instances/movies");
        browser.press("Failures");
        browser.at("/activity/failures?instance=movies");
        browser.sees("Salt Ledger");
        browser.choose("Instance", "shows");
        browser.sees("Nothing fits");
        browser.choose("Instance", "movies");
        browser.sees("Salt Ledger");
        browser.tick("Select Salt Ledger");
        browser.press("Try the selected again");
        browser.sees("The next run tries again: one title.");
        assert!(scene.household.radarr.library().is_empty(), "the next run adds it");
        scene.household.sync_well();
        assert_eq!(scene.household.radarr.library().len(), 1);
    });
}

fn looks_for_runs(scene: &mut Scene) {
    let browser = &scene.browser;
    scene.household.radarr.inject(Fault::on("GET", "").status(503));
    scene.household.plex.watch(&scene.household.plex.owner_uuid(), Title::movie("Windward").year(2026).tmdb(900_304));
    assert_eq!(scene.household.sync().code, Some(69));
    let rows = |count: usize| {
        browser.until("the runs stand there", || browser.count("tbody tr"), |rows| *rows == count);
    };
    let choose = |select: &str, value: &str| {
        browser.pick(&format!("[name={select}]"), value);
        if !browser.scripts() {
            browser.press("Apply");
        }
    };
    browser.goto("/activity/runs");
    rows(2);
    choose("result", "partial");
    browser.at("/activity/runs?result=partial&trigger=");
    rows(1);
    // Where one was stays where one goes on to.
    browser.click("tbody a");
    browser.until("the run is open", || browser.path(), |path| path.starts_with("/runs/"));
    browser.sees("movies");
    browser.goto("/activity/runs?result=partial&trigger=");
    choose("trigger", "schedule");
    browser.sees("Nothing fits");
    browser.press("All runs");
    browser.at("/activity/runs");
    rows(2);
}

#[test]
fn runs_are_looked_for_by_how_they_ended_and_who_started_them() {
    for look in [Look::LIGHT, Look::WITHOUT_SCRIPTS] {
        let household = wanting_two();
        household.sync_well();
        play_signed_in(look, household, looks_for_runs);
    }
}

/// Ninety runs more, one after the other, every second of which failed.
const NINETY_RUNS: &str = "\
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)\n\
    INSERT INTO runs (id, trigger, holder, started_at_ms, ended_at_ms, result)\n\
        SELECT 'more' || i, 'schedule', holder, started_at_ms + i, started_at_ms + i + 9, iif(i % 2, 'failed', 'ok')\n\
        FROM n CROSS JOIN (SELECT holder, started_at_ms FROM runs);";

#[test]
fn older_runs_of_what_was_looked_for_are_a_page_away_and_so_is_the_way_back() {
    for look in [Look::LIGHT, Look::WITHOUT_SCRIPTS] {
        let household = wanting_two();
        household.sync_well();
        Connection::open(household.database()).unwrap().execute_batch(NINETY_RUNS).unwrap();
        play_signed_in(look, household, |scene| {
            let browser = &scene.browser;
            let rows = |from: &str, to: &str, count: usize| {
                let at = |row: usize, run: &str| format!("tbody tr:nth-child({row}) a[href$='/runs/{run}']");
                let ends = [at(1, from), at(count, to)];
                let seen = || (browser.count("tbody tr"), ends.each_ref().map(|end| browser.count(end)));
                browser.until("the page of runs is there", seen, |seen| *seen == (count, [1, 1]));
            };
            browser.goto("/activity/runs?result=failed&trigger=schedule");
            rows("more89", "more11", 40);
            browser.press("Older");
            rows("more9", "more1", 5);
            assert!(browser.path().starts_with("/activity/runs"));
            let chosen = "return [...document.querySelectorAll('form.filter select')].map(it => it.value).join()";
            assert_eq!(browser.run(chosen), "failed,schedule", "what was looked for is looked for still");
            assert_eq!(
                browser.run("return [...document.querySelectorAll('.pager a')].map(it => it.text).join()"),
                "Newer"
            );
            browser.press("Newer");
            rows("more89", "more11", 40);
            assert_eq!(browser.run(chosen), "failed,schedule");
        });
    }
}

fn reads_what_happened(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.goto("/activity");
    browser.press("Decisions");
    browser.sees("Harbour Nine");
    browser.press("Runs");
    browser.sees("ok");
    browser.press("Webhooks");
    browser.at("/activity/webhooks");
    browser.press("Audit");
    browser.sees("session started");
    browser.press("Log");
    browser.at("/activity/log");
    browser.fill("Filter", "debug");
    browser.press("Log this");
    browser.sees("debug");
    assert_eq!(browser.value("Filter"), "debug");
}

#[test]
fn what_happened_can_be_read() {
    let household = wanting_two();
    household.sync_well();
    play_signed_in(Look::LIGHT, household, reads_what_happened);
}

#[test]
fn the_same_without_javascript() {
    let household = wanting_two();
    household.sync_well();
    play_signed_in(Look::WITHOUT_SCRIPTS, household, reads_what_happened);
}

#[test]
fn new_lines_of_the_log_come_in_by_themselves() {
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.goto("/activity/log");
        browser.finds("[data-log]");
        assert_eq!(scene.service.ask("POST", "/webhook/movies", &[], b"{}").status, 401);
        browser.sees("webhook");
    });
}

#[test]
fn the_first_line_that_fits_takes_the_place_of_none_and_what_is_looked_for_stays_when_more_is_logged() {
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.goto("/activity/log?text=a+wrong+password&level=warn");
        browser.sees("No line yet that fits.");
        assert_eq!(scene.service.ask("POST", "/webhook/movies", &[], b"{}").status, 401);
        browser.sees("came with a wrong password");
        assert!(!browser.text().contains("No line yet that fits."), "{}", browser.text());
        browser.press("Log this");
        browser.at("/activity/log?text=a%20wrong%20password&level=warn");
        browser.sees("Logged from now on");
        browser.sees("came with a wrong password");
        assert_eq!(
            (browser.value("Lines that contain"), browser.value("Level")),
            ("a wrong password".into(), "warn".into())
        );
    });
}

#[test]
fn a_log_that_is_not_live_any_more_says_so_and_is_again_at_a_press() {
    play(Look::LIGHT, wanting_two(), |scene| {
        let session = scene.sign_in();
        let browser = &scene.browser;
        browser.expects("503");
        let taken = scene.take_all_streams(&session);
        browser.goto("/activity/log");
        browser.sees("Not live any more");
        drop(taken);
        let looks_again = || {
            if browser.count("[role=status] button") > 0 {
                browser.press("Look again");
            }
            browser.finds("[data-log]");
            browser.text().contains("Not live any more")
        };
        // The service notices sooner or later that the others have gone.
        browser.until("there is room for the log again", looks_again, |stale| !stale);
        assert_eq!(scene.service.ask("POST", "/webhook/movies", &[], b"{}").status, 401);
        browser.sees("webhook");
    });
}
