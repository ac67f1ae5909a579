//! What a trace tells, word for word.

use super::*;
use crate::model::Trace;

/// A trace as text: facts first, then one line per step.
fn told(trace: &Trace) -> String {
    let mut text = String::new();
    for fact in &trace.facts {
        text.push_str(&format!("{}: {} ({})\n", fact.name, fact.value.as_deref().unwrap_or("unknown"), fact.source));
    }
    for step in &trace.steps {
        text.push_str(&format!("{} | {} `{}`: {}\n", step.verdict, step.stage, step.subject, step.because));
    }
    text
}

#[test]
fn every_rule_is_told_with_the_condition_that_decided() {
    let kids = compare(Field::User, "in", "[kids-tablet]");
    let mut anime = rule(
        "anime to the anime Sonarr",
        100,
        Condition::All(vec![compare(Field::Genre, "contains", "anime"), not(kids)]),
    )
    .to(&["anime"]);
    anime.label = Some("anime".into());
    let rules = [
        anime,
        rule("long ones ask", 90, compare(Field::SeasonCount, ">", "8")).asking("that is a lot of disk"),
        rule(
            "loved",
            80,
            Condition::Any(vec![compare(Field::ImdbRating, ">=", "8"), compare(Field::RtCritic, ">=", "90")]),
        )
        .to(&["anime", "shows"]),
        rule("streamed anyway", 70, compare(Field::StreamingService, "in", "[Netflix]")).excluding(),
        Rule { enabled: false, ..rule("old", 60, Condition::always()).to(&["shows"]) },
        rule("films", 50, Condition::always()).to(&["4k"]),
    ];
    let facts = Facts {
        genres: Some(texts(&["Anime", "Fantasy"])),
        season_count: Some(2),
        imdb_rating: Some(8.8),
        ..Facts::default()
    };
    let decision = decide(&show(facts), &household(), &rules);
    let expected = "\
type: show (plex watchlist)
user: living-room (pulsarr)
genre: Anime, Fantasy (plex metadata)
year: 2025 (plex watchlist)
season_count: 2 (plex metadata)
imdb_rating: 8.8 (plex metadata)
rt_critic: unknown (arr lookup)
streaming_service: unknown (tmdb)
ids: tvdb 800001 (plex)
matched | rule `anime to the anime Sonarr`: genre contains anime: it is Anime, Fantasy, not (user in [kids-tablet]: it is \
living-room); sends it to `anime`; labels it
not_matched | rule `long ones ask`: season_count > 8: it is 2
matched | rule `loved`: imdb_rating >= 8: it is 8.8; sends it to `shows`; `anime` is served by rule `anime to the anime \
Sonarr` already
unknown | rule `streamed anyway`: streaming_service in [Netflix]: unknown: it would come from tmdb, which needs `tmdb.api_key`
not_asked | rule `old`: it is switched off
matched | rule `films`: it applies to everything; `4k` takes no title of this type
not_asked | default_routing `sonarr`: rules say where it goes
matched | ids `TVDB`: tvdb 800001
matched | options `series_type`: anime, because the genre says so
not_matched | approval `living-room`: nobody has to be asked
";
    assert_eq!(told(&decision.trace), expected);
    assert_eq!(routed_to(&decision), ["shows", "anime"]);
    assert_eq!(decision.labels, ["anime"]);
}

#[test]
fn an_exclusion_says_which_rule_and_the_others_are_told_all_the_same() {
    let rules = [
        rule("send", 9, Condition::always()).to(&["movies"]),
        rule("no horror", 5, compare(Field::Genre, "contains", "horror")).excluding(),
        rule("no gore", 4, compare(Field::Genre, "matches", "horr")).excluding(),
    ];
    let decision = decide(&movie(genres(&["Horror"])), &household(), &rules);
    let expected = "\
type: movie (plex watchlist)
user: living-room (pulsarr)
genre: Horror (plex metadata)
year: 2025 (plex watchlist)
ids: tmdb 900002 (plex)
matched | rule `send`: it applies to everything; sends it to `movies`
matched | rule `no horror`: genre contains horror: it is Horror; it goes nowhere
matched | rule `no gore`: genre matches /horr/: it is Horror; it would go nowhere by this rule too
";
    assert_eq!(told(&decision.trace), expected);
    let Outcome::Exclude { reason, .. } = decision.outcome else { panic!() };
    assert_eq!(reason, "rule `no horror` excludes it");
}

#[test]
fn what_was_asked_and_not_told_is_another_unknown_than_what_was_not_asked() {
    let rules = [
        rule("audience", 9, compare(Field::RtAudience, "<", "40")).excluding(),
        rule("language", 8, compare(Field::OriginalLanguage, "equals", "Korean")).to(&["4k"]),
        rule("server", 7, compare(Field::InPlex, "equals", "true")).excluding(),
        rule("disk", 6, compare(Field::FreeSpace, "<", "50")).excluding(),
    ];
    let decision = decide(&movie(Facts::default()), &household(), &rules);
    let rules: Vec<&str> = decision.trace.steps.iter().take(4).map(|step| step.because.as_str()).collect();
    assert_eq!(
        rules,
        [
            "rt_audience < 40: unknown: plex metadata does not tell it",
            "original_language equals Korean: unknown: it would come from arr lookup",
            "in_plex equals true: unknown: it would come from the plex server, which needs `plex.server_url`",
            "free_space_gb < 50: unknown: it would come from arr root folder",
        ]
    );
}

#[test]
fn what_titles_of_this_type_cannot_have_would_come_from_nobody() {
    let rules = [
        rule("long", 9, compare(Field::SeasonCount, ">", "8")).excluding(),
        rule("no seasons", 8, compare(Field::SeasonCount, "exists", "false")).to(&["4k"]),
        rule("over", 7, not(compare(Field::SeriesStatus, "equals", "ended"))).excluding(),
    ];
    let unasked = title(MediaType::Movie, movie(Facts::default()).ids, None);
    let decision = decide(&unasked, &household(), &rules);
    let because: Vec<&str> = decision.trace.steps.iter().take(3).map(|step| step.because.as_str()).collect();
    assert_eq!(
        because,
        [
            "season_count > 8: unknown: a movie has none",
            "season_count exists false: a movie has none; sends it to `4k`",
            "not (series_status equals ended: unknown: a movie has none)",
        ]
    );
    assert_eq!(routed_to(&decision), ["4k"]);
}

#[test]
fn what_a_description_leaves_out_is_asked_of_nobody() {
    let rules = [
        rule("server", 9, compare(Field::InPlex, "equals", "true")).excluding(),
        rule("disk", 8, compare(Field::FreeSpace, "<", "50")).excluding(),
        rule("genre", 7, compare(Field::Genre, "contains", "horror")).excluding(),
    ];
    let mut described = movie(Facts::default());
    described.facts = KnownFacts { given: Some(Facts::default()), ..KnownFacts::default() };
    let decision = decide(&described, &household(), &rules);
    for step in decision.trace.steps.iter().take(3) {
        assert!(step.because.ends_with(": unknown: the description does not tell it"), "{}", step.because);
    }
}
