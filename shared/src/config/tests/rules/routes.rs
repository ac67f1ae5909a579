//! Where titles go: routes of rules, and instances that are copies of others.

use super::*;

#[test]
fn mistakes_in_routes_are_named() {
    check(
        "rules:\n  - {name: a, route: anmie}\n",
        &[(2, "rules[0].route: no instance is called `anmie`: did you mean `anime`?")],
    );
    check(
        "rules:\n  - {name: a, route: [{to: nowhere}]}\n",
        &[(2, "rules[0].route[0].to: no instance is called `nowhere`: there are movies, films-4k, shows, anime")],
    );
    check(
        "rules:\n  - name: a\n    route: [anime, {to: anime, search_on_add: false}]\n",
        &[(3, "rules[0].route[1].to: this rule sends titles to `anime` already: keep one of the two")],
    );
    check(
        "rules:\n  - {name: a, route: []}\n",
        &[(2, "rules[0].route: is empty: name an instance, or remove the line")],
    );
    check("rules:\n  - {name: a, route: {monitor: all}}\n", &[(2, "rules[0].route.to: is missing: add `to: …`")]);
    check(
        "rules:\n  - {name: a, route: {to: anime, monitor: movie_only}}\n",
        &[(
            2,
            "rules[0].route.monitor: expected one of all, future, missing, existing, first_season, last_season, \
             latest_season, pilot, recent, monitor_specials, unmonitor_specials, none, skip; found `movie_only`",
        )],
    );
    check(
        "rules:\n  - {name: a, route: {to: movies, series_type: anime, seasons: [1]}}\n",
        &[
            (2, "rules[0].route.series_type: `series_type` is Sonarr's; this instance is a radarr: remove the line"),
            (2, "rules[0].route.seasons: `seasons` is Sonarr's; this instance is a radarr: remove the line"),
        ],
    );
    check(
        "rules:\n  - {name: a, route: {to: anime, minimum_availability: tba, seasons: [x]}}\n",
        &[
            (
                2,
                "rules[0].route.minimum_availability: `minimum_availability` is Radarr's; this instance is a sonarr: remove the \
                 line",
            ),
            (2, "rules[0].route.seasons[0]: expected a whole number from 0 to 9999, found `x`"),
        ],
    );
    check(
        "rules:\n  - {name: a, route: {to: anime, quality: 4}}\n",
        &[(
            2,
            "rules[0].route.quality: unknown key `quality`: known here are to, quality_profile, root_folder_path, tags, \
             search_on_add, minimum_availability, monitor, monitor_new_items, series_type, season_folder, seasons",
        )],
    );
}

#[test]
fn a_route_to_an_instance_of_the_wrong_kind_is_refused() {
    let movies = "rules[0].route: `movies` is a Radarr and takes movies, and this rule only matches shows: name a Sonarr, or \
                  change `when`";
    let anime = "rules[0].route: `anime` is a Sonarr and takes shows, and this rule only matches movies: name a Radarr, or \
                 change `when`";
    let with = |when: &str, to: &str| format!("rules:\n  - {{name: a, route: {to}, when: {when}}}\n");
    check(&with("{type: show}", "movies"), &[(2, movies)]);
    check(&with("{all: [{genre: a}, {season_count: {'>': 3}}]}", "movies"), &[(2, movies)]);
    check(&with("{type: {not: movie}}", "movies"), &[(2, movies)]);
    check(&with("{type: movie}", "anime"), &[(2, anime)]);
    check(&with("{movie_status: released}", "anime"), &[(2, anime)]);
    for both in ["{type: [movie, show]}", "{any: [{type: show}, {genre: a}]}", "{genre: a}"] {
        assert!(load_after(&with(both, "[movies, anime]")).is_ok(), "{both}");
    }
}

#[test]
fn copies_name_the_default_instance_of_their_kind() {
    let copy = |name: &str, kind: &str, of: &str| {
        format!("  - {{name: {name}, kind: {kind}, url: 'http://c', api_key: '${{SONARR_API_KEY}}', copy_of: {of}}}\n")
    };
    let config = load_after(&copy("copy", "sonarr", "shows")).unwrap();
    assert_eq!(config.settings.instances[4].copy_of.as_deref(), Some("shows"));
    let refused = |name: &str, kind: &str, of: &str, message: &str| {
        check(&copy(name, kind, of), &[(1, &format!("instances[4].copy_of: {message}"))]);
    };
    refused("copy", "sonarr", "copy", "an instance cannot be a copy of itself: name the default instance of its kind");
    refused("copy", "sonarr", "shwos", "no instance is called `shwos`: did you mean `shows`?");
    refused("copy", "sonarr", "movies", "`movies` is a radarr, and this instance is a sonarr: name the default sonarr");
    refused(
        "copy",
        "sonarr",
        "anime",
        "`anime` is not `default: true`, so nothing goes there by default: name the default instance",
    );
    let two = format!("{}{}", copy("one", "sonarr", "shows"), copy("two", "sonarr", "one"));
    check(&two, &[(2, "instances[5].copy_of: `one` is a copy itself, of `shows`: name the default instance")]);
    let own_default =
        INSTANCES.replace("default: true}\n  - {name: anime", "default: true, copy_of: anime}\n  - {name: anime");
    assert_eq!(
        errors(&own_default),
        "pulsarr.yaml:4: instances[2].copy_of: a default instance takes everything itself: remove `copy_of` or `default: true`"
    );
}
