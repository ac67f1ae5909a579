//! Friends and their watchlists: GraphQL at the community API.

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::graphql::{Answer, failed, missing};
use super::wire::media_type;
use super::{Friend, FriendPage, Friends, PAGE_SIZE, Plex, PlexError};
use crate::clients::limiter::Pace;
use crate::clients::request::Request;
use crate::model::{ListedTitle, PlexId, UserUuid};

const FRIENDS: &str = "query Friends { allFriendsV2 { user { id username displayName } } }";

const WATCHLIST: &str = "query FriendWatchlist($user: UserInput!, $first: PaginationInt!, $after: String) { \
    userV2(user: $user) { ... on User { watchlist(first: $first, after: $after) { \
    nodes { id title type } pageInfo { hasNextPage endCursor } } } } }";

const HEAD: &str = "query FriendWatchlistHead($user: UserInput!, $first: PaginationInt!) { \
    userV2(user: $user) { ... on User { watchlist(first: $first) { \
    nodes { id } pageInfo { hasNextPage endCursor } } } } }";

/// Entries that a fingerprint looks at. With the second one's cursor, a removal among the first two shows as well.
const HEAD_SIZE: u32 = 2;

const READ_FRIENDS: &str = "read the list of friends";
const READ_WATCHLIST: &str = "read a friend's watchlist";
const READ_HEAD: &str = "look for changes in a friend's watchlist";

#[derive(Deserialize)]
struct FriendsData {
    #[serde(rename = "allFriendsV2")]
    all: Option<Vec<Friendship>>,
}

#[derive(Deserialize)]
struct Friendship {
    user: Option<FriendUser>,
}

#[derive(Deserialize)]
struct FriendUser {
    id: Option<String>,
    username: Option<String>,
    #[serde(rename = "displayName")]
    display_name: Option<String>,
}

impl Friendship {
    fn into_friend(self) -> Option<Friend> {
        let FriendUser { id, username, display_name } = self.user?;
        let uuid = UserUuid::parse(id.as_deref()?)?;
        let named = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
        let display_name = named(display_name);
        let username = named(username).or_else(|| display_name.clone()).unwrap_or_else(|| uuid.to_string());
        Some(Friend { uuid, display_name: display_name.unwrap_or_else(|| username.clone()), username })
    }
}

#[derive(Deserialize)]
struct UserData {
    #[serde(rename = "userV2", default)]
    user: Option<UserWithList>,
}

/// Another member of the union than `User` has no `watchlist`.
#[derive(Deserialize)]
struct UserWithList {
    watchlist: Option<List>,
}

#[derive(Deserialize)]
struct List {
    nodes: Option<Vec<Value>>,
    #[serde(rename = "pageInfo")]
    page_info: Option<PageInfo>,
}

#[derive(Deserialize)]
struct PageInfo {
    #[serde(rename = "hasNextPage")]
    has_next_page: bool,
    #[serde(rename = "endCursor")]
    end_cursor: Option<String>,
}

impl Plex {
    /// The account's accepted friends, in Plex's order; no paging. Who merely shares a library is not among them. A friend
    /// without a uuid is skipped.
    ///
    /// # Errors
    /// An answer without the list is [`PlexError::SchemaChanged`], never "no friends".
    pub async fn friends(&self) -> Result<Friends, PlexError> {
        let data: FriendsData = self.query(READ_FRIENDS, FRIENDS, &json!({}), Pace::Item).await?;
        let all = data.all.ok_or_else(|| missing(READ_FRIENDS, "allFriendsV2"))?;
        let listed = all.len();
        let friends: Vec<_> = all.into_iter().filter_map(Friendship::into_friend).collect();
        let skipped = listed - friends.len();
        if skipped > 0 {
            tracing::warn!(plex.skipped = skipped, "{skipped} friends came without a uuid and were passed over");
        }
        Ok(Friends { friends, skipped })
    }

    /// A fingerprint of the newest two entries of a friend's list: equal texts mean that nothing was added since. It is made
    /// of content (ids, cursor, whether more follows) and not of the answer's ETag, which covers whatever else Plex puts into
    /// the answer. Removals further down do not show.
    ///
    /// # Errors
    /// [`PlexError::NotShared`] when we may not see the list.
    pub async fn friend_head(&self, uuid: &UserUuid) -> Result<String, PlexError> {
        let variables = json!({ "user": { "id": uuid.as_str() }, "first": HEAD_SIZE });
        let (nodes, page) = self.list(READ_HEAD, HEAD, &variables, Pace::Item).await?;
        let mut mark = String::new();
        for node in &nodes {
            mark.push_str(node.get("id").and_then(Value::as_str).unwrap_or("?"));
            mark.push(' ');
        }
        let more = if page.has_next_page { "more" } else { "end" };
        Ok(format!("{mark}{} {more}", page.end_cursor.as_deref().unwrap_or("-")))
    }

    /// Up to 100 entries of a friend's list, newest first, from the cursor `after` on. `nth` counts the pages of this look from
    /// 1 and sets the pause before it. Friends' lists tell no ids but Plex's own.
    ///
    /// # Errors
    /// [`PlexError::NotShared`] when we may not see the list.
    pub async fn friend_watchlist_page(
        &self,
        uuid: &UserUuid,
        nth: u32,
        after: Option<&str>,
    ) -> Result<FriendPage, PlexError> {
        let variables = json!({ "user": { "id": uuid.as_str() }, "first": PAGE_SIZE, "after": after });
        let (nodes, page) = self.list(READ_WATCHLIST, WATCHLIST, &variables, Pace::Page { nth }).await?;
        let items: Vec<_> = nodes.iter().filter_map(listed).collect();
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (received, skipped) = (count(nodes.len()), count(nodes.len() - items.len()));
        if skipped > 0 {
            tracing::warn!(
                user.uuid = %uuid,
                plex.skipped = skipped,
                "{skipped} entries of a friend's watchlist could not be read and were passed over"
            );
        }
        Ok(FriendPage { items, received, skipped, end_cursor: page.end_cursor, has_next_page: page.has_next_page })
    }

    /// The nodes and the page information of a watchlist. Both have to be there: a list without the word that it ends here may
    /// not be taken for a whole one.
    async fn list(
        &self,
        doing: &'static str,
        query: &str,
        variables: &Value,
        pace: Pace,
    ) -> Result<(Vec<Value>, PageInfo), PlexError> {
        let data: UserData = self.query(doing, query, variables, pace).await?;
        let Some(List { nodes, page_info }) = data.user.and_then(|user| user.watchlist) else {
            let detail = "Plex shows no watchlist for this account: it may be closed, blocked or private".to_owned();
            return Err(PlexError::NotShared { detail });
        };
        let nodes = nodes.ok_or_else(|| missing(doing, "nodes"))?;
        let page_info = page_info.ok_or_else(|| missing(doing, "pageInfo"))?;
        Ok((nodes, page_info))
    }

    pub(super) async fn query<T: DeserializeOwned + Send>(
        &self,
        doing: &'static str,
        query: &str,
        variables: &Value,
        pace: Pace,
    ) -> Result<T, PlexError> {
        let answer = async {
            let body = json!({ "query": query, "variables": variables });
            let request = self.dressed(Request::post(&self.urls.community, "/api", &body)?)?.with_pace(pace);
            self.http.json::<Answer<T>>(&request).await
        };
        answer.await.map_err(|error| failed(doing, error))?.into_data(doing, &[self.token.expose_secret()])
    }
}

fn listed(node: &Value) -> Option<ListedTitle> {
    let text = |key| node.get(key).and_then(Value::as_str);
    let plex_id = PlexId::parse(text("id")?)?;
    let media_type = media_type(text("type")?)?;
    let title = text("title").filter(|title| !title.is_empty()).unwrap_or(plex_id.as_str()).to_owned();
    Some(ListedTitle { plex_id, media_type, title, year: None, ids: None, poster_url: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friends_without_a_uuid_are_passed_over_and_names_fall_back() {
        let friend = |json: Value| serde_json::from_value::<Friendship>(json).unwrap().into_friend();
        assert_eq!(friend(json!({ "user": null })), None);
        assert_eq!(friend(json!({ "user": { "username": "tomas.r" } })), None);
        let managed =
            friend(json!({ "user": { "id": "5be07c1d2a94f036", "username": null, "displayName": "Tomas" } })).unwrap();
        assert_eq!((managed.username.as_str(), managed.display_name.as_str()), ("Tomas", "Tomas"));
    }

    #[test]
    fn a_node_is_read_in_upper_case_and_tells_no_ids() {
        let title =
            listed(&json!({ "id": "64d1f0a2b9c37e0012ab34cd", "title": "Harbour Nine", "type": "SHOW" })).unwrap();
        assert_eq!((title.media_type.word(), title.ids), ("show", None));
        assert_eq!(listed(&json!({ "id": "64d1", "type": "EPISODE" })), None);
        assert_eq!(listed(&json!({ "id": "../x", "type": "SHOW" })), None);
    }
}
