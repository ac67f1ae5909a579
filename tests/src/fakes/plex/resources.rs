//! `GET /api/v2/resources`: the servers and players that an account can reach.
//!
//! Owns: the shape of an entry. Refuses: to answer at any of the addresses it tells; one of them may be this server's own.

use serde_json::{Value, json};

use super::state::State;
use crate::fakes::exchange::Reply;

/// A Plex server as `plex.tv` lists it.
#[derive(Debug, Clone)]
pub struct PlexResource {
    name: String,
    machine_identifier: String,
    owned: bool,
    https_required: bool,
    connections: Vec<Connection>,
}

#[derive(Debug, Clone)]
struct Connection {
    uri: String,
    local: bool,
    relay: bool,
}

impl PlexResource {
    /// A server of the owner's that accepts plain HTTP and has no connections yet.
    #[must_use]
    pub fn new(name: &str, machine_identifier: &str) -> Self {
        let (name, machine_identifier) = (name.to_owned(), machine_identifier.to_owned());
        Self { name, machine_identifier, owned: true, https_required: false, connections: Vec::new() }
    }

    /// It belongs to somebody else, who shares it.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.owned = false;
        self
    }

    /// It refuses plain HTTP.
    #[must_use]
    pub fn https_required(mut self) -> Self {
        self.https_required = true;
        self
    }

    /// An address in the same network.
    #[must_use]
    pub fn local(self, uri: &str) -> Self {
        self.connection(uri, true, false)
    }

    /// A public address.
    #[must_use]
    pub fn remote(self, uri: &str) -> Self {
        self.connection(uri, false, false)
    }

    /// A way through Plex's own machines, slow.
    #[must_use]
    pub fn relay(self, uri: &str) -> Self {
        self.connection(uri, false, true)
    }

    fn connection(mut self, uri: &str, local: bool, relay: bool) -> Self {
        self.connections.push(Connection { uri: uri.to_owned(), local, relay });
        self
    }

    /// What the server called `machine_identifier` takes from the account, if this is that server.
    pub(crate) fn token_for(&self, machine_identifier: &str) -> Option<String> {
        (self.machine_identifier == machine_identifier).then(|| self.token())
    }

    fn token(&self) -> String {
        format!("tok-server-{}", self.machine_identifier)
    }

    fn body(&self) -> Value {
        let connections: Vec<Value> = self.connections.iter().map(Connection::body).collect();
        json!({
            "name": self.name, "product": "Plex Media Server", "productVersion": "1.43.0.10467-2b1ba6e69", "platform": "Linux",
            "platformVersion": "6.8", "device": "Docker Container", "clientIdentifier": self.machine_identifier,
            "createdAt": "2023-01-01T00:00:00Z", "lastSeenAt": "2026-05-01T00:00:00Z", "provides": "server",
            "ownerId": if self.owned { Value::Null } else { json!(41_880_012) }, "sourceTitle": if self.owned { Value::Null } else { json!("Tomas") },
            "publicAddress": "203.0.113.9", "accessToken": self.token(),
            "owned": self.owned, "home": false, "synced": false, "relay": true, "presence": true,
            "httpsRequired": self.https_required, "publicAddressMatches": true, "dnsRebindingProtection": false,
            "natLoopbackSupported": false, "connections": connections,
        })
    }
}

impl Connection {
    /// The address of a `plex.direct` name is its first label with dots for hyphens.
    fn body(&self) -> Value {
        let (protocol, rest) = self.uri.split_once("://").unwrap_or(("https", &self.uri));
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "443"));
        let address = match host.split_once('.') {
            Some((label, rest)) if rest.ends_with("plex.direct") => label.replace('-', "."),
            _ => host.to_owned(),
        };
        json!({
            "protocol": protocol, "address": address, "port": port.parse::<u16>().unwrap_or(443), "uri": self.uri,
            "local": self.local, "relay": self.relay, "IPv6": false,
        })
    }
}

/// All servers, and a player, which no client may take for one.
pub(crate) fn answer(state: &State) -> Reply {
    let player = json!({
        "name": "Living room", "product": "Plex for Android (TV)", "clientIdentifier": "tv-1", "provides": "client,player",
        "accessToken": null, "owned": true, "connections": [],
    });
    let servers = state.resources.iter().map(PlexResource::body);
    Reply::json(200, &std::iter::once(player).chain(servers).collect())
}
