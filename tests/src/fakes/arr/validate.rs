//! The rules of an add, with the real messages: before metadata, and again once the path is computed.
//!
//! Owns: rules and their order. One property reports its first failure; different properties all report. Refuses: types.

use serde_json::Value;

use super::App;
use super::bind::Draft;
use super::errors::Failure;
use super::known::{Known, folder};
use super::state::Core;

/// The rules that run on the request alone.
pub(crate) fn request(core: &Core, draft: &Draft) -> Vec<Failure> {
    let mut failures = Vec::new();
    failures.extend(profile(core, draft.quality_profile_id));
    failures.extend(place(core, draft));
    failures.extend(title(core.app, draft));
    failures.extend(external(core, draft.external_id));
    failures
}

/// The rules that run on the computed path, after metadata was fetched.
pub(crate) fn computed(core: &Core, known: &Known, path: &str) -> Vec<Failure> {
    let mut failures: Vec<Failure> = taken_path(core, path).into_iter().collect();
    if core.app == App::Sonarr {
        let slug = known.slug();
        if let Some(other) = core.library.values().find(|stored| stored.slug == slug) {
            let message = format!(
                "Title slug '{slug}' is in use by series '{}'. Check the FAQ for more information",
                other.title
            );
            failures.push(Failure::new("TitleSlug", message, slug, "SeriesTitleSlugValidator"));
        }
    }
    failures
}

/// Metadata has no such id: made by hand in the arrs, so without an error code.
pub(crate) fn never_heard_of(app: App, external_id: i64, path: &str) -> Failure {
    let noun = app.noun();
    Failure {
        property: app.external_pascal(),
        message: format!("A {noun} with this ID was not found. Path: {path}"),
        attempted: external_id.into(),
        code: None,
    }
}

fn profile(core: &Core, id: i64) -> Option<Failure> {
    if id <= 0 {
        return Some(Failure::greater_than_zero("QualityProfileId", id));
    }
    let known = core.profiles.iter().any(|(known, _)| *known == id);
    (!known).then(|| {
        Failure::new("QualityProfileId", "Quality Profile does not exist", id, "QualityProfileExistsValidator")
    })
}

fn title(app: App, draft: &Draft) -> Option<Failure> {
    let needed = app == App::Sonarr || draft.external_id <= 0;
    (needed && draft.title.trim().is_empty()).then(|| Failure::not_empty("Title", draft.title.clone()))
}

fn external(core: &Core, id: i64) -> Option<Failure> {
    let (property, noun) = (core.app.external_pascal(), core.app.noun());
    match core.app {
        App::Sonarr if id <= 0 => return Some(Failure::greater_than_zero(property, id)),
        App::Radarr if id == 0 => return Some(Failure::not_empty(property, id)),
        _ => {}
    }
    let code = if core.app == App::Sonarr { "SeriesExistsValidator" } else { "MovieExistsValidator" };
    let message = format!("This {noun} has already been added");
    core.by_external.contains_key(&id).then(|| Failure::new(property, message, id, code))
}

/// `path` wins over `rootFolderPath`; one of them has to be there.
fn place(core: &Core, draft: &Draft) -> Vec<Failure> {
    if !draft.path.is_empty() {
        return given_path(core, &draft.path).into_iter().collect();
    }
    if draft.root_folder_path.is_empty() {
        return vec![Failure::not_empty("Path", Value::Null), Failure::not_empty("RootFolderPath", Value::Null)];
    }
    root_folder(core, draft).into_iter().collect()
}

fn given_path(core: &Core, path: &str) -> Option<Failure> {
    if !path.starts_with('/') {
        return Some(Failure::new("Path", format!("Invalid Path: '{path}'"), path, "PathValidator"));
    }
    if core.root(path).is_some() {
        let message = format!("Path '{path}' is already configured as a root folder");
        return Some(Failure::new("Path", message, path, "RootFolderValidator"));
    }
    for system in ["/bin", "/boot", "/lib", "/sbin", "/proc", "/usr/bin"] {
        if path == system {
            let message = format!("Path '{path}' is set to system folder {system}");
            return Some(Failure::new("Path", message, path, "SystemFolderValidator"));
        }
        if path.starts_with(&format!("{system}/")) {
            let message = format!("Path '{path}' is child of system folder {system}");
            return Some(Failure::new("Path", message, path, "SystemFolderValidator"));
        }
    }
    taken_path(core, path)
}

fn taken_path(core: &Core, path: &str) -> Option<Failure> {
    let path = path.trim_end_matches('/');
    let (same, above, same_code, above_code) = match core.app {
        App::Sonarr => ("for another series", "series", "SeriesPathValidator", "SeriesAncestorValidator"),
        App::Radarr => ("for an existing movie", "movie", "MoviePathValidator", "MovieAncestorValidator"),
    };
    let mut paths = core.library.values().map(|stored| stored.path.as_str());
    if paths.any(|other| other == path) {
        let message = format!("Path '{path}' is already configured {same}");
        return Some(Failure::new("Path", message, path, same_code));
    }
    let below = format!("{path}/");
    let ancestor = core.library.values().any(|stored| stored.path.starts_with(&below));
    let message = format!("Path '{path}' is an ancestor of an existing {above}");
    ancestor.then(|| Failure::new("Path", message, path, above_code))
}

fn root_folder(core: &Core, draft: &Draft) -> Option<Failure> {
    let path = draft.root_folder_path.as_str();
    if core.root(path).is_none() {
        let message = format!("Root folder '{path}' does not exist");
        return Some(Failure::new("RootFolderPath", message, path, "RootFolderExistsValidator"));
    }
    let noun = core.app.noun();
    let folder = folder(core.app, &draft.title, draft.year);
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let near = (folder.chars().count() / 5).max(1);
    let code =
        if core.app == App::Sonarr { "SeriesFolderAsRootFolderValidator" } else { "MovieFolderAsRootFolderValidator" };
    let message = format!("Root folder path '{path}' contains {noun} folder '{folder}'");
    (!folder.is_empty() && distance(last, &folder) < near).then(|| Failure::new("RootFolderPath", message, path, code))
}

/// Levenshtein's edit distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    #[test]
    fn edit_distance_counts_single_changes() {
        assert_eq!(super::distance("tv", "tv"), 0);
        assert_eq!(super::distance("kitten", "sitting"), 3);
        assert_eq!(super::distance("", "abc"), 3);
    }
}
