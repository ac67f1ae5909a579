//! The `users` of the settings file: who takes part, and what the household allows them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::{Standing, User};

use super::finding::quoted;
use super::overrides::{Overrides, UserOverride};
use super::quotas;
use super::reader::{Field, Fields, Reader, place};

pub(super) const KEYS: &[&str] = &["defaults", "overrides"];
pub(super) const DEFAULTS_KEYS: &[&str] = &["sync", "require_approval", "bypass_quota", "quotas"];
pub(super) const OVERRIDE_KEYS: &[&str] = &["plex", "alias", "sync", "require_approval", "bypass_quota", "quotas"];

/// Who takes part.
#[derive(Debug, Clone)]
pub struct UserSettings {
    /// For everybody without an override.
    pub default_sync: bool,
    /// For everybody without an override.
    pub default_standing: Standing,
    /// Exceptions, in the order of the file. No two name the same person in the same words.
    pub overrides: Overrides,
}

impl Default for UserSettings {
    fn default() -> Self {
        Self { default_sync: true, default_standing: Standing::default(), overrides: Overrides::default() }
    }
}

impl UserSettings {
    /// Whether this user's watchlist is acted on. The first override that names the user and says anything about it
    /// decides.
    #[must_use]
    pub fn syncs(&self, user: &User) -> bool {
        self.overrides.of(user).find_map(|exception| exception.sync).unwrap_or(self.default_sync)
    }

    /// What the household allows this user. Of several overrides that name the user, the first that says something decides.
    #[must_use]
    pub fn standing(&self, user: &User) -> Standing {
        let named: Vec<&UserOverride> = self.overrides.of(user).collect();
        let usual = &self.default_standing;
        let quotas = named.iter().find_map(|it| it.quotas.as_ref()).unwrap_or(&usual.quotas);
        Standing {
            require_approval: named.iter().find_map(|it| it.require_approval).unwrap_or(usual.require_approval),
            bypass_quota: named.iter().find_map(|it| it.bypass_quota).unwrap_or(usual.bypass_quota),
            quotas: quotas.clone(),
        }
    }

    /// `user` with the name the household gave.
    #[must_use]
    pub fn named(&self, mut user: User) -> User {
        let alias = self.overrides.of(&user).find_map(|exception| exception.alias.clone());
        user.alias = alias;
        user
    }
}

pub(super) fn read<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> UserSettings {
    let fields = reader.group(root, "users", KEYS);
    let defaults = reader.group(&fields, "defaults", DEFAULTS_KEYS);
    let default_sync = reader.flag(&defaults, "sync", true);
    let default_standing = Standing {
        require_approval: reader.flag(&defaults, "require_approval", false),
        bypass_quota: reader.flag(&defaults, "bypass_quota", false),
        quotas: quotas::read(reader, &defaults).unwrap_or_default(),
    };
    if defaults.get("quotas").is_none() {
        reader.list_default(&defaults, "quotas", "(none)");
    }
    let mut overrides: Vec<UserOverride> = Vec::new();
    let mut aliases: Vec<(usize, Field<'a>, String)> = Vec::new();
    // Hundreds of people may have one: each is looked for once, by name.
    let mut known: HashMap<String, usize> = HashMap::new();
    for item in reader.items(&fields, "overrides") {
        let fields = reader.fields(&item, OVERRIDE_KEYS);
        let plex = reader.required_text(&fields, "plex");
        if let Some((field, plex)) = &plex {
            match known.entry(plex.to_lowercase()) {
                Entry::Occupied(_) => {
                    reader.problem(field, "this user has an override already: write both into one");
                    continue;
                }
                Entry::Vacant(place) => place.insert(overrides.len()),
            };
            reader.list_value(field, &**plex);
        }
        let alias = reader.written_text(&fields, "alias");
        if let (Some(field), Some(alias), Some(_)) = (fields.get("alias"), &alias, &plex) {
            aliases.push((overrides.len(), field.clone(), alias.to_lowercase()));
        }
        // Left out, `sync` is what it is for everybody, so that is what gets listed.
        let sync = reader.flag(&fields, "sync", default_sync);
        let sync = fields.get("sync").map(|_| sync);
        let require_approval = reader.written_flag(&fields, "require_approval");
        let bypass_quota = reader.written_flag(&fields, "bypass_quota");
        let quotas = quotas::read(reader, &fields);
        overrides.extend(plex.map(|(_, plex)| UserOverride {
            plex,
            alias,
            sync,
            require_approval,
            bypass_quota,
            quotas,
        }));
    }
    refuse_shared_names(reader, &overrides, &known, &aliases);
    UserSettings { default_sync, default_standing, overrides: overrides.into() }
}

/// Notes aliases by which two people could be meant. Each comes with the position of its override; `known` has the positions by what
/// Plex calls the user.
fn refuse_shared_names(
    reader: &mut Reader<'_>,
    overrides: &[UserOverride],
    known: &HashMap<String, usize>,
    aliases: &[(usize, Field<'_>, String)],
) {
    let mut firsts: HashMap<&str, usize> = HashMap::new();
    for (own, field, alias) in aliases {
        match firsts.entry(alias) {
            Entry::Occupied(first) => {
                let message = format!("the alias in {} is the same: give each person their own", place(*first.get()));
                reader.problem(field, message);
            }
            Entry::Vacant(first) => {
                first.insert(field.line);
            }
        }
        if let Some(other) = known.get(alias).filter(|position| *position != own).map(|position| &overrides[*position])
        {
            let message = format!("{} is what Plex calls another user here: choose another alias", quoted(&other.plex));
            reader.problem(field, message);
        }
    }
}
