//! Our stable words and theirs for the same things.

/// A stable word of ours as the arrs write it: `first_season` is `firstSeason`.
pub(super) fn camel(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut upper = false;
    for letter in word.chars() {
        match letter {
            '_' => upper = true,
            letter if upper => {
                out.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => out.push(letter),
        }
    }
    out
}

/// A word of theirs as we write it: `inCinemas` is `in_cinemas`.
pub(super) fn snake(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 1);
    for letter in word.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MinimumAvailability, MovieMonitor, SeriesMonitor};

    #[test]
    fn our_words_become_theirs() {
        let camel_of = |words: Vec<&str>| words.into_iter().map(camel).collect::<Vec<_>>().join(" ");
        assert_eq!(
            camel_of(SeriesMonitor::ALL.iter().map(|value| value.word()).collect()),
            "all future missing existing firstSeason lastSeason latestSeason pilot recent monitorSpecials unmonitorSpecials none skip"
        );
        assert_eq!(
            camel_of(MovieMonitor::ALL.iter().map(|value| value.word()).collect()),
            "movieOnly movieAndCollection none"
        );
        assert_eq!(
            camel_of(MinimumAvailability::ALL.iter().map(|value| value.word()).collect()),
            "tba announced inCinemas released"
        );
        assert!(SeriesMonitor::ALL.iter().all(|value| snake(&camel(value.word())) == value.word()));
    }
}
