//! What a request is called, in its answer and in the log lines about it: as a proxy in front of us calls it, or by a name of ours.

use pulsarr_shared::process;
use warp::http::{HeaderMap, HeaderName, HeaderValue};

/// Where the id stands, in requests and in answers.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a request, in characters: a UUID has 36, and nothing that is in use more than 64.
const LONGEST: usize = 64;

/// The id of the request with these headers; one of 8 hex characters where it brings none, or one that should not be in a log.
pub fn of(headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(HEADER).filter(|given| is_sane(given.as_bytes())) {
        return given.clone();
    }
    // Unwrap safety: hex characters fit into a header.
    HeaderValue::try_from(process::random_hex(4)).expect("hex fits into a header")
}

fn is_sane(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_an_id_is_taken_for_one() {
        let id = |given: &str| of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_str(given).unwrap())]));
        for sane in ["5d3ac5f6-4a2e-4f6a-9d4e-2f6a9d4e2f6a", "7", "a.b_c"] {
            assert_eq!(id(sane), sane);
        }
        for odd in ["", "a b", "{\"a\":1}", "../x", &"x".repeat(65)] {
            assert_eq!(id(odd).len(), 8, "{odd}");
        }
    }
}
