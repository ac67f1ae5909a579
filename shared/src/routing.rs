//! Decides where a title goes. Pure: facts in, [`Decision`] out, with everything that led to it.
//!
//! Today there is default routing: movies to the default Radarr, shows to the default Sonarr.

use crate::model::{
    AddOptions, ArrOptions, Decision, Destination, ExternalIds, Instance, InstanceKind, MediaType, Outcome,
    SeriesTypeChoice, Stage, Title, Trace, User, Verdict,
};

/// The instance that takes titles of this type when no rule says otherwise.
#[must_use]
pub fn default_instance(instances: &[Instance], media_type: MediaType) -> Option<&Instance> {
    let kind = InstanceKind::taking(media_type);
    instances.iter().find(|instance| instance.default && instance.kind() == kind)
}

/// Whether `ids` has the one id by which the arr for this type knows its titles: TMDB for Radarr, TVDB for Sonarr.
#[must_use]
pub const fn has_key_id(media_type: MediaType, ids: &ExternalIds) -> bool {
    match media_type {
        MediaType::Movie => ids.tmdb.is_some(),
        MediaType::Show => ids.tvdb.is_some(),
    }
}

/// Whether deciding about this title needs its genres: only where the series type is left to them.
#[must_use]
pub fn needs_genres(instances: &[Instance], media_type: MediaType) -> bool {
    default_instance(instances, media_type).is_some_and(|instance| {
        matches!(instance.options.arr, ArrOptions::Sonarr { series_type: SeriesTypeChoice::Auto, .. })
    })
}

/// Where `title`, wanted by `user`, goes.
#[must_use]
pub fn decide(title: &Title, user: &User, instances: &[Instance]) -> Decision {
    let mut trace = Trace::new();
    let genres = title.facts.genres.as_ref().map(|genres| genres.join(", "));
    trace.fact("type", Some(title.media_type.to_string()), "plex watchlist");
    trace.fact("user", Some(user.username.clone()), "plex");
    trace.fact("year", title.year.map(|year| year.to_string()), "plex");
    trace.fact("ids", (!title.ids.is_empty()).then(|| title.ids.to_string()), "plex");
    trace.fact("genre", genres, "plex metadata");

    let outcome = outcome(title, instances, &mut trace);
    Decision { outcome, trace }
}

fn outcome(title: &Title, instances: &[Instance], trace: &mut Trace) -> Outcome {
    let kind = InstanceKind::taking(title.media_type);
    let app = kind.app_name();
    let Some(instance) = default_instance(instances, title.media_type) else {
        let reason = format!(
            "no {app} is marked `default: true` in the settings, so there is nowhere to send a {}",
            title.media_type
        );
        trace.step(Stage::DefaultRouting, kind.word(), Verdict::NotMatched, reason.clone());
        return Outcome::Hold { reason };
    };

    let key = match title.media_type {
        MediaType::Movie => "TMDB",
        MediaType::Show => "TVDB",
    };
    if !has_key_id(title.media_type, &title.ids) {
        let others = if title.ids.is_empty() { String::new() } else { format!(" (ids: {})", title.ids) };
        let reason = format!("{app} needs a {key} id, and Plex has told none yet{others}");
        trace.step(Stage::Ids, key, Verdict::Unknown, reason.clone());
        return Outcome::Unresolvable { reason };
    }
    trace.step(Stage::Ids, key, Verdict::Matched, title.ids.to_string());

    let because = format!("{} is the default for {}s", instance.label(), title.media_type);
    trace.step(Stage::DefaultRouting, &instance.name, Verdict::Matched, because.clone());
    let options = settle_options(&instance.options, title, trace);
    Outcome::Route { destinations: vec![Destination { instance: instance.name.clone(), options, because }] }
}

/// The instance's options with `auto` replaced by what the title's facts say.
fn settle_options(options: &AddOptions, title: &Title, trace: &mut Trace) -> AddOptions {
    let mut options = options.clone();
    if let ArrOptions::Sonarr { series_type, .. } = &mut options.arr
        && *series_type == SeriesTypeChoice::Auto
    {
        let (chosen, verdict, because) = match &title.facts.genres {
            Some(genres) if genres.iter().any(|genre| genre.eq_ignore_ascii_case("anime")) => {
                (SeriesTypeChoice::Anime, Verdict::Matched, "anime, because the genre says so")
            }
            Some(_) => {
                (SeriesTypeChoice::Standard, Verdict::NotMatched, "standard, because the genres do not name anime")
            }
            None => (SeriesTypeChoice::Standard, Verdict::Unknown, "standard, because Plex has not told the genres"),
        };
        *series_type = chosen;
        trace.step(Stage::Options, "series_type", verdict, because);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Facts, MinimumAvailability, MonitorNewItems, MovieMonitor, PlexId, Relation, SeriesMonitor, TmdbId, TvdbId,
        UserId, UserUuid,
    };

    fn radarr(name: &str, default: bool) -> Instance {
        let arr = ArrOptions::Radarr {
            minimum_availability: MinimumAvailability::Released,
            monitor: MovieMonitor::MovieOnly,
        };
        instance(name, default, arr)
    }

    fn sonarr(name: &str, default: bool, series_type: SeriesTypeChoice) -> Instance {
        let arr = ArrOptions::Sonarr {
            monitor: SeriesMonitor::All,
            monitor_new_items: MonitorNewItems::All,
            series_type,
            season_folder: true,
        };
        instance(name, default, arr)
    }

    fn instance(name: &str, default: bool, arr: ArrOptions) -> Instance {
        Instance {
            name: name.into(),
            url: "http://arr.test".into(),
            api_key: "key".into(),
            default,
            respect_exclusions: true,
            options: AddOptions {
                quality_profile: None,
                root_folder_path: None,
                tags: vec![],
                search_on_add: true,
                arr,
            },
        }
    }

    fn household() -> Vec<Instance> {
        vec![
            radarr("4k", false),
            radarr("movies", true),
            sonarr("shows", true, SeriesTypeChoice::Auto),
            sonarr("anime", false, SeriesTypeChoice::Anime),
        ]
    }

    fn title(media_type: MediaType, ids: ExternalIds, genres: Option<&[&str]>) -> Title {
        Title {
            plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").unwrap(),
            media_type,
            title: "Salt Ledger".into(),
            year: Some(2025),
            ids,
            facts: Facts {
                genres: genres.map(|genres| genres.iter().map(|genre| (*genre).to_owned()).collect()),
                ..Facts::default()
            },
        }
    }

    fn user() -> User {
        User {
            id: UserId(1),
            uuid: UserUuid::parse("5be07c1d2a94f036").unwrap(),
            username: "tomas.r".into(),
            display_name: "Tomas".into(),
            relation: Relation::Friend,
            synced: true,
        }
    }

    fn movie_ids() -> ExternalIds {
        ExternalIds { tmdb: Some(TmdbId(900_002)), ..ExternalIds::default() }
    }

    fn show_ids() -> ExternalIds {
        ExternalIds { tvdb: Some(TvdbId(800_001)), ..ExternalIds::default() }
    }

    fn routed_to(decision: &Decision) -> Vec<&str> {
        match &decision.outcome {
            Outcome::Route { destinations } => destinations.iter().map(|to| to.instance.as_str()).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn movies_go_to_the_default_radarr_and_shows_to_the_default_sonarr() {
        let movie = decide(&title(MediaType::Movie, movie_ids(), None), &user(), &household());
        assert_eq!(routed_to(&movie), ["movies"]);
        let show = decide(&title(MediaType::Show, show_ids(), None), &user(), &household());
        assert_eq!(routed_to(&show), ["shows"]);
    }

    #[test]
    fn a_title_without_the_id_its_arr_needs_is_unresolvable_and_says_which() {
        let show_with_tmdb_only = title(MediaType::Show, movie_ids(), None);
        let Outcome::Unresolvable { reason } = decide(&show_with_tmdb_only, &user(), &household()).outcome else {
            panic!()
        };
        assert_eq!(reason, "Sonarr needs a TVDB id, and Plex has told none yet (ids: tmdb 900002)");
    }

    #[test]
    fn without_a_default_instance_the_title_is_held_with_the_reason() {
        let Outcome::Hold { reason } =
            decide(&title(MediaType::Movie, movie_ids(), None), &user(), &[radarr("4k", false)]).outcome
        else {
            panic!()
        };
        assert_eq!(reason, "no Radarr is marked `default: true` in the settings, so there is nowhere to send a movie");
    }

    #[test]
    fn series_type_auto_follows_the_genre_and_is_never_stored_as_auto() {
        let cases: [(Option<&[&str]>, SeriesTypeChoice, Verdict); 3] = [
            (Some(&["Anime", "Fantasy"]), SeriesTypeChoice::Anime, Verdict::Matched),
            (Some(&["Drama"]), SeriesTypeChoice::Standard, Verdict::NotMatched),
            (None, SeriesTypeChoice::Standard, Verdict::Unknown),
        ];
        for (genres, expected, verdict) in cases {
            let decision = decide(&title(MediaType::Show, show_ids(), genres), &user(), &household());
            let Outcome::Route { destinations } = &decision.outcome else { panic!() };
            assert!(
                matches!(destinations[0].options.arr, ArrOptions::Sonarr { series_type, .. } if series_type == expected)
            );
            let step = decision.trace.steps.iter().find(|step| step.subject == "series_type").unwrap();
            assert_eq!(step.verdict, verdict);
        }
    }

    #[test]
    fn genres_are_only_asked_for_where_the_series_type_depends_on_them() {
        assert!(needs_genres(&household(), MediaType::Show));
        assert!(!needs_genres(&household(), MediaType::Movie));
        assert!(!needs_genres(&[sonarr("shows", true, SeriesTypeChoice::Standard)], MediaType::Show));
    }

    #[test]
    fn a_stored_decision_reads_back_as_it_was() {
        let decision = decide(&title(MediaType::Show, show_ids(), Some(&["Anime"])), &user(), &household());
        let json = serde_json::to_string(&decision).unwrap();
        assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
        assert!(!json.contains("key"), "no secrets in a stored decision: {json}");
    }
}
