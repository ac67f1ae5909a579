//! Taking in a request's body: so much of it, and no longer than so long, however it is sent; and of all bodies together no more than
//! there is room for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long a body may take to arrive, unless the service was told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The largest body of whoever is not signed in, bytes: a name, a password and a token fit many times.
pub const STRANGERS_LIMIT: usize = 16 * 1024;

/// Bytes of bodies that may be on their way in, or wait to be acted on, at any time: half of what the service may use at home. Strangers
/// on every connection there may be (`server::Limits`) take half of it, so that they leave room for webhooks.
pub const MOST_AT_ONCE: usize = 32 * 1024 * 1024;

/// After how many seconds there may be room again.
const ROOM_AGAIN_AFTER_S: u64 = 2;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// It did not arrive in time.
    Slow,
    /// The connection broke.
    Broken,
    /// Others take all the room there is; after so many seconds there may be some.
    NoRoom {
        /// Seconds.
        retry_after_s: u64,
    },
}

/// The room that all bodies share. Clones are the same room.
#[derive(Clone)]
pub struct Rooms(Arc<Semaphore>);

/// What one body takes of it; whoever drops it gives it back.
pub struct Room(OwnedSemaphorePermit);

/// A body that is there.
pub struct Body {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Its room: to be held as long as the bytes.
    pub room: Room,
}

impl Rooms {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Room for `bytes`, at once.
    ///
    /// # Errors
    /// [`BodyError::NoRoom`].
    pub fn take(&self, bytes: usize) -> Result<Room, BodyError> {
        let full = BodyError::NoRoom { retry_after_s: ROOM_AGAIN_AFTER_S };
        let bytes = u32::try_from(bytes).map_err(|_| full)?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).map(Room).map_err(|_| full)
    }

    /// Bytes that nobody takes.
    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

impl Body {
    /// Makes place for `more` bytes in a body of at most `limit`. What has to be moved for it doubles, so that little is moved.
    fn grow(&mut self, more: usize, limit: usize, rooms: &Rooms) -> Result<(), BodyError> {
        let (length, place) = (self.bytes.len(), self.bytes.capacity());
        let needed = length + more;
        if needed > limit {
            return Err(BodyError::TooLarge);
        }
        if needed > place {
            let wanted = needed.max(2 * place).min(limit);
            self.room.0.merge(rooms.take(wanted - place)?.0);
            self.bytes.reserve_exact(wanted - length);
        }
        Ok(())
    }

    /// Without the place that turned out not to be needed.
    fn fitted(mut self) -> Self {
        self.bytes.shrink_to_fit();
        drop(self.room.0.split(self.room.0.num_permits().saturating_sub(self.bytes.len())));
        self
    }
}

/// The whole body, at most `limit` bytes, if it is there within `patience` and there is room for it. What is too large is not read to its
/// end. Room is taken for what has come, whatever was announced: who says much and sends nothing takes none.
///
/// # Errors
/// [`BodyError`].
pub async fn take_in<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
    patience: Duration,
    rooms: &Rooms,
) -> Result<Body, BodyError> {
    let until = Instant::now() + patience;
    let mut body = std::pin::pin!(body);
    let mut taken = Body { bytes: Vec::new(), room: rooms.take(0)? };
    loop {
        let Ok(next) = timeout_at(until, body.next()).await else { return Err(BodyError::Slow) };
        let Some(part) = next else { return Ok(taken.fitted()) };
        let mut part = part.map_err(|_| BodyError::Broken)?;
        taken.grow(part.remaining(), limit, rooms)?;
        while part.has_remaining() {
            let chunk = part.chunk();
            taken.bytes.extend_from_slice(chunk);
            let length = chunk.len();
            part.advance(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::stream;
    use pulsarr_shared::clock::SystemClock;
    use pulsarr_shared::config::Config;
    use pulsarr_shared::stop::Stop;
    use pulsarr_tests::service::{ask, basic};
    use serde_json::json;

    use super::*;
    use crate::app::App;
    use crate::configuration::Origin;
    use crate::server::Peer;
    use crate::testing;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_in_drops_has_no_more_time_than_any_other() {
        let drops = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(Bytes::from_static(b"x")), ()))
        });
        let (began, rooms) = (Instant::now(), Rooms::new(1_000));
        assert_eq!(take_in(drops, 1_000, PATIENCE, &rooms).await.err(), Some(BodyError::Slow));
        assert_eq!((began.elapsed(), rooms.free()), (PATIENCE, 1_000));
    }

    const ONE_RADARR: &str = "\
instances:
- {name: movies, kind: radarr, url: 'http://127.0.0.1:9', api_key: 0123456789abcdef0123456789abcdef, default: true}
";

    const FULL: BodyError = BodyError::NoRoom { retry_after_s: ROOM_AGAIN_AFTER_S };

    /// A body that comes in these parts.
    fn parts(lengths: &[usize]) -> impl Stream<Item = Result<Bytes, warp::Error>> {
        stream::iter(lengths.iter().map(|length| Ok(Bytes::from(vec![b'x'; *length]))).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn all_bodies_share_one_room_and_give_it_back_however_they_end() {
        let rooms = Rooms::new(1_000);
        let take = async |lengths: &[usize]| take_in(parts(lengths), 800, PATIENCE, &rooms).await;
        let one = take(&[100, 1, 399]).await.unwrap();
        assert_eq!((one.bytes.len(), one.bytes.capacity(), rooms.free()), (500, 500, 500));
        assert_eq!(take(&[501]).await.err(), Some(FULL));
        assert_eq!(take(&[300, 300]).await.err(), Some(FULL), "found out in its middle");
        let other = take(&[500]).await.unwrap();
        assert_eq!((take(&[1]).await.err(), rooms.free()), (Some(FULL), 0));
        assert!(take(&[]).await.unwrap().bytes.is_empty(), "nothing needs no room");
        drop((one, other));
        assert_eq!(rooms.free(), 1_000);

        assert_eq!((take(&[800, 1]).await.err(), rooms.free()), (Some(BodyError::TooLarge), 1_000));
        let stays_away = parts(&[700]).chain(stream::pending());
        let mut halfway = Box::pin(take_in(stays_away, 800, PATIENCE, &rooms));
        assert!(futures_util::FutureExt::now_or_never(halfway.as_mut()).is_none());
        assert_eq!(rooms.free(), 300);
        drop(halfway);
        assert_eq!(rooms.free(), 1_000, "whoever asked went away");
    }

    #[tokio::test]
    async fn without_room_a_body_is_refused_for_a_moment_and_what_has_none_is_answered() {
        let service = testing::app_with_settings(&[("PULSARR_AUTH", "disabled")], ONE_RADARR);
        service.app.passwords.set("movies", &"sesame".into());
        let authorization = basic("sesame");
        let ask = async |method: &str, path: &str, body: &str| {
            let socket = Peer("192.168.1.9:50000".parse().unwrap());
            let asked = warp::test::request().method(method).path(path).extension(socket).body(body);
            let answer = asked.header("authorization", &authorization).reply(&crate::routes::all(&service.app)).await;
            let again = answer.headers().get("retry-after").map(|seconds| seconds.to_str().unwrap().to_owned());
            (answer.status().as_u16(), again)
        };
        let sent = [
            ("/api/v1/session", r#"{"username": "ada", "password": "wrong"}"#),
            ("/login", "username=ada&password=wrong"),
            ("/api/v1/config/import", r#"{"yaml": "rules: []"}"#),
            ("/webhook/movies", r#"{"eventType": "Test"}"#),
        ];
        let others = service.app.rooms.take(MOST_AT_ONCE - 10).unwrap();
        for (path, body) in sent {
            assert_eq!(ask("POST", path, body).await, (503, Some("2".to_owned())), "{path}");
        }
        assert_eq!(ask("GET", "/api/v1/setup", "").await.0, 200);
        assert_eq!(service.app.rooms.free(), 10);
        drop(others);
        for (path, body) in sent {
            assert_ne!(ask("POST", path, body).await.0, 503, "{path}");
        }
        assert_eq!(ask("POST", sent[3].0, sent[3].1).await.0, 200);
        assert_eq!(service.app.rooms.free(), MOST_AT_ONCE, "all of it is given back with the answers");
    }

    #[tokio::test]
    async fn whoever_is_not_signed_in_may_send_no_more_than_signing_in_takes() {
        let service = testing::app(&[("PULSARR_SETUP_TOKEN", "first-visit")]);
        let send = async |path: &str, length: usize| {
            let socket = Peer("192.168.1.9:50000".parse().unwrap());
            let asked = warp::test::request().method("POST").path(path).extension(socket).body(vec![b' '; length]);
            asked.reply(&crate::routes::all(&service.app)).await.status().as_u16()
        };
        let open = ["/api/v1/session", "/api/v1/setup", "/login", "/setup"];
        for path in open {
            assert_ne!(send(path, 16 * 1024).await, 413, "{path}");
            assert_eq!(send(path, 16 * 1024 + 1).await, 413, "{path}");
        }
        let home = testing::app(&[("PULSARR_AUTH", "disabled")]);
        let settings = json!({"yaml": " ".repeat(64 * 1024)});
        assert_ne!(home.ask("192.168.1.9", "POST", "/config/import", &[], Some(settings)).await.status, 413);
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
