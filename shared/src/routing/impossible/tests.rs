use super::super::condition::Written;
use super::super::rule::{Overrides, RouteTo};
use super::*;

fn is(field: Field, operator: &str, written: &str) -> Condition {
    let written = match written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(list) => Written::Many(list.split(", ").map(str::to_owned).collect()),
        None => Written::One(written.to_owned()),
    };
    Condition::Compare(Comparison::new(field, Operator::parse(operator).unwrap(), &written).unwrap())
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn never(parts: Vec<Condition>) -> Option<String> {
    why_never(&Condition::All(parts))
}

use Field::{
    Anime, Certification as Cert, Genre, ImdbRating as Imdb, InPlex, MovieStatus, SeasonCount, SeriesStatus, Studio,
    Type, User, WantedBy, Year,
};

#[test]
fn what_contradicts_itself_never_matches() {
    let check = |parts: Vec<Condition>| assert!(never(parts.clone()).is_some(), "{parts:?}");
    // Numbers.
    check(vec![is(Year, ">", "2010"), is(Year, "<", "2000")]);
    check(vec![is(Year, ">", "2000"), is(Year, "<", "2001")]);
    check(vec![is(Imdb, ">", "7"), is(Imdb, "<=", "7")]);
    check(vec![is(Imdb, ">", "10")]);
    check(vec![is(Imdb, ">=", "7"), is(Imdb, "<=", "7"), is(Imdb, "not", "7")]);
    check(vec![is(WantedBy, "<", "1")]);
    check(vec![is(Year, "in", "[2000, 2001]"), is(Year, "between", "[2005, 2010]")]);
    check(vec![is(Year, "equals", "2000"), is(Year, "not_in", "[1999, 2000]")]);
    check(vec![is(Year, "equals", "2000.5")]);
    check(vec![not(is(Year, "between", "[2000, 2010]")), is(Year, ">=", "2001"), is(Year, "<", "2010")]);
    check(vec![not(is(Year, ">=", "2000")), not(is(Year, "<", "2000"))]);
    // One text.
    check(vec![is(Cert, "equals", "R"), is(Cert, "equals", "PG")]);
    check(vec![is(Cert, "in", "[R, PG]"), is(Cert, "not_in", "[r, pg, x]")]);
    check(vec![is(Cert, "equals", "gb/15"), is(Cert, "contains", "us/")]);
    check(vec![is(Cert, "contains", "TV-MA"), is(Cert, "not_contains", "tv")]);
    check(vec![is(Cert, "matches", "^a"), not(is(Cert, "matches", "^a"))]);
    check(vec![is(MovieStatus, "not_in", "[tba, announced, in_cinemas, released, deleted]")]);
    check(vec![is(Type, "not", "movie"), is(Type, "not", "show")]);
    // Several texts.
    check(vec![is(Genre, "contains", "Anime"), is(Genre, "not_contains", "anime")]);
    check(vec![is(Genre, "in", "[a, b]"), is(Genre, "not_in", "[b, A, c]")]);
    check(vec![is(Genre, "equals", "[a, b]"), is(Genre, "contains", "c")]);
    check(vec![is(Genre, "equals", "[a, b]"), is(Genre, "equals", "[a]")]);
    check(vec![not(is(Genre, "not_contains", "a")), not(is(Genre, "in", "[a, b]"))]);
    // People.
    check(vec![is(User, "equals", "ann"), is(User, "not", "Ann")]);
    check(vec![is(User, "in", "[ann, bob]"), not(is(User, "in", "[bob, ann]"))]);
    // Flags, and whether there is a value at all.
    check(vec![is(Anime, "equals", "true"), is(Anime, "not", "true")]);
    check(vec![is(InPlex, "equals", "true"), not(is(InPlex, "equals", "true"))]);
    check(vec![is(Year, "exists", "false"), is(Year, ">", "2000")]);
    check(vec![is(Genre, "exists", "false"), is(Genre, "contains", "a")]);
    check(vec![is(Genre, "exists", "true"), not(is(Genre, "exists", "true"))]);
    check(vec![is(Type, "exists", "false")]);
    // What only one type of title has.
    check(vec![is(Type, "equals", "movie"), is(SeasonCount, ">", "3")]);
    check(vec![is(MovieStatus, "equals", "released"), is(SeriesStatus, "equals", "ended")]);
    check(vec![is(Type, "equals", "movie"), not(is(SeasonCount, ">", "3"))]);
    // Groups.
    check(vec![Condition::Any(Vec::new())]);
    check(vec![is(Type, "equals", "show"), Condition::Any(vec![is(Type, "equals", "movie"), is(Type, "not", "show")])]);
    check(vec![not(Condition::Any(vec![is(Year, ">", "2000"), is(Year, "<=", "2000")]))]);
    check(vec![not(Condition::All(Vec::new()))]);
    check(vec![
        is(Year, ">", "2000"),
        Condition::Any(vec![
            is(Year, "<", "1990"),
            Condition::All(vec![is(Genre, "contains", "a"), Condition::Any(vec![is(Year, "equals", "1999")])]),
        ]),
    ]);
}

#[test]
fn what_might_match_is_left_alone() {
    let check = |parts: Vec<Condition>| assert_eq!(never(parts.clone()), None, "{parts:?}");
    check(Vec::new());
    check(vec![is(Year, ">", "2000"), is(Year, "<", "2002")]);
    check(vec![is(Imdb, ">", "7"), is(Imdb, "<", "7.1")]);
    check(vec![is(Imdb, ">=", "10")]);
    check(vec![not(is(Year, "between", "[2000, 2010]")), is(Year, ">=", "2005")]);
    check(vec![is(Year, "not", "2000"), is(Year, "not", "2001")]);
    check(vec![is(Cert, "in", "[R, PG]"), is(Cert, "not", "R")]);
    check(vec![is(Cert, "not_contains", "TV-MA"), is(Cert, "contains", "tv")]);
    check(vec![is(Cert, "equals", "Anime"), is(Cert, "matches", "^x$")]);
    check(vec![is(Genre, "contains", "a"), is(Genre, "contains", "b")]);
    check(vec![is(Genre, "in", "[a, b]"), is(Genre, "not_in", "[b]")]);
    check(vec![is(Genre, "equals", "[a, b]"), is(Genre, "in", "[b, c]")]);
    check(vec![is(Genre, "exists", "false"), is(Genre, "not_contains", "a")]);
    check(vec![is(Studio, "matches", "a"), is(Studio, "matches", "b")]);
    // A person answers to several names.
    check(vec![is(User, "equals", "ann"), is(User, "equals", "tomas.r")]);
    // A movie lacks what only shows have.
    check(vec![is(Type, "equals", "movie"), is(SeasonCount, "exists", "false")]);
    check(vec![is(Type, "in", "[movie, show]"), is(SeasonCount, ">", "3")]);
    check(vec![Condition::Any(vec![is(Year, ">", "2200"), is(Genre, "contains", "a")])]);
}

#[test]
fn the_reason_names_what_contradicts() {
    let check = |parts: Vec<Condition>, expected: &str| assert_eq!(never(parts).as_deref(), Some(expected));
    check(
        vec![is(Genre, "contains", "a"), is(Year, ">", "2010"), is(Year, "not", "2015"), is(Year, "<", "2000")],
        "nothing satisfies `year > 2010` and `year < 2000` at once",
    );
    check(vec![is(Imdb, ">", "10")], "`imdb_rating > 10` holds for nothing");
    check(
        vec![is(Type, "equals", "movie"), is(SeasonCount, ">", "3")],
        "`season_count > 3` is for shows only, and `type equals movie` is not",
    );
    check(
        vec![is(SeriesStatus, "equals", "ended"), is(MovieStatus, "equals", "tba")],
        "`movie_status equals tba` is for movies only, and `series_status equals ended` for shows only",
    );
    check(
        vec![Condition::Any(vec![is(Year, "<", "1870"), is(Imdb, "<", "0")])],
        "none of its alternatives can hold: `year < 1870` holds for nothing; `imdb_rating < 0` holds for nothing",
    );
    check(
        vec![is(Year, ">=", "2000"), is(Year, "<=", "2001"), is(Year, "not", "2000"), is(Year, "not", "2001")],
        "nothing satisfies `year >= 2000` and `year <= 2001` and `year != 2000` and 1 more at once",
    );
}

/// Whatever is called impossible is satisfied by none of many titles, and the opposite of a tautology is found.
#[test]
fn never_is_never_said_of_what_some_title_satisfies() {
    use super::super::sheet::Sheet;
    use crate::model::{ExternalIds, Facts, KnownFacts, PlexId, Relation, Title, UserId, UserUuid};
    let pool = [
        is(Type, "equals", "movie"),
        is(Type, "not", "movie"),
        is(Year, ">", "2000"),
        is(Year, "<=", "2001"),
        is(Year, "in", "[1999, 2001]"),
        is(Year, "exists", "false"),
        is(Genre, "contains", "a"),
        is(Genre, "not_in", "[a, b]"),
        is(Genre, "equals", "[a, b]"),
        is(Genre, "exists", "true"),
        is(Genre, "matches", "^b"),
        is(Cert, "contains", "tv"),
        is(Cert, "not", "TV-MA"),
        is(Cert, "in", "[tv-ma, R]"),
        is(SeasonCount, "between", "[1, 2]"),
        is(SeasonCount, "exists", "false"),
        is(User, "not", "ann"),
        is(User, "in", "[ann, bob]"),
        is(Anime, "equals", "true"),
        is(MovieStatus, "equals", "tba"),
    ];
    let mut titles = Vec::new();
    for number in 0..2u32.pow(8) {
        let bit = |at: u32| number >> at & 1 == 1;
        let media_type = if bit(0) { MediaType::Movie } else { MediaType::Show };
        let genres = match (bit(1), bit(2)) {
            (false, false) => None,
            (true, false) => Some(vec!["A".to_owned()]),
            (false, true) => Some(Vec::new()),
            (true, true) => Some(vec!["b".to_owned(), "a".to_owned()]),
        };
        let facts = Facts {
            year: [None, Some(1999), Some(2001), Some(2003)][(number >> 3 & 3) as usize],
            genres,
            certification: [None, Some("TV-MA".to_owned()), Some("R".to_owned()), Some("TV-14".to_owned())]
                [(number >> 5 & 3) as usize]
                .clone(),
            season_count: (media_type == MediaType::Show && bit(7)).then_some(2),
            movie_status: (media_type == MediaType::Movie && bit(7)).then(|| "tba".to_owned()),
            ..Facts::default()
        };
        titles.push(Title {
            plex_id: PlexId::parse("a").unwrap(),
            media_type,
            title: "a".into(),
            year: None,
            ids: ExternalIds::default(),
            facts: KnownFacts { given: Some(facts), ..KnownFacts::default() },
        });
    }
    let user = crate::model::User {
        id: UserId(1),
        uuid: UserUuid::parse("aa").unwrap(),
        username: "Ann".into(),
        display_name: "bob".into(),
        alias: None,
        relation: Relation::Friend,
        synced: true,
    };
    let mut random = fastrand::Rng::with_seed(7);
    let mut found = 0;
    for _ in 0..3000 {
        let mut group = |size: usize| -> Vec<Condition> {
            let mut one = || {
                let condition = pool[random.usize(..pool.len())].clone();
                if random.bool() { not(condition) } else { condition }
            };
            (0..size).map(|_| one()).collect()
        };
        let condition =
            Condition::All(vec![Condition::All(group(2)), Condition::Any(group(2)), not(Condition::All(group(2)))]);
        if why_never(&condition).is_none() {
            continue;
        }
        found += 1;
        for title in &titles {
            let sheet = Sheet { title, user: &user, wanted_by: Some(1), free_space: None };
            assert_ne!(condition.judge(&sheet), Truth::True, "{condition:?}\n{title:?}");
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn rules_conflict_over_an_instance_at_the_same_priority() {
    let rule = |priority: i32, to: &[&str]| {
        let mut rule = Rule::new("a", priority, Condition::always());
        rule.route = to.iter().map(|to| RouteTo { to: (*to).to_owned(), overrides: Overrides::default() }).collect();
        rule
    };
    let mut off = rule(1, &["x"]);
    off.enabled = false;
    let rules = [rule(1, &["x", "y"]), rule(2, &["x"]), off, rule(1, &["z"]), rule(1, &["y", "x"]), rule(1, &["z"])];
    let found = conflicts(&rules.iter().collect::<Vec<_>>());
    let told: Vec<_> = found.iter().map(|it| (it.first, it.second, it.instance.as_str())).collect();
    assert_eq!(told, [(0, 4, "y"), (3, 5, "z")]);
}
