//! Time zones by name. The tables come with the program, so that every machine knows the same ones.

use jiff::tz::{self, TimeZone};

use super::finding::quoted;
use super::nearest::nearest;

/// The zone of this name, such as `Europe/Berlin`, in any case.
///
/// # Errors
/// A sentence that names what is near.
pub(super) fn named(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        let known: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
        let advice = nearest(text, known.iter().map(String::as_str))
            .map_or_else(|| "write a name such as Europe/Berlin".to_owned(), |near| format!("did you mean `{near}`?"));
        format!("no time zone is called {}: {advice}", quoted(text))
    })
}

/// The zone that the variable `TZ` means: a name, perhaps with a colon in front or as a path below `zoneinfo/`, or a POSIX rule
/// such as `CET-1CEST,M3.5.0,M10.5.0/3`. `None` for any other path, such as `/etc/localtime`: what stands there is the machine's.
///
/// # Errors
/// A sentence that names what is near.
pub(super) fn of_variable(text: &str) -> Result<Option<TimeZone>, String> {
    let text = text.strip_prefix(':').unwrap_or(text);
    if let Some((_, name)) = text.split_once("zoneinfo/") {
        let name = name.trim_start_matches("posix/").trim_start_matches("right/");
        return named(name).map(Some);
    }
    if text.starts_with('/') {
        return Ok(None);
    }
    // A rule has an offset in digits, and so has no region's name.
    let rule = || text.contains(|c: char| c.is_ascii_digit()).then(|| TimeZone::posix(text).ok()).flatten();
    named(text).or_else(|message| rule().ok_or(message)).map(Some)
}

/// The zone's name, or its rule.
pub(super) fn in_words(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("a rule of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name_on_every_machine() {
        assert_eq!(in_words(&named("Europe/Berlin").unwrap()), "Europe/Berlin");
        assert_eq!(in_words(&named("europe/berlin").unwrap()), "Europe/Berlin");
        assert_eq!(in_words(&named("UTC").unwrap()), "UTC");
        assert_eq!(
            named("Europe/Berln").unwrap_err(),
            "no time zone is called `Europe/Berln`: did you mean `Europe/Berlin`?"
        );
        assert_eq!(
            named("Middle Earth").unwrap_err(),
            "no time zone is called `Middle Earth`: write a name such as Europe/Berlin"
        );
    }

    #[test]
    fn the_variable_is_understood_in_every_form_there_is() {
        let zone = |text: &str| of_variable(text).unwrap();
        for text in [
            "Europe/Berlin",
            ":Europe/Berlin",
            "/usr/share/zoneinfo/Europe/Berlin",
            ":/usr/share/zoneinfo/posix/Europe/Berlin",
        ] {
            assert_eq!(zone(text), Some(named("Europe/Berlin").unwrap()), "{text}");
        }
        assert_eq!(zone("CET-1CEST,M3.5.0,M10.5.0/3"), Some(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()));
        assert_eq!(zone("<+03>-3"), Some(TimeZone::posix("<+03>-3").unwrap()));
        assert!(zone("UTC0").is_some());
        assert_eq!(zone(":/etc/localtime"), None);
        assert!(of_variable("Berlin").is_err());
    }
}
