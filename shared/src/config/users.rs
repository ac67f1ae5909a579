//! The `users` of the settings file: who takes part, and what the household allows them.

use crate::model::Standing;

use super::finding::quoted;
use super::quotas;
use super::reader::{Field, Fields, Reader};
use super::settings::{UserOverride, UserSettings};

pub(super) const KEYS: &[&str] = &["defaults", "overrides"];
pub(super) const DEFAULTS_KEYS: &[&str] = &["sync", "require_approval", "bypass_quota", "quotas"];
pub(super) const OVERRIDE_KEYS: &[&str] = &["plex", "alias", "sync", "require_approval", "bypass_quota", "quotas"];

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
    for item in reader.items(&fields, "overrides") {
        let fields = reader.fields(&item, OVERRIDE_KEYS);
        let plex = reader.required_text(&fields, "plex");
        if let Some((field, plex)) = &plex {
            if overrides.iter().any(|other| other.plex.to_lowercase() == plex.to_lowercase()) {
                reader.problem(field, "this user has an override already: write both into one");
                continue;
            }
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
    refuse_shared_names(reader, &overrides, &aliases);
    UserSettings { default_sync, default_standing, overrides }
}

/// Notes aliases by which two people could be meant. Each comes with the position of its override.
fn refuse_shared_names(reader: &mut Reader<'_>, overrides: &[UserOverride], aliases: &[(usize, Field<'_>, String)]) {
    for (number, (own, field, alias)) in aliases.iter().enumerate() {
        if let Some((_, first, _)) = aliases[..number].iter().find(|(_, _, other)| other == alias) {
            let message = format!("the alias in line {} is the same: give each person their own", first.line);
            reader.problem(field, message);
        }
        let others = overrides.iter().enumerate().filter(|(position, _)| position != own);
        if let Some((_, other)) = others.into_iter().find(|(_, other)| other.plex.to_lowercase() == *alias) {
            let message = format!("{} is what Plex calls another user here: choose another alias", quoted(&other.plex));
            reader.problem(field, message);
        }
    }
}
