//! A token that Plex refuses, and what only looks like one.

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_until};

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, movie, problems, user, wanting_two};

#[test]
fn a_wrong_token_ends_with_77_and_the_right_one_takes_up_the_work() {
    let mut household = wanting_two();
    let settings = household.folder().join("pulsarr.yaml");
    let before = std::fs::read(&settings).unwrap();
    household.set("PLEX_TOKEN", "tok-mistyped-000000");

    let done = household.sync();

    assert_eq!(done.code, Some(77), "{}", done.stderr);
    let report = done.report();
    assert_eq!((&report["run"]["result"], &report["problems"][0]["kind"]), (&"failed".into(), &"credentials".into()));
    assert!(problems(&report).contains("Plex refuses the token. Put a new one where `plex.token`"), "{report:#}");
    assert_eq!(std::fs::read(&settings).unwrap(), before, "the settings are nobody's but the operator's");

    let token = household.plex.owner_token();
    household.set("PLEX_TOKEN", &token);
    household.sync_well();
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
}

#[test]
fn a_token_that_dies_between_runs_costs_no_entry() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    let friend = plex.add_friend("tomas.r");
    plex.watch(&friend, Title::movie("A Winter Without Owls").tmdb(900_050));
    household.sync_well();
    plex.revoke_token();
    plex.watch(&plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));

    for _ in 0..2 {
        let done = household.sync();
        assert_eq!(done.code, Some(77), "{}", done.stderr);
    }
    let status = household.status();
    assert!(status.contains("On the watchlists: 3 requested"), "{status}");

    plex.restore_token();
    let report = household.sync_well();
    assert_eq!((&user(&report, &plex.owner_uuid())["new"], &user(&report, &friend)["entries"]), (&1.into(), &1.into()));
    assert_eq!((library(radarr), adds(radarr), adds(sonarr)), (vec![SALT_LEDGER, 900_050, 900_066], 3, 1));
}

#[test]
fn one_refused_question_is_no_dead_token() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    let (tomas, ines) = (plex.add_friend("tomas.r"), plex.add_friend("ines_vale"));
    plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    plex.watch(&ines, Title::movie("A Winter Without Owls").tmdb(900_050));
    plex.inject(Fault::on("POST", "/community/api").containing(&tomas).status(401));

    let done = household.sync();

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = done.report();
    assert_eq!(report["run"]["result"], "partial");
    assert_eq!(
        (&user(&report, &tomas)["read"], &user(&report, &ines)["read"]),
        (&"unknown".into(), &"complete".into())
    );
    assert_eq!(library(radarr), [SALT_LEDGER, 900_050]);

    plex.clear_faults();
    household.sync_well();
    assert_eq!(library(radarr), [SALT_LEDGER, 900_050, 900_066]);
}

#[test]
fn another_accounts_token_keeps_the_first_owners_entries() {
    let mut household = wanting_two();
    let owner = household.plex.owner_uuid();
    let tomas = household.plex.add_friend("tomas.r");
    household.plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    household.sync_well();

    let (first, second) = (household.plex.owner_token(), household.plex.token_of(&tomas));
    household.set("PLEX_TOKEN", &second);
    household.sync_well();
    household.set("PLEX_TOKEN", &first);
    let report = household.sync_well();

    assert_eq!((&user(&report, &owner)["entries"], &user(&report, &owner)["new"]), (&2.into(), &0.into()));
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (2, 1), "nothing was asked for twice");
    assert!(household.explain(&movie().rating_key()).contains("requested"));
}

#[test]
fn a_token_linked_in_the_service_serves_the_job_and_stands_in_no_log() {
    let mut household = Household::new();
    household.write_settings(
        "instances:\n- {name: movies, kind: radarr, url: \"${RADARR_URL}\", api_key: \"${RADARR_API_KEY}\", default: true}\n",
    );
    household.set("PULSARR_AUTH", "disabled");
    household.set("PULSARR_LOG", "debug");
    let (owner, token) = (household.plex.owner_uuid(), household.plex.owner_token());
    household.plex.watch(&owner, movie());
    let service = household.serve();
    let begun = service.ask("POST", "/api/v1/plex/link", &[], b"").json();
    household.plex.claim_pin(begun["code"].as_str().unwrap());
    wait_until("the account is linked", || service.get("/api/v1/plex/link").json()["state"] == "linked");
    let refused = service.ask("PUT", "/api/v1/plex/token", &[], br#"{"token": "tok-nobody-knows"}"#);
    assert_eq!(refused.status, 422, "{refused:?}");
    wait_until("the service has looked at the token", || service.get("/health").json()["plex_token"] == "alive");

    let job = household.sync();
    assert_eq!(job.code, Some(0), "{}", job.stderr);
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);

    service.running.terminate();
    let done = service.running.finish();
    assert!(done.stderr.contains("the Plex account of mirela_q is linked"), "{}", done.stderr);
    for text in [&done.stderr, &job.stderr, &job.stdout] {
        assert!(!text.contains(&token) && !text.contains("tok-nobody-knows"), "{text}");
    }
}
