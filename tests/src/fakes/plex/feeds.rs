//! RSS feeds: making one, and the several ways in which Plex has answered for their content over the years.
//!
//! Owns: the window of 50 items, the two renderings, and the storage that a feed redirects to. Refuses: a caller who brings a token
//! to that storage, with 403: a client that does has leaked it.

use serde_json::{Value, json};

use super::account::xml;
use super::payload;
use super::rest::error;
use super::state::{OWNER_UUID, State};
use crate::fakes::exchange::{Reply, Request};

/// The most items of any feed.
const WINDOW: usize = 50;

const OWN: &str = "7a0c1e9d-5b42-4f6e-8d13-0c9be2a4f7";
const FRIENDS: &str = "2d7f4c11-0b3e-4a58-9c66-71f0aa5b1e";

/// How the feeds behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FeedMode {
    /// As before December 2025: the feed's own address answers JSON, or XML when JSON is not asked for.
    OkJson,
    /// As since 28 July 2026: the address is dead, 401 without a token and 404 with one. `discover/rss/<uuid>` with a token redirects
    /// to the storage, which has XML.
    #[default]
    DeadJuly2026,
    /// As in January 2026: the address redirects to the storage, which has JSON.
    RedirectToS3,
    /// As with a cache before it: JSON, as it was when this mode was set.
    Stale,
    /// As in June 2024: JSON that breaks off in the middle of a value.
    InvalidJson,
    /// Making and reading feeds is refused with 401, whatever the account says about its Plex Pass.
    NoPass,
}

/// One item: who wants which title since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// The uuid of the person.
    pub author: String,
    /// The title's rating key, which the feed itself does not tell.
    pub rating_key: String,
    /// Unix time in milliseconds by the logical clock.
    pub at_ms: i64,
}

/// The newest 50 of what is on the own list, or on the lists of all friends who share theirs; newest first.
pub(crate) fn newest(state: &State, friends: bool) -> Vec<FeedEntry> {
    let lists = match friends {
        true => state.friends_of(OWNER_UUID).into_iter().filter(|friend| !friend.private).collect(),
        false => vec![state.account(OWNER_UUID)],
    };
    let mut all: Vec<FeedEntry> = lists
        .into_iter()
        .flat_map(|account| {
            account.watchlist.iter().map(|wish| FeedEntry {
                author: account.uuid.clone(),
                rating_key: wish.key.clone(),
                at_ms: wish.at_ms,
            })
        })
        .collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms));
    all.truncate(WINDOW);
    all
}

/// `POST discover/rss`: 401 for a perfectly valid token when the account has no Plex Pass. Asked again, it tells the same feed.
pub(crate) fn create(state: &State, request: &Request, uuid: &str) -> Reply {
    if refused(state) || uuid != OWNER_UUID {
        return error(request, 401, "Unauthorized");
    }
    let friends = String::from_utf8_lossy(&request.body).contains("friendsWatchlist");
    let kind = if friends { "friendsWatchlist" } else { "watchlist" };
    let id = id(state, friends);
    let host = request.header("host").unwrap_or("rss.plex.tv");
    let info = json!({ "RSSInfo": [{ "feedType": kind, "uuid": id, "url": format!("http://{host}/rss/{id}") }] });
    Reply::json(200, &info)
}

/// `rss.plex.tv/<uuid>`.
pub(crate) fn at_rss(state: &State, request: &Request, path: &str) -> Reply {
    let id = path.trim_start_matches('/');
    let mode = state.feed_mode;
    let known = which(state, id).filter(|_| !refused(state) && mode != FeedMode::DeadJuly2026);
    match known {
        Some(_) if mode == FeedMode::RedirectToS3 => moved(request, id),
        Some(friends) => content(state, friends, request.query("format") == Some("json")),
        None if state.by_token(request.plex_value("X-Plex-Token")).is_none() => {
            error(request, 401, "You must provide a token!")
        }
        None => error(request, 404, "Not found"),
    }
}

/// `discover/rss/<uuid>`, asked with a good token.
pub(crate) fn at_discover(state: &State, request: &Request, id: &str) -> Reply {
    if refused(state) {
        return error(request, 401, "Unauthorized");
    }
    match which(state, id) {
        Some(_) => moved(request, id),
        None => error(request, 404, "Not found"),
    }
}

/// The storage behind the feeds, at another host in the real world.
pub(crate) fn at_s3(state: &State, request: &Request, path: &str) -> Reply {
    if request.plex_value("X-Plex-Token").is_some() || request.query("X-Amz-Signature").is_none() {
        return xml(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    }
    let id = path.trim_start_matches("/e/").trim_end_matches(".xml");
    match which(state, id) {
        Some(friends) => content(state, friends, state.feed_mode != FeedMode::DeadJuly2026),
        None => xml(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"),
    }
}

fn refused(state: &State) -> bool {
    !state.plex_pass || state.feed_mode == FeedMode::NoPass
}

/// The feed's uuid; another one after each regeneration.
fn id(state: &State, friends: bool) -> String {
    format!("{}{:02}", if friends { FRIENDS } else { OWN }, state.feed_generation % 100)
}

/// Whether this is the feed of the friends; none when it is no feed at all.
fn which(state: &State, id_asked: &str) -> Option<bool> {
    [false, true].into_iter().find(|friends| id(state, *friends) == id_asked)
}

fn moved(request: &Request, id: &str) -> Reply {
    let host = request.header("host").unwrap_or("rss.plex.tv");
    let target = format!("http://{host}/s3/e/{id}.xml?X-Amz-Expires=300&X-Amz-Signature=sig-presigned-0001");
    Reply::empty(302).with("location", target)
}

fn content(state: &State, friends: bool, as_json: bool) -> Reply {
    let entries = match (&state.stale_feeds, state.feed_mode) {
        (Some((own, of_friends)), FeedMode::Stale) => if friends { of_friends } else { own }.clone(),
        _ => newest(state, friends),
    };
    let title = if friends { "Plex Friends Watchlist" } else { "Plex Watchlist" };
    if !as_json {
        let items: String = entries.iter().filter_map(|entry| xml_item(state, friends, entry)).collect();
        let head = "<rss xmlns:media=\"http://search.yahoo.com/mrss/\" version=\"2.0\"><channel>";
        return xml(200, &format!("{head}<title>{title}</title>{items}</channel></rss>"));
    }
    let items: Vec<Value> = entries.iter().filter_map(|entry| json_item(state, friends, entry)).collect();
    let body =
        json!({ "title": title, "links": {}, "description": title, "category": "Plex", "items": items }).to_string();
    let body = match state.feed_mode {
        FeedMode::InvalidJson => body.replace("\"items\":", "\"items\":,"),
        _ => body,
    };
    Reply::text(200, "application/json; charset=utf-8", body)
}

fn json_item(state: &State, friends: bool, entry: &FeedEntry) -> Option<Value> {
    let title = &state.catalogue.get(&entry.rating_key)?.title;
    let mut item = json!({
        "title": format!("{} ({})", title.name, title.first_year()), "pubDate": http_date(entry.at_ms),
        "link": payload::public_page(title), "guids": title.guids(), "description": "…", "category": title.kind(),
        "credits": [], "keywords": ["drama"], "rating": { "rating": "r", "scheme": "urn:mpaa" },
    });
    if friends {
        item["author"] = json!(entry.author);
    }
    Some(item)
}

/// One guid at most, and the title where CDATA is allowed.
fn xml_item(state: &State, friends: bool, entry: &FeedEntry) -> Option<String> {
    let title = &state.catalogue.get(&entry.rating_key)?.title;
    let name = title.name.replace('&', "&amp;").replace('<', "&lt;");
    let guid =
        title.guids().first().map(|guid| format!("<guid isPermaLink=\"false\">{guid}</guid>")).unwrap_or_default();
    let author = if friends { format!("<author>{}</author>", entry.author) } else { String::new() };
    Some(format!(
        "<item><title>{name} ({})</title><pubDate>{}</pubDate><link>{}</link>{guid}<description><![CDATA[a & b]]></description>\
         <category>{}</category>{author}<media:rating scheme=\"urn:mpaa\">r</media:rating></item>",
        title.first_year(),
        http_date(entry.at_ms),
        payload::public_page(title),
        title.kind(),
    ))
}

/// `Tue, 04 Nov 2025 09:26:17 GMT`.
fn http_date(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) / 1000);
    // The calendar counted from 0000-03-01, so that the leap day is a year's last.
    let since = days + 719_468;
    let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12;
    let year = era * 400 + year + i64::from(month < 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let (weekday, month) = (DAYS[days.rem_euclid(7) as usize], MONTHS[month as usize]);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_writes_them() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(1_709_164_800_000), "Thu, 29 Feb 2024 00:00:00 GMT");
    }
}
