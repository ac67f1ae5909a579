//! Three values: the laws they keep, and what every operator makes of every kind of value.

use super::*;
use crate::routing::FieldSet;
use crate::routing::Truth::{self, False, True, Unknown};

const ALL: [Truth; 3] = [True, False, Unknown];

#[test]
fn and_or_and_not_keep_the_laws_of_three_valued_logic() {
    for a in ALL {
        assert_eq!(!!a, a, "twice not");
        assert_eq!((a.and(a), a.or(a)), (a, a), "idempotence");
        assert_eq!((a.and(True), a.or(False)), (a, a), "identity");
        assert_eq!((a.and(False), a.or(True)), (False, True), "domination");
        for b in ALL {
            assert_eq!((a.and(b), a.or(b)), (b.and(a), b.or(a)), "commutation");
            assert_eq!((!(a.and(b)), !(a.or(b))), ((!a).or(!b), (!a).and(!b)), "De Morgan");
            assert_eq!((a.and(a.or(b)), a.or(a.and(b))), (a, a), "absorption");
            for c in ALL {
                assert_eq!((a.and(b).and(c), a.or(b).or(c)), (a.and(b.and(c)), a.or(b.or(c))), "association");
                assert_eq!(a.and(b.or(c)), a.and(b).or(a.and(c)), "distribution");
            }
        }
    }
    assert_eq!(!Unknown, Unknown, "the opposite of unknown is unknown");
}

/// A title of which some facts are known, some absent and some not asked for.
fn half_known() -> Title {
    let plex = Facts {
        genres: Some(texts(&["Anime", "Sci-Fi & Fantasy"])),
        certification: Some("TV-14".into()),
        imdb_rating: Some(7.5),
        countries: Some(vec![]),
        ..Facts::default()
    };
    show(plex)
}

#[test]
fn every_operator_says_what_it_means() {
    let cases: &[(Field, &str, &str, Truth)] = &[
        (Field::Type, "equals", "show", True),
        (Field::Type, "not", "show", False),
        (Field::Type, "in", "[movie]", False),
        (Field::User, "equals", "TOMAS", True),
        (Field::User, "in", "[kids, Living-Room]", True),
        (Field::User, "not_in", "[5be07c1d2a94f036]", False),
        (Field::User, "matches", "^tomas", True),
        (Field::Genre, "contains", "anime", True),
        (Field::Genre, "contains", "fantasy", False),
        (Field::Genre, "not_contains", "horror", True),
        (Field::Genre, "in", "[horror,anime]", True),
        (Field::Genre, "not_in", "[horror,anime]", False),
        (Field::Genre, "equals", "[sci-fi & fantasy,anime]", True),
        (Field::Genre, "equals", "anime", False),
        (Field::Genre, "not", "anime", True),
        (Field::Genre, "matches", "fan.*sy$", True),
        (Field::Genre, "exists", "true", True),
        (Field::Certification, "equals", "tv-14", True),
        (Field::Certification, "contains", "14", True),
        (Field::Certification, "not_contains", "TV", False),
        (Field::Certification, "matches", "^tv-(y7|14)$", True),
        (Field::Certification, "in", "[R,TV-MA]", False),
        (Field::Certification, "exists", "false", False),
        (Field::Year, "=", "2025", True),
        (Field::Year, "!=", "2025", False),
        (Field::Year, "<", "2025", False),
        (Field::Year, "<=", "2025", True),
        (Field::Year, ">", "2024", True),
        (Field::Year, "≥", "2026", False),
        (Field::Year, "between", "[2025,2030]", True),
        (Field::Year, "in", "[1999,2025]", True),
        (Field::Year, "not_in", "[1999,2025]", False),
        (Field::ImdbRating, ">=", "7.5", True),
        (Field::Anime, "equals", "true", True),
        (Field::Anime, "not", "true", False),
        (Field::WantedBy, "<=", "1", True),
        // Told to be none: an answer like any other.
        (Field::Country, "contains", "Japan", False),
        (Field::Country, "not_contains", "Japan", True),
        (Field::Country, "exists", "true", False),
        // Not asked yet: nobody can tell, whichever way one asks.
        (Field::OriginalLanguage, "equals", "Japanese", Unknown),
        (Field::OriginalLanguage, "not", "Japanese", Unknown),
        (Field::OriginalLanguage, "not_in", "[Japanese]", Unknown),
        (Field::OriginalLanguage, "exists", "true", Unknown),
        (Field::SeriesStatus, "equals", "ended", Unknown),
        (Field::FreeSpace, "<", "100", Unknown),
        (Field::InPlex, "equals", "false", Unknown),
        // Asked, and not told: unknown to every comparison, and known not to exist.
        (Field::RtAudience, ">", "1", Unknown),
        (Field::RtAudience, "exists", "true", False),
        (Field::RtAudience, "exists", "false", True),
    ];
    let (title, user) = (half_known(), user());
    let sheet = Sheet { title: &title, user: &user, wanted_by: Some(1), free_space: None };
    for (field, operator, written, expected) in cases {
        let condition = compare(*field, operator, written);
        assert_eq!(condition.judge(&sheet), *expected, "{field} {operator} {written}");
        assert_eq!(not(condition).judge(&sheet), !*expected, "not {field} {operator} {written}");
    }
}

#[test]
fn every_operator_of_every_field_is_in_the_tables_above_or_like_one() {
    for field in Field::ALL {
        for operator in field.info().operators() {
            let written = match (field.info().kind, operator) {
                (_, Operator::Exists) => "true",
                (super::super::FieldKind::Flag, _) => "false",
                (super::super::FieldKind::Number, Operator::Between) => "[2000,2001]",
                (super::super::FieldKind::Number, Operator::In | Operator::NotIn) => "[2000]",
                (super::super::FieldKind::Number, _) => "2000",
                (_, Operator::In | Operator::NotIn) => "[x]",
                _ => "x",
            };
            let number = |text: &str| match field.info().range {
                Some((_, highest)) if highest < 2001.0 => text.replace("2000", "1").replace("2001", "2"),
                _ => text.to_owned(),
            };
            let written = match field.info().choices.first() {
                Some(choice) if *operator != Operator::Exists => written.replace('x', choice),
                _ => number(written),
            };
            let condition = compare(*field, operator.word(), &written);
            let (title, user) = (half_known(), user());
            let sheet = Sheet { title: &title, user: &user, wanted_by: None, free_space: None };
            // Whatever it is worth, the opposite is worth the opposite, and the words of the settings file are kept.
            assert_eq!(not(condition.clone()).judge(&sheet), !condition.judge(&sheet));
            let json = serde_json::to_value(&condition).unwrap();
            assert!(json.get(field.word()).is_some_and(|behind| behind.get(operator.word()).is_some()), "{json}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_words() {
    let check = |field, operator: &str, written: Written, expected: &str| {
        let refused = Comparison::new(field, Operator::parse(operator).unwrap(), &written).unwrap_err();
        assert_eq!(refused, expected);
    };
    let one = |text: &str| Written::One(text.to_owned());
    let many = |list: &[&str]| Written::Many(texts(list));
    check(
        Field::Genre,
        ">",
        one("3"),
        "`>` does not fit `genre`, which is a list of texts: use one of `contains`, `not_contains`, `equals`, `not`, `in`, \
         `not_in`, `matches`, `exists`",
    );
    check(Field::Year, "between", many(&["2030", "2020"]), "no number lies between 2030 and 2020: write [2020, 2030]");
    check(Field::Year, "between", many(&["1"]), "`year` is never 1: it lies between 1870 and 2200");
    check(Field::Year, ">", one("new"), "expected a number, found `new`");
    check(Field::ImdbRating, ">", one("75"), "`imdb_rating` is never 75: it lies between 0 and 10");
    check(Field::ImdbRating, ">", one("NaN"), "expected a number, found `NaN`");
    check(Field::Type, "equals", one("film"), "`type` is never `film`: it is one of movie, show");
    check(Field::User, "in", one("kids"), "`in` takes a list: write [kids]");
    check(Field::User, "in", many(&[]), "`in` has an empty list: name at least one value");
    check(
        Field::Genre,
        "contains",
        many(&["a", "b"]),
        "`contains` takes one value, not a list: use `in` for one of several, or `all` for every one",
    );
    check(Field::Anime, "equals", one("maybe"), "expected true or false, found `maybe`");
    check(Field::Genre, "contains", one(" "), "`contains` needs a value");
}

#[test]
fn groups_of_nothing_are_what_logic_says() {
    let (title, user) = (half_known(), user());
    let sheet = Sheet { title: &title, user: &user, wanted_by: None, free_space: None };
    assert_eq!(Condition::All(vec![]).judge(&sheet), True);
    assert_eq!(Condition::Any(vec![]).judge(&sheet), False);
}

/// A condition over a handful of atoms whose worth the seed settles.
fn random(random: &mut fastrand::Rng, depth: u32) -> Condition {
    let atoms = [
        compare(Field::Genre, "contains", "anime"),
        compare(Field::Genre, "contains", "horror"),
        compare(Field::OriginalLanguage, "equals", "Japanese"),
        compare(Field::Year, ">", "2020"),
        compare(Field::RtCritic, "<", "50"),
    ];
    match random.u8(0..if depth == 0 { 1 } else { 4 }) {
        0 => atoms[random.usize(0..atoms.len())].clone(),
        1 => not(self::random(random, depth - 1)),
        2 => Condition::All((0..random.usize(0..4)).map(|_| self::random(random, depth - 1)).collect()),
        _ => Condition::Any((0..random.usize(0..4)).map(|_| self::random(random, depth - 1)).collect()),
    }
}

/// Kleene's promise: learning an unknown fact never changes what was known already.
#[test]
fn learning_more_never_turns_true_into_false() {
    let mut rng = fastrand::Rng::with_seed(7);
    let user = user();
    for _ in 0..2_000 {
        let condition = random(&mut rng, 5);
        let known = half_known();
        let before = condition.judge(&Sheet { title: &known, user: &user, wanted_by: None, free_space: None });
        let mut more = known.clone();
        let language = if rng.bool() { "Japanese" } else { "English" };
        let critic = f64::from(rng.u8(0..=100));
        let told = Facts { original_language: Some(language.into()), rt_critic: Some(critic), ..Facts::default() };
        more.facts.arr = Some(told);
        let after = condition.judge(&Sheet { title: &more, user: &user, wanted_by: None, free_space: None });
        assert!(before == Unknown || before == after, "{condition:?}: {before:?} became {after:?}");
    }
}

/// Fields that are not open can turn out to be anything: the worth stays what it is.
#[test]
fn only_open_fields_can_change_what_a_condition_is_worth() {
    let mut rng = fastrand::Rng::with_seed(13);
    let user = user();
    let (mut open, mut closed) = (0, 0);
    for _ in 0..3_000 {
        let condition = random(&mut rng, 4);
        let known = show(genres(&["Drama"]));
        let sheet = Sheet { title: &known, user: &user, wanted_by: None, free_space: None };
        let fields = condition.open_fields(&sheet);
        let language = Some(if rng.bool() { "Japanese" } else { "English" }.to_owned());
        let critic = Some(f64::from(rng.u8(0..=100)));
        let told = Facts {
            original_language: language.filter(|_| !fields.has(Field::OriginalLanguage)),
            rt_critic: critic.filter(|_| !fields.has(Field::RtCritic)),
            ..Facts::default()
        };
        let mut more = known.clone();
        more.facts.arr = Some(told);
        let after = condition.judge(&Sheet { title: &more, ..sheet });
        assert_eq!(condition.judge(&sheet), after, "{condition:?}");
        if fields == FieldSet::default() { closed += 1 } else { open += 1 }
    }
    assert!(open > 100 && closed > 100, "{open} {closed}");
}

/// What a group is worth does not depend on the order of its parts.
#[test]
fn the_order_of_conditions_decides_nothing() {
    let mut rng = fastrand::Rng::with_seed(11);
    let (title, user) = (half_known(), user());
    let sheet = Sheet { title: &title, user: &user, wanted_by: None, free_space: None };
    for _ in 0..500 {
        let mut parts: Vec<Condition> = (0..6).map(|_| random(&mut rng, 3)).collect();
        let worth = (Condition::All(parts.clone()).judge(&sheet), Condition::Any(parts.clone()).judge(&sheet));
        rng.shuffle(&mut parts);
        assert_eq!((Condition::All(parts.clone()).judge(&sheet), Condition::Any(parts).judge(&sheet)), worth);
    }
}

#[test]
fn letters_beyond_ascii_are_found_in_any_case() {
    let facts = |certification: &str| Facts { certification: Some(certification.to_owned()), ..Facts::default() };
    for (part, text) in [("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{39f}\u{394}\u{39f}\u{3a3}"), ("\u{c9}", "Genre \u{e9}")] {
        let (title, user) = (movie(facts(text)), user());
        let sheet = Sheet { title: &title, user: &user, wanted_by: None, free_space: None };
        assert_eq!(compare(Field::Certification, "contains", part).judge(&sheet), True, "{part} in {text}");
    }
}
