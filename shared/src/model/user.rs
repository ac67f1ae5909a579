//! Whose watchlists we read.

use serde::{Deserialize, Serialize};

use super::Quota;

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
    /// The name the household gave, from the settings.
    pub alias: Option<String>,
    /// Owner, friend or former friend.
    pub relation: Relation,
    /// Whether the list is read, and what is on it decided and added.
    pub synced: bool,
}

impl User {
    /// Whether a person who wrote `name` meant this user: the uuid, or any of the names in any case.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.names().any(|own| is_same(own, name))
    }

    /// Everything this user can be called: the uuid, Plex's two names, the alias.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [self.uuid.as_str(), &self.username, &self.display_name].into_iter().chain(self.alias.as_deref())
    }

    /// What people call this user: the alias, or Plex's user name.
    #[must_use]
    pub fn called(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.username)
    }
}

/// Whether these are one name, in any case. In a large household everybody is compared with everybody, so that the usual names are
/// compared as they stand.
fn is_same(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    // Also where only one is: the sign of the kelvin is a large k.
    one.to_lowercase() == other.to_lowercase()
}

/// What the household allows a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Somebody is asked about everything this user wants.
    pub require_approval: bool,
    /// Quotas do not hold this user back; what is wanted is counted all the same.
    pub bypass_quota: bool,
    /// How much this user may ask for.
    pub quotas: Vec<Quota>,
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_name_is_the_same_in_any_case_of_any_script() {
        for (one, other, same) in [
            ("Ana", "aNA", true),
            ("ana", "ann", false),
            ("ana", "anat", false),
            ("ÉTÉ", "été", true),
            ("ÉTÉ", "ete", false),
            ("\u{212a}im", "KIM", true),
        ] {
            assert_eq!((is_same(one, other), is_same(other, one)), (same, same), "{one} {other}");
        }
    }
}
