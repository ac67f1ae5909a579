//! Reading JSON in which any field may be missing or of another type than usual: what cannot be read is as good as missing. What is
//! read is stored and shown, so texts and lists have an end, wherever they come from.

use serde_json::Value;

/// The most characters of a text that are kept.
const LONGEST_TEXT: usize = 500;

/// The most texts of a list that are kept.
const LONGEST_LIST: usize = 1_000;

/// The text under `key`, cut off after 500 characters; empty is none.
pub(super) fn text(object: &Value, key: &str) -> Option<String> {
    some_text(object.get(key)?)
}

fn some_text(value: &Value) -> Option<String> {
    let text = value.as_str().map(str::trim).filter(|text| !text.is_empty())?;
    let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
    Some(text[..end].to_owned())
}

/// The number under `key`, written as a number or as a text.
pub(super) fn number(object: &Value, key: &str) -> Option<f64> {
    let value = object.get(key)?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

/// The whole number under `key`, 0 included.
pub(super) fn count(object: &Value, key: &str) -> Option<u32> {
    let value = object.get(key)?;
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u32::try_from(number).ok()
}

/// The first 1,000 texts in the list under `key`: its elements, or what stands under `name` in each of them. `None` without a list.
pub(super) fn texts(object: &Value, key: &str, name: Option<&str>) -> Option<Vec<String>> {
    let elements = object.get(key)?.as_array()?.iter().take(LONGEST_LIST);
    let texts = elements.filter_map(|element| some_text(name.map_or(Some(element), |name| element.get(name))?));
    Some(unique(texts))
}

/// Each text once, in any case, in order.
pub(super) fn unique(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.iter().any(|other| other.to_lowercase() == text.to_lowercase()) {
            seen.push(text);
        }
    }
    seen
}

/// A score from 0 to `highest`. 0 is what is written where nobody has voted, and so no score.
pub(super) fn score(number: Option<f64>, highest: f64) -> Option<f64> {
    number.filter(|number| *number > 0.0 && *number <= highest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_of_another_type_is_missing() {
        let odd = json!({ "text": 7, "number": [], "count": -1, "list": "x", "mixed": ["a", 1, " ", "A", "b"] });
        assert_eq!((text(&odd, "text"), number(&odd, "number"), count(&odd, "count")), (None, None, None));
        assert_eq!((texts(&odd, "list", None), texts(&odd, "missing", None)), (None, None));
        assert_eq!(texts(&odd, "mixed", None), Some(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn numbers_come_as_numbers_and_as_texts() {
        let both = json!({ "a": "7.5", "b": 7.5, "c": "12", "d": 12 });
        assert_eq!((number(&both, "a"), number(&both, "b")), (Some(7.5), Some(7.5)));
        assert_eq!((count(&both, "c"), count(&both, "d")), (Some(12), Some(12)));
    }

    #[test]
    fn texts_and_lists_have_an_end() {
        let endless = json!({ "text": "\u{1f600}".repeat(501) });
        assert_eq!(text(&endless, "text").unwrap(), "\u{1f600}".repeat(500));
        assert_eq!(text(&json!({ "text": "x".repeat(500) }), "text").unwrap().len(), 500);
        let words: Vec<String> = (0..2_000).map(|number| number.to_string()).collect();
        assert_eq!(texts(&json!({ "list": words }), "list", None).unwrap(), words[..1_000]);
    }
}
