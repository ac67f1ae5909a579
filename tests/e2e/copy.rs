//! One library copied to another instance.

use pulsarr_tests::fakes::FakeRadarr;
use pulsarr_tests::household::{Household, SETTINGS};

use super::library;

/// A household with a second Radarr, `second`, and two movies in the first.
fn with_second() -> (Household, FakeRadarr) {
    let mut household = Household::new();
    let second = FakeRadarr::start();
    household.set("SECOND_API_KEY", &second.api_key());
    household.write_settings(&format!(
        "{SETTINGS}  - name: second\n    kind: radarr\n    url: {}\n    api_key: ${{SECOND_API_KEY}}\n",
        second.url()
    ));
    household.radarr.add_movie(900_002, "Salt Ledger");
    household.radarr.add_movie(900_066, "The Loud Duke");
    (household, second)
}

#[test]
fn a_library_is_copied_once_and_a_dry_run_comes_first() {
    let (household, second) = with_second();
    let done = household.pulsarr(&["copy", "--from", "movies", "--to", "second", "--dry-run"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("  ? Salt Ledger") && done.stdout.contains("2 would be added"), "{}", done.stdout);
    assert!(second.library().is_empty() && !household.data_dir().exists());

    let done = household.pulsarr(&["copy", "--from", "movies", "--to", "second", "--report", "json"]);
    assert_eq!((done.code, &done.report()["added"]), (Some(0), &2.into()), "{}", done.stderr);
    assert_eq!(library(&second), [900_002, 900_066]);

    let done = household.pulsarr(&["copy", "--from", "movies", "--to", "second"]);
    assert_eq!(done.stdout, "`movies` to `second`, 2 titles: 2 there already\n");
    assert_eq!(super::adds(&second), 2);
}

#[test]
fn what_does_not_go_together_is_a_usage_error() {
    let (household, second) = with_second();
    for (from, to, sentence) in [
        ("movies", "movies", "failed to copy `movies` to itself"),
        ("movies", "shows", "failed to copy Radarr `movies` to Sonarr `shows`: a Radarr takes movies"),
        ("films", "second", "failed to find an instance `films`; the settings have: movies, shows, second"),
    ] {
        let done = household.pulsarr(&["copy", "--from", from, "--to", to]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{}", done.stderr);
        assert!(done.stderr.contains(sentence), "{}", done.stderr);
    }
    assert_eq!(second.requests_to(""), 0);
}

#[test]
fn exit_codes_tell_what_was_wrong() {
    let (mut household, second) = with_second();
    let copy = |household: &Household| household.pulsarr(&["copy", "--from", "movies", "--to", "second"]).code;
    second.set_starting_up(true);
    assert_eq!(copy(&household), Some(69));
    second.set_starting_up(false);
    household.set("SECOND_API_KEY", "ffffffffffffffffffffffffffffffff");
    assert_eq!(copy(&household), Some(77));
    household.set("SECOND_API_KEY", &second.api_key());
    second.unknown_id(900_066);
    assert_eq!(copy(&household), Some(1));
    assert_eq!(library(&second), [900_002]);
}
