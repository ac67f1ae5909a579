//! The small resources both apps serve alike: status, profiles, root folders, tags, exclusions, commands.
//!
//! Owns: their JSON and rules. Refuses: the library.

use serde_json::{Value, json};

use super::errors::{self, Failure};
use super::state::{Core, Exclusion, SearchAsked};
use super::{App, events, notifications};
use crate::fakes::exchange::{Reply, Request};

pub(crate) fn answer(core: &mut Core, request: &Request, segments: &[&str]) -> Reply {
    let method = request.method.as_str();
    match (method, segments) {
        ("GET", ["system", "status"]) => Reply::json(200, &status(core)),
        ("GET", ["health"]) => Reply::json(200, &json!([])),
        ("GET", ["qualityprofile"]) => {
            Reply::json(200, &core.profiles.iter().map(|(id, name)| profile(core.app, *id, name)).collect())
        }
        ("GET", ["languageprofile"]) => Reply::json(200, &json!([{ "id": 1, "name": "Deprecated" }])),
        ("GET", ["rootfolder"]) => Reply::json(200, &root_folders(core)),
        (_, ["notification", rest @ ..]) => notifications::answer(core, request, rest, false),
        ("GET", ["history", "since"]) => events::history_since(core, request),
        (_, ["tag", rest @ ..]) => tags(core, request, rest),
        (_, ["importlistexclusion", rest @ ..]) if core.app == App::Sonarr => exclusions(core, request, rest),
        (_, ["exclusions", rest @ ..]) if core.app == App::Radarr => exclusions(core, request, rest),
        ("POST", ["command"]) => command(core, request),
        ("GET", ["command", id]) => match id.parse::<i64>() {
            Ok(id) => Reply::json(200, &json!({ "id": id, "status": "completed", "result": "successful" })),
            Err(_) => errors::not_found(),
        },
        _ => Reply::empty(404),
    }
}

fn status(core: &Core) -> Value {
    let (runtime, branch, runtime_version) = match core.app {
        App::Sonarr => (".NET", "main", "6.0.36"),
        App::Radarr => ("netcore", "develop", "8.0.12"),
    };
    json!({
        "appName": core.app.name(), "instanceName": core.app.name(), "version": core.app.version(),
        "buildTime": "2026-06-26T17:05:00Z", "isDebug": false, "isProduction": true, "isAdmin": false,
        "isUserInteractive": false, "startupPath": format!("/app/{}/bin", core.app.name().to_lowercase()),
        "appData": "/config", "osName": "debian", "osVersion": "12", "isNetCore": true, "isLinux": true, "isOsx": false,
        "isWindows": false, "isDocker": true, "mode": "console", "branch": branch, "authentication": "forms",
        "migrationVersion": 217, "urlBase": core.url_base, "runtimeVersion": runtime_version, "runtimeName": runtime,
        "startTime": "2026-11-01T08:00:00Z", "packageUpdateMechanism": "docker", "databaseVersion": "3.40.1",
        "databaseType": "sqLite",
    })
}

fn profile(app: App, id: i64, name: &str) -> Value {
    let source = if app == App::Sonarr { "web" } else { "webdl" };
    let mut quality = json!({ "id": 3, "name": "WEBDL-1080p", "source": source, "resolution": 1080 });
    if app == App::Radarr {
        quality["modifier"] = json!("none");
    }
    let mut profile = json!({
        "id": id, "name": name, "upgradeAllowed": false, "cutoff": 3,
        "items": [{ "quality": quality, "items": [], "allowed": true }],
        "minFormatScore": 0, "cutoffFormatScore": 0, "minUpgradeFormatScore": 1, "formatItems": [],
    });
    if app == App::Radarr {
        profile["language"] = json!({ "id": -1, "name": "Any" });
    }
    profile
}

fn root_folders(core: &Core) -> Value {
    let one = |root: &super::state::Root| {
        let mut body =
            json!({ "id": root.id, "path": root.path, "accessible": root.accessible, "unmappedFolders": [] });
        if let Some(free) = root.free_bytes.filter(|_| root.accessible) {
            body["freeSpace"] = json!(free);
        }
        body
    };
    core.roots.iter().map(one).collect()
}

fn tags(core: &mut Core, request: &Request, rest: &[&str]) -> Reply {
    let body = |(id, label): &(i64, String)| json!({ "id": id, "label": label });
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let mut sorted = core.tags.clone();
            sorted.sort_by(|left, right| left.1.cmp(&right.1));
            Reply::json(200, &sorted.iter().map(body).collect())
        }
        ("POST", []) => post_tag(core, request),
        ("GET" | "DELETE", [id]) => {
            let Some(at) = core.tags.iter().position(|(known, _)| known.to_string() == *id) else {
                return errors::not_found();
            };
            if request.method == "GET" {
                return Reply::json(200, &body(&core.tags[at]));
            }
            let (id, label) = core.tags[at].clone();
            if core.library.values().any(|stored| stored.tags.contains(&id)) {
                let message = format!("Tag with ID {id} '{label}' cannot be deleted since it's still in use");
                return errors::exception(core.app, 409, "ModelConflictException", &message);
            }
            core.tags.remove(at);
            Reply::empty(200)
        }
        _ => Reply::empty(404),
    }
}

/// Labels are stored in lower case, but an existing one is looked for as typed: another casing hits the unique index.
fn post_tag(core: &mut Core, request: &Request) -> Reply {
    if request.body.is_empty() {
        return errors::bad_request("Request body can't be empty");
    }
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(error) => return errors::unbindable(&[("$".to_owned(), error.to_string())]),
    };
    let label = match &body["label"] {
        Value::String(label) => label.clone(),
        Value::Null if core.app == App::Sonarr => {
            let message = "Object reference not set to an instance of an object.";
            return errors::exception(core.app, 500, "System.NullReferenceException", message);
        }
        Value::Null => String::new(),
        _ => {
            let message = "The JSON value could not be converted to System.String. Path: $.label";
            return errors::unbindable(&[("$.label".to_owned(), message.to_owned())]);
        }
    };
    if core.app == App::Radarr {
        let allowed = label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
        if label.is_empty() {
            return errors::invalid(&[Failure::not_empty("Label", label)]);
        }
        if !allowed {
            let message = "Allowed characters a-z, 0-9 and -";
            return errors::invalid(&[Failure::new("Label", message, label, "RegularExpressionValidator")]);
        }
    }
    let lower = label.to_lowercase();
    if label != lower && core.tags.iter().any(|(_, known)| *known == lower) {
        return errors::conflict(core.app, "Tags.Label");
    }
    let id = core.tag(&lower);
    let location = format!("{}/api/v3/tag/{id}", core.url_base);
    Reply::json(201, &json!({ "id": id, "label": lower })).with("location", location)
}

fn exclusions(core: &mut Core, request: &Request, rest: &[&str]) -> Reply {
    let app = core.app;
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let all = core.exclusions.iter().map(|one| exclusion(app, one)).collect();
            Reply::json(200, &all).with("deprecation", "true")
        }
        ("GET", ["paged"]) => {
            let number =
                |name: &str, default| request.query(name).and_then(|value| value.parse().ok()).unwrap_or(default);
            let (page, size) = (number("page", 1_usize).max(1), number("pageSize", 10_usize));
            let mut all: Vec<&Exclusion> = core.exclusions.iter().collect();
            if request.query("sortDirection") == Some("descending") {
                all.reverse();
            }
            let shown = all.into_iter().skip((page - 1) * size).take(size);
            let records: Value = shown.map(|one| exclusion(app, one)).collect();
            Reply::json(
                200,
                &json!({
                    "page": page, "pageSize": size, "sortKey": request.query("sortKey").unwrap_or("id"),
                    "sortDirection": request.query("sortDirection").unwrap_or("ascending"),
                    "totalRecords": core.exclusions.len(), "records": records,
                }),
            )
        }
        ("POST", []) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let id = body[app.external()].as_i64().unwrap_or(0);
            let title = body[if app == App::Sonarr { "title" } else { "movieTitle" }].as_str().unwrap_or_default();
            if core.exclusions.iter().any(|one| one.external_id == id) {
                let message = "This exclusion has already been added.";
                let code = "ImportListExclusionExistsValidator";
                return errors::invalid(&[Failure::new(app.external_pascal(), message, id, code)]);
            }
            let added = core.exclude(id, title);
            Reply::json(201, &exclusion(app, &added))
        }
        ("DELETE", [id]) => {
            core.exclusions.retain(|one| one.id.to_string() != *id);
            Reply::empty(200)
        }
        _ => Reply::empty(404),
    }
}

fn exclusion(app: App, one: &Exclusion) -> Value {
    match app {
        App::Sonarr => json!({ "id": one.id, "tvdbId": one.external_id, "title": one.title }),
        App::Radarr => json!({ "id": one.id, "tmdbId": one.external_id, "movieTitle": one.title, "movieYear": 0 }),
    }
}

/// Searches are recorded; other known commands are accepted and forgotten; an unknown name is the arrs' famous 500.
fn command(core: &mut Core, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let name = body["name"].as_str().unwrap_or_default();
    let known: &[&str] = match core.app {
        App::Sonarr => &[
            "SeriesSearch",
            "SeasonSearch",
            "EpisodeSearch",
            "MissingEpisodeSearch",
            "RefreshSeries",
            "RescanSeries",
            "RssSync",
        ],
        App::Radarr => &["MoviesSearch", "MissingMoviesSearch", "RefreshMovie", "RescanMovie", "RssSync"],
    };
    let Some(name) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
        let message = "Sequence contains no matching element";
        return errors::exception(core.app, 500, "System.InvalidOperationException", message);
    };
    if name.ends_with("Search") {
        let listed =
            ["seriesIds", "movieIds"].into_iter().flat_map(|key| body[key].as_array().cloned().unwrap_or_default());
        let ids = listed.chain([body["seriesId"].clone()]).filter_map(|id| id.as_i64()).collect();
        core.searches.push(SearchAsked { name: (*name).to_owned(), ids });
    }
    let id = core.fresh_id();
    Reply::json(
        201,
        &json!({
            "id": id, "name": name, "commandName": name, "body": body, "priority": "normal", "status": "queued",
            "result": "unknown", "queued": "2026-11-01T10:00:00Z", "trigger": "manual", "sendUpdatesToClient": true,
            "updateScheduledTask": true,
        }),
    )
}
