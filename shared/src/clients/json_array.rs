//! Splits a JSON array that arrives in pieces into the bytes of its elements.
//!
//! A whole library is tens of megabytes and we want one number of each element, so nothing is held but the element that a piece
//! boundary cut in two. Owns the outermost brackets and commas; refuses to look into an element (the caller parses those) and
//! to hold one larger than a limit.

/// The largest element that is accepted: 1 MiB. A series with dozens of seasons takes about 30 KiB.
pub const MAX_ELEMENT_BYTES: usize = 1024 * 1024;

/// Why the bytes are not an array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonArrayError {
    /// The first character that is not blank is no `[`.
    #[error("expected a JSON array and got something else")]
    NotAnArray,
    /// A bracket or comma is missing or surplus.
    #[error("expected {expected} after element {after} of a JSON array")]
    Misplaced {
        /// What should have come.
        expected: &'static str,
        /// How many elements were complete.
        after: u64,
    },
    /// An element exceeds [`MAX_ELEMENT_BYTES`].
    #[error("element {index} of a JSON array is larger than {MAX_ELEMENT_BYTES} bytes")]
    ElementTooLarge {
        /// Which one, from 0.
        index: u64,
    },
    /// The bytes ended before the array did.
    #[error("a JSON array was cut off after {after} elements")]
    Cut {
        /// How many elements were complete.
        after: u64,
    },
}

/// The state between two pieces.
#[derive(Debug, Default)]
pub struct JsonArray {
    place: Place,
    /// The beginning of an element whose end has not come yet.
    held: Vec<u8>,
    complete: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    #[default]
    Outside,
    /// After `[`.
    First,
    /// After a comma.
    Next,
    /// In an object or array, `depth` brackets deep.
    Nested { depth: u32, text: Text },
    /// In a string that is itself an element.
    Bare(Text),
    /// In a number or word that is itself an element.
    Plain,
    /// After an element.
    After,
    /// After `]`.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    No,
    Inside,
    /// After a backslash.
    Escaped,
}

impl JsonArray {
    /// Takes the next bytes and calls `each` with every element they complete.
    ///
    /// # Errors
    /// The bytes are no array, an element is too large, or `each` refused one. The state is of no use afterwards.
    pub fn push<E: From<JsonArrayError>>(
        &mut self,
        chunk: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while at < chunk.len() {
            match self.place {
                Place::Nested { .. } | Place::Bare(_) | Place::Plain => {
                    let (length, ended) = self.advance(&chunk[at..]);
                    let part = &chunk[at..at + length];
                    at += length;
                    if self.held.len() + part.len() > MAX_ELEMENT_BYTES {
                        return Err(JsonArrayError::ElementTooLarge { index: self.complete }.into());
                    }
                    if !ended {
                        self.held.extend_from_slice(part);
                        continue;
                    }
                    if self.held.is_empty() {
                        each(part)?;
                    } else {
                        self.held.extend_from_slice(part);
                        each(&self.held)?;
                        self.held.clear();
                    }
                    self.complete += 1;
                    self.place = Place::After;
                }
                _ => {
                    if !chunk[at].is_ascii_whitespace() {
                        self.place = self.outside(chunk[at])?;
                    }
                    // The first byte of an element is looked at once more, from the inside.
                    at += usize::from(!matches!(self.place, Place::Nested { .. } | Place::Bare(_) | Place::Plain));
                }
            }
        }
        Ok(())
    }

    /// Says that no more bytes will come, and how many elements there were.
    ///
    /// # Errors
    /// [`JsonArrayError::Cut`] when the closing bracket never came.
    pub const fn finish(&self) -> Result<u64, JsonArrayError> {
        match self.place {
            Place::Done => Ok(self.complete),
            _ => Err(JsonArrayError::Cut { after: self.complete }),
        }
    }

    /// What `byte`, which is not blank, means between two elements.
    fn outside(&self, byte: u8) -> Result<Place, JsonArrayError> {
        let misplaced = |expected| Err(JsonArrayError::Misplaced { expected, after: self.complete });
        match (self.place, byte) {
            (Place::Outside, b'[') => Ok(Place::First),
            (Place::Outside, _) => Err(JsonArrayError::NotAnArray),
            (Place::First | Place::After, b']') => Ok(Place::Done),
            (Place::After, b',') => Ok(Place::Next),
            (Place::After, _) => misplaced("`,` or `]`"),
            (Place::Done, _) => misplaced("nothing more"),
            (_, b'{' | b'[') => Ok(Place::Nested { depth: 0, text: Text::No }),
            (_, b'"') => Ok(Place::Bare(Text::No)),
            (_, b'-' | b'0'..=b'9' | b'a'..=b'z') => Ok(Place::Plain),
            _ => misplaced("an element"),
        }
    }

    /// How many of `bytes` belong to the element we are in, and whether it ends with them.
    fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        match self.place {
            Place::Plain => {
                let end = bytes.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b']'));
                (end.unwrap_or(bytes.len()), end.is_some())
            }
            Place::Bare(mut text) => {
                let mut at = 0;
                while at < bytes.len() {
                    let opening = text == Text::No;
                    (at, text) = skip_text(bytes, at, text);
                    if !opening && text == Text::No {
                        return (at, true);
                    }
                }
                self.place = Place::Bare(text);
                (at, false)
            }
            Place::Nested { mut depth, mut text } => {
                let mut at = 0;
                while at < bytes.len() {
                    if text != Text::No {
                        (at, text) = skip_text(bytes, at, text);
                        continue;
                    }
                    match bytes[at] {
                        b'"' => text = Text::Inside,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    at += 1;
                    if depth == 0 {
                        return (at, true);
                    }
                }
                self.place = Place::Nested { depth, text };
                (at, false)
            }
            _ => (0, false),
        }
    }
}

/// Moves on from `at`, through a string up to and including its closing quote or to the end of `bytes`.
fn skip_text(bytes: &[u8], at: usize, text: Text) -> (usize, Text) {
    match text {
        Text::No => (at + 1, Text::Inside),
        Text::Escaped => (at + 1, Text::Inside),
        Text::Inside => match bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            None => (bytes.len(), Text::Inside),
            Some(offset) if bytes[at + offset] == b'"' => (at + offset + 1, Text::No),
            Some(offset) => (at + offset + 1, Text::Escaped),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Result<Vec<String>, JsonArrayError> {
        let mut array = JsonArray::default();
        let mut elements = Vec::new();
        for piece in pieces {
            array.push(piece, &mut |element| {
                elements.push(String::from_utf8_lossy(element).into_owned());
                Ok::<(), JsonArrayError>(())
            })?;
        }
        assert_eq!(array.finish()?, elements.len() as u64);
        Ok(elements)
    }

    const NASTY: &str =
        " \r\n[ {\"a\":\"]},{[\\\"\",\"b\":[[],{}]} ,[1,[2]],\"x\\\\\",\"\" , -1.5e3,true,null,{} ,\"\\u005d\"\t]\n";

    #[test]
    fn elements_come_out_as_they_went_in() {
        let expected = [
            "{\"a\":\"]},{[\\\"\",\"b\":[[],{}]}",
            "[1,[2]]",
            "\"x\\\\\"",
            "\"\"",
            "-1.5e3",
            "true",
            "null",
            "{}",
            "\"\\u005d\"",
        ];
        assert_eq!(split(&[NASTY.as_bytes()]).unwrap(), expected);
        assert_eq!(split(&[b"[]"]).unwrap(), Vec::<String>::new());
        assert_eq!(split(&[b" [ ", b" ] "]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn every_split_gives_the_same_elements() {
        let bytes = NASTY.as_bytes();
        let whole = split(&[bytes]).unwrap();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(split(&pieces).unwrap(), whole, "split at {first} and {second}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(split(&single).unwrap(), whole);
    }

    #[test]
    fn elements_are_what_a_full_parser_sees() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let value = serde_json::Value::Array((0..random.usize(0..6)).map(|_| any_value(&mut random, 3)).collect());
            let text = if random.bool() { value.to_string() } else { serde_json::to_string_pretty(&value).unwrap() };
            let size = random.usize(1..9);
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let parsed: Vec<serde_json::Value> =
                split(&pieces).unwrap().iter().map(|element| serde_json::from_str(element).unwrap()).collect();
            assert_eq!(serde_json::Value::Array(parsed), value);
        }
    }

    fn any_value(random: &mut fastrand::Rng, depth: u32) -> serde_json::Value {
        match random.u32(0..if depth == 0 { 4 } else { 6 }) {
            0 => serde_json::Value::Null,
            1 => random.bool().into(),
            2 => random.i32(..).into(),
            3 => (0..random.usize(0..8))
                .map(|_| *random.choice(b"ab\"\\{}[], \n").unwrap_or(&b'a') as char)
                .collect::<String>()
                .into(),
            4 => (0..random.usize(0..4)).map(|_| any_value(random, depth - 1)).collect::<Vec<_>>().into(),
            _ => serde_json::Value::Object(
                (0..random.usize(0..4)).map(|key| (format!("k{key}\"]"), any_value(random, depth - 1))).collect(),
            ),
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = NASTY.trim_end().as_bytes();
        for length in 0..bytes.len() {
            let outcome = split(&[&bytes[..length]]);
            assert!(matches!(outcome, Err(JsonArrayError::Cut { .. })), "cut after {length} bytes: {outcome:?}");
        }
    }

    #[test]
    fn what_is_no_array_is_refused() {
        assert_eq!(split(&[b"{\"message\":\"no\"}"]), Err(JsonArrayError::NotAnArray));
        assert_eq!(split(&[b"<html>"]), Err(JsonArrayError::NotAnArray));
        for wrong in ["[,]", "[1 2]", "[1,]", "[1]]", "[1]x", "[}]", "[{} {}]"] {
            assert!(matches!(split(&[wrong.as_bytes()]), Err(JsonArrayError::Misplaced { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_giant_element_is_refused_before_it_is_held() {
        let giant = format!("[{{\"a\":\"{}\"}}]", "x".repeat(MAX_ELEMENT_BYTES));
        let mut array = JsonArray::default();
        let mut refuse_nothing = |_: &[u8]| Ok::<(), JsonArrayError>(());
        let outcome = giant.as_bytes().chunks(4096).try_for_each(|piece| array.push(piece, &mut refuse_nothing));
        assert_eq!(outcome, Err(JsonArrayError::ElementTooLarge { index: 0 }));
        assert!(array.held.len() <= MAX_ELEMENT_BYTES);
    }

    #[test]
    fn the_caller_may_refuse_an_element() {
        let mut array = JsonArray::default();
        let outcome =
            array.push(b"[1,2]", &mut |element| if element == b"2" { Err(JsonArrayError::NotAnArray) } else { Ok(()) });
        assert_eq!(outcome, Err(JsonArrayError::NotAnArray));
    }
}
