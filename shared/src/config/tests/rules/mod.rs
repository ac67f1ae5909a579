//! Rules, quotas, approvals and tests of the settings file: what they come out as, and what people are told about mistakes.

use crate::model::{Period, Quota, WhenExceeded};
use crate::routing::{ArrOverrides, Condition};

use super::*;

/// Two of each kind, the first of them the default.
const INSTANCES: &str = "\
instances:
  - {name: movies, kind: radarr, url: 'http://r', api_key: '${RADARR_API_KEY}', default: true}
  - {name: films-4k, kind: radarr, url: 'http://r4', api_key: '${RADARR_API_KEY}'}
  - {name: shows, kind: sonarr, url: 'http://s', api_key: '${SONARR_API_KEY}', default: true}
  - {name: anime, kind: sonarr, url: 'http://a', api_key: '${SONARR_API_KEY}'}
";

/// The line behind [`INSTANCES`].
const NEXT: usize = 6;

fn load_after(yaml: &str) -> Result<Config, ConfigError> {
    load(&format!("{INSTANCES}{yaml}"))
}

/// One rule with this condition that goes to `anime`.
fn rule_when(when: &str) -> String {
    format!("rules:\n  - {{name: a, route: anime, when: {when}}}\n")
}

/// The problems of what stands behind the instances; a line is counted from there.
fn check(yaml: &str, expected: &[(usize, &str)]) {
    let told = match load_after(yaml) {
        Ok(_) => panic!("no mistake found in\n{yaml}"),
        Err(error) => error.to_string(),
    };
    let expected: Vec<String> =
        expected.iter().map(|(line, message)| format!("pulsarr.yaml:{}: {message}", NEXT - 1 + line)).collect();
    assert_eq!(told, expected.join("\n"), "{yaml}");
}

/// What stands at `rules[0].when` is refused with this.
fn check_when(when: &str, message: &str) {
    check(&rule_when(when), &[(2, &format!("rules[0].when{message}"))]);
}

fn warnings(yaml: &str) -> Vec<String> {
    load_after(yaml).unwrap().warnings
}

fn when_of(yaml: &str) -> String {
    let config = load_after(&rule_when(yaml)).unwrap();
    serde_json::to_string(&config.settings.rules[0].when).unwrap()
}

#[test]
fn conditions_are_read_in_long_and_short() {
    let check = |yaml: &str, expected: &str| assert_eq!(when_of(yaml), expected, "{yaml}");
    check("{genre: {contains: anime}}", r#"{"genre":{"contains":"anime"}}"#);
    check("{genres: anime}", r#"{"genre":{"contains":"anime"}}"#);
    check("{type: show}", r#"{"type":{"equals":"show"}}"#);
    check("{user: [ann, bob]}", r#"{"user":{"in":["ann","bob"]}}"#);
    check("{season: 3}", r#"{"season_count":{"equals":3.0}}"#);
    check("{anime: true}", r#"{"anime":{"equals":true}}"#);
    check(
        "{genre: {contains: anime}, year: {'>': 2000, '<=': 2010}}",
        r#"{"all":[{"genre":{"contains":"anime"}},{"all":[{"year":{">":2000.0}},{"year":{"<=":2010.0}}]}]}"#,
    );
    check(
        "{all: [{type: show}, {any: [{genre: anime}, {not: {keyword: {in: [isekai]}}}]}]}",
        r#"{"all":[{"type":{"equals":"show"}},{"any":[{"genre":{"contains":"anime"}},{"not":{"keyword":{"in":["isekai"]}}}]}]}"#,
    );
    check("{certification: {not_in: [R, 18]}}", r#"{"certification":{"not_in":["R","18"]}}"#);
    check("{studio: {matches: '^a.c$'}}", r#"{"studio":{"matches":"^a.c$"}}"#);
    let config = load_after("rules:\n  - {name: a, exclude: true}\n").unwrap();
    assert_eq!(config.settings.rules[0].when.written(), &Condition::always());
}

#[test]
fn what_a_condition_compares_with_keeps_its_spelling() {
    let certification = |written: &str| when_of(&format!("{{certification: {written}}}"));
    for written in ["0042", "18", "1.50"] {
        assert_eq!(certification(written), format!(r#"{{"certification":{{"equals":"{written}"}}}}"#));
    }
}

#[test]
fn rules_come_by_priority_and_then_by_position() {
    let config = load_after(
        "\
rules:
  - {name: zero, exclude: true}
  - {name: low, priority: -5, exclude: true}
  - {name: high, priority: 100, exclude: true, enabled: false}
  - {name: also zero, priority: 0, exclude: true}
",
    )
    .unwrap();
    let names: Vec<&str> = config.settings.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["high", "zero", "also zero", "low"]);
    assert!(!config.settings.rules[0].enabled);
}

#[test]
fn a_rule_says_everything_it_does() {
    let config = load_after(
        "\
rules:
  - name: everything
    route:
      - {to: anime, quality_profile: 4, root_folder_path: /anime, tags: [A, b], search_on_add: false, monitor: future,
         monitor_new_items: none, series_type: anime, season_folder: false, seasons: [0, 2, 2]}
      - {to: films-4k, monitor: none, minimum_availability: tba}
      - shows
    require_approval: it is large
    bypass_quota: true
    tag_requester: true
    label: for {user}
  - {name: asks, require_approval: true}
  - {name: gives, auto_approve: true, exclude: false, route: {to: shows}}
  - {name: plain, route: shows}
",
    )
    .unwrap();
    let [everything, asks, gives, plain] = config.settings.rules.as_slice() else { panic!("four rules") };
    assert_eq!(
        serde_json::to_string(&everything.route).unwrap(),
        r#"[{"to":"anime","quality_profile":"4","root_folder_path":"/anime","tags":["a","b"],"search_on_add":false,"monitor":"future","monitor_new_items":"none","series_type":"anime","season_folder":false,"seasons":[0,2]},{"to":"films-4k","minimum_availability":"tba","monitor":"none"},{"to":"shows"}]"#
    );
    assert!(matches!(everything.route[1].overrides.arr, Some(ArrOverrides::Radarr { .. })));
    assert_eq!(everything.route[2].overrides, crate::routing::Overrides::default());
    assert_eq!(everything.require_approval.as_deref(), Some("it is large"));
    assert!(everything.bypass_quota && everything.tag_requester && !everything.auto_approve && !everything.exclude);
    assert_eq!(everything.label.as_deref(), Some("for {user}"));
    assert_eq!(asks.require_approval.as_deref(), Some("the rule asks for it"));
    assert!(gives.auto_approve && !gives.exclude);
    assert_eq!(plain.route, gives.route);
}

#[test]
fn what_is_written_is_listed_and_what_is_not_is_counted() {
    let config = load_after(
        "\
rules:
  - name: a
    when: {year: {'>': 2000}}
    route: anime
  - {name: b, enabled: false, exclude: true}
tests:
  - {given: {type: show}, expect: {route: shows}}
",
    )
    .unwrap();
    let told: Vec<String> = listed(&config, |name| name.starts_with("rules") || name.starts_with("tests"))
        .into_iter()
        .map(|(name, value, source)| format!("{name} = {value} ({source})"))
        .collect();
    assert_eq!(
        told,
        [
            "rules[0].name = a (pulsarr.yaml:7)",
            "rules[0].when.year = year > 2000 (pulsarr.yaml:8)",
            "rules[0].route = anime (pulsarr.yaml:9)",
            "rules[1].name = b (pulsarr.yaml:10)",
            "rules[1].enabled = false (pulsarr.yaml:10)",
            "rules[1].exclude = true (pulsarr.yaml:10)",
            "rules = 2, 1 of them switched off (pulsarr.yaml:6)",
            "tests = 1 (pulsarr.yaml:11)",
        ]
    );
    let config = load("").unwrap();
    let none = listed(&config, |name| name == "rules" || name == "tests");
    assert_eq!(none, [("rules", "(none)", "default".to_owned()), ("tests", "(none)", "default".to_owned())]);
}

#[test]
fn mistakes_in_conditions_are_named() {
    check_when("{gener: anime}", ".gener: unknown field `gener`: did you mean `genre`?");
    check_when(
        "{contains: anime}",
        ".contains: `contains` is an operator: write it behind a field, such as {genre: {contains: …}}",
    );
    check_when(
        "{all: [{type: show}, {genre: {'<': 3}}]}",
        ".all[1].genre: `<` does not fit `genre`, which is a list of texts: use one of `contains`, `not_contains`, `equals`, \
         `not`, `in`, `not_in`, `matches`, `exists`",
    );
    check_when("{genre: {contain: anime}}", ".genre: unknown operator `contain`: did you mean `contains`?");
    check_when(
        "{runtime: {between: 5}}",
        ".runtime: `between` takes two numbers, the lowest and the highest: write [lowest, highest]",
    );
    check_when("{anime: {like: true}}", ".anime: unknown operator `like`: use one of equals, not, exists");
    check_when("{year: {between: [2010, 2000]}}", ".year: no number lies between 2010 and 2000: write [2000, 2010]");
    check_when("{year: {between: [2010]}}", ".year: `between` takes two numbers, the lowest and the highest; found 1");
    check_when("{year: {'>': soon}}", ".year: expected a number, found `soon`");
    check_when("{imdb_rating: {'>': 70}}", ".imdb_rating: `imdb_rating` is never 70: it lies between 0 and 10");
    check_when(
        "{movie_status: out}",
        ".movie_status: `movie_status` is never `out`: it is one of tba, announced, in_cinemas, released, deleted",
    );
    check_when("{anime: maybe}", ".anime: expected true or false, found `maybe`");
    check_when("{studio: {matches: '(open'}}", ".studio: no regular expression: found open group without closing ')'");
}

#[test]
fn mistakes_in_the_shape_of_conditions_are_named() {
    check_when("{}", ": is empty: name a condition, such as {genre: {contains: anime}}");
    check_when("[{type: show}]", ": expected a condition, found a list: write `all:` or `any:` in front of it");
    check_when("anime", ": expected a condition such as {genre: {contains: anime}}, found text");
    check_when("{all: []}", ".all: `all` is empty: name at least one condition");
    check_when(
        "{any: {type: show}}",
        ".any: `any` takes a list of conditions, found a group of keys: write `any: […]`",
    );
    check_when(
        "{not: [{type: show}]}",
        ".not: `not` takes one condition, found a list: write `not: {any: […]}` or `not: {all: […]}`",
    );
    check_when(
        "{genre: {}}",
        ".genre: has no operator: use one of contains, not_contains, equals, not, in, not_in, matches, exists",
    );
    check_when("{genre: {contains: {a: b}}}", ".genre: expected a value behind `contains`, found a group of keys");
    check_when("{genre: }", ".genre: expected a value behind `contains`, found nothing");
    check_when("{genre: []}", ".genre: `in` has an empty list: name at least one value");
    check_when(
        "{genre: {contains: [a, b]}}",
        ".genre: `contains` takes one value, not a list: use `in` for one of several, or `all` for every one",
    );
    check_when("{genre: a, genre: b}", ".genre: the key stands in line 7 already: keep one of the two");
    check(
        "rules:\n  - name: a\n    exclude: true\n    when:\n",
        &[(4, "rules[0].when: is empty: name a condition, or remove the line for a rule that applies to everything")],
    );
}

#[test]
fn a_regular_expression_that_is_too_large_is_refused() {
    check_when(
        "{studio: {matches: '(a{900}){900}'}}",
        ".studio: the regular expression is too large: use smaller repetitions than {n}",
    );
    check_when(
        &format!("{{studio: {{matches: '{}'}}}}", "a".repeat(301)),
        ".studio: the regular expression has 301 characters; 300 are allowed: split it with `any`",
    );
}

#[test]
fn depth_and_number_of_conditions_are_limited() {
    let nested = |depth: usize| format!("{}{{type: show}}{}", "{not: ".repeat(depth), "}".repeat(depth));
    assert!(load_after(&rule_when(&nested(20))).is_ok());
    check_when(
        &nested(21),
        &format!("{}: nests deeper than 20 groups: split it into several rules", ".not".repeat(21)),
    );
    let many = |count: usize| format!("{{any: [{}]}}", vec!["{genre: a}"; count].join(", "));
    assert!(load_after(&rule_when(&many(1000))).is_ok());
    check_when(&many(1001), ": has 1001 conditions; 1000 are allowed: use lists, or split the rule");
    let rules: String =
        (0..501).map(|number| format!("  - {{name: r{number}, exclude: true, when: {{year: 2000}}}}\n")).collect();
    check(
        &format!("rules:\n{rules}"),
        &[(1, "rules: has 501 rules; 500 are allowed: let one rule name several values with `in`")],
    );
}

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
fn mistakes_in_rules_are_named() {
    check(
        "rules:\n  - {name: Anime, exclude: true}\n  - {name: anime, exclude: true}\n",
        &[(3, "rules[1].name: rules[0] is called `Anime` already: give each rule its own name")],
    );
    check("rules:\n  - {exclude: true}\n", &[(2, "rules[0].name: is missing: add `name: …`")]);
    check(
        "rules:\n  - {name: a, when: {type: show}}\n",
        &[(
            2,
            "rules[0]: does nothing: add one of route, require_approval, auto_approve, bypass_quota, exclude, tag_requester, \
             label",
        )],
    );
    check(
        "rules:\n  - {name: a, exclude: true, route: anime, label: x}\n",
        &[(2, "rules[0].exclude: a rule that excludes does nothing else: remove `route`, `label`, or make two rules")],
    );
    check(
        "rules:\n  - {name: a, require_approval: why, auto_approve: true}\n",
        &[(2, "rules[0].auto_approve: this rule asks for approval and gives it at once: keep one of the two")],
    );
    check(
        "rules:\n  - {name: a, exclude: true, priority: 1000001}\n",
        &[(2, "rules[0].priority: expected a whole number from -1000000 to 1000000, found `1000001`")],
    );
    check("rules:\n  - {name: a, exclude: yes}\n", &[(2, "rules[0].exclude: expected true or false, found `yes`")]);
    check(
        "rules:\n  - {name: a, exclude: true, prio: 7}\n",
        &[(
            2,
            "rules[0].prio: unknown key `prio`: known here are name, \
        enabled, priority, when, route, require_approval, auto_approve, bypass_quota, exclude, tag_requester, label",
        )],
    );
    check(
        &format!("rules:\n  - {{name: {}, exclude: true}}\n", "x".repeat(101)),
        &[(2, "rules[0].name: has 101 characters; 100 are allowed: shorten the name")],
    );
    check(
        &format!("rules:\n  - {{name: a, label: {}}}\n", "x".repeat(301)),
        &[(2, "rules[0].label: has 301 characters; 300 are allowed: shorten it")],
    );
}

#[test]
fn the_same_priority_for_the_same_instance_is_refused_only_where_it_is_written() {
    check(
        "\
rules:
  - {name: a, route: [anime, shows], priority: 10}
  - name: b
    priority: 10
    route: [films-4k, anime]
  - {name: c, route: anime, priority: 11}
  - {name: d, route: movies, priority: 10}
",
        &[(
            4,
            "rules[1].priority: rule `a` in line 7 has priority 10 too, and both send titles to `anime`: give one of them \
             another number",
        )],
    );
    check(
        "rules:\n  - {name: a, route: anime, priority: 7, when: {genr: x}}\n  - {name: b, route: anime, priority: 7}\n",
        &[(2, "rules[0].when.genr: unknown field `genr`: did you mean `genre`?")],
    );
    for fine in [
        "rules:\n  - {name: a, route: anime}\n  - {name: b, route: anime}\n",
        "rules:\n  - {name: a, route: anime, priority: 0}\n  - {name: b, route: anime}\n",
        "rules:\n  - {name: a, route: anime, priority: 7}\n  - {name: b, route: anime, priority: 7, enabled: false}\n",
        "rules:\n  - {name: a, exclude: true, priority: 7, when: {year: 1}}\n  - {name: b, route: anime, priority: 7}\n"
            .replace("year: 1", "year: 2001")
            .as_str(),
    ] {
        assert!(load_after(fine).is_ok(), "{fine}");
    }
}

#[test]
fn rules_that_cannot_work_are_warned_of() {
    let place = "pulsarr.yaml:7: rules[0] (`a`)";
    assert_eq!(
        warnings(&rule_when("{year: {'>': 2010, '<': 2000}}")),
        [format!("{place} can never match: nothing satisfies `year > 2010` and `year < 2000` at once")]
    );
    assert_eq!(
        warnings(&rule_when("{streaming_service: Netflix}")),
        [format!("{place} asks for `streaming_service`, which nobody can tell without `tmdb.api_key`: set it")]
    );
    assert_eq!(
        warnings(&rule_when("{in_plex: true}")),
        [format!("{place} asks for `in_plex`, which nobody can tell without `plex.server_url`: set it")]
    );
    assert_eq!(
        warnings("rules:\n  - {name: a, exclude: true}\n"),
        [format!("{place} excludes everything: while it is enabled, nothing is ever added")]
    );
    assert_eq!(warnings("rules:\n  - {name: a, exclude: true, enabled: false}\n"), [""; 0]);
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

#[test]
fn quotas_are_read_with_their_defaults() {
    let config = load(
        "\
users:
  defaults:
    require_approval: true
    quotas:
      - {type: movie, period: daily, limit: 3}
      - {type: movie, period: monthly, limit: 30, reset_day: 31, short_month: skip, when_exceeded: wait}
      - {type: movie, period: monthly, limit: 30}
      - {type: show, period: rolling, limit: 2}
      - {type: show, period: rolling, limit: 9, days: 30, when_exceeded: skip}
      - {type: show, period: watchlist_cap, limit: 1000}
  overrides:
    - {plex: ann, quotas: [], require_approval: false, bypass_quota: true}
    - {plex: bob, quotas: [{type: show, period: weekly, limit: 1}]}
"
        .replace("      - {type: movie, period: monthly, limit: 30}\n", "")
        .as_str(),
    )
    .unwrap();
    let users = &config.settings.users;
    let usual = &users.default_standing;
    let periods: Vec<Period> = usual.quotas.iter().map(|quota| quota.period).collect();
    assert_eq!(
        periods,
        [
            Period::Daily,
            Period::Monthly { reset_day: 31, short_month: ShortMonth::Skip },
            Period::Rolling { days: 7 },
            Period::Rolling { days: 30 },
            Period::WatchlistCap,
        ]
    );
    let exceeded: Vec<WhenExceeded> = usual.quotas.iter().map(|quota| quota.when_exceeded).collect();
    use WhenExceeded::{Approval, Skip, Wait};
    assert_eq!(exceeded, [Approval, Wait, Approval, Skip, Approval]);
    assert!(users.standing(&user("carol")).require_approval);
    let ann = users.standing(&user("Ann"));
    assert!(!ann.require_approval && ann.bypass_quota && ann.quotas.is_empty());
    let bob = users.standing(&user("bob"));
    assert!(bob.require_approval && !bob.bypass_quota);
    assert!(matches!(bob.quotas[..], [Quota { period: Period::Weekly, limit: 1, .. }]));
}

#[test]
fn mistakes_in_quotas_are_named() {
    let with = |quotas: &str| format!("users:\n  defaults:\n    quotas: [{quotas}]\n");
    let refused = |quotas: &str, message: &str| {
        check(&with(quotas), &[(3, &format!("users.defaults.quotas{message}"))]);
    };
    refused(
        "{type: movie, period: daily, limit: 0}",
        "[0].limit: `limit: 0` would refuse everything: write a rule with `exclude: true`, or `sync: false` for this user",
    );
    refused(
        "{type: movie, period: daily, limit: 1001}",
        "[0].limit: expected a whole number from 1 to 1000, found `1001`",
    );
    refused("{type: movie, period: daily, limit: -1}", "[0].limit: expected a whole number from 1 to 1000, found `-1`");
    refused("{type: movie, period: daily}", "[0].limit: is missing: add `limit: …`");
    refused("{type: film, period: daily, limit: 1}", "[0].type: expected one of movie, show; found `film`");
    refused(
        "{type: movie, period: yearly, limit: 1}",
        "[0].period: expected one of daily, weekly, monthly, rolling, watchlist_cap; found `yearly`",
    );
    refused(
        "{type: movie, period: daily, limit: 1, days: 3}",
        "[0].days: `days` belongs to `period: rolling`, and this one is daily: remove the line",
    );
    refused(
        "{type: movie, period: rolling, limit: 1, reset_day: 3}",
        "[0].reset_day: `reset_day` belongs to `period: monthly`, and this one is rolling: remove the line",
    );
    refused(
        "{type: movie, period: rolling, limit: 1, days: 366}",
        "[0].days: expected a whole number from 1 to 365, found `366`",
    );
    refused(
        "{type: movie, period: monthly, limit: 1, reset_day: 32}",
        "[0].reset_day: expected a whole number from 1 to 31, found `32`",
    );
    refused(
        "{type: movie, period: monthly, limit: 1, short_month: never}",
        "[0].short_month: expected one of last_day, skip, next_month; found `never`",
    );
    refused(
        "{type: movie, period: daily, limit: 1, when_exceeded: ask}",
        "[0].when_exceeded: expected one of approval, wait, skip; found `ask`",
    );
    refused(
        "{type: movie, period: rolling, limit: 1}, {type: movie, period: rolling, limit: 2, days: 7}",
        "[1]: users.defaults.quotas[0] counts the same titles in the same time: keep one of the two",
    );
}

#[test]
fn two_people_are_never_called_the_same() {
    check(
        "\
users:
  overrides:
    - {plex: ann, alias: Bob}
    - {plex: bob, alias: Tv}
    - {plex: carol, alias: tv}
    - {plex: dora, alias: Dora}
",
        &[
            (3, "users.overrides[0].alias: `bob` is what Plex calls another user here: choose another alias"),
            (5, "users.overrides[2].alias: the alias in line 9 is the same: give each person their own"),
        ],
    );
}

#[test]
fn approvals_end_as_they_are_told() {
    let approvals = |yaml: &str| load(yaml).unwrap().settings.approvals;
    let after = |hours: u32, then| Expiry { after_h: Some(hours), then };
    assert_eq!(approvals(""), crate::model::ApprovalSettings::default());
    let found = approvals(
        "approvals: {expire_after_h: 24, then: approve, rule: {expire_after_h: 72}, user: {then: expire}, quota: \
         {expire_after_h: never, approve_when_free: false}}\n",
    );
    assert_eq!(found.rule, after(72, WhenExpired::Approve));
    assert_eq!(found.user, after(24, WhenExpired::Expire));
    assert_eq!(found.quota.after_h, None);
    assert!(!found.approve_when_quota_frees);
    assert_eq!(
        approvals("approvals: {then: approve, rule: {expire_after_h: 1}}\n").rule,
        after(1, WhenExpired::Approve)
    );
    check(
        "approvals:\n  rule: {expire_after_h: 0}\n  user: {expire_after_h: 8761}\n  quota: {then: approve}\n",
        &[
            (2, "approvals.rule.expire_after_h: expected hours from 1 to 8760, or never; found `0`"),
            (3, "approvals.user.expire_after_h: expected hours from 1 to 8760, or never; found `8761`"),
            (4, "approvals.quota.then: never comes to pass without `expire_after_h`: add it, or remove this line"),
        ],
    );
    check(
        "approvals: {rule: {then: reject, expire_after_h: 3}}\n",
        &[(1, "approvals.rule.then: expected one of expire, approve; found `reject`")],
    );
}

#[test]
fn the_other_settings_have_their_mistakes_too() {
    check("default: nothing\n", &[(1, "default: expected one of instance, none; found `nothing`")]);
    check(
        "time_zone: Europe/Berln\n",
        &[(1, "time_zone: no time zone is called `Europe/Berln`: did you mean `Europe/Berlin`?")],
    );
    check(
        "tmdb: {region: USA}\n",
        &[(1, "tmdb.region: expected a country of two letters such as US or DE, found `USA`")],
    );
    check(
        "plex: {server_url: 'plex:32400'}\n",
        &[(
            1,
            "plex.server_url: expected an address such as http://host:7878, found `plex:32400`: write http:// or https:// in \
             front",
        )],
    );
    let config = load_after("default: none\ntmdb: {api_key: '${PLEX_TOKEN}', region: de}\n").unwrap();
    assert_eq!(config.settings.default_routing, DefaultRouting::None);
    assert_eq!(config.settings.tmdb.region, "DE");
    assert!(config.policy().available.tmdb && !config.policy().available.plex_server);
}

#[test]
fn days_begin_where_the_settings_say_or_the_process_does() {
    let zone = |yaml: &str, vars: &[(&str, &str)]| {
        let config = load_in(folder(&[("pulsarr.yaml", yaml)]).path(), vars).unwrap();
        let listed = listed(&config, |name| name == "time_zone").remove(0);
        (config.zone.iana_name().map(str::to_owned), format!("{} ({})", listed.1, listed.2), config.warnings.len())
    };
    let found = |name: &str, listed: &str| (Some(name.to_owned()), listed.to_owned(), 0);
    let berlin = "time_zone: Europe/Berlin\n";
    assert_eq!(zone(berlin, &[("TZ", "Asia/Tokyo")]), found("Europe/Berlin", "Europe/Berlin (pulsarr.yaml:1)"));
    assert_eq!(zone("", &[("TZ", "Asia/Tokyo")]), found("Asia/Tokyo", "Asia/Tokyo (environment TZ)"));
    assert_eq!(zone("", &[("TZ", "")]), found("UTC", "UTC (default)"));
    assert_eq!(
        zone("", &[("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")]),
        (None, "CET-1CEST,M3.5.0,M10.5.0/3 (environment TZ)".to_owned(), 0)
    );
    assert_eq!(zone("", &[("TZ", ":/etc/localtime")]), (Some("UTC".to_owned()), "UTC (environment TZ)".to_owned(), 1));
    let error = load_in(folder(&[]).path(), &[("TZ", "Middle/Earth")]).unwrap_err();
    assert_eq!(error.to_string(), "TZ: expected a time zone such as Europe/Berlin, found `Middle/Earth`");
}

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

#[test]
fn rules_can_be_looked_at_where_no_secrets_are() {
    let dir = folder(&[("pulsarr.yaml", &format!("{INSTANCES}plex: {{token: 'file:/nowhere'}}\n"))]);
    let vars = || std::iter::empty::<(String, String)>();
    assert!(Config::load(vars(), dir.path()).is_err());
    let config = Config::load_without_secrets(vars(), dir.path()).unwrap();
    assert_eq!(config.settings.instances.len(), 4);
    assert_eq!(config.warnings, [""; 0]);
}
