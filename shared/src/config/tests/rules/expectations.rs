//! Tests that stand beside the rules in the settings file.

use super::*;

#[test]
fn a_test_describes_a_title_and_a_person() {
    let config = load_after(
        "\
users:
  overrides:
    - {plex: 00000000000000aa, alias: Ann}
tests:
  - given: {title: Frieren, type: show, genres: [Anime], network: NTV, year: 2023, seasons: 1, anime: true, user: ann,
            wanted_by: 2, in_plex: false, free_space_gb: 1.5, series_status: Continuing, imdb_rating: 8.8}
    expect: {route: anime, options: {anime: {tags: [a, b]}}}
  - {name: nobody, given: {type: movie}, expect: {approval: false, route: []}}
",
    )
    .unwrap();
    let [frieren, nobody] = config.settings.tests.as_slice() else { panic!("two tests") };
    assert_eq!(frieren.name, "Frieren");
    let given = &frieren.given;
    assert_eq!((given.user.called(), given.user.uuid.as_str()), ("Ann", "00000000000000aa"));
    assert_eq!((given.wanted_by, given.free_space), (2, Some(1_500_000_000)));
    let facts = given.title.facts.given.as_ref().unwrap();
    assert_eq!((facts.year, facts.season_count, facts.anime), (Some(2023), Some(1), Some(true)));
    assert_eq!(facts.studios.as_deref(), Some(["NTV".to_owned()].as_slice()));
    assert_eq!(facts.series_status.as_deref(), Some("continuing"));
    assert_eq!(given.title.facts.in_plex, Some(false));
    assert_eq!(frieren.expect.route.as_deref(), Some(["anime".to_owned()].as_slice()));
    assert_eq!(frieren.expect.options, [("anime".to_owned(), "tags".to_owned(), "a, b".to_owned())]);
    assert_eq!(nobody.name, "nobody");
    assert_eq!((nobody.given.user.called(), nobody.given.wanted_by), ("somebody", 1));
    assert_eq!(nobody.expect.route, Some(Vec::new()));
}

#[test]
fn mistakes_in_tests_are_named() {
    let refused = |test: &str, message: &str| {
        check(&format!("tests:\n  - {{{test}}}\n"), &[(2, &format!("tests[0].{message}"))]);
    };
    refused("given: {type: show}", "expect: is missing: add `expect: …`");
    refused("expect: {route: shows}", "given: is missing: add `given: …`");
    refused("given: {title: a}, expect: {route: shows}", "given: lacks the type: add `type: movie` or `type: show`");
    refused("given: {type: film}, expect: {route: shows}", "given.type: expected one of movie, show; found `film`");
    refused(
        "given: {type: show, gnere: a}, expect: {route: shows}",
        "given.gnere: unknown key `gnere`: did you mean `genre`?",
    );
    refused(
        "given: {type: show, genre: a, genres: b}, expect: {route: shows}",
        "given.genres: line 7 tells the same as `tests[0].given.genre`: keep one of the two",
    );
    refused(
        "given: {type: show, year: soon}, expect: {route: shows}",
        "given.year: expected a number from 1870 to 2200, found `soon`",
    );
    refused(
        "given: {type: show, seasons: 1.5}, expect: {route: shows}",
        "given.seasons: expected a whole number, found 1.5",
    );
    refused("given: {type: show, anime: 1}, expect: {route: shows}", "given.anime: expected true or false, found `1`");
    refused(
        "given: {type: show, movie_status: released}, expect: {route: shows}",
        "given.movie_status: a show has no `movie_status`: remove it",
    );
    refused(
        "given: {type: show, series_status: over}, expect: {route: shows}",
        "given.series_status: expected one of continuing, ended, upcoming, deleted; found `over`",
    );
    refused("given: {type: show}, expect: {}", "expect: expects nothing: add one of route, exclude, approval, options");
    refused(
        "given: {type: show}, expect: {route: anmie}",
        "expect.route: no instance is called `anmie`: did you mean `anime`?",
    );
    refused(
        "given: {type: show}, expect: {routes: anime}",
        "expect.routes: unknown key `routes`: did you mean `route`?",
    );
    refused(
        "given: {type: show}, expect: {route: anime, exclude: true}",
        "expect.exclude: what is excluded goes nowhere: remove `exclude` or `route`",
    );
    refused(
        "given: {type: show}, expect: {options: {anime: {serie_type: anime}}}",
        "expect.options.anime.serie_type: unknown key `serie_type`: did you mean `series_type`?",
    );
    check(
        "tests:\n  - {given: {type: show}, expect: {aproval: true, route: anmie, exclude: perhaps}}\n",
        &[
            (2, "tests[0].expect.aproval: unknown key `aproval`: did you mean `approval`?"),
            (2, "tests[0].expect.route: no instance is called `anmie`: did you mean `anime`?"),
            (2, "tests[0].expect.exclude: expected true or false, found `perhaps`"),
        ],
    );
    check(
        "tests:\n  - {name: a, given: {type: show}, expect: {route: shows}}\n  - {name: A, given: {type: show}, expect: {route: shows}}\n",
        &[(3, "tests[1].name: tests[0] is called `a` already: give each test its own name")],
    );
}
