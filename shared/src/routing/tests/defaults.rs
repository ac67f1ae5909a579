//! Without rules: the default instance of the kind, and its copies.

use super::*;
use crate::model::{Stage, Verdict};

#[test]
fn movies_go_to_the_default_radarr_and_shows_to_the_default_sonarr() {
    assert_eq!(routed_to(&decide(&movie(Facts::default()), &household(), &[])), ["movies"]);
    assert_eq!(routed_to(&decide(&show(Facts::default()), &household(), &[])), ["shows"]);
}

#[test]
fn a_title_without_the_id_its_arr_needs_is_unresolvable_and_says_which() {
    let tmdb_only = ExternalIds { tmdb: Some(TmdbId(900_002)), ..ExternalIds::default() };
    let decision = decide(&title(MediaType::Show, tmdb_only, None), &household(), &[]);
    let Outcome::Unresolvable { reason } = decision.outcome else { panic!("{decision:?}") };
    assert_eq!(reason, "Sonarr needs a TVDB id, and Plex has told none yet (ids: tmdb 900002)");
}

#[test]
fn without_a_default_instance_the_title_is_held_with_the_reason() {
    let decision = decide(&movie(Facts::default()), &[radarr("4k", false)], &[]);
    let Outcome::Hold { reason, .. } = decision.outcome else { panic!("{decision:?}") };
    assert_eq!(reason, "no Radarr is marked `default: true` in the settings, so there is nowhere to send a movie");
}

#[test]
fn default_none_sends_only_what_rules_name() {
    let rules = [rule("drama", 1, compare(Field::Genre, "contains", "drama")).to(&["movies"])];
    let by = |title| decide_with(&title, &household(), &rules, DefaultRouting::None, &Standing::default());
    assert_eq!(routed_to(&by(movie(genres(&["Drama"])))), ["movies"]);
    let other = by(movie(genres(&["Comedy"])));
    let Outcome::Exclude { reason, .. } = &other.outcome else { panic!("{other:?}") };
    assert_eq!(reason, "no rule sends it anywhere, and the settings say `default: none`");
}

#[test]
fn copies_take_what_the_default_takes_with_their_own_options_and_nothing_that_a_rule_sends() {
    let mut instances = household();
    let mut copy = radarr("movies-copy", false);
    copy.copy_of = Some("movies".into());
    copy.options.quality_profile = Some("Ultra-HD".into());
    instances.push(copy);
    let decision = decide(&movie(Facts::default()), &instances, &[]);
    assert_eq!(routed_to(&decision), ["movies", "movies-copy"]);
    let Outcome::Route { destinations, .. } = &decision.outcome else { panic!() };
    assert_eq!(destinations[1].options.quality_profile.as_deref(), Some("Ultra-HD"));
    assert_eq!(destinations[1].because, "Radarr `movies-copy` gets a copy of what `movies` gets by default");
    let rules = [rule("all", 1, Condition::always()).to(&["movies"])];
    assert_eq!(routed_to(&decide(&movie(Facts::default()), &instances, &rules)), ["movies"]);
}

#[test]
fn series_type_auto_follows_the_genre_and_is_never_stored_as_auto() {
    let cases: [(Option<Facts>, SeriesTypeChoice, Verdict); 3] = [
        (Some(genres(&["Anime", "Fantasy"])), SeriesTypeChoice::Anime, Verdict::Matched),
        (Some(genres(&["Drama"])), SeriesTypeChoice::Standard, Verdict::NotMatched),
        (None, SeriesTypeChoice::Standard, Verdict::Unknown),
    ];
    for (plex, expected, verdict) in cases {
        let mut title = show(Facts::default());
        title.facts.plex = plex;
        let decision = decide(&title, &household(), &[]);
        let Outcome::Route { destinations, .. } = &decision.outcome else { panic!() };
        assert!(
            matches!(destinations[0].options.arr, ArrOptions::Sonarr { series_type, .. } if series_type == expected)
        );
        let step = decision.trace.steps.iter().find(|step| step.stage == Stage::Options).unwrap();
        assert_eq!(step.verdict, verdict);
    }
}

#[test]
fn a_stored_decision_reads_back_as_it_was() {
    let rules = [rule("anime", 1, compare(Field::Genre, "contains", "anime")).to(&["anime"]).asking("new one")];
    let decision = decide(&show(genres(&["Anime"])), &household(), &rules);
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
    assert!(!json.contains("\"key\""), "no secrets in a stored decision: {json}");
}

#[test]
fn a_decision_of_the_first_version_still_reads() {
    let json = r#"{"outcome":{"outcome":"route","destinations":[]},"trace":{"version":1,"facts":[],"steps":[]}}"#;
    let decision: Decision = serde_json::from_str(json).unwrap();
    assert!(matches!(decision.outcome, Outcome::Route { granted: crate::model::Granted::Room, .. }));
    let json = r#"{"outcome":{"outcome":"hold","reason":"x"},"trace":{"version":1,"facts":[],"steps":[]}}"#;
    assert!(serde_json::from_str::<Decision>(json).is_ok());
}
