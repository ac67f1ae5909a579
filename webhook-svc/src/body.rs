//! Taking in a request's body: so much of it, and no longer than so long, however it is sent.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// How long a body may take to arrive, unless the service was told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

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

/// The whole body, at most `limit` bytes, if it is there within `patience`. What is too large is not read to its end.
///
/// # Errors
/// [`BodyError`].
pub async fn take_in<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, BodyError> {
    let until = Instant::now() + patience;
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Arc;

    use futures_util::stream;
    use pulsarr_shared::clock::SystemClock;
    use pulsarr_shared::config::Config;
    use pulsarr_shared::stop::Stop;
    use pulsarr_tests::service::ask;

    use super::*;
    use crate::app::App;
    use crate::configuration::Origin;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_in_drops_has_no_more_time_than_any_other() {
        let drops = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(Bytes::from_static(b"x")), ()))
        });
        let began = Instant::now();
        assert_eq!(take_in(drops, 1_000, PATIENCE).await, Err(BodyError::Slow));
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test]
    async fn half_a_body_ends_with_408_and_others_are_answered_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let vars = [("PULSARR_DATA_DIR", folder.path().display().to_string()), ("PULSARR_AUTH", "disabled".to_owned())];
        let variables = vars.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let origin = Origin { variables, base_dir: folder.path().to_owned() };
        let config = Config::load(origin.variables.clone(), folder.path()).unwrap();
        let mut app = App::new(config, origin, Arc::new(SystemClock), Stop::default(), Arc::default()).unwrap();
        app.body_patience = Duration::from_millis(200);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(warp::serve(crate::routes::all(&Arc::new(app))).incoming(listener).run());
        let client = tokio::task::spawn_blocking(move || {
            let mut slow = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            let head =
                "POST /api/v1/simulate HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 20\r\n\r\n";
            slow.write_all(format!("{head}0123456789").as_bytes()).unwrap();
            assert_eq!(ask(port, "GET", "/healthz", &[], b"").status, 200);
            let mut answer = String::new();
            slow.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = client.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}
