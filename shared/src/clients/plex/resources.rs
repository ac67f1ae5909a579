//! The Plex servers that an account can reach, and at which addresses: `GET plex.tv/api/v2/resources`.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Plex, PlexError};
use crate::clients::FetchError;
use crate::clients::request::Request;

/// A Plex server as plex.tv lists it.
#[derive(Debug, Clone)]
pub struct PlexServerListing {
    /// What its owner calls it.
    pub name: String,
    /// Its key; what [`PlexServer::identity`](super::PlexServer::identity) answers there.
    pub machine_identifier: String,
    /// Whether it is the account's own and not one that somebody shares.
    pub owned: bool,
    /// What it takes from this account, and no other server does; `None` when Plex tells none but the account's own token.
    pub access_token: Option<SecretString>,
    /// Where it says it can be found, in the order to try: local HTTPS, local HTTP, remote, relay. Some lead nowhere: a container
    /// lists addresses that only its own host knows.
    pub connections: Vec<Connection>,
}

/// One address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// `https://192-168-7-20.<hash>.plex.direct:32400`, without a trailing slash.
    pub uri: String,
    /// Within the server's own network.
    pub local: bool,
    /// Through Plex's machines, which is slow.
    pub relay: bool,
}

#[derive(Deserialize)]
struct Resource {
    name: Option<String>,
    #[serde(rename = "clientIdentifier")]
    client_identifier: Option<String>,
    provides: Option<String>,
    owned: Option<bool>,
    #[serde(rename = "accessToken")]
    access_token: Option<String>,
    #[serde(rename = "httpsRequired")]
    https_required: Option<bool>,
    connections: Option<Vec<WireConnection>>,
}

#[derive(Deserialize)]
struct WireConnection {
    address: Option<String>,
    port: Option<u16>,
    uri: Option<String>,
    local: Option<bool>,
    relay: Option<bool>,
}

impl Plex {
    /// The servers of the account and those that others share with it. Players, and entries that cannot be read, are passed over.
    ///
    /// # Errors
    /// [`PlexError::Fetch`] when Plex does not tell.
    pub async fn servers(&self) -> Result<Vec<PlexServerListing>, PlexError> {
        let answer = async {
            let query = [("includeHttps", "1"), ("includeRelay", "1"), ("includeIPv6", "1")];
            let request = self.dressed(Request::get(&self.urls.plex_tv, "/api/v2/resources", &query)?)?;
            self.http.json::<Vec<Value>>(&request).await
        };
        let all: Result<_, FetchError> = answer.await;
        let all = all.map_err(|error| PlexError::fetch("read the list of Plex servers", error))?;
        let resources = all.into_iter().filter_map(|one| serde_json::from_value::<Resource>(one).ok());
        Ok(resources.filter_map(|one| one.into_listing(&self.token)).collect())
    }
}

impl Resource {
    /// The listing of a server; `own_token` is the account's, which counts for no token of a server.
    fn into_listing(self, own_token: &SecretString) -> Option<PlexServerListing> {
        if !self.provides?.split(',').any(|role| role.trim() == "server") {
            return None;
        }
        let owned = self.owned.unwrap_or(false);
        let given = self.access_token.filter(|token| !token.is_empty());
        if given.is_none() && !owned {
            return None;
        }
        let access_token = given.filter(|token| token != own_token.expose_secret()).map(SecretString::from);
        let machine_identifier = self.client_identifier?;
        let name = self.name.unwrap_or_else(|| machine_identifier.clone());
        let plain_allowed = !self.https_required.unwrap_or(false);
        let connections = connections(self.connections.unwrap_or_default(), plain_allowed);
        Some(PlexServerListing { name, machine_identifier, owned, access_token, connections })
    }
}

/// The addresses in the order to try, each once. Plain HTTP is tried in the server's own network only, and is made up from address
/// and port: it is what remains where a resolver refuses `plex.direct` names that point into private networks.
fn connections(listed: Vec<WireConnection>, plain_allowed: bool) -> Vec<Connection> {
    let mut all: Vec<Connection> = Vec::new();
    for WireConnection { address, port, uri, local, relay } in listed {
        let (local, relay) = (local.unwrap_or(false), relay.unwrap_or(false));
        if let (true, true, false, Some(address), Some(port)) = (plain_allowed, local, relay, address, port) {
            let host = if address.contains(':') { format!("[{address}]") } else { address };
            all.push(Connection { uri: format!("http://{host}:{port}"), local, relay });
        }
        let Some(uri) = uri else { continue };
        let uri = uri.trim_end_matches('/').to_owned();
        if uri.starts_with("https://") || (plain_allowed && local && uri.starts_with("http://")) {
            all.push(Connection { uri, local, relay });
        }
    }
    all.sort_by_key(|one| (one.relay, !one.local, !one.uri.starts_with("https://")));
    let mut seen = std::collections::HashSet::new();
    all.retain(|one| seen.insert(one.uri.clone()));
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listing(value: Value) -> Option<PlexServerListing> {
        serde_json::from_value::<Resource>(value).unwrap().into_listing(&SecretString::from("tok-own"))
    }

    fn uris(listing: &PlexServerListing) -> Vec<&str> {
        listing.connections.iter().map(|one| one.uri.as_str()).collect()
    }

    #[test]
    fn local_addresses_come_first_and_relays_last() {
        let connections = json!([
            { "address": "198.51.100.4", "port": 8443, "uri": "https://198-51-100-4.h.plex.direct:8443", "local": false, "relay": true },
            { "address": "203.0.113.9", "port": 32400, "uri": "https://203-0-113-9.h.plex.direct:32400", "local": false, "relay": false },
            { "address": "fd00::7", "port": 32400, "uri": "https://fd00--7.h.plex.direct:32400", "local": true, "relay": false },
        ]);
        let server = |https_required: bool| {
            listing(json!({
                "name": "Attic", "clientIdentifier": "aa11", "provides": "server", "owned": true, "accessToken": "tok-server",
                "httpsRequired": https_required, "connections": connections,
            }))
            .unwrap()
        };
        assert_eq!(
            uris(&server(false)),
            [
                "https://fd00--7.h.plex.direct:32400",
                "http://[fd00::7]:32400",
                "https://203-0-113-9.h.plex.direct:32400",
                "https://198-51-100-4.h.plex.direct:8443",
            ]
        );
        assert!(!uris(&server(true)).contains(&"http://[fd00::7]:32400"), "a server may refuse plain HTTP");
    }

    #[test]
    fn players_and_servers_that_give_no_token_are_no_servers_of_ours() {
        assert!(
            listing(json!({ "clientIdentifier": "tv", "provides": "client,player", "accessToken": "t" })).is_none()
        );
        assert!(listing(json!({ "clientIdentifier": "x", "provides": "server", "owned": false })).is_none());
        let own = listing(json!({ "clientIdentifier": "x", "provides": "server,player", "owned": true })).unwrap();
        assert_eq!((own.name.as_str(), own.connections.len()), ("x", 0));
        assert!(own.access_token.is_none());
    }

    #[test]
    fn the_accounts_own_token_is_no_servers() {
        let of = |token: &str| {
            listing(json!({ "clientIdentifier": "x", "provides": "server", "owned": true, "accessToken": token }))
                .unwrap()
        };
        assert!(of("tok-own").access_token.is_none());
        assert_eq!(of("tok-server").access_token.unwrap().expose_secret(), "tok-server");
    }
}
