//! The command line: dry runs, one user, whole reads, help, mistakes, and looking without a run.

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_until};

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, user, wanting_two};

#[test]
fn a_dry_run_tells_what_would_be_added_and_leaves_no_trace() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    radarr.add_movie(900_050, "A Winter Without Owls");
    plex.watch(&plex.owner_uuid(), Title::movie("A Winter Without Owls").year(2023).tmdb(900_050));

    let done = household.pulsarr(&["sync", "--dry-run", "--report", "json"]);

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = done.report();
    assert_eq!((&report["run"]["dry_run"], &report["placements"]["added"]), (&true.into(), &0.into()));
    let what: Vec<_> = report["changes"].as_array().unwrap().iter().map(|it| (&it["title"], &it["what"])).collect();
    assert_eq!(
        what,
        [
            (&"Salt Ledger (2025)".into(), &"would_add".into()),
            (&"A Winter Without Owls (2023)".into(), &"present".into()),
            (&"Harbour Nine (2024)".into(), &"would_add".into())
        ]
    );
    assert!(!household.data_dir().exists());
    assert_eq!((radarr.requests("POST", ""), sonarr.requests("POST", "")), (0, 0), "not even a tag is made");
    assert_eq!((library(radarr), library(sonarr)), (vec![900_050], vec![]));
    let text = household.pulsarr(&["sync", "--dry-run"]).stdout;
    assert!(text.contains("? Salt Ledger (2025), wanted by mirela_q"), "{text}");
    assert!(text.contains("(dry run: nothing was changed)"), "{text}");
}

#[test]
fn a_dry_run_over_a_store_leaves_it_as_it_was() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    household.sync_well();
    plex.watch(&plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    let (before, status) = (std::fs::read(household.database()).unwrap(), household.status());

    let done = household.pulsarr(&["sync", "--dry-run", "--report", "json"]);

    assert_eq!(done.report()["changes"].as_array().map(Vec::len), Some(1), "only what is new: {}", done.stdout);
    assert!(std::fs::read(household.database()).unwrap() == before);
    assert_eq!((household.status(), adds(radarr)), (status, 1));
    household.sync_well();
    assert_eq!(library(radarr), [SALT_LEDGER, 900_066], "the real run still finds it new");
}

#[test]
fn one_users_list_is_read_by_name_or_uuid_and_no_other() {
    let household = wanting_two();
    let Household { plex, radarr, .. } = &household;
    let (tomas, ines) = (plex.add_friend("tomas.r"), plex.add_friend("ines_vale"));
    plex.watch(&tomas, Title::movie("The Loud Duke").tmdb(900_066));
    plex.watch(&ines, Title::movie("A Winter Without Owls").tmdb(900_050));

    let done = household.pulsarr(&["sync", "--user", "Tomas.R", "--report", "json"]);
    assert_eq!((done.code, library(radarr)), (Some(0), vec![900_066]), "{}", done.stderr);
    assert_eq!(done.report()["users"].as_array().map(Vec::len), Some(1));
    assert!(plex.journal().iter().all(|seen| !seen.body.contains(&ines)));
    assert_eq!(plex.requests_to("/watchlist/all"), 0);

    let done = household.pulsarr(&["sync", "--user", &ines, "--report", "json"]);
    assert_eq!((done.code, library(radarr)), (Some(0), vec![900_066, 900_050]), "{}", done.stderr);
}

#[test]
fn an_unknown_user_is_a_usage_error_that_lists_the_known_ones() {
    let household = wanting_two();
    household.plex.add_friend("tomas.r");
    let done = household.pulsarr(&["sync", "--user", "tomas"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{}", done.stderr);
    assert!(done.stderr.contains("`tomas`; known are: mirela_q, tomas.r"), "{}", done.stderr);
    assert!(household.radarr.library().is_empty());
    household.sync_well();
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
}

#[test]
fn full_reads_every_list_whole_whatever_is_unchanged() {
    let household = wanting_two();
    let Household { plex, .. } = &household;
    let friend = plex.add_friend("tomas.r");
    plex.watch(&friend, super::movie());
    household.sync_well();
    let done = household.pulsarr(&["sync", "--full", "--report", "json"]);
    let report = done.report();
    for uuid in [&plex.owner_uuid(), &friend] {
        assert_eq!(user(&report, uuid)["read"], "complete");
    }
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1));
}

#[test]
fn usage_errors_end_with_64_and_say_how_it_is_done() {
    let household = Household::new();
    for arguments in [
        &["synk"][..],
        &["sync", "--dry"],
        &["sync", "--lock-wait", "2h"],
        &["sync", "--report", "yaml"],
        &["explain"],
        &["status", "--runs", "many"],
        &["simulate", "--given", "{}", "--title", "x"],
        &["approvals", "approve"],
        &["approvals", "approve", "7", "--series-type", "manga"],
        &["approvals", "reject"],
        &["copy", "--from", "movies"],
        &["backup", "--keep", "0"],
        &["restore"],
        &["upkeep", "--all"],
        &["doctor", "--report", "yaml"],
        &[],
    ] {
        let done = household.pulsarr(arguments);
        assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{arguments:?}\n{}", done.stderr);
        assert!(done.stderr.contains("--help") || done.stderr.contains("Usage:"), "{arguments:?}\n{}", done.stderr);
    }
    assert!(!household.data_dir().exists());
}

#[test]
fn help_teaches_the_exit_codes_and_the_first_steps() {
    let household = Household::new();
    for (flag, wanted) in [("-h", "Exit codes:"), ("--help", "First steps:")] {
        let done = household.pulsarr(&[flag]);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
        assert!(done.stdout.contains(wanted), "{}", done.stdout);
        for code in ["  0  done", " 64  wrong command line", " 69  some upstream", " 75  ", " 77  ", " 78  ", "143  "] {
            assert!(done.stdout.contains(code), "{flag} lacks `{code}`:\n{}", done.stdout);
        }
    }
    let known = [
        "sync",
        "check",
        "status",
        "explain",
        "simulate",
        "approvals",
        "copy",
        "backup",
        "restore",
        "upkeep",
        "doctor",
    ];
    for command in known {
        let done = household.pulsarr(&[command, "--help"]);
        assert_eq!(done.code, Some(0));
        assert!(done.stdout.contains("Usage: pulsarr"), "{}", done.stdout);
    }
    assert!(household.pulsarr(&["--version"]).stdout.starts_with("pulsarr "));
}

#[test]
fn before_any_run_status_and_explain_say_so() {
    let household = wanting_two();
    assert!(household.status().starts_with("No run yet"));
    let told = household.explain("Salt Ledger");
    assert!(told.contains("`Salt Ledger` is on no watchlist that pulsarr has read"), "{told}");
    household.sync_well();
    assert!(household.explain("A Film Nobody Wants").contains("is on no watchlist"));
}

#[test]
fn status_tells_the_last_runs_and_what_waits() {
    let household = wanting_two();
    household.sonarr.set_starting_up(true);
    assert_eq!(household.sync().code, Some(69));
    let told = household.status();
    assert!(told.contains("On the watchlists: 2 requested"), "{told}");
    assert!(told.contains("Waiting for `shows`: 1"), "{told}");
    household.sonarr.set_starting_up(false);
    for _ in 0..6 {
        household.sync_well();
    }
    let told = household.status();
    assert!(!told.contains("Waiting"), "{told}");
    assert_eq!(told.matches("(cli)").count(), 5, "{told}");
    assert_eq!(household.pulsarr(&["status", "--runs", "2"]).stdout.matches("(cli)").count(), 2);
    assert_eq!(library(&household.sonarr), [HARBOUR_NINE]);
}

/// Progress is rows: another process sees it while the run is under way.
#[test]
fn status_shows_how_far_a_running_sync_is() {
    let household = Household::new();
    let friend = household.plex.add_friend("tomas.r");
    household.plex.inject(Fault::on("POST", "/community/api").containing(&friend).never());
    let running = household.start(&["sync"]);
    wait_until("the friend's list is asked for", || household.plex.requests_to("/community/api") == 2);
    wait_until("a look is on record", || household.status().contains("observe: "));
    let status = household.status();
    assert!(status.contains("running (cli, on "), "{status}");
    running.terminate();
    assert_eq!(running.finish().code, Some(143));
    assert!(!household.status().contains("observe: "), "it no longer runs");
}

#[test]
fn a_dry_run_beside_a_running_sync_takes_no_lock_and_leaves_it_alone() {
    let household = Household::new();
    let friend = household.plex.add_friend("tomas.r");
    household.plex.inject(Fault::on("POST", "/community/api").containing(&friend).times(1).never());
    let running = household.start(&["sync"]);
    wait_until("the friend's list is asked for", || household.plex.requests_to("/community/api") == 2);
    let done = household.pulsarr(&["sync", "--dry-run", "--lock-wait", "0s", "--report", "json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.report()["run"]["result"], "ok");
    assert!(!done.stderr.contains("died"), "the run that is under way is alive: {}", done.stderr);
    assert!(household.status().contains("running (cli, on "), "and is still the one on record");
    running.terminate();
    assert_eq!(running.finish().code, Some(143));
}
