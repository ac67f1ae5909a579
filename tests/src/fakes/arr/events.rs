//! What happens in a library: the events that connections get, and the history.
//!
//! Owns: the payloads (`Notifications/Webhook` of both programs), who gets which, and `GET /history/since`. Refuses: transport.

use serde_json::{Value, json};

use super::state::Core;
use super::{App, errors, notifications::Connection};
use crate::fakes::exchange::{Reply, Request};
use crate::fakes::webhook::Delivery;
use crate::fakes::{radarr, sonarr};

/// Episodes of every season.
const EPISODES: i64 = 8;

pub(crate) fn user_agent(app: App) -> String {
    format!("{}/{} (debian 12)", app.name(), app.version())
}

/// `payload` on its way to everybody who wants to hear of it.
pub(crate) fn deliveries(core: &Core, payload: &Value) -> Vec<Delivery> {
    let payload = without_nulls(payload.clone());
    let to = |(url, headers): &(String, Vec<(String, String)>)| {
        let mut headers = headers.clone();
        headers.push(("User-Agent".to_owned(), user_agent(core.app)));
        Delivery {
            method: "POST",
            url: url.clone(),
            headers,
            event: payload["eventType"].as_str().unwrap_or_default().to_owned(),
            body: payload.to_string(),
        }
    };
    let told = core.connections.iter().filter(|one| !core.backed_off && wants(core, one, &payload));
    core.webhooks.iter().map(to).chain(told.map(|one| one.deliver(core.app, &payload))).collect()
}

fn wants(core: &Core, connection: &Connection, payload: &Value) -> bool {
    let event = payload["eventType"].as_str().unwrap_or_default();
    let on = |name| connection.takes(name);
    let for_upgrade = payload["deleteReason"] == "upgrade";
    let switched_on = match event {
        "Grab" => on("onGrab"),
        "Download" if payload.get("episodeFiles").is_some() => on("onImportComplete"),
        "Download" => on("onDownload") && (payload["isUpgrade"] != true || on("onUpgrade")),
        "Rename" => on("onRename"),
        "SeriesAdd" => on("onSeriesAdd"),
        "SeriesDelete" => on("onSeriesDelete"),
        "EpisodeFileDelete" => on("onEpisodeFileDelete") && (!for_upgrade || on("onEpisodeFileDeleteForUpgrade")),
        "MovieAdded" => on("onMovieAdded"),
        "MovieDelete" => on("onMovieDelete"),
        "MovieFileDelete" => on("onMovieFileDelete") && (!for_upgrade || on("onMovieFileDeleteForUpgrade")),
        "Health" => on("onHealthIssue") && (payload["level"] != "warning" || connection.health_warnings),
        "HealthRestored" => on("onHealthRestored"),
        "ApplicationUpdate" => on("onApplicationUpdate"),
        "ManualInteractionRequired" => on("onManualInteractionRequired"),
        _ => connection.enabled(),
    };
    // Tags limit what is told of a title, and nothing else. They are ids here and labels in the payload.
    let subject = if payload["movie"].is_object() { &payload["movie"] } else { &payload["series"] };
    let limited = !connection.tags.is_empty() && subject.is_object();
    let labelled = subject["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|label| core.tags.iter().any(|(id, known)| known == label && connection.tags.contains(id)));
    connection.headers.is_some() && switched_on && (!limited || labelled)
}

/// Nulls are left out, at every depth.
pub(crate) fn without_nulls(mut value: Value) -> Value {
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// What is sent to try a receiver.
pub(crate) fn test(app: App) -> Value {
    match app {
        App::Sonarr => json!({
            "series": {
                "id": 1, "title": "Test Title", "path": "C:\\testpath", "tvdbId": 1234, "tvMazeId": 0, "tmdbId": 0,
                "type": "standard", "year": 0, "tags": ["test-tag"],
            },
            "episodes": [
                { "id": 123, "episodeNumber": 1, "seasonNumber": 1, "title": "Test title", "seriesId": 0, "tvdbId": 0 },
            ],
            "eventType": "Test", "instanceName": "Sonarr", "applicationUrl": "",
        }),
        App::Radarr => json!({
            "movie": {
                "id": 1, "title": "Test Title", "year": 1970, "releaseDate": "1970-01-01", "folderPath": "C:\\testpath",
                "tmdbId": 0, "tags": ["test-tag"],
            },
            "remoteMovie": { "tmdbId": 1234, "imdbId": "5678", "title": "Test title", "year": 1970 },
            "release": {
                "quality": "Test Quality", "qualityVersion": 1, "releaseGroup": "Test Group", "releaseTitle": "Test Title",
                "indexer": "Test Indexer", "size": 9_999_999, "customFormatScore": 0,
            },
            "eventType": "Test", "instanceName": "Radarr", "applicationUrl": "",
        }),
    }
}

pub(crate) fn library_id(core: &Core, external_id: i64) -> i64 {
    *core.by_external.get(&external_id).unwrap_or_else(|| panic!("no title {external_id} in the library"))
}

/// The title of an event: under `series` or `movie`, and for a movie once more as it is known outside.
fn about(core: &Core, id: i64, event: &str) -> Value {
    let stored = &core.library[&id];
    let (resource, labels) = (stored.resource(), core.item(stored).tags);
    let mut payload = json!({ "eventType": event, "instanceName": core.app.name(), "applicationUrl": "" });
    match core.app {
        App::Sonarr => payload["series"] = sonarr::subject(&resource, &labels),
        App::Radarr => payload["movie"] = radarr::subject(&resource, &labels),
    }
    payload
}

fn with_download(core: &Core, id: i64, payload: &mut Value) {
    if core.app == App::Radarr {
        let movie = &payload["movie"];
        payload["remoteMovie"] = json!({
            "tmdbId": movie["tmdbId"], "imdbId": movie["imdbId"], "title": movie["title"], "year": movie["year"],
        });
    }
    payload["downloadClient"] = json!("qBittorrent");
    payload["downloadClientType"] = json!("qBittorrent");
    payload["downloadId"] = json!(download_id(id));
    payload["customFormatInfo"] = json!({ "customFormats": [], "customFormatScore": 0 });
}

/// One download per title, so that what belongs together can be told.
fn download_id(id: i64) -> String {
    format!("{id:040X}")
}

fn release(core: &Core, id: i64, part: &str) -> String {
    let slug = core.library[&id].slug.replace('-', ".");
    format!("{slug}.{part}1080p.WEB-GRP")
}

fn episode_id(series: i64, season: i64, number: i64) -> i64 {
    series * 10_000 + season * 100 + number
}

fn episode(series: i64, (season, number): (i64, i64)) -> Value {
    let id = episode_id(series, season, number);
    json!({
        "id": id, "episodeNumber": number, "seasonNumber": season, "title": format!("Episode {number}"),
        "airDate": "2026-01-05", "airDateUtc": "2026-01-06T02:00:00Z", "seriesId": series, "tvdbId": 300_000 + id,
    })
}

fn file(core: &Core, id: i64, name: &str, path: &str) -> Value {
    json!({
        "id": id, "relativePath": name, "path": format!("{path}/{name}"), "quality": "WEBDL-1080p", "qualityVersion": 1,
        "releaseGroup": "GRP", "size": 2_147_483_648_i64, "dateAdded": core.now,
        "languages": [{ "id": 1, "name": "English" }], "sourcePath": format!("/dl/{name}"),
    })
}

/// What is replaced by something better.
fn replaced(core: &Core, id: i64, path: &str) -> Value {
    let mut old = file(core, id, "old.mkv", path);
    old["quality"] = json!("HDTV-720p");
    old["recycleBinPath"] = json!("/bin/old.mkv");
    json!([old])
}

fn write_down(core: &mut Core, id: i64, episode: Option<i64>, event: &str, source: &str) {
    let record = core.history.len() as i64 + 1;
    let mut body = json!({
        "id": record, "sourceTitle": source, "languages": [{ "id": 1, "name": "English" }],
        "quality": {
            "quality": { "id": 3, "name": "WEBDL-1080p" }, "revision": { "version": 1, "real": 0, "isRepack": false },
        },
        "customFormats": [], "customFormatScore": 0, "qualityCutoffNotMet": false, "date": core.now,
        "downloadId": download_id(id), "eventType": event, "data": {},
    });
    match core.app {
        App::Sonarr => {
            body["seriesId"] = json!(id);
            body["episodeId"] = json!(episode);
        }
        App::Radarr => body["movieId"] = json!(id),
    }
    core.history.push(without_nulls(body));
}

/// A movie, or the first season of a show in one event with one record per episode.
pub(crate) fn grabbed(core: &mut Core, external_id: i64) -> Vec<Value> {
    let id = library_id(core, external_id);
    let mut payload = about(core, id, "Grab");
    with_download(core, id, &mut payload);
    let name = release(core, id, if core.app == App::Sonarr { "S01." } else { "" });
    payload["release"] = json!({
        "quality": "WEBDL-1080p", "qualityVersion": 1, "releaseGroup": "GRP", "releaseTitle": name, "indexer": "Idx",
        "size": 2_147_483_648_i64, "customFormatScore": 0, "customFormats": [], "languages": [{ "id": 1, "name": "English" }],
    });
    match core.app {
        App::Sonarr => {
            payload["episodes"] = (1..=EPISODES).map(|number| episode(id, (1, number))).collect();
            for number in 1..=EPISODES {
                write_down(core, id, Some(episode_id(id, 1, number)), "grabbed", &name);
            }
        }
        App::Radarr => write_down(core, id, None, "grabbed", &name),
    }
    vec![payload]
}

pub(crate) fn movie_imported(core: &mut Core, external_id: i64, upgrade: bool) -> Vec<Value> {
    let id = library_id(core, external_id);
    let (name, path) = (release(core, id, ""), core.library[&id].path.clone());
    let mut payload = about(core, id, "Download");
    with_download(core, id, &mut payload);
    payload["movieFile"] = file(core, id * 10, &format!("{name}.mkv"), &path);
    payload["movieFile"]["indexerFlags"] = json!("0");
    payload["isUpgrade"] = json!(upgrade);
    payload["release"] =
        json!({ "releaseTitle": name, "indexer": "Idx", "size": 2_147_483_648_i64, "indexerFlags": [] });
    if upgrade {
        payload["deletedFiles"] = replaced(core, id * 10 + 1, &path);
    }
    movie_found_on_disk(core, external_id);
    write_down(core, id, None, "downloadFolderImported", &name);
    vec![payload]
}

/// A scan of the disk tells nobody.
pub(crate) fn movie_found_on_disk(core: &mut Core, external_id: i64) {
    let id = library_id(core, external_id);
    core.change(id, |tree| {
        tree["hasFile"] = json!(true);
        tree["movieFileId"] = json!(id * 10);
        tree["statistics"]["movieFileCount"] = json!(1);
    });
}

/// A scan of the disk tells nobody.
pub(crate) fn episodes_found_on_disk(core: &mut Core, external_id: i64, episodes: &[(i64, i64)]) {
    let id = library_id(core, external_id);
    for &(season, _) in episodes {
        core.change(id, |tree| one_file_more(tree, season));
    }
}

/// An event per file, and one for the download as a whole, which has the same `eventType`.
pub(crate) fn episodes_imported(
    core: &mut Core,
    external_id: i64,
    episodes: &[(i64, i64)],
    upgrade: bool,
) -> Vec<Value> {
    let id = library_id(core, external_id);
    let path = core.library[&id].path.clone();
    let (mut events, mut files, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for &(season, number) in episodes {
        let name = release(core, id, &format!("S{season:02}E{number:02}."));
        let file_id = episode_id(id, season, number);
        let file = file(core, file_id, &format!("Season {season}/{name}.mkv"), &path);
        let mut payload = about(core, id, "Download");
        with_download(core, id, &mut payload);
        payload["episodes"] = json!([episode(id, (season, number))]);
        payload["episodeFile"] = file.clone();
        payload["isUpgrade"] = json!(upgrade);
        payload["release"] = json!({
            "releaseTitle": name, "indexer": "Idx", "size": 2_147_483_648_i64, "releaseType": "singleEpisode",
        });
        if upgrade {
            payload["deletedFiles"] = replaced(core, file_id + 1_000_000, &path);
        }
        events.push(payload);
        files.push(file);
        all.push(episode(id, (season, number)));
        write_down(core, id, Some(file_id), "downloadFolderImported", &name);
        if !upgrade {
            core.change(id, |tree| one_file_more(tree, season));
        }
    }
    let mut complete = about(core, id, "Download");
    with_download(core, id, &mut complete);
    complete["episodes"] = json!(all);
    complete["fileCount"] = json!(files.len());
    complete["episodeFiles"] = json!(files);
    complete["sourcePath"] = json!("/dl");
    complete["destinationPath"] = json!(path);
    complete["release"] = json!({ "releaseTitle": release(core, id, ""), "indexer": "Idx", "size": 2_147_483_648_i64 });
    events.push(complete);
    events
}

fn one_file_more(tree: &mut Value, season: i64) {
    let more = |count: &mut Value| *count = json!(count.as_i64().unwrap_or(0) + 1);
    more(&mut tree["statistics"]["episodeFileCount"]);
    for one in tree["seasons"].as_array_mut().into_iter().flatten().filter(|one| one["seasonNumber"] == season) {
        more(&mut one["statistics"]["episodeFileCount"]);
    }
}

/// None for an id that is not in the library.
pub(crate) fn deleted(core: &Core, id: i64, with_files: bool) -> Option<Value> {
    core.library.get(&id)?;
    let mut payload = about(core, id, if core.app == App::Sonarr { "SeriesDelete" } else { "MovieDelete" });
    payload["deletedFiles"] = json!(with_files);
    if core.app == App::Radarr {
        payload["movieFolderSize"] = json!(0);
    }
    Some(payload)
}

/// What happened at `date` or later, oldest first and unpaged.
pub(crate) fn history_since(core: &Core, request: &Request) -> Reply {
    let Some(date) = request.query("date").filter(|date| date.len() >= 10) else {
        return errors::unbindable(&[("date".to_owned(), "The value is invalid.".to_owned())]);
    };
    // To the second, in which all dates here are written.
    let second = |date: &str| date.get(..19).unwrap_or(date).to_owned();
    let since = second(date);
    let flag = |name: &str| request.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let kind = request.query("eventType");
    let records = core.history.iter().filter(|record| {
        let at = second(record["date"].as_str().unwrap_or_default());
        let event = record["eventType"].as_str().unwrap_or_default();
        at >= since && kind.is_none_or(|kind| kind.eq_ignore_ascii_case(event) || kind == number_of(event))
    });
    let told = records.map(|record| {
        let mut record = record.clone();
        let of = |key: &str| record[key].as_i64().and_then(|id| core.library.get(&id)).map(super::Stored::resource);
        let (series, movie) = (of("seriesId"), of("movieId"));
        if let Some(movie) = movie.filter(|_| flag("includeMovie")) {
            record["movie"] = movie;
        }
        if let Some(series) = series.filter(|_| flag("includeSeries")) {
            record["series"] = series;
        }
        if let (true, Some(id)) = (flag("includeEpisode"), record["episodeId"].as_i64()) {
            record["episode"] = episode(id / 10_000, (id / 100 % 100, id % 100));
        }
        record
    });
    Reply::json(200, &told.collect())
}

/// The numbers of the two events that happen here; the same in both programs.
fn number_of(event: &str) -> &'static str {
    if event == "grabbed" { "1" } else { "3" }
}
