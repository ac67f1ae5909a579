//! Whose watchlists we read.

use serde::{Deserialize, Serialize};

/// A user's key in Plex: 16 hex characters, the same in every Plex API. Names change, this does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserUuid(String);

impl UserUuid {
    /// The key, if `text` can be one: 1 to 64 ASCII letters, digits and hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plausible =
            (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plausible.then(|| Self(text.to_owned()))
    }

    /// The key as Plex writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for UserUuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// A user's row number in our store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserId(pub i64);

super::words! {
    /// How a user stands to the owner of the Plex token.
    Relation {
        /// The owner of the token.
        Owner = "owner",
        /// A friend on Plex.
        Friend = "friend",
        /// Once a friend, no longer in the friends list. Kept, with everything that was decided.
        FormerFriend = "former_friend",
    }
}

/// A person with a watchlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Our row.
    pub id: UserId,
    /// Plex's key.
    pub uuid: UserUuid,
    /// Plex's user name; may change.
    pub username: String,
    /// The name Plex shows; may change.
    pub display_name: String,
    /// Owner, friend or former friend.
    pub relation: Relation,
    /// Whether the list is read, and what is on it decided and added.
    pub synced: bool,
}

impl User {
    /// Whether a person who wrote `name` meant this user: the uuid, or either name in any case.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        let same = |own: &str| own.to_lowercase() == name.to_lowercase();
        self.uuid.as_str() == name || same(&self.username) || same(&self.display_name)
    }
}
