//! Taking in a request's body: so much of it, and no longer than so long, however it is sent.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// It did not arrive in time.
    Slow,
    /// The connection broke.
    Broken,
}

/// The whole body, at most `limit` bytes. What is too large is not read to its end.
///
/// # Errors
/// [`BodyError`].
pub async fn take_in<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let until = Instant::now() + PATIENCE;
    let mut body = std::pin::pin!(body);
    let mut taken = BytesMut::new();
    loop {
        let Ok(next) = timeout_at(until, body.next()).await else { return Err(BodyError::Slow) };
        let Some(part) = next else { return Ok(taken.freeze()) };
        let mut part = part.map_err(|_| BodyError::Broken)?;
        if taken.len() + part.remaining() > limit {
            return Err(BodyError::TooLarge);
        }
        while part.has_remaining() {
            let chunk = part.chunk();
            taken.extend_from_slice(chunk);
            let length = chunk.len();
            part.advance(length);
        }
    }
}
