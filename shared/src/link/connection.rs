//! Which of a Plex server's addresses leads to it from here. A server lists all it knows: some are its own host's secrets, some pass
//! through Plex's machines, and some a router or resolver swallows. Trying is the only way to know.

use std::time::Duration;

use futures_util::future::join_all;

use crate::clients::plex::{Connection, PlexError, PlexServerListing, ServerIdentity};

/// How long one address may take to answer. A machine at home does in a tenth of that.
const PATIENCE: Duration = Duration::from_secs(4);

/// What came of trying all addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The first in the order of the listing at which the right server answered.
    pub chosen: Option<Connection>,
    /// All of them, in the same order.
    pub tried: Vec<Tried>,
}

/// What came of trying one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The address.
    pub connection: Connection,
    /// The version of the server that answered, or why this address is of no use: a sentence about the address without a full stop.
    pub outcome: Result<String, String>,
}

/// Tries all addresses of `listing` at once and chooses the first, in their order, at which that very server answers. `probe` asks
/// who is at an address, as [`PlexServer::identity`](crate::clients::plex::PlexServer::identity) does. Takes four seconds at most.
pub async fn choose_connection<F>(listing: &PlexServerListing, probe: impl Fn(Connection) -> F) -> Choice
where
    F: Future<Output = Result<ServerIdentity, PlexError>>,
{
    let attempts = listing.connections.iter().map(|connection| {
        let attempt = tokio::time::timeout(PATIENCE, probe(connection.clone()));
        async move {
            match attempt.await {
                Err(_) => Err(format!("nobody answers within {} seconds", PATIENCE.as_secs())),
                Ok(Err(error)) => Err(format!("failed to {error}")),
                Ok(Ok(identity)) if identity.machine_identifier == listing.machine_identifier => Ok(identity.version),
                Ok(Ok(_)) => Err("another Plex server answers there".to_owned()),
            }
        }
    });
    let outcomes = join_all(attempts).await;
    let pairs = listing.connections.iter().cloned().zip(outcomes);
    let tried: Vec<Tried> = pairs.map(|(connection, outcome)| Tried { connection, outcome }).collect();
    let chosen = tried.iter().find(|one| one.outcome.is_ok()).map(|one| one.connection.clone());
    Choice { chosen, tried }
}

#[cfg(test)]
mod tests {
    use pulsarr_tests::fakes::{FakePlex, PlexResource};
    use secrecy::SecretString;

    use super::*;
    use crate::clients::plex::{Plex, PlexUrls};
    use crate::clients::testing::http;

    fn listing(uris: &[&str]) -> PlexServerListing {
        let connection = |uri: &&str| Connection { uri: (*uri).to_owned(), local: true, relay: false };
        PlexServerListing {
            name: "Attic".to_owned(),
            machine_identifier: "aa11".to_owned(),
            owned: true,
            access_token: Some(SecretString::from("tok-server")),
            connections: uris.iter().map(connection).collect(),
        }
    }

    fn identity(machine: &str) -> ServerIdentity {
        ServerIdentity { machine_identifier: machine.to_owned(), version: "1.43".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_address_that_leads_to_the_server_is_chosen_and_the_others_say_why_not() {
        let listing = listing(&["silent", "broken", "stranger", "good", "as-good"]);
        let choice = choose_connection(&listing, |connection| async move {
            match connection.uri.as_str() {
                "silent" => std::future::pending().await,
                "broken" => Err(PlexError::unauthorized()),
                "stranger" => Ok(identity("bb22")),
                _ => Ok(identity("aa11")),
            }
        });
        let choice = choice.await;
        assert_eq!(choice.chosen.map(|one| one.uri).as_deref(), Some("good"));
        let outcomes: Vec<_> = choice.tried.iter().map(|one| one.outcome.clone()).collect();
        assert_eq!(
            outcomes,
            [
                Err("nobody answers within 4 seconds".to_owned()),
                Err("failed to check the Plex token: the credentials were refused (401)".to_owned()),
                Err("another Plex server answers there".to_owned()),
                Ok("1.43".to_owned()),
                Ok("1.43".to_owned()),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn when_no_address_leads_there_none_is_chosen() {
        let listing = listing(&["one", "two"]);
        let choice = choose_connection(&listing, |_| std::future::pending()).await;
        assert_eq!((choice.chosen, choice.tried.len()), (None, 2));
    }

    #[tokio::test]
    async fn a_real_server_is_found_without_showing_it_a_token() {
        let fake = FakePlex::start();
        let attic = PlexResource::new("Attic", &fake.machine_identifier());
        // Nobody listens on the discard port of the loopback.
        fake.set_resources([attic.local("http://127.0.0.1:9").local(&fake.origin())]);
        let urls =
            PlexUrls { plex_tv: fake.plex_tv_url(), discover: fake.discover_url(), community: fake.community_url() };
        let plex = Plex::new(http(), urls, SecretString::from(fake.owner_token()), "installation-1".to_owned());
        let listing = plex.servers().await.unwrap().remove(0);
        let choice = choose_connection(&listing, |connection| {
            let server = plex.server(http(), format!("{}/server", connection.uri));
            async move { server.identity().await }
        });
        let choice = choice.await;
        assert_eq!(choice.chosen.map(|one| one.uri), Some(fake.origin()));
        let seen = fake.journal_of("/identity");
        assert!(!seen.is_empty() && seen.iter().all(|one| one.token.is_none()), "{seen:?}");
    }
}
