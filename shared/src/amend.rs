//! What a person who approves wants otherwise: other instances, other options. Pure: a request and the changes in, the destinations
//! that come out, or a sentence that says what does not fit.

use serde::Deserialize;

use crate::model::{
    AddOptions, Approval, ArrOptions, Destination, Instance, InstanceKind, MediaType, MinimumAvailability,
    MonitorNewItems, MovieMonitor, SeriesMonitor, SeriesTypeChoice, Title,
};
use crate::routing::{ArrOverrides, Overrides};

/// The changes, in the words of the settings. What is `None` stays as proposed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amendment {
    /// These instances instead of the proposed ones; empty: as proposed.
    pub to: Vec<String>,
    /// A quality profile's name or id.
    pub quality_profile: Option<String>,
    /// A root folder of the instance.
    pub root_folder_path: Option<String>,
    /// Instead of the proposed tags; empty for none.
    pub tags: Option<Vec<String>>,
    /// Whether the arr looks for releases at once.
    pub search_on_add: Option<bool>,
    /// Radarr's word or Sonarr's, as fits the instance.
    pub monitor: Option<String>,
    /// Radarr only.
    pub minimum_availability: Option<MinimumAvailability>,
    /// Sonarr only.
    pub monitor_new_items: Option<MonitorNewItems>,
    /// Sonarr only.
    pub series_type: Option<SeriesTypeChoice>,
    /// Sonarr only.
    pub season_folder: Option<bool>,
    /// Sonarr only: the seasons to monitor, by number.
    pub seasons: Option<Vec<u32>>,
}

impl Amendment {
    /// Nothing is to be different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Where the request for `title` goes with these changes; `None` when there are none.
    ///
    /// # Errors
    /// A sentence that names what does not fit and what would.
    pub fn apply(
        &self,
        approval: &Approval,
        title: &Title,
        instances: &[Instance],
        by: &str,
    ) -> Result<Option<Vec<Destination>>, String> {
        if self.is_empty() {
            return Ok(None);
        }
        let kind = InstanceKind::taking(title.media_type);
        let overrides = self.overrides(kind)?;
        let mut destinations = if self.to.is_empty() {
            approval.destinations().to_vec()
        } else {
            self.chosen(approval, title, instances, by)?
        };
        for destination in &mut destinations {
            destination.options = overrides.over(&destination.options);
        }
        Ok(Some(destinations))
    }

    /// The instances that a person names, in the order of the settings.
    fn chosen(
        &self,
        approval: &Approval,
        title: &Title,
        instances: &[Instance],
        by: &str,
    ) -> Result<Vec<Destination>, String> {
        let kind = InstanceKind::taking(title.media_type);
        for name in &self.to {
            let Some(instance) = instances.iter().find(|instance| instance.name == *name) else {
                return Err(format!("there is no instance `{name}`; {}", that_take(kind, instances)));
            };
            if instance.kind() != kind {
                let label = instance.label();
                return Err(format!("{label} takes no {}; {}", title.media_type, that_take(kind, instances)));
            }
        }
        let named = instances.iter().filter(|instance| self.to.contains(&instance.name));
        Ok(named
            .map(|instance| {
                let proposed = approval.proposed.iter().find(|to| to.instance == instance.name);
                proposed.cloned().unwrap_or_else(|| Destination {
                    instance: instance.name.clone(),
                    options: settled(&instance.options, approval),
                    because: format!("{by} sends it to {}", instance.label()),
                })
            })
            .collect())
    }

    /// The changes as overrides for this kind of instance.
    fn overrides(&self, kind: InstanceKind) -> Result<Overrides, String> {
        let foreign = |set: &[(bool, &str)]| match set.iter().find(|(set, _)| *set) {
            Some((_, option)) => {
                let titles = match kind {
                    InstanceKind::Radarr => "movie",
                    InstanceKind::Sonarr => "show",
                };
                Err(format!("{} has no `{option}`, and this is a {titles}", kind.app_name()))
            }
            None => Ok(()),
        };
        let arr = match kind {
            InstanceKind::Radarr => {
                foreign(&[
                    (self.monitor_new_items.is_some(), "monitor_new_items"),
                    (self.series_type.is_some(), "series_type"),
                    (self.season_folder.is_some(), "season_folder"),
                    (self.seasons.is_some(), "seasons"),
                ])?;
                let monitor = self.monitor(MovieMonitor::ALL, MovieMonitor::word)?;
                ArrOverrides::Radarr { minimum_availability: self.minimum_availability, monitor }
            }
            InstanceKind::Sonarr => {
                foreign(&[(self.minimum_availability.is_some(), "minimum_availability")])?;
                ArrOverrides::Sonarr {
                    monitor: self.monitor(SeriesMonitor::ALL, SeriesMonitor::word)?,
                    monitor_new_items: self.monitor_new_items,
                    // Nothing settles `auto` any more once somebody has approved: the arr's own default it is.
                    series_type: self.series_type.map(|choice| match choice {
                        SeriesTypeChoice::Auto => SeriesTypeChoice::Standard,
                        choice => choice,
                    }),
                    season_folder: self.season_folder,
                    seasons: self.seasons.clone(),
                }
            }
        };
        Ok(Overrides {
            quality_profile: self.quality_profile.clone(),
            root_folder_path: self.root_folder_path.clone(),
            tags: self.tags.clone().map(|tags| tags.into_iter().map(|tag| tag.to_lowercase()).collect()),
            search_on_add: self.search_on_add,
            arr: Some(arr),
        })
    }

    fn monitor<T: Copy>(&self, choices: &[T], word: fn(T) -> &'static str) -> Result<Option<T>, String> {
        let Some(written) = &self.monitor else { return Ok(None) };
        let found = choices.iter().copied().find(|choice| word(*choice) == written);
        found.map(Some).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|choice| word(*choice)).collect();
            format!("`{written}` is nothing to monitor; use one of {}", words.join(", "))
        })
    }
}

/// The options of an instance that nobody proposed: what only the title's facts settle is as for the proposed ones.
fn settled(options: &AddOptions, approval: &Approval) -> AddOptions {
    let mut options = options.clone();
    if let ArrOptions::Sonarr { series_type: own @ SeriesTypeChoice::Auto, .. } = &mut options.arr {
        let proposed = approval.proposed.iter().find_map(|to| match to.options.arr {
            ArrOptions::Sonarr { series_type, .. } => Some(series_type),
            ArrOptions::Radarr { .. } => None,
        });
        *own = proposed.unwrap_or(SeriesTypeChoice::Standard);
    }
    options
}

fn that_take(kind: InstanceKind, instances: &[Instance]) -> String {
    let titles = match kind {
        InstanceKind::Radarr => MediaType::Movie,
        InstanceKind::Sonarr => MediaType::Show,
    };
    let names: Vec<String> =
        instances.iter().filter(|instance| instance.kind() == kind).map(|it| format!("`{}`", it.name)).collect();
    if names.is_empty() {
        format!("the settings name no {} at all", kind.app_name())
    } else {
        format!("{titles}s can go to {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::model::{ApprovalId, ApprovalState, ApprovalTrigger, EntryId, ExternalIds, KnownFacts, PlexId};

    fn radarr() -> AddOptions {
        AddOptions {
            quality_profile: Some("HD-1080p".into()),
            root_folder_path: None,
            tags: vec!["watchlist".into()],
            search_on_add: true,
            arr: ArrOptions::Radarr {
                minimum_availability: MinimumAvailability::Released,
                monitor: MovieMonitor::MovieOnly,
            },
        }
    }

    fn sonarr() -> AddOptions {
        let arr = ArrOptions::Sonarr {
            monitor: SeriesMonitor::All,
            monitor_new_items: MonitorNewItems::All,
            series_type: SeriesTypeChoice::Auto,
            season_folder: true,
            seasons: Vec::new(),
        };
        AddOptions { quality_profile: None, tags: Vec::new(), arr, ..radarr() }
    }

    fn instance(name: &str, options: AddOptions) -> Instance {
        Instance {
            name: name.into(),
            url: String::new(),
            api_key: SecretString::from(""),
            default: false,
            copy_of: None,
            respect_exclusions: true,
            options,
        }
    }

    fn instances() -> Vec<Instance> {
        vec![instance("movies", radarr()), instance("movies-4k", radarr()), instance("shows", sonarr())]
    }

    fn request(media_type: MediaType, to: &str, options: AddOptions) -> (Approval, Title) {
        let approval = Approval {
            id: ApprovalId(7),
            entry: EntryId(1),
            state: ApprovalState::Pending,
            trigger: ApprovalTrigger::Rule,
            reason: String::new(),
            proposed: vec![Destination { instance: to.into(), options, because: "as proposed".into() }],
            edited: None,
            follows: None,
            asked_at_ms: 0,
            decided_at_ms: None,
            decided_by: None,
            note: None,
        };
        let title = Title {
            plex_id: PlexId::parse("a").unwrap(),
            media_type,
            title: "Salt Ledger".into(),
            year: None,
            ids: ExternalIds::default(),
            facts: KnownFacts::default(),
        };
        (approval, title)
    }

    fn movie(amendment: &Amendment) -> Result<Option<Vec<Destination>>, String> {
        let (approval, title) = request(MediaType::Movie, "movies", radarr());
        amendment.apply(&approval, &title, &instances(), "mirela_q")
    }

    #[test]
    fn without_changes_it_goes_as_proposed() {
        assert_eq!(movie(&Amendment::default()), Ok(None));
    }

    #[test]
    fn changes_apply_to_every_destination_and_leave_the_rest() {
        let amendment = Amendment { quality_profile: Some("Ultra-HD".into()), ..Amendment::default() };
        let destinations = movie(&amendment).unwrap().unwrap();
        let expected = AddOptions { quality_profile: Some("Ultra-HD".into()), ..radarr() };
        assert_eq!((destinations[0].instance.as_str(), &destinations[0].options), ("movies", &expected));
    }

    #[test]
    fn named_instances_replace_the_proposed_ones_in_the_order_of_the_settings() {
        let amendment =
            Amendment { to: vec!["movies-4k".into(), "movies".into()], tags: Some(vec![]), ..Amendment::default() };
        let destinations = movie(&amendment).unwrap().unwrap();
        let told: Vec<_> = destinations.iter().map(|to| (to.instance.as_str(), to.because.as_str())).collect();
        assert_eq!(told, [("movies", "as proposed"), ("movies-4k", "mirela_q sends it to Radarr `movies-4k`")]);
        assert!(destinations.iter().all(|to| to.options.tags.is_empty()));
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_would() {
        let check = |amendment: Amendment, expected: &str| assert_eq!(movie(&amendment).unwrap_err(), expected);
        check(
            Amendment { to: vec!["films".into()], ..Amendment::default() },
            "there is no instance `films`; movies can go to `movies`, `movies-4k`",
        );
        check(
            Amendment { to: vec!["shows".into()], ..Amendment::default() },
            "Sonarr `shows` takes no movie; movies can go to `movies`, `movies-4k`",
        );
        check(
            Amendment { seasons: Some(vec![1]), ..Amendment::default() },
            "Radarr has no `seasons`, and this is a movie",
        );
        check(
            Amendment { monitor: Some("pilot".into()), ..Amendment::default() },
            "`pilot` is nothing to monitor; use one of movie_only, movie_and_collection, none",
        );
    }

    #[test]
    fn another_sonarr_numbers_episodes_as_was_proposed() {
        let mut proposed = sonarr();
        if let ArrOptions::Sonarr { series_type, .. } = &mut proposed.arr {
            *series_type = SeriesTypeChoice::Anime;
        }
        let (approval, title) = request(MediaType::Show, "gone", proposed);
        let amendment = Amendment { to: vec!["shows".into()], ..Amendment::default() };
        let destinations = amendment.apply(&approval, &title, &instances(), "mirela_q").unwrap().unwrap();
        assert!(matches!(destinations[0].options.arr, ArrOptions::Sonarr { series_type: SeriesTypeChoice::Anime, .. }));
    }
}
