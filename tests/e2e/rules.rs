//! Rules of the settings file and the tests beside them: what `pulsarr check --rules` says.

use pulsarr_tests::household::{Done, Household};

use super::NOBODY;

/// A household with an instance more, and these rules and tests. There is no secret anywhere, and nobody answers.
fn household(rules: &str) -> Household {
    let mut household = Household::new();
    for secret in ["PLEX_TOKEN", "RADARR_API_KEY", "SONARR_API_KEY"] {
        household.vars.remove(secret);
    }
    let instance = |name: &str, kind: &str, default: bool| {
        format!(
            "  - {{name: {name}, kind: {kind}, url: '{NOBODY}', api_key: '${{{}_API_KEY}}', default: {default}}}\n",
            kind.to_uppercase()
        )
    };
    let instances =
        [instance("movies", "radarr", true), instance("shows", "sonarr", true), instance("anime", "sonarr", false)];
    household.write_settings(&format!("plex: {{token: '${{PLEX_TOKEN}}'}}\ninstances:\n{}{rules}", instances.concat()));
    household
}

/// What `check --rules` prints; it ends with `code`, asks nobody and makes nothing.
fn check_rules(household: &Household, code: i32) -> Done {
    let done = household.pulsarr(&["check", "--rules"]);
    assert_eq!(done.code, Some(code), "{}\n{}", done.stdout, done.stderr);
    let Household { plex, radarr, sonarr, .. } = household;
    assert_eq!((plex.journal().len(), radarr.journal().len(), sonarr.journal().len()), (0, 0, 0));
    assert!(!household.data_dir().exists());
    done
}

const ANIME: &str = "\
rules:
  - name: anime to the anime Sonarr
    when: {all: [{genre: {contains: anime}}, {not: {user: {in: [kids-tablet]}}}]}
    route: [{to: anime, series_type: anime, quality_profile: Anime}]
    priority: 100
tests:
  - given: {title: Frieren, type: show, genres: [Anime, Fantasy], user: living-room}
    expect: {route: [anime]}
";

#[test]
fn rule_tests_pass_without_secrets_store_or_network() {
    let done = check_rules(&household(ANIME), 0);
    assert_eq!(done.stdout, "Rule tests\n  ok    Frieren: it goes to anime\n  1 test of 1 rule: all as expected\n");
}

#[test]
fn a_test_that_fails_says_what_every_rule_did() {
    let more = "  \
  - {name: for children, given: {title: Frieren, type: show, genre: anime, user: kids-tablet}, expect: {route: anime}}
  - {name: nobody knows, given: {type: show}, expect: {exclude: true, approval: true, options: {shows: {monitor: none}}}}
";
    let done = check_rules(&household(&format!("{ANIME}{more}")), 78);
    for line in [
        "  ok    Frieren: it goes to anime",
        "  FAIL  for children: expected route anime, got shows; it goes to shows",
        "          rule `anime to the anime Sonarr`: did not match: not (user in [kids-tablet]: it is kids-tablet)",
        "          by default: matched: Sonarr `shows` is the default for shows",
        "  FAIL  nobody knows: expected an exclusion, got none; expected that approval is asked for; expected shows with monitor \
         none, got all; it goes to shows",
        "          rule `anime to the anime Sonarr`: could not tell: genre contains anime: unknown: ",
        "  3 tests of 1 rule: 2 failed; change the rules or what is expected",
    ] {
        assert!(done.stdout.lines().any(|told| told.starts_with(line)), "{line}\n{}", done.stdout);
    }
}

#[test]
fn no_tests_at_all_is_said_and_no_mistake() {
    let done = check_rules(&household("rules: [{name: a, exclude: true}]\n"), 0);
    assert!(done.stdout.contains("! "), "what excludes everything is warned of\n{}", done.stdout);
    assert!(
        done.stdout.ends_with("  no tests for 1 rule: write them under `tests:` in the settings file\n"),
        "{}",
        done.stdout
    );
}

#[test]
fn mistakes_in_rules_are_listed_with_path_and_line_and_nothing_is_done() {
    let household = household(
        "\
rules:
  - name: a
    when: {all: [{type: show}, {gener: anime}]}
    route: nowhere
  - {name: A, exclude: true}
",
    );
    for arguments in [&["check", "--rules"][..], &["sync"], &["check", "--offline"]] {
        let done = household.pulsarr(arguments);
        assert_eq!(done.code, Some(78), "{}", done.stderr);
        for mistake in [
            ":8: rules[0].when.all[1].gener: unknown field `gener`: did you mean `genre`?",
            ":9: rules[0].route: no instance is called `nowhere`: there are movies, shows, anime",
            ":10: rules[1].name: rules[0] is called `a` already: give each rule its own name",
        ] {
            assert!(done.stderr.contains(&format!("pulsarr.yaml{mistake}")), "{mistake}\n{}", done.stderr);
        }
    }
    assert!(!household.data_dir().exists());
}

#[test]
fn check_counts_rules_and_tests() {
    let mut household = household(ANIME);
    for secret in ["PLEX_TOKEN", "RADARR_API_KEY", "SONARR_API_KEY"] {
        household.set(secret, "00000000000000000000");
    }
    let done = household.pulsarr(&["check", "--offline"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for (name, value) in [("rules", "1"), ("tests", "1"), ("rules[0].priority", "100"), ("time_zone", "UTC")] {
        let line = done.stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {}", done.stdout));
        assert_eq!(line.split_whitespace().nth(1), Some(value), "{line}");
    }
}
