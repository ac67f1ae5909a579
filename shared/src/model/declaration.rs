//! What people set up through the service: parts of a settings file, kept in the store in the file's own words.

use serde_json::Value;

super::words! {
    /// A part of the settings file that the service can keep.
    Section {
        /// Each Sonarr and Radarr, by name.
        Instances = "instances",
        /// Each rule, by its name in lower case.
        Rules = "rules",
        /// Each test of the rules, by its name in lower case.
        Tests = "tests",
        /// What is different for one user, by `plex` in lower case.
        Users = "users",
        /// Access to Plex.
        Plex = "plex",
        /// Access to TMDB.
        Tmdb = "tmdb",
        /// What happens with titles that no rule sends anywhere.
        Default = "default",
        /// Where days begin.
        TimeZone = "time_zone",
        /// How long requests stay open.
        Approvals = "approvals",
        /// How often there is a look, and what waits how long.
        Intervals = "intervals",
        /// The files that log lines go to.
        Logs = "logs",
        /// What everybody is allowed.
        UserDefaults = "users.defaults",
    }
}

impl Section {
    /// Whether there are several of them, each with a name.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Instances | Self::Rules | Self::Tests | Self::Users)
    }

    /// Where the settings file has it: `["users", "overrides"]`.
    #[must_use]
    pub const fn path(self) -> &'static [&'static str] {
        match self {
            Self::Instances => &["instances"],
            Self::Rules => &["rules"],
            Self::Tests => &["tests"],
            Self::Users => &["users", "overrides"],
            Self::Plex => &["plex"],
            Self::Tmdb => &["tmdb"],
            Self::Default => &["default"],
            Self::TimeZone => &["time_zone"],
            Self::Approvals => &["approvals"],
            Self::Intervals => &["intervals"],
            Self::Logs => &["logs"],
            Self::UserDefaults => &["users", "defaults"],
        }
    }

    /// The key of an item that holds its name.
    #[must_use]
    pub const fn name_key(self) -> &'static str {
        match self {
            Self::Users => "plex",
            _ => "name",
        }
    }

    /// The name under which an item is kept that is called so.
    #[must_use]
    pub fn folded(self, name: &str) -> String {
        match self {
            Self::Instances => name.trim().to_owned(),
            _ => name.trim().to_lowercase(),
        }
    }

    /// The key that holds a secret.
    #[must_use]
    pub const fn secret_key(self) -> Option<&'static str> {
        match self {
            Self::Instances | Self::Tmdb => Some("api_key"),
            Self::Plex => Some("token"),
            _ => None,
        }
    }
}

/// A part of a settings file, kept in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Which part.
    pub section: Section,
    /// [`Section::folded`]; empty for what there is only one of.
    pub name: String,
    /// Order within a list, ascending.
    pub position: i64,
    /// What stands there, as in the file; secrets are sealed.
    pub body: Value,
    /// Which state of it this is: every change gives another number.
    pub version: i64,
}
