//! What the settings and the environment say: mistakes, nothing at all, and whose lists are read.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};

use super::{SALT_LEDGER, adds, library, movie, show, user, wanting_two};

/// Nobody was asked for anything, and nothing was made on disk.
fn assert_nothing_was_done(household: &Household) {
    let Household { plex, radarr, sonarr, .. } = household;
    assert_eq!((plex.journal().len(), radarr.journal().len(), sonarr.journal().len()), (0, 0, 0));
    assert!(!household.data_dir().exists());
}

#[test]
fn five_mistakes_are_all_listed_with_their_lines_and_nothing_is_done() {
    let household = wanting_two();
    household.write_settings(
        "\
plex:
  token: ${NOWHERE}
  friend: true
instances:
  - name: movies
    kind: radarr
    url: radarr:7878
    api_key: ${RADARR_API_KEY}
    search_on_add: maybe
    monitor: everything
",
    );
    for arguments in [&["sync"][..], &["sync", "--dry-run"], &["check"], &["status"], &["explain", "Salt Ledger"]] {
        let done = household.pulsarr(arguments);
        assert_eq!((done.code, done.stdout.as_str()), (Some(78), ""), "{arguments:?}\n{}", done.stderr);
        assert!(done.stderr.contains("the configuration has mistakes; nothing was done."), "{}", done.stderr);
        for mistake in [
            ":2: plex.token: neither NOWHERE nor NOWHERE_FILE is set",
            ":3: plex.friend: unknown key `friend`: did you mean `friends`?",
            ":7: instances[0].url: expected an address such as http://host:7878, found `radarr:7878`",
            ":9: instances[0].search_on_add: expected true or false, found `maybe`",
            ":10: instances[0].monitor: expected one of movie_only, movie_and_collection, none; found `everything`",
        ] {
            assert!(done.stderr.contains(&format!("pulsarr.yaml{mistake}")), "{mistake}\n{}", done.stderr);
        }
    }
    assert_nothing_was_done(&household);
}

#[test]
fn values_that_cannot_be_are_refused_with_what_would_be_right() {
    let mut household = wanting_two();
    household.set("PULSARR_RUN_LIMIT_S", "soon");
    household.set("PULSARR_LOG", "loud");
    household.set("PULSARR_PLEX_TV_URL", "plex.tv");
    let done = household.pulsarr(&["sync"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(78), ""));
    for mistake in [
        "PULSARR_RUN_LIMIT_S: expected seconds, from 1 to 86400, found `soon`",
        "PULSARR_LOG: expected off, error, warn, info, debug or trace",
        "PULSARR_PLEX_TV_URL: expected an address",
    ] {
        assert!(done.stderr.contains(mistake), "{mistake}\n{}", done.stderr);
    }
    assert_nothing_was_done(&household);
}

#[test]
fn a_settings_file_that_was_named_and_is_not_there_is_a_mistake() {
    let mut household = wanting_two();
    household.set("PULSARR_CONFIG", "elsewhere.yaml");
    let done = household.sync();
    assert_eq!(done.code, Some(78));
    assert!(done.stderr.contains("PULSARR_CONFIG: there is no file"), "{}", done.stderr);
    assert!(done.stderr.contains("create it, or unset the variable"), "{}", done.stderr);
    assert_nothing_was_done(&household);
}

#[test]
fn without_settings_nothing_is_set_up_and_that_is_no_error() {
    let mut household = wanting_two();
    household.vars.remove("PULSARR_CONFIG");
    std::fs::remove_file(household.folder().join("pulsarr.yaml")).unwrap();

    let done = household.sync();

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = done.report();
    assert_eq!(report["run"]["result"], "not_set_up");
    let detail = report["run"]["detail"].as_str().unwrap();
    assert!(detail.contains("a Plex token (`plex.token`) and a Sonarr or Radarr (`instances`)"), "{detail}");
    assert!(detail.contains("write a pulsarr.yaml"), "{detail}");
    assert!(household.plex.journal().is_empty());
    assert!(household.pulsarr(&["sync"]).stdout.contains("not set up yet"));
    assert!(household.status().contains("not set up yet"));
    let checked = household.pulsarr(&["check"]);
    assert_eq!(checked.code, Some(0));
    assert!(checked.stdout.contains("nothing is set up yet"), "{}", checked.stdout);

    household.write_settings(SETTINGS);
    household.sync_well();
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
}

#[test]
fn a_list_that_is_switched_off_is_not_read_at_all() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let (room, tomas) = (plex.add_friend("living-room"), plex.add_friend("tomas.r"));
    plex.watch(&room, Title::movie("The Loud Duke").tmdb(900_066));
    plex.watch(&tomas, movie());
    household.write_settings(&format!("{SETTINGS}users:\n  overrides:\n    - {{plex: living-room, sync: false}}\n"));

    let report = household.sync_well();

    assert_eq!(library(radarr), [SALT_LEDGER]);
    assert_eq!(report["switched_off"], serde_json::json!(["living-room"]));
    assert!(report["users"].as_array().unwrap().iter().all(|user| user["uuid"] != *room));
    assert!(plex.journal().iter().all(|seen| !seen.body.contains(&room)), "no request names the uuid");
}

#[test]
fn only_the_people_named_take_part_when_the_default_is_off() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    let tomas = plex.add_friend("tomas.r");
    plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    let users = format!("users:\n  defaults: {{sync: false}}\n  overrides:\n    - {{plex: {tomas}, sync: true}}\n");
    household.write_settings(&format!("{SETTINGS}{users}"));

    let report = household.sync_well();

    assert_eq!((library(radarr), library(sonarr)), (vec![900_066], vec![]));
    assert_eq!(report["switched_off"], serde_json::json!(["mirela_q"]));
    assert_eq!(plex.requests_to("/watchlist/all"), 0);
}

#[test]
fn without_friends_only_the_own_list_is_read() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    let tomas = plex.add_friend("tomas.r");
    plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    household.write_settings(&SETTINGS.replace("plex:\n", "plex:\n  friends: false\n"));
    household.sync_well();
    assert_eq!((library(radarr), plex.requests_to("/community")), (vec![SALT_LEDGER], 0));
}

#[test]
fn a_friend_who_changes_name_keeps_the_entries() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let tomas = plex.add_friend("tomas.r");
    plex.watch(&tomas, movie());
    household.sync_well();
    plex.rename_friend(&tomas, "tomas.the.second");
    plex.watch(&tomas, show());

    let report = household.sync_well();

    let read = user(&report, &tomas);
    assert_eq!((&read["name"], &read["new"], &read["entries"]), (&"tomas.the.second".into(), &1.into(), &2.into()));
    assert_eq!((report["users"].as_array().unwrap().len(), adds(radarr)), (2, 1));
    assert!(household.explain("Salt Ledger").contains("on the watchlist of tomas.the.second"));
}

#[test]
fn a_sync_that_stops_at_its_settings_is_on_record_and_in_the_metrics() {
    let mut household = wanting_two();
    household.set("PULSARR_AUTH", "required_except_local");
    household.set("PULSARR_FAST_LANE", "false");
    let service = household.serve();
    household.sync_well();
    let code = || {
        let metrics = service.metrics();
        let line = metrics.lines().find(|line| line.starts_with("pulsarr_sync_last_exit_code "));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(code(), "0");

    // As a ConfigMap is changed: the service goes on with what it has read.
    household.write_settings("instances: 7\n");
    let failed = household.sync();
    assert_eq!(failed.code, Some(78), "{failed:?}");
    assert_eq!(code(), "78");
    let runs = service.get("/api/v1/runs").json();
    let newest = &runs["runs"][0];
    assert_eq!(newest["result"], "failed", "{runs}");
    let id = newest["id"].as_str().unwrap();
    let run = service.get(&format!("/api/v1/runs/{id}")).json();
    assert!(run.to_string().contains("expected a list"), "{run}");

    household.write_settings(SETTINGS);
    household.sync_well();
    assert_eq!(code(), "0");
}
