//! What a metadata answer of Plex says that rules look at. Every field may be missing, and one of an odd type is as good as missing.

use serde_json::Value;

use crate::clients::lenient::{count, number, score, text, texts, unique};
use crate::model::Facts;

/// Milliseconds in a minute.
const MINUTE_MS: f64 = 60_000.0;

/// The facts in `item`, an element of `Metadata`. Lists are `Some`, for Plex leaves empty ones out.
pub(super) fn facts(item: &Value) -> Facts {
    let tags = |key: &str| texts(item, key, Some("tag")).unwrap_or_default();
    let is_show = text(item, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("show"));
    Facts {
        genres: Some(tags("Genre")),
        certification: text(item, "contentRating"),
        season_count: count(item, "childCount").filter(|_| is_show),
        runtime_min: number(item, "duration").and_then(minutes),
        studios: Some(unique(text(item, "studio").into_iter().chain(tags("Studio")).chain(tags("Network")))),
        countries: Some(tags("Country")),
        imdb_rating: score(rating(item, "imdb://", None), 10.0),
        imdb_votes: count(item, "imdbRatingCount").filter(|votes| *votes > 0),
        rt_critic: rating(item, "rottentomatoes://", Some("critic")).and_then(per_cent),
        rt_audience: rating(item, "rottentomatoes://", Some("audience")).and_then(per_cent),
        tmdb_rating: score(rating(item, "themoviedb://", None), 10.0),
        ..Facts::default()
    }
}

/// The rating whose picture is of this site: from the list of all, else from one of the two that stand by themselves. Rotten
/// Tomatoes has two, told apart by who gave them.
fn rating(item: &Value, site: &str, by: Option<&str>) -> Option<f64> {
    let of_site = |image: Option<String>| image.is_some_and(|image| image.starts_with(site));
    let listed = item.get("Rating").and_then(Value::as_array).into_iter().flatten();
    let mut listed = listed.filter(|rating| of_site(text(rating, "image")));
    let alone = || {
        let pairs = [("rating", "ratingImage", "critic"), ("audienceRating", "audienceRatingImage", "audience")];
        let fitting =
            |(_, image, who): &&(&str, &str, &str)| of_site(text(item, image)) && by.is_none_or(|by| by == *who);
        pairs.iter().find(fitting).and_then(|(value, ..)| number(item, value))
    };
    let found = listed.find(|rating| by.is_none() || text(rating, "type").as_deref() == by);
    found.and_then(|rating| number(rating, "value")).or_else(alone)
}

/// Plex writes Rotten Tomatoes' per cents from 0 to 10. Nothing liked by nobody is 0, and a score.
fn per_cent(value: f64) -> Option<f64> {
    (0.0..=10.0).contains(&value).then(|| (value * 100.0).round() / 10.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the range of a day by the filter before it"
)]
fn minutes(duration_ms: f64) -> Option<u32> {
    let minutes = (duration_ms / MINUTE_MS).round();
    (1.0..100_000.0).contains(&minutes).then_some(minutes as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn a_metadata_answer_tells_what_rules_look_at() {
        let item = json!({
            "type": "show", "studio": "Tidal Pictures", "contentRating": "TV-14", "duration": 2_700_000, "childCount": 2,
            "imdbRatingCount": 5120,
            "Genre": [{ "tag": "Drama" }, { "slug": "x" }], "Country": [{ "tag": "Portugal" }],
            "Studio": [{ "tag": "tidal pictures" }], "Network": [{ "tag": "Harbour TV" }],
            "Rating": [
                { "image": "imdb://image.rating", "type": "audience", "value": 7.9 },
                { "image": "themoviedb://image.rating", "type": "audience", "value": "8.2" },
                { "image": "rottentomatoes://image.rating.ripe", "type": "critic", "value": 9.3 },
                { "image": "rottentomatoes://image.rating.upright", "type": "audience", "value": 6.4 },
            ],
        });
        let expected = Facts {
            genres: list(&["Drama"]),
            certification: Some("TV-14".to_owned()),
            season_count: Some(2),
            runtime_min: Some(45),
            studios: list(&["Tidal Pictures", "Harbour TV"]),
            countries: list(&["Portugal"]),
            imdb_rating: Some(7.9),
            imdb_votes: Some(5120),
            rt_critic: Some(93.0),
            rt_audience: Some(64.0),
            tmdb_rating: Some(8.2),
            ..Facts::default()
        };
        assert_eq!(facts(&item), expected);
    }

    #[test]
    fn without_the_list_the_two_ratings_beside_it_count_by_their_pictures() {
        let tomatoes = json!({
            "type": "movie", "rating": 0.0, "ratingImage": "rottentomatoes://image.rating.rotten",
            "audienceRating": 7.1, "audienceRatingImage": "rottentomatoes://image.rating.upright", "childCount": 3,
        });
        let told = facts(&tomatoes);
        assert_eq!((told.rt_critic, told.rt_audience, told.imdb_rating), (Some(0.0), Some(71.0), None));
        assert_eq!(told.season_count, None, "a film has no seasons");
        let imdb = facts(&json!({ "rating": 8.1, "ratingImage": "imdb://image.rating" }));
        assert_eq!((imdb.imdb_rating, imdb.rt_critic), (Some(8.1), None));
    }

    #[test]
    fn odd_types_are_passed_over_and_lists_that_are_left_out_are_empty() {
        let odd = json!({
            "type": "movie", "studio": 7, "contentRating": [], "duration": "soon", "Rating": { "x": 1 }, "Genre": "Drama",
            "rating": 11.0, "ratingImage": "imdb://image.rating", "imdbRatingCount": -4,
        });
        let nothing = Facts { genres: list(&[]), studios: list(&[]), countries: list(&[]), ..Facts::default() };
        assert_eq!(facts(&odd), nothing);
    }
}
