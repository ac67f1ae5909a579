//! Where an item of the settings stands, and so where it is changed.

use pulsarr_shared::config::{Config, Source};

use crate::reply::ApiError;

/// Where an item of the settings stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `pulsarr.yaml:12`, or `settings made in the service`.
    pub source: String,
    /// Whether the file declares it, so that it is changed there and nowhere else.
    pub read_only: bool,
}

impl Standing {
    /// Where the value of this name (`instances[0].name`) stands.
    pub fn of_value(config: &Config, name: &str) -> Self {
        let found = config.values.iter().find(|value| value.name == name).map(|value| &value.source);
        Self {
            source: found.map_or_else(String::new, ToString::to_string),
            read_only: !matches!(found, Some(Source::Stored | Source::Default)),
        }
    }

    /// Where the item of a list stands whose `key` (`name`, `plex`) has this value: `of_item(config, "rules", "name", "anime")`.
    pub fn of_item(config: &Config, list: &str, key: &str, value: &str) -> Self {
        let is_it = |name: &str| {
            let rest = name.strip_prefix(list).and_then(|rest| rest.strip_prefix('['));
            rest.and_then(|rest| rest.split_once("].")).is_some_and(|(_, of)| of == key)
        };
        let found = config.values.iter().find(|it| it.value == value && is_it(&it.name));
        found.map_or(Self { source: String::new(), read_only: false }, |it| Self::of_value(config, &it.name))
    }

    /// Whether it may be changed here.
    ///
    /// # Errors
    /// 409 that says where it is changed.
    pub fn changeable(&self, what: &str) -> Result<(), ApiError> {
        if self.read_only {
            let message = format!("{what} is declared in the settings file ({}): change it there", self.source);
            return Err(ApiError::conflict(message));
        }
        Ok(())
    }
}
