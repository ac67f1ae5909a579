//! Turns names from the settings into an instance's own numbers: quality profile, root folder, tags. What an instance offers is
//! read once per run, and only when something is to be added.

use crate::clients::arr::{AddRequest, Arr, ArrError, QualityProfile, RootFolder, Tag};
use crate::model::{AddOptions, ArrOptions, ExternalIds, Title, TvdbId};

/// What an instance offers.
pub(crate) struct Choices {
    quality_profiles: Vec<QualityProfile>,
    root_folders: Vec<RootFolder>,
    tags: Vec<Tag>,
}

/// Why a title cannot be put into words the instance understands.
#[derive(Debug)]
pub(crate) enum NoChoice {
    /// The settings name something the instance does not have: a sentence that lists what it has.
    Settings(String),
    /// The instance did not answer.
    Arr(ArrError),
}

impl From<ArrError> for NoChoice {
    fn from(error: ArrError) -> Self {
        Self::Arr(error)
    }
}

impl Choices {
    pub(crate) async fn of(arr: &Arr) -> Result<Self, ArrError> {
        Ok(Self {
            quality_profiles: arr.quality_profiles().await?,
            root_folders: arr.root_folders().await?,
            tags: arr.tags().await?,
        })
    }

    /// What the instance lacks for `options`, as a sentence that lists what it has.
    pub(crate) fn misfit(&self, options: &AddOptions) -> Option<String> {
        let profile = quality_profile(&self.quality_profiles, options.quality_profile.as_deref()).err();
        profile.or_else(|| root_folder(&self.root_folders, options.root_folder_path.as_deref()).err())
    }

    /// The numbers behind `options`; missing tags are created.
    pub(crate) async fn request(
        &mut self,
        arr: &Arr,
        title: &Title,
        external_id: u32,
        options: &AddOptions,
    ) -> Result<AddRequest, NoChoice> {
        self.request_named(arr, (&title.title, title.year), external_id, options).await
    }

    /// The same for a title of which no more than name and year are known.
    pub(crate) async fn request_named(
        &mut self,
        arr: &Arr,
        (title, year): (&str, Option<u16>),
        external_id: u32,
        options: &AddOptions,
    ) -> Result<AddRequest, NoChoice> {
        let quality_profile_id =
            quality_profile(&self.quality_profiles, options.quality_profile.as_deref()).map_err(NoChoice::Settings)?;
        let root_folder_path =
            root_folder(&self.root_folders, options.root_folder_path.as_deref()).map_err(NoChoice::Settings)?;
        let mut tag_ids = Vec::with_capacity(options.tags.len());
        for label in &options.tags {
            let known = self.tags.iter().find(|tag| tag.label.eq_ignore_ascii_case(label)).map(|tag| tag.id);
            tag_ids.push(match known {
                Some(id) => id,
                None => {
                    let tag = arr.create_tag(label).await.map_err(|error| match error {
                        ArrError::Rejected { detail } => {
                            NoChoice::Settings(format!("it does not allow the tag `{label}`: {detail}"))
                        }
                        error => NoChoice::Arr(error),
                    })?;
                    let id = tag.id;
                    self.tags.push(tag);
                    id
                }
            });
        }
        Ok(AddRequest {
            external_id,
            title: title.to_owned(),
            year,
            quality_profile_id,
            root_folder_path,
            tag_ids,
            seasons: seasons(arr, external_id, options).await?,
            options: options.clone(),
        })
    }
}

/// The seasons there are, where `options` choose among them: one lookup more. None when the instance does not know the title.
async fn seasons(arr: &Arr, tvdb_id: u32, options: &AddOptions) -> Result<Vec<u32>, ArrError> {
    match &options.arr {
        ArrOptions::Sonarr { seasons, .. } if !seasons.is_empty() => {
            let ids = ExternalIds { tvdb: Some(TvdbId(tvdb_id)), ..ExternalIds::default() };
            Ok(arr.lookup(&ids).await?.map(|found| found.seasons).unwrap_or_default())
        }
        _ => Ok(Vec::new()),
    }
}

/// The profile called `wanted` (a name in any case, or an id), or the first one.
///
/// # Errors
/// A sentence that names what is wanted and lists what there is.
pub fn quality_profile(profiles: &[QualityProfile], wanted: Option<&str>) -> Result<i64, String> {
    let found = match wanted {
        None => profiles.first(),
        Some(wanted) => profiles
            .iter()
            .find(|profile| profile.name == wanted)
            .or_else(|| profiles.iter().find(|profile| profile.name.eq_ignore_ascii_case(wanted)))
            .or_else(|| profiles.iter().find(|profile| profile.id.to_string() == wanted)),
    };
    found.map(|profile| profile.id).ok_or_else(|| {
        let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        missing("quality profile", wanted, &names)
    })
}

/// The root folder at `wanted` (a trailing slash does not matter), or the first one.
///
/// # Errors
/// A sentence that names what is wanted and lists what there is.
pub fn root_folder(folders: &[RootFolder], wanted: Option<&str>) -> Result<String, String> {
    let bare = |path: &str| path.trim_end_matches(['/', '\\']).to_owned();
    let found = match wanted {
        None => folders.first(),
        Some(wanted) => folders.iter().find(|folder| bare(&folder.path) == bare(wanted)),
    };
    found.map(|folder| folder.path.clone()).ok_or_else(|| {
        let paths: Vec<&str> = folders.iter().map(|folder| folder.path.as_str()).collect();
        missing("root folder", wanted, &paths)
    })
}

fn missing(what: &str, wanted: Option<&str>, there: &[&str]) -> String {
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    match wanted {
        Some(wanted) => format!("it has no {what} `{wanted}`; it has: {there}"),
        None => format!("it has no {what} at all; set one up there first"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Vec<QualityProfile> {
        [(1, "Any"), (4, "HD-1080p")].map(|(id, name)| QualityProfile { id, name: name.into() }).into()
    }

    fn folders() -> Vec<RootFolder> {
        vec![RootFolder { path: "/movies".into(), accessible: true, free_space: None }]
    }

    #[test]
    fn a_profile_is_found_by_name_in_any_case_or_by_id_and_the_first_is_the_default() {
        for (wanted, expected) in [(None, 1), (Some("HD-1080p"), 4), (Some("hd-1080P"), 4), (Some("4"), 4)] {
            assert_eq!(quality_profile(&profiles(), wanted), Ok(expected), "{wanted:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_the_choices() {
        assert_eq!(
            quality_profile(&profiles(), Some("4K")).unwrap_err(),
            "it has no quality profile `4K`; it has: Any, HD-1080p"
        );
        assert_eq!(
            root_folder(&folders(), Some("/films")).unwrap_err(),
            "it has no root folder `/films`; it has: /movies"
        );
        assert_eq!(root_folder(&[], None).unwrap_err(), "it has no root folder at all; set one up there first");
    }

    #[test]
    fn a_trailing_slash_does_not_matter() {
        assert_eq!(root_folder(&folders(), Some("/movies/")).unwrap(), "/movies");
    }
}
