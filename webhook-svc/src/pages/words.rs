//! Numbers as people say them.

use pulsarr_shared::model::{Step, Verdict};

/// How long `ms` milliseconds are: `40 ms`, `3 s`, `1 min 2 s`, `5 h 20 min`, `2 d 4 h`.
pub fn lasted(ms: i64) -> String {
    let (ms, seconds) = (ms.max(0), ms.max(0) / 1000);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, of: &str, small: i64, than: &str| match small {
        0 => format!("{large} {of}"),
        small => format!("{large} {of} {small} {than}"),
    };
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ if minutes == 0 => format!("{seconds} s"),
        _ if hours == 0 => two(minutes, "min", seconds % 60, "s"),
        _ if days == 0 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// How the verdict of a step of a decision looks.
pub const fn tone_of(step: &Step) -> &'static str {
    match step.verdict {
        Verdict::Matched => "yes",
        Verdict::NotMatched => "no",
        Verdict::Unknown => "unknown",
        Verdict::NotAsked => "idle",
    }
}

/// The first letters of the first two words of a name, for a picture of somebody.
pub fn initials(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(2).filter_map(|word| word.chars().next()).collect()
}

/// How many bytes these are: `512 B`, `40 kB`, `3.2 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} kB", count / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
        _ => format!("{}.{} GB", count / 1_000_000_000, count / 100_000_000 % 10),
    }
}

/// How something would be added, from options in the words of the settings: `quality profile HD-1080p · tags watchlist, ana`.
pub fn options(options: &serde_json::Value) -> String {
    let Some(options) = options.as_object() else { return String::new() };
    let told = options.iter().filter(|(name, _)| *name != "kind").filter_map(|(name, value)| {
        let name = name.replace('_', " ");
        match value {
            serde_json::Value::Bool(true) => Some(name),
            serde_json::Value::Bool(false) => Some(format!("no {name}")),
            // Names that people gave stay as they are; the settings' own words are made readable.
            serde_json::Value::String(text) if matches!(name.as_str(), "quality profile" | "root folder path") => {
                Some(format!("{name} {text}"))
            }
            serde_json::Value::String(text) => Some(format!("{name} {}", text.replace('_', " "))),
            serde_json::Value::Array(texts) if !texts.is_empty() => {
                let texts = texts.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
                Some(format!("{name} {}", texts.collect::<Vec<_>>().join(", ")))
            }
            serde_json::Value::Number(number) => Some(format!("{name} {number}")),
            _ => None,
        }
    });
    told.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shortened_to_two_letters() {
        assert_eq!(["tomas.r", "Living Room TV", "été", "<b>", ""].map(initials), ["tr", "LR", "é", "b", ""]);
    }

    #[test]
    fn options_are_told_in_words_and_what_is_not_set_is_not() {
        let given = serde_json::json!({
            "kind": "radarr", "quality_profile": "Ultra_HD", "search_on_add": true, "season_folder": false, "tags": ["ana", "uhd"],
            "seasons": [1, 2], "root_folder_path": null, "monitor": "movie_only",
        });
        let told = "monitor movie only · quality profile Ultra_HD · search on add · no season folder · seasons 1, 2 · tags ana, uhd";
        assert_eq!(
            options(&given).split(" · ").collect::<std::collections::BTreeSet<_>>(),
            told.split(" · ").collect()
        );
        assert_eq!(options(&serde_json::json!({"tags": []})), "");
    }

    #[test]
    fn sizes_are_said_in_the_unit_that_fits() {
        assert_eq!([999, 40_960, 3_250_000, 7_010_000_000].map(bytes), ["999 B", "40 kB", "3.2 MB", "7.0 GB"]);
    }

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        let said = [0, 999, 1_000, 62_500, 3_600_000, 19_200_000, 187_200_000].map(lasted);
        assert_eq!(said, ["0 ms", "999 ms", "1 s", "1 min 2 s", "1 h", "5 h 20 min", "2 d 4 h"]);
        assert_eq!(lasted(-5), "0 ms");
    }
}
