//! Requests answered on the command line: listed, shown, approved as proposed and with changes, rejected.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Done, Household, SETTINGS};

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};

/// Everything that anybody wants is asked about.
fn asking() -> Household {
    let household = wanting_two();
    household.write_settings(&format!("{SETTINGS}users:\n  defaults:\n    require_approval: true\n"));
    household.sync_well();
    assert_eq!(adds(&household.radarr) + adds(&household.sonarr), 0);
    household
}

fn approvals(household: &Household, arguments: &[&str]) -> Done {
    household.pulsarr(&[&["approvals"], arguments].concat())
}

fn told(household: &Household, arguments: &[&str]) -> String {
    let done = approvals(household, arguments);
    assert_eq!(done.code, Some(0), "{arguments:?}\n{}\n{}", done.stdout, done.stderr);
    done.stdout
}

#[test]
fn nothing_waits_before_any_run_and_where_nobody_asks() {
    let household = wanting_two();
    assert!(told(&household, &[]).starts_with("Nothing waits for approval: no run yet."));
    household.sync_well();
    assert_eq!(told(&household, &[]), "Nothing waits for approval.\n");
}

#[test]
fn a_request_is_listed_approved_by_its_title_and_added_by_the_next_run() {
    let household = asking();
    let listed = told(&household, &[]);
    assert!(listed.contains("Salt Ledger (2025), wanted by mirela_q: to `movies`"), "{listed}");
    assert!(listed.contains("because: everything mirela_q wants needs approval"), "{listed}");
    let story = household.explain("Salt Ledger");
    assert!(story.contains("next: it waits for approval: `pulsarr approvals approve "), "{story}");

    let approved = told(&household, &["approve", "salt ledger", "--by", "mirela", "--note", "rainy weekend"]);
    assert!(approved.contains("Salt Ledger (2025), wanted by mirela_q, to `movies`"), "{approved}");
    assert!(approved.ends_with("The next run adds it.\n"), "{approved}");
    assert!(library(&household.radarr).is_empty());
    household.sync_well();
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![]));
    let story = household.explain("Salt Ledger");
    assert!(story.contains("approved by mirela") && story.contains("rainy weekend"), "{story}");
    let all = told(&household, &["list", "--all"]);
    assert!(all.contains("approved by mirela, to `movies`") && all.contains("pending, to `shows`"), "{all}");
    assert!(!told(&household, &[]).contains("Salt Ledger"));
    told(&household, &["reject", "harbour", "--by", "mirela"]);
    let store = rusqlite::Connection::open(household.database()).unwrap();
    let mut noted = store.prepare("SELECT who, action, detail FROM audit ORDER BY id").unwrap();
    let noted = noted.query_map([], |row| Ok([row.get::<_, String>(0)?, row.get(1)?, row.get(2)?])).unwrap();
    let noted: Vec<[String; 3]> = noted.map(Result::unwrap).collect();
    let who = "mirela (command line)";
    assert_eq!(noted[0][..2], [who, "approval.approved"], "{noted:?}");
    assert!(noted[0][2].contains("rainy weekend"), "{noted:?}");
    assert_eq!(noted[1][..2], [who, "approval.rejected"], "{noted:?}");
}

#[test]
fn the_list_says_what_silence_comes_to() {
    let household = asking();
    let settings = format!("{SETTINGS}users:\n  defaults:\n    require_approval: true\n");
    assert!(!told(&household, &[]).contains("unanswered"));
    for (then, words) in [("expire", "; unanswered, it expires at 2"), ("approve", "; unanswered, it is approved at 2")]
    {
        household.write_settings(&format!("{settings}approvals: {{expire_after_h: 72, then: {then}}}\n"));
        let listed = told(&household, &[]);
        assert_eq!(listed.matches(words).count(), 2, "{listed}");
    }
}

#[test]
fn all_that_waits_is_approved_at_once() {
    let household = asking();
    let approved = told(&household, &["approve", "--all"]);
    assert!(approved.ends_with("The next run adds them.\n"), "{approved}");
    household.sync_well();
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
}

#[test]
fn a_request_is_approved_with_changes() {
    let household = asking();
    told(
        &household,
        &["approve", "salt ledger", "--quality-profile", "Ultra-HD", "--tags", "a,b", "--search", "false"],
    );
    household.sync_well();
    let item = household.radarr.item(SALT_LEDGER).unwrap();
    assert_eq!((item.quality_profile_id, item.tags), (6, vec!["a".to_owned(), "b".to_owned()]));
    assert!(household.explain("Salt Ledger").contains("approved for: `movies` (with quality_profile Ultra-HD"));
}

#[test]
fn changes_that_do_not_fit_are_named_and_nothing_is_decided() {
    let household = asking();
    for (arguments, sentence) in [
        (&["--to", "films"][..], "there is no instance `films`; movies can go to `movies`"),
        (&["--to", "shows"], "Sonarr `shows` takes no movie; movies can go to `movies`"),
        (&["--seasons", "1,2"], "Radarr has no `seasons`, and this is a movie"),
        (&["--monitor", "pilot"], "`pilot` is nothing to monitor; use one of movie_only"),
    ] {
        let done = approvals(&household, &[&["approve", "harbour nine", "salt ledger"], arguments].concat());
        assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{}", done.stderr);
        let fits_neither = done.stderr.contains(sentence) || done.stderr.contains("Harbour Nine");
        assert!(fits_neither, "{}", done.stderr);
        let done = approvals(&household, &[&["approve", "salt ledger"], arguments].concat());
        assert!(done.stderr.contains(sentence), "{}", done.stderr);
    }
    assert_eq!(told(&household, &[]).matches("wanted by").count(), 2);
}

#[test]
fn a_rejected_request_stays_rejected_with_its_note() {
    let household = asking();
    let rejected = told(&household, &["reject", "salt ledger", "--note", "not before your exams", "--by", "mirela"]);
    assert!(rejected.contains("Salt Ledger (2025), wanted by mirela_q"), "{rejected}");
    household.sync_well();
    let story = household.explain("Salt Ledger");
    assert!(story.contains(": rejected\n") && story.contains("rejected by mirela: not before your exams"), "{story}");
    assert!(story.contains("next: nothing; taking it off the watchlist and adding it again asks anew"), "{story}");
    let done = approvals(&household, &["approve", "salt ledger"]);
    assert_eq!(done.code, Some(64), "{}", done.stderr);
    assert!(library(&household.radarr).is_empty());
}

#[test]
fn a_note_has_at_most_a_thousand_characters_and_a_longer_one_decides_nothing() {
    let household = asking();
    for verdict in ["approve", "reject"] {
        let done = approvals(&household, &[verdict, "salt ledger", "--note", &"\u{fc}".repeat(1_001)]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{}", done.stderr);
        assert!(done.stderr.contains("a note has at most 1000 characters, and this one has 1001"), "{}", done.stderr);
    }
    assert_eq!(told(&household, &[]).matches("wanted by").count(), 2, "both wait still");
    let longest = "\u{fc}".repeat(1_000);
    let _ = told(&household, &["reject", "salt ledger", "--note", &longest]);
    assert!(household.explain("Salt Ledger").contains(&longest));
}

#[test]
fn a_name_that_several_requests_have_is_asked_back() {
    let household = asking();
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("Salt Ledger Returns").year(2026).tmdb(900_003));
    household.sync_well();
    let done = approvals(&household, &["show", "ledger"]);
    assert_eq!(done.code, Some(64), "{}", done.stderr);
    assert!(done.stderr.contains("failed to tell which request `ledger` means: "), "{}", done.stderr);
    assert!(told(&household, &["show", "salt ledger"]).starts_with("Salt Ledger (2025), a movie wanted by mirela_q\n"));
    let done = approvals(&household, &["approve", "99"]);
    assert!(done.stderr.contains("failed to find a request `99`"), "{}", done.stderr);
}

#[test]
fn a_second_person_gets_the_same_answer() {
    let household = asking();
    let tomas = household.plex.add_friend("tomas.r");
    household.plex.watch(&tomas, super::movie());
    household.sync_well();
    let approved = told(&household, &["approve", "--all"]);
    assert!(approved.contains("mirela_q and tomas.r"), "{approved}");
    assert_eq!(told(&household, &[]), "Nothing waits for approval.\n");
    let report = household.sync_well();
    assert_eq!((library(&household.radarr), &report["placements"]["present"]), (vec![SALT_LEDGER], &1.into()));
}
