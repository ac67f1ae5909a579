//! How each instance was found the last time that anybody asked it, what waits for it, and what it told. No endpoint: pages show it.
//! Asks nobody.

use std::collections::HashMap;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{ConnectionStatus, Instance};
use pulsarr_shared::report::{Problem, ProblemKind, Report};
use pulsarr_shared::store::{ConnectionRow, Db, QueueCounts, StoreError, WaitingRow};

use super::people::{People, Person};
use super::webhooks::ConnectionView;
use crate::app::{App, InstanceSeen};
use crate::connections::{self, is_reached_alike};
use crate::request::ApiError;

/// Whether an instance can be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered.
    Ok,
    /// It did not.
    Unreachable,
    /// It does not take the key.
    Refused,
    /// It answers, and lacks what the settings name; or it is something else.
    Unfit,
    /// Nobody has asked it yet.
    Unknown,
}

impl Health {
    /// As a badge says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unfit => "does not fit",
            Self::Unknown => "not asked yet",
        }
    }

    /// How an instance is with which there is a problem of this kind.
    const fn with(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Credentials => Self::Refused,
            ProblemKind::Configuration => Self::Unfit,
            ProblemKind::Down => Self::Unreachable,
        }
    }

    /// Whether nothing is wrong with it, as far as is known.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Ok | Self::Unknown)
    }

    /// How that looks.
    pub const fn tone(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unreachable | Self::Refused => "bad",
            Self::Unfit => "warn",
            Self::Unknown => "idle",
        }
    }
}

/// How an instance stands.
#[derive(Debug)]
pub struct InstanceStanding {
    /// Whether it can be worked with.
    pub health: Health,
    /// What is wrong and what to do; empty when nothing is.
    pub advice: String,
    /// When it was asked last; unix milliseconds.
    pub asked_at_ms: Option<UnixMs>,
    /// When it answered last, as far as anybody knows.
    pub well_at_ms: Option<UnixMs>,
    /// Its webhook; none before it was given a password.
    pub webhook: Option<ConnectionView>,
    /// How much there is for it.
    pub counts: QueueCounts,
}

/// How an instance is, by what is known.
#[derive(Debug)]
pub struct Judged {
    /// Whether it can be worked with.
    pub health: Health,
    /// What is wrong and what to do; empty when nothing is.
    pub advice: String,
    /// When it was asked last; unix milliseconds.
    pub asked_at_ms: Option<UnixMs>,
    /// When it answered last, as far as anybody knows.
    pub well_at_ms: Option<UnixMs>,
}

/// What was heard of an instance last.
#[derive(Debug)]
pub struct Heard {
    /// Which.
    pub name: String,
    /// How it is, as far as is known.
    pub health: Health,
    /// When it was asked last; unix milliseconds.
    pub asked_at_ms: Option<UnixMs>,
    /// When a webhook of its own came last; unix milliseconds.
    pub told_at_ms: Option<UnixMs>,
}

/// What was found about instances since the service began, by name.
pub type AllSeen = HashMap<String, InstanceSeen>;

/// A title that waits for an instance.
pub struct Waiting {
    /// The title, and where it stands in the queue.
    pub row: WaitingRow,
    /// Who wants it.
    pub user: Person,
}

/// What is on record about every instance.
struct Records {
    connections: HashMap<String, ConnectionRow>,
    /// When each last did what a run asked.
    successes: HashMap<String, UnixMs>,
    /// What the last run met, and when it ended.
    problems: Vec<Problem>,
    ended_at_ms: UnixMs,
    /// What was found since the service began.
    seen: AllSeen,
}

/// What was found about the instances of these settings since the service began.
pub fn seen(app: &App, config: &Config) -> AllSeen {
    let named = config.settings.instances.iter().map(|it| &it.name);
    named.filter_map(|name| Some((name.clone(), app.instance_health.seen(name)?))).collect()
}

/// How each instance of the settings is, in their order.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn judged(db: Db<'_>, config: &Config, seen: AllSeen) -> Result<Vec<Judged>, StoreError> {
    let (records, addressed) = (Records::of(db, seen)?, config.environment.base_url.is_some());
    let instances = config.settings.instances.iter();
    Ok(instances.map(|it| records.judged(&it.name, Some(it), addressed)).collect())
}

/// What was heard of each instance of the settings last.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn heard(app: &App) -> Result<Vec<Heard>, StoreError> {
    let config = app.config();
    let seen = seen(app, &config);
    let read = move |db: Db<'_>| {
        let judged = judged(db, &config, seen)?;
        let heard = config.settings.instances.iter().zip(judged).map(|(instance, judged)| {
            let told = db.last_webhook(&instance.name)?;
            let Judged { health, asked_at_ms, .. } = judged;
            Ok(Heard { name: instance.name.clone(), health, asked_at_ms, told_at_ms: told.map(|(_, at_ms)| at_ms) })
        });
        heard.collect()
    };
    app.database.read(read).await
}

/// How the instances of these names stand, in this order.
///
/// # Errors
/// When the store cannot be read.
pub async fn standings(app: &App, names: Vec<String>) -> Result<Vec<InstanceStanding>, ApiError> {
    let config = app.config();
    let seen = seen(app, &config);
    let read = move |db: Db<'_>| {
        let records = Records::of(db, seen)?;
        let addressed = config.environment.base_url.is_some();
        let standing = |name: String| {
            let instance = config.settings.instances.iter().find(|it| it.name == name);
            let Judged { health, advice, asked_at_ms, well_at_ms } = records.judged(&name, instance, addressed);
            let webhook = records.connections.get(&name).cloned().map(ConnectionView::from);
            Ok(InstanceStanding { health, advice, asked_at_ms, well_at_ms, webhook, counts: db.queue_counts(&name)? })
        };
        names.into_iter().map(standing).collect()
    };
    Ok(app.database.read(read).await?)
}

/// What waits for this instance, at most `limit` of it, in the order of the queue.
///
/// # Errors
/// When the store cannot be read.
pub async fn queue(app: &App, name: &str, limit: u32) -> Result<Vec<Waiting>, ApiError> {
    let (config, name) = (app.config(), name.to_owned());
    let read = move |db: Db<'_>| {
        let (rows, people) = (db.queue_page(&name, None, limit)?, People::of(db, &config)?);
        Ok(rows.into_iter().map(|row| Waiting { user: people.person(row.user), row }).collect())
    };
    Ok(app.database.read(read).await?)
}

impl Records {
    fn of(db: Db<'_>, seen: AllSeen) -> Result<Self, StoreError> {
        let connections = db.all_connections()?.into_iter().map(|row| (row.instance.clone(), row)).collect();
        let last = db.last_ended_run(false)?;
        let report = last.as_ref().and_then(|run| run.report.as_deref());
        let report: Option<Report> = report.and_then(|report| serde_json::from_str(report).ok());
        Ok(Self {
            connections,
            successes: db.upstream_successes()?.into_iter().collect(),
            problems: report.map(|report| report.problems).unwrap_or_default(),
            ended_at_ms: last.map_or(0, |run| run.ended_at_ms),
            seen,
        })
    }

    /// How it is, what to do, when it was asked last, and when it answered last. What was found out last counts.
    fn judged(&self, name: &str, instance: Option<&Instance>, addressed: bool) -> Judged {
        let row = self.connections.get(name).filter(|row| row.checked_at_ms.is_some());
        // Without an address of ours to tell it, nobody has asked the instance anything for its webhook.
        let row = row.filter(|row| addressed || row.status != ConnectionStatus::Unknown);
        let by_webhook = row.map(|row| {
            let at_ms = row.checked_at_ms.unwrap_or_default();
            if row.status != ConnectionStatus::Unknown {
                return (at_ms, Health::Ok, String::new());
            }
            let advice = row.detail.clone().unwrap_or_default();
            let refused = instance.is_some_and(|it| connections::is_refusal(it, &advice));
            (at_ms, if refused { Health::Refused } else { Health::Unreachable }, advice)
        });
        let problem = self
            .problems
            .iter()
            .find(|problem| problem.upstream == name)
            .map(|problem| (self.ended_at_ms, Health::with(problem.kind), problem.message.clone()));
        let success = self.successes.get(name).map(|at_ms| (*at_ms, Health::Ok, String::new()));
        let seen = self.seen.get(name).filter(|seen| instance.is_some_and(|it| is_reached_alike(&seen.instance, it)));
        let asked = seen.map(|seen| match &seen.problem {
            None => (seen.at_ms, Health::Ok, String::new()),
            Some(problem) => (seen.at_ms, Health::with(problem.kind), problem.message.clone()),
        });
        // An answer alone does not say that what the last run missed is there by now.
        let lacking = problem.clone().filter(|(_, health, _)| *health == Health::Unfit);
        let known: Vec<_> = [by_webhook, problem, success, asked].into_iter().flatten().collect();
        let well = known.iter().filter(|(_, health, _)| *health == Health::Ok).map(|(at_ms, ..)| *at_ms);
        let well_at_ms = well.chain(seen.and_then(|seen| seen.well_at_ms)).max();
        match known.into_iter().max_by_key(|(at_ms, ..)| *at_ms) {
            Some((at_ms, health, advice)) => {
                let (health, advice) = match lacking.filter(|_| health == Health::Ok) {
                    Some((_, health, advice)) => (health, advice),
                    None => (health, advice),
                };
                Judged { health, advice, asked_at_ms: Some(at_ms), well_at_ms }
            }
            None => Judged { health: Health::Unknown, advice: String::new(), asked_at_ms: None, well_at_ms: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::clients::arr::ArrError;

    use super::super::household::{Household, SETTINGS};
    use super::*;
    use pulsarr_shared::model::Connection;

    fn found(status: ConnectionStatus, advice: &str) -> Connection {
        Connection { status, advice: advice.to_owned(), arr_id: None, url: None }
    }

    fn judged(records: &Records, household: &Household) -> (Health, Option<UnixMs>) {
        let config = household.app.config();
        let judged = records.judged("movies", config.settings.instances.first(), true);
        (judged.health, judged.well_at_ms)
    }

    #[test]
    fn what_was_found_out_last_says_how_an_instance_is() {
        let household = Household::new(SETTINGS);
        let look = || household.look(|store| Records::of(store.read(), AllSeen::new()).unwrap());
        assert_eq!(judged(&look(), &household), (Health::Unknown, None));
        household.write(|db| db.note_upstream_success("movies", 10));
        assert_eq!(judged(&look(), &household), (Health::Ok, Some(10)));
        household.write(|db| {
            db.set_connection_secret("movies", "sealed:AAAA")?;
            db.set_connection_status("movies", &found(ConnectionStatus::Unknown, "it could not be reached"), 20)
        });
        assert_eq!(judged(&look(), &household), (Health::Unreachable, Some(10)));
        let refused = ArrError::Unauthorized.advice("Radarr `movies`");
        household.write(|db| db.set_connection_status("movies", &found(ConnectionStatus::Unknown, &refused), 30));
        assert_eq!(judged(&look(), &household), (Health::Refused, Some(10)));
        household
            .write(|db| db.set_connection_status("movies", &found(ConnectionStatus::NotWorking, "something else"), 40));
        assert_eq!(judged(&look(), &household), (Health::Ok, Some(40)), "it answered, whatever its webhook does");
    }
}
