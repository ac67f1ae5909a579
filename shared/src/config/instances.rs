//! The `instances` of the settings file: which Sonarr and Radarr there are, and how titles are added to them. Whether
//! an instance answers, and has the named profile, is for others to find out.

use crate::model::{
    AddOptions, ArrOptions, Instance, InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor,
    SeriesTypeChoice,
};

use super::address::base_address;
use super::finding::quoted;
use super::reader::{Field, Fields, Reader};

/// The keys of one instance, in the order in which the sample explains them.
pub(super) const KEYS: &[&str] = &[
    "name",
    "kind",
    "url",
    "api_key",
    "default",
    "quality_profile",
    "root_folder_path",
    "minimum_availability",
    "monitor",
    "search_on_add",
    "tags",
    "respect_exclusions",
    "monitor_new_items",
    "series_type",
    "season_folder",
];

/// Not the name of an instance: reports list requests and problems by upstream, and this one is Plex.
const PLEX: &str = "plex";

/// What only one application knows.
const RADARR_KEYS: &[&str] = &["minimum_availability"];
const SONARR_KEYS: &[&str] = &["monitor_new_items", "series_type", "season_folder"];

/// Every instance that can be understood. Names and defaults are compared between all of them, also those with other
/// mistakes.
pub(super) fn read<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> Vec<Instance> {
    let mut instances = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    let mut defaults: Vec<(InstanceKind, String)> = Vec::new();
    for item in reader.items(root, "instances") {
        let fields = reader.fields(&item, KEYS);
        let name = read_name(reader, &fields, &mut names);
        let kind = read_kind(reader, &fields);
        let url = read_url(reader, &fields);
        let api_key = match fields.even_empty("api_key") {
            Some(field) => reader.secret(field),
            None => {
                reader.missing(&fields, "api_key");
                None
            }
        };
        let default = reader.flag(&fields, "default", false);
        if let (true, Some(kind), Some(field)) = (default, kind, fields.get("default")) {
            match defaults.iter().find(|(other, _)| *other == kind) {
                Some((_, other)) => {
                    let message =
                        format!("{other} is the default {kind} already: a kind has at most one, remove one of them");
                    reader.problem(field, message);
                }
                None => defaults.push((kind, described(&fields, name.as_deref()))),
            }
        }
        let options = read_options(reader, &fields, kind);
        let respect_exclusions = reader.flag(&fields, "respect_exclusions", true);
        if let (Some(name), Some(url), Some(api_key), Some(options)) = (name, url, api_key, options) {
            instances.push(Instance { name, url, api_key, default, respect_exclusions, options });
        }
    }
    instances
}

/// ``instances[0] (`movies`)``, or the place alone while the name is unknown.
fn described(fields: &Fields<'_>, name: Option<&str>) -> String {
    name.map_or_else(|| fields.path.clone(), |name| format!("{} (`{name}`)", fields.path))
}

fn read_name(reader: &mut Reader<'_>, fields: &Fields<'_>, names: &mut Vec<(String, String)>) -> Option<String> {
    let (field, name) = reader.required_text(fields, "name")?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    if name.len() > 64 || !name.bytes().all(allowed) {
        reader.problem(field, format!("expected 1 to 64 of a-z, 0-9, `-` and `_`; found {}", quoted(&name)));
        return None;
    }
    if name == PLEX {
        let message = "`plex` is what reports call Plex itself: give the instance another name, such as `movies`";
        reader.problem(field, message);
        return None;
    }
    if let Some((_, place)) = names.iter().find(|(other, _)| *other == name) {
        reader.problem(field, format!("{place} is called `{name}` already: give each instance its own name"));
        return None;
    }
    reader.list_value(field, &*name);
    names.push((name.clone(), fields.path.clone()));
    Some(name)
}

fn read_kind(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<InstanceKind> {
    if let Some(field) = fields.get("kind") {
        return reader.chosen(field, InstanceKind::ALL);
    }
    reader.missing(fields, "kind");
    None
}

fn read_url(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
    let (field, text) = reader.required_text(fields, "url")?;
    match base_address(&text) {
        Ok(url) => {
            reader.list_value(field, &*url);
            Some(url)
        }
        Err(message) => {
            reader.problem(field, message);
            None
        }
    }
}

fn read_options<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>, kind: Option<InstanceKind>) -> Option<AddOptions> {
    let first = "(the first one the arr lists)";
    let quality_profile = reader.optional_text(fields, "quality_profile", first);
    let root_folder_path = reader.optional_text(fields, "root_folder_path", first);
    let search_on_add = reader.flag(fields, "search_on_add", true);
    let tags = read_tags(reader, fields);
    let arr = match kind? {
        InstanceKind::Radarr => {
            refuse(reader, fields, SONARR_KEYS, "Sonarr's", "radarr");
            ArrOptions::Radarr {
                minimum_availability: reader.choice(
                    fields,
                    "minimum_availability",
                    MinimumAvailability::ALL,
                    MinimumAvailability::Released,
                ),
                monitor: reader.choice(fields, "monitor", MovieMonitor::ALL, MovieMonitor::MovieOnly),
            }
        }
        InstanceKind::Sonarr => {
            refuse(reader, fields, RADARR_KEYS, "Radarr's", "sonarr");
            ArrOptions::Sonarr {
                monitor: reader.choice(fields, "monitor", SeriesMonitor::ALL, SeriesMonitor::All),
                monitor_new_items: reader.choice(
                    fields,
                    "monitor_new_items",
                    MonitorNewItems::ALL,
                    MonitorNewItems::All,
                ),
                series_type: reader.choice(fields, "series_type", SeriesTypeChoice::ALL, SeriesTypeChoice::Auto),
                season_folder: reader.flag(fields, "season_folder", true),
            }
        }
    };
    Some(AddOptions { quality_profile, root_folder_path, tags, search_on_add, arr })
}

/// Notes every key in `keys` that stands in the file: it belongs to the other application.
fn refuse(reader: &mut Reader<'_>, fields: &Fields<'_>, keys: &[&'static str], whose: &str, kind: &str) {
    for key in keys {
        if let Some(field) = fields.even_empty(key) {
            reader.problem(field, format!("`{key}` is {whose}; this instance is a {kind}: remove the line"));
        }
    }
}

/// Tag labels in lower case, each once, in the order of the file.
fn read_tags<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>) -> Vec<String> {
    let mut tags = Vec::new();
    for item in reader.items(fields, "tags") {
        if let Some(tag) = read_tag(reader, &item).filter(|tag| !tags.contains(tag)) {
            tags.push(tag);
        }
    }
    let shown = if tags.is_empty() { "(none)".to_owned() } else { tags.join(", ") };
    match fields.get("tags") {
        Some(field) => reader.list_value(field, shown),
        None => reader.list_default(fields, "tags", shown),
    }
    tags
}

fn read_tag(reader: &mut Reader<'_>, item: &Field<'_>) -> Option<String> {
    let text = reader.text(item)?;
    let tag = text.to_lowercase();
    if tag.is_empty() || !tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        reader.problem(
            item,
            format!("expected a tag of a-z, 0-9 and `-`, because Radarr 6 refuses others; found {}", quoted(&text)),
        );
        return None;
    }
    Some(tag)
}
