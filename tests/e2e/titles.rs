//! Titles that no arr could be told, until Plex knows more about them.

use pulsarr_tests::fakes::{Fault, Known, Title};
use pulsarr_tests::household::Household;

use super::{SALT_LEDGER, adds, library, movie};

fn lighthouse() -> Title {
    Title::movie("Untitled Lighthouse Project").year(2027)
}

#[test]
fn a_title_without_ids_waits_with_its_reason_and_is_added_once_it_has_some() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    plex.watch(&plex.owner_uuid(), lighthouse().without_ids());
    plex.watch(&plex.owner_uuid(), movie());

    let report = household.sync_well();

    assert_eq!((&report["decisions"]["unresolvable"], library(radarr)), (&1.into(), vec![SALT_LEDGER]));
    let story = household.explain("lighthouse");
    assert!(story.contains("a movie on the watchlist of mirela_q: unresolvable"), "{story}");
    assert!(story.contains("Radarr needs a TMDB id, and Plex has told none yet"), "{story}");
    assert!(story.contains("next: it is looked at again"), "{story}");
    assert!(household.status().contains("1 unresolvable"));

    plex.add_title(lighthouse().tmdb(900_077));
    let report = household.sync_well();
    assert_eq!((&report["decisions"]["unresolvable"], library(radarr)), (&0.into(), vec![SALT_LEDGER, 900_077]));
    assert!(household.explain("lighthouse").contains(": requested"));
}

#[test]
fn ids_that_appear_on_the_third_try_are_found_by_the_third_run() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let friend = plex.add_friend("tomas.r");
    plex.watch(&friend, lighthouse().tmdb(900_077).ids_after(2));

    for _ in 0..2 {
        let report = household.sync_well();
        assert_eq!((&report["decisions"]["unresolvable"], adds(radarr)), (&1.into(), 0));
    }
    let report = household.sync_well();
    assert_eq!((&report["placements"]["added"], library(radarr)), (&1.into(), vec![900_077]));
    // The two unsuccessful looks came to the same decision, which is on record once.
    assert_eq!(household.explain("lighthouse").matches("=> unresolvable").count(), 1);
}

#[test]
fn a_question_that_plex_does_not_answer_is_asked_again_and_decides_nothing() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let friend = plex.add_friend("tomas.r");
    let key = plex.add_title(lighthouse().tmdb(900_077));
    plex.watch(&friend, &key);
    plex.watch(&friend, movie());
    plex.inject(Fault::on("GET", &format!("/library/metadata/{key}")).status(500));

    let done = household.sync();

    assert_eq!(done.code, Some(69));
    assert_eq!((&done.report()["run"]["result"], library(radarr)), (&"partial".into(), vec![SALT_LEDGER]));
    assert!(household.explain("lighthouse").contains("next: the next run decides about it"));

    plex.clear_faults();
    household.sync_well();
    assert_eq!(library(radarr), [SALT_LEDGER, 900_077]);
}

#[test]
fn an_arrs_lookup_translates_the_ids_that_plex_has() {
    let household = Household::new();
    let Household { plex, sonarr, .. } = &household;
    sonarr.know(Known::new(800_020, "Tide Tables").imdb("tt80000020"));
    plex.watch(&plex.owner_uuid(), Title::show("Tide Tables").imdb("tt80000020"));
    household.sync_well();
    assert_eq!(library(sonarr), [800_020]);
}

#[test]
fn a_title_that_left_the_catalogue_stops_nobody() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let friend = plex.add_friend("tomas.r");
    plex.watch(&friend, Title::movie("A Film That Never Was").missing_from_catalogue());
    plex.watch(&friend, movie());

    let report = household.sync_well();

    assert_eq!((&report["decisions"]["unresolvable"], library(radarr)), (&1.into(), vec![SALT_LEDGER]));
    assert_eq!(report["run"]["result"], "ok");
}
