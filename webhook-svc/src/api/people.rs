//! Whom answers name, and who is meant by a name in a question.

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{User, UserId};
use pulsarr_shared::store::{Db, StoreError};
use schemars::JsonSchema;
use serde::Serialize;

/// Everybody, with the household's names.
pub struct People(pub Vec<User>);

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Person {
    /// Plex's key: names change, this does not.
    pub uuid: String,
    /// What the household calls them, or Plex's user name.
    pub name: String,
}

impl People {
    /// Everybody there ever was.
    pub fn of(db: Db<'_>, config: &Config) -> Result<Self, StoreError> {
        Ok(Self(db.users()?.into_iter().map(|user| config.settings.users.named(user)).collect()))
    }

    /// The person with this row.
    pub fn person(&self, id: UserId) -> Person {
        let user = self.0.iter().find(|user| user.id == id);
        user.map_or_else(|| Person { uuid: String::new(), name: String::new() }, Person::of)
    }

    /// Who answers to `name`.
    pub fn named(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|user| user.answers_to(name))
    }
}

impl Person {
    pub fn of(user: &User) -> Self {
        Self { uuid: user.uuid.as_str().to_owned(), name: user.called().to_owned() }
    }
}
