//! What is Sonarr's own: nouns and the body of an add.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::AddRequest;
use super::words::camel;
use crate::model::{ArrOptions, MonitorNewItems, SeriesMonitor, SeriesTypeChoice};

pub(super) const LIBRARY: &str = "/api/v3/series";
pub(super) const LOOKUP: &str = "/api/v3/series/lookup";
pub(super) const EXCLUSIONS: &str = "/api/v3/importlistexclusion";
/// The library's filter, and the name of the id in every answer.
pub(super) const ID: &str = "tvdbId";

/// `SeriesResource` for a POST. `monitor: none` unmonitors the series by itself, and seasons are left out because Sonarr
/// overwrites them with what `monitor` says: only `skip` leaves them as they are sent.
pub(super) fn add_body(add: &AddRequest) -> Value {
    let (monitor, new_items, series_type, season_folder, chosen): (_, _, _, _, &[u32]) = match &add.options.arr {
        ArrOptions::Sonarr { monitor, monitor_new_items, series_type, season_folder, seasons } => {
            (*monitor, *monitor_new_items, *series_type, *season_folder, seasons)
        }
        // Not reached: the kind of the options chose this function.
        ArrOptions::Radarr { .. } => (SeriesMonitor::All, MonitorNewItems::All, SeriesTypeChoice::Standard, true, &[]),
    };
    let monitor = if chosen.is_empty() { monitor } else { SeriesMonitor::Skip };
    // Sonarr has no `auto`; whoever decides turns it into one of the others, and its default is the last word.
    let series_type = if series_type == SeriesTypeChoice::Auto { SeriesTypeChoice::Standard } else { series_type };
    let mut body = json!({
        "title": add.title,
        "tvdbId": add.external_id,
        "qualityProfileId": add.quality_profile_id,
        "rootFolderPath": add.root_folder_path,
        "monitored": true,
        "seasonFolder": season_folder,
        "seriesType": camel(series_type.word()),
        "monitorNewItems": camel(new_items.word()),
        "tags": add.tag_ids,
        "addOptions": {
            "monitor": camel(monitor.word()),
            "searchForMissingEpisodes": add.options.search_on_add,
            "searchForCutoffUnmetEpisodes": false,
        },
    });
    if let Some(year) = add.year {
        body["year"] = json!(year);
    }
    if !chosen.is_empty() {
        body["seasons"] = seasons(&add.seasons, chosen);
    }
    body
}

/// Every season there is, the chosen ones monitored. Sonarr would decide by itself about those that are not sent.
fn seasons(there: &[u32], chosen: &[u32]) -> Value {
    let numbers: BTreeSet<u32> = there.iter().chain(chosen).copied().collect();
    numbers.into_iter().map(|number| json!({ "seasonNumber": number, "monitored": chosen.contains(&number) })).collect()
}
