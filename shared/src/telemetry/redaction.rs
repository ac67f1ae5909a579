//! Takes secrets out of log lines. We never log one; but other crates' lines at their loudest levels, and a mistake, might.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

/// What stands where a secret stood.
const HIDDEN: &str = "***";

/// A secret with fewer characters is not looked for: it would be found in ordinary words.
const SHORTEST: usize = 6;

/// Names of query parameters whose values are secret, in lower case.
const PARAMETERS: [&str; 3] = ["x-plex-token=", "apikey=", "api_key="];

/// Names of headers and JSON fields whose values are secret, in lower case.
const HEADERS: [&str; 5] = ["authorization", "x-plex-token", "x-api-key", "apikey", "cookie"];

/// Where a line is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Whoever may look at the process's output.
    Operator,
    /// Whoever may ask the service for its last lines.
    Api,
}

/// A secret as it would stand in a line.
struct Needle {
    text: SecretString,
    /// Hidden from the API alone.
    from_api_only: bool,
}

/// The secrets that are looked for.
#[derive(Default)]
pub(super) struct Redaction(RwLock<Vec<Needle>>);

impl Redaction {
    /// Nothing is looked for yet.
    pub const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    /// From now on `secret` is hidden: from everybody, or with `from_api_only` from the API alone.
    pub fn hide(&self, secret: &SecretString, from_api_only: bool) {
        let plain = secret.expose_secret();
        if plain.len() < SHORTEST {
            return;
        }
        let mut needles = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Inside a JSON text quotes and backslashes look otherwise.
        let escaped = plain.replace('\\', "\\\\").replace('"', "\\\"");
        for text in [plain.to_owned(), escaped] {
            match needles.iter_mut().find(|needle| needle.text.expose_secret() == text) {
                Some(known) => known.from_api_only &= from_api_only,
                None => needles.push(Needle { text: text.into(), from_api_only }),
            }
        }
        // One that contains another is hidden whole.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.text.expose_secret().len()));
    }

    /// `line` as `reader` may see it.
    pub fn apply<'a>(&self, line: &'a str, reader: Reader) -> Cow<'a, str> {
        let mut line = Cow::Borrowed(line);
        let needles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for needle in needles.iter().filter(|needle| reader == Reader::Api || !needle.from_api_only) {
            let text = needle.text.expose_secret();
            if line.contains(text) {
                line = line.replace(text, HIDDEN).into();
            }
        }
        drop(needles);
        let marked = marked(&line);
        if marked.is_empty() { line } else { without(&line, &marked).into() }
    }
}

/// The places of `line` that names give away as secret, in order and without overlaps.
fn marked(line: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() {
        match secret_at(line.as_bytes(), at).filter(|(from, to)| from < to) {
            Some(place) => {
                found.push(place);
                at = place.1;
            }
            None => at += 1,
        }
    }
    found
}

/// The value that belongs to a name that begins at `at`.
fn secret_at(line: &[u8], at: usize) -> Option<(usize, usize)> {
    let follows = |name: &str| {
        line.get(at..at + name.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
            .then_some(name.len())
    };
    if let Some(length) = PARAMETERS.iter().find_map(|name| follows(name)) {
        return Some((at + length, end_of(line, at + length, b"&#;,")));
    }
    let length = HEADERS.iter().find_map(|name| follows(name))?;
    let past =
        |from: usize, skipped: &[u8]| from + line[from..].iter().take_while(|byte| skipped.contains(byte)).count();
    // `Authorization: Basic x`, `"authorization": "Basic x"`, and the same inside a JSON text.
    let colon = past(at + length, b"\"\\");
    if !matches!(line.get(colon), Some(b':' | b'=')) {
        return None;
    }
    let value = past(colon + 1, b" \"\\");
    // After the name of a key in a sentence there is a word and no value.
    let quoted = line[colon + 1..value].contains(&b'"');
    if !quoted && (follows("apikey").is_some() || follows("cookie").is_some()) {
        return (colon + 1 == value).then(|| (value, end_of(line, value, b"&#;,")));
    }
    // `Basic` and `Bearer` belong to the value, and a value in quotes ends with them.
    let end = if quoted {
        value + line[value..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n')).count()
    } else {
        let first = end_of(line, value, b",");
        let scheme = &line[value..first];
        let is_scheme = [&b"basic"[..], b"bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        if is_scheme { end_of(line, past(first, b" "), b",") } else { first }
    };
    Some((value, end))
}

/// Where a value that begins at `from` ends: before a space, a quote, or one of `also`.
fn end_of(line: &[u8], from: usize, also: &[u8]) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`\\)}]>".contains(byte) || also.contains(byte);
    from + line[from..].iter().take_while(|byte| !ends(byte)).count()
}

/// `line` without what stands at `places`, which begin and end beside ASCII characters.
fn without(line: &str, places: &[(usize, usize)]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    for (begin, end) in places {
        out.push_str(&line[from..*begin]);
        out.push_str(HIDDEN);
        from = *end;
    }
    out.push_str(&line[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> String {
        Redaction::new().apply(line, Reader::Operator).into_owned()
    }

    #[test]
    fn values_that_their_names_give_away_are_hidden_wherever_they_stand() {
        for (line, expected) in [
            ("GET /a?X-Plex-Token=abcdefgh&page=2", "GET /a?X-Plex-Token=***&page=2"),
            ("GET /a?apikey=abc", "GET /a?apikey=***"),
            ("http://arr/api?x=1&APIKEY=abc: refused", "http://arr/api?x=1&APIKEY=*** refused"),
            ("Authorization: Basic cHVsOng=, next", "Authorization: ***, next"),
            ("authorization: Bearer abc.def", "authorization: ***"),
            (r#"{"authorization":"Basic cHVsOng=","a":1}"#, r#"{"authorization":"***","a":1}"#),
            (
                r#"{"message":"{\"x-api-key\": \"abc\", \"b\": 2}"}"#,
                r#"{"message":"{\"x-api-key\": \"***\", \"b\": 2}"}"#,
            ),
            (r#"{"message":"apikey=é"}"#, r#"{"message":"apikey=***"}"#),
            (r#"headers: {"x-plex-token": "abc"}"#, r#"headers: {"x-plex-token": "***"}"#),
            ("a=X-Plex-Token=one b=X-Plex-Token=two", "a=X-Plex-Token=*** b=X-Plex-Token=***"),
        ] {
            assert_eq!(seen(line), expected);
        }
    }

    #[test]
    fn sentences_about_keys_are_left_as_they_are() {
        for line in [
            "instances[0].api_key: is empty",
            "apikey: copy it again",
            "no Authorization came",
            "x-plex-token=",
            "ключ",
        ] {
            assert_eq!(seen(line), line);
        }
    }

    #[test]
    fn what_is_registered_is_hidden_whole_also_where_json_writes_it_otherwise() {
        let redaction = Redaction::new();
        redaction.hide(&"secret-1".into(), false);
        redaction.hide(&"secret-1-longer".into(), false);
        redaction.hide(&r#"quo"te\d"#.into(), false);
        let line = r#"{"a":"secret-1-longer","b":"secret-1","c":"quo\"te\\d"}"#;
        assert_eq!(redaction.apply(line, Reader::Operator), r#"{"a":"***","b":"***","c":"***"}"#);
    }

    #[test]
    fn some_secrets_an_operator_may_read_and_the_api_never_shows() {
        let redaction = Redaction::new();
        redaction.hide(&"first-visit".into(), true);
        assert_eq!(redaction.apply("token: first-visit", Reader::Operator), "token: first-visit");
        assert_eq!(redaction.apply("token: first-visit", Reader::Api), "token: ***");
        // Hidden from everybody is stronger, in whichever order it is said.
        redaction.hide(&"first-visit".into(), false);
        redaction.hide(&"first-visit".into(), true);
        assert_eq!(redaction.apply("token: first-visit", Reader::Operator), "token: ***");
    }

    #[test]
    fn a_secret_that_is_an_ordinary_word_does_not_shred_the_log() {
        let redaction = Redaction::new();
        redaction.hide(&"run".into(), false);
        assert_eq!(redaction.apply("a run began", Reader::Api), "a run began");
    }
}
