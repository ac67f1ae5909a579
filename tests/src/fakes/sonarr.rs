//! Sonarr v4: shows, their seasons, and what `addOptions.monitor` does to them.
//!
//! Owns: the series resource in its three states (looked up, just added, refreshed) and the `SeriesAdd` payload. Refuses:
//! everything both arrs share, which is [`FakeArr`]'s.

use std::ops::Deref;

use serde_json::{Value, json};

use super::arr::{App, Draft, FakeArr, Known, events};
use super::webhook::Delivered;

/// A running Sonarr 4.0.19.2979 with root folder `/tv`. Also a [`FakeArr`].
pub struct FakeSonarr(FakeArr);

impl FakeSonarr {
    /// Starts at the root of its origin.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with_base("")
    }

    /// Starts below an url base such as `/sonarr`.
    #[must_use]
    pub fn start_with_base(url_base: &str) -> Self {
        Self(FakeArr::start(App::Sonarr, url_base))
    }

    /// Puts a show into the library, with the first profile and root folder, and returns its id there.
    pub fn add_series(&self, tvdb_id: i64, title: &str) -> i64 {
        let mut core = self.core();
        let mut known = core.metadata(tvdb_id).unwrap_or_else(|| Known::new(tvdb_id, title));
        known.title = title.to_owned();
        core.own(&known)
    }

    /// Files of these episodes, as (season, number), were found on the disk: the show has them, and neither the history nor a report
    /// tells so.
    ///
    /// # Panics
    /// For a show that is not in the library.
    pub fn put_files(&self, tvdb_id: i64, episodes: &[(i64, i64)]) {
        events::episodes_found_on_disk(&mut self.core(), tvdb_id, episodes);
    }

    /// A finished download brought these episodes, as (season, number): one file each, perhaps in place of worse ones. In the
    /// history, and reported: an event for each file, and one for the whole.
    ///
    /// # Panics
    /// For a show that is not in the library.
    pub fn import(&self, tvdb_id: i64, episodes: &[(i64, i64)], upgrade: bool) -> Vec<Delivered> {
        let events = events::episodes_imported(&mut self.core(), tvdb_id, episodes, upgrade);
        self.report(events)
    }

    /// The monitored season numbers of a show in the library.
    #[must_use]
    pub fn monitored_seasons(&self, id: i64) -> Vec<i64> {
        let resource = self.resource(id).unwrap_or_default();
        let seasons = resource["seasons"].as_array().cloned().unwrap_or_default();
        let monitored = seasons.iter().filter(|season| season["monitored"] == true);
        monitored.filter_map(|season| season["seasonNumber"].as_i64()).collect()
    }
}

impl Deref for FakeSonarr {
    type Target = FakeArr;

    fn deref(&self) -> &FakeArr {
        &self.0
    }
}

/// What metadata says, before the series has a place.
fn described(known: &Known) -> Value {
    let poster = format!("https://artworks.example/banners/posters/{}-1.jpg", known.id);
    let status = known.status.as_deref().unwrap_or("continuing");
    let mut body = json!({
        "title": known.title, "sortTitle": known.title.to_lowercase(), "status": status, "ended": status == "ended",
        "overview": overview(&known.title), "network": known.maker("Tidal"), "airTime": "21:00",
        "originalLanguage": { "id": 1, "name": known.language }, "year": known.year, "useSceneNumbering": false,
        "runtime": known.runtime_min.unwrap_or(45),
        "tvdbId": known.id, "tvRageId": 0, "tvMazeId": 0, "tmdbId": known.tmdb, "firstAired": format!("{}-01-05T00:00:00Z", known.year),
        "lastAired": "2026-11-17T00:00:00Z", "seriesType": known.series_type, "titleSlug": known.slug(),
        "cleanTitle": known.slug().replace('-', ""), "certification": known.certification.as_deref().unwrap_or("TV-14"), "genres": known.genres,
        "ratings": { "votes": 100, "value": 8.5 }, "languageProfileId": 1, "alternateTitles": alternate_titles(&known.title),
        "images": [
            { "coverType": "banner", "remoteUrl": format!("https://artworks.example/banners/graphical/{}-g.jpg", known.id) },
            { "coverType": "poster", "remoteUrl": poster },
            { "coverType": "fanart", "remoteUrl": format!("https://artworks.example/banners/fanart/{}-3.jpg", known.id) },
        ],
    });
    if let Some(imdb) = &known.imdb {
        body["imdbId"] = json!(imdb);
    }
    body
}

/// A lookup result: no id, a suggested folder, every season but the specials monitored.
pub(crate) fn looked_up(known: &Known) -> Value {
    let mut body = described(known);
    body["folder"] = json!(known.folder(App::Sonarr));
    body["remotePoster"] = json!(format!("https://artworks.example/banners/posters/{}-1.jpg", known.id));
    body["seasons"] = seasons(known, &[]).iter().map(|(number, monitored)| season(*number, *monitored)).collect();
    body["seasonFolder"] = json!(true);
    body["monitored"] = json!(true);
    body["monitorNewItems"] = json!("all");
    body["qualityProfileId"] = json!(0);
    body["tags"] = json!([]);
    body["added"] = json!("0001-01-01T00:00:00Z");
    body["statistics"] = statistics(0);
    for image in body["images"].as_array_mut().into_iter().flatten() {
        image["url"] = json!(format!("/MediaCoverProxy/{:064x}/{}.jpg", known.id, known.id));
    }
    body
}

/// The resource a `POST` answers with: options still pending, no statistics yet.
pub(crate) fn added(id: i64, known: &Known, draft: &Draft, path: &str) -> Value {
    let mut body = described(known);
    let off = draft.add_options.as_ref().is_some_and(|options| options.monitor == "none");
    body["id"] = json!(id);
    body["path"] = json!(path);
    body["rootFolderPath"] = json!(path.rsplit_once('/').map_or("", |(root, _)| root));
    body["qualityProfileId"] = json!(draft.quality_profile_id);
    body["seasonFolder"] = json!(draft.season_folder);
    body["monitored"] = json!(draft.monitored && !off);
    body["monitorNewItems"] = json!(draft.monitor_new_items);
    body["seriesType"] = json!(draft.series_type);
    body["tags"] = json!(draft.tags.clone().unwrap_or_default());
    body["added"] = json!("2026-11-01T10:00:00Z");
    body["seasons"] =
        seasons(known, &draft.seasons).iter().map(|(number, monitored)| season(*number, *monitored)).collect();
    if let Some(options) = &draft.add_options {
        body["addOptions"] = json!({
            "ignoreEpisodesWithFiles": false, "ignoreEpisodesWithoutFiles": false, "monitor": options.monitor,
            "searchForMissingEpisodes": options.search_missing, "searchForCutoffUnmetEpisodes": options.search_cutoff,
        });
    }
    for image in body["images"].as_array_mut().into_iter().flatten() {
        image["url"] = json!(format!(
            "/MediaCover/{id}/{}.jpg?lastWrite=638700000000000000",
            image["coverType"].as_str().unwrap_or("poster")
        ));
    }
    body
}

/// What the first refresh and scan do; returns the search that follows, if any.
pub(crate) fn refreshed(tree: &mut Value, draft: &Draft, known: Option<&Known>) -> Option<&'static str> {
    let total = known.map_or(2, |known| known.seasons);
    let sent: Vec<(i64, bool)> = tree["seasons"].as_array().into_iter().flatten().map(numbered).collect();
    let new_items = draft.monitor_new_items == "all";
    let full = (0..=total).map(|number| {
        let left_out = (number, new_items && number > 0);
        sent.iter().copied().find(|(sent, _)| *sent == number).unwrap_or(left_out)
    });
    let monitor = draft.add_options.as_ref().map_or("skip", |options| options.monitor.as_str());
    let flags = full.map(|(number, was)| (number, monitored(monitor, number, total, was)));
    let seasons: Value = flags
        .map(|(number, monitored)| {
            let mut body = season(number, monitored);
            body["statistics"] = json!({
                "episodeFileCount": 0, "episodeCount": 0, "totalEpisodeCount": 8, "sizeOnDisk": 0, "releaseGroups": [],
                "percentOfEpisodes": 0,
            });
            body
        })
        .collect();
    tree["seasons"] = seasons;
    tree["statistics"] = statistics(total);
    let options = draft.add_options.as_ref()?;
    match (options.search_missing, options.search_cutoff) {
        (true, true) => Some("SeriesSearch"),
        (true, false) => Some("MissingEpisodeSearch"),
        (false, true) => Some("CutoffUnmetEpisodeSearch"),
        (false, false) => None,
    }
}

/// A season's flag once `addOptions.monitor` was applied, in a world where every episode has aired long ago and none is on
/// disk, and the show goes on.
fn monitored(monitor: &str, number: i64, total: i64, was: bool) -> bool {
    match monitor {
        "skip" => was,
        "all" | "missing" | "unknown" => number > 0,
        "future" | "lastSeason" | "latestSeason" => number == total,
        "firstSeason" => number == 1,
        "monitorSpecials" => was || number == 0,
        "unmonitorSpecials" => was && number > 0,
        // `existing`, `recent` and `none` find nothing; `pilot` monitors an episode but not its season.
        _ => false,
    }
}

/// `SeriesAdd`, as Sonarr posts it.
pub(crate) fn series_add(series: &Value, labels: &[String]) -> Value {
    json!({
        "series": subject(series, labels), "eventType": "SeriesAdd", "instanceName": "Sonarr", "applicationUrl": "",
    })
}

/// A show as webhooks tell of it. Tags are labels here, and sorted.
pub(crate) fn subject(series: &Value, labels: &[String]) -> Value {
    let mut tags = labels.to_vec();
    tags.sort();
    json!({
        "id": series["id"], "title": series["title"], "titleSlug": series["titleSlug"], "path": series["path"],
        "tvdbId": series["tvdbId"], "tvMazeId": series["tvMazeId"], "tmdbId": series["tmdbId"], "imdbId": series["imdbId"],
        "type": series["seriesType"], "year": series["year"], "genres": series["genres"], "images": series["images"],
        "tags": tags, "originalLanguage": series["originalLanguage"],
    })
}

/// The seasons sent, or all of the metadata's with the specials unmonitored.
fn seasons(known: &Known, sent: &[(i64, bool)]) -> Vec<(i64, bool)> {
    if sent.is_empty() { (0..=known.seasons).map(|number| (number, number > 0)).collect() } else { sent.to_vec() }
}

fn season(number: i64, monitored: bool) -> Value {
    json!({ "seasonNumber": number, "monitored": monitored })
}

fn numbered(season: &Value) -> (i64, bool) {
    (season["seasonNumber"].as_i64().unwrap_or(0), season["monitored"].as_bool().unwrap_or(false))
}

fn statistics(seasons: i64) -> Value {
    json!({
        "seasonCount": seasons, "episodeFileCount": 0, "episodeCount": 0, "totalEpisodeCount": seasons * 8, "sizeOnDisk": 0,
        "releaseGroups": [], "percentOfEpisodes": 0,
    })
}

/// A few lines of plot, so that a library weighs what a real one does.
pub(crate) fn overview(title: &str) -> String {
    format!(
        "In {title}, a harbour clerk finds an entry that nobody wrote. The town keeps its books in salt, and somebody has been \
         reading them by night. Between two storms everyone has to settle what they owe, and to whom; not all of them mean to \
         pay, and one of them has kept a second set of books all along."
    )
}

/// Titles in other languages and spellings: the bulk of a real resource.
pub(crate) fn alternate_titles(title: &str) -> Value {
    let one = |at: i64| {
        json!({
            "title": format!("{title}, as it is called in country {at}"), "seasonNumber": -1, "sceneSeasonNumber": -1,
            "sceneOrigin": "tvdb", "comment": "from the list of names used abroad",
        })
    };
    (1..=12).map(one).collect()
}
