//! Radarr v6: movies.
//!
//! Owns: the movie resource in its states (looked up, just added, refreshed) and the `MovieAdded` payload. Refuses:
//! everything both arrs share, which is [`FakeArr`]'s.

use std::ops::Deref;

use serde_json::{Value, json};

use super::arr::{App, Draft, FakeArr, Known, events};
use super::sonarr::{alternate_titles, overview};
use super::webhook::Delivered;

/// A running Radarr 6.0.3.10276 with root folder `/movies`. Also a [`FakeArr`].
pub struct FakeRadarr(FakeArr);

impl FakeRadarr {
    /// Starts at the root of its origin.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with_base("")
    }

    /// Starts below an url base such as `/radarr`.
    #[must_use]
    pub fn start_with_base(url_base: &str) -> Self {
        Self(FakeArr::start(App::Radarr, url_base))
    }

    /// Puts a movie into the library, with the first profile and root folder, and returns its id there.
    pub fn add_movie(&self, tmdb_id: i64, title: &str) -> i64 {
        let mut core = self.core();
        let mut known = core.metadata(tmdb_id).unwrap_or_else(|| Known::new(tmdb_id, title));
        known.title = title.to_owned();
        core.own(&known)
    }

    /// A movie's file was found on the disk: the movie has it, and neither the history nor a report tells so.
    ///
    /// # Panics
    /// For a movie that is not in the library.
    pub fn put_file(&self, tmdb_id: i64) {
        events::movie_found_on_disk(&mut self.core(), tmdb_id);
    }

    /// A movie's file arrived, perhaps in place of a worse one. In the history, and reported.
    ///
    /// # Panics
    /// For a movie that is not in the library.
    pub fn import(&self, tmdb_id: i64, upgrade: bool) -> Vec<Delivered> {
        let events = events::movie_imported(&mut self.core(), tmdb_id, upgrade);
        self.report(events)
    }
}

impl Deref for FakeRadarr {
    type Target = FakeArr;

    fn deref(&self) -> &FakeArr {
        &self.0
    }
}

/// What metadata says, before the movie has a place.
fn described(known: &Known) -> Value {
    let year = known.year;
    let mut body = json!({
        "title": known.title, "originalTitle": known.title, "originalLanguage": { "id": 1, "name": known.language },
        "alternateTitles": alternate_titles(&known.title), "secondaryYearSourceId": 0, "sortTitle": known.title.to_lowercase(),
        "sizeOnDisk": 0, "status": known.status.as_deref().unwrap_or("released"), "overview": overview(&known.title), "inCinemas": format!("{year}-02-01T00:00:00Z"),
        "physicalRelease": format!("{year}-06-01T00:00:00Z"), "digitalRelease": format!("{year}-05-01T00:00:00Z"),
        "releaseDate": format!("{year}-05-01T00:00:00Z"), "website": "https://films.example/", "year": year,
        "youTubeTrailerId": "dQ0000000000", "studio": known.maker("Tidal Pictures"), "hasFile": false, "movieFileId": 0, "isAvailable": true,
        "runtime": known.runtime_min.unwrap_or(120), "cleanTitle": known.slug().replace('-', ""), "tmdbId": known.id, "titleSlug": known.id.to_string(),
        "genres": known.genres, "keywords": known.keywords,
        "ratings": {
            "imdb": { "votes": known.imdb_rating.1, "value": known.imdb_rating.0, "type": "user" },
            "tmdb": { "votes": 100, "value": known.tmdb_rating, "type": "user" },
            "metacritic": { "votes": 0, "value": 61, "type": "user" }, "rottenTomatoes": { "votes": 0, "value": known.critics, "type": "user" },
        },
        "collection": { "title": format!("{} Collection", known.title), "tmdbId": 0 }, "popularity": 12.5,
        "images": [
            { "coverType": "poster", "remoteUrl": format!("https://image.example/t/p/original/poster-{}.jpg", known.id) },
            { "coverType": "fanart", "remoteUrl": format!("https://image.example/t/p/original/fanart-{}.jpg", known.id) },
        ],
    });
    if let Some(imdb) = &known.imdb {
        body["imdbId"] = json!(imdb);
    }
    if let Some(certification) = &known.certification {
        body["certification"] = json!(certification);
    }
    body
}

/// A lookup result: no id, a suggested folder, and `isExcluded` only when it is true.
pub(crate) fn looked_up(known: &Known, excluded: bool) -> Value {
    let mut body = described(known);
    body["folder"] = json!(known.folder(App::Radarr));
    body["folderName"] = json!("");
    body["remotePoster"] = json!(format!("https://image.example/t/p/original/poster-{}.jpg", known.id));
    body["qualityProfileId"] = json!(0);
    body["monitored"] = json!(false);
    body["minimumAvailability"] = json!("announced");
    body["tags"] = json!([]);
    body["added"] = json!("0001-01-01T00:00:00Z");
    if excluded {
        body["isExcluded"] = json!(true);
    }
    body
}

/// The resource a `POST` answers with. `addOptions.monitor: none` leaves the movie monitored, unlike in Sonarr.
pub(crate) fn added(id: i64, known: &Known, draft: &Draft, path: &str) -> Value {
    let mut body = described(known);
    body["id"] = json!(id);
    body["path"] = json!(path);
    body["folderName"] = json!(path);
    body["rootFolderPath"] = json!(path.rsplit_once('/').map_or("", |(root, _)| root));
    body["qualityProfileId"] = json!(draft.quality_profile_id);
    body["monitored"] = json!(draft.monitored);
    body["minimumAvailability"] = json!(draft.minimum_availability);
    body["tags"] = json!(draft.tags.clone().unwrap_or_default());
    body["added"] = json!("2026-11-01T10:00:00Z");
    body["statistics"] = json!({ "movieFileCount": 0, "sizeOnDisk": 0, "releaseGroups": [] });
    if let Some(options) = &draft.add_options {
        body["addOptions"] = json!({
            "ignoreEpisodesWithFiles": false, "ignoreEpisodesWithoutFiles": false, "monitor": options.monitor,
            "searchForMovie": options.search_movie, "addMethod": options.add_method,
        });
    }
    for image in body["images"].as_array_mut().into_iter().flatten() {
        image["url"] = json!(format!("/MediaCover/{id}/{}.jpg", image["coverType"].as_str().unwrap_or("poster")));
    }
    body
}

/// What the first refresh and scan do; returns the search that follows, if any.
pub(crate) fn refreshed(_tree: &mut Value, draft: &Draft) -> Option<&'static str> {
    draft.add_options.as_ref().filter(|options| options.search_movie).map(|_| "MoviesSearch")
}

/// `MovieAdded`, as Radarr posts it while the add is still open. Tags are labels here, and sorted.
pub(crate) fn movie_added(movie: &Value, labels: &[String], add_method: &str) -> Value {
    json!({
        "movie": subject(movie, labels),
        "addMethod": add_method, "eventType": "MovieAdded", "instanceName": "Radarr", "applicationUrl": "",
    })
}

/// A movie as webhooks tell of it.
pub(crate) fn subject(movie: &Value, labels: &[String]) -> Value {
    let mut tags = labels.to_vec();
    tags.sort();
    let released = movie["physicalRelease"].as_str().unwrap_or("9999-12-31");
    json!({
        "id": movie["id"], "title": movie["title"], "year": movie["year"], "releaseDate": &released[..10],
        "folderPath": movie["path"], "tmdbId": movie["tmdbId"], "imdbId": movie["imdbId"], "overview": movie["overview"],
        "genres": movie["genres"], "images": movie["images"], "tags": tags, "originalLanguage": movie["originalLanguage"],
    })
}
