//! `plex.tv` and `clients.plex.tv`: whose token this is, and keeping it alive.
//!
//! Owns: the account body, and this surface's error body. Refuses: anything about watchlists.

use serde_json::{Value, json};

use super::state::{Account, OWNER_UUID, State};
use super::{pins, resources};
use crate::fakes::exchange::{Reply, Request};

pub(crate) fn answer(state: &mut State, request: &Request, path: &str) -> Reply {
    if path.starts_with("/api/v2/") && request.plex_value("X-Plex-Client-Identifier").is_none() {
        return error(request, 400, 1000, "X-Plex-Client-Identifier is missing");
    }
    if let Some(reply) = pins::answer(state, request, path) {
        return reply;
    }
    let Some(account) = state.by_token(request.plex_value("X-Plex-Token")) else {
        return error(request, 401, 1001, "User could not be authenticated");
    };
    match (request.method.as_str(), path) {
        ("GET", "/api/v2/user") => user(request, account, state.plex_pass),
        ("GET", "/api/v2/ping") if request.asks_for_json() => Reply::json(200, &json!({ "pong": true })),
        ("GET", "/api/v2/ping") => xml(200, "<pong>true</pong>"),
        ("GET", "/api/v2/resources") => resources::answer(state),
        ("GET", "/api/v2/friends") => friends(state, request, account),
        _ => error(request, 404, 1404, "Not found"),
    }
}

/// The body `plex.tv` gives with a failing status.
pub(crate) fn error(request: &Request, status: u16, code: i64, message: &str) -> Reply {
    if request.asks_for_json() {
        return Reply::json(status, &json!({ "errors": [{ "code": code, "message": message, "status": status }] }));
    }
    xml(status, &format!("<errors><error code=\"{code}\" message=\"{message}\" status=\"{status}\"/></errors>"))
}

pub(crate) fn xml(status: u16, body: &str) -> Reply {
    Reply::text(status, "application/xml; charset=utf-8", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}"))
}

/// The words that go with a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

pub(crate) fn avatar(account: &Account) -> String {
    format!("https://plex.tv/users/{}/avatar?c=1733000000", account.uuid)
}

fn user(request: &Request, account: &Account, pass: bool) -> Reply {
    if !request.asks_for_json() {
        let (id, uuid, name) = (account.id, &account.uuid, &account.username);
        return xml(200, &format!("<user id=\"{id}\" uuid=\"{uuid}\" username=\"{name}\" title=\"{name}\"/>"));
    }
    Reply::json(200, &body(account, pass && account.uuid == OWNER_UUID))
}

fn body(account: &Account, pass: bool) -> Value {
    let subscription = if pass {
        json!({
            "active": true, "subscribedAt": "2024-02-10T09:00:00Z", "status": "Active", "paymentService": "braintree",
            "plan": "lifetime", "features": ["pass", "webhooks", "watchlist-rss", "sync", "home"],
        })
    } else {
        json!({
            "active": false, "subscribedAt": null, "status": "Inactive", "paymentService": null, "plan": null,
            "features": ["home"],
        })
    };
    let mut user = json!({
        "id": account.id, "uuid": account.uuid, "username": account.username, "title": account.username,
        "email": format!("{}@example.org", account.username), "friendlyName": account.display_name, "locale": null,
        "confirmed": true, "emailOnlyAuth": false, "hasPassword": true, "protected": false, "thumb": avatar(account),
        "authToken": account.token, "mailingListStatus": "unsubscribed", "mailingListActive": false, "scrobbleTypes": "",
        "country": "PT", "subscription": subscription,
        "subscriptionDescription": if pass { json!("Lifetime Plex Pass") } else { Value::Null },
        "restricted": false, "anonymous": null, "home": true, "guest": false, "homeSize": 3, "homeAdmin": true,
        "maxHomeSize": 15, "rememberExpiresAt": 1_767_000_000,
        "profile": {
            "autoSelectAudio": true, "defaultAudioLanguage": "en", "defaultSubtitleLanguage": "en", "autoSelectSubtitle": 0,
            "defaultSubtitleAccessibility": 0, "defaultSubtitleForced": 0,
        },
        "entitlements": [], "subscriptions": [], "pastSubscriptions": [], "trials": [], "services": [], "adsConsent": null,
        "experimentalFeatures": false, "twoFactorEnabled": false, "backupCodesCreated": false, "joinedAt": 1_500_000_000,
    });
    if pass {
        user["entitlements"] = json!(["all"]);
        user["roles"] = json!(["plexpass"]);
        user["subscriptions"] = json!([{
            "id": null, "mode": "lifetime", "renewsAt": null, "endsAt": null, "type": "plexpass", "transfer": null,
            "state": "active",
        }]);
    }
    user
}

/// The REST list of friends, as recorded in 2023, with requests that nobody has accepted yet under the other two words.
fn friends(state: &State, request: &Request, account: &Account) -> Reply {
    let status = request.query("status").unwrap_or("accepted");
    let list = match status {
        "accepted" => state.friends_of(&account.uuid),
        "pending_sent" => state.requests_of(&account.uuid, true),
        "pending_received" => state.requests_of(&account.uuid, false),
        _ => Vec::new(),
    };
    let list = list.into_iter().map(|friend| {
        json!({
            "status": status, "id": friend.id, "uuid": friend.uuid, "title": friend.display_name,
            "username": friend.username, "restricted": false, "email": null, "friendlyName": friend.display_name,
            "thumb": avatar(friend), "home": false, "sharedServers": [], "sharedSources": [], "sharingSettings": {},
        })
    });
    Reply::json(200, &list.collect())
}
