//! The household's own Plex server, as far as it says what is in its libraries.
//!
//! Owns: who it is, told to anybody, that it takes the owner's token and the one `plex.tv` lists for it, the search by guid, and that an empty answer has no `Metadata`. Refuses: libraries by section, and everything else.

use serde_json::json;

use super::state::{OWNER_TOKEN, State};
use crate::fakes::exchange::{Reply, Request};

/// How the server calls itself.
pub(crate) const MACHINE: &str = "aa11bb22cc33";

pub(crate) fn answer(state: &State, request: &Request, path: &str) -> Reply {
    if request.method == "GET" && path == "/identity" {
        let identity =
            json!({ "size": 0, "claimed": true, "machineIdentifier": MACHINE, "version": "1.43.0.10467-2b1ba6e69" });
        return Reply::json(200, &json!({ "MediaContainer": identity }));
    }
    let token = request.plex_value("X-Plex-Token");
    let own = state.resources.iter().find_map(|it| it.token_for(MACHINE));
    if state.token_revoked || !(token == Some(OWNER_TOKEN) || (own.is_some() && token == own.as_deref())) {
        return Reply::html(401);
    }
    if request.method != "GET" || path != "/library/all" {
        return Reply::html(404);
    }
    let guid = request.query("guid").unwrap_or_default();
    if !state.owned.contains(guid) {
        return Reply::json(200, &json!({ "MediaContainer": { "size": 0 } }));
    }
    // A server counts what it has in decimal.
    let item = json!({ "ratingKey": "5400", "key": "/library/metadata/5400", "guid": guid, "librarySectionID": 1 });
    Reply::json(200, &json!({ "MediaContainer": { "size": 1, "Metadata": [item] } }))
}
