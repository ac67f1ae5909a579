//! The happy path: what a household wants arrives where it belongs, once, and an unchanged run costs next to nothing.

use pulsarr_tests::fakes::{FakeArr, Title};
use pulsarr_tests::household::Household;

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, movie, problems, show, user, wanting_two};

/// Every option of both kinds of instance, none of them at its default.
const CHOSEN: &str = "\
plex:
  token: ${PLEX_TOKEN}
instances:
  - name: movies
    kind: radarr
    url: ${RADARR_URL}
    api_key: ${RADARR_API_KEY}
    default: true
    quality_profile: HD-1080p
    root_folder_path: /films
    minimum_availability: in_cinemas
    monitor: movie_and_collection
    search_on_add: false
    tags: [watchlist, family]
  - name: shows
    kind: sonarr
    url: ${SONARR_URL}
    api_key: ${SONARR_API_KEY}
    default: true
    quality_profile: 6
    monitor: first_season
    monitor_new_items: none
    season_folder: false
";

#[test]
fn everybodys_titles_reach_the_right_instance_as_the_settings_say() {
    let household = Household::new();
    household.write_settings(CHOSEN);
    let Household { plex, radarr, sonarr, .. } = &household;
    let (owner, tomas) = (plex.owner_uuid(), plex.add_friend("tomas.r"));
    radarr.add_root_folder("/films", None);
    plex.watch(&owner, movie());
    plex.watch(&owner, show());
    plex.watch(&tomas, Title::show("Paper Comets").year(2026).tvdb(800_014).genre("Anime").genre("Fantasy"));
    plex.watch(&tomas, movie());

    let report = household.sync_well();

    assert_eq!(report["run"]["result"], "ok");
    assert_eq!((library(radarr), library(sonarr).len()), (vec![SALT_LEDGER], 2));
    let film = radarr.item(SALT_LEDGER).unwrap();
    assert_eq!((film.quality_profile_id, film.root_folder_path.as_str()), (4, "/films"));
    assert_eq!(
        (film.tags.as_slice(), film.monitored),
        (["watchlist".to_owned(), "family".to_owned()].as_slice(), true)
    );
    assert_eq!(film.raw["minimumAvailability"], "inCinemas");
    assert_eq!(film.raw["addOptions"]["monitor"], "movieAndCollection");
    assert!(radarr.searches().is_empty(), "search_on_add: false");

    let drama = sonarr.item(HARBOUR_NINE).unwrap();
    assert_eq!((drama.quality_profile_id, drama.root_folder_path.as_str()), (6, "/tv"));
    assert_eq!(sonarr.monitored_seasons(drama.id), [1]);
    assert_eq!(drama.raw["seriesType"], "standard");
    assert_eq!((&drama.raw["seasonFolder"], &drama.raw["monitorNewItems"]), (&false.into(), &"none".into()));
    assert_eq!(sonarr.item(800_014).unwrap().raw["seriesType"], "anime");
    assert_eq!(sonarr.searches().len(), 2, "search_on_add is on unless switched off");

    // Two people want the film: it is added once, and counted for both.
    assert_eq!((&report["placements"]["added"], &report["placements"]["present"]), (&3.into(), &1.into()));
    assert_eq!((&report["decisions"]["routed"], &report["decisions"]["already_there"]), (&3.into(), &1.into()));
    assert_eq!((&user(&report, &owner)["new"], &user(&report, &tomas)["new"]), (&2.into(), &2.into()));
    assert_eq!(adds(radarr), 1);

    let story = household.explain("paper comets");
    assert!(story.contains("Paper Comets (2026), a show on the watchlist of tomas.r: requested"), "{story}");
    assert!(story.contains("anime, because the genre says so"), "{story}");
    assert!(story.contains("=> send to `shows`"), "{story}");
    assert!(story.contains("\"tvdbId\":800014"), "what was sent is on record: {story}");
    assert!(household.explain("900002").contains("Salt Ledger (2025)"), "titles are found by their ids");
}

#[test]
fn an_unchanged_run_asks_plex_once_per_user_and_each_arr_only_what_has_arrived() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    for name in ["tomas.r", "ines_vale", "jo.marsh"] {
        let friend = plex.add_friend(name);
        plex.watch(&friend, Title::movie(&format!("The Film of {name}")).tmdb(i64::from(name.as_bytes()[0]) + 7_000));
    }
    household.sync_well();
    household.clear_journals();

    let report = household.sync_well();

    for arr in [radarr.journal(), sonarr.journal()] {
        let asked: Vec<&str> = arr.iter().map(|seen| seen.route.as_str()).collect();
        assert_eq!(asked, ["/api/v3/history/since"], "both have taken what is not there to watch yet");
    }
    let own = plex.journal_of("/watchlist/all");
    assert_eq!((own.len(), own[0].status), (1, 304), "the own list is asked for conditionally");
    assert_eq!(plex.requests_to("/community/api"), 1 + 3, "the friends, and one small query for each");
    assert_eq!(plex.journal().len(), 5);
    assert_eq!(report["upstream"]["plex"]["requests"], 5);
    assert_eq!(report["upstream"]["plex"]["not_modified"], 1);
    assert_eq!(report["run"]["result"], "ok");
    for user in report["users"].as_array().unwrap() {
        assert_eq!((&user["read"], &user["new"], &user["gone"]), (&"not_modified".into(), &0.into(), &0.into()));
    }
    assert_eq!(report["changes"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_new_title_on_top_of_a_long_list_costs_one_page() {
    let household = Household::new();
    let Household { plex, radarr, sonarr, .. } = &household;
    let owner = plex.owner_uuid();
    radarr.fill_library_from(2_000_000, 300);
    sonarr.fill_library_from(3_000_000, 300);
    plex.fill_watchlist(&owner, 0, 250);
    household.sync_well();
    assert_eq!((adds(radarr), adds(sonarr)), (0, 0), "all of it was there");
    household.clear_journals();

    plex.watch(&owner, movie());
    let report = household.sync_well();

    assert_eq!((&user(&report, &owner)["read"], &user(&report, &owner)["entries"]), (&"newest".into(), &251.into()));
    assert_eq!(plex.requests_to("/watchlist/all"), 1);
    assert_eq!(
        radarr.journal().iter().filter(|seen| seen.route == "/api/v3/movie" && seen.query.is_empty()).count(),
        1
    );
    assert_eq!(adds(radarr), 1, "and nobody downloads a library for one title");
    assert!(radarr.item(SALT_LEDGER).is_some());
}

#[test]
fn titles_already_there_are_recorded_and_excluded_ones_left_alone() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    radarr.exclude(SALT_LEDGER, "Salt Ledger");
    sonarr.add_series(HARBOUR_NINE, "Harbour Nine");
    sonarr.put_files(HARBOUR_NINE, &[(1, 1)]);
    let friend = plex.add_friend("tomas.r");
    plex.watch(&friend, Title::movie("A Winter Without Owls").tmdb(900_050));

    let report = household.sync_well();

    assert_eq!((library(radarr), library(sonarr)), (vec![900_050], vec![HARBOUR_NINE]));
    assert_eq!(adds(sonarr), 0);
    let decisions = &report["decisions"];
    assert_eq!(
        (&decisions["routed"], &decisions["already_there"], &decisions["excluded"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!((&report["placements"]["present"], &report["placements"]["excluded"]), (&1.into(), &1.into()));
    let story = household.explain("Salt Ledger");
    assert!(
        story.contains(": excluded") && story.contains("on the import-exclusion list of Radarr `movies`"),
        "{story}"
    );
    let story = household.explain("Harbour Nine");
    assert!(
        story.contains(": available") && story.contains("already in Sonarr `shows`, with something to watch"),
        "{story}"
    );
    assert!(!story.contains("imported"), "nobody knows when: {story}");
    assert_eq!(problems(&report), "");

    household.clear_journals();
    household.sync_well();
    let asked = |arr: &FakeArr| arr.journal().into_iter().map(|seen| seen.route).collect::<Vec<_>>();
    assert_eq!(asked(radarr), ["/api/v3/history/since"], "settled is settled, but the movie has not arrived yet");
    assert_eq!(asked(sonarr), ["/api/v3/history/since"], "and a show may go on");
}

#[test]
fn an_instance_told_to_disregard_exclusions_gets_the_title() {
    let household = wanting_two();
    let settings = pulsarr_tests::household::SETTINGS.replace("tags: [watchlist]", "respect_exclusions: false");
    household.write_settings(&settings);
    household.radarr.exclude(SALT_LEDGER, "Salt Ledger");
    household.sync_well();
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
}

#[test]
fn a_title_for_which_no_instance_is_the_default_is_held_until_there_is_one() {
    let household = wanting_two();
    let settings = pulsarr_tests::household::SETTINGS;
    let (movies_only, _) = settings.split_at(settings.find("  - name: shows").unwrap());
    household.write_settings(movies_only);

    let report = household.sync_well();

    assert_eq!(report["decisions"]["held"], 1);
    assert!(household.explain("Harbour Nine").contains("no Sonarr is marked `default: true`"));

    household.write_settings(settings);
    let report = household.sync_well();
    assert_eq!((library(&household.sonarr), &report["placements"]["added"]), (vec![HARBOUR_NINE], &1.into()));
}
