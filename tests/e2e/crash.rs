//! kill -9 at the worst moments: no title is lost and none is added twice.

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_until};

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, movie, wanting_two};

#[test]
fn killed_after_radarr_added_the_movie_the_next_run_finds_it_there() {
    let household = wanting_two();
    let radarr = &household.radarr;
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).never().after_effect());
    let run = household.start(&["sync"]);
    wait_until("Radarr has the movie", || radarr.item(SALT_LEDGER).is_some());
    run.kill();

    let report = household.sync_well();

    assert_eq!((library(radarr), adds(radarr)), (vec![SALT_LEDGER], 1));
    assert_eq!(library(&household.sonarr), [HARBOUR_NINE]);
    assert_eq!(report["run"]["result"], "ok");
    let story = household.explain("Salt Ledger");
    assert!(story.contains(": requested") && story.contains("`movies`: present"), "{story}");
    assert!(story.contains("an earlier attempt to add it never got its answer"), "{story}");
    assert!(story.contains("asked once with"), "{story}");
    assert!(household.status().contains("crashed"));
}

#[test]
fn killed_before_radarr_added_the_movie_the_next_run_adds_it() {
    let household = wanting_two();
    let radarr = &household.radarr;
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).never().before_effect());
    let run = household.start(&["sync"]);
    wait_until("Radarr was asked", || adds(radarr) == 1);
    run.kill();
    assert!(radarr.library().is_empty());

    let report = household.sync_well();

    assert_eq!((library(radarr), adds(radarr)), (vec![SALT_LEDGER], 2));
    assert!(report["changes"].to_string().contains("added to Radarr `movies`"), "{report:#}");
    let story = household.explain("Salt Ledger");
    assert!(story.contains("`movies`: added") && story.contains("asked 2 times"), "{story}");
}

#[test]
fn an_answer_lost_on_the_way_is_looked_after_by_the_same_run() {
    let household = wanting_two();
    let radarr = &household.radarr;
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().after_effect());

    let report = household.sync_well();

    assert_eq!((library(radarr), adds(radarr)), (vec![SALT_LEDGER], 1));
    assert_eq!((&report["placements"]["added"], &report["run"]["result"]), (&2.into(), &"ok".into()));
    assert!(household.explain("Salt Ledger").contains("its answer was lost"));
}

#[test]
fn an_add_lost_on_the_way_is_left_for_the_next_run() {
    let household = wanting_two();
    let radarr = &household.radarr;
    radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).reset().before_effect());
    let report = household.sync().report();
    assert_eq!((adds(radarr), &report["placements"]["waiting"]), (1, &1.into()), "a write is never repeated blindly");
    household.sync_well();
    assert_eq!((library(radarr), adds(radarr)), (vec![SALT_LEDGER], 2));
}

#[test]
fn killed_at_any_request_the_next_run_comes_to_the_same_end() {
    for nth in 0.. {
        let household = Household::new();
        let Household { plex, radarr, sonarr, .. } = &household;
        let friend = plex.add_friend("tomas.r");
        plex.watch(&plex.owner_uuid(), movie());
        plex.watch(&friend, Title::show("Paper Comets").tvdb(800_014).genre("Anime"));
        let fault = Fault::on("ANY", "").skip(nth).times(1).never();
        plex.inject(fault.clone());
        radarr.inject(fault.clone());
        sonarr.inject(fault);
        let mut run = household.start(&["sync"]);
        let held = || [plex.journal(), radarr.journal(), sonarr.journal()].iter().any(|seen| seen.len() > nth);
        let mut stuck = false;
        wait_until("the sync is stuck or over", || {
            stuck = held();
            stuck || run.has_ended()
        });
        if !stuck {
            assert!(nth >= 7, "a run makes more requests to Plex than {nth}");
            break;
        }
        run.kill();
        let clear = || [plex.clear_faults(), radarr.clear_faults(), sonarr.clear_faults()];
        clear();

        household.sync_well();

        assert_eq!((library(radarr), library(sonarr)), (vec![SALT_LEDGER], vec![800_014]), "stuck at request {nth}");
        assert!(household.explain("Paper Comets").contains("series_type"), "stuck at request {nth}");
        household.clear_journals();
        household.sync_well();
        assert_eq!((adds(radarr), adds(sonarr)), (0, 0), "stuck at request {nth}");
    }
}
