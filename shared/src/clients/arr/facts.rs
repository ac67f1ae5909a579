//! What a lookup says that rules look at. Every field may be missing: the metadata services of both applications know less about
//! some titles than about others.

use serde_json::Value;

use super::words::snake;
use crate::clients::lenient::{count, number, score, text, texts};
use crate::model::{Facts, InstanceKind};

/// The language that both applications write where they know none.
const UNKNOWN_LANGUAGE: &str = "Unknown";

/// The facts in a `MovieResource` or `SeriesResource`.
pub(super) fn facts(resource: &Value, kind: InstanceKind) -> Facts {
    let language = resource.get("originalLanguage").and_then(|language| text(language, "name"));
    let status = text(resource, "status").map(|status| snake(&status));
    let usual = Facts {
        year: count(resource, "year").and_then(|year| u16::try_from(year).ok()).filter(|year| *year > 0),
        genres: texts(resource, "genres", None),
        certification: text(resource, "certification"),
        original_language: language.filter(|name| !name.eq_ignore_ascii_case(UNKNOWN_LANGUAGE)),
        runtime_min: count(resource, "runtime").filter(|minutes| *minutes > 0),
        ..Facts::default()
    };
    match kind {
        InstanceKind::Radarr => Facts {
            studios: text(resource, "studio").map(|studio| vec![studio]),
            keywords: texts(resource, "keywords", None),
            movie_status: status,
            ..with_ratings(usual, resource)
        },
        // Sonarr has one rating, of which it does not say whose it is.
        InstanceKind::Sonarr => Facts {
            studios: text(resource, "network").map(|network| vec![network]),
            season_count: resource.get("seasons").and_then(Value::as_array).map(|_| regular(&seasons(resource))),
            series_status: status,
            ..usual
        },
    }
}

/// Radarr's ratings: IMDb and TMDB from 0 to 10, Rotten Tomatoes' critics from 0 to 100.
fn with_ratings(facts: Facts, resource: &Value) -> Facts {
    let rating = |site: &str| resource.get("ratings")?.get(site);
    let value = |site: &str| rating(site).and_then(|rating| number(rating, "value"));
    Facts {
        imdb_rating: score(value("imdb"), 10.0),
        imdb_votes: rating("imdb").and_then(|rating| count(rating, "votes")).filter(|votes| *votes > 0),
        tmdb_rating: score(value("tmdb"), 10.0),
        rt_critic: score(value("rottenTomatoes"), 100.0),
        ..facts
    }
}

/// A series' seasons by number, ascending, with 0 for the specials.
pub(super) fn seasons(resource: &Value) -> Vec<u32> {
    let listed = resource.get("seasons").and_then(Value::as_array).into_iter().flatten();
    let mut numbers: Vec<u32> = listed.filter_map(|season| count(season, "seasonNumber")).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// How many of them are no specials.
fn regular(seasons: &[u32]) -> u32 {
    u32::try_from(seasons.iter().filter(|number| **number > 0).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn radarr_tells_status_keywords_and_ratings() {
        let movie = json!({
            "year": 2025, "genres": ["Animation"], "certification": "PG", "originalLanguage": { "id": 8, "name": "Japanese" },
            "runtime": 120, "studio": "Tidal Pictures", "keywords": ["harbour"], "status": "inCinemas",
            "ratings": {
                "imdb": { "votes": 1000, "value": 6.9, "type": "user" }, "tmdb": { "votes": 100, "value": 7.1, "type": "user" },
                "metacritic": { "value": 61 }, "rottenTomatoes": { "votes": 0, "value": 74, "type": "user" },
            },
        });
        let expected = Facts {
            year: Some(2025),
            genres: list(&["Animation"]),
            certification: Some("PG".to_owned()),
            original_language: Some("Japanese".to_owned()),
            runtime_min: Some(120),
            studios: list(&["Tidal Pictures"]),
            keywords: list(&["harbour"]),
            movie_status: Some("in_cinemas".to_owned()),
            imdb_rating: Some(6.9),
            imdb_votes: Some(1000),
            tmdb_rating: Some(7.1),
            rt_critic: Some(74.0),
            ..Facts::default()
        };
        assert_eq!(facts(&movie, InstanceKind::Radarr), expected);
    }

    #[test]
    fn sonarr_tells_seasons_network_and_status() {
        let series = json!({
            "network": "Harbour TV", "status": "continuing", "runtime": 0, "certification": "", "ratings": { "value": 8.5 },
            "originalLanguage": { "id": 0, "name": "Unknown" }, "keywords": ["x"],
            "seasons": [{ "seasonNumber": 2 }, { "seasonNumber": 0 }, { "seasonNumber": 1 }, { "monitored": true }],
        });
        let expected = Facts {
            season_count: Some(2),
            studios: list(&["Harbour TV"]),
            series_status: Some("continuing".to_owned()),
            ..Facts::default()
        };
        assert_eq!(facts(&series, InstanceKind::Sonarr), expected);
        assert_eq!(seasons(&series), [0, 1, 2]);
    }

    #[test]
    fn what_a_lookup_leaves_out_is_not_told() {
        for kind in [InstanceKind::Radarr, InstanceKind::Sonarr] {
            assert_eq!(facts(&json!({}), kind), Facts::default());
            assert_eq!(
                facts(&json!({ "genres": 7, "ratings": [], "seasons": {}, "status": 1 }), kind),
                Facts::default()
            );
        }
    }
}
