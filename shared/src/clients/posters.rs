//! Posters: small pictures from where Plex's catalogue says they are.
//!
//! Plex names addresses at TMDB, TVDB and itself. Owns which of them are asked, how large a picture is wanted, and what counts as a
//! picture. Refuses every other host, because a list of wishes must not choose whom this program calls, and sends no token to anybody.

use std::time::Duration;

use reqwest::Url;

use super::http::Document;
use super::request::Request;
use super::{FetchError, Http};

/// Where posters are; hosts below these too. As Plex's catalogue named them in 2025 and 2026.
const HOSTS: [&str; 3] = ["plex.tv", "tmdb.org", "thetvdb.com"];
/// The largest picture that is taken: 2 MiB.
const LIMIT: usize = 2 * 1024 * 1024;
/// How long one may take, and how long it may pause on its way.
const PATIENCE: Duration = Duration::from_secs(15);

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// `image/jpeg`, `image/png` or `image/webp`, by what it begins with.
    pub media_type: &'static str,
    /// At most 2 MiB.
    pub bytes: Vec<u8>,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PosterError {
    /// The address is at none of the hosts that posters are at, or is not encrypted, or is none.
    #[error("its address is not at Plex, TMDB or TVDB")]
    Elsewhere,
    /// Something came that is no picture, or a redirect.
    #[error("what came is no picture")]
    NoPicture,
    /// It did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Fetches the poster at `address`. Besides the hosts that posters are at, those of `upstreams` may be asked: the addresses that the
/// environment gives for Plex.
///
/// # Errors
/// [`PosterError`]
pub async fn poster(http: &Http, address: &str, upstreams: &[&str]) -> Result<Poster, PosterError> {
    let address = small(address, upstreams).ok_or(PosterError::Elsewhere)?;
    let request = Request::get(address.as_str(), "", &[])?
        .with_header("accept", "image/webp, image/jpeg, image/png")?
        .with_limits(LIMIT, PATIENCE, PATIENCE);
    let Document::Body(bytes) = http.document(request).await? else { return Err(PosterError::NoPicture) };
    let media_type = media_type(&bytes).ok_or(PosterError::NoPicture)?;
    Ok(Poster { media_type, bytes })
}

/// What kind of picture it is; `None` for anything that is none, or could bring a script along.
#[must_use]
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The address as it is asked: TMDB's pictures are wanted 342 pixels wide, about 30 kB, and not as they were handed in.
fn small(address: &str, upstreams: &[&str]) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    let ours = upstreams.iter().filter_map(|it| Url::parse(it).ok()).any(|it| it.origin() == url.origin());
    let host = url.host_str()?.to_owned();
    let at = |known: &&str| host == **known || host.strip_suffix(*known).is_some_and(|front| front.ends_with('.'));
    let known = url.scheme() == "https" && url.port().is_none() && HOSTS.iter().any(at);
    let bare = url.username().is_empty() && url.password().is_none();
    if !bare || !(ours || known) {
        return None;
    }
    if let Some(rest) = url.path().strip_prefix("/t/p/original/") {
        let path = format!("/t/p/w342/{rest}");
        url.set_path(&path);
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::testing::{Scripted, answer, http};

    fn asked(address: &str) -> Option<String> {
        small(address, &["http://127.0.0.1:4100/discover"]).map(|url| url.to_string())
    }

    #[test]
    fn only_those_who_have_posters_are_asked() {
        let tmdb = asked("https://image.tmdb.org/t/p/original/bbb.jpg");
        assert_eq!(tmdb.as_deref(), Some("https://image.tmdb.org/t/p/w342/bbb.jpg"));
        assert!(asked("https://metadata-static.plex.tv/1/gracenote/1.jpg").is_some());
        assert!(asked("https://artworks.thetvdb.com/banners/posters/1.jpg").is_some());
        assert!(asked("http://127.0.0.1:4100/poster/1.png").is_some());
        for elsewhere in [
            "http://image.tmdb.org/t/p/original/bbb.jpg",
            "https://image.tmdb.org:8443/t/p/original/bbb.jpg",
            "https://user:word@image.tmdb.org/x.jpg",
            "https://tmdb.org.example/x.jpg",
            "https://nottmdb.org/x.jpg",
            "http://127.0.0.1:4101/poster/1.png",
            "http://192.168.1.1/admin",
            "file:///etc/passwd",
            "/t/p/original/bbb.jpg",
        ] {
            assert_eq!(asked(elsewhere), None, "{elsewhere}");
        }
    }

    #[tokio::test]
    async fn what_is_no_picture_is_not_passed_on() {
        let svg = answer("200 OK", "content-type: image/png\r\n", "<svg onload='alert(1)'/>");
        let moved = answer("302 Found", "location: http://192.168.1.1/\r\n", "");
        let missing = answer("404 Not Found", "", "");
        let server = Scripted::start(vec![svg, moved, missing]);
        let (address, upstream) = (format!("{}/1.png", server.url()), server.url());
        let http = http();
        assert_eq!(poster(&http, &address, &[&upstream]).await, Err(PosterError::NoPicture));
        assert_eq!(poster(&http, &address, &[&upstream]).await, Err(PosterError::NoPicture));
        assert_eq!(poster(&http, &address, &[&upstream]).await, Err(PosterError::Fetch(FetchError::NotFound)));
        assert!(!server.seen().join("").to_lowercase().contains("token"));
    }
}
