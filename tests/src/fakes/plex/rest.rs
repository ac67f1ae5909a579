//! `discover` and `metadata`: the own watchlist page by page, and titles by id.
//!
//! Owns: paging, ETags, the shape of an empty page, this surface's error body. Refuses: friends' lists, which are GraphQL's.

use serde_json::json;

use super::Surface;
use super::account::xml;
use super::state::{Account, Entry, State, Wish};
use super::{feeds, payload};
use crate::fakes::exchange::{Reply, Request, fnv};

/// Items on a page nobody sized, and the most on any page. The second is reported; that larger wishes are cut down to it
/// rather than refused is assumed.
const DEFAULT_SIZE: usize = 20;
const MAX_SIZE: usize = 100;

pub(crate) fn answer(state: &mut State, request: &Request, surface: Surface, path: &str) -> Reply {
    let token = request.plex_value("X-Plex-Token");
    let Some(account) = state.by_token(token) else {
        let message = if token.is_none() { "You must provide a token!" } else { "Invalid token" };
        return error(request, 401, message);
    };
    let uuid = account.uuid.clone();
    match (request.method.as_str(), path) {
        ("GET", _) if path.starts_with("/library/sections/watchlist") => match surface {
            Surface::Discover => watchlist(state, request, &uuid, path),
            _ => error(request, 404, "Section 'watchlist' not found!"),
        },
        ("GET", "/library/metadata/matches") => matches(state, request),
        ("GET", _) if path.starts_with("/library/metadata/") => by_id(state, request, &uuid, path),
        ("PUT", "/actions/addToWatchlist" | "/actions/removeFromWatchlist") => act(state, request, &uuid, path),
        ("POST", "/rss") if surface == Surface::Discover => feeds::create(state, request, &uuid),
        ("GET", _) if surface == Surface::Discover && path.starts_with("/rss/") => {
            feeds::at_discover(state, request, path.trim_start_matches("/rss/"))
        }
        _ => error(request, 404, "Not found"),
    }
}

/// The body this surface gives with a failing status.
pub(crate) fn error(request: &Request, status: u16, message: &str) -> Reply {
    let reason = super::account::reason(status);
    if request.asks_for_json() {
        let body = json!({ "Error": { "error": reason, "message": message, "statusCode": status } });
        return Reply::json(status, &body);
    }
    xml(status, &format!("<Error error=\"{reason}\" message=\"{message}\" statusCode=\"{status}\"/>"))
}

fn watchlist(state: &State, request: &Request, uuid: &str, path: &str) -> Reply {
    let filter = path.trim_start_matches("/library/sections/watchlist").trim_start_matches('/');
    if !matches!(filter, "all" | "available" | "released") {
        return error(request, 404, "Not found");
    }
    let number = |name: &str| request.plex_value(name).and_then(|value| value.parse::<usize>().ok());
    let start = number("X-Plex-Container-Start").unwrap_or(0);
    let size = number("X-Plex-Container-Size").unwrap_or(DEFAULT_SIZE).min(MAX_SIZE);
    let guids = request.query("includeGuids") == Some("1");
    let account = state.account(uuid);
    let (window, total) = window(state, account, request, start, size);

    let json = request.asks_for_json();
    let items = window.iter().map(|entry| match json {
        true => entry.list_item(guids).to_owned(),
        false => payload::xml_item(&entry.title, guids && entry.ids_known()),
    });
    let items: Vec<String> = items.collect();
    let content = items.join(if json { "," } else { "" });
    // The tag covers this URL and this window: what changes further down leaves it alone.
    let place = format!("{}|{}|{}|{start}|{size}|{json}|", account.uuid, request.path, request.raw_query);
    let etag = format!("\"{:016x}\"", fnv(place.as_bytes()) ^ fnv(content.as_bytes()).rotate_left(1));
    if request.header("if-none-match").is_some_and(|known| known == etag || known == format!("W/{etag}")) {
        return Reply::empty(304).with("etag", etag);
    }
    let reply = if json {
        page_json(start, (!state.uncounted).then_some(total), items.len(), &content)
    } else {
        page_xml(start, total, items.len(), &content)
    };
    reply.with("etag", etag).with("x-plex-cache", "MISS")
}

/// The entries of one page, and how many there are on all pages.
fn window<'a>(
    state: &'a State,
    account: &Account,
    request: &Request,
    start: usize,
    size: usize,
) -> (Vec<&'a Entry>, usize) {
    let kind = request.query("type");
    let wanted = |entry: &&Entry| match kind {
        Some("1") => !entry.title.show,
        Some("2") => entry.title.show,
        _ => true,
    };
    let entry = |wish: &Wish| state.catalogue.get(&wish.key);
    let mut all: Vec<&Entry> = account.watchlist.iter().rev().filter_map(entry).filter(wanted).collect();
    let (field, direction) =
        request.query("sort").and_then(|sort| sort.split_once(':')).unwrap_or(("watchlistedAt", "desc"));
    if field == "titleSort" {
        all.sort_by_key(|entry| std::cmp::Reverse(entry.title.name.to_lowercase()));
    }
    if direction == "asc" {
        all.reverse();
    }
    let total = all.len();
    (all.into_iter().skip(start).take(size).collect(), total)
}

/// `Metadata` is left out, not empty, when the page has no items.
fn page_json(start: usize, total: Option<usize>, size: usize, items: &str) -> Reply {
    let total = total.map(|total| format!("\"totalSize\":{total},")).unwrap_or_default();
    let metadata = if size == 0 { String::new() } else { format!(",\"Metadata\":[{items}]") };
    let body = format!(
        "{{\"MediaContainer\":{{\"librarySectionID\":\"watchlist\",\"librarySectionTitle\":\"Watchlist\",\"offset\":{start},\
         {total}\"identifier\":\"tv.plex.provider.discover\",\"size\":{size}{metadata}}}}}"
    );
    Reply::text(200, "application/json", body)
}

fn page_xml(start: usize, total: usize, size: usize, items: &str) -> Reply {
    xml(
        200,
        &format!(
            "<MediaContainer librarySectionID=\"watchlist\" librarySectionTitle=\"Watchlist\" offset=\"{start}\" \
             totalSize=\"{total}\" identifier=\"tv.plex.provider.discover\" size=\"{size}\">{items}</MediaContainer>"
        ),
    )
}

fn by_id(state: &mut State, request: &Request, uuid: &str, path: &str) -> Reply {
    let rest = path.trim_start_matches("/library/metadata/");
    let (key, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let wish = state.account(uuid).watchlist.iter().find(|wish| wish.key == key).map(|wish| wish.at_ms);
    let Some(entry) = state.catalogue.get_mut(key).filter(|entry| !entry.title.missing) else {
        return error(request, 404, &format!("Item '{key}' not found!"));
    };
    match tail {
        "" => {
            let known = entry.ids_known();
            entry.metadata_calls += 1;
            if !request.asks_for_json() {
                return xml(
                    200,
                    &format!("<MediaContainer size=\"1\">{}</MediaContainer>", payload::xml_item(&entry.title, known)),
                );
            }
            let item = payload::metadata(&entry.title, known);
            let body = json!({ "MediaContainer": {
                "offset": 0, "totalSize": 1, "identifier": "tv.plex.provider.discover", "size": 1, "Metadata": [item],
            }});
            Reply::json(200, &body)
        }
        "userState" => {
            let mut user_state =
                json!({ "ratingKey": key, "type": entry.title.kind(), "viewCount": 0, "viewState": "unseen" });
            if let Some(at_ms) = wish {
                user_state["watchlistedAt"] = json!(at_ms / 1000);
            }
            Reply::json(200, &json!({ "MediaContainer": { "size": 1, "UserState": user_state } }))
        }
        _ => error(request, 404, "Not found"),
    }
}

/// An external id back to Plex's own.
fn matches(state: &State, request: &Request) -> Reply {
    let guid = request.query("guid").unwrap_or_default();
    let show = request.query("type") == Some("2");
    let mut entries = state.catalogue.values().filter(|entry| entry.title.show == show && !entry.title.missing);
    let Some(entry) = entries.find(|entry| entry.title.guids().iter().any(|own| own == guid)) else {
        return error(request, 404, "No match found");
    };
    Reply::json(200, &json!({ "MediaContainer": { "size": 1, "Metadata": [payload::metadata(&entry.title, true)] } }))
}

/// Adding and removing with the account's own token.
fn act(state: &mut State, request: &Request, uuid: &str, path: &str) -> Reply {
    let key = request.query("ratingKey").unwrap_or_default().to_owned();
    if !state.catalogue.contains_key(&key) {
        return error(request, 404, &format!("Item '{key}' not found!"));
    }
    if path.ends_with("addToWatchlist") {
        state.watch(uuid, &key);
    } else {
        state.account_mut(uuid).watchlist.retain(|wish| wish.key != key);
    }
    Reply::empty(200)
}
