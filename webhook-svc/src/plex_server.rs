//! The household's Plex server: who answers at an address, and whether that is a server of the account.

use pulsarr_shared::clients::plex::{Plex, PlexError, ServerIdentity};
use pulsarr_shared::upstreams::{SealedServerToken, plex_server_problem};

use crate::app::{App, ServerSeen};
use crate::plex_way::PlexWay;
use crate::reply::{ApiError, FieldProblem};

/// Asks who is at `url`, and, once for every server that is new there, Plex what it is called.
pub async fn look_at_server(app: &App, way: &PlexWay<'_>, url: String) -> ServerSeen {
    let checked_at_ms = app.now_ms();
    let before = app.plex_health.server();
    let identity = match way.server(url.clone()).identity().await {
        Ok(identity) => identity,
        Err(error) => {
            let name = before.filter(|seen| seen.url == url).and_then(|seen| seen.name);
            return ServerSeen { url, outcome: Err(unreachable(&error)), name, checked_at_ms };
        }
    };
    let known = before.filter(|seen| seen.outcome.as_ref().is_ok_and(|was| is_same(was, &identity)));
    let name = match (known, way.plex().filter(|_| way.cool_until_ms.is_none())) {
        (Some(seen), _) => seen.name,
        (None, Some(plex)) => name_of(&plex, &identity).await,
        (None, None) => None,
    };
    ServerSeen { url, outcome: Ok(identity), name, checked_at_ms }
}

fn is_same(one: &ServerIdentity, other: &ServerIdentity) -> bool {
    one.machine_identifier == other.machine_identifier
}

async fn name_of(plex: &Plex, identity: &ServerIdentity) -> Option<String> {
    let servers = plex.servers().await.ok()?;
    let found = servers.into_iter().find(|server| server.machine_identifier == identity.machine_identifier);
    found.map(|server| server.name)
}

/// What is wrong with a server that does not answer, and what to do.
pub fn unreachable(error: &PlexError) -> String {
    plex_server_problem(error)
        .map_or_else(|| "The Plex server was not asked: the service is stopping.".to_owned(), |problem| problem.message)
}

/// Why an address is not taken for that of the household's Plex server.
pub enum Stranger {
    /// What is wrong with it and what to do.
    Refused(String),
    /// Nobody could tell.
    Unknown(ApiError),
}

impl Stranger {
    /// As the answer to a body that has the address at `path`.
    pub fn at(self, path: &str) -> ApiError {
        match self {
            Self::Refused(message) => ApiError::fields(vec![FieldProblem { path: path.to_owned(), message }]),
            Self::Unknown(error) => error,
        }
    }
}

/// The token that runs show to whoever answered, if that is a server which the account of `plex` can reach: plex.tv's for this server.
/// Somebody who only repeats its name gets no more than that.
///
/// # Errors
/// [`Stranger`].
pub async fn belongs(
    app: &App,
    plex: Option<&Plex>,
    seen: &ServerSeen,
    way: &PlexWay<'_>,
) -> Result<SealedServerToken, Stranger> {
    let identity = seen.outcome.as_ref().map_err(|advice| Stranger::Refused(advice.clone()))?;
    let Some(plex) = plex else {
        let message = "no Plex account is linked, so nobody can tell whose server this is: link one first";
        return Err(Stranger::Refused(message.to_owned()));
    };
    way.may_ask().map_err(Stranger::Unknown)?;
    let servers = plex.servers().await;
    let servers =
        servers.map_err(|error| Stranger::Unknown(ApiError::unavailable(format!("failed to {error}: try again"))))?;
    let Some(server) = servers.iter().find(|server| server.machine_identifier == identity.machine_identifier) else {
        return Err(Stranger::Refused(
            "the Plex server that answers there is none of the linked account's: choose one of those, or set \
             `plex.server_url` in the settings file"
                .to_owned(),
        ));
    };
    let Some(token) = &server.access_token else {
        return Err(Stranger::Refused(
            "Plex gives out no token for this server alone, and the account's own is shown to no address that was entered \
             here: set `plex.server_url` in the settings file"
                .to_owned(),
        ));
    };
    let sealed = SealedServerToken::new(&seen.url, token, plex, &app.configuration.vault);
    sealed.map_err(|error| Stranger::Unknown(ApiError::unavailable(format!("failed to {error}"))))
}
