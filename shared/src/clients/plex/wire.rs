//! Plex's REST answers as they are written. Only `ratingKey`, `type` and `title` can be relied on.

use serde::Deserialize;
use serde_json::Value;

use super::facts::facts;
use super::{Account, Metadata};
use crate::clients::FetchError;
use crate::model::{ExternalIds, ListedTitle, MediaType, PlexId, UserUuid};

/// Longer than any address of a picture; bytes.
const LONGEST_ADDRESS: usize = 1000;

/// `GET plex.tv/api/v2/user`, as far as it concerns us. It also holds the token, which is not read.
#[derive(Deserialize)]
pub(super) struct User {
    uuid: Option<String>,
    username: Option<String>,
    title: Option<String>,
    #[serde(rename = "friendlyName")]
    friendly_name: Option<String>,
    #[serde(default)]
    subscription: Value,
}

/// `GET plex.tv/api/v2/ping`.
#[derive(Deserialize)]
pub(super) struct Ping {
    #[serde(default)]
    pub(super) pong: bool,
}

/// `GET /identity` at a Plex server.
#[derive(Deserialize)]
pub(super) struct IdentityEnvelope {
    #[serde(rename = "MediaContainer")]
    pub(super) container: Identity,
}

#[derive(Deserialize)]
pub(super) struct Identity {
    #[serde(rename = "machineIdentifier")]
    pub(super) machine_identifier: String,
    #[serde(default)]
    pub(super) version: String,
}

impl User {
    /// The account; `None` without a usable uuid.
    pub(super) fn into_account(self) -> Option<Account> {
        let uuid = UserUuid::parse(self.uuid.as_deref()?)?;
        let named = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
        let username = named(self.username).or_else(|| named(self.title)).unwrap_or_else(|| uuid.to_string());
        let display_name = named(self.friendly_name).unwrap_or_else(|| username.clone());
        let plex_pass = self.subscription.get("active").and_then(Value::as_bool).unwrap_or(false);
        Some(Account { uuid, username, display_name, plex_pass })
    }
}

/// The envelope of every answer of discover.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(rename = "MediaContainer")]
    container: Container,
}

#[derive(Deserialize)]
struct Container {
    size: Option<u32>,
    #[serde(rename = "totalSize")]
    total_size: Option<u32>,
    /// Left out, not empty, when there is nothing.
    #[serde(rename = "Metadata")]
    metadata: Option<Vec<Value>>,
}

/// A page of the own watchlist, parsed.
#[derive(Debug)]
pub(super) struct ListPage {
    pub(super) items: Vec<ListedTitle>,
    pub(super) received: u32,
    pub(super) skipped: u32,
    pub(super) total: Option<u32>,
}

impl Envelope {
    /// The entries of a page. One that cannot be read is counted and skipped.
    ///
    /// # Errors
    /// `Malformed` when the page says that it has entries and has none: that is no empty page.
    pub(super) fn into_page(self) -> Result<ListPage, FetchError> {
        let Container { size, total_size, metadata } = self.container;
        let raw = metadata.unwrap_or_default();
        if raw.is_empty() && size.is_some_and(|size| size > 0) {
            return Err(FetchError::malformed("a page of a watchlist that counts entries and lists none"));
        }
        let received = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        let items: Vec<_> = raw.into_iter().filter_map(|item| Item::parse(item)?.into_listed()).collect();
        let skipped = received.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        Ok(ListPage { items, received, skipped, total: total_size })
    }

    /// The one title of a metadata answer.
    ///
    /// # Errors
    /// `Malformed` when there is none, or none that can be read.
    pub(super) fn into_metadata(self) -> Result<Metadata, FetchError> {
        let first = self.container.metadata.unwrap_or_default().into_iter().next();
        let first = first.ok_or_else(|| FetchError::malformed("metadata without `Metadata`"))?;
        let facts = facts(&first);
        let item = Item::parse(first).ok_or_else(|| FetchError::malformed("metadata of an unknown shape"))?;
        let poster_url = item.poster_url();
        Ok(Metadata { title: item.title(), year: item.year(), ids: item.ids(), facts, poster_url })
    }

    /// Whether there is anything in it.
    pub(super) fn has_items(&self) -> bool {
        self.container.metadata.as_ref().is_some_and(|items| !items.is_empty())
    }
}

/// A title, in lists and by itself.
#[derive(Deserialize)]
struct Item {
    #[serde(rename = "ratingKey", default)]
    rating_key: Value,
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    title: Value,
    #[serde(default)]
    year: Value,
    #[serde(rename = "Guid", default)]
    guids: Value,
    /// The poster's address: `https://image.tmdb.org/t/p/original/….jpg`, or one at Plex.
    #[serde(default)]
    thumb: Value,
}

impl Item {
    fn parse(raw: Value) -> Option<Self> {
        serde_json::from_value(raw).ok()
    }

    fn into_listed(self) -> Option<ListedTitle> {
        let plex_id = PlexId::parse(self.rating_key.as_str()?)?;
        let media_type = media_type(self.kind.as_str()?)?;
        let (year, ids, poster_url) = (self.year(), Some(self.ids()), self.poster_url());
        Some(ListedTitle { plex_id, media_type, title: self.title(), year, ids, poster_url })
    }

    fn title(&self) -> String {
        let title = self.title.as_str().filter(|title| !title.is_empty());
        title.or_else(|| self.rating_key.as_str()).unwrap_or_default().to_owned()
    }

    fn year(&self) -> Option<u16> {
        let number = self.year.as_u64().or_else(|| self.year.as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|year| *year > 0)
    }

    /// An address of a length that one has.
    fn poster_url(&self) -> Option<String> {
        let address = self.thumb.as_str()?;
        let plausible = address.len() <= LONGEST_ADDRESS && address.starts_with("http");
        plausible.then(|| address.to_owned())
    }

    fn ids(&self) -> ExternalIds {
        ExternalIds::from_guids(strings(&self.guids, "id").iter().map(String::as_str))
    }
}

/// The texts that stand under `key` in a list of objects.
fn strings(list: &Value, key: &str) -> Vec<String> {
    let objects = list.as_array().into_iter().flatten();
    objects.filter_map(|object| Some(object.get(key)?.as_str()?.to_owned())).collect()
}

/// The type in either of Plex's spellings: lower case in discover, upper case in the community API.
pub(super) fn media_type(word: &str) -> Option<MediaType> {
    MediaType::from_word(&word.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(container: Value) -> Envelope {
        serde_json::from_value(json!({ "MediaContainer": container })).unwrap()
    }

    #[test]
    fn an_empty_page_has_no_metadata_at_all() {
        let page = envelope(json!({ "offset": 300, "totalSize": 16, "size": 0 })).into_page().unwrap();
        assert_eq!((page.items.len(), page.received, page.total), (0, 0, Some(16)));
        let lie = envelope(json!({ "totalSize": 16, "size": 16 })).into_page();
        assert!(matches!(lie, Err(FetchError::Malformed { .. })));
    }

    #[test]
    fn unreadable_entries_are_counted_and_the_others_kept() {
        let page = envelope(json!({ "size": 5, "totalSize": 5, "Metadata": [
            { "ratingKey": "64d1f0a2b9c37e0012ab34cd", "type": "show", "title": "Harbour Nine", "year": "2024",
              "thumb": "https://image.tmdb.org/t/p/original/bbb.jpg",
              "Guid": [{ "id": "imdb://tt90000001" }, { "id": 7 }, { "id": "tvdb://800001" }] },
            { "type": "movie", "title": "No key" },
            { "ratingKey": "650c77e1aa10b4001f5d2e90", "type": "clip", "title": "No type we know" },
            "not even an object",
            { "ratingKey": "650c77e1aa10b4001f5d2e91", "type": "movie" },
        ]}));
        let page = page.into_page().unwrap();
        assert_eq!((page.received, page.skipped), (5, 3));
        assert_eq!(page.items[0].year, Some(2024));
        assert_eq!(page.items[0].poster_url.as_deref(), Some("https://image.tmdb.org/t/p/original/bbb.jpg"));
        assert_eq!(page.items[1].poster_url, None);
        assert_eq!(page.items[0].ids.as_ref().unwrap().to_string(), "imdb tt90000001, tvdb 800001");
        assert_eq!(page.items[1].title, "650c77e1aa10b4001f5d2e91");
        assert_eq!(page.items[1].ids, Some(ExternalIds::default()));
    }

    #[test]
    fn metadata_brings_facts_and_its_absence_is_an_error() {
        let metadata = envelope(json!({ "size": 1, "Metadata": [
            { "ratingKey": "650c77e1aa10b4001f5d2e90", "type": "movie", "title": "Salt Ledger", "year": 2025, "contentRating": "R",
              "Genre": [{ "tag": "Drama" }, { "slug": "x" }], "Guid": [{ "id": "tmdb://900002" }] },
        ]}));
        let metadata = metadata.into_metadata().unwrap();
        assert_eq!(metadata.facts.genres, Some(vec!["Drama".to_owned()]));
        assert_eq!(metadata.facts.certification.as_deref(), Some("R"));
        assert_eq!(metadata.ids.to_string(), "tmdb 900002");
        assert!(envelope(json!({ "size": 0 })).into_metadata().is_err());
    }

    #[test]
    fn an_account_needs_a_uuid_and_gets_names() {
        let account = |value: Value| serde_json::from_value::<User>(value).unwrap().into_account();
        assert_eq!(account(json!({ "username": "mirela_q" })), None);
        let plain =
            account(json!({ "uuid": "9c1e5ab0472d63f8", "username": null, "title": "mirela_q", "friendlyName": "" }))
                .unwrap();
        assert_eq!((plain.username.as_str(), plain.display_name.as_str()), ("mirela_q", "mirela_q"));
        assert!(!plain.plex_pass, "nothing said is no pass");
    }
}
