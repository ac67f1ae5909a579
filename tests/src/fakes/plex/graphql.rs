//! `community.plex.tv/api`: friends, and the watchlists of those who share them.
//!
//! Owns: the part of the private schema working clients use, cursors, and the three-valued answer: a list, "User not found"
//! with HTTP 200, or a refusal. Refuses: mutations, introspection, and every field it has never seen a client ask for, each
//! with HTTP 400 as the real one does.

use serde_json::{Map, Value, json};

use super::account::avatar;
use super::payload;
use super::query::{Selection, parse};
use super::state::{Account, State};
use crate::fakes::exchange::{Reply, Request, fnv};

/// The most nodes on one page, whatever `first` says. The real bound is unknown; 100 is what clients ask for.
const MAX_FIRST: usize = 100;

type Schema = &'static [(&'static str, Option<&'static str>)];

pub(crate) fn answer(state: &State, request: &Request, path: &str) -> Reply {
    if path != "/api" || request.method != "POST" {
        return Reply::text(404, "text/plain; charset=utf-8", "Not Found");
    }
    let Some(viewer) = state.by_token(request.plex_value("X-Plex-Token")) else { return failure(401) };
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(error) => return refusal(&format!("POST body sent invalid JSON: {error}")),
    };
    let variables = body["variables"].as_object().cloned().unwrap_or_default();
    let operation = match parse(body["query"].as_str().unwrap_or_default(), &variables) {
        Ok(operation) => operation,
        Err(message) => return refusal(&message),
    };
    let root = if operation.mutation { "Mutation" } else { "Query" };
    if let Err(message) = validate(&operation.selections, root) {
        return refusal(&message);
    }
    let mut run = Run { state, viewer, errors: Vec::new() };
    let data = run.query(&operation.selections);
    let mut answer = json!({ "data": data });
    if !run.errors.is_empty() {
        answer["errors"] = Value::Array(run.errors);
    }
    let text = answer.to_string();
    let asked = format!("{}{}", body["query"], Value::Object(variables));
    let etag = format!("W/\"{:016x}\"", fnv(text.as_bytes()) ^ fnv(asked.as_bytes()));
    Reply::text(200, "application/json; charset=utf-8", text).with("etag", etag)
}

/// The body this surface gives with a failing status.
pub(crate) fn failure(status: u16) -> Reply {
    match status {
        429 => Reply::text(429, "text/plain; charset=utf-8", "Rate limit exceeded!"),
        _ => {
            let message = super::account::reason(status);
            Reply::json(
                status,
                &json!({ "errors": [{ "message": message, "extensions": { "code": message.to_uppercase().replace(' ', "_") } }] }),
            )
        }
    }
}

/// Our query is wrong: always the whole of it, with HTTP 400.
fn refusal(message: &str) -> Reply {
    let error = json!({
        "message": message, "locations": [{ "line": 1, "column": 1 }],
        "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" },
    });
    Reply::json(400, &json!({ "errors": [error] }))
}

/// The fields of a type, with the type of those that have fields themselves.
fn schema(name: &str) -> Schema {
    match name {
        "Query" => &[
            ("allFriendsV2", Some("Friend")),
            ("userV2", Some("UserResult")),
            ("user", Some("User")),
            ("friendRequests", Some("FriendRequestConnection")),
        ],
        "Friend" | "FriendRequest" => &[("user", Some("User")), ("createdAt", None)],
        "FriendRequestConnection" => &[("nodes", Some("FriendRequest")), ("pageInfo", Some("PageInfo"))],
        "User" => &[
            ("id", None),
            ("username", None),
            ("displayName", None),
            ("avatar", None),
            ("watchlist", Some("WatchlistConnection")),
        ],
        "WatchlistConnection" => &[("nodes", Some("MetadataItem")), ("pageInfo", Some("PageInfo"))],
        "MetadataItem" => &[
            ("id", None),
            ("title", None),
            ("type", None),
            ("key", None),
            ("publicPagesURL", None),
            ("guid", None),
            ("year", None),
        ],
        "PageInfo" => &[("hasNextPage", None), ("endCursor", None)],
        // A union has no fields of its own, only fragments.
        _ => &[],
    }
}

fn validate(selections: &[Selection], on: &str) -> Result<(), String> {
    for selection in selections {
        match selection {
            Selection::Fragment { on: named, children } => {
                if schema(named).is_empty() {
                    return Err(format!("Unknown type \"{named}\"."));
                }
                validate(children, named)?;
            }
            Selection::Field { name, children, .. } if name == "__typename" && children.is_empty() => {}
            Selection::Field { name, .. } if name == "__schema" || name == "__type" => {
                return Err(
                    "GraphQL introspection is not allowed, but the query contained __schema or __type.".to_owned()
                );
            }
            Selection::Field { name, children, .. } => {
                let field = schema(on).iter().find(|(known, _)| known == name);
                match field {
                    None => return Err(format!("Cannot query field \"{name}\" on type \"{on}\".")),
                    Some((_, Some(_))) if children.is_empty() => {
                        return Err(format!("Field \"{name}\" must have a selection of subfields."));
                    }
                    Some((_, Some(inner))) => validate(children, inner)?,
                    Some((_, None)) if !children.is_empty() => {
                        return Err(format!("Field \"{name}\" must not have a selection since it has no subfields."));
                    }
                    Some((_, None)) => {}
                }
            }
        }
    }
    Ok(())
}

/// One execution.
struct Run<'a> {
    state: &'a State,
    viewer: &'a Account,
    errors: Vec<Value>,
}

impl Run<'_> {
    fn query(&mut self, selections: &[Selection]) -> Value {
        let mut data = Map::new();
        for (alias, name, arguments, children) in fields(selections) {
            let value = match name {
                "allFriendsV2" => self.friends(children),
                "userV2" => self.user(alias, arguments.get("user").and_then(|user| user["id"].as_str()), children),
                "user" => self.user(alias, arguments.get("id").and_then(Value::as_str), children),
                "friendRequests" => self.requests(arguments.get("type").and_then(Value::as_str), children),
                _ => json!("Query"),
            };
            data.insert(alias.to_owned(), value);
        }
        Value::Object(data)
    }

    fn friends(&mut self, children: &[Selection]) -> Value {
        let friends = self.state.friends_of(&self.viewer.uuid);
        let one = |friend: &Account, run: &mut Self| {
            project(children, |field, inner| match field {
                "user" => run.account(friend, inner),
                "createdAt" => json!(friend.friends_since),
                _ => json!("Friend"),
            })
        };
        friends.into_iter().map(|friend| one(friend, self)).collect()
    }

    /// Requests that nobody has accepted yet; both kinds when none is named (assumed).
    fn requests(&mut self, kind: Option<&str>, children: &[Selection]) -> Value {
        let (state, viewer) = (self.state, &self.viewer.uuid);
        let mut people = Vec::new();
        if kind != Some("RECEIVED") {
            people.extend(state.requests_of(viewer, true));
        }
        if kind != Some("SENT") {
            people.extend(state.requests_of(viewer, false));
        }
        project(children, |field, inner| match field {
            "nodes" => people
                .iter()
                .map(|person| {
                    project(inner, |field, inner| match field {
                        "user" => self.account(person, inner),
                        "createdAt" => json!("2026-05-01T18:20:11.000Z"),
                        _ => json!("FriendRequest"),
                    })
                })
                .collect(),
            _ => project(inner, |field, _| if field == "hasNextPage" { json!(false) } else { Value::Null }),
        })
    }

    fn user(&mut self, alias: &str, uuid: Option<&str>, children: &[Selection]) -> Value {
        let uuid = uuid.unwrap_or_default();
        match self.state.readable(&self.viewer.uuid, uuid) {
            Some(account) => self.account(account, children),
            None => {
                self.errors.push(json!({
                    "message": format!("User not found: {uuid}"), "path": [alias],
                    "extensions": { "code": "NOT_FOUND", "field": alias },
                }));
                Value::Null
            }
        }
    }

    fn account(&mut self, account: &Account, children: &[Selection]) -> Value {
        let state = self.state;
        let mut out = Map::new();
        for (alias, name, arguments, inner) in fields(children) {
            let value = match name {
                "id" => json!(account.uuid),
                "username" => json!(account.username),
                "displayName" => json!(account.display_name),
                "avatar" => json!(avatar(account)),
                "watchlist" => watchlist(state, account, arguments, inner),
                _ => json!("User"),
            };
            out.insert(alias.to_owned(), value);
        }
        Value::Object(out)
    }
}

fn watchlist(state: &State, account: &Account, arguments: &Map<String, Value>, children: &[Selection]) -> Value {
    let first = arguments.get("first").and_then(Value::as_u64).map_or(20, |first| (first as usize).min(MAX_FIRST));
    let after = arguments.get("after").and_then(Value::as_str).and_then(cursor_ms);
    // Times only grow along the list, so the page ends where the cursor's time begins.
    let end = after.map_or(account.watchlist.len(), |ms| account.watchlist.partition_point(|wish| wish.at_ms < ms));
    let begin = end.saturating_sub(first);
    let page = &account.watchlist[begin..end];
    let cursor = page.first().map(|oldest| base64(oldest.at_ms.to_string().as_bytes()));
    project(children, |field, inner| match field {
        "nodes" => page
            .iter()
            .rev()
            .filter_map(|wish| state.catalogue.get(&wish.key))
            .map(|entry| {
                let title = &entry.title;
                project(inner, |field, _| match field {
                    "id" => json!(title.rating_key()),
                    "title" => json!(title.name),
                    "type" => json!(title.kind().to_uppercase()),
                    "key" => json!(payload::key_path(title)),
                    "publicPagesURL" => json!(payload::public_page(title)),
                    "guid" => json!(payload::plex_guid(title)),
                    "year" => json!(title.first_year()),
                    _ => json!("MetadataItem"),
                })
            })
            .collect(),
        "pageInfo" => project(inner, |field, _| match field {
            "hasNextPage" => json!(begin > 0),
            "endCursor" => json!(cursor),
            _ => json!("PageInfo"),
        }),
        _ => json!("WatchlistConnection"),
    })
}

type Field<'a> = (&'a str, &'a str, &'a Map<String, Value>, &'a [Selection]);

/// The fields of a selection, those of its fragments included: every object here is of the type its fragments name.
fn fields(selections: &[Selection]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    for selection in selections {
        match selection {
            Selection::Field { alias, name, arguments, children } => {
                found.push((alias.as_str(), name.as_str(), arguments, children.as_slice()));
            }
            Selection::Fragment { children, .. } => found.extend(fields(children)),
        }
    }
    found
}

fn project(selections: &[Selection], mut value: impl FnMut(&str, &[Selection]) -> Value) -> Value {
    let pairs = fields(selections).into_iter();
    Value::Object(pairs.map(|(alias, name, _, inner)| (alias.to_owned(), value(name, inner))).collect())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize] as char;
            out.push(if place > chunk.len() { '=' } else { digit });
        }
    }
    out
}

/// The time inside a cursor; none for a text that is no cursor, which reads as the first page.
fn cursor_ms(cursor: &str) -> Option<i64> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in cursor.bytes().filter(|digit| *digit != b'=') {
        bits = bits << 6 | ALPHABET.iter().position(|known| *known == digit)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_base64_of_milliseconds() {
        assert_eq!(base64(b"1762248377510"), "MTc2MjI0ODM3NzUxMA==");
        assert_eq!(cursor_ms("MTc2MjI0ODM3NzUxMA=="), Some(1_762_248_377_510));
        assert_eq!(cursor_ms("%%"), None);
    }
}
