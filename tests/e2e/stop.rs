//! Told to stop, or out of time: a run ends at once, with a word about it, and the next one takes up the rest.

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_until};

use super::{SALT_LEDGER, adds, library, movie, user, wanting_two};

#[test]
fn sigterm_ends_a_run_that_waits_for_plex_at_once() {
    let household = wanting_two();
    let plex = &household.plex;
    let friend = plex.add_friend("tomas.r");
    plex.watch(&friend, Title::movie("The Loud Duke").tmdb(900_066));
    plex.inject(Fault::on("POST", "/community/api").containing(&friend).never());
    let run = household.start(&["sync", "--report", "json"]);
    wait_until("the friend's list is asked for", || plex.requests_to("/community/api") == 2);

    run.terminate();
    // Plex never answers: it is not for lack of patience that this ends.
    let done = run.finish();

    assert_eq!(done.code, Some(143), "{}\n{}", done.stdout, done.stderr);
    assert_eq!(done.report()["run"]["result"], "interrupted");
    assert!(household.status().contains("interrupted"));

    plex.clear_faults();
    let report = household.sync_well();
    assert_eq!(report["run"]["result"], "ok", "and the lock was free");
    assert_eq!((library(&household.radarr).len(), adds(&household.radarr)), (2, 2));
}

#[test]
fn an_add_that_is_under_way_is_brought_to_its_end_before_a_run_stops() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    plex.watch(&plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).latency_ms(2_000));
    let run = household.start(&["sync", "--report", "json"]);
    wait_until("the first add is under way", || adds(radarr) == 1);

    run.terminate();
    let done = run.finish();

    assert_eq!(done.code, Some(143), "{}", done.stderr);
    assert_eq!((library(radarr), adds(radarr)), (vec![SALT_LEDGER], 1), "this one and no other");
    assert!(household.explain("Salt Ledger").contains("`movies`: added"));
    let report = household.sync_well();
    assert_eq!((library(radarr), adds(radarr)), (vec![SALT_LEDGER, 900_066], 2));
    assert_eq!(report["placements"]["waiting"], 0);
}

#[test]
fn sigterm_ends_a_sync_that_only_waits_for_another() {
    let household = wanting_two();
    let plex = &household.plex;
    plex.inject(Fault::on("GET", "/watchlist/all").times(1).never());
    let first = household.start(&["sync"]);
    wait_until("the first sync waits for Plex", || plex.requests_to("/watchlist/all") == 1);
    let second = household.start(&["sync", "--lock-wait", "10m", "--report", "json"]);
    wait_until("the second sync waits for the lock", || second.stderr().contains("another sync is running"));

    second.terminate();
    let done = second.finish();

    assert_eq!((done.code, &done.report()["run"]["result"]), (Some(143), &"interrupted".into()), "{}", done.stderr);
    first.kill();
}

#[test]
fn a_run_out_of_time_leaves_the_rest_to_the_next_which_begins_with_it() {
    let mut household = wanting_two();
    household.set("PULSARR_RUN_LIMIT_S", "3");
    let Household { plex, radarr, .. } = &household;
    let [tomas, ines, jo] = ["tomas.r", "ines_vale", "jo.marsh"].map(|name| plex.add_friend(name));
    plex.watch(&jo, Title::movie("The Loud Duke").tmdb(900_066));
    // Two lists are read at a time, and these two use up all of it.
    for silent in [&tomas, &ines] {
        plex.inject(Fault::on("POST", "/community/api").containing(silent).never());
    }

    let done = household.sync();

    assert_eq!(done.code, Some(0), "unfinished is no failure: {}", done.stderr);
    let report = done.report();
    assert_eq!(report["run"]["result"], "partial");
    for friend in [&tomas, &ines, &jo] {
        assert_eq!(user(&report, friend)["read"], "unknown");
    }
    let detail = user(&report, &jo)["detail"].as_str().unwrap();
    assert!(detail.contains("the next run begins with it"), "{detail}");
    assert_eq!(library(radarr), [SALT_LEDGER], "what was read in time is served in time");

    plex.clear_faults();
    plex.clear_journal();
    let report = household.sync_well();
    assert_eq!((&report["run"]["result"], library(radarr)), (&"ok".into(), vec![SALT_LEDGER, 900_066]));
    let first = plex.journal().into_iter().find(|seen| seen.body.contains("\"user\"") || seen.route.ends_with("/all"));
    assert!(first.unwrap().body.contains(&jo), "the one left out comes first");
}

#[test]
fn a_cool_down_longer_than_the_run_is_kept_by_the_runs_after_it() {
    let mut household = wanting_two();
    household.set("PULSARR_RUN_LIMIT_S", "2");
    household.plex.inject(Fault::on("GET", "/watchlist/all").times(1).status(429).retry_after("5"));
    let done = household.sync();
    let report = done.report();
    assert_eq!((done.code, &report["run"]["result"]), (Some(0), &"partial".into()), "{report:#}");
    assert_eq!(report["upstream"]["plex"]["throttled"], 1);
    assert_eq!(household.plex.requests_to("/watchlist/all"), 1, "Retry-After is obeyed");

    household.clear_journals();
    let done = household.sync();
    assert_eq!(done.code, Some(69), "{}", done.stderr);
    assert!(done.report()["problems"][0]["message"].as_str().unwrap().contains("Plex asked to be left alone until"));
    assert_eq!(household.plex.requests_to(""), 0, "by the next run too");

    wait_until("the time is over and a run goes on", || household.sync().code == Some(0));
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
}

#[test]
fn a_spent_request_budget_leaves_the_rest_to_the_next_run() {
    let mut household = Household::new();
    household.set("PULSARR_PLEX_REQUEST_BUDGET", "9");
    let Household { plex, radarr, .. } = &household;
    let friend = plex.add_friend("tomas.r");
    // Friends' lists tell no ids: one question for each title.
    (0..8).for_each(|n| plex.watch(&friend, Title::numbered_movie(n)));
    plex.watch(&friend, movie());
    let mut runs = 0;
    while library(radarr).len() < 9 {
        plex.clear_journal();
        let done = household.sync();
        assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
        assert!(plex.journal().len() <= 9);
        runs += 1;
        assert!(runs < 9, "each run must get further: {:?}", library(radarr));
    }
    assert!(runs > 1);
    assert_eq!(adds(radarr), 9);
}
