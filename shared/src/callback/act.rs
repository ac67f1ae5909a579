//! Looking at an instance's connection, mending it, and taking it away.

use super::plan::{Flaw, Step, Wanted, plan};
use crate::clients::arr::{Arr, ArrError, Notification, Tested};
use crate::model::{Connection, ConnectionStatus};

/// How the connection of an instance stands. Changes nothing there; has the instance call us once. `newest` is as for [`fix`].
pub async fn check<N: Future<Output = Option<i64>>>(arr: &Arr, wanted: &Wanted, newest: impl Fn() -> N) -> Connection {
    if wanted.base_url.is_none() {
        return no_address(wanted);
    }
    settle(look(arr, wanted, &newest).await, wanted)
}

/// Makes the connection what it should be: creates it, repairs it in place, removes others of ours, and tries it. Stores it also
/// while nobody listens at our address, and says so.
///
/// `newest` tells the number of the last webhook of this instance that is stored here, which grows with each; `None` where it cannot be
/// told. An instance calls everything a success that is answered with less than 400, a redirect too, which it does not follow: only what
/// has come has come.
pub async fn fix<N: Future<Output = Option<i64>>>(arr: &Arr, wanted: &Wanted, newest: impl Fn() -> N) -> Connection {
    if wanted.base_url.is_none() {
        return no_address(wanted);
    }
    settle(mend(arr, wanted, &newest).await, wanted)
}

/// Deletes the connections of this installation and instance, and no others. Answers how many there were.
///
/// # Errors
/// See [`ArrError`]; some may be deleted by then.
pub async fn remove(arr: &Arr, wanted: &Wanted) -> Result<usize, ArrError> {
    let mut removed = 0;
    for ours in arr.notifications().await?.iter().filter(|one| wanted.owns(one)) {
        arr.delete_notification(ours.id).await?;
        removed += 1;
    }
    Ok(removed)
}

async fn look<N: Future<Output = Option<i64>>>(
    arr: &Arr,
    wanted: &Wanted,
    newest: &impl Fn() -> N,
) -> Result<Connection, ArrError> {
    let existing = arr.notifications().await?;
    let label = &wanted.label;
    let (id, flaws) = match plan(&existing, wanted).step {
        Step::Create { .. } => {
            let advice = format!("{label} has no webhook connection to this pulsarr: have pulsarr create it.");
            return Ok(found(ConnectionStatus::Missing, advice, None, wanted));
        }
        Step::Keep { id } => (id, Vec::new()),
        Step::Repair { id, why } => (id, why),
    };
    let ours = existing.iter().find(|one| one.id == id).ok_or_else(gone)?;
    if flaws.contains(&Flaw::Address) {
        let address = address_of(ours);
        let advice = format!(
            "{label} was given the address {address}, and by PULSARR_BASE_URL it should call {}: have pulsarr repair the \
             connection.",
            wanted.address().unwrap_or_default()
        );
        return Ok(Connection {
            status: ConnectionStatus::WrongAddress,
            advice,
            arr_id: Some(id),
            url: ours.url.clone(),
        });
    }
    // Somebody who logs in under another name is refused; asking shows nothing else. And who reports by PUT is understood.
    if let Some(flaw) = flaws.iter().find(|flaw| !matches!(flaw, Flaw::Username | Flaw::Method)) {
        let advice = format!("{label} {}: have pulsarr repair the connection.", told(flaw));
        return Ok(found(ConnectionStatus::NotWorking, advice, Some(id), wanted));
    }
    Ok(judged(try_out(arr, ours, newest).await?, id, wanted, "have pulsarr repair the connection"))
}

async fn mend<N: Future<Output = Option<i64>>>(
    arr: &Arr,
    wanted: &Wanted,
    newest: &impl Fn() -> N,
) -> Result<Connection, ArrError> {
    let existing = arr.notifications().await?;
    let plan = plan(&existing, wanted);
    let with_id = |id: i64| existing.iter().find(|one| one.id == id).cloned();
    let (ours, fresh) = match plan.step {
        Step::Create { name } => {
            let Some(draft) = wanted.draft(&name) else { return Ok(no_address(wanted)) };
            // Two steps, because an instance tries what reports something before it creates it, and may not reach us yet.
            let silent = arr.create_notification(&draft).await?;
            (arr.update_notification(&silent, &draft).await?, true)
        }
        Step::Repair { id, .. } => (rewrite(arr, with_id(id), wanted).await?, true),
        Step::Keep { id } => (with_id(id).ok_or_else(gone)?, false),
    };
    for id in plan.spare {
        arr.delete_notification(id).await?;
    }
    // The password was just stored, so whoever refuses it is not us.
    const AFTER: &str = "see that PULSARR_BASE_URL leads to pulsarr itself and not to a login in front of it";
    let outcome = judged(try_out(arr, &ours, newest).await?, ours.id, wanted, AFTER);
    if fresh || outcome.status != ConnectionStatus::WrongSecret {
        return Ok(outcome);
    }
    let ours = rewrite(arr, Some(ours), wanted).await?;
    Ok(judged(try_out(arr, &ours, newest).await?, ours.id, wanted, AFTER))
}

async fn rewrite(arr: &Arr, ours: Option<Notification>, wanted: &Wanted) -> Result<Notification, ArrError> {
    let ours = ours.ok_or_else(gone)?;
    // The name may be one that a person chose.
    let draft = wanted.draft(&ours.name).ok_or_else(gone)?;
    arr.update_notification(&ours, &draft).await
}

fn gone() -> ArrError {
    ArrError::Malformed { detail: "a connection that is not in its list".to_owned() }
}

/// What came of an instance's attempt to call us.
enum Tried {
    /// It was answered, and nothing came here.
    AnsweredElsewhere,
    /// As the instance says.
    As(Tested),
}

async fn try_out<N: Future<Output = Option<i64>>>(
    arr: &Arr,
    ours: &Notification,
    newest: &impl Fn() -> N,
) -> Result<Tried, ArrError> {
    let before = newest().await;
    let tested = arr.test_notification(ours).await?;
    let is_elsewhere = matches!(tested, Tested::Reached) && before.is_some() && newest().await == before;
    Ok(if is_elsewhere { Tried::AnsweredElsewhere } else { Tried::As(tested) })
}

/// What an instance's attempt to call us says. `after_401` is what helps when the password was refused.
fn judged(tried: Tried, id: i64, wanted: &Wanted, after_401: &str) -> Connection {
    let (label, address) = (&wanted.label, wanted.address().unwrap_or_default());
    let app = label.split(' ').next().unwrap_or_default();
    let tested = match tried {
        Tried::As(tested) => tested,
        Tried::AnsweredElsewhere => {
            let advice = format!(
                "{label} called {address} and was answered, but nothing came here: something else answers there, or redirects, which {app} \
                 does not follow. Set PULSARR_BASE_URL to an address at which pulsarr itself answers."
            );
            return found(ConnectionStatus::NotWorking, advice, Some(id), wanted);
        }
    };
    let (status, advice) = match tested {
        Tested::Reached => {
            (ConnectionStatus::Ok, format!("{label} reaches pulsarr at {address}: nothing needs to be done."))
        }
        Tested::Refused { words } if words.contains("[401") => (
            ConnectionStatus::WrongSecret,
            format!("{label} was refused at {address}, because the password it has is not the right one: {after_401}."),
        ),
        Tested::Refused { words } => (
            ConnectionStatus::NotWorking,
            format!(
                "{label} called {address} and says `{}`: see that PULSARR_BASE_URL leads to pulsarr itself.",
                words.trim_end_matches('.')
            ),
        ),
        Tested::NotReached { words } => (
            ConnectionStatus::WrongAddress,
            format!(
                "{label} was given the address {address} and says `{}`: set PULSARR_BASE_URL to an address at which {app} \
                 reaches pulsarr.",
                words.trim_end_matches('.')
            ),
        ),
    };
    found(status, advice, Some(id), wanted)
}

fn settle(outcome: Result<Connection, ArrError>, wanted: &Wanted) -> Connection {
    outcome.unwrap_or_else(|error| Connection {
        status: ConnectionStatus::Unknown,
        advice: error.advice(&wanted.label),
        arr_id: None,
        url: None,
    })
}

fn no_address(wanted: &Wanted) -> Connection {
    let label = &wanted.label;
    let app = label.split(' ').next().unwrap_or_default();
    let advice = format!(
        "{label} cannot be told where to report, because pulsarr does not know its own address: set PULSARR_BASE_URL to an \
         address at which {app} reaches it."
    );
    Connection { status: ConnectionStatus::Unknown, advice, arr_id: None, url: None }
}

fn found(status: ConnectionStatus, advice: String, arr_id: Option<i64>, wanted: &Wanted) -> Connection {
    Connection { status, advice, arr_id, url: wanted.url() }
}

fn told(flaw: &Flaw) -> String {
    match flaw {
        Flaw::Address => "reports to another address".to_owned(),
        Flaw::Username => "logs in under another name".to_owned(),
        Flaw::Method => "reports by PUT".to_owned(),
        Flaw::Tags => "reports only of titles with certain tags".to_owned(),
        Flaw::Events(events) => format!("no longer reports everything ({} is off)", events.join(", ")),
    }
}

/// Where a connection leads, without its query.
fn address_of(notification: &Notification) -> &str {
    notification.url.as_deref().unwrap_or_default().split('?').next().unwrap_or_default()
}
