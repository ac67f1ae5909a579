//! Friendships that one side has asked for: GraphQL at the community API.

use serde::Deserialize;
use serde_json::json;

use super::graphql::missing;
use super::{Plex, PlexError};
use crate::clients::limiter::Pace;
use crate::model::UserUuid;

const REQUESTS: &str = "query Requests { \
    sent: friendRequests(first: 100, type: SENT) { nodes { user { id } } } \
    received: friendRequests(first: 100, type: RECEIVED) { nodes { user { id } } } }";

const READ_REQUESTS: &str = "read the friend requests";

/// Who was asked and has not answered; up to 100 each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FriendRequests {
    /// Whom the account has asked.
    pub sent: Vec<UserUuid>,
    /// Who has asked the account.
    pub received: Vec<UserUuid>,
}

#[derive(Deserialize)]
struct RequestsData {
    sent: Option<Nodes>,
    received: Option<Nodes>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: Option<Vec<Node>>,
}

#[derive(Deserialize)]
struct Node {
    user: Option<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    id: Option<String>,
}

impl Nodes {
    fn into_uuids(self) -> Option<Vec<UserUuid>> {
        let uuid = |node: Node| UserUuid::parse(node.user?.id.as_deref()?);
        Some(self.nodes?.into_iter().filter_map(uuid).collect())
    }
}

impl Plex {
    /// Friend requests that wait for an answer, in both directions. One without a uuid is passed over.
    ///
    /// # Errors
    /// An answer without the lists is [`PlexError::SchemaChanged`], never "no requests".
    pub async fn friend_requests(&self) -> Result<FriendRequests, PlexError> {
        let data: RequestsData = self.query(READ_REQUESTS, REQUESTS, &json!({}), Pace::Item).await?;
        let list = |nodes: Option<Nodes>, field| {
            nodes.and_then(Nodes::into_uuids).ok_or_else(|| missing(READ_REQUESTS, field))
        };
        Ok(FriendRequests { sent: list(data.sent, "sent")?, received: list(data.received, "received")? })
    }
}
