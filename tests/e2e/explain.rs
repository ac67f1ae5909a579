//! What `explain` answers when there is no entry to tell about, and about one user's list.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};

use super::{movie, wanting_two};

/// What `explain` tells about the movie on this user's list.
fn of(household: &Household, user: &str) -> String {
    let done = household.pulsarr(&["explain", "Salt Ledger", "--user", user]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout
}

#[test]
fn a_title_on_no_list_is_answered_with_the_last_look_at_each() {
    let household = Household::new();
    household.plex.add_friend("tomas.r");
    household.sync_well();
    household.sync_well();
    let told = household.explain("Salt Ledger");
    assert!(told.starts_with("`Salt Ledger` is on no watchlist that pulsarr has read.\n"), "{told}");
    for name in ["mirela_q", "tomas.r"] {
        assert!(told.contains(&format!("  the list of {name} was last looked at 2")), "{told}");
    }
    assert!(
        told.contains("  next: not seen yet: the last look was 2") && told.contains("; runs come about every "),
        "{told}"
    );
}

#[test]
fn one_users_list_may_be_private_switched_off_or_gone() {
    let household = wanting_two();
    let (tomas, ines) = (household.plex.add_friend("tomas.r"), household.plex.add_friend("ines_vale"));
    household.plex.set_private(&tomas, true);
    household.sync_well();
    let told = of(&household, "tomas.r");
    assert!(told.contains("`Salt Ledger` is not on the watchlist of tomas.r"), "{told}");
    assert!(told.contains("  it is, or was, on that of mirela_q\n"), "{told}");
    assert!(told.contains("  the list of tomas.r is private: Plex did not share it with us"), "{told}");

    household.write_settings(&format!("{SETTINGS}users:\n  overrides:\n    - plex: tomas.r\n      sync: false\n"));
    assert!(of(&household, "tomas.r").contains("  tomas.r is switched off in the settings"));

    household.plex.remove_friend(&ines);
    household.sync_well();
    assert!(of(&household, "ines_vale").contains("  ines_vale is no friend on Plex any more"));
    assert!(
        of(&household, "mirela_q").starts_with("Salt Ledger (2025), a movie on the watchlist of mirela_q: requested")
    );
}

#[test]
fn those_who_have_the_title_instead_are_each_named_once() {
    let household = wanting_two();
    let (ines, tomas) = (household.plex.add_friend("ines_vale"), household.plex.add_friend("tomas.r"));
    for (number, uuid) in [(1, household.plex.owner_uuid()), (2, tomas), (3, household.plex.owner_uuid())] {
        household.plex.watch(&uuid, Title::movie(&format!("Salt Ledger {number}")).tmdb(910_000 + number));
    }
    household.plex.watch(&ines, Title::movie("Paper Tide").tmdb(910_009));
    household.sync_well();
    let told = of(&household, "ines_vale");
    assert!(told.contains("  it is, or was, on that of mirela_q, tomas.r\n"), "{told}");
}

#[test]
fn nobody_of_that_name_is_a_usage_error_that_lists_the_known_ones() {
    let household = wanting_two();
    household.sync_well();
    let done = household.pulsarr(&["explain", "Salt Ledger", "--user", "tomas"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{}", done.stderr);
    assert!(done.stderr.contains("failed to find a user `tomas`; known are: mirela_q"), "{}", done.stderr);
}

#[test]
fn a_story_tells_facts_by_source_every_rule_and_the_options_that_differ() {
    let household = Household::new();
    household.write_settings(&format!(
        "{SETTINGS}rules:\n  - name: dramas in the best quality\n    when: {{genre: {{contains: drama}}}}\n    \
         route: [{{to: movies, quality_profile: Ultra-HD}}]\n    priority: 10\n  - name: old\n    \
         when: {{year: {{\"<\": 1950}}}}\n    exclude: true\n    priority: 5\n"
    ));
    household.plex.watch(&household.plex.owner_uuid(), movie().genre("Drama"));
    household.sync_well();
    let told = household.explain("Salt Ledger");
    for part in [
        "  known from plex metadata: genre: Drama",
        "rule `dramas in the best quality`: genre contains drama: it is Drama; sends it to `movies`",
        "    no     rule `old`: year < 1950: it is 2025",
        "(with quality_profile Ultra-HD)",
        "`movies`: added",
    ] {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
}
