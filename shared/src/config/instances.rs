//! The `instances` of the settings file: which Sonarr and Radarr there are, and how titles are added to them. Whether
//! an instance answers, and has the named profile, is for others to find out.

use crate::model::{
    AddOptions, ArrOptions, Instance, InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor,
    SeriesTypeChoice,
};

use super::address::base_address;
use super::finding::quoted;
use super::nearest::nearest;
use super::reader::{Field, Fields, Reader};

/// The keys of one instance, in the order in which the sample explains them.
pub(super) const KEYS: &[&str] = &[
    "name",
    "kind",
    "url",
    "api_key",
    "default",
    "copy_of",
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

/// An instance as other parts of the file can name it, whatever mistakes it has otherwise.
pub(super) struct Named<'n> {
    /// Unique.
    pub name: String,
    /// `None`: nobody can tell.
    pub kind: Option<InstanceKind>,
    default: bool,
    copy_of: Option<(Field<'n>, String)>,
}

/// Every instance that can be understood, and every name there is. Names, defaults and copies are compared between all of them,
/// also those with other mistakes.
pub(super) fn read<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> (Vec<Instance>, Vec<Named<'a>>) {
    let mut instances = Vec::new();
    let mut named = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    let mut defaults: Vec<(InstanceKind, String)> = Vec::new();
    for item in reader.items(root, "instances") {
        let fields = reader.fields(&item, KEYS);
        let name = read_name(reader, &fields, &mut names);
        let kind = read_kind(reader, &fields);
        let url = read_url(reader, &fields, "url");
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
        let copy_of = reader.written_text(&fields, "copy_of");
        if let Some(name) = &name {
            let copied = fields.get("copy_of").cloned().zip(copy_of.clone());
            named.push(Named { name: name.clone(), kind, default, copy_of: copied });
        }
        let options = read_options(reader, &fields, kind);
        let respect_exclusions = reader.flag(&fields, "respect_exclusions", true);
        if let (Some(name), Some(url), Some(api_key), Some(options)) = (name, url, api_key, options) {
            instances.push(Instance { name, url, api_key, default, copy_of, respect_exclusions, options });
        }
    }
    for instance in &named {
        if let Some((field, original)) = &instance.copy_of
            && let Err(message) = may_copy(instance, original, &named)
        {
            reader.problem(field, message);
        }
    }
    (instances, named)
}

/// Whether `instance` can take what default routing sends to `original`.
fn may_copy(instance: &Named<'_>, original: &str, named: &[Named<'_>]) -> Result<(), String> {
    if instance.name == original {
        return Err("an instance cannot be a copy of itself: name the default instance of its kind".to_owned());
    }
    let found = find(named, original)?;
    if let (Some(own), Some(other)) = (instance.kind, found.kind)
        && own != other
    {
        return Err(format!("`{original}` is a {other}, and this instance is a {own}: name the default {own}"));
    }
    if instance.default {
        return Err("a default instance takes everything itself: remove `copy_of` or `default: true`".to_owned());
    }
    if let Some((_, further)) = &found.copy_of {
        return Err(format!("`{original}` is a copy itself, of `{further}`: name the default instance"));
    }
    if !found.default {
        return Err(format!(
            "`{original}` is not `default: true`, so nothing goes there by default: name the default instance"
        ));
    }
    Ok(())
}

/// The instance that people call `name`.
///
/// # Errors
/// A sentence that says which there are.
pub(super) fn find<'i, 'n>(named: &'i [Named<'n>], name: &str) -> Result<&'i Named<'n>, String> {
    if let Some(found) = named.iter().find(|instance| instance.name == name) {
        return Ok(found);
    }
    let names = || named.iter().map(|instance| instance.name.as_str());
    let advice = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if named.is_empty() => "name one under `instances` first".to_owned(),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("no instance is called {}: {advice}", quoted(name)))
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

/// The address behind `key`, which must be there.
pub(super) fn read_url(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &'static str) -> Option<String> {
    let (field, text) = reader.required_text(fields, key)?;
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
            refuse_other(reader, fields, InstanceKind::Radarr);
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
            refuse_other(reader, fields, InstanceKind::Sonarr);
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
                seasons: Vec::new(),
            }
        }
    };
    Some(AddOptions { quality_profile, root_folder_path, tags, search_on_add, arr })
}

/// Notes every key that only the other application has.
pub(super) fn refuse_other(reader: &mut Reader<'_>, fields: &Fields<'_>, kind: InstanceKind) {
    let (keys, whose) = match kind {
        InstanceKind::Radarr => (SONARR_KEYS, "Sonarr's"),
        InstanceKind::Sonarr => (RADARR_KEYS, "Radarr's"),
    };
    for key in keys {
        if let Some(field) = fields.even_empty(key) {
            reader.problem(field, format!("`{key}` is {whose}; this instance is a {kind}: remove the line"));
        }
    }
}

/// Tag labels in lower case, each once, in the order of the file.
fn read_tags<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>) -> Vec<String> {
    if fields.get("tags").is_none() {
        reader.list_default(fields, "tags", "(none)");
    }
    written_tags(reader, fields).unwrap_or_default()
}

/// The same; left out, it is not listed.
pub(super) fn written_tags<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>) -> Option<Vec<String>> {
    let field = fields.get("tags")?;
    let mut tags = Vec::new();
    for item in reader.list(field) {
        if let Some(tag) = read_tag(reader, &item).filter(|tag| !tags.contains(tag)) {
            tags.push(tag);
        }
    }
    reader.list_value(field, if tags.is_empty() { "(none)".to_owned() } else { tags.join(", ") });
    Some(tags)
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
