//! Regular expressions that cannot be made to hang or to grow: linear time, bounded size. Found anywhere in a text; `a` to `z` in any case, other letters as written.

use regex_lite::{Regex, RegexBuilder};

/// Characters a pattern may have.
const LONGEST: usize = 300;

/// Bytes a compiled pattern may need: enough for any pattern a person writes, too little for `(a{500}){500}`.
const LARGEST: usize = 256 * 1024;

/// Bytes of a text that are searched: facts are names and words, and none is longer.
const SEARCHED: usize = 2_000;

/// A checked regular expression.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// The expression `written`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn new(written: &str) -> Result<Self, String> {
        let length = written.chars().count();
        if length > LONGEST {
            return Err(format!(
                "the regular expression has {length} characters; {LONGEST} are allowed: split it with `any`"
            ));
        }
        let built = RegexBuilder::new(written).case_insensitive(true).size_limit(LARGEST).build();
        match built {
            Ok(regex) => Ok(Self(regex)),
            Err(error) => {
                let words = error.to_string();
                if words.contains("size limit") || words.contains("too big") {
                    return Err("the regular expression is too large: use smaller repetitions than {n}".to_owned());
                }
                Err(format!("no regular expression: {words}"))
            }
        }
    }

    /// Whether it finds something in `text`.
    #[must_use]
    pub fn finds_in(&self, text: &str) -> bool {
        let end = (0..=text.len().min(SEARCHED)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.0.is_match(&text[..end])
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_in_any_case_and_anywhere() {
        let pattern = Pattern::new("^sci.fi|anime").unwrap();
        assert!(pattern.finds_in("Sci-Fi & Fantasy") && pattern.finds_in("Old ANIME"));
        assert!(!pattern.finds_in("Not Sci-Fi"));
    }

    #[test]
    fn what_is_too_large_or_no_pattern_is_refused_with_words() {
        assert!(Pattern::new(&"a".repeat(301)).unwrap_err().contains("301 characters"));
        assert!(Pattern::new("(a{900}){900}").unwrap_err().contains("too large"));
        assert!(Pattern::new("(open").unwrap_err().starts_with("no regular expression"));
    }

    /// A backtracking engine would need longer than the universe has existed.
    #[test]
    fn a_nasty_pattern_answers_at_once() {
        let pattern = Pattern::new("^(a|a)*(a|a)*(a|a)*b$").unwrap();
        assert!(!pattern.finds_in(&"a".repeat(5_000)));
    }
}
