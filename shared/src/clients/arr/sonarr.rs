//! What is Sonarr's own: nouns and the body of an add.

use serde_json::{Value, json};

use super::AddRequest;
use super::wire::camel;
use crate::model::{ArrOptions, MonitorNewItems, SeriesMonitor, SeriesTypeChoice};

pub(super) const LIBRARY: &str = "/api/v3/series";
pub(super) const LOOKUP: &str = "/api/v3/series/lookup";
pub(super) const EXCLUSIONS: &str = "/api/v3/importlistexclusion";
/// The library's filter, and the name of the id in every answer.
pub(super) const ID: &str = "tvdbId";

/// `SeriesResource` for a POST. `monitor: none` unmonitors the series by itself, and seasons are left out because Sonarr
/// overwrites them with what `monitor` says.
pub(super) fn add_body(add: &AddRequest) -> Value {
    let (monitor, new_items, series_type, season_folder) = match add.options.arr {
        ArrOptions::Sonarr { monitor, monitor_new_items, series_type, season_folder } => {
            (monitor, monitor_new_items, series_type, season_folder)
        }
        // Not reached: the kind of the options chose this function.
        ArrOptions::Radarr { .. } => (SeriesMonitor::All, MonitorNewItems::All, SeriesTypeChoice::Standard, true),
    };
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
    body
}
