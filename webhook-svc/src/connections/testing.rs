//! Instances for the tests of this module.

use pulsarr_shared::model::{AddOptions, ArrOptions, Instance, MinimumAvailability, MovieMonitor};

/// A Radarr of this name at `url`.
pub fn a_radarr(name: &str, url: &str) -> Instance {
    let arr =
        ArrOptions::Radarr { minimum_availability: MinimumAvailability::Released, monitor: MovieMonitor::MovieOnly };
    let tags = Vec::new();
    Instance {
        name: name.to_owned(),
        url: url.to_owned(),
        api_key: "0123456789abcdef0123456789abcdef".into(),
        default: false,
        copy_of: None,
        respect_exclusions: true,
        options: AddOptions { quality_profile: None, root_folder_path: None, tags, search_on_add: true, arr },
    }
}
