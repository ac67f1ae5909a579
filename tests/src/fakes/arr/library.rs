//! `/api/v3/series` and `/api/v3/movie`: look up, list, add, change, delete.
//!
//! Owns: the order of work of an add (types, rules, metadata, rules again, insert) and what follows it. Refuses: rendering.

use serde_json::{Value, json};

use super::events::deliveries;
use super::known::Known;
use super::state::Core;
use super::{App, bind, errors, events, validate};
use crate::fakes::exchange::{Reply, Request};
use crate::fakes::{radarr, sonarr};

pub(crate) fn answer(core: &mut Core, request: &Request, segments: &[&str]) -> Reply {
    match (request.method.as_str(), segments) {
        ("GET", []) => list(core, request),
        ("GET", ["lookup"]) => lookup(core, request.query("term")),
        ("GET", ["lookup", by]) if core.app == App::Radarr => lookup_one(core, request, by),
        ("POST", []) => add(core, request),
        ("PUT" | "DELETE", ["editor"]) => editor(core, request),
        ("GET" | "PUT" | "DELETE", [id]) => match id.parse::<i64>() {
            Err(_) => Reply::empty(404),
            Ok(id) if id <= 0 => errors::bad_request(&format!("{id} is not a valid ID")),
            Ok(id) => one(core, request, id),
        },
        _ => Reply::empty(404),
    }
}

fn list(core: &mut Core, request: &Request) -> Reply {
    let Some(wanted) = request.query(core.app.external()) else {
        return Reply::text(200, "application/json; charset=utf-8", core.whole());
    };
    let found = wanted.parse::<i64>().ok().and_then(|external| core.by_external.get(&external));
    let found = found.and_then(|id| core.library.get(id)).map(super::Stored::resource);
    Reply::json(200, &found.into_iter().collect())
}

fn one(core: &mut Core, request: &Request, id: i64) -> Reply {
    match request.method.as_str() {
        "GET" => match core.library.get(&id) {
            Some(stored) => Reply::json(200, &stored.resource()),
            None => errors::not_found(),
        },
        "DELETE" => delete(core, request, id),
        _ => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let applied = [
                "monitored",
                "qualityProfileId",
                "tags",
                "seasons",
                "monitorNewItems",
                "seriesType",
                "minimumAvailability",
            ];
            let changed = core.change(id, |tree| {
                for field in applied {
                    if !body[field].is_null() {
                        tree[field] = body[field].clone();
                    }
                }
            });
            changed.map_or_else(|| absent(core.app, id), |tree| Reply::json(202, &tree))
        }
    }
}

/// Each app has its own name for "and never again", and ignores the other's.
fn delete(core: &mut Core, request: &Request, id: i64) -> Reply {
    let parameter = if core.app == App::Sonarr { "addImportListExclusion" } else { "addImportExclusion" };
    let exclude = request.query(parameter) == Some("true");
    let told = events::deleted(core, id, request.query("deleteFiles") == Some("true"));
    match core.remove(id) {
        None if core.app == App::Sonarr => {
            let message = "Expected query to return 1 rows but returned 0";
            errors::exception(core.app, 500, "System.ApplicationException", message)
        }
        None => absent(core.app, id),
        Some(gone) => {
            if exclude {
                core.exclude(gone.external_id, &gone.title);
            }
            let mut reply = Reply::empty(200);
            reply.before = told.map(|payload| deliveries(core, &payload)).unwrap_or_default();
            reply
        }
    }
}

fn absent(app: App, id: i64) -> Reply {
    let noun = if app == App::Sonarr { "Series" } else { "Movie" };
    errors::exception(
        app,
        404,
        "NzbDrone.Core.Datastore.ModelNotFoundException",
        &format!("{noun} with ID {id} does not exist"),
    )
}

/// The bulk editor: only what is not null applies; tags are added unless `applyTags` says otherwise.
fn editor(core: &mut Core, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let list = if core.app == App::Sonarr { "seriesIds" } else { "movieIds" };
    let ids: Vec<i64> = body[list].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    if ids.iter().any(|id| !core.library.contains_key(id)) {
        let message = format!("Expected query to return {} rows but returned fewer", ids.len());
        return errors::exception(core.app, 500, "System.ApplicationException", &message);
    }
    if request.method == "DELETE" {
        for id in ids {
            core.remove(id);
        }
        return Reply::json(200, &json!({}));
    }
    let named =
        |key: &str| -> Vec<i64> { body[key].as_array().into_iter().flatten().filter_map(Value::as_i64).collect() };
    let changed = ids.into_iter().filter_map(|id| {
        core.change(id, |tree| {
            for field in ["monitored", "qualityProfileId", "monitorNewItems", "seriesType", "minimumAvailability"] {
                if !body[field].is_null() {
                    tree[field] = body[field].clone();
                }
            }
            if !body["tags"].is_null() {
                let old: Vec<i64> = tree["tags"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
                let tags = named("tags");
                tree["tags"] = match body["applyTags"].as_str() {
                    Some("replace") => json!(tags),
                    Some("remove") => old.into_iter().filter(|tag| !tags.contains(tag)).collect(),
                    _ => old.iter().copied().chain(tags.into_iter().filter(|tag| !old.contains(tag))).collect(),
                };
            }
        })
    });
    Reply::json(202, &changed.collect())
}

fn lookup(core: &Core, term: Option<&str>) -> Reply {
    let Some(term) = term.filter(|_| !core.metadata_down) else {
        return unreachable_metadata(core, term.unwrap_or_default());
    };
    let lower = term.trim().to_lowercase();
    let (prefix, rest) = lower.split_once(':').unwrap_or(("", &lower));
    let rest = rest.trim();
    let number = rest.parse::<i64>().unwrap_or(0);
    let by_id = |id: i64| core.metadata(id).into_iter().collect::<Vec<_>>();
    let search = |wanted: &dyn Fn(&Known) -> bool| -> Vec<Known> {
        let described = core.known.values().filter(|known| !core.unknown.contains(&known.id));
        let mut found: Vec<Known> = described.filter(|known| wanted(known)).cloned().collect();
        found.sort_by_key(|known| known.id);
        found
    };
    let found = match (core.app, prefix) {
        (App::Sonarr, "tvdb" | "tvdbid") | (App::Radarr, "tmdb" | "tmdbid") => by_id(number),
        (_, "imdb" | "imdbid") => search(&|known| known.imdb.as_deref() == Some(rest)),
        (App::Sonarr, "tmdb" | "tmdbid") => search(&|known| number > 0 && known.tmdb == number),
        _ => search(&|known| known.title.to_lowercase().contains(&lower)),
    };
    Reply::json(200, &found.iter().map(|known| shown(core, known)).collect())
}

/// Radarr's lookup of exactly one: always metadata, never the library's id, and 500 for an unknown id.
fn lookup_one(core: &Core, request: &Request, by: &str) -> Reply {
    let found = match by {
        "tmdb" => request.query("tmdbId").and_then(|id| core.metadata(id.parse().ok()?)),
        _ => core.known.values().find(|known| known.imdb.as_deref() == request.query("imdbId")).cloned(),
    };
    match found {
        Some(known) => Reply::json(200, &radarr::looked_up(&known, excluded(core, known.id))),
        None => {
            errors::exception(core.app, 500, "NzbDrone.Core.Exceptions.MovieNotFoundException", "Movie was not found")
        }
    }
}

/// A lookup result: the library's own resource where there is one, else metadata without an id.
fn shown(core: &Core, known: &Known) -> Value {
    let owned = core.by_external.get(&known.id).and_then(|id| core.library.get(id));
    match (owned, core.app) {
        (Some(stored), _) => stored.resource(),
        (None, App::Sonarr) => sonarr::looked_up(known),
        (None, App::Radarr) => radarr::looked_up(known, excluded(core, known.id)),
    }
}

fn excluded(core: &Core, external_id: i64) -> bool {
    core.exclusions.iter().any(|one| one.external_id == external_id)
}

fn unreachable_metadata(core: &Core, term: &str) -> Reply {
    let service = if core.app == App::Sonarr { "SkyHook" } else { "RadarrAPI" };
    let message = format!("Search for '{term}' failed. Unable to communicate with {service}.");
    errors::exception(core.app, 503, "NzbDrone.Core.MetadataSource.SkyHook.SkyHookException", &message)
}

fn add(core: &mut Core, request: &Request) -> Reply {
    let app = core.app;
    if request.body.is_empty() {
        return errors::bad_request("Request body can't be empty");
    }
    let draft = match bind::bind(app, &request.body) {
        Ok(draft) => draft,
        Err(problems) => return errors::unbindable(&problems),
    };
    let failures = validate::request(core, &draft);
    if !failures.is_empty() {
        return errors::invalid(&failures);
    }
    if core.metadata_down {
        return errors::exception(app, 500, "System.Net.Http.HttpRequestException", "Name or service not known");
    }
    let given_path = |folder: String| match draft.path.as_str() {
        "" => format!("{}/{folder}", draft.root_folder_path.trim_end_matches('/')),
        path => path.trim_end_matches('/').to_owned(),
    };
    let Some(known) = core.metadata(draft.external_id) else {
        let path = given_path(super::known::folder(app, &draft.title, draft.year));
        return errors::invalid(&[validate::never_heard_of(app, draft.external_id, &path)]);
    };
    let path = given_path(known.folder(app));
    let failures = validate::computed(core, &known, &path);
    if !failures.is_empty() {
        return errors::invalid(&failures);
    }
    if std::mem::take(&mut core.race) {
        core.own(&known);
        return errors::conflict(app, if app == App::Sonarr { "Series.TvdbId" } else { "Movies.MovieMetadataId" });
    }
    if app == App::Sonarr && draft.tags.is_none() {
        let message = "Object reference not set to an instance of an object.";
        return errors::exception(app, 500, "System.NullReferenceException", message);
    }
    insert(core, &known, draft, path)
}

fn insert(core: &mut Core, known: &Known, draft: bind::Draft, path: String) -> Reply {
    let app = core.app;
    let with_options = draft.add_options.clone();
    let id = core.put(known, draft, path);
    let Some(body) = core.library.get(&id).map(super::Stored::resource) else { return Reply::empty(500) };
    let location = format!("{}/api/v3/{}/{id}", core.url_base, app.noun());
    let mut reply = Reply::json(201, &body).with("location", location);
    // Without addOptions Radarr's payload builder stumbles and Sonarr has nothing to complete: no event either way.
    if let Some(options) = with_options {
        let labels: Vec<String> = core.library.get(&id).map(|stored| core.item(stored).tags).unwrap_or_default();
        match app {
            App::Radarr => reply.before = deliveries(core, &radarr::movie_added(&body, &labels, &options.add_method)),
            App::Sonarr if !core.hold_refresh => {
                reply.after = deliveries(core, &sonarr::series_add(&body, &labels));
            }
            App::Sonarr => {}
        }
    }
    if !core.hold_refresh {
        core.refresh(id);
    }
    reply
}
