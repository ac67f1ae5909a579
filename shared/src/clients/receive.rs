//! Taking in an answer's body: whole and parsed at its end, as it comes, or as the elements of an array while they arrive.

use serde::de::DeserializeOwned;

use super::FetchError;
use super::json_array::JsonArray;

/// Something that takes a body in pieces, perhaps several times over: a repeated request brings a new body.
pub(super) trait Receive: Send {
    /// A body is about to begin; what came before was incomplete.
    fn restart(&mut self);
    /// The next bytes.
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), FetchError>;
    /// The body is complete.
    fn end(&mut self) -> Result<(), FetchError>;
}

/// A whole body, parsed as one JSON value.
pub(super) struct Whole<T> {
    bytes: Vec<u8>,
    value: Option<T>,
}

impl<T> Whole<T> {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), value: None }
    }

    /// The value; there is one once [`Receive::end`] succeeded.
    pub(super) fn into_value(self) -> Result<T, FetchError> {
        self.value.ok_or_else(|| FetchError::malformed("an answer without a body"))
    }
}

impl<T: DeserializeOwned + Send> Receive for Whole<T> {
    fn restart(&mut self) {
        self.bytes.clear();
        self.value = None;
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), FetchError> {
        let start = self.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        match (serde_json::from_slice(&self.bytes), start) {
            (Ok(value), _) => self.value = Some(value),
            (Err(_), None) => return Err(FetchError::NotJson { looks_like: "an empty body".to_owned() }),
            (Err(error), Some(b'{' | b'[')) if error.is_eof() => {
                return Err(FetchError::unreachable("its answer was cut short"));
            }
            (Err(error), Some(b'{' | b'[')) => return Err(FetchError::malformed(error.to_string())),
            (Err(_), Some(_)) => {
                let text = String::from_utf8_lossy(&self.bytes);
                let beginning: String = text.trim().chars().take(60).collect();
                return Err(FetchError::NotJson { looks_like: format!("the text `{beginning}`") });
            }
        }
        Ok(())
    }
}

/// A whole body as it comes.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Receive for Bytes {
    fn restart(&mut self) {
        self.0.clear();
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), FetchError> {
        Ok(())
    }
}

/// A JSON array, handed on element by element. After a repeat the same elements come again.
pub(super) struct Elements<F> {
    array: JsonArray,
    each: F,
}

impl<F> Elements<F> {
    pub(super) fn new(each: F) -> Self {
        Self { array: JsonArray::default(), each }
    }
}

impl<F: FnMut(&[u8]) -> Result<(), FetchError> + Send> Receive for Elements<F> {
    fn restart(&mut self) {
        self.array = JsonArray::default();
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.array.push(bytes, &mut self.each)
    }

    fn end(&mut self) -> Result<(), FetchError> {
        self.array.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Vec<u32>, FetchError> {
        let mut whole = Whole::new();
        whole.chunk(body.as_bytes())?;
        whole.end()?;
        whole.into_value()
    }

    #[test]
    fn a_cut_body_is_no_malformed_one() {
        assert_eq!(parsed("[1, 2]"), Ok(vec![1, 2]));
        assert!(matches!(parsed("[1, 2"), Err(FetchError::Unreachable { .. })));
        assert!(matches!(parsed("{\"a\":1}"), Err(FetchError::Malformed { .. })));
        assert!(matches!(parsed(" "), Err(FetchError::NotJson { .. })));
        assert_eq!(parsed("Rate limit"), Err(FetchError::NotJson { looks_like: "the text `Rate limit`".to_owned() }));
    }

    #[test]
    fn a_restart_forgets_the_first_half() {
        let mut whole = Whole::<Vec<u32>>::new();
        whole.chunk(b"[1, 2").unwrap();
        whole.restart();
        whole.chunk(b"[3]").unwrap();
        whole.end().unwrap();
        assert_eq!(whole.into_value(), Ok(vec![3]));
    }
}
