//! Conditions: what is written, long and short, and what is wrong with it.

use super::*;
use crate::routing::Condition;

/// What stands at `rules[0].when` is refused with this.
fn check_when(when: &str, message: &str) {
    check(&rule_when(when), &[(2, &format!("rules[0].when{message}"))]);
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
