//! A title as JSON: the watchlist's list item (about 1 KB) and the metadata answer (3 to 6 KB).
//!
//! Owns: which field is in which of the two, after recorded payloads: lists have no `summary`, no `Genre`, and `Guid` only
//! when asked. Refuses: paging and status codes.

use serde_json::{Map, Value, json};

use super::pictures;
use super::title::Title;

const FIRST: [&str; 12] =
    ["Ines", "Jo", "Marek", "Ayla", "Tomas", "Noor", "Pia", "Ruben", "Saskia", "Viktor", "Wren", "Yusuf"];
const LAST: [&str; 11] =
    ["Vale", "Marsh", "Okafor", "Lind", "Petrov", "Sato", "Quill", "Moreau", "Drexler", "Haas", "Iversen"];
const GENRES: [&str; 6] = ["Drama", "Thriller", "Comedy", "Mystery", "Adventure", "Science Fiction"];

/// The item of a watchlist page. `guids` is whether ids were asked for and are known.
pub(crate) fn list_item(title: &Title, guids: bool) -> Value {
    let mut item = common(title);
    if guids {
        item.insert("Guid".to_owned(), guid_list(title));
    }
    Value::Object(item)
}

/// The item of a metadata answer. `guids` is whether Plex has learnt the ids yet; if not, the list is there but empty.
pub(crate) fn metadata(title: &Title, guids: bool) -> Value {
    let mut item = common(title);
    let seed = title.seed();
    let summary = title.summary.clone().unwrap_or_else(|| summary(title));
    item.insert("summary".to_owned(), json!(summary));
    item.insert("source".to_owned(), json!("provider://tv.plex.provider.metadata"));
    item.insert("Guid".to_owned(), if guids { guid_list(title) } else { json!([]) });
    item.insert("Genre".to_owned(), tags("genre", &genres(title)));
    item.insert("Rating".to_owned(), ratings(title));
    item.insert("Country".to_owned(), tags("country", &[country(title)]));
    item.insert("Studio".to_owned(), json!([{ "tag": studio(title) }]));
    if title.show {
        item.insert("Network".to_owned(), json!([{ "tag": title.network.clone().unwrap_or_else(|| studio(title)) }]));
    }
    item.insert("Role".to_owned(), people(seed, 12, true));
    item.insert("Director".to_owned(), people(seed >> 7, 1, false));
    item.insert("Writer".to_owned(), people(seed >> 11, 2, false));
    item.insert("Producer".to_owned(), people(seed >> 13, 2, false));
    Value::Object(item)
}

/// The attributes an XML answer gives; few clients ever ask for it.
pub(crate) fn xml_item(title: &Title, guids: bool) -> String {
    let element = if title.show { "Directory" } else { "Video" };
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let guids: String = title.guids().iter().filter(|_| guids).map(|id| format!("<Guid id=\"{id}\"/>")).collect();
    format!(
        "<{element} guid=\"{}\" key=\"{}\" ratingKey=\"{}\" type=\"{}\" title=\"{}\" year=\"{}\">{guids}</{element}>",
        plex_guid(title),
        key_path(title),
        title.rating_key(),
        title.kind(),
        escape(&title.name),
        title.first_year()
    )
}

/// `plex://movie/650c77e1aa10b4001f5d2e90`.
pub(crate) fn plex_guid(title: &Title) -> String {
    format!("plex://{}/{}", title.kind(), title.rating_key())
}

/// The metadata path of the title; a show's ends in `/children`.
pub(crate) fn key_path(title: &Title) -> String {
    format!("/library/metadata/{}{}", title.rating_key(), if title.show { "/children" } else { "" })
}

/// The title's public page.
pub(crate) fn public_page(title: &Title) -> String {
    format!("https://watch.plex.tv/{}/{}", title.kind(), title.slug())
}

fn common(title: &Title) -> Map<String, Value> {
    let seed = title.seed();
    let year = title.first_year();
    let released =
        title.released.clone().unwrap_or_else(|| format!("{year}-{:02}-{:02}", seed % 12 + 1, seed % 27 + 1));
    let picture = |use_: &str| format!("{}/{use_}{seed:016x}.jpg", pictures::ELSEWHERE);
    let duration_ms =
        title.duration_ms.unwrap_or(if title.show { 2_700_000 } else { 5_400_000 + (seed % 60) as i64 * 60_000 });
    let critics = title.critic_rating.unwrap_or(score(seed, 3));
    let audience = title.audience_rating.unwrap_or(score(seed, 5));
    let page = json!({
        "guid": plex_guid(title), "key": key_path(title), "ratingKey": title.rating_key(), "type": title.kind(),
        "title": title.name, "slug": title.slug(), "studio": studio(title),
        "tagline": format!("What the tide brings to {}", title.name),
        "rating": critics, "ratingImage": critic_image(critics), "audienceRating": audience,
        "audienceRatingImage": audience_image(audience), "imdbRatingCount": title.imdb_votes.unwrap_or((seed % 90_000) as i64),
        "originallyAvailableAt": released, "year": year, "addedAt": midnight(&released), "duration": duration_ms,
        "userState": false, "publicPagesURL": public_page(title), "art": picture("a"), "thumb": picture("t"),
        "Image": [
            { "alt": title.name, "type": "coverPoster", "url": picture("t") },
            { "alt": title.name, "type": "background", "url": picture("a") },
            { "alt": title.name, "type": "clearLogo", "url": picture("l") },
        ],
    });
    let Value::Object(mut item) = page else { return Map::new() };
    let certification =
        title.certification.clone().unwrap_or_else(|| (if title.show { "TV-14" } else { "PG-13" }).to_owned());
    if !certification.is_empty() {
        item.insert("contentRating".to_owned(), json!(certification));
    }
    if title.show {
        item.insert("leafCount".to_owned(), json!(title.seasons * 8));
        item.insert("childCount".to_owned(), json!(title.seasons));
        item.insert("isContinuingSeries".to_owned(), json!(seed.is_multiple_of(2)));
    } else {
        item.insert(
            "primaryExtraKey".to_owned(),
            json!(format!("/library/metadata/{}/extras/{:06x}", title.rating_key(), seed % 0xff_ffff)),
        );
    }
    item
}

fn guid_list(title: &Title) -> Value {
    title.guids().into_iter().map(|id| json!({ "id": id })).collect()
}

fn genres(title: &Title) -> Vec<String> {
    if title.genres.is_empty() {
        return vec![GENRES[(title.seed() % 6) as usize].to_owned()];
    }
    title.genres.clone()
}

fn tags(kind: &str, values: &[String]) -> Value {
    let one = |tag: &String| {
        let id = format!("{:024x}", crate::fakes::exchange::fnv(tag.as_bytes()));
        json!({
            "filter": format!("{kind}={id}"), "id": id, "ratingKey": format!("{kind}_{id}"), "tag": tag,
            "slug": tag.to_lowercase().replace(' ', "-"), "directory": true, "context": format!("tag.{kind}"),
        })
    };
    values.iter().map(one).collect()
}

fn ratings(title: &Title) -> Value {
    let seed = title.seed();
    let critics = title.critic_rating.unwrap_or(score(seed, 3));
    let audience = title.audience_rating.unwrap_or(score(seed, 5));
    json!([
        { "image": "imdb://image.rating", "type": "audience", "value": title.imdb_rating.unwrap_or(score(seed, 7)) },
        { "image": "themoviedb://image.rating", "type": "audience", "value": title.tmdb_rating.unwrap_or(score(seed, 9)) },
        { "image": critic_image(critics), "type": "critic", "value": critics },
        { "image": audience_image(audience), "type": "audience", "value": audience },
    ])
}

fn people(seed: u64, count: u64, with_parts: bool) -> Value {
    let one = |order: u64| {
        let first = FIRST[((seed >> 3).wrapping_add(order * 5) % 12) as usize];
        let last = LAST[((seed >> 5).wrapping_add(order * 7) % 11) as usize];
        let id = format!("{:024x}", seed.wrapping_mul(31).wrapping_add(order));
        let mut person = json!({
            "id": id, "key": format!("/library/people/{id}"), "tag": format!("{first} {last}"), "type": "person",
            "slug": format!("{first}-{last}").to_lowercase(), "order": order + 1,
            "thumb": format!("https://metadata-static.plex.tv/{}/people/{id}.jpg", &id[23..]),
        });
        if with_parts {
            person["role"] = json!(format!("The {last} of the tide"));
        }
        person
    };
    (0..count).map(one).collect()
}

fn summary(title: &Title) -> String {
    format!(
        "{} begins when a clerk finds an entry nobody wrote. The harbour keeps its books in salt, and somebody has been \
         reading them. Between two storms the town has to settle what it owes, and to whom.",
        title.name
    )
}

fn studio(title: &Title) -> String {
    title.studio.clone().unwrap_or_else(|| "Tidal Pictures".to_owned())
}

fn country(title: &Title) -> String {
    title.country.clone().unwrap_or_else(|| "Portugal".to_owned())
}

/// A score from 4.0 to 9.4, the same for the same title.
fn score(seed: u64, turn: u32) -> f64 {
    (40 + seed.rotate_left(turn * 6) % 55) as f64 / 10.0
}

fn critic_image(score: f64) -> &'static str {
    if score >= 6.0 { "rottentomatoes://image.rating.ripe" } else { "rottentomatoes://image.rating.rotten" }
}

fn audience_image(score: f64) -> &'static str {
    if score >= 6.0 { "rottentomatoes://image.rating.upright" } else { "rottentomatoes://image.rating.spilled" }
}

/// Seconds since the epoch at midnight UTC of `yyyy-mm-dd` (0 for anything else): what Plex calls `addedAt`.
fn midnight(date: &str) -> i64 {
    let mut parts = date.split('-').map(|part| part.parse::<i64>().unwrap_or(0));
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else { return 0 };
    // Days since the epoch in the proleptic Gregorian calendar, with the year starting in March.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    days * 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_at_is_midnight_of_the_release() {
        assert_eq!(midnight("2024-03-06"), 1_709_683_200);
        assert_eq!(midnight("2025-09-12"), 1_757_635_200);
        assert_eq!(midnight("1970-01-01"), 0);
    }

    #[test]
    fn payloads_weigh_like_recorded_ones() {
        for title in [Title::movie("Salt Ledger"), Title::show("Harbour Nine")] {
            let item = list_item(&title, true).to_string().len();
            let whole = metadata(&title, true).to_string().len();
            assert!((900..2_000).contains(&item), "list item of {item} bytes");
            assert!((3_000..8_000).contains(&whole), "metadata of {whole} bytes");
        }
    }
}
