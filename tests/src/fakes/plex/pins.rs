//! Signing in without a password: the short PIN that a person types at `plex.tv/link`.
//!
//! Owns: making, asking and expiring of PINs, and that one shows only to the client identifier that made it. Refuses: strong PINs.

use serde_json::{Value, json};

use super::account::error;
use super::state::State;
use crate::fakes::exchange::{Reply, Request};

/// What no code contains: letters that look like digits.
const LETTERS: &[u8; 30] = b"ABCDEFGHJKLMNPQRSTUVWXYZ346789";
const FIRST_ID: u64 = 730_011_422;
/// A short PIN's life, in seconds.
const LIFETIME_S: u32 = 900;

pub(crate) struct Pin {
    id: u64,
    pub(crate) code: String,
    client: String,
    pub(crate) token: Option<String>,
    pub(crate) expired: bool,
}

/// `POST` and `GET /api/v2/pins…`; none when the path is another one. There is a client identifier; no token is looked at.
pub(crate) fn answer(state: &mut State, request: &Request, path: &str) -> Option<Reply> {
    let rest = path.strip_prefix("/api/v2/pins")?;
    let client = request.plex_value("X-Plex-Client-Identifier").unwrap_or_default().to_owned();
    let product = request.plex_value("X-Plex-Product").unwrap_or_default();
    match (request.method.as_str(), rest) {
        ("POST", "") if product.is_empty() => Some(error(request, 400, 1000, "X-Plex-Product is missing")),
        ("POST", "") => {
            let number = state.pins.len() as u64;
            let pin = Pin { id: FIRST_ID + number, code: code(number), client, token: None, expired: false };
            let reply = Reply::json(201, &body(&pin, product));
            state.pins.push(pin);
            Some(reply)
        }
        ("GET", _) => {
            let id = rest.trim_start_matches('/').parse::<u64>().ok();
            let pin = state.pins.iter().find(|pin| Some(pin.id) == id && pin.client == client && !pin.expired);
            Some(match pin {
                Some(pin) => Reply::json(200, &body(pin, product)),
                None => error(request, 404, 1020, "Code not found or expired"),
            })
        }
        _ => Some(error(request, 404, 1404, "Not found")),
    }
}

/// Four characters, another four for every number.
fn code(number: u64) -> String {
    let mut left = 482_117 + number * 7_919;
    let letter = |_| {
        let letter = LETTERS[(left % LETTERS.len() as u64) as usize];
        left /= LETTERS.len() as u64;
        letter as char
    };
    (0..4).map(letter).collect()
}

/// As recorded; `location` is partly null for many addresses.
fn body(pin: &Pin, product: &str) -> Value {
    json!({
        "id": pin.id, "code": pin.code, "product": product, "trusted": false,
        "qr": format!("https://plex.tv/api/v2/pins/qr/{}", pin.code), "clientIdentifier": pin.client,
        "location": { "code": "PT", "european_union_member": true, "city": null, "coordinates": null },
        "expiresIn": LIFETIME_S, "createdAt": "2026-05-04T10:00:00Z", "expiresAt": "2026-05-04T10:15:00Z",
        "authToken": pin.token, "newRegistration": pin.token.as_ref().map(|_| false),
    })
}
