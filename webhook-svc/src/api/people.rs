//! Whom answers name, and who is meant by a name in a question.

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{User, UserId};
use pulsarr_shared::store::{Db, StoreError};
use serde::Serialize;
use serde_json::{Map, Value};

/// Everybody, with the household's names.
pub struct People(pub Vec<User>);

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

    /// Why `user` (`None`: somebody nobody has seen yet) cannot be called `alias`, as a sentence; `None`: nobody else is.
    pub fn taken(&self, alias: &str, user: Option<&User>) -> Option<String> {
        let is_user = |other: &User| user.is_some_and(|user| other.uuid == user.uuid);
        let other = self.0.iter().find(|other| !is_user(other) && other.answers_to(alias))?;
        Some(format!("`{alias}` is what `{}` answers to already: choose another alias", other.called()))
    }
}

/// The alias that `keys` give somebody, as it is read: numbers may be names.
pub fn alias_in(keys: &Map<String, Value>) -> Option<String> {
    match keys.get("alias")? {
        Value::String(alias) => Some(alias.trim().to_owned()),
        Value::Number(alias) => Some(alias.to_string()),
        _ => None,
    }
}

impl Person {
    pub fn of(user: &User) -> Self {
        Self { uuid: user.uuid.as_str().to_owned(), name: user.called().to_owned() }
    }
}
