//! RSS feeds of watchlists: the newest 50 wishes of the own list, or of all friends together. Only for accounts with a Plex Pass.
//!
//! Plex has changed how feeds are served five times in three years. Owns the several ways to one: the address that Plex gave, the one
//! that has worked since July 2026, the storage both may lead to, and both forms of content. Refuses to take a feed for a list: what
//! is not in it may be on the list all the same. A feed's address is a secret: whoever knows it reads the feed.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::feed_item::FeedItem;
use super::{Plex, PlexError, feed_xml};
use crate::clients::FetchError;
use crate::clients::http::Document;
use crate::clients::request::Request;

const CREATE: &str = "ask Plex for a feed";
const READ: &str = "read a feed";

/// Whose wishes a feed tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    /// The account's own.
    Own,
    /// Those of all friends who share their lists.
    Friends,
}

impl Feed {
    /// In Plex's words.
    const fn word(self) -> &'static str {
        match self {
            Self::Own => "watchlist",
            Self::Friends => "friendsWatchlist",
        }
    }
}

/// The answer to the wish for a feed.
#[derive(Debug, Clone)]
pub enum FeedCreated {
    /// Its address; the same one every time, until somebody makes the feeds anew in Plex's settings.
    Url(SecretString),
    /// Plex answers 401: the account has no Plex Pass. It may also be the token; only [`Plex::account`] tells.
    NoPass,
}

/// What was found at a feed's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedAnswer {
    /// The newest wishes, at most 50, in Plex's order: newest first. May be hours old.
    Items(Vec<FeedItem>),
    /// There is no such feed any more: ask for its address again.
    Gone,
    /// As [`FeedCreated::NoPass`].
    NoPass,
    /// Something came that is no feed, or no whole one.
    Unreadable,
}

#[derive(Deserialize)]
struct CreatedFeeds {
    #[serde(rename = "RSSInfo")]
    info: Vec<CreatedFeed>,
}

#[derive(Deserialize)]
struct CreatedFeed {
    url: String,
}

/// What one address answers, before anybody says what it means.
enum Found {
    Body(Vec<u8>),
    /// 401.
    Refused,
    /// 403 or 404.
    Nothing,
    /// A redirect that we do not follow: the second, or one away from HTTPS.
    Astray,
}

impl Plex {
    /// Makes the account's feed, or finds it again: `POST discover/rss?format=json`.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when Plex does not answer. A 401 is no error but [`FeedCreated::NoPass`].
    pub async fn create_feed(&self, feed: Feed) -> Result<FeedCreated, PlexError> {
        let answer = async {
            let body = json!({ "feedType": feed.word() });
            let request = self.dressed(Request::post(&self.urls.discover, "/rss?format=json", &body)?)?;
            let created: CreatedFeeds = self.http.json(&request).await?;
            let first = created.info.into_iter().next();
            first.ok_or_else(|| FetchError::malformed("an answer about feeds without a feed"))
        };
        match answer.await {
            Ok(created) => Ok(FeedCreated::Url(created.url.into())),
            Err(FetchError::Unauthorized) => Ok(FeedCreated::NoPass),
            Err(error) => Err(PlexError::fetch(CREATE, error)),
        }
    }

    /// Reads the feed at `url`, which [`Plex::create_feed`] answered: first there, without the token; if there is nothing, at
    /// `discover/rss/{uuid}` with it. Either may redirect once to another host, which never gets the token.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when nobody can be reached: nothing is known about the feed.
    pub async fn read_feed(&self, url: &SecretString) -> Result<FeedAnswer, PlexError> {
        let url = url.expose_secret();
        // The address is a secret in any text, and part of the texts of redirects.
        let failed = |error: FetchError| PlexError::fetch(READ, error.cleaned(&[url, feed_id(url).unwrap_or(url)]));
        let format = [("format", "json")];
        let stored = async { self.found(Request::get(url, "", &format)?).await };
        match stored.await.map_err(failed)? {
            Found::Body(body) => return Ok(parse(&body)),
            Found::Astray => return Ok(FeedAnswer::Unreadable),
            Found::Refused | Found::Nothing => {}
        }
        let Some(id) = feed_id(url) else { return Ok(FeedAnswer::Gone) };
        let at_discover = async {
            let request = Request::get(&self.urls.discover, &format!("/rss/{id}"), &format)?;
            self.found(self.dressed(request)?).await
        };
        Ok(match at_discover.await.map_err(failed)? {
            Found::Body(body) => parse(&body),
            Found::Refused => FeedAnswer::NoPass,
            Found::Nothing => FeedAnswer::Gone,
            Found::Astray => FeedAnswer::Unreadable,
        })
    }

    /// What `request` brings. One redirect is followed with a request of its own that carries no header of ours.
    async fn found(&self, request: Request) -> Result<Found, FetchError> {
        let encrypted = request.url.scheme() == "https";
        let target = match as_found(self.http.document(request).await)? {
            Ok(found) => return Ok(found),
            Err(target) => target,
        };
        if encrypted && target.scheme() != "https" {
            return Ok(Found::Astray);
        }
        match as_found(self.http.document(Request::get(target.as_str(), "", &[])?).await)? {
            // The storage refuses addresses that have run out: that says nothing about a Plex Pass.
            Ok(Found::Refused) => Ok(Found::Nothing),
            Ok(found) => Ok(found),
            Err(_) => Ok(Found::Astray),
        }
    }
}

/// The outcome, or where a redirect leads.
fn as_found(outcome: Result<Document, FetchError>) -> Result<Result<Found, reqwest::Url>, FetchError> {
    match outcome {
        Ok(Document::Body(body)) => Ok(Ok(Found::Body(body))),
        Ok(Document::Moved(target)) => Ok(Err(target)),
        Err(FetchError::Unauthorized) => Ok(Ok(Found::Refused)),
        Err(FetchError::NotFound | FetchError::Forbidden) => Ok(Ok(Found::Nothing)),
        Err(error) => Err(error),
    }
}

/// The uuid in a feed's address: its last segment. None when nothing there can be one, so that nobody chooses our paths.
fn feed_id(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let id = path.trim_end_matches('/').rsplit('/').next()?;
    let plausible = (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plausible.then_some(id)
}

/// JSON or XML, told apart by how it begins: headers have been wrong.
fn parse(body: &[u8]) -> FeedAnswer {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let items = match text.bytes().next() {
        Some(b'{') => from_json(text),
        Some(b'<') => feed_xml::items(text),
        _ => None,
    };
    items.map_or(FeedAnswer::Unreadable, FeedAnswer::Items)
}

fn from_json(text: &str) -> Option<Vec<FeedItem>> {
    let feed: Value = serde_json::from_str(text).ok()?;
    let items = feed.get("items")?.as_array()?;
    let item = |item: &Value| {
        let text = |key| item.get(key).and_then(Value::as_str);
        let guids = item.get("guids").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        FeedItem::of(text("title")?, text("author"), text("category"), text("pubDate"), guids)
    };
    Some(items.iter().filter_map(item).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MediaType, UserUuid};

    #[test]
    fn only_what_can_be_a_uuid_gets_into_a_path() {
        assert_eq!(
            feed_id("https://rss.plex.tv/2d7f4c11-0b3e-4a58-9c66-71f0aa5b1e02?x=1"),
            Some("2d7f4c11-0b3e-4a58-9c66-71f0aa5b1e02")
        );
        assert_eq!(feed_id("https://rss.plex.tv/2d7f4c11-0b3e/"), Some("2d7f4c11-0b3e"));
        assert_eq!(feed_id("https://rss.plex.tv/%2e%2e%2flibrary"), None);
        assert_eq!(feed_id("https://rss.plex.tv/"), None);
    }

    #[test]
    fn guids_of_one_title_are_the_same_list_in_any_order() {
        let text = r#"{"items": [
            {"title": "Salt Ledger (2025)", "guids": ["tmdb://900002", "IMDB://tt90000002"], "author": "5be07c1d2a94f036", "category": "movie",
             "pubDate": "Tue, 04 Nov 2025 09:26:17 GMT"},
            {"title": "Salt Ledger (2025)", "guids": ["imdb://tt90000002", "tmdb://900002"], "author": "41880012"},
            {"title": "New (2026)"}, {"nothing": "known"}]}"#;
        let FeedAnswer::Items(items) = parse(text.as_bytes()) else { panic!("a feed") };
        assert_eq!(items.len(), 3);
        assert_eq!(items[0].guids, items[1].guids);
        assert_eq!((items[0].pub_date_ms, items[0].media_type), (Some(1_762_248_377_000), Some(MediaType::Movie)));
        assert_eq!(items[1].author.as_ref().map(UserUuid::as_str), Some("41880012"), "numbers have been seen");
        assert_eq!((items[2].guids.len(), &items[2].author), (0, &None));
    }

    #[test]
    fn what_is_no_whole_feed_is_unreadable_and_never_empty() {
        for text in ["", "Rate limit exceeded!", r#"{"items": [{"title""#, "{}", r#"{"items": null}"#, "<html></html>"]
        {
            assert_eq!(parse(text.as_bytes()), FeedAnswer::Unreadable, "{text}");
        }
        assert_eq!(parse(br#"{"items": []}"#), FeedAnswer::Items(Vec::new()));
    }
}
