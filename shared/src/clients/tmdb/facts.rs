//! What TMDB's details of a movie or show say that rules look at. Every field may be missing.

use serde_json::Value;

use super::language::english_name;
use crate::clients::lenient::{count, number, score, text, texts, unique};
use crate::model::Facts;

/// The ways of watching that cost nothing beyond a subscription; renting and buying are others.
const STREAMED: [&str; 3] = ["flatrate", "free", "ads"];

/// The facts in `details`, with the streaming services of `region`.
pub(super) fn facts(details: &Value, region: &str) -> Facts {
    let names = |key: &str| texts(details, key, Some("name"));
    let companies = [names("networks"), names("production_companies")];
    let told = companies.iter().any(Option::is_some);
    let voted = count(details, "vote_count").is_none_or(|votes| votes > 0);
    Facts {
        genres: names("genres"),
        original_language: text(details, "original_language").and_then(|code| english_name(&code)).map(str::to_owned),
        season_count: count(details, "number_of_seasons"),
        runtime_min: runtime(details),
        studios: told.then(|| unique(companies.into_iter().flatten().flatten())),
        countries: names("production_countries"),
        keywords: keywords(details),
        tmdb_rating: score(number(details, "vote_average"), 10.0).filter(|_| voted),
        streaming_services: streaming_services(details, region),
        ..Facts::default()
    }
}

/// Of a movie, or of an episode: shows have a list of usual lengths, often empty, and the last episode's own.
fn runtime(details: &Value) -> Option<u32> {
    let usual = || details.get("episode_run_time")?.as_array()?.iter().find_map(Value::as_u64);
    let last = || count(details.get("last_episode_to_air")?, "runtime");
    let minutes = count(details, "runtime").or_else(|| u32::try_from(usual()?).ok()).or_else(last);
    minutes.filter(|minutes| *minutes > 0)
}

/// A movie's stand under `keywords`, a show's under `results`.
fn keywords(details: &Value) -> Option<Vec<String>> {
    let keywords = details.get("keywords")?;
    texts(keywords, "keywords", Some("name")).or_else(|| texts(keywords, "results", Some("name")))
}

/// Names, and numbers as text. A region that is not listed has none.
fn streaming_services(details: &Value, region: &str) -> Option<Vec<String>> {
    let by_region = details.get("watch/providers")?.get("results")?.as_object()?;
    let Some(offers) = by_region.get(region) else { return Some(Vec::new()) };
    let providers = STREAMED.iter().filter_map(|way| offers.get(way)?.as_array()).flatten();
    let both =
        |provider: &Value| [text(provider, "provider_name"), count(provider, "provider_id").map(|id| id.to_string())];
    Some(unique(providers.flat_map(both).flatten()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn a_movies_details_tell_services_of_the_region_and_keywords() {
        let details = json!({
            "genres": [{ "id": 18, "name": "Drama" }], "original_language": "ja", "runtime": 117, "vote_average": 7.4, "vote_count": 9,
            "production_countries": [{ "iso_3166_1": "JP", "name": "Japan" }], "production_companies": [{ "name": "Tidal" }],
            "keywords": { "keywords": [{ "id": 1, "name": "harbour" }] },
            "watch/providers": { "results": {
                "US": {
                    "flatrate": [{ "provider_id": 8, "provider_name": "Netflix" }], "rent": [{ "provider_id": 2, "provider_name": "Shop" }],
                    "ads": [{ "provider_id": 8, "provider_name": "Netflix" }, { "provider_id": 73, "provider_name": "Tubi TV" }],
                },
                "DE": { "free": [{ "provider_id": 219, "provider_name": "ARD" }] },
            } },
        });
        let expected = Facts {
            genres: list(&["Drama"]),
            original_language: Some("Japanese".to_owned()),
            runtime_min: Some(117),
            studios: list(&["Tidal"]),
            countries: list(&["Japan"]),
            keywords: list(&["harbour"]),
            tmdb_rating: Some(7.4),
            streaming_services: list(&["Netflix", "8", "Tubi TV", "73"]),
            ..Facts::default()
        };
        assert_eq!(facts(&details, "US"), expected);
        assert_eq!(facts(&details, "DE").streaming_services, list(&["ARD", "219"]));
        assert_eq!(facts(&details, "FR").streaming_services, list(&[]), "nowhere there");
    }

    #[test]
    fn a_shows_details_have_their_own_names() {
        let details = json!({
            "number_of_seasons": 3, "episode_run_time": [], "last_episode_to_air": { "runtime": 42 }, "networks": [{ "name": "HTV" }],
            "keywords": { "results": [{ "name": "storm" }] }, "vote_average": 0.0, "vote_count": 0,
        });
        let expected = Facts {
            season_count: Some(3),
            runtime_min: Some(42),
            studios: list(&["HTV"]),
            keywords: list(&["storm"]),
            ..Facts::default()
        };
        assert_eq!(facts(&details, "US"), expected);
        assert_eq!(facts(&json!({ "episode_run_time": [24, 25] }), "US").runtime_min, Some(24));
    }

    #[test]
    fn odd_types_are_passed_over() {
        let odd = json!({ "genres": "x", "runtime": [], "keywords": 7, "watch/providers": [], "original_language": 1 });
        assert_eq!(facts(&odd, "US"), Facts::default());
    }
}
