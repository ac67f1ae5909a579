//! The household's own Plex server, as far as it says what is in its libraries.
//!
//! Owns: the search by guid, and that an empty answer has no `Metadata`. Refuses: libraries by section, and everything else.

use serde_json::json;

use super::state::{OWNER_TOKEN, State};
use crate::fakes::exchange::{Reply, Request};

pub(crate) fn answer(state: &State, request: &Request, path: &str) -> Reply {
    if request.plex_value("X-Plex-Token") != Some(OWNER_TOKEN) || state.token_revoked {
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
