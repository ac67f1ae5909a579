//! Lists that cannot be read, are read in part, are hidden, or have lost everything: absent is not removed.

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::Household;

use super::{HARBOUR_NINE, NOBODY, SALT_LEDGER, adds, library, movie, problems, show, user, wanting_two};

const SURFACES: [&str; 4] =
    ["PULSARR_PLEX_TV_URL", "PULSARR_PLEX_DISCOVER_URL", "PULSARR_PLEX_METADATA_URL", "PULSARR_PLEX_COMMUNITY_URL"];

#[test]
fn plex_out_of_reach_ends_with_69_and_closes_nothing() {
    let mut household = wanting_two();
    let friend = household.plex.add_friend("tomas.r");
    household.plex.watch(&friend, Title::movie("The Loud Duke").tmdb(900_066));
    household.sync_well();
    let well = household.vars.clone();
    for surface in SURFACES {
        household.set(surface, NOBODY);
    }
    for arguments in [&["sync", "--report", "json"][..], &["sync", "--full", "--report", "json"]] {
        let done = household.pulsarr(arguments);
        assert_eq!(done.code, Some(69), "{}", done.stderr);
        let report = done.report();
        assert_eq!(report["run"]["result"], "failed");
        assert!(problems(&report).contains("The next run tries again."), "{report:#}");
        for user in report["users"].as_array().unwrap() {
            assert_eq!((&user["read"], &user["gone"]), (&"unknown".into(), &0.into()));
        }
    }
    let status = household.status();
    assert!(status.contains("On the watchlists: 3 requested"), "{status}");

    household.vars = well;
    let report = household.sync_well();
    assert!(report["users"].as_array().unwrap().iter().all(|user| user["new"] == 0 && user["gone"] == 0), "{report:#}");
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (2, 1));
}

#[test]
fn plex_out_of_order_ends_with_69_and_closes_nothing() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    household.sync_well();
    let out_of_order = [
        Fault::on("ANY", "").status(503),
        Fault::on("ANY", "").html(),
        Fault::on("ANY", "").truncated(),
        Fault::on("ANY", "").reset(),
        Fault::on("ANY", "").status(404),
        Fault::on("ANY", "").status(429).retry_after("0"),
    ];
    for fault in out_of_order {
        plex.inject(fault.clone());
        let done = household.pulsarr(&["sync", "--full", "--report", "json"]);
        assert_eq!(done.code, Some(69), "{fault:?}\n{}\n{}", done.stdout, done.stderr);
        let report = done.report();
        assert_eq!(report["run"]["result"], "failed", "{fault:?}");
        assert_eq!(user(&report, &plex.owner_uuid())["entries"], 2, "{fault:?}");
        plex.clear_faults();
    }
    let report = household.sync_well();
    assert_eq!((&user(&report, &plex.owner_uuid())["new"], adds(radarr)), (&0.into(), 1));
}

#[test]
fn what_waits_for_an_instance_is_added_even_while_plex_is_down() {
    let household = wanting_two();
    household.radarr.set_starting_up(true);
    assert_eq!(household.sync().code, Some(69));
    household.radarr.set_starting_up(false);
    household.plex.inject(Fault::on("ANY", "").status(503));

    let done = household.sync();

    assert_eq!(done.code, Some(69));
    assert_eq!((library(&household.radarr), &done.report()["placements"]["added"]), (vec![SALT_LEDGER], &1.into()));
}

#[test]
fn a_list_that_turns_private_keeps_its_entries() {
    let household = Household::new();
    let Household { plex, radarr, sonarr, .. } = &household;
    let (tomas, ines) = (plex.add_friend("tomas.r"), plex.add_friend("ines_vale"));
    plex.watch(&tomas, movie());
    plex.watch(&ines, show());
    household.sync_well();
    plex.set_private(&tomas, true);
    plex.watch(&ines, Title::movie("The Loud Duke").tmdb(900_066));

    for _ in 0..2 {
        let report = household.sync_well();
        assert_eq!(report["run"]["result"], "ok", "a private list is nothing that went wrong");
        assert_eq!((&user(&report, &tomas)["read"], &user(&report, &tomas)["gone"]), (&"not_shared".into(), &0.into()));
        assert_eq!(user(&report, &tomas)["entries"], 1);
    }
    assert_eq!((library(radarr), library(sonarr)), (vec![SALT_LEDGER, 900_066], vec![HARBOUR_NINE]));
    let status = household.status();
    assert!(status.contains("List of tomas.r: not shared"), "{status}");

    plex.set_private(&tomas, false);
    assert_eq!(user(&household.sync_well(), &tomas)["new"], 0);
    assert_eq!(adds(radarr), 2);
}

#[test]
fn a_friend_who_leaves_keeps_the_entries_and_is_read_again_when_back() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let tomas = plex.add_friend("tomas.r");
    plex.watch(&tomas, movie());
    household.sync_well();
    plex.remove_friend(&tomas);
    household.clear_journals();

    let report = household.sync_well();
    assert!(report["users"].as_array().unwrap().iter().all(|user| user["uuid"] != *tomas));
    assert!(plex.journal().iter().all(|seen| !seen.body.contains(&tomas)), "nobody reads a stranger's list");
    assert!(household.explain("Salt Ledger").contains("requested"));

    plex.add_friend("tomas.r");
    let report = household.sync_well();
    assert_eq!((&user(&report, &tomas)["entries"], &user(&report, &tomas)["new"]), (&1.into(), &0.into()));
    assert_eq!(library(radarr), [SALT_LEDGER]);
}

#[test]
fn a_list_cut_on_its_third_page_serves_what_was_read_and_the_next_run_reads_the_rest() {
    let household = Household::new();
    let Household { plex, radarr, sonarr, .. } = &household;
    let (tomas, ines) = (plex.add_friend("tomas.r"), plex.add_friend("ines_vale"));
    radarr.fill_library_from(2_000_000, 300);
    sonarr.fill_library_from(3_000_000, 300);
    // The oldest wish of all, and so on the last page.
    plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    plex.fill_watchlist(&tomas, 0, 250);
    plex.watch(&ines, movie());
    // One query for the head, then page by page.
    plex.inject(Fault::on("POST", "/community/api").containing(&tomas).skip(3).status(500));

    let done = household.sync();

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = done.report();
    assert_eq!(report["run"]["result"], "partial");
    let read = user(&report, &tomas);
    assert_eq!((&read["read"], &read["entries"], &read["gone"]), (&"unknown".into(), &200.into(), &0.into()));
    assert!(radarr.item(SALT_LEDGER).is_some(), "the others are served");
    assert!(radarr.item(900_066).is_none());
    assert_eq!(report["placements"]["present"], 200, "what was read is acted on");

    plex.clear_faults();
    let report = household.sync_well();
    let read = user(&report, &tomas);
    assert_eq!((&read["read"], &read["entries"], &read["new"]), (&"complete".into(), &251.into(), &51.into()));
    assert!(radarr.item(900_066).is_some());
    assert_eq!(adds(radarr), 2);
}

#[test]
fn the_only_list_cut_in_the_middle_is_still_a_part_and_no_failure() {
    let household = Household::new();
    let Household { plex, radarr, sonarr, .. } = &household;
    radarr.fill_library_from(2_000_000, 300);
    sonarr.fill_library_from(3_000_000, 300);
    plex.fill_watchlist(&plex.owner_uuid(), 0, 150);
    plex.inject(Fault::on("GET", "/watchlist/all").skip(1).status(500));

    let done = household.sync();

    let report = done.report();
    assert_eq!((done.code, &report["run"]["result"]), (Some(0), &"partial".into()), "{report:#}");
    assert_eq!(report["placements"]["present"], 100);
}

#[test]
fn an_empty_list_that_was_full_closes_nothing() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let (owner, tomas) = (plex.owner_uuid(), plex.add_friend("tomas.r"));
    let wishes: Vec<String> = (0..4).map(|n| plex.add_title(Title::numbered_movie(n))).collect();
    for wish in &wishes {
        plex.watch(&owner, wish);
        plex.watch(&tomas, wish);
    }
    household.sync_well();
    plex.clear_watchlist(&owner);
    plex.clear_watchlist(&tomas);

    for arguments in [&["sync", "--report", "json"][..], &["sync", "--full", "--report", "json"]] {
        let done = household.pulsarr(arguments);
        let report = done.report();
        for uuid in [&owner, &tomas] {
            let read = user(&report, uuid);
            assert_eq!((&read["gone"], &read["entries"]), (&0.into(), &4.into()), "{report:#}");
            assert!(read["detail"].as_str().unwrap().contains("4 of 4 entries are missing at once"), "{read}");
        }
    }
    assert!(household.explain("Ledger of Salt 0").contains("not on the list since"));

    for wish in &wishes {
        plex.watch(&owner, wish);
        plex.watch(&tomas, wish);
    }
    let report = household.sync_well();
    assert_eq!((&user(&report, &owner)["new"], &user(&report, &tomas)["new"]), (&0.into(), &0.into()));
    assert_eq!(adds(radarr), 4, "what came back is nothing new");
    assert!(!household.explain("Ledger of Salt 0").contains("not on the list since"));
}

#[test]
fn friends_are_read_while_the_question_who_they_are_fails() {
    let household = Household::new();
    let Household { plex, radarr, .. } = &household;
    let tomas = plex.add_friend("tomas.r");
    plex.watch(&tomas, movie());
    household.sync_well();
    plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    plex.inject(Fault::on("POST", "/community/api").containing("allFriendsV2").status(500));

    let done = household.sync();

    assert_eq!(done.code, Some(69));
    assert_eq!(done.report()["run"]["result"], "partial");
    assert_eq!(library(radarr), [SALT_LEDGER, 900_066]);
}
