//! What a rule would do, before it is kept.

use pulsarr_shared::routing::FactSource;
use pulsarr_shared::simulate::{Missing, MissingOf};
use serde_json::Value;

use super::typed::Rule;
use super::written::Marks;
use crate::api::foresight::{self, Foreseen, Told};
use crate::api::rule_changes;
use crate::request::{ApiError, Ask};

/// Entries that are told one by one, on a page.
const PAGE: usize = 50;

/// What any rule can do. One that does nothing yet is looked at as if it put a label on what it applies to.
const ACTIONS: &[&str] =
    &["route", "require_approval", "auto_approve", "bypass_quota", "exclude", "tag_requester", "label"];

/// A name that nobody has given yet.
const NAMELESS: &str = "this new rule";

/// What is shown beside the builder.
pub enum WhatIf {
    /// Nobody has asked.
    NotAsked,
    /// It cannot be told yet: why, as sentences.
    Unclear(Vec<String>),
    /// What would come of it.
    Seen {
        seen: Box<Foreseen>,
        /// The rule is switched off, and was looked at as if it were not.
        off: bool,
    },
}

impl WhatIf {
    /// Tests of the rules that fail and are told; the rest is counted.
    pub const FAILING: usize = 10;

    /// The page that is told, and how many there are, both from 1.
    pub const fn pages(seen: &Foreseen) -> (usize, usize) {
        (seen.from / PAGE + 1, seen.listed.div_ceil(PAGE))
    }

    /// What can be done about a fact that nobody has told yet: a sentence, and the page where it is done, where that is up to people.
    pub fn remedy(gap: &MissingOf) -> (String, Option<&'static str>) {
        let Missing { source, available, .. } = gap.missing;
        match source {
            _ if available => {
                let who = teller(source);
                (
                    format!("Once the rule is kept, the next run asks {who} about those that are still to be decided."),
                    None,
                )
            }
            FactSource::Tmdb => ("TMDB tells it, and its API key is not set.".to_owned(), Some("/settings/tmdb")),
            FactSource::PlexServer => {
                ("The Plex server tells it, and its address is not set.".to_owned(), Some("/settings/plex"))
            }
            _ => (format!("It takes an answer from {}, which is not set up.", teller(source)), Some("/instances")),
        }
    }
}

/// Who tells a fact, as people call them.
const fn teller(source: FactSource) -> &'static str {
    match source {
        FactSource::Plex | FactSource::Watchlist => "Plex",
        FactSource::Arr | FactSource::RootFolder => "Sonarr or Radarr",
        FactSource::Tmdb => "TMDB",
        FactSource::PlexServer => "the Plex server",
        FactSource::Store | FactSource::Given => "pulsarr",
    }
}

/// What would come of `rule` in the place of the rule `name`, with this page of the wishes, and what is wrong with it.
///
/// # Errors
/// Whatever is not about the rule, such as a store that cannot be read.
pub async fn of(ask: &Ask, name: Option<&str>, rule: &Rule, page: usize) -> Result<(WhatIf, Marks), ApiError> {
    let mut words = rule.words.clone();
    let mut off = false;
    if let Value::Object(keys) = &mut words {
        off = keys.get("enabled").is_some_and(|enabled| *enabled == false);
        if off {
            keys.remove("enabled");
        }
        let nameless = keys.get("name").is_none_or(|name| name.as_str().is_some_and(|name| name.trim().is_empty()));
        if nameless && name.is_none() {
            keys.insert("name".to_owned(), NAMELESS.into());
        }
        let acts = |key: &&str| keys.get(*key).is_some_and(|value| !value.is_null() && *value != false);
        if !ACTIONS.iter().any(acts) {
            keys.insert("label".to_owned(), "x".into());
        }
    }
    let asked = ask.with_body(&words).with_query(&[("name", name.unwrap_or_default())]);
    match rule_changes::foresee(&asked, Told { page, most: PAGE }).await {
        Ok(seen) => Ok((WhatIf::Seen { seen: Box::new(seen), off }, Marks::default())),
        Err(error) if error.status().is_client_error() => {
            let marks = rule.marks(&error);
            Ok((WhatIf::Unclear(marks.sentences()), marks))
        }
        Err(error) => Err(error),
    }
}

/// What comes of the rule `name` as it is, with this page of the wishes.
///
/// # Errors
/// 404 when there is none; when the store cannot be read.
pub async fn as_it_is(ask: &Ask, name: &str, page: usize) -> Result<WhatIf, ApiError> {
    let config = ask.app.config();
    let seen =
        foresight::compare(&ask.app, config.as_ref().clone(), name.to_owned(), Told { page, most: PAGE }).await?;
    Ok(WhatIf::Seen { seen: Box::new(seen), off: false })
}
