//! What-if on the command line: with today's rules, with others, for one described wish.

use pulsarr_tests::household::{Household, SETTINGS};

use super::{adds, wanting_two};

/// Rules that send new movies elsewhere, in a file of their own.
const RULES: &str = "\
rules:
  - name: new movies
    when: {all: [{type: movie}, {year: {\">=\": 2020}}]}
    route: [{to: new-movies}]
    priority: 10
";

/// The household's settings with a second Radarr.
fn settings() -> String {
    format!(
        "{SETTINGS}  - name: new-movies\n    kind: radarr\n    url: ${{RADARR_URL}}\n    api_key: ${{RADARR_API_KEY}}\n"
    )
}

fn told(household: &Household, arguments: &[&str]) -> String {
    let done = household.pulsarr(&[&["simulate"], arguments].concat());
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    done.stdout
}

fn write_rules(household: &Household, yaml: &str) -> String {
    let path = household.folder().join("rules.yaml");
    std::fs::write(&path, yaml).unwrap();
    path.display().to_string()
}

#[test]
fn everything_on_the_lists_is_told_with_its_place_and_nothing_is_asked() {
    let household = wanting_two();
    household.sync_well();
    household.clear_journals();
    let told = told(&household, &[]);
    assert!(
        told.contains("  Salt Ledger (2025)   mirela_q  movies  Radarr `movies` is the default for movies"),
        "{told}"
    );
    assert!(told.contains("2 wishes: 1 to `movies`, 1 to `shows`; 0 would change"), "{told}");
    assert!(told.ends_with("(nothing was changed, and nobody was asked)\n"), "{told}");
    assert_eq!(household.plex.requests_to("") + household.radarr.requests_to("") + household.sonarr.requests_to(""), 0);
}

#[test]
fn before_any_run_there_is_nothing_to_tell_and_nothing_is_made() {
    let household = wanting_two();
    assert!(told(&household, &[]).starts_with("Nothing on the watchlists that were read fits."));
    assert!(!household.data_dir().exists());
}

#[test]
fn other_rules_are_compared_with_today() {
    let household = wanting_two();
    household.write_settings(&settings());
    household.sync_well();
    let rules = write_rules(&household, RULES);
    let changed = told(&household, &["--rules", &rules, "--changed"]);
    assert!(changed.contains("movies → new-movies"), "{changed}");
    assert!(
        changed.contains("rule `new movies`: type equals movie: it is movie, year >= 2020: it is 2025"),
        "{changed}"
    );
    assert!(!changed.contains("Harbour Nine"), "{changed}");
    let done = household.pulsarr(&["simulate", "--rules", &rules, "--report", "json"]);
    let report = done.report();
    assert_eq!((&report["totals"]["entries"], &report["totals"]["changed"]), (&2.into(), &1.into()), "{report:#}");
    assert_eq!(report["totals"]["instances"]["new-movies"], 1);
    household.sync_well();
    assert_eq!(adds(&household.radarr), 1, "what was added stays where it is");
}

#[test]
fn one_described_wish_is_decided_with_every_reason() {
    let household = Household::new();
    household.write_settings(&format!("{}{RULES}", settings()));
    let told = told(&household, &["--given", "{title: The Loud Duke, type: movie, year: 2024, user: tomas.r}"]);
    assert!(told.starts_with("The Loud Duke, a movie wanted by tomas.r: new-movies\n"), "{told}");
    assert!(told.contains("rule `new movies`: type equals movie: it is movie, year >= 2020: it is 2024"), "{told}");
    assert!(!household.data_dir().exists());
}

#[test]
fn mistakes_in_rules_and_descriptions_are_named_and_end_with_78() {
    let household = wanting_two();
    let rules =
        write_rules(&household, "rules:\n  - name: a\n    when: {genera: {contains: anime}}\n    exclude: true\n");
    let done = household.pulsarr(&["simulate", "--rules", &rules]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(78), ""), "{}", done.stderr);
    assert!(done.stderr.contains("rules.yaml:3: rules[0].when.genera"), "{}", done.stderr);
    let rules = write_rules(&household, "tests: []\n");
    let done = household.pulsarr(&["simulate", "--rules", &rules]);
    assert_eq!(done.code, Some(78));
    assert!(done.stderr.contains("there is no `rules:` in it"), "{}", done.stderr);
    let done = household.pulsarr(&["simulate", "--rules", "nowhere.yaml"]);
    assert_eq!(done.code, Some(78));
    assert!(done.stderr.contains("there is no file `nowhere.yaml`"), "{}", done.stderr);
    let done = household.pulsarr(&["simulate", "--given", "{type: movie, colour: red, user: mirela_q}"]);
    assert_eq!(done.code, Some(78));
    assert!(done.stderr.contains("--given: colour"), "{}", done.stderr);
    let done = household.pulsarr(&["simulate", "--user", "nobody"]);
    assert_eq!(done.code, Some(64), "{}", done.stderr);
}

#[test]
fn somebody_who_is_switched_off_is_told_apart_from_somebody_nobody_knows() {
    let household = wanting_two();
    household.plex.add_friend("tomas.r");
    household.sync_well();
    household.write_settings(&format!("{SETTINGS}users:\n  overrides:\n    - {{plex: tomas.r, sync: false}}\n"));
    let done = household.pulsarr(&["simulate", "--user", "tomas.r"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(64), ""), "{}", done.stderr);
    let words =
        "foresee anything for `tomas.r`: the settings switch this user off, so the list is not read; `sync: true`";
    assert!(done.stderr.contains(words), "{}", done.stderr);
}

#[test]
fn one_wish_is_told_in_the_singular_and_of_a_run_only_what_it_can_do() {
    let household = wanting_two();
    let rules = "\
rules:
  - name: everybody wants it
    when: {all: [{wanted_by: {\">=\": 1}}, {type: movie}]}
    require_approval: it is large
  - name: streamed
    when: {streaming_service: {contains: Netflix}}
    exclude: true
";
    household.write_settings(&format!("{SETTINGS}{rules}"));
    household.sync_well();
    let all = told(&household, &[]);
    assert!(all.contains(", 1 waits for approval; "), "{all}");
    let one = told(&household, &["--title", "Salt Ledger"]);
    assert!(one.contains("wanted_by >= 1: it is 1 person"), "{one}");
    let words = "not known, and a run cannot ask: streaming_service, from tmdb, which needs `tmdb.api_key`";
    assert!(one.contains(words) && !one.contains("a run would ask"), "{one}");
}
