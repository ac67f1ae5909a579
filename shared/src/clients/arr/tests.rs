//! Sonarr and Radarr against stand-ins with state.

use pulsarr_tests::fakes::{FakeRadarr, FakeSonarr, Fault, Known};
use serde_json::json;

use super::*;
use crate::clients::testing::{http, http_with, quick, until};
use crate::model::{ArrOptions, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor, SeriesTypeChoice};
use crate::stop::{Stop, StopReason};

fn options(arr: ArrOptions) -> AddOptions {
    AddOptions { quality_profile: None, root_folder_path: None, tags: Vec::new(), search_on_add: true, arr }
}

fn for_radarr() -> AddOptions {
    options(ArrOptions::Radarr {
        minimum_availability: MinimumAvailability::InCinemas,
        monitor: MovieMonitor::MovieOnly,
    })
}

fn for_sonarr() -> AddOptions {
    options(ArrOptions::Sonarr {
        monitor: SeriesMonitor::FirstSeason,
        monitor_new_items: MonitorNewItems::None,
        series_type: SeriesTypeChoice::Auto,
        season_folder: true,
        seasons: Vec::new(),
    })
}

fn instance(url: &str, api_key: &str, options: AddOptions) -> Instance {
    Instance {
        name: "main".to_owned(),
        url: url.to_owned(),
        api_key: SecretString::from(api_key),
        default: true,
        copy_of: None,
        respect_exclusions: true,
        options,
    }
}

fn radarr(fake: &FakeRadarr) -> Arr {
    Arr::new(&instance(&fake.url(), &fake.api_key(), for_radarr()), http())
}

fn sonarr(fake: &FakeSonarr) -> Arr {
    Arr::new(&instance(&fake.url(), &fake.api_key(), for_sonarr()), http())
}

fn add(external_id: u32, root: &str, options: AddOptions) -> AddRequest {
    AddRequest {
        external_id,
        title: format!("Example {external_id}"),
        year: Some(2026),
        quality_profile_id: 4,
        root_folder_path: root.to_owned(),
        tag_ids: vec![],
        seasons: vec![],
        options,
    }
}

fn movie(external_id: u32) -> AddRequest {
    add(external_id, "/movies", for_radarr())
}

#[test]
fn the_body_of_an_add_is_complete() {
    let mut film = AddRequest { tag_ids: vec![3], ..movie(603) };
    assert_eq!(
        film.body(),
        json!({
            "title": "Example 603", "year": 2026, "tmdbId": 603, "qualityProfileId": 4, "rootFolderPath": "/movies",
            "monitored": true, "minimumAvailability": "inCinemas", "tags": [3],
            "addOptions": { "monitor": "movieOnly", "searchForMovie": true, "addMethod": "manual" },
        })
    );
    film.options.arr =
        ArrOptions::Radarr { minimum_availability: MinimumAvailability::Released, monitor: MovieMonitor::None };
    assert_eq!(film.body()["monitored"], false);
    assert_eq!(
        AddRequest { year: None, ..add(81_189, "/tv", for_sonarr()) }.body(),
        json!({
            "title": "Example 81189", "tvdbId": 81189, "qualityProfileId": 4, "rootFolderPath": "/tv", "monitored": true,
            "seasonFolder": true, "seriesType": "standard", "monitorNewItems": "none", "tags": [],
            "addOptions": {
                "monitor": "firstSeason", "searchForMissingEpisodes": true, "searchForCutoffUnmetEpisodes": false,
            },
        })
    );
}

#[tokio::test]
async fn the_right_application_gives_its_version_and_the_wrong_one_its_name() {
    let (fake_sonarr, fake_radarr) = (FakeSonarr::start(), FakeRadarr::start());
    let status = sonarr(&fake_sonarr).status().await.unwrap();
    assert_eq!((status.app_name.as_str(), status.version.as_str()), ("Sonarr", "4.0.19.2979"));
    let mistaken = Arr::new(&instance(&fake_sonarr.url(), &fake_sonarr.api_key(), for_radarr()), http());
    let error = mistaken.status().await.unwrap_err();
    assert_eq!(error, ArrError::WrongApp { expected: InstanceKind::Radarr, found: "Sonarr 4.0.19.2979".to_owned() });
    assert!(radarr(&fake_radarr).status().await.is_ok());
}

#[tokio::test]
async fn a_wrong_key_a_missing_base_path_and_a_start_up_are_told_apart() {
    let fake = FakeRadarr::start_with_base("/radarr");
    let at = |url: &str, key: &str| Arr::new(&instance(url, key, for_radarr()), http());
    assert_eq!(at(&fake.url(), "wrong").status().await, Err(ArrError::Unauthorized));
    let error = at(&fake.origin(), &fake.api_key()).status().await.unwrap_err();
    assert_eq!(error, ArrError::BasePath { suggested_url: fake.url() });
    fake.set_starting_up(true);
    let error = at(&fake.url(), &fake.api_key()).status().await.unwrap_err();
    assert!(matches!(&error, ArrError::Unreachable { detail } if detail.contains("starting up")), "{error:?}");
    fake.set_starting_up(false);
    fake.inject(Fault::on("GET", "/system/status").html());
    assert!(matches!(at(&fake.url(), &fake.api_key()).status().await, Err(ArrError::Unreachable { .. })));
}

#[tokio::test]
async fn what_an_instance_offers_is_read() {
    let fake = FakeSonarr::start();
    fake.add_root_folder("/tv2", Some(1_234));
    fake.set_accessible("/tv", false);
    fake.add_tag("plex-tomas");
    let arr = sonarr(&fake);
    let profiles = arr.quality_profiles().await.unwrap();
    assert!(profiles.contains(&QualityProfile { id: 4, name: "HD-1080p".to_owned() }));
    let folders = arr.root_folders().await.unwrap();
    assert!(folders.iter().any(|folder| folder.path == "/tv" && !folder.accessible && folder.free_space.is_none()));
    assert!(
        folders.iter().any(|folder| folder.path == "/tv2" && folder.accessible && folder.free_space == Some(1_234))
    );
    assert_eq!(arr.tags().await.unwrap()[0].label, "plex-tomas");
}

#[tokio::test]
async fn a_tag_is_created_once_in_lower_case() {
    let fake = FakeRadarr::start();
    let arr = radarr(&fake);
    let tag = arr.create_tag("Plex-Tomas").await.unwrap();
    assert_eq!(tag.label, "plex-tomas");
    assert_eq!(arr.create_tag("plex-tomas").await.unwrap(), tag);
    fake.inject(Fault::on("POST", "/tag").times(1).status(409));
    assert_eq!(arr.create_tag("PLEX-tomas").await.unwrap(), tag);
    fake.inject(Fault::on("POST", "/tag").times(1).reset().after_effect());
    assert_eq!(arr.create_tag("plex-ines").await.unwrap().label, "plex-ines");
    assert_eq!(fake.tags(), ["plex-ines", "plex-tomas"]);
    assert!(matches!(arr.create_tag("not allowed!").await, Err(ArrError::Rejected { .. })));
}

#[tokio::test]
async fn exclusions_and_library_are_read_as_ids_and_which_have_a_file() {
    use Presence::{Absent, Awaited, WithFile};
    let (fake_sonarr, fake_radarr) = (FakeSonarr::start(), FakeRadarr::start());
    fake_sonarr.exclude(81_189, "Example Show");
    fake_radarr.exclude(603, "Example Movie");
    let (shows, movies) = (sonarr(&fake_sonarr), radarr(&fake_radarr));
    assert_eq!(shows.exclusions().await.unwrap(), HashSet::from([81_189]));
    assert_eq!(movies.exclusions().await.unwrap(), HashSet::from([603]));
    fake_sonarr.fill_library_from(1_000, 300);
    fake_radarr.fill_library_from(2_000, 300);
    fake_sonarr.put_files(1_007, &[(1, 1), (1, 2)]);
    fake_radarr.put_file(2_007);
    for (library, first) in [(shows.library_ids().await.unwrap(), 1_000), (movies.library_ids().await.unwrap(), 2_000)]
    {
        assert_eq!(library.len(), 300);
        assert!((first..first + 300).all(|id| library.presence(id).is_there()));
        let with_file: Vec<_> = (0..4_000).filter(|id| library.presence(*id) == WithFile).collect();
        assert_eq!(with_file, [first + 7]);
    }
    let whole = fake_radarr.journal_of("/movie").pop().unwrap();
    assert_eq!(whole.query_value("excludeLocalCovers"), Some("true"));
    for (number, presence) in [(7, WithFile), (299, Awaited), (300, Absent)] {
        assert_eq!(shows.presence(1_000 + number).await, Ok(presence));
        assert_eq!(movies.presence(2_000 + number).await, Ok(presence));
    }
}

#[tokio::test]
async fn a_library_cut_short_is_read_again_and_never_half_believed() {
    let fake = FakeRadarr::start();
    fake.fill_library_from(1, 200);
    fake.inject(Fault::on("GET", "/movie").times(1).truncated());
    let arr = radarr(&fake);
    assert_eq!(arr.library_ids().await.unwrap().len(), 200);
    fake.inject(Fault::on("GET", "/movie").truncated());
    assert!(matches!(arr.library_ids().await, Err(ArrError::Unreachable { .. })));
}

fn ids(imdb: Option<&str>, tmdb: Option<u32>, tvdb: Option<u32>) -> ExternalIds {
    ExternalIds { imdb: imdb.map(|id| ImdbId(id.to_owned())), tmdb: tmdb.map(TmdbId), tvdb: tvdb.map(TvdbId) }
}

#[tokio::test]
async fn a_lookup_goes_by_its_own_id_then_by_imdb_then_by_the_other() {
    let fake = FakeSonarr::start();
    fake.know(Known::new(81_189, "Example Show").year(2024).imdb("tt0903747").tmdb(1_396).genres(&["Anime"]));
    let arr = sonarr(&fake);
    for wanted in [ids(None, None, Some(81_189)), ids(Some("tt0903747"), None, None), ids(None, Some(1_396), None)] {
        let found = arr.lookup(&wanted).await.unwrap().unwrap();
        assert_eq!(found.ids.to_string(), "imdb tt0903747, tmdb 1396, tvdb 81189", "{wanted}");
        assert_eq!((found.facts.year, found.facts.genres), (Some(2024), Some(vec!["Anime".to_owned()])));
        assert_eq!(found.seasons, [0, 1, 2]);
    }
    fake.unknown_id(5);
    let fallback = arr.lookup(&ids(Some("tt0903747"), None, Some(5))).await.unwrap().unwrap();
    assert_eq!(fallback.ids.tvdb, Some(TvdbId(81_189)));
    assert_eq!(arr.lookup(&ids(None, None, Some(5))).await.unwrap(), None);
    assert_eq!(arr.lookup(&ExternalIds::default()).await.unwrap(), None);
    fake.set_metadata_down(true);
    let error = arr.lookup(&ids(None, None, Some(81_189))).await.unwrap_err();
    assert!(matches!(&error, ArrError::Unreachable { detail } if detail.contains("SkyHook")), "{error:?}");
}

#[tokio::test]
async fn a_lookup_by_radarr_never_asks_for_a_tvdb_id() {
    let fake = FakeRadarr::start();
    fake.know(Known::new(603, "tvdb:81189").imdb("tt0133093"));
    let arr = radarr(&fake);
    assert_eq!(arr.lookup(&ids(None, None, Some(81_189))).await.unwrap(), None);
    assert_eq!(fake.requests_to("/movie/lookup"), 0);
    assert_eq!(arr.lookup(&ids(Some("tt0133093"), None, None)).await.unwrap().unwrap().ids.tmdb, Some(TmdbId(603)));
}

#[tokio::test]
async fn a_title_is_added_as_asked() {
    let (fake_sonarr, fake_radarr) = (FakeSonarr::start(), FakeRadarr::start());
    let tag = radarr(&fake_radarr).create_tag("plex").await.unwrap();
    let request = AddRequest { tag_ids: vec![tag.id], ..movie(603) };
    let added = radarr(&fake_radarr).add(&request).await.unwrap();
    let stored = fake_radarr.resource(added.arr_id).unwrap();
    assert_eq!((&stored["tmdbId"], &stored["minimumAvailability"]), (&json!(603), &json!("inCinemas")));
    assert_eq!((&stored["tags"], &stored["qualityProfileId"]), (&json!([tag.id]), &json!(4)));
    assert_eq!(fake_radarr.searches().len(), 1);

    let added = sonarr(&fake_sonarr).add(&add(81_189, "/tv", for_sonarr())).await.unwrap();
    assert_eq!(fake_sonarr.monitored_seasons(added.arr_id), [1]);
    let mut chosen = add(81_190, "/tv", for_sonarr());
    if let ArrOptions::Sonarr { seasons, .. } = &mut chosen.options.arr {
        *seasons = vec![0, 3];
    }
    chosen.seasons = vec![0, 1, 2, 3];
    fake_sonarr.know(Known::new(81_190, "Four of them").seasons(3));
    let added = sonarr(&fake_sonarr).add(&chosen).await.unwrap();
    assert_eq!(fake_sonarr.monitored_seasons(added.arr_id), [0, 3]);
}

#[tokio::test]
async fn a_duplicate_is_there_already_whichever_way_it_is_told() {
    let (fake_sonarr, fake_radarr) = (FakeSonarr::start(), FakeRadarr::start());
    let (shows, movies) = (sonarr(&fake_sonarr), radarr(&fake_radarr));
    movies.add(&movie(603)).await.unwrap();
    assert_eq!(movies.add(&movie(603)).await, Err(ArrError::AlreadyExists));
    fake_radarr.race_once();
    assert_eq!(movies.add(&movie(604)).await, Err(ArrError::AlreadyExists));
    fake_sonarr.add_series(81_189, "Example Show");
    assert_eq!(shows.add(&add(81_189, "/tv", for_sonarr())).await, Err(ArrError::AlreadyExists));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_instances_own_words() {
    let fake = FakeRadarr::start();
    let arr = radarr(&fake);
    let wrong = AddRequest { quality_profile_id: 99, root_folder_path: "/nope".to_owned(), ..movie(603) };
    let ArrError::Rejected { detail } = arr.add(&wrong).await.unwrap_err() else { panic!("not refused") };
    assert!(
        detail.contains("Quality Profile does not exist") && detail.contains("Root folder '/nope' does not exist"),
        "{detail}"
    );
    fake.unknown_id(604);
    let ArrError::Rejected { detail } = arr.add(&movie(604)).await.unwrap_err() else { panic!("not refused") };
    assert!(detail.contains("was not found"), "{detail}");
    fake.set_metadata_down(true);
    assert!(matches!(arr.add(&movie(605)).await, Err(ArrError::Rejected { .. })));
    assert!(matches!(arr.add(&add(1, "/tv", for_sonarr())).await, Err(ArrError::Rejected { .. })));
    assert!(fake.library().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_not_sent_again_and_looking_tells_what_happened() {
    let fake = FakeRadarr::start();
    let arr = radarr(&fake);
    fake.inject(Fault::on("POST", "/movie").times(1).reset().after_effect());
    assert!(matches!(arr.add(&movie(603)).await, Err(ArrError::Lost { .. })));
    assert!(arr.presence(603).await.unwrap().is_there());
    fake.inject(Fault::on("POST", "/movie").times(1).reset());
    assert!(matches!(arr.add(&movie(604)).await, Err(ArrError::Lost { .. })));
    assert_eq!(arr.presence(604).await, Ok(Presence::Absent));
    assert_eq!(fake.requests("POST", "/movie"), 2);
}

#[tokio::test]
async fn an_add_under_way_is_waited_for_when_the_run_stops() {
    let fake = FakeRadarr::start();
    fake.inject(Fault::on("POST", "/movie").latency_ms(50));
    let stop = Stop::default();
    let arr = Arr::new(&instance(&fake.url(), &fake.api_key(), for_radarr()), http_with(quick(), &stop));
    let stopping = async {
        until(|| fake.requests("POST", "/movie") == 1).await;
        stop.request(StopReason::Terminated);
    };
    let request = movie(603);
    let (outcome, ()) = tokio::join!(arr.add(&request), stopping);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(arr.add(&movie(604)).await, Err(ArrError::Stopped));
    assert_eq!(fake.library().len(), 1);
}

#[test]
fn the_key_is_not_printed() {
    let arr = Arr::new(&instance("http://nas:7878", "0123456789abcdef", for_radarr()), http());
    assert!(!format!("{arr:?}").contains("0123456789abcdef"));
}

/// The service runs the engine on several threads.
#[test]
fn questions_may_be_asked_from_any_thread() {
    fn sendable(_: impl Send) {}
    let arr = Arr::new(&instance("http://nas:7878", "0123456789abcdef", for_radarr()), http());
    let (request, ids) = (movie(603), ExternalIds::default());
    sendable((
        arr.status(),
        arr.library_ids(),
        arr.presence(603),
        arr.create_tag("a"),
        arr.lookup(&ids),
        arr.add(&request),
    ));
}
