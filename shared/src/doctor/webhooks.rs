//! This service from Sonarr's and Radarr's side: each is asked to try the webhook connection that it has to us, by which it calls us once.

use std::collections::HashMap;
use std::future::ready;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;

use super::World;
use super::finding::{Area, Finding};
use crate::callback::{self, Wanted};
use crate::clients::arr::Arr;
use crate::model::{Connection, ConnectionStatus, Instance};
use crate::report::ProblemKind;

/// How long an instance may take to call us and to tell.
const CALLS_WITHIN: Duration = Duration::from_secs(20);

/// What is known about being called.
#[derive(Debug, Default)]
pub struct Callback {
    /// Whether the service is there to be called.
    pub served: bool,
    /// This installation's id; `None` before there is one.
    pub installation: Option<String>,
    /// The passwords of instances, by name.
    pub secrets: HashMap<String, SecretString>,
}

/// Has `instance` call us.
pub(super) async fn ask(world: &World<'_>, instance: &Instance, arr: &Arr, callback: &Callback) -> Vec<Finding> {
    // Nobody would answer; that there is no service is told already.
    if !callback.served {
        return Vec::new();
    }
    let label = instance.label();
    let (Some(secret), Some(installation)) = (callback.secrets.get(&instance.name), &callback.installation) else {
        let advice = "The service makes one within minutes of its start; look at its log, or at the instance's page.";
        return vec![Finding::attention(
            Area::Webhooks,
            format!("{label} was never given a webhook connection"),
            advice,
        )];
    };
    let (all, base_url) = (&world.config.settings.instances, world.config.environment.base_url.as_deref());
    let wanted = Wanted::new(instance, all, base_url, installation, secret.clone());
    // Opened for each look: what the service has stored meanwhile is seen, and nobody is kept from the store while the instance calls.
    let newest = || {
        let store = super::open_store(&world.config.environment.data_dir);
        ready(store.and_then(|store| store.read().newest_webhook(&instance.name).ok()))
    };
    match timeout(CALLS_WITHIN, callback::check(arr, &wanted, newest)).await {
        Ok(connection) => vec![judge(&connection)],
        Err(_) => vec![Finding::attention(
            Area::Webhooks,
            format!("{label} has not told within {} s whether it reaches us", CALLS_WITHIN.as_secs()),
            "Try again; silence is often a firewall or a network policy between it and PULSARR_BASE_URL.",
        )],
    }
}

/// What is to be said about a connection. Its own words end with what to do.
fn judge(connection: &Connection) -> Finding {
    let sentence = connection.advice.trim_end_matches('.').to_owned();
    match connection.status {
        ConnectionStatus::Ok => Finding::well(Area::Webhooks, sentence),
        ConnectionStatus::Missing | ConnectionStatus::Unknown => {
            Finding { advice: None, ..Finding::attention(Area::Webhooks, sentence, "") }
        }
        ConnectionStatus::NotWorking | ConnectionStatus::WrongAddress | ConnectionStatus::WrongSecret => {
            Finding { advice: None, ..Finding::ill(Area::Webhooks, ProblemKind::Configuration, sentence, "") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_connection_that_does_not_lead_to_us_is_ill_and_one_that_is_not_there_yet_is_looked_at() {
        for (status, level) in [
            (ConnectionStatus::Ok, Level::Well),
            (ConnectionStatus::Missing, Level::Attention),
            (ConnectionStatus::Unknown, Level::Attention),
            (ConnectionStatus::NotWorking, Level::Ill),
            (ConnectionStatus::WrongAddress, Level::Ill),
            (ConnectionStatus::WrongSecret, Level::Ill),
        ] {
            let connection = Connection { status, advice: "Radarr says so: do it.".into(), arr_id: None, url: None };
            let said = judge(&connection);
            assert_eq!((said.level, said.sentence.as_str(), said.advice), (level, "Radarr says so: do it", None));
        }
    }
}
