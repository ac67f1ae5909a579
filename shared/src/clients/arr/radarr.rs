//! What is Radarr's own: nouns and the body of an add.

use serde_json::{Value, json};

use super::AddRequest;
use super::words::camel;
use crate::model::{ArrOptions, MinimumAvailability, MovieMonitor};

pub(super) const LIBRARY: &str = "/api/v3/movie";
pub(super) const LOOKUP: &str = "/api/v3/movie/lookup";
pub(super) const EXCLUSIONS: &str = "/api/v3/exclusions";
/// The library's filter, and the name of the id in every answer.
pub(super) const ID: &str = "tmdbId";
/// Saves Radarr a look at the disk per movie.
pub(super) const WHOLE_LIBRARY: [(&str, &str); 1] = [("excludeLocalCovers", "true")];

/// `MovieResource` for a POST. Radarr's `addOptions.monitor: none` leaves the movie monitored, so `monitored` says it as well.
pub(super) fn add_body(add: &AddRequest) -> Value {
    let (availability, monitor) = match add.options.arr {
        ArrOptions::Radarr { minimum_availability, monitor } => (minimum_availability, monitor),
        // Not reached: the kind of the options chose this function.
        ArrOptions::Sonarr { .. } => (MinimumAvailability::Released, MovieMonitor::MovieOnly),
    };
    let mut body = json!({
        "title": add.title,
        "tmdbId": add.external_id,
        "qualityProfileId": add.quality_profile_id,
        "rootFolderPath": add.root_folder_path,
        "monitored": monitor != MovieMonitor::None,
        "minimumAvailability": camel(availability.word()),
        "tags": add.tag_ids,
        "addOptions": {
            "monitor": camel(monitor.word()),
            "searchForMovie": add.options.search_on_add,
            "addMethod": "manual",
        },
    });
    if let Some(year) = add.year {
        body["year"] = json!(year);
    }
    body
}
